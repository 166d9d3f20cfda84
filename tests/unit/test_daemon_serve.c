/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 over a socket: who sees what, what is refused, what is recorded, and that one connection is no other's business. The client is
 * libp11-kit's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "audit/log.h"
#include "daemon/serve.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "tests/fixture.h"
#include "tests/served.h"

#define SILENT 500
#define RECORDS 64
#define CLIENTS 16
#define SIGNATURES 20

/* What the log would have got. */
static struct told {
        enum audit_event event;
        enum audit_decision decision;
        char agent[40], operation[20], mechanism[48], rule[32];
        uint8_t result[64];
        size_t result_len;
        uint64_t pid, uid;
} told[RECORDS];
static size_t n_told;
static bool log_full;
static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER;

static struct fixture f;
static struct policy *policy;
static struct server *server;
static int listener = -1;
static struct sockaddr_un address;
static unsigned rule_number;

static void text_of(struct bytes from, char *to, size_t room)
{
        snprintf(to, room, "%.*s", (int)from.len, (const char *)from.ptr);
}

static int tell(void *log, struct audit_record *rec)
{
        struct told t = { .event = rec->event, .decision = rec->decision, .pid = rec->peer.pid, .uid = rec->peer.uid };

        (void)log;
        text_of(rec->agent, t.agent, sizeof(t.agent));
        text_of(rec->operation, t.operation, sizeof(t.operation));
        text_of(rec->mechanism, t.mechanism, sizeof(t.mechanism));
        text_of(rec->rule, t.rule, sizeof(t.rule));
        t.result_len = rec->result.len < sizeof(t.result) ? rec->result.len : sizeof(t.result);
        if (t.result_len > 0)
                memcpy(t.result, rec->result.ptr, t.result_len);
        pthread_mutex_lock(&told_lock);
        if (!log_full)
                told[n_told++ % RECORDS] = t;
        pthread_mutex_unlock(&told_lock);
        return log_full ? err(ERR_NOSPC, "the log's disk is full") : 0;
}

static void allow_us(const char *more)
{
        char rule[200];

        snprintf(rule, sizeof(rule), "allow user=%u human=yes%s", getuid(), more);
        assert_int_equal(policy_allow(keyring_store(f.keyring), "a", BYTES_STR(rule), &rule_number), 0);
        policy_reload(policy);
}

static void allow_nobody(void)
{
        assert_int_equal(policy_deny(keyring_store(f.keyring), "a", rule_number), 0);
}

static int start(void **state)
{
        struct attrs none = { 0 };

        (void)state;
        fixture_start(&f);
        item_unref(fixture_key(&f, "P-256", ALG_SIGN, "k"));
        assert_int_equal(store_agent_create(keyring_store(f.keyring), "somebody-elses", &none), 0);
        assert_int_equal(policy_new(keyring_store(f.keyring), &policy), 0);
        address.sun_family = AF_UNIX;
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/p11", f.swtpm.dir);
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
        return listen(listener, 1000);
}

static int stop(void **state)
{
        (void)state;
        close(listener);
        policy_free(policy);
        fixture_stop(&f);
        return 0;
}

static int serve(void **state)
{
        const struct serve_options o = { .listen_fd = listener, .keyring = f.keyring, .policy = policy, .record = tell, .max_per_uid = 1000, .max = 1000 };

        (void)state;
        n_told = 0;
        log_full = false;
        allow_us("");
        return serve_start(&o, &server);
}

static int serve_end(void **state)
{
        (void)state;
        serve_stop(server, 2000);
        allow_nobody();
        return 0;
}

/* A connection of its own. */
static CK_FUNCTION_LIST *client(void)
{
        CK_FUNCTION_LIST *list = served_client(address.sun_path);

        assert_int_equal(list->C_Initialize(NULL), CKR_OK);
        return list;
}

static CK_ULONG tokens(CK_FUNCTION_LIST *c, CK_SLOT_ID *ret_first)
{
        CK_SLOT_ID list[8];
        CK_ULONG n = 8;

        assert_int_equal(c->C_GetSlotList(CK_TRUE, NULL, &n), CKR_OK);
        n = 8;
        assert_int_equal(c->C_GetSlotList(CK_TRUE, list, &n), CKR_OK);
        if (n > 0)
                *ret_first = list[0];
        return n;
}

