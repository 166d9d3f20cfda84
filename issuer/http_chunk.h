/* SPDX-License-Identifier: BSD-2-Clause */
/* A body that comes in chunks (RFC 9112 7.1), piece by piece as the network has it. */
#ifndef HOLDFAST_ISSUER_HTTP_CHUNK_H
#define HOLDFAST_ISSUER_HTTP_CHUNK_H

#include "lib/buf.h"

#define HTTP_CHUNK_LINE_MAX 256         /* a size and its extensions, which nobody reads */
#define HTTP_TRAILER_MAX 1024           /* all trailer fields, which nobody reads either */

enum http_chunk_state {
        CHUNK_SIZE,
        CHUNK_EXTENSION,
        CHUNK_SIZE_LF,
        CHUNK_DATA,
        CHUNK_DATA_CR,
        CHUNK_DATA_LF,
        CHUNK_TRAILER,
        CHUNK_TRAILER_LF,
        CHUNK_DONE,
};

/* Zero-initialise. */
struct http_chunked {
        enum http_chunk_state state;
        size_t left;            /* of this chunk */
        size_t line;            /* octets of this size line, or of all trailers */
        size_t digits;
        bool empty;             /* nothing but its end in this trailer line so far */
};

/* Takes octets until it has a piece of the body (*ret_data, borrowed from in), is done (state CHUNK_DONE) or has seen all. *ret_used of them
 * are taken. ERR_FORMAT; ERR_RANGE: a line, the trailers or a chunk longer than anything here. */
int http_chunked_next(struct http_chunked *c, struct bytes in, size_t *ret_used, struct bytes *ret_data);

#endif
