/* SPDX-License-Identifier: BSD-2-Clause */
/* F5: the power fails. From a recording of an operation's calls every state is built that a disk could hold after
 * them: what was synced is there; of what was not, any subset of the directory changes, and of each file nothing,
 * half, zeros or all. None may hold half a key, lack an acknowledged one, or be unusable. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/buf.h"
#include "tests/robust/ops.h"
#include "tests/robust/robust.h"

#define MAX_ENTRIES 256
#define MAX_FILES 256
#define MAX_PENDING 5           /* directory changes that are combined in every way */
#define MAX_SEEN 4096

/* A name in a directory. */
struct entry {
        unsigned long parent, child;
        char name[300];
};
struct tree {
        struct entry list[MAX_ENTRIES];
        size_t n;
};

struct file {
        unsigned long ino;
        bool is_dir;
        struct buf now, durable;
};

/* A directory change that its directory's fsync has not covered yet. */
struct change {
        enum { ADD, REMOVE, RENAME } kind;
        struct entry from, to;
};

static struct tree now, durable;
static struct file files[MAX_FILES];
static size_t n_files;
static struct change pending[64];
static size_t n_pending;
static unsigned long root;
static unsigned syncs;
static uint64_t seen[MAX_SEEN];
static size_t n_seen;

static void die(const char *what, const char *detail)
{
        fprintf(stderr, "power_loss: %s: %s\n", what, detail);
        exit(2);
}

static struct entry *lookup(struct tree *t, unsigned long parent, const char *name)
{
        for (size_t i = 0; i < t->n; i++)
                if (t->list[i].parent == parent && strcmp(t->list[i].name, name) == 0)
                        return &t->list[i];
        return NULL;
}

static void add(struct tree *t, const struct entry *e)
{
        struct entry *there = lookup(t, e->parent, e->name);

        if (there) {
                there->child = e->child;
                return;
        }
        if (t->n == MAX_ENTRIES)
                die("too many names", e->name);
        t->list[t->n++] = *e;
}

static void drop(struct tree *t, const struct entry *e)
{
        struct entry *there = lookup(t, e->parent, e->name);

        if (there)
                *there = t->list[--t->n];
}

/* False if what it starts from is not there. */
static bool apply(struct tree *t, const struct change *c)
{
        switch (c->kind) {
        case ADD:
                add(t, &c->to);
                return true;
        case REMOVE:
                drop(t, &c->from);
                return true;
        case RENAME:
                if (!lookup(t, c->from.parent, c->from.name))
                        return false;
                drop(t, &c->from);
                add(t, &c->to);
                return true;
        }
        return false;
}

static void change(struct change c)
{
        apply(&now, &c);
        if (n_pending == sizeof(pending) / sizeof(pending[0]))
                die("too many unsynced names", c.to.name);
        pending[n_pending++] = c;
}

static struct file *file_of(unsigned long ino)
{
        for (size_t i = 0; i < n_files; i++)
                if (files[i].ino == ino)
                        return &files[i];
        return NULL;
}

/* An inode number may be given out again: a new file under it starts empty. */
static struct file *file_new(unsigned long ino, bool is_dir)
{
        struct file *f = file_of(ino);

        if (!f) {
                if (n_files == MAX_FILES)
                        die("too many files", "");
                f = &files[n_files++];
        }
        buf_reset(&f->now);
        buf_reset(&f->durable);
        f->ino = ino;
        f->is_dir = is_dir;
        return f;
}

/* Splits a path below the root into its directory's inode and the name in it. */
static struct entry resolve(const char *path)
{
        struct entry e = { .parent = root }, *step;
        char copy[600], *at = copy, *slash;

        snprintf(copy, sizeof(copy), "%s", path);
        while ((slash = strchr(at, '/'))) {
                *slash = '\0';
                step = lookup(&now, e.parent, at);
                if (!step)
                        die("no such directory", path);
                e.parent = step->child;
                at = slash + 1;
        }
        if (strlen(at) >= sizeof(e.name))
                die("too long a name", at);
        strcpy(e.name, at);
        step = lookup(&now, e.parent, at);
        e.child = step ? step->child : 0;
        return e;
}

static void sync_inode(unsigned long ino)
{
        struct file *f = file_of(ino);
        size_t kept = 0;

        syncs++;
        if (f && !f->is_dir) {
                if (buf_set(&f->durable, BYTES_OF(&f->now)) != 0)
                        die("out of memory", "");
                return;
        }
        for (size_t i = 0; i < n_pending; i++) {
                if (pending[i].from.parent == ino || pending[i].to.parent == ino)
                        apply(&durable, &pending[i]);
                else
                        pending[kept++] = pending[i];
        }
        n_pending = kept;
}

static void write_inode(unsigned long ino, size_t offset, const char *hex)
{
        CLEANUP(buf_clear) struct buf data = { 0 };
        struct file *f = file_of(ino);

        if (!f || hex_decode(hex, strlen(hex), &data) != 0 || buf_reserve(&f->now, offset + data.len) != 0)
                die("a write that cannot be played", hex);
        if (offset > f->now.len)
                memset(f->now.ptr + f->now.len, 0, offset - f->now.len);
        memcpy(f->now.ptr + offset, data.ptr, data.len);
        if (f->now.len < offset + data.len)
                f->now.len = offset + data.len;
}

