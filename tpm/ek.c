/* SPDX-License-Identifier: BSD-2-Clause */
/* Which TPM is this, and who says so? */
#include "tpm/ek.h"

#include <string.h>
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tpm/ctx.h"

#define EK_HANDLE_FIRST 0x81010000u     /* where endorsement keys are kept (TCG, Registry of Reserved TPM 2.0 Handles) */
#define EK_HANDLE_LAST 0x810100ffu
#define NV_FIRST 0x01c00000u            /* where the EK Credential Profile begins */
#define HANDLES_MAX 254                 /* that one answer lists */
#define CHAIN_MAX 65536

/* TCG EK Credential Profile, 2.2.1: places and templates, in the order in which they are tried: curves are made in an instant. */
struct place {
        uint32_t certificate, nonce, template; /* NV indices; 0: it has none */
        uint16_t type, size;            /* size: curve, or bits */
        uint16_t hash, aes;
        bool high;
};
enum { LOW_P256, HIGH_P256, HIGH_P384, LOW_RSA2048, HIGH_RSA2048, HIGH_RSA3072 };
static const struct place places[] = {
        [LOW_P256] = { TPM_NV_EK_P256, 0x01c0000b, 0x01c0000c, TPM2_ALG_ECC, TPM2_ECC_NIST_P256, TPM2_ALG_SHA256, 128, false },
        [HIGH_P256] = { TPM_NV_EK_P256_HIGH, 0, 0x01c00015, TPM2_ALG_ECC, TPM2_ECC_NIST_P256, TPM2_ALG_SHA256, 128, true },
        [HIGH_P384] = { TPM_NV_EK_P384_HIGH, 0, 0x01c00017, TPM2_ALG_ECC, TPM2_ECC_NIST_P384, TPM2_ALG_SHA384, 256, true },
        [LOW_RSA2048] = { TPM_NV_EK_RSA2048, 0x01c00003, 0x01c00004, TPM2_ALG_RSA, 2048, TPM2_ALG_SHA256, 128, false },
        [HIGH_RSA2048] = { TPM_NV_EK_RSA2048_HIGH, 0, 0x01c00013, TPM2_ALG_RSA, 2048, TPM2_ALG_SHA256, 128, true },
        [HIGH_RSA3072] = { TPM_NV_EK_RSA3072_HIGH, 0, 0x01c0001d, TPM2_ALG_RSA, 3072, TPM2_ALG_SHA384, 256, true },
};

void tpm_ek_clear(struct tpm_ek *ek)
{
        buf_clear(&ek->template);
        buf_clear(&ek->pub);
        buf_clear(&ek->name);
        buf_clear(&ek->certificate);
        ek->index = ek->handle = 0;
}

/* The low range's keys are used by policy alone, and their unique part is zeros; the high range's is empty. */
static int profile_template(const struct place *p, TPM2B_PUBLIC *ret)
{
        const TPMT_SYM_DEF_OBJECT aes = { .algorithm = TPM2_ALG_AES, .keyBits.aes = p->aes, .mode.aes = TPM2_ALG_CFB };
        TPMT_PUBLIC *a = &ret->publicArea;

        *ret = (TPM2B_PUBLIC){ 0 };
        a->type = p->type;
        a->nameAlg = p->hash;
        a->objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |
                              TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
        if (p->high)
                a->objectAttributes |= TPMA_OBJECT_USERWITHAUTH;
        if (p->type == TPM2_ALG_ECC) {
                a->parameters.eccDetail.symmetric = aes;
                a->parameters.eccDetail.scheme.scheme = a->parameters.eccDetail.kdf.scheme = TPM2_ALG_NULL;
                a->parameters.eccDetail.curveID = p->size;
                if (!p->high)
                        a->unique.ecc.x.size = a->unique.ecc.y.size = (uint16_t)curve_by_tpm(p->size)->size;
        } else {
                a->parameters.rsaDetail.symmetric = aes;
                a->parameters.rsaDetail.scheme.scheme = TPM2_ALG_NULL;
                a->parameters.rsaDetail.keyBits = p->size;
                if (!p->high)
                        a->unique.rsa.size = p->size / 8;
        }
        return ek_policy(p->high ? EK_POLICY_B : EK_POLICY_A, p->hash, &a->authPolicy);
}

static int make_ek(struct tpm *t, void *arg)
{
        struct tpm_ek *ek = arg;
        TPM2B_PUBLIC template;
        const struct primary primary = { .hierarchy = TPM2_RH_ENDORSEMENT, .template = &template };
        uint32_t handle;
        int r = tpmt_public_decode(BYTES_OF(&ek->template), &template);

        if (r == 0)
                r = primary_make(t, &primary, &handle, &ek->pub, &ek->name);
        return r == ERR_AUTH ? err(r, "the endorsement hierarchy of this TPM wants an authorisation") : r;
}

