/* SPDX-License-Identifier: BSD-2-Clause */
/* What stays loaded in the TPM, and what would a signature cost if other things did?
 *
 * Commands of our own code are counted on their way to a software TPM: a bare one, and one behind a device that does what the kernel's resource
 * manager does when it is closed. What one costs on a chip stands in chip-latency/. Behind Linux /dev/tpmrm0 each object and session of the open file
 * is loaded before a command and saved after it, and objects are flushed (drivers/char/tpm/tpm2-space.c): that is reckoned, for there is
 * no kernel here to do it. Fails if ours is above the best by more than a tenth.
 *
 * usage: strategy [DIRECTORY]    of the chips' files; else tests/bench/chip-latency in $top_srcdir */
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_tpm2_types.h>
#include <unistd.h>
#include "lib/err.h"
#include "tests/tpmdev.h"
#include "tests/tpmfix.h"
#include "tpm/ctx.h"

#define ALLOWED 1.1
#define CHIPS_MAX 16
#define ROWS_MAX 40
#define STEPS_MAX 4096
#define MANY 8                  /* keys: more than any TPM's slots */
#define WARM 8                  /* rounds: until every key is saved */
#define ROUNDS 8

struct chip {
        char name[16];
        struct {
                char name[32];
                double ms;
        } row[ROWS_MAX];
        size_t n;
};
static struct chip chips[CHIPS_MAX];
static size_t n_chips;

enum workload { HOT, TWO, IN_TURN, WORKLOADS };

/* A command, and what is loaded before it and after it. */
struct step {
        const char *name;
        unsigned objects, sessions, objects_after, sessions_after;
};

static bool read_chip(const char *path)
{
        struct chip *c = &chips[n_chips];
        const char *base = strrchr(path, '_');
        FILE *f = fopen(path, "r");
        char line[128];

        if (f == NULL || base == NULL || n_chips == CHIPS_MAX)
                return false;
        snprintf(c->name, sizeof(c->name), "%.*s", (int)strcspn(base + 1, "") - 4, base + 1);
        while (c->n < ROWS_MAX && fgets(line, sizeof(line), f) != NULL) {
                if (line[0] != '#' && sscanf(line, "%31[^,],%lf", c->row[c->n].name, &c->row[c->n].ms) == 2)
                        c->n++;
        }
        fclose(f);
        n_chips += c->n > 0;
        return c->n > 0;
}

static double at(const struct chip *c, const char *name)
{
        for (size_t i = 0; i < c->n; i++) {
                if (strcmp(c->row[i].name, name) == 0)
                        return c->row[i].ms;
        }
        return strcmp(name, "default") == 0 ? NAN : at(c, "default");
}

static double cost(const struct chip *c, bool managed, const struct step *s)
{
        double ms = at(c, s->name);

        if (managed)
                ms += (s->objects + s->sessions) * at(c, "ContextLoad") + (s->objects_after + s->sessions_after) * at(c, "ContextSave") +
                      s->objects_after * at(c, "FlushContext");
        return ms;
}

/* What could be done, per signature: how much is loaded when it begins, then a letter for each command.
 *   S Sign  L Load  C ContextLoad  F FlushContext of a key  A StartAuthSession  X FlushContext of the session  H the file is closed */
struct strategy {
        const char *what;
        bool managed, secret;           /* secret: it keeps an authorisation value off the wire */
        bool counted;
        unsigned objects[WORKLOADS], sessions;
        const char *commands[WORKLOADS];
};
static const struct strategy strategies[] = {
        { "keys and session stay; Load", false, true, true, { 1, 2, 2 }, 1, { "S", "S", "FLS" } },
        { "keys and session stay; ContextLoad", false, true, true, { 1, 2, 2 }, 1, { "S", "S", "FCS" } },
        { "the session stays; Load", false, true, true, { 0, 0, 0 }, 1, { "LSF", "LSF", "LSF" } },
        { "nothing stays; Load", false, true, true, { 0, 0, 0 }, 0, { "ALSFX", "ALSFX", "ALSFX" } },
        { "no session; keys stay; ContextLoad", false, false, true, { 1, 2, 2 }, 0, { "S", "S", "FCS" } },
        { "no session; nothing stays; Load", false, false, true, { 0, 0, 0 }, 0, { "LSF", "LSF", "LSF" } },
        { "(a persistent key and a session)", false, true, false, { 0, 0, 0 }, 1, { "S", "S", NULL } },

        { "one key and the session stay; Load", true, true, true, { 1, 1, 1 }, 1, { "S", "FLS", "FLS" } },
        { "one key and the session stay; ContextLoad", true, true, true, { 1, 1, 1 }, 1, { "S", "FCS", "FCS" } },
        { "two keys and the session stay; Load", true, true, true, { 2, 2, 2 }, 1, { "S", "S", "FLS" } },
        { "two keys and the session stay; ContextLoad", true, true, true, { 2, 2, 2 }, 1, { "S", "S", "FCS" } },
        { "the session stays; ContextLoad", true, true, true, { 0, 0, 0 }, 1, { "CSF", "CSF", "CSF" } },
        { "nothing stays; Load", true, true, true, { 0, 0, 0 }, 0, { "ALSH", "ALSH", "ALSH" } },
        { "nothing stays; ContextLoad", true, true, true, { 0, 0, 0 }, 0, { "ACSH", "ACSH", "ACSH" } },
        { "no session; one key stays; Load", true, false, true, { 1, 1, 1 }, 0, { "S", "HLS", "HLS" } },
        { "no session; one key stays; ContextLoad", true, false, true, { 1, 1, 1 }, 0, { "S", "HCS", "HCS" } },
        { "no session; two keys stay; ContextLoad", true, false, true, { 2, 2, 2 }, 0, { "S", "S", "FCS" } },
        { "no session; nothing stays; Load", true, false, true, { 0, 0, 0 }, 0, { "LSH", "LSH", "LSH" } },
        { "(a persistent key and a session)", true, true, false, { 0, 0, 0 }, 1, { "S", "S", NULL } },
        { "(a persistent key, no session)", true, false, false, { 0, 0, 0 }, 0, { "S", "S", NULL } },
};

