/* SPDX-License-Identifier: BSD-2-Clause */
/* The module where a daemon has the TPM: what passes, and what a program notices of a daemon that goes and comes back. The daemon is a
 * process of its own, so that it can be killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "daemon/serve.h"
#include "lib/err.h"
#include "pkcs11/functions.h"
#include "tests/fixture.h"

#define THREADS 8
#define CYCLES 20
#define SIZE 32
#define LONG (5u * 512 * 1024)

static struct fixture f;
static struct sockaddr_un address;
static pid_t daemon_pid = -1;
static CK_FUNCTION_LIST_3_0 *p11;
static CK_SLOT_ID slot;
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE key, other_key;

/* --- The daemon --- */

static int say_nothing(void *log, struct audit_record *rec)
{
        (void)log;
        (void)rec;
        return 0;
}

static int listen_here(void)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        unlink(address.sun_path);
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 100) != 0)
                _exit(1);
        return fd;
}

/* This program again, as main() has it: a child that only goes on would have whatever locks the other threads hold at that moment. */
static void be_daemon(char **argv)
{
        struct serve_options o = { .record = say_nothing, .max_per_uid = 100, .max = 100 };
        struct server *s;

        f.conf = (struct conf){ .tcti = argv[1], .store = argv[2], .deadline_ms = 10000, .parent_handle = 0x81010a01, .pin_tries = 3 };
        address.sun_family = AF_UNIX;
        snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[3]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (keyring_open(&f.conf, &o.keyring) != 0 || policy_new(keyring_store(o.keyring), &o.policy) != 0)
                _exit(1);
        o.listen_fd = listen_here();
        if (serve_start(&o, &s) != 0 || write(1, "r", 1) != 1)
                _exit(1);
        for (;;)
                pause();
}

static void start_daemon(void)
{
        int ready[2];
        char byte;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        daemon_pid = fork();
        assert_true(daemon_pid >= 0);
        if (daemon_pid == 0) {
                dup2(ready[1], 1);
                execl("/proc/self/exe", "daemon", f.conf.tcti, f.conf.store, address.sun_path, (char *)NULL);
                _exit(1);
        }
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
}

/* Its socket stays, with nobody behind it. */
static void kill_daemon(void)
{
        if (daemon_pid <= 0)
                return;
        kill(daemon_pid, SIGKILL);
        waitpid(daemon_pid, NULL, 0);
        daemon_pid = -1;
}

static void restart_daemon(void)
{
        kill_daemon();
        start_daemon();
}

static void allow(const char *agent)
{
        char rule[100];
        unsigned number;

        snprintf(rule, sizeof(rule), "allow user=%u human=yes ops=any", getuid());
        if (policy_allow(keyring_store(f.keyring), agent, BYTES_STR(rule), &number) != 0)
                fail_msg("%s: %s", rule, err_text());
}

static int start(void **state)
{
        char conf[100];
        FILE *empty;

        (void)state;
        fixture_start(&f);
        item_unref(fixture_key(&f, "P-256", ALG_SIGN | ALG_DERIVE, "k"));
        item_unref(fixture_key(&f, "P-256", ALG_SIGN | ALG_DERIVE, "l"));
        assert_int_equal(keyring_agent_create(f.keyring, "b", "dana@example.com", NULL), 0);
        allow("a");
        keyring_close(f.keyring);
        f.keyring = NULL;
        address.sun_family = AF_UNIX;
        /* A character that has to be escaped on the way to the client. */
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/p 11%%", f.swtpm.dir);
        snprintf(conf, sizeof(conf), "%s/conf", f.swtpm.dir);
        empty = fopen(conf, "w");
        assert_non_null(empty);
        fclose(empty);
        setenv("HOLDFAST_CONF", conf, 1);
        setenv("HOLDFAST_SOCKET", address.sun_path, 1);
        setenv("HOLDFAST_STORE", "/nowhere", 1);
        return 0;
}

static int stop(void **state)
{
        (void)state;
        fixture_stop(&f);
        return 0;
}

/* --- The program --- */

static void find_keys(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE found[2])
{
        CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
        CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
        CK_ULONG n = 0;

        assert_int_equal(p11->C_FindObjectsInit(s, &t, 1), CKR_OK);
        assert_int_equal(p11->C_FindObjects(s, found, 2, &n), CKR_OK);
        assert_int_equal(n, 2);
        assert_int_equal(p11->C_FindObjectsFinal(s), CKR_OK);
}

