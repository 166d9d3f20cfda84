/* SPDX-License-Identifier: BSD-2-Clause */
/* Files for everybody to read, each exchanged in one step: nobody sees half of one. They are not durable: who publishes can do it again. */
#ifndef HOLDFAST_DAEMON_PUBLISH_H
#define HOLDFAST_DAEMON_PUBLISH_H

#include "keys/store.h"

/* The directory of them all; it is made if it is missing. */
int publish_open(const char *path, int *ret_fd);
/* AGENT/LABEL in it, names escaped as the store escapes labels; made if missing. */
int publish_directory(int fd, const char *agent, struct bytes label, int *ret_fd);
/* In the place of what is there. */
int publish_file(int dir, const char *name, struct bytes content);
/* key.pem, which stands for the key in programs that read one, and for those that OpenSSH has id.pub. Left alone if they are right. */
int publish_key(int dir, const char *agent, struct item *key);
/* AGENT/LABEL and what is in it, and AGENT with the last. 0 also if it is not there. */
int publish_remove(int fd, const char *agent, struct bytes label);

#endif
