/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast audit export: hands every record to another program, each at least once, whatever happens to that program. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include "audit/tree.h"
#include "tools/audit.h"
#include "tools/audit_sink.h"
#include "tools/audit_spool.h"
#include "tools/text.h"

/* So many records are delivered again at most, if it ends badly. */
#define BATCH 1024
#define FOLLOW_MS 200
#define BACKOFF_FIRST_MS 100
#define BACKOFF_MAX_MS 10000

struct export {
        const struct cli *c;
        const char *dir, *to, *state;
        enum audit_format format;
        struct audit_source source;
        bool follow;
        bool resumes;                   /* the next record is the first behind what another run delivered */

        struct audit_walk *walk;
        struct audit_sink *sink;
        struct audit_spool begun, saved, now;
        uint64_t missing_before;        /* saved.missing without what this walk has missed */
        uint64_t pending;               /* put since saved */
        unsigned backoff_ms;            /* 0: the sink is there */
        struct buf line;
};

static int begin_walk(struct export *x)
{
        struct audit_walk *w;
        int r;

        r = audit_walk_open(x->dir, x->saved.at, &w);
        if (r != 0)
                return r;
        audit_walk_close(x->walk);
        x->walk = w;
        x->now = x->saved;
        x->missing_before = x->saved.missing;
        x->pending = 0;
        return 0;
}

static void count_missing(struct export *x)
{
        x->now.missing = x->missing_before + audit_walk_missing(x->walk);
}

/* What was put is delivered: say so where the next run looks. */
static int save(struct export *x)
{
        int r;

        count_missing(x);
        if (x->pending == 0 && x->now.dropped == x->saved.dropped && x->now.missing == x->saved.missing)
                return 0;
        x->now.at = audit_walk_at(x->walk);
        r = audit_spool_write(x->state, &x->now);
        if (r != 0)
                return r;
        x->saved = x->now;
        x->pending = 0;
        return 0;
}

static int flush(struct export *x)
{
        int r = x->pending > 0 ? audit_sink_flush(x->sink) : 0;

        return r == 0 ? save(x) : r;
}

/* The last batch of a command is delivered when that ends well. */
static int finish(struct export *x)
{
        int r = audit_sink_finish(x->sink);

        return r == 0 ? save(x) : r;
}

/* It is away: what it had not confirmed is put again when it is back. */
static int wait_for_sink(struct export *x)
{
        if (x->backoff_ms == 0)
                say(x->c, "%s. The log keeps everything; trying again until it takes it.", err_text());
        x->backoff_ms = x->backoff_ms == 0 ? BACKOFF_FIRST_MS : x->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : x->backoff_ms * 2;
        audit_sink_drop(x->sink);
        audit_sleep(x->backoff_ms);
        return begin_walk(x);
}

static int put(struct export *x, const struct audit_entry *e)
{
        int r;

        r = x->resumes ? audit_spool_follows(&x->now, e) : 0;
        if (r != 0)
                return r;
        x->resumes = false;
        x->source.log = e->at.log;
        buf_reset(&x->line);
        r = audit_export(x->format, &x->source, &e->record, &x->line);
        if (r == 0)
                r = audit_sink_put(x->sink, BYTES_OF(&x->line));
        if (r == ERR_RANGE) {
                say(x->c, "Record %llu of log %llu is dropped: %s.", (unsigned long long)e->at.seq, (unsigned long long)e->at.log, err_text());
                x->now.dropped++;
        } else if (r != 0) {
                return r;
        } else {
                x->now.delivered++;
        }
        x->pending++;
        tree_leaf(e->raw, x->now.leaf);
        x->now.has_leaf = true;
        x->now.at = audit_walk_at(x->walk);
        return 0;
}

/* Nothing behind it is held up; it is told and counted. */
static int pass_over(struct export *x)
{
        struct audit_at at = audit_walk_at(x->walk);
        uint64_t n;
        int r;

        say(x->c, "Log %llu cannot be read at record %llu: %s. Run `holdfast audit verify`.", (unsigned long long)at.log, (unsigned long long)at.seq,
            err_text());
        r = audit_walk_skip(x->walk, &n);
        if (r != 0)
                return r;
        if (n == UINT64_MAX)
                x->missing_before++;
        else
                x->now.dropped += n;
        x->now.has_leaf = false;
        return 0;
}

