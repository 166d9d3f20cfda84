/* SPDX-License-Identifier: BSD-2-Clause */
/* Which objects are like this template? Whatever can be told from the names of files is told from
 * those, so that a search by label or ID opens only what it finds. */
#include "pkcs11/find.h"
#include <stdlib.h>
#include "pkcs11/call.h"
#include "pkcs11/functions.h"
#include "pkcs11/rv.h"
#include "pkcs11/template.h"

struct find {
        struct handles found;
        size_t next;
};

void find_free(struct find *f)
{
        if (f == NULL)
                return;
        free(f->found.list);
        free(f);
}

static CK_RV matches(const struct session *s, struct template t, const struct object *o, bool *ret)
{
        CK_RV rv = CKR_OK;

        *ret = object_visible(s, o);
        for (CK_ULONG i = 0; rv == CKR_OK && *ret && i < t.n; i++)
                rv = attr_equal(o, &t.list[i], ret);
        return rv;
}

/* Could it, by the name of its file? */
static bool name_matches(struct template t, struct item *i)
{
        const CK_ATTRIBUTE *label = template_get(t, CKA_LABEL), *id = template_get(t, CKA_ID);

        return (label == NULL || item_label_is(i, BYTES(label->pValue, label->ulValueLen))) &&
               (id == NULL || item_id_is(i, BYTES(id->pValue, id->ulValueLen)));
}

/* Is this half of that kind of file ever of the class that the template wants? */
static bool class_matches(struct template t, const struct item *i, enum half half)
{
        CK_ULONG want;

        if (half == HALF_PUBLIC && i->type != ITEM_KEY)
                return false;
        if (template_get(t, CKA_CLASS) == NULL)
                return true;
        if (template_ulong(t, CKA_CLASS, 0, &want) != CKR_OK)
                return false;
        if (half == HALF_PUBLIC || i->type == ITEM_PUBKEY)
                return want == CKO_PUBLIC_KEY;
        if (i->type == ITEM_KEY)
                return want == CKO_PRIVATE_KEY || want == CKO_SECRET_KEY;
        return want == (i->type == ITEM_CERT ? CKO_CERTIFICATE : CKO_DATA);
}

/* A file that cannot be read, or is none of ours, is not there; the others are. */
static CK_RV try_half(struct session *s, struct template t, struct item *i, enum half half, struct handles *found)
{
        CLEANUP(object_unrefp) struct object *o = NULL;
        CK_OBJECT_HANDLE h;
        bool fits;
        CK_RV rv;

        if (!class_matches(t, i, half))
                return CKR_OK;
        rv = object_of_item(s->slot, i, half, &o);
        if (rv != CKR_OK)
                return rv == CKR_HOST_MEMORY ? rv : CKR_OK;
        rv = matches(s, t, o, &fits);
        if (rv != CKR_OK || !fits)
                return rv;
        rv = thing_of_item(s->slot, o->item, half, object_private(o), &h);
        return rv == CKR_OK ? handles_add(found, h) : rv;
}

static CK_RV find_files(struct session *s, struct template t, struct handles *found)
{
        struct item_list *l = NULL;
        CK_RV rv;

        rv = things_look(s->slot, &l);
        for (size_t i = 0; rv == CKR_OK && i < l->n; i++) {
                if (!name_matches(t, l->list[i]))
                        continue;
                rv = try_half(s, t, l->list[i], HALF_MAIN, found);
                if (rv == CKR_OK)
                        rv = try_half(s, t, l->list[i], HALF_PUBLIC, found);
        }
        item_list_unref(l);
        return rv;
}

static CK_RV find_in_sessions(struct session *s, struct template t, struct handles *found)
{
        struct handles all = { 0 };
        CK_RV rv;

        rv = things_of_sessions(s, &all);
        for (size_t i = 0; rv == CKR_OK && i < all.n; i++) {
                CLEANUP(object_unrefp) struct object *o = NULL;
                bool fits = false;

                /* Another thread may have destroyed it since. */
                if (object_get(s, all.list[i], &o) == CKR_OK)
                        rv = matches(s, t, o, &fits);
                if (rv == CKR_OK && fits)
                        rv = handles_add(found, all.list[i]);
        }
        free(all.list);
        return rv;
}

static CK_RV find_profiles(struct session *s, struct template t, struct handles *found)
{
        CK_RV rv = CKR_OK;

        for (size_t i = 0; rv == CKR_OK && i < SLOT_PROFILES; i++) {
                CLEANUP(object_unrefp) struct object *o = NULL;
                CK_OBJECT_HANDLE h;
                bool fits = false;

                rv = object_of_profile(s->slot, i, &o);
                if (rv == CKR_OK)
                        rv = matches(s, t, o, &fits);
                if (rv != CKR_OK || !fits)
                        continue;
                rv = thing_of_profile(s->slot, i, &h);
                if (rv == CKR_OK)
                        rv = handles_add(found, h);
        }
        return rv;
}

/* Token and session objects, unless the template wants one kind. */
static CK_RV find_all(struct session *s, struct template t, struct handles *found)
{
        bool both, token;
        CK_RV rv;

        rv = slot_seen(s->slot);
        if (rv == CKR_OK)
                rv = template_check(t);
        if (rv != CKR_OK)
                return rv;
        both = template_get(t, CKA_TOKEN) == NULL;
        rv = template_bool(t, CKA_TOKEN, false, &token);
        if (rv == CKR_OK && (both || token))
                rv = find_files(s, t, found);
        if (rv == CKR_OK && (both || !token))
                rv = find_in_sessions(s, t, found);
        if (rv == CKR_OK && (both || token))
                rv = find_profiles(s, t, found);
        return rv;
}

static CK_RV find_init(struct session *s, struct template t)
{
        struct find *f;
        CK_RV rv;

        if (s->find != NULL)
                return CKR_OPERATION_ACTIVE;
        f = calloc(1, sizeof(*f));
        if (f == NULL)
                return CKR_HOST_MEMORY;
        rv = find_all(s, t, &f->found);
        if (rv == CKR_OK)
                s->find = f;
        else
                find_free(f);
        return rv;
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE h, CK_ATTRIBUTE *t, CK_ULONG n)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, find_init(c.session, TEMPLATE(t, n)));
}

CK_RV C_FindObjects(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE *list, CK_ULONG max, CK_ULONG *count)
{
        struct find *f;
        struct call c;
        CK_ULONG n;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        f = c.session->find;
        if (f == NULL)
                return call_end(&c, CKR_OPERATION_NOT_INITIALIZED);
        if (count == NULL || (list == NULL && max != 0))
                return call_end(&c, CKR_ARGUMENTS_BAD);
        for (n = 0; n < max && f->next < f->found.n; n++)
                list[n] = f->found.list[f->next++];
        *count = n;
        return call_end(&c, CKR_OK);
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE h)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        if (c.session->find == NULL)
                return call_end(&c, CKR_OPERATION_NOT_INITIALIZED);
        find_free(c.session->find);
        c.session->find = NULL;
        return call_end(&c, CKR_OK);
}
