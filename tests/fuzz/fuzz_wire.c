/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames between a program and its holdfast-http: what is read is what would have been written. */
#include <stdlib.h>
#include "enroll/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct wire_frame f;

        if (wire_decode(BYTES(data, size), &f) != 0)
                return 0;
        if (wire_encode(&f, &out) != 0 || !bytes_equal(BYTES(out.ptr + 4, out.len - 4), BYTES(data, size)))
                abort();
        return 0;
}
