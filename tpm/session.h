/* SPDX-License-Identifier: BSD-2-Clause */
/* The arithmetic of a salted HMAC session (TPM 2.0 Part 1, 19 and 21): SHA-256, AES-128-CFB. Sends nothing. */
#ifndef HOLDFAST_TPM_SESSION_H
#define HOLDFAST_TPM_SESSION_H

#include <stdbool.h>
#include <tss2/tss2_tpm2_types.h>
#include "lib/buf.h"

#define SESSION_HASH_SIZE 32
#define SESSION_NONCE_SIZE 32

struct session {
        uint32_t handle;                        /* 0: there is none */
        uint8_t key[SESSION_HASH_SIZE];
        uint8_t nonce_caller[SESSION_NONCE_SIZE];
        TPM2B_NONCE nonce_tpm;
        /* Of the command that was last authorised and of the answer that was last checked: Part 1, 16.7 and 16.8. */
        uint8_t cp_hash[SESSION_HASH_SIZE], rp_hash[SESSION_HASH_SIZE];
        bool audits;                            /* it has an audit digest: Part 1, 31 */
        bool goes_on;                           /* with what is next, which else starts it anew */
};

/* What a command is, for its HMAC. */
struct session_command {
        uint32_t cc;
        struct bytes names[3];                  /* of its handles */
        size_t n_names;
        struct bytes params;                    /* as they travel: encrypted, where they are */
        struct bytes auth;                      /* of the object that the session authorises */
        uint8_t attributes;                     /* TPMA_SESSION */
};

/* A fresh salt for an elliptic-curve key, and how it travels to the TPM that holds that key (Part 1, C.6.3). */
int session_salt(const TPM2B_PUBLIC *key, TPM2B_ENCRYPTED_SECRET *ret_travel, struct buf *ret_salt);
/* A fresh nonceCaller, before StartAuthSession and before every command. */
int session_nonce(struct session *s);
/* After it: the session's key. */
int session_start(struct session *s, uint32_t handle, struct bytes salt, struct bytes nonce_tpm);

/* For each command, in this order: session_nonce(), so that no two are ever the same; where its first parameter is a
 * secret, session_encrypt() of that in place; the authorisation. session_decrypt() after session_check(). */
int session_encrypt(struct session *s, struct bytes auth, uint8_t *data, size_t len);
int session_authorise(struct session *s, const struct session_command *c, TPMS_AUTH_COMMAND *ret);
/* ERR_IO if the response does not come from the TPM that the salt was for, or not for this command. Takes the new nonceTPM. */
int session_check(struct session *s, const struct session_command *c, struct bytes params, struct bytes nonce_tpm, uint8_t attributes,
                  struct bytes hmac);
int session_decrypt(struct session *s, struct bytes auth, uint8_t *data, size_t len);

void session_forget(struct session *s);

#endif
