/* SPDX-License-Identifier: BSD-2-Clause */
/* How does an object get onto the token, change there and go? One file each, whole or not at all. */
#include "pkcs11/change.h"
#include <string.h>
#include "keys/deed.h"
#include "lib/err.h"
#include "pkcs11/rv.h"

/* What a new or changed file of this object holds. */
static CK_RV spec_of(const struct object *o, struct item_spec *ret)
{
        const struct item_body *body = NULL;
        int r;

        *ret = (struct item_spec){ .label = o->label, .id = o->id, .attrs = o->attrs, .der = o->der };
        if (o->class == CKO_PRIVATE_KEY || o->class == CKO_SECRET_KEY || o->half == HALF_PUBLIC) {
                if (o->item == NULL)
                        return CKR_TEMPLATE_INCONSISTENT;
                r = item_load(o->item, &body);
                if (r != 0)
                        return r == ERR_STALE ? CKR_OBJECT_HANDLE_INVALID : rv_from_err(r);
                ret->type = ITEM_KEY;
                ret->key = &body->key;
                return CKR_OK;
        }
        ret->type = o->class == CKO_CERTIFICATE ? ITEM_CERT : o->class == CKO_DATA ? ITEM_DATA : ITEM_PUBKEY;
        return CKR_OK;
}

static CK_RV add_file(struct session *s, struct object *o, CK_OBJECT_HANDLE *ret)
{
        CLEANUP(buf_clear) struct buf spki = { 0 };
        struct item_spec spec;
        struct item_list *l;
        struct item *i;
        CK_RV rv;
        int r = 0;

        rv = spec_of(o, &spec);
        if (rv != CKR_OK)
                return rv;
        if (spec.type == ITEM_PUBKEY) {
                r = pubkey_to_spki(o->pub, &spki);
                spec.der = BYTES_OF(&spki);
        }
        if (r == 0)
                r = deed_object_add(session_keyring(s), session_caller(s), session_agent(s), &spec, &i);
        if (r != 0)
                return rv_from_err(r);
        rv = things_look(s->slot, &l);
        if (rv == CKR_OK)
                item_list_unref(l);
        if (rv == CKR_OK)
                rv = thing_of_item(s->slot, i, HALF_MAIN, object_private(o), ret);
        item_unref(i);
        return rv;
}

CK_RV change_add(struct session *s, struct object *o, bool token, CK_OBJECT_HANDLE *ret)
{
        return token ? add_file(s, o, ret) : thing_add(s, o, ret);
}

static int copy_pub(const struct pubkey *from, struct pubkey *to)
{
        CLEANUP(buf_clear) struct buf spki = { 0 };
        int r;

        if (from == NULL)
                return 0;
        r = pubkey_to_spki(from, &spki);
        return r == 0 ? pubkey_from_spki(BYTES_OF(&spki), to) : r;
}

/* A public half of its own: what the pair's lines say of the private half is not about it, and what the TPM
 * does not let the pair do, this half does not do either. */
static int part_from_pair(const struct object *half, struct attrs *lines)
{
        static const char *const of_pair[] = { "usage", "auth-salt", "auth-by", "private", "public", "always-authenticate" };
        static const struct {
                CK_ATTRIBUTE_TYPE type;
                const char *line;
        } uses[] = {
                { CKA_VERIFY, "verify" }, { CKA_ENCRYPT, "encrypt" }, { CKA_DERIVE, "public-derive" },
        };
        int r = 0;

        for (size_t i = 0; i < ARRAY_LEN(of_pair); i++)
                attrs_remove(lines, of_pair[i]);
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(uses); i++)
                if (!attr_is_true(half, uses[i].type))
                        r = attrs_set_bool(lines, uses[i].line, false);
        return r;
}

CK_RV change_duplicate(struct session *s, struct object *o, struct object **ret)
{
        CLEANUP(object_unrefp) struct object *n = NULL;
        bool of_key = o->class == CKO_PRIVATE_KEY || (o->class == CKO_SECRET_KEY && o->item != NULL);
        CK_RV rv;
        int r;

        rv = object_new(s->slot, o->class, &n);
        if (rv != CKR_OK)
                return rv;
        r = attrs_copy(o->attrs, &n->own.attrs);
        if (r == 0 && o->half == HALF_PUBLIC)
                r = part_from_pair(o, &n->own.attrs);
        if (r == 0)
                r = buf_set(&n->own.label, o->label);
        if (r == 0)
                r = buf_set(&n->own.id, o->id);
        if (r == 0)
                r = buf_set(&n->own.der, of_key || o->class == CKO_PUBLIC_KEY ? (struct bytes){ 0 } : o->der);
        if (r == 0)
                r = buf_set(&n->own.value, BYTES_OF(&o->own.value));
        if (r == 0)
                r = copy_pub(o->pub, &n->own.pub);
        if (r != 0)
                return rv_from_err(r);
        n->key_type = o->key_type;
        n->usage = o->usage;
        if (of_key) {
                n->item = item_ref(o->item);
                n->copy = o->copy || o->token;
                n->kind = o->kind;
                n->tpm = o->tpm;
                n->pub = o->pub != NULL ? &n->own.pub : NULL;
        }
        object_settle(n);
        *ret = n;
        n = NULL;
        return CKR_OK;
}

