/* SPDX-License-Identifier: BSD-2-Clause */
/* What the agent and key verbs share: opening the keyring, showing keys. */
#include <string.h>
#include "keys/usage.h"
#include "tools/keycmd.h"
#include "tools/keyname.h"
#include "tools/keytext.h"
#include "tools/text.h"

int keycmd_open(const struct cli *c, struct keyring **ret)
{
        CLEANUP(conf_clear) struct conf conf = { 0 };
        int r;

        r = cli_conf(c, &conf);
        return r == 0 ? keyring_open(&conf, ret) : r;
}

int keycmd_kind(const char *name, const struct key_kind **ret)
{
        CLEANUP(buf_clear) struct buf all = { 0 };
        const struct key_kind *k = key_kind_by_name(name);

        if (k != NULL) {
                *ret = k;
                return 0;
        }
        for (size_t i = 0; (k = key_kind_at(i)) != NULL; ++i)
                buf_printf(&all, "%s%s", i > 0 ? ", " : "", k->name);
        return err(ERR_USAGE, "there is no kind of key %s, but %s", name, buf_str(&all));
}

static const char *kind_name(const struct item_body *b)
{
        if (b == NULL)
                return "damaged";
        return b->kind != NULL ? b->kind->name : "unknown";
}

/* A damaged file hides no other, and shows by what its name says: *ret is NULL, and so is the label or ID that stands in the file alone. */
static int load_for_list(struct item *i, const struct item_body **ret, struct bytes *ret_label, struct bytes *ret_id)
{
        int r;

        *ret_label = *ret_id = BYTES(NULL, 0);
        r = item_load(i, ret);
        if (r == ERR_FORMAT) {
                *ret = NULL;
                if (item_label(i, ret_label) != 0)
                        *ret_label = BYTES(NULL, 0);
                if (item_id(i, ret_id) != 0)
                        *ret_id = BYTES(NULL, 0);
                return 0;
        }
        if (r == 0)
                r = item_label(i, ret_label);
        return r == 0 ? item_id(i, ret_id) : r;
}

static json_t *damaged_json(const char *agent, struct bytes label, const char *id, struct bytes path)
{
        return json_pack("{s:o, s:o, s:s, s:s, s:o}", "agent", text_json(BYTES_STR(agent)), "label", text_json(label), "id", id,
                         "kind", kind_name(NULL), "file", text_json(path));
}

/* "cert" where a certificate stands beside the key. */
static bool has_cert(struct keyring *k, const char *agent, struct item *key)
{
        struct item_list *l = NULL;
        size_t i = 0;
        bool has;

        if (store_items(keyring_store(k), agent, &l) != 0)
                return false;
        has = keyname_beside(l, key, ITEM_CERT, &i) != NULL;
        item_list_unref(l);
        return has;
}

json_t *keycmd_json(struct keyring *k, const char *agent, struct item *i)
{
        CLEANUP(buf_clear) struct buf uri = { 0 }, path = { 0 }, ssh = { 0 }, print = { 0 }, hex = { 0 };
        const struct item_body *b;
        struct bytes label, id;

        if (load_for_list(i, &b, &label, &id) != 0 || hex_encode(id, &hex) != 0 || store_item_path(keyring_store(k), agent, i, &path) != 0)
                return NULL;
        if (b == NULL)
                return damaged_json(agent, label, buf_str(&hex), BYTES_OF(&path));
        if (keyname_uri(k, agent, i, keytext_is_public(&b->pub) ? "private" : "secret-key", &uri) != 0)
                return NULL;
        if (keytext_is_public(&b->pub) && (keytext_ssh(&b->pub, &ssh) != 0 || keytext_fingerprint(&b->pub, &print) != 0))
                return NULL;
        return json_pack("{s:o, s:o, s:s, s:s, s:s, s:s, s:o, s:s?, s:s?, s:b, s:o}", "agent", text_json(BYTES_STR(agent)),
                         "label", text_json(label), "id", buf_str(&hex), "kind", kind_name(b), "usage", attrs_str(&b->attrs, "usage", ""),
                         "uri", buf_str(&uri), "file", text_json(BYTES_OF(&path)), "ssh", ssh.len > 0 ? buf_str(&ssh) : NULL,
                         "fingerprint", print.len > 0 ? buf_str(&print) : NULL, "certificate", has_cert(k, agent, i),
                         "created", text_json(BYTES_STR(attrs_str(&b->attrs, "created", ""))));
}

static int add_row(struct keyring *k, const char *agent, struct item *i, struct table *t)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };
        const struct item_body *b;
        struct bytes label, id;
        int r;

        r = load_for_list(i, &b, &label, &id);
        if (r == 0)
                r = hex_encode(id, &hex);
        if (r != 0)
                return r;
        table_add_str(t, agent);
        table_add(t, label);
        table_add_str(t, kind_name(b));
        table_add_str(t, b != NULL ? attrs_str(&b->attrs, "usage", "-") : "-");
        table_add_str(t, has_cert(k, agent, i) ? "yes" : "no");
        table_add(t, BYTES_OF(&hex));
        return 0;
}

/* What is done with each key: a row, an object, a line. */
typedef int each_key(const struct cli *c, struct keyring *k, const char *agent, struct item *i, void *ctx);

