/* SPDX-License-Identifier: BSD-2-Clause */
/* The key and certificate that the issuer shows who connects: files of the operator's, read anew when they change; or a key of its own with
 * certificates by its own CA, each for a day, a new one long before the old one ends. */
#ifndef HOLDFAST_ISSUER_TLS_H
#define HOLDFAST_ISSUER_TLS_H

#include "issuer/authority.h"
#include "issuer/http.h"
#include "issuer/ledger.h"

struct tls_options {
        const char *key;                /* a pkcs11: URI or a file */
        const char *certificate;        /* PEM, the leaf first; NULL: by the own CA */
        const char *url;                /* its host is what the own CA certifies */
        const char *trust_domain;
        uint64_t (*now)(void);          /* Unix time, seconds; NULL: the system's */
};
struct tls;

/* With the own CA a key that is not there is made. ERR_INVAL: the own CA certifies names, and the URL has an address. What o points to must stay. */
int tls_open(const struct tls_options *o, struct authority *a, struct ledger *l, struct tls **ret);
void tls_close(struct tls *t);

/* What is shown now; until the next tls_tick(). */
const struct http_identity *tls_identity(const struct tls *t);
OSSL_LIB_CTX *tls_libctx(const struct tls *t);
/* Once a second, by one thread; now: in any case. ret_new: the identity is another. An error leaves what was. */
int tls_tick(struct tls *t, bool now, bool *ret_new);
uint64_t tls_not_after(const struct tls *t);

#endif
