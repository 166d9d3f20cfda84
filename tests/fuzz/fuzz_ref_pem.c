/* SPDX-License-Identifier: BSD-2-Clause */
/* What we decode of reference files we encode to the same bytes.
 * Corpus: files from `holdfast key export-ref`, what is in them as DER, and spoiled copies. */
#include <stdlib.h>
#include "lib/pem.h"
#include "lib/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
        if (!ok)
                abort();
}

static void reference(struct bytes der)
{
        CLEANUP(buf_clear) struct buf again = { 0 };
        struct bytes uri;

        if (ref_decode(der, &uri) != 0)
                return;
        must(ref_is(der) && uri.len <= REF_URI_MAX);
        must(ref_encode(uri, &again) == 0 && bytes_equal(BYTES_OF(&again), der));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buf_clear) struct buf head = { 0 }, der = { 0 };
        struct bytes in = BYTES(data, size);

        reference(in);
        if (pem_decode(REF_PEM, in, &head, &der) == 0)
                reference(BYTES_OF(&der));
        return 0;
}