static CK_ULONG tokens(CK_SLOT_ID *ret_first)
{
        CK_SLOT_ID list[8];
        CK_ULONG n = 8;

        assert_int_equal(p11->C_GetSlotList(CK_TRUE, NULL, &n), CKR_OK);
        n = 8;
        assert_int_equal(p11->C_GetSlotList(CK_TRUE, list, &n), CKR_OK);
        if (n > 0)
                *ret_first = list[0];
        return n;
}

static void initialize(void)
{
        CK_INTERFACE *i;

        assert_int_equal(C_GetInterface(NULL, NULL, &i, 0), CKR_OK);
        p11 = i->pFunctionList;
        assert_int_equal(p11->C_Initialize(NULL), CKR_OK);
}

static void open_session(void)
{
        CK_OBJECT_HANDLE found[2];

        assert_int_equal(tokens(&slot), 1);
        assert_int_equal(p11->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), CKR_OK);
        find_keys(session, found);
        key = found[0];
        other_key = found[1];
}

static int begin(void **state)
{
        (void)state;
        start_daemon();
        initialize();
        open_session();
        return 0;
}

static int connection(void);

static int end(void **state)
{
        (void)state;
        p11->C_Finalize(NULL);
        kill_daemon();
        assert_true(connection() < 0);
        return 0;
}

static CK_RV sign_in(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE k, CK_BYTE sig[64])
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_BYTE digest[SIZE] = { 7 };
        CK_ULONG len = 64;
        CK_RV rv;

        rv = p11->C_SignInit(s, &m, k);
        return rv == CKR_OK ? p11->C_Sign(s, digest, SIZE, sig, &len) : rv;
}

static CK_RV sign(void)
{
        CK_BYTE sig[64];

        return sign_in(session, key, sig);
}

/* The label of a key, by which it is known to be the same. */
static char label_of(CK_OBJECT_HANDLE k)
{
        char label[8] = "";
        CK_ATTRIBUTE t = { CKA_LABEL, label, sizeof(label) };

        assert_int_equal(p11->C_GetAttributeValue(session, k, &t, 1), CKR_OK);
        return label[0];
}

/* --- What passes --- */

static CK_OBJECT_HANDLE public_half(char label)
{
        CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
        CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_LABEL, &label, 1 } };
        CK_OBJECT_HANDLE pub = 0;
        CK_ULONG n = 0;

        assert_int_equal(p11->C_FindObjectsInit(session, t, 2), CKR_OK);
        assert_int_equal(p11->C_FindObjects(session, &pub, 1, &n), CKR_OK);
        assert_int_equal(n, 1);
        assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OK);
        return pub;
}

static void hashing_signatures_pass(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA_SHA256, NULL, 0 }, hash = { CKM_SHA256, NULL, 0 }, raw = { CKM_ECDSA, NULL, 0 };
        CK_OBJECT_HANDLE pub = public_half(label_of(key));
        CK_BYTE sig[64], digest[SIZE];
        CK_ULONG len = 0, digest_len = SIZE;

        (void)state;
        assert_int_equal(p11->C_SignInit(session, &m, key), CKR_OK);
        assert_int_equal(p11->C_SignUpdate(session, (CK_BYTE *)"hol", 3), CKR_OK);
        assert_int_equal(p11->C_SignUpdate(session, (CK_BYTE *)"dfast", 5), CKR_OK);
        assert_int_equal(p11->C_SignFinal(session, NULL, &len), CKR_OK);
        assert_int_equal(len, 64);
        assert_int_equal(p11->C_SignFinal(session, sig, &len), CKR_OK);
        assert_int_equal(p11->C_DigestInit(session, &hash), CKR_OK);
        assert_int_equal(p11->C_Digest(session, (CK_BYTE *)"holdfast", 8, digest, &digest_len), CKR_OK);
        assert_int_equal(p11->C_VerifyInit(session, &raw, pub), CKR_OK);
        assert_int_equal(p11->C_Verify(session, digest, SIZE, sig, 64), CKR_OK);
        assert_int_equal(p11->C_VerifyInit(session, &m, pub), CKR_OK);
        assert_int_equal(p11->C_Verify(session, (CK_BYTE *)"holdfest", 8, sig, 64), CKR_SIGNATURE_INVALID);
        m.pParameter = sig;
        m.ulParameterLen = 1;
        assert_int_equal(p11->C_SignInit(session, &m, key), CKR_MECHANISM_PARAM_INVALID);
}

