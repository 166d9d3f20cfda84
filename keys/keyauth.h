/* SPDX-License-Identifier: BSD-2-Clause */
/* The authorisation value of a key. An agent without PINs has none, so that other tools can
 * load its files; with PINs, or in a store that a daemon keeps sealed, it is derived from the
 * secret and a salt that stands in the key's file ("auth-salt"). */
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

/* Puts a fresh salt among the lines of a new key where there is a secret. */
int keyauth_salt(struct bytes secret, struct attrs *a);
/* HMAC-SHA-256(secret, "HOLDFAST KEY" || salt), or nothing where the key has no salt. ERR_AUTH if there is a salt and no secret. */
int keyauth_derive(struct bytes secret, const struct attrs *a, struct keyauth *ret);

#endif
