/* SPDX-License-Identifier: BSD-2-Clause */
/* How a command line is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/buf.h"
#include "tools/cli.h"

#define WORDS_MAX 16

/* argv from words; c refers to it. */
struct line {
        char *argv[WORDS_MAX + 1];
        struct cli c;
};

static int parse(struct line *l, ...)
{
        va_list ap;
        int argc = 0;

        memset(l, 0, sizeof *l);
        l->argv[argc++] = (char *)"holdfast";
        va_start(ap, l);
        while (argc < WORDS_MAX && (l->argv[argc] = va_arg(ap, char *)) != NULL)
                ++argc;
        va_end(ap);
        return cli_parse(argc, l->argv, &l->c);
}

static void verb_of_two_words(void **state)
{
        struct line l;

        (void)state;
        assert_int_equal(parse(&l, "agent", "create", "build-42", "--owner", "dana@example.com", NULL), 0);
        assert_string_equal(l.c.verb->name, "agent create");
        assert_int_equal(l.c.n_args, 1);
        assert_string_equal(cli_arg(&l.c, 0), "build-42");
        assert_string_equal(cli_value(&l.c, "owner"), "dana@example.com");
        assert_null(cli_value(&l.c, "key"));
        assert_null(cli_arg(&l.c, 1));
}

static void options_stand_anywhere(void **state)
{
        struct line l;

        (void)state;
        assert_int_equal(parse(&l, "--store=/x", "-qv", "agent", "--json", "show", "-v", "a", "--tcti", "device:/dev/tpm0", NULL), 0);
        assert_string_equal(l.c.verb->name, "agent show");
        assert_string_equal(cli_value(&l.c, "store"), "/x");
        assert_string_equal(cli_value(&l.c, "tcti"), "device:/dev/tpm0");
        assert_true(cli_flag(&l.c, "json"));
        assert_true(cli_flag(&l.c, "quiet"));
        assert_int_equal(cli_count(&l.c, "verbose"), 2);
}

static void letter_with_a_value(void **state)
{
        struct line l;

        (void)state;
        assert_int_equal(parse(&l, "audit", "log", "-n", "5", "--follow", NULL), 0);
        assert_string_equal(cli_value(&l.c, "lines"), "5");
        assert_true(cli_flag(&l.c, "follow"));
        assert_int_equal(parse(&l, "audit", "search", "-qn7", "text", NULL), 0);
        assert_string_equal(cli_value(&l.c, "lines"), "7");
        assert_true(cli_flag(&l.c, "quiet"));
        assert_string_equal(cli_arg(&l.c, 0), "text");
        assert_int_equal(parse(&l, "audit", "log", "-n", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "audit", "log", "-n", "", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "audit", "log", "-x", NULL), ERR_USAGE);
}

static void last_value_wins_and_all_are_kept(void **state)
{
        struct line l;

        (void)state;
        assert_int_equal(parse(&l, "status", "--store", "/a", "--store", "/b", NULL), 0);
        assert_string_equal(cli_value(&l.c, "store"), "/b");
        assert_string_equal(cli_value_at(&l.c, "store", 0), "/a");
        assert_null(cli_value_at(&l.c, "store", 2));
}

static void behind_two_dashes_all_is_argument(void **state)
{
        struct line l;

        (void)state;
        assert_int_equal(parse(&l, "agent", "show", "--", "--json", NULL), 0);
        assert_string_equal(cli_arg(&l.c, 0), "--json");
        assert_false(cli_flag(&l.c, "json"));
}

static void command_of_dev_keeps_its_options(void **state)
{
        struct line l;

        (void)state;
        assert_int_equal(parse(&l, "dev", "--keep", "--", "make", "-j2", "--quiet", "check", NULL), 0);
        assert_true(cli_flag(&l.c, "keep"));
        assert_false(cli_flag(&l.c, "quiet"));
        assert_int_equal(l.c.n_args, 4);
        assert_string_equal(l.c.args[1], "-j2");
        assert_null(l.c.args[4]);

        assert_int_equal(parse(&l, "dev", "make", "--json", NULL), 0);
        assert_int_equal(l.c.n_args, 2);
        assert_false(cli_flag(&l.c, "json"));
}

