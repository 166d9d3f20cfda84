/* SPDX-License-Identifier: BSD-2-Clause */
/* One connection to an issuer, made by another process: whoever has a TPM or keys opens no network, and who has the network, holdfast-http,
 * has neither. It keeps one TLS connection alive for as long as the issuer does. */
#ifndef HOLDFAST_ENROLL_LINK_H
#define HOLDFAST_ENROLL_LINK_H

#include "lib/buf.h"

/* Borrowed. */
struct link_target {
        const char *socket;             /* of a holdfast-http that the service manager starts; NULL: it is started here */
        const char *program;            /* which one then; NULL: the one that belongs to this program */
        const char *url;                /* "https://issuer.example:8443" */
        struct bytes ca;                /* PEM of the certificates that alone are trusted; empty: the system's */
};

struct link;

/* Nothing is asked of the issuer yet. ERR_INVAL: the URL or the certificates will not do. ERR_NOENT: there is no such program or socket. */
int link_open(const struct link_target *t, struct link **ret);
/* Accepts NULL. Ends the program if it was started here. */
void link_close(struct link *l);

/* GET, or POST of a JSON text. 0: the issuer has answered, whatever its status is. ERR_IO: it cannot be reached, or TLS does not trust it;
 * ERR_TIMEOUT. After an error of the link itself (link_broken()) it has to be opened anew. By one thread at a time. */
int link_get(struct link *l, const char *path, unsigned *ret_status, struct buf *ret_body);
int link_post(struct link *l, const char *path, struct bytes json, unsigned *ret_status, struct buf *ret_body);
bool link_broken(const struct link *l);
/* By any thread: whoever waits for an answer gets an error. */
void link_cut(struct link *l);

#endif
