/* SPDX-License-Identifier: BSD-2-Clause */
/* A PKCS#11 module by dlopen, so that the same tests run against other modules too:
 *
 *   HF_MODULE   path of the module
 *   P11_TOKEN   label of the token, "a" if not given
 *   P11_PIN     log in as user, not at all if not given */
#ifndef HOLDFAST_TESTS_P11_H
#define HOLDFAST_TESTS_P11_H

#include <stdbool.h>
#include <stddef.h>
#include "lib/cryptoki.h"

struct p11 {
        CK_FUNCTION_LIST *f;
        CK_SLOT_ID slot;
        CK_SESSION_HANDLE s;
};

/* Loads; exits with a sentence if that fails. Calls nothing but C_GetFunctionList. */
void p11_load(struct p11 *p);
/* C_Initialize with the operating system's locks, and the token's slot. */
CK_RV p11_init(struct p11 *p);
/* A read-write session, logged in where P11_PIN says so. */
CK_RV p11_open(struct p11 *p);
/* All of it; exits if it fails. */
void p11_start(struct p11 *p);

/* A P-256 pair on the token; label is its ID too. */
CK_RV p11_generate(const struct p11 *p, const char *label, CK_OBJECT_HANDLE *ret_pub, CK_OBJECT_HANDLE *ret_priv);
/* Objects of a class, with a label unless NULL. The number found, at most max. */
CK_RV p11_find(const struct p11 *p, CK_OBJECT_CLASS class, const char *label, CK_OBJECT_HANDLE *ret, size_t max, size_t *ret_n);
/* CKA_LABEL as a string. */
CK_RV p11_label(const struct p11 *p, CK_OBJECT_HANDLE h, char *out, size_t size);
/* One CKM_ECDSA signature of random bytes. */
CK_RV p11_sign(const struct p11 *p, CK_OBJECT_HANDLE priv, unsigned char digest[32], unsigned char sig[64]);
/* OpenSSL's word on it, with the point of the public key object. */
bool p11_verify(const struct p11 *p, CK_OBJECT_HANDLE pub, const unsigned char digest[32], const unsigned char sig[64]);
/* Signs and verifies. */
bool p11_works(const struct p11 *p, CK_OBJECT_HANDLE pub, CK_OBJECT_HANDLE priv);

#endif