static int make(struct tpm *t, const struct place *p, struct tpm_ek *ek)
{
        return tpm_operate(t, p->type == TPM2_ALG_RSA ? PATIENCE_RSA : PATIENCE, make_ek, ek);
}

/* As the profile has it, without a look at NV. */
static int make_plain(struct tpm *t, const struct place *p, struct tpm_ek *ret)
{
        TPM2B_PUBLIC template;
        int r = profile_template(p, &template);

        if (r == 0)
                r = tpmt_public_encode(&template, &ret->template);
        return r != 0 ? r : make(t, p, ret);
}

int tpm_ek_public(struct tpm *t, struct buf *ret_pub)
{
        CLEANUP(tpm_ek_clear) struct tpm_ek ek = { 0 };
        int r = make_plain(t, &places[LOW_P256], &ek);

        if (r == 0)
                buf_take(&ek.pub, ret_pub);
        return r;
}

static int make_default(struct tpm *t, struct tpm_ek *ret)
{
        int r = make_plain(t, &places[LOW_P256], ret);

        return r == ERR_NOTSUP ? make_plain(t, &places[LOW_RSA2048], ret) : r;
}

int tpm_ek_name(struct tpm *t, struct buf *ret)
{
        CLEANUP(tpm_ek_clear) struct tpm_ek ek = { 0 };
        int r = make_default(t, &ek);

        if (r == 0)
                buf_take(&ek.name, ret);
        return r;
}

/* What the TPM has, of a kind */

struct handles {
        uint32_t first;
        uint32_t list[HANDLES_MAX];
        size_t n;
};

static int read_handles(struct tpm *t, void *arg)
{
        struct handles *h = arg;

        return list_handles(t, h->first, h->list, ARRAY_LEN(h->list), &h->n);
}

static bool has(const struct handles *h, uint32_t handle)
{
        for (size_t i = 0; i < h->n; i++)
                if (h->list[i] == handle)
                        return handle != 0;
        return false;
}

/* Instead of zeros, what a maker put in NV beside the certificate: filled up with zeros to the size of the key. */
static int put_nonce(struct bytes nonce, TPMT_PUBLIC *a)
{
        TPM2B_ECC_PARAMETER *x = &a->unique.ecc.x;
        const bool rsa = a->type == TPM2_ALG_RSA;
        const struct curve *curve = rsa ? NULL : curve_by_tpm(a->parameters.eccDetail.curveID);
        size_t size = rsa ? a->parameters.rsaDetail.keyBits / 8 : curve != NULL ? curve->size : 0;

        if (nonce.len > size || size > (rsa ? sizeof(a->unique.rsa.buffer) : sizeof(x->buffer)))
                return err(ERR_FORMAT, "the endorsement key's nonce in NV is longer than the key");
        memset(&a->unique, 0, sizeof(a->unique));
        if (rsa)
                a->unique.rsa.size = (uint16_t)size;
        else
                x->size = a->unique.ecc.y.size = (uint16_t)size;
        if (nonce.len > 0)
                memcpy(rsa ? a->unique.rsa.buffer : x->buffer, nonce.ptr, nonce.len);
        return 0;
}

/* A TPMT_PUBLIC, without its size. */
static int read_template(struct tpm *t, uint32_t index, TPM2B_PUBLIC *ret)
{
        CLEANUP(buf_clear) struct buf area = { 0 };
        CLEANUP(buf_clear) struct buf sized = { 0 };
        int r = tpm_nv_read(t, index, &area);

        if (r == 0)
                r = buf_append_u16(&sized, (uint16_t)area.len);
        if (r == 0)
                r = buf_append(&sized, area.ptr, area.len);
        return r != 0 ? r : tpmt_public_decode(BYTES_OF(&sized), ret);
}

static int template_of(struct tpm *t, const struct handles *nv, const struct place *p, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf nonce = { 0 };
        TPM2B_PUBLIC template;
        int r = has(nv, p->template) ? read_template(t, p->template, &template) : profile_template(p, &template);

        if (r == 0 && has(nv, p->nonce))
                r = tpm_nv_read(t, p->nonce, &nonce);
        if (r == 0 && nonce.len > 0)
                r = put_nonce(BYTES_OF(&nonce), &template.publicArea);
        return r != 0 ? r : tpmt_public_encode(&template, ret);
}

/* Is it kept in the TPM? That may save the half minute that an RSA key takes. */

struct kept {
        uint32_t handle;
        struct buf pub, name;
};

static int read_kept(struct tpm *t, void *arg)
{
        struct kept *k = arg;

        return public_read(t, k->handle, &k->pub, &k->name);
}

static bool is_from(struct bytes pub, struct bytes template)
{
        CLEANUP(buf_clear) struct buf plain = { 0 };
        TPM2B_PUBLIC a, b;

        if (tpmt_public_decode(pub, &a) != 0 || tpmt_public_decode(template, &b) != 0 || a.publicArea.type != b.publicArea.type)
                return false;
        a.publicArea.unique = b.publicArea.unique;
        return tpmt_public_encode(&a, &plain) == 0 && bytes_equal(BYTES_OF(&plain), template);
}

