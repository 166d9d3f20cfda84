/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's secret: 32 random octets that only this TPM gives out, and everything that hangs on them. */
#ifndef HOLDFAST_KEYS_SECRET_H
#define HOLDFAST_KEYS_SECRET_H

#include "keys/keyring.h"

#define SECRET_SIZE 32
#define SECRET_FILE "daemon.pem"        /* in the store: a sealed object in the TSS2 form, without an authorisation value */

/* Unseals it; makes it if there is none. ERR_FOREIGN if another TPM sealed it. */
int secret_open(struct keyring *k, struct buf *ret_secret, bool *ret_made);

/* What hangs on it: HMAC-SHA-256(secret, label). One label for one purpose, for ever. */
#define SECRET_AK "HOLDFAST AK"                 /* authorisation value of the attestation key */
#define SECRET_COUNTER "HOLDFAST COUNTER"       /* of the NV counter */
#define SECRET_KEYS "HOLDFAST KEYS"             /* what keyring_set_secret() takes: the agents' keys hang on this one */
#define SECRET_MAC "HOLDFAST MAC"               /* over configuration and metadata */
int secret_derive(struct bytes secret, const char *label, uint8_t ret[SECRET_SIZE]);

#endif
