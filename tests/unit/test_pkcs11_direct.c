/* SPDX-License-Identifier: BSD-2-Clause */
/* Where no daemon runs and the configuration wants a log, the module writes it: nothing is released that is not in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "audit/check.h"
#include "lib/err.h"
#include "tests/token.h"

#define SIGNATURE 64
#define PROCESSES 4
#define EACH 20

static struct token token;
static CK_OBJECT_HANDLE priv;
static EVP_PKEY *public;
static char dir[160], trace[168], object[1024];
static CK_BYTE digest[32] = "a digest";
static CK_MECHANISM ecdsa = { CKM_ECDSA, NULL, 0 };

static CK_RV sign_in(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key, CK_BYTE sig[SIGNATURE])
{
        CK_ULONG n = SIGNATURE;
        CK_RV rv = token.f->C_SignInit(s, &ecdsa, key);

        return rv == CKR_OK ? token.f->C_Sign(s, digest, sizeof(digest), sig, &n) : rv;
}

static CK_RV sign(CK_BYTE sig[SIGNATURE])
{
        return sign_in(token.s, priv, sig);
}

static bool loaded(void)
{
        FILE *f = fopen("/proc/self/maps", "r");
        char line[512];
        bool found = false;

        assert_non_null(f);
        while (fgets(line, sizeof(line), f) != NULL)
                found = found || strstr(line, "libholdfast-log.so") != NULL;
        fclose(f);
        return found;
}

static void initialize(void)
{
        CK_SLOT_ID slots[2];
        CK_ULONG n = 2;

        assert_int_equal(token.f->C_Initialize(NULL), CKR_OK);
        assert_int_equal(token.f->C_GetSlotList(CK_TRUE, slots, &n), CKR_OK);
        token.slot = slots[0];
        assert_int_equal(token.f->C_OpenSession(token.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &token.s), CKR_OK);
}

static void find_key(void)
{
        CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
        CK_ATTRIBUTE t = { CKA_CLASS, &class, sizeof(class) };
        CK_ULONG n = 0;

        assert_int_equal(token.f->C_FindObjectsInit(token.s, &t, 1), CKR_OK);
        assert_int_equal(token.f->C_FindObjects(token.s, &priv, 1, &n), CKR_OK);
        assert_int_equal(token.f->C_FindObjectsFinal(token.s), CKR_OK);
        assert_int_equal(n, 1);
}

/* The module, as a program that starts with this log in its environment has it. */
static void begin(const char *log, const char *writer)
{
        setenv("HOLDFAST_AUDIT", log, 1);
        setenv("HOLDFAST_LOG_OBJECT", writer, 1);
        setenv("HOLDFAST_TPM_TRACE", trace, 1);
        initialize();
        find_key();
}

static int fresh(void **state)
{
        static unsigned n;

        (void)state;
        snprintf(dir, sizeof(dir), "%s/log%u", token.tpm.dir, n++);
        snprintf(trace, sizeof(trace), "%s.trace", dir);
        return 0;
}

static int finalize(void **state)
{
        (void)state;
        token.f->C_Finalize(NULL);
        return 0;
}

static int start(void **state)
{
        CK_OBJECT_HANDLE pub;

        *state = &token;
        snprintf(object, sizeof(object), "%s/audit/.libs/libholdfast-log.so", getenv("top_builddir"));
        if (token_start(&token, NULL, 0) != 0)
                return -1;
        if (token_session(state) != 0)
                return -1;
        token_ec_pair(&token, "P-256", &pub, &priv);
        public = token_public(&token, pub);
        return 0;
}

static int stop(void **state)
{
        EVP_PKEY_free(public);
        return token_stop(*state);
}

/* What the log tells, all of it. */
struct told {
        size_t n, uses;
        CK_BYTE sig[4096][SIGNATURE];
};
static struct told told;

static bool in_log(const CK_BYTE sig[SIGNATURE])
{
        for (size_t i = 0; i < told.uses; i++) {
                if (memcmp(told.sig[i], sig, SIGNATURE) == 0)
                        return true;
        }
        return false;
}

