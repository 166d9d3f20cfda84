/* SPDX-License-Identifier: BSD-2-Clause */
/* What is loaded, and which of it has not been used for longest? */
#include "tpm/cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <tss2/tss2_tpm2_types.h>
#include "lib/err.h"

#define FIRST_LINE "holdfast tpm 1 "

enum loaded_kind loaded_kind(uint32_t handle)
{
        return HANDLE_TYPE(handle) == TPM2_HT_TRANSIENT ? LOADED_OBJECT : LOADED_SESSION;
}

void cache_tag(struct bytes name, uint8_t ret[CACHE_TAG])
{
        memset(ret, 0, CACHE_TAG);
        if (name.len >= CACHE_TAG)
                memcpy(ret, name.ptr + name.len - CACHE_TAG, CACHE_TAG);
}

const struct loaded *cache_find(const struct cache *c, struct bytes name)
{
        uint8_t tag[CACHE_TAG];

        cache_tag(name, tag);
        for (size_t i = 0; i < c->n; i++) {
                if (loaded_kind(c->list[i].handle) == LOADED_OBJECT && memcmp(c->list[i].tag, tag, CACHE_TAG) == 0)
                        return &c->list[i];
        }
        return NULL;
}

const struct loaded *cache_find_handle(const struct cache *c, uint32_t handle)
{
        for (size_t i = 0; i < c->n; i++) {
                if (c->list[i].handle == handle)
                        return &c->list[i];
        }
        return NULL;
}

const struct loaded *cache_oldest(const struct cache *c, enum loaded_kind kind)
{
        for (size_t i = c->n; i > 0; i--) {
                if (loaded_kind(c->list[i - 1].handle) == kind)
                        return &c->list[i - 1];
        }
        return NULL;
}

size_t cache_count(const struct cache *c, enum loaded_kind kind)
{
        size_t n = 0;

        for (size_t i = 0; i < c->n; i++)
                n += loaded_kind(c->list[i].handle) == kind;
        return n;
}

static void put_first(struct cache *c, size_t hole, struct loaded e)
{
        memmove(&c->list[1], &c->list[0], hole * sizeof(c->list[0]));
        c->list[0] = e;
        c->dirty = true;
}

void cache_add(struct cache *c, uint32_t handle, struct bytes name, uint64_t owner, pid_t pid)
{
        struct loaded e = { .handle = handle, .owner = owner, .pid = pid };

        cache_drop(c, handle);
        if (c->n == CACHE_MAX) {
                cache_set_unsure(c, true);
                return;
        }
        cache_tag(name, e.tag);
        put_first(c, c->n++, e);
}

void cache_touch(struct cache *c, uint32_t handle, uint64_t owner, pid_t pid)
{
        enum loaded_kind kind = loaded_kind(handle);
        bool first = true;
        struct loaded e;
        size_t i = 0;

        for (; i < c->n && c->list[i].handle != handle; i++)
                first = first && loaded_kind(c->list[i].handle) != kind;
        /* Only the order within a kind matters: using one key again and again changes nothing. */
        if (i == c->n || (first && c->list[i].owner == owner))
                return;
        e = c->list[i];
        e.owner = owner;
        e.pid = pid;
        put_first(c, i, e);
}

void cache_drop(struct cache *c, uint32_t handle)
{
        for (size_t i = 0; i < c->n; i++) {
                if (c->list[i].handle != handle)
                        continue;
                c->n--;
                memmove(&c->list[i], &c->list[i + 1], (c->n - i) * sizeof(c->list[0]));
                c->dirty = true;
                return;
        }
}

void cache_set_unsure(struct cache *c, bool unsure)
{
        c->dirty = c->dirty || c->unsure != unsure;
        c->unsure = unsure;
}

void cache_empty(struct cache *c)
{
        *c = (struct cache){ .dirty = true };
}

int cache_format(const struct cache *c, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        int r = buf_printf(&b, FIRST_LINE "%s\n", c->unsure ? "unsure" : "sure");

        for (size_t i = 0; r == 0 && i < c->n; i++) {
                const struct loaded *e = &c->list[i];

                r = buf_printf(&b, "%08" PRIx32 " %08x %016" PRIx64 " ", e->handle, (unsigned)e->pid, e->owner);
                for (size_t k = 0; r == 0 && k < CACHE_TAG; k++)
                        r = buf_printf(&b, "%02x", e->tag[k]);
                if (r == 0)
                        r = buf_append_u8(&b, '\n');
        }
        if (r != 0)
                return r;
        buf_take(&b, ret);
        return 0;
}

static bool take_word(struct bytes *text, const char *word)
{
        size_t len = strlen(word);

        if (text->len < len || memcmp(text->ptr, word, len) != 0)
                return false;
        text->ptr += len;
        text->len -= len;
        return true;
}

/* So many lower-case hex digits. */
static bool take_hex(struct bytes *text, size_t digits, uint64_t *ret)
{
        uint64_t v = 0;

        if (text->len < digits)
                return false;
        for (size_t i = 0; i < digits; i++) {
                uint8_t ch = text->ptr[i];

                if (ch >= '0' && ch <= '9')
                        v = v << 4 | (uint64_t)(ch - '0');
                else if (ch >= 'a' && ch <= 'f')
                        v = v << 4 | (uint64_t)(ch - 'a' + 10);
                else
                        return false;
        }
        text->ptr += digits;
        text->len -= digits;
        *ret = v;
        return true;
}

static bool take_line(struct bytes *text, struct loaded *ret)
{
        uint64_t handle, pid, octet;

        if (!take_hex(text, 8, &handle) || !take_word(text, " ") || !take_hex(text, 8, &pid) || !take_word(text, " ") ||
            !take_hex(text, 16, &ret->owner) || !take_word(text, " "))
                return false;
        for (size_t k = 0; k < CACHE_TAG; k++) {
                if (!take_hex(text, 2, &octet))
                        return false;
                ret->tag[k] = (uint8_t)octet;
        }
        ret->handle = (uint32_t)handle;
        ret->pid = (pid_t)pid;
        if (HANDLE_TYPE(handle) != TPM2_HT_TRANSIENT && HANDLE_TYPE(handle) != TPM2_HT_HMAC_SESSION)
                return false;
        return take_word(text, "\n");
}

static bool parse(struct bytes text, struct cache *c)
{
        if (!take_word(&text, FIRST_LINE))
                return false;
        if (take_word(&text, "unsure\n"))
                c->unsure = true;
        else if (!take_word(&text, "sure\n"))
                return false;
        while (text.len > 0) {
                struct loaded e = { 0 };

                if (c->n == CACHE_MAX || !take_line(&text, &e) || cache_find_handle(c, e.handle) != NULL)
                        return false;
                c->list[c->n++] = e;
        }
        return true;
}

int cache_parse(struct bytes text, struct cache *ret)
{
        struct cache c = { 0 };

        if (!parse(text, &c)) {
                *ret = (struct cache){ .unsure = true, .dirty = true };
                return err(ERR_FORMAT, "the record of what is loaded in the TPM is damaged");
        }
        *ret = c;
        return 0;
}
