/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256( "holdfast join 1" || 00 || length and octets of the challenge, of the AK's secret, of the SRK's ), each length in one octet. */
#include "attest/joinproof.h"
#include "lib/crypto.h"
#include "lib/err.h"

#define PREFIX "holdfast join 1"

int joinproof(struct bytes challenge, struct bytes ak_secret, struct bytes srk_secret, uint8_t ret[JOINPROOF_SIZE])
{
        const struct bytes parts[] = { challenge, ak_secret, srk_secret };
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r = buf_append(&text, PREFIX, sizeof(PREFIX));

        for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++) {
                if (parts[i].len > UINT8_MAX)
                        return err(ERR_RANGE, "a secret of %zu octets", parts[i].len);
                r = buf_append_u8(&text, (uint8_t)parts[i].len);
                if (r == 0)
                        r = buf_append(&text, parts[i].ptr, parts[i].len);
        }
        return r == 0 ? crypto_hash(hash_by_name("SHA256"), &(struct bytes){ text.ptr, text.len }, 1, ret) : r;
}
