/* SPDX-License-Identifier: BSD-2-Clause */
/* The handle table against a plain array, over many additions and removals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "pkcs11/table.h"

#define KEYS 512

static void behaves_like_an_array(void **state)
{
        static int values[KEYS];
        void *model[KEYS] = { 0 };
        struct table t = { 0 };
        uint32_t seed = 1;
        size_t n = 0;

        (void)state;
        for (int step = 0; step < 100000; step++) {
                uint64_t key;

                seed = seed * 1664525u + 1013904223u;
                key = (seed >> 8) % KEYS;
                if ((seed >> 30) == 0) {
                        table_remove(&t, key * 0x9e3779b9u);
                        model[key] = NULL;
                } else {
                        model[key] = &values[(seed >> 4) % KEYS];
                        assert_int_equal(table_put(&t, key * 0x9e3779b9u, model[key]), 0);
                }
                key = (seed >> 17) % KEYS;
                assert_ptr_equal(table_get(&t, key * 0x9e3779b9u), model[key]);
        }
        for (size_t i = 0; i < KEYS; i++) {
                assert_ptr_equal(table_get(&t, i * 0x9e3779b9u), model[i]);
                n += model[i] != NULL;
        }
        assert_int_equal(t.n, n);
        table_clear(&t);
}

static void iteration_meets_each_once(void **state)
{
        int values[100] = { 0 }, *v;
        struct table t = { 0 };
        size_t pos = 0, n = 0;

        (void)state;
        for (uint64_t i = 0; i < 100; i++)
                assert_int_equal(table_put(&t, i, &values[i]), 0);
        while ((v = table_next(&t, &pos)) != NULL) {
                assert_int_equal((*v)++, 0);
                n++;
        }
        assert_int_equal(n, 100);
        table_clear(&t);
}

static void an_empty_one_has_nothing(void **state)
{
        struct table t = { 0 };
        size_t pos = 0;

        (void)state;
        assert_null(table_get(&t, 0));
        table_remove(&t, 7);
        assert_null(table_next(&t, &pos));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(behaves_like_an_array),
                cmocka_unit_test(iteration_meets_each_once),
                cmocka_unit_test(an_empty_one_has_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
