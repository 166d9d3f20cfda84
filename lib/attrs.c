/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and writes "name: value" lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/attrs.h"
#include "lib/err.h"

#define NAME_MAX_LEN 64

void attrs_clear(struct attrs *a)
{
        for (size_t i = 0; i < a->n; i++) {
                free(a->list[i].name);
                buf_clear(&a->list[i].value);
        }
        free(a->list);
        *a = (struct attrs){ 0 };
}

static bool name_valid(const char *name, size_t len)
{
        if (len == 0 || len > NAME_MAX_LEN || name[0] == '-')
                return false;
        for (size_t i = 0; i < len; i++)
                if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9') && name[i] != '-')
                        return false;
        return true;
}

static struct attr *find(const struct attrs *a, const char *name)
{
        for (size_t i = 0; i < a->n; i++)
                if (strcmp(a->list[i].name, name) == 0)
                        return &a->list[i];
        return NULL;
}

/* A new line with an empty value. */
static int add(struct attrs *a, const char *name, struct attr **ret)
{
        struct attr *list;
        char *copy;

        if (a->n == ATTRS_MAX)
                return err(ERR_RANGE, "more than %d lines", ATTRS_MAX);
        list = realloc(a->list, (a->n + 1) * sizeof(*list));
        if (!list)
                return err(ERR_NOMEM, "out of memory");
        a->list = list;
        copy = strdup(name);
        if (!copy)
                return err(ERR_NOMEM, "out of memory");
        list[a->n] = (struct attr){ .name = copy };
        *ret = &list[a->n++];
        return 0;
}

int attrs_set(struct attrs *a, const char *name, struct bytes value)
{
        CLEANUP(buf_clear) struct buf copy = { 0 };
        struct attr *t;
        int r;

        if (!name_valid(name, strlen(name)))
                return err(ERR_INVAL, "\"%s\" cannot be the name of a line", name);
        if (value.len > ATTRS_VALUE_MAX)
                return err(ERR_RANGE, "the value of %s has %zu octets, at most %d", name, value.len, ATTRS_VALUE_MAX);
        r = buf_set(&copy, value);
        if (r != 0)
                return r;
        /* The NUL that attrs_str() counts on. */
        if (!buf_str(&copy))
                return err(ERR_NOMEM, "out of memory");

        t = find(a, name);
        if (!t) {
                r = add(a, name, &t);
                if (r != 0)
                        return r;
        }
        buf_take(&copy, &t->value);
        return 0;
}

int attrs_set_str(struct attrs *a, const char *name, const char *value)
{
        return attrs_set(a, name, BYTES_STR(value));
}

int attrs_set_bool(struct attrs *a, const char *name, bool value)
{
        return attrs_set_str(a, name, value ? "yes" : "no");
}

int attrs_set_uint(struct attrs *a, const char *name, unsigned long value)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        r = buf_printf(&text, "%lu", value);
        return r != 0 ? r : attrs_set(a, name, BYTES_OF(&text));
}

int attrs_set_hex(struct attrs *a, const char *name, struct bytes value)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        r = hex_encode(value, &text);
        return r != 0 ? r : attrs_set(a, name, BYTES_OF(&text));
}

int attrs_set_now(struct attrs *a, const char *name)
{
        time_t now = time(NULL);
        char text[32];
        struct tm tm;

        if (!gmtime_r(&now, &tm) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                return err(ERR_RANGE, "the clock shows no time");
        return attrs_set_str(a, name, text);
}

void attrs_remove(struct attrs *a, const char *name)
{
        struct attr *t = find(a, name);
        size_t i;

        if (!t)
                return;
        i = (size_t)(t - a->list);
        free(t->name);
        buf_clear(&t->value);
        memmove(t, t + 1, (a->n - i - 1) * sizeof(*t));
        a->n--;
}

int attrs_copy(const struct attrs *from, struct attrs *ret)
{
        struct attrs copy = { 0 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < from->n; i++)
                r = attrs_set(&copy, from->list[i].name, BYTES_OF(&from->list[i].value));
        if (r != 0) {
                attrs_clear(&copy);
                return r;
        }
        attrs_clear(ret);
        *ret = copy;
        return 0;
}

const struct buf *attrs_get(const struct attrs *a, const char *name)
{
        const struct attr *t = find(a, name);

        return t ? &t->value : NULL;
}

const char *attrs_str(const struct attrs *a, const char *name, const char *otherwise)
{
        const struct attr *t = find(a, name);

        /* A value with a NUL in it is no C string, and half of it would be another value. */
        if (!t || memchr(t->value.ptr, '\0', t->value.len))
                return otherwise;
        return (const char *)t->value.ptr;
}

int attrs_bool(const struct attrs *a, const char *name, bool *ret)
{
        const char *text = attrs_str(a, name, "");

        if (!find(a, name))
                return err(ERR_NOENT, "no line %s", name);
        if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
                return err(ERR_FORMAT, "%s is neither yes nor no", name);
        *ret = strcmp(text, "yes") == 0;
        return 0;
}

int attrs_uint(const struct attrs *a, const char *name, unsigned long *ret)
{
        const char *text = attrs_str(a, name, "");
        unsigned long v;
        char *end;

        if (!find(a, name))
                return err(ERR_NOENT, "no line %s", name);
        /* strtoul() would take a sign and blanks too. */
        errno = 0;
        v = strtoul(text, &end, 10);
        if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
                return err(ERR_FORMAT, "%s is no number", name);
        *ret = v;
        return 0;
}

int attrs_hex(const struct attrs *a, const char *name, struct buf *ret)
{
        const struct attr *t = find(a, name);
        int r;

        if (!t)
                return err(ERR_NOENT, "no line %s", name);
        r = hex_decode((const char *)t->value.ptr, t->value.len, ret);
        return r == ERR_FORMAT ? err(ERR_FORMAT, "%s is not hexadecimal", name) : r;
}

/* Printable as it is, unless it would be lost or misread: blanks at an end, and a second '-',
 * so that no value shows a reader of PEM files a boundary. */
static bool is_plain(struct bytes value, size_t i)
{
        uint8_t c = value.ptr[i];

        if (c == ' ')
                return i != 0 && i != value.len - 1;
        if (c == '-')
                return i == 0 || value.ptr[i - 1] != '-';
        return c > ' ' && c < 0x7f && c != '%';
}

static int format_value(struct bytes value, struct buf *out)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < value.len; i++) {
                if (is_plain(value, i))
                        r = buf_append_u8(out, value.ptr[i]);
                else
                        r = buf_printf(out, "%%%02X", value.ptr[i]);
        }
        return r;
}

