/* SPDX-License-Identifier: BSD-2-Clause */
/* Signatures: by the key that the record names, over its digest, by the command it tells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/sha.h>
#include "tests/checked.h"
#include "tests/evp.h"

static void signatures_are_not_looked_at_unless_asked(void **state)
{
        struct audit_check_options o = { .ak = &checked_log.tpm.ak_pub };
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        (void)state;
        checked_small();
        checked_with(&o, &r);
        assert_true(r.ok);
        assert_int_equal(r.signatures_checked, 0);
}

static void zeros_before_r_and_s_may_be_dropped(void **state)
{
        (void)state;
        checked_log.tpm.drops_zeros = true;
        vouched_begin(&checked_log);
        for (unsigned i = 0; i < 200; i++)
                vouched_sign(&checked_log);
        vouched_checkpoint(&checked_log);
        checked_good();
}

static void signature_by_another_key(void **state)
{
        struct vouched_room room = { 0 };
        struct audit_record r;

        (void)state;
        vouched_begin(&checked_log);
        vouched_command(&checked_log, &room, &r);
        room.signature.ptr[40] ^= 1;
        r.tpm.present = false;
        assert_int_equal(audit_append(checked_log.log, &r), 0);
        buf_clear(&room.signature);
        checked_log.count = 0;
        checked_log.tpm.has_digest = false;
        checked_log.tpm.counter--;
        vouched_checkpoint(&checked_log);
        {
                CLEANUP(audit_report_clear) struct audit_report rep = { 0 };

                checked(&rep);
                assert_false(rep.ok);
                assert_int_equal(rep.list[rep.n - 1].fault, FAULT_SIGNATURE);
                assert_int_equal(rep.list[rep.n - 1].seq, 2);
        }
}

static void digest_other_than_the_command_had(void **state)
{
        struct vouched_room room = { 0 };
        struct audit_record r;

        (void)state;
        vouched_begin(&checked_log);
        vouched_command(&checked_log, &room, &r);
        room.digest[0] ^= 1;
        r.time_ms = checked_log.time_ms;
        assert_int_equal(audit_append(checked_log.log, &r), 0);
        buf_clear(&room.signature);
        vouched_checkpoint(&checked_log);
        checked_fault(FAULT_HASHES, 2);
}

/* TPMT_PUBLIC of an RSA key. */
static void put_rsa(const struct pubkey *k, struct buf *b)
{
        static const uint8_t head[] = { 0, 1, 0, 0x0b, 0, 6, 4, 0x72, 0, 0, 0, 0x10, 0, 0x10, 8, 0, 0, 0, 0, 0 };

        assert_int_equal(buf_append(b, head, sizeof(head)), 0);
        vouched_put_2b(b, BYTES_OF(&k->n));
}

static void put_signature(struct bytes public, const char *mechanism, struct bytes digest, const struct buf *sig)
{
        struct audit_record r = { .event = AUDIT_USE, .time_ms = checked_log.time_ms, .operation = BYTES_STR("sign"), .mechanism = BYTES_STR(mechanism),
                                  .key_public = public, .digest = digest, .result = BYTES_OF(sig) };

        assert_int_equal(audit_append(checked_log.log, &r), 0);
}

/* A DigestInfo of 83 octets and a bare number of 256 are longer than a record keeps: SHA-256 of them. */
static void put_hashed(EVP_PKEY *key, struct bytes public, bool good)
{
        const struct hash *h = hash_by_name("SHA512");
        uint8_t long_digest[64] = { 5 }, em[256] = { 0, 1 }, digest[32];
        struct pk_params p = { .scheme = SCHEME_RSA_PKCS1, .hash = h };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        CLEANUP(buf_clear) struct buf bare = { 0 };
        CLEANUP(buf_clear) struct buf info = { 0 };

        evp_sign(key, &p, BYTES(long_digest, 64), &sig);
        assert_int_equal(buf_append(&info, h->digest_info.ptr, h->digest_info.len), 0);
        assert_int_equal(buf_append(&info, long_digest, 64), 0);
        info.ptr[info.len - 1] ^= !good;
        SHA256(info.ptr, info.len, digest);
        put_signature(public, "RSA-PKCS1", BYTES(digest, 32), &sig);
        evp_rsa_private(key, BYTES(em, sizeof(em)), &bare);
        em[5] ^= !good;
        SHA256(em, sizeof(em), digest);
        put_signature(public, "RSA-RAW", BYTES(digest, 32), &bare);
        SHA256(em + 1, sizeof(em) - 1, digest);
        put_signature(public, "RSA-RAW", BYTES(digest, 32), &bare);
}

