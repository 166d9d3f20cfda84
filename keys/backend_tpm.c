/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes the operations of a backend out of those of a TPM. */
#include <stdlib.h>
#include <string.h>
#include "keys/backend_tpm.h"
#include "keys/parent.h"
#include "keys/rsa.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "lib/tpmt.h"

struct backend_tpm {
        struct backend base;
        struct tpm *tpm;
        struct tpm_caps caps;
        uint32_t parent;
        bool rsa_pkcs1_decrypt;
};

static struct backend_tpm *of(struct backend *b)
{
        return (struct backend_tpm *)b;
}

/* A key under our own parent is named by 0 below, so that the pinned parent is the one that is used. */
static struct tpm_key tpm_key_of(const struct backend_tpm *b, const struct keyref *k)
{
        return (struct tpm_key){
                .name = k->name,
                .pub = BYTES_OF(&k->key->pub),
                .priv = BYTES_OF(&k->key->priv),
                .auth = k->auth,
                .parent = k->key->parent == b->parent ? 0 : k->key->parent,
        };
}

/* The public area and private blob that the TPM gave, as a file has them. */
static void wrap(struct backend_tpm *b, enum tsskey_type type, struct bytes auth, struct buf *pub, struct buf *priv, struct tsskey *ret)
{
        struct tsskey k = { .type = type, .empty_auth = auth.len == 0, .parent = b->parent };

        buf_take(pub, &k.pub);
        buf_take(priv, &k.priv);
        *ret = k;
}

static int generate(struct backend *base, const struct key_kind *kind, unsigned usage, struct bytes auth, struct tsskey *ret)
{
        CLEANUP(buf_clear) struct buf pub = { 0 };
        CLEANUP(buf_clear) struct buf priv = { 0 };
        struct backend_tpm *b = of(base);
        int r;

        if (!base->ops->can_make(base, kind))
                return err(ERR_NOTSUP, "this TPM makes no %s keys", kind->name);
        r = tpm_key_create(b->tpm, kind, usage, auth, false, &pub, &priv);
        if (r == 0)
                wrap(b, TSSKEY_LOADABLE, auth, &pub, &priv, ret);
        return r;
}

/* FIPS 186-5, 6.4: the leftmost bits of a digest longer than the order; a shorter one is the same number
 * with zeros before it. TPM2_Sign takes exactly the digest of the curve's hash. That is as long as the order
 * but for P-521, whose order is 57 bits longer than SHA-512: there a number beyond 512 bits cannot be signed. */
static int fit_digest(const struct curve *c, struct bytes in, uint8_t out[HASH_MAX])
{
        size_t want = c->hash->size;
        uint8_t left[66] = { 0 };

        if (in.len == 0)
                return err(ERR_RANGE, "nothing to sign");
        memset(out, 0, HASH_MAX);
        if (in.len <= want) {
                memcpy(out + want - in.len, in.ptr, in.len);
                return 0;
        }
        if (want == c->size) {
                memcpy(out, in.ptr, want);
                return 0;
        }
        if (in.len < c->size) {
                memcpy(left + c->size - in.len, in.ptr, in.len);
        } else {
                /* 521 of 528 bits. */
                for (size_t i = c->size; i-- > 0; )
                        left[i] = (uint8_t)(in.ptr[i] >> 7 | (i > 0 ? in.ptr[i - 1] << 1 : 0));
        }
        for (size_t i = 0; i < c->size - want; i++)
                if (left[i] != 0)
                        return err(ERR_RANGE, "a digest of more than %zu octets, which no TPM signs on %s", want, c->name);
        memcpy(out, left + c->size - want, want);
        return 0;
}

static int ecdsa_sign(struct backend_tpm *b, const struct keyref *k, struct bytes digest, struct buf *ret)
{
        const struct curve *c = k->kind->curve;
        struct tpm_key key = tpm_key_of(b, k);
        uint8_t fitted[HASH_MAX];
        int r;

        r = fit_digest(c, digest, fitted);
        if (r != 0)
                return r;
        return tpm_sign(b->tpm, &key, SCHEME_ECDSA, c->hash, BYTES(fitted, c->hash->size), ret);
}

static int public_half(const struct keyref *k, struct pubkey *ret)
{
        TPM2B_PUBLIC pub;
        int r;

        r = tpmt_public_decode(BYTES_OF(&k->key->pub), &pub);
        return r != 0 ? r : tpmt_pubkey(&pub, ret);
}

static int sign(struct backend *base, const struct keyref *k, const struct pk_params *p, struct bytes digest, struct buf *ret_sig)
{
        CLEANUP(pubkey_clear) struct pubkey pub = { 0 };
        struct backend_tpm *b = of(base);
        struct tpm_key key;
        int r;

        if (k->kind->ckk == CKK_EC && p->scheme == SCHEME_ECDSA)
                return ecdsa_sign(b, k, digest, ret_sig);
        if (k->kind->ckk != CKK_RSA)
                return err(ERR_NOTSUP, "a %s key cannot sign that way", k->kind->name);
        r = public_half(k, &pub);
        if (r != 0)
                return r;
        key = tpm_key_of(b, k);
        return rsa_sign(&(struct rsa_key){ b->tpm, &b->caps, &key, &pub }, p, digest, ret_sig);
}