static int each_of_agent(const struct cli *c, struct keyring *k, const char *agent, each_key *fn, void *ctx)
{
        struct item_list *l = NULL;
        int r;

        r = store_items(keyring_store(k), agent, &l);
        for (size_t i = 0; r == 0 && i < l->n; ++i) {
                if (l->list[i]->type == ITEM_KEY)
                        r = fn(c, k, agent, l->list[i], ctx);
                /* Removed by somebody else since the directory was read. */
                if (r == ERR_STALE)
                        r = 0;
        }
        if (l != NULL)
                item_list_unref(l);
        return r;
}

static int each(const struct cli *c, struct keyring *k, const char *agent, each_key *fn, void *ctx)
{
        struct agent_names names = { 0 };
        int r;

        if (agent != NULL)
                return each_of_agent(c, k, agent, fn, ctx);
        r = store_agents(keyring_store(k), &names);
        for (size_t i = 0; r == 0 && i < names.n; ++i) {
                r = each_of_agent(c, k, names.list[i], fn, ctx);
                if (r == ERR_NOENT)
                        r = 0;
        }
        agent_names_clear(&names);
        return r;
}

static int each_row(const struct cli *c, struct keyring *k, const char *agent, struct item *i, void *ctx)
{
        (void)c;
        return add_row(k, agent, i, ctx);
}

int keycmd_list(const struct cli *c, struct keyring *k, const char *agent)
{
        struct table t = { .columns = 6 };
        int r;

        for (const char *const *head = (const char *const[]){ "AGENT", "LABEL", "KIND", "USE", "CERT", "ID", NULL }; *head != NULL; ++head)
                table_add_str(&t, *head);
        r = each(c, k, agent, each_row, &t);
        if (r == 0 && t.n > t.columns)
                table_print(c, &t);
        else if (r == 0)
                say(c, "No keys yet. Next: holdfast key create AGENT/LABEL");
        table_clear(&t);
        return r;
}

static int each_json(const struct cli *c, struct keyring *k, const char *agent, struct item *i, void *ctx)
{
        (void)c;
        return json_array_append_new(ctx, keycmd_json(k, agent, i)) == 0 ? 0 : err(ERR_NOMEM, "cannot make the JSON document");
}

int keycmd_list_json(struct keyring *k, const char *agent, json_t *list)
{
        return each(NULL, k, agent, each_json, list);
}

static int each_name(const struct cli *c, struct keyring *k, const char *agent, struct item *i, void *ctx)
{
        CLEANUP(buf_clear) struct buf safe_agent = { 0 }, safe_label = { 0 };
        struct bytes label;
        int r;

        (void)c, (void)k, (void)ctx;
        r = item_label(i, &label);
        if (r == 0)
                printf("%s/%s\n", text_str(BYTES_STR(agent), &safe_agent), text_str(label, &safe_label));
        return r;
}

static int each_ssh(const struct cli *c, struct keyring *k, const char *agent, struct item *i, void *ctx)
{
        CLEANUP(buf_clear) struct buf line = { 0 }, safe_agent = { 0 }, safe_label = { 0 };
        const struct item_body *b;
        struct bytes label, id;
        int r;

        (void)k, (void)ctx;
        r = load_for_list(i, &b, &label, &id);
        if (r == 0 && b == NULL)
                say(c, "Warning   %s", err_text());
        if (r != 0 || b == NULL || !keytext_is_public(&b->pub))
                return r;
        r = keytext_ssh(&b->pub, &line);
        if (r == 0)
                printf("%s %s/%s\n", buf_str(&line), text_str(BYTES_STR(agent), &safe_agent), text_str(label, &safe_label));
        return r;
}

int cmd_key_list(struct cli *c)
{
        const char *agent = cli_arg(c, 0);
        struct keyring *k = NULL;
        json_t *list;
        int r;

        if (cli_flag(c, "names") + cli_flag(c, "ssh") + cli_flag(c, "json") > 1)
                return err(ERR_USAGE, "choose one of --names, --ssh and --json");
        list = json_array();
        r = keycmd_open(c, &k);
        if (r == 0 && cli_flag(c, "json")) {
                r = keycmd_list_json(k, agent, list);
                if (r == 0)
                        r = print_json("keys", json_pack("{s:O}", "keys", list));
        } else if (r == 0 && (cli_flag(c, "names") || cli_flag(c, "ssh"))) {
                r = each(c, k, agent, cli_flag(c, "ssh") ? each_ssh : each_name, NULL);
        } else if (r == 0) {
                r = keycmd_list(c, k, agent);
        }
        json_decref(list);
        keyring_close(k);
        return r;
}

int keycmd_print_made(const struct cli *c, struct keyring *k, const char *agent, struct item *i)
{
        CLEANUP(buf_clear) struct buf uri = { 0 }, path = { 0 }, ssh = { 0 };
        const struct item_body *b;
        int r;

        r = item_load(i, &b);
        if (r == 0)
                r = keyname_uri(k, agent, i, keytext_is_public(&b->pub) ? "private" : "secret-key", &uri);
        if (r == 0)
                r = store_item_path(keyring_store(k), agent, i, &path);
        if (r != 0)
                return r;
        print_field("Key", "%s", buf_str(&uri));
        print_field("", "%s, in the TPM, not exportable", kind_name(b));
        print_field("File", "%s", buf_str(&path));
        if (keytext_is_public(&b->pub) && keytext_ssh(&b->pub, &ssh) == 0)
                print_field("SSH", "%s %s", buf_str(&ssh), agent);
        if (ssh.len > 0)
                say(c, "Next      holdfast config ssh --install        or   holdfast help config");
        return 0;
}
