/* SPDX-License-Identifier: BSD-2-Clause */
/* What is the root of these leaves, and what proves that one is among them? RFC 9162, 2.1. */
#include <string.h>
#include "audit/tree.h"
#include "lib/crypto.h"
#include "lib/err.h"

/* Proofs over more leaves would not fit into TREE_PROOF_MAX hashes. */
#define SIZE_MAX_PROVED ((uint64_t)1 << 62)

static void sha256(const struct bytes *parts, size_t n, uint8_t ret[TREE_HASH])
{
        /* It fails only without memory. A root of zeros then matches nothing. */
        if (crypto_hash(hash_by_name("SHA256"), parts, n, ret) != 0)
                memset(ret, 0, TREE_HASH);
}

void tree_leaf(struct bytes entry, uint8_t ret[TREE_HASH])
{
        struct bytes parts[] = { BYTES("\x00", 1), entry };

        sha256(parts, 2, ret);
}

void tree_node(const uint8_t left[TREE_HASH], const uint8_t right[TREE_HASH], uint8_t ret[TREE_HASH])
{
        struct bytes parts[] = { BYTES("\x01", 1), BYTES(left, TREE_HASH), BYTES(right, TREE_HASH) };

        sha256(parts, 3, ret);
}

void tree_append_subtree(struct tree *t, unsigned level, const uint8_t root[TREE_HASH])
{
        uint8_t h[TREE_HASH];
        unsigned l = level;

        memcpy(h, root, TREE_HASH);
        for (; t->size >> l & 1; l++)
                tree_node(t->edge[l], h, h);
        memcpy(t->edge[l], h, TREE_HASH);
        t->size += (uint64_t)1 << level;
}

void tree_append(struct tree *t, const uint8_t leaf[TREE_HASH])
{
        tree_append_subtree(t, 0, leaf);
}

void tree_root(const struct tree *t, uint8_t ret[TREE_HASH])
{
        bool any = false;

        if (t->size == 0) {
                sha256(NULL, 0, ret);
                return;
        }
        for (unsigned l = 0; l < 64; l++) {
                if (!(t->size >> l & 1))
                        continue;
                if (any)
                        tree_node(t->edge[l], ret, ret);
                else
                        memcpy(ret, t->edge[l], TREE_HASH);
                any = true;
        }
}

/* The largest power of two below n, n > 1. */
static uint64_t split(uint64_t n)
{
        return (uint64_t)1 << (63 - __builtin_clzll(n - 1));
}

/* The root of leaves [start, end): start is where a subtree of that size may begin. */
static int range_root(tree_fetch *fetch, void *ctx, uint64_t start, uint64_t end, uint8_t ret[TREE_HASH])
{
        uint64_t n = end - start, k;
        uint8_t left[TREE_HASH];
        int r;

        if ((n & (n - 1)) == 0) {
                unsigned level = (unsigned)__builtin_ctzll(n);

                return fetch(ctx, level, start >> level, ret);
        }
        k = split(n);
        r = range_root(fetch, ctx, start, start + k, left);
        if (r == 0)
                r = range_root(fetch, ctx, start + k, end, ret);
        if (r == 0)
                tree_node(left, ret, ret);
        return r;
}

/* From the leaf's end of the path to the root's: the order of the standard. */
static void reverse(struct tree_proof *p)
{
        uint8_t h[TREE_HASH];

        for (size_t i = 0; i < p->n / 2; i++) {
                memcpy(h, p->hash[i], TREE_HASH);
                memcpy(p->hash[i], p->hash[p->n - 1 - i], TREE_HASH);
                memcpy(p->hash[p->n - 1 - i], h, TREE_HASH);
        }
}

/* PATH(m, D[n]) of 2.1.3.1. */
int tree_prove_inclusion(tree_fetch *fetch, void *ctx, uint64_t index, uint64_t size, struct tree_proof *ret)
{
        struct tree_proof p = { .n = 0 };
        uint64_t start = 0, end = size;
        int r;

        if (index >= size || size > SIZE_MAX_PROVED)
                return err(ERR_RANGE, "there is no record %llu among %llu", (unsigned long long)index, (unsigned long long)size);
        while (end - start > 1) {
                uint64_t middle = start + split(end - start);
                bool left = index < middle;

                r = left ? range_root(fetch, ctx, middle, end, p.hash[p.n]) : range_root(fetch, ctx, start, middle, p.hash[p.n]);
                if (r != 0)
                        return r;
                p.n++;
                if (left)
                        end = middle;
                else
                        start = middle;
        }
        reverse(&p);
        *ret = p;
        return 0;
}

