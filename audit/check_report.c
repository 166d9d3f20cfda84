/* SPDX-License-Identifier: BSD-2-Clause */
/* How is what a check finds kept and named? */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "audit/checking.h"
#include "lib/err.h"

static const char *const names[] = {
        [0] = "none", [FAULT_RECORD] = "record", [FAULT_CHAIN] = "chain", [FAULT_TREE] = "tree", [FAULT_TILE] = "tile",
        [FAULT_CHECKPOINT] = "checkpoint", [FAULT_TAIL] = "tail", [FAULT_SPLIT] = "split", [FAULT_NV] = "nv", [FAULT_OFF_LOG] = "off-log",
        [FAULT_UNDONE] = "undone", [FAULT_LIST] = "list", [FAULT_LOST_BATCH] = "lost-batch", [FAULT_CLOCK] = "clock",
        [FAULT_SIGNATURE] = "signature", [FAULT_HASHES] = "hashes", [FAULT_UNCLEAN] = "unclean", [FAULT_ROTATION] = "rotation",
};

const char *audit_fault_name(enum audit_fault f)
{
        return (unsigned)f < ARRAY_LEN(names) ? names[f] : NULL;
}

/* A fault takes the place of the last warning when the list is full. NULL: no place, and the list says so already. */
static struct audit_finding *place_for(struct audit_report *r, bool warning)
{
        struct audit_finding *last = &r->list[AUDIT_FINDINGS_MAX];

        if (r->n < AUDIT_FINDINGS_MAX)
                return &r->list[r->n++];
        if (r->n == AUDIT_FINDINGS_MAX) {
                *last = (struct audit_finding){ .warning = true, .log = UINT64_MAX, .seq = UINT64_MAX, .text = strdup("there is more that is not listed") };
                r->n++;
        }
        for (size_t i = AUDIT_FINDINGS_MAX; !warning && i-- > 0;)
                if (r->list[i].warning) {
                        free(r->list[i].text);
                        return &r->list[i];
                }
        return NULL;
}

void check_found(struct check *k, enum audit_fault f, bool warning, struct place at, const char *fmt, ...)
{
        struct audit_report *r = k->rep;
        struct audit_finding *found;
        char text[512];
        va_list ap;

        if (!warning)
                r->ok = false;
        found = place_for(r, warning);
        if (found == NULL)
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        *found = (struct audit_finding){ .fault = f, .warning = warning, .log = at.log, .seq = at.seq, .text = strdup(text) };
}

static int by_place(const struct audit_finding *a, const struct audit_finding *b)
{
        if (a->log != b->log)
                return a->log < b->log ? -1 : 1;
        return a->seq == b->seq ? 0 : a->seq < b->seq ? -1 : 1;
}

/* What was found first of one place stays first. */
void check_sort(struct audit_report *r)
{
        for (size_t i = 1; i < r->n; i++) {
                struct audit_finding f = r->list[i];
                size_t j = i;

                for (; j > 0 && by_place(&f, &r->list[j - 1]) < 0; j--)
                        r->list[j] = r->list[j - 1];
                r->list[j] = f;
        }
}

void audit_report_clear(struct audit_report *r)
{
        for (size_t i = 0; r->list != NULL && i < r->n; i++)
                free(r->list[i].text);
        free(r->list);
        *r = (struct audit_report){ 0 };
}
