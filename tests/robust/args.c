/* SPDX-License-Identifier: BSD-2-Clause */
/* F14: every C_ function with NULL for each pointer in turn, with handles that are none and lengths that are absurd. No
 * call may crash, hang or say CKR_OK to what is an error. Each call is made in a process of its own. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/robust/p11.h"
#include "tests/robust/robust.h"

static struct p11 p;
static CK_FUNCTION_LIST *f;
static CK_SESSION_HANDLE s;
static CK_OBJECT_HANDLE pub, priv;
static unsigned char buf[4096];
static CK_ULONG len = sizeof(buf);
static CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };
static CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 };
static CK_MECHANISM ec_gen = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
static CK_MECHANISM rsa_gen = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
static CK_MECHANISM huge_param = { CKM_RSA_PKCS_PSS, NULL, ~0UL };
static CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, NULL, 0 };
static CK_MECHANISM ecdh = { CKM_ECDH1_DERIVE, NULL, sizeof(CK_ECDH1_DERIVE_PARAMS) };
static CK_ECDH1_DERIVE_PARAMS null_point = { CKD_NULL, 0, NULL, 65, NULL };
static CK_MECHANISM ecdh_null = { CKM_ECDH1_DERIVE, &null_point, sizeof(null_point) };
static CK_OBJECT_CLASS data_class = CKO_DATA;
static CK_ATTRIBUTE null_value[] = { { CKA_CLASS, NULL, sizeof(CK_OBJECT_CLASS) }, { CKA_LABEL, NULL, 10 } };
static CK_ATTRIBUTE huge_value[] = { { CKA_CLASS, &data_class, sizeof(data_class) }, { CKA_LABEL, buf, (CK_ULONG)-1 } };
static CK_ATTRIBUTE short_class[] = { { CKA_CLASS, &data_class, 1 } };
static CK_ATTRIBUTE odd_bool[] = { { CKA_CLASS, &data_class, sizeof(data_class) }, { CKA_TOKEN, &data_class, sizeof(data_class) } };
static CK_ATTRIBUTE nested[] = { { CKA_WRAP_TEMPLATE, buf, 5 } };

#define NO_SESSION 0xdeadbeefUL
#define NO_OBJECT 0xdeadbeefUL
#define UNKNOWN_SLOT 0xdeadbeefUL

/* An X-macro would hide what is called; a statement shows it. */
#define CASE(name, ...) static CK_RV name(void) { __VA_ARGS__ }
#define AFTER(init, call) CK_RV rv_ = (init); return rv_ != CKR_OK ? rv_ : (call);

