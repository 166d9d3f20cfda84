/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a record get into the log so that it is durable, and many at the price of one?
 *
 * Who appends puts a frame behind those that wait. One who waits leads: he writes all of them and syncs once, while others
 * put theirs behind the next ones. With direct, others' processes write too, so each append is one of its own under a lock. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audit/state.h"
#include "lib/err.h"
#include "lib/file.h"

/* A direct writer is done in the time of an fdatasync; a daemon is not done before it ends. */
#define OPEN_WAIT_MS 500
#define APPEND_WAIT_MS 10000
#define CHECKPOINT_NAME_SIZE 40

/* Somebody who waits for his record. He is woken when it is done, or when it is for him to lead, and for nothing else. */
struct ticket {
        bool done;
        int result;
        pthread_cond_t wake;
};

/* Records that go to disk together. None begins in one bundle and ends in the next. */
struct batch {
        struct frames frames;
        struct ticket *ticket[TILE_WIDTH];
};

struct audit_log {
        int dir, lock;
        bool direct;
        uint64_t rotate_size;
        _Atomic uint64_t number;
        atomic_bool full;

        /* Taken before the other, and for as long as bundles and tiles are being written. */
        pthread_mutex_t tiling;
        pthread_mutex_t mutex;
        pthread_cond_t moved;           /* for who waits without a ticket */
        bool leading;                   /* somebody writes: state changes by him alone, and with the mutex */
        struct state state;
        struct batch batch[2], *waiting, *writing;
        struct buf record;
        /* Where the next one goes: behind state, writing and waiting. */
        uint64_t seq;
        uint8_t prev[TREE_HASH];
};

/* All that has no place in the state is forgotten. */
static void back_to_state(struct audit_log *l)
{
        const struct frames *f = &l->state.frames;
        uint64_t size = l->state.tree.size;

        l->seq = size;
        memset(l->prev, 0, sizeof(l->prev));
        if (f->n > 0)
                memcpy(l->prev, f->leaf[f->n - 1], sizeof(l->prev));
        atomic_store(&l->number, l->state.number);
        atomic_store(&l->full, l->rotate_size > 0 && l->state.octets + frames_octets(f) >= l->rotate_size);
}

static int lock_dir(struct audit_log *l, unsigned wait_ms, int *ret_fd)
{
        int r = file_lock(l->dir, "lock", true, wait_ms, ret_fd);

        return r == ERR_TIMEOUT ? err(r, "another process writes the log") : r;
}

int audit_log_open(const char *dir, const struct audit_log_options *o, struct audit_recovery *ret_how, struct audit_log **ret)
{
        struct audit_recovery how = { 0 };
        struct audit_log *l;
        int r;

        l = calloc(1, sizeof(*l));
        if (!l)
                return err(ERR_NOMEM, "out of memory");
        l->dir = l->lock = l->state.dir = l->state.journal = -1;
        l->direct = o->direct;
        l->rotate_size = o->rotate_size;
        l->state.count = o->rotate_size > 0;
        l->waiting = &l->batch[0];
        l->writing = &l->batch[1];
        pthread_mutex_init(&l->tiling, NULL);
        pthread_mutex_init(&l->mutex, NULL);
        pthread_cond_init(&l->moved, NULL);

        r = dir_make(dir, 0700);
        if (r == 0)
                r = dir_open(AT_FDCWD, dir, &l->dir);
        if (r == 0)
                r = lock_dir(l, OPEN_WAIT_MS, &l->lock);
        if (r == 0)
                r = state_load(l->dir, &l->state, &how);
        if (r != 0) {
                audit_log_close(l);
                return r;
        }
        if (l->direct)
                file_unlock(&l->lock);
        back_to_state(l);
        *ret_how = how;
        *ret = l;
        return 0;
}

void audit_log_close(struct audit_log *l)
{
        if (!l)
                return;
        state_clear(&l->state);
        for (size_t i = 0; i < ARRAY_LEN(l->batch); i++)
                frames_clear(&l->batch[i].frames);
        buf_clear(&l->record);
        file_unlock(&l->lock);
        close_fd(&l->dir);
        pthread_cond_destroy(&l->moved);
        pthread_mutex_destroy(&l->mutex);
        pthread_mutex_destroy(&l->tiling);
        free(l);
}

void audit_log_abandon(struct audit_log *l)
{
        /* Closed, not unlocked: the lock is the parent's. */
        close_fd(&l->lock);
        close_fd(&l->state.journal);
        close_fd(&l->state.dir);
        close_fd(&l->dir);
}

/* Tells those in b, and b is empty. */
static void finish(struct batch *b, int result)
{
        for (unsigned i = 0; i < b->frames.n; i++) {
                b->ticket[i]->result = result;
                b->ticket[i]->done = true;
                pthread_cond_signal(&b->ticket[i]->wake);
        }
        frames_reset(&b->frames);
}

