/* SPDX-License-Identifier: BSD-2-Clause */
/* What a host has from its issuer, and keeps: the join, a credential for each enrolled key, tokens. One thread renews what ends, as long as there is an
 * issuer; without one there is neither thread nor socket. */
#ifndef HOLDFAST_DAEMON_RENEW_H
#define HOLDFAST_DAEMON_RENEW_H

#include "daemon/credentials.h"
#include "daemon/join.h"

struct lastuse;
struct renewer;

struct renewer_options {
        struct core *core;
        struct lastuse *lastuse;        /* who uses which key */
        int token_fd;                   /* the service manager's socket for tokens, the caller's; -1: one of our own */
};
/* 0 also without an issuer, and if it cannot be reached: what it gave before is put back. */
int renewer_start(const struct renewer_options *o, struct renewer **ret);
/* What is being asked of the issuer fails at once; nothing more is asked. By any thread. Accepts NULL. */
void renewer_interrupt(struct renewer *r);
/* Ends all of it. Accepts NULL. */
void renewer_stop(struct renewer *r);

/* Orders of operators, which wait for the issuer. */
struct join_wish {
        const char *url;                /* NULL: the configured one, or the one before */
        struct bytes ca;                /* PEM; empty: as configured */
        const char *host, *token;       /* NULL: as configured */
};
int renewer_join(struct renewer *r, const struct caller *who, const struct join_wish *w, struct joined *ret);
/* From now on the key's credential is renewed. profile: NULL: the issuer chooses. process: NULL: whoever used the key last. */
int renewer_enroll(struct renewer *r, const struct caller *who, const char *agent, struct item *key, const char *profile, const struct peer *process,
                   struct answer_credential *ret);
/* What the issuer gave, carried here: the credential, and of a host that joined with it the issuer's decision (else empty), as JSON. Nothing renews it. */
struct carried_wish {
        const char *url, *host;         /* of the issuer, and what it calls this host */
        struct bytes credential, joined;
};
int renewer_carried(struct renewer *r, const struct caller *who, const char *agent, struct item *key, const struct carried_wish *w,
                    struct answer_credential *ret);
/* ERR_NOENT: it is not enrolled. What the issuer gave stays good until it ends. */
int renewer_unenroll(struct renewer *r, const struct caller *who, const char *agent, struct bytes label);

/* The issuer revokes all that it gave to this agent, which then is enrolled no more, unless it is to stay. reason: NULL: none is said. */
struct revoke_wish {
        const char *agent, *reason;
        bool stays;
};
int renewer_revoke(struct renewer *r, const struct caller *who, const struct revoke_wish *w, uint64_t *ret_n);

/* For status: how the join stands (ERR_NOENT: there is no issuer), and each key, in the order of enrolment. error: of the last join, "" if it went well. */
int renewer_joined(struct renewer *r, struct joined *ret, char *error, size_t size);
/* The attestation key's certificates, in order, as join_certificates() has them; none without an issuer, or once they have ended. */
int renewer_certificates(struct renewer *r, struct buf ret_room[JOIN_CERTIFICATES], struct bytes ret[JOIN_CERTIFICATES], size_t *ret_n);
int renewer_each(struct renewer *r, int (*fn)(void *ctx, const struct enrolment *e), void *ctx);

/* A JWT for that audience, for an agent's process that may have it. */
int renewer_token(struct renewer *r, const char *agent, struct item *key, const char *audience, const struct peer *process, struct buf *ret_token,
                  uint64_t *ret_not_after);

#endif
