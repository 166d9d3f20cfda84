/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast audit verify and checkpoint: is the log whole, and is it all that the TPM did, by the TPM's newest word? */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "audit/check.h"
#include "tools/audit.h"
#include "tools/audit_counter.h"
#include "tools/audit_issuer.h"
#include "tools/audit_witness.h"
#include "tools/text.h"

/* A check of a log that grows meanwhile is repeated so often, until the counter stands still. */
#define TRIES_MAX 5
#define PROGRESS_AFTER_S 1
#define NUMBER_SIZE 32

/* "48 213" */
static const char *grouped(uint64_t v, char ret[NUMBER_SIZE])
{
        char digits[NUMBER_SIZE];
        size_t len, n = 0;

        len = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, v);
        for (size_t i = 0; i < len; ++i) {
                if (i > 0 && (len - i) % 3 == 0)
                        ret[n++] = ' ';
                ret[n++] = digits[i];
        }
        ret[n] = 0;
        return ret;
}

struct progress {
        time_t begun;
        bool shown;
};

static void show_progress(void *ctx, uint64_t done, uint64_t all)
{
        char a[NUMBER_SIZE], b[NUMBER_SIZE];
        struct progress *p = ctx;
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - p->begun < PROGRESS_AFTER_S)
                return;
        p->shown = true;
        fprintf(stderr, "\r%3u %%  %s of %s records ", (unsigned)(done * 100 / all), grouped(done, a), grouped(all, b));
        fflush(stderr);
}

static int check_once(const struct cli *c, const char *dir, struct audit_check_options *o, struct audit_report *ret)
{
        struct progress p = { 0 };
        struct timespec now;
        int r;

        clock_gettime(CLOCK_MONOTONIC, &now);
        p.begun = now.tv_sec;
        if (isatty(STDERR_FILENO) && !cli_flag(c, "quiet"))
                o->progress = show_progress;
        o->ctx = &p;
        r = audit_check(dir, o, ret);
        if (p.shown)
                fprintf(stderr, "\r%60s\r", "");
        return r;
}

/* Which faults speak of what. */
enum part { PART_CHAIN, PART_CHECKPOINTS, PART_COUNTER, PART_TPM, PART_CLOCK, PART_SIGNATURES, PART_COUNT };
static const struct {
        const char *name;               /* in JSON */
        unsigned faults;                /* 1 << enum audit_fault */
} parts[] = {
        [PART_CHAIN] = { "chain_ok", 1u << FAULT_RECORD | 1u << FAULT_CHAIN | 1u << FAULT_TILE | 1u << FAULT_ROTATION },
        [PART_CHECKPOINTS] = { "checkpoints_ok", 1u << FAULT_TREE | 1u << FAULT_CHECKPOINT | 1u << FAULT_TAIL | 1u << FAULT_SPLIT },
        [PART_COUNTER] = { "counter_ok", 1u << FAULT_NV },
        [PART_TPM] = { "tpm_ok", 1u << FAULT_OFF_LOG | 1u << FAULT_UNDONE | 1u << FAULT_LIST | 1u << FAULT_LOST_BATCH | 1u << FAULT_HASHES | 1u << FAULT_UNCLEAN },
        [PART_CLOCK] = { "clock_ok", 1u << FAULT_CLOCK },
        [PART_SIGNATURES] = { "signatures_ok", 1u << FAULT_SIGNATURE },
};

static bool holds(const struct audit_report *rep, enum part part)
{
        for (size_t i = 0; i < rep->n; ++i) {
                if (!rep->list[i].warning && (parts[part].faults & 1u << rep->list[i].fault) != 0)
                        return false;
        }
        return true;
}

static const char *ok_or_not(const struct audit_report *rep, enum part part)
{
        return holds(rep, part) ? "ok" : "BROKEN";
}

