/* SPDX-License-Identifier: BSD-2-Clause */
/* Shows what a daemon says of itself. */
#include <time.h>
#include "lib/err.h"
#include "tools/daemon_status.h"
#include "tools/keepjson.h"
#include "tools/text.h"

static const char *text_of(const json_t *o, const char *name)
{
        const char *s = json_string_value(json_object_get(o, name));

        return s != NULL ? s : "";
}

static long long number_of(const json_t *o, const char *name)
{
        return (long long)json_integer_value(json_object_get(o, name));
}

static void print_uptime(const json_t *reply)
{
        long long s = number_of(reply, "uptime");

        if (s >= 86400)
                print_field("Daemon", "%s, for %lld days", text_of(reply, "version"), s / 86400);
        else if (s >= 60)
                print_field("Daemon", "%s, for %lld h %lld min", text_of(reply, "version"), s / 3600, s / 60 % 60);
        else
                print_field("Daemon", "%s, for %lld s", text_of(reply, "version"), s);
}

static void print_findings(const struct cli *c, const json_t *reply)
{
        const json_t *list = json_object_get(reply, "findings");
        json_t *o;
        size_t i;

        json_array_foreach(list, i, o)
                print_field(json_is_true(json_object_get(o, "refuses")) ? "Refused" : "Warning", "%s", text_of(o, "text"));
        if (number_of(reply, "finding-count") > (long long)json_array_size(list))
                print_field("", "and more: %lld in all", number_of(reply, "finding-count"));
        if (json_array_size(list) > 0)
                say(c, "Next      put it right from a copy, or holdfast agent accept AGENT, or --all, if it is right as it is");
}

static void print_issuer(const json_t *issuer)
{
        if (json_string_value(json_object_get(issuer, "url")) == NULL) {
                print_field("Issuer", "none");
                return;
        }
        print_field("Issuer", "%s, as %s, %s, assurance: %s", text_of(issuer, "url"), text_of(issuer, "host"), text_of(issuer, "state"), text_of(issuer, "assurance"));
        print_field("", "enrolled: %lld, not renewed: %lld", number_of(issuer, "enrolled"), number_of(issuer, "failing"));
        if (text_of(issuer, "last_error")[0] != 0)
                print_field("", "%s", text_of(issuer, "last_error"));
}

void daemon_status_print(const struct cli *c, const json_t *reply)
{
        const json_t *log = json_object_get(reply, "log"), *n = json_object_get(reply, "connections");

        print_uptime(reply);
        print_field("Serves", "connections: %lld, silent: %lld, since the start: %lld, refused: %lld", number_of(n, "served"), number_of(n, "silent"),
                    number_of(n, "accepted"), number_of(n, "refused"));
        print_field("Log", "%s, number %lld, records: %lld", text_of(log, "directory"), number_of(log, "number"), number_of(log, "records"));
        print_field("", "completeness: %s, last checkpoint %lld s ago, records since: %lld", text_of(log, "completeness"),
                    number_of(log, "checkpoint-age"), number_of(log, "since-checkpoint"));
        if (json_object_get(reply, "issuer") != NULL)
                print_issuer(json_object_get(reply, "issuer"));
        print_findings(c, reply);
}

bool daemon_status_refuses(const json_t *reply)
{
        json_t *o;
        size_t i;

        json_array_foreach(json_object_get(reply, "findings"), i, o) {
                if (json_is_true(json_object_get(o, "refuses")))
                        return true;
        }
        return false;
}

/* Nothing renews what was carried here; somebody has to bring other credentials. */
static bool is_due(const json_t *o)
{
        return json_is_true(json_object_get(o, "carried")) && number_of(o, "renew_after") <= (json_int_t)time(NULL);
}

static void count(const json_t *agents, json_int_t *enrolled, json_int_t *failing)
{
        const json_t *o;
        size_t i;

        json_array_foreach(agents, i, o) {
                ++*enrolled;
                *failing += text_of(o, "last_error")[0] != 0 || is_due(o);
        }
}

/* How this host stands with its issuer, in short: `holdfast enrolled` has all of it. Nothing where the daemon does not say. */
static void add_issuer(struct daemon *d, json_t *reply)
{
        json_int_t enrolled = 0, failing = 0, next = 0;
        json_t *first = NULL;

        do {
                json_t *part = NULL, *request = daemon_request("enrolled", NULL);

                json_object_set_new(request, "skip", json_integer(next));
                if (daemon_ask(d, request, &part) != 0)
                        break;
                count(json_object_get(part, "agents"), &enrolled, &failing);
                next = keepjson_next(part, next);
                if (first == NULL)
                        first = part;
                else
                        json_decref(part);
        } while (next > 0);
        if (first != NULL)
                json_object_set_new(reply, "issuer", json_pack("{s:O?, s:O?, s:O?, s:O?, s:O?, s:I, s:I}", "url", json_object_get(first, "issuer"),
                                                               "host", json_object_get(first, "host"), "state", json_object_get(first, "state"),
                                                               "assurance", json_object_get(first, "assurance"),
                                                               "last_error", json_object_get(first, "last_error"), "enrolled", enrolled, "failing", failing));
        json_decref(first);
}

int daemon_status_ask(struct daemon *d, json_t **ret_reply)
{
        int r = daemon_ask(d, daemon_request("status", NULL), ret_reply);

        if (r != 0)
                return r;
        json_object_del(*ret_reply, "ok");
        add_issuer(d, *ret_reply);
        return 0;
}

static int add_findings(const json_t *reply, struct findings *ret)
{
        const json_t *o;
        size_t i;
        int r;

        r = finding_add(ret, FINDING_OK, "Daemon", NULL, "%s runs; its log is at record %lld of log %lld.", text_of(reply, "version"),
                        number_of(json_object_get(reply, "log"), "records"), number_of(json_object_get(reply, "log"), "number"));
        json_array_foreach(json_object_get(reply, "findings"), i, o) {
                bool refuses = json_is_true(json_object_get(o, "refuses"));

                if (r == 0)
                        r = finding_add(ret, refuses ? FINDING_FAIL : FINDING_WARN, "Daemon",
                                        refuses ? "Restore it from a copy, or take it as it is: holdfast agent accept." : NULL, "%s.", text_of(o, "text"));
        }
        o = json_object_get(reply, "issuer");
        if (r == 0 && number_of(o, "failing") > 0)
                r = finding_add(ret, FINDING_WARN, "Issuer", "holdfast enrolled says why.", "%lld of %lld enrolled keys could not be renewed.",
                                number_of(o, "failing"), number_of(o, "enrolled"));
        if (r == 0 && text_of(o, "last_error")[0] != 0)
                r = finding_add(ret, FINDING_WARN, "Issuer", NULL, "%s.", text_of(o, "last_error"));
        return r;
}

int daemon_findings(const struct conf *c, struct findings *ret, bool *ret_has)
{
        struct daemon *d = NULL;
        json_t *reply = NULL;
        int r = daemon_open(c, &d);

        *ret_has = r == 0 || r == ERR_PERM;
        if (r == 0)
                r = daemon_status_ask(d, &reply);
        if (r == 0)
                r = add_findings(reply, ret);
        else if (r == ERR_PERM)
                r = finding_add(ret, FINDING_WARN, "Daemon", NULL, "%s.", err_text());
        else if (r != ERR_NOENT)
                r = finding_add(ret, FINDING_FAIL, "Daemon", cli_err_hint(r), "%s.", err_text());
        else
                r = 0;
        json_decref(reply);
        daemon_close(d);
        return r;
}
