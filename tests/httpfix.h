/* SPDX-License-Identifier: BSD-2-Clause */
/* An HTTP server with a few routes, and clients that speak to it octet by octet. Any failure ends the test. */
#ifndef HOLDFAST_TESTS_HTTPFIX_H
#define HOLDFAST_TESTS_HTTPFIX_H

#include <openssl/ssl.h>
#include <pthread.h>
#include "issuer/http.h"
#include "tests/tempdir.h"

/* What it answers: POST /echo the body (up to 6 MiB), POST /small too (up to 16 octets), GET /hello "hello", GET /list "list" with an ETag,
 * GET /count how often on this connection, GET /who "address uid tls LENGTH-OF-CERTIFICATE", GET /wait "waited" once httpfix_release() was
 * called, GET /big?N that many octets, GET /query?... the query, anything else 404. */
struct httpfix {
        struct tempdir *dir;
        char unix_path[96];
        struct http_identity identity;
        struct metrics *metrics;
        struct http_server *server;
        FILE *log;
        char *log_text;
        size_t log_len;
        pthread_mutex_t lock;
        pthread_cond_t moved;
        unsigned handled, inside, freed;        /* requests; now in /wait; connection states */
        bool released;
};

/* A key on P-256 and its own certificate for localhost and 127.0.0.1. */
void httpfix_identity(const char *name, struct http_identity *ret);
void httpfix_identity_clear(struct http_identity *identity);

/* TLS is listener 0, the Unix socket 1, TCP without TLS 2. limits may be NULL; tweak too. */
struct httpfix *httpfix_open(const struct http_limits *limits, void (*tweak)(struct http_server_options *o));
void httpfix_stop(struct httpfix *f, unsigned grace_ms);
void httpfix_close(struct httpfix *f);
void httpfix_release(struct httpfix *f);
/* Until n handlers are in /wait. */
void httpfix_inside(struct httpfix *f, unsigned n);
/* The access log, after httpfix_stop(). */
const char *httpfix_log(struct httpfix *f);
/* The value of this line of the metrics, -1 if it is not there. */
long httpfix_metric(struct httpfix *f, const char *line);

struct client {
        int fd;
        SSL *ssl;
        struct buf in;          /* read, not consumed */
};
struct answer {
        int status;
        char head[4096];        /* status line and headers */
        struct buf body;
};

/* False, and no client: nobody listens. */
bool client_unix(struct httpfix *f, struct client *ret);
void client_tcp(struct httpfix *f, size_t listener, struct client *ret);
/* ctx NULL: one that trusts anybody. False: the server did not want to. */
bool client_tls(struct httpfix *f, SSL_CTX *ctx, struct client *ret);
void client_close(struct client *c);
bool client_send(struct client *c, const void *p, size_t n);
bool client_say(struct client *c, const char *text);
/* False: the connection ended first. head_only: to a HEAD. */
bool client_hear(struct client *c, bool head_only, struct answer *ret);
/* True if nothing more comes but the end. */
bool client_ended(struct client *c);
void answer_clear(struct answer *a);
/* Sends one request and takes the answer's status; 0 if the connection ended without one. */
int client_ask(struct client *c, const char *request);

#endif
