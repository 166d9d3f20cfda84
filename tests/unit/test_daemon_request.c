/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole requests pass, broken ones do not, and none that asks for more room than is fair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "daemon/request.h"

#define HEAD(call, n) 0, 0, 0, call, 0, 0, 0, n
#define SESSION 0, 0, 0, 0, 0, 0, 0, 1
#define HUGE_NUMBER 0xf0, 0, 0, 0

/* A block of its own, so that a sanitizer sees what is read behind it. */
static CK_RV check(const void *body, size_t len)
{
        void *exact = malloc(len > 0 ? len : 1);
        CK_RV rv;

        memcpy(exact, body, len);
        rv = request_check(BYTES(exact, len));
        free(exact);
        return rv;
}

/* Whole, it passes; shorter or longer it does not. */
static void passes(const void *body, size_t len)
{
        uint8_t longer[256];

        assert_int_equal(check(body, len), CKR_OK);
        for (size_t n = 0; n < len; n++)
                assert_int_equal(check(body, n), CKR_DEVICE_ERROR);
        memcpy(longer, body, len);
        longer[len] = 0;
        assert_int_equal(check(longer, len + 1), CKR_DEVICE_ERROR);
}

static void whole_ones_pass(void **state)
{
        static const uint8_t info[] = { HEAD(3, 0) };
        static const uint8_t login[] = { HEAD(18, 4), 'u', 'u', 'a', 'y', SESSION, SESSION, 1, 0, 0, 0, 2, 'p', 'w' };
        static const uint8_t no_pin[] = { HEAD(18, 4), 'u', 'u', 'a', 'y', SESSION, SESSION, 1, 0xff, 0xff, 0xff, 0xff };
        static const uint8_t sign_init[] = { HEAD(42, 3), 'u', 'M', 'u', SESSION, 0, 0, 0x10, 0x41, 0xff, 0xff, 0xff, 0xff, SESSION };
        static const uint8_t pss[] = { HEAD(42, 3), 'u', 'M', 'u', SESSION, 0, 0, 0, 0xd, SESSION, SESSION, SESSION, SESSION };
        static const uint8_t oaep[] = { HEAD(42, 3), 'u', 'M', 'u', SESSION, 0, 0, 0, 9, SESSION, SESSION, SESSION, 0, 0, 0, 1, 'l', SESSION };
        static const uint8_t sign[] = { HEAD(43, 5), 'u', 'a', 'y', 'f', 'y', SESSION, 1, 0, 0, 0, 1, 'd', 0, 0, 0, 64 };
        static const uint8_t find[] = {
                HEAD(26, 3), 'u', 'a', 'A', SESSION, 0, 0, 0, 5,
                0, 0, 0, 0, 1, 0, 0, 0, 8, SESSION,                             /* CKA_CLASS */
                0, 0, 0, 1, 1, 0, 0, 0, 1, 1,                                   /* CKA_TOKEN */
                0, 0, 0, 3, 1, 0, 0, 0, 1, 0, 0, 0, 1, 'x',                     /* CKA_LABEL */
                0, 0, 1, 2, 0,                                                  /* CKA_ID, without a value */
                0x40, 0, 6, 0, 1, 0, 0, 0, 8, 0, 0, 0, 1, SESSION,              /* CKA_ALLOWED_MECHANISMS */
        };
        static const uint8_t get[] = { HEAD(24, 4), 'u', 'u', 'f', 'A', SESSION, SESSION, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0x11, 0, 0, 1, 0 };

        (void)state;
        passes(info, sizeof(info));
        passes(login, sizeof(login));
        passes(no_pin, sizeof(no_pin));
        passes(sign_init, sizeof(sign_init));
        passes(pss, sizeof(pss));
        passes(oaep, sizeof(oaep));
        passes(sign, sizeof(sign));
        passes(find, sizeof(find));
        passes(get, sizeof(get));
}

static void too_much_room_is_refused(void **state)
{
        static const uint8_t random[] = { HEAD(64, 3), 'u', 'f', 'y', SESSION, HUGE_NUMBER };
        static const uint8_t find[] = { HEAD(27, 3), 'u', 'f', 'u', SESSION, HUGE_NUMBER };
        static const uint8_t get[] = { HEAD(24, 4), 'u', 'u', 'f', 'A', SESSION, SESSION, HUGE_NUMBER };
        static const uint8_t value[] = { HEAD(24, 4), 'u', 'u', 'f', 'A', SESSION, SESSION, 0, 0, 0, 1, 0, 0, 0, 3, HUGE_NUMBER };
        static const uint8_t template[] = { HEAD(26, 3), 'u', 'a', 'A', SESSION, HUGE_NUMBER };
        static const uint8_t claim[] = { HEAD(26, 3), 'u', 'a', 'A', SESSION, 0, 0, 0, 1, 0, 0, 0, 1, 1, HUGE_NUMBER, 1 };
        static const uint8_t mechanisms[] = { HEAD(26, 3), 'u', 'a', 'A', SESSION, 0, 0, 0, 1, 0x40, 0, 6, 0, 1, 0, 0, 0, 8, HUGE_NUMBER };

        (void)state;
        assert_int_equal(check(random, sizeof(random)), CKR_DEVICE_MEMORY);
        assert_int_equal(check(find, sizeof(find)), CKR_DEVICE_MEMORY);
        assert_int_equal(check(get, sizeof(get)), CKR_DEVICE_MEMORY);
        assert_int_equal(check(value, sizeof(value)), CKR_DEVICE_MEMORY);
        assert_int_equal(check(template, sizeof(template)), CKR_DEVICE_MEMORY);
        assert_int_equal(check(claim, sizeof(claim)), CKR_DEVICE_MEMORY);
        assert_int_equal(check(mechanisms, sizeof(mechanisms)), CKR_DEVICE_MEMORY);
}

/* The library's client writes four octets behind the 0 that its server does not read, so these have no say in what comes after them. */
static void what_is_absent_hides_nothing(void **state)
{
        static const uint8_t absent[] = { HEAD(49, 5), 'u', 'a', 'y', 'a', 'y', SESSION, 1, 0, 0, 0, 1, 'd', 0 };
        static const uint8_t with_length[] = { HEAD(49, 5), 'u', 'a', 'y', 'a', 'y', SESSION, 1, 0, 0, 0, 1, 'd', 0, 0, 0, 0, 64 };
        static const uint8_t hidden[] = { HEAD(43, 5), 'u', 'a', 'y', 'f', 'y', SESSION, 0, HUGE_NUMBER, 0, 0, 0, 64 };

        (void)state;
        assert_int_equal(check(absent, sizeof(absent)), CKR_OK);
        assert_int_equal(check(with_length, sizeof(with_length)), CKR_OK);
        assert_int_equal(check(hidden, sizeof(hidden)), CKR_DEVICE_MEMORY);
}

static void what_we_do_not_know_is_refused(void **state)
{
        static const uint8_t letters[] = { HEAD(3, 1), 'P' }, nested[] = {
                HEAD(26, 3), 'u', 'a', 'A', SESSION, 0, 0, 0, 1, 0x40, 0, 2, 0x11, 1, 0, 0, 0, 24, 0, 0, 0, 0,
        };

        (void)state;
        assert_int_equal(check(letters, sizeof(letters)), CKR_DEVICE_ERROR);
        assert_int_equal(check(nested, sizeof(nested)), CKR_DEVICE_ERROR);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whole_ones_pass), cmocka_unit_test(too_much_room_is_refused),
                cmocka_unit_test(what_is_absent_hides_nothing), cmocka_unit_test(what_we_do_not_know_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
