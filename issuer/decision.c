/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes what the issuer has decided into its log. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "issuer/problem.h"
#include "issuer/route.h"
#include "lib/err.h"

#define SENTENCE_MAX 512

static struct bytes bytes_or_nothing(const char *text)
{
        return text != NULL ? BYTES_STR(text) : BYTES(NULL, 0);
}

/* Who asked, as far as it is known: of an operator his user and process, of others an address. */
static void note_peer(const struct http_peer *p, struct audit_record *ret)
{
        if (p->via != HTTP_UNIX)
                return;
        ret->peer.present = true;
        ret->peer.uid = p->uid;
        ret->peer.pid = (uint64_t)p->pid;
}

int decision_note(struct call *c, const struct decision *d, int r, uint64_t *ret_record)
{
        CLEANUP(buf_clear) struct buf detail = { 0 };
        char sentence[SENTENCE_MAX] = "";
        struct audit_record record = { 0 };
        struct timespec start;
        uint64_t number = 0;
        int rr;

        if (r != 0)
                snprintf(sentence, sizeof(sentence), "%.*s", (int)sizeof(sentence) - 1, err_text());
        rr = buf_printf(&detail, "host=%s from=%s%s%s", d->host != NULL ? d->host : "-", c->q->peer->address, d->more != NULL ? " " : "",
                        d->more != NULL ? d->more : "");
        record.time_ms = service_now(c->s) * 1000;
        record.event = d->event;
        record.agent = bytes_or_nothing(d->agent);
        record.owner = d->owner;
        record.key_public = d->key_public;
        record.operation = bytes_or_nothing(d->operation);
        record.decision = r == 0 ? AUDIT_ALLOWED : is_refusal(r) ? AUDIT_REFUSED : AUDIT_FAILED;
        record.rule = bytes_or_nothing(d->rule);
        record.reason = bytes_or_nothing(r != 0 ? sentence : NULL);
        record.detail = BYTES_OF(&detail);
        note_peer(c->q->peer, &record);
        clock_gettime(CLOCK_MONOTONIC, &start);
        if (rr == 0)
                rr = d->anyones && c->q->peer->via != HTTP_UNIX ? ledger_append_refusal(c->s->ledger, &record) : ledger_append(c->s->ledger, &record, &number);
        metrics_seconds(c->s->metrics, METRIC_COMMIT_SECONDS, "log", seconds_since(&start));
        if (rr == 0 && ret_record != NULL)
                *ret_record = number;
        if (r != 0)
                err(r, "%s", sentence);
        return rr;
}

int decision_refused(struct call *c, const struct decision *d, int r)
{
        decision_note(c, d, r, NULL);
        return r;
}
