/* SPDX-License-Identifier: BSD-2-Clause */
/* Which agents are there, and what is written of each? */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "keys/store_dir.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/utf8.h"

#define AGENT_FILE "agent"
#define AGENTS_MAX 100000

bool agent_name_valid(const char *name)
{
        size_t len = strnlen(name, AGENT_NAME_MAX + 1);

        if (len == 0 || len > AGENT_NAME_MAX || name[0] == '.' || name[0] == ' ' || name[len - 1] == ' ')
                return false;
        return !memchr(name, '/', len) && utf8_printable(BYTES(name, len));
}

static int no_such_agent(const char *name)
{
        return err(ERR_NOENT, "there is no agent %s", name);
}

int store_agent_dir(struct store *s, const char *agent, int *ret_fd)
{
        int r;

        if (!agent_name_valid(agent))
                return no_such_agent(agent);
        r = dir_open(s->agents_fd, agent, ret_fd);
        return r == ERR_NOENT ? no_such_agent(agent) : r;
}

void agent_names_clear(struct agent_names *a)
{
        for (size_t i = 0; i < a->n; i++)
                free(a->list[i]);
        free(a->list);
        *a = (struct agent_names){ 0 };
}

static int add_name(struct agent_names *a, const char *name)
{
        char **list, *copy;

        /* Room grows in powers of two. */
        if ((a->n & (a->n - 1)) == 0) {
                list = realloc(a->list, (a->n ? a->n * 2 : 1) * sizeof(*list));
                if (!list)
                        return err(ERR_NOMEM, "out of memory");
                a->list = list;
        }
        copy = strdup(name);
        if (!copy)
                return err(ERR_NOMEM, "out of memory");
        a->list[a->n++] = copy;
        return 0;
}

struct names_scan {
        int fd;
        struct agent_names names;
};

