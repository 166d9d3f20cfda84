/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the OpenSSL provider share: the instance, the module behind it, objects in it.
 *
 * Keys are used through a CK_FUNCTION_LIST and nothing else; public halves are used in software by
 * OpenSSL's default provider in a library context of our own. */
#ifndef HOLDFAST_PROVIDER_PROVIDER_H
#define HOLDFAST_PROVIDER_PROVIDER_H

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/types.h>
#include <stdbool.h>
#include "lib/buf.h"
#include "lib/cryptoki.h"

struct module;  /* a loaded PKCS#11 module: one per path and process */

/* One OSSL_PROVIDER. */
struct provider {
        const OSSL_CORE_HANDLE *core;
        OSSL_LIB_CTX *libctx;           /* ours: default provider only, never the program's; by OSSL_LIB_CTX_new_from_dispatch, for BIO_new_from_core_bio */
        OSSL_PROVIDER *software;        /* that default provider */
        OSSL_FUNC_core_new_error_fn *new_error;
        OSSL_FUNC_core_set_error_debug_fn *set_error_debug;
        OSSL_FUNC_core_vset_error_fn *vset_error;
        char *module_path;              /* parameter "pkcs11-module-path" ("module" in openssl.cnf is our own file), HOLDFAST_MODULE or the installed one */
        char *pin_source;               /* parameter "pin-source": a file, or NULL */
        bool rsa_pkcs1_decrypt;         /* parameter "rsa-pkcs1-decrypt" */
        struct module *module;          /* NULL until a key is asked for: an unused provider loads nothing */
};

