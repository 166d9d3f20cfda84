/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast evidence verify: is it accepted, check by check? Needs nothing but the files that are named. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/alg.h"
#include "tools/evidence.h"
#include "tools/text.h"

#define FIRMWARE_SIZE 17

static const char *outcome_name(enum hf_outcome o)
{
        return o == HF_OUTCOME_PASSED ? "passed" : o == HF_OUTCOME_FAILED ? "FAILED" : "-";
}

/* Where one check failed, others that have no outcome may have waited for it. */
static void print_checks(const struct cli *c, const struct hf_evidence_result *res)
{
        struct table t = { .columns = 3 };

        table_add_str(&t, "CHECK");
        table_add_str(&t, "OUTCOME");
        table_add_str(&t, "BECAUSE");
        for (unsigned i = 0; i < HF_CHECKS; i++) {
                table_add_str(&t, hf_check_name((enum hf_check)i));
                table_add_str(&t, outcome_name(res->checks[i].outcome));
                table_add_str(&t, res->checks[i].outcome != HF_OUTCOME_NONE ? res->checks[i].text : res->accepted ? "not asked" : "not asked, or not reached");
        }
        table_print(c, &t);
        table_clear(&t);
}

static int hex_field(const char *name, const uint8_t *p, size_t len)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };
        int r = len > 0 ? hex_encode(BYTES(p, len), &hex) : 0;

        if (r == 0 && len > 0)
                print_field(name, "%s", buf_str(&hex));
        return r;
}

static const char *firmware_text(uint64_t firmware, char ret[FIRMWARE_SIZE])
{
        snprintf(ret, FIRMWARE_SIZE, "%016" PRIx64, firmware);
        return ret;
}

/* What it says, vouched for. */
static int print_accepted(const struct hf_evidence_result *res)
{
        char firmware[FIRMWARE_SIZE], pcrs[PCRS_TEXT_SIZE];
        int r;

        print_field("Accepted", "%s", hf_assurance_name(res->assurance));
        if (res->agent.len > 0)
                print_field("Agent", "%.*s", (int)res->agent.len, (const char *)res->agent.ptr);
        if (res->owner.len > 0)
                print_field("Owner", "%.*s", (int)res->owner.len, (const char *)res->owner.ptr);
        r = hex_field("Key", res->key_name, res->key_name_len);
        if (r == 0)
                r = hex_field("AK", res->ak_name, res->ak_name_len);
        if (res->pcrs != 0)
                print_field("PCRs", "%s", pcrs_text(res->pcrs, pcrs));
        print_field("TPM", "clock %" PRIu64 " ms%s, reset %" PRIu32 " times, restarted %" PRIu32 ", firmware %s", res->standing.clock_ms,
                    res->clock_safe ? "" : " (not safe)", res->standing.resets, res->standing.restarts, firmware_text(res->standing.firmware, firmware));
        return r;
}

static json_t *hex_json(const uint8_t *p, size_t len)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };

        return len > 0 && hex_encode(BYTES(p, len), &hex) == 0 ? json_string(buf_str(&hex)) : json_null();
}

static json_t *text_or_null(struct hf_bytes b)
{
        return b.len > 0 ? text_json(BYTES(b.ptr, b.len)) : json_null();
}

static json_t *checks_json(const struct hf_evidence_result *res)
{
        json_t *list = json_array();

        for (unsigned i = 0; i < HF_CHECKS; i++)
                json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "check", hf_check_name((enum hf_check)i), "outcome",
                                                      res->checks[i].outcome == HF_OUTCOME_PASSED ? "passed" : res->checks[i].outcome == HF_OUTCOME_FAILED ? "failed" : "none",
                                                      "text", text_json(BYTES_STR(res->checks[i].text))));
        return list;
}

