/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of `holdfast dev`.
 *
 *   holdfast dev         waits and forwards signals; if it is killed, its end of a pipe closes
 *     supervisor         parent of all that follows, and of what they leave behind; takes everything away in the end
 *       swtpm
 *       holdfast-issuer        with --issuer
 *       holdfastd
 *       CMD
 */
#ifndef HOLDFAST_TOOLS_DEV_H
#define HOLDFAST_TOOLS_DEV_H

#include <sys/types.h>
#include "lib/buf.h"
#include "lib/conf.h"
#include "tools/cli.h"

/* A private directory with a path so short that sockets fit in it. */
struct dev_dir {
        char path[80];
};
int dev_dir_make(struct dev_dir *ret);
/* With everything in it, following no link. */
int dev_dir_remove(const struct dev_dir *d);

/* A new software TPM with fresh seeds, in its directory; answers when this returns. */
struct dev_tpm {
        pid_t pid;                /* -1: not started */
        char tcti[128];
};
int dev_tpm_start(const struct dev_dir *d, struct dev_tpm *ret);
void dev_tpm_stop(struct dev_tpm *t);

/* A daemon on that TPM and that store; it serves when this returns. Its environment is ours. */
struct dev_daemon {
        pid_t pid;                /* -1: not started */
};
int dev_daemon_start(const struct dev_dir *d, struct dev_daemon *ret);
/* Lets it write its last checkpoint. */
void dev_daemon_stop(struct dev_daemon *s);

/* An issuer that takes this TPM's maker for one, and any host with it; it serves when this returns, and its place is in our environment. */
struct dev_issuer {
        pid_t pid;                /* -1: not started */
};
int dev_issuer_start(const struct dev_dir *d, struct dev_issuer *ret);
/* The daemon of here is then known to it. */
int dev_issuer_join(const struct dev_dir *d);
void dev_issuer_stop(struct dev_issuer *s);

/* Starts a program that says when it is ready (sd_notify(3)), and waits for that. Its output goes to NAME.log, and what it says last is why it did not
 * start. */
int dev_server_start(const struct dev_dir *d, const char *name, const char *const argv[], pid_t *ret);
/* Runs one to its end. */
int dev_run(const struct dev_dir *d, const char *name, const char *const argv[]);

/* In a child of the supervisor's: a session of its own, no blocked signals, output to the log; ended with its parent. */
void dev_become(int log, pid_t parent, const char *const argv[]) __attribute__((noreturn));
/* Asks it to end and after ms makes it. */
void dev_stop(pid_t *pid, unsigned ms);

/* Gives the TPM an endorsement certificate by a CA made for it alone; the CA's certificate is left as ek-ca.pem. */
int dev_ek_certify(const struct conf *c, const struct dev_dir *d);

/* Makes everything, runs CMD or a shell, takes everything away. signals: a byte for each to pass on; its end is ours. The exit status. */
int dev_supervise(struct cli *c, const struct dev_dir *d, int signals);

/* The environment of CMD. */
int dev_env(const struct cli *c, const struct dev_dir *d, const struct dev_tpm *t);
/* In the child: becomes CMD, or the user's shell. Returns the exit status if that fails. */
int dev_exec(const struct cli *c, const struct dev_dir *d);

#endif
