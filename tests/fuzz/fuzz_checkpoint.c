/* SPDX-License-Identifier: BSD-2-Clause */
/* Checkpoints: what can be read is written again as it was, but for others' signatures; no attestation is accepted that no AK made.
 * And verifier keys: one that is taken is written the same. */
#include <stdlib.h>
#include <string.h>
#include "audit/checkpoint.h"
#include "audit/vkey.h"
#include "lib/cryptoki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The base point of P-256: a point like any other. */
static const char ak_x[] = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
static const char ak_y[] = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

static void read_vkey(struct bytes text)
{
        CLEANUP(buf_clear) struct buf again = { 0 };
        uint8_t key[VKEY_SIZE];
        struct bytes name;

        if (vkey_parse(text, &name, key) == 0 && (vkey_format(name, key, &again) != 0 || !bytes_equal(BYTES_OF(&again), text)))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(pubkey_clear) struct pubkey ak = { .ckk = CKK_EC, .curve = curve_by_name("P-256") };
        CLEANUP(checkpoint_clear) struct checkpoint a = { 0 };
        CLEANUP(checkpoint_clear) struct checkpoint b = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf note = { 0 };
        struct checkpoint_proof p;

        read_vkey(BYTES(data, size));
        if (checkpoint_parse(BYTES(data, size), &a) != 0)
                return 0;
        if (checkpoint_text(&a, &text) != 0 || text.len >= size || memcmp(text.ptr, data, text.len) != 0)
                abort();
        if (hex_decode(ak_x, strlen(ak_x), &ak.x) != 0 || hex_decode(ak_y, strlen(ak_y), &ak.y) != 0)
                abort();
        checkpoint_verify(&a, &ak, &p);
        if (checkpoint_format(&a, &ak, &note) != 0)
                return 0;
        if (checkpoint_parse(BYTES_OF(&note), &b) != 0 || !bytes_equal(BYTES_OF(&a.attest), BYTES_OF(&b.attest)) ||
            !bytes_equal(BYTES_OF(&a.signature), BYTES_OF(&b.signature)) || !bytes_equal(BYTES_OF(&a.ed25519), BYTES_OF(&b.ed25519)) ||
            !bytes_equal(BYTES_OF(&a.software), BYTES_OF(&b.software)))
                abort();
        return 0;
}
