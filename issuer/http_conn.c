/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a connection do next? */
#include "issuer/http_conn.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "issuer/http_reply.h"
#include "lib/err.h"

#define ROUNDS_MAX 32                   /* then others have their turn */
#define BODY_FIRST 4096
#define GREETINGS_MAX 1024              /* handshakes that wait for their first step */
#define LINGER_MS 2000
#define LINGER_MAX (1u << 20)           /* octets that are read and thrown away, so that a refusal is not lost (RFC 9112 9.6) */

enum step { STEP_ON, STEP_WAIT, STEP_END };

static int64_t now_ms(void)
{
        return http_micros() / 1000;
}

static void refused(const struct http_conn *c, const char *why)
{
        metrics_count(c->loop->server->o.metrics, METRIC_REFUSED, why, NULL, 1);
}

/* Events are where they are needed, and stay while they do no harm. */
static void want_read(struct http_conn *c)
{
        if (!c->reading)
                event_add(&c->read, NULL);
        c->reading = true;
}

static void stop_reading(struct http_conn *c)
{
        if (c->reading)
                event_del(&c->read);
        c->reading = false;
}

static void until(struct http_conn *c, int64_t deadline)
{
        int64_t in = deadline - now_ms();
        struct timeval tv;

        c->deadline = deadline;
        if (c->armed != 0 && c->armed <= deadline)
                return;
        in = in < 1 ? 1 : in;
        tv = (struct timeval){ .tv_sec = in / 1000, .tv_usec = in % 1000 * 1000 };
        evtimer_add(&c->timer, &tv);
        c->armed = deadline;
}

static void exchange_free(struct http_conn *c)
{
        struct http_exchange *x = c->x;

        if (x == NULL)
                return;
        http_memory_release(c->loop->server, x);
        buf_clear(&x->text);
        buf_clear(&x->body);
        buf_clear(&x->out);
        free(x);
        c->x = NULL;
}

static struct http_exchange *exchange_new(void)
{
        struct http_exchange *x = calloc(1, sizeof(*x));

        if (x == NULL)
                return NULL;
        clock_gettime(CLOCK_REALTIME, &x->when);
        x->began = http_micros();
        return x;
}

bool http_conn_idle(const struct http_conn *c)
{
        return !c->away && (c->state == CONN_GREETING || c->state == CONN_LINGER || (c->state == CONN_HEAD && c->x == NULL && c->in.len == 0));
}

void http_conn_close(struct http_conn *c)
{
        struct http_loop *l = c->loop;

        event_del(&c->read);
        event_del(&c->write);
        event_del(&c->timer);
        if (c->ssl != NULL) {
                /* It says that this is the end, where it can be said. */
                if (c->greeted && !c->broken && !c->failed && c->state != CONN_LINGER)
                        SSL_shutdown(c->ssl);
                SSL_free(c->ssl);
        }
        close(c->fd);
        exchange_free(c);
        buf_clear(&c->in);
        buf_clear(&c->certificate);
        if (c->kept.ptr != NULL && c->kept.free != NULL)
                c->kept.free(c->kept.ptr);
        metrics_move(l->server->o.metrics, METRIC_CONNECTIONS, http_via_name(c->peer.via), -1);
        census_leave(l->server->census, c->home);
        LIST_REMOVE(c, among);
        if (!c->away)
                TAILQ_REMOVE(&l->waiting, c, queued);
        free(c);
        if (LIST_EMPTY(&l->all))
                http_loop_emptied(l);
}

static void send_away(struct http_conn *c)
{
        c->away = true;
        TAILQ_REMOVE(&c->loop->waiting, c, queued);
}

static void come_home(struct http_conn *c)
{
        c->away = false;
        TAILQ_INSERT_TAIL(&c->loop->waiting, c, queued);
}

static void answer(struct http_conn *c, struct http_reply *reply)
{
        http_answer(c, reply);
        c->state = CONN_WRITE;
}

static void refuse(struct http_conn *c, int status, const char *why, bool keep)
{
        struct http_reply reply = { 0 };

        if (status != 503)
                refused(c, status == 408 ? "timeout" : "request");
        if (http_reply_refuse(&reply, status, why) != 0) {
                c->failed = true;
                return;
        }
        if (status == 503)
                reply.retry_after = 1;
        if (status == 405)
                buf_append_str(&reply.headers, "Allow: GET, HEAD\r\n");
        c->x->keep = keep;
        c->x->refused = !keep;
        answer(c, &reply);
}

