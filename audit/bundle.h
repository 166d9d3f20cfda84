/* SPDX-License-Identifier: BSD-2-Clause */
/* Bundles of records and tiles of hashes as files of a log's directory (C2SP tlog-tiles). Inside audit/ only. */
#ifndef HOLDFAST_AUDIT_BUNDLE_H
#define HOLDFAST_AUDIT_BUNDLE_H

#include "audit/journal.h"

#define TILE_LEVELS 7   /* 2^56 records */
#define TILE_SHIFT 8    /* TILE_WIDTH is 2^8 */
#define TILE_SIZE ((size_t)TILE_WIDTH * TREE_HASH)
#define BUNDLE_MAX ((size_t)TILE_WIDTH * (2 + AUDIT_RECORD_MAX))

/* The newest tile of each level: hashes of complete subtrees that are in no full tile yet. Level 0 may be full, until the next
 * record comes. */
struct tiles {
        uint64_t base;                  /* records before those of level 0 */
        unsigned n[TILE_LEVELS];
        uint8_t hash[TILE_LEVELS][TILE_WIDTH][TREE_HASH];
};
/* Level 0 is full: it becomes one hash of level 1, and so on. */
void tiles_carry(struct tiles *t);
/* The tree's right edge. */
void tiles_tree(const struct tiles *t, struct tree *ret);
/* The root of a tile's hashes, TILE_WIDTH or a smaller power of two. */
void tile_root(const uint8_t (*hash)[TREE_HASH], unsigned n, uint8_t ret[TREE_HASH]);

/* As tiles_carry() left it: what is above level 0, from the full tiles below. ERR_FORMAT if one is missing. */
int tiles_load(int dirfd, uint64_t base, struct tiles *ret);
/* A full tile. ERR_NOENT. */
int tile_read(int dirfd, unsigned level, uint64_t index, uint8_t ret[TILE_WIDTH][TREE_HASH]);
/* A full bundle. ERR_NOENT. */
int bundle_read(int dirfd, uint64_t index, struct buf *ret);
/* The record at an offset, which moves behind it. */
int bundle_next(struct bytes bundle, size_t *at, struct bytes *ret_record);
/* Octets of the records in all bundles. */
int bundle_octets(int dirfd, uint64_t bundles, uint64_t *ret);

/* The full bundle of these frames and the tiles that are full with it. Durable; again does no harm. */
int bundle_write(int dirfd, const struct frames *f, const struct tiles *t);
/* The partial tiles and the partial bundle of a tree of this size. */
int bundle_write_partial(int dirfd, uint64_t size, const struct frames *f, const struct tiles *t);
/* Removes what writers of the next bundle left unfinished. */
void bundle_sweep(int dirfd, uint64_t index);

#endif
