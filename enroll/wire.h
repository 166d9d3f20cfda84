/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes between a program and its holdfast-http, on a stream socket: frames of a length (four octets, the highest first), a type
 * (one octet, counted in the length) and what belongs to it.
 *
 *   target   url, CA certificates as PEM (empty: the system's)     the first frame, once          answered by ready or failed
 *   request  method, path, body                                    one at a time                  answered by reply or failed */
#ifndef HOLDFAST_ENROLL_WIRE_H
#define HOLDFAST_ENROLL_WIRE_H

#include "lib/buf.h"

#define WIRE_MAX (6u << 20)             /* octets of a frame: the largest evidence, in base64 */
#define WIRE_REPLY_MAX (1u << 20)       /* of an issuer's answer */
#define WIRE_URL_MAX 512
#define WIRE_PATH_MAX 1024
#define WIRE_CA_MAX (256u << 10)

enum wire_type {
        WIRE_TARGET = 1,
        WIRE_REQUEST,
        WIRE_READY,
        WIRE_REPLY,
        WIRE_FAILED,
};

/* One frame, borrowed from what it was read into. Only what its type has is set. */
struct wire_frame {
        enum wire_type type;
        struct bytes url, ca;           /* target */
        bool post;                      /* request: POST, or GET */
        struct bytes path, body;        /* request; body also of a reply */
        unsigned status;                /* reply: HTTP's */
        int error;                      /* failed: ERR_* */
        struct bytes text;              /* and its sentence */
};

/* ERR_RANGE: longer than a frame may be. Replaces what ret held. */
int wire_encode(const struct wire_frame *f, struct buf *ret);
/* in: what stands behind the length. ERR_FORMAT: anything that wire_encode() does not write. */
int wire_decode(struct bytes in, struct wire_frame *ret);

/* On a blocking or non-blocking socket, at the latest until then (clock_gettime(CLOCK_MONOTONIC), in milliseconds). ERR_TIMEOUT; ERR_NOENT: the
 * other end has hung up before a frame began. room: what frame borrows from. */
int wire_send(int fd, const struct wire_frame *f, uint64_t until_ms);
int wire_receive(int fd, uint64_t until_ms, struct buf *room, struct wire_frame *ret);
uint64_t wire_now_ms(void);

#endif