static json_t *pcrs_json(const struct hf_evidence_result *res)
{
        const struct hash *h = hash_by_tpm(res->pcr_hash);
        json_t *doc = json_object();
        char number[8];

        for (unsigned i = 0; h != NULL && i < HF_PCRS; i++)
                if (res->pcrs >> i & 1) {
                        snprintf(number, sizeof(number), "%u", i);
                        json_object_set_new(doc, number, hex_json(res->pcr[i], h->size));
                }
        return doc;
}

/* What was not vouched for is not said. */
static int print_result_json(const struct hf_evidence_result *res)
{
        char firmware[FIRMWARE_SIZE];
        json_t *doc = json_pack("{s:b, s:s, s:o, s:o}", "accepted", res->accepted, "assurance", hf_assurance_name(res->assurance), "reason",
                                res->accepted ? json_null() : text_json(BYTES_STR(res->reason)), "checks", checks_json(res));

        if (res->accepted) {
                json_object_update_new(doc, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "agent", text_or_null(res->agent), "owner", text_or_null(res->owner),
                                                      "key_name", hex_json(res->key_name, res->key_name_len), "key_spki", hex_json(res->key_spki, res->key_spki_len),
                                                      "ak_name", hex_json(res->ak_name, res->ak_name_len), "pcrs", pcrs_json(res)));
                json_object_set_new(doc, "standing", json_pack("{s:I, s:I, s:I, s:s}", "clock_ms", (json_int_t)res->standing.clock_ms, "resets",
                                                               (json_int_t)res->standing.resets, "restarts", (json_int_t)res->standing.restarts, "firmware",
                                                               firmware_text(res->standing.firmware, firmware)));
        }
        return print_json("evidence-verify", doc);
}

static int read_rules(const struct cli *c, struct evidence_rules *ret)
{
        static const char *const others[] = { "ak-name", "root", "ek-name", "srk-name", "pcrs", "pcr-hash" };
        static const char *const other_flags[] = { "event-log", "ima", "secure-boot", "host-only", "clock-unsafe" };
        const char *path = cli_value(c, "policy");
        bool more = false;

        for (size_t i = 0; i < ARRAY_LEN(others); i++)
                more = more || cli_value(c, others[i]) != NULL;
        for (size_t i = 0; i < ARRAY_LEN(other_flags); i++)
                more = more || cli_flag(c, other_flags[i]);
        if (path != NULL && more)
                return err(ERR_USAGE, "what is demanded is in the policy: give --policy, or the other options");
        return path != NULL ? evidence_rules_read(path, ret) : evidence_rules_options(c, ret);
}

int cmd_evidence_verify(struct cli *c)
{
        CLEANUP(challenge_clear) struct challenge ch = { 0 };
        CLEANUP(evidence_rules_clear) struct evidence_rules rules = { 0 };
        CLEANUP(buf_clear) struct buf evidence = { 0 };
        CLEANUP(free_ptr) struct hf_evidence_result *res = calloc(1, sizeof(*res));
        int r, verdict;

        r = res != NULL ? challenge_read(cli_value(c, "challenge"), &ch) : err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = read_rules(c, &rules);
        if (r == 0)
                r = evidence_file(cli_arg(c, 0), &evidence);
        if (r != 0)
                return r;
        rules.policy.challenge = (struct hf_bytes){ ch.octets.ptr, ch.octets.len };
        rules.policy.time = (int64_t)time(NULL);
        verdict = hf_evidence_verify((struct hf_bytes){ evidence.ptr, evidence.len }, &rules.policy, res);
        /* Not the evidence's fault. */
        if (verdict == ERR_INVAL || verdict == ERR_NOMEM)
                return verdict;
        if (cli_flag(c, "json"))
                r = print_result_json(res);
        else
                print_checks(c, res);
        if (r == 0 && !cli_flag(c, "json") && verdict == 0)
                r = print_accepted(res);
        else if (!cli_flag(c, "json"))
                print_field("Refused", "%s", res->reason);
        return r == 0 && verdict != 0 ? EXIT_VERIFY : r;
}
