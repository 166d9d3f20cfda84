/* SPDX-License-Identifier: BSD-2-Clause */
/* A second signature on each checkpoint: under the name of its log, over its text, and missed without harm where it fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tests/evp.h"
#include "tests/recordfix.h"

struct signer {
        EVP_PKEY *key;
        uint8_t public[VKEY_SIZE];
        bool fails;
        unsigned made;
};

static int sign(void *ctx, struct bytes name, struct bytes text, struct buf *ret_line)
{
        struct signer *s = ctx;
        uint8_t signature[VKEY_SIGNATURE_SIZE];

        if (s->fails)
                return err(ERR_NOMEM, "not today");
        evp_ed25519_sign(s->key, text, signature);
        s->made++;
        return vkey_line(name, s->public, signature, ret_line);
}

static void begin(struct recordfix *s, struct signer *by, const char *log)
{
        by->key = evp_ed25519(by->public);
        recordfix_log(s, log);
        s->o.cosign = sign;
        s->o.cosign_ctx = by;
        recordfix_open(s);
}

static void end(struct recordfix *s, struct signer *by, struct audit_report *ret)
{
        struct audit_witness w = { .verify = evp_ed25519_verify };
        struct audit_check_options o = { .ak = &s->ak_key, .witness = &w };

        recordfix_close(s);
        s->o.cosign = NULL;
        memcpy(w.key, by->public, sizeof(w.key));
        EVP_PKEY_free(by->key);
        assert_int_equal(audit_check(s->dir, &o, ret), 0);
}

static void each_log_under_its_own_name(void **state)
{
        struct recordfix *s = *state;
        CLEANUP(audit_report_clear) struct audit_report rep = { 0 };
        struct signer by = { 0 };
        struct recorder_state now;

        s->o.rotate_size = 1500;
        begin(s, &by, "named");
        for (int i = 0; i < 8; i++) {
                assert_int_equal(recordfix_sign(s), 0);
                assert_int_equal(recorder_tick(s->r), 0);
        }
        recorder_state(s->r, &now);
        assert_string_equal(now.origin, s->o.origin);
        end(s, &by, &rep);
        s->o.rotate_size = 0;
        recordfix_print(&rep);
        assert_true(rep.ok);
        assert_int_equal(rep.n, 0);
        assert_true(rep.logs >= 2);
        assert_int_equal(rep.witnessed, rep.checkpoints);
        assert_int_equal(rep.witnessed, by.made);
}

/* The reason of the last record about a checkpoint. */
static void last_reason(struct recordfix *s, struct buf *ret)
{
        struct audit_reader *rd = NULL;
        struct audit_record rec;
        struct bytes raw;

        assert_int_equal(audit_reader_open(s->dir, 1, &rd), 0);
        while (audit_reader_next(rd, &raw) == 0) {
                assert_int_equal(audit_record_decode(raw, &rec), 0);
                if (rec.event == AUDIT_CHECKPOINT)
                        assert_int_equal(buf_set(ret, rec.reason), 0);
        }
        audit_reader_close(rd);
}

/* The TPM has closed its batch by then: there is a checkpoint all the same, and it says what it lacks. */
static void one_that_fails_is_told(void **state)
{
        struct recordfix *s = *state;
        CLEANUP(audit_report_clear) struct audit_report rep = { 0 };
        CLEANUP(buf_clear) struct buf reason = { 0 };
        struct signer by = { 0 };

        begin(s, &by, "failing");
        assert_int_equal(recordfix_sign(s), 0);
        by.fails = true;
        assert_int_equal(recorder_checkpoint(s->r), 0);
        last_reason(s, &reason);
        assert_string_equal(buf_str(&reason), "the witness key did not sign: not today");
        by.fails = false;
        assert_int_equal(recordfix_sign(s), 0);
        assert_int_equal(recorder_checkpoint(s->r), 0);
        last_reason(s, &reason);
        assert_int_equal(reason.len, 0);
        end(s, &by, &rep);
        assert_true(rep.ok);
        assert_int_equal(rep.n, 1);
        assert_true(rep.list[0].warning);
        assert_int_equal(rep.witnessed + 1, rep.checkpoints);
        recordfix_require(s, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_log_under_its_own_name),
                cmocka_unit_test(one_that_fails_is_told),
        };

        return cmocka_run_group_tests(tests, recordfix_start, recordfix_stop);
}
