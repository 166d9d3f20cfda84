/* SPDX-License-Identifier: BSD-2-Clause */
/* What we decode of public keys, points and ECDSA signatures we encode to the same bytes.
 * Corpus: `openssl pkey -pubout -outform DER`, `openssl dgst -sign` and CKA_EC_POINT values, and spoiled copies. */
#include <stdlib.h>
#include <string.h>
#include "lib/der.h"
#include "lib/pk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
        if (!ok)
                abort();
}

static void spki(struct bytes in)
{
        CLEANUP(pubkey_clear) struct pubkey k = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };

        if (pubkey_from_spki(in, &k) != 0)
                return;
        must(pubkey_to_spki(&k, &out) == 0 && bytes_equal(BYTES_OF(&out), in));
        must(k.curve ? pubkey_sig_size(&k) == 2 * k.curve->size : pubkey_sig_size(&k) >= 128 && pubkey_sig_size(&k) <= 512);
}

static void point(const struct curve *c, struct bytes in)
{
        CLEANUP(pubkey_clear) struct pubkey k = { 0 };
        CLEANUP(buf_clear) struct buf raw = { 0 };
        CLEANUP(buf_clear) struct buf wrapped = { 0 };

        if (pubkey_from_point(c, in, &k) != 0)
                return;
        must(pubkey_point(&k, &raw) == 0 && der_put(&wrapped, DER_OCTET_STRING, BYTES_OF(&raw)) == 0);
        must(bytes_equal(BYTES_OF(&raw), in) || bytes_equal(BYTES_OF(&wrapped), in));
}

static void signature(size_t size, struct bytes in)
{
        CLEANUP(buf_clear) struct buf rs = { 0 };
        CLEANUP(buf_clear) struct buf out = { 0 };

        if (ecdsa_sig_from_der(in, size, &rs) != 0)
                return;
        must(rs.len == 2 * size && ecdsa_sig_to_der(BYTES_OF(&rs), &out) == 0 && bytes_equal(BYTES_OF(&out), in));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct curve *c;
        struct bytes in = BYTES(data, size);

        spki(in);
        for (size_t i = 0; (c = curve_at(i)); i++) {
                point(c, in);
                signature(c->size, in);
        }
        return 0;
}
