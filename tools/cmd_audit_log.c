/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast audit log and holdfast audit search: which records are there? */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "audit/export.h"
#include "tools/audit.h"
#include "tools/text.h"

#define LINES_DEFAULT 50
/* How soon a new record shows. */
#define FOLLOW_MS 200

/* What is being printed. */
struct show {
        struct audit_filter filter;
        struct audit_source source;     /* for JSON */
        bool json, follow;
        uint64_t shown;
        struct buf line;
};

static int parse_lines(const struct cli *c, uint64_t otherwise, uint64_t *ret)
{
        const char *text = cli_value(c, "lines");
        char *end;

        *ret = otherwise;
        if (text == NULL)
                return 0;
        if (strcmp(text, "all") == 0) {
                *ret = UINT64_MAX;
                return 0;
        }
        errno = 0;
        *ret = strtoull(text, &end, 10);
        if (errno != 0 || *end != 0 || text[0] < '0' || text[0] > '9')
                return err(ERR_USAGE, "--lines %s is neither a number nor all", text);
        return 0;
}

/* In one document, or with --follow an object a line. As it is written here: reading it and writing it anew would show what is escaped. */
static int show_json(struct show *s, const struct audit_entry *e)
{
        int r;

        s->source.log = e->at.log;
        r = audit_export(AUDIT_JSON, &s->source, &e->record, &s->line);
        if (r == 0 && !s->follow)
                fputs(s->shown > 0 ? ",\n    " : "\n    ", stdout);
        return r;
}

static int show(struct show *s, const struct audit_entry *e)
{
        int r;

        buf_reset(&s->line);
        r = s->json ? show_json(s, e) : audit_line(e, &s->line);
        if (r != 0)
                return r;
        fwrite(s->line.ptr, 1, s->line.len, stdout);
        if (!s->json || s->follow)
                fputc('\n', stdout);
        s->shown++;
        return ferror(stdout) ? err_errno("cannot write to standard output") : 0;
}

/* What cannot be read hides nothing behind it. */
static int pass_over(struct audit_walk *w)
{
        struct audit_at at = audit_walk_at(w);
        CLEANUP(buf_clear) struct buf why = { 0 }, safe = { 0 };
        uint64_t n = 0;
        int r;

        r = buf_append_str(&why, err_text());
        if (r == 0)
                r = audit_walk_skip(w, &n);
        if (r != 0)
                return r;
        fflush(stdout);
        fprintf(stderr, "holdfast: log %llu, record %llu cannot be read: %s. Run `holdfast audit verify`.\n", (unsigned long long)at.log,
                (unsigned long long)(n == 1 ? at.seq - 1 : at.seq), text_str(BYTES_OF(&why), &safe));
        return 0;
}

static int show_all(struct show *s, struct audit_walk *w)
{
        struct audit_entry e;
        int r;

        while (!audit_stopped()) {
                r = audit_walk_next(w, &e);
                if (r == 0 && audit_filter_fits(&s->filter, &e.record))
                        r = show(s, &e);
                if (r == ERR_FORMAT)
                        r = pass_over(w);
                if (r == ERR_NOENT && !s->follow)
                        return 0;
                if (r == ERR_NOENT) {
                        if (fflush(stdout) != 0)
                                return err_errno("cannot write to standard output");
                        audit_sleep(FOLLOW_MS);
                } else if (r != 0) {
                        return r;
                }
        }
        return 0;
}

/* n records behind which everything that fits comes. */
static int show_from(struct show *s, const char *dir, uint64_t n)
{
        CLEANUP(buf_clear) struct buf host = { 0 };
        struct audit_walk *w;
        struct audit_at at;
        uint64_t newest;
        int r;

        r = audit_host(dir, &host, &newest);
        s->source = (struct audit_source){ .host = buf_str(&host), .version = "" };
        if (r == 0)
                r = audit_filter_last(dir, &s->filter, n, &at);
        if (r == 0)
                r = audit_walk_open(dir, at, &w);
        if (r != 0)
                return r;
        if (s->json && !s->follow)
                printf("{\n  \"schema\": \"holdfast.audit-log/1\",\n  \"records\": [");
        r = show_all(s, w);
        if (s->json && !s->follow)
                printf("%s]\n}\n", s->shown > 0 ? "\n  " : "");
        audit_walk_close(w);
        return r;
}

static int run(struct cli *c, const char *text, uint64_t otherwise)
{
        struct show s = { .json = cli_flag(c, "json"), .follow = cli_flag(c, "follow") };
        CLEANUP(buf_clear) struct buf dir = { 0 };
        uint64_t n = 0;
        int r;

        r = parse_lines(c, otherwise, &n);
        if (r == 0)
                r = audit_filter_make(c, text, &s.filter);
        if (r == 0)
                r = audit_dir(c, cli_value(c, "log"), &dir);
        if (r == 0 && s.follow)
                audit_catch_signals();
        if (r == 0)
                r = show_from(&s, buf_str(&dir), n);
        audit_filter_clear(&s.filter);
        buf_clear(&s.line);
        return r;
}

int cmd_audit_log(struct cli *c)
{
        return run(c, NULL, LINES_DEFAULT);
}

int cmd_audit_search(struct cli *c)
{
        if (cli_arg(c, 0)[0] == 0)
                return err(ERR_USAGE, "holdfast audit search needs TEXT to look for");
        return run(c, cli_arg(c, 0), UINT64_MAX);
}
