/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts a store and a backend together: makes keys and agents. */
#include <stdlib.h>
#include <string.h>
#include "keys/backend_tpm.h"
#include "keys/keyring.h"
#include "keys/usage.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpmt.h"

#define OWNER_MAX 256
#define DEFAULT_ID_LEN 20

struct keyring {
        struct conf conf;
        struct store *store;
        struct backend *backend;
        struct buf secret;      /* a daemon's */
};

int keyring_open(const struct conf *c, struct keyring **ret)
{
        struct keyring *k;
        int r;

        k = calloc(1, sizeof(*k));
        if (!k)
                return err(ERR_NOMEM, "out of memory");
        r = conf_copy(c, &k->conf);
        if (r == 0)
                r = store_open(c->store, &k->store);
        if (r == 0)
                r = backend_tpm_open(&k->conf, k->store, &k->backend);
        if (r != 0) {
                keyring_close(k);
                return r;
        }
        *ret = k;
        return 0;
}

void keyring_close(struct keyring *k)
{
        if (!k)
                return;
        if (k->backend)
                k->backend->ops->close(k->backend);
        store_close(k->store);
        buf_clear(&k->secret);
        conf_clear(&k->conf);
        free(k);
}

/* Another thread of the parent may have been changing the store's lists when it forked: they are left as they are. */
void keyring_abandon(struct keyring *k)
{
        if (!k)
                return;
        k->backend->ops->abandon(k->backend);
        store_abandon(k->store);
}

int keyring_set_secret(struct keyring *k, struct bytes secret)
{
        return buf_set(&k->secret, secret);
}

int keyring_key_auth(struct keyring *k, struct bytes secret, const struct attrs *a, struct keyauth *ret)
{
        return keyauth_derive(&(struct keyauth_secrets){ .agent = secret, .daemon = BYTES_OF(&k->secret) }, a, ret);
}

struct store *keyring_store(struct keyring *k)
{
        return k->store;
}

struct backend *keyring_backend(struct keyring *k)
{
        return k->backend;
}

const struct conf *keyring_conf(const struct keyring *k)
{
        return &k->conf;
}

static int id_of(struct bytes der, struct buf *ret)
{
        const struct hash *h = hash_by_name("SHA256");
        uint8_t digest[HASH_MAX];
        int r;

        r = crypto_hash(h, &der, 1, digest);
        return r != 0 ? r : buf_set(ret, BYTES(digest, DEFAULT_ID_LEN));
}

int keyring_default_id(const struct pubkey *p, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf spki = { 0 };
        int r;

        r = pubkey_to_spki(p, &spki);
        return r != 0 ? r : id_of(BYTES_OF(&spki), ret);
}

/* An HMAC key has no public half that anybody could know it by; its TPM public area is as unique. */
static int default_id(const struct tsskey *key, struct buf *ret)
{
        CLEANUP(pubkey_clear) struct pubkey pub = { 0 };
        TPM2B_PUBLIC area;
        int r;

        r = tpmt_public_decode(BYTES_OF(&key->pub), &area);
        if (r != 0)
                return r;
        r = tpmt_pubkey(&area, &pub);
        if (r == ERR_NOTSUP)
                return id_of(BYTES_OF(&key->pub), ret);
        return r != 0 ? r : keyring_default_id(&pub, ret);
}

/* A key without an authorisation value in a token with a PIN would be a hole, one with in a token without never usable. */
static int check_secret(struct keyring *k, const char *agent, struct bytes secret)
{
        struct pin_state pins;
        int r;

        r = pin_state(k, agent, &pins);
        if (r != 0)
                return r;
        if (pins.used && secret.len == 0)
                return err(ERR_AUTH, "agent %s has a PIN: log in before making keys", agent);
        if (!pins.used && secret.len != 0)
                return err(ERR_INVAL, "agent %s has no PIN", agent);
        return 0;
}

static int generate(struct keyring *k, const char *agent, struct bytes secret, const struct key_kind *kind, unsigned usage,
                    struct bytes label, struct bytes id, const struct attrs *attrs, bool in_memory, struct item **ret)
{
        CLEANUP(attrs_clear) struct attrs lines = { 0 };
        CLEANUP(keyauth_clear) struct keyauth auth = { 0 };
        CLEANUP(tsskey_clear) struct tsskey key = { 0 };
        CLEANUP(buf_clear) struct buf own_id = { 0 };
        struct item_spec spec;
        int r;

