/* SPDX-License-Identifier: BSD-2-Clause */
/* A store without a TPM for fuzz targets: one agent, one key pair, everything that needs no command works. */
#ifndef HOLDFAST_TESTS_FUZZ_STORE_H
#define HOLDFAST_TESTS_FUZZ_STORE_H

/* Makes it at the first call, in a directory that goes when the process does, and points the environment to it.
 * Aborts if it cannot. */
void fuzz_store(void);

#endif
