/* SPDX-License-Identifier: BSD-2-Clause */
/* An HTTP/1.1 server for strangers: HTTPS on TCP, plain HTTP on a Unix socket. Handlers run on worker threads and may block; a connection
 * has one request at a time. Whatever a client sends or does not send, it holds a bounded amount of memory for a bounded time. */
#ifndef HOLDFAST_ISSUER_HTTP_H
#define HOLDFAST_ISSUER_HTTP_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include "issuer/metrics.h"
#include "lib/buf.h"

#define HTTP_HEAD_MAX 8192              /* request line and headers */
#define HTTP_BODY_MAX (6u << 20)        /* whatever a route allows itself */
#define HTTP_ADDRESS_SIZE 64

enum http_via {
        HTTP_TLS,
        HTTP_PLAIN,             /* TCP without TLS: GET and HEAD only, for lists whose signature protects them (RFC 5280 4.2.1.13) */
        HTTP_UNIX,
};

/* Who is on the other end. */
struct http_peer {
        enum http_via via;
        char address[HTTP_ADDRESS_SIZE];        /* "192.0.2.1", "2001:db8::1", "unix:1000" */
        uid_t uid;                              /* from the kernel, HTTP_UNIX only; (uid_t)-1 otherwise */
        pid_t pid;
        const char *tls;                        /* "TLSv1.3", "" without TLS */
        struct bytes certificate;               /* DER; he has shown that he holds its key, nothing else about it was checked */
};

/* What lives with a connection: a handler keeps what it likes in ptr; free(ptr) runs when the connection ends. */
struct http_state {
        void *ptr;
        void (*free)(void *ptr);
};

struct http_head;

/* Borrowed for the time of the call. */
struct http_request {
        const char *method;     /* "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"; a HEAD comes as a GET, its answer goes out without a body */
        const char *path;       /* begins with '/'; percent-encoded still, but free of "//", "." and "..": see issuer/http_target.h */
        const char *query;      /* behind the '?'; "" if there is none */
        struct bytes body;
        const struct http_head *head;   /* for http_request_header() */
        const struct http_peer *peer;
        struct http_state *state;
};
/* The value of a header, without white space around it; NULL if it is not there. Of several the first. */
const char *http_request_header(const struct http_request *q, const char *name);

/* Zero but for the status 200 and the type application/json when the handler gets it. The server adds Date, Content-Length, Connection
 * and, without max_age, Cache-Control: no-store. */
struct http_reply {
        int status;
        const char *type;       /* static */
        struct buf body;
        char etag[72];          /* without quotes; a GET whose If-None-Match names it gets 304 and no body */
        unsigned max_age;       /* seconds that anybody may keep it */
        unsigned retry_after;   /* seconds; 0: no such header */
        struct buf headers;     /* further lines, each with its CRLF: of our own making, never of a client's */
        const char *route;      /* static: "/v1/join"; names the request in metrics. NULL: "other" */
        bool close;             /* the connection ends behind this reply */
};

typedef void http_handler(void *ctx, const struct http_request *q, struct http_reply *reply);
/* How long the body of such a request may be. Runs in the loop and must not block. */
typedef size_t http_body_limit(void *ctx, const char *method, const char *path);

/* One answered request. */
struct http_access {
        struct timespec when;
        const struct http_peer *peer;
        const char *method, *path;      /* "-" where the request was not understood; no query */
        int status;
        uint64_t octets;                /* of the reply's body */
        uint64_t micros;                /* from the request's first octet to the answer */
};
typedef void http_access_fn(void *ctx, const struct http_access *a);
/* An http_access_fn; ctx is a FILE *: one line, of which the client chose nothing but printable ASCII between spaces. */
void http_access_write(void *ctx, const struct http_access *a);

/* What a TLS server shows. The key may be any provider's; chain: leaf first. */
struct http_identity {
        EVP_PKEY *key;
        STACK_OF(X509) *chain;
};
enum http_client_certificate { HTTP_CERTIFICATE_NONE, HTTP_CERTIFICATE_ASK, HTTP_CERTIFICATE_REQUIRE };

struct http_listen {
        enum http_via via;
        const char *where;      /* "[::]:8443", "127.0.0.1:0", ":8443" (every address of either kind); the path of a Unix socket */
        mode_t mode;            /* of the Unix socket */
};

/* 0 means what stands behind it. */
struct http_limits {
        unsigned connections;                   /* 4096 */
        unsigned connections_per_address;       /* 256; an IPv6 address counts by its /64; the Unix socket's do not count here */
        unsigned queue;                         /* 256 requests that wait for a worker; then 503 */
        size_t memory;                          /* 256 MiB for bodies, of requests and replies together; then 503 */
        unsigned handshake_ms;                  /* 10 000 */
        unsigned head_ms;                       /* 10 000 from a request's first octet to its empty line */
        unsigned body_ms;                       /* 30 000 */
        unsigned idle_ms;                       /* 75 000 */
        unsigned write_ms;                      /* 30 000 */
};

struct http_server_options {
        const struct http_listen *listen;
        size_t listen_n;
        const struct http_identity *identity;   /* needed for HTTP_TLS */
        OSSL_LIB_CTX *libctx;                   /* where the key's provider is; NULL: the default one */
        enum http_client_certificate client_certificate;
        struct http_limits limits;
        unsigned loops;                         /* threads that move octets; 0: 1 */
        unsigned workers;                       /* threads that run the handler; 0: 8 */
        http_handler *handler;
        http_body_limit *body_limit;            /* NULL: 4096 */
        http_access_fn *access;                 /* NULL: no access log; runs in any of the server's threads, several at a time */
        void *ctx;                              /* of handler and body_limit */
        void *access_ctx;
        struct metrics *metrics;                /* NULL: none; borrowed */
};

struct http_server;

/* Listens, and answers from threads of its own (in which all signals are blocked). ERR_EXIST: the address is taken. */
int http_server_open(const struct http_server_options *o, struct http_server **ret);
/* The TCP port of listener i. */
unsigned http_server_port(const struct http_server *s, size_t i);
/* New connections see this one; those that are there stay as they are, and sessions may still be resumed. Any thread. */
int http_server_identity(struct http_server *s, const struct http_identity *identity);
/* Takes no more connections, ends idle ones, answers what has begun; what is not through within grace_ms is cut off, but a handler that
 * runs is waited for. Then frees everything. NULL is fine. */
void http_server_close(struct http_server *s, unsigned grace_ms);

#endif
