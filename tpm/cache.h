/* SPDX-License-Identifier: BSD-2-Clause */
/* Which keys and sessions are loaded in the TPM, the most recently used first. Data only: no TPM, no file.
 *
 * The table is the TPM's, not a process's: whoever shares a TPM shares it (share.h), and may use a key that
 * another process loaded. That is safe because a command's HMAC covers the Name of the key it is meant for. */
#ifndef HOLDFAST_TPM_CACHE_H
#define HOLDFAST_TPM_CACHE_H

#include <sys/types.h>
#include "lib/buf.h"

/* The first octet of a handle says what it is, Part 2, 7.2: TPM2_HT_* */
#define HANDLE_TYPE(handle) ((handle) >> 24)
#define HANDLES_FROM(type) ((uint32_t)(type) << 24)

#define CACHE_MAX 16
#define CACHE_TAG 16

struct loaded {
        uint32_t handle;
        uint64_t owner;         /* the struct tpm that used it last */
        pid_t pid;              /* the owner's process */
        uint8_t tag[CACHE_TAG]; /* the end of a key's Name; zeros for a session */
};

struct cache {
        struct loaded list[CACHE_MAX];
        size_t n;
        bool unsure;            /* the TPM may hold more than the list says */
        bool dirty;             /* changed since somebody cleared this */
};

enum loaded_kind { LOADED_OBJECT, LOADED_SESSION };
enum loaded_kind loaded_kind(uint32_t handle);

/* What stands for a key's Name. */
void cache_tag(struct bytes name, uint8_t ret[CACHE_TAG]);
/* NULL if it is not there. Valid until the table changes. */
const struct loaded *cache_find(const struct cache *c, struct bytes name);
const struct loaded *cache_find_handle(const struct cache *c, uint32_t handle);
/* The least recently used of a kind, NULL if there is none. */
const struct loaded *cache_oldest(const struct cache *c, enum loaded_kind kind);
size_t cache_count(const struct cache *c, enum loaded_kind kind);
/* A new entry, used just now. name is empty for a session. The caller makes room first: what does not fit is left out, and the table unsure. */
void cache_add(struct cache *c, uint32_t handle, struct bytes name, uint64_t owner, pid_t pid);
/* It is now the most recently used one, by this owner. */
void cache_touch(struct cache *c, uint32_t handle, uint64_t owner, pid_t pid);
void cache_drop(struct cache *c, uint32_t handle);
void cache_set_unsure(struct cache *c, bool unsure);
/* Nothing is loaded. */
void cache_empty(struct cache *c);

/* As text, for the file that processes share. Parsing is all or nothing: ERR_FORMAT, and the table is empty and unsure. */
int cache_format(const struct cache *c, struct buf *ret);
int cache_parse(struct bytes text, struct cache *ret);

#endif
