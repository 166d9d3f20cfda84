/* SPDX-License-Identifier: BSD-2-Clause */
/* What stays in the TPM after an operation, and what is worth a session?
 *
 * On a TPM of its own whatever stays loaded costs nothing, so keys and the session stay until room is needed. A resource manager loads
 * each object and session of ours before every command, saves it after, and flushes the objects (Linux, drivers/char/tpm/tpm2-space.c):
 * one that stays costs about a TPM2_Load per command. So there
 *
 *   - a key that has no authorisation value, and an operation with no secret in it, do without a session: handles are ours alone there,
 *     and the HMAC would protect nothing that the signature itself does not show;
 *   - without a session the key in use stays alone: closing the file flushes the one before, without any command;
 *   - with a session, which closing would cost us, two keys stay if they are used in turn, else one;
 *   - what has not been needed for a few operations goes.
 *
 * tests/bench/strategy.c has the reckoning: chips, strategies, milliseconds. */
#include <string.h>
#include "tpm/ctx.h"

#define IDLE_MAX 4              /* it costs about that many operations to have it again */

bool holds_secret(const struct call *c)
{
        return c->value.len > 0 || c->secret_in || c->secret_out || c->lockout;
}

bool session_wanted(const struct tpm *t, const struct call *c)
{
        /* What the audit digest was extended by is only known for certain from an answer with an HMAC. */
        return !t->tcti.link->managed || t->observer != NULL || t->session.handle != 0 || holds_secret(c);
}

static const struct loaded *newest_key(const struct tpm *t)
{
        for (size_t i = 0; i < t->cache.n; i++) {
                if (loaded_kind(t->cache.list[i].handle) == LOADED_OBJECT)
                        return &t->cache.list[i];
        }
        return NULL;
}

static void make_room_managed(struct tpm *t, struct bytes name)
{
        const struct loaded *l = newest_key(t);
        uint8_t tag[CACHE_TAG];
        size_t keep;

        if (l == NULL)
                return;
        cache_tag(name, tag);
        keep = memcmp(tag, t->gave_way, CACHE_TAG) == 0 ? 1 : 0;
        memcpy(t->gave_way, l->tag, CACHE_TAG);
        if (t->session.handle == 0 && t->aside.handle == 0 && t->n_temps == 0 && change_connection(t))
                return;
        while (cache_count(&t->cache, LOADED_OBJECT) > keep)
                evict(t, LOADED_OBJECT);
}

/* The parent takes a slot while it loads a child. */
void make_room(struct tpm *t, struct bytes name)
{
        if (t->tcti.link->managed) {
                make_room_managed(t, name);
                return;
        }
        while (cache_count(&t->cache, LOADED_OBJECT) > 0 && cache_count(&t->cache, LOADED_OBJECT) + t->n_temps >= t->keys_max)
                evict(t, LOADED_OBJECT);
}

void let_idle_go(struct tpm *t)
{
        const struct loaded *l = newest_key(t);

        t->session_idle = t->session_needed || t->observer != NULL || t->session.handle == 0 ? 0 : t->session_idle + 1;
        if (t->session_idle >= IDLE_MAX) {
                session_drop(t);
                t->session_idle = 0;
        }
        t->key_idle = l != NULL && l->handle == t->newest && cache_count(&t->cache, LOADED_OBJECT) > 1 ? t->key_idle + 1 : 0;
        t->newest = l != NULL ? l->handle : 0;
        if (t->key_idle >= IDLE_MAX) {
                evict(t, LOADED_OBJECT);
                t->key_idle = 0;
        }
}