static CK_SESSION_HANDLE session(CK_FUNCTION_LIST *c, CK_OBJECT_HANDLE *ret_key)
{
        CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
        CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
        CK_SESSION_HANDLE s;
        CK_SLOT_ID slot = 0;
        CK_ULONG n;

        assert_int_equal(tokens(c, &slot), 1);
        assert_int_equal(c->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s), CKR_OK);
        assert_int_equal(c->C_FindObjectsInit(s, &t, 1), CKR_OK);
        assert_int_equal(c->C_FindObjects(s, ret_key, 1, &n), CKR_OK);
        assert_int_equal(n, 1);
        assert_int_equal(c->C_FindObjectsFinal(s), CKR_OK);
        return s;
}

static CK_RV sign(CK_FUNCTION_LIST *c, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_BYTE sig[64])
{
        CK_MECHANISM m = { CKM_ECDSA, NULL, 0 };
        CK_BYTE digest[32] = { 7 };
        CK_ULONG len = 64;
        CK_RV rv;

        rv = c->C_SignInit(s, &m, key);
        return rv == CKR_OK ? c->C_Sign(s, digest, 32, sig, &len) : rv;
}

static void signs_and_tells(void **state)
{
        CK_FUNCTION_LIST *c = client();
        CK_OBJECT_HANDLE key;
        CK_SESSION_HANDLE s = session(c, &key);
        CK_BYTE sig[64];

        (void)state;
        assert_int_equal(sign(c, s, key, sig), CKR_OK);
        assert_int_equal(n_told, 1);
        assert_int_equal(told[0].event, AUDIT_USE);
        assert_int_equal(told[0].decision, AUDIT_ALLOWED);
        assert_string_equal(told[0].agent, "a");
        assert_string_equal(told[0].operation, "sign");
        assert_string_equal(told[0].mechanism, "ECDSA");
        assert_string_equal(told[0].rule, "allow-1");
        assert_int_equal(told[0].pid, getpid());
        assert_int_equal(told[0].uid, getuid());
        assert_int_equal(told[0].result_len, 64);
        assert_memory_equal(told[0].result, sig, 64);
        assert_int_equal(c->C_Finalize(NULL), CKR_OK);
}

static void shows_only_what_the_rules_name(void **state)
{
        CK_FUNCTION_LIST *c;
        CK_SLOT_ID slot;

        (void)state;
        c = client();
        assert_int_equal(tokens(c, &slot), 1);
        assert_int_equal(c->C_Finalize(NULL), CKR_OK);
        allow_nobody();
        policy_reload(policy);
        c = client();
        assert_int_equal(tokens(c, &slot), 0);
        assert_int_equal(c->C_Finalize(NULL), CKR_OK);
        allow_us("");
}

static void a_rule_that_goes_takes_effect_at_once(void **state)
{
        CK_FUNCTION_LIST *c = client();
        CK_OBJECT_HANDLE key;
        CK_SESSION_HANDLE s = session(c, &key);
        CK_BYTE sig[64], text[64];
        CK_ATTRIBUTE label = { CKA_LABEL, text, sizeof(text) };

        (void)state;
        assert_int_equal(sign(c, s, key, sig), CKR_OK);
        allow_nobody();
        assert_int_equal(sign(c, s, key, sig), CKR_ACTION_PROHIBITED);
        assert_int_equal(n_told, 2);
        assert_int_equal(told[1].decision, AUDIT_REFUSED);
        assert_int_equal(told[1].result_len, 0);
        /* Nor is anything to be seen through the session any more. */
        assert_int_equal(c->C_FindObjectsInit(s, NULL, 0), CKR_DEVICE_REMOVED);
        assert_int_equal(c->C_GetAttributeValue(s, key, &label, 1), CKR_DEVICE_REMOVED);
        allow_us("");
        assert_int_equal(c->C_GetAttributeValue(s, key, &label, 1), CKR_OK);
        assert_int_equal(sign(c, s, key, sig), CKR_OK);
        assert_int_equal(c->C_Finalize(NULL), CKR_OK);
}

