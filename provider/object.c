/* SPDX-License-Identifier: BSD-2-Clause */
/* What is an object, who holds it, and where is it now? Handles are void after a fork or a re-initialisation: then it is found anew. */
#include "provider/object.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include "holdfast/pkcs11.h"
#include "lib/err.h"
#include "provider/attr.h"

static struct bytes field(const CK_UTF8CHAR *p, size_t len)
{
        while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == 0))
                len--;
        return BYTES(p, len);
}

/* Set, if only to nothing: absent would mean any. */
static int set_text(struct buf *b, struct bytes from)
{
        int r = buf_reserve(b, from.len + 1);

        return r == 0 ? buf_set(b, from) : r;
}

struct object *object_new_empty(const struct token *t, CK_OBJECT_CLASS class)
{
        struct object *o = calloc(1, sizeof(*o));
        int r = o ? 0 : ERR_NOMEM;

        if (r != 0)
                return NULL;
        o->refs = 1;
        o->provider = t->provider;
        o->class = class;
        o->slot = t->slot;
        o->uri.type = class;
        o->uri.has_type = true;
        r = set_text(&o->uri.token, field(t->info.label, sizeof(t->info.label)));
        if (r == 0)
                r = set_text(&o->uri.serial, field(t->info.serialNumber, sizeof(t->info.serialNumber)));
        if (r == 0 && t->pin.ptr)
                r = set_text(&o->pin, t->pin);
        if (r == 0 && t->uri->pin_source.ptr)
                r = set_text(&o->uri.pin_source, BYTES_OF(&t->uri->pin_source));
        if (r == 0)
                return o;
        object_unref(o);
        return NULL;
}

static int read_name(struct object *o, CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h)
{
        static const CK_ATTRIBUTE_TYPE of_key[] = { CKA_LABEL, CKA_ID, CKA_KEY_TYPE, CKA_ALWAYS_AUTHENTICATE }, of_cert[] = { CKA_LABEL, CKA_ID, CKA_VALUE };
        CLEANUP(values_clear) struct values v = { 0 };
        bool is_cert = o->class == CKO_CERTIFICATE;
        struct bytes label, id, type, value, always;
        CK_RV rv = values_read(f, s, h, is_cert ? of_cert : of_key, o->class == CKO_PRIVATE_KEY ? 4 : 3, &v);
        int r = 0;

        if (rv != CKR_OK)
                return err(rv == CKR_HOST_MEMORY ? ERR_NOMEM : ERR_NOENT, "C_GetAttributeValue failed: 0x%lx", rv);
        label = values_get(&v, CKA_LABEL);
        id = values_get(&v, CKA_ID);
        type = values_get(&v, CKA_KEY_TYPE);
        value = values_get(&v, CKA_VALUE);
        if (label.len > 0)
                r = set_text(&o->uri.object, label);
        if (r == 0 && id.len > 0)
                r = set_text(&o->uri.id, id);
        if (r != 0)
                return r;
        if (is_cert)
                return value.len > 0 ? buf_set(&o->cert, value) : err(ERR_NOENT, "a certificate without content");
        if (type.len != sizeof(o->type))
                return err(ERR_NOENT, "a key without a type");
        memcpy(&o->type, type.ptr, sizeof(o->type));
        always = values_get(&v, CKA_ALWAYS_AUTHENTICATE);
        o->always_authenticate = always.len == sizeof(CK_BBOOL) && always.ptr[0] != CK_FALSE;
        return 0;
}

struct object *object_new(const struct token *t, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, CK_OBJECT_CLASS class, int *ret_r)
{
        CLEANUP(pubkey_clear) struct pubkey pub = { 0 };
        unsigned long generation = module_generation(t->module);
        struct object *o = object_new_empty(t, class);
        int r = o ? read_name(o, t->functions, s, h) : ERR_NOMEM;

        if (r == 0 && class != CKO_CERTIFICATE) {
                r = public_half(t->functions, s, h, o->type, &pub);
                if (r == 0)
                        o->pub = public_evp(t->provider, &pub);
                if (r == 0 && !o->pub)
                        r = err(ERR_NOTSUP, "OpenSSL takes no such public half");
        }
        if (r != 0) {
                *ret_r = r;
                object_unref(o);
                return NULL;
        }
        o->handle = h;
        o->generation = generation;
        return o;
}

struct object *object_ref(struct object *o)
{
        __atomic_add_fetch(&o->refs, 1, __ATOMIC_RELAXED);
        return o;
}

/* With its session a session object ends. One of an earlier generation is gone already, or the parent's. */
static void leave_home(struct object *o)
{
        if (o->home != CK_INVALID_HANDLE && module_generation(o->provider->module) == o->generation)
                session_give(o->provider->module, o->home_slot, o->home, CKR_FUNCTION_CANCELED);
        o->home = CK_INVALID_HANDLE;
}

void object_unref(struct object *o)
{
        if (!o || __atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL) > 0)
                return;
        leave_home(o);
        EVP_PKEY_free(o->pub);
        uri_clear(&o->uri);
        buf_clear(&o->cert);
        buf_clear(&o->tss);
        buf_clear(&o->pin);
        free(o);
}

