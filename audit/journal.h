/* SPDX-License-Identifier: BSD-2-Clause */
/* The journal: the newest records, at most TILE_WIDTH, as frames one behind the other. Inside audit/ only.
 *
 *   frame = length record check
 *   length: 4 octets, big-endian; its highest bit is set in the first frame of those that were written together
 *   check: the first 8 octets of the record's leaf hash
 *
 * Frames that are written together are synced together, and nothing is written behind them before. So what a crash may
 * have spoilt is only the last write: a bad frame with the beginning of a later write behind it was spoilt otherwise. */
#ifndef HOLDFAST_AUDIT_JOURNAL_H
#define HOLDFAST_AUDIT_JOURNAL_H

#include "audit/record.h"
#include "audit/tree.h"

#define JOURNAL_CHECK 8
#define FRAME_MAX (4 + AUDIT_RECORD_MAX + JOURNAL_CHECK)
/* All that may be in it, and a torn write behind. */
#define JOURNAL_MAX ((size_t)2 * TILE_WIDTH * FRAME_MAX)

/* Frames that follow each other, and where each ends. */
struct frames {
        struct buf bytes;
        uint64_t first;                 /* seq of the first */
        unsigned n;
        size_t end[TILE_WIDTH];
        uint8_t leaf[TILE_WIDTH][TREE_HASH];
};
void frames_clear(struct frames *f);
void frames_reset(struct frames *f);
/* One more, n < TILE_WIDTH. */
int frames_add(struct frames *f, struct bytes record);
/* The n-th record, without what is around it. */
struct bytes frames_record(const struct frames *f, unsigned i);
/* Octets of the records alone. */
uint64_t frames_octets(const struct frames *f);
/* All of b behind a, where they fit. */
int frames_join(struct frames *a, const struct frames *b);

/* Goes on behind what is in f already: takes over the frames at the beginning of bytes, as far as they are whole and follow from
 * each other. What is not taken over is torn, unless ERR_FORMAT says that no crash leaves that. */
int journal_scan(struct bytes bytes, struct frames *f);

/* Opens it for reading, or for writing too; it must be a regular file. */
int journal_open(int dirfd, bool writing, int *ret_fd);
/* From an offset to the end. */
int journal_read(int fd, size_t offset, struct buf *ret);
/* A journal of these frames takes the place of the one that is there, durable. */
int journal_replace(int dirfd, const struct frames *a, const struct frames *b, int *ret_fd);

#endif