static bool is_directory(int fd, const struct dirent *e)
{
        struct stat st;

        if (e->d_type != DT_UNKNOWN)
                return e->d_type == DT_DIR;
        return fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

bool agent_names_find(const struct agent_names *a, const char *name)
{
        return a->n > 0 && bsearch(&name, a->list, a->n, sizeof(*a->list), by_name) != NULL;
}

static int scan_entry(const struct dirent *e, void *ctx)
{
        struct names_scan *scan = ctx;

        if (!agent_name_valid(e->d_name) || !is_directory(scan->fd, e))
                return 0;
        if (scan->names.n == AGENTS_MAX)
                return err(ERR_RANGE, "more than %d agents", AGENTS_MAX);
        return add_name(&scan->names, e->d_name);
}

/* Reads the directory if it may have changed. Call with s->lock held. */
static int refresh(struct store *s)
{
        struct names_scan scan = { .fd = s->agents_fd };
        struct stamp stamp;
        struct stat st;
        int r;

        if (fstat(s->agents_fd, &st) != 0)
                return err_errno("%s/agents", s->path);
        if (stamp_holds(&s->names_stamp, &st))
                return 0;
        r = stamp_take(s->agents_fd, &stamp);
        if (r == 0)
                r = dir_list(s->agents_fd, scan_entry, &scan);
        if (r != 0) {
                agent_names_clear(&scan.names);
                return r;
        }
        if (scan.names.n > 0)
                qsort(scan.names.list, scan.names.n, sizeof(*scan.names.list), by_name);
        agent_names_clear(&s->names);
        s->names = scan.names;
        s->names_stamp = stamp;
        return 0;
}

static int copy_names(const struct agent_names *from, struct agent_names *ret)
{
        struct agent_names copy = { 0 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < from->n; i++)
                r = add_name(&copy, from->list[i]);
        if (r != 0) {
                agent_names_clear(&copy);
                return r;
        }
        *ret = copy;
        return 0;
}

int store_agents(struct store *s, struct agent_names *ret)
{
        int r;

        pthread_mutex_lock(&s->lock);
        r = refresh(s);
        if (r == 0)
                r = copy_names(&s->names, ret);
        pthread_mutex_unlock(&s->lock);
        return r;
}

static int read_agent(int dir, const char *name, struct attrs *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        r = file_read(dir, AGENT_FILE, STORE_TEXT_MAX, &text);
        if (r == 0)
                r = attrs_parse(BYTES_OF(&text), ret);
        if (r == ERR_NOENT)
                return err(ERR_FORMAT, "agent %s has no agent file", name);
        return r == ERR_FORMAT ? err(r, "agent %s: %s", name, err_text()) : r;
}

int store_agent_read(struct store *s, const char *name, struct attrs *ret)
{
        CLEANUP(close_fd) int dir = -1;
        int r;

        r = store_agent_dir(s, name, &dir);
        if (r == 0)
                r = store_check(s, name, NULL);
        return r != 0 ? r : read_agent(dir, name, ret);
}

static int format_agent(const struct attrs *a, struct buf *ret)
{
        int r = attrs_format(a, ret);

        if (r == 0 && ret->len > STORE_TEXT_MAX)
                r = err(ERR_RANGE, "an agent file of %zu octets, at most %d", ret->len, STORE_TEXT_MAX);
        return r;
}

/* A whole agent under a name that nobody looks at. */
static int make_hidden(struct store *s, const char *temp, struct bytes text)
{
        CLEANUP(close_fd) int dir = -1;
        int r;

        if (TEMP_FAILURE_RETRY(mkdirat(s->agents_fd, temp, STORE_DIR_MODE)) != 0)
                return err_errno("making a directory in %s/agents", s->path);
        r = dir_open(s->agents_fd, temp, &dir);
        return r != 0 ? r : file_write(dir, AGENT_FILE, text, STORE_FILE_MODE, false);
}

static int check_name(const char *name)
{
        if (agent_name_valid(name))
                return 0;
        return err(ERR_INVAL, "an agent's name has 1 to %d octets of UTF-8, no control characters, no '/', no '.' in front, no blank at an end", AGENT_NAME_MAX);
}

/* In words for the watcher. */
static struct store_edit becomes(const struct buf *text)
{
        return (struct store_edit){ .file = AGENT_FILE, .content = BYTES_OF(text) };
}

/* Call with the writers' lock held. Whether a name is free the rename says for certain; here it keeps what is there out of the story. */
static int check_free(struct store *s, const char *name)
{
        struct stat st;

        if (fstatat(s->agents_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
                return err(ERR_EXIST, "there is an agent %s already", name);
        return errno == ENOENT ? 0 : err_errno("agent %s", name);
}

int store_agent_must_be(struct store *s, const char *name)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };

        return store_agent_read(s, name, &a);
}

int store_agent_create(struct store *s, const char *name, const struct attrs *a)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(file_unlock) int lock = -1;
        char temp[FILE_TEMP_NAME_SIZE];
        void *change = NULL;
        bool alone;
        int r;

        r = check_name(name);
        if (r == 0)
                r = format_agent(a, &text);
        if (r == 0)
                r = file_temp_name(temp);
        if (r == 0)
                r = store_maker_lock(s, true, &alone, &lock);
        if (r != 0)
                return r;
        if (alone)
                file_sweep(s->agents_fd);
        r = check_free(s, name);
        if (r == 0)
                r = store_before(s, name, (struct store_edit[]){ becomes(&text) }, 1, false, &change);
        if (r != 0)
                return r;
        r = make_hidden(s, temp, BYTES_OF(&text));
        if (r == 0)
                r = file_rename(s->agents_fd, temp, name);
        if (r != 0)
                dir_remove(s->agents_fd, temp);
        store_after(s, change, r);
        return r;
}

static bool counts_tries(const char *line)
{
        size_t len = strlen(line), end = strlen("-tries");

        return len > end && strcmp(line + len - end, "-tries") == 0;
}

static bool is_minor(const struct attrs *was, const struct attrs *is)
{
        bool same = was->n == is->n;

        for (size_t i = 0; same && i < is->n; i++)
                same = strcmp(was->list[i].name, is->list[i].name) == 0 &&
                       (counts_tries(is->list[i].name) || bytes_equal(BYTES_OF(&was->list[i].value), BYTES_OF(&is->list[i].value)));
        return same;
}

