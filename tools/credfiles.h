/* SPDX-License-Identifier: BSD-2-Clause */
/* The public files of an agent's credentials, as the daemon keeps them: where they are, and how long they are good. */
#ifndef HOLDFAST_TOOLS_CREDFILES_H
#define HOLDFAST_TOOLS_CREDFILES_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/conf.h"
#include "tools/keyname.h"

/* In the directory of a key. */
#define CRED_KEY "key.pem"              /* a reference */
#define CRED_CERT "cert.pem"            /* leaf and chain */
#define CRED_BUNDLE "bundle.pem"
#define CRED_SSH_KEY "id.pub"
#define CRED_SSH_CERT "id-cert.pub"
#define CRED_SSH_HOST_CERT "host-cert.pub"
#define CRED_KNOWN_HOSTS "known_hosts"

/* Zero-initialise; credfiles_clear(). */
struct credfiles {
        char agent[AGENT_NAME_MAX + 1];
        struct buf label;
        struct buf dir;
        struct buf spiffe_id, last_error;       /* empty: none */
        int64_t not_after, renew_after;         /* 0: not known */
};
void credfiles_clear(struct credfiles *f);

/* Of that key, or without a label of the agent's only one, or its "default". ERR_NOCRED: not enrolled, or no daemon keeps credentials here. */
int credfiles_find(const struct conf *c, const struct key_name *n, struct credfiles *ret);
/* Does it have this file? */
bool credfiles_has(const struct credfiles *f, const char *name);
/* The file's path, ended. */
int credfiles_path(const struct credfiles *f, const char *name, struct buf *ret);
/* ERR_NOCRED: the issuer gave none. */
int credfiles_need(const struct credfiles *f, const char *name, const char *what, struct buf *ret);
/* ERR_NOCRED once they have ended. */
int credfiles_live(const struct credfiles *f);

/* Where a JWT is asked for. ERR_NOCRED: nowhere. */
int credfiles_token_socket(const struct conf *c, struct buf *ret);

/* A time as people read it: RFC 3339, in UTC. */
int credfiles_when(int64_t t, struct buf *ret);

#endif
