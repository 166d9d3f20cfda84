/* SPDX-License-Identifier: BSD-2-Clause */
/* How a file that stands for a key in hardware becomes one in OpenSSL: provider-decoder(7).
 *
 * PEM becomes DER by a decoder of ours, because OpenSSL's own tells nobody what structure an unknown label means. The DER becomes
 * a key by the decoders named EC and RSA. Whatever is not ours is left to others, silently; what is ours and broken is an error. */
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include "lib/der.h"
#include "lib/err.h"
#include "provider/decoder.h"

static const struct decoder_form *const forms[] = { &decoder_tss2, &decoder_uri };

/* Why this thread's last DER became no key. OSSL_STORE forgets the errors of the decoders that it tries inside of another one, so the outer one
 * raises them again. */
static _Thread_local struct {
        enum reason reason;             /* 0: it did, or none was tried */
        char text[256];
} failure;

static void failure_keep(void)
{
        const char *text = NULL;
        int flags = 0;
        unsigned long code = ERR_peek_last_error_data(&text, &flags);

        failure.reason = (enum reason)ERR_GET_REASON(code);
        snprintf(failure.text, sizeof failure.text, "%s", text != NULL && (flags & ERR_TXT_STRING) != 0 ? text : "");
}

static void failure_raise(const struct provider *p)
{
        const char *text = NULL;
        int flags = 0;

        ERR_peek_last_error_data(&text, &flags);
        if (failure.reason != 0 && (text == NULL || strcmp(text, failure.text) != 0))
                raise_reason(p, failure.reason, "%s", failure.text);
}

/* The provider's instance is context enough. */
static void *decoder_new(void *provctx)
{
        return provctx;
}

static void decoder_free(void *ctx)
{
        (void)ctx;
}

/* No public keys: OpenSSL 3.0 puts together a chain of decoders for each certificate that a program reads, and each one in it costs microseconds. */
static int decoder_does(void *provctx, int selection)
{
        (void)provctx;
        return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

static int check(const struct provider *p, const struct decoder_form *f, struct bytes der)
{
        int r = f->check(der);

        if (r == 0)
                return 1;
        return raise_reason(p, r == ERR_NOMEM ? REASON_MEMORY : r == ERR_NOTSUP ? REASON_UNSUPPORTED : REASON_FORMAT, "%s: %s", f->label, err_text());
}

static int give_der(const struct decoder_form *f, struct bytes der, OSSL_CALLBACK *cb, void *arg)
{
        OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, (char *)f->structure, 0),
                OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, (void *)der.ptr, der.len),
                OSSL_PARAM_construct_end(),
        };

        return cb(params, arg);
}

static int give_object(struct object *o, OSSL_CALLBACK *cb, void *arg)
{
        int type = OSSL_OBJECT_PKEY;
        OSSL_PARAM params[] = {
                OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
                OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, o->type == CKK_EC ? (char *)"EC" : (char *)"RSA", 0),
                OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &o, sizeof o),
                OSSL_PARAM_construct_end(),
        };

        return cb(params, arg);
}

/* The first PEM block; 0 if there is none, which is nobody's error yet. */
static int read_pem(struct provider *p, OSSL_CORE_BIO *in, char **ret_label, unsigned char **ret_der, long *ret_len)
{
        BIO *bio = BIO_new_from_core_bio(p->libctx, in);
        char *head = NULL;
        int ok;

        if (bio == NULL)
                return 0;
        ERR_set_mark();
        ok = PEM_read_bio(bio, ret_label, &head, ret_der, ret_len);
        ERR_pop_to_mark();
        OPENSSL_free(head);
        BIO_free(bio);
        return ok;
}

static int decode_pem(void *ctx, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *cb, void *arg, OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
        struct provider *p = ctx;
        unsigned char *der = NULL;
        char *label = NULL;
        long len = 0;
        int ok = 1;

        (void)selection, (void)pw, (void)pw_arg;
        if (!read_pem(p, in, &label, &der, &len))
                return 1;
        for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
                struct bytes body = BYTES(der, (size_t)len);

                if (strcmp(label, forms[i]->label) != 0)
                        continue;
                failure.reason = 0;
                ok = check(p, forms[i], body) && give_der(forms[i], body, cb, arg);
                if (!ok)
                        failure_raise(p);
        }
        OPENSSL_free(label);
        OPENSSL_clear_free(der, (size_t)len);
        return ok;
}

