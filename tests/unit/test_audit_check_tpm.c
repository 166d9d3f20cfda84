/* SPDX-License-Identifier: BSD-2-Clause */
/* A real TPM vouches for a log: what it hashed is what we compute, and what it did without us is seen. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "audit/check.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tests/tpmfix.h"
#include "tpm/audit.h"

#define SEEN_MAX 64

static struct tpmfix f;
static struct tpm_ak ak;
static struct pubkey ak_pub;
static struct tpmkey keys[3];
static struct audit_log *audit;
static char dir[96];
static struct tpm_audited seen[SEEN_MAX];
static size_t n_seen;
static uint64_t batch, count;
static struct bytes auth;

static void ok(int r)
{
        if (r != 0)
                fail_msg("%s: %s", err_name(r), err_text());
}

static void observe(void *ctx, const struct tpm_audited *a)
{
        (void)ctx;
        if (a->event == TPM_AUDIT_EXTENDED && n_seen < SEEN_MAX)
                seen[n_seen++] = *a;
}

/* What the TPM did, by records of their own. */
static void append_seen(struct audit_record *r)
{
        for (size_t i = 0; i < n_seen; i++) {
                struct audit_record gap = { .event = AUDIT_GAP };
                struct audit_record *rec = r != NULL && i == n_seen - 1 ? r : &gap;

                rec->time_ms = 1795608000000;
                rec->tpm = (struct audit_tpm){ true, batch, ++count, seen[i].cc, BYTES(seen[i].cp_hash, 32), BYTES(seen[i].rp_hash, 32) };
                ok(audit_append(audit, rec));
        }
        n_seen = 0;
}

static void set_list(const uint32_t *list, size_t n)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct audit_record r = { .event = AUDIT_LIST, .time_ms = 1795608000000 };
        bool changed;

        ok(tpm_audit_list_set(f.t, auth, list, n, &changed));
        append_seen(NULL);
        ok(audit_list_format(list, n, &text));
        r.detail = BYTES_OF(&text);
        ok(audit_append(audit, &r));
}

struct noting {
        struct checkpoint c;
};

static int text(void *ctx, uint8_t ret[TPM_AUDIT_HASH])
{
        struct noting *n = ctx;

        return checkpoint_digest(&n->c, ret);
}

static void checkpoint(enum audit_mode mode)
{
        static const enum tpm_attest by[] = {
                [AUDIT_MODE_NONE] = TPM_ATTEST_QUOTE, [AUDIT_MODE_SESSION] = TPM_ATTEST_SESSION_AUDIT, [AUDIT_MODE_COMMAND] = TPM_ATTEST_COMMAND_AUDIT,
        };
        struct noting n = { .c = { .batch = batch, .count = count, .mode = mode, .time_ms = 1795608000000 } };
        CLEANUP(buf_clear) struct buf note = { 0 };

        audit_log_head(audit, &n.c.head);
        ok(buf_append_str(&n.c.origin, "holdfast/swtpm/1"));
        ok(tpm_attest(f.t, by[mode], &ak, auth, text, &n, &n.c.attest, &n.c.signature));
        ok(checkpoint_format(&n.c, &ak_pub, &note));
        ok(audit_log_put_checkpoint(audit, &n.c.head, batch, BYTES_OF(&note)));
        checkpoint_clear(&n.c);
        batch++;
        count = 0;
}

static const struct {
        const char *kind, *mechanism, *hash;
        enum scheme scheme;
} ways[] = {
        { "P-256", "ECDSA", "SHA256", SCHEME_ECDSA },
        { "P-384", "ECDSA", "SHA384", SCHEME_ECDSA },
        { "RSA-2048", "RSA-PKCS1-SHA256", "SHA256", SCHEME_RSA_PKCS1 },
};

static void sign_with(unsigned i, bool tell)
{
        const struct hash *h = hash_by_name(ways[i].hash);
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[HASH_MAX];
        struct audit_record r = {
                .event = AUDIT_USE, .operation = BYTES_STR("sign"), .mechanism = BYTES_STR(ways[i].mechanism),
                .key_public = BYTES(keys[i].pub.ptr + 2, keys[i].pub.len - 2), .digest = BYTES(digest, h->size),
        };

        ok(crypto_random(digest, sizeof(digest)));
        ok(tpm_sign(f.t, &keys[i].key, ways[i].scheme, h, r.digest, &sig));
        r.result = BYTES_OF(&sig);
        if (tell)
                append_seen(&r);
        n_seen = 0;
}

