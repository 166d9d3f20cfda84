/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "attest/evidence.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/pk.h"
#include "tests/evidencefix.h"

static int setup(void **state)
{
        static struct evidencefix f;

        evidencefix_start(&f);
        *state = &f;
        return 0;
}

static int teardown(void **state)
{
        evidencefix_stop(*state);
        return 0;
}

static int verify(const struct buf *evidence, const struct hf_evidence_policy *p, struct hf_evidence_result *ret)
{
        int r = hf_evidence_verify((struct hf_bytes){ evidence->ptr, evidence->len }, p, ret);

        assert_true(ret->accepted == (r == 0));
        assert_true((ret->reason[0] == 0) == (r == 0));
        return r;
}

static int verify_file(const char *name, const struct hf_evidence_policy *p, struct hf_evidence_result *ret)
{
        CLEANUP(buf_clear) struct buf evidence = { 0 };

        evidencefix_read(name, &evidence);
        return verify(&evidence, p, ret);
}

/* The check that failed first; HF_CHECKS if none did. */
static enum hf_check first_failed(const struct hf_evidence_result *r)
{
        unsigned i = 0;

        while (i < HF_CHECKS && r->checks[i].outcome != HF_OUTCOME_FAILED)
                i++;
        return (enum hf_check)i;
}

static void refused(const char *name, const struct hf_evidence_policy *p, enum hf_check by)
{
        struct hf_evidence_result r;

        if (verify_file(name, p, &r) != ERR_DENIED)
                fail_msg("%s: %s", name, r.accepted ? "accepted" : r.reason);
        if (first_failed(&r) != by)
                fail_msg("%s: refused by %s (%s), not by %s", name, hf_check_name(first_failed(&r)), r.reason, hf_check_name(by));
        assert_string_equal(r.reason, r.checks[by].text);
}

static void accepted(const char *name, const struct hf_evidence_policy *p, struct hf_evidence_result *ret)
{
        if (verify_file(name, p, ret) != 0)
                fail_msg("%s: %s", name, ret->reason);
        assert_int_equal(first_failed(ret), HF_CHECKS);
}

static bool hf_is(struct hf_bytes b, const char *text)
{
        return b.len == strlen(text) && memcmp(b.ptr, text, b.len) == 0;
}

static void accepts_and_says_what_it_saw(void **state)
{
        const struct evidencefix *f = *state;
        CLEANUP(buf_clear) struct buf evidence = { 0 };
        CLEANUP(pubkey_clear) struct pubkey key = { 0 };
        struct hf_evidence_result r;

        evidencefix_read("good", &evidence);
        assert_int_equal(verify(&evidence, &f->policy, &r), 0);
        for (unsigned i = 0; i < HF_CHECKS; i++)
                if (i != HF_CHECK_GOLDEN && i != HF_CHECK_FIRMWARE)
                        assert_int_equal(r.checks[i].outcome, HF_OUTCOME_PASSED);
        assert_int_equal(r.assurance, HF_ASSURANCE_SIMULATOR);
        assert_memory_equal(r.ak_name, f->known[0].ptr, f->known[0].len);
        assert_true(hf_is(r.agent, "build-42") && hf_is(r.owner, "dana@example.com"));
        assert_true(r.process.present && r.process.pid == 4242 && hf_is(r.process.exe, "/usr/bin/agent") && hf_is(r.process.unit, "agent.service"));
        assert_int_equal(r.process.cgroup.len, 0);
        assert_true(r.secure_boot && r.clock_safe && !r.rebooted);
        assert_true(r.events > 10 && r.ima_entries == 3);
        assert_int_equal(r.pcrs, 0x4ff);
        assert_int_equal(pubkey_from_spki(BYTES(r.key_spki, r.key_spki_len), &key), 0);
        assert_string_equal(key.curve->name, "P-256");
}

