/* SPDX-License-Identifier: BSD-2-Clause */
/* The ssh-agent: whatever comes is answered with one whole message, a signature only where one was asked for with a key that is there. */
#include <stdlib.h>
#include <string.h>
#include "tests/sshagentfix.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t u32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buf_clear) struct buf out = { 0 };
        static struct sshagentfix x;
        unsigned before;

        if (x.source.list == NULL && sshagentfix_make(&x) != 0)
                abort();
        before = x.signatures;
        if (sshagent_answer(&x.source, BYTES(data, size), &out) != 0)
                abort();
        if (out.len < 5 || u32(out.ptr) != out.len - 4)
                abort();
        switch (out.ptr[4]) {
        case 5:
                if (out.len != 5 || x.signatures != before)
                        abort();
                break;
        case 12:
                if (size != 1 || data[0] != 11 || u32(out.ptr + 5) != 3)
                        abort();
                break;
        case 14:
                if (data[0] != 13 || x.signatures != before + 1 || u32(out.ptr + 5) != out.len - 9)
                        abort();
                break;
        default:
                abort();
        }
        return 0;
}
