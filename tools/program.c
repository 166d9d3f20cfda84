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

/* To the end of openssl.cnf, whatever sections it has. Where nothing is activated OpenSSL takes the default provider by itself, and stops
 * doing so when ours is: then both have to be named. */
static int append_provider(const struct plan_facts *f, struct buf *out)
{
        const bool alone = !f->openssl->activates;
        struct buf init = f->openssl->init, providers = f->openssl->providers;

        return buf_printf(out,
                          "[%.*s]\n"
                          "providers = %.*s\n\n"
                          "[%.*s]\n"
                          "%s"
                          "holdfast = holdfast_provider\n\n"
                          "%s"
                          "[holdfast_provider]\n"
                          "module = %s\n"
                          "pkcs11-module-path = %s\n"
                          "activate = 1\n",
                          (int)init.len, (const char *)init.ptr, (int)providers.len, (const char *)providers.ptr,
                          (int)providers.len, (const char *)providers.ptr, alone ? "default = holdfast_default\n" : "",
                          alone ? "[holdfast_default]\nactivate = 1\n\n" : "", f->provider, f->module);
}

/* One file that is complete, and one for whoever administers an openssl.cnf to include at its end. */
static int plan_openssl(const struct plan_facts *f, struct plan *p)
{
        struct plan_file *whole, *part;
        int r;

        r = add_file(p, f->config_home, "/holdfast/openssl.cnf", "openssl", &whole);
        if (r == 0)
                r = buf_printf(&whole->content, "openssl_conf = %.*s\n.include %s\n\n", (int)f->openssl->init.len, (const char *)f->openssl->init.ptr, f->openssl_cnf);
        if (r == 0)
                r = append_provider(f, &whole->content);
        if (r == 0)
                r = add_file(p, f->config_home, "/holdfast/provider.cnf", "openssl", &part);
        if (r == 0)
                r = append_provider(f, &part->content);
        if (r == 0)
                r = buf_printf(&p->next, "export OPENSSL_CONF=%s, or for all users add `.include %s` to the end of %s; "
                                         "holdfast key export-ref AGENT >AGENT.key.pem",
                               buf_str(&whole->path), buf_str(&part->path), f->openssl_cnf);
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

/* The files that stand for a key and its certificate in dir, and what names them in another file. To remove, all are listed. */
static int add_key_files(const struct plan_facts *f, struct plan *p, const char *dir, const char *program, struct plan_file **ret_key, struct plan_file **ret_cert)
{
        CLEANUP(buf_clear) struct buf key = { 0 }, cert = { 0 };
        int r;

        *ret_cert = NULL;
        r = buf_printf(&key, "/%s.key.pem", program);
        if (r == 0)
                r = buf_printf(&cert, "/%s.pem", program);
        if (r == 0)
                r = add_file(p, dir, buf_str(&key), program, ret_key);
        if (r == 0)
                r = buf_append_str(&(*ret_key)->content, f->key_ref);
        if (r == 0 && f->cert != NULL)
                r = add_file(p, dir, buf_str(&cert), program, ret_cert);
        return r == 0 && f->cert != NULL ? buf_append_str(&(*ret_cert)->content, f->cert) : r;
}

#define NO_CERT "# The key has no certificate: holdfast key import-cert puts one beside it; then write this again.\n"

static int plan_curl(const struct plan_facts *f, struct plan *p)
{
        CLEANUP(buf_clear) struct buf dir = { 0 };
        struct plan_file *file, *key, *cert;
        int r;

        r = buf_printf(&dir, "%s/holdfast", f->config_home);
        if (r == 0)
                r = add_file(p, buf_str(&dir), "/curl.conf", "curl", &file);
        if (r == 0)
                r = add_key_files(f, p, buf_str(&dir), "curl", &key, &cert);
        if (r == 0)
                r = buf_printf(&file->content, "key = \"%s\"\n", buf_str(&key->path));
        if (r == 0)
                r = cert != NULL ? buf_printf(&file->content, "cert = \"%s\"\n", buf_str(&cert->path)) : buf_append_str(&file->content, NO_CERT);
        return r == 0 ? buf_printf(&p->next, "holdfast config openssl; curl -K %s https://HOST/", buf_str(&file->path)) : r;
}

static int plan_nginx(const struct plan_facts *f, struct plan *p)
{
        struct plan_file *main_part, *server_part, *key, *cert;
        int r;

        r = add_file(p, "/etc/nginx", "/modules-enabled/90-holdfast.conf", "nginx", &main_part);
        if (r == 0)
                r = buf_append_str(&main_part->content,
                                   "# nginx needs the OpenSSL provider: holdfast config openssl says how. The workers' user must be able to read the\n"
                                   "# store and to reach the TPM.\n"
                                   "env HOLDFAST_STORE;\nenv HOLDFAST_TCTI;\n");
        if (r == 0)
                r = add_file(p, "/etc/nginx", "/snippets/holdfast.conf", "nginx", &server_part);
        if (r == 0)
                r = add_key_files(f, p, "/etc/nginx/snippets", "nginx", &key, &cert);
        if (r == 0)
                r = buf_printf(&server_part->content, "ssl_certificate_key %s;\n", buf_str(&key->path));
        if (r == 0)
                r = cert != NULL ? buf_printf(&server_part->content, "ssl_certificate %s;\n", buf_str(&cert->path)) : buf_append_str(&server_part->content, NO_CERT);
        return r == 0 ? buf_append_str(&p->next, "put `include snippets/holdfast.conf;` into the server block") : r;
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
