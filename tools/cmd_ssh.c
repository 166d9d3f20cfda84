/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast ssh and ssh-config: OpenSSH's client with an agent's key and certificate. */
#include <string.h>
#include "tools/agentrun.h"
#include "tools/places.h"
#include "tools/text.h"

/* As a word of ssh_config(5), ended. tokens: this keyword takes % for a token of its own. */
static int ssh_word(struct bytes path, bool tokens, struct buf *ret)
{
        int r = buf_append_u8(ret, '"');

        for (size_t i = 0; r == 0 && i < path.len; ++i) {
                if (path.ptr[i] == '"' || path.ptr[i] == '\n')
                        return err(ERR_INVAL, "ssh cannot be told of the path %.*s", (int)path.len, (const char *)path.ptr);
                r = tokens && path.ptr[i] == '%' ? buf_append_str(ret, "%%") : buf_append_u8(ret, path.ptr[i]);
        }
        if (r == 0)
                r = buf_append_u8(ret, '"');
        return r == 0 && buf_str(ret) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

static int file_word(const struct credfiles *f, const char *name, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        int r;

        r = credfiles_path(f, name, &path);
        return r == 0 ? ssh_word(BYTES_OF(&path), true, ret) : r;
}

/* Beside the system's own, so that the user's stay whatever they are. */
static int known_hosts(const struct credfiles *f, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf path = { 0 }, ours = { 0 };
        int r;

        r = credfiles_path(f, CRED_KNOWN_HOSTS, &path);
        if (r == 0)
                r = ssh_word(BYTES_OF(&path), false, &ours);
        if (r == 0)
                r = buf_printf(ret, "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2 %s", buf_str(&ours));
        return r == 0 && buf_str(ret) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

static int add_option(struct words *w, const char *name, struct buf *value)
{
        int r = words_add(w, "-o");

        return r == 0 ? words_add(w, "%s %s", name, buf_str(value)) : r;
}

/* By the helper's ssh-agent, and no other key of whoever runs this. */
static int begin_ssh(const struct agentrun *a, struct words *w)
{
        CLEANUP(buf_clear) struct buf path = { 0 }, socket = { 0 }, key = { 0 }, cert = { 0 }, hosts = { 0 };
        int r;

        r = credfiles_need(&a->files, CRED_SSH_CERT, "SSH certificate", &path);
        if (r == 0)
                r = ssh_word(BYTES_OF(&a->socket), true, &socket);
        if (r == 0)
                r = file_word(&a->files, CRED_SSH_KEY, &key);
        if (r == 0)
                r = ssh_word(BYTES_OF(&path), true, &cert);
        if (r == 0)
                r = words_add(w, "ssh");
        if (r == 0)
                r = add_option(w, "IdentityAgent", &socket);
        if (r == 0)
                r = add_option(w, "IdentityFile", &key);
        if (r == 0)
                r = add_option(w, "CertificateFile", &cert);
        if (r == 0)
                r = words_add(w, "-o");
        if (r == 0)
                r = words_add(w, "IdentitiesOnly yes");
        if (r != 0 || !credfiles_has(&a->files, CRED_KNOWN_HOSTS))
                return r;
        r = known_hosts(&a->files, &hosts);
        return r == 0 ? add_option(w, "GlobalKnownHostsFile", &hosts) : r;
}

int cmd_ssh(struct cli *c)
{
        return agentrun(c, begin_ssh);
}

static int print_stanza(const struct cli *c, const struct credfiles *f, const char *module)
{
        CLEANUP(buf_clear) struct buf cert = { 0 }, hosts = { 0 };
        int r;

        r = file_word(f, CRED_SSH_CERT, &cert);
        if (r == 0)
                r = known_hosts(f, &hosts);
        if (r != 0)
                return r;
        printf("Host");
        for (size_t i = 1; i < c->n_args; ++i)
                printf(" %s", c->args[i]);
        printf("%s\n\tPKCS11Provider \"%s\"\n\tCertificateFile %s\n", c->n_args > 1 ? "" : " *", module, buf_str(&cert));
        if (credfiles_has(f, CRED_KNOWN_HOSTS))
                printf("\tGlobalKnownHostsFile %s\n", buf_str(&hosts));
        return 0;
}

int cmd_ssh_config(struct cli *c)
{
        CLEANUP(key_name_clear) struct key_name name = { 0 };
        CLEANUP(credfiles_clear) struct credfiles f = { 0 };
        CLEANUP(places_clear) struct places places = { 0 };
        CLEANUP(buf_clear) struct buf cert = { 0 };
        CLEANUP(conf_clear) struct conf conf = { 0 };
        int r;

        for (size_t i = 1; i < c->n_args; ++i) {
                if (strpbrk(c->args[i], " \t\r\n\"#") != NULL)
                        return err(ERR_USAGE, "a host's name has no blanks or quotes in it");
        }
        r = key_name_parse(cli_arg(c, 0), NULL, &name);
        if (r == 0)
                r = cli_conf(c, &conf);
        if (r == 0)
                r = credfiles_find(&conf, &name, &f);
        if (r == 0)
                r = credfiles_need(&f, CRED_SSH_CERT, "SSH certificate", &cert);
        if (r == 0)
                r = places_find(&places);
        return r == 0 ? print_stanza(c, &f, buf_str(&places.module)) : r;
}
