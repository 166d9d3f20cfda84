/* SPDX-License-Identifier: BSD-2-Clause */
/* Which octets are a public area? (TPM 2.0 Part 2, 12.2.4.) The verifier writes several for each evidence; tss2-mu takes a fifth of what verification costs
 * beside its signatures, so that the usual ones are written here. */
#include <string.h>
#include "attest/public.h"
#include "lib/err.h"

#define OCTETS_MAX 1024

struct writer {
        uint8_t octets[OCTETS_MAX];
        size_t len;
        bool unusual;                   /* not for here */
};

static void put2(struct writer *w, unsigned v)
{
        w->octets[w->len++] = (uint8_t)(v >> 8);
        w->octets[w->len++] = (uint8_t)v;
}

static void put4(struct writer *w, uint32_t v)
{
        put2(w, v >> 16);
        put2(w, v & 0xffff);
}

/* All that stands before a number, and a number, is well below what there is room for. */
static void put_2b(struct writer *w, const uint8_t *p, size_t len)
{
        if (w->unusual || len > OCTETS_MAX - 64 - w->len) {
                w->unusual = true;
                return;
        }
        put2(w, (unsigned)len);
        if (len > 0)
                memcpy(w->octets + w->len, p, len);
        w->len += len;
}

static void put_symmetric(struct writer *w, const TPMT_SYM_DEF_OBJECT *s)
{
        put2(w, s->algorithm);
        if (s->algorithm == TPM2_ALG_AES) {
                put2(w, s->keyBits.aes);
                put2(w, s->mode.aes);
        } else if (s->algorithm != TPM2_ALG_NULL) {
                w->unusual = true;
        }
}

/* Those have a hash and nothing else. */
static void put_scheme(struct writer *w, uint16_t scheme, uint16_t hash)
{
        put2(w, scheme);
        if (scheme == TPM2_ALG_ECDSA || scheme == TPM2_ALG_RSASSA || scheme == TPM2_ALG_RSAPSS)
                put2(w, hash);
        else if (scheme != TPM2_ALG_NULL)
                w->unusual = true;
}

static void put_ecc(struct writer *w, const TPMT_PUBLIC *p)
{
        const TPMS_ECC_PARMS *e = &p->parameters.eccDetail;

        put_symmetric(w, &e->symmetric);
        put_scheme(w, e->scheme.scheme, e->scheme.details.ecdsa.hashAlg);
        put2(w, e->curveID);
        put2(w, e->kdf.scheme);
        w->unusual = w->unusual || e->kdf.scheme != TPM2_ALG_NULL || e->scheme.scheme == TPM2_ALG_RSASSA || e->scheme.scheme == TPM2_ALG_RSAPSS;
        put_2b(w, p->unique.ecc.x.buffer, p->unique.ecc.x.size);
        put_2b(w, p->unique.ecc.y.buffer, p->unique.ecc.y.size);
}

static void put_rsa(struct writer *w, const TPMT_PUBLIC *p)
{
        const TPMS_RSA_PARMS *r = &p->parameters.rsaDetail;

        put_symmetric(w, &r->symmetric);
        put_scheme(w, r->scheme.scheme, r->scheme.details.rsassa.hashAlg);
        put2(w, r->keyBits);
        put4(w, r->exponent);
        w->unusual = w->unusual || r->scheme.scheme == TPM2_ALG_ECDSA;
        put_2b(w, p->unique.rsa.buffer, p->unique.rsa.size);
}

int public_encode(const TPM2B_PUBLIC *p, struct buf *ret)
{
        const TPMT_PUBLIC *a = &p->publicArea;
        struct writer w;

        w.len = 2;
        w.unusual = a->type != TPM2_ALG_ECC && a->type != TPM2_ALG_RSA;
        put2(&w, a->type);
        put2(&w, a->nameAlg);
        put4(&w, a->objectAttributes);
        put_2b(&w, a->authPolicy.buffer, a->authPolicy.size);
        if (!w.unusual && a->type == TPM2_ALG_ECC)
                put_ecc(&w, a);
        else if (!w.unusual)
                put_rsa(&w, a);
        if (w.unusual)
                return tpmt_public_encode(p, ret);
        w.octets[0] = (uint8_t)((w.len - 2) >> 8);
        w.octets[1] = (uint8_t)(w.len - 2);
        return buf_set(ret, BYTES(w.octets, w.len));
}
