/* SPDX-License-Identifier: BSD-2-Clause */
/* What a search sees: everything that is there, at once, for little. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "keys/item.h"
#include "keys/store_dir.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/storefixture.h"

static void settle(void)
{
        nanosleep(&(struct timespec){ 0, 70000000 }, NULL);
}

static struct item_list *items(struct store *s)
{
        struct item_list *l;

        assert_int_equal(store_items(s, AGENT, &l), 0);
        return l;
}

static void an_empty_agent_has_none(void **state)
{
        struct storefixture *f = *state;
        struct item_list *l = items(f->store);

        assert_int_equal(l->n, 0);
        item_list_unref(l);
        item_list_unref(NULL);
        assert_int_equal(store_items(f->store, "none", &l), ERR_NOENT);
        assert_int_equal(store_items(f->store, "../agents", &l), ERR_NOENT);
}

static void names_alone_are_read(void **state)
{
        struct storefixture *f = *state;
        struct item_list *l;

        item_unref(add_item(f, key_spec(f, "tls", "\x01")));
        item_unref(add_item(f, key_spec(f, "", "")));
        item_unref(add_item(f, data_spec("note", "\x01", "x")));
        l = items(f->store);
        assert_int_equal(l->n, 3);
        assert_true(item_label_is(l->list[0], BYTES("", 0)));
        assert_true(item_label_is(l->list[1], BYTES_STR("note")));
        assert_true(item_label_is(l->list[2], BYTES_STR("tls")));
        assert_true(item_id_is(l->list[2], BYTES("\x01", 1)));
        assert_false(item_id_is(l->list[2], BYTES("", 0)));
        for (size_t i = 0; i < l->n; i++)
                assert_null(l->list[i]->body);
        item_list_unref(l);
}

static void nothing_is_read_while_nothing_changes(void **state)
{
        struct storefixture *f = *state;
        struct item_list *a, *b, *c;

        item_unref(add_item(f, key_spec(f, "tls", "\x01")));
        settle();
        a = items(f->store);
        b = items(f->store);
        assert_ptr_equal(a, b);
        item_unref(add_item(f, key_spec(f, "ssh", "\x02")));
        c = items(f->store);
        assert_ptr_not_equal(a, c);
        assert_int_equal(a->n, 1);
        assert_int_equal(c->n, 2);
        /* The file that stayed has the same item. */
        assert_ptr_equal(a->list[0], c->list[1]);
        item_list_unref(a);
        item_list_unref(b);
        item_list_unref(c);
}

static void every_change_is_seen_by_others(void **state)
{
        struct storefixture *f = *state;
        struct store *other;
        struct item *kept[100];

        assert_int_equal(store_open(f->path, &other), 0);
        for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
                assert_int_equal(count_items(other), i);
                kept[i] = add_item(f, data_spec("x", "", "x"));
        }
        for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
                assert_int_equal(count_items(other), ARRAY_LEN(kept) - i);
                assert_int_equal(store_item_remove(f->store, AGENT, kept[i]), 0);
                item_unref(kept[i]);
        }
        assert_int_equal(count_items(other), 0);
        store_close(other);
}

static void an_agent_made_again_is_another(void **state)
{
        struct storefixture *f = *state;
        struct attrs a = { 0 };

        item_unref(add_item(f, key_spec(f, "tls", "\x01")));
        settle();
        assert_int_equal(count_items(f->store), 1);
        assert_int_equal(store_agent_delete(f->store, AGENT), 0);
        assert_int_equal(store_agent_create(f->store, AGENT, &a), 0);
        assert_int_equal(count_items(f->store), 0);
}

static void put(struct storefixture *f, const char *name)
{
        CLEANUP(buf_clear) struct buf path = { 0 };

        assert_int_equal(buf_printf(&path, "agents/" AGENT "/%s", name), 0);
        assert_int_equal(file_write(store_dirfd(f->store), buf_str(&path), BYTES_STR("x"), 0600, true), 0);
}

static void strangers_are_passed_over(void **state)
{
        struct storefixture *f = *state;

        put(f, "README");
        put(f, "key.pem");
        put(f, "tls.01.0123456789abcdef.1.key.pem~");
        put(f, ".tmp-0123456789abcdef-1");
        put(f, "tls.01.0123456789abcdef.1.key.pem");
        assert_int_equal(count_items(f->store), 1);
}

static void the_highest_generation_counts(void **state)
{
        struct storefixture *f = *state;
        struct item_list *l;

        put(f, "a.01.0123456789abcdef.9.key.pem");
        put(f, "b.02.0123456789abcdef.10.key.pem");
        put(f, "a.01.0123456789abcdef.2.key.pem");
        put(f, "a.01.0123456789abcdee.1.key.pem");
        l = items(f->store);
        assert_int_equal(l->n, 2);
        assert_true(item_label_is(l->list[0], BYTES_STR("a")));
        assert_string_equal(l->list[0]->uid, "0123456789abcdee");
        assert_true(item_label_is(l->list[1], BYTES_STR("b")));
        item_list_unref(l);

        /* The next writer clears away what is outdated. */
        assert_int_equal(agent_files(f), 5);
        item_unref(add_item(f, data_spec("x", "", "x")));
        assert_int_equal(agent_files(f), 4);
        assert_int_equal(count_items(f->store), 3);
}

/* The path of an item's file, of that generation. */
static void path_of(struct storefixture *f, const struct item *i, unsigned generation, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf name = { 0 };

        assert_int_equal(item_name_format(i->type, BYTES_OF(&i->label), BYTES_OF(&i->id), i->uid, generation, &name), 0);
        buf_reset(ret);
        assert_int_equal(buf_printf(ret, "%s/agents/" AGENT "/%s", f->path, buf_str(&name)), 0);
        assert_non_null(buf_str(ret));
}

