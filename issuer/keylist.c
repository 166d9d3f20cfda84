/* SPDX-License-Identifier: BSD-2-Clause */
/* How is the list of the issuer's keys written down, and read again? */
#include "issuer/keylist.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"
#include "lib/file.h"
#include "lib/filepath.h"
#include "lib/pem.h"

#define HEAD "holdfast-issuer-keys 1\n"
#define LIST_MAX (KEYLIST_MAX * (KEYLIST_WHERE_MAX + 64))
#define NUMBER_DIGITS_MAX 15
#define CERTIFICATE_MAX 16384
/* A credential may begin and end that much off the clock. */
#define SLACK GRANT_SKEW_MAX

static const char *const uses[] = { [AUTHORITY_X509] = "x509", [AUTHORITY_AK] = "ak", [AUTHORITY_JWT] = "jwt", [AUTHORITY_SSH] = "ssh" };

const char *authority_use_name(enum authority_use u)
{
        return (unsigned)u < ARRAY_LEN(uses) ? uses[u] : NULL;
}

void keylist_clear(struct keylist *l)
{
        free(l->v);
        *l = (struct keylist){ 0 };
}

static bool where_good(const char *where)
{
        size_t len = strnlen(where, KEYLIST_WHERE_MAX);

        for (size_t i = 0; i < len; i++)
                if (where[i] <= ' ' || where[i] > '~')
                        return false;
        return len > 0 && len < KEYLIST_WHERE_MAX;
}

int keylist_add(struct keylist *l, const struct keylist_entry *e)
{
        struct keylist_entry *more;

        if (l->n == KEYLIST_MAX)
                return err(ERR_RANGE, "an issuer has %d keys at most", KEYLIST_MAX);
        if (!where_good(e->where))
                return err(ERR_INVAL, "where a key is: a path or pkcs11: URI of less than %d printable characters without blanks", KEYLIST_WHERE_MAX);
        more = reallocarray(l->v, l->n + 1, sizeof(*more));
        if (more == NULL)
                return err(ERR_NOMEM, "out of memory");
        l->v = more;
        l->v[l->n++] = *e;
        return 0;
}

/* The next word of a line, not empty, without what ends it. */
static bool word(struct bytes *line, struct bytes *ret)
{
        const uint8_t *end = line->len > 0 ? memchr(line->ptr, ' ', line->len) : NULL;
        size_t len = end != NULL ? (size_t)(end - line->ptr) : line->len, skip = len + (end != NULL);

        *ret = BYTES(line->ptr, len);
        *line = BYTES(line->ptr + skip, line->len - skip);
        return len > 0;
}

static bool number(struct bytes *line, uint64_t *ret)
{
        struct bytes w;

        if (!word(line, &w) || w.len > NUMBER_DIGITS_MAX || (w.len > 1 && w.ptr[0] == '0'))
                return false;
        *ret = 0;
        for (size_t i = 0; i < w.len; i++) {
                if (w.ptr[i] < '0' || w.ptr[i] > '9')
                        return false;
                *ret = *ret * 10 + (w.ptr[i] - (uint64_t)'0');
        }
        return true;
}

static bool use(struct bytes *line, enum authority_use *ret)
{
        struct bytes w;

        if (!word(line, &w))
                return false;
        for (unsigned i = 0; i < ARRAY_LEN(uses); i++)
                if (bytes_equal(w, BYTES_STR(uses[i]))) {
                        *ret = (enum authority_use)i;
                        return true;
                }
        return false;
}

static unsigned count(const struct keylist *l, enum authority_use u)
{
        unsigned n = 0;

        for (size_t i = 0; i < l->n; i++)
                n += l->v[i].use == u;
        return n;
}

static int parse_line(struct bytes line, struct keylist *l)
{
        struct keylist_entry e = { 0 };
        uint64_t n;

        /* What is left is all WHERE. */
        if (!use(&line, &e.use) || !number(&line, &n) || !number(&line, &e.published) || !number(&line, &e.from) || line.len >= sizeof(e.where) ||
            n != count(l, e.use) + 1u || e.published > e.from)
                return err(ERR_FORMAT, "line %zu of the list of keys is not what it should be", l->n + 2);
        memcpy(e.where, line.ptr, line.len);
        if (!where_good(e.where) || strlen(e.where) != line.len)
                return err(ERR_FORMAT, "line %zu of the list of keys does not say where the key is", l->n + 2);
        e.number = (unsigned)n;
        return keylist_add(l, &e);
}

int keylist_parse(struct bytes text, struct keylist *ret)
{
        CLEANUP(keylist_clear) struct keylist l = { 0 };
        const size_t head = strlen(HEAD);

        if (text.len < head || memcmp(text.ptr, HEAD, head) != 0)
                return err(ERR_FORMAT, "this is no list of an issuer's keys");
        text = BYTES(text.ptr + head, text.len - head);
        while (text.len > 0) {
                const uint8_t *end = memchr(text.ptr, '\n', text.len);
                size_t len = end != NULL ? (size_t)(end - text.ptr) : 0;
                int r;

                if (end == NULL)
                        return err(ERR_FORMAT, "the list of keys does not end with its last line");
                r = parse_line(BYTES(text.ptr, len), &l);
                if (r != 0)
                        return r;
                text = BYTES(end + 1, text.len - len - 1);
        }
        keylist_clear(ret);
        *ret = l;
        l = (struct keylist){ 0 };
        return 0;
}

