/* SPDX-License-Identifier: BSD-2-Clause */
/* Sequences of calls: none crashes, size queries change nothing, no sequence makes a sensitive value readable, and what
 * was closed is closed. Without a TPM: what asks it fails, which is a path of its own.
 *
 * Input: per call one octet for the function and two for its arguments: which session, object, mechanism, length. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "pkcs11/functions.h"
#include "tests/fuzz/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SESSIONS 4
#define OBJECTS 8
#define CALLS_MAX 64

static CK_SESSION_HANDLE sessions[SESSIONS];
static CK_OBJECT_HANDLE objects[OBJECTS];
static size_t next_object;
static CK_BYTE in[256], out[1024];
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void require(bool ok)
{
        if (!ok)
                abort();
}

static void keep(CK_RV rv, CK_OBJECT_HANDLE h)
{
        if (rv == CKR_OK)
                objects[next_object++ % OBJECTS] = h;
}

static CK_MECHANISM mechanisms[] = {
        { CKM_ECDSA, NULL, 0 }, { CKM_ECDSA_SHA256, NULL, 0 }, { CKM_SHA256, NULL, 0 }, { CKM_SHA256_HMAC, NULL, 0 }, { CKM_RSA_PKCS, NULL, 0 },
        { CKM_ECDH1_DERIVE, NULL, 0 }, { CKM_RSA_PKCS_OAEP, in, 8 }, { CKM_EC_KEY_PAIR_GEN, NULL, 0 }, { 0xffffffff, NULL, 0 }, { CKM_SHA_1, in, 3 },
};

/* What one call gets. */
struct args {
        CK_SESSION_HANDLE s;
        CK_OBJECT_HANDLE o;
        CK_MECHANISM *m;
        CK_ULONG len;
        uint8_t raw;
};

static void open_session(struct args *a)
{
        CK_SESSION_HANDLE s;

        if (C_OpenSession(0, CKF_SERIAL_SESSION | ((a->raw & 1) != 0 ? CKF_RW_SESSION : 0), NULL, NULL, &s) == CKR_OK)
                sessions[a->raw / 2 % SESSIONS] = s;
}

static void close_session(struct args *a) { C_CloseSession(a->s); }
static void login(struct args *a) { C_Login(a->s, a->raw % 4, in, a->len); }
static void logout(struct args *a) { C_Logout(a->s); }
static void cancel(struct args *a) { C_SessionCancel(a->s, (CK_FLAGS)a->raw << 8); }
static void destroy(struct args *a)
{
        CK_BBOOL token = CK_FALSE;
        CK_ATTRIBUTE t = { CKA_TOKEN, &token, 1 };

        /* The token's own key stays for the next input. */
        if (C_GetAttributeValue(a->s, a->o, &t, 1) == CKR_OK && token == CK_FALSE)
                C_DestroyObject(a->s, a->o);
}

static void make_secret(struct args *a)
{
        CK_OBJECT_CLASS class = CKO_SECRET_KEY;
        CK_KEY_TYPE type = CKK_GENERIC_SECRET;
        CK_ATTRIBUTE t[] = {
                { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_VALUE, in, a->len },
                { CKA_SIGN, &yes, 1 }, { CKA_VERIFY, &yes, 1 }, { CKA_SENSITIVE, (a->raw & 1) != 0 ? &yes : &no, 1 },
                { CKA_EXTRACTABLE, (a->raw & 2) != 0 ? &yes : &no, 1 },
        };
        CK_OBJECT_HANDLE h = 0;

        keep(C_CreateObject(a->s, t, 7, &h), h);
}

static void make_data(struct args *a)
{
        CK_OBJECT_CLASS class = CKO_DATA;
        CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_VALUE, in, a->len } };
        CK_OBJECT_HANDLE h = 0;

        keep(C_CreateObject(a->s, t, 2, &h), h);
}

static void copy(struct args *a)
{
        CK_ATTRIBUTE t[] = { { CKA_TOKEN, &no, 1 }, { CKA_SENSITIVE, (a->raw & 1) != 0 ? &yes : &no, 1 } };
        CK_OBJECT_HANDLE h = 0;

        keep(C_CopyObject(a->s, a->o, t, 1 + a->raw % 2, &h), h);
}

/* Session objects alone, for the same reason. */
static void set(struct args *a)
{
        static const CK_ATTRIBUTE_TYPE types[] = { CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_SIGN, CKA_LABEL, CKA_TOKEN, CKA_PRIVATE, CKA_CLASS, CKA_WRAP };
        CK_ATTRIBUTE t = { types[a->raw % 8], (a->raw & 8) != 0 ? &yes : &no, 1 };
        CK_BBOOL token = CK_TRUE;
        CK_ATTRIBUTE is_token = { CKA_TOKEN, &token, 1 };

        if (C_GetAttributeValue(a->s, a->o, &is_token, 1) == CKR_OK && token == CK_FALSE)
                C_SetAttributeValue(a->s, a->o, &t, 1);
}

static void find_init(struct args *a)
{
        CK_ATTRIBUTE t = { CKA_TOKEN, (a->raw & 1) != 0 ? &yes : &no, 1 };

        C_FindObjectsInit(a->s, &t, a->raw % 3 == 0 ? 0 : 1);
}

static void find(struct args *a)
{
        CK_OBJECT_HANDLE h[3];
        CK_ULONG n;

        if (C_FindObjects(a->s, h, a->raw % 4, &n) == CKR_OK)
                for (CK_ULONG i = 0; i < n; i++)
                        keep(CKR_OK, h[i]);
}

