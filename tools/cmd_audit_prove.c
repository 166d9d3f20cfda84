/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast audit prove and holdfast audit check-proof: one record, with what proves that it is in the log. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "audit/check.h"
#include "audit/export.h"
#include "tools/audit.h"
#include "tools/audit_issuer.h"
#include "tools/readfile.h"
#include "tools/text.h"

static int parse_number(const char *what, const char *text, uint64_t *ret)
{
        char *end;

        errno = 0;
        *ret = strtoull(text, &end, 10);
        if (errno != 0 || *end != 0 || text[0] < '0' || text[0] > '9')
                return err(ERR_USAGE, "%s %s is no number", what, text);
        return 0;
}

int cmd_audit_prove(struct cli *c)
{
        CLEANUP(buf_clear) struct buf dir = { 0 }, host = { 0 }, text = { 0 };
        const char *number = cli_value(c, "log-number");
        uint64_t seq, log = 0;
        int r;

        r = parse_number("record", cli_arg(c, 0), &seq);
        if (r == 0 && number != NULL)
                r = parse_number("--log-number", number, &log);
        if (r == 0)
                r = audit_dir(c, cli_value(c, "log"), &dir);
        if (r == 0 && number == NULL)
                r = audit_host(buf_str(&dir), &host, &log);
        if (r == 0)
                r = audit_prove(buf_str(&dir), log, seq, &text);
        if (r == 0 && fwrite(text.ptr, 1, text.len, stdout) != text.len)
                r = err_errno("cannot write to standard output");
        return r;
}

/* The export's JSON, as a member: what is escaped in it stays so. */
static int print_record_json(uint64_t log, const struct audit_record *rec)
{
        const struct audit_source source = { .host = "", .version = "", .log = log };
        CLEANUP(buf_clear) struct buf line = { 0 };
        int r;

        r = audit_export(AUDIT_JSON, &source, rec, &line);
        if (r == 0)
                printf("{\n  \"schema\": \"holdfast.audit-proof/1\",\n  \"ok\": true,\n  \"record\": %s\n}\n", buf_str(&line));
        return r;
}

int cmd_audit_check_proof(struct cli *c)
{
        CLEANUP(buf_clear) struct buf text = { 0 }, record = { 0 }, line = { 0 };
        CLEANUP(pubkey_clear) struct pubkey ak = { 0 };
        CLEANUP(audit_issuer_keys_clear) struct audit_issuer_keys issuer = { 0 };
        const char *issuer_key = cli_value(c, "issuer-key");
        struct audit_entry e = { 0 };
        int r;

        if (issuer_key != NULL && cli_value(c, "ak") != NULL)
                return err(ERR_USAGE, "choose one of --ak and --issuer-key");
        r = issuer_key != NULL ? audit_issuer_keys(issuer_key, &issuer) : audit_ak(c, &ak);
        if (r == 0)
                r = readfile(cli_arg(c, 0), &text);
        if (r != 0)
                return r;
        r = audit_check_proof(BYTES_OF(&text), &ak, issuer_key != NULL ? &issuer.check : NULL, &record, &e.record, &e.at.log);
        /* Whatever is wrong with it: it proves nothing. */
        if (r == ERR_FORMAT || r == ERR_AUTH || r == ERR_RANGE)
                return ERR_MISMATCH;
        if (r != 0)
                return r;
        e.at.seq = e.record.seq;
        if (cli_flag(c, "json"))
                return print_record_json(e.at.log, &e.record);
        r = audit_line(&e, &line);
        if (r == 0)
                printf("%s\n", buf_str(&line));
        if (r == 0)
                say(c, "The record is in log %llu under a checkpoint of %s.", (unsigned long long)e.at.log,
                    issuer_key != NULL ? "this issuer" : "this attestation key");
        return r;
}
