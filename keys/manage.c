/* SPDX-License-Identifier: BSD-2-Clause */
/* What belongs together when an operator makes an agent or a key, deletes a key, or gives it a certificate? */
#include "keys/manage.h"
#include <string.h>
#include "keys/find.h"
#include "lib/err.h"
#include "lib/x509.h"

static int check_pin(struct bytes pin)
{
        if (pin.len < PIN_LEN_MIN || pin.len > PIN_LEN_MAX)
                return err(ERR_INVAL, "a PIN has %d to %d octets", PIN_LEN_MIN, PIN_LEN_MAX);
        return 0;
}

static int check_agent(struct keyring *k, const struct agent_wish *w)
{
        CLEANUP(attrs_clear) struct attrs there = { 0 };
        int r;

        r = keyring_owner_check(w->owner);
        if (r == 0 && !agent_name_valid(w->name))
                r = err(ERR_INVAL, "an agent's name has 1 to %d octets of text, no / in it, no . in front and no blank at either end", AGENT_NAME_MAX);
        /* Before they are there, the PINs cannot be looked at. */
        if (r == 0 && w->pins && !w->dry)
                r = check_pin(w->pin);
        if (r == 0 && w->pins && !w->dry)
                r = check_pin(w->so_pin);
        if (r == 0 && w->rule.len > 0)
                r = rule_check(w->rule);
        if (r == 0 && store_agent_read(keyring_store(k), w->name, &there) == 0)
                r = err(ERR_EXIST, "there is an agent %s already", w->name);
        return r;
}

static int make_agent(struct keyring *k, const struct caller *c, const struct agent_wish *w, struct buf *ret_secret)
{
        CLEANUP(attrs_clear) struct attrs more = { 0 };
        int r = 0;

        if (w->pins)
                r = pin_create(k, w->so_pin, w->lockout_tpm, &more, ret_secret);
        return r == 0 ? deed_agent_create(k, c, w->name, w->owner, &more) : r;
}

/* What went wrong stays the sentence, whatever undoing it says. */
static int take_back(struct keyring *k, const struct caller *c, const char *agent, int r)
{
        CLEANUP(buf_clear) struct buf why = { 0 };

        buf_append_str(&why, err_text());
        if (deed_agent_delete(k, c, agent) != 0)
                keyring_agent_delete(k, agent);
        return err(r, "%s", buf_str(&why));
}

int manage_agent_create(struct keyring *k, const struct caller *c, const struct agent_wish *w, struct item **ret)
{
        const struct key_wish key = { .kind = w->kind, .usage = ALG_SIGN, .label = w->label };
        CLEANUP(buf_clear) struct buf secret = { 0 };
        struct item *i = NULL;
        unsigned number;
        int r;

        r = check_agent(k, w);
        if (r == 0 && !w->dry)
                r = make_agent(k, c, w, &secret);
        if (r != 0 || w->dry) {
                *ret = NULL;
                return r;
        }
        if (w->pins)
                r = pin_set(k, w->name, PIN_USER, BYTES_OF(&secret), w->pin);
        if (r == 0 && w->rule.len > 0)
                r = deed_rule_allow(k, c, w->name, w->rule, &number);
        if (r == 0 && w->kind != NULL)
                r = deed_key_make(k, c, w->name, BYTES_OF(&secret), &key, &i);
        if (r != 0)
                return take_back(k, c, w->name, r);
        *ret = i;
        return 0;
}

static int log_in(struct keyring *k, const char *agent, struct bytes pin, struct buf *ret_secret)
{
        struct pin_state pins = { 0 };
        int r;

        r = pin_state(k, agent, &pins);
        return r == 0 && pins.used ? pin_login(k, agent, PIN_USER, pin, ret_secret) : r;
}

