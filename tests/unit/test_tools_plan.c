/* SPDX-License-Identifier: BSD-2-Clause */
/* What `holdfast config --install` writes, `--remove` takes away, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tools/program.h"

struct home {
        char dir[32];
        struct plan plan;
};

static int make_home(void **state)
{
        struct home *h = calloc(1, sizeof *h);
        struct plan_facts f = { 0 };

        assert_non_null(h);
        strcpy(h->dir, "/tmp/hf-plan-XXXXXX");
        assert_non_null(mkdtemp(h->dir));
        f.module = "/usr/lib/module.so";
        f.home = h->dir;
        f.config_home = h->dir;
        assert_int_equal(program_by_name("ssh")->plan(&f, &h->plan), 0);
        *state = h;
        return 0;
}

static int remove_home(void **state)
{
        struct home *h = *state;
        char command[64];
        int r;

        snprintf(command, sizeof command, "rm -rf %s", h->dir);
        r = system(command);
        plan_clear(&h->plan);
        free(h);
        return r;
}

static const char *path_in(const struct home *h, const char *name)
{
        static char path[4][80];
        static unsigned i;

        i = (i + 1) % 4;
        snprintf(path[i], sizeof path[i], "%s/%s", h->dir, name);
        return path[i];
}

static void put(const struct home *h, const char *name, const char *text, mode_t mode)
{
        FILE *f = fopen(path_in(h, name), "w");

        assert_non_null(f);
        assert_int_equal(fputs(text, f) >= 0, 1);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(chmod(path_in(h, name), mode), 0);
}

static void holds(const struct home *h, const char *name, const char *text)
{
        char got[1024] = "";
        FILE *f = fopen(path_in(h, name), "r");
        size_t n;

        assert_non_null(f);
        n = fread(got, 1, sizeof got - 1, f);
        got[n] = 0;
        fclose(f);
        assert_string_equal(got, text);
}

static void is_gone(const struct home *h, const char *name)
{
        assert_int_equal(access(path_in(h, name), F_OK), -1);
}

static void nothing_there_and_nothing_left(void **state)
{
        struct home *h = *state;

        assert_int_equal(plan_install(&h->plan), 0);
        holds(h, ".ssh/config", "Include ~/.ssh/holdfast.conf\n");
        assert_int_equal(access(path_in(h, ".ssh/holdfast.conf"), R_OK), 0);
        assert_int_equal(plan_remove(&h->plan), 0);
        is_gone(h, ".ssh/holdfast.conf");
        is_gone(h, ".ssh/config");
}

static void own_text_and_mode_are_kept(void **state)
{
        static const char own[] = "Host db1\n\tUser deploy\n# no newline at the end";
        struct home *h = *state;
        struct stat st;

        assert_int_equal(mkdir(path_in(h, ".ssh"), 0700), 0);
        put(h, ".ssh/config", own, 0640);
        assert_int_equal(plan_install(&h->plan), 0);
        holds(h, ".ssh/config", "Include ~/.ssh/holdfast.conf\nHost db1\n\tUser deploy\n# no newline at the end");
        assert_int_equal(stat(path_in(h, ".ssh/config"), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0640);
        assert_int_equal(plan_remove(&h->plan), 0);
        holds(h, ".ssh/config", own);
}

static void twice_is_once(void **state)
{
        struct home *h = *state;

        assert_int_equal(plan_install(&h->plan), 0);
        assert_int_equal(plan_install(&h->plan), 0);
        holds(h, ".ssh/config", "Include ~/.ssh/holdfast.conf\n");
        assert_int_equal(plan_remove(&h->plan), 0);
        assert_int_equal(plan_remove(&h->plan), 0);
        is_gone(h, ".ssh/config");
}

static void a_file_of_somebody_else_is_not_touched(void **state)
{
        struct home *h = *state;

        assert_int_equal(mkdir(path_in(h, ".ssh"), 0700), 0);
        put(h, ".ssh/holdfast.conf", "Host mine\n", 0600);
        assert_int_equal(plan_install(&h->plan), ERR_EXIST);
        assert_int_equal(plan_remove(&h->plan), ERR_EXIST);
        holds(h, ".ssh/holdfast.conf", "Host mine\n");
        is_gone(h, ".ssh/config");
}

static void a_link_stays_one(void **state)
{
        struct home *h = *state;
        struct stat st;

        assert_int_equal(mkdir(path_in(h, ".ssh"), 0700), 0);
        put(h, "dotfile", "Host db1\n", 0600);
        assert_int_equal(symlink("../dotfile", path_in(h, ".ssh/config")), 0);
        assert_int_equal(plan_install(&h->plan), 0);
        assert_int_equal(lstat(path_in(h, ".ssh/config"), &st), 0);
        assert_true(S_ISLNK(st.st_mode));
        holds(h, "dotfile", "Include ~/.ssh/holdfast.conf\nHost db1\n");
        assert_int_equal(plan_remove(&h->plan), 0);
        holds(h, "dotfile", "Host db1\n");
}

static void every_program_has_a_plan(void **state)
{
        const struct opensslconf conf = { 0 };
        const struct plan_facts f = { .module = "/m", .home = "/h", .config_home = "/h/.config", .provider = "/p", .openssl_cnf = "/o",
                                      .openssl = &conf, .key_ref = "r", .cert = "c", .ssh_key = "ssh-rsa AAAA" };
        const struct program *p;

        (void)state;
        for (size_t i = 0; (p = program_at(i)) != NULL; ++i) {
                struct plan plan = { 0 };

                assert_int_equal(p->plan(&f, &plan), 0);
                assert_true(plan.n > 0 && plan.next.len > 0);
                for (size_t k = 0; k < plan.n; ++k) {
                        assert_true(plan_mark_is(BYTES_OF(&plan.files[k].content)));
                        assert_int_equal(plan.files[k].path.ptr[0], '/');
                }
                plan_clear(&plan);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(nothing_there_and_nothing_left, make_home, remove_home),
                cmocka_unit_test_setup_teardown(own_text_and_mode_are_kept, make_home, remove_home),
                cmocka_unit_test_setup_teardown(twice_is_once, make_home, remove_home),
                cmocka_unit_test_setup_teardown(a_file_of_somebody_else_is_not_touched, make_home, remove_home),
                cmocka_unit_test_setup_teardown(a_link_stays_one, make_home, remove_home),
                cmocka_unit_test(every_program_has_a_plan),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
