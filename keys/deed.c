/* SPDX-License-Identifier: BSD-2-Clause */
/* Which changes of a store does the log tell of, and when: before or after they are made? */
#include "keys/deed.h"
#include <string.h>
#include "lib/err.h"

static const struct bytes nothing;

static struct deed about(enum audit_event event, const char *operation, const char *agent, struct bytes label, struct bytes id)
{
        return (struct deed){
                .event = event,
                .agent = agent,
                .request = { .key_label = label, .key_id = id, .operation = operation },
        };
}

static int of_item(enum audit_event event, const char *operation, const char *agent, struct item *i, struct deed *ret)
{
        struct bytes label, id;
        int r;

        r = item_label(i, &label);
        if (r == 0)
                r = item_id(i, &id);
        if (r == 0)
                *ret = about(event, operation, agent, label, id);
        return r;
}

static void undo_item(struct keyring *k, const char *agent, struct item *i)
{
        store_item_remove(keyring_store(k), agent, i);
        item_unref(i);
}

static int make(struct keyring *k, const char *agent, struct bytes secret, const struct key_wish *w, struct item **ret)
{
        if (w->in_memory)
                return keyring_generate_in_memory(k, agent, secret, w->kind, w->usage, w->label, w->id, w->attrs, ret);
        return keyring_generate(k, agent, secret, w->kind, w->usage, w->label, w->id, w->attrs, ret);
}

static int tell_key(struct item *i, struct deed *d)
{
        const struct item_body *body;
        int r = item_load(i, &body);

        if (r == 0) {
                d->key_public = BYTES_OF(&body->key.pub);
                d->request.key_id = BYTES_OF(&body->id);
        }
        return r;
}

int deed_key_make(struct keyring *k, const struct caller *c, const char *agent, struct bytes secret, const struct key_wish *w, struct item **ret)
{
        struct deed d = about(AUDIT_CREATE, "generate", agent, w->label, w->id);
        struct item *i = NULL;
        int r;

        d.request.mechanism = w->kind->name;
        r = caller_may(c, &d);
        if (r != 0)
                return r;
        r = make(k, agent, secret, w, &i);
        if (r == 0 && c != NULL)
                r = tell_key(i, &d);
        r = caller_did(c, &d, r, nothing);
        if (r == 0)
                *ret = i;
        else if (i != NULL && !w->in_memory)
                undo_item(k, agent, i);
        else
                item_unref(i);
        return r;
}

void deed_key_unmake(struct keyring *k, const struct caller *c, const char *agent, struct item *i)
{
        struct deed d;

        if (of_item(AUDIT_DELETE, "unmake", agent, i, &d) == 0)
                caller_did(c, &d, 0, nothing);
        store_item_remove(keyring_store(k), agent, i);
}

int deed_object_add(struct keyring *k, const struct caller *c, const char *agent, const struct item_spec *spec, struct item **ret)
{
        struct deed d = about(AUDIT_CREATE, "create", agent, spec->label, spec->id);
        struct item *i = NULL;
        int r;

        d.digest = spec->der;
        r = caller_may(c, &d);
        if (r != 0)
                return r;
        r = store_item_add(keyring_store(k), agent, spec, &i);
        r = caller_did(c, &d, r, nothing);
        if (r == 0)
                *ret = i;
        else if (i != NULL)
                undo_item(k, agent, i);
        return r;
}

/* What cannot be taken back is told first; if it then fails, that is told too. */
static int told_first(const struct caller *c, struct deed *d)
{
        int r;

        r = caller_may(c, d);
        return r != 0 ? r : caller_did(c, d, 0, nothing);
}

int deed_object_change(struct keyring *k, const struct caller *c, const char *agent, struct item *i, const struct item_spec *spec,
                         struct item **ret)
{
        struct deed d;
        int r;

        r = of_item(AUDIT_CHANGE, "change", agent, i, &d);
        if (r == 0)
                r = told_first(c, &d);
        if (r != 0)
                return r;
        r = store_item_change(keyring_store(k), agent, i, spec, ret);
        return r == 0 ? 0 : caller_did(c, &d, r, nothing);
}

int deed_object_remove(struct keyring *k, const struct caller *c, const char *agent, struct item *i)
{
        struct deed d;
        int r;

        r = of_item(AUDIT_DELETE, "delete", agent, i, &d);
        if (r == 0)
                r = told_first(c, &d);
        if (r != 0)
                return r;
        r = store_item_remove(keyring_store(k), agent, i);
        return r == 0 ? 0 : caller_did(c, &d, r, nothing);
}

static struct deed about_pin(enum audit_event event, const char *operation, const char *agent, enum pin_who who)
{
        struct deed d = about(event, operation, agent, nothing, nothing);

        d.detail = BYTES_STR(who == PIN_SO ? "security officer" : "user");
        return d;
}

int deed_login(struct keyring *k, const struct caller *c, const char *agent, enum pin_who who, struct bytes pin, struct buf *ret_secret)
{
        struct deed d = about_pin(AUDIT_USE, "login", agent, who);
        int r = pin_login(k, agent, who, pin, ret_secret);

        return r == ERR_AUTH || r == ERR_LOCKED ? caller_refuse(c, &d, r) : r;
}

int deed_pin_set(struct keyring *k, const struct caller *c, const char *agent, enum pin_who who, struct bytes secret, struct bytes pin)
{
        struct deed d = about_pin(AUDIT_CHANGE, "set-pin", agent, who);
        int r = caller_did(c, &d, 0, nothing);

        if (r == 0) {
                r = pin_set(k, agent, who, secret, pin);
                r = r == 0 ? 0 : caller_did(c, &d, r, nothing);
        }
        return r;
}

int deed_agent_create(struct keyring *k, const struct caller *c, const char *name, const char *owner, const struct attrs *more)
{
        struct deed d = about(AUDIT_CREATE, "create-agent", name, nothing, nothing);
        int r, rr;

        r = caller_may(c, &d);
        if (r != 0)
                return r;
        r = keyring_agent_create(k, name, owner, more);
        rr = caller_did(c, &d, r, nothing);
        if (r == 0 && rr != 0)
                keyring_agent_delete(k, name);
        return rr;
}

int deed_agent_replace(struct keyring *k, const struct caller *c, const char *old, const char *name, const char *owner, const struct attrs *more)
{
        struct deed d = about(AUDIT_CREATE, "replace-agent", name, nothing, nothing);
        int r;

        d.detail = BYTES_STR(old);
        r = told_first(c, &d);
        if (r != 0)
                return r;
        r = keyring_agent_replace(k, old, name, owner, more);
        return r == 0 ? 0 : caller_did(c, &d, r, nothing);
}
