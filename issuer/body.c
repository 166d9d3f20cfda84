/* SPDX-License-Identifier: BSD-2-Clause */
/* Is this body what the request has, and nothing else? */
#include "issuer/body.h"
#include <string.h>
#include "lib/err.h"
#include "lib/utf8.h"

#define DEPTH_MAX 3

void body_free(json_t **body)
{
        json_decref(*body);
        *body = NULL;
}

/* Before the parser, which recurses. */
static int check_depth(struct bytes text)
{
        bool in_string = false;
        unsigned depth = 0;

        for (size_t i = 0; i < text.len; i++) {
                uint8_t c = text.ptr[i];

                if (in_string && c == '\\')
                        i++;
                else if (c == '"')
                        in_string = !in_string;
                else if (!in_string && (c == '[' || c == '{') && ++depth > DEPTH_MAX)
                        return err(ERR_FORMAT, "JSON that is nested more than %d deep", DEPTH_MAX);
                else if (!in_string && (c == ']' || c == '}') && depth > 0)
                        depth--;
        }
        return 0;
}

static int check_members(const json_t *object, const struct body_member *members);

static int check_text(const json_t *value, const struct body_member *m, bool lines)
{
        const char *text = json_string_value(value);
        size_t len = json_string_length(value), n;

        if (text == NULL || (len == 0 && m->needed))
                return err(ERR_FORMAT, "the member %s is no text, or an empty one", m->name);
        if (len > m->max)
                return err(ERR_FORMAT, "the member %s has more than %zu octets", m->name, m->max);
        for (const char *rest = text; len > 0; rest += n, len -= n) {
                n = lines ? strcspn(rest, "\r\n") : len;
                if (!utf8_printable(BYTES(rest, n)))
                        return err(ERR_FORMAT, "the member %s has control characters in it", m->name);
                n += n < len;
        }
        return 0;
}

/* Standard base64, in the one way in which it is written. */
static int check_base64(const json_t *value, const struct body_member *m)
{
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *text = json_string_value(value);
        size_t len = json_string_length(value), good;

        if (text == NULL || len == 0 || len % 4 != 0)
                return err(ERR_FORMAT, "the member %s is no base64, or stands for nothing", m->name);
        good = strspn(text, alphabet);
        if (len - good > 2 || strspn(text + good, "=") != len - good)
                return err(ERR_FORMAT, "the member %s is no base64", m->name);
        if (len / 4 * 3 - (len - good) > m->max)
                return err(ERR_FORMAT, "the member %s stands for more than %zu octets", m->name, m->max);
        return 0;
}

static int check_list(const json_t *value, const struct body_member *m)
{
        int r = 0;

        if (!json_is_array(value) || json_array_size(value) > BODY_LIST_MAX)
                return err(ERR_FORMAT, "the member %s is no list of at most %d", m->name, BODY_LIST_MAX);
        for (size_t i = 0; r == 0 && i < json_array_size(value); i++) {
                const json_t *v = json_array_get(value, i);

                r = m->type == BODY_TEXTS ? check_text(v, m, false) : check_base64(v, m);
        }
        return r;
}

static int check_value(const json_t *value, const struct body_member *m)
{
        switch (m->type) {
        case BODY_TEXT:
                return check_text(value, m, false);
        case BODY_LINES:
                return check_text(value, m, true);
        case BODY_BYTES:
                return check_base64(value, m);
        case BODY_NUMBER:
                if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > m->max)
                        return err(ERR_FORMAT, "the member %s is no number up to %zu", m->name, m->max);
                return 0;
        case BODY_TEXTS:
        case BODY_BYTES_LIST:
                return check_list(value, m);
        case BODY_OBJECT:
                return check_members(value, m->members);
        }
        return err(ERR_INVAL, "a member of no type");
}

/* One level calls the next: there are DEPTH_MAX of them. */
static int check_members(const json_t *object, const struct body_member *members)
{
        size_t found = 0;
        int r = 0;

        if (!json_is_object(object))
                return err(ERR_FORMAT, "something that is no JSON object");
        for (const struct body_member *m = members; r == 0 && m->name != NULL; m++) {
                const json_t *value = json_object_get(object, m->name);

                found += value != NULL;
                if (value != NULL)
                        r = check_value(value, m);
                else if (m->needed)
                        r = err(ERR_FORMAT, "the member %s is missing", m->name);
        }
        if (r == 0 && json_object_size(object) != found)
                r = err(ERR_FORMAT, "a member that this request does not have");
        return r;
}

int body_read(struct bytes text, const struct body_member *members, json_t **ret)
{
        CLEANUP(body_free) json_t *body = NULL;
        json_error_t e;
        int r;

        r = check_depth(text);
        if (r != 0)
                return r;
        body = json_loadb(text.len > 0 ? (const char *)text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &e);
        /* Its own words quote the text, which may hold a token. */
        if (body == NULL)
                return err(ERR_FORMAT, "the body is no JSON, at octet %d", e.position);
        r = check_members(body, members);
        if (r != 0)
                return r;
        *ret = body;
        body = NULL;
        return 0;
}

const char *body_text(const json_t *body, const char *name)
{
        return json_string_value(json_object_get(body, name));
}

static int decode(const json_t *value, struct buf *ret)
{
        buf_reset(ret);
        return value != NULL ? base64_decode(json_string_value(value), json_string_length(value), ret) : 0;
}

int body_bytes(const json_t *body, const char *name, struct buf *ret)
{
        return decode(json_object_get(body, name), ret);
}

uint64_t body_number(const json_t *body, const char *name)
{
        return (uint64_t)json_integer_value(json_object_get(body, name));
}

size_t body_count(const json_t *body, const char *name)
{
        return json_array_size(json_object_get(body, name));
}

const char *body_text_at(const json_t *body, const char *name, size_t i)
{
        return json_string_value(json_array_get(json_object_get(body, name), i));
}

int body_bytes_at(const json_t *body, const char *name, size_t i, struct buf *ret)
{
        return decode(json_array_get(json_object_get(body, name), i), ret);
}

const json_t *body_object(const json_t *body, const char *name)
{
        return json_object_get(body, name);
}
