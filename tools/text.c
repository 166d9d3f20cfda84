/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints: strangers' bytes made safe, fields, tables, JSON, failures. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "lib/utf8.h"
#include "tools/text.h"

/* The length of the UTF-8 sequence at p with its code point, 0 if it is none. */
static size_t utf8_decode(const uint8_t *p, size_t len, uint32_t *ret)
{
        size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;

        if (n > len || !utf8_valid(BYTES(p, n)))
                return 0;
        *ret = n == 1 ? p[0] : p[0] & (0x7fu >> n);
        for (size_t i = 1; i < n; ++i)
                *ret = *ret << 6 | (p[i] & 0x3fu);
        return n;
}

/* Controls, and what changes the direction or the look of the text around it. */
static bool steers(uint32_t v)
{
        return v < 0x20 || (v >= 0x7f && v < 0xa0) || v == 0x61c || (v >= 0x200b && v <= 0x200f) ||
               (v >= 0x2028 && v <= 0x202e) || (v >= 0x2060 && v <= 0x206f) || v == 0xfeff || (v >= 0xfff0 && v <= 0xffff) ||
               (v >= 0xe0000 && v <= 0xe0fff);
}

int text_safe(struct bytes in, struct buf *ret)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < in.len;) {
                uint32_t v = 0;
                size_t n = utf8_decode(in.ptr + i, in.len - i, &v);

                if (n > 0 && !steers(v)) {
                        r = buf_append(ret, in.ptr + i, n);
                        i += n;
                        continue;
                }
                for (size_t end = i + (n > 0 ? n : 1); r == 0 && i < end; ++i)
                        r = buf_printf(ret, "\\x%02x", in.ptr[i]);
        }
        return r;
}

const char *text_str(struct bytes in, struct buf *ret)
{
        const char *s;

        buf_reset(ret);
        s = text_safe(in, ret) == 0 ? buf_str(ret) : NULL;
        return s != NULL ? s : "";
}

json_t *text_json(struct bytes in)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        return json_string(text_str(in, &b));
}

void say(const struct cli *c, const char *fmt, ...)
{
        CLEANUP(free_ptr) char *raw = NULL;
        CLEANUP(buf_clear) struct buf b = { 0 };
        va_list ap;

        if (cli_flag(c, "quiet"))
                return;
        va_start(ap, fmt);
        if (vasprintf(&raw, fmt, ap) < 0)
                raw = NULL;
        va_end(ap);
        /* Keeps the order where both go to one terminal. */
        fflush(stdout);
        fprintf(stderr, "%s\n", raw != NULL ? text_str(BYTES_STR(raw), &b) : "");
}

void say_failure(const struct cli *c, int r)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        const char *text = text_str(BYTES_STR(err_text()), &b);
        const char *hint = cli_err_hint(r);

        if (text[0] == 0)
                text = cli_err_name(r);
        fflush(stdout);
        fprintf(stderr, "holdfast: %s.%s%s\n", text, hint != NULL ? " " : "", hint != NULL ? hint : "");
        if (cli_flag(c, "json"))
                print_json("error", json_pack("{s:s, s:i, s:s, s:s?}", "error", cli_err_name(r), "exit", cli_exit_status(r),
                                              "message", text, "hint", hint));
}

void print_field(const char *name, const char *fmt, ...)
{
        CLEANUP(free_ptr) char *raw = NULL;
        CLEANUP(buf_clear) struct buf b = { 0 };
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&raw, fmt, ap) < 0)
                raw = NULL;
        va_end(ap);
        printf("%-9s %s\n", name, raw != NULL ? text_str(BYTES_STR(raw), &b) : "");
}

void table_clear(struct table *t)
{
        for (size_t i = 0; i < t->n; ++i)
                buf_clear(&t->cells[i]);
        free(t->cells);
        *t = (struct table){ .columns = t->columns };
}

void table_add(struct table *t, struct bytes cell)
{
        struct buf *more = reallocarray(t->cells, t->n + 1, sizeof *more);

        if (more == NULL)
                return;
        t->cells = more;
        t->cells[t->n] = (struct buf){ 0 };
        text_str(cell, &t->cells[t->n]);
        ++t->n;
}

void table_add_str(struct table *t, const char *cell)
{
        table_add(t, BYTES_STR(cell));
}

/* Columns on a terminal: code points, which is right for all but wide and combining characters. */
static size_t width(const struct buf *b)
{
        size_t n = 0;

        for (size_t i = 0; i < b->len; ++i)
                n += (b->ptr[i] & 0xc0) != 0x80;
        return n;
}

void table_print(const struct cli *c, const struct table *t)
{
        size_t widths[TABLE_COLUMNS] = { 0 };
        size_t first = cli_flag(c, "quiet") ? t->columns : 0;

        for (size_t i = first; i < t->n; ++i) {
                size_t w = width(&t->cells[i]);

                if (widths[i % t->columns] < w)
                        widths[i % t->columns] = w;
        }
        for (size_t i = first; i < t->n; ++i) {
                size_t column = i % t->columns;
                const char *s = buf_str(&t->cells[i]);

                fputs(s != NULL ? s : "", stdout);
                if (column + 1 == t->columns)
                        fputc('\n', stdout);
                else
                        printf("%*s", (int)(widths[column] - width(&t->cells[i]) + 2), "");
        }
}

int print_json(const char *name, json_t *doc)
{
        CLEANUP(buf_clear) struct buf schema = { 0 };
        json_t *all = json_object();
        int r;

        r = buf_printf(&schema, "holdfast.%s/1", name);
        if (r == 0 && (doc == NULL || json_object_set_new(all, "schema", json_string(buf_str(&schema))) != 0 ||
                       json_object_update(all, doc) != 0))
                r = err(ERR_NOMEM, "cannot make the JSON document: out of memory, or text that is no UTF-8");
        if (r == 0 && json_dumpf(all, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER) != 0)
                r = err(ERR_IO, "cannot write to standard output");
        if (r == 0)
                fputc('\n', stdout);
        json_decref(all);
        json_decref(doc);
        return r;
}
