/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast key show, export-ref, import-cert, delete: one key that is there. */
#include <string.h>
#include "lib/pem.h"
#include "tools/cert.h"
#include "tools/keycmd.h"
#include "lib/keytext.h"
#include "tools/readfile.h"
#include "tools/text.h"

/* What the first argument names. */
struct shown {
        struct key_name name;
        struct key_facts facts;
        struct pubkey pub;              /* empty where there is no public half */
        struct buf cert;                /* DER, or empty */
};

static void shown_clear(struct shown *s)
{
        key_name_clear(&s->name);
        key_facts_clear(&s->facts);
        pubkey_clear(&s->pub);
        buf_clear(&s->cert);
}

static int find(const struct cli *c, struct shown *ret)
{
        struct keeper k = { 0 };
        int r;

        r = key_name_parse(cli_arg(c, 0), cli_value(c, "id"), &ret->name);
        if (r == 0)
                r = keeper_open(c, false, &k);
        if (r == 0)
                r = keeper_key(&k, &ret->name, &ret->facts, &ret->cert);
        keeper_close(&k);
        if (r == 0 && ret->facts.damaged)
                r = err(ERR_FORMAT, "%.*s is damaged", (int)ret->facts.file.len, (const char *)ret->facts.file.ptr);
        return r == 0 && ret->facts.spki.len > 0 ? keycmd_pubkey(&ret->facts, &ret->pub) : r;
}

static int need_pubkey(const struct shown *s)
{
        return s->facts.spki.len > 0 ? 0 : err(ERR_INVAL, "this key has no public half");
}

static int print_pem(struct shown *s)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        r = need_pubkey(s);
        if (r == 0)
                r = keytext_pem(&s->pub, &text);
        if (r == 0)
                fwrite(text.ptr, 1, text.len, stdout);
        return r;
}

static int print_ssh(struct shown *s)
{
        CLEANUP(buf_clear) struct buf line = { 0 }, comment = { 0 };
        int r;

        r = need_pubkey(s);
        if (r == 0)
                r = keytext_ssh(&s->pub, &line);
        if (r == 0)
                printf("%s %s\n", buf_str(&line), text_str(BYTES_STR(s->name.agent), &comment));
        return r;
}

static int print_uri(struct shown *s)
{
        CLEANUP(buf_clear) struct buf uri = { 0 };
        int r;

        r = key_name_uri(s->name.agent, &s->facts, key_name_type(&s->facts), &uri);
        if (r == 0)
                printf("%s\n", buf_str(&uri));
        return r;
}

static int print_path(struct shown *s)
{
        printf("%s\n", buf_str(&s->facts.file));
        return 0;
}

static int print_cert(struct shown *s)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        if (s->cert.len == 0)
                return err(ERR_NOENT, "the key has no certificate: holdfast key import-cert puts one beside it");
        r = pem_encode("CERTIFICATE", BYTES(NULL, 0), BYTES_OF(&s->cert), &text);
        if (r == 0)
                fwrite(text.ptr, 1, text.len, stdout);
        return r;
}

static int print_json_key(struct shown *s)
{
        return print_json("key", json_pack("{s:o}", "key", keycmd_json(s->name.agent, &s->facts)));
}

static int print_all(struct shown *s)
{
        CLEANUP(buf_clear) struct buf uri = { 0 }, ssh = { 0 }, print = { 0 }, hex = { 0 };
        const struct key_facts *f = &s->facts;
        bool pair = f->spki.len > 0;
        int r;

        r = hex_encode(BYTES_OF(&f->id), &hex);
        if (r == 0)
                r = key_name_uri(s->name.agent, f, key_name_type(f), &uri);
        if (r == 0 && pair)
                r = keytext_ssh(&s->pub, &ssh);
        if (r == 0 && pair)
                r = keytext_fingerprint(&s->pub, &print);
        if (r != 0)
                return r;
        print_field("Agent", "%s", s->name.agent);
        print_field("Label", "%.*s", (int)f->label.len, (const char *)f->label.ptr);
        print_field("Kind", "%s", buf_str(&s->facts.kind));
        print_field("Use", "%s", f->usage.len > 0 ? buf_str(&s->facts.usage) : "-");
        print_field("ID", "%s", buf_str(&hex));
        print_field("Created", "%s", f->created.len > 0 ? buf_str(&s->facts.created) : "-");
        print_field("Key", "%s", buf_str(&uri));
        print_field("File", "%s", buf_str(&s->facts.file));
        if (pair) {
                print_field("SSH", "%s %s", buf_str(&ssh), s->name.agent);
                print_field("Print", "%s", buf_str(&print));
        }
        return 0;
}

