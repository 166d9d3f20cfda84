/* SPDX-License-Identifier: BSD-2-Clause */
/* Digests that C_GetOperationState has saved. What the program gets is a ticket: OpenSSL
 * has no way to write a running digest down. */
#ifndef HOLDFAST_PKCS11_STATE_H
#define HOLDFAST_PKCS11_STATE_H

#include <pthread.h>
#include "lib/crypto.h"

#define STATES_MAX 64     /* the oldest gives way */
#define STATE_TICKET 16

/* One per application. */
struct states {
        pthread_mutex_t lock;
        struct state {
                uint8_t ticket[STATE_TICKET];
                const struct hash *hash;
                struct digest *digest; /* NULL: of nothing yet */
                bool parts;
        } list[STATES_MAX];
        size_t next;
};

void states_init(struct states *s);
void states_clear(struct states *s);

#endif
