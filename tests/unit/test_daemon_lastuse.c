/* SPDX-License-Identifier: BSD-2-Clause */
/* Who used a key last: what evidence says of the process when nobody in particular asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "daemon/lastuse.h"
#include "lib/err.h"
#include "tests/corefix.h"

static int use(struct lastuse *l, enum audit_event event, enum audit_decision decision, const char *agent, const char *label, uint64_t pid)
{
        struct audit_record rec = {
                .event = event, .decision = decision, .agent = BYTES_STR(agent), .key_label = BYTES_STR(label), .key_id = BYTES_STR("i"), .operation = BYTES_STR("sign"),
                .peer = { .present = pid > 0, .pid = pid, .start_time = 7, .uid = 8, .gid = 9, .exe = BYTES_STR("/bin/x"), .unit = BYTES_STR("x.service") },
        };

        return lastuse_append(l, &rec);
}

static void require_pid(struct lastuse *l, const char *agent, const char *label, pid_t pid)
{
        CLEANUP(peer_clear) struct peer p = { .pidfd = -1 };
        int r = lastuse_get(l, agent, BYTES_STR(label), BYTES_STR("i"), &p);

        assert_int_equal(r, pid > 0 ? 0 : ERR_NOENT);
        if (pid == 0)
                return;
        assert_int_equal(p.pid, pid);
        assert_int_equal(p.start_time, 7);
        assert_int_equal(p.uid, 8);
        assert_true(bytes_equal(BYTES_OF(&p.exe), BYTES_STR("/bin/x")));
        assert_true(bytes_equal(BYTES_OF(&p.unit), BYTES_STR("x.service")));
        assert_int_equal(p.cgroup.len, 0);
}

static void the_last_allowed_use_counts(void **state)
{
        struct corefix *x = *state;
        struct lastuse *l = NULL;

        assert_int_equal(lastuse_new(x->core.recorder, &l), 0);
        require_pid(l, "a", "k", 0);
        assert_int_equal(use(l, AUDIT_USE, AUDIT_ALLOWED, "a", "k", 11), 0);
        require_pid(l, "a", "k", 11);
        require_pid(l, "a", "kk", 0);
        require_pid(l, "ak", "", 0);
        assert_int_equal(use(l, AUDIT_USE, AUDIT_REFUSED, "a", "k", 12), 0);
        assert_int_equal(use(l, AUDIT_USE, AUDIT_FAILED, "a", "k", 12), 0);
        assert_int_equal(use(l, AUDIT_CREATE, AUDIT_ALLOWED, "a", "k", 12), 0);
        assert_int_equal(use(l, AUDIT_USE, AUDIT_ALLOWED, "a", "k", 0), 0);
        require_pid(l, "a", "k", 11);
        assert_int_equal(use(l, AUDIT_USE, AUDIT_ALLOWED, "a", "k", 13), 0);
        require_pid(l, "a", "k", 13);
        assert_int_equal(use(l, AUDIT_USE, AUDIT_ALLOWED, "b", "k", 14), 0);
        require_pid(l, "a", "k", 13);
        require_pid(l, "b", "k", 14);
        lastuse_free(l);
        assert_int_equal(corefix_records(x, AUDIT_USE, "sign", AUDIT_ALLOWED, "a"), 3);
}

/* execve() changes neither PID nor start time. */
static void a_process_that_runs_another_program_is_told_anew(void **state)
{
        struct corefix *x = *state;
        CLEANUP(peer_clear) struct peer p = { .pidfd = -1 };
        struct audit_record rec = {
                .event = AUDIT_USE, .decision = AUDIT_ALLOWED, .agent = BYTES_STR("a"), .key_label = BYTES_STR("exec"), .operation = BYTES_STR("sign"),
                .peer = { .present = true, .pid = 11, .start_time = 7, .exe = BYTES_STR("/bin/good"), .exe_sha256 = BYTES_STR("0123456789abcdef0123456789abcdef") },
        };
        struct lastuse *l = NULL;

        assert_int_equal(lastuse_new(x->core.recorder, &l), 0);
        assert_int_equal(lastuse_append(l, &rec), 0);
        rec.peer.exe = BYTES_STR("/bin/other");
        rec.peer.exe_sha256 = BYTES_STR("fedcba9876543210fedcba9876543210");
        assert_int_equal(lastuse_append(l, &rec), 0);
        assert_int_equal(lastuse_get(l, "a", BYTES_STR("exec"), BYTES(NULL, 0), &p), 0);
        assert_true(bytes_equal(BYTES_OF(&p.exe), rec.peer.exe));
        assert_true(bytes_equal(BYTES_OF(&p.exe_sha256), rec.peer.exe_sha256));
        lastuse_free(l);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_last_allowed_use_counts),
                cmocka_unit_test(a_process_that_runs_another_program_is_told_anew),
        };

        return cmocka_run_group_tests(tests, corefix_setup, corefix_teardown);
}
