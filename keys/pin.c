/* SPDX-License-Identifier: BSD-2-Clause */
/* PINs of an agent, which people can type and guess: scrypt of a PIN authorises a sealed
 * object that holds the agent's random secret. Tries are counted in the agent file, durably
 * and before the TPM is asked, so that neither a kill nor a copy of the process wins one. */
#include <string.h>
#include "keys/keyring.h"
#include "keys/parent.h"
#include "lib/crypto.h"
#include "lib/err.h"

#define SECRET_LEN 32
#define SALT_LEN 16
#define KDF "scrypt,n=32768,r=8,p=1"

/* The agent file's lines, by enum pin_who. */
static const struct pin_lines {
        const char *what, *salt, *sealed, *tries;
} pin_lines[] = {
        [PIN_SO] = { "security officer's PIN", "so-pin-salt", "so-pin-sealed", "so-pin-tries" },
        [PIN_USER] = { "user's PIN", "user-pin-salt", "user-pin-sealed", "user-pin-tries" },
};

static unsigned tries_left(const struct attrs *a, enum pin_who who, unsigned max)
{
        unsigned long n;

        if (attrs_uint(a, pin_lines[who].tries, &n) != 0)
                return 0;
        return n < max ? (unsigned)n : max;
}

void pin_state_in(struct keyring *k, const struct attrs *a, struct pin_state *ret)
{
        *ret = (struct pin_state){
                .used = attrs_get(a, pin_lines[PIN_SO].sealed) != NULL,
                .user_set = attrs_get(a, pin_lines[PIN_USER].sealed) != NULL,
                .lockout_tpm = strcmp(attrs_str(a, "pin-lockout", ""), "tpm") == 0,
                .tries_max = keyring_conf(k)->pin_tries,
        };
        for (enum pin_who w = PIN_SO; w <= PIN_USER; w++)
                ret->tries_left[w] = tries_left(a, w, ret->tries_max);
}

int pin_state(struct keyring *k, const char *agent, struct pin_state *ret)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        int r = store_agent_read(keyring_store(k), agent, &a);

        if (r == 0)
                pin_state_in(k, &a, ret);
        return r;
}

/* The sealed object of one PIN, out of the agent file. */
struct sealed {
        struct buf salt;
        struct tsskey key;
};

static void sealed_clear(struct sealed *s)
{
        buf_clear(&s->salt);
        tsskey_clear(&s->key);
}

static int sealed_from_attrs(const struct attrs *a, enum pin_who who, struct sealed *ret)
{
        CLEANUP(buf_clear) struct buf der = { 0 };
        int r;

        r = attrs_hex(a, pin_lines[who].sealed, &der);
        if (r == ERR_NOENT)
                return err(ERR_NOENT, "the agent has no %s", pin_lines[who].what);
        if (r != 0)
                return r;
        if (strcmp(attrs_str(a, "pin-kdf", ""), KDF) != 0)
                return err(ERR_NOTSUP, "the PIN is stretched in a way that this version does not know");
        r = attrs_hex(a, pin_lines[who].salt, &ret->salt);
        if (r == ERR_NOMEM)
                return r;
        if (r != 0 || ret->salt.len != SALT_LEN)
                return err(ERR_FORMAT, "the agent file has no good %s line", pin_lines[who].salt);
        return tsskey_decode(BYTES_OF(&der), &ret->key);
}

static int stretch(struct bytes pin, struct bytes salt, uint8_t ret[SECRET_LEN])
{
        return crypto_scrypt(pin, salt, 32768, 8, 1, ret, SECRET_LEN);
}

/* Steps of pin_login() under the writers' lock. */
struct login {
        enum pin_who who;
        unsigned max;
        struct sealed sealed;
};

static int spend_try(struct attrs *a, void *ctx)
{
        struct login *l = ctx;
        unsigned left = tries_left(a, l->who, l->max);
        int r;

        r = sealed_from_attrs(a, l->who, &l->sealed);
        if (r != 0)
                return r;
        if (left == 0)
                return err(ERR_LOCKED, "no try is left for the %s", pin_lines[l->who].what);
        return attrs_set_uint(a, pin_lines[l->who].tries, left - 1);
}

static int restore_all_tries(struct attrs *a, void *ctx)
{
        struct login *l = ctx;

        return attrs_set_uint(a, pin_lines[l->who].tries, l->max);
}

static int restore_one_try(struct attrs *a, void *ctx)
{
        struct login *l = ctx;

        return attrs_set_uint(a, pin_lines[l->who].tries, tries_left(a, l->who, l->max - 1) + 1ul);
}

static int unseal(struct keyring *k, const struct sealed *s, struct bytes pin, struct buf *ret)
{
        struct backend *b = keyring_backend(k);
        CLEANUP(buf_clear) struct buf name = { 0 };
        uint8_t auth[SECRET_LEN];
        int r;

        r = tpm_name_of(BYTES_OF(&s->key.pub), &name);
        if (r == 0)
                r = stretch(pin, BYTES_OF(&s->salt), auth);
        if (r == 0)
                r = b->ops->unseal(b, &(struct keyref){ .key = &s->key, .name = BYTES_OF(&name), .auth = BYTES(auth, sizeof(auth)) }, ret);
        wipe(auth, sizeof(auth));
        return r;
}

