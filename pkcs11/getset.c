/* SPDX-License-Identifier: BSD-2-Clause */
/* C_GetAttributeValue, C_SetAttributeValue, C_GetObjectSize. */
#include <string.h>
#include "keys/usage.h"
#include "lib/err.h"
#include "pkcs11/call.h"
#include "pkcs11/change.h"
#include "pkcs11/functions.h"
#include "pkcs11/rv.h"
#include "pkcs11/template.h"

/* PKCS#11 v3.0, 5.7.5: what can be answered is, whatever becomes of the rest. */
static CK_RV get_one(const struct object *o, CK_ATTRIBUTE *a)
{
        CLEANUP(buf_clear) struct buf v = { 0 };
        CK_RV rv;

        rv = attr_read(o, a->type, &v);
        if (rv == CKR_OK && a->pValue != NULL && a->ulValueLen < v.len)
                rv = CKR_BUFFER_TOO_SMALL;
        if (rv != CKR_OK) {
                a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
                return rv;
        }
        if (a->pValue != NULL && v.len > 0)
                memcpy(a->pValue, v.ptr, v.len);
        a->ulValueLen = v.len;
        return CKR_OK;
}

static bool about_one_attribute(CK_RV rv)
{
        return rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_BUFFER_TOO_SMALL;
}

static CK_RV get(struct session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE *t, CK_ULONG n)
{
        CLEANUP(object_unrefp) struct object *o = NULL;
        CK_RV rv, first = CKR_OK;

        if ((t == NULL && n != 0) || n > TEMPLATE_MAX)
                return CKR_ARGUMENTS_BAD;
        rv = slot_seen(s->slot);
        if (rv == CKR_OK)
                rv = object_get(s, h, &o);
        if (rv != CKR_OK)
                return rv;
        for (CK_ULONG i = 0; i < n; i++) {
                rv = get_one(o, &t[i]);
                if (rv != CKR_OK && !about_one_attribute(rv))
                        return rv;
                if (first == CKR_OK)
                        first = rv;
        }
        return first;
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *t, CK_ULONG n)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, get(c.session, object, t, n));
}

static CK_RV set(struct session *s, CK_OBJECT_HANDLE h, struct template t)
{
        CLEANUP(object_unrefp) struct object *o = NULL;
        CK_RV rv;

        rv = template_check(t);
        if (rv == CKR_OK)
                rv = object_get(s, h, &o);
        if (rv == CKR_OK)
                rv = object_writable(s, o->token, object_private(o));
        if (rv != CKR_OK)
                return rv;
        if (!attr_is_true(o, CKA_MODIFIABLE))
                return CKR_ACTION_PROHIBITED;
        rv = template_may_change(t, o, MAY_SET);
        return rv == CKR_OK ? change_object(s, h, o, t) : rv;
}

CK_RV C_SetAttributeValue(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *t, CK_ULONG n)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, set(c.session, object, TEMPLATE(t, n)));
}

/* The octets of all attributes that can be read. */
static CK_RV size_of(struct session *s, CK_OBJECT_HANDLE h, CK_ULONG *ret)
{
        CLEANUP(object_unrefp) struct object *o = NULL;
        const struct attribute *row;
        CK_ULONG sum = 0;
        CK_RV rv;

        rv = object_get(s, h, &o);
        for (size_t i = 0; rv == CKR_OK && (row = attr_at(i)) != NULL; i++) {
                CLEANUP(buf_clear) struct buf v = { 0 };

                if (attr_row(row->type, o->class) != row)
                        continue;
                rv = attr_read(o, row->type, &v);
                if (about_one_attribute(rv))
                        rv = CKR_OK;
                sum += v.len;
        }
        if (rv == CKR_OK)
                *ret = sum;
        return rv;
}

CK_RV C_GetObjectSize(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object, CK_ULONG *size)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, size == NULL ? CKR_ARGUMENTS_BAD : size_of(c.session, object, size));
}
