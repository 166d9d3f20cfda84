/* SPDX-License-Identifier: BSD-2-Clause */
/* Tokens and new objects: what finding, making and keeping objects share. */
#ifndef HOLDFAST_PROVIDER_OBJECT_H
#define HOLDFAST_PROVIDER_OBJECT_H

#include "provider/provider.h"

/* A token that a URI names. */
struct token {
        struct provider *provider;
        struct module *module;
        CK_FUNCTION_LIST *functions;
        CK_SLOT_ID slot;
        CK_TOKEN_INFO info;
        const struct uri *uri;
        struct bytes pin;       /* ptr NULL: none known, or none needed */
};

/* Calls fn for each token that the URI names, until it answers what is not 0. Raises if there is none, and then and when fn
 * answered less than 0 (having raised) returns 0; otherwise 1. */
int tokens_each(struct provider *p, const struct uri *u, int (*fn)(const struct token *t, void *ctx), void *ctx);
/* session_take() on it. */
CK_RV token_session(const struct token *t, bool rw, CK_SESSION_HANDLE *ret);

/* An object of the token by its handle. NULL, with *ret_r: ERR_NOMEM, or ERR_NOTSUP or ERR_NOENT when it is nothing that OpenSSL could use. */
struct object *object_new(const struct token *t, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, CK_OBJECT_CLASS class, int *ret_r);
/* Without a handle yet. NULL if memory ran out. */
struct object *object_new_empty(const struct token *t, CK_OBJECT_CLASS class);
/* The first private key with this public half, or in a token whose PIN is still to be told the public key; *ret NULL if there is none.
 * 1, or 0 after raising. */
int object_find_public(struct provider *p, EVP_PKEY *pub, struct object **ret);

#endif
