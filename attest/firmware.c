/* SPDX-License-Identifier: BSD-2-Clause */
/* Which TPM firmware does an operator refuse? */
#include <stdlib.h>
#include <string.h>
#include "attest/firmware.h"
#include "attest/lines.h"
#include "lib/err.h"
#include "lib/utf8.h"

#define ID_SIZE 4

void firmware_list_clear(struct firmware_list *l)
{
        for (size_t i = 0; l->comments && i < l->n; i++)
                free(l->comments[i]);
        free(l->comments);
        free(l->denied);
        *l = (struct firmware_list){ 0 };
}

void manufacturer_text(uint32_t id, char ret[ID_SIZE + 1])
{
        size_t n = 0;

        for (size_t i = 0; i < ID_SIZE; i++) {
                const uint8_t c = (uint8_t)(id >> 8 * (ID_SIZE - 1 - i));

                ret[i] = c == 0 ? ' ' : c > ' ' && c < 0x7f ? (char)c : c == ' ' ? ' ' : '?';
                if (ret[i] != ' ')
                        n = i + 1;
        }
        ret[n] = 0;
}

int manufacturer_parse(struct bytes text, uint32_t *ret)
{
        uint32_t id = 0;

        if (text.len == 0 || text.len > ID_SIZE)
                return err(ERR_FORMAT, "a manufacturer has one to four characters");
        for (size_t i = 0; i < text.len; i++)
                if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
                        return err(ERR_FORMAT, "a manufacturer has printable characters");
        for (size_t i = 0; i < ID_SIZE; i++)
                id = id << 8 | (i < text.len ? text.ptr[i] : 0);
        *ret = id;
        return 0;
}

static int digit_of(uint8_t c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

static bool read_version(struct bytes word, uint64_t otherwise, uint64_t *ret)
{
        const bool hex = word.len > 2 && word.ptr[0] == '0' && word.ptr[1] == 'x';
        const unsigned base = hex ? 16 : 10;
        uint64_t v = 0;

        if (word.len == 1 && word.ptr[0] == '*') {
                *ret = otherwise;
                return true;
        }
        for (size_t i = hex ? 2 : 0; i < word.len; i++) {
                const unsigned d = (unsigned)digit_of(word.ptr[i]);

                if (d >= base || v > (UINT64_MAX - d) / base)
                        return false;
                v = v * base + d;
        }
        *ret = v;
        return word.len > 0;
}

static int read_row(struct bytes line, struct hf_firmware *ret, char **ret_comment)
{
        const struct bytes who = lines_word(&line), first = lines_word(&line), last = lines_word(&line);
        const bool any = who.len == 1 && who.ptr[0] == '*';
        struct hf_firmware f = { 0 };
        int r = any ? 0 : manufacturer_parse(who, &f.manufacturer);

        if (r != 0)
                return r;
        if (!read_version(first, 0, &f.first) || !read_version(last, UINT64_MAX, &f.last))
                return err(ERR_FORMAT, "behind a manufacturer the first and the last version are named");
        if (f.first > f.last)
                return err(ERR_FORMAT, "the first version is above the last");
        if (!utf8_printable(line))
                return err(ERR_FORMAT, "a comment that cannot be shown");
        *ret_comment = strndup(line.len > 0 ? (const char *)line.ptr : "", line.len);
        if (!*ret_comment)
                return err(ERR_NOMEM, "out of memory");
        *ret = f;
        return 0;
}

static int make_room(struct firmware_list *l, size_t *room)
{
        const size_t more = *room == 0 ? 16 : 2 * *room;
        struct hf_firmware *denied;
        char **comments;

        if (l->n < *room)
                return 0;
        if (l->n >= FIRMWARE_MAX)
                return err(ERR_FORMAT, "more than %d rows", FIRMWARE_MAX);
        denied = realloc(l->denied, more * sizeof(*denied));
        if (denied)
                l->denied = denied;
        comments = realloc(l->comments, more * sizeof(*comments));
        if (comments)
                l->comments = comments;
        if (!denied || !comments)
                return err(ERR_NOMEM, "out of memory");
        *room = more;
        return 0;
}

int firmware_list_parse(struct bytes text, struct firmware_list *ret)
{
        CLEANUP(firmware_list_clear) struct firmware_list l = { 0 };
        struct lines lines = LINES(text);
        struct bytes line;
        size_t room = 0;
        int r = 0;

        if (text.len > FIRMWARE_LIST_MAX)
                return err(ERR_FORMAT, "a list of firmware of more than %u octets", FIRMWARE_LIST_MAX);
        while (lines_next(&lines, &line)) {
                r = make_room(&l, &room);
                if (r == 0)
                        r = read_row(line, &l.denied[l.n], &l.comments[l.n]);
                if (r != 0)
                        return lines_error(&lines, "the list of firmware", r);
                l.n++;
        }
        firmware_list_clear(ret);
        *ret = l;
        l = (struct firmware_list){ 0 };
        return 0;
}
