/* SPDX-License-Identifier: BSD-2-Clause */
/* The Merkle tree: known roots, and every proof of every small tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>
#include "audit/tree.h"
#include "lib/err.h"

#define LEAVES 70

/* Leaves of RFC 6962's test tree, and the roots of its beginnings. */
static const struct {
        const char *leaf;
        const char *root;
} known[] = {
        { "", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
        { "00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" },
        { "10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77" },
        { "2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" },
        { "3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4" },
        { "40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef" },
        { "5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c" },
        { "606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" },
};

static uint8_t leaves[LEAVES][TREE_HASH], roots[LEAVES + 1][TREE_HASH];

static void assert_hash(const uint8_t h[TREE_HASH], const char *hex)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        assert_int_equal(hex_encode(BYTES(h, TREE_HASH), &b), 0);
        assert_string_equal(buf_str(&b), hex);
}

static void roots_are_as_published(void **state)
{
        struct tree t = { .size = 0 };
        uint8_t h[TREE_HASH];

        (void)state;
        tree_root(&t, h);
        assert_hash(h, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (size_t i = 0; i < ARRAY_LEN(known); i++) {
                CLEANUP(buf_clear) struct buf leaf = { 0 };

                assert_int_equal(hex_decode(known[i].leaf, strlen(known[i].leaf), &leaf), 0);
                tree_leaf(BYTES_OF(&leaf), h);
                tree_append(&t, h);
                tree_root(&t, h);
                assert_hash(h, known[i].root);
        }
}

static int fetch(void *ctx, unsigned level, uint64_t index, uint8_t ret[TREE_HASH])
{
        struct tree t = { .size = 0 };
        uint64_t size = *(const uint64_t *)ctx;

        /* Nothing is asked for that the tree has not got. */
        assert_true((index + 1) << level <= size);
        for (uint64_t i = index << level; i < (index + 1) << level; i++)
                tree_append(&t, leaves[i]);
        tree_root(&t, ret);
        return 0;
}

static int plant(void **state)
{
        struct tree t = { .size = 0 };

        (void)state;
        for (uint8_t i = 0; i < LEAVES; i++) {
                tree_root(&t, roots[i]);
                tree_leaf(BYTES(&i, 1), leaves[i]);
                tree_append(&t, leaves[i]);
        }
        tree_root(&t, roots[LEAVES]);
        return 0;
}

static void every_leaf_is_proved_and_no_other(void **state)
{
        struct tree_proof p;

        (void)state;
        for (uint64_t size = 1; size <= LEAVES; size++)
                for (uint64_t i = 0; i < size; i++) {
                        assert_int_equal(tree_prove_inclusion(fetch, &size, i, size, &p), 0);
                        assert_int_equal(tree_check_inclusion(leaves[i], i, size, &p, roots[size]), 0);
                        assert_int_equal(tree_check_inclusion(leaves[(i + 1) % LEAVES], i, size, &p, roots[size]), ERR_FORMAT);
                        assert_int_equal(tree_check_inclusion(leaves[i], i, size, &p, roots[size - 1]), ERR_FORMAT);
                        if (size > 1)
                                assert_int_equal(tree_check_inclusion(leaves[i], (i + 1) % size, size, &p, roots[size]), ERR_FORMAT);
                        assert_int_equal(tree_check_inclusion(leaves[i], size, size, &p, roots[size]), ERR_FORMAT);
                        if (p.n > 0) {
                                p.hash[p.n - 1][0] ^= 1;
                                assert_int_equal(tree_check_inclusion(leaves[i], i, size, &p, roots[size]), ERR_FORMAT);
                                p.hash[p.n - 1][0] ^= 1;
                                p.n--;
                                assert_int_equal(tree_check_inclusion(leaves[i], i, size, &p, roots[size]), ERR_FORMAT);
                                p.n++;
                        }
                        memset(p.hash[p.n++], 0, TREE_HASH);
                        assert_int_equal(tree_check_inclusion(leaves[i], i, size, &p, roots[size]), ERR_FORMAT);
                }
}

static void every_growth_is_proved_and_no_other(void **state)
{
        struct tree_proof p;

        (void)state;
        for (uint64_t size = 0; size <= LEAVES; size++)
                for (uint64_t old = 0; old <= size; old++) {
                        assert_int_equal(tree_prove_consistency(fetch, &size, old, size, &p), 0);
                        assert_int_equal(tree_check_consistency(old, roots[old], size, roots[size], &p), 0);
                        assert_int_equal(tree_check_consistency(old, roots[(old + 1) % LEAVES], size, roots[size], &p), ERR_FORMAT);
                        if (old > 0)
                                assert_int_equal(tree_check_consistency(old, roots[old], size, roots[size - 1], &p), ERR_FORMAT);
                        if (p.n > 0) {
                                p.hash[0][0] ^= 1;
                                assert_int_equal(tree_check_consistency(old, roots[old], size, roots[size], &p), ERR_FORMAT);
                                p.hash[0][0] ^= 1;
                                p.n--;
                                assert_int_equal(tree_check_consistency(old, roots[old], size, roots[size], &p), ERR_FORMAT);
                                p.n++;
                        }
                        memset(p.hash[p.n++], 0, TREE_HASH);
                        assert_int_equal(tree_check_consistency(old, roots[old], size, roots[size], &p), ERR_FORMAT);
                }
}

static void what_is_not_there_is_not_proved(void **state)
{
        uint64_t size = 5;
        struct tree_proof p;

        (void)state;
        assert_int_equal(tree_prove_inclusion(fetch, &size, 5, 5, &p), ERR_RANGE);
        assert_int_equal(tree_prove_inclusion(fetch, &size, 0, 0, &p), ERR_RANGE);
        assert_int_equal(tree_prove_inclusion(fetch, &size, 0, UINT64_MAX, &p), ERR_RANGE);
        assert_int_equal(tree_prove_consistency(fetch, &size, 6, 5, &p), ERR_RANGE);
        assert_int_equal(tree_check_consistency(6, roots[6], 5, roots[5], &(struct tree_proof){ .n = 0 }), ERR_FORMAT);
        assert_int_equal(tree_check_inclusion(leaves[0], 0, 0, &(struct tree_proof){ .n = 0 }, roots[0]), ERR_FORMAT);
}

static int no_tile(void *ctx, unsigned level, uint64_t index, uint8_t ret[TREE_HASH])
{
        (void)level;
        (void)index;
        memset(ret, 0, TREE_HASH);
        ++*(unsigned *)ctx;
        return 0;
}

static void the_largest_tree_fits(void **state)
{
        uint64_t size = (uint64_t)1 << 62;
        unsigned fetched = 0;
        struct tree_proof p;

        (void)state;
        assert_int_equal(tree_prove_inclusion(no_tile, &fetched, size - 2, size - 1, &p), 0);
        assert_int_equal(tree_prove_consistency(no_tile, &fetched, size / 2 + 1, size, &p), 0);
        assert_true(p.n <= TREE_PROOF_MAX);
        assert_int_equal(tree_prove_consistency(no_tile, &fetched, 1, size, &p), 0);
        assert_true(p.n <= TREE_PROOF_MAX);
        assert_int_equal(tree_prove_inclusion(no_tile, &fetched, 0, size + 1, &p), ERR_RANGE);
}

static void subtrees_are_leaves_at_once(void **state)
{
        struct tree one = { .size = 0 }, t = { .size = 0 };
        uint8_t h[TREE_HASH];
        uint64_t size = LEAVES;

        (void)state;
        for (unsigned i = 0; i < 64; i += 16) {
                fetch(&size, 4, i / 16, h);
                tree_append_subtree(&t, 4, h);
        }
        fetch(&size, 2, 16, h);
        tree_append_subtree(&t, 2, h);
        for (unsigned i = 0; i < 68; i++)
                tree_append(&one, leaves[i]);
        assert_true(t.size == one.size);
        tree_root(&t, h);
        assert_memory_equal(h, roots[68], TREE_HASH);
}

static void tiles_have_their_paths(void **state)
{
        static const struct {
                int level;
                uint64_t index;
                unsigned width;
                const char *path;
        } rows[] = {
                { 0, 0, 256, "tile/0/000" }, { 1, 999, 256, "tile/1/999" }, { 0, 1234067, 256, "tile/0/x001/x234/067" },
                { 0, 1000, 17, "tile/0/x001/000.p/17" }, { -1, 5, 255, "tile/entries/005.p/255" }, { -1, 1000000, 256, "tile/entries/x001/x000/000" },
                { 6, 0, 1, "tile/6/000.p/1" }, { 0, UINT64_MAX, 256, "tile/0/x018/x446/x744/x073/x709/x551/615" },
        };

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(buf_clear) struct buf b = { 0 };

                assert_int_equal(tile_path(rows[i].level, rows[i].index, rows[i].width, &b), 0);
                assert_string_equal(buf_str(&b), rows[i].path);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(roots_are_as_published),
                cmocka_unit_test(every_leaf_is_proved_and_no_other),
                cmocka_unit_test(every_growth_is_proved_and_no_other),
                cmocka_unit_test(what_is_not_there_is_not_proved),
                cmocka_unit_test(the_largest_tree_fits),
                cmocka_unit_test(subtrees_are_leaves_at_once),
                cmocka_unit_test(tiles_have_their_paths),
        };

        return cmocka_run_group_tests(tests, plant, NULL);
}
