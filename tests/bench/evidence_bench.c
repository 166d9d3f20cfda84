/* SPDX-License-Identifier: BSD-2-Clause */
/* What does it take to verify evidence, beside the signatures in it? In times of as many bare verifications of ECDSA signatures with P-256. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "attest/evidence.h"
#include "attest/public.h"
#include "lib/tpms.h"
#include "tests/evidencefix.h"

#define ROUNDS 9
#define TIMES 400

static uint64_t now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
        const double p = *(const double *)a, q = *(const double *)b;

        return p < q ? -1 : p > q;
}

struct subject {
        const char *file;
        struct hf_evidence_policy policy;
        bool keeps_ak;
        struct hf_evidence_ak *ak;
        struct buf octets;
        struct evidence e;
        struct public key;
};

static void prepare(struct subject *s)
{
        struct hf_evidence_result r;

        evidencefix_read(s->file, &s->octets);
        if (evidence_decode(BYTES_OF(&s->octets), &s->e) != 0 || public_decode(s->e.ak_public, &s->key) != 0 || public_check_ak(&s->key) != 0)
                abort();
        if (s->keeps_ak && hf_evidence_ak_new((struct hf_bytes){ s->e.ak_public.ptr, s->e.ak_public.len }, &s->ak) != 0)
                abort();
        s->policy.ak = s->ak;
        if (hf_evidence_verify((struct hf_bytes){ s->octets.ptr, s->octets.len }, &s->policy, &r) != 0) {
                fprintf(stderr, "%s: %s\n", s->file, r.reason);
                abort();
        }
}

static void verify(const struct subject *s)
{
        static struct hf_evidence_result r;

        if (hf_evidence_verify((struct hf_bytes){ s->octets.ptr, s->octets.len }, &s->policy, &r) != 0)
                abort();
}

static void bare_one(const struct subject *s, const struct evidence_statement *st)
{
        if (tpms_verify(st->signature, &s->key.key, s->key.scheme, s->key.hash, st->attest) != 0)
                abort();
}

static void bare(const struct subject *s)
{
        if (s->e.key.present)
                bare_one(s, &s->e.key.certify);
        if (s->e.host.present)
                bare_one(s, &s->e.host.quote);
}

static double time_of(void (*fn)(const struct subject *s), const struct subject *s)
{
        const uint64_t begun = now_ns();

        for (unsigned i = 0; i < TIMES; i++)
                fn(s);
        return (double)(now_ns() - begun) / TIMES;
}

/* Medians of turns. */
static void measure(struct subject *s, const char *what)
{
        double whole[ROUNDS], ratio[ROUNDS];

        prepare(s);
        for (unsigned i = 0; i < ROUNDS; i++) {
                whole[i] = time_of(verify, s);
                ratio[i] = whole[i] / time_of(bare, s);
        }
        qsort(whole, ROUNDS, sizeof(double), compare);
        qsort(ratio, ROUNDS, sizeof(double), compare);
        printf("%s, %.0f us\t%.3f (%.3f to %.3f)\n", what, whole[ROUNDS / 2] / 1000, ratio[ROUNDS / 2], ratio[0], ratio[ROUNDS - 1]);
        hf_evidence_ak_free(s->ak);
        public_clear(&s->key);
        buf_clear(&s->octets);
}

int main(void)
{
        static const struct {
                const char *what, *file;
                unsigned flags;
                bool keeps_ak;
        } rows[] = {
                { "key", "below-ek", HF_WANT_KEY, false },
                { "key, AK kept", "below-ek", HF_WANT_KEY, true },
                { "host", "no-logs", HF_WANT_HOST, false },
                { "key and host with logs", "good", HF_WANT_KEY | HF_WANT_HOST, false },
                { "key and host, AK kept", "good", HF_WANT_KEY | HF_WANT_HOST, true },
        };
        struct evidencefix f;

        evidencefix_start(&f);
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                struct subject s = { .file = rows[i].file, .policy = f.policy, .keeps_ak = rows[i].keeps_ak };

                s.policy.flags = rows[i].flags;
                s.policy.ek_name = (struct hf_bytes){ f.ek_name.ptr, f.ek_name.len };
                if (strcmp(rows[i].file, "good") != 0)
                        s.policy.replayed = s.policy.ima_pcr = 0;
                measure(&s, rows[i].what);
        }
        evidencefix_stop(&f);
        return 0;
}
