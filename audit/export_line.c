/* SPDX-License-Identifier: BSD-2-Clause */
/* What is a record as a line of CEF or syslog? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "audit/exporting.h"

/* A line of name and value pairs, with the first error. */
struct line {
        struct buf *b;
        const char *escape;     /* what has a backslash before it in a value */
        const char *before, *behind; /* a value */
        int r;
};

static void put_name(struct line *l, const char *name)
{
        if (l->r == 0)
                l->r = buf_printf(l->b, " %s=%s", name, l->before);
}

static void put_text(struct line *l, const char *name, struct bytes v)
{
        if (v.len == 0)
                return;
        put_name(l, name);
        if (l->r == 0)
                l->r = export_text(l->b, v, l->escape);
        if (l->r == 0)
                l->r = buf_append_str(l->b, l->behind);
}

static void put_hex(struct line *l, const char *name, struct bytes v)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };

        if (l->r == 0 && v.len > 0)
                l->r = hex_encode(v, &hex);
        if (l->r == 0)
                put_text(l, name, BYTES_OF(&hex));
}

static void put_number(struct line *l, const char *name, uint64_t v)
{
        char text[24];

        snprintf(text, sizeof(text), "%" PRIu64, v);
        put_text(l, name, BYTES_STR(text));
}

/* CEF, the Common Event Format, version 0 */

static const unsigned cef_severity[] = { [AUDIT_ALLOWED] = 3, [AUDIT_REFUSED] = 7, [AUDIT_FAILED] = 6 };

/* The custom fields have no names of their own. */
static void put_custom(struct line *l, unsigned n, const char *label, struct bytes v)
{
        char name[16];

        if (v.len == 0)
                return;
        snprintf(name, sizeof(name), "cs%uLabel", n);
        put_text(l, name, BYTES_STR(label));
        snprintf(name, sizeof(name), "cs%u", n);
        put_text(l, name, v);
}

static int put_cef_header(const struct audit_source *s, const struct audit_record *r, struct buf *b)
{
        char title[EXPORT_TITLE_SIZE];
        int e;

        export_title(r, title);
        e = buf_append_str(b, "CEF:0|Holdfast|holdfastd|");
        if (e == 0)
                e = export_text(b, BYTES_STR(s->version), "|\\");
        return e != 0 ? e : buf_printf(b, "|%s|%s|%u|", audit_event_name(r->event), title, cef_severity[r->decision]);
}

int export_cef(const struct audit_source *s, const struct audit_record *r, struct buf *b)
{
        struct line l = { .b = b, .escape = "=\\", .before = "", .behind = "" };
        const struct audit_peer *p = &r->peer;
        char id[48];

        snprintf(id, sizeof(id), "%" PRIu64 "/%" PRIu64, s->log, r->seq);
        l.r = put_cef_header(s, r, b);
        if (l.r == 0)
                l.r = buf_printf(b, "rt=%" PRIu64, r->time_ms);
        put_text(&l, "externalId", BYTES_STR(id));
        put_text(&l, "dvchost", BYTES_STR(s->host));
        put_text(&l, "outcome", BYTES_STR(r->decision == AUDIT_ALLOWED ? "success" : "failure"));
        put_text(&l, "act", r->operation);
        put_text(&l, "reason", r->reason);
        if (p->present) {
                put_number(&l, "spid", p->pid);
                put_number(&l, "suid", p->uid);
                put_text(&l, "sproc", p->exe);
                put_hex(&l, "fileHash", p->exe_sha256);
        }
        put_custom(&l, 1, "agent", r->agent);
        put_custom(&l, 2, "owner", r->owner);
        put_custom(&l, 3, "key", r->key_label);
        put_custom(&l, 4, "mechanism", r->mechanism);
        put_custom(&l, 5, "rule", r->rule);
        put_custom(&l, 6, "unit", p->present && p->unit.len > 0 ? p->unit : p->cgroup);
        put_text(&l, "msg", r->detail);
        return l.r;
}

/* RFC 5424 */

#define FACILITY_AUDIT 13
/* The number that RFC 5612 leaves to those who have none. */
#define SD_ID "holdfast@32473"

static const unsigned severity[] = { [AUDIT_ALLOWED] = 6, [AUDIT_REFUSED] = 4, [AUDIT_FAILED] = 3 };

/* HOSTNAME: up to 255 characters of printable ASCII without blanks. */
static int put_host(struct buf *b, const char *host)
{
        int r = 0;

        for (size_t i = 0; r == 0 && host[i] != '\0' && i < 255; i++)
                r = buf_append_u8(b, host[i] > 0x20 && host[i] < 0x7f ? (uint8_t)host[i] : '?');
        return r != 0 || host[0] != '\0' ? r : buf_append_str(b, "-");
}

static void put_peer(struct line *l, const struct audit_peer *p)
{
        if (!p->present)
                return;
        put_number(l, "pid", p->pid);
        put_number(l, "uid", p->uid);
        put_number(l, "gid", p->gid);
        if (p->has_loginuid)
                put_number(l, "loginuid", p->loginuid);
        put_text(l, "exe", p->exe);
        put_hex(l, "exeSha256", p->exe_sha256);
        put_text(l, "cgroup", p->cgroup);
        put_text(l, "unit", p->unit);
        put_text(l, "container", p->container);
}

int export_syslog(const struct audit_source *s, const struct audit_record *r, struct buf *b)
{
        struct line l = { .b = b, .escape = "\"\\]", .before = "\"", .behind = "\"" };
        char time[EXPORT_TIME_SIZE], title[EXPORT_TITLE_SIZE];

        export_time(r->time_ms, time);
        export_title(r, title);
        l.r = buf_printf(b, "<%u>1 %s ", FACILITY_AUDIT * 8 + severity[r->decision], time);
        if (l.r == 0)
                l.r = put_host(b, s->host);
        if (l.r == 0)
                l.r = buf_printf(b, " holdfastd - %s [" SD_ID, audit_event_name(r->event));
        put_number(&l, "log", s->log);
        put_number(&l, "seq", r->seq);
        put_text(&l, "agent", r->agent);
        put_text(&l, "owner", r->owner);
        put_text(&l, "key", r->key_label);
        put_hex(&l, "keyId", r->key_id);
        put_text(&l, "operation", r->operation);
        put_text(&l, "mechanism", r->mechanism);
        put_hex(&l, "digest", r->digest);
        put_text(&l, "decision", BYTES_STR(audit_decision_name(r->decision)));
        put_text(&l, "rule", r->rule);
        put_text(&l, "reason", r->reason);
        put_peer(&l, &r->peer);
        put_text(&l, "detail", r->detail);
        if (l.r == 0)
                l.r = buf_printf(b, "] %s", title);
        return l.r;
}
