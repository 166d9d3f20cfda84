/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/file.h"
#include "tests/httpfix.h"

#define PATIENCE 30     /* seconds, after which a client thinks that nothing comes any more */

void httpfix_identity(const char *name, struct http_identity *ret)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *x = X509_new();
        X509_NAME *subject = X509_get_subject_name(x);
        X509_EXTENSION *alt = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");

        assert_non_null(key);
        assert_non_null(alt);
        assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
        ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
        X509_gmtime_adj(X509_getm_notBefore(x), -3600);
        X509_gmtime_adj(X509_getm_notAfter(x), 86400);
        assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0), 1);
        X509_set_issuer_name(x, subject);
        X509_set_pubkey(x, key);
        X509_add_ext(x, alt, -1);
        X509_EXTENSION_free(alt);
        assert_true(X509_sign(x, key, EVP_sha256()) > 0);
        ret->key = key;
        ret->chain = sk_X509_new_null();
        sk_X509_push(ret->chain, x);
}

void httpfix_identity_clear(struct http_identity *identity)
{
        EVP_PKEY_free(identity->key);
        sk_X509_pop_free(identity->chain, X509_free);
        *identity = (struct http_identity){ 0 };
}

static _Atomic unsigned freed;

static void count_free(void *p)
{
        freed++;
        free(p);
}

static void answer_count(const struct http_request *q, struct http_reply *reply)
{
        unsigned *n = q->state->ptr;

        if (n == NULL) {
                n = calloc(1, sizeof(*n));
                q->state->ptr = n;
                q->state->free = count_free;
        }
        buf_printf(&reply->body, "%u", ++*n);
}

static void answer_wait(struct httpfix *f, struct http_reply *reply)
{
        pthread_mutex_lock(&f->lock);
        f->inside++;
        pthread_cond_broadcast(&f->moved);
        while (!f->released)
                pthread_cond_wait(&f->moved, &f->lock);
        f->inside--;
        pthread_mutex_unlock(&f->lock);
        buf_append_str(&reply->body, "waited");
}

static void answer_big(const struct http_request *q, struct http_reply *reply)
{
        size_t n = (size_t)strtoul(q->query, NULL, 10);

        buf_reserve(&reply->body, n);
        while (reply->body.len < n)
                buf_append_u8(&reply->body, (uint8_t)('a' + reply->body.len % 26));
}

static void answer_get(struct httpfix *f, const struct http_request *q, struct http_reply *reply)
{
        const char *path = q->path;

        if (strcmp(path, "/hello") == 0) {
                buf_append_str(&reply->body, "hello");
        } else if (strcmp(path, "/list") == 0) {
                buf_append_str(&reply->body, "list");
                strcpy(reply->etag, "v1");
                reply->max_age = 60;
        } else if (strcmp(path, "/count") == 0) {
                answer_count(q, reply);
        } else if (strcmp(path, "/who") == 0) {
                buf_printf(&reply->body, "%s %d %s %zu", q->peer->address, (int)q->peer->uid, q->peer->tls, q->peer->certificate.len);
        } else if (strcmp(path, "/wait") == 0) {
                answer_wait(f, reply);
        } else if (strcmp(path, "/big") == 0) {
                answer_big(q, reply);
        } else if (strcmp(path, "/query") == 0) {
                buf_append_str(&reply->body, q->query);
        } else {
                reply->status = 404;
        }
}

static void handle(void *ctx, const struct http_request *q, struct http_reply *reply)
{
        struct httpfix *f = ctx;

        pthread_mutex_lock(&f->lock);
        f->handled++;
        pthread_mutex_unlock(&f->lock);
        reply->type = "text/plain";
        reply->route = "test";
        if (strcmp(q->method, "GET") == 0)
                answer_get(f, q, reply);
        else if (strcmp(q->path, "/echo") == 0 || strcmp(q->path, "/small") == 0)
                buf_append(&reply->body, q->body.ptr, q->body.len);
        else
                reply->status = 404;
}

static size_t body_limit(void *ctx, const char *method, const char *path)
{
        (void)ctx;
        (void)method;
        return strcmp(path, "/echo") == 0 ? HTTP_BODY_MAX : 16;
}

