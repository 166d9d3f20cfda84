/* SPDX-License-Identifier: BSD-2-Clause */
/* Evidence that a software TPM made once (tests/vectors/evidence/make.py), and a policy that accepts the good one. What goes wrong here ends the program. */
#ifndef HOLDFAST_TESTS_EVIDENCEFIX_H
#define HOLDFAST_TESTS_EVIDENCEFIX_H

#include "holdfast/evidence.h"
#include "lib/buf.h"

#define EVIDENCEFIX_KEYS 32

struct evidencefix {
        struct buf challenge, srk_name, ek_name, key_policy;
        struct buf known[EVIDENCEFIX_KEYS];
        struct hf_known_key known_keys[EVIDENCEFIX_KEYS];
        struct hf_evidence_policy policy;       /* points into the rest */
};
void evidencefix_start(struct evidencefix *f);
void evidencefix_stop(struct evidencefix *f);

/* "good": tests/vectors/evidence/good.evidence */
void evidencefix_read(const char *name, struct buf *ret);
/* The whole of a file of that directory, as text. */
void evidencefix_text(const char *name, struct buf *ret);

#endif
