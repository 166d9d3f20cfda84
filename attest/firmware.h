/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of TPM firmware that is refused, as a text file. A line each:
 *
 *      INTC 0x0001000200030000 0x00010002ffffffff  weak RSA keys
 *
 * Manufacturer (four characters as the TPM gives them, shorter where they end in blanks or zeros; "*": any), first and last version (hexadecimal
 * after 0x, or decimal, "*": the lowest and the highest), and what is said of it. Empty lines and such that begin with # do not count. */
#ifndef HOLDFAST_ATTEST_FIRMWARE_H
#define HOLDFAST_ATTEST_FIRMWARE_H

#include "holdfast/evidence.h"
#include "lib/buf.h"

#define FIRMWARE_LIST_MAX (256u << 10)  /* octets of the file */
#define FIRMWARE_MAX 4096               /* lines that count */

struct firmware_list {
        struct hf_firmware *denied;     /* for hf_evidence_policy */
        char **comments;                /* one each, "" if none */
        size_t n;
};
void firmware_list_clear(struct firmware_list *l);

/* Replaces what ret held. ERR_FORMAT names the line. */
int firmware_list_parse(struct bytes text, struct firmware_list *ret);
/* The first of the rows that refuses it, or NULL. manufacturer 0: not known, and then every row applies. Whether a short name is filled up with blanks
 * or with zeros makes no difference. */
const struct hf_firmware *firmware_find(const struct hf_firmware *rows, size_t n, uint32_t manufacturer, uint64_t version);

/* "INTC" for 0x494e5443, up to four characters and NUL; what cannot be shown is "?". */
void manufacturer_text(uint32_t id, char ret[5]);
/* The other way round. ERR_FORMAT unless it is one to four printable characters without a blank in front or between. */
int manufacturer_parse(struct bytes text, uint32_t *ret);

#endif
