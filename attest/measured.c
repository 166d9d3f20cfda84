/* SPDX-License-Identifier: BSD-2-Clause */
/* Do the quoted PCRs have values that are allowed, and do the host's logs explain them? */
#include <stdlib.h>
#include <string.h>
#include "attest/checking.h"
#include "attest/eventlog.h"
#include "attest/ima.h"
#include "attest/measured.h"
#include "lib/err.h"

static const struct hash *bank(const struct checking *c)
{
        return hash_by_tpm((uint16_t)c->e.host.pcr_hash);
}

const uint8_t *quoted_pcr(const struct checking *c, unsigned pcr)
{
        size_t before = 0;

        if (!c->e.host.present || pcr >= EVIDENCE_PCRS || (c->e.host.pcrs >> pcr & 1) == 0)
                return NULL;
        for (unsigned i = 0; i < pcr; i++)
                before += c->e.host.pcrs >> i & 1;
        return c->e.host.values.ptr + before * bank(c)->size;
}

int check_golden(struct checking *c)
{
        const struct hf_evidence_policy *p = c->policy;
        const size_t size = bank(c)->size;

        if (p->n_golden == 0)
                return 0;
        for (size_t i = 0; i < p->n_golden; i++) {
                const unsigned pcr = p->golden[i].pcr;
                const uint8_t *value = quoted_pcr(c, pcr);
                bool found = false;

                for (size_t k = 0; value && !found && k < p->n_golden; k++)
                        found = p->golden[k].pcr == pcr && bytes_equal(FROM_HF(p->golden[k].digest), BYTES(value, size));
                if (!found)
                        return failed(c, HF_CHECK_GOLDEN, value ? "PCR %u has a value that is not allowed" : "PCR %u is not quoted", pcr);
        }
        return passed(c, HF_CHECK_GOLDEN, "all PCRs of which the policy knows values have one of them");
}

int check_event_log(struct checking *c)
{
        const bool want_boot = (c->policy->flags & HF_WANT_SECURE_BOOT) != 0;
        CLEANUP(free_ptr) struct eventlog *log = NULL;
        int r;

        if (c->policy->replayed == 0)
                return 0;
        if (c->e.host.event_log.len == 0)
                return failed(c, HF_CHECK_EVENT_LOG, "there is no event log");
        log = calloc(1, sizeof(*log));
        if (!log)
                return err(ERR_NOMEM, "out of memory");
        r = eventlog_replay(c->e.host.event_log, bank(c), log);
        if (r == ERR_FORMAT)
                return failed(c, HF_CHECK_EVENT_LOG, "%s", err_text());
        if (r != 0)
                return r;
        for (unsigned i = 0; i < EVIDENCE_PCRS; i++)
                if ((c->policy->replayed >> i & 1) != 0 && memcmp(log->pcr[i], quoted_pcr(c, i), bank(c)->size) != 0)
                        return failed(c, HF_CHECK_EVENT_LOG, "the event log does not lead to the value of PCR %u", i);
        c->ret->events = log->events;
        passed(c, HF_CHECK_EVENT_LOG, "%zu events explain the PCRs", log->events);
        if (!want_boot)
                return 0;
        if (!log->has_secure_boot)
                return failed(c, HF_CHECK_SECURE_BOOT, "the firmware did not say whether secure boot is on");
        if (!log->secure_boot)
                return failed(c, HF_CHECK_SECURE_BOOT, "secure boot is off");
        c->ret->secure_boot = true;
        return passed(c, HF_CHECK_SECURE_BOOT, "secure boot is on");
}

int digest_compare(const void *a, const void *b)
{
        const struct hf_bytes *x = a, *y = b;
        int d;

        if (x->len != y->len)
                return x->len < y->len ? -1 : 1;
        d = x->len > 0 ? memcmp(x->ptr, y->ptr, x->len) : 0;
        return d;
}

static int see_entry(void *arg, const struct ima_entry *e)
{
        struct checking *c = arg;
        const struct hf_bytes digest = TO_HF(e->digest);

        if (!c->policy->ima_files)
                return 0;
        /* What the firmware and loader left behind, and no file. */
        if (e->number == 0 && !e->violation && bytes_equal(e->path, BYTES_STR("boot_aggregate")))
                return 0;
        if (e->violation)
                return failed(c, HF_CHECK_IMA, "entry %zu of the IMA list is a violation: what was measured is not known", e->number);
        if (!bsearch(&digest, c->policy->ima_files, c->policy->n_ima_files, sizeof(digest), digest_compare))
                return failed(c, HF_CHECK_IMA, "entry %zu of the IMA list is a file that is not allowed", e->number);
        return 0;
}

int check_ima(struct checking *c)
{
        struct ima list;
        unsigned pcr = 0;
        int r;

        if (c->policy->ima_pcr == 0)
                return 0;
        while (c->policy->ima_pcr >> pcr != 1)
                pcr++;
        if (c->e.host.ima.len == 0)
                return failed(c, HF_CHECK_IMA, "there is no IMA list");
        r = ima_replay(c->e.host.ima, pcr, bank(c), see_entry, c, &list);
        if (r == ERR_FORMAT)
                return failed(c, HF_CHECK_IMA, "%s", err_text());
        if (r != 0)
                return r;
        if (memcmp(list.pcr, quoted_pcr(c, pcr), bank(c)->size) != 0)
                return failed(c, HF_CHECK_IMA, "the IMA list does not lead to the value of PCR %u", pcr);
        c->ret->ima_entries = list.entries;
        return passed(c, HF_CHECK_IMA, "%zu entries explain PCR %u", list.entries, pcr);
}
