/* SPDX-License-Identifier: BSD-2-Clause */
/* Which paddings the chip does, and which are done here around its bare private operation. */
#include <string.h>
#include "keys/rsa.h"
#include "lib/err.h"

static bool chip_hashes(const struct tpm_caps *c, const struct hash *h)
{
        const struct hash *row;

        if (strcmp(h->name, "SHA1") == 0 && !c->sha1)
                return false;
        for (size_t i = 0; (row = hash_at(i)); i++)
                if (row == h)
                        return c->hashes & 1u << i;
        return false;
}

/* A number as long as the modulus. ERR_RANGE if it does not fit. */
static int pad_left(struct bytes in, size_t len, struct buf *ret)
{
        static const uint8_t zero[512];
        int r;

        if (in.len > len || len - in.len > sizeof(zero))
                return err(ERR_RANGE, "%zu octets for an RSA key of %zu", in.len, len);
        buf_reset(ret);
        r = buf_append(ret, zero, len - in.len);
        return r != 0 ? r : buf_append(ret, in.ptr, in.len);
}

/* What the public key does not lead back to where it came from had a fault in it. */
static int check(const struct rsa_key *k, const struct pk_params *p, struct bytes in, const struct buf *out)
{
        int r;

        r = pk_verify(k->pub, p, in, BYTES_OF(out));
        return r == ERR_AUTH || r == ERR_RANGE ? err(ERR_TPM, "the TPM's RSA result is wrong, it was thrown away") : r;
}

/* The private operation alone. */
static int bare(const struct rsa_key *k, struct bytes in, struct buf *ret)
{
        static const struct pk_params raw = { .scheme = SCHEME_RSA_RAW };
        CLEANUP(buf_clear) struct buf out = { 0 };
        CLEANUP(buf_clear) struct buf padded = { 0 };
        int r;

        if (!k->caps->raw_rsa)
                return err(ERR_NOTSUP, "this TPM does no RSA without padding of its own");
        r = tpm_rsa_decrypt(k->tpm, k->key, SCHEME_RSA_RAW, NULL, (struct bytes){ 0 }, in, &out);
        if (r == 0)
                r = pad_left(BYTES_OF(&out), k->pub->n.len, &padded);
        if (r != 0)
                return r;
        r = check(k, &raw, in, &padded);
        if (r == 0)
                buf_take(&padded, ret);
        return r;
}

static int sign_padded_by_chip(const struct rsa_key *k, const struct hash *h, struct bytes digest, struct buf *ret)
{
        struct pk_params p = { .scheme = SCHEME_RSA_PKCS1, .hash = h };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        int r;

        r = tpm_sign(k->tpm, k->key, SCHEME_RSA_PKCS1, h, digest, &sig);
        if (r == 0)
                r = check(k, &p, digest, &sig);
        if (r == 0)
                buf_take(&sig, ret);
        return r;
}

static int sign_pkcs1(const struct rsa_key *k, const struct pk_params *p, struct bytes digest, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf em = { 0 };
        struct bytes inner = digest;
        const struct hash *h;
        int r;

        h = p->hash ? p->hash : hash_by_digest_info(digest, &inner);
        if (h && inner.len != h->size)
                return err(ERR_RANGE, "a digest of %zu octets for %s", inner.len, h->name);
        if (h && chip_hashes(k->caps, h))
                return sign_padded_by_chip(k, h, inner, ret);

        r = pk_pkcs1_sign_encode(p, digest, k->pub->n.len, &em);
        return r != 0 ? r : bare(k, BYTES_OF(&em), ret);
}

static int sign_pss(const struct rsa_key *k, const struct pk_params *p, struct bytes digest, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf em = { 0 };
        int r;

        r = pk_pss_encode(p, digest, pk_bits(BYTES_OF(&k->pub->n)), &em);
        return r != 0 ? r : bare(k, BYTES_OF(&em), ret);
}

static int sign_raw(const struct rsa_key *k, struct bytes in, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf em = { 0 };
        int r;

        r = pad_left(in, k->pub->n.len, &em);
        if (r != 0)
                return r;
        if (memcmp(em.ptr, k->pub->n.ptr, em.len) >= 0)
                return err(ERR_RANGE, "a number not below the modulus");
        return bare(k, BYTES_OF(&em), ret);
}

int rsa_sign(const struct rsa_key *k, const struct pk_params *p, struct bytes digest, struct buf *ret_sig)
{
        switch (p->scheme) {
        case SCHEME_RSA_PKCS1:
                return sign_pkcs1(k, p, digest, ret_sig);
        case SCHEME_RSA_PSS:
                return sign_pss(k, p, digest, ret_sig);
        case SCHEME_RSA_RAW:
                return sign_raw(k, digest, ret_sig);
        default:
                return err(ERR_NOTSUP, "an RSA key cannot sign that way");
        }
}

/* A TPM hashes a label with the NUL that must end it, so only the empty label means the same to it and to RFC 8017. */
static bool chip_pads_oaep(const struct rsa_key *k, const struct pk_params *p)
{
        return p->hash == p->mgf_hash && p->label.len == 0 && chip_hashes(k->caps, p->hash);
}

int rsa_decrypt(const struct rsa_key *k, const struct pk_params *p, struct bytes in, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf em = { 0 };
        int r;

        if (in.len != k->pub->n.len || memcmp(in.ptr, k->pub->n.ptr, in.len) >= 0)
                return err(ERR_RANGE, "%zu octets of RSA ciphertext for a key of %zu", in.len, k->pub->n.len);
        if (p->scheme == SCHEME_RSA_OAEP && chip_pads_oaep(k, p))
                return tpm_rsa_decrypt(k->tpm, k->key, SCHEME_RSA_OAEP, p->hash, p->label, in, ret);

        r = bare(k, in, &em);
        if (r != 0)
                return r;
        switch (p->scheme) {
        case SCHEME_RSA_OAEP:
                return pk_oaep_decode(p, BYTES_OF(&em), ret);
        case SCHEME_RSA_PKCS1:
                return pk_pkcs1_decode(BYTES_OF(&em), ret);
        case SCHEME_RSA_RAW:
                buf_take(&em, ret);
                return 0;
        default:
                return err(ERR_NOTSUP, "an RSA key cannot decrypt that way");
        }
}
