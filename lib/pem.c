/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads and writes PEM with text before it. */
#include <string.h>
#include "lib/err.h"
#include "lib/pem.h"

#define LINE_OCTETS 48          /* 64 characters of base64, RFC 7468 2 */

int pem_encode(const char *label, struct bytes head, struct bytes der, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(buf_clear) struct buf line = { 0 };
        int r;

        r = buf_append(&text, head.ptr, head.len);
        if (r == 0 && head.len > 0 && head.ptr[head.len - 1] != '\n')
                r = buf_append_u8(&text, '\n');
        if (r == 0)
                r = buf_printf(&text, "-----BEGIN %s-----\n", label);
        while (r == 0 && der.len > 0) {
                size_t n = der.len < LINE_OCTETS ? der.len : LINE_OCTETS;

                buf_reset(&line);
                r = base64_encode(BYTES(der.ptr, n), &line);
                if (r == 0)
                        r = buf_append(&text, line.ptr, line.len);
                if (r == 0)
                        r = buf_append_u8(&text, '\n');
                der = BYTES(der.ptr + n, der.len - n);
        }
        if (r == 0)
                r = buf_printf(&text, "-----END %s-----\n", label);
        if (r == 0)
                buf_take(&text, ret);
        return r;
}

/* The first place from `from` where a line is exactly this boundary; ret_next is behind that line. */
static bool find_boundary(struct bytes text, size_t from, struct bytes boundary, size_t *ret_at, size_t *ret_next)
{
        for (size_t at = from; at < text.len;) {
                const uint8_t *end = memchr(text.ptr + at, '\n', text.len - at);
                size_t next = end ? (size_t)(end - text.ptr) + 1 : text.len;
                size_t len = end ? next - 1 - at : next - at;

                while (len > 0 && (text.ptr[at + len - 1] == '\r' || text.ptr[at + len - 1] == ' ' || text.ptr[at + len - 1] == '\t'))
                        len--;
                if (bytes_equal(BYTES(text.ptr + at, len), boundary)) {
                        *ret_at = at;
                        *ret_next = next;
                        return true;
                }
                at = next;
        }
        return false;
}

static bool is_blank(struct bytes text)
{
        for (size_t i = 0; i < text.len; i++)
                if (text.ptr[i] != ' ' && (text.ptr[i] < '\t' || text.ptr[i] > '\r'))
                        return false;
        return true;
}

int pem_decode(const char *label, struct bytes text, struct buf *ret_head, struct buf *ret_der)
{
        CLEANUP(buf_clear) struct buf begin = { 0 };
        CLEANUP(buf_clear) struct buf end = { 0 };
        CLEANUP(buf_clear) struct buf head = { 0 };
        CLEANUP(buf_clear) struct buf der = { 0 };
        size_t block, inside, inside_end, behind;
        int r;

        r = buf_printf(&begin, "-----BEGIN %s-----", label);
        if (r == 0)
                r = buf_printf(&end, "-----END %s-----", label);
        if (r != 0)
                return r;
        if (!find_boundary(text, 0, BYTES_OF(&begin), &block, &inside))
                return err(ERR_NOENT, "no %s in the file", label);
        if (!find_boundary(text, inside, BYTES_OF(&end), &inside_end, &behind))
                return err(ERR_FORMAT, "a %s that does not end", label);
        if (!is_blank(BYTES(text.ptr + behind, text.len - behind)))
                return err(ERR_FORMAT, "something behind the %s", label);

        r = base64_decode((const char *)text.ptr + inside, inside_end - inside, &der);
        if (r != 0)
                return r == ERR_NOMEM ? r : err(ERR_FORMAT, "a %s that is not base64", label);
        r = buf_set(&head, BYTES(text.ptr, block));
        if (r != 0)
                return r;
        buf_take(&der, ret_der);
        buf_take(&head, ret_head);
        return 0;
}
