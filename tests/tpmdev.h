/* SPDX-License-Identifier: BSD-2-Clause */
/* A character device with a software TPM behind it, as the kernel gives one: the TPM itself (tpm0), or its
 * resource manager (tpmrm0), which flushes what was loaded when the file is closed. */
#ifndef HOLDFAST_TESTS_TPMDEV_H
#define HOLDFAST_TESTS_TPMDEV_H

#include <pthread.h>
#include <stdatomic.h>
#include "tests/swtpm.h"

struct tpmdev {
        char tcti[96];          /* "device:..." */
        const struct swtpm *sw;
        int manager;            /* it is a resource manager */
        int master, watch, stop[2];
        _Atomic unsigned closed; /* how often it was */
        void (*seen)(void *ctx, const uint8_t *cmd, size_t len, const uint8_t *rsp, size_t rsp_len); /* as in proxy.h */
        void *seen_ctx;
        pthread_t thread;
};

/* name: "tpm0" or "tpmrm0". 0, or -1 having said why. Nobody answers before tpmdev_answer(). */
int tpmdev_start(struct tpmdev *d, const struct swtpm *sw, const char *name);
void tpmdev_answer(struct tpmdev *d);
void tpmdev_stop(struct tpmdev *d);

#endif
