/* SPDX-License-Identifier: BSD-2-Clause */
/* C_CopyObject, C_DestroyObject. */
#include "pkcs11/call.h"
#include "pkcs11/change.h"
#include "pkcs11/functions.h"
#include "pkcs11/rv.h"

/* The copy of a private key works with the same TPM key. On the token it is a file of its own, without a public half:
 * that was not asked for. */
static CK_RV settle_copy(struct object *n, bool token, bool private)
{
        int r;

        r = attrs_set_bool(&n->own.attrs, "private", private);
        if (r == 0 && token && object_item(n) != NULL)
                r = attrs_set_bool(&n->own.attrs, "public", false);
        return rv_from_err(r);
}

static CK_RV copy(struct session *s, CK_OBJECT_HANDLE h, struct template t, CK_OBJECT_HANDLE *ret)
{
        static const CK_ATTRIBUTE_TYPE done[] = { CKA_TOKEN, 0 };
        CLEANUP(object_unrefp) struct object *o = NULL;
        CLEANUP(object_unrefp) struct object *n = NULL;
        bool token, private;
        CK_RV rv;

        if (ret == NULL)
                return CKR_ARGUMENTS_BAD;
        rv = template_check(t);
        if (rv == CKR_OK)
                rv = object_get(s, h, &o);
        if (rv != CKR_OK)
                return rv;
        if (!attr_is_true(o, CKA_COPYABLE))
                return CKR_ACTION_PROHIBITED;
        rv = template_may_change(t, o, MAY_COPY);
        if (rv == CKR_OK)
                rv = template_bool(t, CKA_TOKEN, o->token, &token);
        if (rv == CKR_OK)
                rv = template_bool(t, CKA_PRIVATE, object_private(o), &private);
        if (rv == CKR_OK)
                rv = object_writable(s, token, private);
        if (rv == CKR_OK)
                rv = change_duplicate(s, o, &n);
        if (rv == CKR_OK)
                rv = settle_copy(n, token, private);
        if (rv == CKR_OK)
                rv = change_apply(n, t, MAY_COPY);
        if (rv == CKR_OK)
                rv = template_holds(t, n, done);
        return rv == CKR_OK ? change_add(s, n, token, ret) : rv;
}

CK_RV C_CopyObject(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE *ret)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, copy(c.session, object, TEMPLATE(t, n), ret));
}

static CK_RV destroy(struct session *s, CK_OBJECT_HANDLE h)
{
        CLEANUP(object_unrefp) struct object *o = NULL;
        CK_RV rv;

        rv = object_get(s, h, &o);
        if (rv == CKR_OK)
                rv = object_writable(s, o->token, object_private(o));
        if (rv != CKR_OK)
                return rv;
        return attr_is_true(o, CKA_DESTROYABLE) ? change_remove(s, h, o) : CKR_ACTION_PROHIBITED;
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, destroy(c.session, object));
}
