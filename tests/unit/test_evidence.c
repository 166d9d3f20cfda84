/* SPDX-License-Identifier: BSD-2-Clause */
/* What a host says of its keys and itself is what the verifier accepts, costs two commands, and is in the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <tss2/tss2_tpm2_types.h>
#include "attest/ek.h"
#include "attest/makecred.h"
#include "holdfast/evidence.h"
#include "keys/evidence.h"
#include "keys/parent.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/filepath.h"
#include "tests/ekfix.h"
#include "tests/recordfix.h"

#define AK_AUTH BYTES_STR("the AK's")
#define CHALLENGE BYTES_STR("thirty-two octets of a challenge")
#define PCRS 0x800401u          /* 0, 10, 23 */
#define HF(b) ((struct hf_bytes){ (b).ptr, (b).len })

struct evid {
        struct recordfix *s;
        struct attester *a;
        struct caller caller;
        struct item *key;               /* with an authorisation value */
        struct tpm_parent srk;
        struct peer peer;
        char event_log[128], ima[128];
        struct buf list;                /* what is in the file ima */
        struct evidence_wish wish;
        struct hf_known_key known;
        struct hf_evidence_policy policy;
        struct hf_evidence_result result;
        struct buf out;
};

static void begin(struct evid *e)
{
        struct recordfix *s = e->s;

        assert_int_equal(keyring_set_secret(s->f.keyring, BYTES_STR("a daemon's secret, of 32 octets.")), 0);
        e->key = fixture_key(&s->f, "P-256", ALG_SIGN, "with a value");
        recordfix_open(s);
        e->caller = (struct caller){ .record = recorder_append, .log = s->r };
        snprintf(e->event_log, sizeof(e->event_log), "%s/event-log", s->f.swtpm.dir);
        snprintf(e->ima, sizeof(e->ima), "%s/ima", s->f.swtpm.dir);
        assert_int_equal(attester_new(&(struct attester_options){ .keyring = s->f.keyring, .ak = s->ak, .ak_auth = AK_AUTH, .event_log = e->event_log,
                                                                  .ima = e->ima }, &e->a), 0);
        assert_int_equal(parent_from_attrs(store_info(keyring_store(s->f.keyring)), &e->srk), 0);
        e->peer = (struct peer){ .pid = 42, .start_time = 4711, .pidfd = -1, .uid = 1000, .gid = 100 };
        assert_int_equal(buf_set(&e->peer.exe, BYTES_STR("/usr/bin/agent")), 0);
        assert_int_equal(buf_set(&e->peer.unit, BYTES_STR("agent.service")), 0);
        e->wish = (struct evidence_wish){ .challenge = CHALLENGE, .key = e->key, .agent = "a", .pcrs = PCRS, .pcr_hash = hash_by_name("SHA256"),
                                          .process = &e->peer, .checkpoint = BYTES_STR("a note"), .to = "https://issuer.example" };
        e->known = (struct hf_known_key){ HF(s->ak.name), HF_ASSURANCE_PINNED };
        e->policy = (struct hf_evidence_policy){
                .flags = HF_WANT_KEY | HF_WANT_HOST | HF_WANT_PROCESS | HF_WANT_LOG | HF_ALLOW_CLOCK_UNSAFE,
                .challenge = HF(CHALLENGE), .assurances = 1u << HF_ASSURANCE_PINNED, .known_keys = &e->known, .n_known_keys = 1,
                .srk_name = HF(e->srk.name), .pcr_hash = TPM2_ALG_SHA256, .pcrs = PCRS,
        };
}

static int start(void **state)
{
        struct evid *e = calloc(1, sizeof(*e));

        recordfix_start((void **)&e->s);
        begin(e);
        *state = e;
        return 0;
}

static int start_session(void **state)
{
        struct evid *e = calloc(1, sizeof(*e));

        recordfix_start_session((void **)&e->s);
        begin(e);
        *state = e;
        return 0;
}

static int stop(void **state)
{
        struct evid *e = *state;

        attester_free(e->a);
        item_unref(e->key);
        tpm_parent_clear(&e->srk);
        peer_clear(&e->peer);
        buf_clear(&e->list);
        buf_clear(&e->out);
        recordfix_stop((void **)&e->s);
        free(e);
        return 0;
}

