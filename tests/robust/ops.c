/* SPDX-License-Identifier: BSD-2-Clause */
/* Judges what an interrupted operation left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/robust/ops.h"
#include "tests/robust/robust.h"

#define ARGS(...) ((const char *const[]){ "worker", __VA_ARGS__, NULL })
#define HOLDFAST(...) ((const char *const[]){ "holdfast", __VA_ARGS__, NULL })

static const struct op ops[] = {
        { "generate", ARGS("generate", "new"), NULL },
        { "destroy", ARGS("destroy", "victim"), NULL },
        { "relabel", ARGS("relabel", "victim", "renamed"), NULL },
        { "data", ARGS("data", "fresh"), NULL },
        { "rewrite", ARGS("rewrite", "note"), NULL },
        { "agent create", HOLDFAST("agent", "create", "born", "--owner", "dana"), "born" },
        { "agent delete", HOLDFAST("agent", "delete", "doomed", "--yes"), "doomed" },
};

const struct op *op_at(size_t i)
{
        if (i >= sizeof(ops) / sizeof(ops[0]) || (ops[i].token && !robust_has_holdfast()))
                return NULL;
        return &ops[i];
}

bool op_acked(const struct op *op, const struct child *c)
{
        return op->token ? child_ok(c) : strstr(c->text, "ack ") != NULL;
}

bool damage_none(const struct damage *d)
{
        return d->runs > 0 && d->halves + d->lost + d->unusable + d->crashes == 0;
}

void ops_prepare(const char *base)
{
        static struct child c;

        child_run(&c, ARGS("generate", "old", "victim"), NULL, 60);
        if (strcmp(c.text, "ack old\nack victim\n") != 0) {
                fprintf(stderr, "no keys to begin with: %s\n", c.text);
                exit(2);
        }
        child_run(&c, ARGS("data", "note"), NULL, 60);
        if (robust_has_holdfast())
                child_run(&c, HOLDFAST("agent", "create", "doomed", "--owner", "dana"), NULL, 60);
        copy_tree(robust_store(), base);
}

static unsigned count(const char *text, const char *line)
{
        unsigned n = 0;

        for (; (text = strstr(text, line)); text += strlen(line))
                n++;
        return n;
}

/* Is what the operation was to change as it was, or as it shall be, and the latter if it had said so? */
static bool outcome_fits(const struct op *op, bool acked, const char *text)
{
        unsigned victim = count(text, "pair victim ok\n");

        if (strcmp(op->name, "destroy") == 0)
                return acked ? victim == 0 : victim <= 1;
        if (strcmp(op->name, "relabel") == 0) {
                unsigned renamed = count(text, "pair renamed ok\n");

                return victim + renamed == 1 && (!acked || renamed == 1);
        }
        if (victim != 1)
                return false;
        if (op->token)
                return true;
        if (strcmp(op->name, "generate") == 0)
                return count(text, "pair new ok\n") <= 1 && (!acked || count(text, "pair new ok\n") == 1);
        if (strcmp(op->name, "data") == 0)
                return count(text, "data fresh ok\n") <= 1 && (!acked || count(text, "data fresh ok\n") == 1);
        return count(text, "data note ok\n") + count(text, "data note new\n") == 1 && (!acked || count(text, "data note new\n") == 1);
}

/* The other agent is there, sound and, when it was to go, with its key; or it is not there. */
static bool other_agent_fits(const struct op *op, bool acked, const char *const env[])
{
        const char *all[8] = { NULL };
        static struct child c;
        char token[60];
        bool there, made = strcmp(op->name, "agent create") == 0;
        size_t n = 0;

        snprintf(token, sizeof(token), "P11_TOKEN=%s", op->token);
        for (; env && env[n]; n++)
                all[n] = env[n];
        all[n] = token;
        child_run(&c, ARGS("check"), all, 60);
        there = child_ok(&c);
        if (there && (!strstr(c.text, "usable yes\n") || strstr(c.text, "half ") || strstr(c.text, " bad\n")))
                return false;
        /* The agent and its first key are two things, made one after the other. */
        if (there && (!made || acked) && !strstr(c.text, "pair "))
                return false;
        return !acked || there == made;
}

void op_judge(const struct op *op, bool acked, const char *const env[], struct damage *d)
{
        static struct child c;
        bool wrong = false;

        child_run(&c, ARGS("check"), env, 60);
        d->runs++;
        if (!child_ok(&c) || !strstr(c.text, "usable yes\n")) {
                d->unusable++;
                wrong = true;
        }
        if (strstr(c.text, "half ") || strstr(c.text, " bad\n")) {
                d->halves++;
                wrong = true;
        }
        if (count(c.text, "pair old ok\n") != 1 || !outcome_fits(op, acked, c.text) ||
            (op->token && !other_agent_fits(op, acked, env)) ||
            (strcmp(op->name, "rewrite") != 0 && count(c.text, "data note ok\n") != 1)) {
                d->lost++;
                wrong = true;
        }
        if (wrong && getenv("ROBUST_VERBOSE"))
                fprintf(stderr, "after %s (%s):\n%s", op->name, acked ? "acknowledged" : "not acknowledged", c.text);
}
