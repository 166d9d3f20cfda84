/* SPDX-License-Identifier: BSD-2-Clause */
/* Who knows what the TPM's NV counter stands at? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "tools/audit_counter.h"

void audit_counter_clear(struct audit_counter *n)
{
        daemon_close(n->daemon);
        *n = (struct audit_counter){ 0 };
}

static int parse_value(const char *text, struct audit_counter *ret)
{
        char *end;

        errno = 0;
        ret->value = strtoull(text, &end, 10);
        if (errno != 0 || *end != 0 || text[0] < '0' || text[0] > '9')
                return err(ERR_USAGE, "--nv %s is neither a number nor ask", text);
        ret->known = true;
        return 0;
}

static bool same(const char *a, const char *b)
{
        struct stat x, y;

        return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void unknown(struct audit_counter *ret, const char *why)
{
        snprintf(ret->text, sizeof ret->text, "%s", why);
        ret->why = ret->text;
}

int audit_counter_choose(const struct cli *c, const char *dir, struct audit_counter *ret)
{
        CLEANUP(conf_clear) struct conf conf = { 0 };
        CLEANUP(buf_clear) struct buf written = { 0 };
        const char *nv = cli_value(c, "nv");
        bool must = nv != NULL && strcmp(nv, "ask") == 0;
        int r;

        if (nv != NULL && !must)
                return parse_value(nv, ret);
        r = cli_conf(c, &conf);
        if (r == 0)
                r = conf_audit_dir(&conf, &written);
        if (r == 0 && !must && !same(dir, written.ptr != NULL ? (const char *)written.ptr : "")) {
                unknown(ret, "this is a copy, and --nv does not say what to compare it with");
                return 0;
        }
        if (r == 0)
                r = daemon_open(&conf, &ret->daemon);
        ret->asks = r == 0;
        ret->must = must;
        if (must || r == 0 || r == ERR_CONF)
                return r;
        unknown(ret, r == ERR_NOENT ? "no daemon runs here that could read it, and --nv does not say it" : err_text());
        return 0;
}

int audit_counter_ask(struct audit_counter *n)
{
        json_t *reply = NULL, *v;
        int r;

        if (!n->asks)
                return 0;
        r = daemon_ask(n->daemon, daemon_request("counter", NULL), &reply);
        v = json_object_get(reply, "value");
        n->known = json_is_integer(v) && json_integer_value(v) >= 0;
        n->value = n->known ? (uint64_t)json_integer_value(v) : 0;
        if (!n->known)
                unknown(n, r != 0 ? err_text() : "the daemon does not say");
        json_decref(reply);
        return n->must ? r : 0;
}

int audit_counter_checkpoint(struct audit_counter *n, json_t **ret_log)
{
        json_t *reply = NULL;
        int r = daemon_ask(n->daemon, daemon_request("checkpoint", NULL), &reply);

        if (r == 0 && ret_log != NULL)
                *ret_log = json_incref(json_object_get(reply, "log"));
        json_decref(reply);
        return r;
}
