/* SPDX-License-Identifier: BSD-2-Clause */
/* What each program needs to use the keys: one function per program that writes its files as text. */
#include <string.h>
#include "tools/program.h"

#define MARK "# Written by `holdfast config"

static int add_file(struct plan *p, const char *dir, const char *name, const char *program, struct plan_file **ret)
{
        struct plan_file *f = &p->files[p->n++];
        int r;

        f->make_dir = strncmp(dir, "/etc/", 5) != 0;
        r = buf_printf(&f->path, "%s%s", dir, name);
        if (r == 0)
                r = buf_printf(&f->content, MARK " %s`, and taken away by it with --remove.\n", program);
        *ret = f;
        return r;
}

static int plan_ssh(const struct plan_facts *f, struct plan *p)
{
        struct plan_file *file;
        int r;

        r = add_file(p, f->home, "/.ssh/holdfast.conf", "ssh", &file);
        if (r == 0)
                r = buf_printf(&file->content, "Host *\n\tPKCS11Provider \"%s\"\n", f->module);
        if (r == 0)
                r = buf_printf(&p->hook_path, "%s/.ssh/config", f->home);
        /* In front of the first Host line, or it would be that host's alone. */
        if (r == 0)
                r = buf_append_str(&p->hook_line, "Include ~/.ssh/holdfast.conf");
        return r == 0 ? buf_append_str(&p->next, "holdfast key list --ssh >>authorized_keys, on the other host; then ssh HOST") : r;
}

static int plan_openssl(const struct plan_facts *f, struct plan *p)
{
        struct plan_file *file;
        int r;

        r = add_file(p, f->config_home, "/holdfast/openssl.cnf", "openssl", &file);
        if (r == 0)
                r = buf_printf(&file->content,
                               "openssl_conf = openssl_init\n"
                               ".include %s\n\n"
                               "[openssl_init]\n"
                               "engines = holdfast_engines\n\n"
                               "[holdfast_engines]\n"
                               "pkcs11 = holdfast_pkcs11\n\n"
                               "[holdfast_pkcs11]\n"
                               "engine_id = pkcs11\n"
                               "dynamic_path = %s\n"
                               "MODULE_PATH = %s\n"
                               "init = 0\n",
                               f->openssl_cnf, f->engine, f->module);
        if (r == 0)
                r = buf_printf(&p->next, "export OPENSSL_CONF=%s; openssl req -new -engine pkcs11 -keyform engine -key \"$(holdfast key show AGENT --uri)\" -subj /CN=AGENT",
                               buf_str(&file->path));
        return r;
}

/* A file that git includes, so that nothing of the user's is overwritten and all of it can be undone. */
static int plan_git(const struct plan_facts *f, struct plan *p)
{
        struct plan_file *file;
        int r;

        r = add_file(p, f->config_home, "/holdfast/gitconfig", "git", &file);
        if (r == 0)
                r = buf_printf(&file->content, "[gpg]\n\tformat = ssh\n[user]\n\tsigningkey = \"key::%s\"\n", f->ssh_key);
        if (r == 0)
                r = buf_append_str(&p->include, buf_str(&file->path));
        return r == 0 ? buf_printf(&p->next, "ssh-add -s %s; git commit -S", f->module) : r;
}

static int plan_p11_kit(const struct plan_facts *f, struct plan *p)
{
        struct plan_file *file;
        int r;

        r = add_file(p, f->config_home, "/pkcs11/modules/holdfast.module", "p11-kit", &file);
        if (r == 0)
                r = buf_printf(&file->content, "module: %s\ncritical: no\ntrust-policy: no\n", f->module);
        return r == 0 ? buf_append_str(&p->next, "p11tool --list-tokens") : r;
}

static int plan_curl(const struct plan_facts *f, struct plan *p)
{
        struct plan_file *file;
        int r;

        r = add_file(p, f->config_home, "/holdfast/curl.conf", "curl", &file);
        if (r == 0)
                r = buf_printf(&file->content,
                               "# The engine finds the module through p11-kit, or by PKCS11_MODULE_PATH=%s\n"
                               "engine = \"pkcs11\"\nkey-type = \"ENG\"\nkey = \"%s\"\ncert-type = \"ENG\"\ncert = \"%s\"\n",
                               f->module, f->key_uri, f->cert_uri);
        return r == 0 ? buf_printf(&p->next, "curl -K %s https://HOST/", buf_str(&file->path)) : r;
}

static int plan_nginx(const struct plan_facts *f, struct plan *p)
{
        struct plan_file *main_part, *server_part;
        int r;

        r = add_file(p, "/etc/nginx", "/modules-enabled/90-holdfast.conf", "nginx", &main_part);
        if (r == 0)
                r = buf_printf(&main_part->content,
                               "# The module is %s\n"
                               "# Without p11-kit, set PKCS11_MODULE_PATH to it for nginx. The workers' user must be able to read the store\n"
                               "# and to reach the TPM.\n"
                               "env PKCS11_MODULE_PATH;\nenv HOLDFAST_STORE;\nenv HOLDFAST_TCTI;\nssl_engine pkcs11;\n",
                               f->module);
        if (r == 0)
                r = add_file(p, "/etc/nginx", "/snippets/holdfast.conf", "nginx", &server_part);
        if (r == 0)
                r = buf_printf(&server_part->content, "ssl_certificate_key \"engine:pkcs11:%s\";\n", f->key_uri);
        return r == 0 ? buf_append_str(&p->next, "put `ssl_certificate FILE; include snippets/holdfast.conf;` into the server block") : r;
}

static const struct program programs[] = {
        { "ssh", false, plan_ssh },
        { "openssl", false, plan_openssl },
        { "git", true, plan_git },
        { "p11-kit", false, plan_p11_kit },
        { "curl", true, plan_curl },
        { "nginx", true, plan_nginx },
};

const struct program *program_at(size_t i)
{
        return i < ARRAY_LEN(programs) ? &programs[i] : NULL;
}

const struct program *program_by_name(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(programs); ++i) {
                if (strcmp(programs[i].name, name) == 0)
                        return &programs[i];
        }
        return NULL;
}

bool plan_mark_is(struct bytes content)
{
        return content.len >= strlen(MARK) && memcmp(content.ptr, MARK, strlen(MARK)) == 0;
}

void plan_clear(struct plan *p)
{
        for (size_t i = 0; i < PLAN_FILES; ++i) {
                buf_clear(&p->files[i].path);
                buf_clear(&p->files[i].content);
        }
        buf_clear(&p->hook_path);
        buf_clear(&p->hook_line);
        buf_clear(&p->include);
        buf_clear(&p->next);
        *p = (struct plan){ 0 };
}
