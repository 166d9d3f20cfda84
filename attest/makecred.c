/* SPDX-License-Identifier: BSD-2-Clause */
/* How is a secret wrapped for one object in one TPM? (TPM 2.0 Part 1, 24; B.10.4 and C.6.3 for the seed.) */
#include <string.h>
#include "attest/makecred.h"
#include "attest/public.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpms.h"

#define IDENTITY "IDENTITY"
#define AES_KEY_MAX 32

/* What the EK prescribes. */
struct wrapping {
        struct public ek;
        const struct hash *hash;        /* of its Name */
        size_t aes;                     /* octets of a key */
        uint8_t seed[HASH_MAX];         /* hash->size */
};

static void wrapping_clear(struct wrapping *w)
{
        public_clear(&w->ek);
        wipe(w->seed, sizeof(w->seed));
}

static int read_ek(struct bytes ek, struct wrapping *w)
{
        const TPMT_PUBLIC *p = &w->ek.area.publicArea;
        const TPMT_SYM_DEF_OBJECT *s;
        int r = public_decode(ek, &w->ek);

        if (r != 0)
                return r;
        s = p->type == TPM2_ALG_ECC ? &p->parameters.eccDetail.symmetric : &p->parameters.rsaDetail.symmetric;
        if (s->algorithm != TPM2_ALG_AES || s->mode.aes != TPM2_ALG_CFB || (s->keyBits.aes != 128 && s->keyBits.aes != 256))
                return err(ERR_NOTSUP, "an endorsement key that protects nothing with AES in CFB mode");
        w->hash = hash_by_tpm(p->nameAlg);
        w->aes = s->keyBits.aes / 8u;
        return 0;
}

/* A random seed, enciphered. */
static int seed_rsa(struct wrapping *w, struct buf *ret)
{
        const struct pk_params oaep = {
                .scheme = SCHEME_RSA_OAEP, .hash = w->hash, .mgf_hash = w->hash, .label = BYTES(IDENTITY, sizeof(IDENTITY)),
        };
        int r = crypto_random(w->seed, w->hash->size);

        return r != 0 ? r : pk_encrypt(&w->ek.key, &oaep, BYTES(w->seed, w->hash->size), ret);
}

/* A point; the seed comes out of what both sides make of it. */
static int seed_ecc(struct wrapping *w, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf x = { 0 };
        CLEANUP(buf_clear) struct buf y = { 0 };
        CLEANUP(buf_clear) struct buf z = { 0 };
        int r;

        r = pk_ecdh_ephemeral(&w->ek.key, &x, &y, &z);
        if (r == 0)
                r = crypto_kdfe(w->hash, BYTES_OF(&z), IDENTITY, BYTES_OF(&x), BYTES_OF(&w->ek.key.x), w->seed, w->hash->size);
        if (r == 0)
                r = tpms_put_2b(ret, BYTES_OF(&x));
        return r != 0 ? r : tpms_put_2b(ret, BYTES_OF(&y));
}

/* The secret behind its size, enciphered for that Name. */
static int encipher(const struct wrapping *w, struct bytes name, struct bytes secret, struct buf *ret)
{
        static const uint8_t iv[16];
        uint8_t key[AES_KEY_MAX];
        int r;

        r = crypto_kdfa(w->hash, BYTES(w->seed, w->hash->size), "STORAGE", name, (struct bytes){ 0 }, key, w->aes);
        if (r == 0)
                r = tpms_put_2b(ret, secret);
        if (r == 0)
                r = crypto_aes_cfb(true, BYTES(key, w->aes), iv, ret->ptr, ret->len);
        wipe(key, sizeof(key));
        return r;
}

static int authenticate(const struct wrapping *w, struct bytes name, struct bytes enciphered, uint8_t *ret)
{
        uint8_t key[HASH_MAX];
        int r;

        r = crypto_kdfa(w->hash, BYTES(w->seed, w->hash->size), "INTEGRITY", (struct bytes){ 0 }, (struct bytes){ 0 }, key, w->hash->size);
        if (r == 0)
                r = crypto_hmac(w->hash, BYTES(key, w->hash->size), (const struct bytes[]){ enciphered, name }, 2, ret);
        wipe(key, sizeof(key));
        return r;
}

/* TPMS_ID_OBJECT: Part 2, 12.4.2. */
static int put_id_object(const struct wrapping *w, struct bytes name, struct bytes secret, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf enciphered = { 0 };
        uint8_t mac[HASH_MAX];
        int r;

        r = encipher(w, name, secret, &enciphered);
        if (r == 0)
                r = authenticate(w, name, BYTES_OF(&enciphered), mac);
        if (r == 0)
                r = tpms_put_2b(ret, BYTES(mac, w->hash->size));
        return r != 0 ? r : buf_append(ret, enciphered.ptr, enciphered.len);
}

int makecred(struct bytes ek, struct bytes name, struct bytes secret, struct buf *ret_id_object, struct buf *ret_secret)
{
        CLEANUP(wrapping_clear) struct wrapping w = { 0 };
        CLEANUP(buf_clear) struct buf seed = { 0 };
        CLEANUP(buf_clear) struct buf object = { 0 };
        CLEANUP(buf_clear) struct buf sized_seed = { 0 };
        CLEANUP(buf_clear) struct buf sized_object = { 0 };
        int r;

        r = read_ek(ek, &w);
        if (r != 0)
                return r;
        if (!is_name(name) || secret.len == 0 || secret.len > w.hash->size)
                return err(ERR_RANGE, "a secret of %zu octets for a Name of %zu, wrapped by %s", secret.len, name.len, w.hash->name);
        r = w.ek.key.curve ? seed_ecc(&w, &seed) : seed_rsa(&w, &seed);
        if (r == 0)
                r = put_id_object(&w, name, secret, &object);
        if (r == 0)
                r = tpms_put_2b(&sized_object, BYTES_OF(&object));
        if (r == 0)
                r = tpms_put_2b(&sized_seed, BYTES_OF(&seed));
        if (r != 0)
                return r;
        buf_take(&sized_object, ret_id_object);
        buf_take(&sized_seed, ret_secret);
        return 0;
}
