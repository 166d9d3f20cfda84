/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects: what attributes say, that they only get stricter, and what templates may ask. Session key pairs, copies,
 * certificates that find their key, handles that mean nothing to another token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "holdfast/pkcs11.h"
#include "keys/keyring.h"
#include "lib/alg.h"
#include "lib/err.h"
#include "tests/token.h"

static struct token token;
static CK_FUNCTION_LIST_3_0 *f;
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY, public_key = CKO_PUBLIC_KEY, secret_key = CKO_SECRET_KEY, certificate = CKO_CERTIFICATE,
                       data = CKO_DATA, profile = CKO_PROFILE;
static CK_KEY_TYPE generic = CKK_GENERIC_SECRET, aes = CKK_AES, ec = CKK_EC, rsa = CKK_RSA;

#define BOOL(type, value) { (type), (value), sizeof(CK_BBOOL) }
#define ULONG(type, value) { (type), (value), sizeof(CK_ULONG) }
#define TEXT(type, value) { (type), (void *)(uintptr_t)(value), sizeof(value) - 1 }
#define N(template) (sizeof(template) / sizeof((template)[0]))

static int start(void **state)
{
        *state = &token;
        if (token_start(&token, NULL, 0) != 0)
                return -1;
        f = token.f;
        return 0;
}

static int stop(void **state)
{
        (void)state;
        return token_stop(&token);
}

/* Removes what the test left on the token, too. */
static int session_end(void **state)
{
        CK_ATTRIBUTE t = BOOL(CKA_TOKEN, &yes);
        CK_OBJECT_HANDLE h;
        CK_ULONG n;

        do {
                if (f->C_FindObjectsInit(token.s, &t, 1) != CKR_OK || f->C_FindObjects(token.s, &h, 1, &n) != CKR_OK ||
                    f->C_FindObjectsFinal(token.s) != CKR_OK)
                        return -1;
        } while (n == 1 && f->C_DestroyObject(token.s, h) == CKR_OK);
        return token_session_end(state);
}

static size_t get(CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, void *room, size_t size)
{
        CK_ATTRIBUTE a = { type, room, size };

        assert_int_equal(f->C_GetAttributeValue(token.s, h, &a, 1), CKR_OK);
        return a.ulValueLen;
}

static CK_RV get_rv(CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type)
{
        CK_BYTE room[8192];
        CK_ATTRIBUTE a = { type, room, sizeof(room) };
        CK_RV rv;

        rv = f->C_GetAttributeValue(token.s, h, &a, 1);
        if (rv != CKR_OK && rv != CKR_OBJECT_HANDLE_INVALID)
                assert_int_equal(a.ulValueLen, CK_UNAVAILABLE_INFORMATION);
        return rv;
}

static bool flag(CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type)
{
        CK_BBOOL b = 9;

        assert_int_equal(get(h, type, &b, sizeof(b)), sizeof(b));
        return b == CK_TRUE;
}

static CK_ULONG number(CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type)
{
        CK_ULONG n;

        assert_int_equal(get(h, type, &n, sizeof(n)), sizeof(n));
        return n;
}

static CK_RV set(CK_OBJECT_HANDLE h, CK_ATTRIBUTE a)
{
        return f->C_SetAttributeValue(token.s, h, &a, 1);
}

static CK_RV create(CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
        *ret = 0;
        return f->C_CreateObject(token.s, t, n, ret);
}

static CK_ULONG find(CK_ATTRIBUTE *t, CK_ULONG n_t, CK_OBJECT_HANDLE *first)
{
        CK_OBJECT_HANDLE h[32];
        CK_ULONG n;

        assert_int_equal(f->C_FindObjectsInit(token.s, t, n_t), CKR_OK);
        assert_int_equal(f->C_FindObjects(token.s, h, 32, &n), CKR_OK);
        assert_int_equal(f->C_FindObjectsFinal(token.s), CKR_OK);
        if (n > 0 && first != NULL)
                *first = h[0];
        return n;
}

static CK_ULONG count(CK_OBJECT_CLASS class)
{
        return find(&(CK_ATTRIBUTE)ULONG(CKA_CLASS, &class), 1, NULL);
}

static CK_RV sign(CK_OBJECT_HANDLE key)
{
        CK_BYTE digest[32] = { 1 }, sig[64];
        CK_ULONG len = sizeof(sig);
        CK_RV rv;

        rv = f->C_SignInit(token.s, &(CK_MECHANISM){ CKM_ECDSA, NULL, 0 }, key);
        return rv == CKR_OK ? f->C_Sign(token.s, digest, sizeof(digest), sig, &len) : rv;
}

static CK_RV make_ec(CK_ATTRIBUTE *more_pub, CK_ULONG n_pub, CK_ATTRIBUTE *priv, CK_ULONG n_priv, CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_priv)
{
        struct bytes oid = curve_by_name("P-256")->oid;
        CK_ATTRIBUTE pub[16] = { { CKA_EC_PARAMS, (void *)(uintptr_t)oid.ptr, oid.len } };

        if (n_pub > 0)
                memcpy(pub + 1, more_pub, n_pub * sizeof(*pub));
        return f->C_GenerateKeyPair(token.s, &(CK_MECHANISM){ CKM_EC_KEY_PAIR_GEN, NULL, 0 }, pub, n_pub + 1, priv, n_priv, ret_pub, ret_priv);
}

/* A certificate for the pair, signed by some other key. */
static size_t make_cert(CK_OBJECT_HANDLE pub, uint8_t der[2048])
{
        EVP_PKEY *issuer = EVP_EC_gen("P-256"), *key = token_public(&token, pub);
        X509 *x = X509_new();
        uint8_t *p = der;
        int len;

        X509_set_version(x, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x), 4711);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"build-42", -1, -1, 0);
        X509_NAME_add_entry_by_txt(X509_get_issuer_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"Some CA", -1, -1, 0);
        X509_gmtime_adj(X509_getm_notBefore(x), 0);
        X509_gmtime_adj(X509_getm_notAfter(x), 3600);
        X509_set_pubkey(x, key);
        assert_true(X509_sign(x, issuer, EVP_sha256()) > 0);
        assert_true(i2d_X509(x, NULL) < 2048);
        len = i2d_X509(x, &p);
        X509_free(x);
        EVP_PKEY_free(key);
        EVP_PKEY_free(issuer);
        return (size_t)len;
}

