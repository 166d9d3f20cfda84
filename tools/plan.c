/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes what a plan says, and takes exactly that away again. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/err.h"
#include "lib/file.h"
#include "tools/program.h"

#define FILE_MAX (1u << 20)

/* The directory of a path, opened, and the name in it. */
static int open_dir_of(const char *path, bool make, int *ret_fd, const char **ret_name)
{
        CLEANUP(free_ptr) char *dir = strdup(path);
        const char *slash = strrchr(path, '/');
        int r = 0;

        if (dir == NULL)
                return err(ERR_NOMEM, "out of memory");
        dir[slash - path] = 0;
        if (make)
                r = dir_make(dir, 0700);
        if (r == 0)
                r = dir_open(AT_FDCWD, dir, ret_fd);
        *ret_name = slash + 1;
        return r;
}

/* ERR_NOENT if there is none; ERR_EXIST if it is not ours. */
static int read_ours(int dirfd, const char *name, const struct plan_file *f, struct buf *ret)
{
        int r;

        r = file_read(dirfd, name, FILE_MAX, ret);
        if (r == 0 && !plan_mark_is(BYTES_OF(ret)))
                return err(ERR_EXIST, "%.*s is there and was not written by holdfast config", (int)f->path.len, (const char *)f->path.ptr);
        return r;
}

static int install_file(struct plan_file *f)
{
        CLEANUP(buf_clear) struct buf old = { 0 };
        CLEANUP(close_fd) int dirfd = -1;
        const char *name;
        int r;

        r = open_dir_of(buf_str(&f->path), f->make_dir, &dirfd, &name);
        if (r != 0)
                return r;
        r = read_ours(dirfd, name, f, &old);
        if (r == 0 && bytes_equal(BYTES_OF(&old), BYTES_OF(&f->content)))
                return 0;
        if (r == 0 || r == ERR_NOENT)
                r = file_write(dirfd, name, BYTES_OF(&f->content), 0644, true);
        return r;
}

static int remove_file(struct plan_file *f)
{
        CLEANUP(buf_clear) struct buf old = { 0 };
        CLEANUP(close_fd) int dirfd = -1;
        const char *name;
        int r;

        r = open_dir_of(buf_str(&f->path), false, &dirfd, &name);
        if (r == 0)
                r = read_ours(dirfd, name, f, &old);
        if (r == 0)
                r = file_remove(dirfd, name);
        return r == ERR_NOENT ? 0 : r;
}

/* A user's own file, behind the symbolic link where it is one. Not there: empty, mode 0600. */
struct own_file {
        char path[PATH_MAX];
        mode_t mode;
        struct buf text;
};

static void own_file_clear(struct own_file *o)
{
        buf_clear(&o->text);
}

static int own_file_read(struct buf *path, struct own_file *ret)
{
        CLEANUP(close_fd) int dirfd = -1;
        const char *name;
        struct stat st;
        int r;

        ret->mode = 0600;
        if (realpath(buf_str(path), ret->path) == NULL) {
                if (errno != ENOENT)
                        return err_errno("cannot find %s", buf_str(path));
                if (path->len >= sizeof ret->path)
                        return err(ERR_RANGE, "the path of a file is too long");
                strcpy(ret->path, buf_str(path));
                return 0;
        }
        if (stat(ret->path, &st) == 0)
                ret->mode = st.st_mode & 07777;
        r = open_dir_of(ret->path, false, &dirfd, &name);
        return r == 0 ? file_read(dirfd, name, FILE_MAX, &ret->text) : r;
}

static int own_file_write(const struct own_file *o, struct bytes text)
{
        CLEANUP(close_fd) int dirfd = -1;
        const char *name;
        int r;

        r = open_dir_of(o->path, true, &dirfd, &name);
        if (r == 0)
                r = text.len > 0 ? file_write(dirfd, name, text, o->mode, true) : file_remove(dirfd, name);
        return r;
}

/* Where the line stands in the text, with its newline; len 0 if it does not. */
static struct bytes find_line(struct bytes text, struct bytes line)
{
        while (text.len > 0) {
                const uint8_t *end = memchr(text.ptr, '\n', text.len);
                size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;
                size_t whole = len + (end != NULL);

                if (bytes_equal(BYTES(text.ptr, len), line))
                        return BYTES(text.ptr, whole);
                text = BYTES(text.ptr + whole, text.len - whole);
        }
        return BYTES(NULL, 0);
}

static int install_hook(struct plan *p)
{
        CLEANUP(own_file_clear) struct own_file own = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        r = own_file_read(&p->hook_path, &own);
        if (r != 0 || find_line(BYTES_OF(&own.text), BYTES_OF(&p->hook_line)).len > 0)
                return r;
        r = buf_printf(&text, "%s\n", buf_str(&p->hook_line));
        if (r == 0)
                r = buf_append(&text, own.text.ptr, own.text.len);
        return r == 0 ? own_file_write(&own, BYTES_OF(&text)) : r;
}

static int remove_hook(struct plan *p)
{
        CLEANUP(own_file_clear) struct own_file own = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct bytes line;
        size_t before;
        int r;

        r = own_file_read(&p->hook_path, &own);
        line = find_line(BYTES_OF(&own.text), BYTES_OF(&p->hook_line));
        if (r != 0 || line.len == 0)
                return r;
        before = (size_t)(line.ptr - own.text.ptr);
        r = buf_append(&text, own.text.ptr, before);
        if (r == 0)
                r = buf_append(&text, line.ptr + line.len, own.text.len - before - line.len);
        return r == 0 ? own_file_write(&own, BYTES_OF(&text)) : r;
}

/* The exit status of git, or an error. */
static int run_git(char *const argv[])
{
        extern char **environ;
        pid_t pid;
        int status, r;

        r = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
        if (r != 0) {
                errno = r;
                return err_errno("cannot run git");
        }
        while (waitpid(pid, &status, 0) < 0) {
                if (errno != EINTR)
                        return err_errno("cannot wait for git");
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : err(ERR_IO, "git was killed");
}

#define GIT_CONFIG (char *)"git", (char *)"config", (char *)"--global"

static bool git_includes(struct plan *p)
{
        char *query[] = { GIT_CONFIG, (char *)"--fixed-value", (char *)"--get", (char *)"include.path",
                          (char *)buf_str(&p->include), NULL };

        return run_git(query) == 0;
}

static int set_include(struct plan *p, bool on)
{
        char *add[] = { GIT_CONFIG, (char *)"--add", (char *)"include.path", (char *)buf_str(&p->include), NULL };
        char *unset[] = { GIT_CONFIG, (char *)"--fixed-value", (char *)"--unset-all", (char *)"include.path", (char *)buf_str(&p->include), NULL };
        int status;

        if (git_includes(p) == on)
                return 0;
        status = run_git(on ? add : unset);
        return status <= 0 ? status : err(ERR_IO, "git config ended with status %d", status);
}

int plan_install(struct plan *p)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < p->n; ++i)
                r = install_file(&p->files[i]);
        if (r == 0 && p->hook_path.len > 0)
                r = install_hook(p);
        return r == 0 && p->include.len > 0 ? set_include(p, true) : r;
}

int plan_remove(struct plan *p)
{
        int r = 0;

        if (p->include.len > 0)
                r = set_include(p, false);
        if (r == 0 && p->hook_path.len > 0)
                r = remove_hook(p);
        for (size_t i = 0; r == 0 && i < p->n; ++i)
                r = remove_file(&p->files[i]);
        return r;
}