static double reckon(const struct chip *c, const struct strategy *s, enum workload w)
{
        struct step p = { .objects = s->objects[w], .sessions = s->sessions };
        double ms = 0;

        if (s->commands[w] == NULL)
                return NAN;
        for (const char *letter = s->commands[w]; *letter != '\0'; letter++) {
                p.objects_after = p.objects;
                p.sessions_after = p.sessions;
                switch (*letter) {
                case 'S':
                        p.name = "Sign:ecc";
                        break;
                case 'L':
                        p.name = "Load";
                        p.objects_after++;
                        break;
                case 'C':
                        p.name = "ContextLoad";
                        p.objects_after++;
                        break;
                case 'F':
                        p.name = "FlushContext";
                        p.objects_after--;
                        break;
                case 'A':
                        p.name = "StartAuthSession:saltecc";
                        p.sessions_after++;
                        break;
                case 'X':
                        p.name = "FlushContext";
                        p.sessions_after--;
                        break;
                default:
                        /* Between commands only sessions are in the TPM: the kernel flushes those. */
                        ms += p.sessions * at(c, "FlushContext");
                        p.objects = p.sessions = 0;
                        continue;
                }
                ms += cost(c, s->managed, &p);
                p.objects = p.objects_after;
                p.sessions = p.sessions_after;
        }
        return ms;
}

/* What our code sends. */
static struct step steps[STEPS_MAX];
static size_t n_steps;
static unsigned objects, sessions, closed;
static struct tpmfix fix;
static struct tpmdev device;

static uint32_t u32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void add_step(struct step s)
{
        if (n_steps == STEPS_MAX)
                abort();
        steps[n_steps++] = s;
}

static const char *command_name(uint32_t cc)
{
        const struct command *c = command_by_cc(cc);

        if (cc == TPM2_CC_Sign)
                return "Sign:ecc";
        if (cc == TPM2_CC_StartAuthSession)
                return "StartAuthSession:saltecc";
        return c != NULL ? c->name : "default";
}

static void seen(void *ctx, const uint8_t *cmd, size_t len, const uint8_t *rsp, size_t rsp_len)
{
        uint32_t cc = u32(cmd + 6);
        struct step s = { .name = command_name(cc) };

        (void)ctx;
        if (device.closed != closed) {
                for (; sessions > 0; sessions--)
                        add_step((struct step){ .name = "FlushContext" });
                objects = 0;
        }
        closed = device.closed;
        s.objects = objects;
        s.sessions = sessions;
        if (u32(rsp + 6) == 0) {
                objects += cc == TPM2_CC_Load || cc == TPM2_CC_ContextLoad;
                sessions += cc == TPM2_CC_StartAuthSession;
                if (cc == TPM2_CC_FlushContext && len >= 14 && cmd[10] == TPM2_HT_TRANSIENT)
                        objects--;
                else if (cc == TPM2_CC_FlushContext)
                        sessions--;
        }
        s.objects_after = objects;
        s.sessions_after = sessions;
        if (rsp_len >= 10)
                add_step(s);
}

