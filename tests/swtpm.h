/* SPDX-License-Identifier: BSD-2-Clause */
/* A software TPM of a test's own: fresh, in a directory of its own, gone with the test. */
#ifndef HOLDFAST_TESTS_SWTPM_H
#define HOLDFAST_TESTS_SWTPM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct swtpm {
        char dir[64];           /* fresh, removed by swtpm_stop(): a place for the test's other files too */
        char sock[80];          /* commands and responses; the control socket is at .ctrl */
        char tcti[96];          /* "swtpm:path=..." */
        pid_t pid;              /* -1 while it is off */
};

/* All return 0, or -1 having said why on stderr. A TPM goes with the thread that switched it on. */
/* A fresh, blank one, started up. */
int swtpm_start(struct swtpm *s);
/* Accepts one that never started. Removes the directory. */
void swtpm_stop(struct swtpm *s);
/* Power cut: SIGKILL, nothing saved that was not durable. */
int swtpm_off(struct swtpm *s);
/* Power on, with TPM2_Startup(CLEAR), or without, as after a reset that nobody has noticed. */
int swtpm_on(struct swtpm *s);
int swtpm_on_unstarted(struct swtpm *s);
/* Off and on: transient objects and sessions are gone, persistent ones stay. */
int swtpm_reset(struct swtpm *s);

/* One raw command from the side. *len: room in, length out. */
int swtpm_command(const struct swtpm *s, const uint8_t *cmd, size_t cmd_len, uint8_t *rsp, size_t *len);
/* How many handles of a kind there are: first is TPM2_TRANSIENT_FIRST, TPM2_LOADED_SESSION_FIRST, TPM2_PERSISTENT_FIRST ... */
int swtpm_handles(const struct swtpm *s, uint32_t first, unsigned *ret);
/* A TPM2_PT_* property: TPM2_PT_LOCKOUT_COUNTER ... */
int swtpm_property(const struct swtpm *s, uint32_t property, uint32_t *ret);
/* TPM2_FlushContext of all of a kind: what a rude neighbour does. */
int swtpm_flush(const struct swtpm *s, uint32_t first);

#endif
