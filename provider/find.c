/* SPDX-License-Identifier: BSD-2-Clause */
/* Which tokens and objects does a URI name? */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>
#include "lib/err.h"
#include "lib/file.h"
#include "provider/attr.h"
#include "provider/object.h"

#define PIN_FILE_MAX 1024

/* pin-source is a path or a file: URI (RFC 8089); a PIN ends at the line's end. */
static int read_pin(const struct provider *p, const char *source, struct buf *ret)
{
        CLEANUP(close_fd) int fd = -1;
        const char *path = source;

        if (strncmp(path, "file:", 5) == 0)
                path += strncmp(path + 5, "//", 2) == 0 ? 7 : 5;
        if (path[0] != '/')
                return raise_reason(p, REASON_PIN, "pin-source is neither an absolute path nor file: with one");
        /* Links are followed: that is how secrets are mounted. */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return raise_reason(p, REASON_PIN, "cannot read the PIN from %s: %s", path, strerror(errno));
        if (file_read_fd(fd, path, PIN_FILE_MAX, ret) != 0)
                return raise_reason(p, REASON_PIN, "cannot read the PIN: %s", err_text());
        while (ret->len > 0 && (ret->ptr[ret->len - 1] == '\n' || ret->ptr[ret->len - 1] == '\r'))
                ret->len--;
        return 1;
}

/* 1 with *ret empty (ptr NULL) if none is known; 0 after raising. */
static int find_pin(const struct provider *p, const struct uri *u, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf source = { 0 };

        if (u->pin_value.ptr) {
                if (buf_set(ret, BYTES_OF(&u->pin_value)) != 0 || buf_reserve(ret, 1) != 0)
                        return raise_reason(p, REASON_MEMORY, "out of memory");
                return 1;
        }
        if (!u->pin_source.ptr)
                return p->pin_source ? read_pin(p, p->pin_source, ret) : 1;
        if (buf_set(&source, BYTES_OF(&u->pin_source)) != 0 || !buf_str(&source))
                return raise_reason(p, REASON_MEMORY, "out of memory");
        return read_pin(p, buf_str(&source), ret);
}

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

int tokens_each(struct provider *p, const struct uri *u, int (*fn)(const struct token *t, void *ctx), void *ctx)
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
                if (t.functions->C_GetTokenInfo(t.slot, &t.info) != CKR_OK || !uri_matches_token(u, t.slot, &t.info))
                        continue;
                any = true;
                t.pin = (struct bytes){ 0 };
                if (t.info.flags & CKF_LOGIN_REQUIRED) {
                        if (!pin.ptr && !find_pin(p, u, &pin))
                                return 0;
                        t.pin = BYTES_OF(&pin);
                }
                r = fn(&t, ctx);
        }
        if (r < 0)
                return 0;
        return any ? 1 : no_token(p);
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
        if (rv == CKR_OK)
                return stop != 0;
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
                                                   "provider's section of openssl.cnf");
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

static int search_public(const struct token *t, void *ctx)
{
        struct search search = { .found = compare_public, .ctx = ctx };

        /* A token that asks for a PIN may be another user's: it is passed over. */
        if ((t->info.flags & CKF_LOGIN_REQUIRED) && !t->pin.ptr)
                return 0;
        return search_token(t, &search);
}

int object_find_public(struct provider *p, EVP_PKEY *pub, struct object **ret)
{
        const struct uri any = { .has_type = true, .type = CKO_PRIVATE_KEY };
        struct by_public by = { .pub = pub };
        int ok = tokens_each(p, &any, search_public, &by);

        *ret = by.found;
        return ok;
}

static int wants_login(const struct token *t, void *ctx)
{
        CK_SESSION_INFO info;
        CK_SESSION_HANDLE s;

        if (!(t->info.flags & CKF_LOGIN_REQUIRED) || token_session(t, false, &s) != CKR_OK)
                return 0;
        /* The program may have logged in itself. */
        if (t->functions->C_GetSessionInfo(s, &info) == CKR_OK)
                *(bool *)ctx = *(bool *)ctx || info.state == CKS_RO_PUBLIC_SESSION || info.state == CKS_RW_PUBLIC_SESSION;
        session_give(t->module, t->slot, s, CKR_OK);
        return 0;
}

bool uri_needs_pin(struct provider *p, const struct uri *u)
{
        bool needs = false;

        if (u->pin_value.ptr || u->pin_source.ptr || p->pin_source)
                return false;
        /* What is wrong here, the search will say. */
        ERR_set_mark();
        tokens_each(p, u, wants_login, &needs);
        ERR_pop_to_mark();
        return needs;
}