static int setup(void **state)
{
        struct audit_log_options o = { 0 };
        struct audit_recovery how;
        TPM2B_PUBLIC pub;

        (void)state;
        auth = BYTES_STR("");
        batch = 1;
        n_seen = 0;
        count = 0;
        tpmfix_start(&f);
        snprintf(dir, sizeof(dir), "%s/audit", f.sw.dir);
        ok(tpm_ak_make(f.t, 0x81010b00, auth, auth, &ak));
        ok(tpmt_public_decode(BYTES_OF(&ak.pub), &pub));
        ok(tpmt_pubkey(&pub, &ak_pub));
        for (unsigned i = 0; i < ARRAY_LEN(ways); i++)
                tpmkey_make(f.t, ways[i].kind, ALG_SIGN, "", false, &keys[i]);
        ok(tpm_observe(f.t, observe, NULL));
        ok(audit_log_open(dir, &o, &how, &audit));
        return 0;
}

static int teardown(void **state)
{
        (void)state;
        audit_log_close(audit);
        for (unsigned i = 0; i < ARRAY_LEN(ways); i++)
                tpmkey_clear(&keys[i]);
        tpm_ak_clear(&ak);
        pubkey_clear(&ak_pub);
        tpmfix_stop(&f);
        return 0;
}

static void set_whole_list(void)
{
        uint32_t list[TPM_AUDIT_LIST_MAX];
        enum tpm_audit_kind kind;
        size_t n;

        ok(tpm_audit_commands(f.t, &kind, list, &n));
        assert_int_equal(kind, TPM_AUDIT_COMMAND);
        set_list(list, n);
}

static void begin(void)
{
        set_whole_list();
        checkpoint(AUDIT_MODE_COMMAND);
}

/* The first that is no warning, 0: none, and how many there are. */
static unsigned faults;

static unsigned check(void)
{
        struct audit_check_options o = { .ak = &ak_pub, .signatures = true };
        struct audit_report r = { 0 };
        unsigned fault = 0;

        faults = 0;
        ok(audit_check(dir, &o, &r));
        for (size_t i = r.n; i-- > 0;)
                if (!r.list[i].warning) {
                        print_message("%s at %" PRIu64 ": %s\n", audit_fault_name(r.list[i].fault), r.list[i].seq, r.list[i].text);
                        fault = r.list[i].fault;
                        faults++;
                }
        assert_int_equal(r.ok, fault == 0);
        audit_report_clear(&r);
        return fault;
}

static void real_signatures_are_vouched_for(void **state)
{
        (void)state;
        begin();
        for (unsigned i = 0; i < 9; i++)
                sign_with(i % 3, true);
        checkpoint(AUDIT_MODE_COMMAND);
        checkpoint(AUDIT_MODE_COMMAND);
        sign_with(0, true);
        checkpoint(AUDIT_MODE_COMMAND);
        assert_int_equal(check(), 0);
}

static void real_signature_behind_the_back(void **state)
{
        (void)state;
        begin();
        sign_with(0, true);
        sign_with(0, false);
        checkpoint(AUDIT_MODE_COMMAND);
        assert_int_equal(check(), FAULT_OFF_LOG);
}

static void real_list_cut(void **state)
{
        static const uint32_t less[] = { 0x148, 0x158 };
        bool changed;

        (void)state;
        begin();
        ok(tpm_audit_list_set(f.t, auth, less, ARRAY_LEN(less), &changed));
        assert_true(changed);
        n_seen = 0;
        sign_with(0, false);
        checkpoint(AUDIT_MODE_COMMAND);
        {
                unsigned fault = check();

                assert_true(fault == FAULT_LIST || fault == FAULT_OFF_LOG);
        }
}

static void real_reset_with_a_batch_open(void **state)
{
        (void)state;
        begin();
        sign_with(0, true);
        assert_int_equal(swtpm_reset(&f.sw), 0);
        tpmfix_reopen(&f);
        ok(tpm_observe(f.t, observe, NULL));
        batch++;
        count = 0;
        n_seen = 0;
        set_whole_list();
        sign_with(0, true);
        checkpoint(AUDIT_MODE_COMMAND);
        /* By its record, and by the counter. */
        assert_int_equal(check(), FAULT_LOST_BATCH);
        assert_int_equal(faults, 2);
}

static void real_quote_where_there_is_no_command_audit(void **state)
{
        struct audit_record r = { .event = AUDIT_START, .time_ms = 1795608000000 };

        (void)state;
        ok(audit_append(audit, &r));
        checkpoint(AUDIT_MODE_NONE);
        assert_int_equal(check(), 0);
}

