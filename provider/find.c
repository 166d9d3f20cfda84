/* SPDX-License-Identifier: BSD-2-Clause */
/* Which tokens and objects does a URI name? */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>
#include "lib/err.h"
#include "provider/attr.h"
#include "provider/object.h"

/* module-path and module-name only narrow down: a URI must not choose whose code runs in this process. */
static bool right_module(const struct provider *p, const struct uri *u)
{
        const char *slash = strrchr(p->module_path, '/'), *name = slash ? slash + 1 : p->module_path;
        size_t len = strlen(name);

        if (u->module_path.ptr && !bytes_equal(BYTES_OF(&u->module_path), BYTES_STR(p->module_path)))
                return false;
        if (len > 3 && strcmp(name + len - 3, ".so") == 0)
                len -= 3;
        if (!u->module_name.ptr || bytes_equal(BYTES_OF(&u->module_name), BYTES(name, len)))
                return true;
        return len > 3 && strncmp(name, "lib", 3) == 0 && bytes_equal(BYTES_OF(&u->module_name), BYTES(name + 3, len - 3));
}

CK_RV token_session(const struct token *t, bool rw, CK_SESSION_HANDLE *ret)
{
        CK_SESSION_INFO info;
        CK_RV rv = CKR_OK;

        /* One from the pool may have been closed by somebody else: the search would find out in the middle. */
        for (int tries = 0; tries < 2; tries++) {
                rv = session_take(t->module, t->slot, rw, t->pin.ptr ? &t->pin : NULL, ret);
                if (rv != CKR_OK)
                        return rv;
                rv = t->functions->C_GetSessionInfo(*ret, &info);
                if (rv == CKR_OK)
                        return rv;
                session_give(t->module, t->slot, *ret, rv);
        }
        return rv;
}

static int no_token(const struct provider *p)
{
        return raise_reason(p, REASON_NO_TOKEN, "no token in %s is what the URI names: `holdfast agent list` or `p11tool --list-tokens` show what there is",
                            p->module_path);
}

/* A PIN is one token's: if the URI names several that want one it is kept back, since a wrong try is counted. */
static int choose_pin(struct token *t, const struct handles *slots, struct buf *pin)
{
        unsigned wanting = 0;
        CK_TOKEN_INFO info;

        if (!pin->ptr && !pin_told(t->provider, t->uri, pin))
                return 0;
        for (size_t i = 0; pin->ptr && i < slots->n; i++)
                if (t->functions->C_GetTokenInfo(handles_at(slots, i), &info) == CKR_OK && (info.flags & CKF_LOGIN_REQUIRED) &&
                    uri_matches_token(t->uri, handles_at(slots, i), &info))
                        wanting++;
        t->pin = wanting == 1 ? BYTES_OF(pin) : (struct bytes){ 0 };
        return 1;
}

static int each(struct provider *p, const struct uri *u, int (*fn)(const struct token *t, void *ctx), void *ctx)
{
        CLEANUP(handles_clear) struct handles slots = { 0 };
        CLEANUP(buf_clear) struct buf pin = { 0 };
        struct token t = { .provider = p, .module = module_get(p), .uri = u };
        bool any = false;
        CK_INFO info;
        CK_RV rv;
        int r = 0;

        if (!t.module)
                return 0;
        t.functions = module_functions(t.module);
        rv = module_info(t.module, &info);
        if (rv != CKR_OK)
                return raise_rv(p, rv, "C_GetInfo");
        if (!right_module(p, u) || !uri_matches_library(u, &info))
                return no_token(p);
        rv = slots_list(t.functions, &slots);
        if (rv != CKR_OK)
                return raise_rv(p, rv, "C_GetSlotList");
        for (size_t i = 0; r == 0 && i < slots.n; i++) {
                t.slot = handles_at(&slots, i);
                if (t.functions->C_GetTokenInfo(t.slot, &t.info) != CKR_OK || !(t.info.flags & CKF_TOKEN_INITIALIZED) ||
                    !uri_matches_token(u, t.slot, &t.info))
                        continue;
                any = true;
                t.pin = (struct bytes){ 0 };
                if ((t.info.flags & CKF_LOGIN_REQUIRED) && !choose_pin(&t, &slots, &pin))
                        return 0;
                r = fn(&t, ctx);
        }
        if (r < 0)
                return 0;
        return any ? 1 : no_token(p);
}

int tokens_each(struct provider *p, const struct uri *u, int (*fn)(const struct token *t, void *ctx), void *ctx)
{
        int ok;

        /* What a search that found its way left in the queue, OpenSSL's or a module's, is nobody's error. */
        ERR_set_mark();
        ok = each(p, u, fn, ctx);
        if (ok)
                ERR_pop_to_mark();
        else
                ERR_clear_last_mark();
        return ok;
}

