/* SPDX-License-Identifier: BSD-2-Clause */
/* What does the log look like to a program that has loaded it? */
#include "audit/door.h"
#include <string.h>
#include "config.h"
#include "lib/err.h"

static int open_shared(const char *dir, uint64_t rotate_size, struct audit_log **ret)
{
        const struct audit_log_options o = { .rotate_size = rotate_size, .direct = true };
        struct audit_recovery how;

        return audit_log_open(dir, &o, &how, ret);
}

static int append(struct audit_log *l, struct audit_record *r)
{
        struct audit_record next = { .event = AUDIT_ROTATE, .time_ms = r->time_ms, .direct = true };
        int e = 0;

        if (audit_log_full(l))
                e = audit_log_rotate(l, &next);
        return e == 0 ? audit_append(l, r) : e;
}

__attribute__((visibility("default"))) const struct door *hf_log_door(const char *version, size_t record_size)
{
        static const struct door door = { open_shared, append, audit_log_close, audit_log_abandon, err_text };

        return strcmp(version, PACKAGE_VERSION) == 0 && record_size == sizeof(struct audit_record) ? &door : NULL;
}