/* What one connection may have the daemon keep for it has an end, and is given back. */
static void nobody_fills_its_memory(void **state)
{
        static CK_BYTE value[30000];
        CK_OBJECT_CLASS data = CKO_DATA;
        CK_BBOOL no = CK_FALSE;
        CK_ATTRIBUTE t[] = { { CKA_CLASS, &data, sizeof(data) }, { CKA_TOKEN, &no, 1 }, { CKA_VALUE, value, sizeof(value) } };
        CK_ATTRIBUTE more = { CKA_VALUE, value, sizeof(value) };
        CK_FUNCTION_LIST *c = client();
        CK_OBJECT_HANDLE key, made[100], small;
        CK_SESSION_HANDLE s = session(c, &key), other;
        unsigned n = 0, sessions = 1;
        CK_SLOT_ID slot = 0;

        (void)state;
        assert_int_equal(tokens(c, &slot), 1);
        while (n < ARRAY_LEN(made) && c->C_CreateObject(s, t, 3, &made[n]) == CKR_OK)
                n++;
        assert_in_range(n, 4, 20);
        t[2].ulValueLen = 1;
        assert_int_equal(c->C_CreateObject(s, t, 3, &small), CKR_OK);
        assert_int_equal(c->C_SetAttributeValue(s, small, &more, 1), CKR_DEVICE_MEMORY);
        assert_int_equal(c->C_DestroyObject(s, made[0]), CKR_OK);
        assert_int_equal(c->C_SetAttributeValue(s, small, &more, 1), CKR_OK);
        while (sessions < 5000 && c->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &other) == CKR_OK)
                sessions++;
        assert_int_equal(sessions, 1024);
        assert_int_equal(c->C_CloseSession(other), CKR_OK);
        assert_int_equal(c->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
        assert_int_equal(c->C_Finalize(NULL), CKR_OK);
}

static CK_SLOT_ID slot_of(CK_FUNCTION_LIST *c, const char *label)
{
        CK_TOKEN_INFO info;
        CK_SLOT_ID list[8];
        CK_ULONG n = 8;

        assert_int_equal(c->C_GetSlotList(CK_TRUE, list, &n), CKR_OK);
        for (CK_ULONG i = 0; i < n; i++)
                if (c->C_GetTokenInfo(list[i], &info) == CKR_OK && strncmp((char *)info.label, label, strlen(label)) == 0)
                        return list[i];
        fail_msg("there is no token %s", label);
        return 0;
}

/* Wrong PINs and new ones; one that cannot be recorded is not set. */
static void pins_are_told_of(void **state)
{
        CLEANUP(attrs_clear) struct attrs lines = { 0 };
        CLEANUP(buf_clear) struct buf secret = { 0 };
        CK_UTF8CHAR so[] = "officer1", user[] = "user-one", other[] = "user-two";
        CK_FUNCTION_LIST *c;
        CK_SESSION_HANDLE s;
        unsigned number;
        char rule[64];

        (void)state;
        snprintf(rule, sizeof(rule), "allow user=%u human=yes", getuid());
        assert_int_equal(pin_create(f.keyring, BYTES_STR("officer1"), false, &lines, &secret), 0);
        assert_int_equal(keyring_agent_create(f.keyring, "pinned", "me", &lines), 0);
        assert_int_equal(policy_allow(keyring_store(f.keyring), "pinned", BYTES_STR(rule), &number), 0);
        c = client();
        assert_int_equal(c->C_OpenSession(slot_of(c, "pinned"), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s), CKR_OK);
        assert_int_equal(c->C_Login(s, CKU_SO, other, 8), CKR_PIN_INCORRECT);
        assert_int_equal(n_told, 1);
        assert_int_equal(told[0].decision, AUDIT_REFUSED);
        assert_string_equal(told[0].operation, "login");
        assert_string_equal(told[0].agent, "pinned");
        assert_int_equal(c->C_Login(s, CKU_SO, so, 8), CKR_OK);
        assert_int_equal(c->C_InitPIN(s, user, 8), CKR_OK);
        assert_int_equal(n_told, 2);
        assert_int_equal(told[1].event, AUDIT_CHANGE);
        assert_string_equal(told[1].operation, "set-pin");
        assert_int_equal(c->C_Logout(s), CKR_OK);
        log_full = true;
        assert_int_not_equal(c->C_SetPIN(s, user, 8, other, 8), CKR_OK);
        log_full = false;
        assert_int_equal(c->C_Login(s, CKU_USER, user, 8), CKR_OK);
        assert_int_equal(c->C_Finalize(NULL), CKR_OK);
        assert_int_equal(keyring_agent_delete(f.keyring, "pinned"), 0);
}