static void find_final(struct args *a) { C_FindObjectsFinal(a->s); }
static void digest_init(struct args *a) { C_DigestInit(a->s, a->m); }
static void digest_update(struct args *a) { C_DigestUpdate(a->s, in, a->len); }
static void digest_key(struct args *a) { C_DigestKey(a->s, a->o); }
static void sign_init(struct args *a) { C_SignInit(a->s, a->m, a->o); }
static void sign_update(struct args *a) { C_SignUpdate(a->s, in, a->len); }
static void verify_init(struct args *a) { C_VerifyInit(a->s, a->m, a->o); }
static void verify(struct args *a) { C_Verify(a->s, in, a->len, in, 64); }
static void verify_final(struct args *a) { C_VerifyFinal(a->s, in, a->len); }
static void encrypt_init(struct args *a) { C_EncryptInit(a->s, a->m, a->o); }
static void decrypt_init(struct args *a) { C_DecryptInit(a->s, a->m, a->o); }

/* A size query, then the call: the first must not have done anything. */
static void twice(CK_RV (*call)(CK_SESSION_HANDLE s, CK_BYTE *ret, CK_ULONG *len), struct args *a)
{
        CK_ULONG need = 0, len = a->len;
        CK_RV first, second;

        first = call(a->s, NULL, &need);
        second = call(a->s, out, &len);
        if (first == CKR_OK && second == CKR_OK)
                require(len <= need);
        require((first == CKR_OPERATION_NOT_INITIALIZED) == (second == CKR_OPERATION_NOT_INITIALIZED) || first != CKR_OK);
}

static CK_RV do_digest_final(CK_SESSION_HANDLE s, CK_BYTE *ret, CK_ULONG *len) { return C_DigestFinal(s, ret, len); }
static CK_RV do_digest(CK_SESSION_HANDLE s, CK_BYTE *ret, CK_ULONG *len) { return C_Digest(s, in, 16, ret, len); }
static CK_RV do_sign(CK_SESSION_HANDLE s, CK_BYTE *ret, CK_ULONG *len) { return C_Sign(s, in, 32, ret, len); }
static CK_RV do_sign_final(CK_SESSION_HANDLE s, CK_BYTE *ret, CK_ULONG *len) { return C_SignFinal(s, ret, len); }
static CK_RV do_state(CK_SESSION_HANDLE s, CK_BYTE *ret, CK_ULONG *len) { return C_GetOperationState(s, ret, len); }
static void digest_final(struct args *a) { twice(do_digest_final, a); }
static void digest(struct args *a) { twice(do_digest, a); }
static void sign(struct args *a) { twice(do_sign, a); }
static void sign_final(struct args *a) { twice(do_sign_final, a); }
static void get_state(struct args *a) { twice(do_state, a); }
static void set_state(struct args *a) { C_SetOperationState(a->s, out, a->len, 0, a->o); }
static void size_of(struct args *a) { C_GetObjectSize(a->s, a->o, &(CK_ULONG){ 0 }); }
static void wrap(struct args *a) { C_WrapKey(a->s, a->m, a->o, a->o, out, &(CK_ULONG){ sizeof(out) }); }

static void derive(struct args *a)
{
        CK_OBJECT_HANDLE h = 0;

        keep(C_DeriveKey(a->s, a->m, a->o, NULL, 0, &h), h);
}

static void (*const calls[])(struct args *a) = {
        open_session, close_session, login, logout, cancel, destroy, make_secret, make_data, copy, set, find_init, find, find_final,
        digest_init, digest_update, digest_key, digest_final, digest, sign_init, sign_update, sign, sign_final, verify_init, verify,
        verify_final, encrypt_init, decrypt_init, get_state, set_state, size_of, wrap, derive,
};

static void nothing_sensitive_can_be_read(void)
{
        CK_BYTE v[256];

        for (size_t i = 0; i < SESSIONS; i++)
                for (size_t j = 0; j < OBJECTS; j++) {
                        CK_BBOOL sensitive = CK_FALSE, extractable = CK_TRUE;
                        CK_ATTRIBUTE is[] = { { CKA_SENSITIVE, &sensitive, 1 }, { CKA_EXTRACTABLE, &extractable, 1 } };
                        CK_ATTRIBUTE value = { CKA_VALUE, v, sizeof(v) };

                        if (C_GetAttributeValue(sessions[i], objects[j], is, 2) == CKR_OK && (sensitive || !extractable))
                                require(C_GetAttributeValue(sessions[i], objects[j], &value, 1) != CKR_OK);
                }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static bool started;
        CK_TOKEN_INFO info;

        if (!started) {
                fuzz_store();
                require(C_Initialize(NULL) == CKR_OK);
                started = true;
        }
        memset(objects, 0, sizeof(objects));
        for (size_t i = 0; i < SESSIONS; i++)
                open_session(&(struct args){ .raw = (uint8_t)(2 * i + 1) });
        for (size_t i = 0; i + 3 <= size && i < 3 * CALLS_MAX; i += 3) {
                struct args a = {
                        .s = sessions[data[i + 1] % SESSIONS],
                        .o = objects[data[i + 1] / SESSIONS % OBJECTS],
                        .m = &mechanisms[data[i + 2] % (sizeof(mechanisms) / sizeof(mechanisms[0]))],
                        .len = data[i + 2],
                        .raw = data[i + 2],
                };

                calls[data[i] % (sizeof(calls) / sizeof(calls[0]))](&a);
        }
        nothing_sensitive_can_be_read();
        require(C_CloseAllSessions(0) == CKR_OK);
        require(C_GetTokenInfo(0, &info) == CKR_OK && info.ulSessionCount == 0 && info.ulRwSessionCount == 0);
        return 0;
}
