/* SPDX-License-Identifier: BSD-2-Clause */
/* Derives keys' authorisation values. */
#include <string.h>
#include "keys/keyauth.h"
#include "lib/crypto.h"
#include "lib/err.h"

#define SALT_LEN 16

void keyauth_clear(struct keyauth *a)
{
        wipe(a, sizeof(*a));
}

int keyauth_salt(struct bytes secret, struct attrs *a)
{
        uint8_t salt[SALT_LEN];
        int r;

        if (secret.len == 0)
                return 0;
        r = crypto_random(salt, sizeof(salt));
        return r != 0 ? r : attrs_set_hex(a, "auth-salt", BYTES(salt, sizeof(salt)));
}

int keyauth_derive(struct bytes secret, const struct attrs *a, struct keyauth *ret)
{
        CLEANUP(buf_clear) struct buf salt = { 0 };
        int r;

        ret->len = 0;
        r = attrs_hex(a, "auth-salt", &salt);
        if (r == ERR_NOENT)
                return 0;
        if (r != 0)
                return r;
        if (salt.len != SALT_LEN)
                return err(ERR_FORMAT, "the key's auth-salt has %zu octets", salt.len);
        if (secret.len == 0)
                return err(ERR_AUTH, "the key is protected by a PIN and nobody is logged in");

        r = crypto_hmac(hash_by_name("SHA256"), secret, (struct bytes[]){ BYTES_STR("HOLDFAST KEY"), BYTES_OF(&salt) }, 2, ret->value);
        if (r == 0)
                ret->len = sizeof(ret->value);
        return r;
}