static int make(struct evid *e)
{
        return evidence_make(e->a, &e->caller, &e->wish, &e->out);
}

static int verify(struct evid *e)
{
        return hf_evidence_verify(HF(e->out), &e->policy, &e->result);
}

static void require_accepted(struct evid *e)
{
        if (make(e) != 0)
                fail_msg("%s", err_text());
        if (verify(e) != 0)
                fail_msg("%s", e->result.reason);
        assert_true(e->result.accepted);
}

/* The log that was written is good, and the TPM says so. */
static void require_log(struct evid *e)
{
        recordfix_close(e->s);
        recordfix_require(e->s, 0);
}

static unsigned records(const struct evid *e, const char *operation, enum audit_decision decision, bool with_command)
{
        struct audit_reader *rd;
        struct audit_record rec;
        struct bytes raw;
        unsigned n = 0;

        assert_int_equal(audit_reader_open(e->s->dir, 1, &rd), 0);
        while (audit_reader_next(rd, &raw) == 0) {
                assert_int_equal(audit_record_decode(raw, &rec), 0);
                if (rec.event != AUDIT_ATTEST || !bytes_equal(rec.operation, BYTES_STR(operation)) || rec.decision != decision)
                        continue;
                assert_true(bytes_equal(rec.detail, BYTES_STR("https://issuer.example")));
                assert_int_equal(rec.tpm.present, with_command);
                n++;
        }
        audit_reader_close(rd);
        return n;
}

static void the_verifier_accepts_it(void **state)
{
        struct evid *e = *state;

        require_accepted(e);
        assert_int_equal(e->result.assurance, HF_ASSURANCE_PINNED);
        assert_true(bytes_equal(BYTES(e->result.agent.ptr, e->result.agent.len), BYTES_STR("a")));
        assert_true(e->result.owner.len > 0);
        assert_true(bytes_equal(BYTES(e->result.process.unit.ptr, e->result.process.unit.len), BYTES_STR("agent.service")));
        assert_int_equal(e->result.process.pid, 42);
        assert_int_equal(e->result.checkpoint.len, 6);
        assert_int_equal(e->result.pcrs, PCRS);
        assert_true(bytes_equal(BYTES(e->result.key_name, e->result.key_name_len), BYTES_OF(&fixture_body(e->key)->name)));
        assert_int_equal(records(e, "certify", AUDIT_ALLOWED, true), 1);
        assert_int_equal(records(e, "quote", AUDIT_ALLOWED, true), 1);
        require_log(e);
}

static void of_a_key_or_of_the_host_alone(void **state)
{
        struct evid *e = *state;

        e->wish.pcrs = 0;
        e->policy.flags = HF_WANT_KEY | HF_ALLOW_CLOCK_UNSAFE;
        require_accepted(e);
        e->wish.pcrs = PCRS;
        e->wish.key = NULL;
        e->policy.flags = HF_WANT_HOST | HF_ALLOW_CLOCK_UNSAFE;
        require_accepted(e);
        assert_int_equal(e->result.agent.len, 0);
        e->wish.pcrs = 0;
        assert_int_equal(make(e), ERR_INVAL);
        e->wish.pcrs = PCRS;
        e->wish.challenge = BYTES_STR("too short");
        assert_int_equal(make(e), ERR_INVAL);
        require_log(e);
}

static void nothing_else_is_accepted_with_it(void **state)
{
        struct evid *e = *state;
        const struct hf_evidence_policy good = e->policy;
        const struct hf_known_key known = e->known;
        uint8_t other[34] = { 0x00, 0x0b };

        require_accepted(e);
        e->policy.challenge = HF(BYTES_STR("thirty-two octets of a changed 1"));
        assert_int_equal(verify(e), ERR_DENIED);
        e->policy = good;
        e->policy.srk_name = HF(BYTES(other, sizeof(other)));
        assert_int_equal(verify(e), ERR_DENIED);
        e->policy = good;
        e->policy.pcrs = 1;
        assert_int_equal(verify(e), ERR_DENIED);
        e->policy = good;
        e->known.name = HF(BYTES(other, sizeof(other)));
        assert_int_equal(verify(e), ERR_DENIED);
        e->known = known;
        assert_int_equal(verify(e), 0);
        /* The process, too, is signed for. */
        memcpy(memmem(e->out.ptr, e->out.len, "agent.service", 5), "other", 5);
        assert_int_equal(verify(e), ERR_DENIED);
}

