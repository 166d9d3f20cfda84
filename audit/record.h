/* SPDX-License-Identifier: BSD-2-Clause */
/* One entry of the log: what was done with which key, by whom, who allowed it, and what the TPM says of it.
 * docs/formats.md has the CDDL. Strings of strangers are byte strings: data, never text of ours. */
#ifndef HOLDFAST_AUDIT_RECORD_H
#define HOLDFAST_AUDIT_RECORD_H

#include <stdbool.h>
#include "lib/buf.h"

#define AUDIT_HASH_SIZE 32      /* SHA-256 */
#define AUDIT_DIGEST_MAX 64     /* octets of what was signed */
#define AUDIT_RECORD_MAX 16384  /* octets of one encoded record */
#define AUDIT_GROUPS_MAX 64     /* further groups of a peer are not listed */

enum audit_event {
        AUDIT_START = 1,        /* of the daemon; detail says which version and how the one before ended */
        AUDIT_STOP,
        AUDIT_USE,              /* sign, decrypt, derive, mac: allowed, refused or failed */
        AUDIT_CREATE,           /* agent or key */
        AUDIT_DELETE,
        AUDIT_CHANGE,           /* an object or attribute of an agent */
        AUDIT_RULE,             /* an agent's rules; detail is the new text */
        AUDIT_LOCK,
        AUDIT_UNLOCK,
        AUDIT_CHECKPOINT,
        AUDIT_GAP,              /* commands the TPM did that have no record of their own; detail says why */
        AUDIT_LIST,             /* the TPM's audit list was set */
        AUDIT_ROTATE,           /* last of a full log, first of the next: detail and digest name the other */
        AUDIT_ATTEST,           /* the attestation key spoke of a key or of the host, or proved to an issuer where it is; detail says to whom */
        AUDIT_JOIN,             /* a host at the issuer */
        AUDIT_ISSUE,            /* credentials */
        AUDIT_REVOKE,
        AUDIT_APPROVE,
        AUDIT_EVENT_LAST = AUDIT_APPROVE,
};
/* "use"; NULL if there is no such event. */
const char *audit_event_name(enum audit_event e);
/* 0 if there is none of that name. */
enum audit_event audit_event_by_name(const char *name);

enum audit_decision { AUDIT_ALLOWED, AUDIT_REFUSED, AUDIT_FAILED };
const char *audit_decision_name(enum audit_decision d);

/* Who was on the other end of the socket, from the kernel. */
struct audit_peer {
        bool present;
        uint64_t pid, start_time;       /* clock ticks after boot: proc(5), stat, field 22 */
        uint64_t uid, gid;
        uint64_t groups[AUDIT_GROUPS_MAX];
        size_t n_groups;
        struct bytes exe, exe_sha256, cgroup, unit, container;
        bool has_loginuid, tty;
        uint64_t loginuid;
        uint64_t ppid;
        struct bytes parent_exe;
};

/* What the TPM's command audit digest was extended by for this record (TPM 2.0 Part 1, 31). */
struct audit_tpm {
        bool present;
        uint64_t batch, index;          /* batch: as the checkpoint that closes it says; index: 1 for its first command */
        uint64_t cc;
        struct bytes cp_hash, rp_hash;
};

/* Empty bytes and zero numbers stand for what does not apply and are not written. Bytes are borrowed: from the
 * caller when writing, from the encoded record when reading. */
struct audit_record {
        struct bytes prev;              /* RFC 9162 leaf hash of the record before, 32 octets; zeros in the first */
        uint64_t seq;                   /* 0 for the first of a log */
        uint64_t time_ms;               /* wall clock, Unix time */
        enum audit_event event;
        struct bytes agent, owner;
        struct bytes key_label, key_id;
        struct bytes key_public;        /* TPMT_PUBLIC; the Name is its digest */
        struct bytes operation;         /* "sign", "decrypt", "derive", "mac", "generate" ... */
        struct bytes mechanism;         /* "ECDSA", "RSA-PSS-SHA256-MGF1-SHA256-32" ... : keys/ spells it, check reads it */
        struct bytes digest;            /* what was signed; SHA-256 of it where it is longer than AUDIT_DIGEST_MAX, and of the input of another operation */
        struct bytes result;            /* the signature as the module returns it (ECDSA: r || s) */
        enum audit_decision decision;
        struct bytes rule, reason;      /* which rule decided; why not */
        struct audit_peer peer;
        struct audit_tpm tpm;
        bool has_clock;
        uint64_t tpm_clock_ms, tpm_resets, tpm_restarts; /* TPMS_CLOCK_INFO, clock carried on by the host's boot-time clock */
        struct bytes detail;
        bool direct;                    /* written by the module itself, no daemon */
};

/* What strangers choose (names, paths, rule, reason, detail) is cut at its limit; ERR_RANGE if anything else is longer than its own, so
 * that none is longer than AUDIT_RECORD_MAX. Replaces what ret held. */
int audit_record_encode(const struct audit_record *r, struct buf *ret);
/* ERR_FORMAT: anything but what encode() would have written. ret borrows from in. */
int audit_record_decode(struct bytes in, struct audit_record *ret);

#endif
