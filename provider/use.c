/* SPDX-License-Identifier: BSD-2-Clause */
/* How a private key does its work: one PKCS#11 operation, and again if a handle turned out to be void. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include "provider/provider.h"

#define TRIES 3

struct work {
        struct object *object;
        struct module *module;
        CK_FUNCTION_LIST *functions;
        CK_MECHANISM *mechanism;
        struct bytes in;
        struct buf *out;        /* with room for the answer: asking for the size could cost a TPM command */
};

/* Between C_...Init and the operation, if the key wants it. */
static CK_RV authenticate(const struct work *w, const struct place *at)
{
        struct bytes pin = BYTES_OF(&w->object->pin);

        if (!w->object->always_authenticate)
                return CKR_OK;
        return pin.ptr ? session_authenticate(w->module, at->slot, at->session, pin) : CKR_USER_NOT_LOGGED_IN;
}

static CK_RV sign(const struct work *w, const struct place *at)
{
        CK_ULONG len = w->out->cap;
        CK_RV rv = w->functions->C_SignInit(at->session, w->mechanism, at->handle);

        if (rv == CKR_OK)
                rv = authenticate(w, at);
        if (rv == CKR_OK)
                rv = w->functions->C_Sign(at->session, (CK_BYTE *)(uintptr_t)w->in.ptr, w->in.len, w->out->ptr, &len);
        if (rv == CKR_OK)
                w->out->len = len;
        return rv;
}

static CK_RV decrypt(const struct work *w, const struct place *at)
{
        CK_ULONG len = w->out->cap;
        CK_RV rv = w->functions->C_DecryptInit(at->session, w->mechanism, at->handle);

        if (rv == CKR_OK)
                rv = authenticate(w, at);
        if (rv == CKR_OK)
                rv = w->functions->C_Decrypt(at->session, (CK_BYTE *)(uintptr_t)w->in.ptr, w->in.len, w->out->ptr, &len);
        if (rv == CKR_OK)
                w->out->len = len;
        return rv;
}

/* The secret comes as an object of the session, is read and destroyed. w->out's room is its size. */
static CK_RV derive(const struct work *w, const struct place *at)
{
        CK_OBJECT_CLASS class = CKO_SECRET_KEY;
        CK_KEY_TYPE type = CKK_GENERIC_SECRET;
        CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
        CK_ULONG len = w->out->cap;
        CK_ATTRIBUTE template[] = {
                { CKA_CLASS, &class, sizeof(class) },   { CKA_KEY_TYPE, &type, sizeof(type) },     { CKA_TOKEN, &no, sizeof(no) },
                { CKA_SENSITIVE, &no, sizeof(no) },     { CKA_EXTRACTABLE, &yes, sizeof(yes) },    { CKA_VALUE_LEN, &len, sizeof(len) },
        };
        CK_ATTRIBUTE value = { CKA_VALUE, w->out->ptr, w->out->cap };
        CK_OBJECT_HANDLE secret;
        CK_RV rv, end;

        rv = w->functions->C_DeriveKey(at->session, w->mechanism, at->handle, template, ARRAY_LEN(template), &secret);
        if (rv != CKR_OK)
                return rv;
        rv = w->functions->C_GetAttributeValue(at->session, secret, &value, 1);
        if (rv == CKR_OK)
                w->out->len = value.ulValueLen;
        end = w->functions->C_DestroyObject(at->session, secret);
        return rv == CKR_OK ? end : rv;
}

/* Another try with new handles can help. */
static bool handles_void(CK_RV rv)
{
        return rv == CKR_CRYPTOKI_NOT_INITIALIZED || rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED ||
               rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_USER_NOT_LOGGED_IN ||
               /* The session's number was given out again. */
               rv == CKR_OPERATION_NOT_INITIALIZED || rv == CKR_OPERATION_ACTIVE;
}

static int do_work(struct object *o, const char *what, CK_RV (*fn)(const struct work *w, const struct place *at), CK_MECHANISM *m, struct bytes in,
                   size_t room, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct module *module = module_get(o->provider);
        struct work w = { .object = o, .module = module, .mechanism = m, .in = in, .out = &out };
        CK_RV rv = CKR_OK;

        if (!module)
                return 0;
        if (buf_reserve(&out, room) != 0)
                return raise_reason(o->provider, REASON_MEMORY, "out of memory");
        w.functions = module_functions(module);
        /* What a module's own OpenSSL leaves in the queue is no error of ours. */
        ERR_set_mark();
        for (int tries = 0; tries < TRIES; tries++) {
                struct place at;

                rv = object_open(o, &at);
                if (rv != CKR_OK && handles_void(rv))
                        continue;
                if (rv != CKR_OK)
                        break;
                rv = fn(&w, &at);
                session_give(module, at.slot, at.session, rv);
                if (!handles_void(rv))
                        break;
                object_lost(o, at.handle);
        }
        ERR_pop_to_mark();
        if (rv != CKR_OK)
                return raise_rv(o->provider, rv, what);
        buf_take(&out, ret);
        return 1;
}

static size_t key_size(const struct object *o)
{
        int n = EVP_PKEY_get_size(o->pub);

        return n > 0 ? (size_t)n : 0;
}

int use_sign(struct object *o, CK_MECHANISM *m, struct bytes in, struct buf *ret_sig)
{
        return do_work(o, "signing", sign, m, in, key_size(o), ret_sig);
}

int use_decrypt(struct object *o, CK_MECHANISM *m, struct bytes in, struct buf *ret_out)
{
        return do_work(o, "decrypting", decrypt, m, in, key_size(o), ret_out);
}

int use_derive(struct object *o, struct bytes point, struct buf *ret_z)
{
        CK_ECDH1_DERIVE_PARAMS params = {
                .kdf = CKD_NULL,
                .ulPublicDataLen = point.len,
                .pPublicData = (CK_BYTE *)(uintptr_t)point.ptr,
        };
        CK_MECHANISM m = { CKM_ECDH1_DERIVE, &params, sizeof(params) };

        return do_work(o, "deriving a secret", derive, &m, BYTES(NULL, 0), (size_t)(EVP_PKEY_get_bits(o->pub) + 7) / 8, ret_z);
}
