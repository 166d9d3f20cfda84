/* SPDX-License-Identifier: BSD-2-Clause */
/* In what state is the host: PCRs, and the logs that explain them?
 *
 * Values that were read once are good as long as a quote has their digest: that costs nothing, where TPM2_PCR_Read costs a command for
 * every eight. IMA's list grows before its PCR does, so the two are only told when the one leads to the other. */
#include <fcntl.h>
#include <string.h>
#include "attest/ima.h"
#include "keys/attesting.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/tpms.h"

#define IMA_PCR 10

void host_said_clear(struct host_said *h)
{
        buf_clear(&h->values);
        buf_clear(&h->event_log);
        buf_clear(&h->ima);
        buf_clear(&h->attest);
        buf_clear(&h->signature);
}

/* Under the lock. Its place, the first free one else; there are as many as hashes. */
static struct pcr_bank *bank_of(struct attester *a, const struct hash *h)
{
        struct pcr_bank *b = a->bank;

        while (b < a->bank + ATTESTING_BANKS - 1 && b->hash != NULL && b->hash != h)
                b++;
        if (b->hash != h)
                *b = (struct pcr_bank){ .hash = h };
        return b;
}

static void forget(struct attester *a, const struct evidence_wish *w)
{
        pthread_mutex_lock(&a->lock);
        bank_of(a, w->pcr_hash)->known &= ~w->pcrs;
        pthread_mutex_unlock(&a->lock);
}

static uint32_t unknown(struct attester *a, const struct evidence_wish *w)
{
        uint32_t left;

        pthread_mutex_lock(&a->lock);
        left = w->pcrs & ~bank_of(a, w->pcr_hash)->known;
        pthread_mutex_unlock(&a->lock);
        return left;
}

static void learn(struct attester *a, const struct hash *h, uint32_t pcrs, struct bytes values)
{
        struct pcr_bank *b;

        pthread_mutex_lock(&a->lock);
        b = bank_of(a, h);
        for (unsigned i = 0; i < TPM_PCRS; i++) {
                if ((pcrs >> i & 1) == 0)
                        continue;
                memcpy(b->value[i], values.ptr, h->size);
                values = BYTES(values.ptr + h->size, values.len - h->size);
        }
        b->known |= pcrs;
        pthread_mutex_unlock(&a->lock);
}

/* ERR_STALE: another thread has found that they do not hold. */
static int recall(struct attester *a, const struct evidence_wish *w, struct buf *ret)
{
        const struct pcr_bank *b;
        int r = 0;

        buf_reset(ret);
        pthread_mutex_lock(&a->lock);
        b = bank_of(a, w->pcr_hash);
        if ((w->pcrs & ~b->known) != 0)
                r = err(ERR_STALE, "the host's PCRs change all the time");
        for (unsigned i = 0; r == 0 && i < TPM_PCRS; i++)
                if (w->pcrs >> i & 1)
                        r = buf_append(ret, b->value[i], w->pcr_hash->size);
        pthread_mutex_unlock(&a->lock);
        return r;
}

static int read_values(struct attester *a, const struct evidence_wish *w, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf fresh = { 0 };
        uint32_t left = unknown(a, w);
        int r = left != 0 ? tpm_pcr_read(a->tpm, w->pcr_hash, left, &fresh) : 0;

        if (r == 0 && left != 0)
                learn(a, w->pcr_hash, left, BYTES_OF(&fresh));
        return r != 0 ? r : recall(a, w, ret);
}

/* Empty where the host has none. */
static int read_log(bool wanted, const char *path, size_t max, struct buf *ret)
{
        int r;

        if (!wanted)
                return 0;
        buf_reset(ret);
        r = file_read(AT_FDCWD, path, max, ret);
        if (r == ERR_NOENT)
                return 0;
        return r == ERR_FORMAT ? err(ERR_RANGE, "evidence has no room for %s: %s", path, err_text()) : r;
}

/* The lists after the values: they may be ahead, never behind. */
int host_read(struct attester *a, const struct evidence_wish *w, struct host_said *ret, struct evidence *e)
{
        int r;

        r = read_values(a, w, &ret->values);
        if (r == 0)
                r = read_log(w->event_log, a->event_log, EVIDENCE_EVENT_LOG_MAX, &ret->event_log);
        if (r == 0)
                r = read_log(w->ima, a->ima, EVIDENCE_IMA_MAX, &ret->ima);
        if (r != 0)
                return r;
        e->host.present = true;
        e->host.pcr_hash = w->pcr_hash->tpm;
        e->host.pcrs = w->pcrs;
        e->host.values = BYTES_OF(&ret->values);
        e->host.event_log = BYTES_OF(&ret->event_log);
        e->host.ima = BYTES_OF(&ret->ima);
        return 0;
}

static int moved(struct attester *a, const struct evidence_wish *w)
{
        forget(a, w);
        return err(ERR_STALE, "the host's PCRs have changed meanwhile");
}

static int see_entry(void *arg, const struct ima_entry *e)
{
        (void)arg, (void)e;
        return 0;
}

int host_settled(struct attester *a, const struct evidence_wish *w, const struct evidence *e)
{
        const size_t size = w->pcr_hash->size;
        size_t before = 0;
        struct ima list;
        int r;

        if (e->host.ima.len == 0 || (w->pcrs >> IMA_PCR & 1) == 0)
                return 0;
        for (unsigned i = 0; i < IMA_PCR; i++)
                before += w->pcrs >> i & 1;
        r = ima_replay(e->host.ima, IMA_PCR, w->pcr_hash, see_entry, NULL, &list);
        /* What is no list that we read is for the verifier to judge. */
        if (r != 0)
                return r == ERR_FORMAT ? 0 : r;
        return memcmp(list.pcr, e->host.values.ptr + before * size, size) == 0 ? 0 : moved(a, w);
}

/* TPMS_QUOTE_INFO, Part 2, 10.12.1: the selection, and the digest by the hash that the attestation key signs with. */
int host_confirmed(struct attester *a, const struct evidence_wish *w, const struct evidence *e)
{
        struct tpms r = TPMS(e->host.quote.attest);
        struct tpms_attest said;
        uint8_t digest[HASH_MAX];
        const struct hash *h = a->ak_hash;
        struct bytes quoted;
        int x;

        tpms_get_attest(&r, &said);
        for (uint64_t n = tpms_number(&r, 4); n > 0 && !r.bad; n--) {
                tpms_number(&r, 2);
                tpms_bytes(&r, (size_t)tpms_number(&r, 1));
        }
        quoted = tpms_2b(&r);
        if (r.bad || r.left.len != 0)
                return err(ERR_FORMAT, "the TPM's quote is none");
        x = crypto_hash(h, &e->host.values, 1, digest);
        if (x != 0)
                return x;
        return bytes_equal(quoted, BYTES(digest, h->size)) ? 0 : moved(a, w);
}