CASE(init_reserved, CK_C_INITIALIZE_ARGS a = { .pReserved = buf }; f->C_Finalize(NULL); return f->C_Initialize(&a);)
CASE(init_half_mutexes, CK_C_INITIALIZE_ARGS a = { .LockMutex = (CK_LOCKMUTEX)abort }; f->C_Finalize(NULL); return f->C_Initialize(&a);)
CASE(init_twice, return f->C_Initialize(NULL);)
CASE(finalize_reserved, return f->C_Finalize(buf);)
CASE(get_info, return f->C_GetInfo(NULL);)
CASE(get_function_list, return f->C_GetFunctionList(NULL);)
CASE(slot_list_no_count, return f->C_GetSlotList(CK_FALSE, NULL, NULL);)
CASE(slot_list_no_count_2, CK_SLOT_ID id[1]; return f->C_GetSlotList(CK_FALSE, id, NULL);)
CASE(slot_list_small, CK_SLOT_ID id[1]; CK_ULONG n = 0; return f->C_GetSlotList(CK_TRUE, id, &n);)
CASE(slot_info, return f->C_GetSlotInfo(p.slot, NULL);)
CASE(slot_info_bad, CK_SLOT_INFO i; return f->C_GetSlotInfo(UNKNOWN_SLOT, &i);)
CASE(token_info, return f->C_GetTokenInfo(p.slot, NULL);)
CASE(token_info_bad, CK_TOKEN_INFO i; return f->C_GetTokenInfo(UNKNOWN_SLOT, &i);)
CASE(mechanism_list, return f->C_GetMechanismList(p.slot, NULL, NULL);)
CASE(mechanism_list_small, CK_MECHANISM_TYPE t[1]; CK_ULONG n = 1; return f->C_GetMechanismList(p.slot, t, &n);)
CASE(mechanism_info, return f->C_GetMechanismInfo(p.slot, CKM_ECDSA, NULL);)
CASE(mechanism_info_bad, CK_MECHANISM_INFO i; return f->C_GetMechanismInfo(p.slot, 0x12345678, &i);)
CASE(init_token_null, return f->C_InitToken(p.slot, NULL, 4, NULL);)
CASE(init_token_bad, return f->C_InitToken(UNKNOWN_SLOT, buf, 4, buf);)
CASE(init_pin_null, return f->C_InitPIN(s, NULL, 4);)
CASE(init_pin_huge, return f->C_InitPIN(s, buf, ~0UL);)
CASE(set_pin_null, return f->C_SetPIN(s, NULL, 4, NULL, 4);)
CASE(set_pin_huge, return f->C_SetPIN(s, buf, ~0UL, buf, ~0UL);)
CASE(open_bad_slot, CK_SESSION_HANDLE h; return f->C_OpenSession(UNKNOWN_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &h);)
CASE(open_no_handle, return f->C_OpenSession(p.slot, CKF_SERIAL_SESSION, NULL, NULL, NULL);)
CASE(open_parallel, CK_SESSION_HANDLE h; return f->C_OpenSession(p.slot, 0, NULL, NULL, &h);)
CASE(close_bad, return f->C_CloseSession(NO_SESSION);)
CASE(close_all_bad, return f->C_CloseAllSessions(UNKNOWN_SLOT);)
CASE(session_info, return f->C_GetSessionInfo(s, NULL);)
CASE(session_info_bad, CK_SESSION_INFO i; return f->C_GetSessionInfo(NO_SESSION, &i);)
CASE(get_state, return f->C_GetOperationState(s, NULL, NULL);)
CASE(set_state, return f->C_SetOperationState(s, NULL, 10, 0, 0);)
CASE(set_state_junk, return f->C_SetOperationState(s, buf, 100, 0, 0);)
CASE(set_state_huge, return f->C_SetOperationState(s, buf, ~0UL, 0, 0);)
CASE(login_null, return f->C_Login(s, CKU_USER, NULL, 4);)
CASE(login_huge, return f->C_Login(s, CKU_USER, buf, ~0UL);)
CASE(login_type, return f->C_Login(s, 77, buf, 4);)
CASE(login_bad, return f->C_Login(NO_SESSION, CKU_USER, buf, 4);)
CASE(logout_bad, return f->C_Logout(NO_SESSION);)
CASE(create_null, CK_OBJECT_HANDLE h; return f->C_CreateObject(s, NULL, 5, &h);)
CASE(create_empty, CK_OBJECT_HANDLE h; return f->C_CreateObject(s, NULL, 0, &h);)
CASE(create_no_handle, return f->C_CreateObject(s, short_class, 1, NULL);)
CASE(create_null_value, CK_OBJECT_HANDLE h; return f->C_CreateObject(s, null_value, 2, &h);)
CASE(create_huge_value, CK_OBJECT_HANDLE h; return f->C_CreateObject(s, huge_value, 2, &h);)
CASE(create_short_class, CK_OBJECT_HANDLE h; return f->C_CreateObject(s, short_class, 1, &h);)
CASE(create_odd_bool, CK_OBJECT_HANDLE h; return f->C_CreateObject(s, odd_bool, 2, &h);)
CASE(create_nested, CK_OBJECT_HANDLE h; return f->C_CreateObject(s, nested, 1, &h);)
CASE(copy_null, CK_OBJECT_HANDLE h; return f->C_CopyObject(s, pub, NULL, 3, &h);)
CASE(copy_bad, CK_OBJECT_HANDLE h; return f->C_CopyObject(s, NO_OBJECT, NULL, 0, &h);)
CASE(copy_no_handle, return f->C_CopyObject(s, pub, NULL, 0, NULL);)
CASE(destroy_bad, return f->C_DestroyObject(s, NO_OBJECT);)
CASE(object_size, return f->C_GetObjectSize(s, pub, NULL);)
CASE(object_size_bad, return f->C_GetObjectSize(s, NO_OBJECT, &len);)
CASE(get_attributes_null, return f->C_GetAttributeValue(s, pub, NULL, 3);)
CASE(get_attributes_bad, return f->C_GetAttributeValue(s, NO_OBJECT, null_value, 1);)
CASE(get_attributes_small, CK_ATTRIBUTE a = { CKA_EC_POINT, buf, 1 }; return f->C_GetAttributeValue(s, pub, &a, 1);)
CASE(get_private_value, CK_ATTRIBUTE a = { CKA_VALUE, buf, sizeof(buf) }; return f->C_GetAttributeValue(s, priv, &a, 1);)
CASE(set_attributes_null, return f->C_SetAttributeValue(s, pub, NULL, 3);)
CASE(set_attributes_null_value, CK_ATTRIBUTE a = { CKA_LABEL, NULL, 5 }; return f->C_SetAttributeValue(s, pub, &a, 1);)
CASE(set_attributes_huge, CK_ATTRIBUTE a = { CKA_LABEL, buf, ~0UL - 1 }; return f->C_SetAttributeValue(s, pub, &a, 1);)
CASE(find_init_null, return f->C_FindObjectsInit(s, NULL, 3);)
CASE(find_init_null_value, CK_RV rv = f->C_FindObjectsInit(s, null_value, 2); return rv == CKR_OK ? f->C_FindObjects(s, NULL, 5, &len) : rv;)
CASE(find_null, AFTER(f->C_FindObjectsInit(s, NULL, 0), f->C_FindObjects(s, NULL, 5, &len)))
CASE(find_no_count, CK_OBJECT_HANDLE h; AFTER(f->C_FindObjectsInit(s, NULL, 0), f->C_FindObjects(s, &h, 1, NULL)))
CASE(find_without_init, CK_OBJECT_HANDLE h; return f->C_FindObjects(s, &h, 1, &len);)
CASE(find_final_without_init, return f->C_FindObjectsFinal(s);)
CASE(encrypt_init_null, return f->C_EncryptInit(s, NULL, pub);)
CASE(encrypt_init_ec, return f->C_EncryptInit(s, &ecdsa, pub);)
CASE(encrypt_init_oaep, return f->C_EncryptInit(s, &oaep, pub);)
CASE(encrypt_idle, return f->C_Encrypt(s, buf, 10, NULL, NULL);)
CASE(encrypt_update_idle, return f->C_EncryptUpdate(s, NULL, 10, NULL, NULL);)
CASE(encrypt_final_idle, return f->C_EncryptFinal(s, NULL, NULL);)
CASE(decrypt_init_null, return f->C_DecryptInit(s, NULL, priv);)
CASE(decrypt_init_ec, return f->C_DecryptInit(s, &ecdsa, priv);)
CASE(decrypt_idle, return f->C_Decrypt(s, NULL, 10, NULL, NULL);)
CASE(decrypt_update_idle, return f->C_DecryptUpdate(s, NULL, 10, NULL, NULL);)
CASE(decrypt_final_idle, return f->C_DecryptFinal(s, NULL, NULL);)
CASE(digest_init_null, return f->C_DigestInit(s, NULL);)
CASE(digest_idle, return f->C_Digest(s, buf, 10, buf, &len);)
CASE(digest_null_data, AFTER(f->C_DigestInit(s, &sha256), f->C_Digest(s, NULL, 10, buf, &len)))
CASE(digest_no_length, AFTER(f->C_DigestInit(s, &sha256), f->C_Digest(s, buf, 10, buf, NULL)))
CASE(digest_update_null, AFTER(f->C_DigestInit(s, &sha256), f->C_DigestUpdate(s, NULL, 10)))
CASE(digest_key_bad, AFTER(f->C_DigestInit(s, &sha256), f->C_DigestKey(s, NO_OBJECT)))
CASE(digest_final_null, AFTER(f->C_DigestInit(s, &sha256), f->C_DigestFinal(s, buf, NULL)))
CASE(sign_init_null, return f->C_SignInit(s, NULL, priv);)
CASE(sign_init_bad_key, return f->C_SignInit(s, &ecdsa, NO_OBJECT);)
CASE(sign_init_public, return f->C_SignInit(s, &ecdsa, pub);)
CASE(sign_init_huge_param, return f->C_SignInit(s, &huge_param, priv);)
CASE(sign_init_bad_session, return f->C_SignInit(NO_SESSION, &ecdsa, priv);)
CASE(sign_idle, return f->C_Sign(s, buf, 32, buf, &len);)
CASE(sign_null_data, AFTER(f->C_SignInit(s, &ecdsa, priv), f->C_Sign(s, NULL, 32, buf, &len)))
CASE(sign_no_length, AFTER(f->C_SignInit(s, &ecdsa, priv), f->C_Sign(s, buf, 32, buf, NULL)))
CASE(sign_small, CK_ULONG n = 1; AFTER(f->C_SignInit(s, &ecdsa, priv), f->C_Sign(s, buf, 32, buf, &n)))
CASE(sign_empty, AFTER(f->C_SignInit(s, &ecdsa, priv), f->C_Sign(s, buf, 0, buf, &len)))
CASE(sign_update_idle, return f->C_SignUpdate(s, buf, 10);)
CASE(sign_final_idle, return f->C_SignFinal(s, buf, &len);)
CASE(sign_recover_init, return f->C_SignRecoverInit(s, NULL, priv);)
CASE(sign_recover, return f->C_SignRecover(s, NULL, 10, NULL, NULL);)
CASE(verify_init_null, return f->C_VerifyInit(s, NULL, pub);)
CASE(verify_init_private, return f->C_VerifyInit(s, &ecdsa, priv);)
CASE(verify_null_data, AFTER(f->C_VerifyInit(s, &ecdsa, pub), f->C_Verify(s, NULL, 32, buf, 64)))
CASE(verify_null_sig, AFTER(f->C_VerifyInit(s, &ecdsa, pub), f->C_Verify(s, buf, 32, NULL, 64)))
CASE(verify_huge_sig, AFTER(f->C_VerifyInit(s, &ecdsa, pub), f->C_Verify(s, buf, 32, buf, ~0UL)))
CASE(verify_idle, return f->C_Verify(s, buf, 32, buf, 64);)
CASE(verify_update_idle, return f->C_VerifyUpdate(s, NULL, 10);)
CASE(verify_final_idle, return f->C_VerifyFinal(s, NULL, 64);)
CASE(verify_recover_init, return f->C_VerifyRecoverInit(s, NULL, pub);)
CASE(verify_recover, return f->C_VerifyRecover(s, NULL, 10, NULL, NULL);)
CASE(digest_encrypt, return f->C_DigestEncryptUpdate(s, NULL, 10, NULL, NULL);)
CASE(decrypt_digest, return f->C_DecryptDigestUpdate(s, NULL, 10, NULL, NULL);)
CASE(sign_encrypt, return f->C_SignEncryptUpdate(s, NULL, 10, NULL, NULL);)
CASE(decrypt_verify, return f->C_DecryptVerifyUpdate(s, NULL, 10, NULL, NULL);)
CASE(generate_key_null, return f->C_GenerateKey(s, NULL, NULL, 3, NULL);)
CASE(generate_key_mech, CK_OBJECT_HANDLE h; return f->C_GenerateKey(s, &ecdsa, NULL, 0, &h);)
CASE(generate_pair_null, return f->C_GenerateKeyPair(s, NULL, NULL, 3, NULL, 3, NULL, NULL);)
CASE(generate_pair_no_handles, return f->C_GenerateKeyPair(s, &ec_gen, NULL, 0, NULL, 0, NULL, NULL);)
CASE(generate_pair_no_template, CK_OBJECT_HANDLE a; CK_OBJECT_HANDLE b; return f->C_GenerateKeyPair(s, &ec_gen, NULL, 4, NULL, 4, &a, &b);)
CASE(generate_pair_no_curve, CK_OBJECT_HANDLE a; CK_OBJECT_HANDLE b; return f->C_GenerateKeyPair(s, &ec_gen, NULL, 0, NULL, 0, &a, &b);)
CASE(generate_pair_rsa, CK_OBJECT_HANDLE a; CK_OBJECT_HANDLE b; return f->C_GenerateKeyPair(s, &rsa_gen, null_value, 2, null_value, 2, &a, &b);)
CASE(wrap_null, return f->C_WrapKey(s, NULL, pub, priv, NULL, NULL);)
CASE(wrap, return f->C_WrapKey(s, &ecdsa, pub, priv, buf, &len);)
CASE(unwrap_null, return f->C_UnwrapKey(s, NULL, priv, NULL, 10, NULL, 3, NULL);)
CASE(derive_null, return f->C_DeriveKey(s, NULL, priv, NULL, 3, NULL);)
CASE(derive_null_param, CK_OBJECT_HANDLE h; return f->C_DeriveKey(s, &ecdh, priv, NULL, 0, &h);)
CASE(derive_null_point, CK_OBJECT_HANDLE h; return f->C_DeriveKey(s, &ecdh_null, priv, NULL, 0, &h);)
CASE(seed_null, return f->C_SeedRandom(s, NULL, 10);)
CASE(random_null, return f->C_GenerateRandom(s, NULL, 10);)
CASE(random_bad, return f->C_GenerateRandom(NO_SESSION, buf, 10);)
CASE(function_status, return f->C_GetFunctionStatus(s);)
CASE(cancel_function, return f->C_CancelFunction(s);)
CASE(wait_null, return f->C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL);)
CASE(wait_reserved, CK_SLOT_ID id; return f->C_WaitForSlotEvent(CKF_DONT_BLOCK, &id, buf);)

