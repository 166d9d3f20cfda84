/* SPDX-License-Identifier: BSD-2-Clause */
/* The file "sums": which files a store should have and what should be in them, told change by change, under a MAC. docs/formats.md has it.
 * Text and structure only; keys/guard.h is who writes it. */
#ifndef HOLDFAST_KEYS_SUMS_H
#define HOLDFAST_KEYS_SUMS_H

#include "keys/store_dir.h"

#define SUMS_FILE "sums"
#define SUM_SIZE 32             /* SHA-256, and HMAC with it */
#define SUMS_TEXT_MAX (256u << 20)

/* Files and their hashes, sorted by name. All zeros: it is there and cannot be read. */
struct sum {
        char *file;
        bool gone;              /* in a change: it is not there then */
        uint8_t hash[SUM_SIZE];
};
struct sum_list {
        struct sum *list;
        size_t n;
};
/* For CLEANUP(). */
void sum_list_clear(struct sum_list *l);
/* NULL if there is none. */
const struct sum *sum_list_find(const struct sum_list *l, const char *file);
int sum_list_put(struct sum_list *l, const char *file, bool gone, const uint8_t hash[SUM_SIZE]);
/* ret is `from` with the edits made. */
int sum_list_edited(const struct sum_list *from, const struct sum_list *edits, struct sum_list *ret);

/* An agent, or by the name "" the store's own files. */
struct subject {
        struct subject *next;
        char name[AGENT_NAME_MAX + 1];
        struct sum_list files;  /* as they should be */
        /* The guard's: */
        bool verified;          /* and they are so, or `wrong` says how not */
        bool verifying;         /* somebody is reading them */
        unsigned live;          /* changes that are being made */
        struct stamp stamp;     /* of the directory when it was verified, or changed by us */
        char *wrong;
};

/* A change: told before it is made, and after. */
enum change_state { CHANGE_NEW, CHANGE_TOLD, CHANGE_DONE, CHANGE_UNDONE, CHANGE_SETTLED };
struct change {
        struct change *next;
        struct change *also;    /* one that ends together with this one */
        uint64_t number;
        struct subject *subject;
        struct sum_list edits;
        enum change_state state; /* DONE and UNDONE: so it came out, and is still to be told */
        bool live;              /* somebody is making it */
        bool awaited;           /* somebody waits until it is settled, and frees it then */
        bool in_writing;
        bool minor;             /* not worth a raise of the counter */
};
void change_free(struct change *c);

#define SUMS_BUCKETS 4096
struct sums {
        struct subject *buckets[SUMS_BUCKETS];
        struct change *changes; /* in the order of their numbers */
        uint64_t number;        /* the highest so far */
        uint64_t counter;       /* what the TPM's counter is raised to; 0: there is none */
        uint8_t chain[SUM_SIZE]; /* MAC of the last block */
        size_t first_size;      /* octets of the first block that was read */
};
void sums_clear(struct sums *s);
/* Made if there is none. */
int sums_subject(struct sums *s, const char *name, struct subject **ret);
/* Puts c behind the others. */
void sums_add(struct sums *s, struct change *c);
void sums_remove(struct sums *s, struct change *c);

/* How a text ends. */
enum sums_end {
        SUMS_WHOLE,
        SUMS_TORN,              /* in an unfinished block, which is left out */
        SUMS_BAD_END,           /* the last block is not what was written, and left out */
        SUMS_EDITED,            /* one is not, and others follow: s is what was before it */
};
/* Into an empty s. */
int sums_load(struct bytes text, struct bytes key, struct sums *s, enum sums_end *ret);
/* The lines of one block, without its MAC. ERR_FORMAT: s is of no use any more. */
int sums_apply(struct sums *s, struct bytes lines, bool first);

/* The lines of a first block: all that s knows. */
int sums_image(const struct sums *s, struct buf *ret);
/* The lines that tell what is NEW, DONE or UNDONE. */
int sums_news(const struct sums *s, struct buf *ret);
/* Ends a block that follows on chain; that of a first one is all zeros. */
int sums_seal(struct bytes key, const uint8_t chain[SUM_SIZE], uint64_t counter, struct buf *block, uint8_t ret_chain[SUM_SIZE]);

#endif
