/* SPDX-License-Identifier: BSD-2-Clause */
/* Agents come and go, whole. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "keys/store_dir.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/storefixture.h"

static void names(void **state)
{
        static const char *const good[] = { "a", "build-42", "B\xc3\xa4r", "two words", "a.b", "12345678901234567890123456789012" };
        static const char *const bad[] = { "", ".", "..", ".a", "a/b", "a\n", "\x7f", "\xc3", "\xc2\x9b", " a", "a ", "123456789012345678901234567890123" };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(good); i++)
                assert_true(agent_name_valid(good[i]));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_false(agent_name_valid(bad[i]));
}

static void assert_agents(struct store *s, const char *want)
{
        CLEANUP(buf_clear) struct buf all = { 0 };
        struct agent_names n;

        assert_int_equal(store_agents(s, &n), 0);
        for (size_t i = 0; i < n.n; i++)
                assert_int_equal(buf_printf(&all, "%s%s", i ? "," : "", n.list[i]), 0);
        assert_string_equal(buf_str(&all), want);
        agent_names_clear(&n);
}

static void are_listed_sorted(void **state)
{
        struct storefixture *f = *state;
        struct attrs a = { 0 };
        struct store *other;

        assert_int_equal(store_open(f->path, &other), 0);
        assert_agents(other, AGENT);
        assert_int_equal(store_agent_create(f->store, "zoe", &a), 0);
        assert_int_equal(store_agent_create(f->store, "ada", &a), 0);
        assert_agents(other, "ada," AGENT ",zoe");
        assert_int_equal(store_agent_create(f->store, "ada", &a), ERR_EXIST);
        assert_int_equal(store_agent_create(f->store, "../ada", &a), ERR_INVAL);
        assert_int_equal(store_agent_delete(f->store, "zoe"), 0);
        assert_int_equal(store_agent_delete(f->store, "zoe"), ERR_NOENT);
        assert_int_equal(store_agent_delete(f->store, ".."), ERR_NOENT);
        assert_agents(other, "ada," AGENT);
        store_close(other);
}

static void strangers_are_passed_over(void **state)
{
        struct storefixture *f = *state;
        int fd = f->store->agents_fd;

        assert_int_equal(file_write(fd, "file", BYTES_STR(""), 0600, false), 0);
        assert_int_equal(symlinkat(AGENT, fd, "link"), 0);
        assert_int_equal(mkdirat(fd, ".hidden", 0700), 0);
        assert_int_equal(mkdirat(fd, "bad\nname", 0700), 0);
        assert_agents(f->store, AGENT);
}

static void every_change_is_seen(void **state)
{
        struct storefixture *f = *state;
        struct attrs a = { 0 };
        struct store *other;

        assert_int_equal(store_open(f->path, &other), 0);
        for (int i = 0; i < 50; i++) {
                assert_int_equal(store_agent_create(f->store, "x", &a), 0);
                assert_agents(other, AGENT ",x");
                assert_int_equal(store_agent_delete(f->store, "x"), 0);
                assert_agents(other, AGENT);
        }
        store_close(other);
}

static int add_line(struct attrs *a, void *ctx)
{
        return attrs_set_str(a, "tries", ctx);
}

static int refuse(struct attrs *a, void *ctx)
{
        (void)ctx;
        assert_int_equal(attrs_set_str(a, "tries", "lost"), 0);
        return ERR_DENIED;
}

static void files_are_updated_or_left(void **state)
{
        struct storefixture *f = *state;
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        char three[] = "3";

        assert_int_equal(store_agent_update(f->store, AGENT, add_line, three), 0);
        assert_int_equal(store_agent_update(f->store, AGENT, refuse, NULL), ERR_DENIED);
        assert_int_equal(store_agent_read(f->store, AGENT, &a), 0);
        assert_string_equal(attrs_str(&a, "owner", ""), "Ada");
        assert_string_equal(attrs_str(&a, "tries", ""), "3");
        assert_int_equal(store_agent_update(f->store, "none", add_line, three), ERR_NOENT);
        assert_int_equal(store_agent_read(f->store, "none", &a), ERR_NOENT);
        assert_int_equal(store_agent_read(f->store, "../agents/" AGENT, &a), ERR_NOENT);
}

static int count_up(struct attrs *a, void *ctx)
{
        unsigned long n = 0;

        (void)ctx;
        attrs_uint(a, "n", &n);
        return attrs_set_uint(a, "n", n + 1);
}

static void updates_of_many_processes_all_count(void **state)
{
        struct storefixture *f = *state;
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        pid_t child[8];
        unsigned long n;
        int status;

        for (size_t i = 0; i < ARRAY_LEN(child); i++) {
                child[i] = fork();
                if (child[i] == 0) {
                        int r = 0;

                        for (int k = 0; r == 0 && k < 10; k++)
                                r = store_agent_update(f->store, AGENT, count_up, NULL);
                        _exit(r == 0 ? 0 : 1);
                }
        }
        for (size_t i = 0; i < ARRAY_LEN(child); i++) {
                assert_int_equal(waitpid(child[i], &status, 0), child[i]);
                assert_int_equal(status, 0);
        }
        assert_int_equal(store_agent_read(f->store, AGENT, &a), 0);
        assert_int_equal(attrs_uint(&a, "n", &n), 0);
        assert_int_equal(n, 80);
}

static void deleting_takes_everything(void **state)
{
        struct storefixture *f = *state;
        struct item *i = add_item(f, key_spec(f, "tls", "1"));
        const struct item_body *b;
        struct item_list *l;

        assert_int_equal(store_items(f->store, AGENT, &l), 0);
        assert_int_equal(l->n, 1);
        assert_int_equal(store_agent_delete(f->store, AGENT), 0);
        assert_agents(f->store, "");
        assert_int_equal(faccessat(f->store->agents_fd, AGENT, F_OK, 0), -1);
        assert_int_equal(item_load(l->list[0], &b), ERR_STALE);
        item_list_unref(l);
        assert_int_equal(store_items(f->store, AGENT, &l), ERR_NOENT);
        item_unref(i);
}

static int count_entry(const struct dirent *e, void *ctx)
{
        (void)e;
        ++*(unsigned *)ctx;
        return 0;
}

/* What an agent file may say. */
static struct attrs lines_of(const char *owner)
{
        struct attrs a = { 0 };

