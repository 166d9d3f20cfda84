/* SPDX-License-Identifier: BSD-2-Clause */
/* Whatever somebody does to a daemon's store while the daemon does not look is named, and refused; what the daemon does itself is not. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "keys/policy.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/guardfix.h"
#include "tests/tempdir.h"

static const struct bytes none;

static int start(void **state)
{
        *state = malloc(sizeof(struct guardfix));
        guardfix_start(*state);
        return 0;
}

static int stop(void **state)
{
        guardfix_stop(*state);
        free(*state);
        return 0;
}

/* Every way in is shut, and b's are open. */
static void expect_refused(struct guardfix *g, const char *what)
{
        struct item_spec spec = { .type = ITEM_DATA, .label = BYTES_STR("new"), .der = BYTES_STR("x") };
        CLEANUP(attrs_clear) struct attrs lines = { 0 };
        struct item *made;
        unsigned number;

        assert_int_equal(guard_check(g->guard, "a"), ERR_FOREIGN);
        if (strstr(err_text(), what) == NULL || strstr(err_text(), "agent a") == NULL)
                fail_msg("\"%s\" does not say \"%s\"", err_text(), what);
        assert_string_equal(guardfix_finding(g, "a"), err_text());
        assert_int_equal(store_agent_read(guardfix_store(g), "a", &lines), ERR_FOREIGN);
        assert_int_equal(store_item_add(guardfix_store(g), "a", &spec, &made), ERR_FOREIGN);
        assert_int_equal(keyring_generate(g->f.keyring, "a", none, key_kind_by_name("P-256"), ALG_SIGN, BYTES_STR("x"), none, NULL, &made), ERR_FOREIGN);
        assert_int_equal(policy_allow(guardfix_store(g), "a", BYTES_STR("allow user=1"), &number), ERR_FOREIGN);
        assert_int_equal(store_agent_delete(guardfix_store(g), "a"), ERR_FOREIGN);
        assert_int_equal(guard_check(g->guard, "b"), 0);
        assert_int_equal(store_agent_read(guardfix_store(g), "b", &lines), 0);
        assert_int_equal(guardfix_findings(g), 1);
}

static void what_was_there_is_taken_once(void **state)
{
        struct guardfix *g = *state;
        uint64_t value;

        guardfix_expect_good(g);
        value = guardfix_counter(g);
        for (int i = 0; i < 3; i++) {
                guardfix_close(g);
                guardfix_open(g);
                guardfix_expect_good(g);
                assert_int_equal(guardfix_sign(g), 0);
        }
        /* A start costs one look at the counter. */
        assert_int_equal(guardfix_counter(g), value);
        g->reads = 0;
        guardfix_close(g);
        guardfix_open(g);
        assert_int_equal(g->reads, 1);
}

static void a_change_costs_one_raise_and_stays_good(void **state)
{
        struct guardfix *g = *state;

        for (unsigned n = 0; n < GUARDFIX_CHANGES; n++) {
                g->raised = 0;
                guardfix_change(g, n);
                assert_int_equal(g->raised, 1);
                guardfix_expect_good(g);
                guardfix_close(g);
                guardfix_open(g);
                guardfix_expect_good(g);
                assert_int_equal(g->raised, 1);
        }
        g->raised = 0;
        assert_int_equal(keyring_agent_replace(g->f.keyring, "b", "b2", "dana@example.com", NULL), 0);
        assert_int_equal(g->raised, 1);
        assert_int_equal(guard_check(g->guard, "b2"), 0);
        assert_int_equal(store_agent_read(guardfix_store(g), "b", &(struct attrs){ 0 }), ERR_NOENT);
        for (unsigned n = 0; n < 5; n++)
                assert_int_equal(guardfix_sign(g), 0);
        g->raised = 0;
        for (unsigned n = 0; n < 5; n++)
                assert_int_equal(guardfix_sign(g), 0);
        assert_int_equal(g->raised, 0);
        assert_int_equal(guardfix_findings(g), 0);
}

