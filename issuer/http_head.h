/* SPDX-License-Identifier: BSD-2-Clause */
/* The head of a request: request line and headers (RFC 9112). What two programs in a row could understand in two ways is refused. */
#ifndef HOLDFAST_ISSUER_HTTP_HEAD_H
#define HOLDFAST_ISSUER_HTTP_HEAD_H

#include "issuer/http_target.h"
#include "lib/buf.h"

#define HTTP_HEADERS_MAX 64

struct http_head {
        const char *method;
        struct http_target target;
        bool old;               /* HTTP/1.0 */
        bool keep;              /* the connection may go on */
        bool chunked;
        bool expects;           /* 100-continue */
        size_t length;          /* Content-Length; SIZE_MAX if it is longer than any body may be */
        size_t headers_n;
        struct http_header {
                const char *name, *value;
        } headers[HTTP_HEADERS_MAX];
};

/* How many octets the head has, its empty line included; 0 if that has not come. from: all before was seen to have no end. False: a line
 * ends in a bare LF, so that this will never be a request. */
bool http_head_end(struct bytes in, size_t from, size_t *ret_len);
/* text: as long as http_head_end() said. It is taken apart in place, and ret points into it. 0, or the status to refuse it with and a sentence. */
int http_head_parse(char *text, size_t len, struct http_head *ret, const char **ret_why);
const char *http_head_get(const struct http_head *h, const char *name);

#endif
