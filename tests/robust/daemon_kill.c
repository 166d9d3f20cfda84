/* SPDX-License-Identifier: BSD-2-Clause */
/* F2 for the daemon: killed at each system call of a signature. What a client has seen is in the log; the log holds, but for the word that its
 * writer did not end well; and the next daemon goes on. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "audit/check.h"
#include "audit/log.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "tests/robust/robust.h"
#include "tests/robust/tracer.h"

#define WAIT_MS 20000
#define SIG_HEX 128
#define LINE 400
#define CHECKPOINT_MS 700       /* it is due within half a second */

static char daemon_path[4096], module[4096], audit_dir[256], errors[256], socket_path[256];

/* A client whose connection lasts. */
struct client {
        pid_t pid;
        int in, out;
};

struct damage {
        unsigned runs, seen, lost, faults, refused, not_ended;
        char first[200];        /* what was found, in words */
};

static void client_start(struct client *c)
{
        int in[2], out[2];

        if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
                abort();
        c->pid = fork();
        if (c->pid == 0) {
                dup2(in[0], 0);
                dup2(out[1], 1);
                execl(robust_path("caller"), "caller", (char *)NULL);
                _exit(127);
        }
        close(in[0]);
        close(out[1]);
        c->in = in[1];
        c->out = out[0];
}

static void client_end(struct client *c)
{
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
        close(c->in);
        close(c->out);
}

static int64_t now_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void client_say(const struct client *c, const char *words)
{
        if (write(c->in, words, strlen(words)) != (ssize_t)strlen(words))
                abort();
}

/* The next line, while the daemon goes on. Empty: there was none in time. */
static void client_hear(const struct client *c, struct tracer *t, char line[LINE])
{
        struct pollfd p = { .fd = c->out, .events = POLLIN };
        int64_t end = now_ms() + WAIT_MS;
        bool whole = false;
        size_t len = 0;

        while (!whole && now_ms() < end) {
                if (t->pid != 0)
                        tracer_run(t, 1);
                while (!whole && poll(&p, 1, t->pid == 0) == 1)
                        whole = len == LINE - 1 || read(c->out, line + len, 1) != 1 || line[len++] == '\n';
        }
        line[len] = '\0';
}

static bool begins(const char *line, const char *word)
{
        return strncmp(line, word, strlen(word)) == 0;
}

static void daemon_start(struct tracer *t)
{
        const char *argv[] = { daemon_path, NULL };

        int64_t end = now_ms() + WAIT_MS;

        unlink(socket_path);
        tracer_start(t, argv, errors);
        while (access(socket_path, F_OK) != 0 && t->pid != 0 && now_ms() < end)
                tracer_run(t, 1);
}

static bool in_log(const char *hex)
{
        CLEANUP(buf_clear) struct buf sig = { 0 };
        struct audit_reader *rd;
        struct bytes raw;
        bool found = false;

        if (hex_decode(hex, SIG_HEX, &sig) != 0 || audit_reader_open(audit_dir, 1, &rd) != 0)
                return false;
        while (!found && audit_reader_next(rd, &raw) == 0)
                found = memmem(raw.ptr, raw.len, sig.ptr, sig.len) != NULL;
        audit_reader_close(rd);
        return found;
}

static int read_ak(struct pubkey *ret)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf head = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        int r;

        r = buf_printf(&path, "%s/ak.pem", robust_store());
        if (r == 0)
                r = file_read(AT_FDCWD, buf_str(&path), 65536, &text);
        if (r == 0)
                r = pem_decode("PUBLIC KEY", BYTES_OF(&text), &head, &der);
        return r == 0 ? pubkey_from_spki(BYTES_OF(&der), ret) : r;
}

/* Nothing but that the writer did not end well: what the TPM did and nobody has seen the result of is that, too. */
static void check_log(struct damage *d)
{
        CLEANUP(pubkey_clear) struct pubkey ak = { 0 };
        struct audit_report rep = { 0 };
        size_t faults = 0;
        int r;

        r = read_ak(&ak);
        if (r == 0)
                r = audit_check(audit_dir, &(struct audit_check_options){ .ak = &ak, .signatures = true }, &rep);
        if (r != 0) {
                d->faults++;
                snprintf(d->first, sizeof(d->first), "%s", err_text());
        }
        for (size_t i = 0; i < rep.n; i++) {
                faults += !rep.list[i].warning;
                if (rep.list[i].fault == FAULT_UNCLEAN || rep.list[i].fault == 0)
                        continue;
                if (d->faults++ == 0)
                        snprintf(d->first, sizeof(d->first), "%s: %.150s", audit_fault_name(rep.list[i].fault), rep.list[i].text);
        }
        /* Then there may be others that found no place. */
        d->faults += faults >= AUDIT_FINDINGS_MAX;
        audit_report_clear(&rep);
}

