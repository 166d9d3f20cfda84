/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates as files hold them: PEM or DER, read once, with OpenSSL. */
#ifndef HOLDFAST_TOOLS_CERT_H
#define HOLDFAST_TOOLS_CERT_H

#include <stdio.h>
#include "lib/buf.h"

/* The first certificate in PEM or DER text. ERR_INVAL if there is none. */
int cert_decode(struct bytes text, struct buf *ret_der);
/* Its SubjectPublicKeyInfo, DER. */
int cert_spki(struct bytes der, struct buf *ret);
/* Everything in it for people, escaped. */
int cert_describe(struct bytes der, struct buf *ret);
/* Subject, issuer (RFC 2253) and the end of its life (RFC 3339). */
int cert_summary(struct bytes der, struct buf *ret_subject, struct buf *ret_issuer, struct buf *ret_not_after);

#endif
