/* SPDX-License-Identifier: BSD-2-Clause */
/* Has somebody vouched for this endorsement key, and for which host? */
#include <stdlib.h>
#include <string.h>
#include "attest/lines.h"
#include "attest/pins.h"
#include "attest/public.h"
#include "lib/crypto.h"
#include "lib/err.h"

#define FILE_OF_PINS "the endorsement keys that are vouched for"
#define SHA256_SIZE 32

void pins_clear(struct pins *p)
{
        for (size_t i = 0; i < p->n; i++)
                free(p->pins[i].host);
        free(p->pins);
        *p = (struct pins){ 0 };
}

static int compare(struct bytes a, struct bytes b)
{
        if (a.len != b.len)
                return a.len < b.len ? -1 : 1;
        return memcmp(a.ptr, b.ptr, a.len);
}

static struct bytes value_of(const struct pin *p)
{
        return BYTES(p->value, p->len);
}

static int compare_pins(const void *a, const void *b)
{
        const struct pin *p = a, *q = b;

        return compare(value_of(p), value_of(q));
}

/* A host's name as it is compared: no capitals. */
static bool is_host(struct bytes b)
{
        if (b.len == 0 || b.len > PINS_HOST_MAX)
                return false;
        for (size_t i = 0; i < b.len; i++) {
                const uint8_t c = b.ptr[i];

                if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
                        return false;
        }
        return true;
}

static int read_pin(struct bytes line, struct pin *ret)
{
        CLEANUP(buf_clear) struct buf value = { 0 };
        const struct bytes digits = lines_word(&line), host = lines_word(&line);
        struct pin p = { 0 };
        int r = hex_decode((const char *)digits.ptr, digits.len, &value);

        if (r == ERR_NOMEM)
                return r;
        if (r != 0 || (value.len != SHA256_SIZE && !is_name(BYTES_OF(&value))))
                return err(ERR_FORMAT, "neither a SHA-256 nor a TPM's Name in hexadecimal");
        if (line.len > 0 || (host.len > 0 && !is_host(host)))
                return err(ERR_FORMAT, "behind the key only the name of its host is said, in small letters");
        memcpy(p.value, value.ptr, value.len);
        p.len = value.len;
        if (host.len > 0) {
                p.host = strndup((const char *)host.ptr, host.len);
                if (!p.host)
                        return err(ERR_NOMEM, "out of memory");
        }
        *ret = p;
        return 0;
}

static int make_room(struct pins *p, size_t *room)
{
        const size_t more = *room == 0 ? 16 : 2 * *room;
        struct pin *pins;

        if (p->n < *room)
                return 0;
        pins = realloc(p->pins, more * sizeof(*pins));
        if (!pins)
                return err(ERR_NOMEM, "out of memory");
        p->pins = pins;
        *room = more;
        return 0;
}

int pins_parse(struct bytes text, struct pins *ret)
{
        CLEANUP(pins_clear) struct pins p = { 0 };
        struct lines lines = LINES(text);
        struct bytes line;
        size_t room = 0;
        int r = 0;

        if (text.len > PINS_FILE_MAX)
                return err(ERR_FORMAT, "more than %u octets of " FILE_OF_PINS, PINS_FILE_MAX);
        while (lines_next(&lines, &line)) {
                r = make_room(&p, &room);
                if (r == 0)
                        r = read_pin(line, &p.pins[p.n]);
                if (r != 0)
                        return lines_error(&lines, FILE_OF_PINS, r);
                p.n++;
        }
        if (p.n > 1)
                qsort(p.pins, p.n, sizeof(*p.pins), compare_pins);
        for (size_t i = 1; i < p.n; i++) {
                CLEANUP(buf_clear) struct buf hex = { 0 };

                if (compare_pins(&p.pins[i - 1], &p.pins[i]) == 0)
                        return hex_encode(value_of(&p.pins[i]), &hex) == 0 && buf_str(&hex) ?
                                       err(ERR_FORMAT, "%s is twice among " FILE_OF_PINS, buf_str(&hex)) : err(ERR_NOMEM, "out of memory");
        }
        pins_clear(ret);
        *ret = p;
        p = (struct pins){ 0 };
        return 0;
}

static int compare_to(const void *value, const void *pin)
{
        return compare(*(const struct bytes *)value, value_of(pin));
}

static const struct pin *find(const struct pins *p, struct bytes value)
{
        return p->n == 0 ? NULL : bsearch(&value, p->pins, p->n, sizeof(*p->pins), compare_to);
}

int pins_check(const struct pins *p, struct bytes name, struct bytes spki, const char *host)
{
        const struct pin *by[2];
        uint8_t digest[HASH_MAX];
        int r = crypto_hash(hash_by_name("SHA256"), &spki, 1, digest);

        if (r != 0)
                return r;
        by[0] = find(p, BYTES(digest, SHA256_SIZE));
        by[1] = find(p, name);
        if (!by[0] && !by[1])
                return err(ERR_NOENT, "nobody has vouched for the endorsement key");
        /* Who has pinned it twice has said two things, and both hold. */
        for (size_t i = 0; i < ARRAY_LEN(by); i++)
                if (by[i] && by[i]->host && strcmp(by[i]->host, host) != 0)
                        return err(ERR_FOREIGN, "the endorsement key is vouched for as that of the host %s", by[i]->host);
        return 0;
}
