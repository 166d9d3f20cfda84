/* SPDX-License-Identifier: BSD-2-Clause */
/* SSH certificates (OpenSSH's PROTOCOL.certkeys). */
#ifndef HOLDFAST_ISSUER_CRED_SSH_H
#define HOLDFAST_ISSUER_CRED_SSH_H

#include "issuer/ca.h"
#include "issuer/grant.h"

/* PROTOCOL.certkeys, "type". */
enum ssh_cert_type { SSH_CERT_USER = 1, SSH_CERT_HOST = 2 };

/* One line of text: TYPE BASE64 AGENT, as a "-cert.pub" file has it. ERR_DENIED if the grant has no principals of this kind: with none it would be good for all. */
int cred_ssh(const struct ca_key *ca, const struct granted *g, enum ssh_cert_type type, struct buf *ret);

#endif
