/* SPDX-License-Identifier: BSD-2-Clause */
/* The newest log of a directory, as it is on disk: what a writer must know of it. Inside audit/ only; needs the lock. */
#ifndef HOLDFAST_AUDIT_STATE_H
#define HOLDFAST_AUDIT_STATE_H

#include "audit/bundle.h"
#include "audit/log.h"

struct state {
        uint64_t number;
        int dir, journal;               /* -1: none */
        struct frames frames;           /* the journal's, all durable */
        struct tiles tiles;
        struct tree tree;
        bool bundled;                   /* frames are full, and in a bundle already */
        bool rewrite;                   /* what is in the file beyond frames, or whether they are on disk, is not known */
        bool count;                     /* octets are wanted */
        uint64_t octets;                /* of records in bundles */
};
void state_clear(struct state *s);

/* Makes the first log if there is none. Zeroed but for dir and journal, -1, and count, or what it was before: what has not changed is
 * not read again. ret may be NULL. */
int state_load(int dirfd, struct state *s, struct audit_recovery *ret);
/* Has nobody else written since? */
bool state_is_current(int dirfd, const struct state *s);

/* These follow, durable. If not, as little as possible is left of them. */
int state_write(struct state *s, const struct frames *f);
/* After state_write(); there is room, by state_reserve() before. */
void state_advance(struct state *s, const struct frames *f);
int state_reserve(struct state *s, const struct frames *f);
/* After a state_write() that failed: the journal anew as it was before, if that is what it needs and if it can be. */
void state_mend(struct state *s);
/* The full bundle, if the journal is full. */
int state_bundle(struct state *s);
/* The next log, with this one record in it; s is that then. */
int state_rotate(int dirfd, struct state *s, const struct frames *f);

/* The name of a checkpoint's own file: its size, 20 digits, ".", its batch, 10 digits. By name they stand in their order. */
#define CHECKPOINT_NAME 31
#define NOTE_MAX 65536          /* octets that are read of one */
bool checkpoint_name_good(const char *name);

/* audit_logs() of an open directory. */
int audit_logs_at(int dirfd, uint64_t **ret, size_t *ret_n);
/* "000001" */
#define LOG_NAME_SIZE 24
void log_name(uint64_t number, char ret[LOG_NAME_SIZE]);

#endif
