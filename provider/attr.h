/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a token: lists of slots and objects, attributes of an object, the public half that they make. */
#ifndef HOLDFAST_PROVIDER_ATTR_H
#define HOLDFAST_PROVIDER_ATTR_H

#include "lib/pk.h"
#include "provider/provider.h"

#define VALUES_MAX 8

/* Attributes and the memory they lie in. Zero-initialise. */
struct values {
        CK_ATTRIBUTE list[VALUES_MAX];
        size_t n;
        struct buf memory;
};

/* What the object does not have is left out. */
CK_RV values_read(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, const CK_ATTRIBUTE_TYPE *types, size_t n, struct values *ret);
/* Nothing if it is not there. */
struct bytes values_get(const struct values *v, CK_ATTRIBUTE_TYPE type);
void values_clear(struct values *v);

/* Handles one behind the other. */
struct handles {
        struct buf memory;
        size_t n;
};
void handles_clear(struct handles *h);
CK_ULONG handles_at(const struct handles *h, size_t i);
CK_RV slots_list(CK_FUNCTION_LIST *f, struct handles *ret);
CK_RV objects_list(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, CK_ATTRIBUTE *template, size_t n, struct handles *ret);

/* The public half of a private or public key: from itself, or from a public key or certificate with the same ID.
 * ERR_NOENT if nothing tells it, ERR_NOTSUP if the key is neither RSA nor EC on a curve of ours. */
int public_half(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE h, CK_KEY_TYPE type, struct pubkey *ret);
/* The same for OpenSSL, in the provider's context. NULL without raising. */
EVP_PKEY *public_evp(const struct provider *p, const struct pubkey *k);

#endif