static void takes_two_commands_when_warm(void **state)
{
        struct evid *e = *state;
        uint64_t before;

        require_accepted(e);
        for (int i = 0; i < 5; i++) {
                before = tpm_commands(e->s->tpm);
                require_accepted(e);
                assert_int_equal(tpm_commands(e->s->tpm), before + 2);
        }
        /* PCRs of which nothing is known yet: one more for eight. */
        e->wish.pcrs = e->policy.pcrs = PCRS | 0x2;
        before = tpm_commands(e->s->tpm);
        require_accepted(e);
        assert_int_equal(tpm_commands(e->s->tpm), before + 3);
        require_log(e);
}

/* TPM2_PCR_Extend in the SHA-256 bank. */
static void extend(const struct evid *e, uint8_t pcr, const uint8_t digest[32])
{
        uint8_t cmd[65] = { 0x80, 0x02, 0, 0, 0, 65, 0, 0, 0x01, 0x82, 0, 0, 0, pcr, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0x0b };
        uint8_t rsp[64];
        size_t len = sizeof(rsp);

        memcpy(cmd + 33, digest, 32);
        assert_int_equal(swtpm_command(&e->s->f.swtpm, cmd, sizeof(cmd), rsp, &len), 0);
        assert_int_equal(rsp[8] << 8 | rsp[9], 0);
}

static void pcrs_that_changed_are_read_again(void **state)
{
        static const uint8_t digest[32] = "what was extended";
        struct evid *e = *state;
        uint8_t was[32];
        uint64_t before;

        require_accepted(e);
        memcpy(was, e->result.pcr[23], sizeof(was));
        extend(e, 23, digest);
        before = tpm_commands(e->s->tpm);
        require_accepted(e);
        assert_int_equal(tpm_commands(e->s->tpm), before + 4);
        assert_memory_not_equal(e->result.pcr[23], was, sizeof(was));
        assert_int_equal(records(e, "quote", AUDIT_FAILED, true), 1);
        assert_int_equal(records(e, "certify", AUDIT_ALLOWED, true), 2);
        before = tpm_commands(e->s->tpm);
        require_accepted(e);
        assert_int_equal(tpm_commands(e->s->tpm), before + 2);
        /* One that was not asked for makes no difference. */
        extend(e, 16, digest);
        before = tpm_commands(e->s->tpm);
        require_accepted(e);
        assert_int_equal(tpm_commands(e->s->tpm), before + 2);
        require_log(e);
}

static void put_little(struct buf *b, uint32_t v)
{
        const uint8_t octets[] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

        assert_int_equal(buf_append(b, octets, sizeof(octets)), 0);
}

/* One more file in the list of "ima-ng"; what its PCR is extended by. */
static void measure(struct evid *e, uint8_t file, uint8_t ret[32])
{
        CLEANUP(buf_clear) struct buf data = { 0 };
        uint8_t digest[32], sha1[20];

        memset(digest, file, sizeof(digest));
        memset(sha1, file, sizeof(sha1));
        put_little(&data, 8 + 32);
        assert_int_equal(buf_append(&data, "sha256:", 8), 0);
        assert_int_equal(buf_append(&data, digest, sizeof(digest)), 0);
        put_little(&data, 6);
        assert_int_equal(buf_append(&data, "/file", 6), 0);
        put_little(&e->list, 10);
        assert_int_equal(buf_append(&e->list, sha1, sizeof(sha1)), 0);
        put_little(&e->list, 6);
        assert_int_equal(buf_append(&e->list, "ima-ng", 6), 0);
        put_little(&e->list, (uint32_t)data.len);
        assert_int_equal(buf_append(&e->list, data.ptr, data.len), 0);
        assert_int_equal(filepath_write(e->ima, BYTES_OF(&e->list), 0600, true), 0);
        assert_int_equal(crypto_hash(hash_by_name("SHA256"), &BYTES_OF(&data), 1, ret), 0);
}

