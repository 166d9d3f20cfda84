/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a mechanism reach the daemon that p11-kit's client would drop? Numbers go as four octets, big-endian. */
#include "pkcs11/carry.h"
#include "lib/alg.h"
#include "pkcs11/rv.h"

#define NUMBER 4

void carried_clear(struct carried *c)
{
        buf_clear(&c->octets);
}

static bool of_alg(const struct alg *a)
{
        if (a == NULL)
                return false;
        return a->scheme == SCHEME_ECDH || ((a->scheme == SCHEME_ECDSA || a->scheme == SCHEME_RSA_PSS) && a->hash != NULL);
}

bool carry_needed(CK_MECHANISM_TYPE m)
{
        return of_alg(alg_by_ckm(m));
}

static bool fits(CK_ULONG v)
{
        return v <= UINT32_MAX;
}

static CK_RV pack_pss(const CK_MECHANISM *m, struct buf *out)
{
        const CK_RSA_PKCS_PSS_PARAMS *p = m->pParameter;
        int r;

        if (p == NULL || m->ulParameterLen != sizeof(*p) || !fits(p->hashAlg) || !fits(p->mgf) || !fits(p->sLen))
                return CKR_MECHANISM_PARAM_INVALID;
        r = buf_append_u32(out, (uint32_t)p->hashAlg);
        if (r == 0)
                r = buf_append_u32(out, (uint32_t)p->mgf);
        if (r == 0)
                r = buf_append_u32(out, (uint32_t)p->sLen);
        return rv_from_err(r);
}

static CK_RV pack_ecdh(const CK_MECHANISM *m, struct buf *out)
{
        const CK_ECDH1_DERIVE_PARAMS *p = m->pParameter;
        int r;

        if (p == NULL || m->ulParameterLen != sizeof(*p) || !fits(p->kdf) || !fits(p->ulSharedDataLen) || p->pPublicData == NULL ||
            (p->pSharedData == NULL && p->ulSharedDataLen != 0))
                return CKR_MECHANISM_PARAM_INVALID;
        r = buf_append_u32(out, (uint32_t)p->kdf);
        if (r == 0)
                r = buf_append_u32(out, (uint32_t)p->ulSharedDataLen);
        if (r == 0)
                r = buf_append(out, p->pSharedData, p->ulSharedDataLen);
        if (r == 0)
                r = buf_append(out, p->pPublicData, p->ulPublicDataLen);
        return rv_from_err(r);
}

static CK_RV pack(const struct alg *a, const CK_MECHANISM *m, struct buf *out)
{
        if (a->scheme == SCHEME_RSA_PSS)
                return pack_pss(m, out);
        if (a->scheme == SCHEME_ECDH)
                return pack_ecdh(m, out);
        return m->ulParameterLen == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

CK_RV carry_pack(const CK_MECHANISM *m, struct carried *c, CK_MECHANISM **ret)
{
        const struct alg *a = m != NULL ? alg_by_ckm(m->mechanism) : NULL;
        CK_RV rv;

        c->m = m != NULL ? *m : (CK_MECHANISM){ 0 };
        *ret = &c->m;
        if (m != NULL && !of_alg(a))
                return CKR_OK;
        rv = m != NULL ? pack(a, m, &c->octets) : CKR_OK;
        if (rv != CKR_OK)
                return rv;
        c->params.oaep = (CK_RSA_PKCS_OAEP_PARAMS){
                .hashAlg = m != NULL ? m->mechanism : CKM_HF_NONE, .mgf = CKG_HF_CARRIED, .source = CKZ_DATA_SPECIFIED,
                .pSourceData = c->octets.ptr, .ulSourceDataLen = c->octets.len,
        };
        c->m = (CK_MECHANISM){ CKM_RSA_PKCS_OAEP, &c->params.oaep, sizeof(c->params.oaep) };
        return CKR_OK;
}

static uint32_t number_at(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool unpack_pss(struct bytes in, struct carried *c)
{
        if (in.len != 3 * NUMBER)
                return false;
        c->params.pss = (CK_RSA_PKCS_PSS_PARAMS){ number_at(in.ptr), number_at(in.ptr + NUMBER), number_at(in.ptr + 2 * NUMBER) };
        c->m.pParameter = &c->params.pss;
        c->m.ulParameterLen = sizeof(c->params.pss);
        return true;
}

static bool unpack_ecdh(struct bytes in, struct carried *c)
{
        size_t shared;

        if (in.len < 2 * NUMBER || number_at(in.ptr + NUMBER) > in.len - 2 * NUMBER)
                return false;
        shared = number_at(in.ptr + NUMBER);
        c->params.ecdh = (CK_ECDH1_DERIVE_PARAMS){ .kdf = number_at(in.ptr), .ulSharedDataLen = shared, .ulPublicDataLen = in.len - 2 * NUMBER - shared };
        c->params.ecdh.pSharedData = (CK_BYTE *)in.ptr + 2 * NUMBER;
        c->params.ecdh.pPublicData = (CK_BYTE *)in.ptr + 2 * NUMBER + shared;
        c->m.pParameter = &c->params.ecdh;
        c->m.ulParameterLen = sizeof(c->params.ecdh);
        return true;
}

CK_RV carry_unpack(const CK_MECHANISM *m, struct carried *c, const CK_MECHANISM **ret)
{
        const CK_RSA_PKCS_OAEP_PARAMS *p;
        const struct alg *a;
        struct bytes in;
        bool good;

        *ret = m;
        if (m == NULL || m->mechanism != CKM_RSA_PKCS_OAEP || m->pParameter == NULL || m->ulParameterLen != sizeof(*p))
                return CKR_OK;
        p = m->pParameter;
        if (p->mgf != CKG_HF_CARRIED)
                return CKR_OK;
        a = alg_by_ckm(p->hashAlg);
        in = BYTES(p->pSourceData, p->ulSourceDataLen);
        if (in.ptr == NULL && in.len != 0)
                return CKR_MECHANISM_PARAM_INVALID;
        if (p->hashAlg == CKM_HF_NONE) {
                *ret = NULL;
                return in.len == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
        }
        if (!of_alg(a))
                return CKR_MECHANISM_PARAM_INVALID;
        c->m = (CK_MECHANISM){ .mechanism = p->hashAlg };
        *ret = &c->m;
        if (a->scheme == SCHEME_RSA_PSS)
                good = unpack_pss(in, c);
        else if (a->scheme == SCHEME_ECDH)
                good = unpack_ecdh(in, c);
        else
                good = in.len == 0;
        return good ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}
