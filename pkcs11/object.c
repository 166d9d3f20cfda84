/* SPDX-License-Identifier: BSD-2-Clause */
/* What is behind a handle, and may this session use it so? */
#include <stdlib.h>
#include <string.h>
#include "keys/usage.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "pkcs11/change.h"
#include "pkcs11/objects.h"
#include "pkcs11/rv.h"

#define LOOKS_MAX 5     /* for a file that others change again and again */

struct object *object_ref(struct object *o)
{
        if (o != NULL)
                atomic_fetch_add(&o->refs, 1);
        return o;
}

void object_unref(struct object *o)
{
        if (o == NULL || atomic_fetch_sub(&o->refs, 1) > 1)
                return;
        attrs_clear(&o->own.attrs);
        buf_clear(&o->own.label);
        buf_clear(&o->own.id);
        buf_clear(&o->own.der);
        buf_clear(&o->own.value);
        pubkey_clear(&o->own.pub);
        item_unref(o->item);
        free(o);
}

void object_unrefp(struct object **o)
{
        object_unref(*o);
}

CK_OBJECT_CLASS object_class(const struct object *o)
{
        return o->class;
}

const struct pubkey *object_pubkey(const struct object *o)
{
        return o->pub;
}

struct item *object_item(const struct object *o)
{
        return o->class == CKO_PRIVATE_KEY || o->class == CKO_SECRET_KEY ? o->item : NULL;
}

struct bytes object_secret_value(const struct object *o)
{
        return BYTES_OF(&o->own.value);
}

bool object_always_authenticate(const struct object *o)
{
        return attr_is_true(o, CKA_ALWAYS_AUTHENTICATE);
}

/* Keys that are secret are private unless they say otherwise, everything else is public unless it does. */
bool object_private(const struct object *o)
{
        bool b;

        if (o->class == CKO_PROFILE || o->half == HALF_PUBLIC)
                return false;
        if (attrs_bool(o->attrs, "private", &b) == 0)
                return b;
        return o->class == CKO_PRIVATE_KEY || o->class == CKO_SECRET_KEY;
}

bool object_visible(const struct session *s, const struct object *o)
{
        return !object_private(o) || session_user(s) == CKU_USER;
}

CK_RV object_writable(const struct session *s, bool token, bool private)
{
        if (token && !s->rw)
                return CKR_SESSION_READ_ONLY;
        return private && session_user(s) != CKU_USER ? CKR_USER_NOT_LOGGED_IN : CKR_OK;
}

static const struct attrs no_attrs;

static CK_RV object_alloc(struct slot *slot, CK_OBJECT_CLASS class, struct object **ret)
{
        struct object *o = calloc(1, sizeof(*o));

        if (o == NULL)
                return CKR_HOST_MEMORY;
        atomic_init(&o->refs, 1);
        o->class = class;
        o->key_type = CK_UNAVAILABLE_INFORMATION;
        o->slot = slot;
        o->profile = SLOT_PROFILES;
        o->attrs = &no_attrs;
        *ret = o;
        return CKR_OK;
}

static const struct pubkey *known(const struct pubkey *p)
{
        return p->curve != NULL || p->n.len != 0 ? p : NULL;
}

unsigned object_whole_usage(CK_KEY_TYPE type)
{
        return ALG_SIGN | (type == CKK_RSA ? ALG_DECRYPT : type == CKK_EC ? ALG_DERIVE : 0u);
}

/* By the public area, TPM 2.0 Part 2, 12.2.4: size, type, nameAlg, objectAttributes. */
static void tpm_key(struct object *o, const struct item_body *body)
{
        const struct buf *area = &body->key.pub;
        unsigned line;

        if (area->len < 10)
                return;
        o->tpm = (unsigned)area->ptr[6] << 24 | (unsigned)area->ptr[7] << 16 | (unsigned)area->ptr[8] << 8 | area->ptr[9];
        o->usage = object_whole_usage(o->key_type);
        if ((o->tpm & TPMA_SIGN_ENCRYPT) == 0)
                o->usage &= ~(unsigned)ALG_SIGN;
        if ((o->tpm & TPMA_DECRYPT) == 0)
                o->usage &= (unsigned)ALG_SIGN;
        /* Files that other tools made have no such line. */
        if (usage_from_attrs(&body->attrs, &line) == 0)
                o->usage &= line;
}

