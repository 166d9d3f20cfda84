/* SPDX-License-Identifier: BSD-2-Clause */
/* A key behind an OpenSSL provider, as a program would get it and use it. */
#ifndef HOLDFAST_TESTS_OSSLKEY_H
#define HOLDFAST_TESTS_OSSLKEY_H

#include <openssl/pem.h>
#include <stdbool.h>

/* The first key that a URI names; NULL, with OpenSSL's errors, if there is none. ask (may be NULL) is the program's user. */
EVP_PKEY *osslkey_load(OSSL_LIB_CTX *lib, const char *uri, pem_password_cb *ask, void *user);
/* A signature by it, which OpenSSL verifies. */
bool osslkey_signs(OSSL_LIB_CTX *lib, EVP_PKEY *key);

#endif