static void read_log(void (*look)(const struct audit_record *r))
{
        struct audit_reader *rd;
        struct audit_record r;
        struct bytes b;

        told.n = told.uses = 0;
        assert_int_equal(audit_reader_open(dir, 1, &rd), 0);
        while (audit_reader_next(rd, &b) == 0) {
                assert_int_equal(audit_record_decode(b, &r), 0);
                assert_int_equal(r.seq, told.n);
                assert_true(r.direct);
                told.n++;
                if (look != NULL)
                        look(&r);
                if (r.event != AUDIT_USE || r.decision != AUDIT_ALLOWED)
                        continue;
                assert_int_equal(r.result.len, SIGNATURE);
                memcpy(told.sig[told.uses++], r.result.ptr, SIGNATURE);
        }
        audit_reader_close(rd);
}

/* The chain holds and every signature is its key's; all that can be said against such a log is that no TPM vouches for it. */
static void must_be_whole(void)
{
        CLEANUP(audit_report_clear) struct audit_report rep = { 0 };
        const struct audit_check_options o = { .signatures = true };

        assert_int_equal(audit_check(dir, &o, &rep), 0);
        assert_true(rep.records > 0);
        assert_int_equal(rep.signatures_checked, rep.uses);
        for (size_t i = 0; i < rep.n; i++) {
                if (!rep.list[i].warning || rep.list[i].fault != FAULT_CHECKPOINT)
                        fail_msg("%s", rep.list[i].text);
        }
        assert_true(rep.ok);
}

static void without_the_word_nothing_is_loaded(void **state)
{
        CK_BYTE sig[SIGNATURE];

        (void)state;
        assert_int_equal(sign(sig), CKR_OK);
        assert_false(loaded());
        assert_int_equal(token.f->C_Finalize(NULL), CKR_OK);
        setenv("HOLDFAST_AUDIT_DIRECT", "yes", 1);
        begin(dir, object);
        assert_false(loaded());
        assert_int_not_equal(access(dir, F_OK), 0);
        assert_int_equal(sign(sig), CKR_OK);
        assert_true(loaded());
        assert_int_equal(access(trace, F_OK), 0);
        assert_int_equal(token_verifies(public, &(struct token_check){ 0 }, digest, sizeof(digest), sig, SIGNATURE), 1);
}

static unsigned seen_events;

static void look_at_mine(const struct audit_record *r)
{
        char exe[1024];
        ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe));

        seen_events |= 1u << r->event;
        assert_true(bytes_equal(r->agent, BYTES_STR(TOKEN_LABEL)));
        assert_true(bytes_equal(r->owner, BYTES_STR("dana@example.com")));
        assert_true(r->peer.present);
        assert_int_equal(r->peer.pid, getpid());
        assert_int_equal(r->peer.uid, geteuid());
        assert_int_equal(r->peer.ppid, getppid());
        assert_true(r->peer.start_time > 0);
        assert_true(bytes_equal(r->peer.exe, BYTES(exe, (size_t)n)));
        assert_true(r->time_ms > 1600000000000u);
}

static void whatever_is_done_is_told(void **state)
{
        CK_OBJECT_HANDLE new_pub, new_priv;
        CK_BYTE sig[SIGNATURE];

        (void)state;
        begin(dir, object);
        assert_int_equal(sign(sig), CKR_OK);
        token_ec_pair(&token, "P-256", &new_pub, &new_priv);
        assert_int_equal(token.f->C_DestroyObject(token.s, new_priv), CKR_OK);
        read_log(look_at_mine);
        assert_int_equal(told.uses, 1);
        assert_true(in_log(sig));
        assert_true(seen_events & 1u << AUDIT_CREATE);
        assert_true(seen_events & 1u << AUDIT_DELETE);
        must_be_whole();
}

