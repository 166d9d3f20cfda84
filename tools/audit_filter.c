/* SPDX-License-Identifier: BSD-2-Clause */
/* Which records are wanted? */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "audit/tree.h"
#include "tools/audit.h"

/* Fewer hexadecimal digits than that are more likely a word. */
#define HEX_MIN 8

void audit_filter_clear(struct audit_filter *f)
{
        buf_clear(&f->octets);
        *f = (struct audit_filter){ 0 };
}

static int wrong_time(const char *option, const char *text)
{
        return err(ERR_USAGE, "--%s %s is no time: 2026-11-25, 2026-11-25T09:30, 2026-11-25T09:30:15Z, or 90s, 15m, 2h, 7d ago", option, text);
}

/* "90s", "15m", "2h", "7d": so long ago. */
static bool parse_ago(const char *text, uint64_t *ret)
{
        static const struct {
                char unit;
                uint64_t seconds;
        } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
        uint64_t n, now = (uint64_t)time(NULL);
        char *end;

        if (strspn(text, "0123456789") == 0 || strlen(text) > 9)
                return false;
        n = strtoull(text, &end, 10);
        for (size_t i = 0; i < ARRAY_LEN(units); ++i) {
                if (end[0] == units[i].unit && end[1] == 0) {
                        n *= units[i].seconds;
                        *ret = n < now ? (now - n) * 1000 : 0;
                        return true;
                }
        }
        return false;
}

/* In UTC, as everything that is printed. */
static int parse_time(const struct cli *c, const char *option, uint64_t *ret)
{
        static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S",
                                             "%Y-%m-%d %H:%M", "%Y-%m-%d" };
        const char *text = cli_value(c, option), *end;

        if (text == NULL || parse_ago(text, ret))
                return 0;
        for (size_t i = 0; i < ARRAY_LEN(forms); ++i) {
                struct tm tm = { 0 };
                time_t t;

                end = strptime(text, forms[i], &tm);
                if (end == NULL || *end != 0)
                        continue;
                t = timegm(&tm);
                if (t < 0)
                        break;
                *ret = (uint64_t)t * 1000;
                return 0;
        }
        return wrong_time(option, text);
}

static int parse_uid(const char *text, struct audit_filter *ret)
{
        struct passwd *pw;
        char *end;

        ret->has_uid = true;
        if (strspn(text, "0123456789") == strlen(text)) {
                errno = 0;
                ret->uid = strtoull(text, &end, 10);
                return errno == 0 ? 0 : err(ERR_USAGE, "--uid %s is too large", text);
        }
        pw = getpwnam(text);
        if (pw == NULL)
                return err(ERR_USAGE, "there is no user %s here; --uid takes a number, too", text);
        ret->uid = pw->pw_uid;
        return 0;
}

static int parse_names(const struct cli *c, struct audit_filter *ret)
{
        const char *event = cli_value(c, "event"), *decision = cli_value(c, "decision");

        if (event != NULL && (ret->event = audit_event_by_name(event)) == 0)
                return err(ERR_USAGE, "there is no event %s: use, create, delete, change, rule, lock, unlock, start, stop, list, gap, checkpoint or rotate",
                           event);
        ret->has_decision = decision != NULL;
        for (int d = AUDIT_ALLOWED; decision != NULL && d <= AUDIT_FAILED; ++d) {
                ret->decision = (enum audit_decision)d;
                if (strcmp(audit_decision_name(ret->decision), decision) == 0)
                        return 0;
        }
        return decision == NULL ? 0 : err(ERR_USAGE, "there is no decision %s: allowed, refused or failed", decision);
}

int audit_filter_make(const struct cli *c, const char *text, struct audit_filter *ret)
{
        const char *uid = cli_value(c, "uid");
        int r;

        ret->agent = cli_value(c, "agent");
        ret->key = cli_value(c, "key");
        ret->text = text;
        r = parse_names(c, ret);
        if (r == 0)
                r = parse_time(c, "since", &ret->since_ms);
        if (r == 0)
                r = parse_time(c, "until", &ret->until_ms);
        if (r == 0 && uid != NULL)
                r = parse_uid(uid, ret);
        if (r == 0 && text != NULL && strlen(text) >= HEX_MIN && hex_decode(text, strlen(text), &ret->octets) == ERR_NOMEM)
                r = ERR_NOMEM;
        return r;
}

static bool contains(struct bytes v, struct bytes what)
{
        return what.len > 0 && v.len >= what.len && memmem(v.ptr, v.len, what.ptr, what.len) != NULL;
}

