/* SPDX-License-Identifier: BSD-2-Clause */
/* Is this the public area of a TPM's endorsement key? The one that a template of the TCG EK Credential Profile gives is built and compared. */
#include <string.h>
#include "attest/ek.h"
#include "attest/public.h"
#include "lib/crypto.h"
#include "lib/ec.h"
#include "lib/err.h"

#define RSA_EXPONENT 65537
#define DIGEST_MAX 48

/* Low range: by policy alone. High range: by its authorisation value, too, and by a policy that the owner can change. */
#define LOW (TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | \
             TPMA_OBJECT_DECRYPT)
#define HIGH (LOW | TPMA_OBJECT_USERWITHAUTH)

/* Policy A: TPM2_PolicySecret(TPM_RH_ENDORSEMENT). Policy B: that or TPM2_PolicyAuthorizeNV. */
#define A_SHA256 \
        { 0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, \
          0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa }
#define B_SHA256 \
        { 0xca, 0x3d, 0x0a, 0x99, 0xa2, 0xb9, 0x39, 0x06, 0xf7, 0xa3, 0x34, 0x24, 0x14, 0xef, 0xcf, 0xb3, \
          0xa3, 0x85, 0xd4, 0x4c, 0xd1, 0xfd, 0x45, 0x90, 0x89, 0xd1, 0x9b, 0x50, 0x71, 0xc0, 0xb7, 0xa0 }
#define B_SHA384 \
        { 0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50, 0xbc, 0x53, 0xd8, 0x82, 0xbc, 0xf5, 0xfd, 0x3a, 0x1a, \
          0x07, 0x41, 0x48, 0xbb, 0x35, 0xd3, 0xb4, 0xe4, 0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19, 0xca, \
          0xcb, 0x47, 0xba, 0x09, 0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0, 0x00, 0xf3, 0xf8, 0x0e, 0x12 }

static const struct template {
        const char *name;
        uint16_t type, name_hash;
        uint16_t size;                  /* bits of the modulus, or the curve */
        uint16_t aes;                   /* bits */
        TPMA_OBJECT attributes;
        uint8_t policy[DIGEST_MAX];
} templates[] = {
        { "L-1 (RSA-2048)", TPM2_ALG_RSA, TPM2_ALG_SHA256, 2048, 128, LOW, A_SHA256 },
        { "L-2 (P-256)", TPM2_ALG_ECC, TPM2_ALG_SHA256, TPM2_ECC_NIST_P256, 128, LOW, A_SHA256 },
        { "H-1 (RSA-2048)", TPM2_ALG_RSA, TPM2_ALG_SHA256, 2048, 128, HIGH, B_SHA256 },
        { "H-2 (P-256)", TPM2_ALG_ECC, TPM2_ALG_SHA256, TPM2_ECC_NIST_P256, 128, HIGH, B_SHA256 },
        { "H-3 (P-384)", TPM2_ALG_ECC, TPM2_ALG_SHA384, TPM2_ECC_NIST_P384, 256, HIGH, B_SHA384 },
        { "H-6 (RSA-3072)", TPM2_ALG_RSA, TPM2_ALG_SHA384, 3072, 256, HIGH, B_SHA384 },
};

const char *ek_template_name(size_t i)
{
        return i < ARRAY_LEN(templates) ? templates[i].name : NULL;
}

/* The public area of that template with this key. */
static int is_of_template(const struct public *p, const struct template *t, bool *ret)
{
        const TPMT_PUBLIC *a = &p->area.publicArea;
        const TPMT_SYM_DEF_OBJECT aes = { .algorithm = TPM2_ALG_AES, .keyBits.aes = t->aes, .mode.aes = TPM2_ALG_CFB };
        TPM2B_PUBLIC want = { .publicArea = { .type = t->type, .nameAlg = t->name_hash, .objectAttributes = t->attributes, .unique = a->unique } };
        CLEANUP(buf_clear) struct buf octets = { 0 };
        int r;

        *ret = false;
        if (a->type != t->type)
                return 0;
        want.publicArea.authPolicy.size = (UINT16)hash_by_tpm(t->name_hash)->size;
        memcpy(want.publicArea.authPolicy.buffer, t->policy, want.publicArea.authPolicy.size);
        if (t->type == TPM2_ALG_ECC)
                want.publicArea.parameters.eccDetail = (TPMS_ECC_PARMS){
                        .symmetric = aes, .scheme.scheme = TPM2_ALG_NULL, .curveID = t->size, .kdf.scheme = TPM2_ALG_NULL,
                };
        else
                want.publicArea.parameters.rsaDetail = (TPMS_RSA_PARMS){
                        .symmetric = aes, .scheme.scheme = TPM2_ALG_NULL, .keyBits = t->size,
                        /* Both ways to say the same: TPM 2.0 Part 2, 12.2.3.5. */
                        .exponent = a->parameters.rsaDetail.exponent == 0 ? 0 : RSA_EXPONENT,
                };
        r = public_encode(&want, &octets);
        if (r == 0)
                *ret = bytes_equal(BYTES_OF(&p->octets), BYTES_OF(&octets));
        return r;
}

/* Is it a key at all? */
static int check_number(const struct public *p)
{
        const struct pubkey *k = &p->key;
        int r;

        if (k->curve) {
                r = ec_check(k->curve, BYTES_OF(&k->x), BYTES_OF(&k->y));
                return r == 0 || r == ERR_NOMEM ? r : err(ERR_DENIED, "the endorsement key's point is not on its curve");
        }
        if (pk_bits(BYTES_OF(&k->n)) != p->area.publicArea.parameters.rsaDetail.keyBits || (k->n.ptr[k->n.len - 1] & 1) == 0)
                return err(ERR_DENIED, "the endorsement key's modulus is none of %u bits", p->area.publicArea.parameters.rsaDetail.keyBits);
        return 0;
}

/* Why it is of no template, for whoever has to find out. */
static int of_none(const TPMT_PUBLIC *a)
{
        if (a->objectAttributes & TPMA_OBJECT_SIGN_ENCRYPT)
                return err(ERR_DENIED, "the endorsement key signs, which none does");
        if ((a->objectAttributes & LOW) != LOW)
                return err(ERR_DENIED, "the endorsement key has the attributes 0x%08x, and lacks some of 0x%08x: it is not one of a TPM's own", a->objectAttributes, LOW);
        return err(ERR_DENIED, "the endorsement key is of none of the templates that the TCG EK Credential Profile has");
}

int ek_check(struct bytes tpmt, struct buf *ret_name, struct buf *ret_spki)
{
        CLEANUP(public_clear) struct public p = { 0 };
        CLEANUP(buf_clear) struct buf spki = { 0 };
        bool is = false;
        int r;

        r = public_decode(tpmt, &p);
        for (size_t i = 0; r == 0 && !is && i < ARRAY_LEN(templates); i++)
                r = is_of_template(&p, &templates[i], &is);
        if (r == 0)
                r = is ? check_number(&p) : of_none(&p.area.publicArea);
        if (r == 0 && ret_spki)
                r = pubkey_to_spki(&p.key, &spki);
        if (r != 0)
                return r;
        if (ret_spki)
                buf_take(&spki, ret_spki);
        if (ret_name)
                buf_take(&p.name, ret_name);
        return 0;
}
