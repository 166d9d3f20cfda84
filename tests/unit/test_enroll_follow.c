/* SPDX-License-Identifier: BSD-2-Clause */
/* Hosts follow the issuer's own CA from key to key, and nobody else's. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "enroll/follow.h"
#include "lib/pem.h"
#include "tests/grantfix.h"

enum { FIRST, SECOND, THIRD, ELSE, CAS };

/* The PEM of CAs: three keys of one, and somebody else's. */
static struct buf ca[CAS];

static int setup(void **state)
{
        static const char *const kinds[CAS] = { "P-256", "P-384", "RSA-2048", "RSA-3072" };
        int r = grantfix_setup(state);

        for (unsigned i = 0; i < CAS; i++) {
                CLEANUP(buf_clear) struct buf der = { 0 };
                struct ca_key *k = grantfix_ca_key(*state, kinds[i]);
                const struct x509_ca_wish w = {
                        .common_name = BYTES_STR(i == ELSE ? "Example Corporation" : "CA example.org"), .trust_domain = BYTES_STR(TRUST_DOMAIN),
                        .not_before = NOW - HOUR, .not_after = NOW + HOUR,
                };

                assert_int_equal(x509_ca_certificate(k, &w, &der), 0);
                buf_reset(&ca[i]);
                assert_int_equal(pem_encode("CERTIFICATE", BYTES("", 0), BYTES_OF(&der), &ca[i]), 0);
                ca_key_free(k);
        }
        return r;
}

static int teardown(void **state)
{
        for (unsigned i = 0; i < CAS; i++)
                buf_clear(&ca[i]);
        return grantfix_teardown(state);
}

/* The certificates of a set of bits, one behind the other. */
static void put(unsigned set, struct buf *ret)
{
        buf_reset(ret);
        for (unsigned i = 0; i < CAS; i++)
                if ((set & 1u << i) != 0)
                        assert_int_equal(buf_append(ret, ca[i].ptr, ca[i].len), 0);
}

/* 0: it stays as it is. */
static unsigned follow(unsigned trusted, unsigned bundle)
{
        CLEANUP(buf_clear) struct buf t = { 0 }, b = { 0 }, now = { 0 };
        unsigned set = 0;
        size_t len = 0;

        put(trusted, &t);
        put(bundle, &b);
        assert_int_equal(follow_ca(BYTES_OF(&t), buf_str(&b), &now), 0);
        for (unsigned i = 0; i < CAS; i++) {
                if (now.len == 0 || memmem(now.ptr, now.len, ca[i].ptr, ca[i].len) == NULL)
                        continue;
                set |= 1u << i;
                len += ca[i].len;
        }
        assert_int_equal(now.len, len);
        return set;
}

#define BIT(x) (1u << (x))

static void follows_from_key_to_key(void **state)
{
        (void)state;
        assert_int_equal(follow(BIT(FIRST), BIT(FIRST)), 0);
        assert_int_equal(follow(BIT(FIRST), BIT(FIRST) | BIT(SECOND)), BIT(FIRST) | BIT(SECOND));
        assert_int_equal(follow(BIT(FIRST) | BIT(SECOND), BIT(FIRST) | BIT(SECOND)), 0);
        assert_int_equal(follow(BIT(FIRST) | BIT(SECOND), BIT(SECOND)), BIT(SECOND));
        assert_int_equal(follow(BIT(FIRST) | BIT(SECOND), BIT(SECOND) | BIT(THIRD)), BIT(SECOND) | BIT(THIRD));
}

/* Whose TLS certificate is by somebody else, is believed by that alone. */
static void others_stay_as_they_are(void **state)
{
        (void)state;
        assert_int_equal(follow(BIT(ELSE), BIT(FIRST) | BIT(SECOND)), 0);
        assert_int_equal(follow(BIT(FIRST), BIT(SECOND)), 0);
        assert_int_equal(follow(0, BIT(FIRST)), 0);
        assert_int_equal(follow(BIT(FIRST) | BIT(ELSE), BIT(FIRST) | BIT(SECOND)), BIT(FIRST) | BIT(SECOND) | BIT(ELSE));
        assert_int_equal(follow(BIT(SECOND) | BIT(FIRST) | BIT(ELSE), BIT(SECOND)), BIT(SECOND) | BIT(ELSE));
}

static void what_cannot_be_read_changes_nothing(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 }, now = { 0 };

        (void)state;
        assert_int_equal(buf_append_str(&text, "# ours\n"), 0);
        assert_int_equal(buf_append(&text, ca[FIRST].ptr, ca[FIRST].len), 0);
        assert_int_equal(follow_ca(BYTES_OF(&text), buf_str(&ca[SECOND]), &now), 0);
        assert_int_equal(now.len, 0);
        assert_int_equal(follow_ca(BYTES_OF(&ca[FIRST]), "nothing", &now), 0);
        assert_int_equal(now.len, 0);
        assert_int_equal(follow_ca(BYTES_OF(&ca[FIRST]), NULL, &now), 0);
        assert_int_equal(now.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(follows_from_key_to_key),
                cmocka_unit_test(others_stay_as_they_are),
                cmocka_unit_test(what_cannot_be_read_changes_nothing),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
