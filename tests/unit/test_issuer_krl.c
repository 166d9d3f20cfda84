/* SPDX-License-Identifier: BSD-2-Clause */
/* Key revocation lists octet by octet, as PROTOCOL.krl has them. (tests/integration has OpenSSH read them.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "issuer/krl.h"
#include "lib/err.h"
#include "lib/ssh.h"
#include "tests/grantfix.h"

static const uint8_t head[] = "SSHKRL\n\0" "\0\0\0\1" "\0\0\0\0\0\0\0\x07" "\0\0\0\0\x6b\x06\xae\x80" "\0\0\0\0\0\0\0\0" "\0\0\0\0" "\0\0\0\x08" "holdfast";

static void with(const struct ca_key *ca, const struct krl *k, struct bytes sections)
{
        CLEANUP(buf_clear) struct buf got = { 0 }, want = { 0 }, inner = { 0 };

        assert_int_equal(buf_append(&want, head, sizeof(head) - 1), 0);
        if (sections.len > 0) {
                assert_int_equal(ssh_put_string(&inner, ca_key_ssh(ca)), 0);
                assert_int_equal(ssh_put_string(&inner, BYTES(NULL, 0)), 0);
                assert_int_equal(buf_append(&inner, sections.ptr, sections.len), 0);
                assert_int_equal(buf_append_u8(&want, 1), 0);
                assert_int_equal(ssh_put_string(&want, BYTES_OF(&inner)), 0);
        }
        assert_int_equal(krl_write(&ca, 1, k, &got), 0);
        assert_int_equal(got.len, want.len);
        assert_memory_equal(got.ptr, want.ptr, want.len);
}

static void serials_are_sorted_and_stand_once(void **state)
{
        static const uint64_t serials[] = { 0x4000000000000002, 1, 0x4000000000000002, 0x3000000000000000 };
        CLEANUP(ca_key_freep) struct ca_key *ca = grantfix_ca_key(*state, "P-256");

        with(ca, &(struct krl){ .serials = serials, .n_serials = 4, .version = 7, .now = NOW },
             BYTES("\x20\0\0\0\x18" "\0\0\0\0\0\0\0\1" "\x30\0\0\0\0\0\0\0" "\x40\0\0\0\0\0\0\2", 29));
}

static void key_ids(void **state)
{
        const struct bytes ids[] = { BYTES_STR("build-42/1"), BYTES_STR("b/2") };
        static const uint64_t one[] = { 1 };
        CLEANUP(ca_key_freep) struct ca_key *ca = grantfix_ca_key(*state, "Ed25519");

        with(ca, &(struct krl){ .key_ids = { ids, 2 }, .version = 7, .now = NOW }, BYTES("\x23\0\0\0\x15" "\0\0\0\x0a" "build-42/1" "\0\0\0\3" "b/2", 26));
        with(ca, &(struct krl){ .serials = one, .n_serials = 1, .key_ids = { ids + 1, 1 }, .version = 7, .now = NOW },
             BYTES("\x20\0\0\0\x08" "\0\0\0\0\0\0\0\1" "\x23\0\0\0\x07" "\0\0\0\3" "b/2", 25));
}

static void nothing_revoked(void **state)
{
        CLEANUP(ca_key_freep) struct ca_key *ca = grantfix_ca_key(*state, "P-256");

        with(ca, &(struct krl){ .version = 7, .now = NOW }, BYTES(NULL, 0));
}

/* OpenSSH takes the serial number 0 for "none". */
static void what_would_revoke_nothing_is_an_error(void **state)
{
        static const uint64_t zero[] = { 1, 0 };
        static const struct bytes empty[] = { { (const uint8_t *)"", 0 } };
        CLEANUP(ca_key_freep) struct ca_key *ca = grantfix_ca_key(*state, "P-256");
        CLEANUP(buf_clear) struct buf got = { 0 };

        assert_int_equal(krl_write((const struct ca_key *const[]){ ca }, 1, &(struct krl){ .serials = zero, .n_serials = 2 }, &got), ERR_INVAL);
        assert_int_equal(krl_write((const struct ca_key *const[]){ ca }, 1, &(struct krl){ .key_ids = { empty, 1 } }, &got), ERR_INVAL);
        assert_int_equal(got.len, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, grantfix_setup, grantfix_teardown)

/* While one key follows another. */
static void each_ca_has_a_section(void **state)
{
        static const uint64_t serial[] = { 5 };
        CLEANUP(ca_key_freep) struct ca_key *first = grantfix_ca_key(*state, "P-256");
        CLEANUP(ca_key_freep) struct ca_key *second = grantfix_ca_key(*state, "P-384");
        const struct krl k = { .serials = serial, .n_serials = 1 };
        CLEANUP(buf_clear) struct buf both = { 0 }, one = { 0 }, other = { 0 };
        struct bytes a = ca_key_ssh(first), b = ca_key_ssh(second);

        assert_int_equal(krl_write((const struct ca_key *const[]){ first, second }, 2, &k, &both), 0);
        assert_int_equal(krl_write((const struct ca_key *const[]){ first }, 1, &k, &one), 0);
        assert_int_equal(krl_write((const struct ca_key *const[]){ second }, 1, &k, &other), 0);
        /* What comes before the sections is the same in all. */
        assert_int_equal(both.len - one.len, other.len - (sizeof(head) - 1));
        assert_non_null(memmem(both.ptr, both.len, a.ptr, a.len));
        assert_non_null(memmem(both.ptr, both.len, b.ptr, b.len));
}

int main(void)
{
        const struct CMUnitTest tests[] = { TEST(serials_are_sorted_and_stand_once), TEST(key_ids), TEST(nothing_revoked),
                                            TEST(what_would_revoke_nothing_is_an_error), TEST(each_ca_has_a_section) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
