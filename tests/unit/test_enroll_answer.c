/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of an issuer: what is read of good ones, and that anything else is refused as a whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "enroll/answer.h"
#include "lib/err.h"

#define NONCE "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static void nonces_are_32_octets(void **state)
{
        static const char *const bad[] = {
                "", "null", "[]", "\"" NONCE "\"", "{}", "{\"nonce\":7}", "{\"nonce\":\"\"}", "{\"nonce\":\"AAEC\"}", "{\"nonce\":\"" NONCE "AAAA\"}",
                "{\"nonce\":\"" NONCE "\"} x", "{\"nonce\":\"" NONCE "\",\"nonce\":\"" NONCE "\"}", "{\"nonce\":\"" NONCE "\"", "{\"nonce\":\"****\"}",
                "{\"nonce\":\"" NONCE "\",\"issuer\":7}", "{\"nonce\":\"" NONCE "\",\"issuer\":\"a\\nb\"}",
        };
        CLEANUP(buf_clear) struct buf nonce = { 0 }, issuer = { 0 };

        (void)state;
        assert_int_equal(answer_nonce(BYTES_STR("{\"nonce\":\"" NONCE "\",\"expires_in\":60,\"later\":[{}]}"), &issuer, &nonce), 0);
        assert_int_equal(nonce.len, ANSWER_NONCE);
        assert_int_equal(nonce.ptr[31], 31);
        assert_int_equal(issuer.len, 0);
        assert_int_equal(answer_nonce(BYTES_STR("{\"nonce\":\"" NONCE "\",\"issuer\":\"https://i.example\"}"), &issuer, &nonce), 0);
        assert_true(bytes_equal(BYTES_OF(&issuer), BYTES_STR("https://i.example")));
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (answer_nonce(BYTES_STR(bad[i]), &issuer, &nonce) != ERR_FORMAT)
                        fail_msg("%s", bad[i]);
        assert_int_equal(nonce.len, ANSWER_NONCE);
}

static void how_many_were_revoked(void **state)
{
        static const char *const bad[] = { "{}", "[]", "{\"revoked\":-1}", "{\"revoked\":\"1\"}", "{\"revoked\":1.5}", "{\"revoked\":1,\"revoked\":2}" };
        uint64_t n = 7;

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (answer_revoked(BYTES_STR(bad[i]), &n) != ERR_FORMAT || n != 7)
                        fail_msg("%s", bad[i]);
        assert_int_equal(answer_revoked(BYTES_STR("{\"revoked\":3,\"later\":[]}"), &n), 0);
        assert_int_equal(n, 3);
}

static void deep_and_long_ones_are_refused_unread(void **state)
{
        CLEANUP(buf_clear) struct buf text = { 0 }, nonce = { 0 }, issuer = { 0 };

        (void)state;
        assert_int_equal(buf_append_str(&text, "{\"nonce\":\"" NONCE "\",\"x\":"), 0);
        for (unsigned i = 0; i < ANSWER_DEPTH - 1; i++)
                assert_int_equal(buf_append_str(&text, "["), 0);
        for (unsigned i = 0; i < ANSWER_DEPTH - 1; i++)
                assert_int_equal(buf_append_str(&text, "]"), 0);
        assert_int_equal(buf_append_str(&text, "}"), 0);
        assert_int_equal(answer_nonce(BYTES_OF(&text), &issuer, &nonce), 0);
        buf_reset(&text);
        for (unsigned i = 0; i < 100000; i++)
                assert_int_equal(buf_append_str(&text, "{\"a\":["), 0);
        assert_int_equal(answer_nonce(BYTES_OF(&text), &issuer, &nonce), ERR_FORMAT);
        buf_reset(&text);
        assert_int_equal(buf_append_str(&text, "{\"nonce\":\"" NONCE "\"}"), 0);
        while (text.len < ANSWER_MAX)
                assert_int_equal(buf_append_u8(&text, ' '), 0);
        assert_int_equal(answer_nonce(BYTES_OF(&text), &issuer, &nonce), 0);
        assert_int_equal(buf_append_u8(&text, ' '), 0);
        assert_int_equal(answer_nonce(BYTES_OF(&text), &issuer, &nonce), ERR_FORMAT);
}

