/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts and stops the issuer of `holdfast dev`: on loopback, trusting nothing but this software TPM's maker. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/file.h"
#include "tools/dev.h"
#include "tools/module.h"

#define STOP_MS 12000
#define TRIES 5                 /* another may take the port that was free a moment ago */
#define TRUST_DOMAIN "dev.localhost"
#define DOMAIN "dev.localhost"
#define HOST "host.dev.localhost"

/* Everything about it, spelled out once. */
struct paths {
        char program[256], conf[128], dir[128], roots[128], socket[128], ca[128], url[64], listen[64];
};

static int free_port(unsigned *ret)
{
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        CLEANUP(close_fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        socklen_t len = sizeof a;

        if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || getsockname(fd, (struct sockaddr *)&a, &len) != 0)
                return err_errno("there is no free port on 127.0.0.1");
        *ret = ntohs(a.sin_port);
        return 0;
}

static int choose(const struct dev_dir *d, struct paths *p)
{
        CLEANUP(buf_clear) struct buf program = { 0 };
        unsigned port = 0;
        int r = module_issuer_path(&program);

        if (r == 0)
                r = free_port(&port);
        if (r != 0)
                return r;
        if (program.len >= sizeof p->program)
                return err(ERR_RANGE, "the issuer's path is too long");
        snprintf(p->program, sizeof p->program, "%.*s", (int)program.len, (const char *)program.ptr);
        snprintf(p->conf, sizeof p->conf, "%s/issuer.conf", d->path);
        snprintf(p->dir, sizeof p->dir, "%s/issuer", d->path);
        snprintf(p->roots, sizeof p->roots, "%s/ek-roots", d->path);
        snprintf(p->socket, sizeof p->socket, "%s/issuer.sock", d->path);
        snprintf(p->ca, sizeof p->ca, "%s/issuer/log-keys.pem", d->path);
        snprintf(p->url, sizeof p->url, "https://localhost:%u", port);
        snprintf(p->listen, sizeof p->listen, "127.0.0.1:%u", port);
        return 0;
}

/* A directory of its own: what else is in ours is no certificate. */
static int put_roots(const struct dev_dir *d, const struct paths *p)
{
        char from[128], to[160];

        snprintf(from, sizeof from, "%s/ek-ca.pem", d->path);
        snprintf(to, sizeof to, "%s/ek-ca.pem", p->roots);
        if (mkdir(p->roots, 0700) != 0 || link(from, to) != 0)
                return err_errno("cannot make %s", to);
        return 0;
}

static int try_start(const struct dev_dir *d, struct paths *p, pid_t *ret)
{
        int r = choose(d, p);

        if (r == 0)
                r = dev_run(d, "issuer", (const char *[]){ p->program, "init", "--conf", p->conf, "--trust-domain", TRUST_DOMAIN, "--url", p->url,
                                                            "--directory", p->dir, "--domain", DOMAIN, "--listen", p->listen, "--admin-socket", p->socket,
                                                            "--simulator-roots", p->roots, NULL });
        if (r == 0)
                r = dev_server_start(d, "issuer", (const char *[]){ p->program, "serve", "--conf", p->conf, NULL }, ret);
        return r;
}

/* For our daemon and CMD. From a build tree, `holdfast-issuer` shall be this one. */
static int issuer_env(struct paths *p)
{
        const char *slash = strrchr(p->program, '/'), *old = getenv("PATH");
        CLEANUP(buf_clear) struct buf path = { 0 };
        int r = 0;

        if (slash != NULL)
                r = buf_printf(&path, "%.*s%s%s", (int)(slash - p->program), p->program, old != NULL ? ":" : "", old != NULL ? old : "");
        if (r == 0 && (setenv("HOLDFAST_ISSUER", p->url, 1) != 0 || setenv("HOLDFAST_ISSUER_CA", p->ca, 1) != 0 ||
                       setenv("HOLDFAST_ISSUER_HOST", HOST, 1) != 0 || setenv("HOLDFAST_ISSUER_CONF", p->conf, 1) != 0 ||
                       (path.len > 0 && setenv("PATH", buf_str(&path), 1) != 0)))
                r = err(ERR_NOMEM, "out of memory");
        return r;
}

int dev_issuer_start(const struct dev_dir *d, struct dev_issuer *ret)
{
        struct paths p;
        int r;

        ret->pid = -1;
        r = choose(d, &p);
        if (r == 0)
                r = put_roots(d, &p);
        for (int i = 0; r == 0 && i < TRIES; ++i) {
                unlink(p.conf);
                r = try_start(d, &p, &ret->pid);
                if (r == 0)
                        return issuer_env(&p);
                dev_stop(&ret->pid, STOP_MS);
                /* Only of a port that was taken there is hope. */
                if (strstr(err_text(), p.listen) == NULL)
                        return r;
                r = i + 1 < TRIES ? 0 : r;
        }
        return r;
}

/* By a process of its own, as anybody would. */
int dev_issuer_join(const struct dev_dir *d)
{
        const char *url = getenv("HOLDFAST_ISSUER"), *ca = getenv("HOLDFAST_ISSUER_CA");

        if (url == NULL || ca == NULL)
                return err(ERR_INVAL, "there is no issuer to join");
        return dev_run(d, "join", (const char *[]){ "/proc/self/exe", "join", "--ca", ca, "--host", HOST, url, NULL });
}

void dev_issuer_stop(struct dev_issuer *s)
{
        dev_stop(&s->pid, STOP_MS);
}
