/* SPDX-License-Identifier: BSD-2-Clause */
/* C_DeriveKey: ECDH in the TPM, the secret into a session key. */
#include "lib/crypto.h"
#include "lib/err.h"
#include "pkcs11/call.h"
#include "pkcs11/carry.h"
#include "pkcs11/mech.h"
#include "pkcs11/object.h"
#include "pkcs11/rv.h"
#include "pkcs11/template.h"

#define DERIVED_MAX 1024

/* ANSI X9.63 key derivation, by the hash that a CKD_ number names. */
static const struct {
        unsigned long ckd;
        unsigned long ckm;
} kdfs[] = {
        { CKD_SHA1_KDF, CKM_SHA_1 },
        { CKD_SHA224_KDF, CKM_SHA224 },
        { CKD_SHA256_KDF, CKM_SHA256 },
        { CKD_SHA384_KDF, CKM_SHA384 },
        { CKD_SHA512_KDF, CKM_SHA512 },
};

static const struct hash *kdf_hash(unsigned long ckd)
{
        size_t i;

        for (i = 0; i < ARRAY_LEN(kdfs); i++)
                if (kdfs[i].ckd == ckd)
                        return hash_by_ckm(kdfs[i].ckm);
        return NULL;
}

/* SEC 1, 3.6.1: Hash(Z || counter || SharedInfo), as often as needed. */
static int x963(const struct hash *h, struct bytes z, struct bytes shared, size_t len, struct buf *ret)
{
        uint8_t block[HASH_MAX];
        uint32_t i;
        int r = 0;

        for (i = 1; r == 0 && ret->len < len; i++) {
                const uint8_t counter[4] = { (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
                const struct bytes parts[] = { z, BYTES(counter, sizeof(counter)), shared };

                r = crypto_hash(h, parts, ARRAY_LEN(parts), block);
                if (r == 0)
                        r = buf_append(ret, block, len - ret->len < h->size ? len - ret->len : h->size);
        }
        wipe(block, sizeof(block));
        return r;
}

/* CKA_VALUE_LEN of the template; 0 if it has none. */
static CK_RV value_len(struct template t, CK_ULONG *ret)
{
        CK_RV rv;

        rv = template_check(t);
        if (rv == CKR_OK)
                rv = template_ulong(t, CKA_VALUE_LEN, 0, ret);
        if (rv == CKR_OK && (*ret > DERIVED_MAX || (*ret == 0 && template_get(t, CKA_VALUE_LEN) != NULL)))
                rv = CKR_ATTRIBUTE_VALUE_INVALID;
        return rv;
}

static CK_RV check_params(const CK_ECDH1_DERIVE_PARAMS *p)
{
        if (p->pPublicData == NULL || (p->pSharedData == NULL && p->ulSharedDataLen != 0))
                return CKR_MECHANISM_PARAM_INVALID;
        if (p->kdf == CKD_NULL)
                return p->ulSharedDataLen == 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
        return kdf_hash(p->kdf) != NULL ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

/* The key's value from the shared secret z; len 0: as long as z, or as the KDF's hash. */
static CK_RV shape(const CK_ECDH1_DERIVE_PARAMS *p, struct bytes z, CK_ULONG len, struct buf *ret)
{
        const struct hash *h = kdf_hash(p->kdf);

        if (h != NULL)
                return rv_from_err(x963(h, z, BYTES(p->pSharedData, p->ulSharedDataLen), len != 0 ? len : h->size, ret));
        if (len > z.len)
                return CKR_TEMPLATE_INCONSISTENT;
        /* PKCS#11 v3.0 current mechanisms, 2.3.19: truncation takes octets from the leading end. */
        if (len != 0)
                z = BYTES(z.ptr + z.len - len, len);
        return rv_from_err(buf_set(ret, z));
}

static CK_RV derive(struct session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE base, const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
        CLEANUP(object_unrefp) struct object *key = NULL;
        CLEANUP(buf_clear) struct buf value = { 0 };
        CLEANUP(buf_clear) struct buf z = { 0 };
        struct carried carried = { 0 };
        const CK_ECDH1_DERIVE_PARAMS *p;
        struct pk_params unused;
        const struct alg *a;
        struct key_use use;
        CK_ULONG len;
        CK_RV rv;
        int r;

        rv = s->app->host != NULL ? carry_unpack(m, &carried, &m) : CKR_OK;
        if (rv != CKR_OK)
                return rv;
        if (m == NULL || ret == NULL || (t == NULL && n != 0))
                return CKR_ARGUMENTS_BAD;
        rv = mech_params(session_keyring(s), m, ALG_DERIVE, &a, &unused);
        if (rv != CKR_OK)
                return rv;
        p = m->pParameter;
        rv = check_params(p);
        if (rv == CKR_OK)
                rv = value_len(TEMPLATE(t, n), &len);
        if (rv == CKR_OK)
                rv = object_for_use(s, base, CKA_DERIVE, m->mechanism, a->ckk, &key);
        if (rv != CKR_OK)
                return rv;
        /* A derivation has no moment for the context-specific login that such a key wants. */
        if (object_always_authenticate(key))
                return CKR_USER_NOT_LOGGED_IN;

        use = session_use(s, object_item(key));
        r = signer_derive(session_keyring(s), &use, BYTES(p->pPublicData, p->ulPublicDataLen), &z);
        if (r == ERR_FORMAT)
                return CKR_MECHANISM_PARAM_INVALID;
        if (r != 0)
                return rv_from_err_range(r, CKR_MECHANISM_PARAM_INVALID);
        rv = shape(p, BYTES_OF(&z), len, &value);
        if (rv != CKR_OK)
                return rv;
        return object_add_secret(s, t, n, BYTES_OF(&value), ret);
}

CK_RV C_DeriveKey(CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, derive(c.session, m, base, t, n, ret));
}
