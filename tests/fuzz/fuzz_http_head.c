/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The head of a request as a stranger sends it: its end is the same whether it comes at once or octet by octet, and what is taken
 * has no control characters, one length and a path without a way up; every segment and parameter of it can be asked for.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "issuer/http_head.h"
#include "lib/err.h"
#include "lib/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
        if (!holds)
                abort();
}

static bool clean(const char *s)
{
        for (; *s != '\0'; s++)
                if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
                        return false;
        return true;
}

static void check_target(const struct http_target *t)
{
        static const char *const names[] = { "agent", "audience", "", "a b" };
        struct buf b = { 0 };
        size_t i, slashes = 0;
        int r = 0;

        must(t->path[0] == '/' && strstr(t->path, "//") == NULL && strstr(t->path, "/../") == NULL && strstr(t->path, "/./") == NULL);
        must(clean(t->path) && clean(t->query) && clean(t->authority));
        for (i = 0; t->path[i] != '\0'; i++)
                slashes += t->path[i] == '/';
        for (i = 0; r != ERR_NOENT; i++) {
                r = http_path_segment(t->path, i, &b);
                must(r == ERR_NOENT || r == ERR_FORMAT || (r == 0 && utf8_printable(BYTES_OF(&b))));
        }
        must(i == slashes + 1);
        for (i = 0; i < ARRAY_LEN(names); i++)
                http_query_get(t->query, names[i], &b);
        buf_clear(&b);
}

static void check_head(const struct http_head *h)
{
        size_t lengths = 0;

        for (size_t i = 0; i < h->headers_n; i++) {
                must(h->headers[i].name[0] != '\0' && clean(h->headers[i].name) && clean(h->headers[i].value));
                must(strpbrk(h->headers[i].name, " \t:") == NULL);
                lengths += strcasecmp(h->headers[i].name, "Content-Length") == 0 || strcasecmp(h->headers[i].name, "Transfer-Encoding") == 0;
        }
        must(lengths <= 1 && !(h->chunked && h->length > 0) && !(h->chunked && h->old));
        must(h->old || http_head_get(h, "host") != NULL);
        check_target(&h->target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct http_head h;
        const char *why;
        size_t whole, end = 0, before = 0;
        bool good = http_head_end(BYTES(data, size), 0, &whole), still = true;
        char *text;

        for (size_t n = 1; n <= size && still && end == 0; n++) {
                still = http_head_end(BYTES(data, n), before, &end);
                before = n;
        }
        must(still == good && end == whole);
        if (end == 0)
                return 0;
        text = malloc(end);
        if (text == NULL)
                return 0;
        memcpy(text, data, end);
        if (http_head_parse(text, end, &h, &why) == 0)
                check_head(&h);
        free(text);
        return 0;
}