/* provider/error.c. Raises one OpenSSL error with our sentence and what to do; returns 0 for `return`. */
enum reason {
        REASON_MODULE = 1,              /* the PKCS#11 module cannot be loaded or does not work */
        REASON_URI, REASON_NO_TOKEN, REASON_NO_OBJECT, REASON_PIN, REASON_KEY_GONE, REASON_TPM,
        REASON_UNSUPPORTED, REASON_FORMAT, REASON_NOT_EXPORTABLE, REASON_LENGTH, REASON_MEMORY, REASON_FOREIGN,
};
const OSSL_ITEM *error_reasons(void);
int raise_reason(const struct provider *p, enum reason r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same from a CK_RV, with what was being done ("C_Sign"). */
int raise_rv(const struct provider *p, CK_RV rv, const char *what);

/* provider/module.c. */
/* The instance's module, loaded and initialised at the first call; once per path and process, counted. NULL after raising. */
struct module *module_get(struct provider *p);
void module_put(struct module *m);
CK_FUNCTION_LIST *module_functions(struct module *m);
/* C_GetInfo, after a C_Initialize if somebody has finalised the module or the process is a forked child. */
CK_RV module_info(struct module *m, CK_INFO *ret);
/* A session on a slot, from the pool or new; logged in if pin is given (once per slot and process). Heals after fork (C_Initialize again) and
 * after CKR_SESSION_HANDLE_INVALID or CKR_CRYPTOKI_NOT_INITIALIZED. A PIN that the token has refused is not tried again. */
CK_RV session_take(struct module *m, CK_SLOT_ID slot, bool rw, const struct bytes *pin, CK_SESSION_HANDLE *ret);
/* Back to the pool; with rv not CKR_OK it is closed. */
void session_give(struct module *m, CK_SLOT_ID slot, CK_SESSION_HANDLE s, CK_RV rv);
/* For the operation that has just begun with a key that wants the PIN each time (CKA_ALWAYS_AUTHENTICATE). */
CK_RV session_authenticate(struct module *m, CK_SLOT_ID slot, CK_SESSION_HANDLE s, struct bytes pin);
/* One thread looks for objects anew; a fork waits for it. */
void finding_lock(void);
void finding_unlock(void);
/* Changes when handles from before are void: after a fork or a re-initialisation. */
unsigned long module_generation(struct module *m);

/* provider/uri.c: RFC 7512. Zero-initialise. */
struct uri {
        struct buf token, manufacturer, serial, model, object, id;      /* ptr NULL: not given */
        struct buf library_manufacturer, library_description;
        bool has_type, has_slot_id, has_library_version;
        CK_OBJECT_CLASS type;
        CK_SLOT_ID slot_id;
        CK_VERSION library_version;
        struct buf pin_value, pin_source, module_path, module_name;
};
int uri_parse(struct bytes text, struct uri *ret);      /* ERR_FORMAT with a sentence */
int uri_format(const struct uri *u, struct buf *ret);
void uri_clear(struct uri *u);
bool uri_matches_token(const struct uri *u, CK_SLOT_ID slot, const CK_TOKEN_INFO *t);
bool uri_matches_library(const struct uri *u, const CK_INFO *i);

/* provider/pin.c. */
/* How the program lets its user be asked; callback may be NULL. */
struct asking {
        OSSL_PASSPHRASE_CALLBACK *callback;
        void *arg;
};
/* The PIN that the URI or the configuration tells; *ret empty (ptr NULL) if none does. 1, or 0 after raising. */
int pin_told(const struct provider *p, const struct uri *u, struct buf *ret);
/* Asks for the PIN, once, if the one token that the URI names wants one and nobody told it: u->pin_value. Without an answer the URI stays
 * as it is. 1, or 0 after raising. */
int pin_ask(struct provider *p, struct uri *u, const struct asking *ask);

/* provider/object.c: a private key, public key or certificate in the module. Refcounted, thread-safe. */
struct object {
        struct provider *provider;
        CK_OBJECT_CLASS class;          /* CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_CERTIFICATE */
        CK_KEY_TYPE type;
        struct uri uri;                 /* enough to find it again: token, serial, id, object, type, pin */
        struct buf cert;                /* DER, of a certificate */
        EVP_PKEY *pub;                  /* the public half, in provider->libctx; of a key */
        struct buf tss;                 /* DER of a TSS2 key that is in no store: made anew in each generation */
        /* object.c's own */
        struct buf pin;                 /* wiped; never written into a URI */
        bool always_authenticate;       /* it wants the PIN for each operation */
        CK_SESSION_HANDLE home;         /* of tss: the object lives as long as the session that made it */
        CK_SLOT_ID home_slot;
        CK_SLOT_ID slot;
        CK_OBJECT_HANDLE handle;
        unsigned long generation;
        int refs;
};
struct object *object_ref(struct object *o);
void object_unref(struct object *o);
/* Where an object is now, and a session to use it in: session_give() that. */
struct place {
        CK_SLOT_ID slot;
        CK_SESSION_HANDLE session;
        CK_OBJECT_HANDLE handle;
};
/* Found anew if it was lost. */
CK_RV object_open(struct object *o, struct place *ret);
/* This handle turned out to be void. */
void object_lost(struct object *o, CK_OBJECT_HANDLE handle);
/* All that a URI names, in the module's order; calls found() with a reference it may keep (object_ref). What is not 0 stops, below 0 (having raised) as a failure. 1, or 0 after raising. */
int object_find(struct provider *p, const struct uri *u, int (*found)(struct object *o, void *ctx), void *ctx);
/* A TSS2 PRIVATE KEY by its DER. NULL after raising. */
struct object *object_from_tss(struct provider *p, struct bytes der, const struct asking *ask);
/* A new key pair in the token that the URI names. NULL after raising. curve: OpenSSL's group name; bits: RSA. */
struct object *object_generate(struct provider *p, const struct uri *u, CK_KEY_TYPE type, const char *curve, unsigned bits);

/* provider/use.c: a private key at work. Each takes a session, finds the handle if the generation changed, does it in one PKCS#11 operation, gives it back.
 * 1, or 0 after raising. */
int use_sign(struct object *o, CK_MECHANISM *m, struct bytes in, struct buf *ret_sig);
int use_decrypt(struct object *o, CK_MECHANISM *m, struct bytes in, struct buf *ret_out);
int use_derive(struct object *o, struct bytes point, struct buf *ret_z);

/* What OpenSSL calls a key of ours: keymgmt's keydata. */
struct key {
        struct provider *provider;
        struct object *object;          /* NULL: a public key only */
        EVP_PKEY *pub;                  /* in provider->libctx */
        bool parameters_only;           /* pub has a curve and no point */
        int type;                       /* EVP_PKEY_EC, EVP_PKEY_RSA */
        int refs;
};
struct key *key_new(struct provider *p, int type);      /* keymgmt.c */
struct key *key_ref(struct key *k);
void key_free(struct key *k);
/* From an object of class private or public key; takes its own references. What store and decoders hand to libcrypto as
 * OSSL_OBJECT_PARAM_REFERENCE holds a struct object *, which stays theirs: keymgmt's load() is this function. */
struct key *key_from_object(struct object *o);

/* The tables that provider.c answers OpenSSL's queries with. */
extern const OSSL_ALGORITHM keymgmt_algorithms[], signature_algorithms[], asym_cipher_algorithms[], exchange_algorithms[],
        store_algorithms[], decoder_algorithms[], encoder_algorithms[];

#define PROPERTIES "provider=holdfast"

#endif
