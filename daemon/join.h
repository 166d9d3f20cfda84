/* SPDX-License-Identifier: BSD-2-Clause */
/* This host at its issuer: which one, under which name, and what came of it. Kept in the store's file "issuer". */
#ifndef HOLDFAST_DAEMON_JOIN_H
#define HOLDFAST_DAEMON_JOIN_H

#include "daemon/core.h"
#include "enroll/check.h"
#include "enroll/client.h"

#define JOIN_FILE "issuer"              /* in the store: attrs */

/* Owned; a NUL behind each text that is not counted. */
struct joined {
        struct buf url, ca, host;       /* ca: PEM; empty: the system's certificates are trusted */
        struct buf state, assurance;    /* as the issuer says; empty: not joined yet */
        struct buf ak_certificate;      /* PEM, the AK's first */
        uint64_t ak_not_after, ak_renew_after; /* Unix time, seconds; 0: none */
        bool carried;                   /* issuer and host do not reach each other: nothing is asked of it */
        uint8_t given[32];              /* SHA-256 of ca as an operator gave it: since then it has followed the issuer's own */
};
void joined_clear(struct joined *j);
int joined_copy(const struct joined *from, struct joined *ret);

/* As the configuration names an issuer, else as the store remembers one. What the store remembers of another one, or of this one under another name, is not
 * taken for it. ERR_NOENT: there is none. */
int join_read(const struct core *core, struct joined *ret);
/* An operator's: what of this host is not said is as configured. */
int join_ordered(const struct core *core, const char *url, struct bytes ca, const char *host, struct joined *ret);

/* Where j's CA was given as was's, it is what became of that. */
int join_same_ca(const struct joined *was, struct joined *j);

/* How its issuer is spoken to. */
int join_client(const struct core *core, const struct joined *j, struct client **ret);
/* Proves that the attestation key and the parent of all keys are in this TPM. token: NULL: the configured one, if there is. Fills in j, and remembers it. */
int join_do(const struct core *core, struct client *c, const struct caller *who, const char *token, struct joined *j);

/* What was decided of this host: taken into j, and remembered. */
int join_taken(const struct core *core, const struct answer_joined *a, struct joined *j);

/* The issuer has published these with a credential: what follows for ca is remembered, and *ret_other if it is another now (enroll/follow.h). */
int join_follow(const struct core *core, const char *bundle, struct joined *j, bool *ret_other);

/* Where the issuer is not reached, what both would say is carried. What this host shows of itself, under that name (NULL: as configured): JSON. */
int join_shows(const struct core *core, const struct caller *who, const char *host, struct buf *ret);
/* With which challenge is evidence to be made that answers two credentials, {"ak":..,"srk":..}, and a challenge? */
int join_proof(const struct core *core, const struct caller *who, struct bytes credentials, struct bytes challenge, const char *to, struct buf *ret);
/* The issuer's decision, JSON. Fills in j, which has issuer and host, and remembers it. */
int join_carried(const struct core *core, struct bytes joined, struct joined *j);

/* The AK's certificates, in order, borrowed from *ret_room: what evidence carries for other verifiers. */
#define JOIN_CERTIFICATES CHECK_AK_CERTIFICATES
int join_certificates(const struct joined *j, struct buf ret_room[JOIN_CERTIFICATES], struct bytes ret[JOIN_CERTIFICATES], size_t *ret_n);

#endif
