/* SPDX-License-Identifier: BSD-2-Clause */
/* How does an operator see what the issuer knows? */
#include "issuer/listing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/utf8.h"

#define COLUMNS_MAX 24
#define TIME_SIZE 32

static void put_time(json_int_t t, struct buf *b)
{
        char text[TIME_SIZE];
        time_t when = (time_t)t;
        struct tm tm;

        if (t <= 0 || gmtime_r(&when, &tm) == NULL || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                return;
        buf_append_str(b, text);
}

static void put_value(const json_t *v, enum listing_type type, struct buf *b)
{
        size_t i;
        json_t *e;

        if (type == LISTING_TIME && json_is_integer(v)) {
                put_time(json_integer_value(v), b);
        } else if (json_is_string(v)) {
                buf_append(b, json_string_value(v), json_string_length(v));
        } else if (json_is_integer(v)) {
                buf_printf(b, "%lld", (long long)json_integer_value(v));
        } else if (json_is_boolean(v)) {
                buf_append_str(b, json_is_true(v) ? "yes" : "no");
        } else if (json_is_array(v)) {
                json_array_foreach(v, i, e) {
                        if (i > 0)
                                buf_append_str(b, " ");
                        put_value(e, type, b);
                }
        }
}

/* A value as text; whatever a terminal would obey is a "?". */
static const char *value_of(const json_t *object, const struct listing_column *c, struct buf *room)
{
        buf_reset(room);
        put_value(json_object_get(object, c->member), c->type, room);
        if (!utf8_printable(BYTES_OF(room)))
                for (size_t i = 0; i < room->len; i++)
                        if (room->ptr[i] < ' ' || room->ptr[i] >= 0x7f)
                                room->ptr[i] = '?';
        return buf_str(room) != NULL ? buf_str(room) : "";
}

int listing_json(const json_t *doc)
{
        if (json_dumpf(doc, stdout, JSON_INDENT(2)) != 0)
                return err(ERR_IO, "standard output could not be written");
        putchar('\n');
        return 0;
}

/* RFC 4180 2: quoted where it must be. What a spreadsheet would compute is text. */
static void put_csv(const char *text)
{
        bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;

        if (!formula && strpbrk(text, ",\"\r\n") == NULL) {
                fputs(text, stdout);
                return;
        }
        fputs(formula ? "\"'" : "\"", stdout);
        for (; *text != '\0'; text++) {
                if (*text == '"')
                        putchar('"');
                putchar(*text);
        }
        putchar('"');
}

static void print_csv(const struct listing_column *columns, const json_t *list)
{
        CLEANUP(buf_clear) struct buf room = { 0 };
        size_t i;
        json_t *o;

        for (const struct listing_column *c = columns; c->member != NULL; c++)
                printf("%s%s", c == columns ? "" : ",", c->member);
        fputs("\r\n", stdout);
        json_array_foreach(list, i, o) {
                for (const struct listing_column *c = columns; c->member != NULL; c++) {
                        if (c != columns)
                                putchar(',');
                        put_csv(value_of(o, c, &room));
                }
                fputs("\r\n", stdout);
        }
}

static size_t width_of(const char *text)
{
        size_t n = 0;

        /* Octets that go on with a character are none of their own. */
        for (; *text != '\0'; text++)
                n += ((unsigned char)*text & 0xc0) != 0x80;
        return n;
}

static void put_cell(const char *text, size_t width, bool last)
{
        size_t n = width_of(text);

        fputs(text[0] != '\0' ? text : "-", stdout);
        for (n = n > 0 ? n : 1; !last && n < width + 2; n++)
                putchar(' ');
}

static void print_table(const struct listing_column *columns, const json_t *list)
{
        CLEANUP(buf_clear) struct buf room = { 0 };
        const struct listing_column *shown[COLUMNS_MAX];
        size_t width[COLUMNS_MAX], n = 0, i;
        json_t *o;

        for (const struct listing_column *c = columns; c->member != NULL && n < COLUMNS_MAX; c++)
                if (!c->wide) {
                        width[n] = strlen(c->head);
                        shown[n++] = c;
                }
        json_array_foreach(list, i, o)
                for (size_t j = 0; j < n; j++) {
                        size_t w = width_of(value_of(o, shown[j], &room));

                        width[j] = w > width[j] ? w : width[j];
                }
        for (size_t j = 0; j < n; j++)
                put_cell(shown[j]->head, width[j], j + 1 == n);
        putchar('\n');
        json_array_foreach(list, i, o) {
                for (size_t j = 0; j < n; j++)
                        put_cell(value_of(o, shown[j], &room), width[j], j + 1 == n);
                putchar('\n');
        }
}

int listing_print(const struct args *a, const struct listing_column *columns, const json_t *list)
{
        if (args_flag(a, "json"))
                return listing_json(list);
        if (args_flag(a, "csv"))
                print_csv(columns, list);
        else
                print_table(columns, list);
        return 0;
}

int listing_print_one(const struct args *a, const struct listing_column *columns, const json_t *object)
{
        CLEANUP(buf_clear) struct buf room = { 0 };

        if (args_flag(a, "json"))
                return listing_json(object);
        for (const struct listing_column *c = columns; c->member != NULL; c++) {
                const char *value = value_of(object, c, &room);

                if (value[0] != '\0')
                        printf("%-14s %s\n", c->head, value);
        }
        return 0;
}
