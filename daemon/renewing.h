/* SPDX-License-Identifier: BSD-2-Clause */
/* The renewer's own view of itself, for daemon/renew*.c. */
#ifndef HOLDFAST_DAEMON_RENEWING_H
#define HOLDFAST_DAEMON_RENEWING_H

#include <pthread.h>
#include "daemon/renew.h"
#include "daemon/schedule.h"
#include "daemon/token.h"
#include "daemon/tokencache.h"

struct enrolled {
        struct enrolled *next;
        struct enrolment e;
        struct schedule plan;
};

struct renewer {
        struct renewer_options o;
        struct caller self;             /* nobody's order: told to the log, no rule is asked */
        pthread_mutex_t talk;           /* held by whoever speaks to the issuer; before the other */
        struct client *client;          /* changed with both held */
        pthread_mutex_t lock;           /* holds what follows */
        pthread_cond_t wake;
        unsigned waiting;               /* who is not the renewer itself, for talk */
        bool running, ending;           /* there is a thread, a socket, and files */
        bool present;                   /* there is an issuer */
        struct joined joined;
        struct schedule join_plan;
        char join_error[256];
        struct enrolled *list;
        struct credentials *credentials; /* from the time that it runs */
        struct tokencache *cache;
        struct token_server *tokens;
        pthread_t thread;
};

/* renew.c: takes talk, for an order or a token. */
void renew_talk(struct renewer *r);
/* With talk held. Until an issuer is there for the first time nothing of it is. */
int renewer_run(struct renewer *r);
/* The same: speaks to this issuer from now on. */
int renew_open_client(struct renewer *r, const struct joined *j);
/* renew_once.c: with talk held, without the other. One join, or one key. */
int renew_join(struct renewer *r, const struct caller *who, const char *token);
int renew_key(struct renewer *r, const struct caller *who, struct enrolment *e, struct item *key, const struct peer *process, struct answer_credential *ret);
/* The same for what is due, and what comes of it is noted. */
void renew_join_due(struct renewer *r);
void renew_key_due(struct renewer *r, const struct enrolment *e);
/* Keys that somebody has deleted are enrolled no more. */
void renew_forget_gone(struct renewer *r);
/* renew_order.c: with talk held. From here on it is another issuer, or this one under another name; everything is due there. Takes j. */
int renew_turn_to(struct renewer *r, struct joined *j);
/* In the list, in the place of what there was of the key. Takes new. */
void renew_put(struct renewer *r, struct enrolled *new);
int renew_fill(struct enrolment *e, const char *agent, struct item *key, const char *profile);
/* With lock held. The issuer knows this host no more: it joins again, by the same proof; a join that fails has its own times. */
void renew_lost(struct renewer *r);
struct enrolled *renew_find(struct renewer *r, const char *agent, struct bytes label);
bool renew_active(const struct renewer *r);

#endif
