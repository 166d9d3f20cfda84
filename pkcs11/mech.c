/* SPDX-License-Identifier: BSD-2-Clause */
/* Which mechanisms does a token offer, and are the parameters of one right? */
#include "pkcs11/mech.h"
#include "lib/err.h"

/* Mechanisms that make keys; those that use them are lib/alg.c's rows, digests its hashes. */
static const struct {
        CK_MECHANISM_TYPE ckm;
        CK_KEY_TYPE ckk;
        CK_FLAGS flags;
} makers[] = {
        { CKM_EC_KEY_PAIR_GEN, CKK_EC, CKF_GENERATE_KEY_PAIR },
        { CKM_RSA_PKCS_KEY_PAIR_GEN, CKK_RSA, CKF_GENERATE_KEY_PAIR },
        { CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, CKF_GENERATE },
};

static const struct {
        unsigned op;
        CK_FLAGS flag;
} op_flags[] = {
        { ALG_SIGN, CKF_SIGN },
        { ALG_VERIFY, CKF_VERIFY },
        { ALG_DECRYPT, CKF_DECRYPT },
        { ALG_ENCRYPT, CKF_ENCRYPT },
        { ALG_DERIVE, CKF_DERIVE },
};

/* In bits, for all three kinds of key. */
static unsigned long kind_bits(const struct key_kind *kind)
{
        if (kind->curve != NULL)
                /* P-521 is the one curve whose size is not its octets times eight. */
                return kind->curve->size == 66 ? 521 : kind->curve->size * 8;
        return kind->hash != NULL ? kind->hash->size * 8 : kind->bits;
}

/* Fills the key sizes by what the hardware makes; false if it makes no key of that type. */
static bool key_sizes(struct keyring *k, CK_KEY_TYPE ckk, CK_MECHANISM_INFO *info)
{
        struct backend *b = keyring_backend(k);
        const struct key_kind *kind;
        bool any = false;
        size_t i;

        for (i = 0; (kind = key_kind_at(i)) != NULL; i++) {
                if (kind->ckk != ckk || !b->ops->can_make(b, kind))
                        continue;
                if (!any || kind_bits(kind) < info->ulMinKeySize)
                        info->ulMinKeySize = kind_bits(kind);
                if (!any || kind_bits(kind) > info->ulMaxKeySize)
                        info->ulMaxKeySize = kind_bits(kind);
                any = true;
        }
        if (any && ckk == CKK_EC)
                info->flags |= CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS;
        return any;
}

/* What of a row's operations this token does: ALG_*. */
static unsigned alg_ops(struct keyring *k, const struct alg *a)
{
        struct backend *b = keyring_backend(k);

        if (!b->ops->can(b, a))
                return 0;
        if (a->scheme == SCHEME_RSA_PKCS1 && !keyring_conf(k)->rsa_pkcs1_decrypt)
                return a->ops & ~(unsigned)ALG_DECRYPT;
        return a->ops;
}

static bool alg_info(struct keyring *k, const struct alg *a, CK_MECHANISM_INFO *info)
{
        unsigned ops = alg_ops(k, a);
        size_t i;

        for (i = 0; i < ARRAY_LEN(op_flags); i++)
                if ((ops & op_flags[i].op) != 0)
                        info->flags |= op_flags[i].flag;
        if (info->flags == 0)
                return false;
        info->flags |= CKF_HW;
        return key_sizes(k, a->ckk, info);
}

CK_RV mech_info(struct keyring *k, CK_MECHANISM_TYPE m, CK_MECHANISM_INFO *ret)
{
        CK_MECHANISM_INFO info = { 0 };
        const struct alg *a = alg_by_ckm(m);
        bool offered = false;
        size_t i;

        if (a != NULL) {
                offered = alg_info(k, a, &info);
        } else if (hash_by_ckm(m) != NULL) {
                info.flags = CKF_DIGEST;
                offered = true;
        }
        for (i = 0; i < ARRAY_LEN(makers); i++)
                if (makers[i].ckm == m) {
                        info.flags = CKF_HW | makers[i].flags;
                        offered = key_sizes(k, makers[i].ckk, &info);
                }
        if (!offered)
                return CKR_MECHANISM_INVALID;
        *ret = info;
        return CKR_OK;
}

