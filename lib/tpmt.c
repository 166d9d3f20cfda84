/* SPDX-License-Identifier: BSD-2-Clause */
/* TPM structures as bytes: public areas, names, templates. */
#include <string.h>
#include <tss2/tss2_mu.h>
#include "lib/crypto.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "lib/tpmt.h"

#define RSA_EXPONENT_DEFAULT 65537      /* what exponent 0 stands for: TPM 2.0 Part 2, 12.2.3.5 */

int tpmt_public_encode(const TPM2B_PUBLIC *p, struct buf *ret)
{
        uint8_t out[sizeof(TPM2B_PUBLIC)];
        size_t len = 0;
        /* tss2-mu takes a size that is not 0 for one that it must check. */
        TPM2B_PUBLIC copy = { .publicArea = p->publicArea };

        if (Tss2_MU_TPM2B_PUBLIC_Marshal(&copy, out, sizeof(out), &len) != TSS2_RC_SUCCESS)
                return err(ERR_FORMAT, "a public area that cannot be written");
        return buf_set(ret, BYTES(out, len));
}

int tpmt_public_decode(struct bytes in, TPM2B_PUBLIC *ret)
{
        TPM2B_PUBLIC p = { 0 };
        size_t len = 0;

        if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(in.ptr, in.len, &len, &p) != TSS2_RC_SUCCESS || len != in.len || (size_t)p.size + 2 != len)
                return err(ERR_FORMAT, "%zu octets that are no public area of a TPM key", in.len);
        *ret = p;
        return 0;
}

int tpmt_private_decode(struct bytes in, TPM2B_PRIVATE *ret)
{
        TPM2B_PRIVATE p = { 0 };
        size_t len = 0;

        if (Tss2_MU_TPM2B_PRIVATE_Unmarshal(in.ptr, in.len, &len, &p) != TSS2_RC_SUCCESS || len != in.len || p.size == 0)
                return err(ERR_FORMAT, "%zu octets that are no private area of a TPM key", in.len);
        *ret = p;
        return 0;
}

int tpmt_name(const TPM2B_PUBLIC *p, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf area = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        const struct hash *h = hash_by_tpm(p->publicArea.nameAlg);
        uint8_t digest[HASH_MAX];
        int r;

        if (!h)
                return err(ERR_NOTSUP, "a TPM key with the name algorithm 0x%04x", p->publicArea.nameAlg);
        r = tpmt_public_encode(p, &area);
        if (r != 0)
                return r;
        /* The name is of the TPMT_PUBLIC, without the size in front. */
        r = crypto_hash(h, &BYTES(area.ptr + 2, area.len - 2), 1, digest);
        if (r == 0)
                r = buf_append_u16(&name, h->tpm);
        if (r == 0)
                r = buf_append(&name, digest, h->size);
        if (r == 0)
                buf_take(&name, ret);
        return r;
}

/* Appends a number in size octets: TPMs may drop zeros in front. */
static int fixed_width(struct bytes in, size_t size, struct buf *ret)
{
        int r = 0;

        while (in.len > size && in.ptr[0] == 0)
                in = BYTES(in.ptr + 1, in.len - 1);
        if (in.len > size)
                return err(ERR_FORMAT, "a number of %zu octets where %zu are the most", in.len, size);
        for (size_t i = in.len; r == 0 && i < size; i++)
                r = buf_append_u8(ret, 0);
        return r != 0 ? r : buf_append(ret, in.ptr, in.len);
}

static int ecc_pubkey(const TPMT_PUBLIC *p, struct pubkey *ret)
{
        const TPMS_ECC_POINT *point = &p->unique.ecc;
        int r;

        ret->ckk = CKK_EC;
        ret->curve = curve_by_tpm(p->parameters.eccDetail.curveID);
        if (!ret->curve)
                return err(ERR_NOTSUP, "a TPM key on the curve 0x%04x", p->parameters.eccDetail.curveID);
        r = fixed_width(BYTES(point->x.buffer, point->x.size), ret->curve->size, &ret->x);
        return r != 0 ? r : fixed_width(BYTES(point->y.buffer, point->y.size), ret->curve->size, &ret->y);
}

static int rsa_pubkey(const TPMT_PUBLIC *p, struct pubkey *ret)
{
        const TPM2B_PUBLIC_KEY_RSA *n = &p->unique.rsa;
        uint32_t e = p->parameters.rsaDetail.exponent;
        const uint8_t be[] = { (uint8_t)(e >> 24), (uint8_t)(e >> 16), (uint8_t)(e >> 8), (uint8_t)e };
        size_t skip = 0;
        int r;

        if (e == 0)
                return err(ERR_FORMAT, "an RSA key without exponent");
        while (be[skip] == 0)
                skip++;
        if (n->size == 0 || n->buffer[0] == 0)
                return err(ERR_FORMAT, "an RSA key without modulus");
        ret->ckk = CKK_RSA;
        r = buf_set(&ret->n, BYTES(n->buffer, n->size));
        return r != 0 ? r : buf_set(&ret->e, BYTES(be + skip, sizeof(be) - skip));
}

int tpmt_pubkey(const TPM2B_PUBLIC *p, struct pubkey *ret)
{
        CLEANUP(pubkey_clear) struct pubkey k = { 0 };
        TPMT_PUBLIC area = p->publicArea;
        int r;

        if (area.type == TPM2_ALG_RSA && area.parameters.rsaDetail.exponent == 0)
                area.parameters.rsaDetail.exponent = RSA_EXPONENT_DEFAULT;
        if (area.type == TPM2_ALG_ECC)
                r = ecc_pubkey(&area, &k);
        else if (area.type == TPM2_ALG_RSA)
                r = rsa_pubkey(&area, &k);
        else
                r = err(ERR_NOTSUP, "a TPM object of type 0x%04x has no public key", area.type);
        if (r != 0)
                return r;
        pubkey_clear(ret);
        *ret = k;
        k = (struct pubkey){ 0 };
        return 0;
}

