/* SPDX-License-Identifier: BSD-2-Clause */
/* What the `holdfast evidence` verbs share: challenges, lists of PCRs, and what evidence is measured by. */
#ifndef HOLDFAST_TOOLS_EVIDENCE_H
#define HOLDFAST_TOOLS_EVIDENCE_H

#include "attest/firmware.h"
#include "attest/pcrs.h"
#include "holdfast/evidence.h"
#include "tools/cli.h"

/* A challenge as the user has it: hex on the command line; a file with it in octets or hex; or a challenge file (docs/formats.md), which says besides what
 * the evidence shall be of. Zero-initialise; challenge_clear(). */
struct challenge {
        struct buf octets;
        bool tells;                     /* it is a challenge file, and the rest counts */
        struct buf agent, label;        /* empty: of the host alone, or the agent's only key */
        uint32_t pcrs;
        char pcr_hash[8];               /* "sha256" */
        bool event_log, ima, log;
        struct buf join;                /* of a host that is to join with it: two credentials for its TPM, as JSON; empty: none */
};
void challenge_clear(struct challenge *ch);
int challenge_read(const char *given, struct challenge *ret);

/* "sha256": TPM2_ALG_SHA256. NULL: that. */
int pcr_hash_parse(const char *text, uint16_t *ret);

#define RULES_KEYS_MAX 64
#define RULES_ROOTS_MAX 64
#define RULES_GOLDEN_MAX 256

/* A policy and all that it points to. Zero-initialise; evidence_rules_clear(). */
struct evidence_rules {
        struct hf_evidence_policy policy;
        struct buf *kept;               /* octets that it borrows */
        size_t n_kept;
        struct hf_known_key keys[RULES_KEYS_MAX];
        struct hf_root roots[RULES_ROOTS_MAX];
        struct hf_golden golden[RULES_GOLDEN_MAX];
        size_t n_golden;
        struct hf_bytes *files;         /* in the order that the policy wants */
        struct hf_standing last;
        struct firmware_list denied;
};
void evidence_rules_clear(struct evidence_rules *r);
/* Moves what the policy shall borrow. */
int evidence_rules_keep(struct evidence_rules *r, struct buf *from, struct hf_bytes *ret);
int evidence_rules_key(struct evidence_rules *r, const char *name_hex, enum hf_assurance a);
int evidence_rules_root(struct evidence_rules *r, const char *path, enum hf_assurance a);
/* Digests of files, the first word of each line, as sha256sum prints them. */
int evidence_rules_files(struct evidence_rules *r, const char *path);

/* From --policy FILE (holdfast-evidence(7)), or from the other options; challenge and time are not in it. */
int evidence_rules_read(const char *path, struct evidence_rules *ret);
int evidence_rules_options(const struct cli *c, struct evidence_rules *ret);

/* The evidence in a file. ERR_NOFILE, ERR_RANGE. */
int evidence_file(const char *path, struct buf *ret);

#endif
