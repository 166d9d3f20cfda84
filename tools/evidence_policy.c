/* SPDX-License-Identifier: BSD-2-Clause */
/* A policy for evidence as a file: one JSON object, holdfast-evidence(7). What is not in it is not accepted. */
#include <string.h>
#include "attest/evidence.h"
#include "tools/evidence.h"
#include "tools/readfile.h"
#include "tools/text.h"

#define IMA_PCR 10

static int is_wrong(const char *member, const char *what)
{
        return err(ERR_FORMAT, "the policy's member \"%s\" is %s", member, what);
}

static int get_text(const json_t *v, const char *member, const char **ret)
{
        *ret = json_string_value(v);
        return *ret != NULL ? 0 : is_wrong(member, "no text");
}

static int get_hex(struct evidence_rules *r, const json_t *v, const char *member, struct hf_bytes *ret)
{
        CLEANUP(buf_clear) struct buf octets = { 0 };
        const char *text;
        int e = get_text(v, member, &text);

        if (e != 0)
                return e;
        if (hex_decode(text, strlen(text), &octets) != 0 || octets.len == 0)
                return is_wrong(member, "no hexadecimal");
        return evidence_rules_keep(r, &octets, ret);
}

static int get_pcrs(const json_t *v, const char *member, uint32_t *ret)
{
        const json_t *one;
        uint32_t pcrs = 0;
        size_t i;

        if (!json_is_array(v))
                return is_wrong(member, "no list of PCRs");
        json_array_foreach(v, i, one) {
                const json_int_t n = json_is_integer(one) ? json_integer_value(one) : -1;

                if (n < 0 || n >= EVIDENCE_PCRS)
                        return is_wrong(member, "no list of PCRs");
                pcrs |= 1u << n;
        }
        *ret = pcrs;
        return 0;
}

static int get_assurance(const char *text, const char *member, enum hf_assurance *ret)
{
        for (unsigned a = HF_ASSURANCE_SIMULATOR; text != NULL && a <= HF_ASSURANCE_HARDWARE; a++)
                if (strcmp(text, hf_assurance_name((enum hf_assurance)a)) == 0) {
                        *ret = (enum hf_assurance)a;
                        return 0;
                }
        return is_wrong(member, "not one of simulator, unattested, pinned, hardware");
}

static int get_words(struct evidence_rules *r, const json_t *v, const char *member)
{
        static const struct {
                const char *member, *word;
                unsigned flag;
        } words[] = {
                { "want", "key", HF_WANT_KEY }, { "want", "host", HF_WANT_HOST }, { "want", "process", HF_WANT_PROCESS }, { "want", "log", HF_WANT_LOG },
                { "want", "secure-boot", HF_WANT_SECURE_BOOT }, { "want", "same-boot", HF_WANT_SAME_BOOT },
                { "allow", "any-hierarchy", HF_ALLOW_ANY_HIERARCHY }, { "allow", "clock-unsafe", HF_ALLOW_CLOCK_UNSAFE },
        };
        const json_t *one;
        size_t i;

        if (!json_is_array(v))
                return is_wrong(member, "no list of words");
        json_array_foreach(v, i, one) {
                const char *word = json_string_value(one);
                size_t k = 0;

                while (k < ARRAY_LEN(words) && (word == NULL || strcmp(words[k].member, member) != 0 || strcmp(words[k].word, word) != 0))
                        k++;
                if (k == ARRAY_LEN(words))
                        return is_wrong(member, "not of words that have a meaning there");
                r->policy.flags |= words[k].flag;
        }
        return 0;
}

static int get_assurances(struct evidence_rules *r, const json_t *v, const char *member)
{
        enum hf_assurance a = HF_ASSURANCE_NONE;
        const json_t *one;
        size_t i;
        int e = json_is_array(v) ? 0 : is_wrong(member, "no list of words");

        json_array_foreach(v, i, one) {
                e = get_assurance(json_string_value(one), member, &a);
                if (e != 0)
                        return e;
                r->policy.assurances |= 1u << a;
        }
        return e;
}

/* [{"name": HEX or "file": PATH, "assurance": WORD}] */
static int get_trusted(struct evidence_rules *r, const json_t *v, const char *member)
{
        const bool keys = strcmp(member, "known_keys") == 0;
        enum hf_assurance a = HF_ASSURANCE_NONE;
        json_t *one;
        size_t i;
        int e = json_is_array(v) ? 0 : is_wrong(member, "no list");

        json_array_foreach(v, i, one) {
                const char *which = NULL, *word = NULL;

                if (json_unpack_ex(one, NULL, JSON_STRICT, "{s:s, s:s}", keys ? "name" : "file", &which, "assurance", &word) != 0)
                        return is_wrong(member, keys ? "not of pairs \"name\" and \"assurance\"" : "not of pairs \"file\" and \"assurance\"");
                e = get_assurance(word, member, &a);
                if (e == 0)
                        e = keys ? evidence_rules_key(r, which, a) : evidence_rules_root(r, which, a);
                if (e != 0)
                        return e;
        }
        return e;
}

