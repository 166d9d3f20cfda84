/* SPDX-License-Identifier: BSD-2-Clause */
/* Label and ID in the name of a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "keys/item_name.h"
#include "lib/err.h"

#define UID "0123456789abcdef"

static void format(struct bytes label, struct bytes id, struct buf *ret)
{
        assert_int_equal(item_name_format(ITEM_KEY, label, id, UID, 1, ret), 0);
        assert_true(ret->len < 200);
        assert_non_null(buf_str(ret));
}

static void assert_name(const char *label, struct bytes id, const char *want)
{
        CLEANUP(buf_clear) struct buf name = { 0 };

        format(BYTES_STR(label), id, &name);
        assert_string_equal(buf_str(&name), want);
}

static void looks_like_what_it_is(void **state)
{
        (void)state;
        assert_name("tls", BYTES("\x01\xab", 2), "tls.01ab." UID ".1.key.pem");
        assert_name("My key/1.2", BYTES("", 0), "My%20key%2F1%2E2.." UID ".1.key.pem");
        assert_name("", BYTES("", 0), "%.." UID ".1.key.pem");
        assert_name("%", BYTES("", 0), "%25.." UID ".1.key.pem");
        assert_name("\xc3\xa4-_", BYTES("", 0), "%C3%A4-_.." UID ".1.key.pem");
}

static void every_label_comes_back(void **state)
{
        uint8_t label[300], id[300];

        (void)state;
        for (size_t i = 0; i < sizeof(label); i++) {
                label[i] = (uint8_t)(i * 7);
                id[i] = (uint8_t)(i * 11);
        }
        for (size_t n = 0; n <= sizeof(label); n++) {
                CLEANUP(item_name_clear) struct item_name back = { 0 };
                CLEANUP(buf_clear) struct buf name = { 0 };

                format(BYTES(label, n), BYTES(id, n), &name);
                assert_int_equal(item_name_parse(buf_str(&name), &back), 0);
                assert_string_equal(back.uid, UID);
                assert_int_equal(back.id.hashed, n > 32);
                assert_true(item_name_part_fits(&back.label, BYTES(label, n)));
                assert_true(item_name_part_fits(&back.id, BYTES(id, n)));
                if (n > 0)
                        assert_false(item_name_part_fits(&back.label, BYTES(label, n - 1)));
                assert_false(item_name_part_fits(&back.id, BYTES("x", 1)));
        }
}

static void long_labels_become_a_digest(void **state)
{
        CLEANUP(buf_clear) struct buf name = { 0 };
        char label[81];

        (void)state;
        memset(label, 'a', sizeof(label));
        format(BYTES(label, 80), BYTES("", 0), &name);
        assert_int_equal(name.len, 80 + strlen(".." UID ".1.key.pem"));
        format(BYTES(label, 81), BYTES("", 0), &name);
        /* The first 8 octets of SHA-256 of 81 times "a". */
        assert_string_equal(buf_str(&name), "%%8c48280d57fb88f1.." UID ".1.key.pem");
}

static void types_and_generations(void **state)
{
        static const char *const names[] = {
                "a.." UID ".1.key.pem", "a.." UID ".2.crt.pem", "a.." UID ".30.pub.pem", "a.." UID ".999999999.dat.pem",
        };
        static const uint32_t generations[] = { 1, 2, 30, 999999999 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                CLEANUP(item_name_clear) struct item_name n = { 0 };
                CLEANUP(buf_clear) struct buf again = { 0 };

                assert_int_equal(item_name_parse(names[i], &n), 0);
                assert_int_equal(n.type, (enum item_type)i);
                assert_int_equal(n.generation, generations[i]);
                assert_int_equal(item_name_format(n.type, BYTES_OF(&n.label.value), BYTES_OF(&n.id.value), n.uid, n.generation, &again), 0);
                assert_string_equal(buf_str(&again), names[i]);
        }
}

static void strangers_are_passed_over(void **state)
{
        static const char *const bad[] = {
                "", ".", "..", "agent", ".tmp-0123456789abcdef-1", "a.pem", "key.pem",
                ".." UID ".1.key.pem",                  /* an empty label is "%" */
                "a..0123456789abcde.1.key.pem", "a..0123456789abcdef0.1.key.pem", "a..0123456789abcdeF.1.key.pem",
                "a.." UID ".0.key.pem", "a.." UID ".01.key.pem", "a.." UID "..key.pem", "a.." UID ".-1.key.pem", "a.." UID ".1000000000.key.pem",
                "a.." UID ".1.key.pem~", "a.." UID ".1.key.pem.", "a.." UID ".1.key.pe", "a.." UID ".1.KEY.pem", "a.." UID ".1.xyz.pem",
                "a.0." UID ".1.key.pem", "a.0A." UID ".1.key.pem", "a.0g." UID ".1.key.pem",
                "a b.." UID ".1.key.pem", "a%.." UID ".1.key.pem", "%2.." UID ".1.key.pem", "%2f.." UID ".1.key.pem", "%41.." UID ".1.key.pem",
                "\xc3\xa4.." UID ".1.key.pem",
                "%%0123.." UID ".1.key.pem", "%%0123456789abcdeF.." UID ".1.key.pem", "%%.." UID ".1.key.pem", "a.%%0123." UID ".1.key.pem",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.." UID ".1.key.pem",
                "a.000000000000000000000000000000000000000000000000000000000000000000." UID ".1.key.pem",
        };
        struct item_name n = { 0 };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                assert_int_equal(item_name_parse(bad[i], &n), ERR_FORMAT);
        assert_null(n.label.value.ptr);
}

static void generations_end(void **state)
{
        CLEANUP(buf_clear) struct buf name = { 0 };

        (void)state;
        assert_int_equal(item_name_format(ITEM_KEY, BYTES("a", 1), BYTES("", 0), UID, 0, &name), ERR_RANGE);
        assert_int_equal(item_name_format(ITEM_KEY, BYTES("a", 1), BYTES("", 0), UID, 1000000000, &name), ERR_RANGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(looks_like_what_it_is),
                cmocka_unit_test(every_label_comes_back),
                cmocka_unit_test(long_labels_become_a_digest),
                cmocka_unit_test(types_and_generations),
                cmocka_unit_test(strangers_are_passed_over),
                cmocka_unit_test(generations_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
