/* SPDX-License-Identifier: BSD-2-Clause */
/* Becomes a program that acts for one agent: with its credentials' places in the environment, OpenSSL's provider, and an ssh-agent that has
 * this agent's keys alone.
 *
 *   holdfast run AGENT CMD     makes a private directory, starts the helper, becomes CMD
 *     helper                   serves the ssh-agent; when CMD has ended, whatever way, takes the directory away and ends */
#ifndef HOLDFAST_TOOLS_AGENTRUN_H
#define HOLDFAST_TOOLS_AGENTRUN_H

#include "tools/cli.h"
#include "tools/credfiles.h"
#include "tools/dev.h"

/* Words of a command. Zero-initialise; words_clear(). */
struct words {
        char **list;                    /* ends with NULL */
        size_t n;
};
void words_clear(struct words *w);
/* Appends a copy. */
int words_add(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct agentrun {
        struct credfiles files;
        struct dev_dir dir;
        struct buf socket;              /* of the ssh-agent */
};

/* Becomes the command behind the agent, with the words that begin puts in front of it; NULL: none. Does not come back unless something fails:
 * 126 or 127 if the command cannot be run, ERR_NOCRED if the agent is not enrolled or what it has has ended. */
int agentrun(struct cli *c, int (*begin)(const struct agentrun *a, struct words *w));

#endif