/* Writes what waits. With the mutex, which is not held meanwhile. */
static void lead(struct audit_log *l)
{
        struct batch *b = l->waiting;
        bool tiling = l->state.frames.n == TILE_WIDTH;
        int r;

        l->waiting = l->writing;
        l->writing = b;
        l->leading = true;
        r = state_reserve(&l->state, &b->frames);
        pthread_mutex_unlock(&l->mutex);

        if (tiling)
                pthread_mutex_lock(&l->tiling);
        if (r == 0)
                r = state_write(&l->state, &b->frames);

        pthread_mutex_lock(&l->mutex);
        if (r == 0)
                state_advance(&l->state, &b->frames);
        if (tiling)
                pthread_mutex_unlock(&l->tiling);
        finish(b, r);
        /* Those that came meanwhile follow from records that there are not. */
        if (r != 0) {
                finish(l->waiting, r);
                back_to_state(l);
        }
        atomic_store(&l->full, l->rotate_size > 0 && l->state.octets + frames_octets(&l->state.frames) >= l->rotate_size);
        l->leading = false;
        if (l->waiting->frames.n > 0)
                pthread_cond_signal(&l->waiting->ticket[0]->wake);
        pthread_cond_broadcast(&l->moved);
}

static void lead_or_wait(struct audit_log *l, pthread_cond_t *wake)
{
        if (l->leading)
                pthread_cond_wait(wake, &l->mutex);
        else
                lead(l);
}

/* Puts r behind those that wait. With the mutex. */
static int enqueue(struct audit_log *l, struct audit_record *r, struct ticket *t)
{
        struct batch *b = l->waiting;
        int e;

        r->seq = l->seq;
        r->prev = BYTES(l->prev, sizeof(l->prev));
        e = audit_record_encode(r, &l->record);
        if (e == 0)
                e = frames_add(&b->frames, BYTES_OF(&l->record));
        /* It is the log's, and changes with the next record. */
        r->prev = BYTES("", 0);
        if (e != 0)
                return e;
        if (b->frames.n == 1)
                b->frames.first = l->seq;
        b->ticket[b->frames.n - 1] = t;
        l->seq++;
        memcpy(l->prev, b->frames.leaf[b->frames.n - 1], sizeof(l->prev));
        return 0;
}

/* What operators can do something about. Who waits is not who has tried, and has only the code. */
static const char *why(int e)
{
        return e == ERR_NOSPC ? ": the disk is full" : e == ERR_READONLY ? ": the file system is read-only" : "";
}

static int not_durable(int e, const struct audit_record *r)
{
        return err(e, "record %llu could not be made durable%s", (unsigned long long)r->seq, why(e));
}

static int append_shared(struct audit_log *l, struct audit_record *r)
{
        struct ticket t = { .wake = PTHREAD_COND_INITIALIZER };
        int e;

        pthread_mutex_lock(&l->mutex);
        while (l->waiting->frames.n > 0 && l->seq % TILE_WIDTH == 0)
                lead_or_wait(l, &l->moved);
        e = enqueue(l, r, &t);
        while (e == 0 && !t.done)
                lead_or_wait(l, &t.wake);
        pthread_mutex_unlock(&l->mutex);
        pthread_cond_destroy(&t.wake);
        if (e != 0)
                return e;
        return t.result == 0 ? 0 : not_durable(t.result, r);
}

/* What other processes wrote meanwhile. */
static int catch_up(struct audit_log *l)
{
        int r = 0;

        if (!state_is_current(l->dir, &l->state))
                r = state_load(l->dir, &l->state, NULL);
        if (r == 0)
                back_to_state(l);
        return r;
}

static int append_direct(struct audit_log *l, struct audit_record *r)
{
        struct ticket t = { .wake = PTHREAD_COND_INITIALIZER };
        int e;

        pthread_mutex_lock(&l->mutex);
        /* Who leads has the lock, and needs the mutex to be done with it. */
        while (l->leading)
                pthread_cond_wait(&l->moved, &l->mutex);
        e = lock_dir(l, APPEND_WAIT_MS, &l->lock);
        if (e == 0)
                e = catch_up(l);
        if (e == 0)
                e = enqueue(l, r, &t);
        if (e == 0) {
                lead(l);
                e = t.result;
                /* The others know nothing of what failed here. The sentence is of that, whatever else fails. */
                if (e != 0) {
                        state_mend(&l->state);
                        not_durable(e, r);
                }
        }
        file_unlock(&l->lock);
        pthread_mutex_unlock(&l->mutex);
        return e;
}

int audit_append(struct audit_log *l, struct audit_record *r)
{
        return l->direct ? append_direct(l, r) : append_shared(l, r);
}

void audit_log_head(struct audit_log *l, struct audit_head *ret)
{
        pthread_mutex_lock(&l->mutex);
        ret->size = l->state.tree.size;
        tree_root(&l->state.tree, ret->root);
        pthread_mutex_unlock(&l->mutex);
}

uint64_t audit_log_number(const struct audit_log *l)
{
        return atomic_load(&l->number);
}

bool audit_log_full(const struct audit_log *l)
{
        return atomic_load(&l->full);
}

