/* SPDX-License-Identifier: BSD-2-Clause */
/* The order for evidence: what it says is accepted by the verifier, what it cannot say is an error, and the log tells of both. */
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
#include "attest/evidence.h"
#include "daemon/order.h"
#include "daemon/peer.h"
#include "holdfast/evidence.h"
#include "keys/evidence.h"
#include "keys/secret.h"
#include "lib/err.h"
#include "lib/filepath.h"
#include "tests/corefix.h"
#include "tests/ekfix.h"

#define CHALLENGE "thirty-two octets of a challenge"
#define CHALLENGE_BASE64 "dGhpcnR5LXR3byBvY3RldHMgb2YgYSBjaGFsbGVuZ2U="
#define LOG_SIZE 300000
#define HF(b) ((struct hf_bytes){ (b).ptr, (b).len })

static json_t *answer(struct corefix *x, const char *text)
{
        CLEANUP(buf_clear) struct buf reply = { 0 };
        CLEANUP(buf_clear) struct buf request = { 0 };
        CLEANUP(peer_clear) struct peer self = { .pidfd = -1 };
        json_t *o;

        assert_int_equal(buf_set(&request, BYTES_STR(text)), 0);
        for (size_t i = 0; i < request.len; i++)
                if (request.ptr[i] == '\'')
                        request.ptr[i] = '"';
        assert_int_equal(peer_of_pid(getpid(), &self), 0);
        assert_int_equal(order_answer(&x->core, &self, BYTES_OF(&request), &reply), 0);
        assert_true(reply.len <= ORDER_REPLY_MAX);
        o = json_loadb((const char *)reply.ptr, reply.len, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(o);
        return o;
}

static void ask(struct corefix *x, const char *text, struct buf *ret)
{
        json_t *reply = answer(x, text);
        json_t *evidence = json_object_get(reply, "evidence");

        if (!json_is_true(json_object_get(reply, "ok")))
                fail_msg("%s: %s", text, json_string_value(json_object_get(reply, "text")));
        assert_int_equal(base64_decode(json_string_value(evidence), json_string_length(evidence), ret), 0);
        json_decref(reply);
}

static void refused(struct corefix *x, const char *error, const char *text)
{
        json_t *reply = answer(x, text);
        const char *e = json_string_value(json_object_get(reply, "error"));

        if (e == NULL || strcmp(e, error) != 0)
                fail_msg("%s: %s", text, e != NULL ? e : "ok");
        json_decref(reply);
}

static void make_agent(struct corefix *x)
{
        json_decref(answer(x, "{'order':'agent-create','name':'build-42','owner':'dana','kind':'P-256','label':'tls'}"));
}

/* By its public half alone, as an issuer knows it. */
static void require_accepted(const struct corefix *x, const struct buf *evidence, unsigned flags, uint32_t pcrs, struct hf_evidence_result *ret)
{
        const struct hf_known_key known = { HF(x->core.ak.name), HF_ASSURANCE_UNATTESTED };
        const struct hf_evidence_policy p = {
                .flags = flags | HF_ALLOW_CLOCK_UNSAFE, .challenge = HF(BYTES_STR(CHALLENGE)), .assurances = 1u << HF_ASSURANCE_UNATTESTED,
                .known_keys = &known, .n_known_keys = 1, .pcr_hash = TPM2_ALG_SHA256, .pcrs = pcrs,
        };

        if (hf_evidence_verify(HF(*evidence), &p, ret) != 0)
                fail_msg("%s", ret->reason);
}

static void says_what_was_asked_for(void **state)
{
        struct corefix *x = *state;
        CLEANUP(buf_clear) struct buf e = { 0 };
        struct hf_evidence_result r;

        make_agent(x);
        ask(x, "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','agent':'build-42','label':'tls','pcrs':'0,23,7','log':true,'to':'the test'}", &e);
        require_accepted(x, &e, HF_WANT_KEY | HF_WANT_HOST | HF_WANT_LOG, 0x800081, &r);
        assert_true(bytes_equal(BYTES(r.agent.ptr, r.agent.len), BYTES_STR("build-42")));
        assert_true(bytes_equal(BYTES(r.owner.ptr, r.owner.len), BYTES_STR("dana")));
        /* The daemon does not know who uses the key, and does not say so. */
        assert_false(r.process.present);
        assert_non_null(memmem(r.checkpoint.ptr, r.checkpoint.len, "holdfast/", 9));
        assert_int_equal(corefix_records(x, AUDIT_ATTEST, "certify", AUDIT_ALLOWED, "build-42"), 1);
        assert_int_equal(corefix_records(x, AUDIT_ATTEST, "quote", AUDIT_ALLOWED, "build-42"), 1);

        ask(x, "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','agent':'build-42'}", &e);
        require_accepted(x, &e, HF_WANT_KEY, 0, &r);
        ask(x, "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','pcrs':'10','pcr-hash':'sha256'}", &e);
        require_accepted(x, &e, HF_WANT_HOST, 1u << 10, &r);
        assert_int_equal(corefix_records(x, AUDIT_ATTEST, "quote", AUDIT_ALLOWED, ""), 1);
}

static void says_nothing_else(void **state)
{
        struct corefix *x = *state;

        make_agent(x);
        refused(x, "ERR_FORMAT", "{'order':'evidence','agent':'build-42'}");
        refused(x, "ERR_FORMAT", "{'order':'evidence','challenge':'****','agent':'build-42'}");
        refused(x, "ERR_INVAL", "{'order':'evidence','challenge':'c2hvcnQ=','agent':'build-42'}");
        refused(x, "ERR_INVAL", "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "'}");
        refused(x, "ERR_INVAL", "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','label':'tls','pcrs':'0'}");
        refused(x, "ERR_NOENT", "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','agent':'nobody'}");
        refused(x, "ERR_NOENT", "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','agent':'build-42','label':'other'}");
        refused(x, "ERR_INVAL", "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','pcrs':''}");
        refused(x, "ERR_INVAL", "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','pcrs':'24'}");
        refused(x, "ERR_INVAL", "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','pcrs':'99999999999999999999'}");
        refused(x, "ERR_INVAL", "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','pcrs':'1,1'}");
        refused(x, "ERR_INVAL", "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','pcrs':'1,'}");
        refused(x, "ERR_INVAL", "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','pcrs':'0-7'}");
        refused(x, "ERR_INVAL", "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','pcrs':'0','pcr-hash':'md5'}");
        refused(x, "ERR_INVAL", "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','pcrs':'0','pcr-hash':'sha256-and-more'}");
        assert_int_equal(corefix_records(x, AUDIT_ATTEST, NULL, AUDIT_ALLOWED, NULL), 0);
}

/* The answer is then longer than an order may be. */
static void brings_long_logs_along(void **state)
{
        struct corefix *x = *state;
        CLEANUP(buf_clear) struct buf secret = { 0 };
        CLEANUP(buf_clear) struct buf content = { 0 };
        CLEANUP(buf_clear) struct buf e = { 0 };
        uint8_t auth[SECRET_SIZE];
        char path[128];
        struct evidence said;
        bool first;

        for (size_t i = 0; i < LOG_SIZE; i++)
                assert_int_equal(buf_append_u8(&content, (uint8_t)(i * 7)), 0);
        snprintf(path, sizeof(path), "%s/event-log", x->f.swtpm.dir);
        assert_int_equal(filepath_write(path, BYTES_OF(&content), 0600, true), 0);
        assert_int_equal(secret_open(x->core.keyring, &secret, &first), 0);
        assert_int_equal(secret_derive(BYTES_OF(&secret), SECRET_AK, auth), 0);
        attester_free(x->core.attester);
        assert_int_equal(attester_new(&(struct attester_options){ .keyring = x->core.keyring, .ak = x->core.ak, .ak_auth = BYTES(auth, sizeof(auth)),
                                                                  .event_log = path }, &x->core.attester), 0);
        ask(x, "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','pcrs':'7','event-log':true}", &e);
        assert_int_equal(evidence_decode(BYTES_OF(&e), &said), 0);
        assert_true(bytes_equal(said.host.event_log, BYTES_OF(&content)));
}

static void the_platform_s_key_speaks_where_one_is_configured(void **state)
{
        struct corefix *x = *state;
        CLEANUP(buf_clear) struct buf e = { 0 };
        CLEANUP(tpm_ak_clear) struct tpm_ak ak = { 0 };
        struct evidence said;

        x->f.conf.issuer_ak_handle = 0x81000003;
        assert_int_equal(core_close(&x->core), 0);
        assert_int_equal(core_open(&x->f.conf, &x->core), ERR_NOENT);
        ekfix_platform_ak(&x->f.swtpm, 0x81000003);
        assert_int_equal(core_open(&x->f.conf, &x->core), 0);
        ask(x, "{'order':'evidence','challenge':'" CHALLENGE_BASE64 "','pcrs':'7'}", &e);
        assert_int_equal(evidence_decode(BYTES_OF(&e), &said), 0);
        assert_int_equal(tpm_ak_read(x->core.tpm, 0x81000003, &ak), 0);
        assert_true(bytes_equal(said.ak_public, BYTES(ak.pub.ptr + 2, ak.pub.len - 2)));
        assert_false(bytes_equal(BYTES_OF(&ak.name), BYTES_OF(&x->core.ak.name)));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(says_what_was_asked_for, corefix_setup, corefix_teardown),
                cmocka_unit_test_setup_teardown(says_nothing_else, corefix_setup, corefix_teardown),
                cmocka_unit_test_setup_teardown(brings_long_logs_along, corefix_setup, corefix_teardown),
                cmocka_unit_test_setup_teardown(the_platform_s_key_speaks_where_one_is_configured, corefix_setup, corefix_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
