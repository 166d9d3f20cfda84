/* SPDX-License-Identifier: BSD-2-Clause */
/* Looks at everything that has to be right before a key can be used, and says in sentences what is not. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "keys/backend_tpm.h"
#include "keys/findings.h"
#include "keys/parent.h"
#include "lib/err.h"

/* What the checks share. */
struct doctor {
        const struct conf *conf;
        bool deep, reachable;
        uint32_t parent;
        struct findings *out;
};

static int check_config(const struct doctor *d)
{
        const struct conf *c = d->conf;

        if (c->store[0] != '/')
                return finding_add(d->out, FINDING_FAIL, "Configuration", "Give an absolute path.", "The store %s is no absolute path.", c->store);
        if (c->deadline_ms < 1000)
                return finding_add(d->out, FINDING_WARN, "Configuration", "Let [tpm] deadline-ms be 10000 unless you know better.",
                                   "A deadline of %u ms is shorter than some TPMs take for one signature.", c->deadline_ms);
        return finding_add(d->out, FINDING_OK, "Configuration", NULL, "TPM %s, store %s, deadline %u ms.", c->tcti, c->store, c->deadline_ms);
}

/* The mode of the store's directory is the login: nobody else may write there, and reading it lets others use the keys. */
static int check_mode(const struct doctor *d, const struct stat *st)
{
        unsigned mode = st->st_mode & 07777;
        char mend[300];

        if (mode & (S_IWGRP | S_IWOTH)) {
                snprintf(mend, sizeof(mend), "Run `chmod go-w %s`, and look whether its keys are still the ones you made.", d->conf->store);
                return finding_add(d->out, FINDING_FAIL, "Store", mend, "%s may be written by others (mode %04o).", d->conf->store, mode);
        }
        if (mode & (S_IROTH | S_IXOTH)) {
                snprintf(mend, sizeof(mend), "Run `chmod o-rx %s`.", d->conf->store);
                return finding_add(d->out, FINDING_WARN, "Store", mend, "%s may be read by everybody (mode %04o): whoever may use the TPM may use its keys.",
                                   d->conf->store, mode);
        }
        if (st->st_uid != 0 && st->st_uid != geteuid())
                return finding_add(d->out, FINDING_WARN, "Store", "Let it belong to you or to root.", "%s belongs to user %u.", d->conf->store,
                                   (unsigned)st->st_uid);
        return finding_add(d->out, FINDING_OK, "Store", NULL, "%s is there, mode %04o.", d->conf->store, mode);
}

static int check_writable(const struct doctor *d, struct store *s)
{
        int r;

        r = store_writable(s);
        if (r == 0)
                return finding_add(d->out, FINDING_OK, "Store", NULL, "New keys can be written.");
        return finding_add_error(d->out, FINDING_WARN, "Store", r, NULL);
}

static int check_parent(struct doctor *d, struct keyring *k)
{
        CLEANUP(tpm_parent_clear) struct tpm_parent p = { 0 };
        int r;

        r = parent_from_attrs(store_info(keyring_store(k)), &p);
        if (r != 0)
                return finding_add_error(d->out, FINDING_FAIL, "Parent", r, NULL);
        d->parent = p.handle;
        if (!d->reachable)
                return 0;
        r = tpm_parent_check(backend_tpm_device(keyring_backend(k)), &p);
        /* No key can be tried without its parent, and to say of each that it fails would read as if it were damaged. */
        if (r != 0)
                d->deep = false;
        if (r == ERR_FOREIGN || r == ERR_NOENT)
                return finding_add_error(d->out, FINDING_FAIL, "Parent", r,
                                         "If this is the TPM that the store was made for, `holdfast init` makes its parent key again; "
                                         "else use the right TPM or another store.");
        if (r != 0)
                return finding_add_error(d->out, FINDING_FAIL, "Parent", r, NULL);
        return finding_add(d->out, FINDING_OK, "Parent", NULL, "The parent of all keys is at handle 0x%08x.", p.handle);
}

/* Loads the key into the TPM and lets it go. */
static int check_in_tpm(const struct doctor *d, struct keyring *k, const struct item_body *body, const char *subject)
{
        uint32_t parent = body->key.parent == d->parent ? 0 : body->key.parent;
        struct tpm_key key = {
                .name = BYTES_OF(&body->name),
                .pub = BYTES_OF(&body->key.pub),
                .priv = BYTES_OF(&body->key.priv),
                .parent = parent,
        };
        int r;

        r = tpm_key_check(backend_tpm_device(keyring_backend(k)), &key);
        if (r == 0)
                return 0;
        return finding_add_error(d->out, FINDING_FAIL, subject, r,
                                 r == ERR_FOREIGN ? "It works only in the TPM that made it; if that one was cleared, nowhere: then make a new key." : NULL);
}