static int count_try(struct attrs *a, void *ctx)
{
        return attrs_set_uint(a, "user-pin-tries", *(unsigned *)ctx);
}

/* Logins are many, and a TPM's memory wears out. */
static void a_try_of_a_pin_costs_no_raise(void **state)
{
        struct guardfix *g = *state;
        unsigned n = 3;

        assert_int_equal(store_agent_update(guardfix_store(g), "a", count_try, &n), 0);
        g->raised = 0;
        for (n = 2; n > 0; n--) {
                assert_int_equal(store_agent_update(guardfix_store(g), "a", count_try, &n), 0);
                guardfix_expect_good(g);
        }
        assert_int_equal(g->raised, 0);
        guardfix_close(g);
        guardfix_open(g);
        guardfix_expect_good(g);
        guardfix_close(g);
        guardfix_sh("sed -i 's/^user-pin-tries: 1/user-pin-tries: 9/' '%s'", guardfix_path(g, "agents/a/agent"));
        guardfix_open(g);
        expect_refused(g, "file agent was changed");
}

/* And so are renewals. The certificate is any. */
static void an_exchanged_certificate_costs_no_raise(void **state)
{
        CLEANUP(buf_clear) struct buf hex = { 0 }, der = { 0 };
        struct guardfix *g = *state;
        struct item_spec spec = { .type = ITEM_CERT, .label = BYTES_STR("tls"), .id = BYTES_STR("1") };
        struct item *i = NULL, *next = NULL;
        const char *path = source_path("tests/vectors/evidence/plain.chain");

        assert_int_equal(file_read(AT_FDCWD, path, 65536, &hex), 0);
        assert_int_equal(hex_decode((const char *)hex.ptr, strcspn(buf_str(&hex), "\n"), &der), 0);
        spec.der = BYTES_OF(&der);
        g->raised = 0;
        assert_int_equal(store_item_add(guardfix_store(g), "a", &spec, &i), 0);
        for (unsigned n = 0; n < 3; n++) {
                assert_int_equal(store_item_change(guardfix_store(g), "a", i, &spec, &next), 0);
                item_unref(i);
                i = next;
                guardfix_expect_good(g);
        }
        assert_int_equal(g->raised, 0);
        guardfix_close(g);
        guardfix_open(g);
        guardfix_expect_good(g);
        assert_int_equal(store_item_remove(guardfix_store(g), "a", i), 0);
        assert_int_equal(g->raised, 1);
        item_unref(i);
}

static void an_octet_changed_is_named(void **state)
{
        struct guardfix *g = *state;
        const char *const labels[] = { NULL, "tls", "one", "two" };

        for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
                const char *path = labels[i] != NULL ? guardfix_item_path(g, "a", labels[i]) : guardfix_path(g, "agents/a/agent");
                struct stat st;

                assert_int_equal(stat(path, &st), 0);
                for (long at = 0; at < st.st_size; at += 1 + st.st_size / 7) {
                        guardfix_close(g);
                        guardfix_flip(path, at);
                        guardfix_open(g);
                        expect_refused(g, "was changed");
                        assert_non_null(strstr(guardfix_finding(g, "a"), strrchr(path, '/') + 1));
                        assert_int_equal(guardfix_sign(g), ERR_FOREIGN);
                        guardfix_close(g);
                        guardfix_flip(path, at);
                        guardfix_open(g);
                        guardfix_expect_good(g);
                        assert_int_equal(guardfix_sign(g), 0);
                }
        }
}

/* Where the store is one still, but says something else. */
static long harmless(struct guardfix *g, const char *file)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        const char *line;

        if (strcmp(file, "store") != 0)
                return 0;
        assert_int_equal(file_read(store_dirfd(guardfix_store(g)), file, 65536, &text), 0);
        line = strstr(buf_str(&text), "tpm-firmware: ");
        assert_non_null(line);
        return line - buf_str(&text) + (long)strlen("tpm-firmware: ");
}

