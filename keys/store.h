/* SPDX-License-Identifier: BSD-2-Clause */
/* The store: a directory of small files, one directory per agent, one file per object.
 * No TPM, no policy. docs/formats.md has the layout.
 *
 *   store                                 attrs: version, parent, EK name, chip capabilities
 *   agents/AGENT/agent                    attrs: owner, serial, PIN records
 *   agents/AGENT/LABEL.ID.UID.N.key.pem   attrs, then TSS2 PRIVATE KEY
 *   agents/AGENT/LABEL.ID.UID.N.crt.pem   attrs, then CERTIFICATE
 *   agents/AGENT/LABEL.ID.UID.N.pub.pem   attrs, then PUBLIC KEY
 *   agents/AGENT/LABEL.ID.UID.N.dat.pem   attrs, then HOLDFAST DATA
 *   lock                                  writers' flock
 *
 * Label and ID stand in the file's name (percent-escaped; a digest where too long), so that
 * finding an object by either reads a directory and no file. A change writes a new file with the
 * same UID and N one higher, then removes the old one: where there are two, the higher counts.
 * Any number of threads and processes may read and write. */
#ifndef HOLDFAST_KEYS_STORE_H
#define HOLDFAST_KEYS_STORE_H

#include <stdbool.h>
#include "lib/attrs.h"
#include "lib/buf.h"
#include "lib/pk.h"
#include "lib/tsskey.h"

#define AGENT_NAME_MAX 32       /* octets of UTF-8: a PKCS#11 token label */

struct store;
struct stat;

/* ERR_NOTINIT if there is no store at that path yet. Reads one file. */
int store_open(const char *path, struct store **ret);
/* Makes directory and store file; the line "version" is the store's own. ERR_EXIST if there is one. */
int store_create(const char *path, const struct attrs *info);
void store_close(struct store *s);
/* In a forked child: closes its descriptors and touches nothing else. */
void store_abandon(struct store *s);
const char *store_path(const struct store *s);
/* The store's directory, for the TPM's lock; owned by s. */
int store_dirfd(const struct store *s);
/* The store file, as read at open. */
const struct attrs *store_info(const struct store *s);
/* ERR_READONLY, ERR_NOSPC ... if a new file could not be made now. */
int store_writable(struct store *s);

/* Agents. A name is 1 to 32 octets of UTF-8 without control characters, '/', a leading '.' or a blank at an end
 * (which a token's blank-padded label could not show). */
bool agent_name_valid(const char *name);
struct agent_names {
        char **list;            /* sorted */
        size_t n;
};
void agent_names_clear(struct agent_names *a);
bool agent_names_find(const struct agent_names *a, const char *name);
/* Reads the directory only if it changed. */
int store_agents(struct store *s, struct agent_names *ret);
int store_agent_read(struct store *s, const char *name, struct attrs *ret);
/* ERR_NOENT if there is no such agent. */
int store_agent_must_be(struct store *s, const char *name);
/* ERR_EXIST; the directory appears with its agent file in it, or not at all. */
int store_agent_create(struct store *s, const char *name, const struct attrs *a);
/* The agent `old` with everything in it gives way to a new one, called `name` (its own name, or another that is free: ERR_EXIST).
 * Killed at any moment, it leaves the one or the other, at worst the new one under the old name. */
int store_agent_replace(struct store *s, const char *old, const char *name, const struct attrs *a);
/* Replaces the agent file: fn changes what stands there under the writers' lock; a non-zero return leaves it. */
int store_agent_update(struct store *s, const char *name, int (*fn)(struct attrs *a, void *ctx), void *ctx);
/* With everything in it, all or nothing: renamed away first. */
int store_agent_delete(struct store *s, const char *name);

enum item_type { ITEM_KEY, ITEM_CERT, ITEM_PUBKEY, ITEM_DATA };

/* One file. Refcounted; label, id, uid, type never change in one struct (a change makes a new one). */
struct item {
        enum item_type type;
        char uid[17];           /* 16 hex digits, unique in the store, kept over changes */
        struct buf label, id;   /* complete only after item_load() where the name has a digest: item_label() */
        struct item_body *body; /* NULL until loaded */
        struct item_file *file; /* the store's own */
};

