/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules: what we take we can write, and that is read as the same; matching anybody against it does no harm. */
#include <stdlib.h>
#include "keys/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void match(const struct rule *r)
{
        const struct peer p = { .pidfd = -1, .uid = 1000, .cgroup = { (uint8_t *)(uintptr_t)"/a", 2, 2 } };
        const struct request q = { .operation = "sign", .mechanism = "ECDSA", .now_ms = 1795000000000 };

        (void)rule_match(r, &p, &q);
        (void)rule_sees(r, &p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buf_clear) struct buf text = { 0 }, same = { 0 };
        struct rule *r, *again;

        if (rule_parse(BYTES(data, size), &r) != 0)
                return 0;
        match(r);
        if (rule_format(r, &text) != 0)
                abort();
        rule_free(r);
        /* Encoding makes it longer, perhaps longer than we read. */
        if (text.len > RULE_TEXT_MAX)
                return 0;
        if (rule_parse(BYTES_OF(&text), &again) != 0 || rule_format(again, &same) != 0 || !bytes_equal(BYTES_OF(&text), BYTES_OF(&same)))
                abort();
        rule_free(again);
        return 0;
}
