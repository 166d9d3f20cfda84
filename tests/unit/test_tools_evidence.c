/* SPDX-License-Identifier: BSD-2-Clause */
/* Challenges and policies as files: what is read is what was written, and what is not understood is not guessed. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "lib/crypto.h"
#include "lib/file.h"
#include "tests/evidencefix.h"
#include "tests/tempdir.h"
#include "tools/evidence.h"

struct path {
        char text[128];
};

static struct path write_text(const struct tempdir *t, const char *name, const char *text)
{
        struct path p;

        assert_int_equal(file_write(t->fd, name, BYTES_STR(text), 0644, true), 0);
        snprintf(p.text, sizeof(p.text), "%s/%s", t->path, name);
        return p;
}

static void reads_a_challenge_in_each_form(void **state)
{
        static const char hex[] = "00112233445566778899aabbccddeeff";
        static const char *const files[] = { "00112233445566778899aabbccddeeff\r\n", "00112233445566778899AABBCCDDEEFF",
                                             "{\"schema\": \"holdfast.challenge/1\", \"challenge\": \"ABEiM0RVZneImaq7zN3u/w==\"}" };
        CLEANUP(challenge_clear) struct challenge ch = { 0 };
        CLEANUP(buf_clear) struct buf want = { 0 };

        assert_int_equal(hex_decode(hex, strlen(hex), &want), 0);
        assert_int_equal(challenge_read(hex, &ch), 0);
        assert_true(bytes_equal(BYTES_OF(&ch.octets), BYTES_OF(&want)) && !ch.tells);
        for (size_t i = 0; i < ARRAY_LEN(files); i++) {
                challenge_clear(&ch);
                assert_int_equal(challenge_read(write_text(*state, "challenge", files[i]).text, &ch), 0);
                assert_true(bytes_equal(BYTES_OF(&ch.octets), BYTES_OF(&want)));
                assert_int_equal(ch.tells, files[i][0] == '{');
        }
        challenge_clear(&ch);
        assert_int_equal(challenge_read(write_text(*state, "octets", "sixteen octets!!").text, &ch), 0);
        assert_true(bytes_equal(BYTES_OF(&ch.octets), BYTES("sixteen octets!!", 16)));
}

static void reads_what_a_challenge_file_asks_for(void **state)
{
        CLEANUP(challenge_clear) struct challenge ch = { 0 };
        const struct path p = write_text(*state, "c", "{\"schema\": \"holdfast.challenge/1\", \"challenge\": \"ABEiM0RVZneImaq7zN3u/w==\", \"host\": \"h\", \"agent\": \"a\", \"key\": \"k\", "
                                                      "\"pcrs\": [23, 0], \"pcr_hash\": \"sha384\", \"event_log\": true, \"ima\": false, \"log\": true, \"process\": true, \"until\": 5, "
                                                      "\"join\": {\"ak\": {\"secret\": \"AA==\"}}}");

        assert_int_equal(challenge_read(p.text, &ch), 0);
        assert_true(bytes_equal(BYTES_OF(&ch.agent), BYTES("a", 1)) && bytes_equal(BYTES_OF(&ch.label), BYTES("k", 1)));
        assert_int_equal(ch.pcrs, 0x800001);
        assert_string_equal(ch.pcr_hash, "sha384");
        assert_true(ch.event_log && !ch.ima && ch.log);
        assert_true(bytes_equal(BYTES_OF(&ch.join), BYTES_STR("{\"ak\":{\"secret\":\"AA==\"}}")));
}

static void refuses_what_is_no_challenge(void **state)
{
        static const char *const bad[] = {
                "", "fifteen octets!", "{", "{}", "[]", "{\"schema\": \"holdfast.challenge/1\", \"challenge\": 5}",
                "{\"schema\": \"holdfast.challenge/1\", \"challenge\": \"ABEiM0RVZneImaq7zN3u/w==\", \"pcrs\": [0, 0]}",
                "{\"schema\": \"holdfast.challenge/1\", \"challenge\": \"ABEiM0RVZneImaq7zN3u/w==\", \"pcrs\": {}}",
                "{\"schema\": \"holdfast.challenge/1\", \"challenge\": \"ABEiM0RVZneImaq7zN3u/w==\", \"pcr_hash\": \"sha1\"}",
                "{\"schema\": \"holdfast.challenge/1\", \"challenge\": \"ABEiM0RVZneImaq7zN3u/w==\", \"join\": \"ak\"}",
                "{\"schema\": \"holdfast.challenge/1\", \"challenge\": \"ABEiM0RVZneImaq7zN3u/w==\", \"agent\": \"a\", \"agent\": \"b\"}",
                "{\"schema\": \"holdfast.challenge/1\", \"challenge\": \"ABEiM0RVZneImaq7zN3u/w==\"} x",
        };
        CLEANUP(challenge_clear) struct challenge ch = { 0 };

        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                const int r = challenge_read(write_text(*state, "bad", bad[i]).text, &ch);

                if (r != ERR_INVAL && r != ERR_FORMAT)
                        fail_msg("%s: %d", bad[i], r);
        }
        assert_int_equal(challenge_read(NULL, &ch), ERR_USAGE);
        assert_int_equal(challenge_read("no-such-file", &ch), ERR_NOFILE);
        assert_int_equal(ch.octets.len, 0);
}

static void reads_and_writes_lists_of_pcrs(void **state)
{
        static const char *const bad[] = { "", ",", "0,", ",0", "0,,1", "24", "0,0", "0 1", "-1", "+1", "0x1", "99999999999", "4294967296" };
        char text[PCRS_TEXT_SIZE];
        uint32_t pcrs = 0;

        (void)state;
        assert_int_equal(pcrs_parse("7,0,23", &pcrs), 0);
        assert_int_equal(pcrs, 0x800081);
        assert_string_equal(pcrs_text(pcrs, text), "0,7,23");
        assert_int_equal(pcrs_parse(pcrs_text(0xffffff, text), &pcrs), 0);
        assert_int_equal(pcrs, 0xffffff);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++)
                if (pcrs_parse(bad[i], &pcrs) != ERR_INVAL)
                        fail_msg("read: %s", bad[i]);
}

/* A policy with everything that a file can hold, for the evidence of the vectors. */
static void write_policy(const struct tempdir *t, const struct evidencefix *f, const char *more, struct path *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        CLEANUP(buf_clear) struct buf srk = { 0 };

        assert_int_equal(hex_encode(BYTES_OF(&f->known[0]), &name), 0);
        assert_int_equal(hex_encode(BYTES_OF(&f->srk_name), &srk), 0);
        assert_int_equal(buf_printf(&text, "{\"want\": [\"key\", \"host\", \"process\", \"secure-boot\"], \"assurances\": [\"simulator\"], "
                                           "\"known_keys\": [{\"name\": \"%s\", \"assurance\": \"simulator\"}], \"srk_name\": \"%s\", "
                                           "\"pcrs\": [0,1,2,3,4,5,6,7,10], \"replayed\": [0,1,2,3,4,5,6,7], \"ima\": true%s}",
                                    buf_str(&name), buf_str(&srk), more), 0);
        *ret = write_text(t, "policy", buf_str(&text));
}

