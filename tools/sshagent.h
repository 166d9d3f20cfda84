/* SPDX-License-Identifier: BSD-2-Clause */
/* The ssh-agent protocol (draft-ietf-sshm-ssh-agent) for one agent's keys: identities are listed and sign; every other request, also to add,
 * remove or lock, is refused. */
#ifndef HOLDFAST_TOOLS_SSHAGENT_H
#define HOLDFAST_TOOLS_SSHAGENT_H

#include "lib/pk.h"

#define SSHAGENT_MESSAGE_MAX (256u * 1024)
#define SSHAGENT_IDENTITIES_MAX 64

/* A key, or a certificate for one. */
struct sshagent_identity {
        struct buf blob, comment;       /* as the protocol has them */
        struct pubkey pub;
        size_t key;                     /* what the source knows it by */
};
struct sshagent_list {
        struct sshagent_identity list[SSHAGENT_IDENTITIES_MAX];
        size_t n;
};
/* For CLEANUP(). */
void sshagent_list_clear(struct sshagent_list *l);
/* One more. Takes a copy; certificate: its blob, or empty: the key itself. ERR_FORMAT: the certificate is not for this key. ERR_NOTSUP: OpenSSH
 * knows no such keys. ERR_RANGE: there is no room. */
int sshagent_list_add(struct sshagent_list *l, const struct pubkey *k, struct bytes certificate, struct bytes comment, size_t key);

/* Where identities and signatures come from. */
struct sshagent_source {
        int (*list)(void *ctx, struct sshagent_list *ret);
        /* r || s, or PKCS#1 v1.5. */
        int (*sign)(void *ctx, size_t key, const struct hash *h, struct bytes data, struct buf *ret);
        void *ctx;
};

/* A message without its length; the answer with its length is appended. What cannot be done is answered too: only want of memory is an error. */
int sshagent_answer(const struct sshagent_source *s, struct bytes message, struct buf *out);

/* Serves this user's own processes on a listening socket until the other descriptor can be read. */
int sshagent_serve(const struct sshagent_source *s, int listen_fd, int until_fd);

#endif