/* Its owner has destroyed it, or never wanted it on the token. */
static bool public_half_hidden(const struct object *o)
{
        bool shown;

        return o->half == HALF_PUBLIC && attrs_bool(o->attrs, "public", &shown) == 0 && !shown;
}

/* The class of a half; CKR_OBJECT_HANDLE_INVALID if there is none. */
static CK_RV classify(const struct item *i, const struct item_body *body, enum half half, CK_OBJECT_CLASS *ret)
{
        static const CK_OBJECT_CLASS classes[] = {
                [ITEM_KEY] = CKO_PRIVATE_KEY, [ITEM_CERT] = CKO_CERTIFICATE, [ITEM_PUBKEY] = CKO_PUBLIC_KEY, [ITEM_DATA] = CKO_DATA,
        };

        *ret = classes[i->type];
        if (half == HALF_PUBLIC) {
                *ret = CKO_PUBLIC_KEY;
                return i->type == ITEM_KEY && known(&body->pub) != NULL ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
        }
        if (i->type == ITEM_KEY && body->kind != NULL && body->kind->hash != NULL)
                *ret = CKO_SECRET_KEY;
        /* A key of a type that we do not know is of no use to anybody here. */
        if ((i->type == ITEM_KEY && body->kind == NULL && known(&body->pub) == NULL) || (i->type == ITEM_PUBKEY && known(&body->pub) == NULL))
                return CKR_OBJECT_HANDLE_INVALID;
        return CKR_OK;
}

static CK_RV fill_from_item(struct object *o, struct item *i, const struct item_body *body, enum half half)
{
        int r;

        o->token = true;
        o->half = half;
        o->item = item_ref(i);
        o->attrs = &body->attrs;
        o->der = BYTES_OF(&body->der);
        memcpy(o->unique, i->uid, sizeof(i->uid));
        if (half == HALF_PUBLIC)
                strcat(o->unique, "-pub");
        if (i->type == ITEM_KEY || i->type == ITEM_PUBKEY) {
                o->kind = body->kind;
                o->pub = known(&body->pub);
                o->key_type = body->kind != NULL ? body->kind->ckk : body->pub.ckk;
                o->usage = object_whole_usage(o->key_type);
        }
        if (i->type == ITEM_KEY)
                tpm_key(o, body);
        r = item_label(i, &o->label);
        if (r == 0)
                r = item_id(i, &o->id);
        return rv_from_err(r);
}

static void item_unrefp(struct item **i)
{
        item_unref(*i);
}

/* The slot's file of that UID as it is now, in place of *i. */
static CK_RV look_again(struct slot *slot, struct item **i)
{
        struct item *now = NULL;
        struct item_list *l;
        CK_RV rv;

        rv = things_look(slot, &l);
        if (rv != CKR_OK)
                return rv;
        for (size_t at = 0; now == NULL && at < l->n; at++)
                if (strcmp(l->list[at]->uid, (*i)->uid) == 0)
                        now = item_ref(l->list[at]);
        item_list_unref(l);
        if (now == NULL)
                return CKR_OBJECT_HANDLE_INVALID;
        item_unref(*i);
        *i = now;
        return CKR_OK;
}

/* What was listed a moment ago may have been changed since, and so have another name. */
static CK_RV load(struct slot *slot, struct item **i, const struct item_body **ret)
{
        CK_RV rv = CKR_OK;
        int r;

        r = item_load(*i, ret);
        for (int looks = 1; r == ERR_STALE && rv == CKR_OK && looks < LOOKS_MAX; looks++) {
                rv = look_again(slot, i);
                if (rv == CKR_OK)
                        r = item_load(*i, ret);
        }
        if (rv != CKR_OK)
                return rv;
        return r == ERR_STALE || r == ERR_NOENT ? CKR_OBJECT_HANDLE_INVALID : rv_from_err(r);
}

