/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a request target name? */
#include "issuer/http_target.h"
#include <string.h>
#include <strings.h>
#include "lib/err.h"
#include "lib/utf8.h"

static int malformed(void)
{
        return err(ERR_FORMAT, "the request target is malformed");
}

static int hex_value(char c)
{
        const char *digits = "0123456789abcdef", *p = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

        return p != NULL ? (int)(p - digits) : -1;
}

/* The octet that "%41" is, or -1. */
static int encoded(const char *p)
{
        int high = hex_value(p[1]), low = high >= 0 ? hex_value(p[2]) : -1;

        return low >= 0 ? high << 4 | low : -1;
}

/* pchar of RFC 3986 3.3, and what else may stand there. */
static bool valid(const char *s, const char *besides)
{
        for (; *s != '\0'; s++) {
                if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("-._~!$&'()*+,;=:@", *s) != NULL ||
                    strchr(besides, *s) != NULL)
                        continue;
                if (*s != '%' || encoded(s) <= 0)
                        return false;
                s += 2;
        }
        return true;
}

/* "." or "..", also where a dot is written %2e; an empty one says nothing anywhere but at the end. */
static bool segment_allowed(const char *s, size_t len, bool last)
{
        size_t dots = 0, i = 0;

        if (len == 0)
                return last;
        while (i < len) {
                if (s[i] == '.')
                        i++;
                else if (s[i] == '%' && encoded(s + i) == '.')
                        i += 3;
                else
                        return true;
                dots++;
        }
        return dots > 2;
}

static bool path_allowed(const char *path)
{
        const char *at = path;

        if (*path != '/' || !valid(path, "/"))
                return false;
        while (*at == '/') {
                size_t len = strcspn(at + 1, "/");

                if (!segment_allowed(at + 1, len, at[1 + len] == '\0'))
                        return false;
                at += 1 + len;
        }
        return true;
}

int http_target_split(char *text, struct http_target *ret)
{
        struct http_target t = { .authority = "", .query = "" };
        char *path = text, *query;

        if (strncasecmp(text, "http://", 7) == 0 || strncasecmp(text, "https://", 8) == 0) {
                char *authority = strstr(text, "//") + 2;
                size_t len = strcspn(authority, "/?#");

                /* Moved to the front, for the NUL behind it. */
                if (len == 0 || authority[len] != '/')
                        return malformed();
                path = authority + len;
                memmove(text, authority, len);
                text[len] = '\0';
                if (!valid(text, "[]") || strchr(text, '@') != NULL)
                        return malformed();
                t.authority = text;
        }
        query = strchr(path, '?');
        if (query != NULL) {
                *query++ = '\0';
                if (!valid(query, "/?"))
                        return malformed();
                t.query = query;
        }
        if (!path_allowed(path))
                return malformed();
        t.path = path;
        *ret = t;
        return 0;
}

bool http_path_fits(const char *path, const char *pattern)
{
        while (*path == '/' && *pattern == '/') {
                size_t n = strcspn(++path, "/"), m = strcspn(++pattern, "/");
                bool any = m == 1 && *pattern == '*';

                if (any ? n == 0 : n != m || memcmp(path, pattern, n) != 0)
                        return false;
                path += n;
                pattern += m;
        }
        return *path == '\0' && *pattern == '\0';
}

static int decode(const char *s, size_t len, bool plus, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf out = { 0 };

        if (buf_reserve(&out, len + 1) != 0)
                return err(ERR_NOMEM, "out of memory");
        for (size_t i = 0; i < len; i++) {
                int c = (unsigned char)s[i];

                if (c == '%') {
                        c = i + 2 < len ? encoded(s + i) : -1;
                        i += 2;
                } else if (c == '+' && plus) {
                        c = ' ';
                }
                if (c < 0)
                        return malformed();
                buf_append_u8(&out, (uint8_t)c);
        }
        if (!utf8_printable(BYTES_OF(&out)))
                return err(ERR_FORMAT, "a name in the request target is not printable UTF-8");
        buf_take(&out, ret);
        return 0;
}

int http_path_segment(const char *path, size_t i, struct buf *ret)
{
        while (*path == '/') {
                size_t len = strcspn(++path, "/");

                if (i-- == 0)
                        return decode(path, len, false, ret);
                path += len;
        }
        return err(ERR_NOENT, "the path has no such segment");
}

int http_query_get(const char *query, const char *name, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf found = { 0 };
        bool have = false;

        while (*query != '\0') {
                size_t len = strcspn(query, "&"), key = strcspn(query, "=&");
                CLEANUP(buf_clear) struct buf n = { 0 };
                int r = decode(query, key, true, &n);

                if (r != 0)
                        return r;
                if (bytes_equal(BYTES_OF(&n), BYTES_STR(name))) {
                        if (have)
                                return err(ERR_FORMAT, "the parameter %s is there twice", name);
                        r = key < len ? decode(query + key + 1, len - key - 1, true, &found) : 0;
                        if (r != 0)
                                return r;
                        have = true;
                }
                query += len + (query[len] == '&');
        }
        if (!have)
                return err(ERR_NOENT, "there is no parameter %s", name);
        buf_take(&found, ret);
        return 0;
}
