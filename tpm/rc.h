/* SPDX-License-Identifier: BSD-2-Clause */
/* What a TPM response code means and what is to be done about it (TPM 2.0 Part 2, 6.6). */
#ifndef HOLDFAST_TPM_RC_H
#define HOLDFAST_TPM_RC_H

#include <stdint.h>

/* What mends it. */
enum remedy {
        REMEDY_NONE,            /* nothing: the operation fails with err */
        REMEDY_WAIT,            /* the same again in a moment, with a new nonce */
        REMEDY_RELOAD,          /* an object handle is stale: load it again */
        REMEDY_SESSION,         /* the session is gone or out of step: a new one */
        REMEDY_AUTH,            /* as SESSION and RELOAD; if that was fresh, the authorisation is wrong */
        REMEDY_EVICT_OBJECT,    /* no slot for an object: make room */
        REMEDY_EVICT_SESSION,   /* no slot for a session: make room */
        REMEDY_STARTUP,         /* the TPM was reset: TPM2_Startup */
        REMEDY_RECONNECT,       /* no or no usable answer; the work may have been done */
        REMEDY_ABSENT,          /* the TPM could not be reached, nothing was sent */
};

/* What the code is about. */
enum rc_subject { RC_COMMAND, RC_PARAMETER, RC_HANDLE, RC_SESSION };

struct rc_meaning {
        enum remedy remedy;
        int err;                /* ERR_*, if the remedy does not help or there is none */
        enum rc_subject subject;
        unsigned index;         /* of the parameter, handle or session, from 1; 0: unknown */
        const char *name;       /* "TPM_RC_HANDLE", never NULL */
};

/* Every 32-bit value has a meaning; the layer in its third octet (a resource manager's) is ignored. */
struct rc_meaning rc_meaning(uint32_t rc);

#endif
