/* SPDX-License-Identifier: BSD-2-Clause */
/* The process beside a command that acts for an agent. */
#ifndef HOLDFAST_TOOLS_AGENTHELPER_H
#define HOLDFAST_TOOLS_AGENTHELPER_H

#include "tools/credfiles.h"
#include "tools/dev.h"

/* Listens on the socket when this returns, in a process that is nobody's child and has no terminal; when this one has ended, it removes the
 * directory and ends. */
int agenthelper_start(const struct credfiles *f, const struct dev_dir *d, const char *socket);

#endif
