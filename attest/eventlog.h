/* SPDX-License-Identifier: BSD-2-Clause */
/* The firmware's event log (TCG PC Client Platform Firmware Profile, 10): what was extended into which PCR. The log is the host's word; what it
 * says counts where the PCRs that come out are those that a TPM quoted. Of an event only its digest is then vouched for, and
 * its data where that is what the digest is of; never its type. */
#ifndef HOLDFAST_ATTEST_EVENTLOG_H
#define HOLDFAST_ATTEST_EVENTLOG_H

#include <stdbool.h>
#include "lib/alg.h"
#include "lib/buf.h"

#define EVENTLOG_PCRS 24
#define EVENTLOG_EVENTS_MAX 16384

struct eventlog {
        uint8_t pcr[EVENTLOG_PCRS][HASH_MAX];   /* as they come out */
        size_t events;
        bool has_secure_boot;                   /* said once, in PCR 7, before its separator: by the firmware, not by who came later */
        bool secure_boot;
};

/* Replays it for the bank of this hash. ERR_FORMAT: it is none, or has no such bank. */
int eventlog_replay(struct bytes log, const struct hash *h, struct eventlog *ret);

#endif