static const struct { const char *name; CK_RV (*run)(void); } cases[] = {
#define X(name) { #name, name }
        X(init_reserved), X(init_half_mutexes), X(init_twice), X(finalize_reserved), X(get_info), X(get_function_list), X(slot_list_no_count),
        X(slot_list_no_count_2), X(slot_list_small), X(slot_info), X(slot_info_bad), X(token_info), X(token_info_bad), X(mechanism_list),
        X(mechanism_list_small), X(mechanism_info), X(mechanism_info_bad), X(init_token_null), X(init_token_bad), X(init_pin_null), X(init_pin_huge),
        X(set_pin_null), X(set_pin_huge), X(open_bad_slot), X(open_no_handle), X(open_parallel), X(close_bad), X(close_all_bad), X(session_info),
        X(session_info_bad), X(get_state), X(set_state), X(set_state_junk), X(set_state_huge), X(login_null), X(login_huge), X(login_type), X(login_bad),
        X(logout_bad), X(create_null), X(create_empty), X(create_no_handle), X(create_null_value), X(create_huge_value), X(create_short_class),
        X(create_odd_bool), X(create_nested), X(copy_null), X(copy_bad), X(copy_no_handle), X(destroy_bad), X(object_size), X(object_size_bad),
        X(get_attributes_null), X(get_attributes_bad), X(get_attributes_small), X(get_private_value), X(set_attributes_null),
        X(set_attributes_null_value), X(set_attributes_huge), X(find_init_null), X(find_init_null_value), X(find_null), X(find_no_count),
        X(find_without_init), X(find_final_without_init), X(encrypt_init_null), X(encrypt_init_ec), X(encrypt_init_oaep), X(encrypt_idle),
        X(encrypt_update_idle), X(encrypt_final_idle), X(decrypt_init_null), X(decrypt_init_ec), X(decrypt_idle), X(decrypt_update_idle),
        X(decrypt_final_idle), X(digest_init_null), X(digest_idle), X(digest_null_data), X(digest_no_length), X(digest_update_null), X(digest_key_bad),
        X(digest_final_null), X(sign_init_null), X(sign_init_bad_key), X(sign_init_public), X(sign_init_huge_param), X(sign_init_bad_session),
        X(sign_idle), X(sign_null_data), X(sign_no_length), X(sign_small), X(sign_empty), X(sign_update_idle), X(sign_final_idle),
        X(sign_recover_init), X(sign_recover), X(verify_init_null), X(verify_init_private), X(verify_null_data), X(verify_null_sig), X(verify_huge_sig),
        X(verify_idle), X(verify_update_idle), X(verify_final_idle), X(verify_recover_init), X(verify_recover), X(digest_encrypt), X(decrypt_digest),
        X(sign_encrypt), X(decrypt_verify), X(generate_key_null), X(generate_key_mech), X(generate_pair_null), X(generate_pair_no_handles),
        X(generate_pair_no_template), X(generate_pair_no_curve), X(generate_pair_rsa), X(wrap_null), X(wrap), X(unwrap_null), X(derive_null),
        X(derive_null_param), X(derive_null_point), X(seed_null), X(random_null), X(random_bad), X(function_status), X(cancel_function), X(wait_null),
        X(wait_reserved),
#undef X
};
#define N_CASES (sizeof(cases) / sizeof(cases[0]))

