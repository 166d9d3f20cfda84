/* SPDX-License-Identifier: BSD-2-Clause */
/* What the chip reported at init, as lines of the store file: kinds and hashes by
 * name, so that a table that grew or changed its order reads an old store rightly. */
#include <stdlib.h>
#include <string.h>
#include "keys/backend_tpm.h"
#include "lib/err.h"

static int set_kinds(struct attrs *a, unsigned kinds)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        const struct key_kind *k;
        size_t i;
        int r;

        for (i = 0; (k = key_kind_at(i)); i++) {
                if (!(kinds & 1u << i))
                        continue;
                r = buf_printf(&text, "%s%s", text.len ? "," : "", k->name);
                if (r != 0)
                        return r;
        }
        return attrs_set(a, "tpm-kinds", BYTES_OF(&text));
}

static int set_hashes(struct attrs *a, unsigned hashes)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        const struct hash *h;
        size_t i;
        int r;

        for (i = 0; (h = hash_at(i)); i++) {
                if (!(hashes & 1u << i))
                        continue;
                r = buf_printf(&text, "%s%s", text.len ? "," : "", h->name);
                if (r != 0)
                        return r;
        }
        return attrs_set(a, "tpm-hashes", BYTES_OF(&text));
}

int tpm_caps_to_attrs(const struct tpm_caps *c, struct attrs *a)
{
        CLEANUP(buf_clear) struct buf firmware = { 0 };
        int r;

        r = buf_append_u32(&firmware, c->firmware[0]);
        if (r == 0)
                r = buf_append_u32(&firmware, c->firmware[1]);
        if (r == 0)
                r = attrs_set_str(a, "tpm-manufacturer", c->manufacturer);
        if (r == 0)
                r = attrs_set_str(a, "tpm-vendor", c->vendor);
        if (r == 0)
                r = attrs_set_hex(a, "tpm-firmware", BYTES_OF(&firmware));
        if (r == 0)
                r = attrs_set_str(a, "tpm-revision", c->revision);
        if (r == 0)
                r = attrs_set_uint(a, "tpm-slots", c->slots);
        if (r == 0)
                r = attrs_set_uint(a, "tpm-sessions", c->sessions);
        if (r == 0)
                r = attrs_set_bool(a, "tpm-raw-rsa", c->raw_rsa);
        if (r == 0)
                r = attrs_set_bool(a, "tpm-sha1", c->sha1);
        if (r == 0)
                r = set_kinds(a, c->kinds);
        if (r == 0)
                r = set_hashes(a, c->hashes);
        return r;
}

static unsigned kind_bit(const char *name)
{
        const struct key_kind *k;

        for (size_t i = 0; (k = key_kind_at(i)); i++)
                if (strcmp(k->name, name) == 0)
                        return 1u << i;
        return 0;
}

static unsigned hash_bit(const char *name)
{
        const struct hash *h;

        for (size_t i = 0; (h = hash_at(i)); i++)
                if (strcmp(h->name, name) == 0)
                        return 1u << i;
        return 0;
}

/* A name without a row here is from another version of ours and of no use to this one. */
static int get_names(const struct attrs *a, const char *line, unsigned (*bit)(const char *name), unsigned *ret)
{
        const char *text = attrs_str(a, line, NULL);
        char *copy, *name, *at = NULL;

        if (!text)
                return err(ERR_FORMAT, "the store file has no %s line", line);
        copy = strdup(text);
        if (!copy)
                return err(ERR_NOMEM, "out of memory");
        *ret = 0;
        for (name = strtok_r(copy, ",", &at); name; name = strtok_r(NULL, ",", &at))
                *ret |= bit(name);
        free(copy);
        return 0;
}

static int get_text(const struct attrs *a, const char *line, char *out, size_t size)
{
        const char *text = attrs_str(a, line, NULL);

        if (!text || strlen(text) >= size)
                return err(ERR_FORMAT, "the store file has no good %s line", line);
        strcpy(out, text);
        return 0;
}

static int get_uint(const struct attrs *a, const char *line, unsigned *ret)
{
        unsigned long v;

        if (attrs_uint(a, line, &v) != 0 || v > 0xffff)
                return err(ERR_FORMAT, "the store file has no good %s line", line);
        *ret = (unsigned)v;
        return 0;
}

static int get_bool(const struct attrs *a, const char *line, bool *ret)
{
        if (attrs_bool(a, line, ret) != 0)
                return err(ERR_FORMAT, "the store file has no good %s line", line);
        return 0;
}

static int get_firmware(const struct attrs *a, uint32_t ret[2])
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        int r;

        r = attrs_hex(a, "tpm-firmware", &b);
        if (r == ERR_NOMEM)
                return r;
        if (r != 0 || b.len != 8)
                return err(ERR_FORMAT, "the store file has no good tpm-firmware line");
        for (size_t i = 0; i < 2; i++)
                ret[i] = (uint32_t)b.ptr[4 * i] << 24 | (uint32_t)b.ptr[4 * i + 1] << 16 |
                         (uint32_t)b.ptr[4 * i + 2] << 8 | b.ptr[4 * i + 3];
        return 0;
}

int tpm_caps_from_attrs(const struct attrs *a, struct tpm_caps *ret)
{
        struct tpm_caps c = { 0 };
        int r;

        r = get_text(a, "tpm-manufacturer", c.manufacturer, sizeof(c.manufacturer));
        if (r == 0)
                r = get_text(a, "tpm-vendor", c.vendor, sizeof(c.vendor));
        if (r == 0)
                r = get_firmware(a, c.firmware);
        if (r == 0)
                r = get_text(a, "tpm-revision", c.revision, sizeof(c.revision));
        if (r == 0)
                r = get_uint(a, "tpm-slots", &c.slots);
        if (r == 0)
                r = get_uint(a, "tpm-sessions", &c.sessions);
        if (r == 0)
                r = get_bool(a, "tpm-raw-rsa", &c.raw_rsa);
        if (r == 0)
                r = get_bool(a, "tpm-sha1", &c.sha1);
        if (r == 0)
                r = get_names(a, "tpm-kinds", kind_bit, &c.kinds);
        if (r == 0)
                r = get_names(a, "tpm-hashes", hash_bit, &c.hashes);
        if (r != 0)
                return r;
        *ret = c;
        return 0;
}
