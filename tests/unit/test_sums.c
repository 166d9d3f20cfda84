/* SPDX-License-Identifier: BSD-2-Clause */
/* What was written down is read again; what was not written by us is not taken. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "keys/sums.h"
#include "lib/err.h"
#include "lib/file.h"
#include "tests/tempdir.h"

/* Hashes by their first digit. */
#define H(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define HEAD "holdfast sums 1\n"

static const uint8_t key_octets[SUM_SIZE] = { 1, 2, 3 };
static struct bytes key;
static const uint8_t zeros[SUM_SIZE];
static struct sums s;

static int start(void **state)
{
        (void)state;
        key = BYTES(key_octets, SUM_SIZE);
        return 0;
}

static int stop(void **state)
{
        (void)state;
        sums_clear(&s);
        return 0;
}

/* Puts a block behind the text. */
static void put(struct buf *text, uint8_t chain[SUM_SIZE], uint64_t counter, const char *lines)
{
        CLEANUP(buf_clear) struct buf block = { 0 };

        assert_int_equal(buf_append_str(&block, lines), 0);
        assert_int_equal(sums_seal(key, chain, counter, &block, chain), 0);
        assert_int_equal(buf_append(text, block.ptr, block.len), 0);
}

static enum sums_end load(const struct buf *text)
{
        enum sums_end end = SUMS_EDITED;

        sums_clear(&s);
        assert_int_equal(sums_load(BYTES_OF(text), key, &s, &end), 0);
        return end;
}

static const struct sum *file(const char *subject, const char *name)
{
        struct subject *found;

        assert_int_equal(sums_subject(&s, subject, &found), 0);
        return sum_list_find(&found->files, name);
}

static void three_blocks(struct buf *text)
{
        uint8_t chain[SUM_SIZE] = { 0 };

        put(text, chain, 7, HEAD "= " H("1") " store\n= " H("2") " a b/agent\n= " H("3") " a b/x.key.pem\n");
        put(text, chain, 7, "begin 5\n= " H("4") " a b/agent\n- a b/x.key.pem\nbegin 6\n= " H("5") " c/agent\n");
        put(text, chain, 8, "done 5\nundone 6\nbegin 9\n- store\n");
}

static void changes_come_one_after_the_other(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        (void)state;
        three_blocks(&text);
        assert_int_equal(load(&text), SUMS_WHOLE);
        assert_int_equal(s.counter, 8);
        assert_int_equal(s.number, 9);
        assert_int_equal(file("a b", "agent")->hash[0], 0x44);
        assert_null(file("a b", "x.key.pem"));
        assert_null(file("c", "agent"));
        assert_int_equal(file("", "store")->hash[31], 0x11);
        assert_non_null(s.changes);
        assert_null(s.changes->next);
        assert_int_equal(s.changes->state, CHANGE_TOLD);
        assert_string_equal(s.changes->subject->name, "");
        assert_true(s.changes->edits.list[0].gone);
}

static void written_anew_it_is_the_same(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf image = { 0 };
        CLEANUP(buf_clear) struct buf again = { 0 };
        uint8_t chain[SUM_SIZE];

        (void)state;
        three_blocks(&text);
        load(&text);
        assert_int_equal(sums_image(&s, &image), 0);
        assert_int_equal(sums_seal(key, zeros, s.counter, &image, chain), 0);
        assert_int_equal(load(&image), SUMS_WHOLE);
        assert_memory_equal(s.chain, chain, SUM_SIZE);
        assert_int_equal(s.counter, 8);
        assert_int_equal(s.changes->number, 9);
        assert_int_equal(file("a b", "agent")->hash[0], 0x44);
        assert_int_equal(sums_image(&s, &again), 0);
        assert_int_equal(sums_seal(key, zeros, s.counter, &again, chain), 0);
        assert_true(bytes_equal(BYTES_OF(&again), BYTES_OF(&image)));
}

/* Cut anywhere it ends with a block that was written, and says that it is cut. */
static void a_cut_shows_where_it_is_not_between_blocks(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        size_t len, whole = 0;

        (void)state;
        three_blocks(&text);
        len = text.len;
        for (text.len = 0; text.len < len; text.len++) {
                enum sums_end end = load(&text);

                assert_true(end == SUMS_WHOLE || end == SUMS_TORN || end == SUMS_EDITED);
                assert_true(end != SUMS_EDITED || s.counter == 0);
                whole += end == SUMS_WHOLE;
        }
        assert_int_equal(whole, 2);
}