/* {"7": [HEX...]} */
static int get_golden(struct evidence_rules *r, const json_t *v, const char *member)
{
        json_t *list, *one;
        const char *key;
        size_t i;
        int e = json_is_object(v) ? 0 : is_wrong(member, "no object");

        json_object_foreach((json_t *)v, key, list) {
                uint32_t pcr = 0;
                unsigned n = 0;

                if (!json_is_array(list) || json_array_size(list) == 0 || pcrs_parse(key, &pcr) != 0 || (pcr & (pcr - 1)) != 0)
                        return is_wrong(member, "not of PCRs, each with a list of digests");
                while (pcr >> n != 1)
                        n++;
                json_array_foreach(list, i, one) {
                        if (r->n_golden == RULES_GOLDEN_MAX)
                                return is_wrong(member, "too long");
                        r->golden[r->n_golden].pcr = n;
                        e = get_hex(r, one, member, &r->golden[r->n_golden].digest);
                        if (e != 0)
                                return e;
                        r->n_golden++;
                }
        }
        r->policy.golden = r->golden;
        r->policy.n_golden = r->n_golden;
        return e;
}

/* As `holdfast evidence verify --json` gave it. */
static int get_last(struct evidence_rules *r, const json_t *v, const char *member)
{
        json_int_t clock, resets, restarts;
        const char *firmware;
        char *end;

        if (json_unpack_ex((json_t *)v, NULL, JSON_STRICT, "{s:I, s:I, s:I, s:s}", "clock_ms", &clock, "resets", &resets, "restarts", &restarts, "firmware", &firmware) != 0 ||
            clock < 0 || resets < 0 || resets > UINT32_MAX || restarts < 0 || restarts > UINT32_MAX)
                return is_wrong(member, "no standing of a TPM");
        r->last = (struct hf_standing){ (uint64_t)clock, (uint32_t)resets, (uint32_t)restarts, strtoull(firmware, &end, 16) };
        if (strlen(firmware) != 16 || *end != 0)
                return is_wrong(member, "no standing of a TPM");
        r->policy.last = &r->last;
        return 0;
}

static int get_denied(struct evidence_rules *r, const json_t *v, const char *member)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        const char *path;
        int e = get_text(v, member, &path);

        if (e == 0)
                e = readfile(path, &text);
        if (e == 0)
                e = firmware_list_parse(BYTES_OF(&text), &r->denied);
        r->policy.denied = r->denied.denied;
        r->policy.n_denied = r->denied.n;
        return e;
}

static int get_name(struct evidence_rules *r, const json_t *v, const char *member)
{
        struct hf_evidence_policy *p = &r->policy;

        return get_hex(r, v, member, strcmp(member, "ek_name") == 0 ? &p->ek_name : strcmp(member, "srk_name") == 0 ? &p->srk_name : &p->key_policy);
}

static int get_selection(struct evidence_rules *r, const json_t *v, const char *member)
{
        return get_pcrs(v, member, strcmp(member, "pcrs") == 0 ? &r->policy.pcrs : &r->policy.replayed);
}

static int get_hash(struct evidence_rules *r, const json_t *v, const char *member)
{
        const char *text;
        int e = get_text(v, member, &text);

        return e != 0 ? e : pcr_hash_parse(text, &r->policy.pcr_hash);
}

static int get_ima(struct evidence_rules *r, const json_t *v, const char *member)
{
        if (!json_is_boolean(v))
                return is_wrong(member, "neither true nor false");
        r->policy.ima_pcr = json_is_true(v) ? 1u << IMA_PCR : 0;
        return 0;
}

static int get_files(struct evidence_rules *r, const json_t *v, const char *member)
{
        const char *path;
        int e = get_text(v, member, &path);

        return e != 0 ? e : evidence_rules_files(r, path);
}

static int get_manufacturer(struct evidence_rules *r, const json_t *v, const char *member)
{
        const char *text;
        int e = get_text(v, member, &text);

        return e != 0 ? e : manufacturer_parse(BYTES_STR(text), &r->policy.manufacturer);
}

static int get_schema(struct evidence_rules *r, const json_t *v, const char *member)
{
        const char *text = json_string_value(v);

        (void)r;
        return text != NULL && strcmp(text, "holdfast.evidence-policy/1") == 0 ? 0 : is_wrong(member, "another than \"holdfast.evidence-policy/1\"");
}

static const struct {
        const char *name;
        int (*get)(struct evidence_rules *r, const json_t *v, const char *member);
} members[] = {
        { "schema", get_schema }, { "want", get_words }, { "allow", get_words }, { "assurances", get_assurances }, { "known_keys", get_trusted },
        { "roots", get_trusted }, { "ek_name", get_name }, { "srk_name", get_name }, { "key_policy", get_name }, { "pcr_hash", get_hash },
        { "pcrs", get_selection }, { "replayed", get_selection }, { "ima", get_ima }, { "ima_files", get_files }, { "golden", get_golden },
        { "last", get_last }, { "manufacturer", get_manufacturer }, { "denied_firmware", get_denied },
};

static int read_members(struct evidence_rules *r, json_t *doc)
{
        const char *name;
        json_t *value;
        int e = json_is_object(doc) ? 0 : err(ERR_FORMAT, "a policy is one JSON object");

        json_object_foreach(doc, name, value) {
                size_t i = 0;

                while (i < ARRAY_LEN(members) && strcmp(members[i].name, name) != 0)
                        i++;
                e = i < ARRAY_LEN(members) ? members[i].get(r, value, name) : err(ERR_FORMAT, "a policy has no member \"%.40s\"", name);
                if (e != 0)
                        return e;
        }
        return e;
}

int evidence_rules_read(const char *path, struct evidence_rules *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        json_error_t error;
        json_t *doc;
        int e;

        e = readfile(path, &text);
        if (e != 0)
                return e;
        ret->policy.pcr_hash = 0x000b;
        doc = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &error);
        e = doc != NULL ? read_members(ret, doc) : err(ERR_FORMAT, "line %d of the policy is no JSON", error.line);
        json_decref(doc);
        return e;
}
