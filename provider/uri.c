/* SPDX-License-Identifier: BSD-2-Clause */
/* What a PKCS#11 URI (RFC 7512) names, both ways, and whether a token or module is meant.
 * An attribute of the path that we do not know could exclude what we find, so it is refused; one of the query is passed over (2.3, 2.4). */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "lib/err.h"
#include "provider/provider.h"

#define SCHEME "pkcs11:"
#define URI_MAX 8192

static const struct text {
        const char *name;
        size_t offset;
        bool query;
} texts[] = {
        { "token", offsetof(struct uri, token), false },
        { "manufacturer", offsetof(struct uri, manufacturer), false },
        { "serial", offsetof(struct uri, serial), false },
        { "model", offsetof(struct uri, model), false },
        { "library-manufacturer", offsetof(struct uri, library_manufacturer), false },
        { "library-description", offsetof(struct uri, library_description), false },
        { "object", offsetof(struct uri, object), false },
        { "id", offsetof(struct uri, id), false },
        { "pin-value", offsetof(struct uri, pin_value), true },
        { "pin-source", offsetof(struct uri, pin_source), true },
        { "module-path", offsetof(struct uri, module_path), true },
        { "module-name", offsetof(struct uri, module_name), true },
};

static const struct {
        const char *name;
        CK_OBJECT_CLASS class;
} types[] = {
        { "private", CKO_PRIVATE_KEY },
        { "public", CKO_PUBLIC_KEY },
        { "cert", CKO_CERTIFICATE },
        { "secret-key", CKO_SECRET_KEY },
        { "data", CKO_DATA },
};

static struct buf *text_of(struct uri *u, const struct text *t)
{
        return (struct buf *)((char *)u + t->offset);
}

static const struct buf *text_in(const struct uri *u, const struct text *t)
{
        return (const struct buf *)((const char *)u + t->offset);
}

void uri_clear(struct uri *u)
{
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                buf_clear(text_of(u, &texts[i]));
        *u = (struct uri){ 0 };
}

/* Characters that may stand for themselves: pk11-pchar and pk11-qchar, 2.3. */
static bool plain(uint8_t c, bool query)
{
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
                return true;
        return c != 0 && strchr(query ? "-._~:[]@!$'()*+,=/?|" : "-._~:[]@!$'()*+,=&", c) != NULL;
}

/* Percent-encoding undone, RFC 3986 2.1. Present and empty is told from absent by its memory. */
static int decode(struct bytes in, bool query, const char *name, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf octet = { 0 };
        int r = buf_reserve(ret, in.len + 1);

        for (size_t i = 0; r == 0 && i < in.len; i++) {
                if (in.ptr[i] == '%') {
                        if (in.len - i < 3 || hex_decode((const char *)in.ptr + i + 1, 2, &octet) != 0)
                                return err(ERR_FORMAT, "%s has a %% without two hexadecimal digits behind it", name);
                        r = buf_append_u8(ret, octet.ptr[0]);
                        i += 2;
                } else if (plain(in.ptr[i], query)) {
                        r = buf_append_u8(ret, in.ptr[i]);
                } else {
                        return err(ERR_FORMAT, "%s has a character that has to be written %%%02X", name, in.ptr[i]);
                }
        }
        return r;
}

/* Decimal, up to max; moves in behind it. */
static int number(struct bytes *in, unsigned long max, const char *name, unsigned long *ret)
{
        unsigned long v = 0;
        size_t i = 0;

        for (; i < in->len && in->ptr[i] >= '0' && in->ptr[i] <= '9'; i++) {
                unsigned digit = in->ptr[i] - (unsigned)'0';

                if (v > (max - digit) / 10)
                        return err(ERR_FORMAT, "%s is too large", name);
                v = 10 * v + digit;
        }
        if (i == 0)
                return err(ERR_FORMAT, "%s is no number", name);
        *in = BYTES(in->ptr + i, in->len - i);
        *ret = v;
        return 0;
}

