/* SPDX-License-Identifier: BSD-2-Clause */
/* What is a record in the Open Cybersecurity Schema Framework? Version 1.8: class API Activity, with the profile Security Control. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "audit/exporting.h"
#include "audit/json.h"

#define OCSF_VERSION "1.8.0"
#define CATEGORY_APPLICATION 6
#define CLASS_API_ACTIVITY 6003
#define FILE_REGULAR 1
#define HASH_SHA256 3

enum { CREATE = 1, UPDATE = 3, DELETE = 4, OTHER = 99 };
static const char *const activity_names[] = { [CREATE] = "Create", [UPDATE] = "Update", [DELETE] = "Delete" };

static const unsigned activities[] = {
        [AUDIT_START] = OTHER, [AUDIT_STOP] = OTHER, [AUDIT_USE] = OTHER, [AUDIT_CREATE] = CREATE, [AUDIT_DELETE] = DELETE,
        [AUDIT_CHANGE] = UPDATE, [AUDIT_RULE] = UPDATE, [AUDIT_LOCK] = UPDATE, [AUDIT_UNLOCK] = UPDATE, [AUDIT_CHECKPOINT] = OTHER,
        [AUDIT_GAP] = OTHER, [AUDIT_LIST] = OTHER, [AUDIT_ROTATE] = OTHER, [AUDIT_ATTEST] = OTHER,
        [AUDIT_JOIN] = CREATE, [AUDIT_ISSUE] = CREATE, [AUDIT_REVOKE] = DELETE, [AUDIT_APPROVE] = UPDATE,
};

/* action: 1 Allowed, 2 Denied. disposition: 1 Allowed, 2 Blocked, 27 Error. status: 1 Success, 2 Failure. severity: 1 Informational, 3 Medium, 2 Low. */
static const struct {
        unsigned action, disposition, status, severity;
} outcomes[] = {
        [AUDIT_ALLOWED] = { 1, 1, 1, 1 },
        [AUDIT_REFUSED] = { 2, 2, 2, 3 },
        [AUDIT_FAILED] = { 1, 27, 2, 2 },
};

static struct bytes base_name(struct bytes path)
{
        const uint8_t *slash = path.len > 0 ? memrchr(path.ptr, '/', path.len) : NULL;

        if (slash == NULL || slash + 1 == path.ptr + path.len)
                return path;
        return BYTES(slash + 1, (size_t)(path.ptr + path.len - slash - 1));
}

static void put_file(struct json *j, struct bytes path, struct bytes sha256)
{
        if (path.len == 0)
                return;
        json_open(j, "file", '{');
        json_shown(j, "name", base_name(path));
        json_shown(j, "path", path);
        json_number(j, "type_id", FILE_REGULAR);
        if (sha256.len > 0) {
                json_open(j, "hashes", '[');
                json_open(j, NULL, '{');
                json_number(j, "algorithm_id", HASH_SHA256);
                json_ours(j, "algorithm", "SHA-256");
                json_hex(j, "value", sha256);
                json_close(j, '}');
                json_close(j, ']');
        }
        json_close(j, '}');
}

static void put_uid(struct json *j, const char *key, uint64_t v)
{
        char text[24];

        snprintf(text, sizeof(text), "%" PRIu64, v);
        json_ours(j, key, text);
}

static void put_process(struct json *j, const struct audit_peer *p)
{
        char uid[48];

        snprintf(uid, sizeof(uid), "%" PRIu64 ".%" PRIu64, p->pid, p->start_time);
        json_open(j, "process", '{');
        json_number(j, "pid", p->pid);
        json_ours(j, "uid", uid);
        json_shown(j, "name", base_name(p->exe));
        put_file(j, p->exe, p->exe_sha256);
        if (p->ppid > 0) {
                json_open(j, "parent_process", '{');
                json_number(j, "pid", p->ppid);
                put_file(j, p->parent_exe, (struct bytes){ 0 });
                json_close(j, '}');
        }
        json_close(j, '}');
}

/* The agent is the application; without a peer it is the daemon itself. */
static void put_actor(struct json *j, const struct audit_record *r)
{
        const struct audit_peer *p = &r->peer;

        json_open(j, "actor", '{');
        if (r->agent.len > 0)
                json_shown(j, "app_name", r->agent);
        else
                json_ours(j, "app_name", "holdfastd");
        if (p->present) {
                put_process(j, p);
                json_open(j, "user", '{');
                put_uid(j, "uid", p->uid);
                json_close(j, '}');
        }
        json_close(j, '}');
}

