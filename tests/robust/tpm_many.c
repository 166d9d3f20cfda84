/* SPDX-License-Identifier: BSD-2-Clause */
/* A thousand keys on three slots, in one process and in eight; a TPM whose power goes again and again. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/err.h"
#include "tests/tpmfix.h"
#include "tpm/clock.h"

#define PROCESSES 8

static unsigned n_keys, n_cuts;
static struct tpmkey *keys;
static bool failed;

static void row(bool ok, const char *id, const char *what, const char *came)
{
        printf("ROW %s|%s|%s|%s\n", id, what, came, ok ? "ok" : "FAILED");
        failed = failed || !ok;
}

static void one_process(struct tpmfix *f)
{
        unsigned lost = 0;
        uint64_t before = tpm_commands(f->t);
        char what[80], came[80];

        for (unsigned i = 0; i < n_keys; i++)
                lost += tpmkey_sign(f->t, &keys[i]) != 0;
        snprintf(what, sizeof(what), "sign once with each of %u keys in one process, 3 slots", n_keys);
        snprintf(came, sizeof(came), "%u failed, %.2f commands each", lost, (double)(tpm_commands(f->t) - before) / n_keys);
        row(lost == 0 && tpm_commands(f->t) - before <= 3 * n_keys, "F8", what, came);
}

/* In a child: every key that is its own, and each time one that is everybody's. */
static void child(const struct tpmfix *f, unsigned p)
{
        struct tpm *t = tpmfix_open(f);
        unsigned lost = 0;

        for (unsigned i = p; i < n_keys; i += PROCESSES) {
                if (tpmkey_sign(t, &keys[i]) != 0 || tpmkey_sign(t, &keys[i / PROCESSES]) != 0) {
                        fprintf(stderr, "process %u key %u: %s\n", p, i, err_text());
                        lost++;
                }
        }
        tpm_close(t);
        _exit(lost > 0);
}

static void eight_processes(struct tpmfix *f)
{
        unsigned lost = 0;
        char what[80], came[80];

        tpmfix_reopen(f);
        fflush(NULL);
        for (unsigned p = 0; p < PROCESSES; p++) {
                if (fork() == 0)
                        child(f, p);
        }
        for (unsigned p = 0; p < PROCESSES; p++) {
                int status = -1;

                wait(&status);
                lost += status != 0;
        }
        snprintf(what, sizeof(what), "%u processes sign with %u of %u keys each, and with shared ones", PROCESSES, n_keys / PROCESSES, n_keys);
        snprintf(came, sizeof(came), "%u processes had failures, %u objects and %u sessions left over", lost, tpmfix_objects(f), tpmfix_sessions(f));
        row(lost == 0 && tpmfix_objects(f) + tpmfix_sessions(f) == 0, "F8", what, came);
}

/* In a child that is at it without end: makes keys, signs, unseals. */
static void busy(const struct tpmfix *f)
{
        struct tpm *t = tpmfix_open(f);

        for (unsigned i = 0;; i++) {
                CLEANUP(buf_clear) struct buf pub = { 0 };
                CLEANUP(buf_clear) struct buf priv = { 0 };

                tpm_key_create(t, key_kind_by_name("P-256"), ALG_SIGN, BYTES_STR("auth"), false, &pub, &priv);
                tpmkey_sign(t, &keys[i % n_keys]);
        }
}

static void power_cuts(struct tpmfix *f)
{
        unsigned tries = tpmfix_wrong_tries(f), lost = 0;
        char what[80], came[80];
        pid_t pid;

        fflush(NULL);
        pid = fork();
        if (pid == 0)
                busy(f);
        for (unsigned i = 0; i < n_cuts; i++) {
                clock_nap(3000 + i * 137 % 5000, UINT64_MAX);
                if (swtpm_reset(&f->sw) != 0)
                        abort();
        }
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        for (unsigned i = 0; i < 5; i++)
                lost += tpmkey_sign(f->t, &keys[i]) != 0;
        snprintf(what, sizeof(what), "the TPM's power cut %u times while keys are made and used", n_cuts);
        snprintf(came, sizeof(came), "%u lockout tries, %u of 5 signatures failed afterwards", tpmfix_wrong_tries(f) - tries, lost);
        row(tpmfix_wrong_tries(f) == tries && lost == 0, "F11", what, came);
}

static void resets(struct tpmfix *f)
{
        unsigned lost = 0;
        char what[80], came[80];

        for (unsigned i = 0; i < n_cuts; i++) {
                swtpm_off(&f->sw);
                if ((i % 2 ? swtpm_on(&f->sw) : swtpm_on_unstarted(&f->sw)) != 0)
                        abort();
                lost += tpmkey_sign(f->t, &keys[i % 3]) != 0;
        }
        snprintf(what, sizeof(what), "a long-lived process, %u TPM resets, one signature after each", n_cuts);
        snprintf(came, sizeof(came), "%u failed", lost);
        row(lost == 0, "F12", what, came);
}

int main(void)
{
        bool full = getenv("ROBUST_FULL") != NULL;
        struct tpmfix f;

        setvbuf(stdout, NULL, _IOLBF, 0);
        n_keys = full ? 1000 : 64;
        n_cuts = full ? 50 : 10;
        keys = calloc(n_keys, sizeof(*keys));
        if (keys == NULL)
                abort();
        tpmfix_start(&f);
        /* Straight to swtpm: the proxy would stay behind in this process when children are made. */
        f.options.tcti = f.sw.tcti;
        tpmfix_reopen(&f);
        for (unsigned i = 0; i < n_keys; i++)
                tpmkey_make(f.t, "P-256", ALG_SIGN, "auth", false, &keys[i]);

        one_process(&f);
        eight_processes(&f);
        power_cuts(&f);
        resets(&f);

        for (unsigned i = 0; i < n_keys; i++)
                tpmkey_clear(&keys[i]);
        free(keys);
        tpmfix_stop(&f);
        return failed ? 1 : 0;
}