/* Signs and sends what it was given, until the pipe is no more or it has been told enough. */
static void signer(int out, unsigned n)
{
        CK_BYTE sig[SIGNATURE];
        CK_SLOT_ID slots[2];
        CK_ULONG len = 2;

        if (token.f->C_Initialize(NULL) != CKR_OK || token.f->C_GetSlotList(CK_TRUE, slots, &len) != CKR_OK ||
            token.f->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, &token.s) != CKR_OK)
                _exit(1);
        find_key();
        for (unsigned i = 0; i < n; i++) {
                if (sign(sig) != CKR_OK || write(out, sig, SIGNATURE) != SIGNATURE)
                        _exit(2);
        }
        token.f->C_Finalize(NULL);
        _exit(0);
}

static void four_processes_write_one_log(void **state)
{
        CK_BYTE sig[SIGNATURE];
        int fds[2], status, got = 0;

        (void)state;
        begin(dir, object);
        /* They are children of one who has the log open. */
        assert_int_equal(sign(sig), CKR_OK);
        assert_int_equal(pipe(fds), 0);
        for (int i = 0; i < PROCESSES; i++) {
                if (fork() == 0)
                        signer(fds[1], EACH);
        }
        close(fds[1]);
        for (int i = 0; i < PROCESSES; i++) {
                assert_true(wait(&status) > 0);
                assert_int_equal(status, 0);
        }
        read_log(NULL);
        assert_int_equal(told.uses, PROCESSES * EACH + 1);
        while (read(fds[0], sig, SIGNATURE) == SIGNATURE) {
                assert_true(in_log(sig));
                got++;
        }
        close(fds[0]);
        assert_int_equal(got, PROCESSES * EACH);
        assert_int_equal(sign(sig), CKR_OK);
        read_log(NULL);
        assert_true(in_log(sig));
        must_be_whole();
}

static void *sign_often(void *ret_sigs)
{
        CK_BYTE(*sigs)[SIGNATURE] = ret_sigs;
        CK_SESSION_HANDLE s;
        CK_RV rv = token.f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &s);

        for (int i = 0; rv == CKR_OK && i < EACH; i++)
                rv = sign_in(s, priv, sigs[i]);
        return rv == CKR_OK ? sigs : NULL;
}

static void threads_write_one_log(void **state)
{
        static CK_BYTE sigs[PROCESSES][EACH][SIGNATURE];
        pthread_t t[PROCESSES];
        void *done;

        (void)state;
        begin(dir, object);
        for (int i = 0; i < PROCESSES; i++)
                assert_int_equal(pthread_create(&t[i], NULL, sign_often, sigs[i]), 0);
        for (int i = 0; i < PROCESSES; i++) {
                assert_int_equal(pthread_join(t[i], &done), 0);
                assert_non_null(done);
        }
        read_log(NULL);
        assert_int_equal(told.uses, PROCESSES * EACH);
        for (int i = 0; i < PROCESSES * EACH; i++)
                assert_true(in_log(sigs[i / EACH][i % EACH]));
        must_be_whole();
}

/* Wherever it is in the middle of a signature. */
static void the_killed_have_told_all_that_they_gave_out(void **state)
{
        CK_BYTE sig[SIGNATURE], all[64][SIGNATURE];

        (void)state;
        begin(dir, object);
        for (unsigned round = 0; round < 12; round++) {
                struct timespec nap = { .tv_nsec = (long)round * 311000 };
                unsigned n = 0;
                int fds[2];
                pid_t pid;

                assert_int_equal(pipe(fds), 0);
                pid = fork();
                if (pid == 0)
                        signer(fds[1], 64);
                close(fds[1]);
                for (unsigned i = 0; i <= round % 3; i++)
                        assert_int_equal(read(fds[0], all[n++], SIGNATURE), SIGNATURE);
                nanosleep(&nap, NULL);
                kill(pid, SIGKILL);
                assert_int_equal(waitpid(pid, NULL, 0), pid);
                while (n < 64 && read(fds[0], all[n], SIGNATURE) == SIGNATURE)
                        n++;
                close(fds[0]);
                read_log(NULL);
                for (unsigned i = 0; i < n; i++)
                        assert_true(in_log(all[i]));
                /* And the log goes on. */
                assert_int_equal(sign(sig), CKR_OK);
        }
        must_be_whole();
}