/* Another thread may have found it anew meanwhile. */
void object_lost(struct object *o, CK_OBJECT_HANDLE handle)
{
        __atomic_compare_exchange_n(&o->handle, &handle, CK_INVALID_HANDLE, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static bool same_public(const struct object *o, CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h)
{
        CLEANUP(pubkey_clear) struct pubkey k = { 0 };
        EVP_PKEY *other = public_half(f, s, h, o->type, &k) == 0 ? public_evp(o->provider, &k) : NULL;
        bool same = other && EVP_PKEY_eq(o->pub, other) == 1;

        EVP_PKEY_free(other);
        return same;
}

/* By name, and if several have it, or another one has it now, by the public half. */
static CK_RV find_named(struct object *o, CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *ret)
{
        CLEANUP(handles_clear) struct handles found = { 0 };
        CK_ATTRIBUTE template[3] = { { CKA_CLASS, &o->class, sizeof(o->class) } };
        CK_ULONG n = 1;
        CK_RV rv;

        if (o->uri.id.ptr)
                template[n++] = (CK_ATTRIBUTE){ CKA_ID, o->uri.id.ptr, o->uri.id.len };
        if (o->uri.object.ptr)
                template[n++] = (CK_ATTRIBUTE){ CKA_LABEL, o->uri.object.ptr, o->uri.object.len };
        rv = objects_list(f, s, template, n, &found);
        for (size_t i = 0; rv == CKR_OK && i < found.n; i++)
                if (same_public(o, f, s, handles_at(&found, i))) {
                        *ret = handles_at(&found, i);
                        return CKR_OK;
                }
        return rv == CKR_OK ? CKR_OBJECT_HANDLE_INVALID : rv;
}

/* A session object, in a session that stays open for it. */
static CK_RV make_tss(struct object *o, struct module *m, CK_OBJECT_HANDLE *ret)
{
        CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
        CK_BBOOL no = CK_FALSE;
        CK_ATTRIBUTE template[] = {
                { CKA_CLASS, &class, sizeof(class) },
                { CKA_TOKEN, &no, sizeof(no) },
                { CKA_HF_TSS_KEY, o->tss.ptr, o->tss.len },
        };
        struct bytes pin = BYTES_OF(&o->pin);
        CK_SESSION_HANDLE s;
        CK_RV rv;

        leave_home(o);
        rv = session_take(m, o->slot, false, pin.ptr ? &pin : NULL, &s);
        if (rv != CKR_OK)
                return rv;
        rv = module_functions(m)->C_CreateObject(s, template, ARRAY_LEN(template), ret);
        if (rv == CKR_OK) {
                o->home = s;
                o->home_slot = o->slot;
        } else {
                session_give(m, o->slot, s, rv);
        }
        return rv;
}

/* The token may have got another slot meanwhile. */
static CK_RV find_slot(struct object *o, CK_FUNCTION_LIST *f)
{
        CLEANUP(handles_clear) struct handles slots = { 0 };
        CK_TOKEN_INFO info;
        CK_RV rv;

        if (f->C_GetTokenInfo(o->slot, &info) == CKR_OK && uri_matches_token(&o->uri, o->slot, &info))
                return CKR_OK;
        rv = slots_list(f, &slots);
        for (size_t i = 0; rv == CKR_OK && i < slots.n; i++) {
                CK_SLOT_ID slot = handles_at(&slots, i);

                if (f->C_GetTokenInfo(slot, &info) == CKR_OK && uri_matches_token(&o->uri, slot, &info)) {
                        __atomic_store_n(&o->slot, slot, __ATOMIC_RELEASE);
                        return CKR_OK;
                }
        }
        return rv == CKR_OK ? CKR_TOKEN_NOT_PRESENT : rv;
}

static bool handle_valid(struct object *o, struct module *m, CK_OBJECT_HANDLE *ret)
{
        unsigned long generation = __atomic_load_n(&o->generation, __ATOMIC_ACQUIRE);

        *ret = __atomic_load_n(&o->handle, __ATOMIC_ACQUIRE);
        return *ret != CK_INVALID_HANDLE && generation == module_generation(m);
}

/* One thread looks, the others get what it found. */
static CK_RV find_again(struct object *o, struct module *m)
{
        struct bytes pin = BYTES_OF(&o->pin);
        CK_FUNCTION_LIST *f = module_functions(m);
        CK_OBJECT_HANDLE h = CK_INVALID_HANDLE;
        unsigned long generation;
        CK_SESSION_HANDLE s;
        CK_INFO info;
        CK_RV rv = module_info(m, &info);

        generation = module_generation(m);
        if (rv == CKR_OK)
                rv = find_slot(o, f);
        if (rv == CKR_OK && o->tss.len > 0) {
                rv = make_tss(o, m, &h);
        } else if (rv == CKR_OK) {
                rv = session_take(m, o->slot, false, pin.ptr ? &pin : NULL, &s);
                if (rv == CKR_OK) {
                        rv = find_named(o, f, s, &h);
                        session_give(m, o->slot, s, rv);
                }
        }
        if (rv != CKR_OK)
                return rv;
        __atomic_store_n(&o->handle, h, __ATOMIC_RELEASE);
        __atomic_store_n(&o->generation, generation, __ATOMIC_RELEASE);
        return CKR_OK;
}

CK_RV object_open(struct object *o, struct place *ret)
{
        struct module *m = module_get(o->provider);
        struct bytes pin = BYTES_OF(&o->pin);
        CK_RV rv = CKR_OK;

        if (!m)
                return CKR_GENERAL_ERROR;
        if (!handle_valid(o, m, &ret->handle)) {
                finding_lock();
                if (!handle_valid(o, m, &ret->handle))
                        rv = find_again(o, m);
                finding_unlock();
                if (rv != CKR_OK)
                        return rv;
                ret->handle = __atomic_load_n(&o->handle, __ATOMIC_ACQUIRE);
        }
        ret->slot = __atomic_load_n(&o->slot, __ATOMIC_ACQUIRE);
        return session_take(m, ret->slot, false, pin.ptr ? &pin : NULL, &ret->session);
}