static void truncate_inode(unsigned long ino, size_t len)
{
        struct file *f = file_of(ino);

        if (!f || buf_reserve(&f->now, len) != 0)
                die("a truncation that cannot be played", "");
        if (len > f->now.len)
                memset(f->now.ptr + f->now.len, 0, len - f->now.len);
        f->now.len = len;
}

/* Plays one line of the recording. True if it is an acknowledgement. */
static bool play(const char *line)
{
        char word[16], a[600] = "", *b;
        struct entry e;
        unsigned long ino;
        long n;

        if (sscanf(line, "%15s", word) != 1)
                die("a line that is none", line);
        if (strcmp(word, "ack") == 0)
                return strncmp(line, "ack ack ", 8) == 0;
        if (sscanf(line, "write %lu %ld", &ino, &n) == 2) {
                write_inode(ino, (size_t)n, strrchr(line, ' ') + 1);
        } else if (sscanf(line, "trunc %lu %ld", &ino, &n) == 2) {
                truncate_inode(ino, (size_t)n);
        } else if (sscanf(line, "sync %lu", &ino) == 1) {
                sync_inode(ino);
        } else if (sscanf(line, "creat %lu %599s", &ino, a) == 2 || sscanf(line, "mkdir %lu %599s", &ino, a) == 2) {
                file_new(ino, word[0] == 'm');
                e = resolve(a);
                e.child = ino;
                change((struct change){ .kind = ADD, .to = e });
        } else if (sscanf(line, "unlink %599s", a) == 1) {
                change((struct change){ .kind = REMOVE, .from = resolve(a) });
        } else if (sscanf(line, "rename %599s", a) == 1 || sscanf(line, "link %599s", a) == 1) {
                b = strrchr((char *)line, ' ') + 1;
                e = resolve(b);
                e.child = resolve(a).child;
                if (word[0] == 'r')
                        change((struct change){ .kind = RENAME, .from = resolve(a), .to = e });
                else
                        change((struct change){ .kind = ADD, .to = e });
        } else {
                die("a line that is none", line);
        }
        return false;
}

static void read_file(const char *path, struct buf *ret)
{
        uint8_t block[4096];
        FILE *f = fopen(path, "r");
        size_t n;

        while (f && (n = fread(block, 1, sizeof(block), f)) > 0)
                if (buf_append(ret, block, n) != 0)
                        die("out of memory", path);
        if (f)
                fclose(f);
}

/* What was there before, all of it durable. */
static void scan(const char *path, unsigned long ino)
{
        struct entry e = { .parent = ino };
        const struct dirent *d;
        struct stat st;
        struct file *f;
        char below[800];
        DIR *dir = opendir(path);

        if (!dir)
                die("cannot be read", path);
        while ((d = readdir(dir))) {
                if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
                        continue;
                snprintf(below, sizeof(below), "%s/%s", path, d->d_name);
                if (lstat(below, &st) != 0)
                        die("cannot be read", below);
                snprintf(e.name, sizeof(e.name), "%s", d->d_name);
                e.child = st.st_ino;
                add(&now, &e);
                add(&durable, &e);
                f = file_new(st.st_ino, S_ISDIR(st.st_mode));
                if (f->is_dir) {
                        scan(below, st.st_ino);
                } else {
                        read_file(below, &f->now);
                        if (buf_set(&f->durable, BYTES_OF(&f->now)) != 0)
                                die("out of memory", below);
                }
        }
        closedir(dir);
}

static void start_from(const char *store)
{
        struct stat st;

        for (size_t i = 0; i < n_files; i++) {
                buf_clear(&files[i].now);
                buf_clear(&files[i].durable);
        }
        memset(files, 0, sizeof(files));
        now.n = durable.n = n_files = n_pending = n_seen = 0;
        if (stat(store, &st) != 0)
                die("cannot be read", store);
        root = st.st_ino;
        scan(store, root);
}

/* What a file holds after the failure: one of four things, if it was not synced. */
enum content { OLD, NEW, HALF, ZEROS, CONTENTS };

static struct bytes content_of(const struct file *f, enum content how, struct buf *zeros)
{
        if (bytes_equal(BYTES_OF(&f->now), BYTES_OF(&f->durable)) || how == OLD)
                return BYTES_OF(&f->durable);
        if (how == HALF)
                return BYTES(f->now.ptr, f->now.len / 2);
        if (how == ZEROS && buf_reserve(zeros, f->now.len) == 0) {
                memset(zeros->ptr, 0, f->now.len);
                return BYTES(zeros->ptr, f->now.len);
        }
        return BYTES_OF(&f->now);
}

static uint64_t mix(uint64_t h, const void *p, size_t len)
{
        for (size_t i = 0; i < len; i++)
                h = (h ^ ((const uint8_t *)p)[i]) * 0x100000001b3;
        return h;
}

