/* SPDX-License-Identifier: BSD-2-Clause */
/* How this server speaks TLS. */
#ifndef HOLDFAST_ISSUER_HTTP_TLS_H
#define HOLDFAST_ISSUER_HTTP_TLS_H

#include <openssl/ssl.h>
#include "issuer/http.h"

/* The keys of session tickets: they outlast a change of the certificate, but not their day. */
struct http_tickets;
int http_tickets_new(struct http_tickets **ret);
void http_tickets_free(struct http_tickets *t);

/* TLS 1.3, and 1.2 with forward secrecy and authenticated encryption; HTTP/1 if the client asks what there is. ERR_INVAL: key and
 * certificate do not belong together. */
int http_tls_context(const struct http_server_options *o, const struct http_identity *identity, struct http_tickets *t, SSL_CTX **ret);

#endif
