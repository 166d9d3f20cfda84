/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a line of rules say, and whom and what does it match? One table: a condition's word, how its value is read and written, when it holds. */
#include "keys/rule.h"
#include <ctype.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "lib/err.h"

#define VALUES_MAX 32           /* of one condition */
#define VALUE_MAX 1024

enum condition { USER, GROUP, UNIT, CGROUP, CONTAINER, PATH, SHA256, KEYS, OPS, MECHANISMS, RATE, HOURS, NOT_AFTER, HUMAN, CONDITIONS };

struct values {
        struct buf *list;       /* most conditions of most rules have none */
        size_t n;
};

/* A span of the week. */
struct hours {
        unsigned days;          /* bit 0: Monday */
        unsigned from, to;      /* minutes of the day; from > to: over midnight, the days are those it begins on */
};

struct rule {
        struct values values[CONDITIONS];
        uid_t uids[VALUES_MAX];
        gid_t gids[VALUES_MAX];
        struct rule_rate rates[RULE_RATES_MAX];
        size_t n_rates;
        struct hours hours[VALUES_MAX];
        uint64_t not_after_ms;
        bool human;
};

static const char *const days[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

static int wrong(const char *what, const char *value)
{
        return err(ERR_FORMAT, "%s: \"%s\"", what, value);
}

/* Values, as text */

static int read_user(struct rule *r, size_t i, const char *v)
{
        char room[4096], *end;
        struct passwd pw, *found = NULL;
        unsigned long uid = strtoul(v, &end, 10);

        if (isdigit((unsigned char)v[0]) && *end == '\0' && uid < UINT32_MAX) {
                r->uids[i] = (uid_t)uid;
                return 0;
        }
        if (getpwnam_r(v, &pw, room, sizeof(room), &found) != 0 || found == NULL)
                return wrong("there is no such user", v);
        r->uids[i] = found->pw_uid;
        return 0;
}

static int read_group(struct rule *r, size_t i, const char *v)
{
        char room[65536], *end;
        struct group gr, *found = NULL;
        unsigned long gid = strtoul(v, &end, 10);

        if (isdigit((unsigned char)v[0]) && *end == '\0' && gid < UINT32_MAX) {
                r->gids[i] = (gid_t)gid;
                return 0;
        }
        if (getgrnam_r(v, &gr, room, sizeof(room), &found) != 0 || found == NULL)
                return wrong("there is no such group", v);
        r->gids[i] = found->gr_gid;
        return 0;
}

static int read_path(struct rule *r, size_t i, const char *v)
{
        (void)r;
        (void)i;
        return v[0] == '/' ? 0 : wrong("this has to begin with /", v);
}

static int read_sha256(struct rule *r, size_t i, const char *v)
{
        (void)r;
        (void)i;
        if (strlen(v) != 64 || strspn(v, "0123456789abcdef") != 64)
                return wrong("a SHA-256 is 64 hex digits in lower case", v);
        return 0;
}

static int read_op(struct rule *r, size_t i, const char *v)
{
        static const char *const ops[] = { "sign", "decrypt", "derive", "mac", "generate", "create", "change", "delete", "any" };

        (void)r;
        (void)i;
        for (size_t k = 0; k < ARRAY_LEN(ops); k++)
                if (strcmp(ops[k], v) == 0)
                        return 0;
        return wrong("there is no such operation", v);
}

static int read_rate(struct rule *r, size_t i, const char *v)
{
        static const struct {
                char unit;
                unsigned seconds;
        } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
        unsigned count;
        char unit, more;

        if (i >= RULE_RATES_MAX || sscanf(v, "%9u/%c%c", &count, &unit, &more) != 2 || count == 0)
                return wrong("a rate is like 10/s, 200/h or 1000/d, three at most", v);
        for (size_t k = 0; k < ARRAY_LEN(units); k++)
                if (units[k].unit == unit) {
                        r->rates[r->n_rates++] = (struct rule_rate){ count, units[k].seconds };
                        return 0;
                }
        return wrong("a rate is per s, m, h or d", v);
}

static int day_of(const char *v, size_t *ret_len)
{
        for (int d = 0; d < 7; d++)
                if (strncmp(v, days[d], 3) == 0) {
                        *ret_len = 3;
                        return d;
                }
        return -1;
}

static int read_hours(struct rule *r, size_t i, const char *v)
{
        unsigned from_h, from_m, to_h, to_m;
        struct hours *h = &r->hours[i];
        int first, last, end = 0;
        size_t len;

        first = last = day_of(v, &len);
        if (first >= 0 && v[len] == '-') {
                last = day_of(v + len + 1, &len);
                len += 4;
        }
        if (first < 0 || last < 0 || v[len] != '/' ||
            sscanf(v + len + 1, "%2u:%2u-%2u:%2u%n", &from_h, &from_m, &to_h, &to_m, &end) != 4 || v[len + 1 + (size_t)end] != '\0' ||
            from_h > 23 || to_h > 24 || from_m > 59 || to_m > 59 || (to_h == 24 && to_m != 0))
                return wrong("hours are like mon-fri/08:00-18:00", v);
        h->from = from_h * 60 + from_m;
        h->to = to_h * 60 + to_m;
        for (int d = first;; d = (d + 1) % 7) {
                h->days |= 1u << d;
                if (d == last)
                        return 0;
        }
}

static int read_not_after(struct rule *r, size_t i, const char *v)
{
        struct tm tm = { 0 };
        const char *end;

        end = i == 0 ? strptime(v, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
        if (end == NULL || *end != '\0')
                return wrong("a moment is like 2027-01-31T18:00:00Z", v);
        r->not_after_ms = (uint64_t)timegm(&tm) * 1000;
        return 0;
}

static int read_human(struct rule *r, size_t i, const char *v)
{
        if (i > 0 || (strcmp(v, "yes") != 0 && strcmp(v, "no") != 0))
                return wrong("this is yes or no", v);
        r->human = v[0] == 'y';
        return 0;
}

/* Conditions */

static bool in_list(const struct values *v, struct bytes what)
{
        for (size_t i = 0; i < v->n; i++)
                if (bytes_equal(BYTES_OF(&v->list[i]), what))
                        return true;
        return false;
}

static bool user_holds(const struct rule *r, const struct peer *p, const struct request *q)
{
        (void)q;
        for (size_t i = 0; i < r->values[USER].n; i++)
                if (r->uids[i] == p->uid)
                        return true;
        return false;
}

static bool group_holds(const struct rule *r, const struct peer *p, const struct request *q)
{
        (void)q;
        for (size_t i = 0; i < r->values[GROUP].n; i++) {
                if (r->gids[i] == p->gid)
                        return true;
                for (size_t k = 0; k < p->n_groups; k++)
                        if (r->gids[i] == p->groups[k])
                                return true;
        }
        return false;
}

static bool unit_holds(const struct rule *r, const struct peer *p, const struct request *q)
{
        (void)q;
        return p->unit.len > 0 && in_list(&r->values[UNIT], BYTES_OF(&p->unit));
}

/* The group itself or one below it. */
static bool cgroup_holds(const struct rule *r, const struct peer *p, const struct request *q)
{
        (void)q;
        for (size_t i = 0; i < r->values[CGROUP].n; i++) {
                const struct buf *v = &r->values[CGROUP].list[i];

                if (p->cgroup.len >= v->len && memcmp(p->cgroup.ptr, v->ptr, v->len) == 0 &&
                    (p->cgroup.len == v->len || p->cgroup.ptr[v->len] == '/' || v->ptr[v->len - 1] == '/'))
                        return true;
        }
        return false;
}

static bool container_holds(const struct rule *r, const struct peer *p, const struct request *q)
{
        (void)q;
        return p->container.len > 0 && in_list(&r->values[CONTAINER], BYTES_OF(&p->container));
}

static bool path_holds(const struct rule *r, const struct peer *p, const struct request *q)
{
        (void)q;
        return p->exe.len > 0 && in_list(&r->values[PATH], BYTES_OF(&p->exe));
}

static bool sha256_holds(const struct rule *r, const struct peer *p, const struct request *q)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };

        (void)q;
        return p->exe_sha256.len > 0 && hex_encode(BYTES_OF(&p->exe_sha256), &hex) == 0 && in_list(&r->values[SHA256], BYTES_OF(&hex));
}

