/* SPDX-License-Identifier: BSD-2-Clause */
/* Key files, as PEM or bare DER: what we decode we can encode, and decode again as the same. */
#include <stdlib.h>
#include "lib/tsskey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct bytes der)
{
        CLEANUP(tsskey_clear) struct tsskey a = { 0 };
        CLEANUP(tsskey_clear) struct tsskey b = { 0 };
        CLEANUP(buf_clear) struct buf again = { 0 };

        if (tsskey_decode(der, &a) != 0)
                return;
        if (tsskey_encode(&a, &again) != 0 || tsskey_decode(BYTES_OF(&again), &b) != 0)
                abort();
        if (a.type != b.type || a.empty_auth != b.empty_auth || a.parent != b.parent ||
            !bytes_equal(BYTES_OF(&a.description), BYTES_OF(&b.description)) ||
            !bytes_equal(BYTES_OF(&a.pub), BYTES_OF(&b.pub)) || !bytes_equal(BYTES_OF(&a.priv), BYTES_OF(&b.priv)))
                abort();
}

static void check_pem(struct bytes text)
{
        CLEANUP(buf_clear) struct buf head = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        CLEANUP(buf_clear) struct buf again = { 0 };
        CLEANUP(buf_clear) struct buf head2 = { 0 };
        CLEANUP(buf_clear) struct buf der2 = { 0 };

        if (pem_decode(TSSKEY_PEM, text, &head, &der) != 0)
                return;
        if (pem_encode(TSSKEY_PEM, BYTES_OF(&head), BYTES_OF(&der), &again) != 0 ||
            pem_decode(TSSKEY_PEM, BYTES_OF(&again), &head2, &der2) != 0 ||
            !bytes_equal(BYTES_OF(&head), BYTES_OF(&head2)) || !bytes_equal(BYTES_OF(&der), BYTES_OF(&der2)))
                abort();
        check(BYTES_OF(&der));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        check(BYTES(data, size));
        check_pem(BYTES(data, size));
        return 0;
}