/* Writes the state to a directory, or with NULL only computes what it is; order of names does not matter. */
static uint64_t build(const struct tree *t, unsigned long parent, enum content how, const char *to)
{
        CLEANUP(buf_clear) struct buf zeros = { 0 };
        struct bytes content;
        uint64_t sum = 0, h;
        struct file *f;
        char path[1000];
        int fd;

        if (to && mkdir(to, 0700) != 0)
                die("cannot be made", to);
        for (size_t i = 0; i < t->n; i++) {
                if (t->list[i].parent != parent)
                        continue;
                f = file_of(t->list[i].child);
                snprintf(path, sizeof(path), "%s/%s", to ? to : "", t->list[i].name);
                h = mix(0xcbf29ce484222325, t->list[i].name, strlen(t->list[i].name));
                if (f->is_dir) {
                        h = h * 31 + build(t, f->ino, how, to ? path : NULL);
                } else {
                        content = content_of(f, how, &zeros);
                        h = mix(h, content.ptr, content.len);
                        if (to) {
                                fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
                                if (fd < 0 || write(fd, content.ptr, content.len) != (ssize_t)content.len)
                                        die("cannot be written", path);
                                close(fd);
                        }
                }
                sum += mix(h, &h, sizeof(h));
        }
        return sum;
}

static bool is_new(uint64_t state)
{
        for (size_t i = 0; i < n_seen; i++)
                if (seen[i] == state)
                        return false;
        if (n_seen == MAX_SEEN)
                die("too many states", "");
        seen[n_seen++] = state;
        return true;
}

static void judge_state(const struct op *op, const struct tree *t, enum content how, bool acked, struct damage *d)
{
        char env[300], command[300];
        const char *envs[] = { env, NULL };

        /* The same bytes with another promise made about them are another case. */
        if (!is_new(build(t, root, how, NULL) * 2 + acked))
                return;
        snprintf(command, sizeof(command), "rm -rf '%s'", robust_scratch());
        if (system(command) != 0)
                die("cannot be removed", robust_scratch());
        build(t, root, how, robust_scratch());
        snprintf(env, sizeof(env), "HOLDFAST_STORE=%s", robust_scratch());
        op_judge(op, acked, envs, d);
}

/* Every state that a failure at this moment could leave. */
static void fail_here(const struct op *op, bool acked, struct damage *d)
{
        static struct tree t;
        unsigned n = n_pending < MAX_PENDING ? (unsigned)n_pending : MAX_PENDING;

        for (unsigned set = 0; set < 1u << n; set++) {
                t = durable;
                for (size_t i = 0; i < n_pending; i++)
                        if (i >= n || (set & 1u << i))
                                apply(&t, &pending[i]);
                for (enum content how = OLD; how < CONTENTS; how++)
                        judge_state(op, &t, how, acked, d);
        }
}

static void compare(const char *store)
{
        char command[600];

        snprintf(command, sizeof(command), "rm -rf '%s'", robust_scratch());
        if (system(command) != 0)
                die("cannot be removed", robust_scratch());
        build(&now, root, NEW, robust_scratch());
        snprintf(command, sizeof(command), "diff -r '%s' '%s' >&2", robust_scratch(), store);
        if (system(command) != 0)
                die("the recording is not what happened", store);
}

/* Records one operation and fails the power before and after each of its calls. */
static void lose_power(const struct op *op, const char *base)
{
        char preload[4200], dir[300], log[300], path[250], *line = NULL, what[120];
        const char *env[] = { preload, dir, log, NULL };
        struct damage d = { 0 };
        static struct child c;
        bool acked = false;
        size_t cap = 0;
        FILE *f;

        copy_tree(base, robust_store());
        start_from(robust_store());
        snprintf(path, sizeof(path), "%s.log", robust_scratch());
        unlink(path);
        snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", robust_path(".libs/inject.so"));
        snprintf(dir, sizeof(dir), "INJECT_DIR=%s", robust_store());
        snprintf(log, sizeof(log), "INJECT_LOG=%s", path);
        child_run(&c, op->argv, env, 60);
        f = fopen(path, "r");
        if (!f || !op_acked(op, &c))
                die("cannot be recorded", op->name);

        syncs = 0;
        fail_here(op, acked, &d);
        while (getline(&line, &cap, f) > 0) {
                line[strcspn(line, "\n")] = '\0';
                acked |= play(line);
                fail_here(op, acked, &d);
        }
        fclose(f);
        free(line);
        /* It ended, so whoever started it knows that it is done. */
        fail_here(op, true, &d);
        compare(robust_store());
        snprintf(what, sizeof(what), "%s, power lost at any moment (%u syncs)", op->name, syncs);
        robust_row(damage_none(&d), "F5", what, "%u states: %u half, %u lost, %u unusable", d.runs, d.halves, d.lost, d.unusable);
}

int main(void)
{
        const struct op *op;
        char base[200];

        robust_start();
        snprintf(base, sizeof(base), "%s.base", robust_scratch());
        ops_prepare(base);
        for (size_t i = 0; (op = op_at(i)) && i < (size_t)robust_count(1, 100); i++)
                lose_power(op, base);
        return robust_end();
}
