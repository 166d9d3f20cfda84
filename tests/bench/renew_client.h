/* SPDX-License-Identifier: BSD-2-Clause */
/* The connection of such a host to the issuer: it is kept, and every answer brings the nonce of the next renewal. */
#ifndef HOLDFAST_TESTS_BENCH_RENEW_CLIENT_H
#define HOLDFAST_TESTS_BENCH_RENEW_CLIENT_H

#include <openssl/ssl.h>
#include "attest/nonce.h"
#include "tests/bench/renew_host.h"

struct renew_client {
        const char *url;                /* the issuer's own */
        SSL *ssl;                       /* NULL: not connected */
        uint8_t challenge[NONCE_CHALLENGE]; /* of the next renewal */
        char reply[64u << 10];
};

struct renew_answer {
        uint64_t not_before, renew_after, not_after;
        double ms;                      /* from the request to the answer */
};

/* To that port of this machine, whose certificate is not looked at. What a function says by err() is why there was no answer, or the answer. */
int renew_dial(struct renew_client *c, SSL_CTX *ctx, unsigned port);
void renew_hang_up(struct renew_client *c);
/* Before the first renewal on a connection, and wherever the last answer is too old. */
int renew_challenge(struct renew_client *c, const struct renew_host *h);
int renew(struct renew_client *c, const struct renew_host *h, size_t agent, struct renew_answer *ret);

#endif
