/* SPDX-License-Identifier: BSD-2-Clause */
/* What operators ask the issuer that runs, and order it: hosts, agents, credentials, tokens. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "issuer/client.h"
#include "issuer/cmd.h"
#include "issuer/listing.h"
#include "lib/err.h"

static const struct listing_column host_columns[] = {
        { "host", "HOST", LISTING_TEXT, false }, { "state", "STATE", LISTING_TEXT, false }, { "assurance", "ASSURANCE", LISTING_TEXT, false },
        { "manufacturer", "TPM", LISTING_TEXT, false }, { "vendor", "MODEL", LISTING_TEXT, true }, { "revision", "REVISION", LISTING_TEXT, true },
        { "firmware", "FIRMWARE", LISTING_TEXT, false }, { "audit", "AUDIT", LISTING_TEXT, false }, { "joined", "JOINED", LISTING_TIME, true },
        { "seen", "SEEN", LISTING_TIME, false }, { "ak_until", "AK UNTIL", LISTING_TIME, true }, { "record", "RECORD", LISTING_TEXT, true },
        { "revoked", "REVOKED", LISTING_TIME, true }, { "reason", "REASON", LISTING_TEXT, true }, { 0 },
};
static const struct listing_column agent_columns[] = {
        { "host", "HOST", LISTING_TEXT, false }, { "agent", "AGENT", LISTING_TEXT, false }, { "state", "STATE", LISTING_TEXT, false },
        { "owner", "OWNER", LISTING_TEXT, false }, { "key_label", "KEY", LISTING_TEXT, true }, { "key_kind", "KIND", LISTING_TEXT, false },
        { "profile", "PROFILE", LISTING_TEXT, true }, { "spiffe_id", "SPIFFE ID", LISTING_TEXT, true },
        { "credentials", "CREDENTIALS", LISTING_TEXT, false }, { "first", "FIRST", LISTING_TIME, true }, { "last", "LAST RENEWAL", LISTING_TIME, false },
        { "not_after", "ENDS", LISTING_TIME, false }, { "record", "RECORD", LISTING_TEXT, true }, { "revoked", "REVOKED", LISTING_TIME, true },
        { "reason", "REASON", LISTING_TEXT, true }, { 0 },
};
static const struct listing_column credential_columns[] = {
        { "serial", "SERIAL", LISTING_TEXT, false }, { "host", "HOST", LISTING_TEXT, false }, { "agent", "AGENT", LISTING_TEXT, false },
        { "credentials", "CREDENTIALS", LISTING_TEXT, false }, { "record", "RECORD", LISTING_TEXT, true }, { "issued", "ISSUED", LISTING_TIME, false },
        { "not_after", "ENDS", LISTING_TIME, false }, { "revoked", "REVOKED", LISTING_TIME, false }, { "reason", "REASON", LISTING_TEXT, true }, { 0 },
};

int cmd_ask(const struct args *a, const char *path, json_t *body, json_t **ret)
{
        CLEANUP(issuer_conf_clear) struct issuer_conf conf = { 0 };
        CLEANUP(buf_clear) struct buf socket = { 0 };
        int r = issuer_conf_load(args_conf(a), &conf);

        if (r == 0)
                r = issuer_conf_beside(&conf, conf.admin_socket, "admin.sock", &socket);
        if (r == 0)
                r = client_ask(buf_str(&socket), path, body, ret);
        json_decref(body);
        return r;
}

/* --- Lists --- */

/* What RFC 3986 2.3 leaves unreserved stands as it is. */
static int put_escaped(struct buf *b, const char *value)
{
        int r = 0;

        for (; r == 0 && *value != '\0'; value++) {
                bool plain = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~", *value) != NULL;

                r = plain ? buf_append_u8(b, (uint8_t)*value) : buf_printf(b, "%%%02X", (unsigned char)*value);
        }
        return r;
}

static int put_query(struct buf *b, const char *name, const char *value)
{
        int r;

        if (value == NULL)
                return 0;
        r = buf_printf(b, "%c%s=", memchr(b->ptr, '?', b->len) != NULL ? '&' : '?', name);
        return r == 0 ? put_escaped(b, value) : r;
}

static int get_list(const struct args *a, const char *path, const char *host, const char *agent, json_t **ret)
{
        CLEANUP(buf_clear) struct buf target = { 0 };
        int r = buf_append_str(&target, path);

        if (r == 0)
                r = put_query(&target, "host", host);
        if (r == 0)
                r = put_query(&target, "agent", agent);
        if (r == 0)
                r = cmd_ask(a, buf_str(&target), NULL, ret);
        if (r == 0 && !json_is_array(*ret)) {
                json_decref(*ret);
                r = err(ERR_FORMAT, "the issuer's answer is no list");
        }
        return r;
}

