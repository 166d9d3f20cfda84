/* SPDX-License-Identifier: BSD-2-Clause */
/* Does a line of text say what it should, and nothing else? */
#include <string.h>
#include "audit/note.h"

static void advance(struct bytes *b, size_t n)
{
        b->ptr += n;
        b->len -= n;
}

static bool until(struct bytes *text, char end, struct bytes *ret)
{
        const uint8_t *at = text->len > 0 ? memchr(text->ptr, end, text->len) : NULL;

        if (at == NULL)
                return false;
        *ret = BYTES(text->ptr, (size_t)(at - text->ptr));
        advance(text, ret->len + 1);
        return true;
}

bool note_line(struct bytes *text, struct bytes *ret)
{
        return until(text, '\n', ret);
}

bool note_word(struct bytes *line, struct bytes *ret)
{
        return until(line, ' ', ret);
}

bool note_skip(struct bytes *line, const char *beginning)
{
        size_t n = strlen(beginning);

        if (line->len < n || memcmp(line->ptr, beginning, n) != 0)
                return false;
        advance(line, n);
        return true;
}

bool note_number(struct bytes line, uint64_t *ret)
{
        uint64_t v = 0;

        if (line.len == 0 || (line.ptr[0] == '0' && line.len > 1))
                return false;
        for (size_t i = 0; i < line.len; i++) {
                unsigned digit = line.ptr[i] - (unsigned)'0';

                if (digit > 9 || v > (UINT64_MAX - digit) / 10)
                        return false;
                v = v * 10 + digit;
        }
        *ret = v;
        return true;
}

/* Written again it must be the same: no blanks, no bits behind the last octet. */
bool note_base64(struct bytes line, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf value = { 0 };
        CLEANUP(buf_clear) struct buf again = { 0 };

        if (base64_decode((const char *)line.ptr, line.len, &value) != 0 || base64_encode(BYTES_OF(&value), &again) != 0 ||
            !bytes_equal(line, BYTES_OF(&again)))
                return false;
        buf_take(&value, ret);
        return true;
}

bool note_hash(struct bytes line, uint8_t ret[TREE_HASH])
{
        CLEANUP(buf_clear) struct buf hash = { 0 };

        if (!note_base64(line, &hash) || hash.len != TREE_HASH)
                return false;
        memcpy(ret, hash.ptr, TREE_HASH);
        return true;
}
