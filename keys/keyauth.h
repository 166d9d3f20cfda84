/* SPDX-License-Identifier: BSD-2-Clause */
/* The authorisation value of a key. It is derived from a secret and a salt that stands in the key's file ("auth-salt"): the secret of
 * an agent with PINs, or a daemon's ("auth-by: daemon"). Without either there is none, so that other tools can load the file. */
#ifndef HOLDFAST_KEYS_KEYAUTH_H
#define HOLDFAST_KEYS_KEYAUTH_H

#include "lib/attrs.h"
#include "lib/buf.h"

struct keyauth {
        uint8_t value[32];
        size_t len;             /* 0 or 32 */
};
/* For CLEANUP(): wipes. */
void keyauth_clear(struct keyauth *a);

/* What values are derived from; both may be empty. Borrowed. */
struct keyauth_secrets {
        struct bytes agent;     /* that a PIN gave */
        struct bytes daemon;
};
/* Puts a fresh salt among the lines of a new key where there is a secret: the agent's goes before the daemon's. */
int keyauth_salt(const struct keyauth_secrets *s, struct attrs *a);
/* HMAC-SHA-256(secret, "HOLDFAST KEY" || salt), for a daemon's key "HOLDFAST DAEMON KEY", or nothing where the key has no salt.
 * ERR_AUTH if there is a salt and not the secret that it is for. */
int keyauth_derive(const struct keyauth_secrets *s, const struct attrs *a, struct keyauth *ret);

#endif
