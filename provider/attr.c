/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a token say about its objects, and which public half does that make? */
#include "provider/attr.h"
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>
#include "lib/err.h"
#include "lib/x509.h"

#define LIST_CHUNK 64
#define VALUE_MAX 0x10000 /* octets of one attribute */

void values_clear(struct values *v)
{
        buf_clear(&v->memory);
        *v = (struct values){ 0 };
}

struct bytes values_get(const struct values *v, CK_ATTRIBUTE_TYPE type)
{
        for (size_t i = 0; i < v->n; i++)
                if (v->list[i].type == type)
                        return BYTES(v->list[i].pValue, v->list[i].ulValueLen);
        return (struct bytes){ 0 };
}

/* These say that single attributes are missing; the others are there (PKCS#11 5.7.5). */
static bool partly(CK_RV rv)
{
        return rv == CKR_OK || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE;
}

CK_RV values_read(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, const CK_ATTRIBUTE_TYPE *types, size_t n, struct values *ret)
{
        CK_ATTRIBUTE asked[VALUES_MAX];
        size_t used = 0, total = 0;
        CK_RV rv;

        values_clear(ret);
        for (size_t i = 0; i < n; i++)
                asked[i] = (CK_ATTRIBUTE){ types[i], NULL, 0 };
        rv = f->C_GetAttributeValue(s, h, asked, n);
        if (!partly(rv))
                return rv;
        for (size_t i = 0; i < n; i++) {
                if (asked[i].ulValueLen == CK_UNAVAILABLE_INFORMATION || asked[i].ulValueLen == 0)
                        continue;
                if (asked[i].ulValueLen > VALUE_MAX)
                        return CKR_GENERAL_ERROR;
                ret->list[used++] = asked[i];
                total += asked[i].ulValueLen + sizeof(CK_ULONG);
        }
        if (used == 0)
                return CKR_OK;
        if (buf_reserve(&ret->memory, total) != 0)
                return CKR_HOST_MEMORY;
        for (size_t i = 0; i < used; i++) {
                ret->list[i].pValue = ret->memory.ptr + ret->memory.len;
                /* Each where a CK_ULONG may lie. */
                ret->memory.len += (ret->list[i].ulValueLen + sizeof(CK_ULONG) - 1) / sizeof(CK_ULONG) * sizeof(CK_ULONG);
        }
        rv = f->C_GetAttributeValue(s, h, ret->list, used);
        if (rv == CKR_OK)
                ret->n = used;
        return rv;
}

void handles_clear(struct handles *h)
{
        buf_clear(&h->memory);
        h->n = 0;
}

CK_ULONG handles_at(const struct handles *h, size_t i)
{
        CK_ULONG v;

        memcpy(&v, h->memory.ptr + i * sizeof(v), sizeof(v));
        return v;
}

CK_RV slots_list(CK_FUNCTION_LIST *f, struct handles *ret)
{
        CK_RV rv = CKR_BUFFER_TOO_SMALL;

        /* A slot may come in between. */
        for (int tries = 0; rv == CKR_BUFFER_TOO_SMALL && tries < 3; tries++) {
                CK_ULONG n = 0;

                rv = f->C_GetSlotList(CK_TRUE, NULL, &n);
                if (rv != CKR_OK || n == 0)
                        return rv;
                if (buf_reserve(&ret->memory, n * sizeof(CK_SLOT_ID)) != 0)
                        return CKR_HOST_MEMORY;
                rv = f->C_GetSlotList(CK_TRUE, (CK_SLOT_ID *)(void *)ret->memory.ptr, &n);
                if (rv == CKR_OK)
                        ret->n = n;
        }
        return rv;
}

CK_RV objects_list(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, CK_ATTRIBUTE *template, size_t n, struct handles *ret)
{
        CK_OBJECT_HANDLE chunk[LIST_CHUNK];
        CK_ULONG got;
        CK_RV rv, end;

        rv = f->C_FindObjectsInit(s, template, n);
        if (rv != CKR_OK)
                return rv;
        do {
                got = 0;
                rv = f->C_FindObjects(s, chunk, LIST_CHUNK, &got);
                if (rv == CKR_OK && buf_append(&ret->memory, chunk, got * sizeof(chunk[0])) != 0)
                        rv = CKR_HOST_MEMORY;
                if (rv == CKR_OK)
                        ret->n += got;
        } while (rv == CKR_OK && got > 0);
        end = f->C_FindObjectsFinal(s);
        return rv == CKR_OK ? end : rv;
}

static struct bytes without_zeros(struct bytes b)
{
        while (b.len > 0 && b.ptr[0] == 0)
                b = BYTES(b.ptr + 1, b.len - 1);
        return b;
}

