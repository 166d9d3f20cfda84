/* SPDX-License-Identifier: BSD-2-Clause */
/* Is that a request for a token, and for which? */
#include "daemon/token_request.h"
#include <string.h>
#include <strings.h>
#include "keys/store.h"
#include "lib/err.h"
#include "lib/utf8.h"

#define PATH "/v1/token"
#define TCHAR "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" /* RFC 9110 5.6.2 */

enum { BAD_REQUEST = 400, NOT_FOUND = 404, BAD_METHOD = 405, TOO_LONG = 431, BAD_VERSION = 505 };

void token_request_clear(struct token_request *t)
{
        buf_clear(&t->agent);
        buf_clear(&t->audience);
        buf_clear(&t->key);
        t->keep = false;
}

size_t token_request_end(struct bytes in)
{
        const uint8_t *end = in.len >= 4 ? memmem(in.ptr, in.len, "\r\n\r\n", 4) : NULL;

        return end != NULL ? (size_t)(end - in.ptr) + 4 : 0;
}

static int refuse(int status, const char *why)
{
        err(ERR_FORMAT, "%s", why);
        return status;
}

/* Up to the delimiter, which goes too; all of it where there is none. */
static struct bytes cut(struct bytes *in, const char *delimiter)
{
        size_t n = strlen(delimiter);
        const uint8_t *at = in->len >= n ? memmem(in->ptr, in->len, delimiter, n) : NULL;
        struct bytes part = BYTES(in->ptr, at != NULL ? (size_t)(at - in->ptr) : in->len);
        size_t used = part.len + (at != NULL ? n : 0);

        *in = BYTES(in->ptr + used, in->len - used);
        return part;
}

static bool is(struct bytes b, const char *text)
{
        return bytes_equal(b, BYTES_STR(text));
}

static bool is_name(struct bytes name, const char *text)
{
        return name.len == strlen(text) && strncasecmp((const char *)name.ptr, text, name.len) == 0;
}

static int hex(uint8_t c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* As forms write it: "+" is a blank. */
static bool unescape(struct bytes in, size_t max, struct buf *ret)
{
        for (size_t i = 0; i < in.len; i++) {
                int c = in.ptr[i] == '+' ? ' ' : in.ptr[i];

                if (c == '%') {
                        if (in.len - i < 3 || hex(in.ptr[i + 1]) < 0 || hex(in.ptr[i + 2]) < 0)
                                return false;
                        c = hex(in.ptr[i + 1]) << 4 | hex(in.ptr[i + 2]);
                        i += 2;
                }
                if (ret->len == max || buf_append_u8(ret, (uint8_t)c) != 0)
                        return false;
        }
        return ret->len > 0 && utf8_printable(BYTES_OF(ret)) && buf_str(ret) != NULL;
}

static int parse_query(struct bytes query, struct token_request *t)
{
        const struct {
                const char *name;
                size_t max;
                struct buf *place;
        } members[] = { { "agent", AGENT_NAME_MAX, &t->agent }, { "audience", TOKEN_AUDIENCE_MAX, &t->audience }, { "key", TOKEN_LABEL_MAX, &t->key } };

        while (query.len > 0) {
                struct bytes value = cut(&query, "&"), name = cut(&value, "=");
                size_t i = 0;

                while (i < ARRAY_LEN(members) && !is(name, members[i].name))
                        i++;
                if (i == ARRAY_LEN(members))
                        return refuse(BAD_REQUEST, "the query has agent, audience and key, and nothing else");
                if (members[i].place->len > 0 || !unescape(value, members[i].max, members[i].place))
                        return refuse(BAD_REQUEST, "a part of the query is there twice, is empty, too long or not text");
        }
        if (t->agent.len == 0 || t->audience.len == 0)
                return refuse(BAD_REQUEST, "the query has to name agent and audience");
        return 0;
}

static int parse_line(struct bytes line, struct token_request *t)
{
        struct bytes method = cut(&line, " "), target = cut(&line, " "), path;

        if (is(line, "HTTP/1.1"))
                t->keep = true;
        else if (!is(line, "HTTP/1.0"))
                return refuse(BAD_VERSION, "this socket speaks HTTP/1.1");
        for (size_t i = 0; i < target.len; i++)
                if (target.ptr[i] <= ' ' || target.ptr[i] >= 0x7f || target.ptr[i] == '#')
                        return refuse(BAD_REQUEST, "the target of the request is none");
        path = cut(&target, "?");
        if (!is(path, PATH))
                return refuse(NOT_FOUND, "there is nothing here but " PATH);
        if (!is(method, "GET"))
                return refuse(BAD_METHOD, PATH " is only for GET");
        return parse_query(target, t);
}

static bool value_good(struct bytes v)
{
        for (size_t i = 0; i < v.len; i++)
                if ((v.ptr[i] < ' ' && v.ptr[i] != '\t') || v.ptr[i] == 0x7f)
                        return false;
        return true;
}

static struct bytes trim(struct bytes v)
{
        while (v.len > 0 && (v.ptr[0] == ' ' || v.ptr[0] == '\t'))
                v = BYTES(v.ptr + 1, v.len - 1);
        while (v.len > 0 && (v.ptr[v.len - 1] == ' ' || v.ptr[v.len - 1] == '\t'))
                v.len--;
        return v;
}

static int parse_header(struct bytes line, struct token_request *t)
{
        struct bytes value = line, name = cut(&value, ":");

        if (name.len == 0 || name.len == line.len || !value_good(value))
                return refuse(BAD_REQUEST, "a line of the header is none");
        for (size_t i = 0; i < name.len; i++)
                if (name.ptr[i] == '\0' || strchr(TCHAR, name.ptr[i]) == NULL)
                        return refuse(BAD_REQUEST, "a line of the header is none");
        value = trim(value);
        if (is_name(name, "Transfer-Encoding") || (is_name(name, "Content-Length") && !is(value, "0")))
                return refuse(BAD_REQUEST, "a request for a token has no body");
        if (is_name(name, "Connection") && is_name(value, "close"))
                t->keep = false;
        return 0;
}

int token_request_parse(struct bytes head, struct token_request *ret)
{
        struct token_request t = { 0 };
        struct bytes line;
        int status;

        if (head.len > TOKEN_REQUEST_MAX || (head.len == TOKEN_REQUEST_MAX && token_request_end(head) == 0))
                return refuse(TOO_LONG, "the header is too long");
        if (head.len < 4 || token_request_end(head) != head.len)
                return refuse(BAD_REQUEST, "the header has no end");
        head.len -= 2;
        line = cut(&head, "\r\n");
        status = parse_line(line, &t);
        while (status == 0 && head.len > 0) {
                line = cut(&head, "\r\n");
                status = parse_header(line, &t);
        }
        if (status == 0)
                *ret = t;
        else
                token_request_clear(&t);
        return status;
}