static void on_the_stores_own_files_all_agents_hang(void **state)
{
        struct guardfix *g = *state;
        const char *const files[] = { "store", "daemon", "ak.pem", "locked" };
        long at;

        assert_int_equal(policy_lock(guardfix_store(g), NULL, "all"), 0);
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                guardfix_close(g);
                at = harmless(g, files[i]);
                guardfix_flip(guardfix_path(g, "%s", files[i]), at);
                guardfix_open(g);
                assert_int_equal(guard_check(g->guard, NULL), ERR_FOREIGN);
                assert_int_equal(guard_check(g->guard, "b"), ERR_FOREIGN);
                assert_non_null(strstr(err_text(), files[i]));
                assert_non_null(strstr(err_text(), "was changed"));
                assert_string_equal(guardfix_finding(g, ""), err_text());
                assert_int_equal(guardfix_sign(g), ERR_FOREIGN);
                guardfix_close(g);
                guardfix_flip(guardfix_path(g, "%s", files[i]), at);
                guardfix_open(g);
                guardfix_expect_good(g);
        }
        guardfix_close(g);
        assert_int_equal(unlink(guardfix_path(g, "locked")), 0);
        guardfix_open(g);
        assert_int_equal(guard_check(g->guard, "b"), ERR_FOREIGN);
        assert_non_null(strstr(err_text(), "locked was removed"));
}

static void a_file_removed_added_or_swapped_is_named(void **state)
{
        struct guardfix *g = *state;
        const char *one = guardfix_item_path(g, "a", "one");
        char cut[512];

        guardfix_close(g);
        guardfix_sh("mv '%s' '%s'", one, guardfix_path(g, "aside"));
        guardfix_open(g);
        expect_refused(g, "was removed");
        guardfix_close(g);
        /* Under the name of another object, as a copy. */
        guardfix_sh("mv '%s' '%s'", guardfix_path(g, "aside"), one);
        snprintf(cut, sizeof(cut), "%s", one);
        memcpy(strrchr(strrchr(cut, '/'), '.') - 4 - 2 - 8, "00000000", 8);
        guardfix_sh("cp '%s' '%s'", one, cut);
        guardfix_open(g);
        expect_refused(g, "was added");
        guardfix_close(g);
        guardfix_sh("rm '%s'; mkfifo '%s'", cut, cut);
        guardfix_open(g);
        expect_refused(g, "was added");
        guardfix_close(g);
        guardfix_sh("rm '%s'", cut);
        /* Between two agents, of whom both are named. */
        guardfix_sh("cd '%s'; mv a/agent x; mv b/agent a/agent; mv x b/agent", guardfix_path(g, "agents"));
        guardfix_open(g);
        assert_int_equal(guard_check(g->guard, "a"), ERR_FOREIGN);
        assert_non_null(strstr(err_text(), "agent was changed"));
        assert_int_equal(guard_check(g->guard, "b"), ERR_FOREIGN);
        guardfix_close(g);
        guardfix_sh("cd '%s'; mv a/agent x; mv b/agent a/agent; mv x b/agent", guardfix_path(g, "agents"));
        /* What nobody reads may lie there. */
        guardfix_sh("echo x > '%s'", guardfix_path(g, "agents/a/notes.txt"));
        guardfix_open(g);
        guardfix_expect_good(g);
}

static void agents_that_came_or_went_are_named_at_the_start(void **state)
{
        struct guardfix *g = *state;

        guardfix_close(g);
        guardfix_sh("cd '%s'; mv b ../b.aside; cp -a a evil", guardfix_path(g, "agents"));
        guardfix_open(g);
        assert_non_null(strstr(guardfix_finding(g, "b"), "agent b was removed"));
        assert_non_null(strstr(guardfix_finding(g, "evil"), "agent evil was added"));
        assert_int_equal(guardfix_findings(g), 2);
        assert_int_equal(guard_check(g->guard, "evil"), ERR_FOREIGN);
        assert_int_equal(keyring_agent_create(g->f.keyring, "b", "x", NULL), ERR_FOREIGN);
        assert_int_equal(guard_check(g->guard, "a"), 0);
        guardfix_close(g);
        guardfix_sh("cd '%s'; mv ../b.aside b; rm -r evil", guardfix_path(g, "agents"));
        guardfix_open(g);
        guardfix_expect_good(g);
}

