/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects that no URI finds: a new key pair, and a TSS2 PRIVATE KEY that is in no store. */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>
#include "lib/err.h"
#include "lib/tpmt.h"
#include "lib/tsskey.h"
#include "provider/attr.h"
#include "provider/object.h"

#define NEW_ID_SIZE 16

struct making {
        CK_KEY_TYPE type;
        const struct curve *curve;
        CK_ULONG bits;
        struct buf id;
        struct object *made;
};

static CK_RV make_pair(const struct token *t, CK_SESSION_HANDLE s, struct making *k, CK_OBJECT_HANDLE *ret)
{
        static CK_BYTE f4[] = { 1, 0, 1 };
        CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
        bool rsa = k->type == CKK_RSA;
        CK_MECHANISM m = { rsa ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0 };
        CK_ATTRIBUTE name[] = {
                { CKA_ID, k->id.ptr, k->id.len },
                { CKA_LABEL, t->uri->object.ptr, t->uri->object.len },
        };
        CK_ATTRIBUTE pub[8] = {
                name[0],
                { CKA_TOKEN, &yes, sizeof(yes) },
                { CKA_VERIFY, &yes, sizeof(yes) },
                { rsa ? CKA_ENCRYPT : CKA_DERIVE, &yes, sizeof(yes) },
        };
        CK_ATTRIBUTE priv[8] = {
                name[0],
                { CKA_TOKEN, &yes, sizeof(yes) },
                { CKA_SIGN, &yes, sizeof(yes) },
                { rsa ? CKA_DECRYPT : CKA_DERIVE, &yes, sizeof(yes) },
                { CKA_SENSITIVE, &yes, sizeof(yes) },
                { CKA_EXTRACTABLE, &no, sizeof(no) },
        };
        CK_ULONG n_pub = 4, n_priv = 6;
        CK_OBJECT_HANDLE public_handle;

        if (rsa) {
                pub[n_pub++] = (CK_ATTRIBUTE){ CKA_MODULUS_BITS, &k->bits, sizeof(k->bits) };
                pub[n_pub++] = (CK_ATTRIBUTE){ CKA_PUBLIC_EXPONENT, f4, sizeof(f4) };
        } else {
                pub[n_pub++] = (CK_ATTRIBUTE){ CKA_EC_PARAMS, (void *)(uintptr_t)k->curve->oid.ptr, k->curve->oid.len };
        }
        if (t->uri->object.len > 0) {
                pub[n_pub++] = name[1];
                priv[n_priv++] = name[1];
        }
        return t->functions->C_GenerateKeyPair(s, &m, pub, n_pub, priv, n_priv, &public_handle, ret);
}

static int make_in(const struct token *t, void *ctx)
{
        struct making *k = ctx;
        CK_OBJECT_HANDLE h;
        CK_SESSION_HANDLE s;
        CK_RV rv = token_session(t, true, &s);
        int r = 0;

        if (rv != CKR_OK) {
                raise_rv(t->provider, rv, t->pin.ptr ? "login" : "C_OpenSession");
                return -1;
        }
        rv = make_pair(t, s, k, &h);
        if (rv != CKR_OK)
                raise_rv(t->provider, rv, "C_GenerateKeyPair");
        else
                k->made = object_new(t, s, h, CKO_PRIVATE_KEY, &r);
        if (r != 0)
                raise_reason(t->provider, REASON_UNSUPPORTED, "the new key cannot be used: %s", err_text());
        session_give(t->module, t->slot, s, rv);
        return k->made ? 1 : -1;
}

static const struct curve *curve_by_openssl_name(const char *name)
{
        const struct curve *c;

        for (size_t i = 0; name && (c = curve_at(i)) != NULL; i++)
                if (strcmp(c->openssl, name) == 0 || strcmp(c->name, name) == 0)
                        return c;
        return NULL;
}

struct object *object_generate(struct provider *p, const struct uri *u, CK_KEY_TYPE type, const char *curve, unsigned bits)
{
        CLEANUP(buf_clear) struct buf id = { 0 };
        struct making k = { .type = type, .bits = bits, .curve = curve_by_openssl_name(curve) };
        uint8_t random[NEW_ID_SIZE];

        if (type == CKK_EC && !k.curve) {
                raise_reason(p, REASON_UNSUPPORTED, "no curve %s: P-256, P-384 and P-521 can be had", curve ? curve : "given");
                return NULL;
        }
        if (!u->token.ptr && !u->serial.ptr && !u->has_slot_id) {
                raise_reason(p, REASON_URI, "the URI does not say in which token to make the key: add token=NAME");
                return NULL;
        }
        if (!u->id.ptr && RAND_bytes_ex(p->libctx, random, sizeof(random), 0) != 1) {
                raise_reason(p, REASON_MEMORY, "no random numbers for the key's ID");
                return NULL;
        }
        if (buf_set(&id, u->id.ptr ? BYTES_OF(&u->id) : BYTES(random, sizeof(random))) != 0) {
                raise_reason(p, REASON_MEMORY, "out of memory");
                return NULL;
        }
        k.id = id;
        tokens_each(p, u, make_in, &k);
        return k.made;
}

