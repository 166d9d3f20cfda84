/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a record look to people? One line: when, which one, what, whether, with which key, by whom, why. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "tools/audit.h"
#include "tools/text.h"

void audit_time(uint64_t ms, char ret[AUDIT_TIME_SIZE])
{
        time_t s = (time_t)(ms / 1000);
        char day[24];
        struct tm tm;

        if (ms / 1000 > 253402300799 || gmtime_r(&s, &tm) == NULL || strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
                snprintf(ret, AUDIT_TIME_SIZE, "9999-12-31T23:59:59.999Z");
        else
                snprintf(ret, AUDIT_TIME_SIZE, "%s.%03uZ", day, (unsigned)(ms % 1000));
}

static int put_text(struct buf *b, const char *before, struct bytes text)
{
        int r = 0;

        if (text.len > 0)
                r = buf_append_str(b, before);
        return r == 0 ? text_safe(text, b) : r;
}

/* "  AGENT/LABEL", or what there is of it. */
static int put_key(struct buf *b, const struct audit_record *r)
{
        CLEANUP(buf_clear) struct buf id = { 0 };
        int e;

        e = put_text(b, "  ", r->agent);
        if (e != 0 || r->key_label.len + r->key_id.len == 0)
                return e;
        if (r->key_label.len > 0)
                return put_text(b, r->agent.len > 0 ? "/" : "  /", r->key_label);
        e = hex_encode(r->key_id, &id);
        return e == 0 ? put_text(b, r->agent.len > 0 ? "/id=" : "  /id=", BYTES_OF(&id)) : e;
}

static int put_peer(struct buf *b, const struct audit_peer *p)
{
        int e;

        if (!p->present)
                return 0;
        e = buf_printf(b, "  by uid %" PRIu64 " pid %" PRIu64, p->uid, p->pid);
        if (e == 0)
                e = put_text(b, " ", p->exe);
        return e == 0 ? put_text(b, " in ", p->unit.len > 0 ? p->unit : p->container) : e;
}

int audit_line(const struct audit_entry *entry, struct buf *ret)
{
        const struct audit_record *r = &entry->record;
        char time[AUDIT_TIME_SIZE], id[48];
        int e;

        audit_time(r->time_ms, time);
        snprintf(id, sizeof id, "%" PRIu64 "/%" PRIu64, entry->at.log, entry->at.seq);
        e = buf_printf(ret, "%s  %-8s  %-10s  %-7s", time, id, audit_event_name(r->event), audit_decision_name(r->decision));
        if (e == 0)
                e = put_key(ret, r);
        if (e == 0 && r->event != AUDIT_USE)
                e = put_text(ret, " of ", r->owner);
        if (e == 0)
                e = put_text(ret, "  ", r->operation);
        if (e == 0)
                e = put_text(ret, r->operation.len > 0 ? " " : "  ", r->mechanism);
        if (e == 0)
                e = put_peer(ret, &r->peer);
        if (e == 0)
                e = put_text(ret, "  by rule ", r->rule);
        if (e == 0)
                e = put_text(ret, "  because ", r->reason);
        if (e == 0)
                e = put_text(ret, "  ", r->detail);
        return e == 0 && r->direct ? buf_append_str(ret, "  (direct)") : e;
}
