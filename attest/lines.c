/* SPDX-License-Identifier: BSD-2-Clause */
/* Which is the next row of a text file, and the next word in it? */
#include <string.h>
#include "attest/lines.h"
#include "lib/err.h"

static bool is_blank(uint8_t c)
{
        return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes trim(struct bytes b)
{
        while (b.len > 0 && is_blank(b.ptr[0]))
                b = BYTES(b.ptr + 1, b.len - 1);
        while (b.len > 0 && is_blank(b.ptr[b.len - 1]))
                b.len--;
        return b;
}

bool lines_next(struct lines *l, struct bytes *ret)
{
        while (l->left.len > 0) {
                const uint8_t *end = memchr(l->left.ptr, '\n', l->left.len);
                const size_t len = end ? (size_t)(end - l->left.ptr) : l->left.len;
                const struct bytes line = trim(BYTES(l->left.ptr, len));

                l->number++;
                l->left = BYTES(l->left.ptr + len + (end ? 1 : 0), l->left.len - len - (end ? 1 : 0));
                if (line.len > 0 && line.ptr[0] != '#') {
                        *ret = line;
                        return true;
                }
        }
        return false;
}

struct bytes lines_word(struct bytes *line)
{
        struct bytes word = { line->ptr, 0 };

        while (word.len < line->len && !is_blank(word.ptr[word.len]))
                word.len++;
        *line = trim(BYTES(line->ptr + word.len, line->len - word.len));
        return word;
}

int lines_error(const struct lines *l, const char *what, int code)
{
        return code == ERR_NOMEM ? code : err(code, "line %zu of %s: %s", l->number, what, err_text());
}