int tpmt_spki(struct bytes pub, struct buf *ret)
{
        CLEANUP(pubkey_clear) struct pubkey key = { 0 };
        TPM2B_PUBLIC area;
        int r;

        r = tpmt_public_decode(pub, &area);
        if (r == 0)
                r = tpmt_pubkey(&area, &key);
        return r == 0 ? pubkey_to_spki(&key, ret) : r;
}

static bool kind_fits(const struct key_kind *k, const TPMT_PUBLIC *p)
{
        switch (k->ckk) {
        case CKK_EC:
                return p->type == TPM2_ALG_ECC && p->parameters.eccDetail.curveID == k->curve->tpm;
        case CKK_RSA:
                return p->type == TPM2_ALG_RSA && p->parameters.rsaDetail.keyBits == k->bits;
        default:
                return p->type == TPM2_ALG_KEYEDHASH && p->parameters.keyedHashDetail.scheme.scheme == TPM2_ALG_HMAC &&
                       p->parameters.keyedHashDetail.scheme.details.hmac.hashAlg == k->hash->tpm;
        }
}

const struct key_kind *tpmt_kind(const TPM2B_PUBLIC *p)
{
        const struct key_kind *k;

        for (size_t i = 0; (k = key_kind_at(i)); i++)
                if (kind_fits(k, &p->publicArea))
                        return k;
        return NULL;
}

static TPMA_OBJECT common_attributes(bool da)
{
        return TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_USERWITHAUTH | (da ? 0 : TPMA_OBJECT_NODA);
}

static void ecc_template(const struct curve *c, TPMT_PUBLIC *p)
{
        p->type = TPM2_ALG_ECC;
        p->parameters.eccDetail = (TPMS_ECC_PARMS){
                .symmetric.algorithm = TPM2_ALG_NULL,
                .scheme.scheme = TPM2_ALG_NULL,
                .curveID = c->tpm,
                .kdf.scheme = TPM2_ALG_NULL,
        };
}

/* Exponent 0, the default. */
static void rsa_template(unsigned bits, TPMT_PUBLIC *p)
{
        p->type = TPM2_ALG_RSA;
        p->parameters.rsaDetail = (TPMS_RSA_PARMS){
                .symmetric.algorithm = TPM2_ALG_NULL,
                .scheme.scheme = TPM2_ALG_NULL,
                .keyBits = (uint16_t)bits,
        };
}

static void hmac_template(const struct hash *h, TPMT_PUBLIC *p)
{
        p->type = TPM2_ALG_KEYEDHASH;
        p->parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_HMAC;
        p->parameters.keyedHashDetail.scheme.details.hmac.hashAlg = h->tpm;
}

/* PSS with a caller's salt, and hashes the chip does not know, take the private operation bare, which is
 * TPM2_RSA_Decrypt: an RSA key needs both attributes to sign. An HMAC key can do nothing else. */
static TPMA_OBJECT usage_attributes(const struct key_kind *k, unsigned ops)
{
        if (k->ckk == CKK_RSA)
                return TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_DECRYPT;
        if (k->ckk != CKK_EC)
                return TPMA_OBJECT_SIGN_ENCRYPT;
        return (ops & ALG_SIGN ? TPMA_OBJECT_SIGN_ENCRYPT : 0) | (ops & (ALG_DERIVE | ALG_DECRYPT) ? TPMA_OBJECT_DECRYPT : 0);
}

int tpmt_template_key(const struct key_kind *k, unsigned ops, bool da, TPM2B_PUBLIC *ret)
{
        TPM2B_PUBLIC t = { 0 };
        TPMT_PUBLIC *p = &t.publicArea;

        if (ops == 0 || (ops & ~(unsigned)(ALG_SIGN | ALG_DECRYPT | ALG_DERIVE)) != 0)
                return err(ERR_INVAL, "a key must sign, decrypt or derive");
        p->nameAlg = TPM2_ALG_SHA256;
        p->objectAttributes = common_attributes(da) | TPMA_OBJECT_SENSITIVEDATAORIGIN | usage_attributes(k, ops);
        if (k->ckk == CKK_EC)
                ecc_template(k->curve, p);
        else if (k->ckk == CKK_RSA)
                rsa_template(k->bits, p);
        else
                hmac_template(k->hash, p);
        *ret = t;
        return 0;
}

void tpmt_template_sealed(bool da, TPM2B_PUBLIC *ret)
{
        *ret = (TPM2B_PUBLIC){
                .publicArea = {
                        .type = TPM2_ALG_KEYEDHASH,
                        .nameAlg = TPM2_ALG_SHA256,
                        .objectAttributes = common_attributes(da),
                        .parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL,
                },
        };
}

void tpmt_template_srk(TPM2B_PUBLIC *ret)
{
        *ret = (TPM2B_PUBLIC){
                .publicArea = {
                        .type = TPM2_ALG_ECC,
                        .nameAlg = TPM2_ALG_SHA256,
                        .objectAttributes = common_attributes(false) | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                                            TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
                        .parameters.eccDetail = {
                                .symmetric = {
                                        .algorithm = TPM2_ALG_AES,
                                        .keyBits.aes = 128,
                                        .mode.aes = TPM2_ALG_CFB,
                                },
                                .scheme.scheme = TPM2_ALG_NULL,
                                .curveID = TPM2_ECC_NIST_P256,
                                .kdf.scheme = TPM2_ALG_NULL,
                        },
                },
        };
}