/* As long as the daemon makes checkpoints while we read, the counter may be ahead of what we saw. */
static int check(const struct cli *c, const char *dir, struct audit_check_options *o, struct audit_counter *counter, struct audit_report *ret)
{
        int r;

        for (unsigned i = 0; i < TRIES_MAX; ++i) {
                uint64_t before;

                r = audit_counter_ask(counter);
                if (r != 0)
                        return r;
                o->has_nv = counter->known;
                before = o->nv_value = counter->value;
                r = check_once(c, dir, o, ret);
                if (r != 0 || !o->has_nv || !counter->asks || holds(ret, PART_COUNTER))
                        return r;
                r = audit_counter_ask(counter);
                if (r != 0 || counter->value == before)
                        return r;
                audit_report_clear(ret);
        }
        counter->known = o->has_nv = false;
        counter->why = "the daemon made checkpoints all the while";
        return check_once(c, dir, o, ret);
}

/* What the TPM vouches for, as far as it does. */
static const char *completeness(const struct audit_report *rep, const struct audit_check_options *o)
{
        if (o->signer != NULL)
                return "by the issuer's software: what the log tells was not changed since by who has not its key; no hardware says whether it did more";
        if (o->ak == NULL)
                return "none: programs kept this log without a daemon, and no TPM vouches for it";
        switch (rep->mode) {
        case AUDIT_MODE_COMMAND:
                if (!holds(rep, PART_TPM))
                        return "TPM audit counter DISAGREES: what the TPM did with keys is not what the log tells";
                if (!rep->ok)
                        return "the TPM audits every command with a key, but this log is not whole, so nothing follows from what is missing";
                return "TPM audit counter agrees: no unlogged signature up to the newest checkpoint";
        case AUDIT_MODE_SESSION:
                if (!holds(rep, PART_TPM))
                        return "TPM session audit DISAGREES: the TPM does not vouch for all that the log tells, and never says whether it did more";
                return "by session audit: what the log tells was done by this TPM; the chip does not say whether it did more";
        case AUDIT_MODE_NONE:
        case AUDIT_MODE_SOFTWARE:
                break;
        }
        return "none: this TPM has no audit; what the log tells was not changed since, but the chip does not say whether it did more";
}

static uint64_t uncovered(const struct audit_report *rep)
{
        return rep->records > rep->covered ? rep->records - rep->covered : 0;
}

static void where(const struct audit_finding *f, char ret[64])
{
        if (f->log == UINT64_MAX)
                ret[0] = 0;
        else if (f->seq == UINT64_MAX)
                snprintf(ret, 64, "log %" PRIu64, f->log);
        else
                snprintf(ret, 64, "log %" PRIu64 " record %" PRIu64, f->log, f->seq);
}

/* The first one that is no warning, or NULL. */
static const struct audit_finding *first_bad(const struct audit_report *rep)
{
        for (size_t i = 0; i < rep->n; ++i) {
                if (!rep->list[i].warning)
                        return &rep->list[i];
        }
        return NULL;
}

static void print_findings(const struct audit_report *rep)
{
        CLEANUP(buf_clear) struct buf safe = { 0 };
        char at[64];

        for (size_t i = 0; i < rep->n; ++i) {
                const struct audit_finding *f = &rep->list[i];

                where(f, at);
                printf("%-9s %s%s%s: %s\n", f->warning ? "Warning" : "BROKEN", at, at[0] != 0 ? ", " : "",
                       f->fault != 0 ? audit_fault_name(f->fault) : "more", text_str(f->text != NULL ? BYTES_STR(f->text) : BYTES("", 0), &safe));
        }
}