        assert_int_equal(attrs_set_str(&a, "owner", owner), 0);
        return a;
}

static void assert_owner(struct store *s, const char *agent, const char *owner)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };

        assert_int_equal(store_agent_read(s, agent, &a), 0);
        assert_string_equal(attrs_str(&a, "owner", ""), owner);
}

static void a_new_one_takes_the_place_of_the_old(void **state)
{
        struct storefixture *f = *state;
        CLEANUP(attrs_clear) struct attrs bob = lines_of("Bob");
        CLEANUP(attrs_clear) struct attrs eve = lines_of("Eve");

        item_unref(add_item(f, key_spec(f, "tls", "1")));
        assert_int_equal(count_items(f->store), 1);
        assert_int_equal(store_agent_replace(f->store, AGENT, AGENT, &bob), 0);
        assert_owner(f->store, AGENT, "Bob");
        assert_int_equal(count_items(f->store), 0);

        assert_int_equal(store_agent_create(f->store, "taken", &bob), 0);
        assert_int_equal(store_agent_replace(f->store, AGENT, "taken", &eve), ERR_EXIST);
        assert_int_equal(store_agent_replace(f->store, AGENT, "a/b", &eve), ERR_INVAL);
        assert_int_equal(store_agent_replace(f->store, "none", "free", &eve), ERR_NOENT);
        assert_owner(f->store, AGENT, "Bob");
        assert_int_equal(store_agent_replace(f->store, AGENT, "free", &eve), 0);
        assert_agents(f->store, "free,taken");
        assert_owner(f->store, "free", "Eve");
}

