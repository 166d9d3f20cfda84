/* SPDX-License-Identifier: BSD-2-Clause */
/* Which records are in the journal, and where does what a crash left begin? */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audit/journal.h"
#include "lib/err.h"
#include "lib/file.h"

#define FIRST_OF_WRITE 0x80000000u
#define LOOKS_MAX 4096

void frames_clear(struct frames *f)
{
        buf_clear(&f->bytes);
        f->n = 0;
}

void frames_reset(struct frames *f)
{
        buf_reset(&f->bytes);
        f->first = 0;
        f->n = 0;
}

int frames_add(struct frames *f, struct bytes record)
{
        uint32_t head = (uint32_t)record.len | (f->n == 0 ? FIRST_OF_WRITE : 0);
        size_t before = f->bytes.len;
        int r;

        r = buf_reserve(&f->bytes, before + 4 + record.len + JOURNAL_CHECK);
        if (r != 0)
                return r;
        tree_leaf(record, f->leaf[f->n]);
        r = buf_append_u32(&f->bytes, head);
        if (r == 0)
                r = buf_append(&f->bytes, record.ptr, record.len);
        if (r == 0)
                r = buf_append(&f->bytes, f->leaf[f->n], JOURNAL_CHECK);
        if (r != 0) {
                f->bytes.len = before;
                return r;
        }
        f->end[f->n++] = f->bytes.len;
        return 0;
}

static size_t start_of(const struct frames *f, unsigned i)
{
        return i == 0 ? 0 : f->end[i - 1];
}

struct bytes frames_record(const struct frames *f, unsigned i)
{
        size_t start = start_of(f, i);

        return BYTES(f->bytes.ptr + start + 4, f->end[i] - start - 4 - JOURNAL_CHECK);
}

uint64_t frames_octets(const struct frames *f)
{
        return f->bytes.len - (uint64_t)f->n * (4 + JOURNAL_CHECK);
}

int frames_join(struct frames *a, const struct frames *b)
{
        size_t before = a->bytes.len;
        int r;

        if (a->n + b->n > TILE_WIDTH)
                return err(ERR_RANGE, "more than %d records in a journal", TILE_WIDTH);
        r = buf_append(&a->bytes, b->bytes.ptr, b->bytes.len);
        if (r != 0)
                return r;
        for (unsigned i = 0; i < b->n; i++)
                a->end[a->n + i] = before + b->end[i];
        memcpy(a->leaf[a->n], b->leaf, b->n * sizeof(b->leaf[0]));
        if (a->n == 0)
                a->first = b->first;
        a->n += b->n;
        return 0;
}

static uint32_t read_u32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The frame at the beginning of in, if it is whole: its check is right. */
static bool read_frame(struct bytes in, bool *ret_first, struct bytes *ret_record, uint8_t ret_leaf[TREE_HASH])
{
        uint32_t head;
        size_t len;

        if (in.len < 4)
                return false;
        head = read_u32(in.ptr);
        len = head & ~FIRST_OF_WRITE;
        if (len == 0 || len > AUDIT_RECORD_MAX || in.len < 4 + len + JOURNAL_CHECK)
                return false;
        *ret_first = head & FIRST_OF_WRITE;
        *ret_record = BYTES(in.ptr + 4, len);
        tree_leaf(*ret_record, ret_leaf);
        return memcmp(in.ptr + 4 + len, ret_leaf, JOURNAL_CHECK) == 0;
}

/* Does a later write begin somewhere in what is left, with a record behind seq? Wherever one may begin, its frame is looked at: a
 * map, in it key 0 and 32 octets. So many places that are none are no crash either. */
static bool later_write(struct bytes in, uint64_t seq)
{
        unsigned looked = 0;
        struct audit_record rec;
        uint8_t leaf[TREE_HASH];
        struct bytes record;
        bool first;

        for (size_t i = 1; i + 8 <= in.len; i++) {
                const uint8_t *p = in.ptr + i;

                if (p[0] != 0x80 || p[1] != 0 || (p[4] & 0xe0) != 0xa0 || p[5] != 0 || p[6] != 0x58 || p[7] != TREE_HASH)
                        continue;
                if (++looked > LOOKS_MAX)
                        return true;
                if (read_frame(BYTES(p, in.len - i), &first, &record, leaf) && audit_record_decode(record, &rec) == 0 && rec.seq > seq)
                        return true;
        }
        return false;
}

