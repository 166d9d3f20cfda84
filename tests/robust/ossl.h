/* SPDX-License-Identifier: BSD-2-Clause */
/* The OpenSSL provider as the robustness tests use it, beside the PKCS#11 module. */
#ifndef HOLDFAST_TESTS_ROBUST_OSSL_H
#define HOLDFAST_TESTS_ROBUST_OSSL_H

#include <stdbool.h>

/* A fresh library context with the default provider and this build's holdfast.so (HF_PROVIDER). False if it does not come up. */
bool ossl_start(void);
/* The P-256 key "k" of the test's agent, by pkcs11: URI. Replaces the one loaded before. */
bool ossl_load(void);
/* A signature by it, which OpenSSL's own code verifies. */
bool ossl_sign(void);
/* The key as a file stands for it: written as reference PEM, read again. */
bool ossl_reload(void);

#endif
