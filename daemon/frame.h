/* SPDX-License-Identifier: BSD-2-Clause */
/* One request and its answer of p11-kit's remote protocol, version 0: an octet 0 each way, then frames each way, where a frame is three
 * numbers of four octets (a code that the answer repeats, the length of options, the length of a body), options, body. */
#ifndef HOLDFAST_DAEMON_FRAME_H
#define HOLDFAST_DAEMON_FRAME_H

#include "lib/buf.h"
#include "lib/cryptoki.h"

#define FRAME_VERSION 0
#define FRAME_HEADER 12
#define FRAME_MAX (1024u * 1024u)       /* octets behind the header */

/* How much follows this header. ERR_RANGE: more than we take. */
int frame_length(const uint8_t header[FRAME_HEADER], size_t *ret);

/* What a thread needs to answer frames. Two descriptors. */
struct frames {
        int in, out;            /* files in memory, which libp11-kit's server reads and writes */
        size_t in_size, out_size; /* octets they have had */
        struct buf buf;         /* the request as it came, then the answer */
};
int frames_open(struct frames *f);
void frames_close(struct frames *f);

/* Waits for a request on fd, whose version octets have gone both ways, has it done by the functions on this thread and answers it.
 * Then 0. The connection is at its end with ERR_NOENT; or ERR_*: it sent no frame, stopped in the middle of one, or took no answer.
 * How long it may stop there fd's own time limits say (SO_RCVTIMEO, SO_SNDTIMEO); between frames it may be silent for ever. */
int frames_serve(struct frames *f, int fd, CK_FUNCTION_LIST *functions);

#endif
