/* SPDX-License-Identifier: BSD-2-Clause */
/* The examples of RFC 4251, and key blobs octet by octet. (tests/integration has OpenSSH read them.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "lib/ssh.h"

#define B(...) BYTES(((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void holds(struct buf *b, struct bytes want)
{
        assert_int_equal(b->len, want.len);
        assert_memory_equal(b->ptr, want.ptr, want.len);
        buf_reset(b);
}

/* RFC 4251 5 */
static void strings_and_numbers(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_int_equal(ssh_put_string(&b, BYTES_STR("testing")), 0);
        holds(&b, B(0, 0, 0, 7, 't', 'e', 's', 't', 'i', 'n', 'g'));
        assert_int_equal(ssh_put_string(&b, BYTES(NULL, 0)), 0);
        holds(&b, B(0, 0, 0, 0));
        assert_int_equal(ssh_put_u64(&b, 0x0102030405060708), 0);
        holds(&b, B(1, 2, 3, 4, 5, 6, 7, 8));
        assert_int_equal(ssh_put_mpint(&b, BYTES(NULL, 0)), 0);
        holds(&b, B(0, 0, 0, 0));
        assert_int_equal(ssh_put_mpint(&b, B(0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7)), 0);
        holds(&b, B(0, 0, 0, 8, 0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7));
        assert_int_equal(ssh_put_mpint(&b, B(0x80)), 0);
        holds(&b, B(0, 0, 0, 2, 0, 0x80));
        assert_int_equal(ssh_put_mpint(&b, B(0, 0, 0, 0x80)), 0);
        holds(&b, B(0, 0, 0, 2, 0, 0x80));
        assert_int_equal(ssh_put_mpint(&b, B(0, 0)), 0);
        holds(&b, B(0, 0, 0, 0));
}

static void rsa_key(void **state)
{
        CLEANUP(pubkey_clear) struct pubkey k = { .ckk = CKK_RSA };
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_int_equal(buf_set(&k.n, B(0xc1, 0x02, 0x03)), 0);
        assert_int_equal(buf_set(&k.e, B(1, 0, 1)), 0);
        assert_int_equal(ssh_put_key(&b, &k), 0);
        holds(&b, B(0, 0, 0, 7, 's', 's', 'h', '-', 'r', 's', 'a', 0, 0, 0, 3, 1, 0, 1, 0, 0, 0, 4, 0, 0xc1, 2, 3));
}

static void elliptic_key(void **state)
{
        CLEANUP(pubkey_clear) struct pubkey k = { .ckk = CKK_EC, .curve = curve_by_name("P-384") };
        CLEANUP(buf_clear) struct buf b = { 0 }, want = { 0 };

        (void)state;
        for (size_t i = 0; i < 48; i++) {
                assert_int_equal(buf_append_u8(&k.x, (uint8_t)i), 0);
                assert_int_equal(buf_append_u8(&k.y, (uint8_t)(100 + i)), 0);
        }
        assert_int_equal(buf_append(&want, "\0\0\0\x13" "ecdsa-sha2-nistp384" "\0\0\0\x08" "nistp384" "\0\0\0\x61\x04", 40), 0);
        assert_int_equal(buf_append(&want, k.x.ptr, 48), 0);
        assert_int_equal(buf_append(&want, k.y.ptr, 48), 0);
        assert_int_equal(ssh_put_key(&b, &k), 0);
        holds(&b, BYTES_OF(&want));
}

static void other_keys_have_no_name(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_int_equal(ssh_put_key(&b, &(struct pubkey){ .ckk = CKK_GENERIC_SECRET }), ERR_NOTSUP);
        assert_int_equal(ssh_key_type(&(struct pubkey){ 0 }, &b), ERR_NOTSUP);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(strings_and_numbers),
                cmocka_unit_test(rsa_key),
                cmocka_unit_test(elliptic_key),
                cmocka_unit_test(other_keys_have_no_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
