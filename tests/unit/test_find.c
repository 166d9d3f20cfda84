/* SPDX-License-Identifier: BSD-2-Clause */
/* Which key do these names mean? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "keys/find.h"
#include "lib/err.h"
#include "tests/storefixture.h"

#define NONE ((struct bytes){ 0 })

static int find(struct storefixture *f, const char *label, const char *id, struct item *want)
{
        struct item *got = NULL;
        int r = find_key(f->store, AGENT, BYTES_STR(label), BYTES_STR(id), &got);

        if (r == 0 && strcmp(got->uid, want->uid) != 0)
                r = 1;
        item_unref(got);
        return r;
}

static void the_only_one_needs_no_name(void **state)
{
        struct storefixture *f = *state;
        struct item *a;

        assert_int_equal(find(f, "", "", NULL), ERR_NOENT);
        a = add_item(f, key_spec(f, "tls", "1"));
        item_unref(add_item(f, data_spec("default", "2", "x")));
        assert_int_equal(find(f, "", "", a), 0);
        assert_int_equal(find(f, "tls", "", a), 0);
        assert_int_equal(find(f, "", "1", a), 0);
        assert_int_equal(find(f, "tls", "2", a), ERR_NOENT);
        assert_int_equal(find(f, "default", "", a), ERR_NOENT);
        item_unref(a);
}

static void default_is_meant_among_several(void **state)
{
        struct storefixture *f = *state;
        struct item *a = add_item(f, key_spec(f, "tls", "1")), *b = add_item(f, key_spec(f, "ssh", "2")), *c;

        assert_int_equal(find(f, "", "", a), ERR_INVAL);
        c = add_item(f, key_spec(f, "default", "3"));
        assert_int_equal(find(f, "", "", c), 0);
        item_unref(a);
        item_unref(b);
        item_unref(c);
}

static void keys_of_one_label_are_told_apart_by_id(void **state)
{
        struct storefixture *f = *state;
        struct item *a = add_item(f, key_spec(f, "tls", "1")), *b = add_item(f, key_spec(f, "tls", "2"));
        struct item_list *l = NULL;

        assert_int_equal(find(f, "tls", "", a), ERR_INVAL);
        assert_int_equal(find(f, "tls", "1", a), 0);
        assert_int_equal(find(f, "tls", "2", b), 0);
        assert_int_equal(store_items(f->store, AGENT, &l), 0);
        assert_int_equal(find_count(l, BYTES_STR("tls")), 2);
        assert_int_equal(find_count(l, BYTES_STR("ssh")), 0);
        assert_int_equal(find_count(l, NONE), 0);
        item_list_unref(l);
        item_unref(a);
        item_unref(b);
}

static void what_stands_beside_a_key_has_its_id(void **state)
{
        struct storefixture *f = *state;
        struct item *key = add_item(f, key_spec(f, "tls", "1")), *one = add_item(f, data_spec("a", "1", "x"));
        struct item *other = add_item(f, data_spec("b", "2", "y")), *two = add_item(f, data_spec("c", "1", "z"));
        struct item_list *l = NULL;
        size_t at = 0, n = 0;

        assert_int_equal(store_items(f->store, AGENT, &l), 0);
        for (struct item *i; (i = find_beside(l, key, ITEM_DATA, &at)) != NULL; n++)
                assert_string_not_equal(i->uid, other->uid);
        assert_int_equal(n, 2);
        at = 0;
        assert_null(find_beside(l, key, ITEM_CERT, &at));
        item_list_unref(l);
        item_unref(key);
        item_unref(one);
        item_unref(other);
        item_unref(two);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, storefixture_setup, storefixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_only_one_needs_no_name), TEST(default_is_meant_among_several), TEST(keys_of_one_label_are_told_apart_by_id),
                TEST(what_stands_beside_a_key_has_its_id),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