enum { REFUSED, ACCEPTED, BROKEN, NO_START };

/* The call, and whether a signature can be made after it. */
static int one(size_t i)
{
        CK_SESSION_HANDLE own;
        size_t n;
        CK_RV rv;

        p11_load(&p);
        f = p.f;
        if (p11_init(&p) != CKR_OK || p11_open(&p) != CKR_OK || p11_find(&p, CKO_PUBLIC_KEY, "k", &pub, 1, &n) != CKR_OK || n != 1 ||
            p11_find(&p, CKO_PRIVATE_KEY, "k", &priv, 1, &n) != CKR_OK || n != 1)
                return NO_START;
        s = own = p.s;
        rv = cases[i].run();
        if (f->C_Finalize(NULL) != CKR_OK && i > 1)
                return BROKEN;
        if (p11_init(&p) != CKR_OK || p11_open(&p) != CKR_OK || p11_find(&p, CKO_PUBLIC_KEY, "k", &pub, 1, &n) != CKR_OK || n != 1 ||
            p11_find(&p, CKO_PRIVATE_KEY, "k", &priv, 1, &n) != CKR_OK || n != 1 || !p11_works(&p, pub, priv))
                return BROKEN;
        return rv == CKR_OK ? ACCEPTED : REFUSED;
}