static void what_a_join_asks_is_read(void **state)
{
        CLEANUP(answer_join_clear) struct answer_join a = { 0 };

        (void)state;
        assert_int_equal(answer_join(BYTES_STR("{\"ak\":{\"id_object\":\"AAE=\",\"secret\":\"AgM=\"},\"srk\":{\"id_object\":\"BA==\",\"secret\":\"BQ==\"},\"expires_in\":60}"), &a), 0);
        assert_true(bytes_equal(BYTES_OF(&a.ak.id_object), BYTES("\0\1", 2)));
        assert_true(bytes_equal(BYTES_OF(&a.srk.secret), BYTES("\5", 1)));
        assert_int_equal(answer_join(BYTES_STR("{\"ak\":{\"id_object\":\"AAE=\",\"secret\":\"AgM=\"}}"), &a), ERR_FORMAT);
        assert_int_equal(answer_join(BYTES_STR("{\"ak\":{\"id_object\":\"AAE=\",\"secret\":\"AgM=\"},\"srk\":[]}"), &a), ERR_FORMAT);
        assert_int_equal(answer_join(BYTES_STR("{\"ak\":{\"id_object\":\"\",\"secret\":\"AgM=\"},\"srk\":{\"id_object\":\"BA==\",\"secret\":\"BQ==\"}}"), &a), ERR_FORMAT);
}

static void a_pending_host_has_no_certificate_yet(void **state)
{
        CLEANUP(answer_joined_clear) struct answer_joined a = { 0 }, b = { 0 };

        (void)state;
        assert_int_equal(answer_joined(BYTES_STR("{\"host\":\"h\",\"state\":\"pending\",\"assurance\":\"hardware\"}"), &a), 0);
        assert_null(a.ak_certificate);
        assert_int_equal(answer_joined(BYTES_STR("{\"host\":\"h\",\"state\":\"active\",\"assurance\":\"hardware\"}"), &b), ERR_FORMAT);
        assert_int_equal(answer_joined(BYTES_STR("{\"host\":\"h\",\"state\":\"active\",\"assurance\":\"hardware\",\"ak_certificate\":\"x\\ny\","
                                                 "\"not_after\":5,\"renew_after\":4}"), &b), 0);
        assert_int_equal(b.not_after, 5);
        assert_string_equal(b.ak_certificate, "x\ny");
}

static void policies_say_what_evidence_is_for(void **state)
{
        static const char *const bad[] = {
                "{\"profile\":\"p\",\"credentials\":[]}", "{\"profile\":\"p\",\"life\":5}", "{\"profile\":\"\",\"credentials\":[],\"life\":5}",
                "{\"profile\":\"p\",\"pcrs\":[24],\"pcr_hash\":\"sha256\",\"credentials\":[],\"life\":5}",
                "{\"profile\":\"p\",\"pcrs\":[-1],\"pcr_hash\":\"sha256\",\"credentials\":[],\"life\":5}",
                "{\"profile\":\"p\",\"pcrs\":[0],\"credentials\":[],\"life\":5}", "{\"profile\":\"p\",\"pcrs\":[0],\"pcr_hash\":\"sha1\",\"credentials\":[],\"life\":5}",
                "{\"profile\":\"p\",\"pcrs\":7,\"credentials\":[],\"life\":5}", "{\"profile\":\"p\",\"log\":1,\"credentials\":[],\"life\":5}",
                "{\"profile\":\"p\",\"credentials\":[1],\"life\":5}", "{\"profile\":\"p\",\"credentials\":[],\"audiences\":[1],\"life\":5}",
                "{\"profile\":\"p\\u0000\",\"credentials\":[],\"life\":5}", "{\"profile\":\"p\",\"credentials\":[],\"life\":-5}",
                "{\"profile\":\"p\",\"credentials\":[],\"life\":1.0}",
        };
        CLEANUP(answer_policy_clear) struct answer_policy p = { 0 }, q = { 0 };

        (void)state;
        assert_int_equal(answer_policy(BYTES_STR("{\"profile\":\"p\",\"pcr_hash\":\"sha384\",\"pcrs\":[0,7,23],\"event_log\":true,\"ima\":false,\"process\":true,"
                                                 "\"log\":true,\"credentials\":[\"x509\",\"ssh-host\",\"wit\"],\"audiences\":[\"https://a\"],\"life\":3600}"), &p), 0);
        assert_int_equal(p.pcr_hash, 0x000c);
        assert_int_equal(p.pcrs, 1u | 1u << 7 | 1u << 23);
        assert_true(p.event_log && !p.ima && p.process && p.log);
        assert_int_equal(p.credentials, CREDENTIAL_X509 | CREDENTIAL_SSH_HOST);
        assert_int_equal(p.n_audiences, 1);
        assert_int_equal(p.life, 3600);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (answer_policy(BYTES_STR(bad[i]), &q) != ERR_FORMAT)
                        fail_msg("%s", bad[i]);
}

