/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a process without a daemon tell a log what it does with keys? */
#include "keys/direct.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audit/door.h"
#include "config.h"
#include "lib/err.h"
#include "lib/file.h"

#define OBJECT_NAME "libholdfast-log.so"
#define STAT_MAX 4096

struct direct {
        struct caller caller;
        struct keyring *keyring;
        struct buf dir;
        uint64_t rotate_size;

        pthread_mutex_t lock;           /* holds what follows */
        const struct door *door;        /* NULL: not loaded yet */
        struct audit_log *log;          /* NULL: not open yet */
        struct buf exe;
        uint64_t start_time;
};

static bool ends_with(const char *s, const char *end)
{
        size_t n = strlen(s), m = strlen(end);

        return n >= m && strcmp(s + n - m, end) == 0;
}

/* A build tree's where this code runs in one, as a library or in the command; else the installed one. */
static int object_path(struct buf *ret)
{
        const char *given = secure_getenv("HOLDFAST_LOG_OBJECT");
        char here[PATH_MAX], *slash;
        struct link_map *map = NULL;
        Dl_info info;

        if (given != NULL && given[0] == '/')
                return buf_printf(ret, "%s", given);
        /* The program itself has no name there, but what it was started as. */
        if (dladdr1((const void *)direct_new, &info, (void **)&map, RTLD_DL_LINKMAP) != 0 &&
            realpath(map->l_name[0] != '\0' ? map->l_name : "/proc/self/exe", here) != NULL && (slash = strrchr(here, '/')) != NULL) {
                *slash = '\0';
                if (ends_with(here, "/pkcs11/.libs"))
                        return buf_printf(ret, "%s/../../audit/.libs/" OBJECT_NAME, here);
                if (ends_with(here, "/tools"))
                        return buf_printf(ret, "%s/../audit/.libs/" OBJECT_NAME, here);
        }
        return buf_printf(ret, "%s", HF_PKGLIBDIR "/" OBJECT_NAME);
}

/* Never unloaded: other logs of this process may be open. */
static int load(const struct door **ret)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        door_function *door = NULL;
        void *object;
        int r;

        r = object_path(&path);
        if (r != 0)
                return r;
        object = dlopen(buf_str(&path), RTLD_NOW | RTLD_LOCAL);
        if (object != NULL)
                *(void **)&door = dlsym(object, DOOR_NAME);
        if (door == NULL)
                return err(ERR_IO, "what writes the log cannot be loaded: %s", dlerror());
        *ret = door(PACKAGE_VERSION, sizeof(struct audit_record));
        return *ret != NULL ? 0 : err(ERR_IO, "%s is of another version: what writes the log cannot be used", buf_str(&path));
}

/* PKCS#11 would read some of what a log says as news of a key or a PIN. */
static int outcome(struct direct *d, int r)
{
        if (r == 0 || r == ERR_NOMEM)
                return r;
        return err(r == ERR_NOSPC || r == ERR_TIMEOUT ? r : ERR_IO, "the log %s: %s", buf_str(&d->dir), d->door->why());
}

/* proc(5), field 22 of stat, behind the name, which may hold anything. */
static uint64_t started(void)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        unsigned long long start = 0;
        const char *p = NULL;

        if (file_read(AT_FDCWD, "/proc/self/stat", STAT_MAX, &text) == 0 && buf_str(&text) != NULL)
                p = strrchr(buf_str(&text), ')');
        if (p != NULL && sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &start) != 1)
                start = 0;
        return start;
}

/* With the lock. */
static int open_log(struct direct *d)
{
        char exe[PATH_MAX];
        ssize_t n;
        int r = 0;

        if (d->log != NULL)
                return 0;
        if (d->door == NULL)
                r = load(&d->door);
        if (r != 0)
                return r;
        n = readlink("/proc/self/exe", exe, sizeof(exe));
        r = buf_set(&d->exe, BYTES(exe, n > 0 ? (size_t)n : 0));
        d->start_time = started();
        return r == 0 ? outcome(d, d->door->open(buf_str(&d->dir), d->rotate_size, &d->log)) : r;
}

static int ready(void *direct)
{
        struct direct *d = direct;
        int r;

        pthread_mutex_lock(&d->lock);
        r = open_log(d);
        pthread_mutex_unlock(&d->lock);
        return r;
}

/* Whoever uses the keys himself is his own peer. */
static void tell_peer(const struct direct *d, struct audit_peer *ret)
{
        *ret = (struct audit_peer){
                .present = true,
                .pid = (uint64_t)getpid(),
                .start_time = d->start_time,
                .uid = geteuid(),
                .gid = getegid(),
                .exe = BYTES_OF(&d->exe),
                .ppid = (uint64_t)getppid(),
        };
}

static int record(void *direct, struct audit_record *rec)
{
        CLEANUP(attrs_clear) struct attrs agent = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        struct direct *d = direct;
        int r;

        r = ready(d);
        if (r == 0)
                r = buf_set(&name, rec->agent);
        if (r != 0)
                return r;
        if (buf_str(&name) != NULL && store_agent_read(keyring_store(d->keyring), buf_str(&name), &agent) == 0)
                rec->owner = BYTES_STR(attrs_str(&agent, "owner", ""));
        tell_peer(d, &rec->peer);
        rec->direct = true;
        return outcome(d, d->door->append(d->log, rec));
}

int direct_new(struct keyring *k, struct direct **ret)
{
        const struct conf *c = keyring_conf(k);
        struct direct *d;
        int r;

        *ret = NULL;
        if (!c->audit_direct)
                return 0;
        d = calloc(1, sizeof(*d));
        if (d == NULL)
                return err(ERR_NOMEM, "out of memory");
        r = conf_audit_dir(c, &d->dir);
        if (r != 0) {
                free(d);
                return r;
        }
        pthread_mutex_init(&d->lock, NULL);
        d->keyring = k;
        d->rotate_size = (uint64_t)c->rotate_mib << 20;
        d->caller = (struct caller){ .ready = ready, .record = record, .log = d };
        *ret = d;
        return 0;
}

const struct caller *direct_caller(const struct direct *d)
{
        return d != NULL ? &d->caller : NULL;
}

void direct_free(struct direct *d)
{
        if (d == NULL)
                return;
        if (d->log != NULL)
                d->door->close(d->log);
        buf_clear(&d->dir);
        buf_clear(&d->exe);
        pthread_mutex_destroy(&d->lock);
        free(d);
}

void direct_abandon(struct direct *d)
{
        if (d != NULL && d->log != NULL)
                d->door->abandon(d->log);
}