/* Text in what is text, octets in what is none. */
static bool says(const struct audit_record *r, const struct audit_filter *f)
{
        const struct audit_peer *p = &r->peer;
        const struct bytes texts[] = { r->agent, r->owner, r->key_label, r->operation, r->mechanism, r->rule, r->reason, r->detail,
                                       p->exe, p->cgroup, p->unit, p->container, p->parent_exe };
        const struct bytes octets[] = { r->key_id, r->key_public, r->digest, r->result, p->exe_sha256 };

        for (size_t i = 0; i < ARRAY_LEN(texts); ++i) {
                if (contains(texts[i], BYTES_STR(f->text)))
                        return true;
        }
        for (size_t i = 0; i < ARRAY_LEN(octets); ++i) {
                if (contains(octets[i], BYTES_OF(&f->octets)))
                        return true;
        }
        return false;
}

bool audit_filter_fits(const struct audit_filter *f, const struct audit_record *r)
{
        if (f->agent != NULL && !bytes_equal(r->agent, BYTES_STR(f->agent)))
                return false;
        if (f->key != NULL && !bytes_equal(r->key_label, BYTES_STR(f->key)))
                return false;
        if ((f->event != 0 && r->event != f->event) || (f->has_decision && r->decision != f->decision))
                return false;
        if (f->has_uid && (!r->peer.present || r->peer.uid != f->uid))
                return false;
        if (r->time_ms < f->since_ms || (f->until_ms != 0 && r->time_ms >= f->until_ms))
                return false;
        return f->text == NULL || says(r, f);
}

static bool is_there(struct audit_reader *rd, uint64_t seq)
{
        struct bytes raw;

        audit_reader_seek(rd, seq);
        return audit_reader_next(rd, &raw) == 0;
}

/* How many records there are, or how many there are before what cannot be read. */
static uint64_t count(struct audit_reader *rd)
{
        uint64_t there = 0, beyond = TILE_WIDTH;

        while (beyond < UINT64_MAX / 4 && is_there(rd, beyond)) {
                there = beyond;
                beyond *= 2;
        }
        while (there + 1 < beyond) {
                uint64_t middle = there + (beyond - there) / 2;

                if (is_there(rd, middle))
                        there = middle;
                else
                        beyond = middle;
        }
        return is_there(rd, there) ? there + 1 : 0;
}

/* The last n of those that fit among the records of one bundle; fewer if there are fewer. */
static uint64_t last_of_bundle(struct audit_reader *rd, const struct audit_filter *f, uint64_t first, uint64_t end, uint64_t n, uint64_t *ret_seq)
{
        uint64_t fit[TILE_WIDTH], found = 0;
        struct audit_record record;
        struct bytes raw;

        audit_reader_seek(rd, first);
        for (uint64_t seq = first; seq < end && audit_reader_next(rd, &raw) == 0; ++seq) {
                if (audit_record_decode(raw, &record) == 0 && audit_filter_fits(f, &record))
                        fit[found++] = seq;
        }
        if (n > found)
                n = found;
        if (n > 0)
                *ret_seq = fit[found - n];
        return n;
}

/* *n becomes how many are missing still. ret is the log's end if none of them is in it. */
static int last_of_log(const char *dir, const struct audit_filter *f, uint64_t log, uint64_t *n, struct audit_at *ret)
{
        struct audit_reader *rd;
        uint64_t end;
        int r;

        r = audit_reader_open(dir, log, &rd);
        if (r != 0)
                return r;
        end = count(rd);
        *ret = (struct audit_at){ log, end };
        while (end > 0 && *n > 0) {
                uint64_t first = (end - 1) / TILE_WIDTH * TILE_WIDTH, seq = 0;
                uint64_t found = last_of_bundle(rd, f, first, end, *n, &seq);

                if (found > 0)
                        *ret = (struct audit_at){ log, seq };
                *n -= found;
                end = first;
        }
        audit_reader_close(rd);
        return 0;
}

int audit_filter_last(const char *dir, const struct audit_filter *f, uint64_t n, struct audit_at *ret)
{
        CLEANUP(free_ptr) uint64_t *logs = NULL;
        size_t n_logs = 0;
        int r;

        *ret = (struct audit_at){ 0 };
        if (n == UINT64_MAX)
                return 0;
        r = audit_logs(dir, &logs, &n_logs);
        for (bool newest = true; r == 0 && n_logs > 0 && (n > 0 || newest); newest = false) {
                uint64_t before = n;
                struct audit_at at;

                r = last_of_log(dir, f, logs[--n_logs], &n, &at);
                if (r == 0 && (newest || n < before))
                        *ret = at;
        }
        return r;
}
