/* SPDX-License-Identifier: BSD-2-Clause */
/* Journals: what is taken over is the beginning, record behind record, also when it comes in two parts and when only that is left. */
#include <stdlib.h>
#include <string.h>
#include "audit/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct frames whole, part;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct audit_record rec;
        uint8_t leaf[TREE_HASH];
        size_t kept;

        frames_reset(&whole);
        frames_reset(&part);
        journal_scan(BYTES(data, size), &whole);
        kept = whole.bytes.len;
        if (kept > size || (kept > 0 && memcmp(whole.bytes.ptr, data, kept) != 0))
                abort();
        for (unsigned i = 0; i < whole.n; i++) {
                struct bytes b = frames_record(&whole, i);

                tree_leaf(b, leaf);
                if (audit_record_decode(b, &rec) != 0 || rec.seq != whole.first + i || memcmp(leaf, whole.leaf[i], TREE_HASH) != 0)
                        abort();
        }
        /* What a recovery leaves is a journal. */
        if (journal_scan(BYTES(data, kept), &part) != 0 || part.n != whole.n)
                abort();
        if (whole.n > 1) {
                frames_reset(&part);
                if (journal_scan(BYTES(data, whole.end[0]), &part) != 0 || part.n != 1 ||
                    journal_scan(BYTES(data + whole.end[0], kept - whole.end[0]), &part) != 0 || part.n != whole.n)
                        abort();
        }
        return 0;
}