/* What the partial tiles of size are made of, out of the state. With tiling. */
static int copy_state(struct audit_log *l, uint64_t size, struct frames *f, struct tiles *t)
{
        int r;

        pthread_mutex_lock(&l->mutex);
        *t = l->state.tiles;
        f->n = 0;
        r = size > l->state.tree.size ? err(ERR_INVAL, "a checkpoint over more records than there are") : frames_join(f, &l->state.frames);
        pthread_mutex_unlock(&l->mutex);
        return r;
}

static int write_tiles(struct audit_log *l, uint64_t size)
{
        CLEANUP(frames_clear) struct frames f = { 0 };
        CLEANUP(free_ptr) struct tiles *t = malloc(sizeof(*t));
        int r;

        if (!t)
                return err(ERR_NOMEM, "out of memory");
        r = copy_state(l, size, &f, t);
        /* While tiling is held, a full journal stays as it is. */
        if (r == 0 && size == t->base + TILE_WIDTH) {
                r = state_bundle(&l->state);
                tiles_carry(t);
                frames_reset(&f);
        }
        return r != 0 ? r : bundle_write_partial(l->state.dir, size, &f, t);
}

static bool holds(int dirfd, const char *name, struct bytes content)
{
        CLEANUP(buf_clear) struct buf b = { 0 };

        return file_read(dirfd, name, NOTE_MAX, &b) == 0 && bytes_equal(BYTES_OF(&b), content);
}

/* With tiling. */
static int put_checkpoint(struct audit_log *l, uint64_t size, const char *name, struct bytes note)
{
        CLEANUP(close_fd) int fd = -1;
        int r;

        r = write_tiles(l, size);
        if (r == 0 && mkdirat(l->state.dir, "checkpoints", 0700) == 0)
                r = dir_sync(l->state.dir, "checkpoints");
        if (r == 0)
                r = dir_open(l->state.dir, "checkpoints", &fd);
        if (r == 0)
                r = file_write(fd, name, note, 0600, false);
        /* A try before came as far as that. */
        if (r == ERR_EXIST && holds(fd, name, note))
                r = 0;
        return r == 0 ? file_write(l->state.dir, "checkpoint", note, 0600, true) : r;
}

int audit_log_put_checkpoint(struct audit_log *l, const struct audit_head *h, uint64_t batch, struct bytes note)
{
        char name[CHECKPOINT_NAME_SIZE];
        int r;

        if (l->direct)
                return err(ERR_INVAL, "there are no checkpoints where several processes write");
        snprintf(name, sizeof(name), "%020llu.%010llu", (unsigned long long)h->size, (unsigned long long)batch);
        pthread_mutex_lock(&l->tiling);
        r = put_checkpoint(l, h->size, name, note);
        pthread_mutex_unlock(&l->tiling);
        if (r == 0 || r == ERR_INVAL || r == ERR_EXIST)
                return r;
        return err(r, "the checkpoint over %llu records could not be made durable%s", (unsigned long long)h->size, why(r));
}

static int rotate(struct audit_log *l, struct audit_record *r)
{
        struct batch *b = l->waiting;
        struct ticket t = { .wake = PTHREAD_COND_INITIALIZER };
        uint8_t root[TREE_HASH];
        char number[LOG_NAME_SIZE];
        int e;

        /* Known only now, when nobody appends any more. */
        snprintf(number, sizeof(number), "%llu", (unsigned long long)l->state.number);
        tree_root(&l->state.tree, root);
        r->detail = BYTES_STR(number);
        r->digest = BYTES(root, sizeof(root));
        l->seq = 0;
        memset(l->prev, 0, sizeof(l->prev));
        e = enqueue(l, r, &t);
        r->detail = r->digest = BYTES("", 0);
        if (e == 0)
                e = state_rotate(l->dir, &l->state, &b->frames);
        frames_reset(&b->frames);
        back_to_state(l);
        return e;
}

/* Takes both when nobody leads or waits. */
static void stop_all(struct audit_log *l)
{
        for (;;) {
                pthread_mutex_lock(&l->mutex);
                while (l->leading || l->waiting->frames.n > 0)
                        lead_or_wait(l, &l->moved);
                if (pthread_mutex_trylock(&l->tiling) == 0)
                        return;
                /* A checkpoint is being written. */
                pthread_mutex_unlock(&l->mutex);
                pthread_mutex_lock(&l->tiling);
                pthread_mutex_unlock(&l->tiling);
        }
}

int audit_log_rotate(struct audit_log *l, struct audit_record *r)
{
        uint64_t number;
        int e = 0;

        stop_all(l);
        number = audit_log_number(l);
        if (l->direct) {
                e = lock_dir(l, APPEND_WAIT_MS, &l->lock);
                if (e == 0)
                        e = catch_up(l);
        }
        /* Another process may have done it. */
        if (e == 0 && audit_log_number(l) == number)
                e = rotate(l, r);
        if (l->direct)
                file_unlock(&l->lock);
        pthread_mutex_unlock(&l->mutex);
        pthread_mutex_unlock(&l->tiling);
        return e;
}