static void nothing_is_made_or_deleted_without_a_word(void **state)
{
        CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
        CK_BYTE p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
        CK_BBOOL yes = CK_TRUE;
        CK_ATTRIBUTE pub[] = { { CKA_EC_PARAMS, p256, sizeof(p256) } }, priv[] = { { CKA_TOKEN, &yes, 1 } };
        CK_FUNCTION_LIST *c = client();
        CK_OBJECT_HANDLE key, made, made_priv;
        CK_SESSION_HANDLE s = session(c, &key);

        (void)state;
        assert_int_equal(c->C_GenerateKeyPair(s, &m, pub, 1, priv, 1, &made, &made_priv), CKR_ACTION_PROHIBITED);
        assert_int_equal(c->C_DestroyObject(s, key), CKR_ACTION_PROHIBITED);
        assert_int_equal(n_told, 2);
        allow_nobody();
        allow_us(" ops=generate,delete");
        assert_int_equal(c->C_GenerateKeyPair(s, &m, pub, 1, priv, 1, &made, &made_priv), CKR_OK);
        assert_int_equal(told[2].event, AUDIT_CREATE);
        assert_int_equal(told[2].decision, AUDIT_ALLOWED);
        assert_int_equal(c->C_DestroyObject(s, made_priv), CKR_OK);
        assert_int_equal(told[3].event, AUDIT_DELETE);
        assert_int_equal(c->C_Finalize(NULL), CKR_OK);
}

static void what_cannot_be_recorded_is_not_released(void **state)
{
        CK_FUNCTION_LIST *c = client();
        CK_OBJECT_HANDLE key;
        CK_SESSION_HANDLE s = session(c, &key);
        CK_BYTE sig[64] = { 0 }, zero[64] = { 0 };

        (void)state;
        log_full = true;
        assert_int_not_equal(sign(c, s, key, sig), CKR_OK);
        assert_memory_equal(sig, zero, 64);
        log_full = false;
        assert_int_equal(sign(c, s, key, sig), CKR_OK);
        assert_int_equal(c->C_Finalize(NULL), CKR_OK);
}

static int append(void *log, struct audit_record *rec)
{
        return audit_append(log, rec);
}

/* The same with a log of its own, read as an auditor would. */
static void a_log_on_disk_has_it_all(void **state)
{
        struct serve_options o = { .listen_fd = listener, .keyring = f.keyring, .policy = policy, .record = append, .max_per_uid = 1000, .max = 1000 };
        struct audit_recovery how;
        struct audit_record rec;
        struct audit_reader *rd;
        struct bytes bytes;
        CK_FUNCTION_LIST *c;
        CK_OBJECT_HANDLE key;
        CK_SESSION_HANDLE s;
        CK_BYTE sig[64];
        char dir[200];

        (void)state;
        serve_stop(server, 2000);
        snprintf(dir, sizeof(dir), "%s/audit", f.swtpm.dir);
        assert_int_equal(audit_log_open(dir, &(struct audit_log_options){ 0 }, &how, (struct audit_log **)&o.log), 0);
        assert_int_equal(serve_start(&o, &server), 0);
        c = client();
        s = session(c, &key);
        assert_int_equal(sign(c, s, key, sig), CKR_OK);
        assert_int_equal(c->C_DestroyObject(s, key), CKR_ACTION_PROHIBITED);
        assert_int_equal(c->C_Finalize(NULL), CKR_OK);

        assert_int_equal(audit_reader_open(dir, 1, &rd), 0);
        assert_int_equal(audit_reader_next(rd, &bytes), 0);
        assert_int_equal(audit_record_decode(bytes, &rec), 0);
        assert_int_equal(rec.event, AUDIT_USE);
        assert_true(bytes_equal(rec.result, BYTES(sig, 64)));
        assert_true(bytes_equal(rec.key_label, BYTES_STR("k")));
        assert_true(rec.key_public.len > 0 && rec.peer.present && rec.peer.exe_sha256.len == 32 && rec.time_ms > 0);
        assert_int_equal(audit_reader_next(rd, &bytes), 0);
        assert_int_equal(audit_record_decode(bytes, &rec), 0);
        assert_int_equal(rec.event, AUDIT_DELETE);
        assert_int_equal(rec.decision, AUDIT_REFUSED);
        assert_int_equal(audit_reader_next(rd, &bytes), ERR_NOENT);
        audit_reader_close(rd);
        serve_stop(server, 2000);
        audit_log_close(o.log);
        o.record = tell;
        assert_int_equal(serve_start(&o, &server), 0);
}