static void begin_session(void)
{
        static const uint32_t uses[] = { TPM2_CC_Sign };

        ok(tpm_audit_session_set(f.t, uses, ARRAY_LEN(uses)));
        checkpoint(AUDIT_MODE_SESSION);
}

static void real_session_vouches_for_signatures(void **state)
{
        (void)state;
        begin_session();
        for (unsigned i = 0; i < 9; i++)
                sign_with(i % 3, true);
        checkpoint(AUDIT_MODE_SESSION);
        checkpoint(AUDIT_MODE_SESSION);
        sign_with(0, true);
        checkpoint(AUDIT_MODE_SESSION);
        assert_int_equal(check(), 0);
}

/* It does not say that the log is complete. */
static void real_session_and_a_signature_past_it(void **state)
{
        struct tpm *other = tpmfix_open(&f);

        (void)state;
        begin_session();
        sign_with(0, true);
        assert_int_equal(tpmkey_sign(other, &keys[0]), 0);
        tpm_close(other);
        sign_with(0, true);
        checkpoint(AUDIT_MODE_SESSION);
        assert_int_equal(check(), 0);
}

static void real_session_and_a_record_taken_out(void **state)
{
        (void)state;
        begin_session();
        sign_with(0, true);
        sign_with(0, false);
        count++;
        sign_with(0, true);
        checkpoint(AUDIT_MODE_SESSION);
        assert_int_equal(check(), FAULT_OFF_LOG);
}

/* The forger can have the checkpoint say what he likes, but not the TPM. */
static void real_session_and_a_record_put_in(void **state)
{
        struct audit_record made_up = { .event = AUDIT_USE, .time_ms = 1795608000000, .operation = BYTES_STR("decrypt") };
        static const uint8_t hash[32] = { 7 };

        (void)state;
        begin_session();
        sign_with(0, true);
        made_up.tpm = (struct audit_tpm){ true, batch, ++count, TPM2_CC_RSA_Decrypt, BYTES(hash, 32), BYTES(hash, 32) };
        ok(audit_append(audit, &made_up));
        sign_with(0, true);
        checkpoint(AUDIT_MODE_SESSION);
        assert_int_equal(check(), FAULT_UNDONE);
        assert_int_equal(faults, 1);
}

static void real_session_and_forged_hashes(void **state)
{
        struct audit_record told = { .event = AUDIT_USE, .operation = BYTES_STR("decrypt") };

        (void)state;
        begin_session();
        sign_with(0, true);
        assert_int_equal(tpmkey_sign(f.t, &keys[1]), 0);
        seen[0].rp_hash[3] ^= 1;
        append_seen(&told);
        checkpoint(AUDIT_MODE_SESSION);
        assert_int_equal(check(), FAULT_UNDONE);
        assert_int_equal(faults, 1);
}

static void real_session_gone_with_a_batch_open(void **state)
{
        (void)state;
        begin_session();
        sign_with(0, true);
        assert_int_equal(swtpm_flush(&f.sw, TPM2_LOADED_SESSION_FIRST), 0);
        /* Whoever says that the batch went on is contradicted. */
        sign_with(0, true);
        checkpoint(AUDIT_MODE_SESSION);
        assert_int_equal(check(), FAULT_UNDONE);
}

static void real_session_given_up_for_nothing(void **state)
{
        struct audit_check_options o = { .ak = &ak_pub, .signatures = true };
        struct audit_report r = { 0 };

        (void)state;
        begin_session();
        sign_with(0, true);
        checkpoint(AUDIT_MODE_SESSION);
        checkpoint(AUDIT_MODE_NONE);
        ok(audit_check(dir, &o, &r));
        assert_true(r.ok);
        assert_int_equal(r.n, 1);
        assert_int_equal(r.list[0].fault, FAULT_LIST);
        audit_report_clear(&r);
        /* And records in between are nobody's. */
        sign_with(0, true);
        batch++;
        count = 0;
        checkpoint(AUDIT_MODE_NONE);
        assert_int_equal(check(), FAULT_LOST_BATCH);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(real_signatures_are_vouched_for), TEST(real_signature_behind_the_back), TEST(real_list_cut),
                TEST(real_reset_with_a_batch_open), TEST(real_quote_where_there_is_no_command_audit),
                TEST(real_session_vouches_for_signatures), TEST(real_session_and_a_signature_past_it), TEST(real_session_and_a_record_taken_out),
                TEST(real_session_and_a_record_put_in), TEST(real_session_and_forged_hashes), TEST(real_session_gone_with_a_batch_open),
                TEST(real_session_given_up_for_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