static void put_each_mechanism(bool good)
{
        const struct hash *h = hash_by_name("SHA256"), *h1 = hash_by_name("SHA384");
        struct pk_params pkcs1 = { .scheme = SCHEME_RSA_PKCS1, .hash = h };
        struct pk_params pss = { .scheme = SCHEME_RSA_PSS, .hash = h, .mgf_hash = h1, .salt_len = 17 };
        CLEANUP(pubkey_clear) struct pubkey pub = { 0 };
        CLEANUP(buf_clear) struct buf public = { 0 };
        struct buf sig[2] = { { 0 }, { 0 } };
        EVP_PKEY *key = evp_key("RSA-2048", &pub);
        uint8_t digest[32] = { 9 };

        put_rsa(&pub, &public);
        evp_sign(key, &pkcs1, BYTES(digest, 32), &sig[0]);
        evp_sign(key, &pss, BYTES(digest, 32), &sig[1]);
        digest[3] ^= !good;
        put_signature(BYTES_OF(&public), "RSA-PKCS1-SHA256", BYTES(digest, 32), &sig[0]);
        put_signature(BYTES_OF(&public), "RSA-PSS-SHA256-MGF1-SHA384-17", BYTES(digest, 32), &sig[1]);
        put_hashed(key, BYTES_OF(&public), good);
        buf_clear(&sig[0]);
        buf_clear(&sig[1]);
        EVP_PKEY_free(key);
}

static void signatures_of_every_mechanism(void **state)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };
        CLEANUP(audit_report_clear) struct audit_report bad = { 0 };

        (void)state;
        vouched_begin(&checked_log);
        put_each_mechanism(true);
        vouched_checkpoint(&checked_log);
        checked(&r);
        checked_tell(&r);
        assert_true(r.ok);
        assert_int_equal(r.signatures_checked, 5);
        put_each_mechanism(false);
        vouched_checkpoint(&checked_log);
        checked(&bad);
        assert_int_equal(bad.n, 5);
        for (size_t i = 0; i < bad.n; i++) {
                assert_int_equal(bad.list[i].fault, FAULT_SIGNATURE);
                assert_int_equal(bad.list[i].seq, 7 + i);
        }
}

static void mechanism_that_is_none(void **state)
{
        static const char *const none[] = { "RSA-PSS-SHA256-MGF1-SHA256", "RSA-PSS-SHA256-SHA256-32", "RSA-PKCS1-MD4", "ECDSA-SHA256", "HMAC", "" };
        struct vouched_room room = { 0 };
        struct audit_record r;

        (void)state;
        vouched_begin(&checked_log);
        vouched_checkpoint(&checked_log);
        for (size_t i = 0; i < ARRAY_LEN(none); i++) {
                buf_reset(&room.signature);
                vouched_command(&checked_log, &room, &r);
                r.mechanism = BYTES_STR(none[i]);
                r.tpm.present = false;
                r.time_ms = checked_log.time_ms;
                assert_int_equal(audit_append(checked_log.log, &r), 0);
        }
        buf_clear(&room.signature);
        {
                CLEANUP(audit_report_clear) struct audit_report rep = { 0 };

                checked(&rep);
                assert_int_equal(rep.n, ARRAY_LEN(none));
                for (size_t i = 0; i < rep.n; i++)
                        assert_int_equal(rep.list[i].fault, FAULT_SIGNATURE);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                CHECKED_TEST(signatures_are_not_looked_at_unless_asked), CHECKED_TEST(zeros_before_r_and_s_may_be_dropped),
                CHECKED_TEST(signature_by_another_key), CHECKED_TEST(digest_other_than_the_command_had),
                CHECKED_TEST(signatures_of_every_mechanism), CHECKED_TEST(mechanism_that_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
