/* SPDX-License-Identifier: BSD-2-Clause */
/* What the issuer knows, in SQLite or PostgreSQL: hosts, agents, credentials, join tokens and what was taken back.
 *
 * Each call is one transaction, and durable when it returns 0; what several threads do at the same time shares the wait for the disk. All may be
 * called by any thread. There is no clock in here: callers say what time it is (Unix time, seconds; 0: not yet, or never).
 *
 * What all return besides what is said of each: ERR_RANGE, ERR_FORMAT: a text is longer than its field, or not UTF-8. ERR_IO: the database is away
 * or broken; it heals by itself when the database is back. ERR_NOSPC, ERR_READONLY, ERR_TIMEOUT, ERR_NOMEM. After none of these is anything half
 * done; only where the sentence says that the outcome is not known was it done in whole or not at all. */
#ifndef HOLDFAST_ISSUER_DB_H
#define HOLDFAST_ISSUER_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "holdfast/evidence.h"
#include "issuer/crl.h"
#include "issuer/spiffe.h"

enum {
        DB_HASH_SIZE = 32,              /* SHA-256 */
        DB_HOST_MAX = 253,              /* octets of each text */
        DB_AGENT_MAX = 64,
        DB_OWNER_MAX = 256,
        DB_LABEL_MAX = 256,             /* of a key */
        DB_WORD_MAX = 64,               /* profile, key kind, number, and what a TPM says of itself */
};

struct db;

/* "/path/to/file" is SQLite's (made if need be, for its owner alone); "postgresql://..." or "postgres://..." is a server's. Brings an older schema
 * up to date. ERR_NOTSUP: the schema is newer than this program. ERR_INVAL: the URL. */
int db_open(const char *where, struct db **ret);
void db_close(struct db *db);
/* "SQLite" or "PostgreSQL". */
const char *db_kind(const struct db *db);
/* Does it answer? */
int db_ping(struct db *db);

/* A field is set with this: ERR_RANGE, ERR_FORMAT. */
int db_text(char *ret, size_t size, struct bytes text);
#define DB_TEXT(field, text) db_text(field, sizeof(field), text)

enum db_state {
        DB_ANY,                         /* in filters */
        DB_PENDING,                     /* waits for approval */
        DB_ACTIVE,
        DB_REVOKED,
};
/* "pending"; NULL if there is no such state. */
const char *db_state_name(enum db_state s);

/* ---- hosts: who they are is fixed by their TPM's endorsement key ---- */

/* Of an object in the host's TPM. */
struct db_name {
        uint8_t v[HF_NAME_MAX];
        size_t len;
};

struct db_host {
        char name[DB_HOST_MAX + 1];
        enum db_state state;
        enum hf_assurance assurance;
        uint8_t ek_hash[DB_HASH_SIZE];  /* SHA-256 of the endorsement key's TPMT_PUBLIC */
        struct db_name ek_name, ak_name, srk_name;
        char manufacturer[DB_WORD_MAX + 1], vendor[DB_WORD_MAX + 1], revision[DB_WORD_MAX + 1];
        char audit[DB_WORD_MAX + 1];    /* "command", "session", "none" */
        bool stood;                     /* standing is known: the AK of now has signed something before */
        struct hf_standing standing;
        uint64_t joined, seen;          /* first join; newest join or credential */
        uint64_t ak_until;              /* end of its AK's certificate */
        uint64_t record;                /* of the issuer's log: the newest join */
        uint64_t revoked;
        enum crl_reason reason;
};

/* A host is new, or known and joins again: with the same EK under the same name. Its AK's and SRK's Names, assurance and descriptions are then
 * replaced; its standing is forgotten if the AK is another; a pending host becomes active if h says so, and never the other way round.
 * token: SHA-256 of a join token, or NULL. It is used up with the join, in the same transaction. It is not asked for where the host is active
 * already, or has joined with the same token before: so an answer that got lost can be asked for again.
 * h: all but stood, standing, seen, revoked and reason; joined is the time of now.
 * ERR_FOREIGN: another EK has that name, or the EK another name. ERR_DENIED: the token is unknown, used, ended, or another host's; or the host
 * is revoked. ret (may be NULL): the host as it is then. */
