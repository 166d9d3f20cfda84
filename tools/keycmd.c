/* SPDX-License-Identifier: BSD-2-Clause */
/* Shows keys; holdfast key list. */
#include <string.h>
#include "tools/keycmd.h"
#include "lib/keytext.h"
#include "tools/text.h"

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

int keycmd_pubkey(const struct key_facts *f, struct pubkey *ret)
{
        return f->spki.len > 0 ? pubkey_from_spki(BYTES_OF(&f->spki), ret) : err(ERR_INVAL, "this key has no public half");
}

/* What only a key with a public half has; empty otherwise. */
static int public_of(const struct key_facts *f, struct buf *ret_ssh, struct buf *ret_print)
{
        CLEANUP(pubkey_clear) struct pubkey pub = { 0 };
        int r;

        if (f->spki.len == 0)
                return 0;
        r = keycmd_pubkey(f, &pub);
        if (r == 0)
                r = keytext_ssh(&pub, ret_ssh);
        return r == 0 && ret_print != NULL ? keytext_fingerprint(&pub, ret_print) : r;
}

json_t *keycmd_json(const char *agent, const struct key_facts *f)
{
        CLEANUP(buf_clear) struct buf uri = { 0 }, ssh = { 0 }, print = { 0 }, hex = { 0 };

        if (hex_encode(BYTES_OF(&f->id), &hex) != 0)
                return NULL;
        if (f->damaged)
                return json_pack("{s:o, s:o, s:s, s:o, s:o}", "agent", text_json(BYTES_STR(agent)), "label", text_json(BYTES_OF(&f->label)),
                                 "id", buf_str(&hex), "kind", text_json(BYTES_OF(&f->kind)), "file", text_json(BYTES_OF(&f->file)));
        if (key_name_uri(agent, f, key_name_type(f), &uri) != 0 || public_of(f, &ssh, &print) != 0)
                return NULL;
        return json_pack("{s:o, s:o, s:s, s:o, s:o, s:s, s:o, s:s?, s:s?, s:b, s:o}", "agent", text_json(BYTES_STR(agent)),
                         "label", text_json(BYTES_OF(&f->label)), "id", buf_str(&hex), "kind", text_json(BYTES_OF(&f->kind)),
                         "usage", text_json(BYTES_OF(&f->usage)), "uri", buf_str(&uri), "file", text_json(BYTES_OF(&f->file)),
                         "ssh", ssh.len > 0 ? buf_str(&ssh) : NULL, "fingerprint", print.len > 0 ? buf_str(&print) : NULL,
                         "certificate", f->certificate, "created", text_json(BYTES_OF(&f->created)));
}

static int add_row(void *ctx, const char *agent, const struct key_facts *f)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };
        struct table *t = ctx;
        int r;

        r = hex_encode(BYTES_OF(&f->id), &hex);
        if (r != 0)
                return r;
        table_add_str(t, agent);
        table_add(t, BYTES_OF(&f->label));
        table_add(t, BYTES_OF(&f->kind));
        table_add(t, f->usage.len > 0 ? BYTES_OF(&f->usage) : BYTES_STR("-"));
        table_add_str(t, f->certificate ? "yes" : "no");
        table_add(t, BYTES_OF(&hex));
        return 0;
}

int keycmd_list(const struct cli *c, struct keeper *k, const char *agent)
{
        struct table t = { .columns = 6 };
        int r;

        for (const char *const *head = (const char *const[]){ "AGENT", "LABEL", "KIND", "USE", "CERT", "ID", NULL }; *head != NULL; ++head)
                table_add_str(&t, *head);
        r = keeper_keys(k, agent, add_row, &t);
        if (r == 0 && t.n > t.columns)
                table_print(c, &t);
        else if (r == 0)
                say(c, "No keys yet. Next: holdfast key create AGENT/LABEL");
        table_clear(&t);
        return r;
}

static int add_json(void *ctx, const char *agent, const struct key_facts *f)
{
        return json_array_append_new(ctx, keycmd_json(agent, f)) == 0 ? 0 : err(ERR_NOMEM, "cannot make the JSON document");
}

int keycmd_list_json(struct keeper *k, const char *agent, json_t *list)
{
        return keeper_keys(k, agent, add_json, list);
}

static int print_name(void *ctx, const char *agent, const struct key_facts *f)
{
        CLEANUP(buf_clear) struct buf safe_agent = { 0 }, safe_label = { 0 };

        (void)ctx;
        printf("%s/%s\n", text_str(BYTES_STR(agent), &safe_agent), text_str(BYTES_OF(&f->label), &safe_label));
        return 0;
}

static int print_ssh(void *ctx, const char *agent, const struct key_facts *f)
{
        CLEANUP(buf_clear) struct buf line = { 0 }, safe_agent = { 0 }, safe_label = { 0 };
        int r;

        if (f->damaged)
                say(ctx, "Warning   the file of a key of agent %s is damaged: %.*s", agent, (int)f->file.len, (const char *)f->file.ptr);
        r = public_of(f, &line, NULL);
        if (r == 0 && line.len > 0)
                printf("%s %s/%s\n", buf_str(&line), text_str(BYTES_STR(agent), &safe_agent), text_str(BYTES_OF(&f->label), &safe_label));
        return r;
}

int cmd_key_list(struct cli *c)
{
        const char *agent = cli_arg(c, 0);
        struct keeper k = { 0 };
        json_t *list;
        int r;

        if (cli_flag(c, "names") + cli_flag(c, "ssh") + cli_flag(c, "json") > 1)
                return err(ERR_USAGE, "choose one of --names, --ssh and --json");
        list = json_array();
        r = keeper_open(c, false, &k);
        if (r == 0 && cli_flag(c, "json")) {
                r = keycmd_list_json(&k, agent, list);
                if (r == 0)
                        r = print_json("keys", json_pack("{s:O}", "keys", list));
        } else if (r == 0 && (cli_flag(c, "names") || cli_flag(c, "ssh"))) {
                r = keeper_keys(&k, agent, cli_flag(c, "ssh") ? print_ssh : print_name, c);
        } else if (r == 0) {
                r = keycmd_list(c, &k, agent);
        }
        json_decref(list);
        keeper_close(&k);
        return r;
}

int keycmd_print_made(const struct cli *c, const char *agent, const struct key_facts *f)
{
        CLEANUP(buf_clear) struct buf uri = { 0 }, ssh = { 0 };
        int r;

        r = key_name_uri(agent, f, key_name_type(f), &uri);
        if (r != 0)
                return r;
        print_field("Key", "%s", buf_str(&uri));
        print_field("", "%.*s, in the TPM, not exportable", (int)f->kind.len, (const char *)f->kind.ptr);
        print_field("File", "%.*s", (int)f->file.len, (const char *)f->file.ptr);
        if (public_of(f, &ssh, NULL) == 0 && ssh.len > 0) {
                print_field("SSH", "%s %s", buf_str(&ssh), agent);
                say(c, "Next      holdfast config ssh --install        or   holdfast help config");
        }
        return 0;
}
