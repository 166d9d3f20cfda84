/* SPDX-License-Identifier: BSD-2-Clause */
/* What can be done with a key? */
#include "lib/err.h"
#include "tpm/ctx.h"
#include "tpm/wire.h"

#define HMAC_CHUNK 1024         /* MAX_DIGEST_BUFFER of every TPM, Part 2, 10.4.8 */

/* One command with a key. take() copies the result out of the response's parameters. */
struct use {
        const struct tpm_key *key;
        struct call call;
        int (*take)(const struct use *u, struct bytes params);
        size_t size;            /* of an elliptic curve's coordinate */
        struct buf *ret;
};

/* The ciphertext is the only parameter that can be wrong. What is no padding at all makes some TPMs say FAILURE. */
static int explain_decrypt(const struct tpm *t, int r)
{
        if (t->why.subject == RC_PARAMETER || t->tcti.response.rc == TPM2_RC_FAILURE)
                return err(ERR_FORMAT, "this was not encrypted to this key, or not in this way");
        return r;
}

static int use_key(struct tpm *t, void *arg)
{
        struct use *u = arg;
        struct answer a;
        int r;

        r = key_load(t, u->key, &u->call.object[0].handle);
        if (r != 0)
                return r;
        u->call.object[0].name = u->key->name;
        u->call.n_objects = 1;
        u->call.value = u->key->auth;
        u->call.lockout = key_locks_out(u->key);
        u->call.auth = session_wanted(t, &u->call) ? AUTH_SESSION : AUTH_PASSWORD;
        r = tpm_call(t, &u->call, &a);
        if (r == ERR_AUTH)
                return err(r, "the TPM does not accept this key's authorisation value");
        if (r != 0)
                return u->call.cc == TPM2_CC_RSA_Decrypt ? explain_decrypt(t, r) : r;
        return u->take(u, a.params);
}

static int take_2b(const struct use *u, struct bytes params)
{
        struct reader r = READER(params);

        return buf_set(u->ret, read_2b(&r));
}

/* So many octets, whether or not the TPM left leading zeros away. */
static int append_padded(struct buf *b, struct bytes n, size_t size)
{
        int r = 0;

        while (n.len > size && n.ptr[0] == 0) {
                n.ptr++;
                n.len--;
        }
        if (n.len > size)
                return err(ERR_FORMAT, "the TPM's answer holds a number that is too long for the curve");
        for (size_t i = n.len; r == 0 && i < size; i++)
                r = buf_append_u8(b, 0);
        return r != 0 ? r : buf_append(b, n.ptr, n.len);
}

/* TPMT_PUBLIC of an elliptic-curve key, Part 2, 12.2: up to the curve. */
static const struct curve *curve_of(const struct tpm_key *k)
{
        struct reader r = READER(k->pub);

        read_u16(&r);
        if (read_u16(&r) != TPM2_ALG_ECC)
                return NULL;
        read_bytes(&r, 6);
        read_2b(&r);
        if (read_u16(&r) != TPM2_ALG_NULL)      /* a storage key: not for this */
                return NULL;
        if (read_u16(&r) != TPM2_ALG_NULL)      /* scheme, and its hash */
                read_u16(&r);
        return curve_by_tpm(read_u16(&r));
}

/* TPM2_Sign */

struct sign {
        TPM2B_DIGEST digest;
        TPMT_SIG_SCHEME scheme;
};

static TSS2_RC prepare_sign(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct sign *s = c->in;
        const TPMT_TK_HASHCHECK no_ticket = { .tag = TPM2_ST_HASHCHECK, .hierarchy = TPM2_RH_NULL };

        return Tss2_Sys_Sign_Prepare(sys, c->object[0].handle, &s->digest, &s->scheme, &no_ticket);
}

static int take_signature(const struct use *u, struct bytes params)
{
        const struct sign *s = u->call.in;
        CLEANUP(buf_clear) struct buf sig = { 0 };
        struct reader r = READER(params);
        int e;

        if (read_u16(&r) != s->scheme.scheme || read_u16(&r) != s->scheme.details.any.hashAlg)
                return err(ERR_FORMAT, "the TPM made another kind of signature than was asked for");
        if (u->size == 0)
                return buf_set(u->ret, read_2b(&r));
        e = append_padded(&sig, read_2b(&r), u->size);
        if (e == 0)
                e = append_padded(&sig, read_2b(&r), u->size);
        if (e == 0)
                buf_take(&sig, u->ret);
        return e;
}

