/* SPDX-License-Identifier: BSD-2-Clause */
/* The issuer's own log: every decision, durable before its result leaves the house, in audit/'s format.
 *
 * No TPM vouches for it. Its checkpoints are signed by a key of the issuer's, so what is in it cannot be changed by others
 * unseen; that it is complete, only the software says. Any number of threads may append. */
#ifndef HOLDFAST_ISSUER_LEDGER_H
#define HOLDFAST_ISSUER_LEDGER_H

#include "audit/log.h"
#include "issuer/ca.h"

struct ledger;

struct ledger_options {
        const char *dir;                /* made if need be */
        const char *name;               /* the trust domain: checkpoints are of holdfast-issuer/NAME/NUMBER */
        uint64_t rotate_size;           /* octets of records in one log; 0: never another */
        unsigned every_records;         /* a checkpoint after so many, and ... */
        unsigned every_seconds;         /* ... so long behind the first that has none */
        const char *detail;             /* of the record of the start: which version; NULL: nothing */
};

/* The key is the ledger's until ledger_use() gives it another or ledger_close() has returned. ERR_TIMEOUT: another process writes this log. */
int ledger_open(const struct ledger_options *o, const struct ca_key *key, struct ledger **ret);
/* Writes that it stops, and a last checkpoint. NULL is fine. */
void ledger_close(struct ledger *l);

/* Durable when it returns 0; who appends at the same time shares one sync. time_ms is set if it is 0, seq always.
 * ret_record: its number through all logs, see LEDGER_LOG. */
int ledger_append(struct ledger *l, struct audit_record *r, uint64_t *ret_record);
/* The same for a refusal that anybody may bring about who reaches the issuer: not each is written, or a stranger could fill the disk. How many were not
 * is told with the next one that is, and at the end. */
int ledger_append_refusal(struct ledger *l, struct audit_record *r);
enum { LEDGER_REFUSALS_A_SECOND = 10, LEDGER_REFUSALS_AT_ONCE = 1000 };
/* Record R of log N is told as (N - 1) * LEDGER_LOG + R. */
#define LEDGER_LOG UINT64_C(1000000000000)

/* Once a second or so, by one thread: a checkpoint if one is due, the next log if this one is full. */
int ledger_tick(struct ledger *l);
/* A checkpoint now, over all that is in the log. */
int ledger_checkpoint(struct ledger *l);
/* From now on checkpoints are by this key: one with the old key is made before. */
int ledger_use(struct ledger *l, const struct ca_key *key);

/* Can it be written? What failed the last time is tried again, by a checkpoint. */
int ledger_ready(struct ledger *l);

struct ledger_state {
        uint64_t log, records;          /* the newest log's number, and how many are in it */
        uint64_t since;                 /* records that no checkpoint covers yet */
};
void ledger_state(struct ledger *l, struct ledger_state *ret);

#endif
