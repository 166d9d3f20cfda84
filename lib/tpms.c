/* SPDX-License-Identifier: BSD-2-Clause */
/* What are the next octets of a TPM's structure, and who signed it? Never past the end. */
#include <string.h>
#include <tss2/tss2_tpm2_types.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpms.h"

#define COORDINATE_MAX 66       /* P-521 */

struct bytes tpms_bytes(struct tpms *r, size_t len)
{
        struct bytes b = { 0 };

        if (r->bad || len > r->left.len) {
                r->bad = true;
                return b;
        }
        b = BYTES(r->left.ptr, len);
        r->left.ptr += len;
        r->left.len -= len;
        return b;
}

uint64_t tpms_number(struct tpms *r, size_t octets)
{
        struct bytes b = tpms_bytes(r, octets);
        uint64_t v = 0;

        for (size_t i = 0; i < b.len; i++)
                v = v << 8 | b.ptr[i];
        return v;
}

uint64_t tpms_little(struct tpms *r, size_t octets)
{
        struct bytes b = tpms_bytes(r, octets);
        uint64_t v = 0;

        for (size_t i = b.len; i-- > 0;)
                v = v << 8 | b.ptr[i];
        return v;
}

struct bytes tpms_2b(struct tpms *r)
{
        return tpms_bytes(r, (size_t)tpms_number(r, 2));
}

int tpms_put_number(struct buf *b, uint64_t v, unsigned octets)
{
        uint8_t big_endian[sizeof(v)];

        for (unsigned i = 0; i < sizeof(v); i++)
                big_endian[i] = (uint8_t)(v >> 8 * (sizeof(v) - 1 - i));
        return buf_append(b, big_endian + sizeof(v) - octets, octets);
}

int tpms_put_2b(struct buf *b, struct bytes v)
{
        int r;

        if (v.len > UINT16_MAX)
                return err(ERR_RANGE, "%zu octets are more than a TPM's structure takes", v.len);
        r = buf_append_u16(b, (uint16_t)v.len);
        return r != 0 ? r : buf_append(b, v.ptr, v.len);
}

void tpms_get_attest(struct tpms *r, struct tpms_attest *ret)
{
        ret->magic = (uint32_t)tpms_number(r, 4);
        ret->type = (uint16_t)tpms_number(r, 2);
        ret->signer = tpms_2b(r);
        ret->extra = tpms_2b(r);
        ret->clock_ms = tpms_number(r, 8);
        ret->resets = (uint32_t)tpms_number(r, 4);
        ret->restarts = (uint32_t)tpms_number(r, 4);
        ret->safe = tpms_number(r, 1) != 0;
        ret->firmware = tpms_number(r, 8);
}

int tpms_put_attest(struct buf *b, const struct tpms_attest *a)
{
        int r;

        r = tpms_put_number(b, a->magic, 4);
        if (r == 0)
                r = tpms_put_number(b, a->type, 2);
        if (r == 0)
                r = tpms_put_2b(b, a->signer);
        if (r == 0)
                r = tpms_put_2b(b, a->extra);
        if (r == 0)
                r = tpms_put_number(b, a->clock_ms, 8);
        if (r == 0)
                r = tpms_put_number(b, a->resets, 4);
        if (r == 0)
                r = tpms_put_number(b, a->restarts, 4);
        if (r == 0)
                r = tpms_put_number(b, a->safe, 1);
        return r != 0 ? r : tpms_put_number(b, a->firmware, 8);
}

static int not_its(void)
{
        return err(ERR_AUTH, "the signature is not by that key");
}

/* A number of one to size octets, in size. */
static bool put_coordinate(struct bytes v, size_t size, uint8_t *ret)
{
        if (v.len == 0 || v.len > size)
                return false;
        memset(ret, 0, size);
        memcpy(ret + size - v.len, v.ptr, v.len);
        return true;
}

static int verify_ecdsa(struct tpms *r, const struct pubkey *k, struct bytes digest)
{
        static const struct pk_params ecdsa = { .scheme = SCHEME_ECDSA };
        uint8_t rs[2 * COORDINATE_MAX];
        size_t size = k->curve->size;

        if (size > COORDINATE_MAX || !put_coordinate(tpms_2b(r), size, rs) || !put_coordinate(tpms_2b(r), size, rs + size) || r->bad || r->left.len > 0)
                return not_its();
        return pk_verify(k, &ecdsa, digest, BYTES(rs, 2 * size));
}

static int verify_rsa(struct tpms *r, const struct pubkey *k, enum scheme scheme, const struct hash *h, struct bytes digest)
{
        struct pk_params p = { .scheme = scheme, .hash = h, .mgf_hash = h, .salt_len = h->size };
        struct bytes sig = tpms_2b(r);
        size_t most = k->n.len - 2;
        int e;

        if (r->bad || r->left.len > 0)
                return not_its();
        e = pk_verify(k, &p, digest, sig);
        /* A TPM takes the digest's size as its salt's, or as much as there is room for: Part 1, B.7. */
        if (e == ERR_AUTH && scheme == SCHEME_RSA_PSS && most > h->size && most - h->size != h->size) {
                p.salt_len = most - h->size;
                e = pk_verify(k, &p, digest, sig);
        }
        return e;
}

static uint16_t tpm_scheme(enum scheme s)
{
        switch (s) {
        case SCHEME_ECDSA:
                return TPM2_ALG_ECDSA;
        case SCHEME_RSA_PKCS1:
                return TPM2_ALG_RSASSA;
        case SCHEME_RSA_PSS:
                return TPM2_ALG_RSAPSS;
        default:
                return TPM2_ALG_NULL;
        }
}

int tpms_verify(struct bytes sig, const struct pubkey *k, enum scheme scheme, const struct hash *h, struct bytes data)
{
        struct tpms r = TPMS(sig);
        uint8_t digest[HASH_MAX];
        int e;

        if (tpm_scheme(scheme) == TPM2_ALG_NULL || (k->curve != NULL) != (scheme == SCHEME_ECDSA) || tpms_number(&r, 2) != tpm_scheme(scheme) ||
            tpms_number(&r, 2) != h->tpm || r.bad)
                return not_its();
        e = crypto_hash(h, &data, 1, digest);
        if (e == 0)
                e = k->curve ? verify_ecdsa(&r, k, BYTES(digest, h->size)) : verify_rsa(&r, k, scheme, h, BYTES(digest, h->size));
        return e == 0 || e == ERR_NOMEM ? e : not_its();
}