static void put_resource(struct json *j, const struct audit_record *r)
{
        if (r->key_label.len + r->key_id.len == 0)
                return;
        json_open(j, "resources", '[');
        json_open(j, NULL, '{');
        json_ours(j, "type", "key");
        json_shown(j, "name", r->key_label);
        json_hex(j, "uid", r->key_id);
        if (r->owner.len > 0) {
                json_open(j, "owner", '{');
                json_shown(j, "name", r->owner);
                json_close(j, '}');
        }
        json_close(j, '}');
        json_close(j, ']');
}

static void put_metadata(struct json *j, const struct audit_source *s, const struct audit_record *r)
{
        char uid[48];

        snprintf(uid, sizeof(uid), "%" PRIu64 "/%" PRIu64, s->log, r->seq);
        json_open(j, "metadata", '{');
        json_ours(j, "version", OCSF_VERSION);
        json_open(j, "product", '{');
        json_ours(j, "name", "Holdfast");
        json_ours(j, "vendor_name", "Holdfast");
        json_shown(j, "version", BYTES_STR(s->version));
        json_close(j, '}');
        json_open(j, "profiles", '[');
        json_ours(j, NULL, "security_control");
        json_close(j, ']');
        json_ours(j, "event_code", audit_event_name(r->event));
        json_ours(j, "log_name", "audit");
        json_ours(j, "uid", uid);
        json_number(j, "sequence", r->seq);
        json_close(j, '}');
}

static void put_classification(struct json *j, const struct audit_record *r)
{
        unsigned activity = activities[r->event];

        json_number(j, "category_uid", CATEGORY_APPLICATION);
        json_number(j, "class_uid", CLASS_API_ACTIVITY);
        json_number(j, "activity_id", activity);
        json_ours(j, "activity_name", activity == OTHER ? audit_event_name(r->event) : activity_names[activity]);
        json_number(j, "type_uid", CLASS_API_ACTIVITY * 100 + activity);
        json_number(j, "severity_id", outcomes[r->decision].severity);
        json_number(j, "action_id", outcomes[r->decision].action);
        json_number(j, "disposition_id", outcomes[r->decision].disposition);
        json_number(j, "status_id", outcomes[r->decision].status);
        json_shown(j, "status_detail", r->reason);
}

/* What the schema has no place for. */
static void put_unmapped(struct json *j, const struct audit_record *r)
{
        json_open(j, "unmapped", '{');
        json_shown(j, "mechanism", r->mechanism);
        json_hex(j, "digest", r->digest);
        json_hex(j, "result", r->result);
        json_shown(j, "cgroup", r->peer.cgroup);
        json_shown(j, "unit", r->peer.unit);
        json_shown(j, "container", r->peer.container);
        if (r->tpm.present) {
                json_number(j, "tpm_batch", r->tpm.batch);
                json_number(j, "tpm_index", r->tpm.index);
        }
        json_shown(j, "detail", r->detail);
        json_close(j, '}');
}

int export_ocsf(const struct audit_source *s, const struct audit_record *r, struct buf *b)
{
        struct json j = { .b = b };
        char title[EXPORT_TITLE_SIZE];

        export_title(r, title);
        json_open(&j, NULL, '{');
        put_classification(&j, r);
        json_number(&j, "time", r->time_ms);
        json_ours(&j, "message", title);
        put_metadata(&j, s, r);
        put_actor(&j, r);
        json_open(&j, "api", '{');
        if (r->operation.len > 0)
                json_shown(&j, "operation", r->operation);
        else
                json_ours(&j, "operation", audit_event_name(r->event));
        json_open(&j, "service", '{');
        json_ours(&j, "name", "holdfastd");
        json_close(&j, '}');
        json_close(&j, '}');
        json_open(&j, "src_endpoint", '{');
        json_shown(&j, "hostname", s->host[0] != '\0' ? BYTES_STR(s->host) : BYTES_STR("localhost"));
        json_close(&j, '}');
        put_resource(&j, r);
        if (r->rule.len > 0) {
                json_open(&j, "policy", '{');
                json_shown(&j, "name", r->rule);
                json_close(&j, '}');
        }
        put_unmapped(&j, r);
        json_close(&j, '}');
        return j.r;
}