/* The request is whole: a worker's turn. */
static void dispatch(struct http_conn *c)
{
        struct http_server *s = c->loop->server;
        /* Whoever floods the network's side keeps no operator from taking something back. */
        const bool operator = c->peer.via == HTTP_UNIX;

        if (!operator && atomic_load(&s->memory) > s->limits.memory) {
                refused(c, "memory");
                refuse(c, 503, "too much is being worked on, try again", c->x->keep);
                return;
        }
        metrics_move(s->o.metrics, METRIC_QUEUE, NULL, 1);
        send_away(c);
        if (pool_submit(s->workers, &c->job, operator ? SIZE_MAX : s->limits.queue))
                return;
        come_home(c);
        metrics_move(s->o.metrics, METRIC_QUEUE, NULL, -1);
        refused(c, "queue");
        refuse(c, 503, "too many requests wait for their turn, try again", c->x->keep);
}

static void expect_body(struct http_conn *c)
{
        struct http_server *s = c->loop->server;
        struct http_exchange *x = c->x;

        x->body_max = s->o.body_limit != NULL ? s->o.body_limit(s->o.ctx, x->head.method, x->head.target.path) : BODY_FIRST;
        if (x->body_max > HTTP_BODY_MAX)
                x->body_max = HTTP_BODY_MAX;
        if (x->head.length > x->body_max) {
                refuse(c, 413, "the body is longer than any for this path", false);
                return;
        }
        if (!x->head.chunked)
                x->body_max = x->head.length;
        x->body_began = http_micros();
        c->state = CONN_BODY;
}

/* The head is whole. */
static void begin(struct http_conn *c, bool more)
{
        struct http_exchange *x = c->x;
        const char *why;
        int status = http_head_parse((char *)x->text.ptr, x->text.len, &x->head, &why);

        if (status != 0) {
                refuse(c, status, why, false);
                return;
        }
        x->parsed = true;
        x->keep = x->head.keep;
        if (c->peer.via == HTTP_PLAIN && strcmp(x->head.method, "GET") != 0 && strcmp(x->head.method, "HEAD") != 0) {
                refuse(c, 405, "without TLS there is GET only", false);
                return;
        }
        if (!x->head.chunked && x->head.length == 0) {
                dispatch(c);
                return;
        }
        expect_body(c);
        if (c->state == CONN_BODY && x->head.expects && !more) {
                if (buf_append_str(&x->out, HTTP_CONTINUE) != 0 || http_flush(c) != 1)
                        c->failed = true;
                buf_reset(&x->out);
                x->sent = 0;
        }
}

static size_t take_head(struct http_conn *c, const uint8_t *p, size_t n)
{
        size_t had, room, end;
        struct http_exchange *x;

        if (c->x == NULL)
                c->x = exchange_new();
        x = c->x;
        had = x != NULL ? x->text.len : 0;
        room = HTTP_HEAD_MAX - had;
        if (x == NULL || buf_append(&x->text, p, n < room ? n : room) != 0) {
                c->failed = true;
                return n;
        }
        if (!http_head_end(BYTES_OF(&x->text), had, &end)) {
                refuse(c, 400, "a line ends in a bare LF", false);
                return n;
        }
        if (end == 0) {
                if (x->text.len == HTTP_HEAD_MAX)
                        refuse(c, memchr(x->text.ptr, '\n', HTTP_HEAD_MAX) == NULL ? 414 : 431, "request line and headers are too long", false);
                return n < room ? n : room;
        }
        x->text.len = end;
        begin(c, n > end - had);
        return end - had;
}

/* Room for what comes, doubled as it comes: who only announces a long body gets none. */
static bool body_append(struct http_conn *c, struct bytes piece)
{
        struct http_exchange *x = c->x;
        size_t need = x->body.len + piece.len, cap;

        if (piece.len == 0)
                return true;
        if (need > x->body.cap) {
                cap = x->body.cap < BODY_FIRST / 2 ? BODY_FIRST : 2 * x->body.cap;
                cap = cap > x->body_max ? x->body_max : cap;
                cap = cap < need ? need : cap;
                if (!http_memory_take(c->loop->server, x, cap - x->body.cap)) {
                        refused(c, "memory");
                        refuse(c, 503, "too much is being worked on, try again", false);
                        return false;
                }
                if (buf_reserve(&x->body, cap) != 0) {
                        c->failed = true;
                        return false;
                }
        }
        buf_append(&x->body, piece.ptr, piece.len);
        return true;
}