struct httpfix *httpfix_open(const struct http_limits *limits, void (*tweak)(struct http_server_options *o))
{
        struct httpfix *f = calloc(1, sizeof(*f));
        void *state = NULL;
        struct http_listen listen[3] = { { HTTP_TLS, "127.0.0.1:0", 0 }, { HTTP_UNIX, f->unix_path, 0600 }, { HTTP_PLAIN, "127.0.0.1:0", 0 } };
        struct http_server_options o = { 0 };

        signal(SIGPIPE, SIG_IGN);
        assert_int_equal(tempdir_setup(&state), 0);
        f->dir = state;
        snprintf(f->unix_path, sizeof(f->unix_path), "%s/http.sock", f->dir->path);
        pthread_mutex_init(&f->lock, NULL);
        pthread_cond_init(&f->moved, NULL);
        httpfix_identity("localhost", &f->identity);
        f->metrics = metrics_new();
        f->log = open_memstream(&f->log_text, &f->log_len);
        freed = 0;
        o.listen = listen;
        o.listen_n = 3;
        o.identity = &f->identity;
        if (limits != NULL)
                o.limits = *limits;
        o.workers = 2;
        o.handler = handle;
        o.body_limit = body_limit;
        o.access = http_access_write;
        o.access_ctx = f->log;
        o.ctx = f;
        o.metrics = f->metrics;
        if (tweak != NULL)
                tweak(&o);
        assert_int_equal(http_server_open(&o, &f->server), 0);
        return f;
}

void httpfix_stop(struct httpfix *f, unsigned grace_ms)
{
        http_server_close(f->server, grace_ms);
        f->server = NULL;
        f->freed = freed;
}

void httpfix_close(struct httpfix *f)
{
        void *state = f->dir;

        httpfix_release(f);
        httpfix_stop(f, 0);
        httpfix_identity_clear(&f->identity);
        metrics_free(f->metrics);
        fclose(f->log);
        free(f->log_text);
        pthread_cond_destroy(&f->moved);
        pthread_mutex_destroy(&f->lock);
        assert_int_equal(tempdir_teardown(&state), 0);
        free(f);
}

void httpfix_release(struct httpfix *f)
{
        pthread_mutex_lock(&f->lock);
        f->released = true;
        pthread_cond_broadcast(&f->moved);
        pthread_mutex_unlock(&f->lock);
}

void httpfix_inside(struct httpfix *f, unsigned n)
{
        pthread_mutex_lock(&f->lock);
        while (f->inside < n)
                pthread_cond_wait(&f->moved, &f->lock);
        pthread_mutex_unlock(&f->lock);
}

const char *httpfix_log(struct httpfix *f)
{
        fflush(f->log);
        return f->log_text;
}

long httpfix_metric(struct httpfix *f, const char *line)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        char wanted[160];
        const char *at;

        assert_int_equal(metrics_text(f->metrics, &text), 0);
        snprintf(wanted, sizeof(wanted), "\n%s ", line);
        at = strstr(buf_str(&text), wanted);
        return at != NULL ? strtol(at + strlen(wanted), NULL, 10) : -1;
}

static int new_socket(int family, const struct sockaddr *where, socklen_t len)
{
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct timeval patience = { .tv_sec = PATIENCE };

        assert_true(fd >= 0);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        if (connect(fd, where, len) != 0) {
                close(fd);
                return -1;
        }
        return fd;
}

bool client_unix(struct httpfix *f, struct client *ret)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };

        snprintf(a.sun_path, sizeof(a.sun_path), "%s", f->unix_path);
        *ret = (struct client){ .fd = new_socket(AF_UNIX, (struct sockaddr *)&a, sizeof(a)) };
        return ret->fd >= 0;
}

void client_tcp(struct httpfix *f, size_t listener, struct client *ret)
{
        struct sockaddr_in a = { .sin_family = AF_INET };

        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        a.sin_port = htons((uint16_t)http_server_port(f->server, listener));
        *ret = (struct client){ .fd = new_socket(AF_INET, (struct sockaddr *)&a, sizeof(a)) };
        assert_true(ret->fd >= 0);
}

