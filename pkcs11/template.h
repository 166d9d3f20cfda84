/* SPDX-License-Identifier: BSD-2-Clause */
/* What a caller's template says, and whether it may say so. */
#ifndef HOLDFAST_PKCS11_TEMPLATE_H
#define HOLDFAST_PKCS11_TEMPLATE_H

#include "pkcs11/attr.h"

/* Borrowed. */
struct template {
        const CK_ATTRIBUTE *list;
        CK_ULONG n;
};
#define TEMPLATE(p, count) ((struct template){ (p), (count) })

/* Can it be read at all: no NULL, no attribute twice, not too many, not too long?
 * CKR_ARGUMENTS_BAD, CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT. Everything below wants this first. */
CK_RV template_check(struct template t);
/* NULL: not in it. */
const CK_ATTRIBUTE *template_get(struct template t, CK_ATTRIBUTE_TYPE type);
/* CKR_ATTRIBUTE_VALUE_INVALID if it is there and not one. */
CK_RV template_bool(struct template t, CK_ATTRIBUTE_TYPE type, bool otherwise, bool *ret);
CK_RV template_ulong(struct template t, CK_ATTRIBUTE_TYPE type, CK_ULONG otherwise, CK_ULONG *ret);
/* Empty if it is not there. */
struct bytes template_bytes(struct template t, CK_ATTRIBUTE_TYPE type);

/* Puts all that an object of this class may be told by `rule` (MAY_MAKE, MAY_COPY) into the lines that hold it, and takes
 * a usage that is given up from *usage. What no line holds is the caller's business. CKR_ATTRIBUTE_TYPE_INVALID,
 * CKR_ATTRIBUTE_VALUE_INVALID. */
CK_RV template_apply(struct template t, CK_OBJECT_CLASS class, unsigned rule, struct attrs *lines, unsigned *usage);
/* Attributes tell the truth: whatever the template said must be what the object now says. Types in `done` (0 at
 * the end; may be NULL) have been seen to. CKR_TEMPLATE_INCONSISTENT. */
CK_RV template_holds(struct template t, const struct object *o, const CK_ATTRIBUTE_TYPE *done);
/* May these be changed in o, by `rule` (MAY_COPY, MAY_SET)? CKR_ATTRIBUTE_READ_ONLY, CKR_ATTRIBUTE_TYPE_INVALID,
 * CKR_ATTRIBUTE_VALUE_INVALID. */
CK_RV template_may_change(struct template t, const struct object *o, unsigned rule);

#endif
