/* SPDX-License-Identifier: BSD-2-Clause */
/* Is this evidence accepted? The order of the checks, and what is said of each. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "attest/checking.h"
#include "attest/measured.h"
#include "lib/err.h"
#include "lib/utf8.h"

#define EXPORT __attribute__((visibility("default")))
#define PCR_SECURE_BOOT 7

static const char *const assurances[] = {
        [HF_ASSURANCE_NONE] = "none", [HF_ASSURANCE_SIMULATOR] = "simulator", [HF_ASSURANCE_UNATTESTED] = "unattested",
        [HF_ASSURANCE_PINNED] = "pinned", [HF_ASSURANCE_HARDWARE] = "hardware",
};

static const char *const checks[HF_CHECKS] = {
        [HF_CHECK_SHAPE] = "shape", [HF_CHECK_AK] = "attestation-key", [HF_CHECK_TRUST] = "trust",
        [HF_CHECK_KEY_SIGNATURE] = "key-signature", [HF_CHECK_KEY_STATEMENT] = "key-statement", [HF_CHECK_KEY] = "key",
        [HF_CHECK_KEY_POLICY] = "key-policy", [HF_CHECK_HOST_SIGNATURE] = "host-signature", [HF_CHECK_HOST_STATEMENT] = "host-statement",
        [HF_CHECK_GOLDEN] = "golden", [HF_CHECK_EVENT_LOG] = "event-log", [HF_CHECK_SECURE_BOOT] = "secure-boot", [HF_CHECK_IMA] = "ima",
        [HF_CHECK_CLOCK] = "clock", [HF_CHECK_FIRMWARE] = "firmware",
};

EXPORT const char *hf_assurance_name(enum hf_assurance a)
{
        return (unsigned)a < ARRAY_LEN(assurances) ? assurances[a] : NULL;
}

EXPORT const char *hf_check_name(enum hf_check c)
{
        return (unsigned)c < HF_CHECKS ? checks[c] : NULL;
}

static void say(struct checking *c, enum hf_check which, enum hf_outcome outcome, const char *fmt, va_list ap)
{
        c->ret->checks[which].outcome = outcome;
        if (vsnprintf(c->ret->checks[which].text, sizeof(c->ret->checks[which].text), fmt, ap) < 0)
                c->ret->checks[which].text[0] = 0;
}

int passed(struct checking *c, enum hf_check which, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        say(c, which, HF_OUTCOME_PASSED, fmt, ap);
        va_end(ap);
        return 0;
}

int failed(struct checking *c, enum hf_check which, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        say(c, which, HF_OUTCOME_FAILED, fmt, ap);
        va_end(ap);
        return ERR_DENIED;
}

/* What a policy demands of a quote without demanding a quote, of a PCR that is not quoted, of what does not exist. */
static int check_policy(const struct hf_evidence_policy *p)
{
        const uint32_t bits = HF_WANT_KEY | HF_WANT_HOST | HF_WANT_PROCESS | HF_WANT_LOG | HF_WANT_SECURE_BOOT | HF_WANT_SAME_BOOT |
                              HF_ALLOW_ANY_HIERARCHY | HF_ALLOW_CLOCK_UNSAFE;
        const struct hash *h = hash_by_tpm(p->pcr_hash);

        if ((p->flags & ~bits) != 0 || (p->flags & (HF_WANT_KEY | HF_WANT_HOST)) == 0)
                return err(ERR_INVAL, "the policy demands evidence of neither a key nor a host, or what we do not know");
        if (p->challenge.len < EVIDENCE_CHALLENGE_MIN || p->challenge.len > EVIDENCE_CHALLENGE_MAX)
                return err(ERR_INVAL, "the policy's challenge has %zu octets, not %d to %d", p->challenge.len, EVIDENCE_CHALLENGE_MIN, EVIDENCE_CHALLENGE_MAX);
        if ((p->ek_name.len > 0 && !is_name(FROM_HF(p->ek_name))) || (p->srk_name.len > 0 && !is_name(FROM_HF(p->srk_name))))
                return err(ERR_INVAL, "the policy has a Name that is none");
        if ((p->flags & HF_WANT_HOST) == 0 && (p->replayed != 0 || p->ima_pcr != 0 || p->n_golden > 0 || p->flags & HF_WANT_SECURE_BOOT))
                return err(ERR_INVAL, "the policy demands something of PCRs, and no quote");
        if ((p->flags & HF_WANT_HOST) && (!h || h->size < 32 || p->pcrs == 0 || p->pcrs >> EVIDENCE_PCRS != 0))
                return err(ERR_INVAL, "the policy demands a quote of no PCRs, or of a bank that is not good enough");
        if ((p->replayed & ~p->pcrs) != 0 || (p->ima_pcr & ~p->pcrs) != 0 || (p->ima_pcr & (p->ima_pcr - 1)) != 0)
                return err(ERR_INVAL, "the policy demands an explanation of PCRs that are not quoted");
        if ((p->flags & HF_WANT_SECURE_BOOT) && (p->replayed >> PCR_SECURE_BOOT & 1) == 0)
                return err(ERR_INVAL, "the policy demands secure boot, and no event log for PCR %d", PCR_SECURE_BOOT);
        if (p->ima_files && p->ima_pcr == 0)
                return err(ERR_INVAL, "the policy knows files, and demands no IMA list");
        for (size_t i = 1; i < p->n_ima_files; i++)
                if (digest_compare(&p->ima_files[i - 1], &p->ima_files[i]) >= 0)
                        return err(ERR_INVAL, "the policy's digests of files are not in order");
        return 0;
}