static int from_values(const struct values *v, CK_KEY_TYPE type, struct pubkey *ret)
{
        struct bytes spki = values_get(v, CKA_PUBLIC_KEY_INFO), point = values_get(v, CKA_EC_POINT);
        struct bytes n = without_zeros(values_get(v, CKA_MODULUS)), e = without_zeros(values_get(v, CKA_PUBLIC_EXPONENT));
        const struct curve *curve;
        int r;

        if (spki.len > 0)
                return pubkey_from_spki(spki, ret);
        if (type == CKK_RSA) {
                if (n.len == 0 || e.len == 0)
                        return err(ERR_NOENT, "the token does not tell the modulus");
                r = buf_set(&ret->n, n);
                if (r == 0)
                        r = buf_set(&ret->e, e);
                ret->ckk = CKK_RSA;
                return r;
        }
        if (type != CKK_EC)
                return err(ERR_NOTSUP, "the key is neither RSA nor EC");
        curve = curve_by_oid(values_get(v, CKA_EC_PARAMS));
        if (!curve)
                return err(ERR_NOTSUP, "the key is on a curve that is none of P-256, P-384 and P-521");
        return point.len > 0 ? pubkey_from_point(curve, point, ret) : err(ERR_NOENT, "the token does not tell the point");
}

/* Many tokens keep an EC key's point with the public key or certificate only. */
static int from_sibling(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, struct bytes id, CK_KEY_TYPE type, struct pubkey *ret)
{
        static const CK_ATTRIBUTE_TYPE of_public[] = { CKA_EC_PARAMS, CKA_EC_POINT, CKA_MODULUS, CKA_PUBLIC_EXPONENT }, of_cert[] = { CKA_VALUE };
        CK_OBJECT_CLASS class;
        CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, (void *)(uintptr_t)id.ptr, id.len } };

        for (class = CKO_CERTIFICATE; class <= CKO_PUBLIC_KEY; class++) {
                CLEANUP(values_clear) struct values v = { 0 };
                CLEANUP(handles_clear) struct handles found = { 0 };
                struct x509_parts parts;
                bool is_cert = class == CKO_CERTIFICATE;
                CK_RV rv = objects_list(f, s, template, ARRAY_LEN(template), &found);

                if (rv == CKR_OK && found.n > 0)
                        rv = values_read(f, s, handles_at(&found, 0), is_cert ? of_cert : of_public, is_cert ? 1 : ARRAY_LEN(of_public), &v);
                if (rv != CKR_OK || found.n == 0)
                        continue;
                if (!is_cert && from_values(&v, type, ret) == 0 && ret->ckk == type)
                        return 0;
                /* One ID may stand on things that do not belong together. */
                if (is_cert && x509_parts(values_get(&v, CKA_VALUE), &parts) == 0 && pubkey_from_spki(parts.spki, ret) == 0 && ret->ckk == type)
                        return 0;
        }
        return err(ERR_NOENT, "the token does not tell the key's public half: it needs the public key or certificate with the same ID beside it");
}

int public_half(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, CK_KEY_TYPE type, struct pubkey *ret)
{
        static const CK_ATTRIBUTE_TYPE types[] = { CKA_PUBLIC_KEY_INFO, CKA_ID, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS, CKA_EC_POINT };
        CLEANUP(values_clear) struct values v = { 0 };
        CK_RV rv = values_read(f, s, h, types, ARRAY_LEN(types), &v);
        int r;

        if (rv != CKR_OK)
                return err(ERR_NOENT, "C_GetAttributeValue failed: 0x%lx", rv);
        r = from_values(&v, type, ret);
        return r == ERR_NOENT && values_get(&v, CKA_ID).len > 0 ? from_sibling(f, s, values_get(&v, CKA_ID), type, ret) : r;
}

/* Takes what the builder holds. */
static EVP_PKEY *build(const struct provider *p, const char *type, OSSL_PARAM_BLD *b)
{
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(p->libctx, type, NULL);
        OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
        EVP_PKEY *pkey = NULL;

        if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0)
                pkey = NULL;
        OSSL_PARAM_free(params);
        EVP_PKEY_CTX_free(ctx);
        return pkey;
}

EVP_PKEY *public_evp(const struct provider *p, const struct pubkey *k)
{
        CLEANUP(buf_clear) struct buf point = { 0 };
        OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
        BIGNUM *n = NULL, *e = NULL;
        EVP_PKEY *pkey = NULL;

        if (b && k->ckk == CKK_RSA) {
                n = BN_bin2bn(k->n.ptr, (int)k->n.len, NULL);
                e = BN_bin2bn(k->e.ptr, (int)k->e.len, NULL);
                if (n && e && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e))
                        pkey = build(p, "RSA", b);
        } else if (b && pubkey_point(k, &point) == 0) {
                if (OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, k->curve->openssl, 0) &&
                    OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point.ptr, point.len))
                        pkey = build(p, "EC", b);
        }
        BN_free(n);
        BN_free(e);
        OSSL_PARAM_BLD_free(b);
        return pkey;
}