int db_host_join(struct db *db, const struct db_host *h, const uint8_t *token, struct db_host *ret);
/* ERR_NOENT. */
int db_host_get(struct db *db, const char *name, struct db_host *ret);
/* The same, and the state of one of its agents: DB_ANY if there is no such agent. */
int db_host_look(struct db *db, const char *name, const char *agent, struct db_host *ret, enum db_state *ret_agent);
/* Approves, or takes a revocation back (its credentials stay revoked). Not for revoking. ERR_NOENT. */
int db_host_state(struct db *db, const char *name, enum db_state state);

/* ---- agents: known since their first credential ---- */

struct db_agent {
        char host[DB_HOST_MAX + 1];
        char name[DB_AGENT_MAX + 1];
        enum db_state state;
        char owner[DB_OWNER_MAX + 1];
        char key_label[DB_LABEL_MAX + 1];
        char key_kind[DB_WORD_MAX + 1]; /* "P-256" */
        uint8_t key_hash[DB_HASH_SIZE]; /* SHA-256 of the SubjectPublicKeyInfo */
        char profile[DB_WORD_MAX + 1];
        char spiffe_id[SPIFFE_ID_MAX + 1];
        uint64_t first, last;           /* credential */
        uint64_t not_after;             /* of the newest credential */
        unsigned what;                  /* DB_X509 ..., of the newest credential */
        uint64_t record;                /* of the issuer's log: the newest credential */
        uint64_t revoked;
        enum crl_reason reason;
};

/* ERR_NOENT. */
int db_agent_get(struct db *db, const char *host, const char *agent, struct db_agent *ret);
/* As db_host_state(). */
int db_agent_state(struct db *db, const char *host, const char *agent, enum db_state state);
/* Puts an agent that waits for approval, or is approved before it comes: name, host, state, and what is known of the rest. If there is one already it
 * stays as it is. ret_state (may be NULL): what it is then. ERR_NOENT: no such host. */
int db_agent_put(struct db *db, const struct db_agent *a, enum db_state *ret_state);

/* ---- credentials ---- */

enum { DB_X509 = 1, DB_JWT = 2, DB_SSH_USER = 4, DB_SSH_HOST = 8 };

struct db_credential {
        uint8_t serial[GRANT_SERIAL_SIZE];
        char host[DB_HOST_MAX + 1];     /* in lists; db_credential_add() takes the agent's */
        char agent[DB_AGENT_MAX + 1];   /* the same */
        unsigned what;                  /* DB_X509 ... */
        uint64_t record;                /* of the issuer's log; with the agent it is SSH's key id */
        uint64_t issued, not_after;
        uint64_t revoked;
        enum crl_reason reason;
};

/* Two requests of one host may overtake each other by that much: by how far the TPM's clock may seem to go back between them. */
#define DB_OVERTAKE_MS 60000u

/* Before a credential is given out. Keeps the agent's row (all but state, first, revoked and reason; last, not_after, what and record come from c) and how far
 * the host's TPM stands (NULL: not known), in the same transaction.
 * ERR_DENIED: host or agent is revoked or waits for approval. ERR_STALE: the TPM's clock is behind what it was, or the host's AK has another Name than ak
 * (NULL: not looked at) meanwhile. ERR_EXIST: the serial number is taken. ERR_NOENT: no such host. */
int db_credential_add(struct db *db, const struct db_credential *c, const struct db_agent *a, const struct db_name *ak, const struct hf_standing *standing);
/* ERR_NOENT, also when it was swept. */
int db_credential_get(struct db *db, const uint8_t serial[GRANT_SERIAL_SIZE], struct db_credential *ret);

/* ---- lists: any length in constant memory, each page of them in a transaction of its own ---- */

struct db_filter {
        const char *host, *agent;       /* NULL: any; an agent only with its host */
        enum db_state state;            /* of the host or agent itself; credentials: DB_REVOKED or DB_ACTIVE, which is all others */
        uint64_t ends_after;            /* credentials: not_after is later */
        size_t limit;                   /* rows; 0: all */
        /* Where the page before ended: name (hosts), host and name (agents), host, agent and serial (credentials) of its last row. */
        const char *after_host, *after_agent;
        const uint8_t *after_serial;
};

