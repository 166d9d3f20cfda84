/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of PCRs as people write them: "0,2,7". */
#ifndef HOLDFAST_ATTEST_PCRS_H
#define HOLDFAST_ATTEST_PCRS_H

#include <stdint.h>

#define PCRS_TEXT_SIZE 72

/* Each once, in any order. ret: bit n is PCR n. ERR_INVAL. */
int pcrs_parse(const char *text, uint32_t *ret);
/* In rising order, in ret. */
const char *pcrs_text(uint32_t pcrs, char ret[PCRS_TEXT_SIZE]);

#endif
