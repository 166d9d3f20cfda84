/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects written: to the store for the token's, in memory for a session's. */
#ifndef HOLDFAST_PKCS11_CHANGE_H
#define HOLDFAST_PKCS11_CHANGE_H

#include "pkcs11/template.h"

/* A settled session object that shall be there from now on: as it is, or as a file of the token.
 * Takes no reference. */
CK_RV change_add(struct session *s, struct object *o, bool token, CK_OBJECT_HANDLE *ret);
/* What template_may_change() has allowed. All of it or nothing, durable when it returns CKR_OK. */
CK_RV change_object(struct session *s, CK_OBJECT_HANDLE h, struct object *o, struct template t);
/* A private or secret key takes its whole file along; a public half is hidden in it. */
CK_RV change_remove(struct session *s, CK_OBJECT_HANDLE h, struct object *o);
/* Tells a session object that nobody has seen yet what a template says, as `rule` (MAY_MAKE ...) allows, and settles it. */
CK_RV change_apply(struct object *o, struct template t, unsigned rule);
/* Everything that o has, owned by a new session object: what C_CopyObject begins with. */
CK_RV change_duplicate(struct session *s, struct object *o, struct object **ret);

#endif
