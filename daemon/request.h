/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a request ask for? libp11-kit's server makes room for whatever number a request holds before our functions see it, so a few octets
 * could take gigabytes. */
#ifndef HOLDFAST_DAEMON_REQUEST_H
#define HOLDFAST_DAEMON_REQUEST_H

#include "lib/buf.h"
#include "lib/cryptoki.h"

#define REQUEST_ROOM_MAX (4u * 1024u * 1024u)

/* body: a frame's. CKR_OK: it is a whole request and wants a fair amount of room. CKR_DEVICE_ERROR, CKR_DEVICE_MEMORY: it is to be answered with
 * that, as the server would if it could not read it or had no memory. */
CK_RV request_check(struct bytes body);

#endif
