/* SPDX-License-Identifier: BSD-2-Clause */
/* Who used this key last? */
#include "daemon/lastuse.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "keys/recorder.h"
#include "lib/err.h"

#define BUCKETS 256
#define BUCKET_MAX 64           /* keys in one; the one that was new longest ago goes */

struct used {
        struct used *next;
        struct buf key;                 /* agent, label and ID, each behind its length */
        struct peer peer;
};

struct lastuse {
        struct recorder *recorder;
        pthread_mutex_t lock;
        struct used *buckets[BUCKETS];
};

int lastuse_new(struct recorder *r, struct lastuse **ret)
{
        struct lastuse *l = calloc(1, sizeof(*l));

        if (l == NULL)
                return err(ERR_NOMEM, "out of memory");
        l->recorder = r;
        pthread_mutex_init(&l->lock, NULL);
        *ret = l;
        return 0;
}

static void used_free(struct used *u)
{
        buf_clear(&u->key);
        peer_clear(&u->peer);
        free(u);
}

void lastuse_free(struct lastuse *l)
{
        if (l == NULL)
                return;
        for (size_t i = 0; i < BUCKETS; i++)
                while (l->buckets[i] != NULL) {
                        struct used *u = l->buckets[i];

                        l->buckets[i] = u->next;
                        used_free(u);
                }
        pthread_mutex_destroy(&l->lock);
        free(l);
}

static int put(struct buf *key, struct bytes part)
{
        int r = buf_append_u32(key, (uint32_t)part.len);

        return r == 0 ? buf_append(key, part.ptr, part.len) : r;
}

static int key_of(struct bytes agent, struct bytes label, struct bytes id, struct buf *ret)
{
        int r = put(ret, agent);

        if (r == 0)
                r = put(ret, label);
        return r == 0 ? put(ret, id) : r;
}

/* FNV-1a: keys are not chosen by those who would want collisions. */
static size_t bucket_of(struct bytes key)
{
        uint32_t h = 2166136261u;

        for (size_t i = 0; i < key.len; i++)
                h = (h ^ key.ptr[i]) * 16777619u;
        return h % BUCKETS;
}

static int copy_peer(const struct audit_peer *from, struct peer *ret)
{
        struct peer p = {
                .pid = (pid_t)from->pid, .start_time = from->start_time, .pidfd = -1, .uid = (uid_t)from->uid, .gid = (gid_t)from->gid,
                .has_loginuid = from->has_loginuid, .loginuid = (uid_t)from->loginuid, .tty = from->tty, .ppid = (pid_t)from->ppid,
        };
        int r;

        r = buf_set(&p.exe, from->exe);
        if (r == 0)
                r = buf_set(&p.exe_sha256, from->exe_sha256);
        if (r == 0)
                r = buf_set(&p.cgroup, from->cgroup);
        if (r == 0)
                r = buf_set(&p.unit, from->unit);
        if (r == 0)
                r = buf_set(&p.container, from->container);
        if (r == 0)
                *ret = p;
        else
                peer_clear(&p);
        return r;
}

/* Under the lock. */
static struct used *find(struct lastuse *l, struct bytes key)
{
        struct used *u = l->buckets[bucket_of(key)];

        while (u != NULL && !bytes_equal(BYTES_OF(&u->key), key))
                u = u->next;
        return u;
}

/* Under the lock. Only one more than there may be is ever there. */
static void drop_oldest(struct used **link)
{
        size_t n = 0;

        while (*link != NULL && ++n <= BUCKET_MAX)
                link = &(*link)->next;
        if (*link == NULL)
                return;
        used_free(*link);
        *link = NULL;
}

/* Under the lock. */
static int add(struct lastuse *l, struct buf *key, struct used **ret)
{
        struct used **bucket = &l->buckets[bucket_of(BYTES_OF(key))], *u = calloc(1, sizeof(*u));

        if (u == NULL)
                return err(ERR_NOMEM, "out of memory");
        u->next = *bucket;
        u->peer.pidfd = -1;
        buf_take(key, &u->key);
        *bucket = u;
        drop_oldest(bucket);
        *ret = u;
        return 0;
}

/* The same process, running the same program: one that runs another is still the same to the kernel. */
static bool is_same(const struct peer *p, const struct audit_peer *other)
{
        return p->pid == (pid_t)other->pid && p->start_time == other->start_time && bytes_equal(BYTES_OF(&p->exe), other->exe) &&
               bytes_equal(BYTES_OF(&p->exe_sha256), other->exe_sha256) && bytes_equal(BYTES_OF(&p->cgroup), other->cgroup);
}

/* Without memory for it nothing is remembered, which evidence then does not say. */
static void remember(struct lastuse *l, const struct audit_record *rec)
{
        CLEANUP(buf_clear) struct buf key = { 0 };
        struct peer p = { .pidfd = -1 };
        struct used *u;
        int r;

        if (key_of(rec->agent, rec->key_label, rec->key_id, &key) != 0)
                return;
        pthread_mutex_lock(&l->lock);
        u = find(l, BYTES_OF(&key));
        if (u == NULL || !is_same(&u->peer, &rec->peer)) {
                r = copy_peer(&rec->peer, &p);
                if (r == 0 && u == NULL)
                        r = add(l, &key, &u);
                if (r == 0) {
                        peer_clear(&u->peer);
                        u->peer = p;
                } else {
                        peer_clear(&p);
                }
        }
        pthread_mutex_unlock(&l->lock);
}

int lastuse_append(void *lastuse, struct audit_record *rec)
{
        struct lastuse *l = lastuse;
        int r = recorder_append(l->recorder, rec);

        if (r == 0 && rec->event == AUDIT_USE && rec->decision == AUDIT_ALLOWED && rec->peer.present && rec->agent.len > 0)
                remember(l, rec);
        return r;
}

int lastuse_get(struct lastuse *l, const char *agent, struct bytes key_label, struct bytes key_id, struct peer *ret)
{
        CLEANUP(buf_clear) struct buf key = { 0 };
        struct used *u;
        int r = key_of(BYTES_STR(agent), key_label, key_id, &key);

        if (r != 0)
                return r;
        pthread_mutex_lock(&l->lock);
        u = find(l, BYTES_OF(&key));
        if (u != NULL)
                r = copy_peer(&(struct audit_peer){
                        .pid = (uint64_t)u->peer.pid, .start_time = u->peer.start_time, .uid = u->peer.uid, .gid = u->peer.gid,
                        .exe = BYTES_OF(&u->peer.exe), .exe_sha256 = BYTES_OF(&u->peer.exe_sha256), .cgroup = BYTES_OF(&u->peer.cgroup),
                        .unit = BYTES_OF(&u->peer.unit), .container = BYTES_OF(&u->peer.container), .has_loginuid = u->peer.has_loginuid,
                        .loginuid = u->peer.loginuid, .tty = u->peer.tty, .ppid = (uint64_t)u->peer.ppid,
                }, ret);
        else
                r = err(ERR_NOENT, "nobody has used this key of agent %s since the daemon started", agent);
        pthread_mutex_unlock(&l->lock);
        return r;
}