static void login_clear(struct login *l)
{
        sealed_clear(&l->sealed);
}

int pin_login(struct keyring *k, const char *agent, enum pin_who who, struct bytes pin, struct buf *ret_secret)
{
        CLEANUP(login_clear) struct login l = { .who = who, .max = keyring_conf(k)->pin_tries };
        CLEANUP(buf_clear) struct buf secret = { 0 };
        int r, rr;

        /* Such a PIN cannot have been set, so it is wrong without costing a try. */
        if (pin.len < PIN_LEN_MIN || pin.len > PIN_LEN_MAX)
                return err(ERR_AUTH, "a PIN has %d to %d octets", PIN_LEN_MIN, PIN_LEN_MAX);
        r = store_agent_update(keyring_store(k), agent, spend_try, &l);
        if (r != 0)
                return r;

        r = unseal(k, &l.sealed, pin, &secret);
        if (r == ERR_AUTH)
                return err(ERR_AUTH, "the %s is wrong", pin_lines[who].what);
        /* A try that the TPM did not judge is given back. */
        rr = store_agent_update(keyring_store(k), agent, r == 0 ? restore_all_tries : restore_one_try, &l);
        if (r != 0)
                return r;
        if (rr != 0)
                return rr;

        buf_take(&secret, ret_secret);
        return 0;
}

static int check_length(struct bytes pin)
{
        if (pin.len < PIN_LEN_MIN || pin.len > PIN_LEN_MAX)
                return err(ERR_RANGE, "a PIN has %d to %d octets", PIN_LEN_MIN, PIN_LEN_MAX);
        return 0;
}

/* Seals the secret under a PIN, as lines for the agent file. */
static int seal(struct keyring *k, enum pin_who who, struct bytes secret, struct bytes pin, bool lockout_tpm, struct attrs *ret)
{
        struct backend *b = keyring_backend(k);
        CLEANUP(tsskey_clear) struct tsskey key = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        uint8_t salt[SALT_LEN], auth[SECRET_LEN];
        int r;

        r = check_length(pin);
        if (r == 0)
                r = crypto_random(salt, sizeof(salt));
        if (r == 0)
                r = stretch(pin, BYTES(salt, sizeof(salt)), auth);
        if (r == 0)
                r = b->ops->seal(b, secret, BYTES(auth, sizeof(auth)), lockout_tpm, &key);
        wipe(auth, sizeof(auth));
        if (r == 0)
                r = tsskey_encode(&key, &der);
        if (r == 0)
                r = attrs_set_hex(ret, pin_lines[who].salt, BYTES(salt, sizeof(salt)));
        if (r == 0)
                r = attrs_set_hex(ret, pin_lines[who].sealed, BYTES_OF(&der));
        if (r == 0)
                r = attrs_set_uint(ret, pin_lines[who].tries, keyring_conf(k)->pin_tries);
        return r;
}

int pin_create(struct keyring *k, struct bytes so_pin, bool lockout_tpm, struct attrs *agent, struct buf *ret_secret)
{
        CLEANUP(buf_clear) struct buf secret = { 0 };
        int r;

        r = check_length(so_pin);
        if (r == 0)
                r = buf_reserve(&secret, SECRET_LEN);
        if (r == 0)
                r = keyring_random(k, secret.ptr, SECRET_LEN);
        if (r != 0)
                return r;
        secret.len = SECRET_LEN;

        r = attrs_set_str(agent, "pin-kdf", KDF);
        if (r == 0)
                r = attrs_set_str(agent, "pin-lockout", lockout_tpm ? "tpm" : "store");
        if (r == 0)
                r = seal(k, PIN_SO, BYTES_OF(&secret), so_pin, lockout_tpm, agent);
        if (r == 0)
                buf_take(&secret, ret_secret);
        return r;
}

static int copy_pin(struct attrs *a, void *ctx)
{
        const struct attrs *fresh = ctx;
        int r;

        if (!attrs_get(a, pin_lines[PIN_SO].sealed))
                return err(ERR_INVAL, "the agent was made without PINs");
        for (size_t i = 0; i < fresh->n; i++) {
                r = attrs_set(a, fresh->list[i].name, BYTES_OF(&fresh->list[i].value));
                if (r != 0)
                        return r;
        }
        return 0;
}

int pin_set(struct keyring *k, const char *agent, enum pin_who who, struct bytes secret, struct bytes pin)
{
        CLEANUP(attrs_clear) struct attrs fresh = { 0 };
        struct pin_state now;
        int r;

        if (secret.len != SECRET_LEN)
                return err(ERR_AUTH, "nobody is logged in");
        r = pin_state(k, agent, &now);
        if (r == 0)
                r = seal(k, who, secret, pin, now.lockout_tpm, &fresh);
        return r != 0 ? r : store_agent_update(keyring_store(k), agent, copy_pin, &fresh);
}