/* May it stand behind those that are in f? */
static int follows(const struct frames *f, const struct audit_record *rec)
{
        static const uint8_t zeros[TREE_HASH];
        const uint8_t *prev = f->n > 0 ? f->leaf[f->n - 1] : zeros;

        if (f->n == 0 ? rec->seq % TILE_WIDTH != 0 : rec->seq != f->first + f->n)
                return err(ERR_FORMAT, "record %llu is not where it should be", (unsigned long long)rec->seq);
        /* What stands before the first is in a bundle: the caller compares. */
        if ((f->n > 0 || rec->seq == 0) && memcmp(rec->prev.ptr, prev, TREE_HASH) != 0)
                return err(ERR_FORMAT, "record %llu does not follow from the one before", (unsigned long long)rec->seq);
        return 0;
}

int journal_scan(struct bytes bytes, struct frames *f)
{
        struct audit_record rec;
        uint8_t leaf[TREE_HASH];
        struct bytes record;
        bool first;
        int r;

        while (bytes.len > 0 && read_frame(bytes, &first, &record, leaf)) {
                size_t len = 4 + record.len + JOURNAL_CHECK;

                /* A frame whose check is right was written so. */
                r = audit_record_decode(record, &rec);
                if (r == 0)
                        r = follows(f, &rec);
                if (r == 0 && f->n == TILE_WIDTH)
                        r = err(ERR_FORMAT, "more than %d records in a journal", TILE_WIDTH);
                if (r == 0)
                        r = buf_append(&f->bytes, bytes.ptr, len);
                if (r != 0)
                        return r;
                if (f->n == 0)
                        f->first = rec.seq;
                memcpy(f->leaf[f->n], leaf, TREE_HASH);
                f->end[f->n++] = f->bytes.len;
                bytes = BYTES(bytes.ptr + len, bytes.len - len);
        }
        if (later_write(bytes, f->first + f->n))
                return err(ERR_FORMAT, "the journal is damaged behind record %llu, and records follow that were written later",
                           (unsigned long long)(f->first + f->n));
        return 0;
}

int journal_open(int dirfd, bool writing, int *ret_fd)
{
        CLEANUP(close_fd) int fd = -1;
        struct stat st;
        int r;

        if (writing) {
                fd = (int)TEMP_FAILURE_RETRY(openat(dirfd, "journal", O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
                if (fd < 0 && errno == ELOOP)
                        return err(ERR_FORMAT, "journal is no regular file");
                if (fd < 0)
                        return err_errno("journal");
        } else {
                r = file_open(dirfd, "journal", &fd);
                if (r != 0)
                        return r;
        }
        if (fstat(fd, &st) != 0)
                return err_errno("journal");
        if (!S_ISREG(st.st_mode))
                return err(ERR_FORMAT, "journal is no regular file");
        *ret_fd = fd;
        fd = -1;
        return 0;
}

int journal_read(int fd, size_t offset, struct buf *ret)
{
        struct stat st;
        ssize_t n;
        int r;

        buf_reset(ret);
        if (fstat(fd, &st) != 0)
                return err_errno("journal");
        if (st.st_size < 0 || (uintmax_t)st.st_size > JOURNAL_MAX)
                return err(ERR_FORMAT, "the journal is longer than %zu octets", JOURNAL_MAX);
        if ((size_t)st.st_size <= offset)
                return 0;
        r = buf_reserve(ret, (size_t)st.st_size - offset);
        while (r == 0 && ret->len < (size_t)st.st_size - offset) {
                n = TEMP_FAILURE_RETRY(pread(fd, ret->ptr + ret->len, (size_t)st.st_size - offset - ret->len, (off_t)(offset + ret->len)));
                if (n < 0)
                        r = err_errno("reading the journal");
                /* Its writer has cut it meanwhile. */
                if (n <= 0)
                        break;
                ret->len += (size_t)n;
        }
        return r;
}

int journal_replace(int dirfd, const struct frames *a, const struct frames *b, int *ret_fd)
{
        CLEANUP(buf_clear) struct buf all = { 0 };
        int r;

        r = buf_set(&all, BYTES_OF(&a->bytes));
        if (r == 0 && b)
                r = buf_append(&all, b->bytes.ptr, b->bytes.len);
        if (r == 0)
                r = file_write(dirfd, "journal", BYTES_OF(&all), 0600, true);
        return r != 0 ? r : journal_open(dirfd, true, ret_fd);
}