/* All there could be, in order: makers, key users, digests. */
static bool candidate(size_t i, CK_MECHANISM_TYPE *ret)
{
        const struct hash *h;
        size_t n_algs = 0;

        if (i < ARRAY_LEN(makers)) {
                *ret = makers[i].ckm;
                return true;
        }
        i -= ARRAY_LEN(makers);
        while (n_algs < i && alg_at(n_algs) != NULL)
                n_algs++;
        if (alg_at(n_algs) != NULL) {
                *ret = alg_at(n_algs)->ckm;
                return true;
        }
        h = hash_at(i - n_algs);
        if (h == NULL)
                return false;
        *ret = h->ckm;
        return true;
}

size_t mech_count(struct keyring *k)
{
        CK_MECHANISM_INFO info;
        CK_MECHANISM_TYPE m;
        size_t i, n = 0;

        for (i = 0; candidate(i, &m); i++)
                if (mech_info(k, m, &info) == CKR_OK)
                        n++;
        return n;
}

CK_MECHANISM_TYPE mech_at(struct keyring *k, size_t at)
{
        CK_MECHANISM_INFO info;
        CK_MECHANISM_TYPE m;
        size_t i, n = 0;

        for (i = 0; candidate(i, &m); i++)
                if (mech_info(k, m, &info) == CKR_OK && n++ == at)
                        return m;
        return CK_UNAVAILABLE_INFORMATION;
}

static CK_RV no_params(const CK_MECHANISM *m, struct pk_params *p)
{
        (void)p;
        return m->ulParameterLen == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

static CK_RV pss_params(const CK_MECHANISM *m, struct pk_params *p)
{
        const CK_RSA_PKCS_PSS_PARAMS *pss = m->pParameter;
        const struct hash *h;

        if (pss == NULL || m->ulParameterLen != sizeof(*pss))
                return CKR_MECHANISM_PARAM_INVALID;
        h = hash_by_ckm(pss->hashAlg);
        p->mgf_hash = hash_by_mgf(pss->mgf);
        /* A mechanism that hashes has its hash in its name: both must say the same. */
        if (h == NULL || p->mgf_hash == NULL || (p->hash != NULL && p->hash != h))
                return CKR_MECHANISM_PARAM_INVALID;
        p->hash = h;
        p->salt_len = pss->sLen;
        return CKR_OK;
}

static CK_RV oaep_params(const CK_MECHANISM *m, struct pk_params *p)
{
        const CK_RSA_PKCS_OAEP_PARAMS *oaep = m->pParameter;

        if (oaep == NULL || m->ulParameterLen != sizeof(*oaep))
                return CKR_MECHANISM_PARAM_INVALID;
        p->hash = hash_by_ckm(oaep->hashAlg);
        p->mgf_hash = hash_by_mgf(oaep->mgf);
        if (p->hash == NULL || p->mgf_hash == NULL)
                return CKR_MECHANISM_PARAM_INVALID;
        /* With no label some programs leave the source 0. */
        if (oaep->source != CKZ_DATA_SPECIFIED && (oaep->source != 0 || oaep->ulSourceDataLen != 0))
                return CKR_MECHANISM_PARAM_INVALID;
        if (oaep->pSourceData == NULL && oaep->ulSourceDataLen != 0)
                return CKR_MECHANISM_PARAM_INVALID;
        p->label = BYTES(oaep->pSourceData, oaep->ulSourceDataLen);
        return CKR_OK;
}

/* Its own parameters are read by derive.c. */
static CK_RV ecdh_params(const CK_MECHANISM *m, struct pk_params *p)
{
        (void)p;
        return m->pParameter != NULL && m->ulParameterLen == sizeof(CK_ECDH1_DERIVE_PARAMS) ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

static CK_RV (*const params_of[])(const CK_MECHANISM *m, struct pk_params *p) = {
        [SCHEME_ECDSA] = no_params,
        [SCHEME_RSA_PKCS1] = no_params,
        [SCHEME_RSA_PSS] = pss_params,
        [SCHEME_RSA_OAEP] = oaep_params,
        [SCHEME_RSA_RAW] = no_params,
        [SCHEME_HMAC] = no_params,
        [SCHEME_ECDH] = ecdh_params,
};

CK_RV mech_params(struct keyring *k, const CK_MECHANISM *m, unsigned op, const struct alg **ret_alg, struct pk_params *ret)
{
        const struct alg *a = alg_by_ckm(m->mechanism);
        struct pk_params p = { 0 };
        CK_RV rv;

        if (a == NULL || (alg_ops(k, a) & op) == 0)
                return CKR_MECHANISM_INVALID;
        p.scheme = a->scheme;
        p.hash = a->hash;
        rv = params_of[a->scheme](m, &p);
        if (rv != CKR_OK)
                return rv;
        *ret_alg = a;
        *ret = p;
        return CKR_OK;
}