int store_agent_update(struct store *s, const char *name, int (*fn)(struct attrs *a, void *ctx), void *ctx)
{
        CLEANUP(attrs_clear) struct attrs was = { 0 };
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(file_unlock) int lock = -1;
        CLEANUP(close_fd) int dir = -1;
        struct store_edit edit;
        void *change = NULL;
        int r;

        r = store_write_lock(s, true, &lock);
        if (r == 0)
                r = store_agent_dir(s, name, &dir);
        if (r == 0)
                r = store_check(s, name, NULL);
        if (r == 0)
                r = read_agent(dir, name, &a);
        if (r == 0)
                r = attrs_copy(&a, &was);
        if (r == 0)
                r = fn(&a, ctx);
        if (r == 0)
                r = format_agent(&a, &text);
        if (r != 0)
                return r;
        edit = becomes(&text);
        edit.minor = is_minor(&was, &a);
        r = store_before(s, name, &edit, 1, false, &change);
        if (r != 0)
                return r;
        r = file_write(dir, AGENT_FILE, BYTES_OF(&text), STORE_FILE_MODE, true);
        store_after(s, change, r);
        return r;
}

int store_agent_delete(struct store *s, const char *name)
{
        CLEANUP(file_unlock) int lock = -1;
        CLEANUP(close_fd) int dir = -1;
        char temp[FILE_TEMP_NAME_SIZE];
        void *change = NULL;
        int r;

        r = file_temp_name(temp);
        if (r == 0)
                r = store_write_lock(s, true, &lock);
        if (r == 0)
                r = store_agent_dir(s, name, &dir);
        if (r == 0)
                r = store_before(s, name, NULL, 0, true, &change);
        if (r != 0)
                return r;
        file_sweep(s->agents_fd);
        r = file_rename(s->agents_fd, name, temp);
        store_after(s, change, r);
        if (r != 0)
                return r;
        /* It is gone; what cannot be removed now is swept by a later writer. */
        dir_remove(s->agents_fd, temp);
        return 0;
}

/* The watcher is told: one for the other under the old name, then from that name to the new one. */
static int before_replacing(struct store *s, const char *old, const char *name, const struct buf *text, void **change)
{
        struct store_edit new = becomes(text);
        int r;

        r = store_before(s, old, &new, 1, true, change);
        if (r != 0 || strcmp(old, name) == 0)
                return r;
        r = store_before(s, old, NULL, 0, true, change);
        return r != 0 ? r : store_before(s, name, &new, 1, false, change);
}

/* The hidden one for the old one, which is the hidden one then. */
static int take_place(struct store *s, const char *temp, const char *old, const char *name)
{
        int r;

        r = file_exchange(s->agents_fd, temp, old);
        if (r != 0 || strcmp(old, name) == 0)
                return r;
        r = file_rename(s->agents_fd, old, name);
        if (r != 0)
                file_exchange(s->agents_fd, temp, old);
        return r;
}

int store_agent_replace(struct store *s, const char *old, const char *name, const struct attrs *a)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(file_unlock) int lock = -1;
        CLEANUP(close_fd) int dir = -1;
        char temp[FILE_TEMP_NAME_SIZE];
        void *change = NULL;
        int r;

        r = check_name(name);
        if (r == 0)
                r = format_agent(a, &text);
        if (r == 0)
                r = file_temp_name(temp);
        if (r == 0)
                r = store_write_lock(s, true, &lock);
        if (r == 0)
                r = store_agent_dir(s, old, &dir);
        if (r == 0 && strcmp(old, name) != 0)
                r = check_free(s, name);
        if (r != 0)
                return r;
        r = before_replacing(s, old, name, &text, &change);
        if (r == 0) {
                file_sweep(s->agents_fd);
                r = make_hidden(s, temp, BYTES_OF(&text));
                if (r == 0)
                        r = take_place(s, temp, old, name);
                dir_remove(s->agents_fd, temp);
        }
        store_after(s, change, r);
        return r;
}
