/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256( "holdfast nonce 1" || 00 || len || URL || nonce ), len being the URL's octets in two, the higher one first. Of a revocation
 * "holdfast revoke 1", and len || agent behind the URL. */
#include "attest/nonce.h"
#include "lib/crypto.h"
#include "lib/err.h"

static const char prefix[] = "holdfast nonce 1", revoke_prefix[] = "holdfast revoke 1";

static int put_len(struct bytes text, uint8_t ret[2])
{
        if (text.len > UINT16_MAX)
                return err(ERR_RANGE, "a URL or name of %zu octets", text.len);
        ret[0] = (uint8_t)(text.len >> 8);
        ret[1] = (uint8_t)text.len;
        return 0;
}

static struct bytes trim(struct bytes url)
{
        while (url.len > 0 && url.ptr[url.len - 1] == '/')
                url.len--;
        return url;
}

int nonce_challenge(struct bytes url, struct bytes nonce, uint8_t ret[NONCE_CHALLENGE])
{
        const struct bytes own = trim(url);
        uint8_t len[2];
        int r = put_len(own, len);

        return r != 0 ? r : crypto_hash(hash_by_name("SHA256"), (const struct bytes[]){ BYTES(prefix, sizeof(prefix)), BYTES(len, sizeof(len)), own, nonce }, 4, ret);
}

int nonce_revoke_challenge(struct bytes url, struct bytes agent, struct bytes nonce, uint8_t ret[NONCE_CHALLENGE])
{
        const struct bytes own = trim(url);
        uint8_t len[2], agent_len[2];
        int r = put_len(own, len);

        if (r == 0)
                r = put_len(agent, agent_len);
        return r != 0 ? r : crypto_hash(hash_by_name("SHA256"), (const struct bytes[]){ BYTES(revoke_prefix, sizeof(revoke_prefix)), BYTES(len, sizeof(len)), own,
                                        BYTES(agent_len, sizeof(agent_len)), agent, nonce }, 6, ret);
}