/* Names that we may print. */
static bool check_words(const struct evidence *e)
{
        const struct bytes words[] = { e->key.agent, e->key.owner, e->process.unit, e->process.container };

        for (size_t i = 0; i < ARRAY_LEN(words); i++)
                if (!utf8_printable(words[i]))
                        return false;
        return true;
}

static int check_shape(struct checking *c, struct bytes evidence)
{
        static const struct {
                unsigned flag;
                const char *what;
        } wanted[] = { { HF_WANT_KEY, "key" }, { HF_WANT_HOST, "quote" }, { HF_WANT_PROCESS, "process" }, { HF_WANT_LOG, "checkpoint of the log" } };
        const struct evidence *e = &c->e;
        int r;

        r = evidence_decode(evidence, &c->e);
        if (r != 0)
                return r == ERR_FORMAT ? failed(c, HF_CHECK_SHAPE, "%s", err_text()) : r;
        if (!check_words(e))
                return failed(c, HF_CHECK_SHAPE, "a name in it cannot be shown");
        for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
                const bool is[] = { e->key.present, e->host.present, e->process.present, e->checkpoint.len > 0 };

                if ((c->policy->flags & wanted[i].flag) && !is[i])
                        return failed(c, HF_CHECK_SHAPE, "there is no %s in it", wanted[i].what);
        }
        r = evidence_binding(e, FROM_HF(c->policy->challenge), c->binding);
        return r != 0 ? r : passed(c, HF_CHECK_SHAPE, "well formed, and all that is demanded is there");
}

static void copy_name(const struct public *p, uint8_t ret[HF_NAME_MAX], size_t *ret_len)
{
        memcpy(ret, p->name.ptr, p->name.len);
        *ret_len = p->name.len;
}

/* What check_ak() would find, once. */
struct hf_evidence_ak {
        struct public ak;
        struct buf octets;
};

static int check_ak(struct checking *c)
{
        int r = 0;

        if (c->policy->ak && bytes_equal(BYTES_OF(&c->policy->ak->octets), c->e.ak_public)) {
                c->ak = &c->policy->ak->ak;
        } else {
                c->ak = &c->own_ak;
                r = public_decode(c->e.ak_public, &c->own_ak);
        }
        if (r == 0)
                copy_name(c->ak, c->ret->ak_name, &c->ret->ak_name_len);
        if (r == 0 && c->ak == &c->own_ak)
                r = public_check_ak(&c->own_ak);
        if (r == ERR_NOMEM)
                return r;
        return r != 0 ? failed(c, HF_CHECK_AK, "the attestation key: %s", err_text()) : passed(c, HF_CHECK_AK, "restricted, and its TPM's own");
}

static int check_key(struct checking *c)
{
        CLEANUP(buf_clear) struct buf spki = { 0 };
        bool policy = false;
        int r;

        r = public_decode(c->e.key.public, &c->key);
        if (r == 0)
                r = check_certify(c);
        else if (r != ERR_NOMEM)
                r = failed(c, HF_CHECK_KEY, "the key: %s", err_text());
        if (r != 0)
                return r;
        copy_name(&c->key, c->ret->key_name, &c->ret->key_name_len);
        r = public_check_key(&c->key, FROM_HF(c->policy->key_policy), &policy);
        if (r == ERR_DENIED && policy)
                passed(c, HF_CHECK_KEY, "made in its TPM, unable to leave it");
        if (r == ERR_DENIED)
                return failed(c, policy ? HF_CHECK_KEY_POLICY : HF_CHECK_KEY, "the key: %s", err_text());
        if (r == 0)
                r = pubkey_to_spki(&c->key.key, &spki);
        if (r != 0)
                return r;
        if (spki.len > HF_SPKI_MAX)
                return failed(c, HF_CHECK_KEY, "the key: it is too long");
        memcpy(c->ret->key_spki, spki.ptr, spki.len);
        c->ret->key_spki_len = spki.len;
        passed(c, HF_CHECK_KEY, "made in its TPM, unable to leave it");
        return passed(c, HF_CHECK_KEY_POLICY, c->policy->key_policy.len > 0 ? "obeys the policy that is demanded" : "has no policy");
}

