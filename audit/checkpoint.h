/* SPDX-License-Identifier: BSD-2-Clause */
/* Checkpoints: C2SP tlog-checkpoint, a signed note (C2SP signed-note).
 *
 *      ORIGIN                          holdfast/HOSTNAME/NUMBER
 *      SIZE
 *      BASE64(ROOT)
 *      batch BATCH COUNT               which batch of audited commands this closes, and how many of ours are in it
 *      nv INDEX VALUE                  NV counter that this checkpoint raises to VALUE; absent without one
 *      audit command|session|none      what the TPM can say of completeness; or `software`: no TPM says anything
 *      time UNIX-MS
 *
 *      — ORIGIN BASE64(KEY-ID 0xff "holdfast-tpm" TPM2B_ATTEST TPMT_SIGNATURE)
 *
 * That line holds what TPM2_GetCommandAuditDigest (or TPM2_GetSessionAuditDigest, or TPM2_Quote of no PCR) made, whose
 * extraData is SHA-256 of the note's text: one command signs the checkpoint and closes the batch. An Ed25519 line
 * (type 0x01) may stand beside it, for stock witnesses. Where no TPM does, `audit software`, a key in software signs alone
 * (audit/notekey.h); batch then counts checkpoints, and COUNT is 0. docs/formats.md has the octets. */
#ifndef HOLDFAST_AUDIT_CHECKPOINT_H
#define HOLDFAST_AUDIT_CHECKPOINT_H

#include "audit/log.h"
#include "lib/pk.h"

enum audit_mode { AUDIT_MODE_NONE, AUDIT_MODE_SESSION, AUDIT_MODE_COMMAND, AUDIT_MODE_SOFTWARE };
const char *audit_mode_name(enum audit_mode m);

struct checkpoint {
        struct buf origin;
        struct audit_head head;
        uint64_t batch, count;
        bool has_nv;
        uint64_t nv_index, nv_value;
        enum audit_mode mode;
        uint64_t time_ms;
        /* Signature lines. */
        uint8_t key_id[4];              /* of the AK; checkpoint_format() makes it, checkpoint_verify() compares it */
        struct buf attest, signature;   /* TPMS_ATTEST, TPMT_SIGNATURE */
        struct buf ed25519;             /* key ID and 64 octets; empty without such a line */
        struct buf software;            /* SOFTWARE: key ID and signature, and none of the others */
};
void checkpoint_clear(struct checkpoint *c);

/* The note's text, up to and with the newline before the blank line: what is signed. */
int checkpoint_text(const struct checkpoint *c, struct buf *ret);
/* SHA-256 of it: the attestation's extraData. */
int checkpoint_digest(const struct checkpoint *c, uint8_t ret[AUDIT_HASH_SIZE]);
/* The key ID of the AK's line (C2SP signed-note). */
int checkpoint_key_id(struct bytes origin, const struct pubkey *ak, uint8_t ret[4]);
/* Text and signature lines. ak: for the key ID; NULL for SOFTWARE. */
int checkpoint_format(const struct checkpoint *c, const struct pubkey *ak, struct buf *ret);
/* ERR_FORMAT: anything but what format() writes, but for signature lines under other names, which are skipped. */
int checkpoint_parse(struct bytes note, struct checkpoint *ret);

/* What the attestation says, all fields checked: magic, type of the mode, extraData, that nothing trails. */
struct checkpoint_proof {
        uint64_t audit_counter;         /* COMMAND */
        struct bytes digest;            /* of the batch; empty if there was no audited command. COMMAND, SESSION */
        struct bytes list_digest;       /* of the command codes. COMMAND */
        bool exclusive;                 /* SESSION */
        uint64_t clock_ms, resets, restarts;
        bool safe;
        uint64_t firmware;
};
/* ERR_AUTH if the signature is not the AK's, ERR_FORMAT if it is over something else. ret borrows from c. */
int checkpoint_verify(const struct checkpoint *c, const struct pubkey *ak, struct checkpoint_proof *ret);

/* The detail of an AUDIT_LIST record: command codes in hex, 8 digits each, rising, a blank between. */
int audit_list_format(const uint32_t *list, size_t n, struct buf *ret);
/* What TPM2_GetCommandAuditDigest says of that list: TPM2_SetCommandCodeAuditStatus is always on it. ERR_FORMAT. */
int audit_list_digest(struct bytes detail, uint8_t ret[AUDIT_HASH_SIZE]);
/* Is that command on it? */
bool audit_list_has(struct bytes detail, uint32_t cc);

/* The digest that TPM2_GetCommandAuditDigest reports after one more command (TPM 2.0 Part 1, 31.3): starts with zeros, but len 0 before the first. */
void audit_digest_extend(uint8_t digest[AUDIT_HASH_SIZE], struct bytes cp_hash, struct bytes rp_hash);
/* cpHash and rpHash of TPM2_Sign, from what the record says (TPM 2.0 Part 1, 16.7 and 16.8): ERR_NOTSUP for other commands,
 * ERR_FORMAT if the record says nothing that can be signed. A TPM may leave out zeros in front of r and s: where both are
 * possible, ret_rp is the one that r->tpm has. */
int audit_sign_hashes(const struct audit_record *r, uint8_t ret_cp[AUDIT_HASH_SIZE], uint8_t ret_rp[AUDIT_HASH_SIZE]);

#endif