static int verify_with(const struct tempdir *t, const char *more, struct hf_evidence_result *ret)
{
        CLEANUP(evidence_rules_clear) struct evidence_rules rules = { 0 };
        CLEANUP(buf_clear) struct buf evidence = { 0 };
        struct evidencefix f;
        struct path p;
        int r;

        evidencefix_start(&f);
        write_policy(t, &f, more, &p);
        r = evidence_rules_read(p.text, &rules);
        if (r == 0) {
                evidencefix_read("good", &evidence);
                rules.policy.challenge = f.policy.challenge;
                r = hf_evidence_verify((struct hf_bytes){ evidence.ptr, evidence.len }, &rules.policy, ret);
        }
        evidencefix_stop(&f);
        return r;
}

static void accepts_by_a_policy_in_a_file(void **state)
{
        struct hf_evidence_result r;

        if (verify_with(*state, "", &r) != 0)
                fail_msg("%s", err_text());
        assert_int_equal(r.assurance, HF_ASSURANCE_SIMULATOR);
        assert_int_equal(verify_with(*state, ", \"allow\": [\"clock-unsafe\", \"any-hierarchy\"], \"manufacturer\": \"INTC\"", &r), 0);
        assert_int_equal(verify_with(*state, ", \"key_policy\": \"00ff\"", &r), ERR_DENIED);
        assert_int_equal(r.checks[HF_CHECK_KEY_POLICY].outcome, HF_OUTCOME_FAILED);
        assert_int_equal(verify_with(*state, ", \"golden\": {\"0\": [\"00\", \"01\"]}", &r), ERR_DENIED);
        assert_int_equal(r.checks[HF_CHECK_GOLDEN].outcome, HF_OUTCOME_FAILED);
        assert_int_equal(verify_with(*state, ", \"last\": {\"clock_ms\": 9000000000, \"resets\": 0, \"restarts\": 0, \"firmware\": \"0000000000000000\"}", &r), ERR_DENIED);
        assert_int_equal(r.checks[HF_CHECK_CLOCK].outcome, HF_OUTCOME_FAILED);
}

