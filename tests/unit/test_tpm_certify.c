/* SPDX-License-Identifier: BSD-2-Clause */
/* The attestation key speaks of keys and PCRs: in one command each, of the right ones, and no authorisation value is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <tss2/tss2_tpm2_types.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpms.h"
#include "lib/tpmt.h"
#include "tests/tpmdev.h"
#include "tests/tpmfix.h"
#include "tpm/certify.h"

#define AK_AT 0x81010b01u
#define SESSIONS 0x02000000u            /* what a neighbour flushes */
#define OBJECTS 0x80000000u
#define AK_AUTH BYTES_STR("the attestation key's value")
#define KEY_AUTH "the agent's key's value"
#define EXTRA BYTES_STR("what was agreed upon")

struct certify {
        struct tpmfix f;
        struct tpm_ak ak;
        struct pubkey ak_key;
        struct tpmkey key;
        struct buf attest, signature;
};

static int start(void **state)
{
        struct certify *s = calloc(1, sizeof(*s));
        TPM2B_PUBLIC pub;

        tpmfix_start(&s->f);
        assert_int_equal(tpm_ak_make(s->f.t, AK_AT, BYTES(NULL, 0), AK_AUTH, &s->ak), 0);
        assert_int_equal(tpmt_public_decode(BYTES_OF(&s->ak.pub), &pub), 0);
        assert_int_equal(tpmt_pubkey(&pub, &s->ak_key), 0);
        tpmkey_make(s->f.t, "P-256", ALG_SIGN, KEY_AUTH, false, &s->key);
        *state = s;
        return 0;
}

static int stop(void **state)
{
        struct certify *s = *state;

        tpmkey_clear(&s->key);
        pubkey_clear(&s->ak_key);
        tpm_ak_clear(&s->ak);
        buf_clear(&s->attest);
        buf_clear(&s->signature);
        tpmfix_stop(&s->f);
        free(s);
        return 0;
}

static int certify(struct certify *s)
{
        return tpm_certify(s->f.t, &s->key.key, &s->ak, AK_AUTH, EXTRA, &s->attest, &s->signature);
}

static int quote(struct certify *s, uint32_t pcrs)
{
        return tpm_quote(s->f.t, &s->ak, AK_AUTH, EXTRA, hash_by_name("SHA256"), pcrs, &s->attest, &s->signature);
}

/* Signed by the attestation key, of that type and with what was agreed upon; what follows. */
static struct tpms said(const struct certify *s, uint16_t type)
{
        struct tpms r = TPMS(BYTES_OF(&s->attest));
        struct tpms_attest a;

        assert_int_equal(tpms_verify(BYTES_OF(&s->signature), &s->ak_key, SCHEME_ECDSA, hash_by_name("SHA256"), BYTES_OF(&s->attest)), 0);
        tpms_get_attest(&r, &a);
        assert_int_equal(a.magic, TPM2_GENERATED_VALUE);
        assert_int_equal(a.type, type);
        assert_true(bytes_equal(a.extra, EXTRA));
        return r;
}

static void require_certified(const struct certify *s)
{
        struct tpms r = said(s, TPM2_ST_ATTEST_CERTIFY);

        assert_true(bytes_equal(tpms_2b(&r), s->key.key.name));
        assert_int_equal(tpms_2b(&r).len, 34);
        assert_true(!r.bad && r.left.len == 0);
}

static void speaks_of_the_key_and_shows_no_value(void **state)
{
        struct certify *s = *state;

        assert_int_equal(certify(s), 0);
        require_certified(s);
        assert_false(proxy_saw(&s->f.proxy, KEY_AUTH, strlen(KEY_AUTH)));
        assert_false(proxy_saw(&s->f.proxy, AK_AUTH.ptr, AK_AUTH.len));
        assert_int_equal(tpmfix_objects(&s->f), 1);
        assert_int_equal(tpmfix_wrong_tries(&s->f), 0);
}

static void takes_one_command_once_all_is_loaded(void **state)
{
        struct certify *s = *state;
        uint64_t before;

        assert_int_equal(certify(s), 0);
        assert_int_equal(quote(s, 1), 0);
        before = tpm_commands(s->f.t);
        assert_int_equal(certify(s), 0);
        assert_int_equal(tpm_commands(s->f.t), before + 1);
        require_certified(s);
        assert_int_equal(quote(s, 1), 0);
        assert_int_equal(tpm_commands(s->f.t), before + 2);
        /* And the sessions are good for what was there before. */
        assert_int_equal(tpmkey_sign(s->f.t, &s->key), 0);
        assert_int_equal(tpm_commands(s->f.t), before + 3);
        assert_int_equal(tpmfix_sessions(&s->f), 2);
}