#define CREDENTIAL "\"profile\":\"p\",\"spiffe_id\":\"spiffe://a/b\",\"serial\":\"01\",\"record\":7,\"not_before\":1,\"not_after\":9,\"renew_after\":5,\"assurance\":\"pinned\""

static void credentials_and_their_checks(void **state)
{
        static const char *const bad[] = {
                "{" CREDENTIAL ",\"jwt\":7}", "{" CREDENTIAL ",\"jwt\":\"\"}", "{" CREDENTIAL ",\"jwt\":\"a\\nb\"}",
                "{" CREDENTIAL ",\"ssh_user\":\"a\\nb\"}", "{" CREDENTIAL ",\"ssh_host\":\"\\n\"}",
                "{" CREDENTIAL ",\"x509\":\"a\\u0001b\"}", "{" CREDENTIAL ",\"checks\":{}}", "{" CREDENTIAL ",\"checks\":[7]}", "{" CREDENTIAL ",\"nonce\":\"AAEC\"}",
                "{\"profile\":\"p\"}", "{" CREDENTIAL ",\"grace\":-1}",
        };
        CLEANUP(answer_credential_clear) struct answer_credential a = { 0 }, b = { 0 };

        (void)state;
        assert_int_equal(answer_credential(BYTES_STR("{" CREDENTIAL ",\"grace\":60,\"x509\":\"-\\n\",\"bundle\":\"b\",\"nonce\":\"" NONCE "\","
                                                     "\"checks\":[{\"check\":\"shape\",\"outcome\":\"passed\",\"text\":\"\"},{\"check\":\"ak\",\"outcome\":\"failed\",\"text\":\"why\"}]}"), &a), 0);
        assert_string_equal(a.spiffe_id, "spiffe://a/b");
        assert_int_equal(a.record, 7);
        assert_int_equal(a.grace, 60);
        assert_null(a.jwt);
        assert_int_equal(a.n_checks, 2);
        assert_null(a.checks[0].text);
        assert_string_equal(a.checks[1].text, "why");
        assert_int_equal(a.nonce.len, ANSWER_NONCE);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (answer_credential(BYTES_STR(bad[i]), &b) != ERR_FORMAT)
                        fail_msg("%s", bad[i]);
}

static void problems_have_a_word_and_a_sentence(void **state)
{
        CLEANUP(answer_problem_clear) struct answer_problem a = { 0 }, b = { 0 }, c = { 0 };

        (void)state;
        assert_int_equal(answer_problem(BYTES_STR("{\"type\":\"urn:holdfast:problem:revoked\",\"title\":\"t\",\"status\":403,\"detail\":\"it was revoked\"}"), &a), 0);
        assert_string_equal(a.word, "revoked");
        assert_string_equal(a.detail, "it was revoked");
        assert_int_equal(answer_problem(BYTES_STR("{\"type\":\"about:blank\"}"), &b), 0);
        assert_string_equal(b.word, "");
        assert_null(b.detail);
        assert_int_equal(answer_problem(BYTES_STR("<html>"), &c), ERR_FORMAT);
        assert_int_equal(answer_problem(BYTES_STR("{\"type\":\"urn:holdfast:problem:a-word-that-is-longer-than-any-of-them\"}"), &c), 0);
        assert_string_equal(c.word, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nonces_are_32_octets),
                cmocka_unit_test(how_many_were_revoked),
                cmocka_unit_test(deep_and_long_ones_are_refused_unread),
                cmocka_unit_test(what_a_join_asks_is_read),
                cmocka_unit_test(a_pending_host_has_no_certificate_yet),
                cmocka_unit_test(policies_say_what_evidence_is_for),
                cmocka_unit_test(credentials_and_their_checks),
                cmocka_unit_test(problems_have_a_word_and_a_sentence),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
