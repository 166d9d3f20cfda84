/* SPDX-License-Identifier: BSD-2-Clause */
/* Are the stored tiles those of these records? They prove nothing that the records do not, but others read them. */
#include <string.h>
#include "audit/checking.h"
#include "lib/err.h"
#include "lib/file.h"

static void wrong(struct check *k, const char *how, unsigned level, uint64_t index, unsigned from)
{
        uint64_t width = (uint64_t)1 << level * TILE_SHIFT;

        if (!k->broken && !k->tile_bad)
                check_found(k, FAULT_TILE, false, (struct place){ k->number, (index * TILE_WIDTH + from) * width }, "tile %llu of level %u %s",
                            (unsigned long long)index, level, how);
        k->tile_bad = true;
}

static unsigned first_difference(const uint8_t (*a)[TREE_HASH], const uint8_t (*b)[TREE_HASH], unsigned n)
{
        unsigned i = 0;

        while (i < n && memcmp(a[i], b[i], TREE_HASH) == 0)
                i++;
        return i;
}

static int check_full(struct check *k, unsigned level, uint64_t index)
{
        uint8_t stored[TILE_WIDTH][TREE_HASH];
        unsigned same;
        int r;

        r = tile_read(k->dir, level, index, stored);
        if (r == ERR_NOENT || r == ERR_FORMAT) {
                wrong(k, r == ERR_NOENT ? "is missing" : "is none", level, index, 0);
                return 0;
        }
        if (r != 0)
                return r;
        same = first_difference((const uint8_t(*)[TREE_HASH])stored, (const uint8_t(*)[TREE_HASH])k->tiles->hash[level], TILE_WIDTH);
        if (same < TILE_WIDTH)
                wrong(k, "is not that of these records", level, index, same);
        return 0;
}

/* The writer makes a tile when the record behind it comes, or a checkpoint: until then there need be none. */
int check_tiles_full(struct check *k)
{
        struct tiles *t = k->tiles;
        uint64_t n;
        int r = 0;

        if (t->n[0] < TILE_WIDTH)
                return 0;
        tiles_carry(t);
        n = t->base;
        /* What was carried is still there, only not counted. */
        for (unsigned l = 0; r == 0 && l < TILE_LEVELS && n % TILE_WIDTH == 0; l++) {
                n /= TILE_WIDTH;
                if (n > 0)
                        r = check_full(k, l, n - 1);
        }
        return r;
}

static bool check_entries(struct check *k, struct bytes bundle, unsigned width)
{
        uint8_t leaf[TREE_HASH];
        struct bytes record;
        size_t at = 0;

        for (unsigned i = 0; i < width; i++) {
                if (bundle_next(bundle, &at, &record) != 0)
                        return false;
                tree_leaf(record, leaf);
                if (memcmp(leaf, k->tiles->hash[0][i], TREE_HASH) != 0)
                        return false;
        }
        return at == bundle.len;
}

/* level < 0: the records themselves. A partial tile need not be there: the full one replaces it. */
static int check_partial(struct check *k, int level, uint64_t index, unsigned width)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        CLEANUP(buf_clear) struct buf stored = { 0 };
        unsigned l = level < 0 ? 0 : (unsigned)level;
        bool good;
        int r;

        r = tile_path(level, index, width, &path);
        if (r == 0 && buf_str(&path) == NULL)
                r = ERR_NOMEM;
        if (r == 0)
                r = file_read(k->dir, (const char *)path.ptr, BUNDLE_MAX, &stored);
        if (r == ERR_NOENT)
                return 0;
        if (r != 0 && r != ERR_FORMAT)
                return r;
        if (level < 0)
                good = r == 0 && check_entries(k, BYTES_OF(&stored), width);
        else
                good = r == 0 && bytes_equal(BYTES_OF(&stored), BYTES(k->tiles->hash[l], (size_t)width * TREE_HASH));
        if (!good)
                wrong(k, level < 0 ? "has other records" : "is not that of these records", l, index, 0);
        return 0;
}

int check_tiles_partial(struct check *k)
{
        int r;

        r = check_tiles_full(k);
        for (unsigned l = 0; r == 0 && l < TILE_LEVELS; l++) {
                unsigned width = (unsigned)(k->size >> l * TILE_SHIFT) % TILE_WIDTH;
                uint64_t index = k->size >> (l + 1) * TILE_SHIFT;

                if (width == 0)
                        continue;
                if (l == 0)
                        r = check_partial(k, -1, index, width);
                if (r == 0)
                        r = check_partial(k, (int)l, index, width);
        }
        return r;
}

bool check_tile_says(struct check *k, struct bytes leaf)
{
        uint8_t stored[TILE_WIDTH][TREE_HASH];
        uint64_t last = k->size - 1;

        return k->size > 0 && tile_read(k->dir, 0, last / TILE_WIDTH, stored) == 0 &&
               bytes_equal(leaf, BYTES(stored[last % TILE_WIDTH], TREE_HASH));
}
