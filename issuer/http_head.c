/* SPDX-License-Identifier: BSD-2-Clause */
/* Is this a request that means one thing only, and which? */
#include "issuer/http_head.h"
#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS_MAX 19

static bool is_token_char(unsigned char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(const char *s)
{
        const char *p = s;

        while (is_token_char((unsigned char)*p))
                p++;
        return p != s && *p == '\0';
}

bool http_head_end(struct bytes in, size_t from, size_t *ret_len)
{
        const uint8_t *at = in.ptr + from, *end = in.ptr + in.len;

        *ret_len = 0;
        while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
                if (at == in.ptr || at[-1] != '\r')
                        return false;
                if (at - in.ptr >= 3 && at[-2] == '\n') {
                        *ret_len = (size_t)(at - in.ptr) + 1;
                        return true;
                }
                at++;
        }
        return true;
}

/* The next line as a string, without its CRLF; NULL if a CR, LF or another control character stands in it. */
static char *next_line(char **at, const char *end)
{
        char *line = *at, *p;

        for (p = line; p < end; p++) {
                unsigned char c = (unsigned char)*p;

                if (c == '\r' && p + 1 < end && p[1] == '\n') {
                        *p = '\0';
                        *at = p + 2;
                        return line;
                }
                if ((c < 0x20 && c != '\t') || c == 0x7f)
                        return NULL;
        }
        return NULL;
}

/* "GET /path HTTP/1.1": one space, and no other. */
static int request_line(char *line, struct http_head *h, const char **why)
{
        static const char *const methods[] = { "GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS" };
        char *target = strchr(line, ' '), *version = target != NULL ? strchr(target + 1, ' ') : NULL;
        size_t i;

        *why = "the request line is malformed";
        if (version == NULL || strchr(version + 1, ' ') != NULL)
                return 400;
        *target++ = '\0';
        *version++ = '\0';
        if (!is_token(line))
                return 400;
        if (strcmp(version, "HTTP/1.0") == 0) {
                h->old = true;
        } else if (strcmp(version, "HTTP/1.1") != 0) {
                *why = "HTTP/1.1 is spoken here";
                return strncmp(version, "HTTP/", 5) == 0 ? 505 : 400;
        }
        for (i = 0; i < ARRAY_LEN(methods) && strcmp(line, methods[i]) != 0; i++)
                ;
        if (i == ARRAY_LEN(methods)) {
                *why = "there is no such method here";
                return 501;
        }
        h->method = line;
        if (http_target_split(target, &h->target) != 0) {
                *why = "the request target is malformed";
                return 400;
        }
        return 0;
}

static int header_line(char *line, struct http_head *h, const char **why)
{
        char *colon = strchr(line, ':'), *value, *end;

        /* Also a line that begins with white space, which once continued the one before it (RFC 9112 5.2). */
        *why = "a header is malformed";
        if (colon == NULL)
                return 400;
        *colon = '\0';
        if (!is_token(line))
                return 400;
        if (h->headers_n == HTTP_HEADERS_MAX) {
                *why = "there are too many headers";
                return 431;
        }
        value = colon + 1 + strspn(colon + 1, " \t");
        end = value + strlen(value);
        while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
                *--end = '\0';
        h->headers[h->headers_n++] = (struct http_header){ line, value };
        return 0;
}

/* The only one of that name, or NULL if there is none; *ret_n counts them. */
static const char *only(const struct http_head *h, const char *name, size_t *ret_n)
{
        const char *value = NULL;

        *ret_n = 0;
        for (size_t i = 0; i < h->headers_n; i++)
                if (strcasecmp(h->headers[i].name, name) == 0) {
                        value = h->headers[i].value;
                        ++*ret_n;
                }
        return value;
}

