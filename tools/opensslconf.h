/* SPDX-License-Identifier: BSD-2-Clause */
/* What the system's configuration of OpenSSL says about providers already, so that ours joins them; config(5). */
#ifndef HOLDFAST_TOOLS_OPENSSLCONF_H
#define HOLDFAST_TOOLS_OPENSSLCONF_H

#include <stdbool.h>
#include "lib/buf.h"

/* Zero-initialise; opensslconf_clear(). */
struct opensslconf {
        struct buf init;          /* the section that openssl_conf names */
        struct buf providers;     /* the section that its "providers" names */
        bool activates;           /* one of them is activated there: then OpenSSL activates no default one by itself */
};
void opensslconf_clear(struct opensslconf *c);

/* A file that is not there or cannot be read says nothing: then the usual names stand. */
int opensslconf_read(const char *path, struct opensslconf *ret);

#endif