/* Also a public half that does not show. */
static CK_RV object_read(struct slot *slot, struct item *listed, enum half half, struct object **ret)
{
        CLEANUP(item_unrefp) struct item *i = item_ref(listed);
        CLEANUP(object_unrefp) struct object *o = NULL;
        const struct item_body *body;
        CK_OBJECT_CLASS class;
        CK_RV rv;

        rv = load(slot, &i, &body);
        if (rv != CKR_OK)
                return rv;
        rv = classify(i, body, half, &class);
        if (rv == CKR_OK)
                rv = object_alloc(slot, class, &o);
        if (rv == CKR_OK)
                rv = fill_from_item(o, i, body, half);
        if (rv != CKR_OK)
                return rv;
        *ret = o;
        o = NULL;
        return CKR_OK;
}

CK_RV object_of_item(struct slot *slot, struct item *i, enum half half, struct object **ret)
{
        CLEANUP(object_unrefp) struct object *o = NULL;
        CK_RV rv;

        rv = object_read(slot, i, half, &o);
        if (rv == CKR_OK && public_half_hidden(o))
                rv = CKR_OBJECT_HANDLE_INVALID;
        if (rv != CKR_OK)
                return rv;
        *ret = o;
        o = NULL;
        return CKR_OK;
}

/* PKCS#11 profiles v3.0: what this token keeps of each. */
static const CK_ULONG profiles[SLOT_PROFILES] = {
        CKP_BASELINE_PROVIDER, CKP_EXTENDED_PROVIDER, CKP_AUTHENTICATION_TOKEN, CKP_PUBLIC_CERTIFICATES_TOKEN,
};

CK_ULONG object_profile_id(const struct object *o)
{
        return profiles[o->profile];
}

CK_RV object_of_profile(struct slot *slot, size_t profile, struct object **ret)
{
        struct object *o;
        CK_RV rv;

        rv = object_alloc(slot, CKO_PROFILE, &o);
        if (rv != CKR_OK)
                return rv;
        o->token = true;
        o->profile = profile;
        memcpy(o->unique, "profile-1", sizeof("profile-1"));
        o->unique[8] = (char)('1' + profile);
        *ret = o;
        return CKR_OK;
}

CK_RV object_new(struct slot *slot, CK_OBJECT_CLASS class, struct object **ret)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };
        uint8_t random[8];
        struct object *o;
        CK_RV rv;
        int r;

        r = crypto_random(random, sizeof(random));
        if (r == 0)
                r = hex_encode(BYTES(random, sizeof(random)), &hex);
        if (r != 0)
                return rv_from_err(r);
        rv = object_alloc(slot, class, &o);
        if (rv != CKR_OK)
                return rv;
        o->unique[0] = 's';
        memcpy(o->unique + 1, hex.ptr, hex.len);
        *ret = o;
        return CKR_OK;
}

void object_settle(struct object *o)
{
        o->attrs = &o->own.attrs;
        o->label = BYTES_OF(&o->own.label);
        o->id = BYTES_OF(&o->own.id);
        o->der = BYTES_OF(&o->own.der);
        if (o->item == NULL) {
                o->pub = known(&o->own.pub);
                if (o->pub != NULL)
                        o->key_type = o->pub->ckk;
                o->usage = object_whole_usage(o->key_type);
        }
}

static CK_RV of_found(struct session *s, struct thing_found *f, struct object **ret)
{
        if (f->item != NULL)
                return object_of_item(s->slot, f->item, f->half, ret);
        if (f->object == NULL)
                return object_of_profile(s->slot, f->profile, ret);
        *ret = f->object;
        f->object = NULL;
        return CKR_OK;
}

