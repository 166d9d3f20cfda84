/* SPDX-License-Identifier: BSD-2-Clause */
/* What lines does a configuration file have, and is it one that may be believed? */
#include <ini.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/err.h"
#include "lib/file.h"
#include "lib/ini.h"

/* A file being read. */
struct source {
        const struct ini_taker *t;
        int r;                  /* the first error */
};

/* Called by inih for each line with a value; 0 marks the line as wrong. */
static int take_line(void *user, const char *section, const char *name, const char *value)
{
        struct source *s = user;

        if (s->r == 0)
                s->r = s->t->line(s->t->ctx, section, name, value);
        return s->r == 0;
}

static int check_section(const char *name, unsigned number, struct bytes line, const struct ini_taker *t)
{
        const uint8_t *end = memchr(line.ptr, ']', line.len);
        int r;

        if (end == NULL)
                return err(ERR_FORMAT, "%s line %u: an unknown section", name, number);
        r = t->section(t->ctx, BYTES(line.ptr + 1, (size_t)(end - line.ptr) - 1));
        return r == ERR_FORMAT ? err(r, "%s line %u: %s", name, number, err_text()) : r;
}

/* What inih would pass over in silence or take for something else: NULs, lines too long for it, unknown sections. */
static int check_lines(const char *name, struct bytes text, const struct ini_taker *t)
{
        unsigned number = 0;
        int r = 0;

        while (r == 0 && text.len > 0) {
                const uint8_t *end = memchr(text.ptr, '\n', text.len);
                size_t len = end ? (size_t)(end - text.ptr) : text.len;

                number++;
                if (len > INI_LINE_MAX || memchr(text.ptr, '\0', len))
                        return err(ERR_FORMAT, "%s line %u: more than %d characters, or a NUL", name, number, INI_LINE_MAX);
                if (text.ptr[0] == '[')
                        r = check_section(name, number, BYTES(text.ptr, len), t);
                text = BYTES(text.ptr + len + (end ? 1 : 0), text.len - len - (end ? 1 : 0));
        }
        return r;
}

int ini_text(const char *name, struct buf *text, const struct ini_taker *t)
{
        struct source s = { .t = t };
        const char *str;
        int line, r;

        r = check_lines(name, BYTES_OF(text), t);
        if (r != 0)
                return r;
        str = buf_str(text);
        if (!str)
                return err(ERR_NOMEM, "out of memory");
        line = ini_parse_string(str, take_line, &s);
        if (s.r == ERR_NOMEM || line < 0)
                return err(ERR_NOMEM, "out of memory");
        if (s.r != 0)
                return err(s.r, "%s line %d: %s", name, line, err_text());
        return line != 0 ? err(ERR_FORMAT, "%s line %d: not \"key = value\"", name, line) : 0;
}

static int check_owner(int fd, const char *path)
{
        struct stat st;

        if (fstat(fd, &st) != 0)
                return err_errno("%s", path);
        if (st.st_uid != 0 && st.st_uid != geteuid())
                return err(ERR_PERM, "%s belongs neither to root nor to this user", path);
        if (st.st_mode & (S_IWGRP | S_IWOTH))
                return err(ERR_PERM, "others may write to %s", path);
        return 0;
}

int ini_fd(int fd, const char *path, size_t max, const struct ini_taker *t)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        r = check_owner(fd, path);
        if (r == 0)
                r = file_read_fd(fd, path, max, &text);
        return r != 0 ? r : ini_text(path, &text, t);
}