static void a_part_may_be_long(void **state)
{
        CK_MECHANISM hash = { CKM_SHA256, NULL, 0 };
        CK_BYTE once[SIZE], parts[SIZE], *data = calloc(1, LONG);
        CK_ULONG len = SIZE;

        (void)state;
        assert_non_null(data);
        data[LONG - 1] = 1;
        assert_int_equal(p11->C_DigestInit(session, &hash), CKR_OK);
        assert_int_equal(p11->C_DigestUpdate(session, data, LONG), CKR_OK);
        assert_int_equal(p11->C_DigestFinal(session, once, &len), CKR_OK);
        assert_int_equal(p11->C_DigestInit(session, &hash), CKR_OK);
        for (size_t i = 0; i < LONG; i += LONG / 5)
                assert_int_equal(p11->C_DigestUpdate(session, data + i, LONG / 5), CKR_OK);
        assert_int_equal(p11->C_DigestFinal(session, parts, &len), CKR_OK);
        assert_memory_equal(once, parts, SIZE);
        free(data);
}

static void derive(CK_OBJECT_HANDLE mine, char theirs, CK_BYTE ret[SIZE])
{
        CK_BYTE point[80], shared[] = "for both";
        CK_ATTRIBUTE t = { CKA_EC_POINT, point, sizeof(point) }, value = { CKA_VALUE, ret, SIZE };
        CK_OBJECT_CLASS class = CKO_SECRET_KEY;
        CK_KEY_TYPE type = CKK_GENERIC_SECRET;
        CK_BBOOL no = CK_FALSE, yes = CK_TRUE;
        CK_ATTRIBUTE secret[] = {
                { CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) }, { CKA_TOKEN, &no, 1 }, { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 },
        };
        CK_ECDH1_DERIVE_PARAMS p = { CKD_SHA256_KDF, sizeof(shared), shared, 0, point };
        CK_MECHANISM m = { CKM_ECDH1_DERIVE, &p, sizeof(p) };
        CK_OBJECT_HANDLE made;

        assert_int_equal(p11->C_GetAttributeValue(session, public_half(theirs), &t, 1), CKR_OK);
        p.ulPublicDataLen = t.ulValueLen;
        assert_int_equal(p11->C_DeriveKey(session, &m, mine, secret, 5, &made), CKR_OK);
        assert_int_equal(p11->C_GetAttributeValue(session, made, &value, 1), CKR_OK);
        assert_int_equal(value.ulValueLen, SIZE);
}

static void derivation_passes(void **state)
{
        CK_BYTE one[SIZE], other[SIZE] = { 0 };

        (void)state;
        derive(key, label_of(other_key), one);
        derive(other_key, label_of(key), other);
        assert_memory_equal(one, other, SIZE);
}

