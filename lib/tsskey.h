/* SPDX-License-Identifier: BSD-2-Clause */
/* TSS2 PRIVATE KEY files, the form that OpenSSL providers, ssh-tpm-agent and systemd
 * read: draft-woodhouse-cert-best-practice, "ASN.1 Specification of TPM 2.0 Key Files". */
#ifndef HOLDFAST_LIB_TSSKEY_H
#define HOLDFAST_LIB_TSSKEY_H

#include <stdbool.h>
#include "lib/buf.h"
#include "lib/pem.h"

#define TSSKEY_PEM "TSS2 PRIVATE KEY"

enum tsskey_type {
        TSSKEY_LOADABLE,        /* 2.23.133.10.1.3 */
        TSSKEY_SEALED,          /* 2.23.133.10.1.5 */
};

struct tsskey {
        enum tsskey_type type;
        bool empty_auth;
        uint32_t parent;        /* handle */
        struct buf description; /* UTF-8, empty if none */
        struct buf pub;         /* TPM2B_PUBLIC, with its size */
        struct buf priv;        /* TPM2B_PRIVATE, with its size */
};

void tsskey_clear(struct tsskey *k);
int tsskey_encode(const struct tsskey *k, struct buf *ret_der);
/* ERR_NOTSUP for importable keys and keys with a policy; trailing bytes are ERR_FORMAT. */
int tsskey_decode(struct bytes der, struct tsskey *ret);

#endif