static void an_older_copy_of_an_agent_is_named(void **state)
{
        struct guardfix *g = *state;
        unsigned number;

        assert_int_equal(policy_allow(guardfix_store(g), "a", BYTES_STR("allow user=1"), &number), 0);
        guardfix_sh("cp -a '%s' '%s'", guardfix_path(g, "agents/a"), guardfix_path(g, "old"));
        assert_int_equal(policy_deny(guardfix_store(g), "a", number), 0);
        guardfix_close(g);
        guardfix_sh("cd '%s'; mv agents/a new; mv old agents/a", guardfix_path(g, "."));
        guardfix_open(g);
        expect_refused(g, "file agent is an older copy");
        guardfix_close(g);
        guardfix_sh("cd '%s'; rm -r agents/a; mv new agents/a", guardfix_path(g, "."));
        guardfix_open(g);
        guardfix_expect_good(g);

        guardfix_sh("cp -a '%s' '%s'", guardfix_path(g, "agents/a"), guardfix_path(g, "old"));
        guardfix_change_item(g, "one", "new value");
        guardfix_close(g);
        guardfix_sh("cd '%s'; rm -r agents/a; mv old agents/a", guardfix_path(g, "."));
        guardfix_open(g);
        expect_refused(g, "");
}

static void an_older_copy_of_the_whole_store_is_named(void **state)
{
        struct guardfix *g = *state;
        char copy[128];

        snprintf(copy, sizeof(copy), "%s/copy", g->f.swtpm.dir);
        for (unsigned n = 0; n < 10; n++) {
                guardfix_sh("rm -rf '%s'; cp -a '%s' '%s'", copy, g->f.conf.store, copy);
                guardfix_change(g, n);
                guardfix_close(g);
                guardfix_sh("mv '%s' '%s.new'; mv '%s' '%s'", g->f.conf.store, copy, copy, g->f.conf.store);
                guardfix_open(g);
                assert_int_equal(guard_check(g->guard, NULL), ERR_FOREIGN);
                assert_non_null(strstr(err_text(), "is an older copy"));
                assert_string_equal(guardfix_finding(g, ""), err_text());
                assert_int_equal(guard_check(g->guard, "b"), ERR_FOREIGN);
                assert_int_equal(guardfix_sign(g), ERR_FOREIGN);
                assert_int_equal(keyring_agent_create(g->f.keyring, "z", "x", NULL), ERR_FOREIGN);
                guardfix_close(g);
                guardfix_sh("rm -rf '%s'; mv '%s.new' '%s'", g->f.conf.store, copy, g->f.conf.store);
                guardfix_open(g);
                guardfix_expect_good(g);
        }
}

static void what_others_change_meanwhile_is_noticed(void **state)
{
        struct guardfix *g = *state;
        const char *one = guardfix_item_path(g, "a", "one");
        struct item *i = guardfix_item(g, "a", "tls");

        assert_int_equal(guardfix_sign_with(g, i), 0);
        guardfix_sh("mv '%s' '%s'", one, guardfix_path(g, "aside"));
        expect_refused(g, "was removed");
        guardfix_sh("mv '%s' '%s'", guardfix_path(g, "aside"), one);
        guardfix_expect_good(g);
        guardfix_sh("cd '%s'; sed 's/dana/eve/' agent > x; mv x agent", guardfix_path(g, "agents/a"));
        expect_refused(g, "file agent was changed");
        item_unref(i);
}

