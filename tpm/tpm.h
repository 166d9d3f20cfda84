/* SPDX-License-Identifier: BSD-2-Clause */
/* A TPM 2.0, made safe to share between threads and processes.
 *
 * Nothing here connects or sends a command before the first operation that needs one. Every
 * operation ends within the deadline, flushes what it must on every path, costs nothing for a
 * transient warning, and heals after a TPM reset, restart or absence by itself. */
#ifndef HOLDFAST_TPM_TPM_H
#define HOLDFAST_TPM_TPM_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/alg.h"
#include "lib/buf.h"

struct tpm;

struct tpm_options {
        const char *tcti;         /* "device:...", "swtpm:path=...", else whatever tss2-tctildr knows */
        const char *trace;        /* file, or NULL */
        unsigned deadline_ms;
        int state_dirfd;          /* directory for the lock that processes share one TPM by; -1: none, and nothing stays loaded */
        unsigned slots, sessions; /* as tpm_caps has them; 0: the least that there is */
};

/* The storage parent of all keys, pinned: what was there at init must still be there. */
struct tpm_parent {
        uint32_t handle;          /* 0: none yet */
        struct buf pub;           /* TPM2B_PUBLIC */
        struct buf name;
};
void tpm_parent_clear(struct tpm_parent *p);

/* A key as its file has it. Borrowed for the call. name keys the cache of loaded keys. */
struct tpm_key {
        struct bytes name;        /* tpmt_name() of pub */
        struct bytes pub;         /* TPM2B_PUBLIC */
        struct bytes priv;        /* TPM2B_PRIVATE */
        struct bytes auth;        /* empty, or the authorisation value */
        uint32_t parent;          /* 0: our parent; else a handle from a file of another tool */
};

/* Copies options. Sends nothing. */
int tpm_open(const struct tpm_options *o, struct tpm **ret);
/* The parent that sessions are salted to and keys load under; copied. Until it is set only
 * tpm_caps_read, tpm_random and tpm_parent_* work. */
int tpm_set_parent(struct tpm *t, const struct tpm_parent *p);
/* Flushes what is loaded, closes, frees. Accepts NULL. */
void tpm_close(struct tpm *t);
/* In a forked child: closes its descriptors and forgets the session, without touching the connection that the parent process shares. */
void tpm_abandon(struct tpm *t);

/* Commands sent so far, resubmissions included. */
uint64_t tpm_commands(const struct tpm *t);

/* Threads take turns by whom they work for: what this one does from now on, it does for `who` (an agent; NULL: nobody in particular). */
void tpm_on_behalf(const char *who);

/* What the chip reports, cached by the store so that no start has to ask. */
struct tpm_caps {
        char manufacturer[5];     /* "IBM" */
        char vendor[17];          /* vendor strings 1-4 joined */
        uint32_t firmware[2];
        char revision[8];         /* "1.59" */
        unsigned slots;           /* TPM2_PT_HR_TRANSIENT_MIN */
        unsigned sessions;        /* TPM2_PT_HR_LOADED_MIN */
        unsigned kinds;           /* bit i: key_kind_at(i) is supported */
        bool raw_rsa;             /* TPM2_RSA_Decrypt without padding works */
        bool sha1;                /* RSASSA and OAEP with SHA-1 */
        unsigned hashes;          /* bit i: hash_at(i) is supported */
};
int tpm_caps_read(struct tpm *t, struct tpm_caps *ret);

/* For `doctor`: asked afresh. */
struct tpm_health {
        unsigned lockout_counter, lockout_max;
        unsigned lockout_interval, lockout_recovery; /* seconds */
        bool in_lockout;
        bool owner_auth_set, endorsement_auth_set, lockout_auth_set;
        unsigned transient_loaded, sessions_loaded, persistent, persistent_free;
};
int tpm_health_read(struct tpm *t, struct tpm_health *ret);

/* Makes the parent persistent at `want`, or at the next free handle if something else lives there; an
 * identical one there is taken as it is. owner_auth may be empty. ERR_AUTH if it is wrong. */
int tpm_parent_make(struct tpm *t, uint32_t want, struct bytes owner_auth, struct tpm_parent *ret);
/* Reads the public area at the handle and compares it with the pinned one: ERR_FOREIGN says which differs. */
int tpm_parent_check(struct tpm *t, const struct tpm_parent *p);
/* The EK's Name (P-256 L template, else RSA 2048), for the serial number: from the endorsement hierarchy. */
int tpm_ek_name(struct tpm *t, struct buf *ret);
/* Replaces the owner's authorisation (TPM2_HierarchyChangeAuth). */
int tpm_owner_auth_set(struct tpm *t, struct bytes old_auth, struct bytes new_auth);

/* TPM2_Create under our parent. ops as in tpmt_template_key(). Secrets travel encrypted. */
int tpm_key_create(struct tpm *t, const struct key_kind *kind, unsigned ops, struct bytes auth, bool da, struct buf *ret_pub, struct buf *ret_priv);
/* Up to 128 octets. */
int tpm_seal(struct tpm *t, struct bytes secret, struct bytes auth, bool da, struct buf *ret_pub, struct buf *ret_priv);
/* ERR_AUTH if auth is wrong, ERR_LOCKED if the TPM is in lockout. */
int tpm_unseal(struct tpm *t, const struct tpm_key *k, struct buf *ret_secret);

/* ECDSA: digest as long as curve->hash wants (the caller fits it), r || s out. RSA PKCS#1: digest and its hash.
 * ERR_FOREIGN if the key was made by another TPM. ERR_AUTH if auth is wrong. */
int tpm_sign(struct tpm *t, const struct tpm_key *k, enum scheme scheme, const struct hash *h, struct bytes digest, struct buf *ret_sig);
/* scheme: SCHEME_RSA_RAW, SCHEME_RSA_OAEP (label with its NUL or empty), SCHEME_RSA_PKCS1. */
int tpm_rsa_decrypt(struct tpm *t, const struct tpm_key *k, enum scheme scheme, const struct hash *h, struct bytes label, struct bytes in, struct buf *ret);
/* x coordinate of the product, curve->size octets. ERR_RANGE if the point is not on the curve. */
int tpm_ecdh(struct tpm *t, const struct tpm_key *k, struct bytes x, struct bytes y, struct buf *ret_z);
int tpm_hmac(struct tpm *t, const struct tpm_key *k, const struct hash *h, struct bytes data, struct buf *ret_mac);
/* From the TPM alone; the caller mixes the kernel's in. */
int tpm_random(struct tpm *t, uint8_t *out, size_t len);
/* Loads it and lets it go: 0 if this TPM can use the key. */
int tpm_key_check(struct tpm *t, const struct tpm_key *k);
/* Drops it from the cache. */
void tpm_key_forget(struct tpm *t, struct bytes name);

#endif
