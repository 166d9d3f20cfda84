/* SPDX-License-Identifier: BSD-2-Clause */
/* Is this log whole, and is it all that the TPM did? Offline, from files and the AK's public key.
 *
 * Where something is wrong, seq is where the record that is wrong stands in its log (counted, whatever it says of itself). */
#ifndef HOLDFAST_AUDIT_CHECK_H
#define HOLDFAST_AUDIT_CHECK_H

#include "audit/checkpoint.h"
#include "audit/vkey.h"

/* The Ed25519 key that signs checkpoints for witnesses. */
struct audit_witness {
        struct bytes name;              /* of one of its host's logs; empty: of any host */
        uint8_t key[VKEY_SIZE];
        int (*verify)(const uint8_t key[VKEY_SIZE], struct bytes text, struct bytes signature); /* 0, ERR_AUTH, ERR_NOMEM */
};
/* Who signs checkpoints where no TPM does: an issuer. */
struct audit_signer {
        /* line: as notekey_line() makes it. 0, ERR_AUTH, ERR_NOMEM. */
        int (*verify)(void *ctx, struct bytes name, struct bytes text, struct bytes line);
        void *ctx;
};
struct audit_check_options {
        const struct pubkey *ak;        /* NULL: nobody vouches for this log, direct writers keep it; a checkpoint is out of place then */
        const struct audit_signer *signer; /* not NULL: checkpoints are his, and no TPM's; ak is NULL then */
        const struct audit_witness *witness; /* NULL: lines by such a key are passed over */
        bool signatures;                /* every signature against its key, too */
        bool has_nv;                    /* nv_value was read from the TPM just now */
        uint64_t nv_value;
        void (*progress)(void *ctx, uint64_t done, uint64_t all); /* NULL: none */
        void *ctx;
};

/* What is wrong, one each; every kind has its name in audit_fault_name() and its paragraph in holdfast-audit(7). */
enum audit_fault {
        FAULT_RECORD = 1,       /* its bytes are no record, or its frame is damaged */
        FAULT_CHAIN,            /* prev or seq does not follow: changed, removed, swapped or inserted */
        FAULT_TREE,             /* the root in a checkpoint is not that of these records */
        FAULT_TILE,             /* a stored tile is not that of these records */
        FAULT_CHECKPOINT,       /* no checkpoint, a malformed one, or its signature is not the AK's or the issuer's */
        FAULT_TAIL,             /* a checkpoint covers more records than there are */
        FAULT_SPLIT,            /* two checkpoints of one size differ, or a later one does not contain an earlier one */
        FAULT_NV,               /* the NV counter is not what the newest checkpoint raised it to: an old copy, or another TPM */
        FAULT_OFF_LOG,          /* the TPM did commands that are not in the log */
        FAULT_UNDONE,           /* the log tells of commands that the TPM does not */
        FAULT_LIST,             /* the TPM's audit list is not the one that the log tells, or has not what can use a key */
        FAULT_LOST_BATCH,       /* auditCounter jumped: a batch was lost to a reset before a checkpoint closed it */
        FAULT_CLOCK,            /* TPM clock, resets or restarts went back; wall clock went back (told, not counted as a fault) */
        FAULT_SIGNATURE,        /* a signature in a record is not by the key that the record names */
        FAULT_HASHES,           /* cpHash or rpHash do not follow from what the record says */
        FAULT_UNCLEAN,          /* the writer was killed: commands may have been done and not released */
        FAULT_ROTATION,         /* a log does not continue the one before */
};
const char *audit_fault_name(enum audit_fault f);

struct audit_finding {
        enum audit_fault fault;
        bool warning;           /* worth telling, no proof of tampering */
        uint64_t log, seq;      /* where; seq UINT64_MAX: the log as a whole */
        char *text;             /* a sentence */
};
struct audit_report {
        struct audit_finding *list;     /* in order of the log; at most AUDIT_FINDINGS_MAX, then one that says so */
        size_t n;
        uint64_t logs, records, uses, signatures_checked, checkpoints;
        uint64_t witnessed;             /* checkpoints that the witness key has signed, too */
        uint64_t first_ms, last_ms;
        uint64_t covered;               /* records under the newest checkpoint */
        enum audit_mode mode;           /* of the newest checkpoint */
        bool ok;                        /* no finding that is no warning */
};
#define AUDIT_FINDINGS_MAX 100
/* 0 also if the log is bad: ret says. ERR_* only if it could not be read at all. */
int audit_check(const char *dir, const struct audit_check_options *o, struct audit_report *ret);
void audit_report_clear(struct audit_report *r);

/* A proof of one record, as text to carry away (C2SP tlog-proof; the record is its extra data). ERR_NOENT if the log's newest
 * checkpoint does not cover the record. */
int audit_prove(const char *dir, uint64_t log, uint64_t seq, struct buf *ret_text);
/* ak or signer, as for audit_check(). ERR_FORMAT, ERR_AUTH; ret_record borrows from decoded. ret_log is the origin's number. */
int audit_check_proof(struct bytes text, const struct pubkey *ak, const struct audit_signer *signer, struct buf *ret_decoded, struct audit_record *ret_record,
                      uint64_t *ret_log);

#endif
