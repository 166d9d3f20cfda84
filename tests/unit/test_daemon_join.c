/* SPDX-License-Identifier: BSD-2-Clause */
/* What a host remembers of its issuer: what an operator said holds after a start, and only of that issuer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "daemon/join.h"
#include "lib/err.h"
#include "tests/corefix.h"

#define URL "https://issuer.example"
#define CA "-----BEGIN CERTIFICATE-----\n"

static bool is(const struct buf *b, const char *text)
{
        return bytes_equal(BYTES_OF(b), BYTES_STR(text));
}

static void joined_as(struct corefix *x, const char *ca, const char *host)
{
        CLEANUP(joined_clear) struct joined j = { 0 };
        char state[] = "active", assurance[] = "simulator";
        const struct answer_joined a = { .state = state, .assurance = assurance };

        assert_int_equal(join_ordered(&x->core, URL, BYTES_STR(ca), host, &j), 0);
        if (join_taken(&x->core, &a, &j) != 0)
                fail_msg("%s", err_text());
}

static void what_was_said_holds_where_the_configuration_says_nothing(void **state)
{
        CLEANUP(joined_clear) struct joined j = { 0 };
        struct corefix *x = *state;

        joined_as(x, CA, "h.example");
        x->core.conf.issuer_url = strdup(URL);
        assert_int_equal(join_read(&x->core, &j), 0);
        /* The system's certificates would be more than the operator trusts. */
        assert_true(is(&j.ca, CA));
        assert_true(is(&j.host, "h.example"));
        assert_true(is(&j.state, "active"));
}

static void another_issuer_has_nothing_of_it(void **state)
{
        CLEANUP(joined_clear) struct joined j = { 0 };
        struct corefix *x = *state;

        joined_as(x, CA, "h.example");
        x->core.conf.issuer_url = strdup("https://other.example");
        assert_int_equal(join_read(&x->core, &j), 0);
        assert_int_equal(j.ca.len, 0);
        assert_false(is(&j.host, "h.example"));
        assert_int_equal(j.state.len, 0);
}

static void the_configuration_goes_before_it(void **state)
{
        CLEANUP(joined_clear) struct joined j = { 0 };
        struct corefix *x = *state;

        joined_as(x, CA, "h.example");
        x->core.conf.issuer_url = strdup(URL);
        x->core.conf.issuer_host = strdup("g.example");
        assert_int_equal(join_read(&x->core, &j), 0);
        assert_true(is(&j.host, "g.example"));
        assert_int_equal(j.state.len, 0);
}

/* Before a token is spent on it. */
static void more_certificates_than_can_be_remembered_are_refused_first(void **state)
{
        CLEANUP(buf_clear) struct buf much = { 0 };
        struct joined j = { 0 };
        struct corefix *x = *state;

        while (much.len <= ATTRS_VALUE_MAX)
                assert_int_equal(buf_append_str(&much, CA), 0);
        assert_int_equal(join_ordered(&x->core, URL, BYTES_OF(&much), "h.example", &j), ERR_RANGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_was_said_holds_where_the_configuration_says_nothing, corefix_setup, corefix_teardown),
                cmocka_unit_test_setup_teardown(another_issuer_has_nothing_of_it, corefix_setup, corefix_teardown),
                cmocka_unit_test_setup_teardown(the_configuration_goes_before_it, corefix_setup, corefix_teardown),
                cmocka_unit_test_setup_teardown(more_certificates_than_can_be_remembered_are_refused_first, corefix_setup, corefix_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
