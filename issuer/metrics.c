/* SPDX-License-Identifier: BSD-2-Clause */
/* Which numbers are there, and what are they now? */
#include "issuer/metrics.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"

#define SETS_MAX 256            /* sets of labels of one row */
#define LABEL_SIZE 64
#define LABELS 2

static const double bounds[] = { 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 };

enum kind { COUNTER, GAUGE, HISTOGRAM };

static const struct row {
        const char *name;
        enum kind kind;
        const char *labels[LABELS];
        const char *help;
} rows[METRIC_N] = {
        [METRIC_REQUESTS] = { "holdfast_http_requests_total", COUNTER, { "route", "status" }, "HTTP requests that were answered." },
        [METRIC_REQUEST_SECONDS] = { "holdfast_http_request_seconds", HISTOGRAM, { "route" }, "From a request's first octet to its answer." },
        [METRIC_CONNECTIONS] = { "holdfast_http_connections", GAUGE, { "via" }, "Connections that are open." },
        [METRIC_ACCEPTED] = { "holdfast_http_accepted_total", COUNTER, { "via" }, "Connections that were accepted." },
        [METRIC_REFUSED] = { "holdfast_http_refused_total", COUNTER, { "why" }, "Connections and requests that were turned away or cut off." },
        [METRIC_HANDSHAKES] = { "holdfast_tls_handshakes_total", COUNTER, { "version", "resumed" }, "TLS handshakes that were finished." },
        [METRIC_QUEUE] = { "holdfast_http_queue", GAUGE, { NULL }, "Requests that wait for a worker." },
        [METRIC_BODY_MEMORY] = { "holdfast_http_body_octets", GAUGE, { NULL }, "Memory that bodies of requests and replies hold." },
        [METRIC_ISSUED] = { "holdfast_credentials_issued_total", COUNTER, { "kind" }, "Credentials that were issued." },
        [METRIC_CREDENTIAL_REFUSED] = { "holdfast_credentials_refused_total", COUNTER, { "reason" }, "Requests for credentials that were refused." },
        [METRIC_JOINS] = { "holdfast_joins_total", COUNTER, { "outcome" }, "Hosts that joined or tried to." },
        [METRIC_REVOCATIONS] = { "holdfast_revocations_total", COUNTER, { "what" }, "What was revoked." },
        [METRIC_VERIFY_SECONDS] = { "holdfast_evidence_verify_seconds", HISTOGRAM, { NULL }, "The time it takes to check one evidence." },
        [METRIC_COMMIT_SECONDS] = { "holdfast_commit_seconds", HISTOGRAM, { "what" }, "The time until a write is durable." },
        [METRIC_READY] = { "holdfast_ready", GAUGE, { NULL }, "1 if this issuer can issue." },
        [METRIC_CA_ENDS] = { "holdfast_ca_ends", GAUGE, { "use" }, "When the CA's certificate ends, Unix time: rotate long before." },
};

struct set {
        char labels[LABELS][LABEL_SIZE];
        int64_t value;          /* of a histogram: how many values it saw */
        double sum;
        uint64_t buckets[ARRAY_LEN(bounds)];
};

struct metrics {
        pthread_mutex_t lock;
        struct family {
                struct set *sets;
                size_t n;
        } families[METRIC_N];
};

struct metrics *metrics_new(void)
{
        struct metrics *m = calloc(1, sizeof(*m));

        if (m != NULL)
                pthread_mutex_init(&m->lock, NULL);
        return m;
}

void metrics_free(struct metrics *m)
{
        if (m == NULL)
                return;
        for (size_t i = 0; i < METRIC_N; i++)
                free(m->families[i].sets);
        pthread_mutex_destroy(&m->lock);
        free(m);
}

static void copy_label(char to[LABEL_SIZE], const char *from)
{
        size_t n = 0;

        for (; from != NULL && *from != '\0' && n < LABEL_SIZE - 1; from++)
                to[n++] = *from >= ' ' && *from < 0x7f && *from != '"' && *from != '\\' ? *from : '?';
        to[n] = '\0';
}

static struct set *seek(struct family *f, const char labels[LABELS][LABEL_SIZE])
{
        for (size_t i = 0; i < f->n; i++)
                if (strcmp(f->sets[i].labels[0], labels[0]) == 0 && strcmp(f->sets[i].labels[1], labels[1]) == 0)
                        return &f->sets[i];
        return NULL;
}

/* The numbers under these labels; NULL if memory ran out. The last set takes all that there are too many of. */
static struct set *find(struct metrics *m, enum metric which, const char *label1, const char *label2)
{
        struct family *f = &m->families[which];
        char labels[LABELS][LABEL_SIZE];
        struct set *s, *more;