static bool keys_hold(const struct rule *r, const struct peer *p, const struct request *q)
{
        (void)p;
        return in_list(&r->values[KEYS], q->key_label);
}

static bool ops_hold(const struct rule *r, const struct peer *p, const struct request *q)
{
        (void)p;
        return in_list(&r->values[OPS], BYTES_STR("any")) || in_list(&r->values[OPS], BYTES_STR(q->operation));
}

/* A family, "RSA-PSS", or one with everything said. */
static bool mechanisms_hold(const struct rule *r, const struct peer *p, const struct request *q)
{
        (void)p;
        if (q->mechanism == NULL)
                return true;
        for (size_t i = 0; i < r->values[MECHANISMS].n; i++) {
                const struct buf *v = &r->values[MECHANISMS].list[i];

                if (strncmp(q->mechanism, (const char *)v->ptr, v->len) == 0 && (q->mechanism[v->len] == '\0' || q->mechanism[v->len] == '-'))
                        return true;
        }
        return false;
}

static bool hours_hold(const struct rule *r, const struct peer *p, const struct request *q)
{
        time_t now = (time_t)(q->now_ms / 1000);
        unsigned minute, today, yesterday;
        struct tm tm;

        (void)p;
        if (localtime_r(&now, &tm) == NULL)
                return false;
        minute = (unsigned)(tm.tm_hour * 60 + tm.tm_min);
        today = 1u << ((tm.tm_wday + 6) % 7);
        yesterday = 1u << ((tm.tm_wday + 5) % 7);
        for (size_t i = 0; i < r->values[HOURS].n; i++) {
                const struct hours *h = &r->hours[i];

                if (h->from <= h->to ? (h->days & today) && minute >= h->from && minute < h->to
                                     : ((h->days & today) && minute >= h->from) || ((h->days & yesterday) && minute < h->to))
                        return true;
        }
        return false;
}

