/* SPDX-License-Identifier: BSD-2-Clause */
/* Certificates of keys in a TPM, judged by OpenSSL at a given time, from given roots, and by nothing else: no file, no network. */
#ifndef HOLDFAST_ATTEST_TRUST_H
#define HOLDFAST_ATTEST_TRUST_H

#include <stdint.h>
#include "lib/buf.h"

#define TRUST_CHAIN_MAX 5       /* certificates, root left out */

/* What a certificate must be good for (TCG EK Credential Profile; RFC 5280 4.2.1.12). */
#define TRUST_EK "2.23.133.8.1"
#define TRUST_AK "2.23.133.8.3"

struct trust {
        const struct bytes *roots;      /* DER */
        size_t n_roots;
        int64_t time;                   /* Unix time */
        const char *purpose;            /* TRUST_*; NULL: any */
};

/* Does chain[0], for the key with this SubjectPublicKeyInfo, hang on one of the roots by the certificates behind it? *ret_root: on which.
 * ERR_FORMAT: no certificates. ERR_DENIED: why not. */
int trust_check(const struct trust *t, const struct bytes *chain, size_t n, struct bytes spki, size_t *ret_root);

/* The certificate in the contents of an NV index, without what some makers put in front and behind. ret: borrowed. ERR_FORMAT. */
int trust_from_nv(struct bytes nv, struct bytes *ret);

#endif