struct search {
        int (*found)(struct object *o, void *ctx);
        void *ctx;
        size_t n;       /* given to found() */
        bool login;     /* a token wanted a PIN that nobody told */
        int unusable;   /* ERR_* of the last object that OpenSSL could not use */
        char why[256];
};

/* 0, what found() answered, or -1 after raising. */
static int search_class(const struct token *t, CK_SESSION_HANDLE s, CK_OBJECT_CLASS class, struct search *search, CK_RV *ret_rv)
{
        CLEANUP(handles_clear) struct handles found = { 0 };
        CK_ATTRIBUTE template[3] = { { CKA_CLASS, &class, sizeof(class) } };
        CK_ULONG n = 1;
        int stop = 0;

        if (t->uri->id.ptr)
                template[n++] = (CK_ATTRIBUTE){ CKA_ID, t->uri->id.ptr, t->uri->id.len };
        if (t->uri->object.ptr)
                template[n++] = (CK_ATTRIBUTE){ CKA_LABEL, t->uri->object.ptr, t->uri->object.len };
        *ret_rv = objects_list(t->functions, s, template, n, &found);
        for (size_t i = 0; *ret_rv == CKR_OK && stop == 0 && i < found.n; i++) {
                int r = 0;
                struct object *o = object_new(t, s, handles_at(&found, i), class, &r);

                if (o) {
                        search->n++;
                        stop = search->found(o, search->ctx);
                        object_unref(o);
                } else if (r == ERR_NOMEM) {
                        *ret_rv = CKR_HOST_MEMORY;
                } else {
                        search->unusable = r;
                        strncpy(search->why, err_text(), sizeof(search->why) - 1);
                }
        }
        return stop;
}

/* Private keys first: who asks without a type wants the key. */
static int search_token(const struct token *t, void *ctx)
{
        static const CK_OBJECT_CLASS classes[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_CERTIFICATE };
        struct search *search = ctx;
        CK_SESSION_HANDLE s;
        CK_RV rv = token_session(t, false, &s);
        int stop = 0;

        if (rv != CKR_OK) {
                raise_rv(t->provider, rv, t->pin.ptr ? "login" : "C_OpenSession");
                return -1;
        }
        search->login = search->login || ((t->info.flags & CKF_LOGIN_REQUIRED) && !t->pin.ptr);
        for (size_t i = 0; rv == CKR_OK && stop == 0 && i < ARRAY_LEN(classes); i++)
                if (!t->uri->has_type || t->uri->type == classes[i])
                        stop = search_class(t, s, classes[i], search, &rv);
        session_give(t->module, t->slot, s, rv);
        if (rv == CKR_OK || stop < 0)
                return stop;
        raise_rv(t->provider, rv, "the search for objects");
        return -1;
}

int object_find(struct provider *p, const struct uri *u, int (*found)(struct object *o, void *ctx), void *ctx)
{
        struct search search = { .found = found, .ctx = ctx };

        if (!tokens_each(p, u, search_token, &search))
                return 0;
        if (search.n > 0)
                return 1;
        if (search.unusable != 0)
                return raise_reason(p, REASON_UNSUPPORTED, "OpenSSL cannot use what the URI names: %s", search.why);
        if (search.login)
                return raise_reason(p, REASON_PIN, "the token shows no such object without its PIN: put pin-source=FILE into the URI or into the "
                                                   "provider's section of openssl.cnf, and name one token by token=NAME");
        return raise_reason(p, REASON_NO_OBJECT, "the token has no object that the URI names: `holdfast key list` shows what there is");
}

struct by_public {
        EVP_PKEY *pub;
        struct object *found;
};

static int compare_public(struct object *o, void *ctx)
{
        struct by_public *by = ctx;

        if (EVP_PKEY_eq(o->pub, by->pub) != 1)
                return 0;
        by->found = object_ref(o);
        return 1;
}

/* A token that wants a PIN shows its private keys later; that it holds this one, its public keys tell. */
static int search_public(const struct token *t, void *ctx)
{
        struct search search = { .found = compare_public, .ctx = ctx };
        struct token shown = *t;
        struct uri public = { .has_type = true, .type = CKO_PUBLIC_KEY };

        if ((t->info.flags & CKF_LOGIN_REQUIRED) && !t->pin.ptr)
                shown.uri = &public;
        return search_token(&shown, &search);
}

int object_find_public(struct provider *p, EVP_PKEY *pub, struct object **ret)
{
        const struct uri any = { .has_type = true, .type = CKO_PRIVATE_KEY };
        struct by_public by = { .pub = pub };
        int ok = tokens_each(p, &any, search_public, &by);

        *ret = by.found;
        return ok;
}
