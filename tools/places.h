/* SPDX-License-Identifier: BSD-2-Clause */
/* Where things are that other programs' configuration speaks of: this user's home, our module and provider, the system's openssl.cnf. */
#ifndef HOLDFAST_TOOLS_PLACES_H
#define HOLDFAST_TOOLS_PLACES_H

#include "tools/program.h"

/* Zero-initialise; places_clear(). */
struct places {
        struct buf module, home, config_home, provider, openssl_cnf;
        struct opensslconf openssl;
};
void places_clear(struct places *p);
int places_find(struct places *ret);
/* What they are for a plan, which borrows them; no key in it yet. */
struct plan_facts places_facts(struct places *p);

#endif
