/* SPDX-License-Identifier: BSD-2-Clause */
/* Attribute templates: whatever they say, what is made of them is true, or they are refused.
 *
 * Input: one octet chooses what the template is for; then per attribute one octet chooses the type from a table, one
 * the length, and the value follows. Lengths from 0xf8 on are special: NULL, absurd, or a number of 8 octets with one
 * octet's value. A type octet of 0xff begins the second template of a key pair. */
#include <stdlib.h>
#include <string.h>
#include "pkcs11/call.h"
#include "pkcs11/functions.h"
#include "pkcs11/object.h"
#include "tests/fuzz/store.h"
#include "holdfast/pkcs11.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MANY 40
#define SECOND 0xff

static const CK_ATTRIBUTE_TYPE types[] = {
        CKA_CLASS, CKA_TOKEN, CKA_PRIVATE, CKA_LABEL, CKA_UNIQUE_ID, CKA_APPLICATION, CKA_VALUE, CKA_OBJECT_ID, CKA_CERTIFICATE_TYPE, CKA_ISSUER,
        CKA_SERIAL_NUMBER, CKA_TRUSTED, CKA_CERTIFICATE_CATEGORY, CKA_CHECK_VALUE, CKA_KEY_TYPE, CKA_SUBJECT, CKA_ID, CKA_SENSITIVE, CKA_ENCRYPT,
        CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_SIGN, CKA_SIGN_RECOVER, CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_DERIVE, CKA_START_DATE, CKA_END_DATE,
        CKA_MODULUS, CKA_MODULUS_BITS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT, CKA_PUBLIC_KEY_INFO, CKA_VALUE_LEN, CKA_EXTRACTABLE, CKA_LOCAL,
        CKA_NEVER_EXTRACTABLE, CKA_ALWAYS_SENSITIVE, CKA_KEY_GEN_MECHANISM, CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE, CKA_EC_PARAMS, CKA_EC_POINT,
        CKA_ALWAYS_AUTHENTICATE, CKA_WRAP_WITH_TRUSTED, CKA_WRAP_TEMPLATE, CKA_ALLOWED_MECHANISMS, CKA_PROFILE_ID, CKA_HF_OWNER, 0x12345678,
        CKA_HF_TSS_KEY,
};

/* What may be written in more than one way, or not be read back. */
static const CK_ATTRIBUTE_TYPE several_ways[] = { CKA_SERIAL_NUMBER, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_EC_POINT, CKA_VALUE, CKA_HF_TSS_KEY };

struct input {
        const uint8_t *ptr;
        size_t len;
};

static void require(bool ok)
{
        if (!ok)
                abort();
}

static uint8_t octet(struct input *in)
{
        if (in->len == 0)
                return 0;
        in->len--;
        return *in->ptr++;
}

/* Values are copied out, so that reading past one's end is seen. */
static void value(struct input *in, uint8_t len, CK_ATTRIBUTE *ret)
{
        CK_ULONG n;

        if (len == 0xf8 || len == 0xf9) {
                ret->ulValueLen = len == 0xf8 ? 8 : (CK_ULONG)-1;
                ret->pValue = len == 0xf8 ? NULL : malloc(1);
                return;
        }
        if (len > 0xf9) {
                n = octet(in);
                ret->ulValueLen = sizeof(n);
                ret->pValue = malloc(sizeof(n));
                memcpy(ret->pValue, &n, sizeof(n));
                return;
        }
        if (len > in->len)
                len = (uint8_t)in->len;
        ret->ulValueLen = len;
        ret->pValue = malloc(len != 0 ? len : 1);
        memcpy(ret->pValue, in->ptr, len);
        in->ptr += len;
        in->len -= len;
}

static CK_ULONG template_of(struct input *in, CK_ATTRIBUTE t[MANY])
{
        CK_ULONG n;

        for (n = 0; n < MANY && in->len > 0; n++) {
                uint8_t type = octet(in);

                if (type == SECOND)
                        break;
                t[n].type = types[type % (sizeof(types) / sizeof(types[0]))];
                value(in, octet(in), &t[n]);
        }
        return n;
}

static bool comparable(const CK_ATTRIBUTE *a)
{
        for (size_t i = 0; i < sizeof(several_ways) / sizeof(several_ways[0]); i++)
                if (several_ways[i] == a->type)
                        return false;
        return true;
}

static CK_BBOOL flag(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type)
{
        CK_BBOOL b = CK_FALSE;
        CK_ATTRIBUTE a = { type, &b, sizeof(b) };

        return C_GetAttributeValue(s, h, &a, 1) == CKR_OK ? b : CK_FALSE;
}