static void the_lists_explain_the_pcrs(void **state)
{
        struct evid *e = *state;
        struct evidence said;
        uint8_t digest[32];

        e->wish.event_log = e->wish.ima = true;
        e->policy.ima_pcr = 1u << 10;
        assert_int_equal(filepath_write(e->event_log, BYTES_STR("the firmware's log"), 0600, true), 0);
        for (uint8_t i = 1; i <= 3; i++) {
                measure(e, i, digest);
                extend(e, 10, digest);
                require_accepted(e);
                assert_int_equal(e->result.ima_entries, i);
                assert_int_equal(evidence_decode(BYTES_OF(&e->out), &said), 0);
                assert_true(bytes_equal(said.host.event_log, BYTES_STR("the firmware's log")));
        }
        require_log(e);
}

static void a_list_that_is_ahead_is_waited_for_but_not_for_ever(void **state)
{
        struct evid *e = *state;
        uint8_t digest[32];
        uint64_t before;

        e->wish.ima = true;
        e->policy.ima_pcr = 1u << 10;
        measure(e, 1, digest);
        before = tpm_commands(e->s->tpm);
        assert_int_equal(make(e), ERR_STALE);
        assert_true(tpm_commands(e->s->tpm) - before <= 16);
        extend(e, 10, digest);
        require_accepted(e);
        require_log(e);
}

static void logs_that_are_not_there_are_left_out(void **state)
{
        struct evid *e = *state;
        struct evidence said;

        e->wish.event_log = e->wish.ima = true;
        require_accepted(e);
        assert_int_equal(evidence_decode(BYTES_OF(&e->out), &said), 0);
        assert_int_equal(said.host.event_log.len + said.host.ima.len, 0);
        /* And one without end is an error, not a part of one. */
        assert_int_equal(filepath_write(e->event_log, BYTES_STR("x"), 0600, true), 0);
        assert_int_equal(truncate(e->event_log, EVIDENCE_EVENT_LOG_MAX + 1), 0);
        assert_int_equal(make(e), ERR_RANGE);
}

static int decide_no(struct policy *p, const struct peer *who, const char *agent, const struct request *q, struct decision *ret)
{
        (void)p, (void)who, (void)agent, (void)q;
        *ret = (struct decision){ .reason = "no" };
        return 0;
}

static int owner_nobody(struct policy *p, const char *agent, struct buf *ret)
{
        (void)p, (void)agent;
        buf_reset(ret);
        return 0;
}

static void a_rule_may_forbid_it(void **state)
{
        static const struct judge judge = { .decide = decide_no, .owner = owner_nobody };
        struct evid *e = *state;
        uint64_t before;

        require_accepted(e);
        e->caller.judge = &judge;
        before = tpm_commands(e->s->tpm);
        assert_int_equal(make(e), ERR_DENIED);
        assert_int_equal(tpm_commands(e->s->tpm), before);
        assert_int_equal(records(e, "quote", AUDIT_REFUSED, false), 1);
}

static int full(void *log, struct audit_record *rec)
{
        (void)log, (void)rec;
        return err(ERR_NOSPC, "no room for records");
}

static void what_cannot_be_recorded_is_not_given_out(void **state)
{
        struct evid *e = *state;

        e->caller.record = full;
        assert_int_equal(make(e), ERR_NOSPC);
        assert_int_equal(e->out.len, 0);
        e->caller.record = recorder_append;
        require_accepted(e);
        require_log(e);
}

static void there_is_none_of_a_secret_key(void **state)
{
        struct evid *e = *state;
        struct item *mac = fixture_key(&e->s->f, "HMAC-SHA256", ALG_SIGN, "mac");

        e->wish.key = mac;
        assert_int_equal(make(e), ERR_NOTSUP);
        item_unref(mac);
}

static void it_heals_after_a_reset(void **state)
{
        struct evid *e = *state;

        for (int i = 0; i < 3; i++) {
                require_accepted(e);
                /* What no checkpoint has told of is lost with its power. */
                assert_int_equal(recorder_checkpoint(e->s->r), 0);
                assert_int_equal(swtpm_reset(&e->s->f.swtpm), 0);
        }
        require_accepted(e);
        assert_int_equal(recordfix_sign(e->s), 0);
        require_log(e);
}

struct worker {
        struct evid *e;
        int failed;
};

