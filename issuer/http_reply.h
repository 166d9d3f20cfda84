/* SPDX-License-Identifier: BSD-2-Clause */
/* A reply as octets. */
#ifndef HOLDFAST_ISSUER_HTTP_REPLY_H
#define HOLDFAST_ISSUER_HTTP_REPLY_H

#include "issuer/http.h"
#include "issuer/http_head.h"

#define HTTP_CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

void http_reply_clear(struct http_reply *reply);
/* head: of the request, NULL if it was not understood. keep: the connection goes on. Where the client has this ETag already, the status
 * becomes 304. *ret_body: how many octets of body go out. */
int http_reply_format(struct http_reply *reply, const struct http_head *head, bool keep, struct buf *ret, size_t *ret_body);
/* The server's own refusals, as RFC 9457 has it. detail is ours: nothing in it needs an escape. */
int http_reply_refuse(struct http_reply *reply, int status, const char *detail);

#endif