static void a_key_without_a_value_needs_no_second_session(void **state)
{
        struct certify *s = *state;

        tpmkey_clear(&s->key);
        tpmkey_make(s->f.t, "RSA-2048", ALG_SIGN, "", false, &s->key);
        assert_int_equal(certify(s), 0);
        require_certified(s);
        assert_int_equal(tpmfix_sessions(&s->f), 1);
}

static void wrong_values_are_refused_and_cost_no_try(void **state)
{
        struct certify *s = *state;

        assert_int_equal(tpm_certify(s->f.t, &s->key.key, &s->ak, BYTES_STR("another"), EXTRA, &s->attest, &s->signature), ERR_AUTH);
        s->key.key.auth = BYTES_STR("another");
        assert_int_equal(certify(s), ERR_AUTH);
        s->key.key.auth = BYTES_STR(KEY_AUTH);
        assert_int_equal(s->attest.len, 0);
        assert_int_equal(certify(s), 0);
        require_certified(s);
        assert_int_equal(tpmfix_wrong_tries(&s->f), 0);
}

/* swtpm locks itself after three: what a user mistypes once, and what gets lost on the way, is not to bring him nearer to that. */
static void one_wrong_value_of_a_key_under_lockout_is_one_try(void **state)
{
        static const struct {
                enum fault fault;
                uint32_t arg;
        } faults[] = { { FAULT_LOST, TPM2_RC_RETRY }, { FAULT_CODE, TPM2_RC_RETRY }, { FAULT_CLOSE, 0 } };
        struct certify *s = *state;

        tpmkey_clear(&s->key);
        tpmkey_make(s->f.t, "P-256", ALG_SIGN, KEY_AUTH, true, &s->key);
        for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
                assert_int_equal(certify(s), 0);
                for (unsigned n = 1; n <= 2; n++) {
                        proxy_arm(&s->f.proxy, n, faults[i].fault, faults[i].arg);
                        assert_int_equal(certify(s), 0);
                        require_certified(s);
                        proxy_arm(&s->f.proxy, 0, FAULT_NONE, 0);
                        assert_int_equal(tpmfix_wrong_tries(&s->f), 0);
                }
        }
        s->key.key.auth = BYTES_STR("another");
        assert_int_equal(certify(s), ERR_AUTH);
        assert_int_equal(tpmfix_wrong_tries(&s->f), 1);
        s->key.key.auth = BYTES_STR(KEY_AUTH);
        assert_int_equal(certify(s), 0);
        require_certified(s);
}

static void another_key_at_the_handle_is_refused(void **state)
{
        struct certify *s = *state;
        CLEANUP(tpm_ak_clear) struct tpm_ak other = { 0 };

        assert_int_equal(tpm_ak_make(s->f.t, AK_AT + 1, BYTES(NULL, 0), BYTES_STR("other"), &other), 0);
        other.handle = AK_AT;
        assert_int_equal(tpm_certify(s->f.t, &s->key.key, &other, AK_AUTH, EXTRA, &s->attest, &s->signature), ERR_AUTH);
        assert_int_equal(tpm_quote(s->f.t, &other, AK_AUTH, EXTRA, hash_by_name("SHA256"), 1, &s->attest, &s->signature), ERR_AUTH);
}

/* Whatever happens in the middle. */
static void heals(void **state)
{
        static const struct {
                enum fault fault;
                uint32_t arg;
        } faults[] = {
                { FAULT_CODE, TPM2_RC_RETRY }, { FAULT_LOST, TPM2_RC_RETRY }, { FAULT_RESET, 0 }, { FAULT_CLOSE, 0 }, { FAULT_TRUNCATED, 20 }, { FAULT_FLIP, 40 },
                { FAULT_CODE, TPM2_RC_REFERENCE_S0 }, { FAULT_CODE, TPM2_RC_REFERENCE_S1 }, { FAULT_CODE, TPM2_RC_REFERENCE_H0 },
        };
        struct certify *s = *state;

        for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
                for (unsigned cold = 0; cold < 2; cold++) {
                        if (cold)
                                tpmfix_reopen(&s->f);
                        for (unsigned n = 1; n <= (cold ? 4u : 1u); n++) {
                                assert_int_equal(certify(s), 0);
                                proxy_arm(&s->f.proxy, n, faults[i].fault, faults[i].arg);
                                assert_int_equal(certify(s), 0);
                                require_certified(s);
                                proxy_arm(&s->f.proxy, n, faults[i].fault, faults[i].arg);
                                assert_int_equal(quote(s, 1), 0);
                                said(s, TPM2_ST_ATTEST_QUOTE);
                                proxy_arm(&s->f.proxy, 0, FAULT_NONE, 0);
                        }
                }
        }
        assert_int_equal(tpmfix_wrong_tries(&s->f), 0);
}