/* All of it; false if it is longer than what we read. */
static bool read_der(struct provider *p, OSSL_CORE_BIO *in, struct buf *ret)
{
        BIO *bio = BIO_new_from_core_bio(p->libctx, in);
        bool ok = bio != NULL && buf_reserve(ret, DER_MAX) == 0;
        size_t n = 0;

        while (ok && ret->len < DER_MAX && BIO_read_ex(bio, ret->ptr + ret->len, DER_MAX - ret->len, &n) && n > 0)
                ret->len += n;
        BIO_free(bio);
        return ok && ret->len < DER_MAX;
}

static int decode_der(struct provider *p, const struct decoder_form *f, OSSL_CORE_BIO *in, OSSL_CALLBACK *cb, void *arg, const struct asking *ask)
{
        CLEANUP(buf_clear) struct buf der = { 0 };
        struct object *o;
        int ok;

        if (!read_der(p, in, &der) || !f->is(BYTES_OF(&der)))
                return 1;
        if (!check(p, f, BYTES_OF(&der)))
                return 0;
        o = f->load(p, BYTES_OF(&der), ask);
        if (o == NULL) {
                failure_keep();
                return 0;
        }
        ok = give_object(o, cb, arg);
        object_unref(o);
        return ok;
}

static int decode_tss2(void *ctx, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *cb, void *arg, OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
        (void)selection;
        return decode_der(ctx, &decoder_tss2, in, cb, arg, &(struct asking){ pw, pw_arg });
}

static int decode_uri(void *ctx, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *cb, void *arg, OSSL_PASSPHRASE_CALLBACK *pw, void *pw_arg)
{
        (void)selection;
        return decode_der(ctx, &decoder_uri, in, cb, arg, &(struct asking){ pw, pw_arg });
}

/* For a key management of another provider, which libcrypto resorts to when it had no memory for ours; it calls this without looking. */
static int decoder_export(void *ctx, const void *reference, size_t len, OSSL_CALLBACK *cb, void *arg)
{
        (void)reference, (void)len, (void)cb, (void)arg;
        return raise_reason(ctx, REASON_NOT_EXPORTABLE, "this file stands for a private key that stays in its token. Use it through the provider holdfast");
}

static const OSSL_DISPATCH pem_functions[] = {
        { OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))decoder_new },
        { OSSL_FUNC_DECODER_FREECTX, (void (*)(void))decoder_free },
        { OSSL_FUNC_DECODER_DECODE, (void (*)(void))decode_pem },
        { 0, NULL },
};

#define KEY_DECODER(name, decode) \
        static const OSSL_DISPATCH name[] = { \
                { OSSL_FUNC_DECODER_NEWCTX, (void (*)(void))decoder_new },        { OSSL_FUNC_DECODER_FREECTX, (void (*)(void))decoder_free }, \
                { OSSL_FUNC_DECODER_DOES_SELECTION, (void (*)(void))decoder_does }, { OSSL_FUNC_DECODER_DECODE, (void (*)(void))(decode) }, \
                { OSSL_FUNC_DECODER_EXPORT_OBJECT, (void (*)(void))decoder_export }, \
                { 0, NULL }, \
        }

KEY_DECODER(tss2_functions, decode_tss2);
KEY_DECODER(uri_functions, decode_uri);

const OSSL_ALGORITHM decoder_algorithms[] = {
        { "DER", PROPERTIES ",input=pem", pem_functions, "reference and TSS2 files" },
        { "EC", PROPERTIES ",input=der,structure=tss2", tss2_functions, "EC key in a TSS2 file" },
        { "RSA", PROPERTIES ",input=der,structure=tss2", tss2_functions, "RSA key in a TSS2 file" },
        { "EC", PROPERTIES ",input=der,structure=pk11-uri", uri_functions, "EC key by reference" },
        { "RSA", PROPERTIES ",input=der,structure=pk11-uri", uri_functions, "RSA key by reference" },
        { NULL, NULL, NULL, NULL },
};
