/* SPDX-License-Identifier: BSD-2-Clause */
/* What a program asks of the token socket: one HTTP/1.1 request without a body (RFC 9112), of which there is one kind. */
#ifndef HOLDFAST_DAEMON_TOKEN_REQUEST_H
#define HOLDFAST_DAEMON_TOKEN_REQUEST_H

#include "lib/buf.h"

#define TOKEN_REQUEST_MAX 8192          /* octets up to the empty line, and it */
#define TOKEN_AUDIENCE_MAX 512
#define TOKEN_LABEL_MAX 255

/* Owned; a NUL behind each that is not counted. */
struct token_request {
        struct buf agent, audience;
        struct buf key;                 /* its label; empty: the agent's only key, or "default" */
        bool keep;                      /* the connection is for further ones */
};
void token_request_clear(struct token_request *t);

/* Where the empty line ends, if it is there; 0: more has to come. */
size_t token_request_end(struct bytes in);
/* head: up to and with the empty line. 0, or the status of HTTP that refuses it, with a sentence. */
int token_request_parse(struct bytes head, struct token_request *ret);

#endif