/* Before C_Initialize every function has one answer. A NULL in the list would crash its callers, p11-kit's server among them. */
static void uninitialised(void)
{
        CK_OBJECT_HANDLE h;
        unsigned holes = 0, wrong = 0;
        CK_RV (**entry)(void);

        p11_load(&p);
        f = p.f;
        entry = (CK_RV (**)(void))&f->C_Initialize;
        for (size_t i = 0; i < 68; i++)
                holes += entry[i] == NULL;
        wrong += f->C_GetInfo((CK_INFO *)buf) != CKR_CRYPTOKI_NOT_INITIALIZED;
        wrong += f->C_Finalize(NULL) != CKR_CRYPTOKI_NOT_INITIALIZED;
        wrong += f->C_GetSlotList(CK_TRUE, NULL, &len) != CKR_CRYPTOKI_NOT_INITIALIZED;
        wrong += f->C_SignInit(1, &ecdsa, 1) != CKR_CRYPTOKI_NOT_INITIALIZED;
        wrong += f->C_WrapKey(1, &ecdsa, 1, 1, buf, &len) != CKR_CRYPTOKI_NOT_INITIALIZED;
        wrong += f->C_CreateObject(1, NULL, 0, &h) != CKR_CRYPTOKI_NOT_INITIALIZED;
        robust_row(holes == 0 && wrong == 0, "F14", "68 functions, before C_Initialize", "%u missing, %u with a wrong answer", holes, wrong);
}

