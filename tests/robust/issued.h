/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast-issuer as a program with a directory of its own, a host with a software TPM that asks it over its Unix socket, and the judge: is all that
 * was answered in the log and in the database? What is wrong with the machine, not with the issuer, ends the test. */
#ifndef HOLDFAST_TESTS_ROBUST_ISSUED_H
#define HOLDFAST_TESTS_ROBUST_ISSUED_H

#include "tests/issuerfix.h"
#include "tests/robust/tracer.h"

struct program {
        char dir[80], conf[96], socket[96], words[96]; /* words: what it says */
        pid_t pid;                              /* 0: it does not run, or is traced */
};

/* Is it there? */
bool program_there(void);
/* Makes one below `below`, at no TCP port of anybody else's. like: one whose keys it has, too, or NULL. db: its URL, or NULL for SQLite. */
void program_make(struct program *p, const char *below, const char *name, const struct program *like, const char *db);
/* Starts it and waits until it answers. False, and it is gone: it did not start. */
bool program_start(struct program *p);
/* The same, traced; armed: from its first call on, to be killed at that one. From then on whoever waits for an answer lets it go on. */
bool program_start_traced(struct program *p, struct tracer *t, bool armed, unsigned long at);
/* Kills it, if it is still there. */
void program_end_traced(struct tracer *t);
/* Sends the signal and waits for the end. */
void program_end(struct program *p, int sig);
/* The last of its words that is an error, for the table. */
void program_said(const struct program *p, char ret[200]);

/* A connection to its Unix socket. */
struct line {
        int fd;
        struct buf in;
};
bool line_open(struct line *l, const struct program *p);
void line_close(struct line *l);
/* body: is taken over; NULL: a GET. False: it is not there any more. */
bool line_say(struct line *l, const char *path, json_t *body);
/* The status of the answer; 0: none within ms; -1: there will be none. ret may be NULL: it holds the body, "{}" if that is no JSON. */
int line_hear(struct line *l, int ms, struct buf *ret_body);
/* Both, with patience; as line_hear(). */
int line_ask(struct line *l, const char *path, json_t *body, json_t **ret);
/* On a connection of its own. */
int program_ask(const struct program *p, const char *path, json_t *body, json_t **ret);

/* The host joins; 200. */
int host_join(struct line *l, const struct hostfix *h);
/* What /v1/credential is to be asked: with a nonce of this connection, and evidence. NULL: there was no nonce, and that is *ret_status. */
json_t *host_wish(struct line *l, const struct hostfix *h, int *ret_status);

/* What was answered. */
struct given {
        char serial[2 * GRANT_SERIAL_SIZE + 1];
        uint64_t record;
        const struct program *by;
};
struct given_list {
        struct given *v;
        size_t n;
        pthread_mutex_t lock;
};
void given_add(struct given_list *l, const struct program *by, const json_t *answer);
void given_clear(struct given_list *l);
/* How many of them are not in their issuer's log, and not in the database that p serves. */
void given_missing(struct given_list *l, const struct program *p, unsigned *ret_log, unsigned *ret_db);

/* Calls fn with each record of the log. */
void program_records(const struct program *p, void (*fn)(void *ctx, uint64_t number, const struct audit_record *r), void *ctx);
/* `holdfast audit verify` finds nothing wrong with it. */
bool program_log_good(const struct program *p);
/* Is this serial number in /ca.crl? */
bool program_revoked(const struct program *p, const char *serial);

#endif
