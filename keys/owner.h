/* SPDX-License-Identifier: BSD-2-Clause */
/* The TPM's owner authorisation, where `init --seal-owner` has taken it over. */
#ifndef HOLDFAST_KEYS_OWNER_H
#define HOLDFAST_KEYS_OWNER_H

#include "keys/keyring.h"

/* ERR_NOENT if none is sealed in the store. */
int owner_unseal(struct keyring *k, struct buf *ret);
/* A new random value, durable in the store before the TPM hears of it. ERR_EXIST if there is one. */
int owner_seal(struct keyring *k, struct buf *ret);

#endif
