/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast config: shows, writes or removes what a program needs to use the keys. */
#include "lib/keytext.h"
#include "lib/pem.h"
#include "tools/keycmd.h"
#include "tools/places.h"
#include "tools/text.h"

/* What struct plan_facts borrows from. */
struct sources {
        struct places places;
        struct buf key_ref, cert, ssh_key;
};

static void sources_clear(struct sources *s)
{
        places_clear(&s->places);
        buf_clear(&s->key_ref);
        buf_clear(&s->cert);
        buf_clear(&s->ssh_key);
}

static int find_key(const struct cli *c, struct sources *s)
{
        CLEANUP(key_name_clear) struct key_name name = { 0 };
        CLEANUP(key_facts_clear) struct key_facts f = { 0 };
        CLEANUP(pubkey_clear) struct pubkey pub = { 0 };
        CLEANUP(buf_clear) struct buf cert = { 0 };
        struct keeper k = { 0 };
        int r;

        r = key_name_parse(cli_arg(c, 1), NULL, &name);
        if (r == 0)
                r = keeper_open(c, false, &k);
        if (r == 0)
                r = keeper_key(&k, &name, &f, &cert);
        keeper_close(&k);
        if (r == 0)
                r = key_name_ref(name.agent, &f, &s->key_ref);
        if (r == 0 && cert.len > 0)
                r = pem_encode("CERTIFICATE", BYTES(NULL, 0), BYTES_OF(&cert), &s->cert);
        if (r == 0)
                r = keycmd_pubkey(&f, &pub);
        return r == 0 ? keytext_ssh(&pub, &s->ssh_key) : r;
}

static const char *str_or_null(struct buf *b)
{
        return b->len > 0 ? buf_str(b) : NULL;
}

/* To remove, the places are enough. */
static int make_plan(const struct cli *c, const struct program *program, bool with_key, struct plan *ret)
{
        CLEANUP(sources_clear) struct sources s = { 0 };
        struct plan_facts f;
        int r;

        r = places_find(&s.places);
        if (r == 0 && with_key)
                r = find_key(c, &s);
        if (r != 0)
                return r;
        f = places_facts(&s.places);
        f.key_ref = with_key ? str_or_null(&s.key_ref) : "";
        f.cert = with_key ? str_or_null(&s.cert) : "";
        f.ssh_key = with_key ? str_or_null(&s.ssh_key) : "";
        return program->plan(&f, ret);
}

static int print_plan_json(const struct program *program, const char *done, struct plan *p)
{
        json_t *files = json_array();
        int r;

        for (size_t i = 0; i < p->n; ++i)
                json_array_append_new(files, json_pack("{s:s, s:s}", "path", buf_str(&p->files[i].path), "content", buf_str(&p->files[i].content)));
        r = print_json("config", json_pack("{s:s, s:s, s:O, s:s?, s:s?, s:s?, s:s}", "program", program->name, "done", done, "files", files,
                                           "hook_path", str_or_null(&p->hook_path), "hook_line", str_or_null(&p->hook_line),
                                           "git_include", str_or_null(&p->include), "next", buf_str(&p->next)));
        json_decref(files);
        return r;
}

static void print_plan(struct plan *p)
{
        for (size_t i = 0; i < p->n; ++i)
                printf("%s## %s\n%s", i > 0 ? "\n" : "", buf_str(&p->files[i].path), buf_str(&p->files[i].content));
        if (p->hook_path.len > 0)
                printf("\n## %s, first line\n%s\n", buf_str(&p->hook_path), buf_str(&p->hook_line));
        if (p->include.len > 0)
                printf("\n## git config --global --add include.path %s\n", buf_str(&p->include));
}

static void print_done(const char *word, struct plan *p)
{
        for (size_t i = 0; i < p->n; ++i)
                print_field(word, "%s", buf_str(&p->files[i].path));
        if (p->hook_path.len > 0)
                print_field("", "a line in %s", buf_str(&p->hook_path));
        if (p->include.len > 0)
                print_field("", "include.path in git's global configuration");
}

static int carry_out(const struct cli *c, const struct program *program, struct plan *p)
{
        bool install = cli_flag(c, "install"), rm = cli_flag(c, "remove"), dry = cli_flag(c, "dry-run");
        const char *done = dry ? "nothing" : install ? "installed" : rm ? "removed" : "nothing";
        int r = 0;

        if (install && !dry)
                r = plan_install(p);
        else if (rm && !dry)
                r = plan_remove(p);
        if (r != 0)
                return r;
        if (cli_flag(c, "json"))
                return print_plan_json(program, done, p);
        if (!install && !rm)
                print_plan(p);
        else
                print_done(dry ? "Would be" : install ? "Wrote" : "Removed", p);
        if (!rm)
                say(c, "Next      %s", buf_str(&p->next));
        return 0;
}

int cmd_config(struct cli *c)
{
        const struct program *program = program_by_name(cli_arg(c, 0));
        bool rm = cli_flag(c, "remove");
        struct plan p = { 0 };
        int r;

        if (program == NULL)
                return err(ERR_USAGE, "holdfast config knows ssh, openssl, git, p11-kit, curl and nginx, not %s", cli_arg(c, 0));
        if (cli_flag(c, "print") + cli_flag(c, "install") + rm > 1)
                return err(ERR_USAGE, "choose one of --print, --install and --remove");
        if (program->needs_key && !rm && cli_arg(c, 1) == NULL)
                return err(ERR_USAGE, "holdfast config %s needs AGENT or AGENT/LABEL", program->name);
        if (!program->needs_key && cli_arg(c, 1) != NULL)
                return err(ERR_USAGE, "holdfast config %s is for all agents: it takes no %s", program->name, cli_arg(c, 1));
        r = make_plan(c, program, program->needs_key && !rm, &p);
        if (r == 0)
                r = carry_out(c, program, &p);
        plan_clear(&p);
        return r;
}
