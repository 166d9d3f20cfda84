/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast evidence show: what stands in it, whether or not it is true. */
#include <inttypes.h>
#include <string.h>
#include "attest/evidence.h"
#include "attest/public.h"
#include "lib/tpms.h"
#include "tools/cert.h"
#include "tools/evidence.h"
#include "tools/text.h"

static void show_text(const char *name, struct bytes text)
{
        if (text.len > 0)
                print_field(name, "%.*s", (int)text.len, (const char *)text.ptr);
}

/* Text of several lines, the empty ones left out. */
static void show_lines(const char *name, struct bytes text)
{
        while (text.len > 0) {
                const uint8_t *end = memchr(text.ptr, '\n', text.len);
                const size_t len = end ? (size_t)(end - text.ptr) : text.len;

                if (len > 0) {
                        show_text(name, BYTES(text.ptr, len));
                        name = "";
                }
                text = BYTES(text.ptr + len + (end ? 1 : 0), text.len - len - (end ? 1 : 0));
        }
}

static void show_hex(const char *name, struct bytes b)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };

        if (b.len > 0 && hex_encode(b, &hex) == 0 && buf_str(&hex) != NULL)
                print_field(name, "%s", buf_str(&hex));
}

/* Its kind and Name. */
static void show_public(const char *name, struct bytes tpmt)
{
        CLEANUP(public_clear) struct public p = { 0 };
        CLEANUP(buf_clear) struct buf hex = { 0 };
        const struct key_kind *kind;

        if (public_decode(tpmt, &p) != 0 || hex_encode(BYTES_OF(&p.name), &hex) != 0 || buf_str(&hex) == NULL) {
                print_field(name, "not a key: %s", err_text());
                return;
        }
        kind = tpmt_kind(&p.area);
        print_field(name, "%s %s", kind != NULL ? kind->name : "unknown", buf_str(&hex));
}

static void show_certificates(const struct evidence *e)
{
        for (size_t i = 0; i < e->n_certificates; i++) {
                CLEANUP(buf_clear) struct buf subject = { 0 }, issuer = { 0 }, until = { 0 };

                if (cert_summary(e->certificates[i], &subject, &issuer, &until) == 0 && buf_str(&subject) && buf_str(&issuer) && buf_str(&until))
                        print_field("Chain", "%s, by %s, until %s", subject.len > 0 ? buf_str(&subject) : "(no subject)", buf_str(&issuer), buf_str(&until));
                else
                        print_field("Chain", "not a certificate");
        }
}

static void show_statement(const char *name, const struct evidence_statement *s)
{
        struct tpms in = TPMS(s->attest);
        struct tpms_attest a;

        tpms_get_attest(&in, &a);
        if (in.bad)
                print_field(name, "not a TPM's statement");
        else
                print_field(name, "clock %" PRIu64 " ms%s, reset %" PRIu32 " times, restarted %" PRIu32 ", firmware %016" PRIx64, a.clock_ms, a.safe ? "" : " (not safe)",
                            a.resets, a.restarts, a.firmware);
}

static void show_host(const struct evidence *e)
{
        const struct hash *h = hash_by_tpm((uint16_t)e->host.pcr_hash);
        size_t at = 0;
        char name[12];

        show_statement("Quote", &e->host.quote);
        for (unsigned i = 0; i < EVIDENCE_PCRS; i++)
                if (e->host.pcrs >> i & 1) {
                        snprintf(name, sizeof(name), "PCR %u", i);
                        show_hex(name, BYTES(e->host.values.ptr + at, h->size));
                        at += h->size;
                }
        if (e->host.event_log.len > 0)
                print_field("Events", "%zu octets of the firmware's event log", e->host.event_log.len);
        if (e->host.ima.len > 0)
                print_field("IMA", "%zu octets of the list of measured files", e->host.ima.len);
}

static void show_process(const struct evidence *e)
{
        print_field("Process", "pid %" PRIu64 ", uid %" PRIu64 ", gid %" PRIu64, e->process.pid, e->process.uid, e->process.gid);
        show_text("Program", e->process.exe);
        show_hex("SHA-256", e->process.exe_sha256);
        show_text("Cgroup", e->process.cgroup);
        show_text("Unit", e->process.unit);
        show_text("Container", e->process.container);
}

static json_t *octets_json(struct bytes b)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };

        return b.len > 0 && hex_encode(b, &hex) == 0 && buf_str(&hex) != NULL ? json_string(buf_str(&hex)) : json_null();
}

static json_t *words_json(struct bytes b)
{
        return b.len > 0 ? text_json(b) : json_null();
}

static json_t *host_json(const struct evidence *e)
{
        return json_pack("{s:o, s:I, s:I, s:o, s:I, s:I}", "quote", octets_json(e->host.quote.attest), "pcr_hash", (json_int_t)e->host.pcr_hash, "pcrs",
                         (json_int_t)e->host.pcrs, "values", octets_json(e->host.values), "event_log_octets", (json_int_t)e->host.event_log.len, "ima_octets",
                         (json_int_t)e->host.ima.len);
}

static json_t *process_json(const struct evidence *e)
{
        return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "pid", (json_int_t)e->process.pid, "uid", (json_int_t)e->process.uid, "gid",
                         (json_int_t)e->process.gid, "exe", words_json(e->process.exe), "exe_sha256", octets_json(e->process.exe_sha256), "cgroup",
                         words_json(e->process.cgroup), "unit", words_json(e->process.unit), "container", words_json(e->process.container));
}

static int show_json(const struct evidence *e)
{
        json_t *doc = json_pack("{s:b, s:o, s:I}", "verified", 0, "ak_public", octets_json(e->ak_public), "certificates", (json_int_t)e->n_certificates);

        if (e->key.present)
                json_object_set_new(doc, "key", json_pack("{s:o, s:o, s:o, s:o}", "public", octets_json(e->key.public), "certify", octets_json(e->key.certify.attest),
                                                          "agent", words_json(e->key.agent), "owner", words_json(e->key.owner)));
        if (e->host.present)
                json_object_set_new(doc, "host", host_json(e));
        if (e->process.present)
                json_object_set_new(doc, "process", process_json(e));
        json_object_set_new(doc, "checkpoint", words_json(e->checkpoint));
        return print_json("evidence-show", doc);
}

int cmd_evidence_show(struct cli *c)
{
        CLEANUP(buf_clear) struct buf octets = { 0 };
        struct evidence e;
        int r;

        r = evidence_file(cli_arg(c, 0), &octets);
        if (r == 0)
                r = evidence_decode(BYTES_OF(&octets), &e);
        if (r != 0)
                return r;
        if (cli_flag(c, "json"))
                return show_json(&e);
        show_public("AK", e.ak_public);
        show_certificates(&e);
        if (e.key.present) {
                show_public("Key", e.key.public);
                show_text("Agent", e.key.agent);
                show_text("Owner", e.key.owner);
                show_statement("Certify", &e.key.certify);
        }
        if (e.host.present)
                show_host(&e);
        if (e.process.present)
                show_process(&e);
        show_lines("Log", e.checkpoint);
        say(c, "Nothing of this was checked: holdfast evidence verify does that.");
        return 0;
}
