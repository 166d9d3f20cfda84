/* SPDX-License-Identifier: BSD-2-Clause */
/* A certificate signing request (PKCS #10) says one thing to this issuer: that whoever made it has the key. */
#ifndef HOLDFAST_ISSUER_CSR_H
#define HOLDFAST_ISSUER_CSR_H

#include "lib/buf.h"

/* pem: exactly one. ERR_FORMAT; ERR_DENIED: it is for another key than spki, or not signed by that. Names and extensions in it are not looked at. */
int csr_check(const char *pem, struct bytes spki);

#endif