int cmd_key_show(struct cli *c)
{
        static const struct {
                const char *option;
                int (*print)(struct shown *s);
        } forms[] = {
                { "pem", print_pem }, { "ssh", print_ssh }, { "uri", print_uri },
                { "cert", print_cert }, { "file", print_path }, { "json", print_json_key },
        };
        CLEANUP(shown_clear) struct shown s = { 0 };
        int (*print)(struct shown *s) = print_all;
        unsigned n = 0;
        int r;

        for (size_t i = 0; i < ARRAY_LEN(forms); ++i) {
                if (cli_flag(c, forms[i].option)) {
                        print = forms[i].print;
                        ++n;
                }
        }
        if (n > 1)
                return err(ERR_USAGE, "choose one of --pem, --ssh, --uri, --cert, --file and --json");
        r = find(c, &s);
        return r == 0 ? print(&s) : r;
}

int cmd_key_export_ref(struct cli *c)
{
        CLEANUP(shown_clear) struct shown s = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        r = find(c, &s);
        if (r == 0)
                r = need_pubkey(&s);
        if (r == 0)
                r = key_name_ref(s.name.agent, &s.facts, &text);
        if (r == 0)
                fwrite(text.ptr, 1, text.len, stdout);
        return r;
}

static int print_imported(const struct cli *c, const char *agent, const struct key_facts *f, struct bytes der, bool replaced)
{
        CLEANUP(buf_clear) struct buf subject = { 0 }, issuer = { 0 }, end = { 0 }, uri = { 0 };
        bool dry = cli_flag(c, "dry-run");
        int r;

        r = cert_summary(der, &subject, &issuer, &end);
        if (r == 0)
                r = key_name_uri(agent, f, "cert", &uri);
        if (r != 0)
                return r;
        if (cli_flag(c, "json"))
                return print_json("certificate", json_pack("{s:b, s:b, s:s, s:s, s:s, s:s}", "written", !dry, "replaced", !dry && replaced,
                                                           "uri", buf_str(&uri), "subject", buf_str(&subject), "issuer", buf_str(&issuer),
                                                           "not_after", buf_str(&end)));
        print_field(dry ? "Would add" : replaced ? "Replaced" : "Added", "%s", buf_str(&uri));
        print_field("Subject", "%s", buf_str(&subject));
        print_field("Issuer", "%s", buf_str(&issuer));
        print_field("Until", "%s", buf_str(&end));
        return 0;
}

/* A certificate that cannot be shown is none. */
static int read_cert(const char *file, struct buf *ret_der)
{
        CLEANUP(buf_clear) struct buf text = { 0 }, subject = { 0 }, issuer = { 0 }, end = { 0 };
        int r;

        r = readfile(file, &text);
        if (r == 0)
                r = cert_decode(BYTES_OF(&text), ret_der);
        return r == 0 ? cert_summary(BYTES_OF(ret_der), &subject, &issuer, &end) : r;
}

int cmd_key_import_cert(struct cli *c)
{
        CLEANUP(key_name_clear) struct key_name name = { 0 };
        CLEANUP(key_facts_clear) struct key_facts f = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct keeper k = { 0 };
        bool replaced = false;
        int r;

        r = key_name_parse(cli_arg(c, 0), cli_value(c, "id"), &name);
        if (r == 0)
                r = keeper_open(c, true, &k);
        if (r == 0)
                r = read_cert(cli_arg(c, 1), &der);
        if (r == 0)
                r = keeper_cert_import(&k, &name, BYTES_OF(&der), cli_flag(c, "dry-run"), &f, &replaced);
        keeper_close(&k);
        if (r == ERR_FOREIGN)
                return ERR_MISMATCH;
        return r == 0 ? print_imported(c, name.agent, &f, BYTES_OF(&der), replaced) : r;
}

int cmd_key_delete(struct cli *c)
{
        CLEANUP(key_name_clear) struct key_name name = { 0 };
        CLEANUP(key_facts_clear) struct key_facts f = { 0 }, gone = { 0 };
        CLEANUP(buf_clear) struct buf uri = { 0 };
        bool dry = cli_flag(c, "dry-run");
        struct keeper k = { 0 };
        int r;

        if (strchr(cli_arg(c, 0), '/') == NULL && !cli_flag(c, "id"))
                return err(ERR_USAGE, "name the key as AGENT/LABEL, or give its --id");
        r = key_name_parse(cli_arg(c, 0), cli_value(c, "id"), &name);
        if (r == 0)
                r = keeper_open(c, true, &k);
        if (r == 0)
                r = keeper_key(&k, &name, &f, NULL);
        if (r == 0)
                r = key_name_uri(name.agent, &f, NULL, &uri);
        if (r == 0)
                r = ask_yes(c, "Delete key %s and its certificates for ever?", buf_str(&uri));
        /* That one, whatever is called so meanwhile. */
        if (r == 0 && f.id.len > 0)
                r = buf_set(&name.id, BYTES_OF(&f.id));
        if (r == 0)
                r = keeper_key_delete(&k, &name, dry, &gone);
        keeper_close(&k);
        if (r == 0 && cli_flag(c, "json"))
                return print_json("deleted", json_pack("{s:b, s:s}", "deleted", !dry, "key", buf_str(&uri)));
        if (r == 0)
                print_field(dry ? "Would" : "Deleted", "%s%s", dry ? "delete " : "", buf_str(&uri));
        return r;
}
