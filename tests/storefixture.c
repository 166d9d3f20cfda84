/* SPDX-License-Identifier: BSD-2-Clause */
/* A store of a test's own. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/file.h"
#include "tests/storefixture.h"

static int read_key(struct tsskey *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf head = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        int r;

        r = file_read(AT_FDCWD, source_path("tests/vectors/tsskey-tpm2-openssl-ec.pem"), 10000, &text);
        if (r == 0)
                r = pem_decode(TSSKEY_PEM, BYTES_OF(&text), &head, &der);
        return r != 0 ? r : tsskey_decode(BYTES_OF(&der), ret);
}

static int make_store(struct storefixture *f)
{
        CLEANUP(attrs_clear) struct attrs info = { 0 };
        CLEANUP(attrs_clear) struct attrs agent = { 0 };
        int r;

        r = attrs_set_str(&info, "tpm-vendor", "test");
        if (r == 0)
                r = attrs_set_str(&agent, "owner", "Ada");
        if (r == 0)
                r = store_create(f->path, &info);
        if (r == 0)
                r = store_open(f->path, &f->store);
        if (r == 0)
                r = store_agent_create(f->store, AGENT, &agent);
        return r != 0 ? r : read_key(&f->key);
}

int storefixture_setup(void **state)
{
        struct storefixture *f = calloc(1, sizeof(*f));
        void *dir = NULL;

        if (!f || tempdir_setup(&dir) != 0)
                return -1;
        f->dir = dir;
        snprintf(f->path, sizeof(f->path), "%s/store", f->dir->path);
        *state = f;
        return make_store(f) == 0 ? 0 : -1;
}

int storefixture_teardown(void **state)
{
        struct storefixture *f = *state;
        void *dir = f->dir;

        store_close(f->store);
        tsskey_clear(&f->key);
        free(f);
        return tempdir_teardown(&dir);
}

struct item_spec key_spec(const struct storefixture *f, const char *label, const char *id)
{
        return (struct item_spec){ .type = ITEM_KEY, .label = BYTES_STR(label), .id = BYTES_STR(id), .key = &f->key };
}

struct item_spec data_spec(const char *label, const char *id, const char *value)
{
        return (struct item_spec){ .type = ITEM_DATA, .label = BYTES_STR(label), .id = BYTES_STR(id), .der = BYTES_STR(value) };
}

struct item *add_item(struct storefixture *f, struct item_spec spec)
{
        struct item *i = NULL;

        assert_int_equal(store_item_add(f->store, AGENT, &spec, &i), 0);
        return i;
}

static int count_entry(const struct dirent *e, void *ctx)
{
        (void)e;
        ++*(unsigned *)ctx;
        return 0;
}

unsigned agent_files(struct storefixture *f)
{
        CLEANUP(close_fd) int fd = -1;
        unsigned n = 0;

        assert_int_equal(dir_open(store_dirfd(f->store), "agents/" AGENT, &fd), 0);
        assert_int_equal(dir_list(fd, count_entry, &n), 0);
        return n;
}

size_t count_items(struct store *s)
{
        struct item_list *l;
        size_t n;

        assert_int_equal(store_items(s, AGENT, &l), 0);
        n = l->n;
        item_list_unref(l);
        return n;
}
