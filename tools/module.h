/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the PKCS#11 module, the OpenSSL provider and the daemon are that go with this command. */
#ifndef HOLDFAST_TOOLS_MODULE_H
#define HOLDFAST_TOOLS_MODULE_H

#include <stdbool.h>
#include "lib/buf.h"

/* $HOLDFAST_MODULE, the build tree's where the command runs from one, else the installed one's path. */
int module_path(struct buf *ret);
/* The same of the provider, $HOLDFAST_PROVIDER. */
int module_provider_path(struct buf *ret);
/* The same of the daemon, $HOLDFAST_DAEMON. */
int module_daemon_path(struct buf *ret);
/* The same of the issuer, $HOLDFAST_ISSUER_PROGRAM. */
int module_issuer_path(struct buf *ret);
/* The directory of this command, where it runs from a build tree; ERR_NOENT otherwise. */
int module_build_dir(struct buf *ret);

#endif
