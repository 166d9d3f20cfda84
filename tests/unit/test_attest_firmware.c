/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "attest/firmware.h"
#include "lib/err.h"

static const char list[] =
        "# Firmware that makes weak keys.\n"
        "\n"
        "IFX  0x0004002100000000 0x00040022ffffffff   RSA keys of CVE-2017-15361\r\n"
        "\tINTC\t0\t281474976710655\n"
        "*    0xdead 0xdead\n"
        "ST * 5\n"
        "AMD 7 *";

static int parse(const char *text, struct firmware_list *ret)
{
        return firmware_list_parse(BYTES_STR(text), ret);
}

static void reads_rows_and_comments(void **state)
{
        CLEANUP(firmware_list_clear) struct firmware_list l = { 0 };

        (void)state;
        assert_int_equal(parse(list, &l), 0);
        assert_int_equal(l.n, 5);
        assert_int_equal(l.denied[0].manufacturer, 0x49465800);
        assert_true(l.denied[0].first == 0x0004002100000000 && l.denied[0].last == 0x00040022ffffffff);
        assert_string_equal(l.comments[0], "RSA keys of CVE-2017-15361");
        assert_int_equal(l.denied[1].manufacturer, 0x494e5443);
        assert_true(l.denied[1].first == 0 && l.denied[1].last == 0xffffffffffff);
        assert_string_equal(l.comments[1], "");
        assert_int_equal(l.denied[2].manufacturer, 0);
        assert_true(l.denied[3].first == 0 && l.denied[3].last == 5);
        assert_true(l.denied[4].first == 7 && l.denied[4].last == UINT64_MAX);
        /* What is read anew takes the place of what was. */
        assert_int_equal(parse("# none\n", &l), 0);
        assert_int_equal(l.n, 0);
        assert_null(firmware_find(l.denied, l.n, 0, 0));
}

static const struct hf_firmware *find(const struct firmware_list *l, uint32_t manufacturer, uint64_t version)
{
        return firmware_find(l->denied, l->n, manufacturer, version);
}

static void finds_the_row_that_refuses(void **state)
{
        CLEANUP(firmware_list_clear) struct firmware_list l = { 0 };

        (void)state;
        assert_int_equal(parse(list, &l), 0);
        assert_ptr_equal(find(&l, 0x49465800, 0x0004002100000000), &l.denied[0]);
        assert_ptr_equal(find(&l, 0x49465800, 0x00040022ffffffff), &l.denied[0]);
        assert_null(find(&l, 0x49465800, 0x00040020ffffffff));
        assert_null(find(&l, 0x49465800, 0x0004002300000000));
        /* Filled up with a blank. */
        assert_ptr_equal(find(&l, 0x49465820, 0x0004002100000000), &l.denied[0]);
        assert_ptr_equal(find(&l, 0x53542020, 5), &l.denied[3]);
        /* Another maker's, and one of whom nothing is known. */
        assert_null(find(&l, 0x4e544300, 0x0004002100000000));
        assert_ptr_equal(find(&l, 0x4e544300, 0xdead), &l.denied[2]);
        assert_ptr_equal(find(&l, 0, 0x0004002100000000), &l.denied[0]);
}

static void refuses_what_is_no_list_and_names_the_line(void **state)
{
        static const char *const bad[] = {
                "\n# x\nIFX", "\n\nIFX 1", "\n\nIFXXX 1 2", "\n\nIFX 2 1", "\n\nIFX 0x 0x", "\n\nIFX 1x 2", "\n\nIFX -1 2", "\n\nIFX 0X1 2",
                "\n\nIFX 18446744073709551616 *", "\n\nIFX 0x10000000000000000 *", "\n\n\xc3\xa4 1 2", "\n\nIFX 1 2 a\x01 b", "\n\nIFX 1 2 \xff",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                CLEANUP(firmware_list_clear) struct firmware_list l = { 0 };

                assert_int_equal(parse("AMD 1 2 kept", &l), 0);
                err_reset();
                if (parse(bad[i], &l) != ERR_FORMAT)
                        fail_msg("accepted: %s", bad[i]);
                assert_non_null(strstr(err_text(), "line 3 "));
                assert_int_equal(l.n, 1);
        }
}

static void has_bounds(void **state)
{
        CLEANUP(firmware_list_clear) struct firmware_list l = { 0 };
        CLEANUP(buf_clear) struct buf many = { 0 };

        (void)state;
        for (unsigned i = 0; i < FIRMWARE_MAX; i++)
                assert_int_equal(buf_append_str(&many, "AMD 1 2\n"), 0);
        assert_int_equal(firmware_list_parse(BYTES_OF(&many), &l), 0);
        assert_int_equal(l.n, FIRMWARE_MAX);
        assert_int_equal(buf_append_str(&many, "AMD 1 2\n"), 0);
        assert_int_equal(firmware_list_parse(BYTES_OF(&many), &l), ERR_FORMAT);
        assert_int_equal(buf_reserve(&many, FIRMWARE_LIST_MAX + 1), 0);
        memset(many.ptr, '\n', FIRMWARE_LIST_MAX + 1);
        many.len = FIRMWARE_LIST_MAX + 1;
        assert_int_equal(firmware_list_parse(BYTES_OF(&many), &l), ERR_FORMAT);
        many.len--;
        assert_int_equal(firmware_list_parse(BYTES_OF(&many), &l), 0);
}

static void writes_and_reads_manufacturers(void **state)
{
        static const struct {
                const char *text;
                uint32_t id;
        } both[] = { { "INTC", 0x494e5443 }, { "IBM", 0x49424d00 }, { "X", 0x58000000 } };
        char text[5];
        uint32_t id;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(both); i++) {
                assert_int_equal(manufacturer_parse(BYTES_STR(both[i].text), &id), 0);
                assert_int_equal(id, both[i].id);
                manufacturer_text(both[i].id, text);
                assert_string_equal(text, both[i].text);
        }
        manufacturer_text(0x49465820, text);
        assert_string_equal(text, "IFX");
        manufacturer_text(0x41ff0142, text);
        assert_string_equal(text, "A??B");
        manufacturer_text(0, text);
        assert_string_equal(text, "");
        assert_int_equal(manufacturer_parse(BYTES_STR(""), &id), ERR_FORMAT);
        assert_int_equal(manufacturer_parse(BYTES_STR("A B"), &id), ERR_FORMAT);
        assert_int_equal(manufacturer_parse(BYTES_STR("ABCDE"), &id), ERR_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reads_rows_and_comments),
                cmocka_unit_test(finds_the_row_that_refuses),
                cmocka_unit_test(refuses_what_is_no_list_and_names_the_line),
                cmocka_unit_test(has_bounds),
                cmocka_unit_test(writes_and_reads_manufacturers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