static void *work(void *arg)
{
        struct worker *w = arg;
        struct hf_evidence_result result;

        for (int i = 0; i < 10 && !w->failed; i++) {
                CLEANUP(buf_clear) struct buf out = { 0 };

                w->failed = evidence_make(w->e->a, &w->e->caller, &w->e->wish, &out) != 0 || hf_evidence_verify(HF(out), &w->e->policy, &result) != 0 ||
                            recordfix_sign(w->e->s) != 0;
        }
        return NULL;
}

static void many_at_once_add_up(void **state)
{
        struct evid *e = *state;
        struct worker w[4];
        pthread_t t[ARRAY_LEN(w)];

        for (size_t i = 0; i < ARRAY_LEN(w); i++) {
                w[i] = (struct worker){ e, 0 };
                assert_int_equal(pthread_create(&t[i], NULL, work, &w[i]), 0);
        }
        for (size_t i = 0; i < ARRAY_LEN(w); i++) {
                pthread_join(t[i], NULL);
                assert_int_equal(w[i].failed, 0);
                assert_int_equal(recorder_tick(e->s->r), 0);
        }
        assert_int_equal(records(e, "certify", AUDIT_ALLOWED, true), 40);
        require_log(e);
}

static const uint8_t secret[32] = "a secret of thirty-two octets...";

static int activate(struct evid *e, const struct evidence_identity *i, enum evidence_object of, struct bytes name)
{
        CLEANUP(buf_clear) struct buf object = { 0 };
        CLEANUP(buf_clear) struct buf seed = { 0 };

        buf_clear(&e->out);
        assert_int_equal(makecred(i->ek_public, name, BYTES(secret, sizeof(secret)), &object, &seed), 0);
        return evidence_activate(e->a, &e->caller, i, of, BYTES_OF(&object), BYTES_OF(&seed), "https://issuer.example", &e->out);
}

static void a_host_shows_who_it_is(void **state)
{
        struct evid *e = *state;
        CLEANUP(evidence_identity_clear) struct evidence_identity i = { 0 };
        const struct bytes ak = BYTES_OF(&e->s->ak.name), srk = BYTES_OF(&e->srk.name);

        assert_int_equal(evidence_identity(e->a, &i), 0);
        assert_int_equal(ek_check(i.ek_public, NULL, NULL), 0);
        assert_int_equal(i.n_certificates, 0);
        assert_int_equal(activate(e, &i, EVIDENCE_AK, ak), 0);
        assert_true(bytes_equal(BYTES_OF(&e->out), BYTES(secret, sizeof(secret))));
        assert_int_equal(activate(e, &i, EVIDENCE_SRK, srk), 0);
        assert_true(bytes_equal(BYTES_OF(&e->out), BYTES(secret, sizeof(secret))));
        assert_int_equal(activate(e, &i, EVIDENCE_AK, srk), ERR_FOREIGN);
        assert_int_equal(e->out.len, 0);
        assert_int_equal(records(e, "activate", AUDIT_ALLOWED, false), 2);
        assert_int_equal(records(e, "activate", AUDIT_FAILED, false), 1);
        require_accepted(e);
        require_log(e);
}

static void its_certificates_come_with_it(void **state)
{
        struct evid *e = *state;
        CLEANUP(evidence_identity_clear) struct evidence_identity i = { 0 };
        CLEANUP(buf_clear) struct buf public = { 0 };
        CLEANUP(buf_clear) struct buf cert = { 0 };
        static const uint8_t chain[] = { 0x30, 2, 5, 0, 0x30, 1, 0, 0xff, 0xff };

        assert_int_equal(tpm_ek_public(e->s->tpm, &public), 0);
        assert_int_equal(buf_append(&cert, (const uint8_t[]){ 0x30, (uint8_t)public.len }, 2), 0);
        assert_int_equal(buf_append(&cert, public.ptr, public.len), 0);
        /* With what some makers put behind it. */
        assert_int_equal(buf_append(&cert, "\xff\xff", 2), 0);
        assert_true(public.len < 128);
        assert_int_equal(tpm_nv_manufacture(e->s->tpm, TPM_NV_EK_P256, BYTES_OF(&cert)), 0);
        assert_int_equal(tpm_nv_manufacture(e->s->tpm, TPM_NV_EK_CHAIN_FIRST, BYTES(chain, sizeof(chain))), 0);
        assert_int_equal(evidence_identity(e->a, &i), 0);
        assert_int_equal(i.n_certificates, 3);
        assert_int_equal(i.certificates[0].len, cert.len - 2);
        assert_int_equal(i.certificates[1].len, 4);
        assert_int_equal(i.certificates[2].len, 3);
}

