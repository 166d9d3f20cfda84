/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes: one table says which classes have one, where its value comes from and who may change it. */
#ifndef HOLDFAST_PKCS11_ATTR_H
#define HOLDFAST_PKCS11_ATTR_H

#include "pkcs11/objects.h"

/* Bounds of what a caller hands in. */
#define TEMPLATE_MAX 256                /* attributes */
#define TEMPLATE_TEXT_MAX 4096          /* octets of a label, ID, name */
#define TEMPLATE_VALUE_MAX 32768        /* octets of CKA_VALUE */

/* Classes as bits. */
enum {
        IN_DATA = 1,
        IN_CERT = 2,
        IN_PUBLIC = 4,
        IN_PRIVATE = 8,
        IN_SECRET = 16,
        IN_PROFILE = 32,
        IN_KEYS = IN_PUBLIC | IN_PRIVATE | IN_SECRET,
        IN_FILES = IN_DATA | IN_CERT | IN_KEYS,
        IN_ALL = IN_FILES | IN_PROFILE,
};

enum attr_form { FORM_BOOL, FORM_ULONG, FORM_BYTES, FORM_DATE, FORM_MECHANISMS };

/* Who may say what it is. No rule: the template may repeat what is so, and nothing else. */
enum {
        MAY_MAKE = 1,           /* C_CreateObject, C_GenerateKey(Pair) */
        MAY_COPY = 2,           /* C_CopyObject */
        MAY_SET = 4,            /* C_SetAttributeValue */
        ONLY_ON = 8,            /* MAY_COPY and MAY_SET only from FALSE to TRUE */
        ONLY_OFF = 16,          /* MAY_COPY and MAY_SET only from TRUE to FALSE */
        IN_USAGE = 32,          /* stands with others in one line, keys/usage.h */
};

/* A row. An attribute that differs between classes has several, each for other classes. */
struct attribute {
        CK_ATTRIBUTE_TYPE type;
        unsigned classes;
        enum attr_form form;
        unsigned rules;
        /* CKR_ATTRIBUTE_TYPE_INVALID if this object has none, CKR_ATTRIBUTE_SENSITIVE. */
        CK_RV (*read)(const struct object *o, const struct attribute *a, struct buf *ret);
        const char *line;         /* of the attrs that hold it */
        unsigned long value;      /* fixed, or where there is no line */
};

/* NULL: no object of that class has one. */
const struct attribute *attr_row(CK_ATTRIBUTE_TYPE type, CK_OBJECT_CLASS class);
/* All rows; NULL behind the last. */
const struct attribute *attr_at(size_t i);
/* Every type that some class has: an unknown one is CKR_ATTRIBUTE_TYPE_INVALID, not a wrong one. */
bool attr_known(CK_ATTRIBUTE_TYPE type);

/* The value as C_GetAttributeValue has it, into an empty buffer. CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_SENSITIVE. */
CK_RV attr_read(const struct object *o, CK_ATTRIBUTE_TYPE type, struct buf *ret);
/* A boolean; false also if there is none or it may not be read. */
bool attr_is_true(const struct object *o, CK_ATTRIBUTE_TYPE type);
/* Has o just this value? CKR_HOST_MEMORY. */
CK_RV attr_equal(const struct object *o, const CK_ATTRIBUTE *a, bool *ret);
/* Mechanisms that CKA_ALLOWED_MECHANISMS names; true for any where it was not given. */
bool attr_allows(const struct object *o, CK_MECHANISM_TYPE m);

#endif
