/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes of commands: as the TPM makes them, for what TPM2_Sign can sign and for nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/sha.h>
#include "audit/checkpoint.h"
#include "lib/err.h"

static void list_is_rising_hex(void **state)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        (void)state;
        assert_int_equal(audit_list_format((const uint32_t[]){ 0x148, 0x15d, 0x20000001 }, 3, &b), 0);
        assert_string_equal(buf_str(&b), "00000148 0000015d 20000001");
        assert_int_equal(audit_list_format((const uint32_t[]){ 0x15d, 0x148 }, 2, &b), ERR_INVAL);
        assert_true(audit_list_has(BYTES_OF(&b), 0x15d));
        assert_false(audit_list_has(BYTES_OF(&b), 0x15e));
}

/* TPM2_SetCommandCodeAuditStatus is always on it, whether or not it is told. */
static void digest_of_a_list(void **state)
{
        static const uint8_t codes[] = { 0, 0, 1, 0x2f, 0, 0, 1, 0x40, 0, 0, 1, 0x5d };
        static const char *const same[] = { "0000012f 00000140 0000015d", "0000012f 0000015d" };
        uint8_t want[32], got[32];

        (void)state;
        SHA256(codes, sizeof(codes), want);
        for (size_t i = 0; i < ARRAY_LEN(same); i++) {
                assert_int_equal(audit_list_digest(BYTES_STR(same[i]), got), 0);
                assert_memory_equal(got, want, 32);
        }
        SHA256(codes, 8, want);
        assert_int_equal(audit_list_digest(BYTES_STR("0000012f"), got), 0);
        assert_memory_equal(got, want, 32);
}

static void other_lists_are_refused(void **state)
{
        static const char *const bad[] = { "", " ", "140", "00000140 ", "00000140  0000015d", "0000015D", "0000014g", "00000140,0000015d",
                                           "0000015d 00000140", "00000140 00000140", "-0000140" };
        uint8_t digest[32];

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (audit_list_digest(BYTES_STR(bad[i]), digest) != ERR_FORMAT)
                        fail_msg("\"%s\"", bad[i]);
}

static void digest_is_extended(void **state)
{
        uint8_t in[96] = { 0 }, digest[32] = { 0 }, want[32];

        (void)state;
        memset(in + 32, 1, 32);
        memset(in + 64, 2, 32);
        SHA256(in, sizeof(in), want);
        audit_digest_extend(digest, BYTES(in + 32, 32), BYTES(in + 64, 32));
        assert_memory_equal(digest, want, 32);
}

/* TPMT_PUBLIC up to where what is tested reads it. */
static const uint8_t p256[] = { 0, 0x23, 0, 0x0b, 0, 4, 4, 0x72, 0, 0, 0, 0x10, 0, 0x10, 0, 3, 0, 0x10, 0, 0, 0, 0 };
static const uint8_t rsa[] = { 0, 1, 0, 0x0b, 0, 6, 4, 0x72, 0, 0, 0, 0x10, 0, 0x10, 8, 0, 0, 0, 0, 0, 0, 0 };

static struct audit_record record(const char *mechanism, struct bytes public, struct bytes digest, struct bytes result)
{
        return (struct audit_record){ .event = AUDIT_USE, .operation = BYTES_STR("sign"), .mechanism = BYTES_STR(mechanism),
                                      .key_public = public, .digest = digest, .result = result };
}

static void put(uint8_t **at, const void *p, size_t n)
{
        memcpy(*at, p, n);
        *at += n;
}

static void rsa_command_and_response(void **state)
{
        uint8_t digest[32], sig[256], name[32], in[512], *at = in, cp[32], rp[32], want[32];
        struct audit_record r = record("RSA-PKCS1-SHA256", BYTES(rsa, sizeof(rsa)), BYTES(digest, 32), BYTES(sig, 256));

        (void)state;
        memset(digest, 7, sizeof(digest));
        memset(sig, 9, sizeof(sig));
        assert_int_equal(audit_sign_hashes(&r, cp, rp), 0);
        SHA256(rsa, sizeof(rsa), name);
        put(&at, "\0\0\x01\x5d\0\x0b", 6);
        put(&at, name, 32);
        put(&at, "\0\x20", 2);
        put(&at, digest, 32);
        put(&at, "\0\x14\0\x0b\x80\x24\x40\0\0\x07\0\0", 12);
        SHA256(in, (size_t)(at - in), want);
        assert_memory_equal(cp, want, 32);
        at = in;
        put(&at, "\0\0\0\0\0\0\x01\x5d\0\x14\0\x0b\x01\0", 14);
        put(&at, sig, 256);
        SHA256(in, (size_t)(at - in), want);
        assert_memory_equal(rp, want, 32);
}

