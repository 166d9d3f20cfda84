/* SPDX-License-Identifier: BSD-2-Clause */
/* A source for the ssh-agent that has no TPM: a P-256 key with a certificate, and an RSA key; its signatures are made of what was to be signed. */
#ifndef HOLDFAST_TESTS_SSHAGENTFIX_H
#define HOLDFAST_TESTS_SSHAGENTFIX_H

#include "tools/sshagent.h"

struct sshagentfix {
        struct pubkey ec, rsa;
        struct buf certificate;
        struct sshagent_source source;
        unsigned signatures;
};
/* 0, or an error. */
int sshagentfix_make(struct sshagentfix *ret);
void sshagentfix_clear(struct sshagentfix *x);

#endif
