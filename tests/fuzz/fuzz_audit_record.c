/* SPDX-License-Identifier: BSD-2-Clause */
/* Records: what can be read is written again as it was. */
#include <stdlib.h>
#include "audit/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        struct audit_record r;

        if (audit_record_decode(BYTES(data, size), &r) != 0)
                return 0;
        if (audit_record_encode(&r, &b) != 0 || !bytes_equal(BYTES_OF(&b), BYTES(data, size)))
                abort();
        return 0;
}