static int take_slot(struct bytes value, struct uri *u)
{
        unsigned long v;
        int r = number(&value, ~0UL, "slot-id", &v);

        if (r == 0 && (value.len > 0 || u->has_slot_id))
                r = err(ERR_FORMAT, "slot-id is no number, or there twice");
        if (r != 0)
                return r;
        u->slot_id = v;
        u->has_slot_id = true;
        return 0;
}

static int take_version(struct bytes value, struct uri *u)
{
        unsigned long major, minor = 0;
        int r = number(&value, 255, "library-version", &major);

        if (r == 0 && value.len > 0 && value.ptr[0] == '.') {
                value = BYTES(value.ptr + 1, value.len - 1);
                r = number(&value, 255, "library-version", &minor);
        }
        if (r == 0 && (value.len > 0 || u->has_library_version))
                r = err(ERR_FORMAT, "library-version is not like 1.0, or there twice");
        if (r != 0)
                return r;
        u->library_version = (CK_VERSION){ (CK_BYTE)major, (CK_BYTE)minor };
        u->has_library_version = true;
        return 0;
}

static int take_type(struct bytes value, struct uri *u)
{
        for (size_t i = 0; i < ARRAY_LEN(types); i++) {
                if (!bytes_equal(value, BYTES_STR(types[i].name)))
                        continue;
                if (u->has_type)
                        return err(ERR_FORMAT, "type is there twice");
                u->type = types[i].class;
                u->has_type = true;
                return 0;
        }
        return err(ERR_FORMAT, "type is none of private, public, cert, secret-key and data");
}

static int take_attribute(struct bytes name, struct bytes value, bool query, struct uri *u)
{
        static const struct {
                const char *name;
                int (*take)(struct bytes value, struct uri *u);
        } others[] = {
                { "slot-id", take_slot },
                { "library-version", take_version },
                { "type", take_type },
        };

        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
                if (texts[i].query != query || !bytes_equal(name, BYTES_STR(texts[i].name)))
                        continue;
                if (text_of(u, &texts[i])->ptr)
                        return err(ERR_FORMAT, "%s is there twice", texts[i].name);
                return decode(value, query, texts[i].name, text_of(u, &texts[i]));
        }
        if (query)
                return 0;
        for (size_t i = 0; i < ARRAY_LEN(others); i++)
                if (bytes_equal(name, BYTES_STR(others[i].name)))
                        return others[i].take(value, u);
        return err(ERR_FORMAT, "it has an attribute before the ? that is not known: token, object, id, type, serial, manufacturer, model, "
                               "slot-id and library-... are");
}

/* name=value between separators. */
static int take_part(struct bytes part, char separator, bool query, struct uri *u)
{
        while (part.len > 0) {
                const uint8_t *end = memchr(part.ptr, separator, part.len);
                struct bytes one = { part.ptr, end ? (size_t)(end - part.ptr) : part.len };
                const uint8_t *equals = memchr(one.ptr, '=', one.len);
                size_t used = one.len + (end ? 1 : 0);
                size_t name_len;
                int r;

                if (!equals || (end && used == part.len))
                        return err(ERR_FORMAT, "it has an attribute without = and a value");
                name_len = (size_t)(equals - one.ptr);
                r = take_attribute(BYTES(one.ptr, name_len), BYTES(equals + 1, one.len - name_len - 1), query, u);
                if (r != 0)
                        return r;
                part = BYTES(part.ptr + used, part.len - used);
        }
        return 0;
}

