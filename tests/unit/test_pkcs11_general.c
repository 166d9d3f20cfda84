/* SPDX-License-Identifier: BSD-2-Clause */
/* The module's doors, and what it is like as a guest in a process: function lists and interfaces complete; nothing works
 * before C_Initialize; every legal choice of locking; silence, and no TPM command before a key is used; no store is no
 * error; a fork harms nobody; C_Finalize waits; bad arguments to every function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "pkcs11/functions.h"
#include "tests/token.h"

#define THREADS 4

static struct token token;
static CK_BBOOL yes = CK_TRUE;

static void make_key(void)
{
        CK_OBJECT_HANDLE pub, priv;

        assert_int_equal(token_session((void *[]){ &token }), 0);
        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(token.f->C_CloseSession(token.s), CKR_OK);
}

static int start(void **state)
{
        *state = &token;
        if (token_start(&token, NULL, 0) != 0)
                return -1;
        make_key();
        return 0;
}

static int stop(void **state)
{
        (void)state;
        return token_stop(&token);
}

static CK_FUNCTION_LIST_3_0 *list_3_0(void)
{
        CK_INTERFACE *i;

        assert_int_equal(C_GetInterface(NULL, NULL, &i, 0), CKR_OK);
        return i->pFunctionList;
}

static void lists_have_no_holes(void **state)
{
        CK_FUNCTION_LIST_3_0 *new = list_3_0();
        CK_FUNCTION_LIST *old;
        void *functions[sizeof(*new) / sizeof(void *)];

        (void)state;
        assert_int_equal(C_GetFunctionList(&old), CKR_OK);
        assert_int_equal(old->version.major, 2);
        assert_int_equal(old->version.minor, 40);
        assert_int_equal(new->version.major, 3);
        assert_int_equal(new->version.minor, 0);

        /* 1 for the version, padded; 68; and 24 that 3.0 adds. */
        assert_int_equal(sizeof(*old) / sizeof(void *), 1 + 68);
        assert_int_equal(sizeof(*new) / sizeof(void *), 1 + 68 + 24);
        memcpy(functions, new, sizeof(*new));
        for (size_t i = 1; i < 1 + 68 + 24; i++)
                for (size_t j = 0; j < i; j++)
                        assert_ptr_not_equal(functions[i], j == 0 ? NULL : functions[j]);
        memcpy(functions, old, sizeof(*old));
        for (size_t i = 1; i < 1 + 68; i++)
                assert_non_null(functions[i]);
        assert_ptr_equal(old->C_WaitForSlotEvent, new->C_WaitForSlotEvent);
        assert_ptr_equal(old->C_GetFunctionList, C_GetFunctionList);
        assert_int_equal(C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
}

