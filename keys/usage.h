/* SPDX-License-Identifier: BSD-2-Clause */
/* What a key was made for, as the "usage" line of its file: "sign,decrypt". */
#ifndef HOLDFAST_KEYS_USAGE_H
#define HOLDFAST_KEYS_USAGE_H

#include "lib/alg.h"
#include "lib/attrs.h"

/* usage: ALG_SIGN | ALG_DECRYPT | ALG_DERIVE. */
int usage_to_attrs(unsigned usage, struct attrs *a);
/* ERR_NOENT if there is no such line. A word that is not known allows nothing, a value that is no text neither. */
int usage_from_attrs(const struct attrs *a, unsigned *ret);
/* "sign,derive", as an operator writes it: ERR_INVAL for what a key of that kind cannot be made to. */
int usage_parse(const char *text, const struct key_kind *kind, unsigned *ret);

#endif