static void every_mechanism_is_listed_once(void **state)
{
        static const CK_MECHANISM_TYPE want[] = { CKM_ECDSA, CKM_ECDSA_SHA256, CKM_ECDSA_SHA512, CKM_SHA256_RSA_PKCS_PSS, CKM_ECDH1_DERIVE, CKM_RSA_PKCS_OAEP };
        CK_MECHANISM_TYPE list[100];
        CK_ULONG n = 100, few = 3;

        (void)state;
        assert_int_equal(p11->C_GetMechanismList(slot, list, &few), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(p11->C_GetMechanismList(slot, list, &n), CKR_OK);
        assert_int_equal(n, few);
        for (size_t i = 0; i < ARRAY_LEN(want); i++) {
                unsigned times = 0;

                for (CK_ULONG j = 0; j < n; j++)
                        times += list[j] == want[i];
                assert_int_equal(times, 1);
        }
}

static void what_only_3_0_has_answers(void **state)
{
        CK_MECHANISM hash = { CKM_SHA256, NULL, 0 }, m = { CKM_ECDSA_SHA256, NULL, 0 };

        (void)state;
        assert_int_equal(p11->C_MessageSignInit(session, &m, key), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(p11->C_MessageSignInit(session + 100, &m, key), CKR_SESSION_HANDLE_INVALID);
        assert_int_equal(p11->C_LoginUser(session, CKU_USER, (CK_UTF8CHAR *)"1234", 4, (CK_UTF8CHAR *)"b", 1), CKR_PIN_INCORRECT);
        assert_int_equal(p11->C_LoginUser(session, CKU_USER, (CK_UTF8CHAR *)"1234", 4, (CK_UTF8CHAR *)"a", 1), CKR_OK);
        assert_int_equal(p11->C_Logout(session), CKR_OK);
        assert_int_equal(p11->C_SessionCancel(session, CKF_SIGN | CKF_DIGEST), CKR_OK);
        assert_int_equal(p11->C_SignInit(session, &m, key), CKR_OK);
        assert_int_equal(p11->C_DigestInit(session, &hash), CKR_OK);
        assert_int_equal(p11->C_FindObjectsInit(session, NULL, 0), CKR_OK);
        assert_int_equal(p11->C_SessionCancel(session, CKF_SIGN | CKF_FIND_OBJECTS), CKR_OK);
        assert_int_equal(p11->C_SignUpdate(session, (CK_BYTE *)"x", 1), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(p11->C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(p11->C_DigestUpdate(session, (CK_BYTE *)"x", 1), CKR_OK);
        assert_int_equal(p11->C_DigestInit(session, NULL), CKR_OK);
        assert_int_equal(p11->C_DigestInit(session, NULL), CKR_ARGUMENTS_BAD);
}

static void a_list_of_mechanisms_spoils_no_other_attribute(void **state)
{
        CK_MECHANISM_TYPE list[8];
        CK_KEY_TYPE type = 0;
        char label[8];
        CK_ATTRIBUTE t[] = { { CKA_LABEL, label, sizeof(label) }, { CKA_ALLOWED_MECHANISMS, list, sizeof(list) }, { CKA_KEY_TYPE, &type, sizeof(type) } };

        (void)state;
        assert_int_equal(p11->C_GetAttributeValue(session, key, t, 3), CKR_ATTRIBUTE_TYPE_INVALID);
        assert_int_equal(t[0].ulValueLen, 1);
        assert_int_equal(t[1].ulValueLen, CK_UNAVAILABLE_INFORMATION);
        assert_int_equal(type, CKK_EC);
        assert_int_equal(p11->C_GetAttributeValue(session, key, t + 1, 1), CKR_ATTRIBUTE_TYPE_INVALID);
        assert_int_equal(p11->C_GetAttributeValue(session, 12345, t + 1, 1), CKR_OBJECT_HANDLE_INVALID);
}

static void nothing_is_refused_for_being_nothing(void **state)
{
        CK_BYTE byte = 0;

        (void)state;
        assert_int_equal(p11->C_GenerateRandom(session, &byte, 0), CKR_OK);
        assert_int_equal(p11->C_GenerateRandom(session, &byte, 1), CKR_OK);
        assert_int_equal(p11->C_CloseSession(session), CKR_OK);
        assert_int_equal(p11->C_CloseSession(session), CKR_SESSION_HANDLE_INVALID);
        assert_int_equal(sign(), CKR_SESSION_HANDLE_INVALID);
}

/* --- What the daemon's end costs --- */

static void an_idle_session_goes_on(void **state)
{
        char label = label_of(key), other = label_of(other_key);
        CK_SLOT_ID before = slot;

        (void)state;
        assert_int_not_equal(label, other);
        restart_daemon();
        assert_int_equal(sign(), CKR_OK);
        assert_int_equal(label_of(key), label);
        assert_int_equal(label_of(other_key), other);
        assert_int_equal(tokens(&slot), 1);
        assert_int_equal(slot, before);
}

static void while_it_is_away_calls_fail_at_once(void **state)
{
        CK_SLOT_ID none;

        (void)state;
        kill_daemon();
        assert_int_equal(sign(), CKR_DEVICE_ERROR);
        assert_int_equal(sign(), CKR_DEVICE_ERROR);
        assert_int_equal(tokens(&none), 0);
        unlink(address.sun_path);
        assert_int_equal(sign(), CKR_DEVICE_ERROR);
        start_daemon();
        assert_int_equal(sign(), CKR_OK);
        kill_daemon();
        assert_int_equal(p11->C_CloseSession(session), CKR_OK);
}

static void an_operation_is_lost_and_the_next_is_not(void **state)
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 }, hash = { CKM_SHA256, NULL, 0 };
        CK_BYTE digest[SIZE] = { 7 }, out[64];
        CK_ULONG len = SIZE;

        (void)state;
        assert_int_equal(p11->C_DigestInit(session, &hash), CKR_OK);
        assert_int_equal(p11->C_DigestUpdate(session, digest, SIZE), CKR_OK);
        restart_daemon();
        assert_int_equal(p11->C_DigestUpdate(session, digest, SIZE), CKR_DEVICE_ERROR);
        assert_int_equal(p11->C_DigestFinal(session, out, &len), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(p11->C_DigestInit(session, &hash), CKR_OK);
        assert_int_equal(p11->C_Digest(session, digest, SIZE, out, &len), CKR_OK);
        assert_int_equal(p11->C_SignInit(session, &m, key), CKR_OK);
        restart_daemon();
        len = sizeof(out);
        assert_int_equal(p11->C_Sign(session, digest, SIZE, out, &len), CKR_DEVICE_ERROR);
        assert_int_equal(sign(), CKR_OK);
}

static void a_login_that_nobody_needs_is_kept(void **state)
{
        CK_SESSION_INFO info;

        (void)state;
        assert_int_equal(p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)"1234", 4), CKR_OK);
        restart_daemon();
        assert_int_equal(p11->C_GetSessionInfo(session, &info), CKR_OK);
        assert_int_equal(info.state, CKS_RW_USER_FUNCTIONS);
        assert_int_equal(p11->C_Logout(session), CKR_OK);
        restart_daemon();
        assert_int_equal(p11->C_GetSessionInfo(session, &info), CKR_OK);
        assert_int_equal(info.state, CKS_RW_PUBLIC_SESSION);
}

static void session_objects_go_and_stand_for_nothing(void **state)
{
        CK_OBJECT_CLASS class = CKO_DATA;
        CK_BBOOL no = CK_FALSE;
        CK_ATTRIBUTE t[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_TOKEN, &no, 1 }, { CKA_PRIVATE, &no, 1 } };
        CK_OBJECT_HANDLE made, again;
        CK_ULONG size;

        (void)state;
        assert_int_equal(p11->C_CreateObject(session, t, 3, &made), CKR_OK);
        assert_int_equal(p11->C_GetObjectSize(session, made, &size), CKR_OK);
        restart_daemon();
        assert_int_equal(p11->C_CreateObject(session, t, 3, &again), CKR_OK);
        assert_int_not_equal(made, again);
        assert_int_equal(p11->C_GetObjectSize(session, made, &size), CKR_OBJECT_HANDLE_INVALID);
}

