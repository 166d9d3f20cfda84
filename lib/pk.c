/* SPDX-License-Identifier: BSD-2-Clause */
/* Verifies and encrypts with public keys. */
#include <openssl/bn.h>
#include <openssl/err.h>
#include <string.h>
#include "lib/crypto.h"
#include "lib/ec.h"
#include "lib/err.h"
#include "lib/pad.h"
#include "lib/pk.h"

#define RSA_OCTETS_MAX 1024

static void bn_ctx_end(BN_CTX **bn)
{
        if (*bn)
                BN_CTX_end(*bn);
        BN_CTX_free(*bn);
        ERR_pop_to_mark();
}

static int out_of_memory(void)
{
        return err(ERR_NOMEM, "out of memory");
}

/* in ^ e mod n, as long as n. ERR_RANGE if in is not below n. */
static int rsa_public(const struct pubkey *k, struct bytes in, struct buf *ret)
{
        CLEANUP(bn_ctx_end) BN_CTX *bn = NULL;
        BIGNUM *n, *e, *v;
        int r;

        ERR_set_mark(); /* the queue is the host program's */
        if (k->n.len == 0 || k->n.len > RSA_OCTETS_MAX || k->e.len > RSA_OCTETS_MAX || in.len != k->n.len)
                return err(ERR_RANGE, "%zu octets for an RSA key of %zu", in.len, k->n.len);
        r = buf_reserve(ret, k->n.len);
        if (r != 0)
                return r;
        bn = crypto_libctx() ? BN_CTX_new_ex(crypto_libctx()) : NULL;
        if (!bn)
                return out_of_memory();
        BN_CTX_start(bn);
        n = BN_CTX_get(bn);
        e = BN_CTX_get(bn);
        v = BN_CTX_get(bn);
        if (!v || !BN_bin2bn(k->n.ptr, (int)k->n.len, n) || !BN_bin2bn(k->e.ptr, (int)k->e.len, e)
            || !BN_bin2bn(in.ptr, (int)in.len, v))
                return out_of_memory();
        if (!BN_is_odd(n) || BN_is_one(n))
                return err(ERR_FORMAT, "an RSA key whose modulus cannot be");
        if (BN_cmp(v, n) >= 0)
                return err(ERR_RANGE, "a number that is not below the RSA modulus");
        if (!BN_mod_exp_mont(v, v, e, n, bn, NULL) || BN_bn2binpad(v, ret->ptr, (int)k->n.len) < 0)
                return out_of_memory();
        ret->len = k->n.len;
        return 0;
}

static int wrong(void)
{
        return err(ERR_AUTH, "the signature is wrong");
}

/* A number as long as the modulus. */
static int pad_left(struct bytes in, size_t k, struct buf *ret)
{
        int r;

        if (in.len > k)
                return err(ERR_RANGE, "%zu octets for an RSA key of %zu", in.len, k);
        r = buf_reserve(ret, k);
        if (r != 0)
                return r;
        memset(ret->ptr, 0, k);
        if (in.len > 0)
                memcpy(ret->ptr + k - in.len, in.ptr, in.len);
        ret->len = k;
        return 0;
}

/* What the signature must open to. PSS has no single such block, it is checked. */
static int expected(const struct pubkey *k, const struct pk_params *p, struct bytes digest, struct buf *ret)
{
        switch (p->scheme) {
        case SCHEME_RSA_PKCS1:
                return pk_pkcs1_sign_encode(p, digest, k->n.len, ret);
        case SCHEME_RSA_RAW:
                return pad_left(digest, k->n.len, ret);
        case SCHEME_RSA_PSS:
                return 0;
        default:
                return err(ERR_NOTSUP, "an RSA key does not verify that");
        }
}

static int rsa_verify(const struct pubkey *k, const struct pk_params *p, struct bytes digest, struct bytes sig)
{
        CLEANUP(buf_clear) struct buf want = { 0 };
        CLEANUP(buf_clear) struct buf em = { 0 };
        int r;

        r = expected(k, p, digest, &want);
        if (r != 0)
                return r;
        r = rsa_public(k, sig, &em);
        if (r == ERR_RANGE)
                return wrong();
        if (r != 0)
                return r;
        if (p->scheme == SCHEME_RSA_PSS)
                return pad_pss_check(p, digest, BYTES_OF(&em), pk_bits(BYTES_OF(&k->n)));
        return bytes_equal(BYTES_OF(&want), BYTES_OF(&em)) ? 0 : wrong();
}

int pk_verify(const struct pubkey *k, const struct pk_params *p, struct bytes digest, struct bytes sig)
{
        if (sig.len != pubkey_sig_size(k))
                return err(ERR_RANGE, "a signature of %zu octets by a key that makes %zu", sig.len, pubkey_sig_size(k));
        if (!k->curve)
                return rsa_verify(k, p, digest, sig);
        if (p->scheme != SCHEME_ECDSA)
                return err(ERR_NOTSUP, "an EC key does not verify that");
        return ec_verify(k, digest, sig);
}

int pk_encrypt(const struct pubkey *k, const struct pk_params *p, struct bytes in, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf em = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };
        int r;

        if (k->curve)
                return err(ERR_NOTSUP, "an EC key does not encrypt");
        switch (p->scheme) {
        case SCHEME_RSA_PKCS1:
                r = pad_pkcs1_encode(in, k->n.len, &em);
                break;
        case SCHEME_RSA_OAEP:
                r = pad_oaep_encode(p, in, k->n.len, &em);
                break;
        case SCHEME_RSA_RAW:
                r = pad_left(in, k->n.len, &em);
                break;
        default:
                r = err(ERR_NOTSUP, "an RSA key does not encrypt that");
                break;
        }
        if (r == 0)
                r = rsa_public(k, BYTES_OF(&em), &out);
        if (r != 0)
                return r;
        buf_take(&out, ret);
        return 0;
}