static void a_full_disk_gives_no_signature(void **state)
{
        CK_BYTE sig[SIGNATURE], last[SIGNATURE];
        CK_RV rv = CKR_OK;
        size_t n;

        (void)state;
        assert_int_equal(mkdir(dir, 0700), 0);
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("tmpfs", dir, "tmpfs", 0, "size=32k") != 0)
                skip();
        begin(dir, object);
        for (n = 0; n < 1000 && (rv = sign(sig)) == CKR_OK; n++)
                memcpy(last, sig, SIGNATURE);
        assert_int_equal(rv, CKR_DEVICE_MEMORY);
        assert_true(n > 0);
        memset(sig, 0, sizeof(sig));
        assert_int_equal(sign(sig), CKR_DEVICE_MEMORY);
        assert_memory_equal(sig, (CK_BYTE[SIGNATURE]){ 0 }, SIGNATURE);
        read_log(NULL);
        assert_int_equal(told.uses, n);
        assert_true(in_log(last));

        assert_int_equal(mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=256k"), 0);
        assert_int_equal(sign(sig), CKR_OK);
        read_log(NULL);
        assert_int_equal(told.uses, n + 1);
        assert_true(in_log(sig));
        must_be_whole();
        assert_int_equal(token.f->C_Finalize(NULL), CKR_OK);
        assert_int_equal(umount(dir), 0);
}

/* Nothing is asked of the TPM either. */
static void must_refuse(void)
{
        CK_BYTE sig[SIGNATURE];
        CK_OBJECT_HANDLE a, b;
        CK_MECHANISM m = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
        struct bytes oid = curve_by_name("P-256")->oid;
        CK_ATTRIBUTE t = { CKA_EC_PARAMS, (void *)oid.ptr, oid.len };
        struct stat st;

        assert_int_equal(sign(sig), CKR_DEVICE_ERROR);
        assert_int_equal(token.f->C_GenerateKeyPair(token.s, &m, &t, 1, NULL, 0, &a, &b), CKR_DEVICE_ERROR);
        assert_int_equal(token.f->C_DestroyObject(token.s, priv), CKR_DEVICE_ERROR);
        assert_true(stat(trace, &st) != 0 || st.st_size == 0);
}

static void without_its_writer_nothing_is_done(void **state)
{
        (void)state;
        begin(dir, "/nowhere/libholdfast-log.so");
        must_refuse();
        assert_non_null(strstr(err_text(), "cannot be loaded"));
}

static void where_no_log_can_be_nothing_is_done(void **state)
{
        (void)state;
        begin("/dev/null/log", object);
        must_refuse();
        assert_non_null(strstr(err_text(), "/dev/null/log"));
}

static void while_another_has_the_log_for_itself_nothing_is_done(void **state)
{
        const struct audit_log_options daemon = { 0 };
        struct audit_recovery how;
        struct audit_log *l;
        CK_BYTE sig[SIGNATURE];

        (void)state;
        assert_int_equal(audit_log_open(dir, &daemon, &how, &l), 0);
        begin(dir, object);
        assert_int_equal(sign(sig), CKR_DEVICE_ERROR);
        assert_non_null(strstr(err_text(), "another process"));
        audit_log_close(l);
        assert_int_equal(sign(sig), CKR_OK);
        read_log(NULL);
        assert_true(in_log(sig));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh, finalize)
        const struct CMUnitTest tests[] = {
                TEST(without_the_word_nothing_is_loaded),
                TEST(whatever_is_done_is_told),
                TEST(threads_write_one_log),
                TEST(four_processes_write_one_log),
                TEST(the_killed_have_told_all_that_they_gave_out),
                TEST(a_full_disk_gives_no_signature),
                TEST(without_its_writer_nothing_is_done),
                TEST(where_no_log_can_be_nothing_is_done),
                TEST(while_another_has_the_log_for_itself_nothing_is_done),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