static void a_key_that_has_gone_meanwhile_is_nobody_elses(void **state)
{
        CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
        CK_BYTE p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 }, sig[64];
        CK_BBOOL yes = CK_TRUE;
        CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, p256, sizeof(p256) } }, priv[] = { { CKA_TOKEN, &yes, 1 } };
        CK_OBJECT_HANDLE made_pub, made;

        (void)state;
        assert_int_equal(p11->C_GenerateKeyPair(session, &m, pub, 1, priv, 1, &made_pub, &made), CKR_OK);
        restart_daemon();
        assert_int_equal(sign_in(session, made, sig), CKR_OK);
        assert_int_equal(p11->C_DestroyObject(session, made), CKR_OK);
        restart_daemon();
        assert_int_equal(sign_in(session, made, sig), CKR_KEY_HANDLE_INVALID);
        assert_int_equal(sign(), CKR_OK);
}

static void a_token_made_anew_is_another_one(void **state)
{
        CK_SESSION_HANDLE other;

        (void)state;
        fixture_reopen(&f);
        allow("b");
        keyring_close(f.keyring);
        f.keyring = NULL;
        restart_daemon();
        /* The first of two, whichever that is, then the other. */
        assert_int_equal(tokens(&slot), 2);
        for (int i = 0; i < 2; i++) {
                CK_SLOT_ID list[2];
                CK_TOKEN_INFO info;
                CK_ULONG n = 2;

                assert_int_equal(p11->C_GetSlotList(CK_TRUE, list, &n), CKR_OK);
                assert_int_equal(p11->C_GetTokenInfo(list[i], &info), CKR_OK);
                if (info.label[0] == 'b')
                        slot = list[i];
        }
        assert_int_equal(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
        /* What is on the one token is nothing on the other. */
        assert_int_equal(p11->C_DestroyObject(other, key), CKR_OBJECT_HANDLE_INVALID);
        kill_daemon();
        fixture_reopen(&f);
        assert_int_equal(keyring_agent_delete(f.keyring, "b"), 0);
        assert_int_equal(keyring_agent_create(f.keyring, "b", "eve@example.com", NULL), 0);
        allow("b");
        keyring_close(f.keyring);
        f.keyring = NULL;
        start_daemon();
        assert_int_equal(p11->C_FindObjectsInit(other, NULL, 0), CKR_DEVICE_REMOVED);
        assert_int_equal(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
        assert_int_equal(sign(), CKR_OK);
        fixture_reopen(&f);
        assert_int_equal(policy_deny(keyring_store(f.keyring), "b", 1), 0);
        keyring_close(f.keyring);
        f.keyring = NULL;
}

/* --- Threads, forks, cycles --- */

static atomic_bool enough;
static atomic_size_t signatures;

struct signing {
        pthread_t thread;
        CK_SESSION_HANDLE session;
        CK_RV rv;                       /* of the last one */
};

static void *sign_on(void *arg)
{
        struct signing *s = arg;
        CK_BYTE sig[64];

        while (!enough && (s->rv == CKR_OK || s->rv == CKR_DEVICE_ERROR || s->rv == CKR_OPERATION_NOT_INITIALIZED)) {
                /* Between init and sign the daemon may go twice. */
                s->rv = sign_in(s->session, key, sig);
                signatures += s->rv == CKR_OK;
        }
        /* Whatever happened, it works now. */
        if (enough)
                s->rv = sign_in(s->session, key, sig);
        return NULL;
}

static void threads_survive_it(void **state)
{
        struct signing t[THREADS] = { 0 };
        size_t seen = 0;

        (void)state;
        enough = false;
        for (size_t i = 0; i < THREADS; i++)
                assert_int_equal(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &t[i].session), CKR_OK);
        for (size_t i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&t[i].thread, NULL, sign_on, &t[i]), 0);
        for (int i = 0; i < 5; i++) {
                seen = signatures;
                for (int ms = 0; ms < 30000 && signatures < seen + THREADS; ms++)
                        usleep(1000);
                restart_daemon();
        }
        enough = true;
        for (size_t i = 0; i < THREADS; i++)
                pthread_join(t[i].thread, NULL);
        for (size_t i = 0; i < THREADS; i++)
                assert_int_equal(t[i].rv, CKR_OK);
        assert_true(signatures >= seen + THREADS);
}