static int print_list(struct args *a, const char *path, const char *host, const char *agent, const struct listing_column *columns)
{
        json_t *list = NULL;
        int r = get_list(a, path, host, agent, &list);

        if (r == 0)
                r = listing_print(a, columns, list);
        json_decref(list);
        return r;
}

int cmd_host_list(struct args *a)
{
        return print_list(a, "/v1/admin/hosts", NULL, NULL, host_columns);
}

int cmd_agent_list(struct args *a)
{
        return print_list(a, "/v1/admin/agents", args_value(a, "host"), NULL, agent_columns);
}

int cmd_credential_list(struct args *a)
{
        if (args_value(a, "agent") != NULL && args_value(a, "host") == NULL)
                return err(ERR_INVAL, "--agent needs --host");
        return print_list(a, "/v1/admin/credentials", args_value(a, "host"), args_value(a, "agent"), credential_columns);
}

/* The one whose member has this value. */
static json_t *find(const json_t *list, const char *member, const char *value)
{
        size_t i;
        json_t *o;

        json_array_foreach(list, i, o) {
                const char *is = json_string_value(json_object_get(o, member));

                if (is != NULL && strcmp(is, value) == 0)
                        return o;
        }
        return NULL;
}

static int show(struct args *a, const char *path, const char *host, const char *agent, const struct listing_column *columns)
{
        const char *member = agent != NULL ? "agent" : "host", *value = agent != NULL ? agent : host;
        json_t *list = NULL, *o;
        int r = get_list(a, path, host, agent, &list);

        if (r != 0)
                return r;
        o = find(list, member, value);
        r = o != NULL ? listing_print_one(a, columns, o) : err(ERR_NOENT, "there is no %s %s", member, value);
        json_decref(list);
        return r;
}

int cmd_host_show(struct args *a)
{
        return show(a, "/v1/admin/hosts", a->arg[0], NULL, host_columns);
}

int cmd_agent_show(struct args *a)
{
        if (args_value(a, "host") == NULL)
                return err(ERR_INVAL, "which host's agent: --host");
        return show(a, "/v1/admin/agents", args_value(a, "host"), a->arg[0], agent_columns);
}

/* --- Orders --- */

static int approve(struct args *a, const char *host, const char *agent)
{
        json_t *answer = NULL;
        int r = cmd_ask(a, "/v1/admin/approve", json_pack("{s:s, s:s*}", "host", host, "agent", agent), &answer);

        if (r == 0)
                printf("%s may have credentials\n", a->arg[0]);
        json_decref(answer);
        return r;
}

int cmd_host_approve(struct args *a)
{
        return approve(a, a->arg[0], NULL);
}

int cmd_agent_approve(struct args *a)
{
        if (args_value(a, "host") == NULL)
                return err(ERR_INVAL, "which host's agent: --host");
        return approve(a, args_value(a, "host"), a->arg[0]);
}

static int revoke(struct args *a, const char *host, const char *agent, const char *serial)
{
        const char *reason = args_value(a, "reason");
        json_t *answer = NULL;
        uint64_t n;
        int r;

        r = cmd_ask(a, "/v1/admin/revoke", json_pack("{s:s*, s:s*, s:s*, s:s*}", "host", host, "agent", agent, "serial", serial, "reason", reason), &answer);
        if (r == 0) {
                n = (uint64_t)json_integer_value(json_object_get(answer, "revoked"));
                printf("%" PRIu64 " credential%s revoked\n", n, n == 1 ? " is" : "s are");
        }
        json_decref(answer);
        return r;
}

int cmd_host_revoke(struct args *a)
{
        return revoke(a, a->arg[0], NULL, NULL);
}

int cmd_agent_revoke(struct args *a)
{
        if (args_value(a, "host") == NULL)
                return err(ERR_INVAL, "which host's agent: --host");
        return revoke(a, args_value(a, "host"), a->arg[0], NULL);
}

int cmd_credential_revoke(struct args *a)
{
        if (args_value(a, "serial") == NULL)
                return err(ERR_INVAL, "which one: --serial; for all of an agent or host: agent revoke, host revoke");
        return revoke(a, NULL, NULL, args_value(a, "serial"));
}

int cmd_token_create(struct args *a)
{
        const char *host = args_value(a, "host"), *life = args_value(a, "life"), *token;
        unsigned long seconds = 60 * 60;
        json_t *answer = NULL;
        int r = life != NULL ? args_seconds(life, &seconds) : 0;

        if (r == 0 && host == NULL)
                r = err(ERR_INVAL, "for which host: --host");
        if (r == 0)
                r = cmd_ask(a, "/v1/admin/token", json_pack("{s:s, s:I}", "host", host, "life", (json_int_t)seconds), &answer);
        if (r != 0)
                return r;
        token = json_string_value(json_object_get(answer, "token"));
        if (token != NULL)
                printf("%s\n", token);
        else
                r = err(ERR_FORMAT, "the issuer's answer has no token");
        json_decref(answer);
        return r;
}