/* The steps of `rounds` signatures by each of so many keys, once all is as it will stay. */
static size_t measure(bool managed, bool secret, size_t n_keys)
{
        struct tpmkey keys[MANY];
        unsigned before;
        struct tpm *t;

        for (size_t i = 0; i < n_keys; i++)
                tpmkey_make(fix.t, "P-256", ALG_SIGN, secret ? "auth" : "", false, &keys[i]);
        tpm_close(fix.t);
        fix.options.tcti = managed ? device.tcti : fix.proxy.tcti;
        t = tpmfix_open(&fix);
        objects = sessions = 0;
        fix.proxy.seen = managed ? NULL : seen;
        device.seen = managed ? seen : NULL;
        for (size_t i = 0; i < (WARM + ROUNDS) * n_keys; i++) {
                if (i == WARM * n_keys)
                        n_steps = 0;
                if (tpmkey_sign(t, &keys[i % n_keys]) != 0) {
                        fprintf(stderr, "strategy: %s\n", err_text());
                        abort();
                }
        }
        fix.proxy.seen = NULL;
        device.seen = NULL;
        before = device.closed;
        tpm_close(t);
        /* It flushes what was loaded, and would flush what is loaded next. */
        while (managed && device.closed == before)
                usleep(500);
        for (size_t i = 0; i < n_keys; i++)
                tpmkey_clear(&keys[i]);
        fix.options.tcti = fix.proxy.tcti;
        fix.t = tpmfix_open(&fix);
        return ROUNDS * n_keys;
}

static void print_row(const char *what, double ms[][WORKLOADS])
{
        printf("%-46s", what);
        for (size_t i = 0; i < n_chips; i++) {
                char cell[32], *p = cell;

                for (int w = 0; w < WORKLOADS; w++)
                        p += isnan(ms[i][w]) ? sprintf(p, "/-") : sprintf(p, "/%.0f", ms[i][w]);
                printf(" %12s", cell + 1);
        }
        printf("\n");
}

static void print_strategies(bool managed, bool secret, double best[][WORKLOADS])
{
        double ms[CHIPS_MAX][WORKLOADS];

        for (size_t i = 0; i < sizeof(strategies) / sizeof(strategies[0]); i++) {
                const struct strategy *s = &strategies[i];

                if (s->managed != managed || (secret && !s->secret))
                        continue;
                for (size_t c = 0; c < n_chips; c++) {
                        for (int w = 0; w < WORKLOADS; w++) {
                                ms[c][w] = reckon(&chips[c], s, (enum workload)w);
                                if (s->counted)
                                        best[c][w] = fmin(best[c][w], ms[c][w]);
                        }
                }
                print_row(s->what, ms);
        }
}

/* How far ours is above the best, at most. */
static double table(bool managed, bool secret)
{
        static const size_t n_keys[WORKLOADS] = { 1, 2, MANY };
        double best[CHIPS_MAX][WORKLOADS], ours[CHIPS_MAX][WORKLOADS] = { 0 }, most = 0;

        printf("\n%s, keys %s an authorisation value: ms per P-256 signature, hot key / two keys in turn / %d in turn\n%-46s",
               managed ? "Behind /dev/tpmrm0" : "On /dev/tpm0", secret ? "with" : "without", MANY, "");
        for (size_t c = 0; c < n_chips; c++)
                printf(" %12s", chips[c].name);
        printf("\n");
        for (size_t c = 0; c < n_chips; c++)
                best[c][HOT] = best[c][TWO] = best[c][IN_TURN] = INFINITY;
        print_strategies(managed, secret, best);
        for (int w = 0; w < WORKLOADS; w++) {
                size_t n = measure(managed, secret, n_keys[w]);

                for (size_t c = 0; c < n_chips; c++) {
                        for (size_t i = 0; i < n_steps; i++)
                                ours[c][w] += cost(&chips[c], managed, &steps[i]) / (double)n;
                        most = fmax(most, ours[c][w] / best[c][w]);
                }
        }
        print_row("Holdfast, its commands counted", ours);
        printf("%-66s %-22s %.2f%s\n", "Holdfast against the best of these, most of any chip", "at most 1.10", most, most > ALLOWED ? ", not met" : "");
        return most;
}

int main(int argc, char **argv)
{
        char pattern[4096];
        double most = 0;
        glob_t files;

        if (argc > 1)
                snprintf(pattern, sizeof(pattern), "%s/model_*.csv", argv[1]);
        else
                snprintf(pattern, sizeof(pattern), "%s/tests/bench/chip-latency/model_*.csv", getenv("top_srcdir"));
        if (glob(pattern, 0, NULL, &files) != 0) {
                fprintf(stderr, "strategy: no %s\n", pattern);
                return 2;
        }
        for (size_t i = 0; i < files.gl_pathc; i++) {
                if (!read_chip(files.gl_pathv[i])) {
                        fprintf(stderr, "strategy: cannot take %s\n", files.gl_pathv[i]);
                        return 2;
                }
        }
        globfree(&files);
        tpmfix_start(&fix);
        if (tpmdev_start(&device, &fix.sw, "tpmrm0") != 0)
                return 2;
        tpmdev_answer(&device);
        for (int managed = 0; managed < 2; managed++) {
                for (int secret = 0; secret < 2; secret++)
                        most = fmax(most, table(managed, secret));
        }
        tpmdev_stop(&device);
        tpmfix_stop(&fix);
        printf("\nIn brackets: not counted, for a persistent key is the owner's to make, takes one of the TPM's few places for them, and wears its memory.\n");
        return most > ALLOWED;
}
