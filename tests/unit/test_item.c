/* SPDX-License-Identifier: BSD-2-Clause */
/* One object, known by its file's name and read when needed. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "keys/item.h"
#include "keys/store_dir.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/storefixture.h"

#define DATA "-----BEGIN HOLDFAST DATA-----\naGVsbG8=\n-----END HOLDFAST DATA-----\n"

/* The store in tests/vectors, as older versions wrote it and docs/formats.md says. */
static void reads_the_vectors(void **state)
{
        static const struct {
                const char *label, *id;
                enum item_type type;
                CK_KEY_TYPE ckk;
        } want[] = {
                { "long long long long long long long long long long long long long long long long long long long long", "\x03", ITEM_DATA, 0 },
                { "my note", "\x02", ITEM_DATA, 0 },
                { "peer", "", ITEM_PUBKEY, CKK_EC },
                { "tls", "\x01", ITEM_KEY, CKK_EC },
                { "tls", "\x01", ITEM_CERT, CKK_EC },
        };
        struct item_list *l;
        struct store *s;

        (void)state;
        assert_int_equal(store_open(source_path("tests/vectors/store"), &s), 0);
        assert_int_equal(store_items(s, AGENT, &l), 0);
        assert_int_equal(l->n, ARRAY_LEN(want));
        for (size_t i = 0; i < l->n; i++) {
                const struct item_body *b;
                struct bytes v;

                assert_int_equal(l->list[i]->type, want[i].type);
                assert_true(item_label_is(l->list[i], BYTES_STR(want[i].label)));
                assert_true(item_id_is(l->list[i], BYTES_STR(want[i].id)));
                assert_int_equal(item_load(l->list[i], &b), 0);
                assert_int_equal(item_label(l->list[i], &v), 0);
                assert_true(bytes_equal(v, BYTES_STR(want[i].label)));
                assert_int_equal(item_id(l->list[i], &v), 0);
                assert_true(bytes_equal(v, BYTES_STR(want[i].id)));
                assert_int_equal(b->pub.ckk, want[i].ckk);
        }
        item_list_unref(l);
        store_close(s);
}

static struct item *only_item(struct storefixture *f)
{
        struct item_list *l;
        struct item *i;

        assert_int_equal(store_items(f->store, AGENT, &l), 0);
        assert_int_equal(l->n, 1);
        i = item_ref(l->list[0]);
        item_list_unref(l);
        return i;
}

static void long_values_are_told_apart(void **state)
{
        struct storefixture *f = *state;
        struct item *i;
        struct bytes v;
        char label[200], id[100];

        memset(label, 'l', sizeof(label));
        memset(id, 'i', sizeof(id));
        label[199] = id[99] = '\0';
        item_unref(add_item(f, data_spec(label, id, "x")));
        i = only_item(f);
        assert_int_equal(i->label.len, 0);
        assert_false(item_label_is(i, BYTES(label, 198)));
        assert_false(item_id_is(i, BYTES(id, 98)));
        assert_false(item_id_is(i, BYTES("", 0)));
        assert_null(i->body);
        assert_true(item_label_is(i, BYTES_STR(label)));
        assert_non_null(i->body);
        assert_true(item_id_is(i, BYTES_STR(id)));
        assert_int_equal(item_label(i, &v), 0);
        assert_true(bytes_equal(v, BYTES_STR(label)));
        assert_int_equal(item_id(i, &v), 0);
        assert_true(bytes_equal(v, BYTES_STR(id)));
        item_unref(i);
}

static void put_file(struct storefixture *f, const char *name, const char *text)
{
        CLEANUP(buf_clear) struct buf path = { 0 };

        assert_int_equal(buf_printf(&path, "agents/" AGENT "/%s", name), 0);
        assert_int_equal(file_write(store_dirfd(f->store), buf_str(&path), BYTES_STR(text), 0600, true), 0);
}

static int load_file(struct storefixture *f, const char *name, const char *text)
{
        const struct item_body *b;
        struct item *i;
        int r;

        put_file(f, name, text);
        assert_int_equal(item_new(f->store, AGENT, name, 0, &i), 0);
        r = item_load(i, &b);
        item_unref(i);
        return r;
}

