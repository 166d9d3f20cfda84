/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbered records in a log, and what must be true of all that are in one. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "tests/auditfix.h"

int audit_put(struct audit_log *l, enum audit_event event, const char *detail)
{
        struct audit_record r = { .event = event, .time_ms = 1795608000000, .agent = BYTES_STR("agent"), .detail = BYTES_STR(detail) };

        return audit_append(l, &r);
}

int audit_put_number(struct audit_log *l, uint64_t n)
{
        char text[32];

        snprintf(text, sizeof(text), "%" PRIu64, n);
        return audit_put(l, AUDIT_USE, text);
}

void audit_fill(struct audit_log *l, uint64_t from, uint64_t to)
{
        for (uint64_t i = from; i < to; i++)
                if (audit_put_number(l, i) != 0)
                        fail_msg("record %" PRIu64 ": %s", i, err_text());
}

int audit_read_all(const char *dir, uint64_t number, struct audit_seen *ret)
{
        struct audit_reader *rd;
        struct audit_record rec;
        struct bytes b;
        uint8_t prev[TREE_HASH] = { 0 };
        int r;

        memset(ret, 0, sizeof(*ret));
        r = audit_reader_open(dir, number, &rd);
        if (r != 0)
                return r;
        while ((r = audit_reader_next(rd, &b)) == 0) {
                assert_int_equal(audit_record_decode(b, &rec), 0);
                assert_int_equal(rec.seq, ret->tree.size);
                assert_memory_equal(rec.prev.ptr, prev, TREE_HASH);
                assert_true(rec.detail.len < sizeof(ret->detail[0]));
                tree_leaf(b, prev);
                tree_append(&ret->tree, prev);
                if ((ret->tree.size & (ret->tree.size - 1)) == 0)
                        ret->detail = realloc(ret->detail, 2 * (size_t)ret->tree.size * sizeof(ret->detail[0]));
                assert_non_null(ret->detail);
                memset(ret->detail[ret->tree.size - 1], 0, sizeof(ret->detail[0]));
                memcpy(ret->detail[ret->tree.size - 1], rec.detail.ptr, rec.detail.len);
        }
        audit_reader_close(rd);
        return r == ERR_NOENT ? 0 : r;
}

void audit_seen_clear(struct audit_seen *s)
{
        free(s->detail);
        s->detail = NULL;
}

void audit_assert_numbers(const char *dir, uint64_t number, uint64_t n)
{
        CLEANUP(audit_seen_clear) struct audit_seen seen = { 0 };

        assert_int_equal(audit_read_all(dir, number, &seen), 0);
        assert_int_equal(seen.tree.size, n);
        for (uint64_t i = 0; i < n; i++)
                assert_int_equal(strtoull(seen.detail[i], NULL, 10), i);
}
