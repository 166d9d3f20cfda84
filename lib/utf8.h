/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOLDFAST_LIB_UTF8_H
#define HOLDFAST_LIB_UTF8_H

#include <stdbool.h>
#include "lib/buf.h"

/* Well-formed UTF-8 (RFC 3629): shortest form, no surrogates, nothing above U+10FFFF. */
bool utf8_valid(struct bytes in);
/* The same, and without control characters (C0, DEL, C1): fit to be shown. */
bool utf8_printable(struct bytes in);

#endif