static void name_and_content_must_agree(void **state)
{
        static const char name[] = "a.01.0123456789abcdef.1.dat.pem";
        static const char long_name[] = "%%0123456789abcdef.01.0123456789abcdef.1.dat.pem";
        struct storefixture *f = *state;

        assert_int_equal(load_file(f, name, DATA), 0);
        assert_int_equal(load_file(f, name, "label: a\nid: 01\nuid: 0123456789abcdef\n" DATA), 0);
        assert_int_equal(load_file(f, name, "label: b\n" DATA), ERR_FORMAT);
        assert_int_equal(load_file(f, name, "id: 02\n" DATA), ERR_FORMAT);
        assert_int_equal(load_file(f, name, "uid: 0123456789abcdee\n" DATA), ERR_FORMAT);
        assert_int_equal(load_file(f, long_name, DATA), ERR_FORMAT);
        assert_int_equal(load_file(f, long_name, "label: x\n" DATA), ERR_FORMAT);
        assert_int_equal(load_file(f, "a.01.0123456789abcdef.1.key.pem", DATA), ERR_FORMAT);
        assert_int_equal(load_file(f, name, "rubbish"), ERR_FORMAT);
        assert_non_null(strstr(err_text(), name));
        assert_non_null(strstr(err_text(), AGENT));
}

static void no_link_no_fifo(void **state)
{
        struct storefixture *f = *state;
        const struct item_body *b;
        struct item *i;

        put_file(f, "target", DATA);
        assert_int_equal(symlinkat("target", store_dirfd(f->store), "agents/" AGENT "/a.01.0123456789abcdef.1.dat.pem"), 0);
        assert_int_equal(item_new(f->store, AGENT, "a.01.0123456789abcdef.1.dat.pem", 0, &i), 0);
        assert_int_equal(item_load(i, &b), ERR_FORMAT);
        item_unref(i);
}

static void removed_meanwhile_is_stale(void **state)
{
        struct storefixture *f = *state;
        struct item *i;
        const struct item_body *b;

        item_unref(add_item(f, data_spec("a", "1", "x")));
        i = only_item(f);
        assert_int_equal(store_item_remove(f->store, AGENT, i), 0);
        assert_int_equal(item_load(i, &b), ERR_STALE);
        item_unref(i);
}

static void an_item_outlives_its_store(void **state)
{
        struct storefixture *f = *state;
        const struct item_body *b;
        struct item *i;

        item_unref(add_item(f, key_spec(f, "a", "1")));
        i = only_item(f);
        store_close(f->store);
        f->store = NULL;
        assert_int_equal(item_load(i, &b), 0);
        assert_int_equal(b->pub.ckk, CKK_EC);
        item_unref(i);
}

static void *load_in_thread(void *arg)
{
        const struct item_body *b = NULL;

        return item_load(arg, &b) == 0 ? (void *)b : NULL;
}

static void threads_load_one_body(void **state)
{
        struct storefixture *f = *state;
        pthread_t thread[8];
        void *body[8];
        struct item *i;

        item_unref(add_item(f, key_spec(f, "a", "1")));
        i = only_item(f);
        for (size_t n = 0; n < ARRAY_LEN(thread); n++)
                assert_int_equal(pthread_create(&thread[n], NULL, load_in_thread, i), 0);
        for (size_t n = 0; n < ARRAY_LEN(thread); n++)
                assert_int_equal(pthread_join(thread[n], &body[n]), 0);
        for (size_t n = 0; n < ARRAY_LEN(thread); n++)
                assert_ptr_equal(body[n], i->body);
        item_unref(i);
}

int main(void)
{
#define IN_STORE(f) cmocka_unit_test_setup_teardown(f, storefixture_setup, storefixture_teardown)
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_the_vectors),
                IN_STORE(long_values_are_told_apart),
                IN_STORE(name_and_content_must_agree),
                IN_STORE(no_link_no_fifo),
                IN_STORE(removed_meanwhile_is_stale),
                IN_STORE(an_item_outlives_its_store),
                IN_STORE(threads_load_one_body),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
