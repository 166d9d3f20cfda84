/* SPDX-License-Identifier: BSD-2-Clause */
/* What a TPM may answer to the commands we send (TPM 2.0 Part 3), checked before anything is made of it. */
#ifndef HOLDFAST_TPM_RESPONSE_H
#define HOLDFAST_TPM_RESPONSE_H

#include "lib/buf.h"

#define TPM_PACKET_MAX 4096     /* of a command or a response: TPM2_MAX_COMMAND_SIZE of every TPM in the field */

enum makes { MAKES_NOTHING, MAKES_OBJECT, MAKES_SESSION };

/* A command that we send. */
struct command {
        uint32_t cc;            /* TPM2_CC_* */
        const char *name;       /* as in Part 3: "StartAuthSession" */
        enum makes makes;       /* a handle that must be flushed some day: it stands first in the response */
        const char *layout;     /* of the response's parameters, see response.c */
};
/* NULL: we send no such command. */
const struct command *command_by_cc(uint32_t cc);

/* Points into the packet, as what follows does. */
struct response_auth {
        struct bytes nonce;
        uint8_t attributes;
        struct bytes hmac;
};

struct response {
        uint32_t rc;
        uint32_t handle;        /* 0: none */
        struct bytes params;
        struct response_auth auth, first; /* the last authorisation, where there was one, and the one before it */
};

/* ERR_FORMAT unless the packet is one that this command can bring, to the last byte. with_session: the
 * command carried its authorisation. No I/O, no state. */
int response_check(const struct command *c, bool with_session, struct bytes packet, struct response *ret);

#endif