static int check_host(struct checking *c)
{
        int (*const explained[])(struct checking *) = { check_golden, check_event_log, check_ima };
        int first, r;

        first = check_quote(c);
        if (first != 0)
                return first;
        for (size_t i = 0; i < ARRAY_LEN(explained); i++) {
                r = explained[i](c);
                if (r != 0 && r != ERR_DENIED)
                        return r;
                if (first == 0)
                        first = r;
        }
        return first;
}

/* Key and host are two questions: where one fails, the other is answered all the same. */
static int check_parts(struct checking *c)
{
        int key, host;

        key = c->e.key.present ? check_key(c) : 0;
        if (key != 0 && key != ERR_DENIED)
                return key;
        host = c->e.host.present ? check_host(c) : 0;
        return host != 0 && host != ERR_DENIED ? host : key != 0 ? key : host;
}

/* Of an attestation key that is not to be trusted nothing further is asked. */
static int check_all(struct checking *c, struct bytes evidence)
{
        int r;

        r = check_shape(c, evidence);
        if (r == 0)
                r = check_ak(c);
        if (r == 0)
                r = check_trust(c);
        if (r == 0)
                r = check_parts(c);
        if (r == 0)
                r = check_clock(c);
        return r != 0 ? r : check_firmware(c);
}

static void tell_host(const struct checking *c, struct hf_evidence_result *ret)
{
        if (!c->e.host.present)
                return;
        ret->pcr_hash = (uint16_t)c->e.host.pcr_hash;
        ret->pcrs = (uint32_t)c->e.host.pcrs;
        for (unsigned i = 0; i < EVIDENCE_PCRS; i++)
                if (quoted_pcr(c, i))
                        memcpy(ret->pcr[i], quoted_pcr(c, i), hash_by_tpm(ret->pcr_hash)->size);
}

static void tell(const struct checking *c, struct hf_evidence_result *ret)
{
        const struct evidence *e = &c->e;

        ret->key_public = TO_HF(e->key.public);
        ret->agent = TO_HF(e->key.agent);
        ret->owner = TO_HF(e->key.owner);
        ret->checkpoint = TO_HF(e->checkpoint);
        ret->process = (struct hf_process){
                .present = e->process.present,
                .pid = e->process.pid, .start_time = e->process.start_time, .uid = e->process.uid, .gid = e->process.gid,
                .exe = TO_HF(e->process.exe), .exe_sha256 = TO_HF(e->process.exe_sha256), .cgroup = TO_HF(e->process.cgroup),
                .unit = TO_HF(e->process.unit), .container = TO_HF(e->process.container),
        };
        tell_host(c, ret);
}

/* The first check that failed, or what err() says. */
static void give_reason(struct hf_evidence_result *ret)
{
        for (size_t i = 0; i < HF_CHECKS; i++) {
                if (ret->checks[i].outcome == HF_OUTCOME_FAILED) {
                        memcpy(ret->reason, ret->checks[i].text, sizeof(ret->reason));
                        return;
                }
        }
        snprintf(ret->reason, sizeof(ret->reason), "%.*s", (int)sizeof(ret->reason) - 1, err_text());
}

EXPORT int hf_evidence_ak_new(struct hf_bytes ak_public, struct hf_evidence_ak **ret)
{
        struct hf_evidence_ak *ak = calloc(1, sizeof(*ak));
        int r;

        if (!ak)
                return err(ERR_NOMEM, "out of memory");
        r = public_decode(FROM_HF(ak_public), &ak->ak);
        if (r == 0)
                r = public_check_ak(&ak->ak);
        if (r == 0)
                r = buf_set(&ak->octets, FROM_HF(ak_public));
        if (r != 0) {
                hf_evidence_ak_free(ak);
                return r;
        }
        *ret = ak;
        return 0;
}

EXPORT void hf_evidence_ak_free(struct hf_evidence_ak *ak)
{
        if (!ak)
                return;
        public_clear(&ak->ak);
        buf_clear(&ak->octets);
        free(ak);
}

EXPORT int hf_evidence_verify(struct hf_bytes evidence, const struct hf_evidence_policy *policy, struct hf_evidence_result *ret)
{
        struct checking c = { .policy = policy, .ret = ret };
        int r;

        *ret = (struct hf_evidence_result){ 0 };
        r = check_policy(policy);
        if (r == 0)
                r = check_all(&c, FROM_HF(evidence));
        if (r == 0 || ret->checks[HF_CHECK_SHAPE].outcome == HF_OUTCOME_PASSED)
                tell(&c, ret);
        ret->accepted = r == 0;
        if (r != 0)
                give_reason(ret);
        public_clear(&c.own_ak);
        public_clear(&c.key);
        return r;
}
