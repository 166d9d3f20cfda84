/* SPDX-License-Identifier: BSD-2-Clause */
/* What the issuer remembers of a conversation as long as its connection lasts: the nonce that it gave out, or the secrets that only the right TPM can
 * answer with. Each is good once, for TALK_SECONDS, for what it was made for. Nothing of it is anywhere else: with the connection it is gone. */
#ifndef HOLDFAST_ISSUER_TALK_H
#define HOLDFAST_ISSUER_TALK_H

#include "issuer/db.h"
#include "issuer/http.h"

#define TALK_SECONDS 60
#define TALK_SECRET 32

struct talk;

/* The connection's; made at the first call. NULL if memory ran out. */
struct talk *talk_of(struct http_state *state);

/* A new nonce for evidence of this host. What was there before is gone. */
int talk_nonce_new(struct talk *t, const char *host, uint64_t ticks, uint8_t ret[TALK_SECRET]);
/* Takes it, whatever comes of it. ERR_NOENT: there is none; ERR_STALE: it has ended; ERR_FOREIGN: it is another host's. */
int talk_nonce_take(struct talk *t, const char *host, uint64_t ticks, uint8_t ret[TALK_SECRET]);

/* A host that has shown its keys and must now show that they are in one TPM. */
struct talk_join {
        struct db_host host;
        bool active;                    /* it has joined before */
        bool vouched, must_sign, has_token;
        uint8_t token[DB_HASH_SIZE];    /* SHA-256 of it */
        struct buf ak_spki, ek_spki;
        char manufacturer[64], model[64], version[64]; /* for the AK's certificate */
        char why[192];                  /* the EK's certificate is not believed; empty if it is, or there is none */
        uint8_t ak_secret[TALK_SECRET], srk_secret[TALK_SECRET];
};
void talk_join_clear(struct talk_join *j);

/* j is taken over, and empty afterwards. */
void talk_join_put(struct talk *t, struct talk_join *j, uint64_t ticks);
/* ERR_NOENT, ERR_STALE. */
int talk_join_take(struct talk *t, uint64_t ticks, struct talk_join *ret);

#endif
