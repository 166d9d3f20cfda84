/* SPDX-License-Identifier: BSD-2-Clause */
/* What values may PCRs have, and which files may a host have run? Text files that a profile names. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "issuer/profile.h"
#include "lib/alg.h"
#include "lib/err.h"
#include "lib/file.h"

#define LIST_FILE_MAX (64u << 20)

/* A file read line by line; what is taken from it goes into digests at once, and is pointed to when that no longer moves. */
struct list {
        const char *path;
        struct buf text;
        const char *rest;
        unsigned line;
        size_t n;               /* lines that counted */
        struct buf digests;
};

static void list_clear(struct list *l)
{
        buf_clear(&l->text);
        buf_clear(&l->digests);
}

static int list_open(const char *path, struct list *l)
{
        int r;

        l->path = path;
        r = file_read(AT_FDCWD, path, LIST_FILE_MAX, &l->text);
        if (r == 0 && memchr(l->text.ptr, '\0', l->text.len) != NULL)
                r = err(ERR_FORMAT, "%s has a NUL in it", path);
        if (r == 0 && buf_str(&l->text) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        l->rest = (const char *)l->text.ptr;
        return r;
}

/* The next line that is neither empty nor a comment. */
static bool list_next(struct list *l, struct bytes *ret)
{
        while (*l->rest != '\0') {
                const char *start = l->rest + strspn(l->rest, " \t"), *end = start + strcspn(start, "\n");

                l->rest = *end == '\n' ? end + 1 : end;
                l->line++;
                if (start == end || *start == '#')
                        continue;
                *ret = BYTES(start, (size_t)(end - start));
                l->n++;
                return true;
        }
        return false;
}

static int bad(const struct list *l, const char *what)
{
        return err(ERR_FORMAT, "%s line %u: %s", l->path, l->line, what);
}

/* A word of hexadecimal digits at the beginning of line, appended; line is moved behind it. */
static int take_hex(struct list *l, struct bytes *line, size_t *ret_octets)
{
        CLEANUP(buf_clear) struct buf octets = { 0 };
        size_t n = 0;
        int r;

        while (n < line->len && strchr(" \t\r", line->ptr[n]) == NULL)
                n++;
        r = hex_decode((const char *)line->ptr, n, &octets);
        if (r != 0 || octets.len == 0 || octets.len > HASH_MAX)
                return r == ERR_NOMEM ? r : bad(l, "no digest in hexadecimal digits");
        *line = BYTES(line->ptr + n, line->len - n);
        *ret_octets = octets.len;
        return buf_append(&l->digests, octets.ptr, octets.len);
}

/* "PCR DIGEST", as many lines for one PCR as it may have values. */
static int read_golden(struct list *l, size_t size, const struct profile *p, struct buf *pcrs)
{
        struct bytes line;
        size_t octets;
        int r = 0;

        while (r == 0 && list_next(l, &line)) {
                char *end;
                unsigned long pcr = strtoul((const char *)line.ptr, &end, 10);

                if (line.ptr[0] < '0' || line.ptr[0] > '9' || (*end != ' ' && *end != '\t'))
                        return bad(l, "not \"PCR DIGEST\"");
                if (pcr >= HF_PCRS || (p->pcrs & UINT32_C(1) << pcr) == 0)
                        return bad(l, "a PCR that the profile does not ask for");
                end += strspn(end, " \t");
                line = BYTES(end, (size_t)((const char *)line.ptr + line.len - end));
                r = take_hex(l, &line, &octets);
                if (r == 0 && octets != size)
                        return bad(l, "a digest of another hash than pcr-hash");
                if (r == 0)
                        r = buf_append_u8(pcrs, (uint8_t)pcr);
        }
        return r == 0 && l->n == 0 ? err(ERR_FORMAT, "%s allows no value at all", l->path) : r;
}

static int load_golden(struct profile *p, struct list *l)
{
        CLEANUP(buf_clear) struct buf pcrs = { 0 };
        size_t size = hash_by_tpm(profile_pcr_hash(p))->size;
        int r;

        r = list_open(p->golden_file, l);
        if (r == 0)
                r = read_golden(l, size, p, &pcrs);
        if (r != 0)
                return r;
        p->golden = calloc(l->n, sizeof(*p->golden));
        if (p->golden == NULL)
                return err(ERR_NOMEM, "out of memory");
        p->n_golden = l->n;
        for (size_t i = 0; i < l->n; i++)
                p->golden[i] = (struct hf_golden){ .pcr = pcrs.ptr[i], .digest.len = size };
        return buf_append(&p->digests, l->digests.ptr, l->digests.len);
}

/* --- IMA --- */

/* As hf_evidence_policy wants it: shorter ones and then smaller ones first. */
static int compare(const void *a, const void *b)
{
        const struct hf_bytes *x = a, *y = b;

        if (x->len != y->len)
                return x->len < y->len ? -1 : 1;
        return memcmp(x->ptr, y->ptr, x->len);
}

/* "DIGEST", and what stands behind it does not count: so sha256sum's output will do. lens: how long each is. */
static int read_ima(struct list *l, struct buf *lens)
{
        struct bytes line;
        size_t octets;
        int r = 0;

        while (r == 0 && list_next(l, &line)) {
                r = take_hex(l, &line, &octets);
                if (r == 0)
                        r = buf_append_u8(lens, (uint8_t)octets);
        }
        return r == 0 && l->n == 0 ? err(ERR_FORMAT, "%s allows no file at all", l->path) : r;
}

static int load_ima(struct profile *p, struct list *l)
{
        CLEANUP(buf_clear) struct buf lens = { 0 };
        int r;

        r = list_open(p->ima_file, l);
        if (r == 0)
                r = read_ima(l, &lens);
        if (r != 0)
                return r;
        p->ima = calloc(l->n, sizeof(*p->ima));
        if (p->ima == NULL)
                return err(ERR_NOMEM, "out of memory");
        p->n_ima = l->n;
        for (size_t i = 0; i < l->n; i++)
                p->ima[i].len = lens.ptr[i];
        return buf_append(&p->digests, l->digests.ptr, l->digests.len);
}

int profile_read_files(struct profile *p)
{
        CLEANUP(list_clear) struct list golden = { 0 }, ima = { 0 };
        const uint8_t *at;
        int r = 0;

        if (p->golden_file != NULL)
                r = load_golden(p, &golden);
        if (r == 0 && p->ima_file != NULL)
                r = load_ima(p, &ima);
        if (r != 0)
                return r;
        at = p->digests.ptr;
        for (size_t i = 0; i < p->n_golden; i++) {
                p->golden[i].digest.ptr = at;
                at += p->golden[i].digest.len;
        }
        for (size_t i = 0; i < p->n_ima; i++) {
                p->ima[i].ptr = at;
                at += p->ima[i].len;
        }
        if (p->n_ima > 1)
                qsort(p->ima, p->n_ima, sizeof(*p->ima), compare);
        return 0;
}
