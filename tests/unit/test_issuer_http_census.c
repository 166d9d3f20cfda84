/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include "issuer/http_census.h"

static enum census_answer enter(struct census *c, const char *from, struct census_home **ret)
{
        struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
        struct sockaddr_in four = { .sin_family = AF_INET };
        struct sockaddr_un local = { .sun_family = AF_UNIX };

        if (inet_pton(AF_INET, from, &four.sin_addr) == 1)
                return census_enter(c, (struct sockaddr *)&four, ret);
        if (inet_pton(AF_INET6, from, &six.sin6_addr) == 1)
                return census_enter(c, (struct sockaddr *)&six, ret);
        return census_enter(c, (struct sockaddr *)&local, ret);
}

static void households_are_counted(void **state)
{
        static const struct {
                const char *from;
                enum census_answer answer;
        } rows[] = {
                { "192.0.2.1", CENSUS_WELCOME },
                { "::ffff:192.0.2.1", CENSUS_WELCOME },
                { "192.0.2.1", CENSUS_ADDRESS_FULL },
                { "::ffff:192.0.2.1", CENSUS_ADDRESS_FULL },
                { "192.0.2.2", CENSUS_WELCOME },
                { "2001:db8:0:1::1", CENSUS_WELCOME },
                { "2001:db8:0:1:ffff:ffff:ffff:ffff", CENSUS_WELCOME },
                { "2001:db8:0:1::2", CENSUS_ADDRESS_FULL },
                { "2001:db8:0:2::1", CENSUS_WELCOME },
                { "unix", CENSUS_WELCOME },
                { "unix", CENSUS_WELCOME },
                { "unix", CENSUS_WELCOME },
        };
        struct census_home *home;
        struct census *c;

        (void)state;
        assert_int_equal(census_new(100, 2, &c), 0);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
                if (enter(c, rows[i].from, &home) != rows[i].answer)
                        fail_msg("row %zu", i);
        census_free(c);
}

static void whoever_leaves_makes_room(void **state)
{
        struct census_home *a, *b, *local, *more;
        struct census *c;

        (void)state;
        assert_int_equal(census_new(3, 1, &c), 0);
        assert_int_equal(enter(c, "192.0.2.1", &a), CENSUS_WELCOME);
        assert_int_equal(enter(c, "192.0.2.2", &b), CENSUS_WELCOME);
        assert_int_equal(enter(c, "unix", &local), CENSUS_WELCOME);
        assert_null(local);
        assert_int_equal(enter(c, "192.0.2.3", &more), CENSUS_FULL);
        census_leave(c, a);
        assert_int_equal(enter(c, "192.0.2.2", &more), CENSUS_ADDRESS_FULL);
        assert_int_equal(enter(c, "192.0.2.1", &a), CENSUS_WELCOME);
        census_leave(c, local);
        census_leave(c, b);
        assert_int_equal(enter(c, "192.0.2.2", &b), CENSUS_WELCOME);
        census_leave(c, a);
        census_leave(c, b);
        census_free(c);
}

/* Addresses that share a bucket are told apart, and nobody stays behind. */
static void many_addresses_come_and_go(void **state)
{
        static struct census_home *homes[5000];
        struct sockaddr_in four = { .sin_family = AF_INET };
        struct census_home *home;
        struct census *c;

        (void)state;
        assert_int_equal(census_new(100000, 1, &c), 0);
        for (int round = 0; round < 2; round++) {
                for (uint32_t i = 0; i < 5000; i++) {
                        four.sin_addr.s_addr = htonl(0x0a000000 + i);
                        assert_int_equal(census_enter(c, (struct sockaddr *)&four, &homes[i]), CENSUS_WELCOME);
                        assert_int_equal(census_enter(c, (struct sockaddr *)&four, &home), CENSUS_ADDRESS_FULL);
                }
                for (uint32_t i = 0; i < 5000; i++)
                        census_leave(c, homes[i]);
        }
        census_free(c);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(households_are_counted),
                cmocka_unit_test(whoever_leaves_makes_room),
                cmocka_unit_test(many_addresses_come_and_go),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