static bool not_after_holds(const struct rule *r, const struct peer *p, const struct request *q)
{
        (void)p;
        return q->now_ms <= r->not_after_ms;
}

/* Who: what a peer sees depends on these. WHAT: what it wants. LIMIT: policy.c counts. */
enum about { WHO, WHAT, LIMIT };

static const struct {
        const char *word;
        enum about about;
        int (*read)(struct rule *r, size_t i, const char *v); /* NULL: any text */
        bool (*holds)(const struct rule *r, const struct peer *p, const struct request *q);
        const char *fails;
} conditions[CONDITIONS] = {
        [USER] = { "user", WHO, read_user, user_holds, "another user" },
        [GROUP] = { "group", WHO, read_group, group_holds, "not in that group" },
        [UNIT] = { "unit", WHO, NULL, unit_holds, "another systemd unit" },
        [CGROUP] = { "cgroup", WHO, read_path, cgroup_holds, "another control group" },
        [CONTAINER] = { "container", WHO, NULL, container_holds, "another container" },
        [PATH] = { "path", WHO, read_path, path_holds, "another executable" },
        [SHA256] = { "sha256", WHO, read_sha256, sha256_holds, "an executable with another SHA-256" },
        [KEYS] = { "keys", WHAT, NULL, keys_hold, "another key" },
        [OPS] = { "ops", WHAT, read_op, ops_hold, "another operation" },
        [MECHANISMS] = { "mechanisms", WHAT, NULL, mechanisms_hold, "another mechanism" },
        [RATE] = { "rate", LIMIT, read_rate, NULL, NULL },
        [HOURS] = { "hours", WHAT, read_hours, hours_hold, "not at this hour" },
        [NOT_AFTER] = { "not-after", WHAT, read_not_after, not_after_holds, "no longer" },
        [HUMAN] = { "human", LIMIT, read_human, NULL, NULL },
};