/* As sha256sum writes them: of what the host's list has, in any order and twice. */
static void allows_files_by_a_list(void **state)
{
        static const char *const measured[] = { "systemd", "agent", "systemd" };
        CLEANUP(buf_clear) struct buf list = { 0 };
        CLEANUP(buf_clear) struct buf more = { 0 };
        struct hf_evidence_result r;

        assert_int_equal(buf_append_str(&list, "# allowed\n\n"), 0);
        for (size_t i = 0; i < ARRAY_LEN(measured); i++) {
                CLEANUP(buf_clear) struct buf hex = { 0 };
                uint8_t digest[HASH_MAX];

                assert_int_equal(crypto_hash(hash_by_name("SHA256"), &BYTES_STR(measured[i]), 1, digest), 0);
                assert_int_equal(hex_encode(BYTES(digest, 32), &hex), 0);
                assert_int_equal(buf_printf(&list, "%s  /usr/bin/%s\r\n", buf_str(&hex), measured[i]), 0);
        }
        assert_int_equal(buf_printf(&more, ", \"ima_files\": \"%s\"", write_text(*state, "files", buf_str(&list)).text), 0);
        if (verify_with(*state, buf_str(&more), &r) != 0)
                fail_msg("%s", err_text());
        assert_int_equal(r.checks[HF_CHECK_IMA].outcome, HF_OUTCOME_PASSED);
        write_text(*state, "files", "00ff\n");
        assert_int_equal(verify_with(*state, buf_str(&more), &r), ERR_DENIED);
        assert_int_equal(r.checks[HF_CHECK_IMA].outcome, HF_OUTCOME_FAILED);
        write_text(*state, "files", "no digest\n");
        assert_int_equal(verify_with(*state, buf_str(&more), &r), ERR_FORMAT);
}

static void refuses_what_is_no_policy(void **state)
{
        static const char *const bad[] = {
                ", \"more\": 1", ", \"want\": [\"key\"]", ", \"allow\": [\"key\"]", ", \"allow\": \"any-hierarchy\"", ", \"roots\": [{\"file\": \"x\"}]",
                ", \"ek_name\": \"\"", ", \"key_policy\": \"\"", ", \"golden\": {\"7\": [\"\"]}", ", \"ek_name\": \"0\"", ", \"ek_name\": 7", ", \"pcr_hash\": \"sha1\"", ", \"golden\": []", ", \"golden\": {\"7,8\": [\"00\"]}", ", \"golden\": {\"7\": \"00\"}",
                ", \"last\": {\"clock_ms\": 1, \"resets\": 4294967296, \"restarts\": 0, \"firmware\": \"0000000000000000\"}",
                ", \"last\": {\"clock_ms\": 1, \"resets\": 1, \"restarts\": 0, \"firmware\": \"00\"}", ", \"manufacturer\": \"FIVE5\"", ", \"schema\": \"holdfast.evidence-policy/2\"",
                ", \"ima_files\": 5", ", \"denied_firmware\": []",
        };
        struct hf_evidence_result r;

        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                const int e = verify_with(*state, bad[i], &r);

                if (e != ERR_FORMAT && e != ERR_INVAL)
                        fail_msg("%s: %d", bad[i], e);
        }
        assert_int_equal(verify_with(*state, ", \"denied_firmware\": \"no-such-file\"", &r), ERR_NOFILE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(reads_a_challenge_in_each_form, tempdir_setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(reads_what_a_challenge_file_asks_for, tempdir_setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(refuses_what_is_no_challenge, tempdir_setup, tempdir_teardown),
                cmocka_unit_test(reads_and_writes_lists_of_pcrs),
                cmocka_unit_test_setup_teardown(accepts_by_a_policy_in_a_file, tempdir_setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(allows_files_by_a_list, tempdir_setup, tempdir_teardown),
                cmocka_unit_test_setup_teardown(refuses_what_is_no_policy, tempdir_setup, tempdir_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
