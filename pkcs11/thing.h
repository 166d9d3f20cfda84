/* SPDX-License-Identifier: BSD-2-Clause */
/* What handles stand for: a half of a file of the store, a profile of a token, or a session object. */
#ifndef HOLDFAST_PKCS11_THING_H
#define HOLDFAST_PKCS11_THING_H

#include "pkcs11/object.h"
#include "pkcs11/slot.h"

/* A key pair is one file and two objects; of all others the main half is the whole. */
enum half { HALF_MAIN, HALF_PUBLIC, HALVES };

/* Grows; free(list). */
struct handles {
        CK_OBJECT_HANDLE *list;
        size_t n, cap;
};
CK_RV handles_add(struct handles *l, CK_OBJECT_HANDLE h);

/* The slot's files as they are now; unref. Handles of files that are gone are good for nothing from here on.
 * CKR_TOKEN_NOT_PRESENT if the agent is gone. */
CK_RV things_look(struct slot *slot, struct item_list **ret);
/* The handle of a file's half: the same one for as long as the app lives, or until the user logs out if the
 * object is private; in a daemon, the same one always. Opens no file. */
CK_RV thing_of_item(struct slot *slot, struct item *i, enum half half, bool private, CK_OBJECT_HANDLE *ret);
/* Of one of the token's CKO_PROFILE objects; profile < SLOT_PROFILES. */
CK_RV thing_of_profile(struct slot *slot, size_t profile, CK_OBJECT_HANDLE *ret);
/* A session object; takes a reference. If it works with a file (a copy of a token's key), it is good while that is there. */
CK_RV thing_add(struct session *s, struct object *o, CK_OBJECT_HANDLE *ret);
/* Puts another object behind a session object's handle; takes a reference. */
CK_RV thing_replace(struct session *s, CK_OBJECT_HANDLE h, struct object *o);
/* The handle means nothing any more. */
void thing_drop(struct session *s, CK_OBJECT_HANDLE h);

/* What stands behind a handle of this session's token: an item, or a session object, or else a profile.
 * CKR_OBJECT_HANDLE_INVALID, the same for a handle of another token as for none. */
struct thing_found {
        struct item *item;
        struct object *object;
        size_t profile;
        enum half half;
};
CK_RV thing_find(struct session *s, CK_OBJECT_HANDLE h, struct thing_found *ret);
void thing_found_clear(struct thing_found *f);
/* The token's session objects, of all sessions, in the order they were made. */
CK_RV things_of_sessions(struct session *s, struct handles *ret);

/* When a session closes; when the user logs out (PKCS#11 v3.0, 5.6.8); when the app ends. */
void things_drop_session(const struct session *s);
void things_drop_private(struct slot *slot);
void things_free(struct app *a);

#endif
