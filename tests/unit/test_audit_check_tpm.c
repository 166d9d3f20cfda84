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
        enum tpm_attest what = mode == AUDIT_MODE_COMMAND ? TPM_ATTEST_COMMAND_AUDIT : TPM_ATTEST_QUOTE;
        struct noting n = { .c = { .batch = batch, .count = count, .mode = mode, .time_ms = 1795608000000 } };
        CLEANUP(buf_clear) struct buf note = { 0 };

        audit_log_head(audit, &n.c.head);
        ok(buf_append_str(&n.c.origin, "holdfast/swtpm/1"));
        ok(tpm_attest(f.t, what, &ak, auth, text, &n, &n.c.attest, &n.c.signature));
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
        bool has;
        size_t n;

        ok(tpm_audit_commands(f.t, &has, list, &n));
        assert_true(has);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(real_signatures_are_vouched_for), TEST(real_signature_behind_the_back), TEST(real_list_cut),
                TEST(real_reset_with_a_batch_open), TEST(real_quote_where_there_is_no_command_audit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
