/* SPDX-License-Identifier: BSD-2-Clause */
/* A guarded store of a test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "keys/backend_tpm.h"
#include "keys/policy.h"
#include "lib/err.h"
#include "tests/guardfix.h"
#include "tpm/audit.h"

#define AUTH BYTES_STR("the counter's")

static struct tpm *tpm_of(struct guardfix *g)
{
        return backend_tpm_device(keyring_backend(g->f.keyring));
}

static int read_counter(void *ctx, uint64_t *ret)
{
        struct guardfix *g = ctx;

        g->reads++;
        return tpm_counter_read(tpm_of(g), g->index, AUTH, ret);
}

static int raise_counter(void *ctx, uint64_t to)
{
        struct guardfix *g = ctx;

        if (g->fails)
                return err(ERR_NODEV, "the TPM is away");
        g->raised++;
        return tpm_counter_raise(tpm_of(g), g->index, AUTH, to);
}

int guardfix_try_open(struct guardfix *g, bool first)
{
        static const uint8_t key[32] = { 7 };
        const struct guard_counter c = { g, read_counter, raise_counter };

        return guard_open(guardfix_store(g), BYTES(key, sizeof(key)), first, g->no_counter ? NULL : &c, &g->guard);
}

void guardfix_make_counter(struct guardfix *g)
{
        if (tpm_counter_make(tpm_of(g), 0x01800c00, BYTES(NULL, 0), AUTH, &g->index) != 0)
                fail_msg("counter: %s", err_text());
}

void guardfix_start(struct guardfix *g)
{
        *g = (struct guardfix){ 0 };
        fixture_start(&g->f);
        item_unref(fixture_key(&g->f, "P-256", ALG_SIGN, "tls"));
        guardfix_add(g, "a", "one", "value of one");
        guardfix_add(g, "a", "two", "value of two");
        assert_int_equal(keyring_agent_create(g->f.keyring, "b", "erin@example.com", NULL), 0);
        guardfix_add(g, "b", "one", "value of b's");
        guardfix_sh("echo 'ak-handle: 81010b01' > '%s'; echo 'not a key' > '%s'", guardfix_path(g, "daemon"), guardfix_path(g, "ak.pem"));
        guardfix_make_counter(g);
        assert_int_equal(guardfix_try_open(g, true), 0);
        assert_int_equal(guardfix_findings(g), 0);
}

void guardfix_close(struct guardfix *g)
{
        guard_close(g->guard);
        g->guard = NULL;
}

void guardfix_open(struct guardfix *g)
{
        fixture_reopen(&g->f);
        if (guardfix_try_open(g, false) != 0)
                fail_msg("guard: %s", err_text());
}

void guardfix_stop(struct guardfix *g)
{
        guardfix_close(g);
        fixture_stop(&g->f);
}

struct store *guardfix_store(struct guardfix *g)
{
        return keyring_store(g->f.keyring);
}

uint64_t guardfix_counter(struct guardfix *g)
{
        uint64_t value = 0;

        assert_int_equal(tpm_counter_read(tpm_of(g), g->index, AUTH, &value), 0);
        return value;
}

void guardfix_remove_counter(struct guardfix *g)
{
        assert_int_equal(tpm_counter_remove(tpm_of(g), g->index, BYTES(NULL, 0)), 0);
}

void guardfix_raise(struct guardfix *g)
{
        assert_int_equal(tpm_counter_raise(tpm_of(g), g->index, AUTH, guardfix_counter(g) + 1), 0);
}

void guardfix_add(struct guardfix *g, const char *agent, const char *label, const char *value)
{
        struct item_spec spec = { .type = ITEM_DATA, .label = BYTES_STR(label), .id = BYTES_STR(label), .der = BYTES_STR(value) };

        if (store_item_add(guardfix_store(g), agent, &spec, NULL) != 0)
                fail_msg("%s", err_text());
}

struct item *guardfix_item(struct guardfix *g, const char *agent, const char *label)
{
        struct item *found = NULL;
        struct item_list *l;

        assert_int_equal(store_items(guardfix_store(g), agent, &l), 0);
        for (size_t i = 0; i < l->n; i++)
                if (item_label_is(l->list[i], BYTES_STR(label)))
                        found = item_ref(l->list[i]);
        item_list_unref(l);
        assert_non_null(found);
        return found;
}

const char *guardfix_path(struct guardfix *g, const char *fmt, ...)
{
        static char path[4][512];
        static unsigned next;
        size_t len;
        va_list ap;

        next = (next + 1) % 4;
        snprintf(path[next], sizeof(path[next]), "%s/", g->f.conf.store);
        len = strlen(path[next]);
        va_start(ap, fmt);
        vsnprintf(path[next] + len, sizeof(path[next]) - len, fmt, ap);
        va_end(ap);
        return path[next];
}

const char *guardfix_item_path(struct guardfix *g, const char *agent, const char *label)
{
        struct item *i = guardfix_item(g, agent, label);
        CLEANUP(buf_clear) struct buf path = { 0 };

        assert_int_equal(store_item_path(guardfix_store(g), agent, i, &path), 0);
        item_unref(i);
        return guardfix_path(g, "%s", buf_str(&path) + strlen(g->f.conf.store) + 1);
}

void guardfix_sh(const char *fmt, ...)
{
        char command[2000];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(command, sizeof(command), fmt, ap);
        va_end(ap);
        if (system(command) != 0)
                fail_msg("%s", command);
}

void guardfix_flip(const char *path, long at)
{
        FILE *f = fopen(path, "r+");
        int c;

        assert_non_null(f);
        assert_int_equal(fseek(f, at, SEEK_SET), 0);
        c = fgetc(f);
        assert_int_not_equal(c, EOF);
        assert_int_equal(fseek(f, at, SEEK_SET), 0);
        assert_int_equal(fputc(c ^ 1, f), c ^ 1);
        assert_int_equal(fclose(f), 0);
}

const char *guardfix_finding(struct guardfix *g, const char *agent)
{
        static char text[320];
        const char *found = NULL;
        struct guard_finding *list;
        size_t n;

        assert_int_equal(guard_findings(g->guard, &list, &n), 0);
        for (size_t i = 0; i < n; i++)
                if (strcmp(list[i].agent, agent) == 0) {
                        snprintf(text, sizeof(text), "%s", list[i].text);
                        found = text;
                }
        free(list);
        return found;
}

unsigned guardfix_findings(struct guardfix *g)
{
        struct guard_finding *list;
        size_t n;

        assert_int_equal(guard_findings(g->guard, &list, &n), 0);
        free(list);
        return (unsigned)n;
}

int guardfix_sign_with(struct guardfix *g, struct item *i)
{
        struct key_use use = { .item = i };
        struct pk_params p = { .scheme = SCHEME_ECDSA };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[32] = { 1 };

        return signer_sign(g->f.keyring, &use, &p, BYTES(digest, 32), &sig);
}

int guardfix_sign(struct guardfix *g)
{
        struct item *i = guardfix_item(g, "a", "tls");
        int r = guardfix_sign_with(g, i);

        item_unref(i);
        return r;
}

void guardfix_expect_good(struct guardfix *g)
{
        assert_int_equal(guard_check(g->guard, NULL), 0);
        if (guard_check(g->guard, "a") != 0 || guard_check(g->guard, "b") != 0)
                fail_msg("%s", err_text());
        assert_int_equal(guardfix_findings(g), 0);
}

static int set_owner(struct attrs *a, void *ctx)
{
        return attrs_set_str(a, "owner", ctx);
}

void guardfix_change_item(struct guardfix *g, const char *label, const char *value)
{
        struct item_spec spec = { .type = ITEM_DATA, .label = BYTES_STR(label), .id = BYTES_STR(label), .der = BYTES_STR(value) };
        struct item *old = guardfix_item(g, "a", label);

        assert_int_equal(store_item_change(guardfix_store(g), "a", old, &spec, NULL), 0);
        item_unref(old);
}

void guardfix_remove_item(struct guardfix *g, const char *label)
{
        struct item *old = guardfix_item(g, "a", label);

        assert_int_equal(store_item_remove(guardfix_store(g), "a", old), 0);
        item_unref(old);
}

void guardfix_change(struct guardfix *g, unsigned n)
{
        unsigned number;

        switch (n) {
        case 0:
                guardfix_add(g, "a", "three", "value of three");
                break;
        case 1:
                guardfix_change_item(g, "three", "another");
                break;
        case 2:
                guardfix_change_item(g, "three", "a third");
                break;
        case 3:
                guardfix_remove_item(g, "three");
                break;
        case 4:
                assert_int_equal(store_agent_update(guardfix_store(g), "a", set_owner, (void *)(uintptr_t)"frank@example.com"), 0);
                break;
        case 5:
                assert_int_equal(policy_allow(guardfix_store(g), "a", BYTES_STR("allow user=1"), &number), 0);
                break;
        case 6:
                assert_int_equal(policy_lock(guardfix_store(g), "a", "why"), 0);
                break;
        case 7:
                assert_int_equal(policy_lock(guardfix_store(g), NULL, "all"), 0);
                break;
        case 8:
                assert_int_equal(policy_unlock(guardfix_store(g), NULL), 0);
                break;
        case 9:
                assert_int_equal(keyring_agent_create(g->f.keyring, "c", "dana@example.com", NULL), 0);
                break;
        case 10:
                item_unref(fixture_key(&g->f, "P-256", ALG_SIGN, "made"));
                break;
        case 11:
                assert_int_equal(keyring_agent_replace(g->f.keyring, "c", "c", "dana@example.com", NULL), 0);
                break;
        case 12:
                assert_int_equal(keyring_agent_delete(g->f.keyring, "c"), 0);
                break;
        case 13:
                assert_int_equal(keyring_agent_create(g->f.keyring, "c", "dana@example.com", NULL), 0);
                break;
        case 14:
                assert_int_equal(store_file_write(guardfix_store(g), "daemon", BYTES_STR("ak-handle: 81010b02\n")), 0);
                break;
        default:
                fail();
        }
}
