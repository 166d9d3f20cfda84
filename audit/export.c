/* SPDX-License-Identifier: BSD-2-Clause */
/* Which formats are there, and what may a stranger's bytes show in them? */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "audit/exporting.h"
#include "lib/err.h"
#include "lib/utf8.h"

static const struct {
        const char *name;
        int (*write)(const struct audit_source *s, const struct audit_record *r, struct buf *b);
} formats[] = {
        [AUDIT_JSON] = { "json", export_json },
        [AUDIT_CEF] = { "cef", export_cef },
        [AUDIT_SYSLOG] = { "syslog", export_syslog },
        [AUDIT_OCSF] = { "ocsf", export_ocsf },
};

const char *audit_format_name(enum audit_format f)
{
        return (unsigned)f < ARRAY_LEN(formats) ? formats[f].name : NULL;
}

bool audit_format_by_name(const char *name, enum audit_format *ret)
{
        for (size_t i = 0; i < ARRAY_LEN(formats); i++)
                if (strcmp(formats[i].name, name) == 0) {
                        *ret = (enum audit_format)i;
                        return true;
                }
        return false;
}

int audit_export(enum audit_format f, const struct audit_source *s, const struct audit_record *r, struct buf *ret)
{
        size_t before = ret->len;
        int e;

        if (audit_format_name(f) == NULL)
                return err(ERR_INVAL, "there is no such format");
        e = formats[f].write(s, r, ret);
        if (e != 0)
                ret->len = before;
        return e;
}

void export_time(uint64_t ms, char ret[EXPORT_TIME_SIZE])
{
        time_t s = (time_t)(ms / 1000);
        char day[24];
        struct tm t;

        if (ms / 1000 > 253402300799 || gmtime_r(&s, &t) == NULL || strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &t) == 0) {
                snprintf(ret, EXPORT_TIME_SIZE, "9999-12-31T23:59:59.999Z");
                return;
        }
        snprintf(ret, EXPORT_TIME_SIZE, "%s.%03uZ", day, (unsigned)(ms % 1000));
}

void export_title(const struct audit_record *r, char ret[EXPORT_TITLE_SIZE])
{
        snprintf(ret, EXPORT_TITLE_SIZE, "%s %s", audit_event_name(r->event), audit_decision_name(r->decision));
}

uint32_t export_char(struct bytes v, size_t *at)
{
        uint8_t first = v.ptr[(*at)++];
        uint32_t c = first;

        if (first < 0x80)
                return c;
        c &= first < 0xe0 ? 0x1f : first < 0xf0 ? 0x0f : 0x07;
        while (*at < v.len && (v.ptr[*at] & 0xc0) == 0x80)
                c = c << 6 | (v.ptr[(*at)++] & 0x3f);
        return c;
}

bool export_hidden(uint32_t c)
{
        return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
               (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

int export_text(struct buf *b, struct bytes v, const char *escape)
{
        bool text = utf8_valid(v);
        int r = 0;

        for (size_t i = 0; r == 0 && i < v.len;) {
                size_t from = i;
                uint32_t c = text ? export_char(v, &i) : v.ptr[i++];
                bool plain = text ? !export_hidden(c) : c >= 0x20 && c < 0x7f;

                if (plain && c != '%') {
                        if (c < 0x80 && strchr(escape, (int)c) != NULL)
                                r = buf_append_u8(b, '\\');
                        if (r == 0)
                                r = buf_append(b, v.ptr + from, i - from);
                } else {
                        for (; r == 0 && from < i; from++)
                                r = buf_printf(b, "%%%02X", v.ptr[from]);
                }
        }
        return r;
}
