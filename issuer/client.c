/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a command ask the running issuer, and what does it make of the answer? */
#include "issuer/client.h"
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include "lib/buf.h"
#include "lib/err.h"

#define ANSWER_MAX (256u << 20)
#define TIMEOUT_S 120L

static size_t take(char *p, size_t size, size_t n, void *ctx)
{
        struct buf *b = ctx;

        /* What is not taken whole is an error of libcurl's. */
        return b->len + size * n <= ANSWER_MAX && buf_append(b, p, size * n) == 0 ? size * n : 0;
}

static int code_of(long status)
{
        static const struct {
                long status;
                int code;
        } rows[] = { { 400, ERR_INVAL }, { 403, ERR_DENIED }, { 404, ERR_NOENT }, { 409, ERR_EXIST }, { 422, ERR_INVAL } };

        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (rows[i].status == status)
                        return rows[i].code;
        return ERR_IO;
}

static int understand(long status, const struct buf *answer, json_t **ret)
{
        json_t *doc = answer->len > 0 ? json_loadb((const char *)answer->ptr, answer->len, JSON_REJECT_DUPLICATES, NULL) : NULL;
        const char *detail = json_string_value(json_object_get(doc, "detail"));
        int r = 0;

        if (detail == NULL)
                detail = json_string_value(json_object_get(doc, "title"));
        if (status < 200 || status > 299)
                r = err(code_of(status), "the issuer says: %s", detail != NULL ? detail : "nothing");
        else if (doc == NULL)
                r = err(ERR_FORMAT, "the issuer's answer is no JSON");
        if (r == 0)
                *ret = doc;
        else
                json_decref(doc);
        return r;
}

static int perform(CURL *c, const char *socket, const char *url, const char *body, json_t **ret)
{
        struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
        CLEANUP(buf_clear) struct buf answer = { 0 };
        char why[CURL_ERROR_SIZE] = "";
        long status = 0;
        CURLcode e;

        curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, socket);
        curl_easy_setopt(c, CURLOPT_URL, url);
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(c, CURLOPT_PROXY, "");
        curl_easy_setopt(c, CURLOPT_TIMEOUT, TIMEOUT_S);
        curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, &answer);
        if (body != NULL) {
                curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
                curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
        }
        e = curl_easy_perform(c);
        curl_slist_free_all(headers);
        if (e != CURLE_OK)
                return err(ERR_NODEV, "the issuer does not answer at %s: %s", socket, why[0] != '\0' ? why : curl_easy_strerror(e));
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
        return understand(status, &answer, ret);
}

int client_ask(const char *socket, const char *path, const json_t *body, json_t **ret)
{
        CLEANUP(buf_clear) struct buf url = { 0 };
        char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
        CURL *c = curl_easy_init();
        int r = buf_printf(&url, "http://issuer%s", path);

        if (c == NULL || (body != NULL && text == NULL) || r != 0)
                r = err(ERR_NOMEM, "out of memory");
        else
                r = perform(c, socket, buf_str(&url), text, ret);
        curl_easy_cleanup(c);
        free(text);
        return r;
}
