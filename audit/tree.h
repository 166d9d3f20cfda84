/* SPDX-License-Identifier: BSD-2-Clause */
/* The Merkle tree over records: RFC 9162, 2.1, with SHA-256, kept as C2SP tlog-tiles.
 * Pure arithmetic and one callback that fetches tiles: no file is opened here. */
#ifndef HOLDFAST_AUDIT_TREE_H
#define HOLDFAST_AUDIT_TREE_H

#include <stddef.h>
#include <stdint.h>
#include "lib/buf.h"

#define TREE_HASH 32
#define TILE_WIDTH 256
#define TREE_PROOF_MAX 63       /* hashes in a proof */

void tree_leaf(struct bytes entry, uint8_t ret[TREE_HASH]);
void tree_node(const uint8_t left[TREE_HASH], const uint8_t right[TREE_HASH], uint8_t ret[TREE_HASH]);

/* The right edge of a growing tree: all that is needed to append and to tell the root. */
struct tree {
        uint64_t size;
        uint8_t edge[64][TREE_HASH];    /* edge[l] is the root of a complete subtree of 2^l leaves where bit l of size is set */
};
void tree_append(struct tree *t, const uint8_t leaf[TREE_HASH]);
/* 2^level leaves at once, by their root; size is a multiple of that. */
void tree_append_subtree(struct tree *t, unsigned level, const uint8_t root[TREE_HASH]);
/* Of the empty tree: SHA-256 of nothing. */
void tree_root(const struct tree *t, uint8_t ret[TREE_HASH]);

/* Hash of the complete subtree of 2^level leaves that is the index-th of its level. Its owner reads a tile. */
typedef int tree_fetch(void *ctx, unsigned level, uint64_t index, uint8_t ret[TREE_HASH]);

struct tree_proof {
        uint8_t hash[TREE_PROOF_MAX][TREE_HASH];
        size_t n;
};
/* RFC 9162 2.1.3 and 2.1.4. ERR_RANGE unless index < size, old_size <= size. */
int tree_prove_inclusion(tree_fetch *fetch, void *ctx, uint64_t index, uint64_t size, struct tree_proof *ret);
int tree_prove_consistency(tree_fetch *fetch, void *ctx, uint64_t old_size, uint64_t size, struct tree_proof *ret);
/* ERR_FORMAT if the proof does not prove it. */
int tree_check_inclusion(const uint8_t leaf[TREE_HASH], uint64_t index, uint64_t size, const struct tree_proof *p, const uint8_t root[TREE_HASH]);
int tree_check_consistency(uint64_t old_size, const uint8_t old_root[TREE_HASH], uint64_t size, const uint8_t root[TREE_HASH],
                           const struct tree_proof *p);

/* "tile/0/x001/234", "tile/entries/x001/234.p/17": level < 0 is the entries; width TILE_WIDTH is a full tile. */
int tile_path(int level, uint64_t index, unsigned width, struct buf *ret);

#endif