/* The caller's own DigestInfo is the same command. */
static void digest_info_is_the_same_command(void **state)
{
        const struct hash *h = hash_by_name("SHA256");
        uint8_t digest[32] = { 1 }, info[64], sig[256] = { 2 }, cp[2][32], rp[2][32];
        struct audit_record a = record("RSA-PKCS1-SHA256", BYTES(rsa, sizeof(rsa)), BYTES(digest, 32), BYTES(sig, 256));
        struct audit_record b = record("RSA-PKCS1", BYTES(rsa, sizeof(rsa)), BYTES(info, h->digest_info.len + 32), BYTES(sig, 256));

        (void)state;
        memcpy(info, h->digest_info.ptr, h->digest_info.len);
        memcpy(info + h->digest_info.len, digest, 32);
        assert_int_equal(audit_sign_hashes(&a, cp[0], rp[0]), 0);
        assert_int_equal(audit_sign_hashes(&b, cp[1], rp[1]), 0);
        assert_memory_equal(cp[0], cp[1], 32);
        assert_memory_equal(rp[0], rp[1], 32);
}

static void short_digests_have_zeros_in_front_and_long_ones_are_cut(void **state)
{
        uint8_t full[64] = { 0 }, sig[64] = { 3 }, cp[2][32], rp[32];
        struct audit_record r = record("ECDSA", BYTES(p256, sizeof(p256)), BYTES(full, 32), BYTES(sig, 64));

        (void)state;
        memset(full + 12, 5, 20);
        assert_int_equal(audit_sign_hashes(&r, cp[0], rp), 0);
        r.digest = BYTES(full + 12, 20);
        assert_int_equal(audit_sign_hashes(&r, cp[1], rp), 0);
        assert_memory_equal(cp[0], cp[1], 32);
        r.digest = BYTES(full, 64);
        assert_int_equal(audit_sign_hashes(&r, cp[1], rp), 0);
        assert_memory_equal(cp[0], cp[1], 32);
}

static void what_tpm2_sign_does_not_make(void **state)
{
        uint8_t digest[32] = { 0 }, sig[256] = { 0 }, cp[32], rp[32];
        struct audit_record r = record("RSA-PSS-SHA256-MGF1-SHA256-32", BYTES(rsa, sizeof(rsa)), BYTES(digest, 32), BYTES(sig, 256));

        (void)state;
        assert_int_equal(audit_sign_hashes(&r, cp, rp), ERR_NOTSUP);
        r.mechanism = BYTES_STR("RSA-PKCS1");
        assert_int_equal(audit_sign_hashes(&r, cp, rp), ERR_NOTSUP);
        r.mechanism = BYTES_STR("RSA-PKCS1-SHA256");
        r.operation = BYTES_STR("decrypt");
        assert_int_equal(audit_sign_hashes(&r, cp, rp), ERR_NOTSUP);
        r.operation = BYTES_STR("sign");
        r.tpm = (struct audit_tpm){ .present = true, .cc = 0x159 };
        assert_int_equal(audit_sign_hashes(&r, cp, rp), ERR_NOTSUP);
}

static void what_cannot_be_a_signature(void **state)
{
        uint8_t digest[32] = { 0 }, sig[64] = { 0 }, cp[32], rp[32];
        struct audit_record r = record("ECDSA", BYTES(p256, sizeof(p256)), BYTES(digest, 32), BYTES(sig, 63));

        (void)state;
        assert_int_equal(audit_sign_hashes(&r, cp, rp), ERR_FORMAT);
        r.result.len = 64;
        for (size_t n = 0; n < 14; n++) {
                r.key_public.len = n;
                assert_int_equal(audit_sign_hashes(&r, cp, rp), ERR_FORMAT);
        }
        r.key_public = BYTES(p256, sizeof(p256));
        r.digest.len = 0;
        assert_int_equal(audit_sign_hashes(&r, cp, rp), ERR_FORMAT);
        r.digest.len = 32;
        assert_int_equal(audit_sign_hashes(&r, cp, rp), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(list_is_rising_hex), cmocka_unit_test(digest_of_a_list), cmocka_unit_test(other_lists_are_refused),
                cmocka_unit_test(digest_is_extended), cmocka_unit_test(rsa_command_and_response), cmocka_unit_test(digest_info_is_the_same_command),
                cmocka_unit_test(short_digests_have_zeros_in_front_and_long_ones_are_cut), cmocka_unit_test(what_tpm2_sign_does_not_make),
                cmocka_unit_test(what_cannot_be_a_signature),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
