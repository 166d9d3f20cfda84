/* SPDX-License-Identifier: BSD-2-Clause */
/* A store and the backend that its keys live in: what the module and the command line
 * hold. Generates, imports nothing, logs in with PINs. Thread-safe. */
#ifndef HOLDFAST_KEYS_KEYRING_H
#define HOLDFAST_KEYS_KEYRING_H

#include "keys/backend.h"
#include "keys/keyauth.h"
#include "keys/store.h"
#include "lib/conf.h"

struct keyring;

/* Sends no TPM command. ERR_NOTINIT if there is no store. */
int keyring_open(const struct conf *c, struct keyring **ret);
void keyring_close(struct keyring *k);
void keyring_abandon(struct keyring *k); /* in a forked child */
/* A daemon's, set before anybody uses the keyring: from now on keys of agents without PINs get authorisation values that hang on it. Copied. */
int keyring_set_secret(struct keyring *k, struct bytes secret);
/* The authorisation value of the key whose lines these are. secret: empty, or the agent's from pin_login(). */
int keyring_key_auth(struct keyring *k, struct bytes secret, const struct attrs *a, struct keyauth *ret);
struct store *keyring_store(struct keyring *k);
struct backend *keyring_backend(struct keyring *k);
const struct conf *keyring_conf(const struct keyring *k);

/* PINs of an agent: none by default. With one, the agent has a random secret that its keys' authorisation
 * values are derived from, sealed in the TPM once under the security officer's PIN and once under the
 * user's (scrypt of the PIN is the authorisation of the sealed object). */
enum pin_who { PIN_SO, PIN_USER };
struct pin_state {
        bool used;              /* the agent has a security officer's PIN: it was made with PINs */
        bool user_set;
        bool lockout_tpm;       /* --pin-lockout tpm */
        unsigned tries_left[2]; /* by enum pin_who */
        unsigned tries_max;
};
int pin_state(struct keyring *k, const char *agent, struct pin_state *ret);
/* The same of an agent file that was read. */
void pin_state_in(struct keyring *k, const struct attrs *a, struct pin_state *ret);
/* The agent's secret. ERR_AUTH and one try fewer, durable, before the TPM is asked; ERR_LOCKED if none is left;
 * ERR_NOENT if that PIN is not set. Success gives all tries back. */
int pin_login(struct keyring *k, const char *agent, enum pin_who who, struct bytes pin, struct buf *ret_secret);
/* Makes the secret and the SO's PIN in attrs that are about to become an agent file. */
int pin_create(struct keyring *k, struct bytes so_pin, bool lockout_tpm, struct attrs *agent, struct buf *ret_secret);
/* Seals the secret under a new PIN: C_InitPIN, C_SetPIN, after a login that gave the secret. */
int pin_set(struct keyring *k, const char *agent, enum pin_who who, struct bytes secret, struct bytes pin);
#define PIN_LEN_MIN 4
#define PIN_LEN_MAX 255

/* Makes a key pair (or HMAC key) and its file. id empty: the first 20 octets of SHA-256 of the SubjectPublicKeyInfo.
 * secret: empty, or the agent's from pin_login(). usage: ALG_SIGN | ALG_DECRYPT | ALG_DERIVE. attrs: further lines. */
int keyring_generate(struct keyring *k, const char *agent, struct bytes secret, const struct key_kind *kind, unsigned usage,
                     struct bytes label, struct bytes id, const struct attrs *attrs, struct item **ret);
/* The same without a file: a session's key, gone with its last reference. */
int keyring_generate_in_memory(struct keyring *k, const char *agent, struct bytes secret, const struct key_kind *kind, unsigned usage,
                               struct bytes label, struct bytes id, const struct attrs *attrs, struct item **ret);
/* Makes an agent: owner, creation time, serial number and, where given, PIN records (pin_create). */
int keyring_agent_create(struct keyring *k, const char *name, const char *owner, const struct attrs *more);
/* A new agent in the place of `old`, whose objects are gone: store_agent_replace(). */
int keyring_agent_replace(struct keyring *k, const char *old, const char *name, const char *owner, const struct attrs *more);
/* What an owner has to be: not empty, at most 256 octets, no control characters. */
int keyring_owner_check(const char *owner);
int keyring_agent_delete(struct keyring *k, const char *name);
/* First 20 octets of SHA-256(SubjectPublicKeyInfo): the CKA_ID that certificate, public and private key share. */
int keyring_default_id(const struct pubkey *p, struct buf *ret);

/* TPM and kernel, xored. */
int keyring_random(struct keyring *k, uint8_t *out, size_t len);

#endif