int attrs_format(const struct attrs *a, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r = 0;

        for (size_t i = 0; i < a->n; i++) {
                const struct attr *t = &a->list[i];

                r = buf_printf(&text, t->value.len > 0 ? "%s: " : "%s:", t->name);
                if (r == 0)
                        r = format_value(BYTES_OF(&t->value), &text);
                if (r == 0)
                        r = buf_append_u8(&text, '\n');
                if (r != 0)
                        return r;
        }
        buf_take(&text, ret);
        return 0;
}

/* Appends the octet that %XX stands for. */
static int unescape(struct bytes in, struct buf *out)
{
        CLEANUP(buf_clear) struct buf octet = { 0 };
        int r;

        if (in.len < 3)
                return ERR_FORMAT;
        r = hex_decode((const char *)in.ptr + 1, 2, &octet);
        return r != 0 ? r : buf_append(out, octet.ptr, octet.len);
}

static int parse_value(struct bytes in, struct buf *ret)
{
        int r = 0;

        while (in.len > 0 && (in.ptr[0] == ' ' || in.ptr[0] == '\t')) {
                in.ptr++;
                in.len--;
        }
        while (in.len > 0 && (in.ptr[in.len - 1] == ' ' || in.ptr[in.len - 1] == '\t' || in.ptr[in.len - 1] == '\r'))
                in.len--;

        for (size_t i = 0, step; r == 0 && i < in.len; i += step) {
                step = in.ptr[i] == '%' ? 3 : 1;
                if (step == 3)
                        r = unescape(BYTES(in.ptr + i, in.len - i), ret);
                else if (in.ptr[i] < ' ' || in.ptr[i] > '~')
                        r = ERR_FORMAT;
                else
                        r = buf_append_u8(ret, in.ptr[i]);
        }
        return r;
}

static int parse_line(struct bytes line, struct attrs *a)
{
        CLEANUP(buf_clear) struct buf value = { 0 };
        char name[NAME_MAX_LEN + 1] = "";
        const uint8_t *colon;
        size_t len;
        int r;

        if (line.len == 0 || line.ptr[0] == '#')
                return 0;
        colon = memchr(line.ptr, ':', line.len);
        if (!colon)
                return ERR_FORMAT;
        len = (size_t)(colon - line.ptr);
        if (!name_valid((const char *)line.ptr, len))
                return ERR_FORMAT;
        memcpy(name, line.ptr, len);
        if (find(a, name) || a->n == ATTRS_MAX)
                return ERR_FORMAT;

        r = parse_value(BYTES(colon + 1, line.len - len - 1), &value);
        if (r == 0 && value.len > ATTRS_VALUE_MAX)
                r = ERR_FORMAT;
        return r != 0 ? r : attrs_set(a, name, BYTES_OF(&value));
}

int attrs_parse(struct bytes text, struct attrs *ret)
{
        struct attrs a = { 0 };
        unsigned number = 0;
        int r = 0;

        while (r == 0 && text.len > 0) {
                const uint8_t *end = memchr(text.ptr, '\n', text.len);
                size_t len = end ? (size_t)(end - text.ptr) : text.len;

                number++;
                r = memchr(text.ptr, '\0', len) ? ERR_FORMAT : parse_line(BYTES(text.ptr, len), &a);
                if (end)
                        len++;
                text.ptr += len;
                text.len -= len;
        }
        if (r != 0) {
                attrs_clear(&a);
                return r == ERR_FORMAT ? err(r, "line %u is not \"name: value\", is there twice or is one too many", number) : r;
        }
        attrs_clear(ret);
        *ret = a;
        return 0;
}
