/* SPDX-License-Identifier: BSD-2-Clause */
/* The list that `doctor` fills. */
#ifndef HOLDFAST_KEYS_FINDINGS_H
#define HOLDFAST_KEYS_FINDINGS_H

#include "keys/admin.h"

/* Adds a line; fmt is the sentence, mend (may be NULL) what to do. */
int finding_add(struct findings *f, int level, const char *subject, const char *mend, const char *fmt, ...)
        __attribute__((format(printf, 5, 6)));
/* The same out of the thread's last error, with the hint that goes with its code where mend is NULL. */
int finding_add_error(struct findings *f, int level, const char *subject, int code, const char *mend);

/* doctor_tpm.c: device, its rights, health. ret_reachable: whether it is worth asking it more. */
int doctor_device(const struct conf *c, struct findings *f, bool *ret_reachable);
int doctor_health(struct tpm *t, struct findings *f);
int doctor_tss(struct findings *f);

#endif