/* An object says what its template said; and a sensitive value cannot be read. */
static void check_object(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, const CK_ATTRIBUTE *t, CK_ULONG n)
{
        static CK_BYTE room[40000];
        CK_ATTRIBUTE v = { CKA_VALUE, room, sizeof(room) };
        CK_BBOOL no = CK_FALSE;

        for (CK_ULONG i = 0; i < n; i++) {
                CK_ATTRIBUTE a = { t[i].type, room, sizeof(room) };
                CK_RV rv = C_GetAttributeValue(s, h, &a, 1);

                /* A use that is denied may be one that the class does not have. */
                if (rv == CKR_ATTRIBUTE_TYPE_INVALID && t[i].ulValueLen == 1 && memcmp(t[i].pValue, &no, 1) == 0)
                        continue;
                if (comparable(&t[i]))
                        require(rv == CKR_OK && a.ulValueLen == t[i].ulValueLen && memcmp(room, t[i].pValue, a.ulValueLen) == 0);
        }
        if (flag(s, h, CKA_SENSITIVE))
                require(C_GetAttributeValue(s, h, &v, 1) == CKR_ATTRIBUTE_SENSITIVE);
}

static void create(CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n)
{
        CK_OBJECT_HANDLE h = 0;

        if (C_CreateObject(s, t, n, &h) != CKR_OK)
                return;
        check_object(s, h, t, n);
        require(C_DestroyObject(s, h) == CKR_OK || !flag(s, h, CKA_DESTROYABLE));
}

static CK_OBJECT_HANDLE find_key(CK_SESSION_HANDLE s)
{
        CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
        CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
        CK_OBJECT_HANDLE h = 0;
        CK_ULONG n;

        require(C_FindObjectsInit(s, &t, 1) == CKR_OK && C_FindObjects(s, &h, 1, &n) == CKR_OK && n == 1 && C_FindObjectsFinal(s) == CKR_OK);
        return h;
}

/* The key's copy in the session is changed, so that the next input finds the token as this one did. */
static void copy_and_set(CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE *then, CK_ULONG n_then)
{
        CK_BBOOL no = CK_FALSE;
        CK_ATTRIBUTE to_session[MANY + 1] = { { CKA_TOKEN, &no, sizeof(no) } };
        CK_OBJECT_HANDLE h;
        CK_RV rv;

        memcpy(to_session + 1, t, n * sizeof(*t));
        rv = C_CopyObject(s, find_key(s), to_session, n + 1, &h);
        if (rv != CKR_OK)
                return;
        check_object(s, h, to_session, n + 1);
        if (C_SetAttributeValue(s, h, then, n_then) == CKR_OK)
                check_object(s, h, then, n_then);
        require(flag(s, h, CKA_SENSITIVE) && flag(s, h, CKA_NEVER_EXTRACTABLE) && !flag(s, h, CKA_EXTRACTABLE));
}

/* So far as it goes without a TPM. */
static void request(CK_SESSION_HANDLE s, CK_MECHANISM_TYPE m, CK_ATTRIBUTE *pub, CK_ULONG n_pub, CK_ATTRIBUTE *priv, CK_ULONG n_priv)
{
        CLEANUP(keypair_request_clear) struct keypair_request r = { 0 };
        CK_MECHANISM mech = { m, NULL, 0 };
        struct call c;
        CK_RV rv;

        require(call_begin_session(&c, s) == CKR_OK);
        rv = m == CKM_GENERIC_SECRET_KEY_GEN ? hmackey_request(c.session, &mech, priv, n_priv, &r)
                                             : keypair_request(c.session, &mech, pub, n_pub, priv, n_priv, &r);
        require(rv != CKR_OK || (r.kind != NULL && r.usage != 0));
        call_end(&c, rv);
}

static void find(CK_SESSION_HANDLE s, CK_ATTRIBUTE *t, CK_ULONG n)
{
        CK_OBJECT_HANDLE h[16];
        CK_ULONG found;

        if (C_FindObjectsInit(s, t, n) != CKR_OK)
                return;
        require(C_FindObjects(s, h, 16, &found) == CKR_OK);
        for (CK_ULONG i = 0; i < found; i++)
                for (CK_ULONG j = 0; j < n; j++) {
                        CK_BYTE room[8192];
                        CK_ATTRIBUTE a = { t[j].type, room, sizeof(room) };

                        require(C_GetAttributeValue(s, h[i], &a, 1) == CKR_OK && a.ulValueLen == t[j].ulValueLen);
                }
        require(C_FindObjectsFinal(s) == CKR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static bool started;
        CK_ATTRIBUTE one[MANY] = { 0 }, two[MANY] = { 0 };
        struct input in = { data, size };
        CK_SESSION_HANDLE s;
        CK_ULONG n_one, n_two;
        uint8_t what;

        if (!started) {
                fuzz_store();
                require(C_Initialize(NULL) == CKR_OK);
                started = true;
        }
        require(C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s) == CKR_OK);
        what = octet(&in);
        n_one = template_of(&in, one);
        n_two = template_of(&in, two);
        if (what == 'c')
                create(s, one, n_one);
        else if (what == 'f')
                find(s, one, n_one);
        else if (what == 's')
                copy_and_set(s, one, n_one, two, n_two);
        else if (what == 'h')
                request(s, CKM_GENERIC_SECRET_KEY_GEN, NULL, 0, one, n_one);
        else
                request(s, what == 'e' ? CKM_EC_KEY_PAIR_GEN : CKM_RSA_PKCS_KEY_PAIR_GEN, one, n_one, two, n_two);
        for (CK_ULONG i = 0; i < MANY; i++) {
                free(one[i].pValue);
                free(two[i].pValue);
        }
        require(C_CloseSession(s) == CKR_OK);
        return 0;
}
