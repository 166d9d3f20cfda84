/* SPDX-License-Identifier: BSD-2-Clause */
/* Where does an export go on, and is that still the same log? */
#include <fcntl.h>
#include <string.h>
#include "lib/attrs.h"
#include "lib/file.h"
#include "lib/filepath.h"
#include "tools/audit_spool.h"

#define STATE_MAX 4096

static const struct {
        const char *name;
        size_t offset;
} numbers[] = {
        { "log", offsetof(struct audit_spool, at.log) },
        { "record", offsetof(struct audit_spool, at.seq) },
        { "delivered", offsetof(struct audit_spool, delivered) },
        { "dropped", offsetof(struct audit_spool, dropped) },
        { "logs-missing", offsetof(struct audit_spool, missing) },
};

static int parse(const char *path, struct bytes text, struct audit_spool *ret)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(buf_clear) struct buf leaf = { 0 };
        int r;

        r = attrs_parse(text, &a);
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(numbers); ++i) {
                unsigned long v = 0;
                uint64_t wide;

                r = attrs_uint(&a, numbers[i].name, &v);
                wide = v;
                memcpy((uint8_t *)ret + numbers[i].offset, &wide, sizeof wide);
        }
        if (r == 0)
                r = attrs_hex(&a, "leaf", &leaf);
        if (r == ERR_NOENT && leaf.len == 0 && attrs_get(&a, "logs-missing") != NULL)
                return 0;
        if (r != 0 || leaf.len != AUDIT_HASH_SIZE)
                return r == ERR_NOMEM ? r : err(ERR_FORMAT, "%s is not the state of an export", path);
        memcpy(ret->leaf, leaf.ptr, AUDIT_HASH_SIZE);
        ret->has_leaf = true;
        return 0;
}

int audit_spool_read(const char *path, struct audit_spool *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct audit_spool s = { 0 };
        int r = ERR_NOENT;

        if (path != NULL)
                r = file_read(AT_FDCWD, path, STATE_MAX, &text);
        if (r == 0)
                r = parse(path, BYTES_OF(&text), &s);
        if (r != 0 && r != ERR_NOENT)
                return r;
        *ret = s;
        return 0;
}

int audit_spool_write(const char *path, const struct audit_spool *s)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r = 0;

        if (path == NULL)
                return 0;
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(numbers); ++i) {
                uint64_t v;

                memcpy(&v, (const uint8_t *)s + numbers[i].offset, sizeof v);
                r = attrs_set_uint(&a, numbers[i].name, (unsigned long)v);
        }
        if (r == 0 && s->has_leaf)
                r = attrs_set_hex(&a, "leaf", BYTES(s->leaf, AUDIT_HASH_SIZE));
        if (r == 0)
                r = buf_append_str(&text, "# Where holdfast audit export goes on.\n");
        if (r == 0)
                r = attrs_format(&a, &text);
        return r == 0 ? filepath_write(path, BYTES_OF(&text), 0600, true) : r;
}

int audit_spool_follows(const struct audit_spool *s, const struct audit_entry *e)
{
        if (!s->has_leaf || e->at.log != s->at.log || e->at.seq != s->at.seq || e->at.seq == 0)
                return 0;
        if (bytes_equal(e->record.prev, BYTES(s->leaf, AUDIT_HASH_SIZE)))
                return 0;
        return err(ERR_MISMATCH, "record %llu of log %llu does not follow the one that was exported last: this is another log, or it was changed",
                   (unsigned long long)e->at.seq, (unsigned long long)e->at.log);
}
