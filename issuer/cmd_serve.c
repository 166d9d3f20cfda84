/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast-issuer serve: answers until it is told to end. */
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "issuer/cmd.h"
#include "issuer/server.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/notify.h"

#define TICK_MS 1000
#define LISTEN_MAX 16

/* Keys are in this memory: no other process of this user reads it, no core file holds it. */
static void harden(void)
{
        struct rlimit files, none = { 0, 0 };

        umask(077);
        prctl(PR_SET_DUMPABLE, 0);
        setrlimit(RLIMIT_CORE, &none);
        if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
                files.rlim_cur = files.rlim_max;
                setrlimit(RLIMIT_NOFILE, &files);
        }
}

/* Before the first thread, which inherits it. */
static int block_signals(int *ret_fd)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, NULL);
        *ret_fd = signalfd(-1, &set, SFD_CLOEXEC);
        return *ret_fd >= 0 ? 0 : err_errno("cannot watch signals");
}

static void reload(struct server *s, bool quiet)
{
        int r;

        notify("RELOADING=1");
        r = server_reload(s);
        if (r != 0)
                cmd_fail(r);
        else if (!quiet)
                cmd_say("the configuration is read anew");
        notify("READY=1");
}

static void run(struct server *s, int signals, bool quiet)
{
        uint64_t watchdog = notify_watchdog_ms();
        int pause = watchdog > 0 && watchdog / 3 < TICK_MS ? (int)(watchdog / 3) : TICK_MS;
        struct pollfd p = { .fd = signals, .events = POLLIN };
        struct signalfd_siginfo info;

        for (;;) {
                if (poll(&p, 1, pause) > 0 && read(signals, &info, sizeof(info)) == sizeof(info)) {
                        if (info.ssi_signo != SIGHUP)
                                return;
                        reload(s, quiet);
                }
                server_tick(s);
                if (watchdog > 0)
                        notify("WATCHDOG=1");
        }
}

int cmd_serve(struct args *a)
{
        const char *listen[LISTEN_MAX + 1] = { NULL };
        const struct server_options o = {
                .conf = args_conf(a), .listen = listen, .access_log = args_flag(a, "access-log"), .quiet = args_flag(a, "quiet"),
        };
        CLEANUP(close_fd) int signals = -1;
        struct server *s = NULL;
        int r;

        for (size_t i = 0; i < LISTEN_MAX; i++)
                listen[i] = args_nth(a, "listen", i);
        harden();
        r = block_signals(&signals);
        if (r == 0)
                r = server_open(&o, &s);
        if (r != 0)
                return r;
        if (!o.quiet)
                cmd_say("ready");
        notify("READY=1");
        run(s, signals, o.quiet);
        notify("STOPPING=1");
        server_close(s);
        return 0;
}
