/* SPDX-License-Identifier: BSD-2-Clause */
/* Derives keys' authorisation values. */
#include "keys/keyauth.h"
#include <string.h>
#include "lib/crypto.h"
#include "lib/err.h"

#define SALT_LEN 16
#define BY_LINE "auth-by"
#define BY_DAEMON "daemon"

/* Of one and the same salt the two make different values: whoever edits the file gets a key that the TPM refuses, not another's. */
#define LABEL_AGENT "HOLDFAST KEY"
#define LABEL_DAEMON "HOLDFAST DAEMON KEY"

void keyauth_clear(struct keyauth *a)
{
        wipe(a, sizeof(*a));
}

int keyauth_salt(const struct keyauth_secrets *s, struct attrs *a)
{
        uint8_t salt[SALT_LEN];
        int r;

        if (s->agent.len == 0 && s->daemon.len == 0)
                return 0;
        r = crypto_random(salt, sizeof(salt));
        if (r == 0)
                r = attrs_set_hex(a, "auth-salt", BYTES(salt, sizeof(salt)));
        return r == 0 && s->agent.len == 0 ? attrs_set_str(a, BY_LINE, BY_DAEMON) : r;
}

/* Which secret, under which label? */
static int choose(const struct keyauth_secrets *s, const struct attrs *a, struct bytes *ret_secret, const char **ret_label)
{
        const char *by = attrs_str(a, BY_LINE, NULL);
        bool daemons = by != NULL && strcmp(by, BY_DAEMON) == 0;

        if (by != NULL && !daemons)
                return err(ERR_NOTSUP, "the key is protected in a way that this version does not know");
        *ret_secret = daemons ? s->daemon : s->agent;
        *ret_label = daemons ? LABEL_DAEMON : LABEL_AGENT;
        if (ret_secret->len > 0)
                return 0;
        if (daemons)
                return err(ERR_AUTH, "only holdfastd can use this key: its authorisation value hangs on the secret that holdfastd has sealed in the TPM");
        return err(ERR_AUTH, "the key is protected by a PIN and nobody is logged in");
}

int keyauth_derive(const struct keyauth_secrets *s, const struct attrs *a, struct keyauth *ret)
{
        CLEANUP(buf_clear) struct buf salt = { 0 };
        struct bytes secret = { 0 };
        const char *label = LABEL_AGENT;
        int r;

        ret->len = 0;
        r = attrs_hex(a, "auth-salt", &salt);
        if (r == ERR_NOENT)
                return 0;
        if (r != 0)
                return r;
        if (salt.len != SALT_LEN)
                return err(ERR_FORMAT, "the key's auth-salt has %zu octets", salt.len);
        r = choose(s, a, &secret, &label);
        if (r == 0)
                r = crypto_hmac(hash_by_name("SHA256"), secret, (struct bytes[]){ BYTES_STR(label), BYTES_OF(&salt) }, 2, ret->value);
        if (r == 0)
                ret->len = sizeof(ret->value);
        return r;
}
