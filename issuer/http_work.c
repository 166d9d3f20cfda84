/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done with a connection away from its loop: handshakes (whose signature may take a chip its time), handlers, the first try to send. */
#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "issuer/http_conn.h"
#include "issuer/http_reply.h"
#include "lib/err.h"

static SSL *new_session(struct http_conn *c)
{
        struct http_server *s = c->loop->server;
        SSL *ssl;

        pthread_mutex_lock(&s->tls_lock);
        ssl = SSL_new(s->tls);
        pthread_mutex_unlock(&s->tls_lock);
        if (ssl != NULL && SSL_set_fd(ssl, c->fd) != 1) {
                SSL_free(ssl);
                ssl = NULL;
        }
        if (ssl != NULL)
                SSL_set_accept_state(ssl);
        return ssl;
}

/* The certificate that the client showed; a resumed session remembers it. */
static int keep_certificate(struct http_conn *c)
{
        X509 *certificate = SSL_get0_peer_certificate(c->ssl);
        uint8_t *der = NULL;
        int len, r;

        if (certificate == NULL)
                return 0;
        len = i2d_X509(certificate, &der);
        if (len < 0)
                return err(ERR_NOMEM, "out of memory");
        r = buf_set(&c->certificate, BYTES(der, (size_t)len));
        OPENSSL_free(der);
        c->peer.certificate = BYTES_OF(&c->certificate);
        return r;
}

void http_greet(struct pool_job *job)
{
        struct http_conn *c = (struct http_conn *)job;
        int r, why;

        if (c->ssl == NULL)
                c->ssl = new_session(c);
        ERR_clear_error();
        r = c->ssl != NULL ? SSL_do_handshake(c->ssl) : -1;
        why = c->ssl != NULL ? SSL_get_error(c->ssl, r) : SSL_ERROR_SSL;
        if (r == 1) {
                c->greeted = true;
                c->peer.tls = SSL_get_version(c->ssl);
                c->broken = keep_certificate(c) != 0;
                metrics_count(c->loop->server->o.metrics, METRIC_HANDSHAKES, c->peer.tls, SSL_session_reused(c->ssl) ? "yes" : "no", 1);
        } else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
                c->broken = true;
        }
        ERR_clear_error();
        http_loop_return(c);
}

ssize_t http_receive(struct http_conn *c, void *to, size_t max)
{
        size_t got = 0;
        ssize_t n;

        if (c->ssl != NULL) {
                ERR_clear_error();
                if (SSL_read_ex(c->ssl, to, max, &got) == 1)
                        return (ssize_t)got;
                return SSL_get_error(c->ssl, 0) == SSL_ERROR_WANT_READ ? 0 : -1;
        }
        do {
                n = recv(c->fd, to, max, 0);
        } while (n < 0 && errno == EINTR);
        if (n > 0)
                return n;
        return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}

static ssize_t send_some(struct http_conn *c, const void *from, size_t n)
{
        size_t put = 0;
        ssize_t sent;

        if (c->ssl != NULL) {
                ERR_clear_error();
                if (SSL_write_ex(c->ssl, from, n, &put) == 1)
                        return (ssize_t)put;
                return SSL_get_error(c->ssl, 0) == SSL_ERROR_WANT_WRITE ? 0 : -1;
        }
        do {
                sent = send(c->fd, from, n, MSG_NOSIGNAL);
        } while (sent < 0 && errno == EINTR);
        if (sent >= 0)
                return sent;
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
}

int http_flush(struct http_conn *c)
{
        struct http_exchange *x = c->x;

        while (x->sent < x->out.len) {
                ssize_t n = send_some(c, x->out.ptr + x->sent, x->out.len - x->sent);

                if (n <= 0)
                        return (int)n;
                x->sent += (size_t)n;
        }
        return 1;
}

/* Before it is sent: whoever has an answer finds it in the log. */
static void record(const struct http_conn *c)
{
        const struct http_server *s = c->loop->server;
        const struct http_exchange *x = c->x;
        struct http_access a = { x->when, &c->peer, "-", "-", x->status, x->octets, (uint64_t)(x->answered - x->began) };
        char status[12];

        if (x->parsed) {
                a.method = x->head.method;
                a.path = x->head.target.path;
        }
        if (s->o.access != NULL)
                s->o.access(s->o.access_ctx, &a);
        snprintf(status, sizeof(status), "%d", x->status);
        metrics_count(s->o.metrics, METRIC_REQUESTS, x->route, status, 1);
        metrics_seconds(s->o.metrics, METRIC_REQUEST_SECONDS, x->route, (double)a.micros / 1e6);
}

void http_answer(struct http_conn *c, struct http_reply *reply)
{
        struct http_server *s = c->loop->server;
        struct http_exchange *x = c->x;
        const struct http_head *head = x->parsed ? &x->head : NULL;

        x->keep = x->keep && !reply->close && !atomic_load(&s->stopping);
        x->octets = 0;
        if (http_reply_format(reply, head, x->keep, &x->out, &x->octets) != 0) {
                x->keep = false;
                if (http_reply_refuse(reply, 500, "the answer could not be written") != 0 || http_reply_format(reply, head, false, &x->out, &x->octets) != 0)
                        c->broken = true;
        }
        http_memory_hold(s, x, x->out.cap);
        x->status = reply->status;
        x->route = reply->route != NULL ? reply->route : "other";
        x->sent = 0;
        x->answered = http_micros();
        record(c);
        http_reply_clear(reply);
}

void http_work(struct pool_job *job)
{
        struct http_conn *c = (struct http_conn *)job;
        struct http_server *s = c->loop->server;
        struct http_exchange *x = c->x;
        struct http_reply reply = { 0 };
        struct http_request q = {
                .method = strcmp(x->head.method, "HEAD") == 0 ? "GET" : x->head.method,
                .path = x->head.target.path,
                .query = x->head.target.query,
                .body = BYTES_OF(&x->body),
                .head = &x->head,
                .peer = &c->peer,
                .state = &c->kept,
        };

        metrics_move(s->o.metrics, METRIC_QUEUE, NULL, -1);
        http_reply_clear(&reply);
        /* What the connection before left is nothing to this one. */
        ERR_clear_error();
        err_reset();
        s->o.handler(s->o.ctx, &q, &reply);
        http_answer(c, &reply);
        if (!c->broken && http_flush(c) < 0)
                c->broken = true;
        http_loop_return(c);
}

const char *http_request_header(const struct http_request *q, const char *name)
{
        return http_head_get(q->head, name);
}
