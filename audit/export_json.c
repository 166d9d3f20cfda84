/* SPDX-License-Identifier: BSD-2-Clause */
/* What is a record in JSON? All of it. docs/formats.md names the members. */
#include <string.h>
#include "audit/exporting.h"
#include "audit/json.h"

static void put_key(struct json *j, const struct audit_record *r)
{
        if (r->key_label.len + r->key_id.len + r->key_public.len == 0)
                return;
        json_open(j, "key", '{');
        json_text(j, "label", r->key_label);
        json_hex(j, "id", r->key_id);
        json_hex(j, "public", r->key_public);
        json_close(j, '}');
}

static void put_peer(struct json *j, const struct audit_peer *p)
{
        if (!p->present)
                return;
        json_open(j, "peer", '{');
        json_number(j, "pid", p->pid);
        json_number(j, "start_time", p->start_time);
        json_number(j, "uid", p->uid);
        json_number(j, "gid", p->gid);
        if (p->n_groups > 0)
                json_open(j, "groups", '[');
        for (size_t i = 0; i < p->n_groups; i++)
                json_number(j, NULL, p->groups[i]);
        if (p->n_groups > 0)
                json_close(j, ']');
        json_text(j, "exe", p->exe);
        json_hex(j, "exe_sha256", p->exe_sha256);
        json_text(j, "cgroup", p->cgroup);
        json_text(j, "unit", p->unit);
        json_text(j, "container", p->container);
        if (p->has_loginuid)
                json_number(j, "loginuid", p->loginuid);
        json_bool(j, "tty", p->tty);
        if (p->ppid > 0)
                json_number(j, "ppid", p->ppid);
        json_text(j, "parent_exe", p->parent_exe);
        json_close(j, '}');
}

static void put_tpm(struct json *j, const struct audit_record *r)
{
        if (r->tpm.present) {
                json_open(j, "tpm", '{');
                json_number(j, "batch", r->tpm.batch);
                json_number(j, "index", r->tpm.index);
                json_number(j, "command", r->tpm.cc);
                json_hex(j, "cp_hash", r->tpm.cp_hash);
                json_hex(j, "rp_hash", r->tpm.rp_hash);
                json_close(j, '}');
        }
        if (r->has_clock) {
                json_open(j, "clock", '{');
                json_number(j, "ms", r->tpm_clock_ms);
                json_number(j, "resets", r->tpm_resets);
                json_number(j, "restarts", r->tpm_restarts);
                json_close(j, '}');
        }
}

int export_json(const struct audit_source *s, const struct audit_record *r, struct buf *b)
{
        struct json j = { .b = b };
        char time[EXPORT_TIME_SIZE];

        export_time(r->time_ms, time);
        json_open(&j, NULL, '{');
        json_shown(&j, "host", BYTES_STR(s->host));
        json_number(&j, "log", s->log);
        json_number(&j, "seq", r->seq);
        json_ours(&j, "time", time);
        json_ours(&j, "event", audit_event_name(r->event));
        json_text(&j, "agent", r->agent);
        json_text(&j, "owner", r->owner);
        put_key(&j, r);
        json_text(&j, "operation", r->operation);
        json_text(&j, "mechanism", r->mechanism);
        json_hex(&j, "digest", r->digest);
        json_hex(&j, "result", r->result);
        json_ours(&j, "decision", audit_decision_name(r->decision));
        json_text(&j, "rule", r->rule);
        json_text(&j, "reason", r->reason);
        put_peer(&j, &r->peer);
        put_tpm(&j, r);
        json_text(&j, "detail", r->detail);
        if (r->direct)
                json_bool(&j, "direct", true);
        json_hex(&j, "prev", r->prev);
        json_close(&j, '}');
        return j.r;
}
