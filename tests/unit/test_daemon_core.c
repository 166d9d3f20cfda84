/* SPDX-License-Identifier: BSD-2-Clause */
/* What a daemon opens works together: here, on a TPM without command audit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "audit/check.h"
#include "daemon/core.h"
#include "keys/admin.h"
#include "keys/signer.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tests/fixture.h"
#include "tests/proxy.h"

struct running {
        struct fixture f;
        struct proxy proxy;
        struct core core;
        struct pubkey ak;
};

static void open_core(struct running *x)
{
        TPM2B_PUBLIC pub;

        if (core_open(&x->f.conf, &x->core) != 0)
                fail_msg("%s", err_text());
        pubkey_clear(&x->ak);
        assert_int_equal(tpmt_public_decode(BYTES_OF(&x->core.ak.pub), &pub), 0);
        assert_int_equal(tpmt_pubkey(&pub, &x->ak), 0);
}

static int setup(void **state)
{
        struct running *x = calloc(1, sizeof(*x));

        *state = x;
        fixture_blank(&x->f);
        x->f.conf.rotate_mib = 64;
        assert_int_equal(proxy_start(&x->proxy, &x->f.swtpm), 0);
        x->proxy.no_command_audit = true;
        free(x->f.conf.tcti);
        x->f.conf.tcti = strdup(x->proxy.tcti);
        if (admin_init(&x->f.conf, &(struct admin_init){ 0 }) != 0)
                fail_msg("%s", err_text());
        open_core(x);
        return 0;
}

static int teardown(void **state)
{
        struct running *x = *state;

        pubkey_clear(&x->ak);
        proxy_stop(&x->proxy);
        fixture_stop(&x->f);
        free(x);
        return 0;
}

static unsigned commands_told(const char *dir)
{
        struct audit_record rec;
        struct audit_reader *rd;
        struct bytes raw;
        unsigned n = 0;

        assert_int_equal(audit_reader_open(dir, 1, &rd), 0);
        while (audit_reader_next(rd, &raw) == 0) {
                assert_int_equal(audit_record_decode(raw, &rec), 0);
                n += rec.event == AUDIT_USE && rec.tpm.present && rec.tpm.cc == TPM2_CC_Sign;
        }
        audit_reader_close(rd);
        return n;
}

/* Its authorisation value is derived from the daemon's secret. */
static void sign_with(struct running *x, struct item *key, unsigned times)
{
        const struct caller c = { .record = recorder_append, .log = x->core.recorder };
        const struct key_use u = { .item = key, .agent = "a", .caller = &c };
        const struct pk_params p = { .scheme = SCHEME_ECDSA };
        uint8_t digest[32];

        for (unsigned i = 0; i < times; i++) {
                CLEANUP(buf_clear) struct buf sig = { 0 };

                assert_int_equal(crypto_random(digest, sizeof(digest)), 0);
                assert_int_equal(signer_sign(x->core.keyring, &u, &p, BYTES(digest, sizeof(digest)), &sig), 0);
        }
}

static void without_command_audit_the_session_vouches(void **state)
{
        struct audit_check_options o = { .signatures = true, .has_nv = true };
        CLEANUP(audit_report_clear) struct audit_report rep = { 0 };
        CLEANUP(buf_clear) struct buf dir = { 0 };
        struct running *x = *state;
        struct item *key = NULL;
        uint64_t before;

        assert_int_equal(recorder_mode(x->core.recorder), AUDIT_MODE_SESSION);
        assert_int_equal(keyring_agent_create(x->core.keyring, "a", "dana@example.com", NULL), 0);
        assert_int_equal(keyring_generate(x->core.keyring, "a", BYTES(NULL, 0), key_kind_by_name("P-256"), ALG_SIGN, BYTES_STR("k"), BYTES(NULL, 0),
                                          NULL, &key), 0);
        sign_with(x, key, 3);
        before = tpm_commands(x->core.tpm);
        sign_with(x, key, 1);
        assert_int_equal(tpm_commands(x->core.tpm) - before, 1);
        assert_int_equal(recorder_checkpoint(x->core.recorder), 0);
        assert_int_equal(tpm_commands(x->core.tpm) - before, 3);
        item_unref(key);
        assert_int_equal(core_close(&x->core), 0);
        assert_int_equal(swtpm_reset(&x->f.swtpm), 0);

        open_core(x);
        assert_int_equal(recorder_mode(x->core.recorder), AUDIT_MODE_SESSION);
        assert_int_equal(core_counter(&x->core, &o.nv_value), 0);
        assert_int_equal(conf_audit_dir(&x->core.conf, &dir), 0);
        o.ak = &x->ak;
        assert_int_equal(audit_check(buf_str(&dir), &o, &rep), 0);
        for (size_t i = 0; i < rep.n; i++)
                print_message("%s: %s\n", audit_fault_name(rep.list[i].fault), rep.list[i].text);
        assert_true(rep.ok);
        assert_int_equal(rep.n, 0);
        assert_int_equal(rep.mode, AUDIT_MODE_SESSION);
        assert_int_equal(rep.signatures_checked, 4);
        assert_int_equal(commands_told(buf_str(&dir)), 4);
        assert_int_equal(core_close(&x->core), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_command_audit_the_session_vouches),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
