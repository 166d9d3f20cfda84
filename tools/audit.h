/* SPDX-License-Identifier: BSD-2-Clause */
/* What the audit verbs share: which log is meant, walking over its records, which of them, and how one looks to people. */
#ifndef HOLDFAST_TOOLS_AUDIT_H
#define HOLDFAST_TOOLS_AUDIT_H

#include "audit/log.h"
#include "lib/pk.h"
#include "tools/cli.h"

/* dir, or with NULL the configured directory. */
int audit_dir(const struct cli *c, const char *dir, struct buf *ret);
/* The attestation key's public half: of --ak, a PEM public key or a certificate, or of the store. */
int audit_ak(const struct cli *c, struct pubkey *ret);

/* Where in a directory of logs. */
struct audit_at {
        uint64_t log, seq;
};
struct audit_entry {
        struct audit_at at;
        struct bytes raw;               /* borrowed until the next */
        struct audit_record record;
};

/* All records of all logs, in order, while they grow. */
struct audit_walk;
/* From the log of from, or the first one behind it that is there. ERR_NOENT: there is none. */
int audit_walk_open(const char *dir, struct audit_at from, struct audit_walk **ret);
void audit_walk_close(struct audit_walk *w);
/* ERR_NOENT behind the last, for now. ERR_FORMAT: what stands here cannot be read; audit_walk_skip() goes on. */
int audit_walk_next(struct audit_walk *w, struct audit_entry *ret);
/* Behind what could not be read. ret_n: so many records were passed over, or UINT64_MAX: the rest of a log, who knows how many. ERR_FORMAT: nothing
 * that can be read comes behind. */
int audit_walk_skip(struct audit_walk *w, uint64_t *ret_n);
/* Where it stands; how many logs that should be there are not. */
struct audit_at audit_walk_at(const struct audit_walk *w);
uint64_t audit_walk_missing(const struct audit_walk *w);

/* Which records. Zero-initialise: all. */
struct audit_filter {
        const char *agent, *key, *text; /* NULL: any */
        enum audit_event event;         /* 0: any */
        bool has_decision, has_uid;
        enum audit_decision decision;
        uint64_t uid, since_ms, until_ms; /* until 0: no end */
        struct buf octets;              /* of text, where it is hexadecimal */
};
void audit_filter_clear(struct audit_filter *f);
/* By the options; text is what `audit search` looks for, or NULL. ERR_USAGE. */
int audit_filter_make(const struct cli *c, const char *text, struct audit_filter *ret);
bool audit_filter_fits(const struct audit_filter *f, const struct audit_record *r);
/* Where the last n of them begin; UINT64_MAX: all. */
int audit_filter_last(const char *dir, const struct audit_filter *f, uint64_t n, struct audit_at *ret);

/* Appends one line without its newline; strangers' text is made safe. */
int audit_line(const struct audit_entry *e, struct buf *ret);
/* The host that the log says it is of, else this one; and the number of its newest log. */
int audit_host(const char *dir, struct buf *ret_host, uint64_t *ret_log);
/* RFC 3339 in UTC, with milliseconds; a year beyond 9999 is its end. */
#define AUDIT_TIME_SIZE 32
void audit_time(uint64_t ms, char ret[AUDIT_TIME_SIZE]);

/* From now on SIGINT and SIGTERM end a wait: audit_stopped() is true. */
void audit_catch_signals(void);
bool audit_stopped(void);
/* A moment, unless stopped. */
void audit_sleep(unsigned ms);

#endif
