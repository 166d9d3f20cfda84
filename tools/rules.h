/* SPDX-License-Identifier: BSD-2-Clause */
/* An agent's rules as people write and read them. */
#ifndef HOLDFAST_TOOLS_RULES_H
#define HOLDFAST_TOOLS_RULES_H

#include "tools/keeper.h"

/* Words with blanks between, and "allow" in front where it is missing, as canonical text. ERR_USAGE: they are no rule. */
int rules_text(char *const *words, size_t n, struct buf *ret);
/* agent show --effective. */
int rules_show(const struct cli *c, struct keeper *k, const char *agent);

#endif
