/* SPDX-License-Identifier: BSD-2-Clause */
/* Verifier keys as other programs write them, and nothing like them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "audit/vkey.h"
#include "lib/err.h"

/* Of Go's checksum database, and of an example in the documentation of Go's package for signed notes. */
static const char *const others[] = {
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
};

static void keys_of_other_programs(void **state)
{
        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(others); i++) {
                CLEANUP(buf_clear) struct buf again = { 0 };
                uint8_t key[VKEY_SIZE];
                struct bytes name;

                assert_int_equal(vkey_parse(BYTES_STR(others[i]), &name, key), 0);
                assert_int_equal(name.len, strcspn(others[i], "+"));
                assert_int_equal(vkey_format(name, key, &again), 0);
                assert_true(bytes_equal(BYTES_OF(&again), BYTES_STR(others[i])));
        }
}

/* Each character of it counts. */
static void any_change_is_noticed(void **state)
{
        const char *good = others[1];
        char bad[128];
        uint8_t key[VKEY_SIZE];
        struct bytes name;

        (void)state;
        for (size_t i = 0; i < strlen(good); i++) {
                snprintf(bad, sizeof(bad), "%s", good);
                bad[i] = bad[i] == 'B' ? 'C' : 'B';
                assert_int_equal(vkey_parse(BYTES_STR(bad), &name, key), ERR_FORMAT);
                assert_int_equal(vkey_parse(BYTES(good, i), &name, key), ERR_FORMAT);
        }
        snprintf(bad, sizeof(bad), "%s\n", good);
        assert_int_equal(vkey_parse(BYTES_STR(bad), &name, key), ERR_FORMAT);
        assert_int_equal(vkey_parse(BYTES_STR("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"), &name, key), ERR_FORMAT);
        assert_int_equal(vkey_parse(BYTES_STR("+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"), &name, key), ERR_FORMAT);
}

static void a_line_is_of_one_name_and_key(void **state)
{
        static const uint8_t signature[VKEY_SIGNATURE_SIZE] = { 7, [63] = 9 };
        CLEANUP(buf_clear) struct buf line = { 0 };
        uint8_t key[VKEY_SIZE] = { 1 };
        struct bytes found;

        (void)state;
        assert_int_equal(vkey_line(BYTES_STR("holdfast/a/1"), key, signature, &line), 0);
        assert_int_equal(line.len, VKEY_ID_SIZE + VKEY_SIGNATURE_SIZE);
        assert_int_equal(vkey_line_signature(BYTES_OF(&line), BYTES_STR("holdfast/a/1"), key, &found), 0);
        assert_true(bytes_equal(found, BYTES(signature, sizeof(signature))));
        assert_int_equal(vkey_line_signature(BYTES_OF(&line), BYTES_STR("holdfast/a/2"), key, &found), ERR_AUTH);
        assert_int_equal(vkey_line_signature(BYTES(line.ptr, line.len - 1), BYTES_STR("holdfast/a/1"), key, &found), ERR_AUTH);
        assert_int_equal(vkey_line_signature((struct bytes){ 0 }, BYTES_STR("holdfast/a/1"), key, &found), ERR_AUTH);
        key[31] ^= 1;
        assert_int_equal(vkey_line_signature(BYTES_OF(&line), BYTES_STR("holdfast/a/1"), key, &found), ERR_AUTH);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keys_of_other_programs),
                cmocka_unit_test(any_change_is_noticed),
                cmocka_unit_test(a_line_is_of_one_name_and_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