int uri_parse(struct bytes text, struct uri *ret)
{
        CLEANUP(uri_clear) struct uri u = { 0 };
        struct bytes path, query = { 0 };
        const uint8_t *mark;
        int r;

        if (text.len > URI_MAX)
                return err(ERR_FORMAT, "it is longer than %d characters", URI_MAX);
        if (text.len < strlen(SCHEME) || strncasecmp((const char *)text.ptr, SCHEME, strlen(SCHEME)) != 0)
                return err(ERR_FORMAT, "it does not start with " SCHEME);
        path = BYTES(text.ptr + strlen(SCHEME), text.len - strlen(SCHEME));
        mark = path.len > 0 ? memchr(path.ptr, '?', path.len) : NULL;
        if (mark) {
                query = BYTES(mark + 1, path.len - (size_t)(mark - path.ptr) - 1);
                path.len = (size_t)(mark - path.ptr);
        }
        r = take_part(path, ';', false, &u);
        if (r == 0)
                r = take_part(query, '&', true, &u);
        if (r == 0 && u.pin_value.ptr && u.pin_source.ptr)
                r = err(ERR_FORMAT, "it has both pin-value and pin-source");
        if (r != 0)
                return r;
        uri_clear(ret);
        *ret = u;
        u = (struct uri){ 0 };
        return 0;
}

/* id is bytes: each is written as hex, 2.3. */
static int put_text(const struct text *t, const struct buf *value, const char *separator, struct buf *out)
{
        bool all = t->offset == offsetof(struct uri, id);
        int r = buf_printf(out, "%s%s=", separator, t->name);

        for (size_t i = 0; r == 0 && i < value->len; i++) {
                uint8_t c = value->ptr[i];

                r = !all && plain(c, t->query) ? buf_append_u8(out, c) : buf_printf(out, "%%%02X", c);
        }
        return r;
}

static int put_texts(const struct uri *u, bool query, struct buf *out)
{
        size_t start = out->len;
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_LEN(texts); i++) {
                const char *separator = query ? (out->len == start ? "?" : "&") : (out->len == start ? "" : ";");

                if (texts[i].query == query && text_in(u, &texts[i])->ptr)
                        r = put_text(&texts[i], text_in(u, &texts[i]), separator, out);
        }
        return r;
}

int uri_format(const struct uri *u, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf out = { 0 };
        int r = buf_append_str(&out, SCHEME);
        size_t start = out.len;

        if (r == 0)
                r = put_texts(u, false, &out);
        for (size_t i = 0; r == 0 && u->has_type && i < ARRAY_LEN(types); i++)
                if (types[i].class == u->type)
                        r = buf_printf(&out, "%stype=%s", out.len == start ? "" : ";", types[i].name);
        if (r == 0 && u->has_slot_id)
                r = buf_printf(&out, "%sslot-id=%lu", out.len == start ? "" : ";", u->slot_id);
        if (r == 0 && u->has_library_version)
                r = buf_printf(&out, "%slibrary-version=%u.%u", out.len == start ? "" : ";", u->library_version.major, u->library_version.minor);
        if (r == 0)
                r = put_texts(u, true, &out);
        if (r == 0)
                buf_take(&out, ret);
        return r;
}

/* A field of fixed width is filled up with blanks, by some with NULs. */
static struct bytes trim(struct bytes b)
{
        while (b.len > 0 && (b.ptr[b.len - 1] == ' ' || b.ptr[b.len - 1] == 0))
                b.len--;
        return b;
}

static bool same(const struct buf *wanted, const CK_UTF8CHAR *field, size_t len)
{
        return !wanted->ptr || bytes_equal(trim(BYTES_OF(wanted)), trim(BYTES(field, len)));
}

bool uri_matches_token(const struct uri *u, CK_SLOT_ID slot, const CK_TOKEN_INFO *t)
{
        return (!u->has_slot_id || u->slot_id == slot) && same(&u->token, t->label, sizeof(t->label)) &&
               same(&u->manufacturer, t->manufacturerID, sizeof(t->manufacturerID)) && same(&u->model, t->model, sizeof(t->model)) &&
               same(&u->serial, t->serialNumber, sizeof(t->serialNumber));
}

bool uri_matches_library(const struct uri *u, const CK_INFO *i)
{
        return same(&u->library_manufacturer, i->manufacturerID, sizeof(i->manufacturerID)) &&
               same(&u->library_description, i->libraryDescription, sizeof(i->libraryDescription)) &&
               (!u->has_library_version ||
                (u->library_version.major == i->libraryVersion.major && u->library_version.minor == i->libraryVersion.minor));
}