int tpm_sign(struct tpm *t, const struct tpm_key *k, enum scheme scheme, const struct hash *h, struct bytes digest, struct buf *ret_sig)
{
        struct sign in = { 0 };
        struct use u = { .key = k, .call = { .cc = TPM2_CC_Sign, .prepare = prepare_sign, .in = &in }, .take = take_signature, .ret = ret_sig };
        const struct curve *curve;
        int r;

        if (h == NULL || digest.len != h->size)
                return err(ERR_RANGE, "a digest of %zu octets is none of that hash", digest.len);
        switch (scheme) {
        case SCHEME_ECDSA:
                in.scheme.scheme = TPM2_ALG_ECDSA;
                curve = curve_of(k);
                if (curve == NULL)
                        return err(ERR_NOTSUP, "this key cannot make ECDSA signatures");
                u.size = curve->size;
                break;
        case SCHEME_RSA_PKCS1:
                in.scheme.scheme = TPM2_ALG_RSASSA;
                break;
        case SCHEME_RSA_PSS:
                in.scheme.scheme = TPM2_ALG_RSAPSS;
                break;
        default:
                return err(ERR_NOTSUP, "the TPM does not sign that way");
        }
        in.scheme.details.any.hashAlg = h->tpm;
        r = SET_2B(&in.digest, digest);
        return r != 0 ? r : tpm_operate(t, PATIENCE, use_key, &u);
}

/* TPM2_RSA_Decrypt */

struct decrypt {
        TPM2B_PUBLIC_KEY_RSA in;
        TPMT_RSA_DECRYPT scheme;
        TPM2B_DATA label;
};

static TSS2_RC prepare_decrypt(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct decrypt *d = c->in;

        return Tss2_Sys_RSA_Decrypt_Prepare(sys, c->object[0].handle, &d->in, &d->scheme, &d->label);
}

static int rsa_scheme(enum scheme scheme, const struct hash *h, TPMT_RSA_DECRYPT *ret)
{
        switch (scheme) {
        case SCHEME_RSA_RAW:
                ret->scheme = TPM2_ALG_NULL;
                return 0;
        case SCHEME_RSA_PKCS1:
                ret->scheme = TPM2_ALG_RSAES;
                return 0;
        case SCHEME_RSA_OAEP:
                if (h == NULL)
                        break;
                ret->scheme = TPM2_ALG_OAEP;
                ret->details.oaep.hashAlg = h->tpm;
                return 0;
        default:
                break;
        }
        return err(ERR_NOTSUP, "the TPM does not decrypt that way");
}

int tpm_rsa_decrypt(struct tpm *t, const struct tpm_key *k, enum scheme scheme, const struct hash *h, struct bytes label, struct bytes in,
                    struct buf *ret)
{
        struct decrypt d = { 0 };
        struct use u = {
                .key = k, .call = { .cc = TPM2_CC_RSA_Decrypt, .prepare = prepare_decrypt, .in = &d, .secret_out = true },
                .take = take_2b, .ret = ret,
        };
        int r = rsa_scheme(scheme, h, &d.scheme);

        if (r == 0)
                r = SET_2B(&d.in, in);
        if (r == 0)
                r = SET_2B(&d.label, label);
        return r != 0 ? r : tpm_operate(t, PATIENCE, use_key, &u);
}

/* TPM2_ECDH_ZGen */

static TSS2_RC prepare_ecdh(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_ECDH_ZGen_Prepare(sys, c->object[0].handle, c->in);
}

static int take_x(const struct use *u, struct bytes params)
{
        CLEANUP(buf_clear) struct buf z = { 0 };
        struct reader r = READER(params);
        struct reader point = READER(read_2b(&r));
        struct bytes x = read_2b(&point);
        int e;

        read_2b(&point);
        if (!read_done(&point))
                return err(ERR_FORMAT, "the TPM's answer holds no point");
        e = append_padded(&z, x, u->size);
        if (e == 0)
                buf_take(&z, u->ret);
        return e;
}

int tpm_ecdh(struct tpm *t, const struct tpm_key *k, struct bytes x, struct bytes y, struct buf *ret_z)
{
        TPM2B_ECC_POINT in = { 0 };
        struct use u = {
                .key = k, .call = { .cc = TPM2_CC_ECDH_ZGen, .prepare = prepare_ecdh, .in = &in, .secret_out = true },
                .take = take_x, .ret = ret_z,
        };
        const struct curve *curve = curve_of(k);
        int r;

        if (curve == NULL)
                return err(ERR_NOTSUP, "this key cannot agree on a secret");
        u.size = curve->size;
        r = SET_2B(&in.point.x, x);
        if (r == 0)
                r = SET_2B(&in.point.y, y);
        return r != 0 ? r : tpm_operate(t, PATIENCE, use_key, &u);
}