/* Each as a TPM made it, and refused by the check that is there for it. */
static void judges_what_a_tpm_made(void **state)
{
        const struct evidencefix *f = *state;
        CLEANUP(buf_clear) struct buf text = { 0 };
        char *line, *rest;
        unsigned n = 0;

        evidencefix_text("manifest", &text);
        assert_non_null(buf_str(&text));
        rest = (char *)text.ptr;
        while ((line = strsep(&rest, "\n")) && *line) {
                struct hf_evidence_policy p = f->policy;
                CLEANUP(buf_clear) struct buf evidence = { 0 };
                char name[64], by[64];
                struct evidence e;
                struct hf_evidence_result r;
                unsigned c = 0;

                assert_int_equal(sscanf(line, "%63s %63s", name, by), 2);
                evidencefix_read(name, &evidence);
                assert_int_equal(evidence_decode(BYTES_OF(&evidence), &e), 0);
                if (!e.key.present)
                        p.flags &= ~(unsigned)HF_WANT_KEY;
                if (!e.host.present) {
                        p.flags = HF_WANT_KEY | HF_WANT_PROCESS;
                        p.replayed = 0;
                        p.ima_pcr = 0;
                }
                while (c < HF_CHECKS && strcmp(hf_check_name((enum hf_check)c), by) != 0)
                        c++;
                assert_true(c < HF_CHECKS || strcmp(by, "accepted") == 0);
                if (c < HF_CHECKS)
                        refused(name, &p, (enum hf_check)c);
                else
                        accepted(name, &p, &r);
                n++;
        }
        assert_true(n > 60);
}

/* Whatever is verified, and whether it is by that key or by another. */
static void comes_to_the_same_with_a_key_kept(void **state)
{
        const struct evidencefix *f = *state;
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf good = { 0 };
        struct hf_evidence_ak *ak;
        char *line, *rest;
        struct evidence e;

        evidencefix_read("good", &good);
        assert_int_equal(evidence_decode(BYTES_OF(&good), &e), 0);
        assert_int_equal(hf_evidence_ak_new((struct hf_bytes){ e.ak_public.ptr, e.ak_public.len }, &ak), 0);
        evidencefix_text("manifest", &text);
        assert_non_null(buf_str(&text));
        rest = (char *)text.ptr;
        while ((line = strsep(&rest, "\n")) && *line) {
                CLEANUP(buf_clear) struct buf evidence = { 0 };
                struct hf_evidence_policy p = f->policy;
                struct hf_evidence_result with, without;
                char name[64];

                assert_int_equal(sscanf(line, "%63s", name), 1);
                evidencefix_read(name, &evidence);
                verify(&evidence, &p, &without);
                p.ak = ak;
                verify(&evidence, &p, &with);
                assert_true(with.accepted == without.accepted && with.ak_name_len == without.ak_name_len);
                assert_memory_equal(with.ak_name, without.ak_name, with.ak_name_len);
                assert_string_equal(with.reason, without.reason);
                for (unsigned i = 0; i < HF_CHECKS; i++) {
                        assert_int_equal(with.checks[i].outcome, without.checks[i].outcome);
                        assert_string_equal(with.checks[i].text, without.checks[i].text);
                }
        }
        hf_evidence_ak_free(ak);
}

static void keeps_nothing_but_attestation_keys(void **state)
{
        CLEANUP(buf_clear) struct buf good = { 0 };
        struct hf_evidence_ak *ak = NULL;
        struct evidence e;

        (void)state;
        evidencefix_read("good", &good);
        assert_int_equal(evidence_decode(BYTES_OF(&good), &e), 0);
        assert_int_equal(hf_evidence_ak_new((struct hf_bytes){ e.key.public.ptr, e.key.public.len }, &ak), ERR_DENIED);
        assert_int_equal(hf_evidence_ak_new((struct hf_bytes){ e.ak_public.ptr, e.ak_public.len - 1 }, &ak), ERR_FORMAT);
        assert_int_equal(hf_evidence_ak_new((struct hf_bytes){ NULL, 0 }, &ak), ERR_FORMAT);
        assert_null(ak);
        hf_evidence_ak_free(NULL);
}

static void refuses_every_change_of_an_octet(void **state)
{
        const struct evidencefix *f = *state;
        CLEANUP(buf_clear) struct buf evidence = { 0 };
        struct hf_evidence_result r;

        evidencefix_read("good", &evidence);
        for (size_t i = 0; i < evidence.len; i++) {
                for (unsigned change = 1; change <= 0x80; change <<= 7) {
                        evidence.ptr[i] ^= (uint8_t)change;
                        if (verify(&evidence, &f->policy, &r) == 0)
                                fail_msg("octet %zu may be another", i);
                        evidence.ptr[i] ^= (uint8_t)change;
                }
        }
        assert_int_equal(verify(&evidence, &f->policy, &r), 0);
}