/* A decision by rules of a file that somebody edited is a refusal. */
static void edited_rules_decide_nothing(void **state)
{
        struct guardfix *g = *state;
        struct peer peer = { .pid = 1, .uid = 1000 };
        struct request q = { .operation = "sign", .mechanism = "ECDSA", .key_label = BYTES_STR("tls"), .now_ms = 1 };
        CLEANUP(buf_clear) struct buf owner = { 0 };
        struct decision d = { 0 };
        struct policy *p;
        unsigned number;

        assert_int_equal(policy_allow(guardfix_store(g), "a", BYTES_STR("allow user=1"), &number), 0);
        assert_int_equal(policy_allow(guardfix_store(g), "b", BYTES_STR("allow user=1000"), &number), 0);
        assert_int_equal(policy_new(guardfix_store(g), &p), 0);
        assert_int_equal(policy_decide(p, &peer, "a", &q, &d), 0);
        assert_false(d.allowed);
        guardfix_sh("cd '%s'; sed 's/user=1$/user=1000/' agent > x; mv x agent", guardfix_path(g, "agents/a"));
        d.allowed = true;
        assert_int_equal(policy_decide(p, &peer, "a", &q, &d), ERR_FOREIGN);
        assert_non_null(strstr(err_text(), "agent a: its file agent was changed"));
        policy_reload(p);
        assert_int_equal(policy_owner(p, "a", &owner), 0);
        assert_false(policy_sees(p, &peer, "a"));
        assert_int_equal(policy_decide(p, &peer, "b", &q, &d), 0);
        assert_true(d.allowed);
        policy_free(p);
}

static void an_operator_accepts_what_is_there(void **state)
{
        struct guardfix *g = *state;
        unsigned news;

        guardfix_close(g);
        guardfix_sh("cd '%s'; sed -i 's/dana/eve/' agent; cp agent agent.pem; rm two.*", guardfix_path(g, "agents/a"));
        guardfix_open(g);
        news = guard_news(g->guard);
        assert_int_equal(guard_check(g->guard, "a"), ERR_FOREIGN);
        assert_int_not_equal(guard_news(g->guard), news);
        g->raised = 0;
        assert_int_equal(guard_accept(g->guard, "a"), 0);
        assert_int_equal(g->raised, 1);
        guardfix_expect_good(g);
        guardfix_change(g, 0);
        guardfix_close(g);
        guardfix_open(g);
        guardfix_expect_good(g);
        assert_int_equal(guard_accept(g->guard, "nobody"), ERR_NOENT);
        /* An agent that is gone, and one that came. */
        guardfix_close(g);
        guardfix_sh("cd '%s'; mv b c", guardfix_path(g, "agents"));
        guardfix_open(g);
        assert_int_equal(guardfix_findings(g), 2);
        assert_int_equal(guard_accept(g->guard, "b"), 0);
        assert_int_equal(guard_accept(g->guard, "c"), 0);
        assert_int_equal(guardfix_findings(g), 0);
        assert_int_equal(guard_check(g->guard, "c"), 0);
        guardfix_close(g);
        guardfix_open(g);
        assert_int_equal(guardfix_findings(g), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_was_there_is_taken_once, start, stop),
                cmocka_unit_test_setup_teardown(a_change_costs_one_raise_and_stays_good, start, stop),
                cmocka_unit_test_setup_teardown(a_try_of_a_pin_costs_no_raise, start, stop),
                cmocka_unit_test_setup_teardown(an_exchanged_certificate_costs_no_raise, start, stop),
                cmocka_unit_test_setup_teardown(an_octet_changed_is_named, start, stop),
                cmocka_unit_test_setup_teardown(on_the_stores_own_files_all_agents_hang, start, stop),
                cmocka_unit_test_setup_teardown(a_file_removed_added_or_swapped_is_named, start, stop),
                cmocka_unit_test_setup_teardown(agents_that_came_or_went_are_named_at_the_start, start, stop),
                cmocka_unit_test_setup_teardown(an_older_copy_of_an_agent_is_named, start, stop),
                cmocka_unit_test_setup_teardown(an_older_copy_of_the_whole_store_is_named, start, stop),
                cmocka_unit_test_setup_teardown(what_others_change_meanwhile_is_noticed, start, stop),
                cmocka_unit_test_setup_teardown(edited_rules_decide_nothing, start, stop),
                cmocka_unit_test_setup_teardown(an_operator_accepts_what_is_there, start, stop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