static void a_pairs_attributes(void **state)
{
        CK_OBJECT_HANDLE pub, priv;
        CK_BYTE a[256], b[256], point[256];
        size_t n;

        (void)state;
        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(number(priv, CKA_CLASS), CKO_PRIVATE_KEY);
        assert_int_equal(number(pub, CKA_CLASS), CKO_PUBLIC_KEY);
        assert_int_equal(number(priv, CKA_KEY_TYPE), CKK_EC);
        assert_true(flag(priv, CKA_TOKEN) && flag(priv, CKA_PRIVATE) && flag(priv, CKA_SENSITIVE) && flag(priv, CKA_ALWAYS_SENSITIVE));
        assert_true(flag(priv, CKA_NEVER_EXTRACTABLE) && flag(priv, CKA_LOCAL) && flag(pub, CKA_LOCAL) && flag(priv, CKA_SIGN) && flag(pub, CKA_VERIFY));
        assert_false(flag(priv, CKA_EXTRACTABLE) || flag(priv, CKA_UNWRAP) || flag(pub, CKA_WRAP) || flag(pub, CKA_PRIVATE) || flag(priv, CKA_DECRYPT));
        assert_int_equal(number(priv, CKA_KEY_GEN_MECHANISM), CKM_EC_KEY_PAIR_GEN);
        assert_int_equal(get_rv(priv, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
        assert_int_equal(get_rv(priv, CKA_PRIVATE_EXPONENT), CKR_ATTRIBUTE_TYPE_INVALID);
        assert_int_equal(get_rv(priv, CKA_MODULUS), CKR_ATTRIBUTE_TYPE_INVALID);
        assert_int_equal(get_rv(priv, 0xdeadbeef), CKR_ATTRIBUTE_TYPE_INVALID);

        /* The ID that certificate, public and private key share: of the key itself. */
        n = get(pub, CKA_PUBLIC_KEY_INFO, point, sizeof(point));
        EVP_Digest(point, n, a, NULL, EVP_sha256(), NULL);
        assert_int_equal(get(priv, CKA_ID, b, sizeof(b)), 20);
        assert_memory_equal(a, b, 20);
        assert_int_equal(get(pub, CKA_ID, b, sizeof(b)), 20);
        assert_memory_equal(a, b, 20);

        assert_int_equal(get(pub, CKA_EC_POINT, point, sizeof(point)), 67);
        assert_memory_equal(point, "\x04\x41\x04", 3);
        assert_int_equal(get(priv, CKA_HF_OWNER, a, sizeof(a)), strlen("dana@example.com"));
        assert_memory_equal(a, "dana@example.com", strlen("dana@example.com"));
        n = get(priv, CKA_UNIQUE_ID, a, sizeof(a));
        assert_true(n > 0 && (get(pub, CKA_UNIQUE_ID, b, sizeof(b)) != n || memcmp(a, b, n) != 0));
}

static void long_points_have_long_lengths(void **state)
{
        CK_OBJECT_HANDLE pub, priv;
        CK_BYTE point[256];

        (void)state;
        if (!key_kind_by_name("P-521"))
                skip();
        if (make_ec(NULL, 0, NULL, 0, &pub, &priv) != CKR_OK)
                fail();
        token_ec_pair(&token, "P-521", &pub, &priv);
        /* 04 81 85: a length above 127 takes two octets. */
        assert_int_equal(get(pub, CKA_EC_POINT, point, sizeof(point)), 3 + 133);
        assert_memory_equal(point, "\x04\x81\x85\x04", 4);
        EVP_PKEY_free(token_public(&token, pub));
}

static void rsa_attributes(void **state)
{
        static const CK_ATTRIBUTE_TYPE secret[] = {
                CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT,
        };
        CK_OBJECT_HANDLE pub, priv;
        CK_BYTE n[512], e[8];

        (void)state;
        token_rsa_pair(&token, 2048, &pub, &priv);
        assert_int_equal(get(pub, CKA_MODULUS, n, sizeof(n)), 256);
        assert_int_equal(get(priv, CKA_MODULUS, n, sizeof(n)), 256);
        assert_int_equal(number(pub, CKA_MODULUS_BITS), 2048);
        assert_int_equal(get(pub, CKA_PUBLIC_EXPONENT, e, sizeof(e)), 3);
        assert_true(flag(priv, CKA_DECRYPT) && flag(pub, CKA_ENCRYPT));
        for (size_t i = 0; i < N(secret); i++)
                assert_int_equal(get_rv(priv, secret[i]), CKR_ATTRIBUTE_SENSITIVE);
        assert_int_equal(get_rv(priv, CKA_VALUE), CKR_ATTRIBUTE_TYPE_INVALID);
}

static void get_fills_what_it_can(void **state)
{
        CK_OBJECT_HANDLE pub, priv;
        CK_BYTE small[2], big[64], value[64];
        CK_ULONG class;
        CK_ATTRIBUTE t[] = {
                { CKA_VALUE, value, sizeof(value) }, { CKA_ID, small, sizeof(small) }, { 0x12345678, big, sizeof(big) },
                { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, NULL, 0 }, { CKA_ID, big, sizeof(big) },
        };

        (void)state;
        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_not_equal(f->C_GetAttributeValue(token.s, priv, t, N(t)), CKR_OK);
        assert_int_equal(t[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
        assert_int_equal(t[1].ulValueLen, CK_UNAVAILABLE_INFORMATION);
        assert_int_equal(t[2].ulValueLen, CK_UNAVAILABLE_INFORMATION);
        assert_int_equal(class, CKO_PRIVATE_KEY);
        assert_int_equal(t[4].ulValueLen, 20);
        assert_int_equal(t[5].ulValueLen, 20);
        t[1].ulValueLen = sizeof(small);
        assert_int_equal(f->C_GetAttributeValue(token.s, priv, t + 1, 1), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(f->C_GetAttributeValue(token.s, priv, NULL, 1), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_GetAttributeValue(token.s, priv, t, (CK_ULONG)-1), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_GetAttributeValue(token.s, 0, t, 1), CKR_OBJECT_HANDLE_INVALID);
}

/* F17 and more: {attribute, value, what C_SetAttributeValue says, what C_CopyObject to a session object says}. */
static void attributes_only_get_stricter(void **state)
{
        CK_ULONG aes_type = CKK_AES, mech = CKM_AES_CBC;
        const struct {
                CK_ATTRIBUTE a;
                CK_RV on_set, on_copy;
        } rows[] = {
                { ULONG(CKA_CLASS, &secret_key), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { ULONG(CKA_KEY_TYPE, &aes_type), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { BOOL(CKA_SENSITIVE, &no), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { BOOL(CKA_EXTRACTABLE, &yes), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { BOOL(CKA_ALWAYS_SENSITIVE, &no), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { BOOL(CKA_NEVER_EXTRACTABLE, &no), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { BOOL(CKA_LOCAL, &no), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { BOOL(CKA_PRIVATE, &no), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { BOOL(CKA_TOKEN, &no), CKR_ATTRIBUTE_READ_ONLY, CKR_OK },
                { BOOL(CKA_WRAP, &yes), CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_TYPE_INVALID },
                { BOOL(CKA_UNWRAP, &yes), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { BOOL(CKA_SIGN_RECOVER, &yes), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { BOOL(CKA_DECRYPT, &yes), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { BOOL(CKA_MODIFIABLE, &yes), CKR_ATTRIBUTE_READ_ONLY, CKR_OK },
                { BOOL(CKA_ALWAYS_AUTHENTICATE, &no), CKR_ATTRIBUTE_READ_ONLY, CKR_OK },
                { ULONG(CKA_KEY_GEN_MECHANISM, &mech), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { ULONG(CKA_ALLOWED_MECHANISMS, &mech), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { TEXT(CKA_UNIQUE_ID, "x"), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { TEXT(CKA_VALUE, "x"), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { TEXT(CKA_EC_POINT, "x"), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { TEXT(CKA_EC_PARAMS, "x"), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { TEXT(CKA_MODULUS, "x"), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { TEXT(CKA_PUBLIC_KEY_INFO, "x"), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { TEXT(CKA_HF_OWNER, "me"), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { TEXT(0xdeadbeef, "x"), CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_TYPE_INVALID },
                { TEXT(CKA_APPLICATION, "x"), CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_TYPE_INVALID },
                { { CKA_SENSITIVE, &yes, 2 }, CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID },
                { { CKA_LABEL, NULL, 5 }, CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID },
                { { CKA_LABEL, &yes, (CK_ULONG)-1 }, CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID },
                { TEXT(CKA_START_DATE, "2026112"), CKR_ATTRIBUTE_VALUE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID },
                /* What they are already, or stricter, may be said. */
                { BOOL(CKA_SENSITIVE, &yes), CKR_OK, CKR_OK },
                { BOOL(CKA_EXTRACTABLE, &no), CKR_OK, CKR_OK },
                { BOOL(CKA_UNWRAP, &no), CKR_OK, CKR_OK },
                { BOOL(CKA_SIGN, &yes), CKR_OK, CKR_OK },
                { BOOL(CKA_WRAP_WITH_TRUSTED, &yes), CKR_OK, CKR_OK },
                { BOOL(CKA_WRAP_WITH_TRUSTED, &no), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { TEXT(CKA_LABEL, "new name"), CKR_OK, CKR_OK },
                { TEXT(CKA_ID, "\1\2\3"), CKR_OK, CKR_OK },
                { TEXT(CKA_SUBJECT, "\x30\x00"), CKR_OK, CKR_OK },
                { TEXT(CKA_START_DATE, "20261125"), CKR_OK, CKR_OK },
                { { CKA_START_DATE, NULL, 0 }, CKR_OK, CKR_OK },
                { BOOL(CKA_DERIVE, &no), CKR_OK, CKR_OK },
                { BOOL(CKA_DERIVE, &yes), CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_READ_ONLY },
                { BOOL(CKA_DESTROYABLE, &yes), CKR_OK, CKR_OK },
        };
        CK_OBJECT_HANDLE pub, priv, copied;
        CK_BYTE label[32];

        (void)state;
        token_ec_pair(&token, "P-256", &pub, &priv);
        for (size_t i = 0; i < N(rows); i++) {
                CK_ATTRIBUTE to_session[] = { BOOL(CKA_TOKEN, &no), rows[i].a };
                CK_ULONG n = rows[i].a.type == CKA_TOKEN ? 1 : 2;
                CK_RV rv = set(priv, rows[i].a);

                if (rv != rows[i].on_set)
                        fail_msg("set %#lx (row %zu): %#lx", rows[i].a.type, i, rv);
                rv = f->C_CopyObject(token.s, priv, to_session, n, &copied);
                if (rv != rows[i].on_copy)
                        fail_msg("copy with %#lx (row %zu): %#lx", rows[i].a.type, i, rv);
        }
        /* And so it stays, for others too: both halves have the new name, in one file. */
        assert_int_equal(get(priv, CKA_LABEL, label, sizeof(label)), 8);
        assert_int_equal(get(pub, CKA_LABEL, label, sizeof(label)), 8);
        assert_memory_equal(label, "new name", 8);
        assert_false(flag(priv, CKA_DERIVE));
        assert_true(flag(priv, CKA_SIGN));
        assert_int_equal(sign(priv), CKR_OK);
        assert_int_equal(set(priv, (CK_ATTRIBUTE)BOOL(CKA_SIGN, &no)), CKR_OK);
        assert_int_equal(sign(priv), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static void a_change_is_whole_or_nothing(void **state)
{
        CK_ATTRIBUTE t[] = { TEXT(CKA_LABEL, "half done"), BOOL(CKA_EXTRACTABLE, &yes) };
        CK_OBJECT_HANDLE pub, priv;

        (void)state;
        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(f->C_SetAttributeValue(token.s, priv, t, 2), CKR_ATTRIBUTE_READ_ONLY);
        assert_int_equal(find(t, 1, NULL), 0);
        t[1] = t[0];
        assert_int_equal(f->C_SetAttributeValue(token.s, priv, t, 2), CKR_TEMPLATE_INCONSISTENT);
}

static void what_is_fixed_stays_fixed(void **state)
{
        CK_ATTRIBUTE priv_t[] = { BOOL(CKA_TOKEN, &yes), BOOL(CKA_MODIFIABLE, &no), BOOL(CKA_COPYABLE, &no) };
        CK_OBJECT_HANDLE pub, priv, other;

        (void)state;
        assert_int_equal(make_ec(NULL, 0, priv_t, 3, &pub, &priv), CKR_OK);
        assert_int_equal(set(priv, (CK_ATTRIBUTE)TEXT(CKA_LABEL, "x")), CKR_ACTION_PROHIBITED);
        assert_int_equal(f->C_CopyObject(token.s, priv, NULL, 0, &other), CKR_ACTION_PROHIBITED);
        assert_int_equal(f->C_DestroyObject(token.s, priv), CKR_OK);
        priv_t[1] = (CK_ATTRIBUTE)BOOL(CKA_DESTROYABLE, &no);
        /* In a session, so that the test can end. */
        priv_t[0] = (CK_ATTRIBUTE)BOOL(CKA_TOKEN, &no);
        assert_int_equal(make_ec(NULL, 0, priv_t, 2, &pub, &priv), CKR_OK);
        assert_int_equal(f->C_DestroyObject(token.s, priv), CKR_ACTION_PROHIBITED);
}

/* One attribute more in the private half's template, and what becomes of it. */
static void templates_for_key_pairs(void **state)
{
        const struct {
                CK_ATTRIBUTE priv;
                CK_RV rv;
        } rows[] = {
                { BOOL(CKA_EXTRACTABLE, &yes), CKR_TEMPLATE_INCONSISTENT },
                { BOOL(CKA_SENSITIVE, &no), CKR_TEMPLATE_INCONSISTENT },
                { BOOL(CKA_UNWRAP, &yes), CKR_TEMPLATE_INCONSISTENT },
                { BOOL(CKA_SIGN_RECOVER, &yes), CKR_TEMPLATE_INCONSISTENT },
                { BOOL(CKA_DECRYPT, &yes), CKR_TEMPLATE_INCONSISTENT },
                { BOOL(CKA_LOCAL, &no), CKR_TEMPLATE_INCONSISTENT },
                { ULONG(CKA_KEY_TYPE, &rsa), CKR_TEMPLATE_INCONSISTENT },
                { ULONG(CKA_CLASS, &public_key), CKR_TEMPLATE_INCONSISTENT },
                { TEXT(CKA_VALUE, "brought along"), CKR_TEMPLATE_INCONSISTENT },
                { TEXT(0xdeadbeef, "x"), CKR_ATTRIBUTE_TYPE_INVALID },
                { { CKA_SIGN, &yes, 8 }, CKR_ATTRIBUTE_VALUE_INVALID },
                { { CKA_LABEL, NULL, 8 }, CKR_ATTRIBUTE_VALUE_INVALID },
                { BOOL(CKA_VERIFY, &yes), CKR_TEMPLATE_INCONSISTENT },
                /* Uses that are denied, of whatever half, and what is so anyway. */
                { BOOL(CKA_VERIFY, &no), CKR_OK },
                { BOOL(CKA_WRAP, &no), CKR_OK },
                { BOOL(CKA_UNWRAP, &no), CKR_OK },
                { BOOL(CKA_EXTRACTABLE, &no), CKR_OK },
                { BOOL(CKA_LOCAL, &yes), CKR_OK },
                { BOOL(CKA_NEVER_EXTRACTABLE, &yes), CKR_OK },
                { BOOL(CKA_PRIVATE, &no), CKR_OK },
        };
        CK_OBJECT_HANDLE pub, priv;

        (void)state;
        for (size_t i = 0; i < N(rows); i++) {
                CK_ATTRIBUTE t[] = { BOOL(CKA_TOKEN, &yes), rows[i].priv };
                CK_ULONG before = count(CKO_PRIVATE_KEY);
                CK_RV rv = make_ec(NULL, 0, t, 2, &pub, &priv);

                if (rv != rows[i].rv)
                        fail_msg("private half with %#lx (row %zu): %#lx", rows[i].priv.type, i, rv);
                assert_int_equal(count(CKO_PRIVATE_KEY), before + (rv == CKR_OK));
        }
}

static void other_wrong_templates(void **state)
{
        CK_MECHANISM ec_gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 }, rsa_gen = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
        CK_ULONG bits = 1000;
        CK_ATTRIBUTE token_only = BOOL(CKA_TOKEN, &yes), odd_curve = TEXT(CKA_EC_PARAMS, "\x06\x03\x2b\x65\x70");
        CK_ATTRIBUTE odd_bits = ULONG(CKA_MODULUS_BITS, &bits), labels[] = { TEXT(CKA_LABEL, "one"), TEXT(CKA_LABEL, "two") };
        CK_ATTRIBUTE odd_exponent[] = { ULONG(CKA_MODULUS_BITS, &bits), TEXT(CKA_PUBLIC_EXPONENT, "\x03") };
        CK_OBJECT_HANDLE pub, priv;

        (void)state;
        assert_int_equal(f->C_GenerateKeyPair(token.s, &ec_gen, &token_only, 1, &token_only, 1, &pub, &priv), CKR_TEMPLATE_INCOMPLETE);
        assert_int_equal(f->C_GenerateKeyPair(token.s, &rsa_gen, &token_only, 1, &token_only, 1, &pub, &priv), CKR_TEMPLATE_INCOMPLETE);
        assert_int_equal(f->C_GenerateKeyPair(token.s, &ec_gen, &odd_curve, 1, &token_only, 1, &pub, &priv), CKR_CURVE_NOT_SUPPORTED);
        assert_int_equal(f->C_GenerateKeyPair(token.s, &rsa_gen, &odd_bits, 1, &token_only, 1, &pub, &priv), CKR_KEY_SIZE_RANGE);
        bits = 2048;
        assert_int_equal(f->C_GenerateKeyPair(token.s, &rsa_gen, odd_exponent, 2, &token_only, 1, &pub, &priv), CKR_ATTRIBUTE_VALUE_INVALID);
        /* One pair has one name. */
        assert_int_equal(make_ec(&labels[0], 1, &labels[1], 1, &pub, &priv), CKR_TEMPLATE_INCONSISTENT);
        assert_int_equal(make_ec(&labels[0], 1, &labels[0], 1, &pub, &priv), CKR_OK);
        assert_int_equal(make_ec(&(CK_ATTRIBUTE)BOOL(CKA_TOKEN, &yes), 1, &(CK_ATTRIBUTE)BOOL(CKA_TOKEN, &no), 1, &pub, &priv), CKR_TEMPLATE_INCONSISTENT);
        assert_int_equal(make_ec(&(CK_ATTRIBUTE)BOOL(CKA_PRIVATE, &yes), 1, NULL, 0, &pub, &priv), CKR_TEMPLATE_INCONSISTENT);
}

static void what_real_programs_ask_for(void **state)
{
        CK_BYTE id[20] = { 7 };
        CK_ATTRIBUTE opensc_pub[] = {
                ULONG(CKA_CLASS, &public_key), BOOL(CKA_TOKEN, &yes), BOOL(CKA_VERIFY, &yes), BOOL(CKA_DERIVE, &yes), ULONG(CKA_KEY_TYPE, &ec),
                TEXT(CKA_LABEL, "a"), TEXT(CKA_ID, "\1"), BOOL(CKA_PRIVATE, &no),
        };
        CK_ATTRIBUTE opensc_priv[] = {
                ULONG(CKA_CLASS, &private_key), BOOL(CKA_TOKEN, &yes), BOOL(CKA_PRIVATE, &yes), BOOL(CKA_SENSITIVE, &yes), BOOL(CKA_SIGN, &yes),
                BOOL(CKA_DERIVE, &yes), ULONG(CKA_KEY_TYPE, &ec), TEXT(CKA_LABEL, "a"), TEXT(CKA_ID, "\1"),
        };
        CK_ATTRIBUTE gnutls_pub[] = {
                BOOL(CKA_TOKEN, &yes), BOOL(CKA_PRIVATE, &no), { CKA_ID, id, sizeof(id) }, BOOL(CKA_VERIFY, &yes), TEXT(CKA_LABEL, "c"),
        };
        CK_ATTRIBUTE gnutls_priv[] = {
                { CKA_ID, id, sizeof(id) }, BOOL(CKA_SIGN, &yes), BOOL(CKA_PRIVATE, &yes), BOOL(CKA_TOKEN, &yes), TEXT(CKA_LABEL, "c"), BOOL(CKA_SENSITIVE, &yes),
        };
        CK_ATTRIBUTE nss_pub[] = {
                BOOL(CKA_TOKEN, &yes), BOOL(CKA_DERIVE, &yes), BOOL(CKA_WRAP, &no), BOOL(CKA_VERIFY, &yes), BOOL(CKA_VERIFY_RECOVER, &no), BOOL(CKA_ENCRYPT, &no),
        };
        CK_ATTRIBUTE nss_priv[] = {
                BOOL(CKA_TOKEN, &yes), BOOL(CKA_PRIVATE, &yes), BOOL(CKA_SENSITIVE, &yes), BOOL(CKA_DERIVE, &yes), BOOL(CKA_UNWRAP, &no),
                BOOL(CKA_SIGN, &yes), BOOL(CKA_DECRYPT, &no),
        };
        CK_OBJECT_HANDLE pub, priv;

        (void)state;
        assert_int_equal(make_ec(opensc_pub, N(opensc_pub), opensc_priv, N(opensc_priv), &pub, &priv), CKR_OK);
        assert_int_equal(make_ec(gnutls_pub, N(gnutls_pub), gnutls_priv, N(gnutls_priv), &pub, &priv), CKR_OK);
        assert_false(flag(priv, CKA_DERIVE));
        assert_int_equal(make_ec(nss_pub, N(nss_pub), nss_priv, N(nss_priv), &pub, &priv), CKR_OK);
        /* NSS names both halves afterwards. */
        assert_int_equal(set(priv, (CK_ATTRIBUTE)TEXT(CKA_ID, "nss-id")), CKR_OK);
        assert_int_equal(set(pub, (CK_ATTRIBUTE)TEXT(CKA_ID, "nss-id")), CKR_OK);
        assert_int_equal(find(&(CK_ATTRIBUTE)TEXT(CKA_ID, "nss-id"), 1, NULL), 2);
}

static void a_key_allows_the_mechanisms_it_was_made_for(void **state)
{
        CK_MECHANISM_TYPE allowed[] = { CKM_ECDSA_SHA256, CKM_ECDSA_SHA384 }, got[32];
        CK_ATTRIBUTE t[] = { { CKA_ALLOWED_MECHANISMS, allowed, sizeof(allowed) } };
        CK_OBJECT_HANDLE pub, priv;
        size_t n;

        (void)state;
        assert_int_equal(make_ec(NULL, 0, t, 1, &pub, &priv), CKR_OK);
        assert_int_equal(sign(priv), CKR_MECHANISM_INVALID);
        assert_int_equal(f->C_SignInit(token.s, &(CK_MECHANISM){ CKM_ECDSA_SHA256, NULL, 0 }, priv), CKR_OK);
        assert_int_equal(get(priv, CKA_ALLOWED_MECHANISMS, got, sizeof(got)), sizeof(allowed));
        assert_memory_equal(got, allowed, sizeof(allowed));
        /* Without a list: all that there are for such a key. */
        token_ec_pair(&token, "P-256", &pub, &priv);
        n = get(priv, CKA_ALLOWED_MECHANISMS, got, sizeof(got));
        assert_true(n >= 5 * sizeof(*got));
}

static void session_pairs_end_with_their_session(void **state)
{
        CK_OBJECT_HANDLE pub, priv;
        CK_SESSION_HANDLE other;

        (void)state;
        assert_int_equal(make_ec(NULL, 0, NULL, 0, &pub, &priv), CKR_OK);
        assert_false(flag(pub, CKA_TOKEN) || flag(priv, CKA_TOKEN) || flag(priv, CKA_EXTRACTABLE));
        assert_true(flag(priv, CKA_ALWAYS_SENSITIVE) && flag(priv, CKA_LOCAL));
        assert_int_equal(sign(priv), CKR_OK);
        EVP_PKEY_free(token_public(&token, pub));
        /* No file: nothing on the token. */
        assert_int_equal(find(&(CK_ATTRIBUTE)BOOL(CKA_TOKEN, &yes), 1, NULL), 4);
        assert_int_equal(find(&(CK_ATTRIBUTE)BOOL(CKA_TOKEN, &no), 1, NULL), 2);

        /* Kept by a copy, as a Java keystore does. */
        assert_int_equal(f->C_CopyObject(token.s, priv, &(CK_ATTRIBUTE)BOOL(CKA_TOKEN, &yes), 1, &priv), CKR_OK);
        assert_int_equal(f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
        assert_int_equal(f->C_CloseSession(token.s), CKR_OK);
        token.s = other;
        assert_int_equal(find(&(CK_ATTRIBUTE)BOOL(CKA_TOKEN, &no), 1, NULL), 0);
        assert_int_equal(count(CKO_PRIVATE_KEY), 1);
        assert_int_equal(count(CKO_PUBLIC_KEY), 0);
        assert_int_equal(sign(priv), CKR_OK);
        assert_int_equal(f->C_CloseSession(token.s), CKR_OK);
        assert_int_equal(token_session(&(void *){ &token }), 0);
}

static void a_public_half_for_the_session_alone(void **state)
{
        CK_ATTRIBUTE pub_t = BOOL(CKA_TOKEN, &no), priv_t = BOOL(CKA_TOKEN, &yes);
        CK_OBJECT_HANDLE pub, priv;

        (void)state;
        assert_int_equal(make_ec(&pub_t, 1, &priv_t, 1, &pub, &priv), CKR_OK);
        assert_true(flag(priv, CKA_TOKEN));
        assert_false(flag(pub, CKA_TOKEN));
        assert_int_equal(find((CK_ATTRIBUTE[]){ BOOL(CKA_TOKEN, &yes), ULONG(CKA_CLASS, &public_key) }, 2, NULL), 0);
}

static void copies_of_a_token_key(void **state)
{
        CK_ATTRIBUTE to_session[] = { BOOL(CKA_TOKEN, &no), TEXT(CKA_LABEL, "copy") };
        CK_OBJECT_HANDLE pub, priv, in_session, pub_copy, second;

        (void)state;
        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(f->C_CopyObject(token.s, priv, to_session, 2, &in_session), CKR_OK);
        assert_false(flag(in_session, CKA_TOKEN));
        assert_true(flag(in_session, CKA_SENSITIVE) && flag(in_session, CKA_NEVER_EXTRACTABLE));
        assert_int_equal(sign(in_session), CKR_OK);
        assert_int_equal(get_rv(in_session, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
        assert_int_equal(f->C_CopyObject(token.s, pub, to_session, 2, &pub_copy), CKR_OK);
        assert_int_equal(number(pub_copy, CKA_CLASS), CKO_PUBLIC_KEY);
        assert_true(flag(pub_copy, CKA_VERIFY));
        assert_false(flag(pub_copy, CKA_ENCRYPT));

        /* On the token: a second private key, and no second public one. */
        assert_int_equal(f->C_CopyObject(token.s, priv, to_session + 1, 1, &second), CKR_OK);
        assert_int_equal(count(CKO_PRIVATE_KEY), 3);
        assert_int_equal(count(CKO_PUBLIC_KEY), 2);
        assert_int_equal(sign(second), CKR_OK);
        assert_int_equal(f->C_DestroyObject(token.s, second), CKR_OK);

        /* Gone with the file that it stands for. */
        assert_int_equal(f->C_DestroyObject(token.s, priv), CKR_OK);
        assert_int_equal(sign(in_session), CKR_KEY_HANDLE_INVALID);
        assert_int_equal(get_rv(pub, CKA_CLASS), CKR_OBJECT_HANDLE_INVALID);
}

static void destroying_halves(void **state)
{
        CK_OBJECT_HANDLE pub, priv;

        (void)state;
        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(f->C_DestroyObject(token.s, pub), CKR_OK);
        assert_int_equal(f->C_DestroyObject(token.s, pub), CKR_OBJECT_HANDLE_INVALID);
        assert_int_equal(count(CKO_PUBLIC_KEY), 0);
        assert_int_equal(sign(priv), CKR_OK);
        assert_int_equal(f->C_DestroyObject(token.s, priv), CKR_OK);
        assert_int_equal(count(CKO_PRIVATE_KEY), 0);
        assert_int_equal(f->C_DestroyObject(token.s, priv), CKR_OBJECT_HANDLE_INVALID);
}

static void certificates(void **state)
{
        CK_OBJECT_HANDLE pub, priv, cert, copy;
        uint8_t der[2048], got[2048], id[64];
        CK_ATTRIBUTE t[] = { ULONG(CKA_CLASS, &certificate), { CKA_VALUE, der, 0 }, BOOL(CKA_TOKEN, &yes), TEXT(CKA_LABEL, "cert") };
        const uint8_t *p = got;
        X509_NAME *name;
        size_t n;

        (void)state;
        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(set(priv, (CK_ATTRIBUTE)TEXT(CKA_ID, "own id")), CKR_OK);
        n = t[1].ulValueLen = make_cert(pub, der);
        assert_int_equal(create(t, 4, &cert), CKR_OK);
        assert_int_equal(get(cert, CKA_VALUE, got, sizeof(got)), n);
        assert_memory_equal(got, der, n);
        /* The ID of the key that it is for, although nobody said so. */
        assert_int_equal(get(cert, CKA_ID, id, sizeof(id)), 6);
        assert_memory_equal(id, "own id", 6);
        assert_int_equal(number(cert, CKA_CERTIFICATE_TYPE), CKC_X_509);
        assert_int_equal(number(cert, CKA_CERTIFICATE_CATEGORY), 0);
        assert_false(flag(cert, CKA_PRIVATE) || flag(cert, CKA_TRUSTED));
        assert_int_equal(get(cert, CKA_SERIAL_NUMBER, got, sizeof(got)), 4);
        assert_memory_equal(got, "\x02\x02\x12\x67", 4);
        n = get(cert, CKA_SUBJECT, got, sizeof(got));
        name = d2i_X509_NAME(NULL, &p, (long)n);
        assert_non_null(name);
        assert_ptr_equal(p, got + n);
        X509_NAME_free(name);
        assert_int_equal(find(&(CK_ATTRIBUTE){ CKA_SUBJECT, got, n }, 1, NULL), 1);
        assert_int_equal(get(cert, CKA_CHECK_VALUE, got, sizeof(got)), 3);
        EVP_Digest(der, t[1].ulValueLen, id, NULL, EVP_sha1(), NULL);
        assert_memory_equal(got, id, 3);

        assert_int_equal(set(cert, (CK_ATTRIBUTE)TEXT(CKA_VALUE, "x")), CKR_ATTRIBUTE_READ_ONLY);
        assert_int_equal(set(cert, (CK_ATTRIBUTE)BOOL(CKA_TRUSTED, &yes)), CKR_ATTRIBUTE_READ_ONLY);
        assert_int_equal(set(cert, (CK_ATTRIBUTE)TEXT(CKA_LABEL, "renamed")), CKR_OK);
        assert_int_equal(f->C_CopyObject(token.s, cert, &(CK_ATTRIBUTE)BOOL(CKA_TOKEN, &no), 1, &copy), CKR_OK);
        assert_int_equal(f->C_CopyObject(token.s, copy, &(CK_ATTRIBUTE)BOOL(CKA_TOKEN, &yes), 1, &copy), CKR_OK);
        assert_true(flag(copy, CKA_TOKEN));
        assert_int_equal(count(CKO_CERTIFICATE), 3);
}

static void wrong_certificates(void **state)
{
        CK_OBJECT_HANDLE pub, priv, h;
        uint8_t der[2049];
        CK_ULONG wtls = CKC_WTLS;
        CK_ATTRIBUTE t[] = { ULONG(CKA_CLASS, &certificate), { CKA_VALUE, der, 0 }, BOOL(CKA_TOKEN, &no) };
        size_t n;

        (void)state;
        token_ec_pair(&token, "P-256", &pub, &priv);
        n = t[1].ulValueLen = make_cert(pub, der);
        assert_int_equal(create(t, 3, &h), CKR_OK);
        t[2] = (CK_ATTRIBUTE)BOOL(CKA_TRUSTED, &yes);
        assert_int_equal(create(t, 3, &h), CKR_TEMPLATE_INCONSISTENT);
        t[2] = (CK_ATTRIBUTE)ULONG(CKA_CERTIFICATE_TYPE, &wtls);
        assert_int_equal(create(t, 3, &h), CKR_TEMPLATE_INCONSISTENT);
        t[2] = (CK_ATTRIBUTE)TEXT(CKA_SUBJECT, "somebody else");
        assert_int_equal(create(t, 3, &h), CKR_TEMPLATE_INCONSISTENT);
        t[2] = (CK_ATTRIBUTE)TEXT(CKA_SERIAL_NUMBER, "\x12\x67");
        assert_int_equal(create(t, 3, &h), CKR_OK);
        t[2] = (CK_ATTRIBUTE)TEXT(CKA_SERIAL_NUMBER, "\x12\x68");
        assert_int_equal(create(t, 3, &h), CKR_TEMPLATE_INCONSISTENT);
        der[n] = 0;
        t[1].ulValueLen = n + 1;
        assert_int_equal(create(t, 2, &h), CKR_ATTRIBUTE_VALUE_INVALID);
        t[1].ulValueLen = n - 1;
        assert_int_equal(create(t, 2, &h), CKR_ATTRIBUTE_VALUE_INVALID);
        assert_int_equal(create(t, 1, &h), CKR_TEMPLATE_INCOMPLETE);
        assert_int_equal(create(t + 1, 1, &h), CKR_TEMPLATE_INCOMPLETE);
}

static void public_keys(void **state)
{
        CK_OBJECT_HANDLE pub, priv, h, there;
        CK_BYTE point[80], params[16], got[80], id[64], id_of_pair[64];
        CK_ATTRIBUTE t[] = {
                ULONG(CKA_CLASS, &public_key), ULONG(CKA_KEY_TYPE, &ec), { CKA_EC_PARAMS, params, 0 }, { CKA_EC_POINT, point, 0 }, BOOL(CKA_TOKEN, &yes),
        };

        (void)state;
        token_ec_pair(&token, "P-256", &pub, &priv);
        t[2].ulValueLen = get(pub, CKA_EC_PARAMS, params, sizeof(params));
        t[3].ulValueLen = get(pub, CKA_EC_POINT, point, sizeof(point));
        assert_int_equal(create(t, 5, &h), CKR_OK);
        assert_int_equal(get(h, CKA_EC_POINT, got, sizeof(got)), 67);
        assert_memory_equal(got, point, 67);
        assert_int_equal(get(h, CKA_ID, id, sizeof(id)), get(pub, CKA_ID, id_of_pair, sizeof(id_of_pair)));
        assert_memory_equal(id, id_of_pair, 20);
        assert_false(flag(h, CKA_LOCAL));
        assert_int_equal(number(h, CKA_KEY_GEN_MECHANISM), CK_UNAVAILABLE_INFORMATION);
        /* Bare points are taken too. */
        t[3].pValue = point + 2;
        t[3].ulValueLen = 65;
        assert_int_equal(create(t, 4, &h), CKR_OK);
        assert_int_equal(f->C_DestroyObject(token.s, h), CKR_OK);
        point[40] ^= 1;
        assert_int_equal(create(t, 4, &h), CKR_ATTRIBUTE_VALUE_INVALID);
        assert_int_equal(create(t, 3, &h), CKR_TEMPLATE_INCOMPLETE);
        assert_int_equal(find((CK_ATTRIBUTE[]){ ULONG(CKA_CLASS, &public_key), BOOL(CKA_LOCAL, &no) }, 2, &there), 1);
        assert_int_equal(set(there, (CK_ATTRIBUTE)BOOL(CKA_VERIFY, &no)), CKR_OK);
        assert_false(flag(there, CKA_VERIFY));
}

static void rsa_public_keys(void **state)
{
        CK_BYTE n[257] = { 0 }, e[] = { 0, 1, 0, 1 };
        CK_ATTRIBUTE t[] = {
                ULONG(CKA_CLASS, &public_key), ULONG(CKA_KEY_TYPE, &rsa), { CKA_MODULUS, n, sizeof(n) }, { CKA_PUBLIC_EXPONENT, e, sizeof(e) },
        };
        CK_OBJECT_HANDLE h;

        (void)state;
        memset(n + 1, 0xc5, 256);
        assert_int_equal(create(t, 4, &h), CKR_OK);
        assert_int_equal(number(h, CKA_MODULUS_BITS), 2048);
        assert_int_equal(get(h, CKA_PUBLIC_EXPONENT, e, sizeof(e)), 3);
        t[2].ulValueLen = 3;
        assert_int_equal(create(t, 4, &h), CKR_ATTRIBUTE_VALUE_INVALID);
        t[2].ulValueLen = 0;
        assert_int_equal(create(t, 4, &h), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void private_keys_are_not_brought(void **state)
{
        CK_BYTE d[32] = { 1 }, params[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
        CK_ATTRIBUTE t[] = {
                ULONG(CKA_CLASS, &private_key), ULONG(CKA_KEY_TYPE, &ec), { CKA_EC_PARAMS, params, sizeof(params) }, { CKA_VALUE, d, sizeof(d) },
                BOOL(CKA_TOKEN, &yes),
        };
        CK_OBJECT_HANDLE h;

        (void)state;
        assert_int_equal(create(t, N(t), &h), CKR_TEMPLATE_INCONSISTENT);
        assert_int_equal(f->C_WrapKey(token.s, &(CK_MECHANISM){ CKM_RSA_PKCS, NULL, 0 }, 1, 2, d, &(CK_ULONG){ 32 }), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(f->C_UnwrapKey(token.s, &(CK_MECHANISM){ CKM_RSA_PKCS, NULL, 0 }, 1, d, 32, t, N(t), &h), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(create(&(CK_ATTRIBUTE)ULONG(CKA_CLASS, &profile), 1, &h), CKR_TEMPLATE_INCONSISTENT);
}

/* A key that the TPM made and that is in no store, as another program's file has it. */
static void tss_file(bool empty_auth, struct buf *ret)
{
        CLEANUP(tsskey_clear) struct tsskey key = { 0 };
        struct conf conf = { 0 };
        struct keyring *k;
        struct backend *b;

        assert_int_equal(conf_load(&conf), 0);
        assert_int_equal(keyring_open(&conf, &k), 0);
        b = keyring_backend(k);
        assert_int_equal(b->ops->generate(b, key_kind_by_name("P-256"), ALG_SIGN, empty_auth ? BYTES(NULL, 0) : BYTES_STR("secret"), &key), 0);
        assert_int_equal(tsskey_encode(&key, ret), 0);
        keyring_close(k);
        conf_clear(&conf);
}

static void tss_file_signs_for_a_session(void **state)
{
        CLEANUP(buf_clear) struct buf file = { 0 };
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_BYTE digest[32] = { 7 }, sig[64];
        CK_ULONG len = sizeof(sig);
        CK_OBJECT_HANDLE h;
        EVP_PKEY *pub;

        (void)state;
        tss_file(true, &file);
        CK_ATTRIBUTE t[] = {
                ULONG(CKA_CLASS, &private_key), BOOL(CKA_TOKEN, &no), { CKA_HF_TSS_KEY, file.ptr, file.len }, TEXT(CKA_LABEL, "theirs"),
        };
        assert_int_equal(create(t, N(t), &h), CKR_OK);
        assert_int_equal(number(h, CKA_KEY_TYPE), CKK_EC);
        assert_false(flag(h, CKA_TOKEN));
        assert_true(flag(h, CKA_SENSITIVE));
        assert_int_equal(get_rv(h, CKA_HF_TSS_KEY), CKR_ATTRIBUTE_SENSITIVE);
        pub = token_public(&token, h);
        assert_int_equal(f->C_SignInit(token.s, &m, h), CKR_OK);
        assert_int_equal(f->C_Sign(token.s, digest, sizeof(digest), sig, &len), CKR_OK);
        assert_int_equal(token_verifies(pub, &(struct token_check){ 0 }, digest, sizeof(digest), sig, len), 1);
        EVP_PKEY_free(pub);
        assert_int_equal(f->C_DestroyObject(token.s, h), CKR_OK);
        assert_int_equal(f->C_SignInit(token.s, &m, h), CKR_KEY_HANDLE_INVALID);
}

static void tss_file_that_cannot_be_used_is_refused(void **state)
{
        CLEANUP(buf_clear) struct buf file = { 0 }, locked = { 0 };
        CK_OBJECT_HANDLE h;

        (void)state;
        tss_file(true, &file);
        tss_file(false, &locked);
        CK_ATTRIBUTE t[] = { ULONG(CKA_CLASS, &private_key), { CKA_HF_TSS_KEY, file.ptr, file.len - 1 }, BOOL(CKA_TOKEN, &no) };
        assert_int_equal(create(t, 3, &h), CKR_ATTRIBUTE_VALUE_INVALID);
        t[1].ulValueLen = 0;
        assert_int_equal(create(t, 3, &h), CKR_ATTRIBUTE_VALUE_INVALID);
        t[1] = (CK_ATTRIBUTE){ CKA_HF_TSS_KEY, locked.ptr, locked.len };
        assert_int_equal(create(t, 3, &h), CKR_ACTION_PROHIBITED);
        t[1] = (CK_ATTRIBUTE){ CKA_HF_TSS_KEY, file.ptr, file.len };
        t[2].pValue = &yes;
        assert_int_equal(create(t, 3, &h), CKR_TEMPLATE_INCONSISTENT);
        t[2].pValue = &no;
        t[0].pValue = &public_key;
        assert_int_not_equal(create(t, 3, &h), CKR_OK);
        t[0].pValue = &private_key;
        assert_int_equal(create(t, 3, &h), CKR_OK);
        assert_int_equal(set(h, t[1]), CKR_ATTRIBUTE_READ_ONLY);
}

static void secrets_live_in_sessions(void **state)
{
        CK_BYTE value[16] = "sixteen octets!", got[32], check[20];
        CK_ATTRIBUTE t[] = {
                ULONG(CKA_CLASS, &secret_key), ULONG(CKA_KEY_TYPE, &generic), { CKA_VALUE, value, sizeof(value) }, BOOL(CKA_SIGN, &yes), BOOL(CKA_TOKEN, &no),
        };
        CK_OBJECT_HANDLE h, copy;

        (void)state;
        assert_int_equal(create(t, 5, &h), CKR_OK);
        assert_int_equal(get(h, CKA_VALUE, got, sizeof(got)), 16);
        assert_memory_equal(got, value, 16);
        assert_int_equal(number(h, CKA_VALUE_LEN), 16);
        assert_int_equal(get(h, CKA_CHECK_VALUE, got, sizeof(got)), 3);
        EVP_Digest(value, 16, check, NULL, EVP_sha1(), NULL);
        assert_memory_equal(got, check, 3);
        assert_false(flag(h, CKA_LOCAL) || flag(h, CKA_ALWAYS_SENSITIVE) || flag(h, CKA_NEVER_EXTRACTABLE) || flag(h, CKA_VERIFY));
        assert_true(flag(h, CKA_SIGN) && flag(h, CKA_PRIVATE));

        /* Once sensitive, always: in the copy too. */
        assert_int_equal(set(h, (CK_ATTRIBUTE)BOOL(CKA_SENSITIVE, &yes)), CKR_OK);
        assert_int_equal(get_rv(h, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
        assert_int_equal(set(h, (CK_ATTRIBUTE)BOOL(CKA_SENSITIVE, &no)), CKR_ATTRIBUTE_READ_ONLY);
        assert_int_equal(f->C_CopyObject(token.s, h, &(CK_ATTRIBUTE)BOOL(CKA_SENSITIVE, &no), 1, &copy), CKR_ATTRIBUTE_READ_ONLY);
        assert_int_equal(f->C_CopyObject(token.s, h, NULL, 0, &copy), CKR_OK);
        assert_int_equal(get_rv(copy, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
        assert_int_equal(set(copy, (CK_ATTRIBUTE)BOOL(CKA_EXTRACTABLE, &no)), CKR_OK);
        assert_int_equal(set(copy, (CK_ATTRIBUTE)BOOL(CKA_EXTRACTABLE, &yes)), CKR_ATTRIBUTE_READ_ONLY);
        /* Never into a file. */
        assert_int_equal(f->C_CopyObject(token.s, h, &(CK_ATTRIBUTE)BOOL(CKA_TOKEN, &yes), 1, &copy), CKR_TEMPLATE_INCONSISTENT);
        t[4] = (CK_ATTRIBUTE)BOOL(CKA_TOKEN, &yes);
        assert_int_equal(create(t, 5, &h), CKR_TEMPLATE_INCONSISTENT);
        t[1] = (CK_ATTRIBUTE)ULONG(CKA_KEY_TYPE, &aes);
        assert_int_equal(create(t, 4, &h), CKR_OK);
        t[2].ulValueLen = 15;
        assert_int_equal(create(t, 4, &h), CKR_KEY_SIZE_RANGE);
        t[2].ulValueLen = 0;
        assert_int_equal(create(t, 4, &h), CKR_KEY_SIZE_RANGE);
}

static void data_objects(void **state)
{
        CK_ATTRIBUTE t[] = {
                ULONG(CKA_CLASS, &data), BOOL(CKA_TOKEN, &yes), TEXT(CKA_LABEL, "notes"), TEXT(CKA_APPLICATION, "test\nof lines: %"),
                TEXT(CKA_OBJECT_ID, "\x06\x01\x2a"), TEXT(CKA_VALUE, "\0bin\xff" "ary"),
        };
        CK_BYTE got[64];
        CK_OBJECT_HANDLE h, again;
        CK_ULONG size;

        (void)state;
        assert_int_equal(create(t, N(t), &h), CKR_OK);
        for (size_t i = 2; i < N(t); i++) {
                assert_int_equal(get(h, t[i].type, got, sizeof(got)), t[i].ulValueLen);
                assert_memory_equal(got, t[i].pValue, t[i].ulValueLen);
        }
        assert_int_equal(set(h, (CK_ATTRIBUTE)TEXT(CKA_VALUE, "other")), CKR_OK);
        assert_int_equal(get(h, CKA_VALUE, got, sizeof(got)), 5);
        assert_int_equal(set(h, (CK_ATTRIBUTE){ CKA_VALUE, NULL, 0 }), CKR_OK);
        assert_int_equal(get(h, CKA_VALUE, got, sizeof(got)), 0);
        assert_int_equal(get_rv(h, CKA_ID), CKR_ATTRIBUTE_TYPE_INVALID);
        assert_int_equal(find(t, 4, &again), 1);
        assert_int_equal(h, again);
        assert_int_equal(f->C_GetObjectSize(token.s, h, &size), CKR_OK);
        assert_true(size > 20 && size < 500);
        assert_int_equal(f->C_GetObjectSize(token.s, h, NULL), CKR_ARGUMENTS_BAD);
        assert_int_equal(create(t, 1, &h), CKR_OK);
}

static void profiles(void **state)
{
        CK_ULONG seen = 0;
        CK_OBJECT_HANDLE h;

        (void)state;
        assert_int_equal(count(CKO_PROFILE), 4);
        for (CK_ULONG id = CKP_BASELINE_PROVIDER; id <= CKP_PUBLIC_CERTIFICATES_TOKEN; id++)
                seen += find((CK_ATTRIBUTE[]){ ULONG(CKA_CLASS, &profile), ULONG(CKA_PROFILE_ID, &id) }, 2, &h);
        assert_int_equal(seen, 4);
        assert_int_equal(number(h, CKA_PROFILE_ID), CKP_PUBLIC_CERTIFICATES_TOKEN);
        assert_int_equal(f->C_DestroyObject(token.s, h), CKR_ACTION_PROHIBITED);
        assert_int_equal(set(h, (CK_ATTRIBUTE)TEXT(CKA_LABEL, "x")), CKR_ACTION_PROHIBITED);
        assert_int_equal(f->C_CopyObject(token.s, h, NULL, 0, &h), CKR_ACTION_PROHIBITED);
}

static void read_only_sessions_make_session_objects(void **state)
{
        CK_SESSION_HANDLE rw = token.s;
        CK_ATTRIBUTE t[] = { ULONG(CKA_CLASS, &data), TEXT(CKA_VALUE, "x"), BOOL(CKA_TOKEN, &no) };
        CK_OBJECT_HANDLE h, pub, priv;

        (void)state;
        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &token.s), CKR_OK);
        assert_int_equal(create(t, 3, &h), CKR_OK);
        assert_int_equal(f->C_DestroyObject(token.s, h), CKR_OK);
        t[2] = (CK_ATTRIBUTE)BOOL(CKA_TOKEN, &yes);
        assert_int_equal(create(t, 3, &h), CKR_SESSION_READ_ONLY);
        assert_int_equal(set(priv, (CK_ATTRIBUTE)TEXT(CKA_LABEL, "x")), CKR_SESSION_READ_ONLY);
        assert_int_equal(f->C_DestroyObject(token.s, priv), CKR_SESSION_READ_ONLY);
        assert_int_equal(f->C_CopyObject(token.s, priv, NULL, 0, &h), CKR_SESSION_READ_ONLY);
        assert_int_equal(f->C_CopyObject(token.s, priv, &(CK_ATTRIBUTE)BOOL(CKA_TOKEN, &no), 1, &h), CKR_OK);
        assert_int_equal(f->C_CloseSession(token.s), CKR_OK);
        token.s = rw;
}

static void handles_of_another_token_mean_nothing(void **state)
{
        CK_OBJECT_HANDLE pub, priv;
        CK_SESSION_HANDLE mine = token.s;
        CK_SLOT_ID slots[2];
        struct conf c = { 0 };
        struct keyring *k;
        CK_ULONG n = 2;

        (void)state;
        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(conf_load(&c), 0);
        assert_int_equal(keyring_open(&c, &k), 0);
        assert_int_equal(keyring_agent_create(k, "stranger", "dana@example.com", NULL), 0);
        assert_int_equal(f->C_GetSlotList(CK_TRUE, NULL, &n), CKR_OK);
        assert_int_equal(f->C_GetSlotList(CK_TRUE, slots, &n), CKR_OK);
        assert_int_equal(f->C_OpenSession(slots[1], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &token.s), CKR_OK);
        assert_int_equal(get_rv(priv, CKA_CLASS), CKR_OBJECT_HANDLE_INVALID);
        assert_int_equal(sign(priv), CKR_KEY_HANDLE_INVALID);
        assert_int_equal(f->C_DestroyObject(token.s, priv), CKR_OBJECT_HANDLE_INVALID);
        assert_int_equal(f->C_CloseSession(token.s), CKR_OK);
        token.s = mine;
        assert_int_equal(sign(priv), CKR_OK);
        assert_int_equal(keyring_agent_delete(k, "stranger"), 0);
        keyring_close(k);
        conf_clear(&c);
}

#define MAKERS 4

/* Whatever lists of the token's files the other threads have at hand, a handle is good from the moment it is given. */
static void *make_and_read(void *wrong)
{
        CK_ATTRIBUTE t[] = { ULONG(CKA_CLASS, &data), BOOL(CKA_TOKEN, &yes), TEXT(CKA_LABEL, "made by a thread") }, label = { CKA_LABEL, NULL, 0 };
        CK_SESSION_HANDLE s;
        CK_OBJECT_HANDLE h;

        if (f->C_OpenSession(token.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s) != CKR_OK)
                ++*(unsigned *)wrong;
        for (int i = 0; i < 100; i++) {
                if (f->C_CreateObject(s, t, N(t), &h) != CKR_OK)
                        ++*(unsigned *)wrong;
                for (int n = 0; n < 20; n++)
                        if (f->C_GetAttributeValue(s, h, &label, 1) != CKR_OK)
                                ++*(unsigned *)wrong;
        }
        return NULL;
}

static void handles_given_just_now_are_good(void **state)
{
        unsigned wrong[MAKERS] = { 0 };
        pthread_t thread[MAKERS];

        (void)state;
        for (size_t i = 0; i < MAKERS; i++)
                assert_int_equal(pthread_create(&thread[i], NULL, make_and_read, &wrong[i]), 0);
        for (size_t i = 0; i < MAKERS; i++)
                assert_int_equal(pthread_join(thread[i], NULL), 0);
        for (size_t i = 0; i < MAKERS; i++)
                assert_int_equal(wrong[i], 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, token_session, session_end)
        const struct CMUnitTest tests[] = {
                T(a_pairs_attributes), T(long_points_have_long_lengths), T(rsa_attributes), T(get_fills_what_it_can),
                T(attributes_only_get_stricter), T(a_change_is_whole_or_nothing), T(what_is_fixed_stays_fixed),
                T(templates_for_key_pairs), T(other_wrong_templates), T(what_real_programs_ask_for), T(a_key_allows_the_mechanisms_it_was_made_for),
                T(session_pairs_end_with_their_session), T(a_public_half_for_the_session_alone), T(copies_of_a_token_key), T(destroying_halves),
                T(certificates), T(wrong_certificates), T(public_keys), T(rsa_public_keys), T(private_keys_are_not_brought), T(tss_file_signs_for_a_session),
                T(tss_file_that_cannot_be_used_is_refused),
                T(secrets_live_in_sessions), T(data_objects), T(profiles), T(read_only_sessions_make_session_objects),
                T(handles_of_another_token_mean_nothing), T(handles_given_just_now_are_good),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
