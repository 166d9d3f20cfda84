/* SPDX-License-Identifier: BSD-2-Clause */
/* What makes a TPM vouch for a log: an attestation key, its command audit or a session's, an NV counter. */
#ifndef HOLDFAST_TPM_AUDIT_H
#define HOLDFAST_TPM_AUDIT_H

#include "tpm/tpm.h"

#define TPM_AUDIT_HASH 32       /* SHA-256 */

/* Attestation key: ECC P-256, ECDSA with SHA-256, restricted, fixedTPM, fixedParent, sensitiveDataOrigin, noDA, a primary key of
 * the endorsement hierarchy (else clock, counters and firmware in its statements are obfuscated: TPM 2.0 Part 1, 36.7).
 * Its authorisation value goes into its template: without it nobody makes this key again, and with it it is the same one. */
struct tpm_ak {
        uint32_t handle;        /* persistent */
        struct buf pub;         /* TPM2B_PUBLIC */
        struct buf name;
};
void tpm_ak_clear(struct tpm_ak *a);
/* Makes it and keeps it at `want`, or at the next free handle; an identical one there is taken as it is. auth becomes its
 * authorisation value. The endorsement hierarchy's authorisation must be empty. ERR_AUTH: owner_auth is wrong. */
int tpm_ak_make(struct tpm *t, uint32_t want, struct bytes owner_auth, struct bytes auth, struct tpm_ak *ret);
/* One that somebody else made and keeps at this handle, whatever it is. ERR_NOENT: nothing is there. */
int tpm_ak_read(struct tpm *t, uint32_t handle, struct tpm_ak *ret);
/* ERR_FOREIGN unless it is the one at its handle. */
int tpm_ak_check(struct tpm *t, const struct tpm_ak *a);
/* Removes it from its handle. */
int tpm_ak_remove(struct tpm *t, const struct tpm_ak *a, struct bytes owner_auth);

/* TPM2_ReadClock. */
struct tpm_clock {
        uint64_t time_ms, clock_ms;
        uint32_t resets, restarts;
        bool safe;
};
int tpm_clock_read(struct tpm *t, struct tpm_clock *ret);

/* What happens to the audit digest, the TPM's or that of our session (TPM 2.0 Part 1, 31). */
enum tpm_audit_event {
        TPM_AUDIT_EXTENDED,     /* by one command of ours, whose hashes these are */
        TPM_AUDIT_CLEARED,      /* by our TPM2_GetCommandAuditDigest; after our TPM2_GetSessionAuditDigest the next command starts it anew */
        TPM_AUDIT_RESET,        /* the TPM was reset since the last of our sessions: emptied */
        TPM_AUDIT_LOST,         /* another session is open than the one that had it: emptied; told of the first one, too */
        TPM_AUDIT_UNSURE,       /* the answer to this command was lost: maybe extended by it, or cleared */
};
struct tpm_audited {
        enum tpm_audit_event event;
        uint32_t cc;
        uint8_t cp_hash[TPM_AUDIT_HASH], rp_hash[TPM_AUDIT_HASH]; /* EXTENDED */
        const struct tpm_clock *clock;  /* RESET */
};
/* fn is called in the TPM's order, by the thread whose operation it is and while it has the TPM: it must be quick and must not call
 * the TPM. One observer; NULL ends it. */
typedef void tpm_observer(void *ctx, const struct tpm_audited *a);
int tpm_observe(struct tpm *t, tpm_observer *fn, void *ctx);

/* Every command that can use a key for another, by the chip's own list (TPM_CAP_COMMANDS), rising; and which kind of audit it has: the best. */
#define TPM_AUDIT_LIST_MAX 32
enum tpm_audit_kind { TPM_AUDIT_NONE, TPM_AUDIT_SESSION, TPM_AUDIT_COMMAND };
int tpm_audit_commands(struct tpm *t, enum tpm_audit_kind *ret_kind, uint32_t ret[TPM_AUDIT_LIST_MAX], size_t *ret_n);
/* Puts these on the audit list with auditAlg SHA-256 and takes others off; only looks if the list stands already. From then on the observer
 * hears of these, and of each TPM2_SetCommandCodeAuditStatus, which the TPM always audits. ERR_AUTH: owner_auth is wrong. */
int tpm_audit_list_set(struct tpm *t, struct bytes owner_auth, const uint32_t *list, size_t n, bool *ret_changed);
/* Session audit: from then on these of ours are audited in our session, and the observer hears of them. */
int tpm_audit_session_set(struct tpm *t, const uint32_t *list, size_t n);
/* Digest over the command codes as TPM2_GetCommandAuditDigest reports it, TPM2_SetCommandCodeAuditStatus among them. list: rising. */
int tpm_audit_list_digest(const uint32_t *list, size_t n, uint8_t ret[TPM_AUDIT_HASH]);

/* One attestation by the AK. text is called once per try, with the TPM in hand and all its observed commands behind it; it gives extraData.
 * TPM2_GetCommandAuditDigest clears the digest; TPM2_GetSessionAuditDigest is of our session, and says nothing while no command is audited in
 * it; TPM2_Quote selects no PCR. */
enum tpm_attest { TPM_ATTEST_COMMAND_AUDIT, TPM_ATTEST_SESSION_AUDIT, TPM_ATTEST_QUOTE };
typedef int tpm_attest_text(void *ctx, uint8_t ret_extra[TPM_AUDIT_HASH]);
int tpm_attest(struct tpm *t, enum tpm_attest what, const struct tpm_ak *ak, struct bytes ak_auth, tpm_attest_text *text, void *ctx,
               struct buf *ret_attest, struct buf *ret_signature);

/* An NV counter (TPM_NT_COUNTER, noDA, owner may define and delete, auth reads and writes): never falls, also not by delete and define. */
int tpm_counter_make(struct tpm *t, uint32_t want, struct bytes owner_auth, struct bytes auth, uint32_t *ret_index);
/* The first that has this authorisation value, from `from` on, past others' that stand in a row and past `but`. ERR_NOENT: there is none. Of
 * an index that a wrong value costs a try none is tried. ret_strangers: how many it passed that are like it and have another value. */
int tpm_counter_find(struct tpm *t, uint32_t from, uint32_t but, struct bytes auth, uint32_t *ret_index, unsigned *ret_strangers);
/* Raises it by one, to `to`: should an answer be lost, that shows whether it was done. ERR_NOENT: there is none. ERR_AUTH: not ours. */
int tpm_counter_raise(struct tpm *t, uint32_t index, struct bytes auth, uint64_t to);
int tpm_counter_read(struct tpm *t, uint32_t index, struct bytes auth, uint64_t *ret);
int tpm_counter_remove(struct tpm *t, uint32_t index, struct bytes owner_auth);

#endif