static void a_platform_s_attestation_key_speaks_as_well(void **state)
{
        struct evid *e = *state;
        CLEANUP(evidence_identity_clear) struct evidence_identity i = { 0 };
        CLEANUP(tpm_ak_clear) struct tpm_ak ak = { 0 };
        uint64_t before;

        assert_int_equal(tpm_ak_read(e->s->tpm, 0x81000003, &ak), ERR_NOENT);
        ekfix_platform_ak(&e->s->f.swtpm, 0x81000003);
        assert_int_equal(tpm_ak_read(e->s->tpm, 0x81000003, &ak), 0);
        attester_free(e->a);
        assert_int_equal(attester_new(&(struct attester_options){ .keyring = e->s->f.keyring, .ak = ak }, &e->a), 0);
        assert_int_equal(make(e), 0);
        assert_int_equal(verify(e), ERR_DENIED);
        e->known.name = HF(ak.name);
        require_accepted(e);
        before = tpm_commands(e->s->tpm);
        require_accepted(e);
        assert_int_equal(tpm_commands(e->s->tpm), before + 2);

        assert_int_equal(evidence_identity(e->a, &i), 0);
        assert_true(bytes_equal(i.ak_public, BYTES(ak.pub.ptr + 2, ak.pub.len - 2)));
        assert_int_equal(activate(e, &i, EVIDENCE_AK, BYTES_OF(&ak.name)), 0);
        assert_true(bytes_equal(BYTES_OF(&e->out), BYTES(secret, sizeof(secret))));
        require_log(e);
        attester_free(e->a);
        e->a = NULL;
        /* What is no attestation key does not become one. */
        tpm_ak_clear(&ak);
        assert_int_equal(tpm_ak_read(e->s->tpm, e->srk.handle, &ak), 0);
        assert_int_equal(attester_new(&(struct attester_options){ .keyring = e->s->f.keyring, .ak = ak }, &e->a), ERR_NOTSUP);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(the_verifier_accepts_it, start, stop),
                cmocka_unit_test_setup_teardown(the_verifier_accepts_it, start_session, stop),
                cmocka_unit_test_setup_teardown(of_a_key_or_of_the_host_alone, start, stop),
                cmocka_unit_test_setup_teardown(nothing_else_is_accepted_with_it, start, stop),
                cmocka_unit_test_setup_teardown(takes_two_commands_when_warm, start, stop),
                cmocka_unit_test_setup_teardown(takes_two_commands_when_warm, start_session, stop),
                cmocka_unit_test_setup_teardown(pcrs_that_changed_are_read_again, start, stop),
                cmocka_unit_test_setup_teardown(pcrs_that_changed_are_read_again, start_session, stop),
                cmocka_unit_test_setup_teardown(the_lists_explain_the_pcrs, start, stop),
                cmocka_unit_test_setup_teardown(a_list_that_is_ahead_is_waited_for_but_not_for_ever, start, stop),
                cmocka_unit_test_setup_teardown(logs_that_are_not_there_are_left_out, start, stop),
                cmocka_unit_test_setup_teardown(a_rule_may_forbid_it, start, stop),
                cmocka_unit_test_setup_teardown(what_cannot_be_recorded_is_not_given_out, start, stop),
                cmocka_unit_test_setup_teardown(there_is_none_of_a_secret_key, start, stop),
                cmocka_unit_test_setup_teardown(it_heals_after_a_reset, start, stop),
                cmocka_unit_test_setup_teardown(it_heals_after_a_reset, start_session, stop),
                cmocka_unit_test_setup_teardown(many_at_once_add_up, start, stop),
                cmocka_unit_test_setup_teardown(many_at_once_add_up, start_session, stop),
                cmocka_unit_test_setup_teardown(a_host_shows_who_it_is, start, stop),
                cmocka_unit_test_setup_teardown(its_certificates_come_with_it, start, stop),
                cmocka_unit_test_setup_teardown(a_platform_s_attestation_key_speaks_as_well, start, stop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
