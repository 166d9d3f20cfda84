/* SPDX-License-Identifier: BSD-2-Clause */
/* A search that C_FindObjectsInit made: all it found, handed out piece by piece. */
#ifndef HOLDFAST_PKCS11_FIND_H
#define HOLDFAST_PKCS11_FIND_H

struct find;

/* Accepts NULL. */
void find_free(struct find *f);

#endif