/* A change whose directory could not be synced is taken back, when others may have seen it. */
static void what_is_no_longer_outdated_stays(void **state)
{
        struct storefixture *f = *state;
        struct item *i = add_item(f, data_spec("x", "", "1"));
        CLEANUP(buf_clear) struct buf old = { 0 };
        CLEANUP(buf_clear) struct buf new = { 0 };

        path_of(f, i, 1, &old);
        path_of(f, i, 2, &new);
        assert_int_equal(link((const char *)old.ptr, (const char *)new.ptr), 0);
        assert_int_equal(count_items(f->store), 1);
        assert_true(store_unswept(f->store, AGENT));
        assert_int_equal(unlink((const char *)new.ptr), 0);
        item_unref(add_item(f, data_spec("y", "", "2")));
        assert_int_equal(count_items(f->store), 2);
        item_unref(i);
}

/* By its process id the writer is dead, which it also seems where it has a PID namespace of its own. */
static void nobody_sweeps_while_others_write(void **state)
{
        struct storefixture *f = *state;
        CLEANUP(file_unlock) int lock = -1;

        put(f, ".tmp-0123456789abcdef-2147483647");
        assert_int_equal(count_items(f->store), 0);
        assert_int_equal(store_write_lock(f->store, false, &lock), 0);
        item_unref(add_item(f, data_spec("x", "", "x")));
        assert_int_equal(agent_files(f), 3);
        file_unlock(&lock);
        assert_int_equal(count_items(f->store), 1);
        item_unref(add_item(f, data_spec("y", "", "y")));
        assert_int_equal(agent_files(f), 3);
        assert_int_equal(count_items(f->store), 2);
}

static void change_for_ever(struct storefixture *f, struct item *i)
{
        struct item_spec spec = data_spec("changing", "", "x");

        for (;;) {
                struct item *next;

                if (store_item_change(f->store, AGENT, i, &spec, &next) != 0)
                        _exit(1);
                item_unref(i);
                i = next;
        }
}

/* So many files that a directory is read in several steps. */
static void what_only_changes_is_always_there(void **state)
{
        static const char label[] = "seventy characters are no more than fit into a name and fill it nicely";
        struct storefixture *f = *state;
        struct item *i = add_item(f, data_spec("changing", "", "x"));
        CLEANUP(close_fd) int fd = -1;
        unsigned missing = 0;
        pid_t pid;

        assert_int_equal(dir_open(f->store->agents_fd, AGENT, &fd), 0);
        for (unsigned n = 0; n < 1200; n++) {
                CLEANUP(buf_clear) struct buf name = { 0 };
                char uid[17];

                snprintf(uid, sizeof(uid), "%016x", n);
                assert_int_equal(item_name_format(ITEM_DATA, BYTES_STR(label), BYTES("x", 1), uid, 1, &name), 0);
                assert_int_equal(mknodat(fd, buf_str(&name), S_IFREG | 0600, 0), 0);
        }
        assert_int_equal(count_items(f->store), 1201);
        pid = fork();
        if (pid == 0)
                change_for_ever(f, i);
        for (int n = 0; n < 120; n++)
                missing += count_items(f->store) != 1201;
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(missing, 0);
        item_unref(i);
}

/* What somebody else put in a file's place under the same name is another file. */
static void a_replaced_file_is_read_anew(void **state)
{
        struct storefixture *f = *state;
        struct item_list *a, *b;

        put(f, "a.01.0123456789abcdef.1.key.pem");
        a = items(f->store);
        put(f, "a.01.0123456789abcdef.1.key.pem");
        b = items(f->store);
        assert_ptr_not_equal(a->list[0], b->list[0]);
        item_list_unref(a);
        item_list_unref(b);
}

static void *search(void *arg)
{
        for (int i = 0; i < 300; i++) {
                struct item_list *l;

                if (store_items(arg, AGENT, &l) != 0)
                        return arg;
                for (size_t n = 0; n < l->n; n++)
                        item_label_is(l->list[n], BYTES_STR("x"));
                item_list_unref(l);
        }
        return NULL;
}

static void threads_search_while_others_write(void **state)
{
        struct storefixture *f = *state;
        pthread_t thread[4];
        void *failed;

        for (size_t i = 0; i < ARRAY_LEN(thread); i++)
                assert_int_equal(pthread_create(&thread[i], NULL, search, f->store), 0);
        for (int i = 0; i < 20; i++)
                item_unref(add_item(f, data_spec("x", "", "x")));
        for (size_t i = 0; i < ARRAY_LEN(thread); i++) {
                assert_int_equal(pthread_join(thread[i], &failed), 0);
                assert_null(failed);
        }
        assert_int_equal(count_items(f->store), 20);
}

int main(void)
{
#define IN_STORE(f) cmocka_unit_test_setup_teardown(f, storefixture_setup, storefixture_teardown)
        const struct CMUnitTest tests[] = {
                IN_STORE(an_empty_agent_has_none),
                IN_STORE(names_alone_are_read),
                IN_STORE(nothing_is_read_while_nothing_changes),
                IN_STORE(every_change_is_seen_by_others),
                IN_STORE(an_agent_made_again_is_another),
                IN_STORE(strangers_are_passed_over),
                IN_STORE(the_highest_generation_counts),
                IN_STORE(what_is_no_longer_outdated_stays),
                IN_STORE(nobody_sweeps_while_others_write),
                IN_STORE(what_only_changes_is_always_there),
                IN_STORE(a_replaced_file_is_read_anew),
                IN_STORE(threads_search_while_others_write),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
