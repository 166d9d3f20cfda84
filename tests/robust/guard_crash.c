/* SPDX-License-Identifier: BSD-2-Clause */
/* F2, F3 for a guarded store: its daemon killed on entry to every call that changes it, and every such call failing. At the next start nothing is
 * refused, what was acknowledged is there, more can be changed; and an octet that somebody else changed then is still noticed.
 *
 * Called as "guard_crash work INDEX OPERATION" it is the daemon. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "keys/backend_tpm.h"
#include "keys/guard.h"
#include "keys/policy.h"
#include "lib/err.h"
#include "tests/fixture.h"
#include "tests/robust/robust.h"
#include "tpm/audit.h"

#define AUTH BYTES_STR("the counter's")

static char base[200], dir[220], program[] = "guard_crash";
static uint32_t counter;

struct daemon {
        struct keyring *k;
        struct guard *g;
};

static int read_counter(void *ctx, uint64_t *ret)
{
        const struct daemon *d = ctx;

        return tpm_counter_read(backend_tpm_device(keyring_backend(d->k)), counter, AUTH, ret);
}

static int raise_counter(void *ctx, uint64_t to)
{
        const struct daemon *d = ctx;

        return tpm_counter_raise(backend_tpm_device(keyring_backend(d->k)), counter, AUTH, to);
}

static int start(struct daemon *d, bool first)
{
        static const uint8_t key[32] = { 9 };
        struct conf conf;
        int r;

        *d = (struct daemon){ 0 };
        r = conf_load(&conf);
        if (r == 0)
                r = keyring_open(&conf, &d->k);
        conf_clear(&conf);
        if (r == 0)
                r = guard_open(keyring_store(d->k), BYTES(key, sizeof(key)), first, &(struct guard_counter){ d, read_counter, raise_counter }, &d->g);
        return r;
}

static void stop(struct daemon *d)
{
        guard_close(d->g);
        keyring_close(d->k);
        *d = (struct daemon){ 0 };
}

static void must(int r)
{
        if (r == 0)
                return;
        fprintf(stderr, "guard_crash: %s\n", err_text());
        abort();
}

static struct item *item_of(struct store *s, const char *agent, const char *label)
{
        struct item *found = NULL;
        struct item_list *l;

        if (store_items(s, agent, &l) != 0)
                return NULL;
        for (size_t i = 0; i < l->n; i++)
                if (item_label_is(l->list[i], BYTES_STR(label)))
                        found = item_ref(l->list[i]);
        item_list_unref(l);
        return found;
}

static struct item_spec data(const char *label, const char *value)
{
        return (struct item_spec){ .type = ITEM_DATA, .label = BYTES_STR(label), .id = BYTES_STR(label), .der = BYTES_STR(value) };
}

static int add(struct keyring *k, const char *agent, const char *label)
{
        struct item_spec spec = data(label, "value");

        return store_item_add(keyring_store(k), agent, &spec, NULL);
}

static bool holds(struct keyring *k, const char *label, const char *value)
{
        struct item *i = item_of(keyring_store(k), "a", label);
        const struct item_body *b;
        bool as_said = i != NULL && item_load(i, &b) == 0 && bytes_equal(BYTES_OF(&b->der), BYTES_STR(value));

        item_unref(i);
        return as_said;
}

static bool is_there(struct keyring *k, const char *agent)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };

        return store_agent_read(keyring_store(k), agent, &a) == 0;
}

static bool has_line(struct keyring *k, const char *agent, const char *line, const char *value)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };

        return store_agent_read(keyring_store(k), agent, &a) == 0 && strcmp(attrs_str(&a, line, ""), value) == 0;
}

/* The operations, and whether one was done. */

static int do_add(struct daemon *d)
{
        return add(d->k, "a", "new");
}

static bool is_added(struct keyring *k)
{
        return holds(k, "new", "value");
}

static int do_change(struct daemon *d)
{
        struct item_spec spec = data("old", "another");
        struct item *i = item_of(keyring_store(d->k), "a", "old");
        int r = i != NULL ? store_item_change(keyring_store(d->k), "a", i, &spec, NULL) : ERR_NOENT;

        item_unref(i);
        return r;
}

static bool is_changed(struct keyring *k)
{
        return holds(k, "old", "another");
}

static int do_remove(struct daemon *d)
{
        struct item *i = item_of(keyring_store(d->k), "a", "old");
        int r = i != NULL ? store_item_remove(keyring_store(d->k), "a", i) : ERR_NOENT;

        item_unref(i);
        return r;
}

static bool is_removed(struct keyring *k)
{
        return !holds(k, "old", "value");
}

static int do_lock(struct daemon *d)
{
        return policy_lock(keyring_store(d->k), "a", "why");
}