static int in_child(int (*fn)(void))
{
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0)
                _exit(fn());
        waitpid(pid, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int child_work(void)
{
        CK_SESSION_HANDLE parents = session, s;
        CK_BYTE sig[64];

        if (sign_in(parents, key, sig) != CKR_CRYPTOKI_NOT_INITIALIZED || p11->C_Initialize(NULL) != CKR_OK)
                return 1;
        if (sign_in(parents, key, sig) != CKR_SESSION_HANDLE_INVALID)
                return 2;
        if (p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s) != CKR_OK || sign_in(s, key, sig) != CKR_OK)
                return 3;
        return p11->C_Finalize(NULL) == CKR_OK ? 0 : 4;
}

static int child_leaves(void)
{
        return 0;
}

static void a_child_has_its_own_connection(void **state)
{
        (void)state;
        assert_int_equal(in_child(child_work), 0);
        assert_int_equal(sign(), CKR_OK);
        assert_int_equal(in_child(child_leaves), 0);
        assert_int_equal(sign(), CKR_OK);
}

/* Open descriptors, without the one that looks. */
static unsigned descriptors(void)
{
        DIR *d = opendir("/proc/self/fd");
        unsigned n = 0;

        assert_non_null(d);
        while (readdir(d) != NULL)
                n++;
        closedir(d);
        return n;
}

/* The first descriptor that is connected to the daemon, -1: none. */
static int connection(void)
{
        struct sockaddr_un a;
        socklen_t len;

        for (int fd = 0; fd < 64; fd++) {
                len = sizeof(a);
                if (getpeername(fd, (struct sockaddr *)&a, &len) == 0 && a.sun_family == AF_UNIX && strcmp(a.sun_path, address.sun_path) == 0)
                        return fd;
        }
        return -1;
}

static int child_has_none(void)
{
        return connection() < 0 ? 0 : 1;
}

