/* SPDX-License-Identifier: BSD-2-Clause */
/* How is it told that something was refused or did not work? */
#include "issuer/problem.h"
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"

#define RETRY_AFTER 5   /* seconds */

struct problem {
        const char *word;
        int status;
        const char *title;
};

static const struct problem problems[] = {
        { "shape", 400, "The request is not what it should be." },
        { "nonce", 400, "There is no nonce for this, or it has ended: ask for a new one." },
        { "token", 403, "The join token is not accepted." },
        { "ek", 403, "The endorsement key is not accepted." },
        { "ak", 403, "The attestation key is not accepted." },
        { "srk", 403, "The parent of the host's keys is not accepted." },
        { "answer", 403, "The TPM did not give out the secrets that were made for it." },
        { "first-use", 403, "This host is not known, and new ones are not taken without a token." },
        { "host-unknown", 404, "This host has not joined." },
        { "host-mismatch", 403, "This name belongs to another TPM." },
        { "host-pending", 403, "This host waits for an operator's approval." },
        { "revoked", 403, "This was revoked." },
        { "evidence", 403, "The evidence is not accepted." },
        { "profile", 403, "No profile gives that." },
        { "stale", 409, "The host has proved something newer in the meantime." },
        { "denied", 403, "That is not allowed." },
        { "not-found", 404, "There is no such thing." },
        { "method", 405, "That cannot be done with this." },
        { "busy", 503, "The issuer cannot do this now." },
        { "internal", 500, "Something went wrong in the issuer." },
};

static const struct {
        int code;
        const char *word;
} codes[] = {
        { ERR_FORMAT, "shape" }, { ERR_RANGE, "shape" }, { ERR_NOENT, "not-found" }, { ERR_DENIED, "denied" }, { ERR_AUTH, "denied" },
        { ERR_EXIST, "denied" }, { ERR_FOREIGN, "host-mismatch" }, { ERR_STALE, "stale" }, { ERR_NOTSUP, "shape" },
        { ERR_IO, "busy" }, { ERR_NOSPC, "busy" }, { ERR_READONLY, "busy" }, { ERR_TIMEOUT, "busy" }, { ERR_NOMEM, "busy" },
};

const char *problem_word(size_t i)
{
        return i < ARRAY_LEN(problems) ? problems[i].word : NULL;
}

const char *problem_by_code(int code)
{
        for (size_t i = 0; i < ARRAY_LEN(codes); i++)
                if (codes[i].code == code)
                        return codes[i].word;
        return "internal";
}

static const struct problem *find(const char *word)
{
        size_t i = 0;

        while (i + 1 < ARRAY_LEN(problems) && strcmp(problems[i].word, word) != 0)
                i++;
        return &problems[i];
}

void problem_write(struct http_reply *reply, const char *word, const char *detail, json_t *checks)
{
        const struct problem *p = find(word);
        json_t *o = json_pack("{s:s+ s:s s:i}", "type", "urn:holdfast:problem:", p->word, "title", p->title, "status", p->status);
        char *text = NULL;

        if (o != NULL && p->status < 500 && detail != NULL && detail[0] != '\0')
                json_object_set_new(o, "detail", json_string(detail));
        if (o != NULL && checks != NULL)
                json_object_set(o, "checks", checks);
        text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
        json_decref(o);
        reply->status = p->status;
        reply->type = "application/problem+json";
        reply->retry_after = p->status == 503 ? RETRY_AFTER : 0;
        reply->max_age = 0;
        reply->etag[0] = '\0';
        buf_reset(&reply->body);
        /* Without memory the status has to do. */
        if (text != NULL && buf_append_str(&reply->body, text) != 0)
                buf_reset(&reply->body);
        free(text);
}
