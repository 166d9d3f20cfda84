/* SPDX-License-Identifier: BSD-2-Clause */
/* Proofs: none that was changed is accepted. The corpus has one whose key's private half is gone. */
#include <stdlib.h>
#include <string.h>
#include "audit/check.h"
#include "lib/cryptoki.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char ak_x[] = "e34cfd8e05e659d66112f2863b3639d604652755d8dd0b02e6aea9c74f0cc3f2";
static const char ak_y[] = "1e464ffecb76d7506849a79d1c1fd9ac1bdb13cc84b764c30f443d5c8fcb8bbd";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(pubkey_clear) struct pubkey ak = { .ckk = CKK_EC, .curve = curve_by_name("P-256") };
        CLEANUP(buf_clear) struct buf room = { 0 };
        struct audit_record r;
        uint64_t log;

        if (hex_decode(ak_x, strlen(ak_x), &ak.x) != 0 || hex_decode(ak_y, strlen(ak_y), &ak.y) != 0)
                abort();
        if (audit_check_proof(BYTES(data, size), &ak, NULL, &room, &r, &log) != 0)
                return 0;
        /* All that varies is under the signature: there is one record that it can be. */
        if (r.seq != 4 || log != 1 || r.event != AUDIT_CHANGE)
                abort();
        return 0;
}
