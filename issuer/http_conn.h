/* SPDX-License-Identifier: BSD-2-Clause */
/* The server's insides. A connection belongs to its loop, but for the time that it is away: with a worker (its request is handled) or a
 * greeter (its handshake takes a step). Who has it touches all of it but what is the loop's. */
#ifndef HOLDFAST_ISSUER_HTTP_CONN_H
#define HOLDFAST_ISSUER_HTTP_CONN_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include "issuer/http.h"
#include "issuer/http_census.h"
#include "issuer/http_chunk.h"
#include "issuer/http_head.h"
#include "issuer/http_listen.h"
#include "issuer/http_pool.h"
#include "issuer/http_tls.h"

#define HTTP_PIECE 16384        /* octets that are read at once: a TLS record */

struct http_server {
        struct http_server_options o;
        struct http_limits limits;
        struct http_listener *listeners;
        size_t listeners_n;
        struct http_tickets *tickets;
        pthread_mutex_t tls_lock;
        SSL_CTX *tls;
        struct census *census;
        struct pool *workers, *greeters;
        struct http_loop *loops;
        size_t loops_n;
        atomic_size_t memory;
        atomic_bool stopping;
        atomic_uint grace_ms;
};

/* One request and its answer; an idle connection has none. */
struct http_exchange {
        struct buf text;        /* the head, which `head` points into once it is parsed */
        struct http_head head;
        bool parsed;
        struct http_chunked chunks;
        struct buf body;
        size_t body_max;
        struct buf out;
        size_t sent;
        size_t memory;          /* octets of the server's that this holds */
        struct timespec when;
        int64_t began, body_began, answered;    /* microseconds of the monotonic clock */
        int status;
        const char *route;
        size_t octets;          /* of the reply's body */
        bool keep, refused;
};

enum http_conn_state { CONN_GREETING, CONN_HEAD, CONN_BODY, CONN_WRITE, CONN_LINGER };

struct http_conn {
        struct pool_job job;    /* first: the pools hand it around */
        struct http_loop *loop;
        int fd;
        SSL *ssl;               /* NULL before a handshake's first octet */
        struct http_peer peer;
        struct buf certificate;
        struct http_state kept;
        struct http_exchange *x;
        bool greeted, broken;   /* what whoever had it found */

        /* The loop's. */
        LIST_ENTRY(http_conn) among;
        TAILQ_ENTRY(http_conn) queued;  /* in loop->waiting, unless away */
        struct census_home *home;
        enum http_conn_state state;
        bool away, failed;
        struct buf in;          /* read, but not understood yet: what comes behind a request */
        struct event read, write, timer;
        bool reading;
        int64_t since, deadline, armed; /* ms; deadline and armed: 0 is none */
        size_t lingered;
};

LIST_HEAD(http_conns, http_conn);
TAILQ_HEAD(http_queue, http_conn);

struct http_loop {
        struct http_server *server;
        struct event_base *base;
        pthread_t thread;
        bool running;           /* the thread is there */
        int wake_fd;
        struct event wake, resume, cut;
        struct http_entrance {
                struct http_loop *loop;
                const struct http_listener *listener;
                struct event event;
        } *entrances;
        struct http_conns all;
        struct http_queue waiting;      /* for their clients, the longest first */
        bool ending, cutting;
        pthread_mutex_t lock;
        struct pool_job *back, **back_last;     /* whoever had them is through with these */
        uint8_t piece[HTTP_PIECE];
};

/* http_conn.c: in the loop. */
void http_conn_new(struct http_loop *l, enum http_via via, int fd, const struct sockaddr *from, struct census_home *home);
void http_conn_close(struct http_conn *c);
void http_conn_back(struct http_conn *c);
bool http_conn_idle(const struct http_conn *c);

/* http_work.c: out of the loop. */
void http_work(struct pool_job *job);
void http_greet(struct pool_job *job);
/* Formats the answer into c->x, and writes it down. */
void http_answer(struct http_conn *c, struct http_reply *reply);
/* Sends of the answer what the network takes. 1: all is sent; 0: not yet; -1: it never will be. */
int http_flush(struct http_conn *c);
/* Octets; 0 if there are none yet; -1 at the end. */
ssize_t http_receive(struct http_conn *c, void *to, size_t max);

/* http_loop.c */
int http_loop_open(struct http_server *s, struct http_loop *l);
/* Its thread has ended, and nobody gives a connection back any more. */
void http_loop_close(struct http_loop *l);
void http_loop_wake(struct http_loop *l);
/* From another thread: the loop has it again. */
void http_loop_return(struct http_conn *c);
/* The last connection of an ending loop is gone. */
void http_loop_emptied(struct http_loop *l);

/* Memory for bodies. False: there is no more. */
bool http_memory_take(struct http_server *s, struct http_exchange *x, size_t n);
void http_memory_hold(struct http_server *s, struct http_exchange *x, size_t n);
void http_memory_release(struct http_server *s, struct http_exchange *x);
const char *http_via_name(enum http_via via);
int64_t http_micros(void);

#endif