static size_t take_body(struct http_conn *c, const uint8_t *p, size_t n)
{
        struct http_exchange *x = c->x;
        struct bytes piece = { p, x->body_max - x->body.len < n ? x->body_max - x->body.len : n };
        size_t used = piece.len;
        int r = 0;

        if (x->head.chunked)
                r = http_chunked_next(&x->chunks, BYTES(p, n), &used, &piece);
        if (r != 0)
                refuse(c, r == ERR_RANGE ? 413 : 400, err_text(), false);
        else if (x->head.chunked && piece.len > x->body_max - x->body.len)
                refuse(c, 413, "the body is longer than any for this path", false);
        else if (body_append(c, piece) && (x->head.chunked ? x->chunks.state == CHUNK_DONE : x->body.len == x->body_max))
                dispatch(c);
        return r == 0 ? used : n;
}

/* Gives the octets to the request that they belong to; says how many there was no use for yet. */
static size_t take(struct http_conn *c, const uint8_t *p, size_t n)
{
        while (n > 0 && !c->away && !c->failed && (c->state == CONN_HEAD || c->state == CONN_BODY)) {
                size_t used = c->state == CONN_HEAD ? take_head(c, p, n) : take_body(c, p, n);

                p += used;
                n -= used;
        }
        return c->failed ? 0 : n;
}

static enum step wait_request(struct http_conn *c)
{
        const struct http_limits *limits = &c->loop->server->limits;

        want_read(c);
        if (c->state == CONN_BODY)
                until(c, c->x->body_began / 1000 + limits->body_ms);
        else if (c->x != NULL)
                until(c, c->x->began / 1000 + limits->head_ms);
        else
                until(c, c->since + limits->idle_ms);
        return STEP_WAIT;
}

/* Reads until there is a request. */
static enum step step_request(struct http_conn *c)
{
        uint8_t *p = c->loop->piece;
        size_t left;
        ssize_t n;

        if (c->in.len > 0) {
                left = take(c, c->in.ptr, c->in.len);
                memmove(c->in.ptr, c->in.ptr + c->in.len - left, left);
                c->in.len = left;
                if (left == 0)
                        buf_clear(&c->in);
                return STEP_ON;
        }
        n = http_receive(c, p, HTTP_PIECE);
        if (n < 0)
                return STEP_END;
        if (n == 0)
                return wait_request(c);
        left = take(c, p, (size_t)n);
        if (left > 0 && buf_append(&c->in, p + (size_t)n - left, left) != 0)
                c->failed = true;
        return STEP_ON;
}

/* The answer is out, and the next request may come. */
static enum step finish(struct http_conn *c)
{
        struct http_exchange *x = c->x;
        bool keep = x->keep && !c->loop->ending, linger = x->refused || c->in.len > 0;

        exchange_free(c);
        c->since = now_ms();
        TAILQ_REMOVE(&c->loop->waiting, c, queued);
        TAILQ_INSERT_TAIL(&c->loop->waiting, c, queued);
        if (!keep && !linger)
                return STEP_END;
        c->state = CONN_HEAD;
        if (!keep) {
                if (c->ssl != NULL)
                        SSL_shutdown(c->ssl);
                shutdown(c->fd, SHUT_WR);
                c->state = CONN_LINGER;
                until(c, c->since + LINGER_MS);
        } else if (c->in.len == 0 && (c->ssl == NULL || !SSL_has_pending(c->ssl))) {
                return wait_request(c);
        }
        return STEP_ON;
}

static enum step step_write(struct http_conn *c)
{
        int r = http_flush(c);

        if (r < 0)
                return STEP_END;
        if (r > 0)
                return finish(c);
        event_add(&c->write, NULL);
        until(c, c->x->answered / 1000 + c->loop->server->limits.write_ms);
        return STEP_WAIT;
}

static enum step step_linger(struct http_conn *c)
{
        ssize_t n = recv(c->fd, c->loop->piece, HTTP_PIECE, 0);

