/* SPDX-License-Identifier: BSD-2-Clause */
/* The file of sums: a text without its MAC is not taken, and lines that are taken come back from the file that is written of them. */
#include <stdlib.h>
#include <string.h>
#include "keys/sums.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[SUM_SIZE], zeros[SUM_SIZE];
static struct sums s, again;

static void must(bool ok)
{
        if (!ok)
                abort();
}

static void write_anew(const struct sums *from, struct buf *ret)
{
        uint8_t chain[SUM_SIZE];

        must(sums_image(from, ret) == 0 && sums_seal(BYTES(key, SUM_SIZE), zeros, 1, ret, chain) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buf_clear) struct buf image = { 0 };
        CLEANUP(buf_clear) struct buf same = { 0 };
        enum sums_end end = SUMS_WHOLE;

        sums_clear(&s);
        must(sums_load(BYTES(data, size), BYTES(key, SUM_SIZE), &s, &end) != 0 || end == SUMS_EDITED);
        sums_clear(&s);
        if (sums_apply(&s, BYTES(data, size), true) != 0)
                return 0;
        write_anew(&s, &image);
        sums_clear(&again);
        must(sums_load(BYTES_OF(&image), BYTES(key, SUM_SIZE), &again, &end) == 0 && end == SUMS_WHOLE);
        write_anew(&again, &same);
        must(bytes_equal(BYTES_OF(&same), BYTES_OF(&image)));
        return 0;
}