int main(void)
{
        unsigned refused = 0, accepted = 0, bad = 0, crashes = 0;
        static struct child c;
        int status;
        pid_t pid;

        robust_start();
        child_run(&c, (const char *const[]){ "worker", "generate", "k", NULL }, NULL, 60);
        for (size_t i = 0; i < N_CASES; i++) {
                pid = fork();
                if (pid == 0) {
                        alarm(20);
                        _exit(one(i));
                }
                waitpid(pid, &status, 0);
                if (WIFEXITED(status) && WEXITSTATUS(status) <= ACCEPTED) {
                        refused += WEXITSTATUS(status) == REFUSED;
                        accepted += WEXITSTATUS(status) == ACCEPTED;
                        if (WEXITSTATUS(status) == ACCEPTED)
                                fprintf(stderr, "%s: CKR_OK\n", cases[i].name);
                        continue;
                }
                bad += WIFEXITED(status);
                crashes += WIFSIGNALED(status);
                fprintf(stderr, "%s: %s\n", cases[i].name, WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "the token is not usable after it");
        }
        robust_row(crashes + bad + accepted == 0, "F14", "bad arguments", "%zu calls: %u refused, %u crashes or hangs, %u accepted, %u not usable after",
                   N_CASES, refused, crashes, accepted, bad);
        uninitialised();
        return robust_end();
}