static int check_label(struct keyring *k, const char *agent, struct bytes label)
{
        struct item_list *l = NULL;
        int r;

        if (label.len == 0)
                return err(ERR_INVAL, "a key needs a label: %s/LABEL", agent);
        r = store_items(keyring_store(k), agent, &l);
        if (r != 0)
                return r;
        if (find_count(l, label) > 0)
                r = err(ERR_EXIST, "agent %s has a key with this label already", agent);
        item_list_unref(l);
        return r;
}

int manage_key_create(struct keyring *k, const struct caller *c, const char *agent, struct bytes pin, const struct key_wish *w, bool dry,
                      struct item **ret)
{
        CLEANUP(buf_clear) struct buf secret = { 0 };
        int r;

        r = check_label(k, agent, w->label);
        if (r != 0 || dry) {
                *ret = NULL;
                return r;
        }
        r = log_in(k, agent, pin, &secret);
        return r == 0 ? deed_key_make(k, c, agent, BYTES_OF(&secret), w, ret) : r;
}

/* Certificates and public keys first: interrupted, the key is still there and it can be deleted again. */
int manage_key_delete(struct keyring *k, const struct caller *c, const char *agent, struct item *key)
{
        static const enum item_type types[] = { ITEM_CERT, ITEM_PUBKEY };
        struct item_list *l = NULL;
        int r;

        r = store_items(keyring_store(k), agent, &l);
        if (r != 0)
                return r;
        for (size_t t = 0; r == 0 && t < ARRAY_LEN(types); t++) {
                struct item *beside;
                size_t at = 0;

                while (r == 0 && (beside = find_beside(l, key, types[t], &at)) != NULL)
                        r = deed_object_remove(k, c, agent, beside);
        }
        if (r == 0)
                r = deed_object_remove(k, c, agent, key);
        item_list_unref(l);
        return r;
}

/* Nobody can use a certificate with another key's private half. */
static int check_belongs(struct bytes der, const char *agent, struct item *key)
{
        CLEANUP(buf_clear) struct buf ours = { 0 };
        const struct item_body *b;
        struct x509_parts parts;
        int r;

        r = item_load(key, &b);
        if (r == 0 && b->pub.x.len == 0 && b->pub.n.len == 0)
                r = err(ERR_INVAL, "this key has no public half");
        if (r == 0)
                r = x509_parts(der, &parts);
        if (r == 0)
                r = pubkey_to_spki(&b->pub, &ours);
        if (r == 0 && !bytes_equal(parts.spki, BYTES_OF(&ours)))
                r = err(ERR_FOREIGN, "the certificate is for another public key than %s has", agent);
        return r;
}

/* The new one takes the first old one's place; further old ones go. */
static int put_cert(struct keyring *k, const struct caller *c, const char *agent, struct item *key, const struct item_spec *spec,
                    const struct item_list *l, bool dry, bool *ret_replaced)
{
        struct item *made = NULL, *old;
        size_t at = 0;
        int r = 0;

        *ret_replaced = false;
        while (r == 0 && (old = find_beside(l, key, ITEM_CERT, &at)) != NULL) {
                if (!dry)
                        r = *ret_replaced ? deed_object_remove(k, c, agent, old) : deed_object_change(k, c, agent, old, spec, &made);
                *ret_replaced = true;
        }
        if (r == 0 && !*ret_replaced && !dry)
                r = deed_object_add(k, c, agent, spec, &made);
        if (made != NULL)
                item_unref(made);
        return r;
}

int manage_cert_import(struct keyring *k, const struct caller *c, const char *agent, struct item *key, struct bytes der, bool dry, bool *ret_replaced)
{
        struct item_spec spec = { .type = ITEM_CERT, .der = der };
        struct item_list *l = NULL;
        int r;

        r = check_belongs(der, agent, key);
        if (r == 0)
                r = item_label(key, &spec.label);
        if (r == 0)
                r = item_id(key, &spec.id);
        if (r == 0)
                r = store_items(keyring_store(k), agent, &l);
        if (r != 0)
                return r;
        r = put_cert(k, c, agent, key, &spec, l, dry, ret_replaced);
        item_list_unref(l);
        return r;
}
