/* SPDX-License-Identifier: BSD-2-Clause */
/* Which files count, what is in them, and what is wrong with them? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "keys/guarding.h"
#include "keys/item.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/file.h"

#define AGENT_FILE "agent"

/* The store's own files on which something hangs. */
static const char *const own_files[] = { "store", "daemon", "ak.pem", "locked", "issuer" };

static int hash_file(int dir, const char *file, struct sum_list *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        uint8_t hash[SUM_SIZE] = { 0 };
        int r;

        r = file_read(dir, file, STORE_TEXT_MAX, &text);
        if (r == 0)
                r = crypto_hash(hash_by_name("SHA256"), (struct bytes[]){ BYTES_OF(&text) }, 1, hash);
        /* A link, a FIFO, one that is too long: nobody reads it, and it is there. */
        if (r == ERR_FORMAT)
                r = 0;
        return r != 0 ? r : sum_list_put(ret, file, false, hash);
}

/* Objects of one UID: the highest generation counts, and what is left of others does not. */
struct found {
        char uid[17];
        uint32_t generation;
        char *file;
};

struct search {
        struct found *list;
        size_t n;
        bool agent;             /* there is an agent file */
};

static void search_clear(struct search *s)
{
        for (size_t i = 0; i < s->n; i++)
                free(s->list[i].file);
        free(s->list);
}

static int search_entry(const struct dirent *e, void *ctx)
{
        CLEANUP(item_name_clear) struct item_name name = { 0 };
        struct search *s = ctx;
        struct found *list = s->list;
        int r;

        if (strcmp(e->d_name, AGENT_FILE) == 0) {
                s->agent = true;
                return 0;
        }
        r = item_name_parse(e->d_name, &name);
        if (r == ERR_FORMAT)
                return 0;
        /* Room grows in powers of two. */
        if (r == 0 && (s->n & (s->n - 1)) == 0)
                list = realloc(s->list, (s->n > 0 ? s->n * 2 : 1) * sizeof(*list));
        if (r != 0 || list == NULL)
                return err(ERR_NOMEM, "out of memory");
        s->list = list;
        list[s->n] = (struct found){ .generation = name.generation, .file = strdup(e->d_name) };
        memcpy(list[s->n].uid, name.uid, sizeof(name.uid));
        return list[s->n++].file != NULL ? 0 : err(ERR_NOMEM, "out of memory");
}

/* As store_items.c has it. */
static int by_uid(const void *a, const void *b)
{
        const struct found *x = a, *y = b;
        int c = strcmp(x->uid, y->uid);

        if (c != 0)
                return c;
        if (x->generation != y->generation)
                return x->generation < y->generation ? -1 : 1;
        return strcmp(x->file, y->file);
}

static int hash_agent(int dir, struct sum_list *ret)
{
        CLEANUP(search_clear) struct search s = { 0 };
        int r;

        r = dir_list(dir, search_entry, &s);
        if (r == 0 && s.agent)
                r = hash_file(dir, AGENT_FILE, ret);
        if (r == 0 && s.n > 0)
                qsort(s.list, s.n, sizeof(*s.list), by_uid);
        for (size_t i = 0; r == 0 && i < s.n; i++)
                if (i + 1 == s.n || strcmp(s.list[i].uid, s.list[i + 1].uid) != 0)
                        r = hash_file(dir, s.list[i].file, ret);
        return r;
}

static int hash_own(int dir, struct sum_list *ret)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_LEN(own_files); i++) {
                r = hash_file(dir, own_files[i], ret);
                if (r == ERR_NOENT)
                        r = 0;
        }
        return r;
}

bool guard_covers(const char *name, const char *file)
{
        bool own = false;

        for (size_t i = 0; i < ARRAY_LEN(own_files); i++)
                own |= strcmp(own_files[i], file) == 0;
        return name[0] != '\0' || own;
}

int guard_files(struct store *s, const char *name, bool synced, struct sum_list *ret, struct stamp *ret_stamp)
{
        CLEANUP(sum_list_clear) struct sum_list files = { 0 };
        CLEANUP(close_fd) int agent = -1;
        struct stamp stamp = { 0 };
        int r = 0, dir = s->fd;

        if (name[0] != '\0') {
                r = dir_open(s->agents_fd, name, &agent);
                dir = agent;
        }
        if (r == 0)
                r = stamp_take(dir, &stamp);
        if (r == 0 && synced)
                r = dir_sync(dir, name);
        if (r == 0)
                r = name[0] != '\0' ? hash_agent(dir, &files) : hash_own(dir, &files);
        /* Gone, or a link in its place. */
        if (agent < 0 && (r == ERR_NOENT || r == ERR_FORMAT))
                r = 0;
        if (r != 0)
                return r;
        *ret_stamp = stamp;
        sum_list_clear(ret);
        *ret = files;
        files = (struct sum_list){ 0 };
        return 0;
}

/* Did we once write this? The file of sums remembers for a while. */
static bool was_ours(struct store *s, const char *name, const struct sum *is)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf line = { 0 };
        CLEANUP(buf_clear) struct buf hex = { 0 };

        if (file_read(s->fd, SUMS_FILE, SUMS_TEXT_MAX, &text) != 0 || hex_encode(BYTES(is->hash, SUM_SIZE), &hex) != 0 ||
            buf_printf(&line, "= %s %s%s%s\n", buf_str(&hex), name, name[0] != '\0' ? "/" : "", is->file) != 0)
                return false;
        return memmem(text.ptr, text.len, line.ptr, line.len) != NULL;
}

static const char *what_is_wrong(struct store *s, const char *name, const struct sum *should, const struct sum *is)
{
        if (is == NULL)
                return "was removed";
        if (was_ours(s, name, is))
                return should != NULL ? "is an older copy" : "was put back from an older copy";
        return should != NULL ? "was changed" : "was added";
}

/* What is there and should not be, or is otherwise, says more than what is missing. */
static bool first_difference(const struct sum_list *should, const struct sum_list *is, const struct sum **ret_should, const struct sum **ret_is)
{
        for (size_t i = 0; i < is->n; i++) {
                *ret_is = &is->list[i];
                *ret_should = sum_list_find(should, is->list[i].file);
                if (*ret_should == NULL || memcmp((*ret_should)->hash, is->list[i].hash, SUM_SIZE) != 0)
                        return true;
        }
        *ret_is = NULL;
        for (size_t i = 0; i < should->n; i++) {
                *ret_should = &should->list[i];
                if (sum_list_find(is, should->list[i].file) == NULL)
                        return true;
        }
        return false;
}

bool guard_differ(struct store *s, const char *name, const struct sum_list *should, const struct sum_list *is, char ret[GUARD_TEXT_MAX])
{
        const struct sum *a, *b;
        const char *file, *what;

        if (!first_difference(should, is, &a, &b))
                return false;
        file = b != NULL ? b->file : a->file;
        what = what_is_wrong(s, name, a, b);
        if (name[0] == '\0')
                snprintf(ret, GUARD_TEXT_MAX, "the store's file %s %s, and not by holdfastd", file, what);
        else if (is->n == 0)
                snprintf(ret, GUARD_TEXT_MAX, "agent %s was removed, and not by holdfastd", name);
        else if (should->n == 0)
                snprintf(ret, GUARD_TEXT_MAX, "agent %s was added, and not by holdfastd", name);
        else
                snprintf(ret, GUARD_TEXT_MAX, "agent %s: its file %s %s, and not by holdfastd", name, file, what);
        return true;
}