static void cycles_leave_nothing(void **state)
{
        unsigned before;

        (void)state;
        assert_true(connection() >= 0);
        assert_int_equal(fcntl(connection(), F_GETFD), FD_CLOEXEC);
        assert_int_equal(in_child(child_has_none), 0);
        assert_int_equal(p11->C_Finalize(NULL), CKR_OK);
        assert_true(connection() < 0);
        before = descriptors();
        for (int i = 0; i < CYCLES; i++) {
                assert_int_equal(p11->C_Initialize(NULL), CKR_OK);
                open_session();
                assert_int_equal(sign(), CKR_OK);
                assert_int_equal(p11->C_Finalize(NULL), CKR_OK);
        }
        assert_int_equal(descriptors(), before);
        assert_null(getenv("P11_KIT_SERVER_ADDRESS"));
}

/* Somebody else has closed our descriptor and opened another in its place: nothing is written to that. */
static void a_descriptor_that_was_taken_is_left_alone(void **state)
{
        int fd = connection(), again, ours[2];
        char byte;

        (void)state;
        assert_true(fd >= 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ours), 0);
        assert_int_equal(dup2(ours[0], fd), fd);
        assert_int_equal(sign(), CKR_OK);
        assert_int_equal(read(ours[1], &byte, 1), -1);
        assert_int_equal(errno, EAGAIN);
        /* Nor is it told of a session's end. */
        again = connection();
        assert_true(again >= 0);
        assert_int_equal(dup2(ours[0], again), again);
        assert_int_equal(p11->C_CloseSession(session), CKR_OK);
        assert_int_equal(read(ours[1], &byte, 1), -1);
        assert_int_equal(errno, EAGAIN);
        close(again);
        close(fd);
        close(ours[0]);
        close(ours[1]);
}

/* --- Who is not the daemon --- */

static void nobody_there_is_no_tokens(void **state)
{
        CK_SLOT_ID none;

        (void)state;
        initialize();
        assert_int_equal(tokens(&none), 0);
        assert_int_equal(p11->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_DEVICE_ERROR);
        close(listen_here());
        assert_int_equal(tokens(&none), 0);
        start_daemon();
        open_session();
        assert_int_equal(sign(), CKR_OK);
}

/* A code that no request had. With another wrong one the client would wait for the right one. */
static void *babble(void *arg)
{
        static const char garbage[40];
        int listener = *(int *)arg, fd;

        for (size_t i = 0; (fd = accept(listener, NULL, NULL)) >= 0; i++) {
                (void)!send(fd, garbage, i % 2 * sizeof(garbage), MSG_NOSIGNAL);
                close(fd);
        }
        return NULL;
}

static void garbage_is_no_tokens(void **state)
{
        int listener = listen_here();
        CK_SLOT_ID none;
        pthread_t t;

        (void)state;
        assert_int_equal(pthread_create(&t, NULL, babble, &listener), 0);
        initialize();
        for (int i = 0; i < 5; i++)
                assert_int_equal(tokens(&none), 0);
        shutdown(listener, SHUT_RDWR);
        pthread_join(t, NULL);
        close(listener);
        start_daemon();
        open_session();
        assert_int_equal(sign(), CKR_OK);
}

/* p11-kit's client keeps 160 octets of each connection that it could not talk over. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
        return "leak:p11-kit-client.so";
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, begin, end)
#define ALONE(t) cmocka_unit_test_setup_teardown(t, NULL, end)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                TEST(hashing_signatures_pass), TEST(a_part_may_be_long), TEST(derivation_passes), TEST(every_mechanism_is_listed_once), TEST(what_only_3_0_has_answers),
                TEST(a_list_of_mechanisms_spoils_no_other_attribute), TEST(nothing_is_refused_for_being_nothing), TEST(an_idle_session_goes_on), TEST(while_it_is_away_calls_fail_at_once),
                TEST(an_operation_is_lost_and_the_next_is_not), TEST(a_login_that_nobody_needs_is_kept),
                TEST(session_objects_go_and_stand_for_nothing), TEST(a_key_that_has_gone_meanwhile_is_nobody_elses),
                TEST(a_token_made_anew_is_another_one), TEST(threads_survive_it), TEST(a_child_has_its_own_connection), TEST(cycles_leave_nothing),
                TEST(a_descriptor_that_was_taken_is_left_alone), ALONE(nobody_there_is_no_tokens), ALONE(garbage_is_no_tokens),
        };

        if (argc == 4)
                be_daemon(argv);
        return cmocka_run_group_tests(tests, start, stop);
}