static void interfaces_by_name_and_version(void **state)
{
        CK_UTF8CHAR standard[] = "PKCS 11", other[] = "PKCS 12";
        CK_VERSION v3 = { 3, 0 }, v2 = { 2, 40 }, v9 = { 9, 0 };
        CK_INTERFACE list[3], *i;
        CK_ULONG n = 0;

        (void)state;
        assert_int_equal(C_GetInterfaceList(NULL, &n), CKR_OK);
        assert_int_equal(n, 2);
        n = 1;
        assert_int_equal(C_GetInterfaceList(list, &n), CKR_BUFFER_TOO_SMALL);
        n = 3;
        assert_int_equal(C_GetInterfaceList(list, &n), CKR_OK);
        assert_int_equal(n, 2);
        assert_int_equal(C_GetInterfaceList(list, NULL), CKR_ARGUMENTS_BAD);
        for (n = 0; n < 2; n++) {
                assert_string_equal((char *)list[n].pInterfaceName, "PKCS 11");
                /* A child does not get its parent's sessions, so this is not promised. */
                assert_int_equal(list[n].flags & CKF_INTERFACE_FORK_SAFE, 0);
        }

        assert_int_equal(C_GetInterface(standard, &v2, &i, 0), CKR_OK);
        assert_int_equal(((CK_VERSION *)i->pFunctionList)->major, 2);
        assert_int_equal(C_GetInterface(standard, &v3, &i, 0), CKR_OK);
        assert_int_equal(((CK_VERSION *)i->pFunctionList)->major, 3);
        assert_int_equal(C_GetInterface(NULL, NULL, &i, 0), CKR_OK);
        assert_int_equal(((CK_VERSION *)i->pFunctionList)->major, 3);
        assert_int_equal(C_GetInterface(standard, &v9, &i, 0), CKR_ARGUMENTS_BAD);
        assert_int_equal(C_GetInterface(other, NULL, &i, 0), CKR_ARGUMENTS_BAD);
        assert_int_equal(C_GetInterface(standard, NULL, &i, CKF_INTERFACE_FORK_SAFE), CKR_ARGUMENTS_BAD);
        assert_int_equal(C_GetInterface(standard, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
}

static void info_is_blank_padded(void **state)
{
        CK_FUNCTION_LIST_3_0 *f = list_3_0();
        CK_INFO info;

        (void)state;
        assert_int_equal(f->C_GetInfo(&info), CKR_OK);
        assert_int_equal(info.cryptokiVersion.major, 3);
        assert_memory_equal(info.manufacturerID, "Holdfast                        ", 32);
        assert_int_equal(info.libraryDescription[31], ' ');
        assert_int_equal(info.flags, 0);
        /* A caller of the old list is answered in the old version. */
        assert_int_equal(C_GetInfo(&info), CKR_OK);
        assert_int_equal(info.cryptokiVersion.major, 2);
        assert_int_equal(info.cryptokiVersion.minor, 40);
}

/* Every function with arguments that are as empty as can be: for the order of its checks. */
static CK_RV call_number(CK_FUNCTION_LIST_3_0 *f, size_t i)
{
        void *functions[sizeof(*f) / sizeof(void *)];
        CK_RV (*call)(CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG, CK_ULONG);

        memcpy(functions, f, sizeof(*f));
        memcpy(&call, &functions[i], sizeof(call));
        return call(0, 0, 0, 0, 0, 0, 0, 0, 0);
}

/* C_Initialize, C_GetFunctionList, C_GetInterfaceList, C_GetInterface. */
static bool works_always(size_t i)
{
        return i == 1 || i == 4 || i == 69 || i == 70;
}

static void nothing_works_before_initialize(void **state)
{
        CK_FUNCTION_LIST_3_0 *f = list_3_0();

        (void)state;
        assert_int_equal(f->C_Finalize(NULL), CKR_OK);
        for (size_t i = 1; i < sizeof(*f) / sizeof(void *); i++)
                if (!works_always(i))
                        assert_int_equal(call_number(f, i), CKR_CRYPTOKI_NOT_INITIALIZED);
        assert_int_equal(f->C_Initialize(NULL), CKR_OK);
        /* The two that PKCS#11 keeps from its past. */
        assert_int_equal(f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &token.s), CKR_OK);
        assert_int_equal(f->C_GetFunctionStatus(token.s), CKR_FUNCTION_NOT_PARALLEL);
        assert_int_equal(f->C_CancelFunction(token.s), CKR_FUNCTION_NOT_PARALLEL);
        assert_int_equal(f->C_CloseSession(token.s), CKR_OK);
}

static CK_RV lock(void *m)
{
        (void)m;
        return CKR_OK;
}

static CK_RV create_lock(void **m)
{
        *m = NULL;
        return CKR_OK;
}

static void locking_choices(void **state)
{
        CK_C_INITIALIZE_ARGS legal[] = {
                { NULL, NULL, NULL, NULL, 0, NULL },
                { NULL, NULL, NULL, NULL, CKF_OS_LOCKING_OK, NULL },
                { create_lock, lock, lock, lock, 0, NULL },
                { create_lock, lock, lock, lock, CKF_OS_LOCKING_OK | CKF_LIBRARY_CANT_CREATE_OS_THREADS, NULL },
        };
        CK_C_INITIALIZE_ARGS bad[] = {
                { create_lock, NULL, NULL, NULL, 0, NULL },
                { create_lock, lock, lock, NULL, CKF_OS_LOCKING_OK, NULL },
                { NULL, NULL, NULL, NULL, 0, &yes },
        };
        CK_FUNCTION_LIST_3_0 *f = list_3_0();

        (void)state;
        assert_int_equal(f->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
        assert_int_equal(f->C_Finalize(&yes), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_Finalize(NULL), CKR_OK);
        assert_int_equal(f->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
        for (size_t i = 0; i < 3; i++)
                assert_int_equal(f->C_Initialize(&bad[i]), CKR_ARGUMENTS_BAD);
        for (size_t i = 0; i < 4; i++) {
                assert_int_equal(f->C_Initialize(&legal[i]), CKR_OK);
                assert_int_equal(f->C_Initialize(&legal[i]), CKR_CRYPTOKI_ALREADY_INITIALIZED);
                assert_int_equal(f->C_Finalize(NULL), CKR_OK);
        }
        assert_int_equal(f->C_Initialize(NULL), CKR_OK);
}

/* A session and a private key, as any program comes by them; false where something fails. */
static bool find_key(CK_FUNCTION_LIST_3_0 *f, CK_SESSION_HANDLE *s, CK_OBJECT_HANDLE *key)
{
        CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
        CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
        CK_SLOT_ID slots[8];
        CK_ULONG n = 8;

        return f->C_GetSlotList(CK_TRUE, NULL, &n) == CKR_OK && f->C_GetSlotList(CK_TRUE, slots, &n) == CKR_OK && n > 0 &&
               f->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, s) == CKR_OK && f->C_FindObjectsInit(*s, &t, 1) == CKR_OK &&
               f->C_FindObjects(*s, key, 1, &n) == CKR_OK && n == 1 && f->C_FindObjectsFinal(*s) == CKR_OK;
}

static CK_RV sign_once(CK_FUNCTION_LIST_3_0 *f, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_BYTE digest[32] = { 1 }, sig[64];
        CK_ULONG len = sizeof(sig);
        CK_RV rv;

        rv = f->C_SignInit(s, &m, key);
        return rv == CKR_OK ? f->C_Sign(s, digest, sizeof(digest), sig, &len) : rv;
}

static off_t size_of(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0 ? st.st_size : 0;
}

/* From C_Initialize through C_FindObjects and C_GetAttributeValue, in a process that has stdout and stderr caught. */
static void look_around(void)
{
        CK_FUNCTION_LIST_3_0 *f = list_3_0();
        CK_BYTE label[64];
        CK_ATTRIBUTE a = { CKA_LABEL, label, sizeof(label) };
        CK_SESSION_HANDLE s;
        CK_OBJECT_HANDLE key;
        CK_TOKEN_INFO info;
        CK_ULONG n = 0;

        if (f->C_Initialize(NULL) != CKR_OK || f->C_GetSlotList(CK_TRUE, NULL, &n) != CKR_OK || n != 1)
                _exit(1);
        if (f->C_GetTokenInfo(0, &info) != CKR_OK || f->C_GetMechanismList(0, NULL, &n) != CKR_OK || n == 0)
                _exit(2);
        if (!find_key(f, &s, &key) || f->C_GetAttributeValue(s, key, &a, 1) != CKR_OK || f->C_Finalize(NULL) != CKR_OK)
                _exit(3);
        _exit(0);
}

static int in_child(void (*what)(void))
{
        int status;
        pid_t pid;

        pid = fork();
        assert_int_not_equal(pid, -1);
        if (pid == 0) {
                what();
                _exit(99);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static char trace_path[128], output_path[128];

static void look_around_traced(void)
{
        int fd = open(output_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        setenv("HOLDFAST_TPM_TRACE", trace_path, 1);
        dup2(fd, 1);
        dup2(fd, 2);
        look_around();
}

static void looking_sends_no_command_and_prints_nothing(void **state)
{
        (void)state;
        snprintf(trace_path, sizeof(trace_path), "%s/trace", token.tpm.dir);
        snprintf(output_path, sizeof(output_path), "%s/output", token.tpm.dir);
        assert_int_equal(in_child(look_around_traced), 0);
        assert_int_equal(size_of(trace_path), 0);
        assert_int_equal(size_of(output_path), 0);

        /* Nor does it need a TPM. */
        assert_int_equal(swtpm_off(&token.tpm), 0);
        assert_int_equal(in_child(look_around_traced), 0);
        assert_int_equal(size_of(output_path), 0);
        assert_int_equal(swtpm_on(&token.tpm), 0);
}

static void start_without_store(void)
{
        CK_FUNCTION_LIST_3_0 *f = list_3_0();
        char real[128], none[128];
        CK_ULONG n = 7;

        snprintf(real, sizeof(real), "%s/store", token.tpm.dir);
        snprintf(none, sizeof(none), "%s/later", token.tpm.dir);
        setenv("HOLDFAST_STORE", none, 1);
        if (f->C_Initialize(NULL) != CKR_OK || f->C_GetSlotList(CK_TRUE, NULL, &n) != CKR_OK || n != 0)
                _exit(1);
        if (f->C_GetSlotInfo(0, &(CK_SLOT_INFO){ 0 }) != CKR_SLOT_ID_INVALID)
                _exit(2);
        if (f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &n) != CKR_SLOT_ID_INVALID)
                _exit(3);
        /* It is made while we run. */
        if (rename(real, none) != 0 || f->C_GetSlotList(CK_TRUE, NULL, &n) != CKR_OK || n != 1)
                _exit(4);
        _exit(rename(none, real) == 0 ? 0 : 5);
}

static void no_store_is_no_error(void **state)
{
        (void)state;
        assert_int_equal(in_child(start_without_store), 0);
}

static CK_SESSION_HANDLE parent_session;
static CK_OBJECT_HANDLE parent_key;

static void *sign_in_child(void *ok)
{
        CK_FUNCTION_LIST_3_0 *f = list_3_0();
        CK_SESSION_HANDLE s;
        CK_OBJECT_HANDLE key;

        *(bool *)ok = find_key(f, &s, &key) && sign_once(f, s, key) == CKR_OK && sign_once(f, s, key) == CKR_OK;
        return NULL;
}

static void be_a_child(void)
{
        CK_FUNCTION_LIST_3_0 *f = list_3_0();
        pthread_t threads[THREADS];
        bool ok[THREADS] = { 0 };
        CK_ULONG n;

        if (f->C_GetSlotList(CK_TRUE, NULL, &n) != CKR_CRYPTOKI_NOT_INITIALIZED || f->C_Finalize(NULL) != CKR_CRYPTOKI_NOT_INITIALIZED ||
            sign_once(f, parent_session, parent_key) != CKR_CRYPTOKI_NOT_INITIALIZED)
                _exit(1);
        if (f->C_Initialize(NULL) != CKR_OK)
                _exit(2);
        if (f->C_GetSessionInfo(parent_session, &(CK_SESSION_INFO){ 0 }) != CKR_SESSION_HANDLE_INVALID)
                _exit(3);
        for (size_t i = 0; i < THREADS; i++)
                if (pthread_create(&threads[i], NULL, sign_in_child, &ok[i]) != 0)
                        _exit(4);
        for (size_t i = 0; i < THREADS; i++)
                if (pthread_join(threads[i], NULL) != 0 || !ok[i])
                        _exit(5);
        _exit(f->C_Finalize(NULL) == CKR_OK ? 0 : 6);
}

static void a_fork_harms_nobody(void **state)
{
        CK_FUNCTION_LIST_3_0 *f = token.f;

        (void)state;
        assert_true(find_key(f, &parent_session, &parent_key));
        assert_int_equal(sign_once(f, parent_session, parent_key), CKR_OK);
        assert_int_equal(in_child(be_a_child), 0);
        assert_int_equal(sign_once(f, parent_session, parent_key), CKR_OK);
        assert_int_equal(f->C_CloseSession(parent_session), CKR_OK);
}

/* The sanitizer's allocator does not survive a fork() that another thread allocates under; ours has nothing to do with it. */
#ifdef HF_SANITIZED
static const bool forks_are_safe = false;
#else
static const bool forks_are_safe = true;
#endif

static volatile bool enough;

static void *sign_until_enough(void *ok)
{
        CK_FUNCTION_LIST_3_0 *f = list_3_0();
        CK_SESSION_HANDLE s;
        CK_OBJECT_HANDLE key;

        *(bool *)ok = find_key(f, &s, &key);
        while (*(bool *)ok && !enough)
                *(bool *)ok = sign_once(f, s, key) == CKR_OK;
        return NULL;
}

/* The children get their turns at the TPM too: within a second, where waiting until the parent looks away took minutes. */
static void forks_between_busy_threads(void **state)
{
        pthread_t threads[THREADS];
        time_t begin = time(NULL);
        bool ok[THREADS];

        (void)state;
        if (!forks_are_safe)
                skip();
        enough = false;
        for (size_t i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, sign_until_enough, &ok[i]), 0);
        for (int i = 0; i < 10; i++) {
                usleep(3000);
                assert_int_equal(in_child(be_a_child), 0);
        }
        assert_true(time(NULL) - begin < 20);
        enough = true;
        for (size_t i = 0; i < THREADS; i++) {
                assert_int_equal(pthread_join(threads[i], NULL), 0);
                assert_true(ok[i]);
        }
        assert_int_equal(token.f->C_CloseAllSessions(token.slot), CKR_OK);
}

/* Until the end that C_Finalize brings: that answer, and no other. */
static void *sign_until_finalized(void *ret)
{
        CK_FUNCTION_LIST_3_0 *f = list_3_0();
        CK_SESSION_HANDLE s = 0;
        CK_OBJECT_HANDLE key = 0;
        CK_RV rv = CKR_OK;

        if (!find_key(f, &s, &key))
                rv = f->C_GetSessionInfo(s, &(CK_SESSION_INFO){ 0 });
        while (rv == CKR_OK)
                rv = sign_once(f, s, key);
        *(CK_RV *)ret = rv;
        return NULL;
}

static void finalize_waits_for_running_calls(void **state)
{
        CK_FUNCTION_LIST_3_0 *f = list_3_0();
        CK_RV rv[THREADS];

        (void)state;
        for (int round = 0; round < 50; round++) {
                pthread_t threads[THREADS];

                for (size_t i = 0; i < THREADS; i++)
                        assert_int_equal(pthread_create(&threads[i], NULL, sign_until_finalized, &rv[i]), 0);
                usleep(1000 * ((unsigned)round % 20));
                assert_int_equal(f->C_Finalize(NULL), CKR_OK);
                for (size_t i = 0; i < THREADS; i++) {
                        assert_int_equal(pthread_join(threads[i], NULL), 0);
                        assert_int_equal(rv[i], CKR_CRYPTOKI_NOT_INITIALIZED);
                }
                assert_int_equal(f->C_Initialize(NULL), CKR_OK);
        }
}

/* Two threads at once, both must be told the same story. */
static void *initialize(void *ret)
{
        *(CK_RV *)ret = list_3_0()->C_Initialize(NULL);
        return NULL;
}

static void one_of_many_initializes(void **state)
{
        CK_FUNCTION_LIST_3_0 *f = list_3_0();

        (void)state;
        for (int round = 0; round < 20; round++) {
                pthread_t threads[THREADS];
                CK_RV rv[THREADS];
                int ok = 0;

                assert_int_equal(f->C_Finalize(NULL), CKR_OK);
                for (size_t i = 0; i < THREADS; i++)
                        assert_int_equal(pthread_create(&threads[i], NULL, initialize, &rv[i]), 0);
                for (size_t i = 0; i < THREADS; i++) {
                        assert_int_equal(pthread_join(threads[i], NULL), 0);
                        assert_true(rv[i] == CKR_OK || rv[i] == CKR_CRYPTOKI_ALREADY_INITIALIZED);
                        ok += rv[i] == CKR_OK;
                }
                assert_int_equal(ok, 1);
        }
}

/* p11-kit's library has a C_GetFunctionList, and is loaded before us wherever p11-kit loads us. */
static void the_modules_list_names_its_own_functions(void **state)
{
        const char *path = getenv("HF_MODULE");
        CK_C_GetFunctionList get;
        CK_FUNCTION_LIST *list;
        void *m, *sym;

        (void)state;
        if (path == NULL || access(path, R_OK) != 0)
                skip();
        dlopen("libp11-kit.so.0", RTLD_NOW | RTLD_GLOBAL);
        m = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        assert_non_null(m);
        sym = dlsym(m, "C_GetFunctionList");
        memcpy(&get, &sym, sizeof(get));
        assert_int_equal(get(&list), CKR_OK);
        assert_ptr_equal(list->C_GetFunctionList, get);
        assert_null(dlsym(m, "C_Sign"));
        assert_int_equal(dlclose(m), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lists_have_no_holes),
                cmocka_unit_test(interfaces_by_name_and_version),
                cmocka_unit_test(info_is_blank_padded),
                cmocka_unit_test(nothing_works_before_initialize),
                cmocka_unit_test(locking_choices),
                cmocka_unit_test(looking_sends_no_command_and_prints_nothing),
                cmocka_unit_test(no_store_is_no_error),
                cmocka_unit_test(a_fork_harms_nobody),
                cmocka_unit_test(forks_between_busy_threads),
                cmocka_unit_test(finalize_waits_for_running_calls),
                cmocka_unit_test(one_of_many_initializes),
                cmocka_unit_test(the_modules_list_names_its_own_functions),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
