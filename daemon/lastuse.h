/* SPDX-License-Identifier: BSD-2-Clause */
/* Who used which key last, since the daemon started: what evidence says of the process when nobody in particular asks for it. */
#ifndef HOLDFAST_DAEMON_LASTUSE_H
#define HOLDFAST_DAEMON_LASTUSE_H

#include "audit/record.h"
#include "keys/peer.h"

struct recorder;
struct lastuse;

int lastuse_new(struct recorder *r, struct lastuse **ret);
/* Accepts NULL. */
void lastuse_free(struct lastuse *l);

/* A caller's record(): hands on to the recorder, and remembers the peer of a use that was allowed and recorded. Thread-safe. */
int lastuse_append(void *lastuse, struct audit_record *rec);
/* ERR_NOENT: nobody has. Clear with peer_clear(). */
int lastuse_get(struct lastuse *l, const char *agent, struct bytes key_label, struct bytes key_id, struct peer *ret);

#endif
