/* SPDX-License-Identifier: BSD-2-Clause */
/* Which TPM is this? */
#include "tpm/ek.h"

#include <string.h>
#include "lib/err.h"
#include "tpm/ctx.h"

/* TCG EK Credential Profile, 2.1.5: low-range templates. PolicySecret(TPM_RH_ENDORSEMENT). */
static const uint8_t ek_policy[] = {
        0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
        0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
};

static void template_common(TPMT_PUBLIC *p)
{
        p->nameAlg = TPM2_ALG_SHA256;
        p->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
                              TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
        p->authPolicy.size = sizeof(ek_policy);
        memcpy(p->authPolicy.buffer, ek_policy, sizeof(ek_policy));
}

static const TPMT_SYM_DEF_OBJECT aes = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB };

/* L-2 */
static void template_p256(TPM2B_PUBLIC *ret)
{
        TPMT_PUBLIC *p = &ret->publicArea;

        memset(ret, 0, sizeof(*ret));
        template_common(p);
        p->type = TPM2_ALG_ECC;
        p->parameters.eccDetail.symmetric = aes;
        p->parameters.eccDetail.scheme.scheme = TPM2_ALG_NULL;
        p->parameters.eccDetail.curveID = TPM2_ECC_NIST_P256;
        p->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
        p->unique.ecc.x.size = p->unique.ecc.y.size = 32;
}

/* L-1 */
static void template_rsa2048(TPM2B_PUBLIC *ret)
{
        TPMT_PUBLIC *p = &ret->publicArea;

        memset(ret, 0, sizeof(*ret));
        template_common(p);
        p->type = TPM2_ALG_RSA;
        p->parameters.rsaDetail.symmetric = aes;
        p->parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
        p->parameters.rsaDetail.keyBits = 2048;
        p->unique.rsa.size = 256;
}

struct ek {
        TPM2B_PUBLIC template;
        struct buf pub, name;
};

static void ek_clear(struct ek *ek)
{
        buf_clear(&ek->pub);
        buf_clear(&ek->name);
}

static int make_ek(struct tpm *t, void *arg)
{
        struct ek *ek = arg;
        const struct primary primary = { .hierarchy = TPM2_RH_ENDORSEMENT, .template = &ek->template };
        uint32_t handle;
        int r = primary_make(t, &primary, &handle, &ek->pub, &ek->name);

        return r == ERR_AUTH ? err(r, "the endorsement hierarchy of this TPM wants an authorisation") : r;
}

int tpm_ek_public(struct tpm *t, struct buf *ret_pub)
{
        CLEANUP(ek_clear) struct ek ek = { 0 };
        int r;

        template_p256(&ek.template);
        r = tpm_operate(t, PATIENCE, make_ek, &ek);
        if (r == 0)
                buf_take(&ek.pub, ret_pub);
        return r;
}

int tpm_ek_name(struct tpm *t, struct buf *ret)
{
        CLEANUP(ek_clear) struct ek ek = { 0 };
        int r;

        template_p256(&ek.template);
        r = tpm_operate(t, PATIENCE, make_ek, &ek);
        if (r == ERR_NOTSUP) {
                template_rsa2048(&ek.template);
                r = tpm_operate(t, PATIENCE_RSA, make_ek, &ek);
        }
        if (r == 0)
                buf_take(&ek.name, ret);
        return r;
}
