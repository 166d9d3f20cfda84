/* SPDX-License-Identifier: BSD-2-Clause */
/* The TPM as a backend. */
#ifndef HOLDFAST_KEYS_BACKEND_TPM_H
#define HOLDFAST_KEYS_BACKEND_TPM_H

#include "keys/backend.h"
#include "keys/store.h"
#include "lib/conf.h"
#include "tpm/tpm.h"

/* Reads the pinned parent and the capabilities from the store's info. No command. */
int backend_tpm_open(const struct conf *c, struct store *s, struct backend **ret);
/* The TPM below, for doctor and status. */
struct tpm *backend_tpm_device(struct backend *b);
const struct tpm_caps *backend_tpm_caps(struct backend *b);
/* Capabilities as attrs of the store file, both ways. */
int tpm_caps_to_attrs(const struct tpm_caps *c, struct attrs *a);
int tpm_caps_from_attrs(const struct attrs *a, struct tpm_caps *ret);

#endif