CK_RV object_get(struct session *s, CK_OBJECT_HANDLE h, struct object **ret)
{
        CLEANUP(thing_found_clear) struct thing_found f = { 0 };
        CLEANUP(object_unrefp) struct object *o = NULL;
        CK_RV rv;

        rv = thing_find(s, h, &f);
        if (rv == CKR_OK)
                rv = of_found(s, &f, &o);
        if (rv != CKR_OK)
                return rv;
        if (!object_visible(s, o))
                return CKR_OBJECT_HANDLE_INVALID;
        *ret = o;
        o = NULL;
        return CKR_OK;
}

static bool is_key(const struct object *o)
{
        return o->class == CKO_PRIVATE_KEY || o->class == CKO_PUBLIC_KEY || o->class == CKO_SECRET_KEY;
}

/* An HMAC takes a generic secret, or a key made for just that HMAC. */
static bool type_fits(const struct object *o, CK_KEY_TYPE type)
{
        if (o->key_type == type)
                return true;
        return type == CKK_GENERIC_SECRET && o->class == CKO_SECRET_KEY && o->key_type >= CKK_MD5_HMAC && o->key_type <= CKK_SHA224_HMAC;
}

CK_RV object_for_use(struct session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE usage, CK_MECHANISM_TYPE mech, CK_KEY_TYPE type,
                     struct object **ret)
{
        CLEANUP(object_unrefp) struct object *o = NULL;
        CK_RV rv;

        rv = object_get(s, h, &o);
        if (rv == CKR_OBJECT_HANDLE_INVALID || (rv == CKR_OK && !is_key(o)))
                return CKR_KEY_HANDLE_INVALID;
        if (rv != CKR_OK)
                return rv;
        if (!type_fits(o, type))
                return CKR_KEY_TYPE_INCONSISTENT;
        if (!attr_is_true(o, usage))
                return CKR_KEY_FUNCTION_NOT_PERMITTED;
        if (!attr_allows(o, mech))
                return CKR_MECHANISM_INVALID;
        *ret = o;
        o = NULL;
        return CKR_OK;
}

/* For this session alone. */
static CK_RV add_session_half(struct session *s, struct item *i, enum half half, CK_OBJECT_HANDLE *ret)
{
        CLEANUP(object_unrefp) struct object *in_item = NULL;
        CLEANUP(object_unrefp) struct object *own = NULL;
        CK_RV rv;

        rv = object_read(s->slot, i, half, &in_item);
        if (rv == CKR_OK)
                rv = change_duplicate(s, in_item, &own);
        if (rv != CKR_OK)
                return rv;
        own->copy = false;
        return thing_add(s, own, ret);
}

/* Where the pair's file says that it has no public half to show, the maker wanted one for the session. */
static CK_RV add_public_half(struct session *s, struct item *i, CK_OBJECT_HANDLE *ret)
{
        CLEANUP(object_unrefp) struct object *pub = NULL;
        CK_RV rv;

        rv = object_of_item(s->slot, i, HALF_PUBLIC, &pub);
        if (rv == CKR_OBJECT_HANDLE_INVALID)
                return add_session_half(s, i, HALF_PUBLIC, ret);
        return rv == CKR_OK ? thing_of_item(s->slot, i, HALF_PUBLIC, false, ret) : rv;
}

CK_RV object_add_item(struct session *s, struct item *i, CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_priv)
{
        CLEANUP(object_unrefp) struct object *o = NULL;
        struct item_list *l;
        CK_RV rv;

        /* The file is new: a snapshot with it in it must be the one that handles are looked up against. */
        rv = things_look(s->slot, &l);
        if (rv != CKR_OK)
                return rv;
        item_list_unref(l);
        rv = object_of_item(s->slot, i, HALF_MAIN, &o);
        if (rv == CKR_OK)
                rv = thing_of_item(s->slot, i, HALF_MAIN, object_private(o), ret_priv);
        if (rv == CKR_OK && ret_pub != NULL)
                rv = add_public_half(s, i, ret_pub);
        return rv;
}

CK_RV object_add_session_pair(struct session *s, struct item *i, CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_priv)
{
        CK_RV rv;

        rv = add_session_half(s, i, HALF_MAIN, ret_priv);
        return rv == CKR_OK ? add_session_half(s, i, HALF_PUBLIC, ret_pub) : rv;
}
