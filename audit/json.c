/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a value look in JSON, so that nothing in it is taken for JSON? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "audit/exporting.h"
#include "audit/json.h"
#include "lib/utf8.h"

static void put(struct json *j, const char *s)
{
        if (j->r == 0)
                j->r = buf_append_str(j->b, s);
}

/* Keys are ours. */
static void begin(struct json *j, const char *key, const char *behind)
{
        if (j->comma)
                put(j, ",");
        if (key != NULL && j->r == 0)
                j->r = buf_printf(j->b, "\"%s%s\":", key, behind);
        j->comma = true;
}

void json_open(struct json *j, const char *key, char bracket)
{
        begin(j, key, "");
        put(j, bracket == '{' ? "{" : "[");
        j->comma = false;
}

void json_close(struct json *j, char bracket)
{
        put(j, bracket == '}' ? "}" : "]");
        j->comma = true;
}

void json_number(struct json *j, const char *key, uint64_t v)
{
        begin(j, key, "");
        if (j->r == 0)
                j->r = buf_printf(j->b, "%" PRIu64, v);
}

void json_bool(struct json *j, const char *key, bool v)
{
        begin(j, key, "");
        put(j, v ? "true" : "false");
}

static int put_char(struct buf *b, struct bytes v, size_t from, size_t to, uint32_t c)
{
        if (c == '"' || c == '\\')
                return buf_printf(b, "\\%c", (int)c);
        if (!export_hidden(c))
                return buf_append(b, v.ptr + from, to - from);
        if (c > 0xffff)
                return buf_printf(b, "\\u%04x\\u%04x", (unsigned)(0xd7c0 + (c >> 10)), (unsigned)(0xdc00 + (c & 0x3ff)));
        return buf_printf(b, "\\u%04x", (unsigned)c);
}

static void quote(struct json *j, struct bytes v)
{
        put(j, "\"");
        for (size_t i = 0; j->r == 0 && i < v.len;) {
                size_t from = i;
                uint32_t c = export_char(v, &i);

                j->r = put_char(j->b, v, from, i, c);
        }
        put(j, "\"");
}

static void quote_hex(struct json *j, struct bytes v)
{
        put(j, "\"");
        for (size_t i = 0; j->r == 0 && i < v.len; i++)
                j->r = buf_printf(j->b, "%02x", v.ptr[i]);
        put(j, "\"");
}

void json_ours(struct json *j, const char *key, const char *v)
{
        begin(j, key, "");
        quote(j, BYTES_STR(v));
}

void json_text(struct json *j, const char *key, struct bytes v)
{
        if (v.len == 0)
                return;
        if (!utf8_valid(v)) {
                begin(j, key, "_hex");
                quote_hex(j, v);
                return;
        }
        begin(j, key, "");
        quote(j, v);
}

void json_shown(struct json *j, const char *key, struct bytes v)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        if (v.len == 0)
                return;
        if (!utf8_valid(v)) {
                if (j->r == 0)
                        j->r = export_text(&text, v, "");
                v = BYTES_OF(&text);
        }
        begin(j, key, "");
        quote(j, v);
}

void json_hex(struct json *j, const char *key, struct bytes v)
{
        if (v.len == 0)
                return;
        begin(j, key, "");
        quote_hex(j, v);
}
