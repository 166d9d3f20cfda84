/* SPDX-License-Identifier: BSD-2-Clause */
/* libp11-kit's own client, for tests of what serves it. */
#ifndef HOLDFAST_TESTS_SERVED_H
#define HOLDFAST_TESTS_SERVED_H

#include "lib/cryptoki.h"

/* Its functions, for a connection to that socket with its next C_Initialize. Ends the program if it is not installed. */
CK_FUNCTION_LIST *served_client(const char *socket);

#endif
