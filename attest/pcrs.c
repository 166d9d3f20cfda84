/* SPDX-License-Identifier: BSD-2-Clause */
/* Which PCRs are meant? */
#include <ctype.h>
#include <stdio.h>
#include "attest/evidence.h"
#include "attest/pcrs.h"
#include "lib/err.h"

int pcrs_parse(const char *text, uint32_t *ret)
{
        uint32_t pcrs = 0;
        const char *p = text;

        for (;;) {
                unsigned n = 0;

                if (!isdigit((unsigned char)*p))
                        return err(ERR_INVAL, "PCRs are numbers with commas between them, such as 0,2,7, and not %s", text);
                while (isdigit((unsigned char)*p) && n < EVIDENCE_PCRS)
                        n = n * 10 + (unsigned)(*p++ - '0');
                if (n >= EVIDENCE_PCRS || (pcrs >> n & 1) != 0)
                        return err(ERR_INVAL, "PCRs are 0 to %d, each once, and not %s", EVIDENCE_PCRS - 1, text);
                pcrs |= 1u << n;
                if (*p == 0)
                        break;
                if (*p++ != ',')
                        return err(ERR_INVAL, "PCRs are numbers with commas between them, such as 0,2,7, and not %s", text);
        }
        *ret = pcrs;
        return 0;
}

const char *pcrs_text(uint32_t pcrs, char ret[PCRS_TEXT_SIZE])
{
        size_t len = 0;

        ret[0] = 0;
        for (unsigned i = 0; i < EVIDENCE_PCRS; i++)
                if (pcrs >> i & 1)
                        len += (size_t)snprintf(ret + len, PCRS_TEXT_SIZE - len, "%s%u", len > 0 ? "," : "", i);
        return ret;
}