static bool is_locked(struct keyring *k)
{
        return has_line(k, "a", "locked", "why");
}

static int do_lock_all(struct daemon *d)
{
        return policy_lock(keyring_store(d->k), NULL, "why");
}

static bool is_all_locked(struct keyring *k)
{
        return faccessat(store_dirfd(keyring_store(k)), "locked", F_OK, 0) == 0;
}

static int do_create(struct daemon *d)
{
        return keyring_agent_create(d->k, "c", "carol", NULL);
}

static bool is_created(struct keyring *k)
{
        return has_line(k, "c", "owner", "carol");
}

static int do_delete(struct daemon *d)
{
        return keyring_agent_delete(d->k, "b");
}

static bool is_deleted(struct keyring *k)
{
        return !is_there(k, "b");
}

static int do_replace(struct daemon *d)
{
        return keyring_agent_replace(d->k, "b", "b", "carol", NULL);
}

static bool is_replaced(struct keyring *k)
{
        return has_line(k, "b", "owner", "carol");
}

static int do_rename(struct daemon *d)
{
        return keyring_agent_replace(d->k, "b", "c", "carol", NULL);
}

static bool is_renamed(struct keyring *k)
{
        return is_created(k) && !is_there(k, "b");
}

static int do_accept(struct daemon *d)
{
        return guard_accept(d->g, "a");
}

static bool is_accepted(struct keyring *k)
{
        return is_there(k, "a");
}

static int do_accept_all(struct daemon *d)
{
        return guard_accept(d->g, NULL);
}

static const struct operation {
        const char *name;
        int (*make)(struct daemon *d);
        bool (*is_done)(struct keyring *k);
        bool edited;            /* it begins with a file that somebody has edited */
} operations[] = {
        { "object added", do_add, is_added, false },
        { "object changed", do_change, is_changed, false },
        { "object removed", do_remove, is_removed, false },
        { "agent locked", do_lock, is_locked, false },
        { "all locked", do_lock_all, is_all_locked, false },
        { "agent made", do_create, is_created, false },
        { "agent deleted", do_delete, is_deleted, false },
        { "agent made anew", do_replace, is_replaced, false },
        { "agent made anew under another name", do_rename, is_renamed, false },
        { "agent accepted", do_accept, is_accepted, true },
        { "all accepted", do_accept_all, is_accepted, true },
};

static int work(const struct operation *o)
{
        struct daemon d;
        int r = start(&d, false);

        if (r == 0 && o->make(&d) == 0 && write(1, "done\n", 5) != 5)
                _exit(3);
        stop(&d);
        return r != 0;
}

static void run(const struct operation *o, long at, const char *action, bool on, struct child *c)
{
        char preload[4200], inject[300], number[40], act[40], count[300], index[20];
        const char *argv[] = { program, "work", index, o->name, NULL };
        const char *env[] = { preload, inject, number, act, count, on ? "INJECT_ON=1" : NULL, NULL };

        snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", robust_path(".libs/inject.so"));
        snprintf(inject, sizeof(inject), "INJECT_DIR=%s", dir);
        snprintf(number, sizeof(number), "INJECT_AT=%ld", at);
        snprintf(act, sizeof(act), "INJECT_ACTION=%s", action);
        snprintf(count, sizeof(count), "INJECT_COUNT=%s.count", base);
        snprintf(index, sizeof(index), "%" PRIu32, counter);
        child_run(c, argv, env, 60);
}

/* The store as it was, and sums of it that go with the counter as it is. */
static void prepare(const struct operation *o)
{
        char command[400];
        struct daemon d;

        copy_tree(base, dir);
        must(start(&d, true));
        stop(&d);
        snprintf(command, sizeof(command), "sed -i 's/^owner: ./owner: Y/' '%s/agents/a/agent'", dir);
        if (o->edited && system(command) != 0)
                abort();
}

struct damage {
        unsigned runs, refused, lost, unusable, unnoticed, crashes;
};

static unsigned refusals(struct guard *g)
{
        struct guard_finding *list;
        unsigned refused = 0;
        size_t n;

        must(guard_findings(g, &list, &n));
        for (size_t i = 0; i < n; i++) {
                refused += list[i].refuses;
                if (list[i].refuses)
                        fprintf(stderr, "%s\n", list[i].text);
        }
        free(list);
        return refused;
}

static unsigned refused_agents(struct daemon *d)
{
        struct agent_names names = { 0 };
        unsigned refused = 0;

        must(store_agents(keyring_store(d->k), &names));
        for (size_t i = 0; i < names.n; i++)
                refused += guard_check(d->g, names.list[i]) != 0;
        agent_names_clear(&names);
        return refused + refusals(d->g);
}