/* Hosts by name; agents by host, in order of joining, and name; credentials by agent. fn may call the database. Stops when fn returns what is not 0, and
 * returns that. f may be NULL. */
int db_host_list(struct db *db, const struct db_filter *f, int (*fn)(const struct db_host *h, void *ctx), void *ctx);
int db_agent_list(struct db *db, const struct db_filter *f, int (*fn)(const struct db_agent *a, void *ctx), void *ctx);
int db_credential_list(struct db *db, const struct db_filter *f, int (*fn)(const struct db_credential *c, void *ctx), void *ctx);

struct db_counts {
        uint64_t hosts, hosts_pending, hosts_revoked, agents, agents_revoked, credentials;
};
/* For the operator; walks the tables. */
int db_count(struct db *db, struct db_counts *ret);

/* ---- revocation ---- */

/* serial, or agent and host, or host. */
struct db_whom {
        const uint8_t *serial;
        const char *host, *agent;
};

/* From when it returns, nothing is issued any more to that host or agent, and what has not ended by `now` is revoked. What was revoked before keeps its
 * time and reason. ret_n (may be NULL): how many credentials that have not ended are revoked by it or were. ERR_NOENT. */
int db_revoke(struct db *db, const struct db_whom *whom, enum crl_reason reason, uint64_t now, size_t *ret_n);
/* Every revoked credential that ends after this time. Stops as lists do. */
int db_revoked_each(struct db *db, uint64_t ends_after, int (*fn)(const struct db_credential *c, void *ctx), void *ctx);
/* Rises with each revocation, whichever issuer on this database made it. */
int db_change_counter(struct db *db, uint64_t *ret);
/* A number that rises with each call, of any issuer on this database, and is at_least that: "lists", ... */
int db_number_next(struct db *db, const char *name, uint64_t at_least, uint64_t *ret);

/* ---- join tokens ---- */

struct db_token {
        uint8_t hash[DB_HASH_SIZE];     /* SHA-256 of the token, which nobody keeps */
        char host[DB_HOST_MAX + 1];     /* the only name it is good for */
        uint64_t made, until;           /* good before this */
        uint64_t used;
};

/* ERR_EXIST. */
int db_token_add(struct db *db, const struct db_token *t);
/* ERR_NOENT. */
int db_token_remove(struct db *db, const uint8_t hash[DB_HASH_SIZE]);
/* By hash. */
int db_token_list(struct db *db, int (*fn)(const struct db_token *t, void *ctx), void *ctx);

/* ---- challenges ---- */

/* Carried by hand to a host without a network, and evidence for it back. */
struct db_challenge {
        uint8_t challenge[DB_HASH_SIZE]; /* as it is called */
        char host[DB_HOST_MAX + 1], agent[DB_AGENT_MAX + 1]; /* the only ones it is good for */
        uint64_t until;                 /* good before this */
        uint8_t proof[DB_HASH_SIZE];    /* what the evidence must be made with: the same, or what only the host's TPM makes of it. A secret until then */
        struct buf shown;               /* what a host that is to join has shown of itself; empty: it has joined */
};
/* ERR_EXIST. */
int db_challenge_add(struct db *db, const struct db_challenge *c);
/* It is gone, for whoever asks next. ERR_NOENT: there is none, or it was used. ret->shown is the caller's to clear. */
int db_challenge_take(struct db *db, const uint8_t challenge[DB_HASH_SIZE], struct db_challenge *ret);

/* ---- upkeep ---- */

/* Removes credentials, tokens and challenges that ended before this time, a thousand in each transaction; revoked credentials a day later. ret_n (may be
 * NULL): how many. */
int db_sweep(struct db *db, uint64_t before, size_t *ret_n);

struct db_stats {
        uint64_t operations;            /* that write, and were answered with 0 or refused */
        uint64_t commits;               /* transactions in which they were */
        uint64_t failures;              /* that were not done, for the database's sake */
        uint64_t connects;              /* connections made */
        unsigned connections;           /* open now */
};
/* Since db_open(). */
void db_stats(struct db *db, struct db_stats *ret);

#endif