static int parse_length(const char *text, size_t *ret)
{
        size_t n = strspn(text, "0123456789");
        uint64_t v = 0;

        if (n == 0 || text[n] != '\0')
                return 400;
        if (n > LENGTH_DIGITS_MAX) {
                *ret = SIZE_MAX;
                return 0;
        }
        for (size_t i = 0; i < n; i++)
                v = v * 10 + (uint64_t)(text[i] - '0');
        *ret = (size_t)v;
        return 0;
}

/* RFC 9112 6.3. Whoever sends both, or one of them twice, is no friend. */
static int find_length(struct http_head *h, const char **why)
{
        size_t codings, lengths;
        const char *coding = only(h, "Transfer-Encoding", &codings), *length = only(h, "Content-Length", &lengths);

        *why = "the length of the body is ambiguous";
        if (codings + lengths > 1 || (codings > 0 && h->old))
                return 400;
        if (lengths == 1)
                return parse_length(length, &h->length);
        if (codings == 1 && strcasecmp(coding, "chunked") != 0) {
                *why = "of transfer codings there is only chunked here";
                return 501;
        }
        h->chunked = codings == 1;
        return 0;
}

static int check_host(struct http_head *h, const char **why)
{
        size_t n;
        const char *host = only(h, "Host", &n);

        *why = "there must be one Host header";
        if (n > 1 || (n == 0 && !h->old))
                return 400;
        if (n == 1 && host[strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:[]")] != '\0')
                return 400;
        return 0;
}

/* Is this word in the list of a Connection header? */
static bool lists(const char *list, const char *word)
{
        size_t len = strlen(word);

        while (*list != '\0') {
                size_t n;

                list += strspn(list, " \t,");
                n = strcspn(list, " \t,");
                if (n == len && strncasecmp(list, word, n) == 0)
                        return true;
                list += n;
        }
        return false;
}

static int find_manners(struct http_head *h, const char **why)
{
        size_t n;
        const char *expect = only(h, "Expect", &n);

        h->keep = !h->old;
        for (size_t i = 0; i < h->headers_n; i++)
                if (strcasecmp(h->headers[i].name, "Connection") == 0 && lists(h->headers[i].value, h->old ? "keep-alive" : "close"))
                        h->keep = h->old;
        /* HTTP/1.0 knows no expectations (RFC 9110 10.1.1). */
        if (n == 0 || h->old)
                return 0;
        if (n != 1 || strcasecmp(expect, "100-continue") != 0) {
                *why = "of expectations there is only 100-continue here";
                return 417;
        }
        h->expects = true;
        return 0;
}

int http_head_parse(char *text, size_t len, struct http_head *ret, const char **ret_why)
{
        struct http_head h = { 0 };
        char *at = text, *end = text + len, *line;
        int status;

        /* An empty line before a request is forgiven (RFC 9112 2.2). */
        if (len > 4 && at[0] == '\r' && at[1] == '\n')
                at += 2;
        *ret_why = "a line has a control character in it or a wrong end";
        line = next_line(&at, end);
        if (line == NULL)
                return 400;
        status = request_line(line, &h, ret_why);
        while (status == 0) {
                line = next_line(&at, end);
                if (line == NULL) {
                        *ret_why = "a line has a control character in it or a wrong end";
                        return 400;
                }
                if (*line == '\0')
                        break;
                status = header_line(line, &h, ret_why);
        }
        if (status == 0)
                status = find_length(&h, ret_why);
        if (status == 0)
                status = check_host(&h, ret_why);
        if (status == 0)
                status = find_manners(&h, ret_why);
        /* What comes behind an empty line is no part of it. */
        if (status == 0 && at != end) {
                *ret_why = "the request line is malformed";
                status = 400;
        }
        if (status == 0)
                *ret = h;
        return status;
}

const char *http_head_get(const struct http_head *h, const char *name)
{
        for (size_t i = 0; i < h->headers_n; i++)
                if (strcasecmp(h->headers[i].name, name) == 0)
                        return h->headers[i].value;
        return NULL;
}