static void print_report(const struct audit_report *rep, const struct audit_check_options *o, const struct audit_counter *counter)
{
        char a[NUMBER_SIZE], b[NUMBER_SIZE], from[AUDIT_TIME_SIZE], to[AUDIT_TIME_SIZE], at[64];
        const struct audit_finding *bad = first_bad(rep);

        printf("%s records in %s log%s  chain %s", grouped(rep->records, a), grouped(rep->logs, b), rep->logs == 1 ? "" : "s", ok_or_not(rep, PART_CHAIN));
        printf("  checkpoints %s %s  clock %s", grouped(rep->checkpoints, a), ok_or_not(rep, PART_CHECKPOINTS), ok_or_not(rep, PART_CLOCK));
        if (o->signatures)
                printf("  signatures %s %s\n", grouped(rep->signatures_checked, a), ok_or_not(rep, PART_SIGNATURES));
        else
                printf("  signatures not checked\n");
        if (rep->records > 0) {
                audit_time(rep->first_ms, from);
                audit_time(rep->last_ms, to);
                print_field("Time", "%s to %s", from, to);
        }
        print_field("Complete", "%s", completeness(rep, o));
        if (o->signer != NULL)
                print_field("Counter", "none: this may be an older copy of the log");
        else if (!counter->known)
                print_field("Counter", "not compared: %s; this may be an older copy of the log", counter->why);
        else
                print_field("Counter", holds(rep, PART_COUNTER) ? "%" PRIu64 ", as the newest checkpoint says: no older copy"
                                                                : "%" PRIu64 " is NOT what the newest checkpoint says", counter->value);
        if (o->witness != NULL)
                print_field("Witness", "%s of %s checkpoint%s signed by the witness key, too", grouped(rep->witnessed, a), grouped(rep->checkpoints, b),
                            rep->checkpoints == 1 ? " is" : "s are");
        if (uncovered(rep) > 0)
                print_field("Newest", "%s record%s not yet vouched for by the %s", grouped(uncovered(rep), a), uncovered(rep) == 1 ? " is" : "s are",
                            o->signer != NULL ? "issuer" : "TPM");
        print_findings(rep);
        if (bad != NULL) {
                where(bad, at);
                printf("First     %s\n", at[0] != 0 ? at : "the log as a whole");
        }
}

static json_t *finding_json(const struct audit_finding *f)
{
        json_t *doc = json_pack("{s:s, s:b}", "fault", f->fault != 0 ? audit_fault_name(f->fault) : "more", "warning", f->warning);

        if (f->log != UINT64_MAX)
                json_object_set_new(doc, "log", json_integer((json_int_t)f->log));
        if (f->seq != UINT64_MAX)
                json_object_set_new(doc, "record", json_integer((json_int_t)f->seq));
        json_object_set_new(doc, "text", text_json(f->text != NULL ? BYTES_STR(f->text) : BYTES("", 0)));
        return doc;
}

static int print_report_json(const struct audit_report *rep, const struct audit_check_options *o, const struct audit_counter *counter)
{
        char from[AUDIT_TIME_SIZE], to[AUDIT_TIME_SIZE];
        json_t *doc, *list = json_array();

        audit_time(rep->first_ms, from);
        audit_time(rep->last_ms, to);
        for (size_t i = 0; i < rep->n; ++i)
                json_array_append_new(list, finding_json(&rep->list[i]));
        doc = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:s, s:s}", "ok", rep->ok, "logs", (json_int_t)rep->logs, "records",
                        (json_int_t)rep->records, "uses", (json_int_t)rep->uses, "covered", (json_int_t)rep->covered, "checkpoints",
                        (json_int_t)rep->checkpoints, "signatures", o->signatures, "signatures_checked", (json_int_t)rep->signatures_checked, "audit",
                        audit_mode_name(rep->mode), "complete", completeness(rep, o));
        if (rep->records > 0)
                json_object_update_new(doc, json_pack("{s:s, s:s}", "first", from, "last", to));
        if (o->witness != NULL)
                json_object_set_new(doc, "witnessed", json_integer((json_int_t)rep->witnessed));
        for (size_t i = 0; i < ARRAY_LEN(parts); ++i) {
                if (i == PART_SIGNATURES ? o->signatures : i != PART_COUNTER || counter->known)
                        json_object_set_new(doc, parts[i].name, json_boolean(holds(rep, (enum part)i)));
        }
        json_object_set_new(doc, "findings", list);
        return print_json("audit-verify", doc);
}