/* No octet can be written, as on a disk that is full. */
static void what_cannot_be_made_takes_no_place(void **state)
{
        struct storefixture *f = *state;
        CLEANUP(attrs_clear) struct attrs a = lines_of("Bob");
        struct rlimit before, full;

        item_unref(add_item(f, key_spec(f, "tls", "1")));
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        full = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
        assert_int_not_equal(store_agent_replace(f->store, AGENT, AGENT, &a), 0);
        assert_int_not_equal(store_agent_replace(f->store, AGENT, "free", &a), 0);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        signal(SIGXFSZ, SIG_DFL);
        assert_owner(f->store, AGENT, "Ada");
        assert_int_equal(count_items(f->store), 1);
        assert_agents(f->store, AGENT);
}

/* It makes one agent anew without end, until it is killed. */
static void replace_for_ever(struct storefixture *f)
{
        struct attrs a = lines_of("Bob");

        while (store_agent_replace(f->store, AGENT, AGENT, &a) == 0)
                ;
        _exit(1);
}

static void killed_at_any_moment_it_leaves_an_agent(void **state)
{
        struct storefixture *f = *state;
        CLEANUP(attrs_clear) struct attrs bob = lines_of("Bob");
        CLEANUP(attrs_clear) struct attrs ada = lines_of("Ada");
        unsigned n = 0;
        int status;

        assert_int_equal(store_agent_replace(f->store, AGENT, AGENT, &bob), 0);
        for (unsigned i = 0; i < 40; i++) {
                pid_t pid = fork();

                if (pid == 0)
                        replace_for_ever(f);
                usleep(3000 + 97 * i);
                assert_int_equal(kill(pid, SIGKILL), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFSIGNALED(status));
                assert_agents(f->store, AGENT);
                assert_owner(f->store, AGENT, "Bob");
        }
        /* What the dead left is swept. */
        assert_int_equal(store_agent_replace(f->store, AGENT, AGENT, &ada), 0);
        assert_owner(f->store, AGENT, "Ada");
        assert_int_equal(dir_list(f->store->agents_fd, count_entry, &n), 0);
        assert_int_equal(n, 1);
}

/* A process that dies between the making and the renaming. */
static void the_next_writer_sweeps(void **state)
{
        struct storefixture *f = *state;
        struct attrs a = { 0 };
        char temp[FILE_TEMP_NAME_SIZE];
        unsigned n = 0;
        int status;
        pid_t pid;

        pid = fork();
        if (pid == 0) {
                if (file_temp_name(temp) != 0 || mkdirat(f->store->agents_fd, temp, 0700) != 0)
                        _exit(1);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        assert_agents(f->store, AGENT);
        assert_int_equal(dir_list(f->store->agents_fd, count_entry, &n), 0);
        assert_int_equal(n, 2);
        assert_int_equal(store_agent_create(f->store, "x", &a), 0);
        n = 0;
        assert_int_equal(dir_list(f->store->agents_fd, count_entry, &n), 0);
        assert_int_equal(n, 2);
}

int main(void)
{
#define IN_STORE(f) cmocka_unit_test_setup_teardown(f, storefixture_setup, storefixture_teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names),
                IN_STORE(are_listed_sorted),
                IN_STORE(strangers_are_passed_over),
                IN_STORE(every_change_is_seen),
                IN_STORE(files_are_updated_or_left),
                IN_STORE(updates_of_many_processes_all_count),
                IN_STORE(deleting_takes_everything),
                IN_STORE(a_new_one_takes_the_place_of_the_old),
                IN_STORE(what_cannot_be_made_takes_no_place),
                IN_STORE(killed_at_any_moment_it_leaves_an_agent),
                IN_STORE(the_next_writer_sweeps),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