        if (n > 0)
                c->lingered += (size_t)n;
        if (n == 0 || c->lingered > LINGER_MAX || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
                return STEP_END;
        want_read(c);
        return n > 0 ? STEP_ON : STEP_WAIT;
}

/* Only ever called when there is something to read. */
static enum step step_greet(struct http_conn *c)
{
        send_away(c);
        if (pool_submit(c->loop->server->greeters, &c->job, c->ssl == NULL ? GREETINGS_MAX : SIZE_MAX))
                return STEP_WAIT;
        come_home(c);
        refused(c, "queue");
        return STEP_END;
}

static void pump(struct http_conn *c)
{
        enum step step = STEP_ON;

        for (unsigned i = 0; step == STEP_ON && i < ROUNDS_MAX && !c->away; i++) {
                if (c->broken || c->failed)
                        step = STEP_END;
                else if (c->state == CONN_GREETING)
                        step = step_greet(c);
                else if (c->state == CONN_WRITE)
                        step = step_write(c);
                else if (c->state == CONN_LINGER)
                        step = step_linger(c);
                else
                        step = step_request(c);
        }
        if (step == STEP_END)
                http_conn_close(c);
        else if (step == STEP_ON && !c->away)
                event_active(&c->read, EV_READ, 0);
}

static void on_read(evutil_socket_t fd, short what, void *arg)
{
        struct http_conn *c = arg;

        (void)fd;
        (void)what;
        /* Whoever goes on talking while he should listen waits. */
        if (c->away || (c->state == CONN_WRITE && event_pending(&c->write, EV_WRITE, NULL)))
                stop_reading(c);
        else
                pump(c);
}

static void on_write(evutil_socket_t fd, short what, void *arg)
{
        (void)fd;
        (void)what;
        pump(arg);
}

/* Time is up. Half a request gets an answer. */
static void expire(struct http_conn *c)
{
        bool asked = c->x != NULL && (c->state == CONN_HEAD || c->state == CONN_BODY);

        if (asked) {
                refuse(c, 408, "the request took too long to come", false);
                pump(c);
                return;
        }
        if (c->state == CONN_GREETING || c->state == CONN_WRITE)
                refused(c, "timeout");
        c->failed = c->state == CONN_WRITE;
        http_conn_close(c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
        struct http_conn *c = arg;

        (void)fd;
        (void)what;
        c->armed = 0;
        if (c->away)
                return;
        if (c->deadline > now_ms())
                until(c, c->deadline);
        else
                expire(c);
}

void http_conn_new(struct http_loop *l, enum http_via via, int fd, const struct sockaddr *from, struct census_home *home)
{
        const struct http_limits *limits = &l->server->limits;
        struct http_conn *c = calloc(1, sizeof(*c));

        if (c == NULL) {
                census_leave(l->server->census, home);
                close(fd);
                return;
        }
        c->loop = l;
        c->fd = fd;
        c->home = home;
        http_peer_fill(via, fd, from, &c->peer);
        event_assign(&c->read, l->base, fd, EV_READ | EV_PERSIST, on_read, c);
        event_assign(&c->write, l->base, fd, EV_WRITE, on_write, c);
        evtimer_assign(&c->timer, l->base, on_timer, c);
        LIST_INSERT_HEAD(&l->all, c, among);
        TAILQ_INSERT_TAIL(&l->waiting, c, queued);
        metrics_count(l->server->o.metrics, METRIC_ACCEPTED, http_via_name(via), NULL, 1);
        metrics_move(l->server->o.metrics, METRIC_CONNECTIONS, http_via_name(via), 1);
        c->since = now_ms();
        c->state = via == HTTP_TLS ? CONN_GREETING : CONN_HEAD;
        want_read(c);
        until(c, c->since + (via == HTTP_TLS ? limits->handshake_ms : limits->idle_ms));
}

/* A worker or greeter is through with it. */
void http_conn_back(struct http_conn *c)
{
        struct http_loop *l = c->loop;

        come_home(c);
        if (c->state != CONN_GREETING) {
                c->state = CONN_WRITE;
                if (l->cutting)
                        c->failed = true;
                pump(c);
                return;
        }
        if (c->broken)
                refused(c, "tls");
        if (c->broken || l->ending) {
                http_conn_close(c);
                return;
        }
        if (c->greeted) {
                c->state = CONN_HEAD;
                c->since = now_ms();
                pump(c);
                return;
        }
        want_read(c);
        until(c, c->since + l->server->limits.handshake_ms);
}
