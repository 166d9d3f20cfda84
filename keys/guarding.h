/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the guard share. */
#ifndef HOLDFAST_KEYS_GUARDING_H
#define HOLDFAST_KEYS_GUARDING_H

#include "keys/guard.h"
#include "keys/sums.h"

#define GUARD_TEXT_MAX sizeof(((struct guard_finding *)0)->text)

struct guard {
        pthread_mutex_t lock;           /* holds what follows; let go for files and TPM */
        pthread_cond_t moved;
        struct store *store;
        uint8_t key[SUM_SIZE];
        bool has_counter;
        struct guard_counter counter;
        struct sums sums;
        int fd;                         /* of the file, or -1 */
        size_t size, image_size;        /* of the file, and when it was last written anew */
        bool writing;                   /* somebody writes; the others wait, and he takes along what they have */
        bool rewrite;                   /* nobody knows what is in the file: it is written anew */
        bool advance;                   /* the counter goes on even if no change ended */
        bool behind;                    /* the TPM's counter has not come after the file's yet */
        char behind_why[200], unwritten_why[200];
        char whole[GUARD_TEXT_MAX];     /* why all agents are refused, or "" */
        unsigned news;
};

/* guard_files.c: the files of an agent that count, or by the name "" the store's own. No directory: no files. synced: what is read
 * is durable. */
int guard_files(struct store *s, const char *name, bool synced, struct sum_list *ret, struct stamp *ret_stamp);
/* Is it a file that counts, or could be one? */
bool guard_covers(const char *name, const char *file);
/* How the one differs from the other, in words, or false. */
bool guard_differ(struct store *s, const char *name, const struct sum_list *should, const struct sum_list *is, char ret[GUARD_TEXT_MAX]);

/* guard_write.c; all with the lock held. Tells the file what is new; several callers share one write and one raise of the counter. */
int guard_flush(struct guard *g);
/* Until c is in that state. */
int guard_reach(struct guard *g, const struct change *c, enum change_state state);
/* Goes on at the end of the file that is there. */
int guard_append_to(struct guard *g);

/* guard_check.c; with the lock held. */
int guard_checked(struct guard *g, const char *agent, const struct stat *dir, struct subject **ret);
void guard_wrong(struct guard *g, struct subject *s, const char *text);

/* guard_change.c: the store's watcher. */
int guard_before(void *ctx, const char *agent, const struct store_edit *edits, size_t n, bool alone, void **change);
void guard_after(void *ctx, void *change, int outcome);

#endif
