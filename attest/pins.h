/* SPDX-License-Identifier: BSD-2-Clause */
/* Endorsement keys that somebody has vouched for, as a text file. A line each:
 *
 *      a3f1...64 hexadecimal digits  build-42.example.com
 *
 * SHA-256 of the EK's SubjectPublicKeyInfo, or its TPM Name (000b and 64 digits, 000c and 96), and where the TPM is of one host alone, that host.
 * Empty lines and such that begin with # do not count. */
#ifndef HOLDFAST_ATTEST_PINS_H
#define HOLDFAST_ATTEST_PINS_H

#include <stddef.h>
#include <stdint.h>
#include "lib/buf.h"

#define PINS_FILE_MAX (16u << 20)       /* octets of the file */
#define PINS_HOST_MAX 253

struct pin {
        uint8_t value[66];              /* digest, or Name */
        size_t len;
        char *host;                     /* NULL: any */
};

struct pins {
        struct pin *pins;               /* shorter ones, then smaller ones first */
        size_t n;
};
void pins_clear(struct pins *p);

/* Replaces what ret held. The same key twice is ERR_FORMAT, as is all else that is no pin; it names the line. */
int pins_parse(struct bytes text, struct pins *ret);
/* Is the EK with this Name and SubjectPublicKeyInfo pinned for that host? 0, ERR_NOENT: it is not; ERR_FOREIGN: for another host. */
int pins_check(const struct pins *p, struct bytes name, struct bytes spki, const char *host);

#endif