/* Label, ID and value stand outside the lines. */
static CK_RV apply_texts(struct object *o, struct template t)
{
        const struct {
                CK_ATTRIBUTE_TYPE type;
                struct buf *to;
        } texts[] = {
                { CKA_LABEL, &o->own.label }, { CKA_ID, &o->own.id }, { CKA_VALUE, &o->own.der },
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_LEN(texts); i++)
                /* The value of a secret has a place of its own, and never changes. */
                if (template_get(t, texts[i].type) != NULL && !(texts[i].type == CKA_VALUE && o->class == CKO_SECRET_KEY))
                        r = buf_set(texts[i].to, template_bytes(t, texts[i].type));
        return rv_from_err(r);
}

CK_RV change_apply(struct object *o, struct template t, unsigned rule)
{
        CK_RV rv;

        rv = template_apply(t, o->class, rule, &o->own.attrs, &o->usage);
        if (rv == CKR_OK)
                rv = apply_texts(o, t);
        if (rv == CKR_OK)
                object_settle(o);
        return rv;
}

/* The file's new text, from a duplicate that has been told what is to change. */
static CK_RV change_file(struct session *s, struct object *o, struct object *n)
{
        struct item_spec spec;
        struct item *i;
        CK_RV rv;
        int r;

        rv = spec_of(o, &spec);
        if (rv != CKR_OK)
                return rv;
        spec.label = n->label;
        spec.id = n->id;
        spec.attrs = n->attrs;
        if (spec.type == ITEM_DATA)
                spec.der = n->der;
        r = deed_object_change(session_keyring(s), session_caller(s), session_agent(s), o->item, &spec, &i);
        if (r == ERR_STALE)
                return CKR_OBJECT_HANDLE_INVALID;
        if (r == 0)
                item_unref(i);
        return rv_from_err(r);
}

CK_RV change_object(struct session *s, CK_OBJECT_HANDLE h, struct object *o, struct template t)
{
        CLEANUP(object_unrefp) struct object *n = NULL;
        CK_RV rv;
        int r = 0;

        rv = change_duplicate(s, o, &n);
        /* The pair's file keeps the pair's lines. */
        if (rv == CKR_OK && o->half == HALF_PUBLIC) {
                attrs_clear(&n->own.attrs);
                r = attrs_copy(o->attrs, &n->own.attrs);
        }
        if (rv == CKR_OK && r == 0)
                rv = change_apply(n, t, MAY_SET);
        if (rv != CKR_OK || r != 0)
                return rv != CKR_OK ? rv : rv_from_err(r);
        if (o->token)
                return change_file(s, o, n);
        memcpy(n->unique, o->unique, sizeof(n->unique));
        return thing_replace(s, h, n);
}

static CK_RV hide_public_half(struct session *s, struct object *o)
{
        CLEANUP(attrs_clear) struct attrs lines = { 0 };
        struct item_spec spec;
        struct item *i;
        CK_RV rv;
        int r;

        rv = spec_of(o, &spec);
        if (rv != CKR_OK)
                return rv;
        r = attrs_copy(o->attrs, &lines);
        if (r == 0)
                r = attrs_set_bool(&lines, "public", false);
        spec.attrs = &lines;
        if (r == 0)
                r = deed_object_change(session_keyring(s), session_caller(s), session_agent(s), o->item, &spec, &i);
        if (r == 0)
                item_unref(i);
        return r == ERR_STALE ? CKR_OBJECT_HANDLE_INVALID : rv_from_err(r);
}

static CK_RV remove_file(struct session *s, struct object *o)
{
        int r;

        r = deed_object_remove(session_keyring(s), session_caller(s), session_agent(s), o->item);
        return r == ERR_STALE || r == ERR_NOENT ? CKR_OBJECT_HANDLE_INVALID : rv_from_err(r);
}

CK_RV change_remove(struct session *s, CK_OBJECT_HANDLE h, struct object *o)
{
        CK_RV rv = CKR_OK;

        if (o->token)
                rv = o->half == HALF_PUBLIC ? hide_public_half(s, o) : remove_file(s, o);
        if (rv == CKR_OK)
                thing_drop(s, h);
        return rv;
}
