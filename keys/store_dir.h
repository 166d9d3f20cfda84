/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the store share: its directories, its lock, what was read of them before. */
#ifndef HOLDFAST_KEYS_STORE_DIR_H
#define HOLDFAST_KEYS_STORE_DIR_H

#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include "keys/store.h"

#define STORE_FILE_MODE 0600
#define STORE_DIR_MODE 0700
#define STORE_TEXT_MAX (256 * 1024)     /* octets of the store file or an agent file */

/* A directory as it was when it was last read. */
struct stamp {
        dev_t dev;
        ino_t ino;
        struct timespec mtime, ctime;
        bool settled;           /* what is changed from now on cannot have the same times */
};
/* Of an open directory, before it is read. */
int stamp_take(int fd, struct stamp *ret);
bool stamp_holds(const struct stamp *then, const struct stat *now);

/* An agent's objects as last read. */
struct agent_cache {
        struct agent_cache *next;
        struct stamp stamp;
        struct item_list *items;
        struct item_list outdated; /* of these there is a newer generation among the items */
        bool temps;             /* temporary files, perhaps of dead writers */
        char name[AGENT_NAME_MAX + 1];
};

struct store {
        unsigned refs;          /* atomic: the opener's and each item's */
        char *path;
        int fd;
        int agents_fd;
        struct attrs info;
        struct store_watcher watcher; /* all zeros: nobody watches */
        pthread_mutex_t lock;   /* holds what follows */
        struct agent_names names;
        struct stamp names_stamp;
        struct agent_cache *caches; /* the one used last in front */
};

struct store *store_ref(struct store *s);
void store_unref(struct store *s);
/* ERR_NOENT if there is no such agent. */
int store_agent_dir(struct store *s, const char *agent, int *ret_fd);
/* The writers' lock, let go with file_unlock(). Makers of new files share it; who changes or removes what is there, or
 * sweeps, has it alone: what looks like a dead writer's file may be one's in another PID namespace. */
int store_write_lock(struct store *s, bool exclusive, int *ret_fd);
/* For a maker of new files: shared; alone if there may be something to sweep and nobody is in the way. */
int store_maker_lock(struct store *s, bool unswept, bool *ret_alone, int *ret_fd);
/* Did the last scan see anything of dead writers in an agent's directory? */
bool store_unswept(struct store *s, const char *agent);
/* Removes it from the open directory. Call with the writers' lock held alone. */
void store_sweep(struct store *s, const char *agent, int dir);
/* All files of one object in an agent's open directory, the one that counts last; several only after an interrupted change. */
int store_generations(struct store *s, const char *agent, int dir, const char *uid, struct item_list *ret);
/* For CLEANUP(). */
void store_generations_clear(struct item_list *l);
/* What is told to the watcher before and after a change; *change is NULL at first, and for the second of them. */
int store_before(struct store *s, const char *agent, const struct store_edit *edits, size_t n, bool alone, void **change);
void store_after(struct store *s, void *change, int outcome);
/* Drops what is cached of an agent, or with NULL of all. Call with s->lock held. */
void store_forget(struct store *s, const char *agent);

#endif
