/* SPDX-License-Identifier: BSD-2-Clause */
/* How does this process become one that acts for an agent, and leave nothing behind? */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/file.h"
#include "tools/agenthelper.h"
#include "tools/agentrun.h"
#include "tools/places.h"
#include "tools/text.h"

#define CNF "openssl.cnf"

void words_clear(struct words *w)
{
        for (size_t i = 0; i < w->n; ++i)
                free(w->list[i]);
        free(w->list);
        *w = (struct words){ 0 };
}

int words_add(struct words *w, const char *fmt, ...)
{
        char **more = reallocarray(w->list, w->n + 2, sizeof *more);
        va_list ap;
        int len;

        if (more == NULL)
                return err(ERR_NOMEM, "out of memory");
        w->list = more;
        va_start(ap, fmt);
        len = vasprintf(&w->list[w->n], fmt, ap);
        va_end(ap);
        if (len < 0) {
                w->list[w->n] = NULL;
                return err(ERR_NOMEM, "out of memory");
        }
        w->list[++w->n] = NULL;
        return 0;
}

/* What is given behind the agent, without the "--" in front of it. */
static int add_rest(struct words *w, const struct cli *c)
{
        size_t i = c->n_args > 1 && strcmp(c->args[1], "--") == 0 ? 2 : 1;
        int r = 0;

        for (; r == 0 && i < c->n_args; ++i)
                r = words_add(w, "%s", c->args[i]);
        return r;
}

static void clear(struct agentrun *a)
{
        credfiles_clear(&a->files);
        buf_clear(&a->socket);
}

/* The system's configuration of OpenSSL, and the provider. */
static int write_cnf(const struct agentrun *a, int dirfd)
{
        CLEANUP(places_clear) struct places places = { 0 };
        struct plan plan = { 0 };
        struct plan_facts facts;
        CLEANUP(buf_clear) struct buf path = { 0 };
        int r;

        r = places_find(&places);
        if (r == 0) {
                facts = places_facts(&places);
                r = program_by_name("openssl")->plan(&facts, &plan);
        }
        if (r == 0)
                r = file_write(dirfd, CNF, BYTES_OF(&plan.files[0].content), 0600, true);
        plan_clear(&plan);
        if (r == 0)
                r = buf_printf(&path, "%s/" CNF, a->dir.path);
        if (r == 0 && (buf_str(&path) == NULL || setenv("OPENSSL_CONF", buf_str(&path), 1) != 0))
                r = err(ERR_NOMEM, "out of memory");
        return r;
}

/* By the names that SPIFFE's helpers give them. */
static int link_svid(const struct agentrun *a, int dirfd)
{
        static const char *const links[][2] = { { CRED_CERT, "svid.pem" }, { CRED_KEY, "svid_key.pem" }, { CRED_BUNDLE, "svid_bundle.pem" } };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_LEN(links); ++i) {
                CLEANUP(buf_clear) struct buf path = { 0 };

                r = credfiles_path(&a->files, links[i][0], &path);
                if (r == 0 && symlinkat(buf_str(&path), dirfd, links[i][1]) != 0)
                        r = err_errno("cannot make a link in %s", a->dir.path);
        }
        return r;
}

/* A path for which there may be no file yet: a credential that the profile does not ask for today may come with a renewal. */
static int set_path(const struct agentrun *a, const char *variable, const char *name)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        int r;

        r = credfiles_path(&a->files, name, &path);
        return r == 0 && setenv(variable, buf_str(&path), 1) != 0 ? err(ERR_NOMEM, "out of memory") : r;
}

static int set_environment(struct agentrun *a, const struct conf *conf)
{
        static const struct {
                const char *variable, *name;
        } paths[] = {
                { "HOLDFAST_KEY", CRED_KEY }, { "HOLDFAST_CERT", CRED_CERT }, { "HOLDFAST_CA_BUNDLE", CRED_BUNDLE },
        };
        CLEANUP(buf_clear) struct buf token = { 0 };
        int failed, r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_LEN(paths); ++i)
                r = set_path(a, paths[i].variable, paths[i].name);
        if (r == 0)
                r = credfiles_token_socket(conf, &token);
        if (r != 0)
                return r;
        failed = setenv("HOLDFAST_AGENT", a->files.agent, 1) | setenv("HOLDFAST_TOKEN_SOCKET", buf_str(&token), 1) |
                 setenv("HOLDFAST_SVID_DIR", a->dir.path, 1) | setenv("SSH_AUTH_SOCK", buf_str(&a->socket), 1);
        if (a->files.spiffe_id.len > 0)
                failed |= setenv("HOLDFAST_SPIFFE_ID", buf_str(&a->files.spiffe_id), 1);
        return failed == 0 ? 0 : err(ERR_NOMEM, "out of memory");
}

/* In the directory, which is there; the helper takes it away. */
static int furnish(struct agentrun *a, const struct conf *conf)
{
        CLEANUP(close_fd) int dirfd = -1;
        int r;

        r = dir_open(AT_FDCWD, a->dir.path, &dirfd);
        if (r == 0)
                r = write_cnf(a, dirfd);
        if (r == 0)
                r = link_svid(a, dirfd);
        if (r == 0)
                r = buf_printf(&a->socket, "%s/ssh", a->dir.path);
        if (r == 0 && buf_str(&a->socket) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = agenthelper_start(&a->files, &a->dir, (const char *)a->socket.ptr);
        return r == 0 ? set_environment(a, conf) : r;
}

/* From here on the helper waits for the end of this process. */
static int open_run(struct cli *c, struct agentrun *a)
{
        CLEANUP(key_name_clear) struct key_name name = { 0 };
        CLEANUP(conf_clear) struct conf conf = { 0 };
        int r;

        r = key_name_parse(cli_arg(c, 0), NULL, &name);
        if (r == 0)
                r = cli_conf(c, &conf);
        if (r == 0)
                r = credfiles_find(&conf, &name, &a->files);
        if (r == 0)
                r = credfiles_live(&a->files);
        if (r == 0)
                r = dev_dir_make(&a->dir);
        if (r != 0)
                return r;
        r = furnish(a, &conf);
        if (r != 0)
                dev_dir_remove(&a->dir);
        return r;
}

/* 126 or 127 if it cannot be run. */
static int become(const struct cli *c, const struct words *w)
{
        const char *log = getenv("TSS2_LOG");
        int e;

        /* main() has set that for our own calls. */
        if (log != NULL && strcmp(log, "all+none") == 0)
                unsetenv("TSS2_LOG");
        fflush(NULL);
        execvp(w->list[0], w->list);
        e = errno;
        say(c, "holdfast: cannot run %s: %s.", w->list[0], strerror(e));
        return e == ENOENT ? 127 : 126;
}

int agentrun(struct cli *c, int (*begin)(const struct agentrun *a, struct words *w))
{
        CLEANUP(words_clear) struct words w = { 0 };
        CLEANUP(clear) struct agentrun a = { 0 };
        int r;

        r = open_run(c, &a);
        if (r == 0 && begin != NULL)
                r = begin(&a, &w);
        if (r == 0)
                r = add_rest(&w, c);
        if (r == 0 && w.n == 0)
                r = err(ERR_USAGE, "holdfast %s needs a command behind the agent", c->verb->name);
        return r == 0 ? become(c, &w) : r;
}
