/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfastd: comes to life, serves until it is told to end, ends well. */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "config.h"
#include "daemon/core.h"
#include "daemon/lastuse.h"
#include "daemon/listen.h"
#include "daemon/operators.h"
#include "daemon/renew.h"
#include "daemon/serve.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/notify.h"

#define TICK_MS 500
#define GRACE_MS 5000           /* for what is being done when we are told to end */
#define SOCKET_MODE 0666        /* the kernel says who has connected; rules decide */
#define OPERATOR_MODE 0600
#define OPERATOR_GROUP_MODE 0660

struct daemon {
        struct core core;
        struct listener socket, operator_socket;
        struct server *server;
        struct operators *operators;
        struct lastuse *lastuse;
        struct renewer *renewer;
        int token_fd;                   /* the service manager's; -1: none */
        bool quiet;
        int last_error;                 /* of the recorder's work; told once */
};

__attribute__((format(printf, 1, 2))) static void say(const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        fputs("holdfastd: ", stderr);
        vfprintf(stderr, fmt, ap);
        fputc('\n', stderr);
        va_end(ap);
}

static int fail(int r)
{
        const char *hint = err_hint(r);

        say("%s.%s%s", err_text()[0] != '\0' ? err_text() : err_name(r), hint != NULL ? " " : "", hint != NULL ? hint : "");
        return r;
}

static int group_of(const char *name, gid_t *ret)
{
        char room[65536];               /* a large group has a long line */
        struct group g, *found = NULL;

        if (name == NULL) {
                *ret = (gid_t)-1;
                return 0;
        }
        errno = getgrnam_r(name, &g, room, sizeof(room), &found);
        if (errno != 0)
                return err_errno("cannot look up the group %s, which [daemon] operator-group names", name);
        if (found == NULL)
                return err(ERR_INVAL, "there is no group %s, which [daemon] operator-group names", name);
        *ret = g.gr_gid;
        return 0;
}

/* Under systemd the sockets are there before we are. Our own appear when everything behind them works. */
static int open_sockets(struct daemon *d)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        CLEANUP(buf_clear) struct buf beside = { 0 };
        const struct conf *c = &d->core.conf;
        gid_t gid = (gid_t)-1;
        int r = 0;

        d->socket.fd = notify_socket("pkcs11");
        d->operator_socket.fd = notify_socket("operator");
        d->token_fd = notify_socket("token");
        notify_forget();
        if (d->socket.fd >= 0 && d->operator_socket.fd >= 0)
                return 0;
        r = conf_socket_daemon(c, &path);
        if (r == 0)
                r = conf_operator_socket(c, buf_str(&path), &beside);
        if (r == 0)
                r = group_of(c->operator_group, &gid);
        if (r == 0 && d->socket.fd < 0)
                r = listener_open(buf_str(&path), SOCKET_MODE, (gid_t)-1, &d->socket);
        if (r == 0 && d->operator_socket.fd < 0)
                r = listener_open(buf_str(&beside), c->operator_group != NULL ? OPERATOR_GROUP_MODE : OPERATOR_MODE, gid, &d->operator_socket);
        return r;
}

static int start(struct daemon *d, const struct conf *conf)
{
        int r = core_open(conf, &d->core);

        if (r != 0)
                return r;
        r = open_sockets(d);
        if (r == 0)
                r = lastuse_new(d->core.recorder, &d->lastuse);
        if (r == 0)
                r = serve_start(&(struct serve_options){
                        .listen_fd = d->socket.fd, .keyring = d->core.keyring, .policy = d->core.policy,
                        .record = lastuse_append, .log = d->lastuse,
                        .max_per_uid = d->core.conf.max_per_user, .max = d->core.conf.max_connections,
                }, &d->server);
        d->core.server = d->server;
        if (r == 0)
                r = renewer_start(&(struct renewer_options){ .core = &d->core, .lastuse = d->lastuse, .token_fd = d->token_fd }, &d->renewer);
        d->core.renewer = d->renewer;
        return r == 0 ? operators_start(&(struct operators_options){ .listen_fd = d->operator_socket.fd, .core = &d->core }, &d->operators) : r;
}

/* The sockets first: who comes now finds nobody, and does not wait for one who is leaving. */
static int stop(struct daemon *d)
{
        notify("STOPPING=1");
        listener_forget(&d->socket);
        listener_forget(&d->operator_socket);
        /* Nobody waits for an issuer any more. */
        renewer_interrupt(d->renewer);
        operators_stop(d->operators);
        renewer_stop(d->renewer);
        serve_stop(d->server, GRACE_MS);
        lastuse_free(d->lastuse);
        close_fd(&d->token_fd);
        listener_close(&d->socket);
        listener_close(&d->operator_socket);
        return core_close(&d->core);
}