static int check_item(const struct doctor *d, struct keyring *k, struct item *i, const char *agent)
{
        static const char *const types[] = { [ITEM_KEY] = "Key", [ITEM_CERT] = "Certificate", [ITEM_PUBKEY] = "Public key", [ITEM_DATA] = "Data" };
        const struct item_body *body;
        char subject[200];
        int r;

        snprintf(subject, sizeof(subject), "%s %.*s of agent %s", types[i->type], (int)i->label.len,
                 i->label.len ? (const char *)i->label.ptr : "", agent);
        r = item_load(i, &body);
        if (r == ERR_STALE)
                return 0;
        if (r != 0)
                return finding_add_error(d->out, FINDING_FAIL, subject, r, "Restore the file from a copy, or delete it.");
        if (i->type != ITEM_KEY)
                return 0;
        if (!body->kind)
                return finding_add(d->out, FINDING_WARN, subject, NULL, "It is of a kind that this version cannot use.");
        if (body->key.parent != d->parent) {
                r = finding_add(d->out, FINDING_WARN, subject, NULL, "It lies under parent 0x%08x: another tool made it.", body->key.parent);
                if (r != 0)
                        return r;
        }
        return d->deep && d->reachable ? check_in_tpm(d, k, body, subject) : 0;
}

static int check_agent(const struct doctor *d, struct keyring *k, const char *agent, size_t *keys)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        struct item_list *l;
        char subject[64];
        int r;

        snprintf(subject, sizeof(subject), "Agent %s", agent);
        r = store_agent_read(keyring_store(k), agent, &a);
        if (r == ERR_NOENT)
                return 0;
        if (r != 0)
                return finding_add_error(d->out, FINDING_FAIL, subject, r, "Restore its agent file from a copy.");
        if (attrs_str(&a, "owner", "")[0] == '\0') {
                r = finding_add(d->out, FINDING_WARN, subject, "holdfast agent set NAME --owner WHO", "It has no owner.");
                if (r != 0)
                        return r;
        }
        r = store_items(keyring_store(k), agent, &l);
        if (r != 0)
                return finding_add_error(d->out, FINDING_FAIL, subject, r, NULL);
        for (size_t i = 0; r == 0 && i < l->n; i++) {
                *keys += l->list[i]->type == ITEM_KEY;
                r = check_item(d, k, l->list[i], agent);
        }
        item_list_unref(l);
        return r;
}

static int check_agents(const struct doctor *d, struct keyring *k)
{
        CLEANUP(agent_names_clear) struct agent_names names = { 0 };
        size_t keys = 0;
        int r;

        r = store_agents(keyring_store(k), &names);
        if (r != 0)
                return finding_add_error(d->out, FINDING_FAIL, "Agents", r, NULL);
        for (size_t i = 0; r == 0 && i < names.n; i++)
                r = check_agent(d, k, names.list[i], &keys);
        return r != 0 ? r : finding_add(d->out, FINDING_OK, "Agents", NULL, "Agents: %zu, keys: %zu%s.", names.n, keys,
                                        d->deep && d->reachable ? ", all tried in the TPM" : "");
}

static int check_store(struct doctor *d)
{
        struct keyring *k;
        struct stat st;
        int r = 0;

        if (stat(d->conf->store, &st) == 0)
                r = check_mode(d, &st);
        if (r != 0)
                return r;
        r = keyring_open(d->conf, &k);
        if (r == ERR_NOTINIT)
                return finding_add(d->out, FINDING_FAIL, "Store", "holdfast init", "There is no store at %s yet.", d->conf->store);
        if (r != 0)
                return finding_add_error(d->out, FINDING_FAIL, "Store", r, NULL);
        r = check_writable(d, keyring_store(k));
        if (r == 0 && d->reachable)
                r = doctor_health(backend_tpm_device(keyring_backend(k)), d->out);
        if (r == 0)
                r = check_parent(d, k);
        if (r == 0)
                r = check_agents(d, k);
        keyring_close(k);
        return r;
}

int admin_doctor(const struct conf *c, bool ask, bool deep, struct findings *ret)
{
        CLEANUP(findings_clear) struct findings f = { 0 };
        struct doctor d = { .conf = c, .deep = deep, .out = &f };
        int r;

        r = check_config(&d);
        if (r == 0)
                r = doctor_tss(&f);
        if (r == 0 && ask)
                r = doctor_device(c, &f, &d.reachable);
        else if (r == 0)
                r = finding_add(&f, FINDING_OK, "TPM", NULL, "It is in the hands of the daemon, and is not asked.");
        if (r == 0)
                r = check_store(&d);
        if (r != 0)
                return r;

        *ret = f;
        f = (struct findings){ 0 };
        return 0;
}
