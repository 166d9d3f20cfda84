/* SPDX-License-Identifier: BSD-2-Clause */
/* By which CA certificates is the issuer believed when its own CA's key has been followed by another? */
#ifndef HOLDFAST_ENROLL_FOLLOW_H
#define HOLDFAST_ENROLL_FOLLOW_H

#include "lib/buf.h"

/* trusted: PEM, what the issuer's TLS certificate hangs on by now. bundle: PEM, the CA certificates that it has published with a credential.
 * Where one of the bundle is trusted, the issuer shows a certificate by its own CA: from now on all of the bundle are, and those no more that the bundle
 * has left behind: of the same subject, and not in it. Whatever else was trusted still is. Nothing in ret: it stays as it is. ERR_NOMEM. */
int follow_ca(struct bytes trusted, const char *bundle, struct buf *ret);

#endif