        copy_label(labels[0], label1);
        copy_label(labels[1], label2);
        s = seek(f, labels);
        if (s != NULL)
                return s;
        if (f->n >= SETS_MAX - 1) {
                for (size_t i = 0; i < LABELS; i++)
                        copy_label(labels[i], rows[which].labels[i] != NULL ? "other" : "");
                s = seek(f, labels);
                if (s != NULL)
                        return s;
        }
        more = realloc(f->sets, (f->n + 1) * sizeof(*more));
        if (more == NULL)
                return NULL;
        f->sets = more;
        s = &more[f->n++];
        *s = (struct set){ 0 };
        memcpy(s->labels, labels, sizeof(s->labels));
        return s;
}

void metrics_count(struct metrics *m, enum metric which, const char *label1, const char *label2, uint64_t n)
{
        struct set *s;

        if (m == NULL)
                return;
        pthread_mutex_lock(&m->lock);
        s = find(m, which, label1, label2);
        if (s != NULL)
                s->value += (int64_t)n;
        pthread_mutex_unlock(&m->lock);
}

void metrics_move(struct metrics *m, enum metric which, const char *label1, int64_t by)
{
        metrics_count(m, which, label1, NULL, (uint64_t)by);
}

void metrics_set(struct metrics *m, enum metric which, const char *label1, int64_t value)
{
        struct set *s;

        if (m == NULL)
                return;
        pthread_mutex_lock(&m->lock);
        s = find(m, which, label1, NULL);
        if (s != NULL)
                s->value = value;
        pthread_mutex_unlock(&m->lock);
}

void metrics_seconds(struct metrics *m, enum metric which, const char *label1, double seconds)
{
        struct set *s;

        if (m == NULL)
                return;
        pthread_mutex_lock(&m->lock);
        s = find(m, which, label1, NULL);
        if (s != NULL) {
                s->value++;
                s->sum += seconds;
                for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
                        if (seconds <= bounds[i])
                                s->buckets[i]++;
        }
        pthread_mutex_unlock(&m->lock);
}

/* {a="x",b="y",le="0.5"}, or nothing at all. */
static int print_labels(const struct row *row, const struct set *s, const char *le, struct buf *out)
{
        const char *between = "{";
        int r = 0;

        for (size_t i = 0; r == 0 && i < LABELS && row->labels[i] != NULL; i++, between = ",")
                r = buf_printf(out, "%s%s=\"%s\"", between, row->labels[i], s->labels[i]);
        if (r == 0 && le != NULL) {
                r = buf_printf(out, "%sle=\"%s\"", between, le);
                between = ",";
        }
        if (r == 0 && *between == ',')
                r = buf_append_str(out, "}");
        return r;
}

static int print_line(const struct row *row, const struct set *s, const char *suffix, const char *le, const char *value, struct buf *out)
{
        int r = buf_printf(out, "%s%s", row->name, suffix);

        if (r == 0)
                r = print_labels(row, s, le, out);
        return r == 0 ? buf_printf(out, " %s\n", value) : r;
}

static int print_histogram(const struct row *row, const struct set *s, struct buf *out)
{
        char value[32], le[32];
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_LEN(bounds); i++) {
                snprintf(value, sizeof(value), "%llu", (unsigned long long)s->buckets[i]);
                snprintf(le, sizeof(le), "%g", bounds[i]);
                r = print_line(row, s, "_bucket", le, value, out);
        }
        snprintf(value, sizeof(value), "%lld", (long long)s->value);
        if (r == 0)
                r = print_line(row, s, "_bucket", "+Inf", value, out);
        if (r == 0)
                r = print_line(row, s, "_count", NULL, value, out);
        snprintf(value, sizeof(value), "%.6f", s->sum);
        return r == 0 ? print_line(row, s, "_sum", NULL, value, out) : r;
}

static int print_set(const struct row *row, const struct set *s, struct buf *out)
{
        char value[32];

        if (row->kind == HISTOGRAM)
                return print_histogram(row, s, out);
        snprintf(value, sizeof(value), "%lld", (long long)s->value);
        return print_line(row, s, "", NULL, value, out);
}

int metrics_text(struct metrics *m, struct buf *ret)
{
        static const char *const kinds[] = { [COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram" };
        CLEANUP(buf_clear) struct buf out = { 0 };
        int r = 0;

        pthread_mutex_lock(&m->lock);
        for (size_t i = 0; r == 0 && i < METRIC_N; i++) {
                const struct family *f = &m->families[i];

                if (f->n == 0)
                        continue;
                r = buf_printf(&out, "# HELP %s %s\n# TYPE %s %s\n", rows[i].name, rows[i].help, rows[i].name, kinds[rows[i].kind]);
                for (size_t k = 0; r == 0 && k < f->n; k++)
                        r = print_set(&rows[i], &f->sets[k], &out);
        }
        pthread_mutex_unlock(&m->lock);
        if (r == 0)
                buf_take(&out, ret);
        return r;
}