static void a_dash_alone_is_an_argument(void **state)
{
        struct line l;

        (void)state;
        assert_int_equal(parse(&l, "inspect", "-", NULL), 0);
        assert_string_equal(cli_arg(&l.c, 0), "-");
}

static void wrong_lines_are_usage_errors(void **state)
{
        struct line l;

        (void)state;
        assert_int_equal(parse(&l, NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "frobnicate", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "agent", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "agent", "frobnicate", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "agen", "list", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "agent", "create", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "agent", "create", "a", "b", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "status", "--owner", "x", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "--owner", "x", "agent", "create", "a", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "status", "--store", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "status", "--store", "", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "status", "--store=", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "status", "--json=yes", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "status", "-x", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "status", "--dry-run", NULL), ERR_USAGE);
        assert_int_equal(parse(&l, "dev", "--json", NULL), ERR_USAGE);
}

static void too_many_options_are_refused(void **state)
{
        char *argv[CLI_GIVEN_MAX + 4];
        struct cli c = { 0 };
        int argc = 0;

        (void)state;
        argv[argc++] = (char *)"holdfast";
        argv[argc++] = (char *)"status";
        while (argc < CLI_GIVEN_MAX + 3)
                argv[argc++] = (char *)"-v";
        argv[argc] = NULL;
        assert_int_equal(cli_parse(argc, argv, &c), ERR_USAGE);
}

static void help_needs_no_arguments(void **state)
{
        struct line l;

        (void)state;
        assert_int_equal(parse(&l, "--help", NULL), 0);
        assert_int_equal(parse(&l, "agent", "--help", NULL), 0);
        assert_string_equal(l.c.family, "agent");
        assert_int_equal(parse(&l, "agent", "create", "-h", NULL), 0);
        assert_string_equal(l.c.verb->name, "agent create");
}

static void errors_have_their_exit_status(void **state)
{
        (void)state;
        assert_int_equal(cli_exit_status(0), 0);
        assert_int_equal(cli_exit_status(130), 130);
        assert_int_equal(cli_exit_status(ERR_IO), 1);
        assert_int_equal(cli_exit_status(ERR_USAGE), 2);
        assert_int_equal(cli_exit_status(ERR_NOENT), 3);
        assert_int_equal(cli_exit_status(ERR_AUTH), 4);
        assert_int_equal(cli_exit_status(ERR_NODEV), 7);
        assert_int_equal(cli_exit_status(ERR_FOREIGN), 8);
}

/* An option of a verb would hide a global one of the same name or letter. */
static void no_option_hides_another(void **state)
{
        const struct cli_verb *v;
        const struct cli_option *g;

        (void)state;
        for (size_t i = 0; (v = cli_verb_at(i)) != NULL; ++i) {
                for (const struct cli_option *o = v->options; o != NULL && o->name != NULL; ++o) {
                        for (size_t k = 0; (g = cli_global_at(k)) != NULL; ++k) {
                                assert_string_not_equal(o->name, g->name);
                                assert_true(o->letter == 0 || o->letter != g->letter);
                        }
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(verb_of_two_words),
                cmocka_unit_test(options_stand_anywhere),
                cmocka_unit_test(letter_with_a_value),
                cmocka_unit_test(last_value_wins_and_all_are_kept),
                cmocka_unit_test(behind_two_dashes_all_is_argument),
                cmocka_unit_test(command_of_dev_keeps_its_options),
                cmocka_unit_test(a_dash_alone_is_an_argument),
                cmocka_unit_test(wrong_lines_are_usage_errors),
                cmocka_unit_test(too_many_options_are_refused),
                cmocka_unit_test(help_needs_no_arguments),
                cmocka_unit_test(errors_have_their_exit_status),
                cmocka_unit_test(no_option_hides_another),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