static void no_octet_can_be_another(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        (void)state;
        three_blocks(&text);
        for (size_t i = 0; i < text.len; i++) {
                enum sums_end end;

                text.ptr[i] ^= 1;
                end = load(&text);
                assert_true(end == SUMS_EDITED || end == SUMS_BAD_END || end == SUMS_TORN);
                text.ptr[i] ^= 1;
        }
        key = BYTES("another key that is not that one", SUM_SIZE);
        assert_int_equal(load(&text), SUMS_EDITED);
        key = BYTES(key_octets, SUM_SIZE);
}

static void blocks_are_of_one_file(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf other = { 0 };
        CLEANUP(buf_clear) struct buf block = { 0 };
        uint8_t chain[SUM_SIZE] = { 0 }, chain2[SUM_SIZE] = { 0 };
        size_t first;

        (void)state;
        put(&text, chain, 7, HEAD "= " H("1") " store\n");
        first = text.len;
        put(&text, chain, 7, "begin 1\n- store\n");
        put(&other, chain2, 7, HEAD "= " H("2") " store\n");
        assert_int_equal(buf_set(&block, BYTES(text.ptr + first, text.len - first)), 0);
        assert_int_equal(buf_append(&other, block.ptr, block.len), 0);
        assert_int_equal(load(&other), SUMS_BAD_END);
        assert_null(s.changes);
        /* Nor does one stand twice. */
        assert_int_equal(buf_append(&text, block.ptr, block.len), 0);
        assert_int_equal(load(&text), SUMS_BAD_END);
}

static void lines_that_we_do_not_write_are_not_read(void **state)
{
        static const char *const bad[] = {
                "x\n", "\n", "= \n", "- \n", "= " H("1") "\n", "= " H("1") " \n", "= " H("1") " a/\n", "= " H("1") " /agent\n", "= " H("1") " a/b/c\n",
                "= " H("1") " .a/agent\n", "= " H("A") " store\n", "= " H("g") " store\n", "= 11 store\n", "- store\n", "= " H("1") " sto re\n",
                "= " H("1") " store\n= " H("2") " store\n", "= " H("1") " store", "begin\n", "begin x\n", "begin 1\n", "begin 1\nbegin 2\n- store\n",
                "begin 01\n- store\n", "begin 0\n- store\n", "begin 18446744073709551616\n- store\n", "begin 1 \n- store\n", "begin 2\n- store\nbegin 1\n- daemon\n",
                "begin 1\n- store\n- a/agent\n", "begin 1\n- store\n- store\n", "done 1\n", "undone 1\n", "begin 1\n- store\ndone 2\n",
                "begin 1\n- store\ndone 1\ndone 1\n", "= " H("1") " 123456789012345678901234567890123/agent\n",
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                sums_clear(&s);
                if (sums_apply(&s, BYTES_STR(bad[i]), true) != ERR_FORMAT)
                        fail_msg("%s", bad[i]);
        }
        sums_clear(&s);
        assert_int_equal(sums_apply(&s, BYTES_STR("begin 1\n= " H("1") " a/x\ndone 1\nbegin 2\n- a/x\n"), false), 0);
        sums_clear(&s);
        assert_int_equal(sums_apply(&s, BYTES_STR("= " H("1") " a/x\n"), false), ERR_FORMAT);
}

static void an_older_format_says_so(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        uint8_t chain[SUM_SIZE] = { 0 };
        enum sums_end end;

        (void)state;
        put(&text, chain, 1, "holdfast sums 2\n");
        sums_clear(&s);
        assert_int_equal(sums_load(BYTES_OF(&text), key, &s, &end), ERR_FORMAT);
}

/* tests/vectors/sums, made with Python's hmac. */
static void known_file(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        (void)state;
        assert_int_equal(file_read(AT_FDCWD, source_path("tests/vectors/sums"), 10000, &text), 0);
        assert_int_equal(load(&text), SUMS_WHOLE);
        assert_int_equal(s.counter, 42);
        assert_int_equal(file("build-42", "agent")->hash[0], 0x26);
        assert_null(s.changes);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(changes_come_one_after_the_other),
                cmocka_unit_test(written_anew_it_is_the_same),
                cmocka_unit_test(a_cut_shows_where_it_is_not_between_blocks),
                cmocka_unit_test(no_octet_can_be_another),
                cmocka_unit_test(blocks_are_of_one_file),
                cmocka_unit_test(lines_that_we_do_not_write_are_not_read),
                cmocka_unit_test(an_older_format_says_so),
                cmocka_unit_test(known_file),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
