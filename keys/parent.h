/* SPDX-License-Identifier: BSD-2-Clause */
/* The pinned parent key as lines of the store file. */
#ifndef HOLDFAST_KEYS_PARENT_H
#define HOLDFAST_KEYS_PARENT_H

#include "lib/attrs.h"
#include "tpm/tpm.h"

int parent_to_attrs(const struct tpm_parent *p, struct attrs *a);
/* ERR_FORMAT if a line is missing or the Name is not that of the public area. */
int parent_from_attrs(const struct attrs *a, struct tpm_parent *ret);
/* The Name of a TPM2B_PUBLIC as bytes. */
int tpm_name_of(struct bytes pub, struct buf *ret);

#endif
