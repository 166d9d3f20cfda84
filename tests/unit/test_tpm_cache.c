/* SPDX-License-Identifier: BSD-2-Clause */
/* The table keeps order, and survives its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tpm/cache.h"

#define OBJECT(i) (0x80000000u + (uint32_t)(i))
#define SESSION(i) (0x02000000u + (uint32_t)(i))

static uint8_t names[CACHE_MAX + 1][34];

static struct bytes name(size_t i)
{
        memset(names[i], 0x40 + (int)i, sizeof(names[i]));
        return BYTES(names[i], sizeof(names[i]));
}

static void oldest_is_the_least_recently_used(void **state)
{
        struct cache c = { 0 };

        (void)state;
        assert_null(cache_oldest(&c, LOADED_OBJECT));
        for (size_t i = 0; i < 3; i++)
                cache_add(&c, OBJECT(i), name(i), 1, 100);
        assert_int_equal(cache_oldest(&c, LOADED_OBJECT)->handle, OBJECT(0));
        cache_touch(&c, OBJECT(0), 1, 100);
        assert_int_equal(cache_oldest(&c, LOADED_OBJECT)->handle, OBJECT(1));
        cache_drop(&c, OBJECT(1));
        assert_int_equal(cache_oldest(&c, LOADED_OBJECT)->handle, OBJECT(2));
        assert_int_equal(cache_count(&c, LOADED_OBJECT), 2);
        assert_null(cache_find(&c, name(1)));
        assert_int_equal(cache_find(&c, name(2))->handle, OBJECT(2));
}

static void sessions_and_keys_do_not_mix(void **state)
{
        struct cache c = { 0 };

        (void)state;
        cache_add(&c, SESSION(0), BYTES(NULL, 0), 1, 100);
        cache_add(&c, OBJECT(0), name(0), 1, 100);
        assert_int_equal(cache_oldest(&c, LOADED_SESSION)->handle, SESSION(0));
        assert_int_equal(cache_oldest(&c, LOADED_OBJECT)->handle, OBJECT(0));
        /* A session's empty tag is no key's name. */
        assert_null(cache_find(&c, BYTES(NULL, 0)));
        assert_int_equal(cache_count(&c, LOADED_SESSION), 1);
}

static void using_one_key_again_and_again_changes_nothing(void **state)
{
        struct cache c = { 0 };

        (void)state;
        cache_add(&c, OBJECT(0), name(0), 1, 100);
        cache_add(&c, SESSION(0), BYTES(NULL, 0), 1, 100);
        c.dirty = false;
        for (int i = 0; i < 3; i++) {
                cache_touch(&c, OBJECT(0), 1, 100);
                cache_touch(&c, SESSION(0), 1, 100);
        }
        assert_false(c.dirty);
        cache_touch(&c, OBJECT(0), 2, 101);
        assert_true(c.dirty);
        assert_int_equal(cache_find(&c, name(0))->owner, 2);
        assert_int_equal(cache_find(&c, name(0))->pid, 101);
}

static void a_handle_is_there_once(void **state)
{
        struct cache c = { 0 };

        (void)state;
        cache_add(&c, OBJECT(0), name(0), 1, 100);
        cache_add(&c, OBJECT(0), name(1), 1, 100);
        assert_int_equal(c.n, 1);
        assert_null(cache_find(&c, name(0)));
        assert_non_null(cache_find(&c, name(1)));
}

static void a_full_table_is_unsure(void **state)
{
        struct cache c = { 0 };

        (void)state;
        for (size_t i = 0; i < CACHE_MAX; i++)
                cache_add(&c, OBJECT(i), name(i), 1, 100);
        assert_false(c.unsure);
        cache_add(&c, OBJECT(CACHE_MAX), name(CACHE_MAX), 1, 100);
        assert_int_equal(c.n, CACHE_MAX);
        assert_true(c.unsure);
}

static void text_and_back(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct cache c = { 0 }, d;

        (void)state;
        for (size_t i = 0; i < CACHE_MAX; i++) {
                cache_add(&c, i % 3 ? OBJECT(i) : SESSION(i), name(i), UINT64_MAX - i, 100 + (pid_t)i);
                cache_set_unsure(&c, i % 2 == 0);
                assert_int_equal(cache_format(&c, &text), 0);
                assert_int_equal(cache_parse(BYTES_OF(&text), &d), 0);
                assert_int_equal(d.n, c.n);
                assert_int_equal(d.unsure, c.unsure);
                for (size_t k = 0; k < c.n; k++) {
                        assert_int_equal(d.list[k].handle, c.list[k].handle);
                        assert_int_equal(d.list[k].owner, c.list[k].owner);
                        assert_int_equal(d.list[k].pid, c.list[k].pid);
                        assert_memory_equal(d.list[k].tag, c.list[k].tag, CACHE_TAG);
                }
        }
}

static void damaged_text_is_unsure(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct cache c = { 0 }, d;
        unsigned good = 0;

        (void)state;
        cache_add(&c, OBJECT(0), name(0), 7, 100);
        cache_add(&c, SESSION(0), BYTES(NULL, 0), 7, 100);
        assert_int_equal(cache_format(&c, &text), 0);
        for (size_t len = 0; len < text.len; len++) {
                if (cache_parse(BYTES(text.ptr, len), &d) == 0) {
                        good++;         /* whole lines */
                } else {
                        assert_true(d.unsure);
                        assert_int_equal(d.n, 0);
                }
        }
        assert_int_equal(good, 2);

        for (size_t i = 0; i < text.len; i++) {
                uint8_t was = text.ptr[i];

                text.ptr[i] = 'X';
                assert_int_equal(cache_parse(BYTES_OF(&text), &d), ERR_FORMAT);
                assert_true(d.unsure);
                text.ptr[i] = was;
        }
        /* The same handle twice. */
        assert_int_equal(buf_reserve(&text, 2 * text.len), 0);
        assert_int_equal(buf_append(&text, text.ptr + 22, text.len - 22), 0);
        assert_int_equal(cache_parse(BYTES_OF(&text), &d), ERR_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(oldest_is_the_least_recently_used),
                cmocka_unit_test(sessions_and_keys_do_not_mix),
                cmocka_unit_test(using_one_key_again_and_again_changes_nothing),
                cmocka_unit_test(a_handle_is_there_once),
                cmocka_unit_test(a_full_table_is_unsure),
                cmocka_unit_test(text_and_back),
                cmocka_unit_test(damaged_text_is_unsure),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
