/* SPDX-License-Identifier: BSD-2-Clause */
/* What of a key can be written down: its public half, a description, and a reference or TSS2 file in place of the private half;
 * provider-encoder(7). */
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include "lib/err.h"
#include "lib/ref.h"
#include "lib/tsskey.h"
#include "provider/provider.h"

/* The provider's instance is context enough. */
static void *encoder_new(void *provctx)
{
        return provctx;
}

static void encoder_free(void *ctx)
{
        (void)ctx;
}

static int does_public(void *provctx, int selection)
{
        (void)provctx;
        return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 && (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0;
}

static int does_private(void *provctx, int selection)
{
        (void)provctx;
        return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

static int does_text(void *provctx, int selection)
{
        (void)provctx;
        return (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
}

/* A key that is given as parameters would be somebody else's. */
static BIO *open_output(struct provider *p, OSSL_CORE_BIO *out, const OSSL_PARAM abstract[])
{
        BIO *bio;

        if (abstract != NULL) {
                raise_reason(p, REASON_UNSUPPORTED, "only keys of this provider are encoded by it");
                return NULL;
        }
        bio = BIO_new_from_core_bio(p->libctx, out);
        if (bio == NULL)
                raise_reason(p, REASON_MEMORY, "out of memory");
        return bio;
}

static int written(const struct provider *p, bool ok)
{
        return ok ? 1 : raise_reason(p, REASON_FORMAT, "the key cannot be written: look at the errors before this one");
}

static int encode_spki(struct provider *p, OSSL_CORE_BIO *out, const struct key *k, const OSSL_PARAM abstract[],
                       int (*write)(BIO *bio, const EVP_PKEY *pub))
{
        BIO *bio = open_output(p, out, abstract);
        int ok;

        if (bio == NULL)
                return 0;
        ok = k->pub != NULL && write(bio, k->pub) == 1;
        BIO_free(bio);
        return written(p, ok);
}

static int encode_spki_der(void *ctx, OSSL_CORE_BIO *out, const void *obj, const OSSL_PARAM abstract[], int selection,
                           OSSL_PASSPHRASE_CALLBACK *cb, void *arg)
{
        (void)selection, (void)cb, (void)arg;
        return encode_spki(ctx, out, obj, abstract, i2d_PUBKEY_bio);
}

static int encode_spki_pem(void *ctx, OSSL_CORE_BIO *out, const void *obj, const OSSL_PARAM abstract[], int selection,
                           OSSL_PASSPHRASE_CALLBACK *cb, void *arg)
{
        (void)selection, (void)cb, (void)arg;
        return encode_spki(ctx, out, obj, abstract, PEM_write_bio_PUBKEY);
}

/* The URI without its PIN: a file is read by more people than the key is meant for. */
static int reference_uri(const struct object *o, struct buf *ret)
{
        struct uri shown = o->uri;

        shown.pin_value = (struct buf){ 0 };
        shown.has_type = true;
        shown.type = CKO_PRIVATE_KEY;
        return uri_format(&shown, ret);
}

static int reference_pem(const struct object *o, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf uri = { 0 }, der = { 0 };
        int r;

        if (o->tss.len > 0)
                return pem_encode(TSSKEY_PEM, BYTES(NULL, 0), BYTES_OF(&o->tss), ret);
        r = reference_uri(o, &uri);
        if (r == 0)
                r = ref_encode(BYTES_OF(&uri), &der);
        return r == 0 ? pem_encode(REF_PEM, BYTES(NULL, 0), BYTES_OF(&der), ret) : r;
}

static bool put(BIO *bio, const struct buf *text)
{
        size_t n = 0;

        return BIO_write_ex(bio, text->ptr, text->len, &n) == 1 && n == text->len;
}

/* So that `openssl genpkey` and whatever else saves a key leaves a file that finds it again. */
static int encode_reference(void *ctx, OSSL_CORE_BIO *out, const void *obj, const OSSL_PARAM abstract[], int selection,
                            OSSL_PASSPHRASE_CALLBACK *cb, void *arg)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        const struct key *k = obj;
        BIO *bio;
        bool ok;

        (void)selection, (void)cb, (void)arg;
        bio = open_output(ctx, out, abstract);
        if (bio == NULL)
                return 0;
        ok = k->object != NULL && reference_pem(k->object, &text) == 0 && put(bio, &text);
        BIO_free(bio);
        if (k->object == NULL)
                return raise_reason(ctx, REASON_NO_OBJECT, "this is a public key: it has no private half to refer to");
        return written(ctx, ok);
}

static int encode_refusal(void *ctx, OSSL_CORE_BIO *out, const void *obj, const OSSL_PARAM abstract[], int selection,
                          OSSL_PASSPHRASE_CALLBACK *cb, void *arg)
{
        (void)out, (void)obj, (void)abstract, (void)selection, (void)cb, (void)arg;
        return raise_reason(ctx, REASON_NOT_EXPORTABLE, "the private key is in hardware and cannot be read: write a reference to it as PEM, or -pubout");
}

static int encode_text(void *ctx, OSSL_CORE_BIO *out, const void *obj, const OSSL_PARAM abstract[], int selection,
                       OSSL_PASSPHRASE_CALLBACK *cb, void *arg)
{
        CLEANUP(buf_clear) struct buf uri = { 0 };
        const struct key *k = obj;
        bool private = (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && k->object != NULL, ok = true;
        BIO *bio = open_output(ctx, out, abstract);

        (void)cb, (void)arg;
        if (bio == NULL)
                return 0;
        if (private && k->object->tss.len > 0)
                ok = BIO_puts(bio, "Private-Key: in the TPM, wrapped in a file\n") > 0;
        else if (private)
                ok = reference_uri(k->object, &uri) == 0 && BIO_printf(bio, "Private-Key: in hardware, %s\n", buf_str(&uri)) > 0;
        ok = ok && EVP_PKEY_print_public(bio, k->pub, 0, NULL) > 0;
        BIO_free(bio);
        return written(ctx, ok);
}

#define ENCODER(name, does, encode) \
        static const OSSL_DISPATCH name[] = { \
                { OSSL_FUNC_ENCODER_NEWCTX, (void (*)(void))encoder_new },        { OSSL_FUNC_ENCODER_FREECTX, (void (*)(void))encoder_free }, \
                { OSSL_FUNC_ENCODER_DOES_SELECTION, (void (*)(void))(does) },     { OSSL_FUNC_ENCODER_ENCODE, (void (*)(void))(encode) }, \
                { 0, NULL }, \
        }

ENCODER(spki_der, does_public, encode_spki_der);
ENCODER(spki_pem, does_public, encode_spki_pem);
ENCODER(reference, does_private, encode_reference);
ENCODER(refusal, does_private, encode_refusal);
ENCODER(text, does_text, encode_text);

/* A program that wants the older form of its key type (type-specific) gets the same. */
#define ENCODERS(type) \
        { type, PROPERTIES ",output=der,structure=SubjectPublicKeyInfo", spki_der, "public half of a key" }, \
        { type, PROPERTIES ",output=pem,structure=SubjectPublicKeyInfo", spki_pem, "public half of a key" }, \
        { type, PROPERTIES ",output=pem,structure=PrivateKeyInfo", reference, "reference to a key" }, \
        { type, PROPERTIES ",output=pem,structure=type-specific", reference, "reference to a key" }, \
        { type, PROPERTIES ",output=der,structure=PrivateKeyInfo", refusal, "refuses, and says why" }, \
        { type, PROPERTIES ",output=der,structure=type-specific", refusal, "refuses, and says why" }, \
        { type, PROPERTIES ",output=text", text, "description of a key" }

const OSSL_ALGORITHM encoder_algorithms[] = {
        ENCODERS("EC"),
        ENCODERS("RSA"),
        { NULL, NULL, NULL, NULL },
};
