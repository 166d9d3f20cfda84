/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast-issuer status: is the issuer that runs well, and how much does it know? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "issuer/client.h"
#include "issuer/cmd.h"
#include "issuer/listing.h"
#include "lib/err.h"

static const struct listing_column key_columns[] = {
        { "use", "KEY", LISTING_TEXT, false }, { "number", "NO", LISTING_TEXT, false }, { "from", "SIGNS FROM", LISTING_TIME, false },
        { "until", "UNTIL", LISTING_TIME, false }, { "ends", "PUBLISHED UNTIL", LISTING_TIME, false }, { "where", "WHERE", LISTING_TEXT, false }, { 0 },
};

static const char *text(const json_t *doc, const char *name)
{
        const char *value = json_string_value(json_object_get(doc, name));

        return value != NULL ? value : "-";
}

static uint64_t number(const json_t *doc, const char *part, const char *name)
{
        return (uint64_t)json_integer_value(json_object_get(part != NULL ? json_object_get(doc, part) : doc, name));
}

static int print(struct args *a, const json_t *doc)
{
        bool ready = json_is_true(json_object_get(doc, "ready"));

        printf("Issuer       %s for %s, holdfast-issuer %s\n", text(doc, "url"), text(doc, "trust_domain"), text(doc, "version"));
        printf("Ready        %s%s\n", ready ? "yes" : "NO: ", ready ? "" : text(doc, "why"));
        printf("Database     %s\n", text(doc, "db"));
        printf("Hosts        %" PRIu64 ", %" PRIu64 " wait for approval, %" PRIu64 " revoked\n", number(doc, "hosts", "all"), number(doc, "hosts", "pending"),
               number(doc, "hosts", "revoked"));
        printf("Agents       %" PRIu64 ", %" PRIu64 " revoked\n", number(doc, "agents", "all"), number(doc, "agents", "revoked"));
        printf("Credentials  %" PRIu64 "\n", number(doc, NULL, "credentials"));
        printf("Log          number %" PRIu64 ", %" PRIu64 " records, %" PRIu64 " behind the newest checkpoint\n\n", number(doc, "log", "number"),
               number(doc, "log", "records"), number(doc, "log", "since_checkpoint"));
        return listing_print(a, key_columns, json_object_get(doc, "keys"));
}

int cmd_status(struct args *a)
{
        json_t *doc = NULL;
        int r = cmd_ask(a, "/v1/admin/status", NULL, &doc);

        if (r == 0)
                r = args_flag(a, "json") ? listing_json(doc) : print(a, doc);
        if (r == 0 && !json_is_true(json_object_get(doc, "ready")))
                r = 1;
        json_decref(doc);
        return r;
}