/* One record, or the end of them. *ret_end: there are no more, and all are delivered. */
static int step(struct export *x, bool *ret_end)
{
        struct audit_entry e;
        int r;

        r = audit_walk_next(x->walk, &e);
        if (r == 0)
                r = put(x, &e);
        else if (r == ERR_FORMAT)
                return pass_over(x);
        else if (r == ERR_NOENT) {
                r = x->follow ? flush(x) : finish(x);
                *ret_end = r == 0;
        }
        if (r == 0 && x->pending >= BATCH)
                r = flush(x);
        return r;
}

static int run(struct export *x)
{
        bool end = false;
        int r;

        r = begin_walk(x);
        while (r == 0 && !audit_stopped() && (x->follow || !end)) {
                end = false;
                r = step(x, &end);
                if (r == ERR_IO && x->to != NULL) {
                        r = wait_for_sink(x);
                } else if (r == 0) {
                        if (x->backoff_ms > 0 && x->pending == 0)
                                say(x->c, "It is taken again.");
                        x->backoff_ms = x->pending == 0 ? 0 : x->backoff_ms;
                        if (end)
                                audit_sleep(x->follow ? FOLLOW_MS : 0);
                }
        }
        /* What can be confirmed at once need not be put again. */
        if (r == 0 && audit_stopped())
                (void)flush(x);
        if (x->walk != NULL)
                count_missing(x);
        return r == 0 && !end && !x->follow ? EXIT_FAILURE : r;
}

static json_t *counts_json(uint64_t delivered, uint64_t dropped, uint64_t missing)
{
        return json_pack("{s:I, s:I, s:I}", "delivered", (json_int_t)delivered, "dropped", (json_int_t)dropped, "logs_missing", (json_int_t)missing);
}

/* Of what is confirmed; what is not will be put again. */
static int summary(const struct export *x)
{
        uint64_t delivered = x->saved.delivered - x->begun.delivered, dropped = x->saved.dropped - x->begun.dropped;
        uint64_t missing = x->now.missing - x->begun.missing;
        json_t *doc;

        if (cli_flag(x->c, "json")) {
                doc = counts_json(delivered, dropped, missing);
                json_object_update_new(doc, json_pack("{s:I, s:I, s:o}", "next_log", (json_int_t)x->saved.at.log, "next_record",
                                                      (json_int_t)x->saved.at.seq, "in_all",
                                                      counts_json(x->saved.delivered, x->saved.dropped, x->now.missing)));
                return print_json("audit-export", doc);
        }
        say(x->c, "Delivered %llu, dropped %llu.", (unsigned long long)delivered, (unsigned long long)dropped);
        if (missing > 0)
                say(x->c, "%llu logs were gone or could not be read to their end: how many records they held is not known.", (unsigned long long)missing);
        return 0;
}

static int prepare(struct export *x, struct buf *dir, struct buf *host)
{
        const char *format = cli_value(x->c, "format");
        uint64_t newest;
        int r;

        x->format = AUDIT_JSON;
        if (format != NULL && !audit_format_by_name(format, &x->format))
                return err(ERR_USAGE, "there is no format %s: json, cef, syslog or ocsf", format);
        if (x->to == NULL && cli_flag(x->c, "json"))
                return err(ERR_USAGE, "--json prints a summary: say by --to where the lines go");
        r = audit_dir(x->c, cli_value(x->c, "log"), dir);
        if (r == 0)
                r = audit_host(buf_str(dir), host, &newest);
        if (r == 0)
                r = audit_spool_read(x->state, &x->saved);
        x->dir = buf_str(dir);
        x->source = (struct audit_source){ .host = buf_str(host), .version = PACKAGE_VERSION };
        x->begun = x->now = x->saved;
        return r == 0 ? audit_sink_new(x->to, x->format, &x->sink) : r;
}

int cmd_audit_export(struct cli *c)
{
        struct export x = { .c = c, .to = cli_value(c, "to"), .state = cli_value(c, "state"), .follow = cli_flag(c, "follow"), .resumes = true };
        CLEANUP(buf_clear) struct buf dir = { 0 }, host = { 0 };
        int r, told = 0;

        r = prepare(&x, &dir, &host);
        if (r == 0) {
                audit_catch_signals();
                if (x.to != NULL)
                        signal(SIGPIPE, SIG_IGN);
                r = run(&x);
                /* A failure is a document of its own. */
                if (r >= 0 || !cli_flag(c, "json"))
                        told = summary(&x);
        }
        audit_walk_close(x.walk);
        audit_sink_free(x.sink);
        buf_clear(&x.line);
        return r != 0 ? r : told;
}