static int decrypt(struct backend *base, const struct keyref *k, const struct pk_params *p, struct bytes in, struct buf *ret_out)
{
        CLEANUP(pubkey_clear) struct pubkey pub = { 0 };
        struct backend_tpm *b = of(base);
        struct tpm_key key;
        int r;

        if (k->kind->ckk != CKK_RSA)
                return err(ERR_NOTSUP, "a %s key cannot decrypt", k->kind->name);
        if (p->scheme == SCHEME_RSA_PKCS1 && !b->rsa_pkcs1_decrypt)
                return err(ERR_DENIED, "decryption with PKCS#1 v1.5 padding is switched off");
        r = public_half(k, &pub);
        if (r != 0)
                return r;
        key = tpm_key_of(b, k);
        return rsa_decrypt(&(struct rsa_key){ b->tpm, &b->caps, &key, &pub }, p, in, ret_out);
}

static int derive(struct backend *base, const struct keyref *k, struct bytes point, struct buf *ret_z)
{
        CLEANUP(pubkey_clear) struct pubkey peer = { 0 };
        struct backend_tpm *b = of(base);
        struct tpm_key key = tpm_key_of(b, k);
        int r;

        if (k->kind->ckk != CKK_EC)
                return err(ERR_NOTSUP, "a %s key cannot derive", k->kind->name);
        r = pubkey_from_point(k->kind->curve, point, &peer);
        return r != 0 ? r : tpm_ecdh(b->tpm, &key, BYTES_OF(&peer.x), BYTES_OF(&peer.y), ret_z);
}

static int hmac(struct backend *base, const struct keyref *k, struct bytes data, struct buf *ret_mac)
{
        struct tpm_key key = tpm_key_of(of(base), k);

        if (k->kind->ckk != CKK_GENERIC_SECRET)
                return err(ERR_NOTSUP, "a %s key makes no HMAC", k->kind->name);
        return tpm_hmac(of(base)->tpm, &key, k->kind->hash, data, ret_mac);
}

static int seal(struct backend *base, struct bytes secret, struct bytes auth, bool lockout, struct tsskey *ret)
{
        CLEANUP(buf_clear) struct buf pub = { 0 };
        CLEANUP(buf_clear) struct buf priv = { 0 };
        int r;

        r = tpm_seal(of(base)->tpm, secret, auth, lockout, &pub, &priv);
        if (r == 0)
                wrap(of(base), TSSKEY_SEALED, auth, &pub, &priv, ret);
        return r;
}

static int unseal(struct backend *base, const struct keyref *k, struct buf *ret_secret)
{
        struct tpm_key key = tpm_key_of(of(base), k);

        return tpm_unseal(of(base)->tpm, &key, ret_secret);
}

static int random_bytes(struct backend *base, uint8_t *out, size_t len)
{
        return tpm_random(of(base)->tpm, out, len);
}

static bool has_kind(const struct tpm_caps *c, unsigned long ckk)
{
        const struct key_kind *k;

        for (size_t i = 0; (k = key_kind_at(i)); i++)
                if (k->ckk == ckk && (c->kinds & 1u << i))
                        return true;
        return false;
}

static bool can(struct backend *base, const struct alg *a)
{
        const struct tpm_caps *c = &of(base)->caps;

        if (!has_kind(c, a->ckk))
                return false;
        if (a->scheme == SCHEME_RSA_RAW || a->scheme == SCHEME_RSA_PSS)
                return c->raw_rsa;
        return true;
}

static bool can_make(struct backend *base, const struct key_kind *kind)
{
        const struct key_kind *k;

        for (size_t i = 0; (k = key_kind_at(i)); i++)
                if (k == kind)
                        return of(base)->caps.kinds & 1u << i;
        return false;
}

static void forget(struct backend *base, struct bytes name)
{
        tpm_key_forget(of(base)->tpm, name);
}

static void close_backend(struct backend *base)
{
        tpm_close(of(base)->tpm);
        free(base);
}

static void abandon(struct backend *base)
{
        tpm_abandon(of(base)->tpm);
}

static const struct backend_ops ops = {
        .name = "tpm",
        .generate = generate,
        .sign = sign,
        .decrypt = decrypt,
        .derive = derive,
        .hmac = hmac,
        .seal = seal,
        .unseal = unseal,
        .random = random_bytes,
        .can = can,
        .can_make = can_make,
        .forget = forget,
        .close = close_backend,
        .abandon = abandon,
};

int backend_tpm_open(const struct conf *c, struct store *s, struct backend **ret)
{
        struct tpm_options o = { .tcti = c->tcti, .trace = c->trace, .deadline_ms = c->deadline_ms, .state_dirfd = store_dirfd(s) };
        CLEANUP(tpm_parent_clear) struct tpm_parent parent = { 0 };
        struct backend_tpm *b;
        int r;

        b = calloc(1, sizeof(*b));
        if (!b)
                return err(ERR_NOMEM, "out of memory");
        b->base.ops = &ops;
        b->rsa_pkcs1_decrypt = c->rsa_pkcs1_decrypt;
        r = tpm_caps_from_attrs(store_info(s), &b->caps);
        if (r == 0)
                r = parent_from_attrs(store_info(s), &parent);
        b->parent = parent.handle;
        o.slots = b->caps.slots;
        o.sessions = b->caps.sessions;
        if (r == 0)
                r = tpm_open(&o, &b->tpm);
        if (r == 0)
                r = tpm_set_parent(b->tpm, &parent);
        if (r != 0) {
                close_backend(&b->base);
                return r;
        }
        *ret = &b->base;
        return 0;
}

struct tpm *backend_tpm_device(struct backend *b)
{
        return of(b)->tpm;
}

const struct tpm_caps *backend_tpm_caps(struct backend *b)
{
        return &of(b)->caps;
}