static void refuses_what_is_cut_or_longer(void **state)
{
        const struct evidencefix *f = *state;
        CLEANUP(buf_clear) struct buf evidence = { 0 };
        struct hf_evidence_result r;
        size_t len;

        evidencefix_read("good", &evidence);
        len = evidence.len;
        for (evidence.len = 0; evidence.len < len; evidence.len++) {
                assert_int_equal(verify(&evidence, &f->policy, &r), ERR_DENIED);
                assert_int_equal(first_failed(&r), HF_CHECK_SHAPE);
        }
        assert_int_equal(buf_append_u8(&evidence, 0), 0);
        assert_int_equal(verify(&evidence, &f->policy, &r), ERR_DENIED);
        assert_int_equal(first_failed(&r), HF_CHECK_SHAPE);
}

/* What is not wanted is not there, what the policy knows is another. */
static void wants_what_the_policy_says(void **state)
{
        struct evidencefix *f = *state;
        struct hf_evidence_policy p;
        struct hf_evidence_result r;
        const struct hf_bytes name = { f->known[1].ptr, f->known[1].len };
        const struct hf_known_key other = { name, HF_ASSURANCE_HARDWARE };
        const uint8_t another[32] = { 1 };

        p = f->policy;
        p.flags |= HF_WANT_LOG;
        refused("good", &p, HF_CHECK_SHAPE);
        p = f->policy;
        p.challenge = (struct hf_bytes){ another, sizeof(another) };
        refused("good", &p, HF_CHECK_KEY_STATEMENT);
        p = f->policy;
        p.known_keys = &other;
        p.n_known_keys = 1;
        refused("good", &p, HF_CHECK_TRUST);
        p.assurances = ~0u;
        refused("good", &p, HF_CHECK_TRUST);
        p = f->policy;
        p.assurances = 1u << HF_ASSURANCE_HARDWARE | 1u << HF_ASSURANCE_PINNED | 1u << HF_ASSURANCE_UNATTESTED | 1u << HF_ASSURANCE_NONE;
        refused("good", &p, HF_CHECK_TRUST);
        p = f->policy;
        p.srk_name = name;
        refused("good", &p, HF_CHECK_KEY_STATEMENT);
        p.srk_name.len = 0;
        accepted("good", &p, &r);
        p = f->policy;
        p.pcrs |= 1u << 9;
        refused("good", &p, HF_CHECK_HOST_STATEMENT);
}

static void trusts_a_certificate_of_a_root(void **state)
{
        const struct evidencefix *f = *state;
        struct hf_evidence_policy p = f->policy;
        struct hf_evidence_result r;
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct hf_root root;

        evidencefix_text("ak-root", &text);
        assert_int_equal(hex_decode((const char *)text.ptr, text.len - 1, &der), 0);
        root = (struct hf_root){ { der.ptr, der.len }, HF_ASSURANCE_HARDWARE };
        p.flags = HF_WANT_KEY;
        p.replayed = p.ima_pcr = 0;
        p.time = 1795600000;            /* November 2026 */
        p.roots = &root;
        p.n_roots = 1;
        p.assurances |= 1u << HF_ASSURANCE_HARDWARE;
        accepted("certified", &p, &r);
        assert_int_equal(r.assurance, HF_ASSURANCE_HARDWARE);
        p.assurances = 1u << HF_ASSURANCE_PINNED;
        refused("certified", &p, HF_CHECK_TRUST);
        p.assurances = 1u << HF_ASSURANCE_HARDWARE;
        refused("ak-p384", &p, HF_CHECK_TRUST);         /* has none */
        p.time = 2540000000;            /* 2050 */
        refused("certified", &p, HF_CHECK_TRUST);
}

static void demands_the_policy_of_a_key(void **state)
{
        const struct evidencefix *f = *state;
        struct hf_evidence_policy p = f->policy;
        struct hf_evidence_result r;

        p.flags = HF_WANT_KEY;
        p.replayed = p.ima_pcr = 0;
        p.key_policy = (struct hf_bytes){ f->key_policy.ptr, f->key_policy.len };
        accepted("key-policy", &p, &r);
        refused("key-policy-or-auth", &p, HF_CHECK_KEY_POLICY);
        refused("good", &p, HF_CHECK_KEY_POLICY);
        p.key_policy = p.challenge;
        refused("key-policy", &p, HF_CHECK_KEY_POLICY);
}

/* Loaded by TPM2_LoadExternal: a TPM certifies it like any other. */
static void refuses_a_key_from_outside_below_any_parent(void **state)
{
        const struct evidencefix *f = *state;
        struct hf_evidence_policy p = f->policy;

        p.flags = HF_WANT_KEY;
        p.replayed = p.ima_pcr = 0;
        p.srk_name.len = 0;
        refused("key-imported", &p, HF_CHECK_KEY);
}