        r = check_secret(k, agent, secret);
        if (r == 0 && attrs)
                r = attrs_copy(attrs, &lines);
        if (r == 0)
                r = usage_to_attrs(usage, &lines);
        if (r == 0)
                r = keyauth_salt(&(struct keyauth_secrets){ .agent = secret, .daemon = BYTES_OF(&k->secret) }, &lines);
        if (r == 0)
                r = keyring_key_auth(k, secret, &lines, &auth);
        if (r == 0)
                r = k->backend->ops->generate(k->backend, kind, usage, BYTES(auth.value, auth.len), &key);
        if (r == 0 && id.len == 0) {
                r = default_id(&key, &own_id);
                id = BYTES_OF(&own_id);
        }
        if (r != 0)
                return r;

        spec = (struct item_spec){ .type = ITEM_KEY, .label = label, .id = id, .attrs = &lines, .key = &key };
        return in_memory ? item_in_memory(k->store, &spec, ret) : store_item_add(k->store, agent, &spec, ret);
}

int keyring_generate(struct keyring *k, const char *agent, struct bytes secret, const struct key_kind *kind, unsigned usage,
                     struct bytes label, struct bytes id, const struct attrs *attrs, struct item **ret)
{
        return generate(k, agent, secret, kind, usage, label, id, attrs, false, ret);
}

int keyring_generate_in_memory(struct keyring *k, const char *agent, struct bytes secret, const struct key_kind *kind, unsigned usage,
                               struct bytes label, struct bytes id, const struct attrs *attrs, struct item **ret)
{
        return generate(k, agent, secret, kind, usage, label, id, attrs, true, ret);
}

int keyring_owner_check(const char *owner)
{
        size_t len = owner ? strlen(owner) : 0;

        if (len == 0)
                return err(ERR_INVAL, "an agent needs an owner, the person answerable for it");
        if (len > OWNER_MAX)
                return err(ERR_RANGE, "an owner of %zu octets, at most %d", len, OWNER_MAX);
        for (size_t i = 0; i < len; i++)
                if ((unsigned char)owner[i] < 0x20 || owner[i] == 0x7f)
                        return err(ERR_INVAL, "a control character in the owner's name");
        return 0;
}

/* Unique by its random part, and of this machine by the EK. */
static int serial(const struct store *s, struct attrs *a)
{
        CLEANUP(buf_clear) struct buf ek = { 0 };
        uint8_t uid[16], digest[HASH_MAX];
        int r;

        r = attrs_hex(store_info(s), "ek-name", &ek);
        if (r != 0 && r != ERR_NOENT)
                return r;
        r = crypto_random(uid, sizeof(uid));
        if (r == 0)
                r = crypto_hash(hash_by_name("SHA256"), (struct bytes[]){ BYTES_OF(&ek), BYTES(uid, sizeof(uid)) }, 2, digest);
        return r != 0 ? r : attrs_set_hex(a, "serial", BYTES(digest, 8));
}

/* A new agent's file; on an error ret holds what there is so far. */
static int agent_lines(struct keyring *k, const char *owner, const struct attrs *more, struct attrs *ret)
{
        int r;

        r = keyring_owner_check(owner);
        if (r == 0 && more)
                r = attrs_copy(more, ret);
        if (r == 0)
                r = attrs_set_str(ret, "owner", owner);
        if (r == 0)
                r = attrs_set_now(ret, "created");
        return r != 0 ? r : serial(k->store, ret);
}

int keyring_agent_create(struct keyring *k, const char *name, const char *owner, const struct attrs *more)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        int r = agent_lines(k, owner, more, &a);

        return r != 0 ? r : store_agent_create(k->store, name, &a);
}

int keyring_agent_replace(struct keyring *k, const char *old, const char *name, const char *owner, const struct attrs *more)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        int r = agent_lines(k, owner, more, &a);

        return r != 0 ? r : store_agent_replace(k->store, old, name, &a);
}

int keyring_agent_delete(struct keyring *k, const char *name)
{
        return store_agent_delete(k->store, name);
}

int keyring_random(struct keyring *k, uint8_t *out, size_t len)
{
        CLEANUP(buf_clear) struct buf kernel = { 0 };
        int r;

        r = buf_reserve(&kernel, len);
        if (r != 0)
                return r;
        kernel.len = len;
        r = crypto_random(kernel.ptr, len);
        if (r == 0)
                r = k->backend->ops->random(k->backend, out, len);
        if (r != 0)
                return r;
        for (size_t i = 0; i < len; i++)
                out[i] ^= kernel.ptr[i];
        return 0;
}