/* Reading */

static int unescape(const char *from, size_t len, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf one = { 0 };
        int r = 0;

        buf_reset(ret);
        for (size_t i = 0; r == 0 && i < len; i++) {
                if (from[i] != '%') {
                        r = buf_append_u8(ret, (uint8_t)from[i]);
                        continue;
                }
                if (len - i < 3 || hex_decode(from + i + 1, 2, &one) != 0 || one.ptr[0] == 0)
                        return err(ERR_FORMAT, "%% is followed by two hex digits, not 00");
                r = buf_append(ret, one.ptr, 1);
                i += 2;
        }
        if (r == 0 && (ret->len == 0 || ret->len > VALUE_MAX))
                return err(ERR_FORMAT, "a condition's value has 1 to %d octets", VALUE_MAX);
        return r;
}

static int add_value(struct rule *r, enum condition c, const char *from, size_t len)
{
        struct values *v = &r->values[c];
        struct buf *list;
        const char *text;
        int e;

        if (v->n == VALUES_MAX)
                return err(ERR_FORMAT, "more than %d values of %s", VALUES_MAX, conditions[c].word);
        list = realloc(v->list, (v->n + 1) * sizeof(*list));
        if (list == NULL)
                return err(ERR_NOMEM, "out of memory");
        v->list = list;
        v->list[v->n] = (struct buf){ 0 };
        e = unescape(from, len, &v->list[v->n++]);
        if (e != 0)
                return e;
        text = buf_str(&v->list[v->n - 1]);
        if (text == NULL)
                return err(ERR_NOMEM, "out of memory");
        return conditions[c].read != NULL ? conditions[c].read(r, v->n - 1, text) : 0;
}

/* word=value,value */
static int add_condition(struct rule *r, const char *from, size_t len)
{
        size_t word = strcspn(from, "= ");
        enum condition c = 0;
        int e;

        while (c < CONDITIONS && !(strlen(conditions[c].word) == word && strncmp(conditions[c].word, from, word) == 0))
                c++;
        if (c == CONDITIONS || word >= len || from[word] != '=')
                return err(ERR_FORMAT, "\"%.*s\" is no condition of a rule", (int)(len > 80 ? 80 : len), from);
        if (r->values[c].n > 0)
                return err(ERR_FORMAT, "%s twice in one rule", conditions[c].word);
        for (const char *p = from + word + 1, *end = from + len; p <= end;) {
                size_t n = strcspn(p, ", ");

                if (p + n > end)
                        n = (size_t)(end - p);
                e = add_value(r, c, p, n);
                if (e != 0)
                        return e;
                p += n + 1;
        }
        return 0;
}

static int read_rule(struct rule *r, const char *text)
{
        bool who = false;
        int e = 0;

        if (strncmp(text, "allow", 5) != 0 || (text[5] != ' ' && text[5] != '\0'))
                return err(ERR_FORMAT, "a rule begins with the word allow");
        for (const char *p = text + 5; e == 0 && *p != '\0';) {
                size_t len;

                p += strspn(p, " ");
                len = strcspn(p, " ");
                if (len > 0)
                        e = add_condition(r, p, len);
                p += len;
        }
        for (size_t c = 0; c < CONDITIONS; c++)
                who = who || (conditions[c].about == WHO && r->values[c].n > 0);
        if (e == 0 && !who)
                return err(ERR_FORMAT, "a rule has to say who: user, group, unit, cgroup, container, path or sha256");
        return e;
}