static int raw_connection(const void *first, size_t len)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        if (len > 0)
                assert_int_equal(write(fd, first, len), len);
        return fd;
}

static unsigned threads(void)
{
        DIR *d = opendir("/proc/self/task");
        unsigned n = 0;

        while (readdir(d) != NULL)
                n++;
        closedir(d);
        return n - 2;
}

/* Until the server has taken so many connections and has none any more: the next one would find them in its queue. */
static void await_quiet(uint64_t accepted)
{
        struct serve_counts counts = { 0 };

        for (int i = 0; i < 2500 && (counts.accepted < accepted || counts.silent + counts.served > 0); i++) {
                usleep(2000);
                serve_counts(server, &counts);
        }
        assert_int_equal(counts.accepted, accepted);
        assert_int_equal(counts.silent + counts.served, 0);
}

static void silent_connections_cost_a_descriptor(void **state)
{
        struct serve_counts counts = { 0 };
        unsigned before = threads();
        static int fds[SILENT];
        CK_FUNCTION_LIST *c;
        CK_OBJECT_HANDLE key;
        CK_SESSION_HANDLE s;
        CK_BYTE sig[64];

        (void)state;
        for (size_t i = 0; i < SILENT; i++)
                fds[i] = raw_connection(NULL, 0);
        for (int i = 0; i < 500 && counts.silent < SILENT; i++) {
                usleep(2000);
                serve_counts(server, &counts);
        }
        assert_int_equal(counts.silent, SILENT);
        assert_int_equal(threads(), before);
        c = client();
        s = session(c, &key);
        assert_int_equal(sign(c, s, key, sig), CKR_OK);
        assert_int_equal(c->C_Finalize(NULL), CKR_OK);
        for (size_t i = 0; i < SILENT; i++)
                close(fds[i]);
        await_quiet(SILENT + 1);
}