static void knows_where_an_attestation_key_is(void **state)
{
        const struct evidencefix *f = *state;
        struct hf_evidence_policy p = f->policy;
        struct hf_evidence_result r;

        p.flags = HF_WANT_KEY;
        p.replayed = p.ima_pcr = 0;
        p.ek_name = (struct hf_bytes){ f->ek_name.ptr, f->ek_name.len };
        accepted("below-ek", &p, &r);
        refused("in-owner", &p, HF_CHECK_KEY_STATEMENT);
        p.ek_name = p.srk_name;
        refused("below-ek", &p, HF_CHECK_KEY_STATEMENT);
        p.flags |= HF_ALLOW_ANY_HIERARCHY;
        accepted("in-owner", &p, &r);
}

static void compares_pcrs_with_golden_values(void **state)
{
        const struct evidencefix *f = *state;
        struct hf_evidence_policy p = f->policy;
        struct hf_evidence_result r;
        uint8_t values[2][32], other[32] = { 7 };
        struct hf_golden golden[3];

        accepted("good", &p, &r);
        memcpy(values[0], r.pcr[0], 32);
        memcpy(values[1], r.pcr[10], 32);
        golden[0] = (struct hf_golden){ 0, { values[0], 32 } };
        golden[1] = (struct hf_golden){ 10, { other, 32 } };
        golden[2] = (struct hf_golden){ 10, { values[1], 32 } };
        p.golden = golden;
        p.n_golden = 3;
        accepted("good", &p, &r);
        assert_int_equal(r.checks[HF_CHECK_GOLDEN].outcome, HF_OUTCOME_PASSED);
        p.n_golden = 2;
        refused("good", &p, HF_CHECK_GOLDEN);
        golden[1].pcr = 11;
        refused("good", &p, HF_CHECK_GOLDEN);
        golden[0].digest.len = 31;
        p.n_golden = 1;
        refused("good", &p, HF_CHECK_GOLDEN);
}

static int file_digest(const char *content, uint8_t ret[32])
{
        return crypto_hash(hash_by_name("SHA256"), &BYTES_STR(content), 1, ret);
}

static void allows_files_by_their_digest(void **state)
{
        const struct evidencefix *f = *state;
        struct hf_evidence_policy p = f->policy;
        struct hf_evidence_result r;
        uint8_t a[32], b[32];
        struct hf_bytes files[2];

        assert_int_equal(file_digest("systemd", a), 0);
        assert_int_equal(file_digest("agent", b), 0);
        files[0] = (struct hf_bytes){ memcmp(a, b, 32) < 0 ? a : b, 32 };
        files[1] = (struct hf_bytes){ memcmp(a, b, 32) < 0 ? b : a, 32 };
        p.ima_files = files;
        p.n_ima_files = 2;
        accepted("good", &p, &r);
        p.n_ima_files = 1;
        refused("good", &p, HF_CHECK_IMA);
        p.n_ima_files = 0;
        refused("good", &p, HF_CHECK_IMA);
        files[0] = files[1];
        p.n_ima_files = 2;
        assert_int_equal(verify_file("good", &p, &r), ERR_INVAL);
}

static void follows_a_tpm_through_time(void **state)
{
        const struct evidencefix *f = *state;
        struct hf_evidence_policy p = f->policy;
        struct hf_evidence_result first, later, rebooted;
        struct hf_standing last;

        accepted("good", &p, &first);
        p.last = &first.standing;
        accepted("later", &p, &later);
        assert_false(later.rebooted);
        p.flags |= HF_WANT_SAME_BOOT;
        accepted("later", &p, &later);
        refused("rebooted", &p, HF_CHECK_CLOCK);
        p.flags = f->policy.flags;
        accepted("rebooted", &p, &rebooted);
        assert_true(rebooted.rebooted);

        p.last = &later.standing;
        refused("good", &p, HF_CHECK_CLOCK);
        p.last = &rebooted.standing;
        refused("later", &p, HF_CHECK_CLOCK);
        last = first.standing;
        last.restarts++;
        p.last = &last;
        refused("later", &p, HF_CHECK_CLOCK);
        last = first.standing;
        last.firmware++;
        refused("later", &p, HF_CHECK_CLOCK);
        /* A reset takes restarts back to zero, and may bring new firmware. */
        last.restarts = 5;
        accepted("rebooted", &p, &rebooted);
        last.clock_ms = rebooted.standing.clock_ms + 1;
        refused("rebooted", &p, HF_CHECK_CLOCK);
}