static int find_kept(struct tpm *t, struct tpm_ek *ek)
{
        struct handles h = { .first = EK_HANDLE_FIRST };
        int r = tpm_operate(t, PATIENCE, read_handles, &h);

        for (size_t i = 0; r == 0 && i < h.n && h.list[i] <= EK_HANDLE_LAST; i++) {
                struct kept k = { .handle = h.list[i] };

                r = tpm_operate(t, PATIENCE, read_kept, &k);
                if (r == 0 && is_from(BYTES_OF(&k.pub), BYTES_OF(&ek->template))) {
                        ek->handle = k.handle;
                        buf_take(&k.pub, &ek->pub);
                        buf_take(&k.name, &ek->name);
                        return 0;
                }
                buf_clear(&k.pub);
                buf_clear(&k.name);
        }
        return r != 0 ? r : err(ERR_NOENT, "no such endorsement key is kept in the TPM");
}

/* Its number stands in the certificate, whatever else does. */
static bool is_certified(const struct tpm_ek *ek)
{
        TPM2B_PUBLIC p;
        struct bytes number;

        if (tpmt_public_decode(BYTES_OF(&ek->pub), &p) != 0)
                return false;
        number = p.publicArea.type == TPM2_ALG_RSA ? BYTES(p.publicArea.unique.rsa.buffer, p.publicArea.unique.rsa.size)
                                                   : BYTES(p.publicArea.unique.ecc.x.buffer, p.publicArea.unique.ecc.x.size);
        return number.len > 0 && memmem(ek->certificate.ptr, ek->certificate.len, number.ptr, number.len) != NULL;
}

static int try_place(struct tpm *t, const struct handles *nv, const struct place *p, struct tpm_ek *ret)
{
        int r;

        ret->index = p->certificate;
        r = tpm_nv_read(t, p->certificate, &ret->certificate);
        if (r == 0)
                r = template_of(t, nv, p, &ret->template);
        if (r == 0)
                r = find_kept(t, ret);
        if (r == 0 && is_certified(ret))
                return 0;
        ret->handle = 0;
        if (r == 0 || r == ERR_NOENT)
                r = make(t, p, ret);
        if (r == 0 && !is_certified(ret))
                r = err(ERR_FOREIGN, "the certificate at NV index 0x%08x is not for the endorsement key that this TPM makes", p->certificate);
        return r;
}

/* A certificate that cannot be used is none. */
static bool passes(int r)
{
        return r == ERR_FOREIGN || r == ERR_NOTSUP || r == ERR_FORMAT || r == ERR_NOENT || r == ERR_RANGE;
}

static int find(struct tpm *t, const struct handles *nv, uint32_t index, struct tpm_ek *ret)
{
        int r = ERR_NOENT;

        for (size_t i = 0; i < ARRAY_LEN(places); i++) {
                if (!has(nv, places[i].certificate) || (index != 0 && index != places[i].certificate))
                        continue;
                tpm_ek_clear(ret);
                r = try_place(t, nv, &places[i], ret);
                if (r == 0 || index != 0 || !passes(r))
                        return r;
        }
        if (index != 0)
                return err(ERR_NOENT, "the TPM has no certificate of an endorsement key at NV index 0x%08x", index);
        tpm_ek_clear(ret);
        return make_default(t, ret);
}

static int read_chain(struct tpm *t, const struct handles *nv, struct buf *ret)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < nv->n; i++) {
                CLEANUP(buf_clear) struct buf part = { 0 };

                if (nv->list[i] < TPM_NV_EK_CHAIN_FIRST || nv->list[i] > TPM_NV_EK_CHAIN_LAST)
                        continue;
                r = tpm_nv_read(t, nv->list[i], &part);
                if (r == 0 && part.len > CHAIN_MAX - ret->len)
                        r = err(ERR_RANGE, "the chain of the endorsement key's certificate is longer than %d octets", CHAIN_MAX);
                if (r == 0)
                        r = buf_append(ret, part.ptr, part.len);
        }
        return r;
}

int tpm_ek_find(struct tpm *t, uint32_t index, struct tpm_ek *ret, struct buf *ret_chain)
{
        CLEANUP(tpm_ek_clear) struct tpm_ek ek = { 0 };
        CLEANUP(buf_clear) struct buf chain = { 0 };
        struct handles nv = { .first = NV_FIRST };
        int r;

        r = tpm_operate(t, PATIENCE, read_handles, &nv);
        if (r == 0)
                r = find(t, &nv, index, &ek);
        if (r == 0 && ek.index != 0)
                r = read_chain(t, &nv, &chain);
        if (r != 0)
                return r;
        buf_take(&chain, ret_chain);
        tpm_ek_clear(ret);
        *ret = ek;
        ek = (struct tpm_ek){ 0 };
        return 0;
}