static void heals_when_its_sessions_were_flushed_by_others(void **state)
{
        struct certify *s = *state;

        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(certify(s), 0);
                assert_int_equal(swtpm_flush(&s->f.sw, SESSIONS), 0);
                assert_int_equal(certify(s), 0);
                require_certified(s);
                assert_int_equal(swtpm_flush(&s->f.sw, OBJECTS), 0);
                assert_int_equal(certify(s), 0);
                require_certified(s);
                assert_int_equal(swtpm_reset(&s->f.sw), 0);
        }
        assert_int_equal(certify(s), 0);
        assert_int_equal(tpmfix_sessions(&s->f), 2);
        assert_int_equal(tpmfix_wrong_tries(&s->f), 0);
}

/* Two programs on one TPM with the least that there is: nobody's session is used by the other. */
static void shares_a_tpm_of_three_sessions(void **state)
{
        struct certify *s = *state;
        struct tpm *other = tpmfix_open(&s->f);

        for (unsigned i = 0; i < 4; i++) {
                assert_int_equal(certify(s), 0);
                require_certified(s);
                assert_int_equal(tpm_certify(other, &s->key.key, &s->ak, AK_AUTH, EXTRA, &s->attest, &s->signature), 0);
                require_certified(s);
                assert_int_equal(tpmkey_sign(other, &s->key), 0);
                assert_int_equal(tpmkey_sign(s->f.t, &s->key), 0);
        }
        tpm_close(other);
        tpmfix_reopen(&s->f);
        assert_int_equal(tpmfix_wrong_tries(&s->f), 0);
}

static void nothing_is_left_behind(void **state)
{
        struct certify *s = *state;

        assert_int_equal(certify(s), 0);
        tpm_close(s->f.t);
        assert_int_equal(tpmfix_objects(&s->f), 0);
        assert_int_equal(tpmfix_sessions(&s->f), 0);
        s->f.t = tpmfix_open(&s->f);
}

/* Where whatever stays costs time with every command. */
static void behind_a_resource_manager_the_second_session_goes(void **state)
{
        struct certify *s = *state;
        struct tpm_options through = s->f.options;
        struct tpmdev d;
        struct tpm *t;
        uint64_t before;
        unsigned closed;

        tpm_close(s->f.t);
        assert_int_equal(tpmdev_start(&d, &s->f.sw, "tpmrm0"), 0);
        tpmdev_answer(&d);
        through.tcti = d.tcti;
        through.state_dirfd = -1;
        assert_int_equal(tpm_open(&through, &t), 0);
        assert_int_equal(tpm_set_parent(t, &s->f.parent), 0);
        for (int i = 0; i < 3; i++) {
                before = tpm_commands(t);
                assert_int_equal(tpm_certify(t, &s->key.key, &s->ak, AK_AUTH, EXTRA, &s->attest, &s->signature), 0);
                /* StartAuthSession, Certify, FlushContext; before that a session and the key. */
                assert_int_equal(tpm_commands(t) - before, i == 0 ? 5 : 3);
                require_certified(s);
                assert_int_equal(tpmfix_sessions(&s->f), 1);
                assert_int_equal(tpmfix_objects(&s->f), 1);
        }
        closed = d.closed;
        tpm_close(t);
        while (closed == d.closed)
                usleep(1000);
        tpmdev_stop(&d);
        s->f.t = tpmfix_open(&s->f);
}

