/* SPDX-License-Identifier: BSD-2-Clause */
/* Checkpoints that a key for witnesses has signed, too: by that key, over this text, and the newest in any case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/checked.h"
#include "tests/evp.h"

static EVP_PKEY *key, *another;
static uint8_t key_octets[VKEY_SIZE], another_octets[VKEY_SIZE];

static int start(void **state)
{
        (void)state;
        key = evp_ed25519(key_octets);
        another = evp_ed25519(another_octets);
        return 0;
}

static int stop(void **state)
{
        (void)state;
        EVP_PKEY_free(key);
        EVP_PKEY_free(another);
        return 0;
}

/* name: of the verifier key, "" if it came without. */
static void check(const uint8_t by[VKEY_SIZE], const char *name, struct audit_report *ret)
{
        struct audit_witness w = { .name = BYTES_STR(name), .verify = evp_ed25519_verify };
        struct audit_check_options o = { .ak = &checked_log.tpm.ak_pub, .witness = &w };

        memcpy(w.key, by, sizeof(w.key));
        checked_with(&o, ret);
}

static void expect_good(const char *name, uint64_t witnessed)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        check(key_octets, name, &r);
        checked_tell(&r);
        assert_true(r.ok);
        assert_int_equal(r.n, 0);
        assert_int_equal(r.witnessed, witnessed);
}

static void expect_fault(const uint8_t by[VKEY_SIZE], const char *name, uint64_t seq)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        check(by, name, &r);
        checked_first(&r, FAULT_CHECKPOINT, seq);
}

static void signed_by_both(void **state)
{
        (void)state;
        checked_log.witness = key;
        checked_small();
        expect_good("", 2);
        expect_good("holdfast/host.example/1", 2);
        /* The number is the log's, the key is the host's. */
        expect_good("holdfast/host.example/2", 2);
        /* Who does not ask is not told. */
        checked_good();
}

static void signed_by_another_key(void **state)
{
        (void)state;
        checked_log.witness = key;
        checked_small();
        expect_fault(another_octets, "", 5);
        expect_fault(another_octets, "holdfast/host.example/1", 5);
}

static void the_key_of_another_host(void **state)
{
        (void)state;
        checked_log.witness = key;
        checked_small();
        expect_fault(key_octets, "holdfast/host.example.org/1", 5);
        expect_fault(key_octets, "host.example", 5);
}

static void never_signed(void **state)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        (void)state;
        checked_small();
        check(key_octets, "", &r);
        assert_false(r.ok);
        assert_int_equal(r.n, 2);
        assert_true(r.list[0].warning && r.list[0].seq == 5);
        assert_true(!r.list[1].warning && r.list[1].seq == 9);
        assert_int_equal(r.witnessed, 0);
}

/* The key was configured later: worth a word, and no more. */
static void signed_from_some_time_on(void **state)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        (void)state;
        checked_small();
        checked_log.witness = key;
        vouched_record(&checked_log, AUDIT_START, "2");
        vouched_checkpoint(&checked_log);
        check(key_octets, "", &r);
        assert_true(r.ok);
        assert_int_equal(r.n, 1);
        assert_true(r.list[0].warning && r.list[0].seq == 5);
        assert_int_equal(r.witnessed, 1);
}

static void not_signed_any_more(void **state)
{
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        (void)state;
        checked_log.witness = key;
        checked_small();
        checked_log.witness = NULL;
        vouched_record(&checked_log, AUDIT_START, "2");
        vouched_checkpoint(&checked_log);
        check(key_octets, "", &r);
        assert_false(r.ok);
        assert_int_equal(r.witnessed, 2);
}

/* The line of one checkpoint under the text of another. */
static void signature_of_another_text(void **state)
{
        CLEANUP(buf_clear) struct buf note = { 0 };
        struct audit_head h;
        uint8_t *line;
        CLEANUP(audit_report_clear) struct audit_report r = { 0 };

        (void)state;
        checked_log.witness = key;
        vouched_begin(&checked_log);
        audit_log_head(checked_log.log, &h);
        vouched_note(&checked_log, &h, &note);
        /* In the middle of the signature, which is the last thing in the note. */
        line = note.ptr + note.len - 30;
        *line = *line == 'A' ? 'B' : 'A';
        assert_int_equal(audit_log_put_checkpoint(checked_log.log, &h, 1, BYTES_OF(&note)), 0);
        expect_fault(key_octets, "", 1);
        check(key_octets, "", &r);
        assert_non_null(strstr(r.list[0].text, "the signature is wrong"));
        /* The TPM's own word is as good as before. */
        checked_good();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                CHECKED_TEST(signed_by_both),
                CHECKED_TEST(signed_by_another_key),
                CHECKED_TEST(the_key_of_another_host),
                CHECKED_TEST(never_signed),
                CHECKED_TEST(signed_from_some_time_on),
                CHECKED_TEST(not_signed_any_more),
                CHECKED_TEST(signature_of_another_text),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