static void garbage_and_the_dead_are_nobody_elses_business(void **state)
{
        static const uint8_t wild[] = { 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, half[] = { 0, 0, 0, 0, 1, 0, 0 };
        CK_FUNCTION_LIST *c = client();
        CK_OBJECT_HANDLE key;
        CK_SESSION_HANDLE s = session(c, &key);
        CK_BYTE sig[64];

        (void)state;
        for (int i = 0; i < 20; i++) {
                int a = raw_connection(wild, sizeof(wild)), b = raw_connection(half, sizeof(half)), d = raw_connection("hello", 5);

                assert_int_equal(sign(c, s, key, sig), CKR_OK);
                close(a);
                close(b);
                close(d);
        }
        assert_int_equal(sign(c, s, key, sig), CKR_OK);
        assert_int_equal(c->C_Finalize(NULL), CKR_OK);
        await_quiet(61);
}

static void await_exe(pid_t pid, const char *program)
{
        char link[48], is[256] = "";

        snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
        for (int i = 0; i < 5000 && strcmp(is, program) != 0; i++) {
                ssize_t n = readlink(link, is, sizeof(is) - 1);

                is[n > 0 ? n : 0] = '\0';
                usleep(1000);
        }
}

/* Connects, leaves the descriptor to a child and becomes another program; then the child speaks. How many octets the server answers
 * behind its version. */
static ssize_t speak_as(const char *program)
{
        static const uint8_t request[] = { 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0 };
        int answered[2], status;
        uint8_t version, answer[64];
        pid_t pid;
        ssize_t n;

        assert_int_equal(pipe(answered), 0);
        pid = fork();
        if (pid == 0) {
                int s = raw_connection("", 1);

                if (recv(s, &version, 1, MSG_WAITALL) != 1)
                        _exit(1);
                if (fork() > 0) {
                        if (program != NULL)
                                execl(program, program, "60", (char *)NULL);
                        pause();
                        _exit(1);
                }
                if (program != NULL)
                        await_exe(getppid(), program);
                n = send(s, request, sizeof(request), MSG_NOSIGNAL) == sizeof(request) ? recv(s, answer, sizeof(answer), 0) : -1;
                _exit(write(answered[1], &n, sizeof(n)) != sizeof(n));
        }
        close(answered[1]);
        assert_int_equal(read(answered[0], &n, sizeof(n)), sizeof(n));
        close(answered[0]);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return n;
}

static void nobody_speaks_as_the_program_it_became(void **state)
{
        (void)state;
        assert_true(speak_as(NULL) > 0);
        assert_true(speak_as("/usr/bin/sleep") <= 0);
        await_quiet(2);
}

static void one_user_cannot_take_all(void **state)
{
        struct serve_options o = { .listen_fd = listener, .keyring = f.keyring, .policy = policy, .record = tell, .max_per_uid = 3, .max = 1000 };
        struct serve_counts counts = { 0 };
        int fds[5];
        char byte;

        (void)state;
        serve_stop(server, 2000);
        assert_int_equal(serve_start(&o, &server), 0);
        for (size_t i = 0; i < 5; i++)
                fds[i] = raw_connection(NULL, 0);
        /* Those beyond the limit are closed, not kept waiting. */
        assert_int_equal(read(fds[3], &byte, 1), 0);
        assert_int_equal(read(fds[4], &byte, 1), 0);
        serve_counts(server, &counts);
        assert_int_equal(counts.silent, 3);
        assert_int_equal(counts.refused, 2);
        for (size_t i = 0; i < 5; i++)
                close(fds[i]);
}

static void *sign_often(void *arg)
{
        CK_FUNCTION_LIST *c = arg;
        CK_OBJECT_HANDLE key;
        CK_SESSION_HANDLE s = session(c, &key);
        CK_BYTE sig[64];
        size_t failed = 0;

        for (int i = 0; i < SIGNATURES; i++)
                failed += sign(c, s, key, sig) != CKR_OK;
        c->C_Finalize(NULL);
        return (void *)failed;
}

static void clients_work_at_once(void **state)
{
        pthread_t t[CLIENTS];
        void *failed;

        (void)state;
        for (size_t i = 0; i < CLIENTS; i++)
                assert_int_equal(pthread_create(&t[i], NULL, sign_often, client()), 0);
        for (size_t i = 0; i < CLIENTS; i++) {
                pthread_join(t[i], &failed);
                assert_null(failed);
        }
        assert_int_equal(n_told, CLIENTS * SIGNATURES);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, serve, serve_end)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(signs_and_tells), TEST(shows_only_what_the_rules_name), TEST(a_rule_that_goes_takes_effect_at_once),
                TEST(nobody_fills_its_memory), TEST(pins_are_told_of), TEST(nothing_is_made_or_deleted_without_a_word), TEST(what_cannot_be_recorded_is_not_released),
                TEST(a_log_on_disk_has_it_all),
                TEST(silent_connections_cost_a_descriptor), TEST(garbage_and_the_dead_are_nobody_elses_business),
                TEST(nobody_speaks_as_the_program_it_became), TEST(one_user_cannot_take_all),
                TEST(clients_work_at_once),
        };
        struct rlimit files = { 4096, 4096 };

        setrlimit(RLIMIT_NOFILE, &files);
        return cmocka_run_group_tests(tests, start, stop);
}