/* An octet of the owner of each agent that is there. */
static unsigned unnoticed_edits(void)
{
        char command[600];
        struct daemon d;
        unsigned n = 0;

        snprintf(command, sizeof(command), "cd '%s/agents' && for a in *; do sed -i 's/^owner: ./owner: X/' \"$a/agent\" || exit 1; done", dir);
        if (system(command) != 0)
                abort();
        must(start(&d, false));
        n += guard_check(d.g, "a") != ERR_FOREIGN;
        n += guard_check(d.g, "keep") != ERR_FOREIGN;
        stop(&d);
        return n;
}

static void judge(const struct operation *o, const struct child *c, struct damage *damage)
{
        struct daemon d;

        damage->runs++;
        damage->crashes += c->hung || child_crashed(c);
        if (start(&d, false) != 0) {
                damage->unusable++;
                stop(&d);
                return;
        }
        damage->lost += strcmp(c->text, "done\n") == 0 && !o->is_done(d.k);
        if (o->edited)
                damage->unusable += guard_accept(d.g, "a") != 0;
        damage->refused += refused_agents(&d);
        damage->unusable += add(d.k, "a", "more") != 0 || add(d.k, "keep", "more") != 0;
        damage->refused += refused_agents(&d);
        stop(&d);
        must(start(&d, false));
        damage->refused += refused_agents(&d);
        stop(&d);
        damage->unnoticed += unnoticed_edits();
}

static long calls_of(const struct operation *o)
{
        static struct child c;
        char path[300];
        long n = 0;
        FILE *f;

        prepare(o);
        run(o, 0, "", false, &c);
        snprintf(path, sizeof(path), "%s.count", base);
        f = fopen(path, "r");
        if (!child_ok(&c) || strcmp(c.text, "done\n") != 0 || !f || fscanf(f, "%ld", &n) != 1)
                abort();
        fclose(f);
        return n;
}

static void at_every_call(const char *id, const struct operation *o, const char *action, bool on)
{
        long n = calls_of(o);
        struct damage d = { 0 };
        static struct child c;
        char what[160];

        for (long k = 1; k <= n; k++) {
                prepare(o);
                run(o, k, action, on, &c);
                judge(o, &c, &d);
        }
        snprintf(what, sizeof(what), "guarded store, %s, each of %ld calls: %s%s", o->name, n, action, on ? " from there on" : "");
        robust_row(d.refused + d.lost + d.unusable + d.unnoticed + d.crashes == 0 && n > 10, id, what,
                   "%u runs: %u refused, %u lost, %u unusable, %u edits unnoticed, %u crashed or hung", d.runs, d.refused, d.lost, d.unusable, d.unnoticed,
                   d.crashes);
}

static void make_base(void)
{
        struct conf conf;
        struct keyring *k;

        must(conf_load(&conf));
        must(keyring_open(&conf, &k));
        conf_clear(&conf);
        must(add(k, "a", "old"));
        must(add(k, "a", "other"));
        must(keyring_agent_create(k, "b", "bob", NULL));
        must(add(k, "b", "old"));
        must(keyring_agent_create(k, "keep", "kim", NULL));
        must(tpm_counter_make(backend_tpm_device(keyring_backend(k)), 0x01800c00, BYTES(NULL, 0), AUTH, &counter));
        keyring_close(k);
        snprintf(base, sizeof(base), "%s", robust_store());
        snprintf(dir, sizeof(dir), "%s.work", base);
        setenv("HOLDFAST_STORE", dir, 1);
}

int main(int argc, char **argv)
{
        if (argc == 4 && strcmp(argv[1], "work") == 0) {
                counter = (uint32_t)strtoul(argv[2], NULL, 10);
                for (size_t i = 0; i < ARRAY_LEN(operations); i++)
                        if (strcmp(operations[i].name, argv[3]) == 0)
                                return work(&operations[i]);
                return 2;
        }
        robust_start();
        make_base();
        for (size_t i = 0; i < ARRAY_LEN(operations); i++)
                at_every_call("F2", &operations[i], "kill", false);
        at_every_call("F3", &operations[0], "EIO", false);
        at_every_call("F3", &operations[1], "ENOSPC", true);
        for (size_t i = 0; robust_count(0, 1) && i < ARRAY_LEN(operations); i++) {
                at_every_call("F3", &operations[i], "EIO", false);
                at_every_call("F3", &operations[i], "EIO", true);
                at_every_call("F3", &operations[i], "ENOSPC", false);
                at_every_call("F3", &operations[i], "ENOSPC", true);
                at_every_call("F3", &operations[i], "short", true);
        }
        return robust_end();
}
