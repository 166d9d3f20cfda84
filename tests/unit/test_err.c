/* SPDX-License-Identifier: BSD-2-Clause */
/* The sentence, its code, and what is said about a code. */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "lib/buf.h"
#include "lib/err.h"

static void keeps_the_last_sentence(void **state)
{
        (void)state;
        err_reset();
        assert_string_equal(err_text(), "");
        assert_int_equal(err(ERR_NOENT, "no key %d", 7), ERR_NOENT);
        assert_string_equal(err_text(), "no key 7");
        assert_int_equal(err(ERR_TPM, "second"), ERR_TPM);
        assert_string_equal(err_text(), "second");
        err_reset();
        assert_string_equal(err_text(), "");
}

static void a_sentence_may_quote_the_last_one(void **state)
{
        (void)state;
        err(ERR_IO, "inner");
        err(ERR_IO, "%s, %s", err_text(), err_text());
        assert_string_equal(err_text(), "inner, inner");
}

static void errno_gives_code_and_reason(void **state)
{
        static const struct {
                int sys, code;
        } rows[] = {
                { ENOENT, ERR_NOENT }, { EEXIST, ERR_EXIST }, { EACCES, ERR_PERM }, { EPERM, ERR_PERM }, { ENOMEM, ERR_NOMEM },
                { ENOSPC, ERR_NOSPC }, { EDQUOT, ERR_NOSPC }, { EROFS, ERR_READONLY }, { ETIMEDOUT, ERR_TIMEOUT }, { EIO, ERR_IO },
                { EMFILE, ERR_IO },
        };
        char want[256];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                errno = rows[i].sys;
                assert_int_equal(err_errno("file %s", "x"), rows[i].code);
                assert_int_equal(errno, rows[i].sys);
                snprintf(want, sizeof(want), "file x: %s", strerror(rows[i].sys));
                assert_string_equal(err_text(), want);
        }
}

static void a_long_sentence_keeps_its_reason(void **state)
{
        char longer[2000];

        (void)state;
        memset(longer, 'a', sizeof(longer) - 1);
        longer[sizeof(longer) - 1] = 0;
        errno = ENOENT;
        assert_int_equal(err_errno("%s", longer), ERR_NOENT);
        assert_true(strlen(err_text()) > 400);
        assert_non_null(strstr(err_text(), "aaa: No such file or directory"));
        err(ERR_INVAL, "%s", longer);
        assert_true(strlen(err_text()) > 400);
}

static void a_strangers_bytes_move_no_cursor(void **state)
{
        (void)state;
        err(ERR_FORMAT, "label %s", "a\x1b[2J\r\n\x7f\tb\xc3\xa9");
        assert_string_equal(err_text(), "label a?[2J????b\xc3\xa9");
}

static void leaves_errno_alone(void **state)
{
        (void)state;
        errno = ERANGE;
        err(ERR_INVAL, "x");
        assert_int_equal(errno, ERANGE);
}

static void *other_thread(void *arg)
{
        assert_string_equal(err_text(), "");
        err(ERR_TPM, "theirs");
        return arg;
}

static void each_thread_has_its_own(void **state)
{
        pthread_t t;

        (void)state;
        err(ERR_IO, "ours");
        assert_int_equal(pthread_create(&t, NULL, other_thread, NULL), 0);
        assert_int_equal(pthread_join(t, NULL), 0);
        assert_string_equal(err_text(), "ours");
}

static void every_code_has_a_name_of_its_own(void **state)
{
        (void)state;
        assert_string_equal(err_name(0), "0");
        assert_string_equal(err_name(ERR_NOMEM), "ERR_NOMEM");
        assert_string_equal(err_name(ERR_STALE), "ERR_STALE");
        for (int c = ERR_NOMEM; c >= ERR_STALE; c--)
                for (int d = c + 1; d <= 0; d++)
                        assert_string_not_equal(err_name(c), err_name(d));
        assert_string_equal(err_name(ERR_STALE - 1), "ERR_?");
        assert_string_equal(err_name(1), "ERR_?");
}

static void hints_are_sentences(void **state)
{
        (void)state;
        assert_non_null(strstr(err_hint(ERR_NOTINIT), "holdfast init"));
        for (int c = ERR_NOMEM; c >= ERR_STALE; c--)
                if (err_hint(c))
                        assert_int_equal(err_hint(c)[strlen(err_hint(c)) - 1], '.');
        assert_null(err_hint(0));
        assert_null(err_hint(1));
        assert_null(err_hint(ERR_STALE - 1));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keeps_the_last_sentence),
                cmocka_unit_test(a_sentence_may_quote_the_last_one),
                cmocka_unit_test(errno_gives_code_and_reason),
                cmocka_unit_test(a_long_sentence_keeps_its_reason),
                cmocka_unit_test(a_strangers_bytes_move_no_cursor),
                cmocka_unit_test(leaves_errno_alone),
                cmocka_unit_test(each_thread_has_its_own),
                cmocka_unit_test(every_code_has_a_name_of_its_own),
                cmocka_unit_test(hints_are_sentences),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