/* SUBPROOF(m, D[n], b) of 2.1.4.1; b is true as long as the old tree begins where the range does. */
int tree_prove_consistency(tree_fetch *fetch, void *ctx, uint64_t old_size, uint64_t size, struct tree_proof *ret)
{
        struct tree_proof p = { .n = 0 };
        uint64_t start = 0, end = size;
        bool whole = true;
        int r;

        if (old_size > size || size > SIZE_MAX_PROVED)
                return err(ERR_RANGE, "a tree of %llu records is not among %llu", (unsigned long long)old_size, (unsigned long long)size);
        /* Nothing to prove: the empty tree is in each, and each in itself. */
        if (old_size == 0 || old_size == size) {
                *ret = p;
                return 0;
        }
        while (old_size != end) {
                uint64_t middle = start + split(end - start);
                bool left = old_size <= middle;

                r = left ? range_root(fetch, ctx, middle, end, p.hash[p.n]) : range_root(fetch, ctx, start, middle, p.hash[p.n]);
                if (r != 0)
                        return r;
                p.n++;
                if (left) {
                        end = middle;
                } else {
                        start = middle;
                        whole = false;
                }
        }
        if (!whole) {
                r = range_root(fetch, ctx, start, end, p.hash[p.n]);
                if (r != 0)
                        return r;
                p.n++;
        }
        reverse(&p);
        *ret = p;
        return 0;
}

static int unproved(void)
{
        return err(ERR_FORMAT, "the proof does not lead to the root");
}

/* 2.1.3.2 */
int tree_check_inclusion(const uint8_t leaf[TREE_HASH], uint64_t index, uint64_t size, const struct tree_proof *p, const uint8_t root[TREE_HASH])
{
        uint64_t fn = index, sn = size - 1;
        uint8_t h[TREE_HASH];

        if (index >= size || p->n > TREE_PROOF_MAX)
                return unproved();
        memcpy(h, leaf, TREE_HASH);
        for (size_t i = 0; i < p->n; i++) {
                if (sn == 0)
                        return unproved();
                if ((fn & 1) || fn == sn) {
                        tree_node(p->hash[i], h, h);
                        while (!(fn & 1) && fn != 0) {
                                fn >>= 1;
                                sn >>= 1;
                        }
                } else {
                        tree_node(h, p->hash[i], h);
                }
                fn >>= 1;
                sn >>= 1;
        }
        return sn == 0 && memcmp(h, root, TREE_HASH) == 0 ? 0 : unproved();
}

/* 2.1.4.2 */
int tree_check_consistency(uint64_t old_size, const uint8_t old_root[TREE_HASH], uint64_t size, const uint8_t root[TREE_HASH],
                           const struct tree_proof *p)
{
        uint8_t empty[TREE_HASH], fr[TREE_HASH], sr[TREE_HASH];
        bool old_is_subtree = (old_size & (old_size - 1)) == 0;
        uint64_t fn = old_size - 1, sn = size - 1;
        size_t i = 0;

        if (old_size > size || p->n > TREE_PROOF_MAX)
                return unproved();
        if (old_size == 0) {
                sha256(NULL, 0, empty);
                return p->n == 0 && memcmp(old_root, empty, TREE_HASH) == 0 ? 0 : unproved();
        }
        if (old_size == size)
                return p->n == 0 && memcmp(old_root, root, TREE_HASH) == 0 ? 0 : unproved();
        if (!old_is_subtree && p->n == 0)
                return unproved();
        memcpy(fr, old_is_subtree ? old_root : p->hash[i++], TREE_HASH);
        memcpy(sr, fr, TREE_HASH);
        while (fn & 1) {
                fn >>= 1;
                sn >>= 1;
        }
        for (; i < p->n; i++) {
                if (sn == 0)
                        return unproved();
                if ((fn & 1) || fn == sn) {
                        tree_node(p->hash[i], fr, fr);
                        tree_node(p->hash[i], sr, sr);
                        while (!(fn & 1) && fn != 0) {
                                fn >>= 1;
                                sn >>= 1;
                        }
                } else {
                        tree_node(sr, p->hash[i], sr);
                }
                fn >>= 1;
                sn >>= 1;
        }
        return sn == 0 && memcmp(fr, old_root, TREE_HASH) == 0 && memcmp(sr, root, TREE_HASH) == 0 ? 0 : unproved();
}

int tile_path(int level, uint64_t index, unsigned width, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        uint64_t unit = 1;
        int r;

        r = level < 0 ? buf_append_str(&b, "tile/entries/") : buf_printf(&b, "tile/%d/", level);
        while (index / unit >= 1000)
                unit *= 1000;
        /* Digits in threes, all but the last with an x in front. */
        for (; r == 0 && unit > 1; unit /= 1000)
                r = buf_printf(&b, "x%03u/", (unsigned)(index / unit % 1000));
        if (r == 0)
                r = buf_printf(&b, "%03u", (unsigned)(index % 1000));
        if (r == 0 && width < TILE_WIDTH)
                r = buf_printf(&b, ".p/%u", width);
        if (r == 0)
                buf_take(&b, ret);
        return r;
}
