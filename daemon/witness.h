/* SPDX-License-Identifier: BSD-2-Clause */
/* The Ed25519 key that signs checkpoints beside the TPM, in software, for witnesses that know nothing of TPMs. It says no more than that
 * this daemon made the checkpoint; what the TPM says does not hang on it. */
#ifndef HOLDFAST_DAEMON_WITNESS_H
#define HOLDFAST_DAEMON_WITNESS_H

#include "lib/buf.h"

struct witness;

/* A PEM file, PKCS#8, unencrypted. ERR_PERM: it belongs neither to root nor to us, or others may read it. */
int witness_open(const char *path, struct witness **ret);
/* Accepts NULL. */
void witness_close(struct witness *w);

/* recorder_options.cosign, with a witness for ctx. */
int witness_sign(void *witness, struct bytes name, struct bytes text, struct buf *ret_line);
/* vkey_format() */
int witness_vkey(const struct witness *w, struct bytes name, struct buf *ret);

#endif