/* What stands in the file. Never changes once there. */
struct item_body {
        struct attrs attrs;
        struct buf id;          /* the line of that name, decoded */
        struct buf der;         /* certificate, SubjectPublicKeyInfo or data */
        struct tsskey key;      /* ITEM_KEY */
        struct buf name;        /* ITEM_KEY: TPM name of the public area */
        struct pubkey pub;      /* ITEM_KEY (unless HMAC), ITEM_PUBKEY, ITEM_CERT where we know the algorithm */
        const struct key_kind *kind; /* ITEM_KEY, ITEM_PUBKEY; NULL if unknown */
};

/* Thread-safe; the first call reads and parses the file. ERR_STALE if it was removed meanwhile. */
int item_load(struct item *i, const struct item_body **ret);
/* Equality without loading unless the name has only a digest of it. */
bool item_label_is(struct item *i, struct bytes label);
bool item_id_is(struct item *i, struct bytes id);
/* The whole label or ID, borrowed from the item; loads where the file's name holds only a digest. */
int item_label(struct item *i, struct bytes *ret);
int item_id(struct item *i, struct bytes *ret);
struct item *item_ref(struct item *i);
void item_unref(struct item *i);

/* A snapshot of an agent's objects, refcounted, shared between callers, never changed. */
struct item_list {
        struct item **list;
        size_t n;
};
/* Costs one fstatat() while nothing changed; files that stayed keep their struct item. ERR_NOENT if there is no such agent. */
int store_items(struct store *s, const char *agent, struct item_list **ret);
struct item_list *item_list_ref(struct item_list *l);
void item_list_unref(struct item_list *l);

/* What a new or changed file shall hold. Borrowed. */
struct item_spec {
        enum item_type type;
        struct bytes label, id;
        const struct attrs *attrs;      /* may be NULL; label, id, uid, created are the store's own lines */
        const struct tsskey *key;       /* ITEM_KEY */
        struct bytes der;               /* the others */
};
/* An object without a file, there as long as somebody holds it: a session's key. */
int item_in_memory(struct store *s, const struct item_spec *spec, struct item **ret);
/* Durable when it returns 0. */
int store_item_add(struct store *s, const char *agent, const struct item_spec *spec, struct item **ret);
/* Replaces i's file, same UID and type. ERR_STALE if somebody else changed or removed it. */
int store_item_change(struct store *s, const char *agent, struct item *i, const struct item_spec *spec, struct item **ret);
/* Whatever others have changed in it. ERR_STALE if somebody else removed it. */
int store_item_remove(struct store *s, const char *agent, struct item *i);
/* Absolute path of its file, for people. */
int store_item_path(struct store *s, const char *agent, const struct item *i, struct buf *ret);

/* Small files of the store itself, which hold for all agents: durable when it returns 0. */
int store_file_write(struct store *s, const char *name, struct bytes content);
/* ERR_NOENT. */
int store_file_remove(struct store *s, const char *name);

/* Who wants to know of every change and may forbid what hangs on a file: keys/guard.h. A program without one has none, and not its code. */
struct store_edit {
        const char *file;
        bool gone;
        bool minor;             /* only tries of PINs were counted, or a certificate was exchanged, which happens often */
        struct bytes content;   /* unless it is gone */
};
struct store_watcher {
        void *ctx;
        /* Are the agent's files what they should be? Not 0: nothing is done with them. dir: its directory as fstat() has just seen it, or NULL. */
        int (*check)(void *ctx, const char *agent, const struct stat *dir);
        /* Before a change, with the writers' lock held; agent NULL: the store's own files; alone: what else there was of the agent goes.
         * *change: NULL, or one before that this one belongs to, and ends with. Not 0: it is not made. */
        int (*before)(void *ctx, const char *agent, const struct store_edit *edits, size_t n, bool alone, void **change);
        /* After it; of an outcome that is not 0 nobody knows what came of it. */
        void (*after)(void *ctx, void *change, int outcome);
};
/* Copied; NULL ends it. While nobody else uses the store. */
void store_watch(struct store *s, const struct store_watcher *w);
/* What the watcher says of the agent; 0 without one. */
int store_check(struct store *s, const char *agent, const struct stat *dir);

/* One file of any of these kinds, by content, for `inspect` and fuzzing: text as read. */
int item_parse(struct bytes text, enum item_type *ret_type, struct item_body *ret);
void item_body_clear(struct item_body *b);

#endif