int rule_parse(struct bytes text, struct rule **ret)
{
        CLEANUP(buf_clear) struct buf copy = { 0 };
        struct rule *rule;
        int r;

        if (text.len > RULE_TEXT_MAX)
                return err(ERR_FORMAT, "a rule of %zu octets is longer than %d", text.len, RULE_TEXT_MAX);
        for (size_t i = 0; i < text.len; i++)
                if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e)
                        return err(ERR_FORMAT, "a rule is printable ASCII: write %%XX for other octets");
        r = buf_set(&copy, text);
        if (r == 0 && buf_str(&copy) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r != 0)
                return r;
        rule = calloc(1, sizeof(*rule));
        if (rule == NULL)
                return err(ERR_NOMEM, "out of memory");
        r = read_rule(rule, (const char *)copy.ptr);
        if (r != 0) {
                rule_free(rule);
                return r;
        }
        *ret = rule;
        return 0;
}

int rule_check(struct bytes text)
{
        struct rule *rule;
        int r = rule_parse(text, &rule);

        if (r == 0)
                rule_free(rule);
        return r;
}

void rule_free(struct rule *r)
{
        if (r == NULL)
                return;
        for (size_t c = 0; c < CONDITIONS; c++) {
                for (size_t i = 0; i < r->values[c].n; i++)
                        buf_clear(&r->values[c].list[i]);
                free(r->values[c].list);
        }
        free(r);
}

static int write_value(const struct buf *v, struct buf *ret)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < v->len; i++) {
                uint8_t c = v->ptr[i];

                if (c <= 0x20 || c > 0x7e || c == '%' || c == ',')
                        r = buf_printf(ret, "%%%02X", c);
                else
                        r = buf_append_u8(ret, c);
        }
        return r;
}

int rule_format(const struct rule *rule, struct buf *ret)
{
        int r;

        buf_reset(ret);
        r = buf_append_str(ret, "allow");
        for (size_t c = 0; c < CONDITIONS; c++) {
                const struct values *v = &rule->values[c];

                for (size_t i = 0; r == 0 && i < v->n; i++) {
                        r = i == 0 ? buf_printf(ret, " %s=", conditions[c].word) : buf_append_str(ret, ",");
                        if (r == 0)
                                r = write_value(&v->list[i], ret);
                }
        }
        return r;
}

/* Matching */

static bool holds(const struct rule *r, size_t c, const struct peer *p, const struct request *q)
{
        return r->values[c].n == 0 || conditions[c].holds == NULL || conditions[c].holds(r, p, q);
}

bool rule_sees(const struct rule *r, const struct peer *p)
{
        for (size_t c = 0; c < CONDITIONS; c++)
                if (conditions[c].about == WHO && !holds(r, c, p, NULL))
                        return false;
        return true;
}

int rule_match(const struct rule *r, const struct peer *p, const struct request *q)
{
        for (size_t c = 0; c < CONDITIONS; c++)
                if (!holds(r, c, p, q))
                        return err(ERR_DENIED, "%s", conditions[c].fails);
        /* Without a word about operations a rule lets keys be used, not made, changed or deleted. */
        if (r->values[OPS].n == 0 && (strcmp(q->operation, "sign") != 0 && strcmp(q->operation, "decrypt") != 0 &&
                                      strcmp(q->operation, "derive") != 0 && strcmp(q->operation, "mac") != 0))
                return err(ERR_DENIED, "the rule does not name the operation");
        if (!r->human && (p->tty || p->has_loginuid))
                return err(ERR_DENIED, "a person's login session, and the rule does not say human=yes");
        return 0;
}

size_t rule_rates(const struct rule *r, const struct rule_rate **ret)
{
        *ret = r->rates;
        return r->n_rates;
}