/* NULL after raising. */
static EVP_PKEY *tss_public(const struct provider *p, const struct tsskey *k, CK_KEY_TYPE *ret_type)
{
        CLEANUP(pubkey_clear) struct pubkey pub = { 0 };
        TPM2B_PUBLIC area;
        EVP_PKEY *pkey = NULL;
        int r = tpmt_public_decode(BYTES_OF(&k->pub), &area);

        if (r == 0)
                r = tpmt_pubkey(&area, &pub);
        if (r == 0)
                pkey = public_evp(p, &pub);
        if (r != 0)
                raise_reason(p, r == ERR_NOTSUP ? REASON_UNSUPPORTED : REASON_FORMAT, "TSS2 PRIVATE KEY: %s", err_text());
        else if (!pkey)
                raise_reason(p, REASON_FORMAT, "TSS2 PRIVATE KEY: OpenSSL takes no such public half");
        *ret_type = pub.ckk;
        return pkey;
}

struct loading {
        struct bytes der;
        EVP_PKEY *pub;
        CK_KEY_TYPE type;
        struct object *made;
};

static int load_in(const struct token *t, void *ctx)
{
        struct loading *l = ctx;
        struct object *o;
        struct place at;
        CK_RV rv;

        /* A token that wants a PIN has one for keys of its own. */
        if ((t->info.flags & CKF_LOGIN_REQUIRED) && !t->pin.ptr)
                return 0;
        o = object_new_empty(t, CKO_PRIVATE_KEY);
        if (!o || buf_set(&o->tss, l->der) != 0) {
                object_unref(o);
                raise_reason(t->provider, REASON_MEMORY, "out of memory");
                return -1;
        }
        o->type = l->type;
        o->pub = l->pub;
        EVP_PKEY_up_ref(l->pub);
        /* At once, so that a key of another TPM is refused when it is loaded. */
        rv = object_open(o, &at);
        if (rv == CKR_OK) {
                session_give(t->module, at.slot, at.session, CKR_OK);
                l->made = o;
                return 1;
        }
        object_unref(o);
        if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_TEMPLATE_INCOMPLETE)
                raise_reason(t->provider, REASON_UNSUPPORTED, "%s takes no TSS2 PRIVATE KEY from a file", t->provider->module_path);
        else if (rv == CKR_ATTRIBUTE_VALUE_INVALID)
                raise_reason(t->provider, REASON_FOREIGN, "the TPM cannot load this TSS2 PRIVATE KEY: it is of another TPM or below another parent key");
        else
                raise_rv(t->provider, rv, "loading the TSS2 PRIVATE KEY");
        return -1;
}

static int keep_first(struct object *o, void *ctx)
{
        *(struct object **)ctx = object_ref(o);
        return 1;
}

/* The private key beside a public one, behind its token's PIN. Takes pub. NULL after raising. */
static struct object *private_of(struct object *pub, const struct asking *ask)
{
        struct object *o = NULL;

        pub->uri.type = CKO_PRIVATE_KEY;
        if (pin_ask(pub->provider, &pub->uri, ask))
                object_find(pub->provider, &pub->uri, keep_first, &o);
        object_unref(pub);
        return o;
}

static struct object *load_anywhere(struct provider *p, struct loading *l)
{
        const struct uri any = { 0 };

        if (tokens_each(p, &any, load_in, l) && !l->made)
                raise_reason(p, REASON_NO_TOKEN, "a TSS2 PRIVATE KEY from a file is loaded by way of a token without a PIN, and there is none");
        return l->made;
}

struct object *object_from_tss(struct provider *p, struct bytes der, const struct asking *ask)
{
        CLEANUP(tsskey_clear) struct tsskey k = { 0 };
        struct loading l = { .der = der };
        struct object *o = NULL;
        int r = tsskey_decode(der, &k);

        if (r != 0) {
                raise_reason(p, r == ERR_NOTSUP ? REASON_UNSUPPORTED : REASON_FORMAT, "TSS2 PRIVATE KEY: %s", err_text());
                return NULL;
        }
        l.pub = tss_public(p, &k, &l.type);
        if (!l.pub)
                return NULL;
        /* A file of our store has an authorisation value that only the store knows: such a key is used as the object that it is. */
        if (object_find_public(p, l.pub, &o) && !o) {
                if (k.empty_auth)
                        o = load_anywhere(p, &l);
                else
                        raise_reason(p, REASON_UNSUPPORTED, "this TSS2 PRIVATE KEY needs an authorisation value, and no token holds it: import it first");
        }
        EVP_PKEY_free(l.pub);
        return o && o->class == CKO_PUBLIC_KEY ? private_of(o, ask) : o;
}