/* It did not start: its last words. */
static void refused(struct damage *d)
{
        FILE *f = fopen(errors, "r");

        if (d->refused++ == 0)
                while (f != NULL && fgets(d->first, sizeof(d->first), f) != NULL)
                        d->first[strcspn(d->first, "\n|")] = '\0';
        if (f != NULL)
                fclose(f);
}

/* How the daemon is met: with a client that is connected, or before anybody is. */
enum how { WARM, COLD, THEN_CHECKPOINT };

/* One signature with the daemon killed at that call; 0: not at all, and the calls are counted. */
static unsigned long run(enum how how, unsigned long at, struct damage *d)
{
        struct client c = { 0 };
        char line[LINE] = "";
        struct tracer t;

        daemon_start(&t);
        if (t.pid == 0)
                refused(d);
        if (how == COLD)
                tracer_arm(&t, at);
        client_start(&c);
        client_hear(&c, &t, line);
        if (how != COLD) {
                d->refused += !begins(line, "ready");
                tracer_arm(&t, at);
        }
        client_say(&c, "sign k\n");
        client_hear(&c, &t, line);
        if (how == THEN_CHECKPOINT)
                for (int64_t end = now_ms() + CHECKPOINT_MS; now_ms() < end && t.pid != 0;)
                        tracer_run(&t, 1);
        d->not_ended += line[0] == '\0';
        tracer_end(&t, SIGKILL);
        client_end(&c);
        d->runs++;
        if (begins(line, "signed ")) {
                d->seen++;
                /* "signed DIGEST SIGNATURE" */
                d->lost += !in_log(line + strlen("signed ") + 65);
        }
        check_log(d);
        return t.calls;
}

static void prepare(void)
{
        static const char *const argv[] = { "worker", "generate", "k", NULL };
        static struct child c;
        char path[512], words[300];
        FILE *f;

        unsetenv("P11_PIN");
        unsetenv("HOLDFAST_SOCKET");
        setenv("HF_MODULE", module, 1);
        child_run(&c, argv, NULL, 60);
        if (!child_ok(&c) || strstr(c.text, "ack k") == NULL)
                abort();
        snprintf(path, sizeof(path), "%s/agents/a/agent", robust_store());
        f = fopen(path, "a");
        if (f == NULL || fprintf(f, "allow-1: allow user=%u human=yes\n", getuid()) < 0 || fclose(f) != 0)
                abort();
        snprintf(audit_dir, sizeof(audit_dir), "%s/audit", robust_store());
        snprintf(errors, sizeof(errors), "%s.log", robust_store());
        snprintf(socket_path, sizeof(socket_path), "%s.sock", robust_store());
        snprintf(words, sizeof(words), "unix:path=%s", socket_path);
        setenv("P11_KIT_SERVER_ADDRESS", words, 1);
        setenv("HOLDFAST_SOCKET", socket_path, 1);
        setenv("HF_MODULE", HF_P11KIT_MODULES "/p11-kit-client.so", 1);
        setenv("P11_TOKEN", "a", 1);
}

/* On a TPM and a store of their own. */
static int at_every_call(enum how how, const char *what, unsigned long stride)
{
        struct damage d = { 0 };
        unsigned long n;
        char text[120];

        /* With it, it would be somebody else's token. */
        unsetenv("P11_TOKEN");
        robust_start();
        prepare();
        n = run(how, 0, &d);
        for (unsigned long k = 1; k <= n; k += stride)
                run(how, k, &d);
        /* Whatever was cut off, one more goes well. */
        run(how, 0, &d);
        snprintf(text, sizeof(text), "the daemon killed at each of %lu system calls of %s%s", n, what, stride > 1 ? ", some of them" : "");
        robust_row(n > 20 && d.seen > 1 && d.seen < d.runs && d.lost + d.faults + d.refused + d.not_ended == 0, "F2", text,
                   "%u runs: %u signatures seen, %u of them not in the log, %u faults in it, %u times not served, %u clients without an answer%s%s", d.runs,
                   d.seen, d.lost, d.faults, d.refused, d.not_ended, d.first[0] != '\0' ? ": " : "", d.first);
        return robust_end();
}

int main(void)
{
        snprintf(daemon_path, sizeof(daemon_path), "%s", getenv("HOLDFAST_DAEMON") ? getenv("HOLDFAST_DAEMON") : robust_path("../../daemon/holdfastd"));
        snprintf(module, sizeof(module), "%s", getenv("HF_MODULE") ? getenv("HF_MODULE") : "");
        if (access(daemon_path, X_OK) != 0) {
                fprintf(stderr, "no daemon: %s\n", daemon_path);
                return 77;
        }
        at_every_call(WARM, "a signature", (unsigned long)robust_count(5, 1));
        at_every_call(COLD, "a connection and its first signature", (unsigned long)robust_count(60, 4));
        setenv("HOLDFAST_CHECKPOINT_RECORDS", "1", 1);
        return at_every_call(THEN_CHECKPOINT, "a signature and the checkpoint behind it", (unsigned long)robust_count(40, 3));
}
