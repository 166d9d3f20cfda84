/* SPDX-License-Identifier: BSD-2-Clause */
/* Which keys does the issuer have, and from when on does each sign? DIR/keys/list: its first line "holdfast-issuer-keys 1", then a line for each key:
 *
 *      USE NUMBER PUBLISHED FROM WHERE
 *
 * in the order in which they were made; times in Unix seconds. WHERE is a pkcs11: URI, or a path (without one "/" in it: in DIR/keys).
 * Inside issuer/ only. */
#ifndef HOLDFAST_ISSUER_KEYLIST_H
#define HOLDFAST_ISSUER_KEYLIST_H

#include "issuer/authority.h"

enum { KEYLIST_MAX = 1000, KEYLIST_WHERE_MAX = 1024 };

struct keylist_entry {
        enum authority_use use;
        unsigned number;                /* 1 for the first of its use */
        uint64_t published, from;
        char where[KEYLIST_WHERE_MAX];
};
struct keylist {
        struct keylist_entry *v;
        size_t n;
};
void keylist_clear(struct keylist *l);

int keylist_parse(struct bytes text, struct keylist *ret);
int keylist_format(const struct keylist *l, struct buf *ret);
/* ERR_RANGE; ERR_INVAL: a WHERE that cannot be written. */
int keylist_add(struct keylist *l, const struct keylist_entry *e);

/* dir: DIR. No file: nothing in it. */
int keylist_read(const char *dir, struct keylist *ret);
int keylist_write(const char *dir, const struct keylist *l);

/* When the next of its use signs; 0: there is none yet. */
uint64_t keylist_until(const struct keylist *l, const struct keylist_entry *e);
/* When all has ended that it signed, for it signs until the next does: UINT64_MAX, never. */
uint64_t keylist_ends(const struct keylist *l, const struct keylist_entry *e, uint64_t longest_life);
bool keylist_ended(const struct keylist *l, const struct keylist_entry *e, uint64_t longest_life, uint64_t now);
/* When a key was last published, began to sign or ended; and when the next time comes: UINT64_MAX, never. */
uint64_t keylist_changed(const struct keylist *l, uint64_t longest_life, uint64_t now);
uint64_t keylist_next(const struct keylist *l, uint64_t longest_life, uint64_t now);
/* The one of this use that signs now; NULL if there is none. */
const struct keylist_entry *keylist_current(const struct keylist *l, enum authority_use use, uint64_t now);
/* DIR/keys/USE-NUMBER and the suffix, ".pem" or ".crt". */
int keylist_path(const char *dir, const struct keylist_entry *e, const char *suffix, struct buf *ret);
/* DER, of DIR/keys/USE-NUMBER.crt. */
int keylist_certificate(const char *dir, const struct keylist_entry *e, struct buf *ret);
/* WHERE as ca_key_open() takes it. */
int keylist_where(const char *dir, const struct keylist_entry *e, struct buf *ret);

#endif