bool client_tls(struct httpfix *f, SSL_CTX *ctx, struct client *ret)
{
        SSL_CTX *own = ctx == NULL ? SSL_CTX_new(TLS_client_method()) : NULL;

        client_tcp(f, 0, ret);
        ret->ssl = SSL_new(own != NULL ? own : ctx);
        SSL_CTX_free(own);
        SSL_set_fd(ret->ssl, ret->fd);
        if (SSL_connect(ret->ssl) == 1)
                return true;
        client_close(ret);
        return false;
}

void client_close(struct client *c)
{
        if (c->ssl != NULL) {
                SSL_shutdown(c->ssl);
                SSL_free(c->ssl);
        }
        close_fd(&c->fd);
        buf_clear(&c->in);
        *c = (struct client){ .fd = -1 };
}

bool client_send(struct client *c, const void *p, size_t n)
{
        size_t sent = 0, put;
        ssize_t k;

        while (sent < n) {
                if (c->ssl != NULL) {
                        if (SSL_write_ex(c->ssl, (const char *)p + sent, n - sent, &put) != 1)
                                return false;
                        sent += put;
                } else {
                        k = send(c->fd, (const char *)p + sent, n - sent, MSG_NOSIGNAL);
                        if (k <= 0)
                                return false;
                        sent += (size_t)k;
                }
        }
        return true;
}

bool client_say(struct client *c, const char *text)
{
        return client_send(c, text, strlen(text));
}

/* 0 at the end; that it takes too long is a failure. */
static size_t read_more(struct client *c)
{
        char piece[4096];
        size_t got = 0;
        ssize_t n;

        if (c->ssl != NULL) {
                if (SSL_read_ex(c->ssl, piece, sizeof(piece), &got) != 1) {
                        assert_int_not_equal(SSL_get_error(c->ssl, 0), SSL_ERROR_WANT_READ);
                        return 0;
                }
        } else {
                n = recv(c->fd, piece, sizeof(piece), 0);
                if (n < 0)
                        assert_int_equal(errno, ECONNRESET);
                got = n > 0 ? (size_t)n : 0;
        }
        assert_int_equal(buf_append(&c->in, piece, got), 0);
        return got;
}

static void consume(struct client *c, size_t n)
{
        memmove(c->in.ptr, c->in.ptr + n, c->in.len - n);
        c->in.len -= n;
}

bool client_hear(struct client *c, bool head_only, struct answer *ret)
{
        const char *end, *length;
        size_t head, body;

        *ret = (struct answer){ 0 };
        while ((end = c->in.len > 0 ? memmem(c->in.ptr, c->in.len, "\r\n\r\n", 4) : NULL) == NULL)
                if (read_more(c) == 0)
                        return false;
        head = (size_t)(end - (const char *)c->in.ptr) + 4;
        assert_true(head < sizeof(ret->head));
        memcpy(ret->head, c->in.ptr, head);
        consume(c, head);
        assert_int_equal(strncmp(ret->head, "HTTP/1.1 ", 9), 0);
        ret->status = (int)strtol(ret->head + 9, NULL, 10);
        length = strcasestr(ret->head, "\r\nContent-Length: ");
        body = length != NULL && !head_only ? (size_t)strtoul(length + 18, NULL, 10) : 0;
        while (c->in.len < body)
                if (read_more(c) == 0) {
                        answer_clear(ret);
                        return false;
                }
        assert_int_equal(buf_append(&ret->body, c->in.ptr, body), 0);
        assert_non_null(buf_str(&ret->body));
        if (body > 0)
                consume(c, body);
        return true;
}

bool client_ended(struct client *c)
{
        return c->in.len == 0 && read_more(c) == 0;
}

void answer_clear(struct answer *a)
{
        buf_clear(&a->body);
}

int client_ask(struct client *c, const char *request)
{
        struct answer a;
        int status;

        if (!client_say(c, request) || !client_hear(c, strncmp(request, "HEAD ", 5) == 0, &a))
                return 0;
        status = a.status;
        answer_clear(&a);
        return status;
}
