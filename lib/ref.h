/* SPDX-License-Identifier: BSD-2-Clause */
/* Reference files: a PEM block that holds a pkcs11: URI in place of a key, so that a program which reads a key file takes a
 * key in hardware. The form is pkcs11-provider's:
 *
 *   SEQUENCE { VisibleString "PKCS#11 Provider URI v1.0", UTF8String uri } */
#ifndef HOLDFAST_LIB_REF_H
#define HOLDFAST_LIB_REF_H

#include <stdbool.h>
#include "lib/buf.h"

#define REF_PEM "PKCS#11 PROVIDER URI"
#define REF_URI_MAX 4096

int ref_encode(struct bytes uri, struct buf *ret_der);
/* ERR_FORMAT; the URI, which is printable UTF-8 and begins with "pkcs11:", stays in der. */
int ref_decode(struct bytes der, struct bytes *ret_uri);
/* True if it is one, perhaps a broken one: for whoever is shown any DER. */
bool ref_is(struct bytes der);

#endif