static void quotes_exactly_these_pcrs(void **state)
{
        struct certify *s = *state;
        CLEANUP(buf_clear) struct buf values = { 0 };
        static const uint8_t select[] = { 0, 0, 0, 1, 0, 0x0b, 3, 0x81, 0x04, 0x80 };
        uint8_t digest[32];
        struct tpms r;

        assert_int_equal(tpm_pcr_read(s->f.t, hash_by_name("SHA256"), 0x800481, &values), 0);
        assert_int_equal(values.len, 4 * 32);
        assert_int_equal(crypto_hash(hash_by_name("SHA256"), &BYTES_OF(&values), 1, digest), 0);
        assert_int_equal(quote(s, 0x800481), 0);
        r = said(s, TPM2_ST_ATTEST_QUOTE);
        assert_true(bytes_equal(tpms_bytes(&r, sizeof(select)), BYTES(select, sizeof(select))));
        assert_true(bytes_equal(tpms_2b(&r), BYTES(digest, sizeof(digest))));
        assert_int_equal(r.left.len, 0);
        assert_int_equal(quote(s, 0), ERR_INVAL);
        assert_int_equal(quote(s, 1u << 24), ERR_INVAL);
}

/* TPM2_PCR_Extend of PCR 16 in the SHA-256 bank. */
static void extend(const struct certify *s)
{
        uint8_t cmd[] = { 0x80, 0x02, 0, 0, 0, 65, 0, 0, 0x01, 0x82, 0, 0, 0, 16, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0x0b,
                          [33 ... 64] = 0x5a };
        uint8_t rsp[64];
        size_t len = sizeof(rsp);

        assert_int_equal(swtpm_command(&s->f.sw, cmd, sizeof(cmd), rsp, &len), 0);
        assert_int_equal(rsp[9], 0);
}

static void reads_all_of_them_in_their_order(void **state)
{
        struct certify *s = *state;
        static const uint8_t zeros[32];
        CLEANUP(buf_clear) struct buf all = { 0 };
        CLEANUP(buf_clear) struct buf one = { 0 };
        uint8_t extended[64] = { 0 };
        uint64_t before;

        memset(extended + 32, 0x5a, 32);
        assert_int_equal(crypto_hash(hash_by_name("SHA256"), &BYTES(extended, 64), 1, extended), 0);
        extend(s);
        before = tpm_commands(s->f.t);
        assert_int_equal(tpm_pcr_read(s->f.t, hash_by_name("SHA256"), 0xffffff, &all), 0);
        assert_int_equal(tpm_commands(s->f.t), before + 3);
        assert_int_equal(all.len, 24 * 32);
        assert_true(bytes_equal(BYTES(all.ptr + 16 * 32, 32), BYTES(extended, 32)));
        assert_true(bytes_equal(BYTES(all.ptr, 32), BYTES(zeros, 32)));
        /* Those that locality 4 resets are all ones. */
        assert_int_equal(all.ptr[17 * 32], 0xff);
        assert_int_equal(all.ptr[22 * 32], 0xff);
        assert_int_equal(all.ptr[23 * 32], 0);
        assert_int_equal(tpm_pcr_read(s->f.t, hash_by_name("SHA256"), 1u << 16, &one), 0);
        assert_true(bytes_equal(BYTES_OF(&one), BYTES(extended, 32)));
        assert_int_equal(tpm_pcr_read(s->f.t, hash_by_name("SHA256"), 0, &one), ERR_INVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(speaks_of_the_key_and_shows_no_value, start, stop),
                cmocka_unit_test_setup_teardown(takes_one_command_once_all_is_loaded, start, stop),
                cmocka_unit_test_setup_teardown(a_key_without_a_value_needs_no_second_session, start, stop),
                cmocka_unit_test_setup_teardown(wrong_values_are_refused_and_cost_no_try, start, stop),
                cmocka_unit_test_setup_teardown(one_wrong_value_of_a_key_under_lockout_is_one_try, start, stop),
                cmocka_unit_test_setup_teardown(another_key_at_the_handle_is_refused, start, stop),
                cmocka_unit_test_setup_teardown(heals, start, stop),
                cmocka_unit_test_setup_teardown(heals_when_its_sessions_were_flushed_by_others, start, stop),
                cmocka_unit_test_setup_teardown(shares_a_tpm_of_three_sessions, start, stop),
                cmocka_unit_test_setup_teardown(nothing_is_left_behind, start, stop),
                cmocka_unit_test_setup_teardown(behind_a_resource_manager_the_second_session_goes, start, stop),
                cmocka_unit_test_setup_teardown(quotes_exactly_these_pcrs, start, stop),
                cmocka_unit_test_setup_teardown(reads_all_of_them_in_their_order, start, stop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