/* The log of a store without a daemon has no attestation key, if that is what the configuration says. */
static int choose_ak(const struct cli *c, struct pubkey *ak, struct audit_check_options *o)
{
        CLEANUP(conf_clear) struct conf conf = { 0 };
        int r = cli_value(c, "ak") == NULL ? cli_conf(c, &conf) : 0;

        if (r == 0)
                r = audit_ak(c, ak);
        if (r != ERR_NOENT || !conf.audit_direct)
                return r;
        o->ak = NULL;
        return 0;
}

/* Keys, and what else is to be compared. */
static int choose(const struct cli *c, const char *dir, struct pubkey *ak, struct audit_issuer_keys *issuer, struct audit_witness_key *witness,
                  struct audit_counter *counter, struct audit_check_options *o)
{
        int r;

        if (cli_value(c, "issuer-key") != NULL) {
                if (cli_value(c, "ak") != NULL || cli_value(c, "nv") != NULL || cli_value(c, "witness-key") != NULL || cli_arg(c, 0) == NULL)
                        return err(ERR_USAGE, "with --issuer-key there is a DIR, and no --ak, --nv or --witness-key");
                o->ak = NULL;
                o->signer = &issuer->check;
                return audit_issuer_keys(cli_value(c, "issuer-key"), issuer);
        }
        r = choose_ak(c, ak, o);
        if (r == 0 && cli_value(c, "witness-key") != NULL) {
                r = audit_witness_key(cli_value(c, "witness-key"), witness);
                o->witness = &witness->check;
        }
        if (r == 0)
                r = audit_counter_choose(c, dir, counter);
        if (r == 0 && counter->asks && !cli_flag(c, "no-checkpoint"))
                r = audit_counter_checkpoint(counter, NULL);
        return r;
}

int cmd_audit_verify(struct cli *c)
{
        CLEANUP(pubkey_clear) struct pubkey ak = { 0 };
        CLEANUP(buf_clear) struct buf dir = { 0 };
        CLEANUP(audit_witness_key_clear) struct audit_witness_key witness = { 0 };
        CLEANUP(audit_issuer_keys_clear) struct audit_issuer_keys issuer = { 0 };
        struct audit_check_options o = { .ak = &ak, .signatures = !cli_flag(c, "no-signatures") };
        struct audit_report rep = { 0 };
        CLEANUP(audit_counter_clear) struct audit_counter counter = { 0 };
        int r;

        r = audit_dir(c, cli_arg(c, 0), &dir);
        if (r == 0)
                r = choose(c, buf_str(&dir), &ak, &issuer, &witness, &counter, &o);
        if (r == 0)
                r = check(c, buf_str(&dir), &o, &counter, &rep);
        if (r == 0 && cli_flag(c, "json"))
                r = print_report_json(&rep, &o, &counter);
        else if (r == 0)
                print_report(&rep, &o, &counter);
        if (r == 0 && !rep.ok)
                r = EXIT_VERIFY;
        audit_report_clear(&rep);
        return r;
}

int cmd_audit_checkpoint(struct cli *c)
{
        CLEANUP(audit_counter_clear) struct audit_counter counter = { 0 };
        CLEANUP(conf_clear) struct conf conf = { 0 };
        json_t *log = NULL;
        const char *vkey;
        int r;

        r = cli_conf(c, &conf);
        if (r == 0)
                r = daemon_open(&conf, &counter.daemon);
        if (r == ERR_NOENT)
                r = err(ERR_DAEMON, "no daemon keeps a log here");
        if (r == 0)
                r = audit_counter_checkpoint(&counter, &log);
        if (r == 0 && cli_flag(c, "json"))
                return print_json("audit-checkpoint", json_pack("{s:o}", "log", log));
        if (r == 0)
                print_field("Vouched", "by the TPM for log %" PRIu64 " up to record %" PRIu64, (uint64_t)json_integer_value(json_object_get(log, "number")),
                            (uint64_t)json_integer_value(json_object_get(log, "records")) - 1 - (uint64_t)json_integer_value(json_object_get(log, "since-checkpoint")));
        vkey = json_string_value(json_object_get(log, "witness-key"));
        if (r == 0 && vkey != NULL)
                print_field("Witness", "%s", vkey);
        json_decref(log);
        return r;
}
