/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects are added, changed and removed, each whole or not at all. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "keys/item.h"
#include "keys/store_dir.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/storefixture.h"

/* The object in a list of its own, found anew. */
static struct item *find(struct storefixture *f, const char *label)
{
        struct item *found = NULL;
        struct item_list *l;

        assert_int_equal(store_items(f->store, AGENT, &l), 0);
        for (size_t i = 0; i < l->n; i++)
                if (item_label_is(l->list[i], BYTES_STR(label)))
                        found = item_ref(l->list[i]);
        item_list_unref(l);
        return found;
}

static void what_is_added_is_there(void **state)
{
        struct storefixture *f = *state;
        struct item *i = add_item(f, key_spec(f, "tls", "\x01"));
        CLEANUP(buf_clear) struct buf path = { 0 };
        const struct item_body *b;
        struct item *again;
        struct stat st;

        assert_int_equal(item_load(i, &b), 0);
        assert_string_equal(attrs_str(&b->attrs, "uid", ""), i->uid);
        again = find(f, "tls");
        assert_string_equal(again->uid, i->uid);
        assert_int_equal(item_load(again, &b), 0);
        assert_true(bytes_equal(BYTES_OF(&b->key.priv), BYTES_OF(&f->key.priv)));
        assert_int_equal(store_item_path(f->store, AGENT, i, &path), 0);
        assert_int_equal(stat(buf_str(&path), &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(agent_files(f), 2);
        item_unref(i);
        item_unref(again);
}

static void two_may_have_one_label(void **state)
{
        struct storefixture *f = *state;
        struct item *a = add_item(f, data_spec("x", "\x01", "1"));
        struct item *b = add_item(f, data_spec("x", "\x01", "2"));

        assert_string_not_equal(a->uid, b->uid);
        assert_int_equal(count_items(f->store), 2);
        item_unref(a);
        item_unref(b);
}

static void what_cannot_be_read_is_not_written(void **state)
{
        struct storefixture *f = *state;
        struct item_spec bad = data_spec("x", "", "no certificate");
        struct item *i;

        bad.type = ITEM_CERT;
        assert_int_equal(store_item_add(f->store, AGENT, &bad, &i), ERR_FORMAT);
        bad.type = ITEM_PUBKEY;
        assert_int_equal(store_item_add(f->store, AGENT, &bad, &i), ERR_FORMAT);
        bad = data_spec("x", "", "x");
        assert_int_equal(store_item_add(f->store, "none", &bad, &i), ERR_NOENT);
        assert_int_equal(agent_files(f), 1);
}

static void a_change_keeps_uid_and_creation(void **state)
{
        struct storefixture *f = *state;
        struct item *i = add_item(f, data_spec("old", "\x01", "1"));
        struct item_spec spec = data_spec("new", "\x02", "2");
        const struct item_body *a, *b;
        struct item *changed, *found;

        assert_int_equal(item_load(i, &a), 0);
        assert_int_equal(store_item_change(f->store, AGENT, i, &spec, &changed), 0);
        assert_string_equal(changed->uid, i->uid);
        assert_int_equal(changed->file->generation, 2);
        assert_int_equal(agent_files(f), 2);
        assert_null(find(f, "old"));
        found = find(f, "new");
        assert_int_equal(item_load(found, &b), 0);
        assert_true(bytes_equal(BYTES_OF(&b->der), BYTES_STR("2")));
        assert_string_equal(attrs_str(&a->attrs, "created", "a"), attrs_str(&b->attrs, "created", "b"));

        /* The old one is history. */
        assert_int_equal(store_item_change(f->store, AGENT, i, &spec, NULL), ERR_STALE);
        spec.type = ITEM_CERT;
        assert_int_equal(store_item_change(f->store, AGENT, found, &spec, NULL), ERR_INVAL);
        assert_int_equal(store_item_remove(f->store, AGENT, i), 0);
        assert_int_equal(agent_files(f), 1);
        spec.type = ITEM_DATA;
        assert_int_equal(store_item_change(f->store, AGENT, found, &spec, NULL), ERR_STALE);
        assert_int_equal(store_item_remove(f->store, AGENT, found), ERR_STALE);
        item_unref(i);
        item_unref(changed);
        item_unref(found);
}

static void a_change_may_keep_the_name(void **state)
{
        struct storefixture *f = *state;
        struct item *i = add_item(f, data_spec("x", "\x01", "1"));

        for (int n = 0; n < 12; n++) {
                struct item_spec spec = data_spec("x", "\x01", n % 2 ? "odd" : "even");
                struct item *next;

                assert_int_equal(store_item_change(f->store, AGENT, i, &spec, &next), 0);
                assert_int_equal(count_items(f->store), 1);
                item_unref(i);
                i = next;
        }
        assert_int_equal(i->file->generation, 13);
        assert_int_equal(agent_files(f), 2);
        item_unref(i);
}

/* An interrupted change leaves both; removing must not bring the older one back. */
static void removing_takes_all_generations(void **state)
{
        struct storefixture *f = *state;
        struct item_spec spec = data_spec("b", "", "2");
        struct item *i = add_item(f, data_spec("a", "", "1"));
        struct item *changed;
        char old[300], copy[300];

        snprintf(old, sizeof(old), "%s/agents/" AGENT "/%s", f->path, i->file->name);
        snprintf(copy, sizeof(copy), "%s/copy", f->path);
        assert_int_equal(link(old, copy), 0);
        assert_int_equal(store_item_change(f->store, AGENT, i, &spec, &changed), 0);
        assert_int_equal(rename(copy, old), 0);
        assert_int_equal(agent_files(f), 3);
        assert_int_equal(count_items(f->store), 1);
        assert_null(find(f, "a"));
        assert_int_equal(store_item_remove(f->store, AGENT, changed), 0);
        assert_int_equal(agent_files(f), 1);
        item_unref(i);
        item_unref(changed);
}

static void sixteen_processes_make_25_each(void **state)
{
        struct storefixture *f = *state;
        pid_t child[16];
        int status;

        for (size_t i = 0; i < ARRAY_LEN(child); i++) {
                child[i] = fork();
                if (child[i] == 0) {
                        struct item_spec spec = key_spec(f, "tls", "\x01");
                        int r = 0;

                        for (int n = 0; r == 0 && n < 25; n++)
                                r = store_item_add(f->store, AGENT, &spec, NULL);
                        _exit(r == 0 ? 0 : 1);
                }
        }
        for (size_t i = 0; i < ARRAY_LEN(child); i++) {
                assert_int_equal(waitpid(child[i], &status, 0), child[i]);
                assert_int_equal(status, 0);
        }
        assert_int_equal(count_items(f->store), 400);
        assert_int_equal(agent_files(f), 401);
}

/* Makers share the lock; whoever changes waits for them, not for ever. */
static void changes_of_many_processes_serialise(void **state)
{
        struct storefixture *f = *state;
        struct item *i = add_item(f, data_spec("x", "", "0"));
        pid_t child[6];
        int status, changed = 0;

        for (size_t n = 0; n < ARRAY_LEN(child); n++) {
                child[n] = fork();
                if (child[n] == 0) {
                        struct item_spec spec = data_spec("x", "", "1");
                        int r = store_item_change(f->store, AGENT, i, &spec, NULL);

                        _exit(r == 0 ? 0 : r == ERR_STALE ? 1 : 2);
                }
        }
        for (size_t n = 0; n < ARRAY_LEN(child); n++) {
                assert_int_equal(waitpid(child[n], &status, 0), child[n]);
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
                changed += WEXITSTATUS(status) == 0;
        }
        assert_int_equal(changed, 1);
        assert_int_equal(agent_files(f), 2);
        item_unref(i);
}

static void works_with_few_descriptors(void **state)
{
        struct storefixture *f = *state;
        int fd = dup(0);
        struct rlimit limit, low;
        struct item *i;

        close(fd);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        low = (struct rlimit){ (rlim_t)fd + 4, limit.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
        i = add_item(f, data_spec("x", "", "0"));
        assert_int_equal(count_items(f->store), 1);
        assert_int_equal(store_item_remove(f->store, AGENT, i), 0);
        /* And with none at all it fails and leaves nothing. */
        low.rlim_cur = (rlim_t)fd;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
        assert_int_not_equal(store_item_add(f->store, AGENT, &(struct item_spec){ .type = ITEM_DATA, .der = BYTES("x", 1) }, NULL), 0);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        assert_int_equal(agent_files(f), 1);
        item_unref(i);
}

int main(void)
{
#define IN_STORE(f) cmocka_unit_test_setup_teardown(f, storefixture_setup, storefixture_teardown)
        const struct CMUnitTest tests[] = {
                IN_STORE(what_is_added_is_there),
                IN_STORE(two_may_have_one_label),
                IN_STORE(what_cannot_be_read_is_not_written),
                IN_STORE(a_change_keeps_uid_and_creation),
                IN_STORE(a_change_may_keep_the_name),
                IN_STORE(removing_takes_all_generations),
                IN_STORE(sixteen_processes_make_25_each),
                IN_STORE(changes_of_many_processes_serialise),
                IN_STORE(works_with_few_descriptors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