static void takes_an_unsafe_clock_where_that_is_allowed(void **state)
{
        const struct evidencefix *f = *state;
        struct hf_evidence_policy p = f->policy;
        struct hf_evidence_result r;
        struct hf_standing last;

        refused("power-cut", &p, HF_CHECK_CLOCK);
        p.flags |= HF_ALLOW_CLOCK_UNSAFE;
        accepted("power-cut", &p, &r);
        assert_false(r.clock_safe);
        /* It may have lost some of its time by that, but not as much as anybody likes. */
        last = r.standing;
        last.resets--;
        last.clock_ms += 1u << 22;
        p.last = &last;
        accepted("power-cut", &p, &r);
        last.clock_ms++;
        refused("power-cut", &p, HF_CHECK_CLOCK);
}

static void refuses_firmware_by_its_number(void **state)
{
        const struct evidencefix *f = *state;
        struct hf_evidence_policy p = f->policy;
        struct hf_evidence_result r;
        struct hf_firmware denied = { .manufacturer = 0x49424d00 };

        accepted("good", &p, &r);
        p.denied = &denied;
        p.n_denied = 1;
        denied.first = denied.last = r.standing.firmware;
        refused("good", &p, HF_CHECK_FIRMWARE);
        p.manufacturer = denied.manufacturer;
        refused("good", &p, HF_CHECK_FIRMWARE);
        p.manufacturer = 0x494e5443;
        accepted("good", &p, &r);
        denied.manufacturer = 0;
        refused("good", &p, HF_CHECK_FIRMWARE);
        denied.last++;
        denied.first++;
        accepted("good", &p, &r);
}

static void tells_a_wrong_policy(void **state)
{
        const struct evidencefix *f = *state;
        const struct hf_evidence_policy zeros = { 0 };
        struct hf_evidence_policy p;
        struct hf_evidence_result r;

#define WRONG(change) do { p = f->policy; change; assert_int_equal(verify_file("good", &p, &r), ERR_INVAL); } while (0)
        assert_int_equal(verify_file("good", &zeros, &r), ERR_INVAL);
        WRONG(p.challenge.len = 15);
        WRONG(p.flags |= 1u << 20);
        WRONG(p.flags &= ~(unsigned)HF_WANT_HOST);
        WRONG(p.flags = 0);
        WRONG(p.pcr_hash = 4);
        WRONG(p.pcrs = 0);
        WRONG(p.pcrs = 1u << 24);
        WRONG(p.replayed |= 1u << 20);
        WRONG(p.replayed = 0);
        WRONG(p.ima_pcr = 1u << 11);
        WRONG(p.ima_pcr = 3);
        WRONG(p.srk_name.len = 33);
        WRONG(p.ek_name = p.challenge);
#undef WRONG
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(accepts_and_says_what_it_saw, setup, teardown),
                cmocka_unit_test_setup_teardown(judges_what_a_tpm_made, setup, teardown),
                cmocka_unit_test_setup_teardown(comes_to_the_same_with_a_key_kept, setup, teardown),
                cmocka_unit_test(keeps_nothing_but_attestation_keys),
                cmocka_unit_test_setup_teardown(refuses_every_change_of_an_octet, setup, teardown),
                cmocka_unit_test_setup_teardown(refuses_what_is_cut_or_longer, setup, teardown),
                cmocka_unit_test_setup_teardown(wants_what_the_policy_says, setup, teardown),
                cmocka_unit_test_setup_teardown(trusts_a_certificate_of_a_root, setup, teardown),
                cmocka_unit_test_setup_teardown(demands_the_policy_of_a_key, setup, teardown),
                cmocka_unit_test_setup_teardown(refuses_a_key_from_outside_below_any_parent, setup, teardown),
                cmocka_unit_test_setup_teardown(knows_where_an_attestation_key_is, setup, teardown),
                cmocka_unit_test_setup_teardown(compares_pcrs_with_golden_values, setup, teardown),
                cmocka_unit_test_setup_teardown(allows_files_by_their_digest, setup, teardown),
                cmocka_unit_test_setup_teardown(follows_a_tpm_through_time, setup, teardown),
                cmocka_unit_test_setup_teardown(takes_an_unsafe_clock_where_that_is_allowed, setup, teardown),
                cmocka_unit_test_setup_teardown(refuses_firmware_by_its_number, setup, teardown),
                cmocka_unit_test_setup_teardown(tells_a_wrong_policy, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