/* TPM2_Unseal */

static TSS2_RC prepare_unseal(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_Unseal_Prepare(sys, c->object[0].handle);
}

int tpm_unseal(struct tpm *t, const struct tpm_key *k, struct buf *ret_secret)
{
        struct use u = { .key = k, .call = { .cc = TPM2_CC_Unseal, .prepare = prepare_unseal, .secret_out = true }, .take = take_2b, .ret = ret_secret };

        return tpm_operate(t, PATIENCE, use_key, &u);
}

/* TPM2_HMAC, and a sequence for what is longer than one command can be */

struct mac {
        const struct tpm_key *key;
        const struct hash *hash;
        struct bytes data;
        struct buf *ret;
};

static TSS2_RC prepare_hmac(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct mac *m = c->in;
        TPM2B_MAX_BUFFER data;

        if (SET_2B(&data, m->data) != 0)
                return TSS2_SYS_RC_BAD_VALUE;
        return Tss2_Sys_HMAC_Prepare(sys, c->object[0].handle, &data, m->hash->tpm);
}

static TSS2_RC prepare_hmac_start(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct mac *m = c->in;
        const TPM2B_AUTH no_auth = { 0 };

        return Tss2_Sys_HMAC_Start_Prepare(sys, c->object[0].handle, &no_auth, m->hash->tpm);
}

static TSS2_RC prepare_update(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_SequenceUpdate_Prepare(sys, c->object[0].handle, c->in);
}

static TSS2_RC prepare_complete(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_SequenceComplete_Prepare(sys, c->object[0].handle, c->in, TPM2_RH_NULL);
}

/* A sequence object has an empty Name (Part 1, 16) and here an empty authorisation value. */
static int hmac_feed(struct tpm *t, uint32_t sequence, struct bytes data, struct buf *ret)
{
        TPM2B_MAX_BUFFER chunk;
        struct call c = { .cc = TPM2_CC_SequenceUpdate, .prepare = prepare_update, .in = &chunk, .object[0] = { .handle = sequence },
                          .n_objects = 1, .auth = AUTH_SESSION };
        struct answer a;
        struct reader r;
        int e;

        for (; data.len > HMAC_CHUNK; data.ptr += HMAC_CHUNK, data.len -= HMAC_CHUNK) {
                e = SET_2B(&chunk, BYTES(data.ptr, HMAC_CHUNK));
                if (e == 0)
                        e = tpm_call(t, &c, &a);
                if (e != 0)
                        return e;
        }
        c.cc = TPM2_CC_SequenceComplete;
        c.prepare = prepare_complete;
        c.secret_out = true;
        e = SET_2B(&chunk, data);
        if (e == 0)
                e = tpm_call(t, &c, &a);
        if (e != 0)
                return e;
        t->n_temps--;           /* completing it was its end */
        r = READER(a.params);
        return buf_set(ret, read_2b(&r));
}

static int hmac_sequence(struct tpm *t, void *arg)
{
        const struct mac *m = arg;
        struct call c = { .cc = TPM2_CC_HMAC_Start, .prepare = prepare_hmac_start, .in = m, .object[0].name = m->key->name,
                          .n_objects = 1, .auth = AUTH_SESSION, .value = m->key->auth, .lockout = key_locks_out(m->key) };
        struct answer a;
        int r;

        r = key_load(t, m->key, &c.object[0].handle);
        if (r == 0)
                r = tpm_call(t, &c, &a);
        if (r != 0)
                return r;
        temp_add(t, a.handle);
        return hmac_feed(t, a.handle, m->data, m->ret);
}

int tpm_hmac(struct tpm *t, const struct tpm_key *k, const struct hash *h, struct bytes data, struct buf *ret_mac)
{
        struct mac m = { k, h, data, ret_mac };
        struct use u = { .key = k, .call = { .cc = TPM2_CC_HMAC, .prepare = prepare_hmac, .in = &m, .secret_out = true }, .take = take_2b, .ret = ret_mac };

        if (data.len > HMAC_CHUNK)
                return tpm_operate(t, PATIENCE, hmac_sequence, &m);
        return tpm_operate(t, PATIENCE, use_key, &u);
}
