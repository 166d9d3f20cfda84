/* SPDX-License-Identifier: BSD-2-Clause */
/* Is this the TPM of last time, later, and not with firmware that is refused? (TPM 2.0 Part 2, 10.11.1; Part 1, 36.) */
#include "attest/checking.h"
#include "attest/firmware.h"
#include "lib/err.h"

/* What a clock may lose with its power: the most that TPM2_PT_CLOCK_UPDATE may be (Part 1, 36.3). */
#define CLOCK_LOSS_MAX_MS (1u << 22)

/* Both statements are of one TPM, between two of its starts. */
static bool same_time(const struct tpms_attest *a, const struct tpms_attest *b)
{
        return a->resets == b->resets && a->restarts == b->restarts && a->firmware == b->firmware;
}

static int follows(struct checking *c, const struct hf_standing *last, const struct hf_standing *now)
{
        const bool rebooted = now->resets != last->resets;

        if (now->resets < last->resets)
                return failed(c, HF_CHECK_CLOCK, "the TPM counts %u resets and had %u: it was cleared, or is another", now->resets, last->resets);
        if (rebooted && (c->policy->flags & HF_WANT_SAME_BOOT))
                return failed(c, HF_CHECK_CLOCK, "the TPM was reset %u times since", now->resets - last->resets);
        /* Restarts count from the last reset. */
        if (!rebooted && (now->restarts < last->restarts || now->clock_ms < last->clock_ms || now->firmware != last->firmware))
                return failed(c, HF_CHECK_CLOCK, "without a reset, the TPM's clock, restarts or firmware are not as they were or later");
        if (now->clock_ms < last->clock_ms && (c->ret->clock_safe || last->clock_ms - now->clock_ms > CLOCK_LOSS_MAX_MS))
                return failed(c, HF_CHECK_CLOCK, "the TPM's clock went back by more than a loss of power explains");
        c->ret->rebooted = rebooted;
        return passed(c, HF_CHECK_CLOCK, rebooted ? "later than the last time, after a reset" : "later than the last time, and no reset since");
}

int check_clock(struct checking *c)
{
        const bool key = c->e.key.present, host = c->e.host.present;
        const struct tpms_attest *a = key ? &c->certify : &c->quote;

        if (key && host && !same_time(&c->certify, &c->quote))
                return failed(c, HF_CHECK_CLOCK, "the TPM was started anew between its two statements");
        c->ret->standing = (struct hf_standing){ a->clock_ms, a->resets, a->restarts, a->firmware };
        c->ret->clock_safe = a->safe;
        if (key && host) {
                if (c->quote.clock_ms > a->clock_ms)
                        c->ret->standing.clock_ms = c->quote.clock_ms;
                c->ret->clock_safe = a->safe && c->quote.safe;
        }
        if (!c->ret->clock_safe && !(c->policy->flags & HF_ALLOW_CLOCK_UNSAFE))
                return failed(c, HF_CHECK_CLOCK, "the TPM's clock may have gone back at its last loss of power");
        if (c->policy->last)
                return follows(c, c->policy->last, &c->ret->standing);
        return passed(c, HF_CHECK_CLOCK, "for the first time");
}

/* Some makers fill up a short name with blanks, some with zeros, and not always the same in all places. */
static uint32_t same_filling(uint32_t id)
{
        for (unsigned shift = 0; shift < 32 && ((id >> shift & 0xff) == ' ' || (id >> shift & 0xff) == 0); shift += 8)
                id &= ~((uint32_t)0xff << shift);
        return id;
}

const struct hf_firmware *firmware_find(const struct hf_firmware *rows, size_t n, uint32_t manufacturer, uint64_t version)
{
        const uint32_t id = same_filling(manufacturer);

        for (const struct hf_firmware *f = rows; f < rows + n; f++)
                if ((id == 0 || f->manufacturer == 0 || same_filling(f->manufacturer) == id) && f->first <= version && version <= f->last)
                        return f;
        return NULL;
}

int check_firmware(struct checking *c)
{
        const struct hf_evidence_policy *p = c->policy;
        const uint64_t version = c->ret->standing.firmware;

        if (p->n_denied == 0)
                return 0;
        if (firmware_find(p->denied, p->n_denied, p->manufacturer, version))
                return failed(c, HF_CHECK_FIRMWARE, "the TPM's firmware %04x.%04x.%04x.%04x is refused", (unsigned)(version >> 48),
                              (unsigned)(version >> 32 & 0xffff), (unsigned)(version >> 16 & 0xffff), (unsigned)(version & 0xffff));
        return passed(c, HF_CHECK_FIRMWARE, "the TPM's firmware is not among those that are refused");
}