static void reload(struct daemon *d)
{
        const struct caller self = { .record = recorder_append, .log = d->core.recorder };
        int r;

        notify("RELOADING=1");
        r = core_reload(&d->core, &self);
        if (r != 0)
                fail(r);
        else if (!d->quiet)
                say("rules are read anew");
        notify("READY=1");
}

/* A TPM that is away or a full disk stops what needs them and not us: told when it begins and when it ends. */
static void tick(struct daemon *d)
{
        int r = recorder_tick(d->core.recorder);

        if (r == 0)
                r = core_tell_findings(&d->core);
        if (r != 0 && r != d->last_error)
                fail(r);
        else if (r == 0 && d->last_error != 0)
                say("the log goes on");
        d->last_error = r;
}

static void run(struct daemon *d, int signals)
{
        uint64_t watchdog = notify_watchdog_ms();
        int pause = watchdog > 0 && watchdog / 3 < TICK_MS ? (int)(watchdog / 3) : TICK_MS;
        struct pollfd p = { .fd = signals, .events = POLLIN };
        struct signalfd_siginfo info;

        notify("READY=1");
        if (!d->quiet)
                say("ready; log vouched for by the TPM, completeness %s", audit_mode_name(recorder_mode(d->core.recorder)));
        for (;;) {
                if (poll(&p, 1, pause) > 0 && read(signals, &info, sizeof(info)) == sizeof(info)) {
                        if (info.ssi_signo != SIGHUP)
                                return;
                        reload(d);
                }
                tick(d);
                if (watchdog > 0)
                        notify("WATCHDOG=1");
        }
}

/* Secrets are in this memory: no other process of this user reads it, no core file holds it. */
static void harden(void)
{
        struct rlimit files, none = { 0, 0 };

        prctl(PR_SET_DUMPABLE, 0);
        setrlimit(RLIMIT_CORE, &none);
        if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
                files.rlim_cur = files.rlim_max;
                setrlimit(RLIMIT_NOFILE, &files);
        }
        signal(SIGPIPE, SIG_IGN);
        umask(077);
}

static int block_signals(int *ret_fd)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        /* Before the first thread, which inherits it. */
        sigprocmask(SIG_BLOCK, &set, NULL);
        *ret_fd = signalfd(-1, &set, SFD_CLOEXEC);
        return *ret_fd >= 0 ? 0 : err_errno("cannot watch signals");
}

static void help(void)
{
        printf("Usage: holdfastd [OPTIONS]\n\n"
               "Serves agents' keys to the processes that rules allow, and records every use.\n\n"
               "  -q, --quiet                say nothing but errors\n"
               "  -V, --version              print the version\n"
               "  -h, --help                 print help\n\n"
               "What it serves, and where, is configured: holdfast.conf(5), holdfastd(8).\n");
}

/* 0: go on; 1: done; ERR_INVAL. */
static int parse(int argc, char **argv, bool *ret_quiet)
{
        static const struct option options[] = {
                { "quiet", no_argument, NULL, 'q' }, { "version", no_argument, NULL, 'V' }, { "help", no_argument, NULL, 'h' }, { 0 },
        };
        int o;

        while ((o = getopt_long(argc, argv, "qVh", options, NULL)) != -1) {
                switch (o) {
                case 'q':
                        *ret_quiet = true;
                        break;
                case 'V':
                        printf("holdfastd %s\n", PACKAGE_VERSION);
                        return 1;
                case 'h':
                        help();
                        return 1;
                default:
                        return ERR_INVAL;
                }
        }
        if (optind == argc)
                return 0;
        say("%s: this program takes no arguments", argv[optind]);
        return ERR_INVAL;
}

int main(int argc, char **argv)
{
        struct daemon d = { .core = CORE_NONE, .socket = LISTENER_NONE, .operator_socket = LISTENER_NONE, .token_fd = -1 };
        CLEANUP(conf_clear) struct conf conf = { 0 };
        CLEANUP(close_fd) int signals = -1;
        int r = parse(argc, argv, &d.quiet), e;

        if (r != 0)
                return r > 0 ? EXIT_SUCCESS : EXIT_USAGE;
        harden();
        /* Before the first call of a TSS library, which reads it once. */
        setenv("TSS2_LOG", "all+none", 0);
        r = block_signals(&signals);
        if (r == 0)
                r = conf_load(&conf);
        if (r == 0)
                r = start(&d, &conf);
        if (r == 0)
                run(&d, signals);
        else
                fail(r);
        e = stop(&d);
        if (r == 0 && e != 0)
                r = fail(e);
        return err_exit_status(r);
}
