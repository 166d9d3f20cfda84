/* SPDX-License-Identifier: BSD-2-Clause */
/* What a request asks for: a request target taken apart (RFC 9112 3.2), and the segments and query parameters in it decoded. */
#ifndef HOLDFAST_ISSUER_HTTP_TARGET_H
#define HOLDFAST_ISSUER_HTTP_TARGET_H

#include "lib/buf.h"

/* Of "/a/b?c=d" or "http://host/a/b?c=d", in place: path and query become strings in `text`. authority is "" in the first form. ERR_FORMAT:
 * other forms, characters that RFC 3986 does not allow there, half percent-encodings, an encoded NUL, empty, "." or ".." segments
 * (encoded or not); an empty last segment ("/a/") is fine. */
struct http_target {
        const char *authority, *path, *query;
};
int http_target_split(char *text, struct http_target *ret);

/* Does path have as many segments as pattern, and the same ones where pattern does not say "*"? "/v1/host/HOST" fits "/v1/host/" with "*" behind it. */
bool http_path_fits(const char *path, const char *pattern);
/* Segment i (0 is the first), percent-decoded, valid UTF-8 without control characters. ERR_NOENT, ERR_FORMAT. */
int http_path_segment(const char *path, size_t i, struct buf *ret);
/* The parameter of that name in application/x-www-form-urlencoded form: '+' is a space. ERR_NOENT; ERR_FORMAT also if it is there twice. */
int http_query_get(const char *query, const char *name, struct buf *ret);

#endif