int keylist_format(const struct keylist *l, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        int r = buf_append_str(&b, HEAD);

        for (size_t i = 0; r == 0 && i < l->n; i++) {
                const struct keylist_entry *e = &l->v[i];

                r = buf_printf(&b, "%s %u %" PRIu64 " %" PRIu64 " %s\n", authority_use_name(e->use), e->number, e->published, e->from, e->where);
        }
        if (r == 0)
                buf_take(&b, ret);
        return r;
}

static int path_of(const char *dir, const char *name, struct buf *ret)
{
        buf_reset(ret);
        return buf_printf(ret, "%s/keys/%s", dir, name) != 0 || buf_str(ret) == NULL ? err(ERR_NOMEM, "out of memory") : 0;
}

int keylist_read(const char *dir, struct keylist *ret)
{
        CLEANUP(buf_clear) struct buf path = { 0 }, text = { 0 };
        int r = path_of(dir, "list", &path);

        if (r == 0)
                r = file_read(AT_FDCWD, buf_str(&path), LIST_MAX, &text);
        if (r == ERR_NOENT) {
                keylist_clear(ret);
                return 0;
        }
        return r == 0 ? keylist_parse(BYTES_OF(&text), ret) : r;
}

int keylist_write(const char *dir, const struct keylist *l)
{
        CLEANUP(buf_clear) struct buf path = { 0 }, text = { 0 };
        int r = path_of(dir, "list", &path);

        if (r == 0)
                r = keylist_format(l, &text);
        return r == 0 ? filepath_write(buf_str(&path), BYTES_OF(&text), 0600, true) : r;
}

uint64_t keylist_until(const struct keylist *l, const struct keylist_entry *e)
{
        for (size_t i = 0; i < l->n; i++)
                if (l->v[i].use == e->use && l->v[i].number == e->number + 1)
                        return l->v[i].from;
        return 0;
}

uint64_t keylist_ends(const struct keylist *l, const struct keylist_entry *e, uint64_t longest_life)
{
        uint64_t until = keylist_until(l, e);

        return until != 0 ? until + longest_life + SLACK : UINT64_MAX;
}

bool keylist_ended(const struct keylist *l, const struct keylist_entry *e, uint64_t longest_life, uint64_t now)
{
        return keylist_ends(l, e, longest_life) <= now;
}

uint64_t keylist_changed(const struct keylist *l, uint64_t longest_life, uint64_t now)
{
        uint64_t last = 0;

        for (size_t i = 0; i < l->n; i++) {
                const uint64_t times[] = { l->v[i].published, l->v[i].from, keylist_ends(l, &l->v[i], longest_life) };

                for (size_t j = 0; j < ARRAY_LEN(times); j++)
                        if (times[j] <= now && times[j] > last)
                                last = times[j];
        }
        return last;
}

uint64_t keylist_next(const struct keylist *l, uint64_t longest_life, uint64_t now)
{
        uint64_t next = UINT64_MAX;

        for (size_t i = 0; i < l->n; i++) {
                const uint64_t times[] = { l->v[i].from, keylist_ends(l, &l->v[i], longest_life) };

                for (size_t j = 0; j < ARRAY_LEN(times); j++)
                        if (times[j] > now && times[j] < next)
                                next = times[j];
        }
        return next;
}

const struct keylist_entry *keylist_current(const struct keylist *l, enum authority_use use, uint64_t now)
{
        const struct keylist_entry *best = NULL;

        for (size_t i = 0; i < l->n; i++)
                if (l->v[i].use == use && (best == NULL || l->v[i].from <= now))
                        best = &l->v[i];
        return best;
}

int keylist_path(const char *dir, const struct keylist_entry *e, const char *suffix, struct buf *ret)
{
        char name[64];

        snprintf(name, sizeof(name), "%s-%u%s", authority_use_name(e->use), e->number, suffix);
        return path_of(dir, name, ret);
}

int keylist_certificate(const char *dir, const struct keylist_entry *e, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf path = { 0 }, text = { 0 }, head = { 0 };
        int r = keylist_path(dir, e, ".crt", &path);

        if (r == 0)
                r = file_read(AT_FDCWD, buf_str(&path), CERTIFICATE_MAX, &text);
        if (r == 0)
                r = pem_decode("CERTIFICATE", BYTES_OF(&text), &head, ret);
        return r == ERR_NOENT ? err(r, "%s: there is no certificate", buf_str(&path)) : r;
}

int keylist_where(const char *dir, const struct keylist_entry *e, struct buf *ret)
{
        if (strchr(e->where, '/') == NULL && strncmp(e->where, "pkcs11:", 7) != 0)
                return path_of(dir, e->where, ret);
        buf_reset(ret);
        return buf_append_str(ret, e->where) != 0 || buf_str(ret) == NULL ? err(ERR_NOMEM, "out of memory") : 0;
}
