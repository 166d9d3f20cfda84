/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a host say to the issuer, and hear? */
#include "tests/bench/renew_client.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "lib/err.h"
#include "tests/bench/measure.h"

#define PATIENCE_S 30           /* for an answer */

int renew_dial(struct renew_client *c, SSL_CTX *ctx, unsigned port)
{
        const struct timeval patience = { .tv_sec = PATIENCE_S };
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

        if (fd < 0)
                return err_errno("no socket");
        c->ssl = SSL_new(ctx);
        if (c->ssl == NULL)
                abort();
        SSL_set_fd(c->ssl, fd);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && SSL_connect(c->ssl) == 1)
                return 0;
        renew_hang_up(c);
        return err(ERR_IO, "the issuer cannot be reached");
}

void renew_hang_up(struct renew_client *c)
{
        int fd;

        if (c->ssl == NULL)
                return;
        fd = SSL_get_fd(c->ssl);
        SSL_free(c->ssl);
        close(fd);
        c->ssl = NULL;
}

/* Behind the member's name, in the only answer that the issuer has for us; NULL: it is not there. */
static const char *member(const struct renew_client *c, const char *name)
{
        char quoted[40];
        const char *at;
        int n = snprintf(quoted, sizeof(quoted), "\"%s\":", name);

        at = strstr(c->reply, quoted);
        return at != NULL ? at + n : NULL;
}

/* The next nonce is in every answer, and the challenge comes of it. */
static int take_challenge(struct renew_client *c)
{
        CLEANUP(buf_clear) struct buf nonce = { 0 };
        const char *at = member(c, "nonce"), *end = at != NULL ? strchr(at + 1, '"') : NULL;

        if (strncmp(c->reply, "HTTP/1.1 200", 12) != 0 || end == NULL || base64_decode(at + 1, (size_t)(end - at - 1), &nonce) != 0)
                return err(ERR_DENIED, "%s", c->reply);
        return nonce_challenge(BYTES_STR(c->url), BYTES_OF(&nonce), c->challenge);
}

static bool is_whole(const struct renew_client *c, size_t n)
{
        const char *end = strstr(c->reply, "\r\n\r\n"), *length = strcasestr(c->reply, "\r\nContent-Length: ");

        return end != NULL && length != NULL && n == (size_t)(end + 4 - c->reply) + strtoul(length + 18, NULL, 10);
}

static int post(struct renew_client *c, const char *path, const struct buf *body)
{
        CLEANUP(buf_clear) struct buf q = { 0 };
        size_t n = 0, got;

        if (buf_printf(&q, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", path, body->len) != 0 ||
            buf_append(&q, body->ptr, body->len) != 0)
                abort();
        if (SSL_write(c->ssl, q.ptr, (int)q.len) <= 0)
                return err(ERR_IO, "the issuer has hung up");
        do {
                if (SSL_read_ex(c->ssl, c->reply + n, sizeof(c->reply) - 1 - n, &got) != 1)
                        return err(ERR_IO, "the issuer does not answer");
                n += got;
                c->reply[n] = '\0';
        } while (!is_whole(c, n));
        return take_challenge(c);
}

int renew_challenge(struct renew_client *c, const struct renew_host *h)
{
        CLEANUP(buf_clear) struct buf body = { 0 };

        if (buf_printf(&body, "{\"purpose\":\"credential\",\"host\":\"%s\"}", h->name) != 0)
                abort();
        return post(c, "/v1/nonce", &body);
}

static int take_times(const struct renew_client *c, struct renew_answer *ret)
{
        const char *begins = member(c, "not_before"), *due = member(c, "renew_after"), *ends = member(c, "not_after");

        if (begins == NULL || due == NULL || ends == NULL)
                return err(ERR_FORMAT, "%s", c->reply);
        ret->not_before = strtoull(begins, NULL, 10);
        ret->renew_after = strtoull(due, NULL, 10);
        ret->not_after = strtoull(ends, NULL, 10);
        return 0;
}

int renew(struct renew_client *c, const struct renew_host *h, size_t agent, struct renew_answer *ret)
{
        CLEANUP(buf_clear) struct buf evidence = { 0 }, text = { 0 }, body = { 0 };
        double begun;
        int r;

        renew_host_evidence(h, agent, BYTES(c->challenge, NONCE_CHALLENGE), &evidence);
        if (base64_encode(BYTES_OF(&evidence), &text) != 0 ||
            buf_printf(&body, "{\"host\":\"%s\",\"agent\":\"%s\",\"want\":[\"x509\"],\"evidence\":\"%.*s\"}", h->name, h->agents[agent].name,
                       (int)text.len, (const char *)text.ptr) != 0)
                abort();
        begun = now_us();
        r = post(c, "/v1/credential", &body);
        if (r == 0)
                r = take_times(c, ret);
        ret->ms = (now_us() - begun) / 1e3;
        return r;
}
