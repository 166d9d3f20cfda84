/* SPDX-License-Identifier: BSD-2-Clause */
/* How does an answer go over the wire, and what is said of it in the log? */
#include "issuer/http_reply.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "lib/err.h"

#define DATE_SIZE 48
#define LINE_PATH_MAX 256

static const struct {
        int status;
        const char *text;
} reasons[] = {
        { 200, "OK" },
        { 201, "Created" },
        { 202, "Accepted" },
        { 204, "No Content" },
        { 304, "Not Modified" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 406, "Not Acceptable" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 410, "Gone" },
        { 412, "Precondition Failed" },
        { 413, "Content Too Large" },
        { 414, "URI Too Long" },
        { 415, "Unsupported Media Type" },
        { 417, "Expectation Failed" },
        { 421, "Misdirected Request" },
        { 422, "Unprocessable Content" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
        { 505, "HTTP Version Not Supported" },
};

static const char *reason(int status)
{
        for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
                if (reasons[i].status == status)
                        return reasons[i].text;
        return "Unknown";
}

void http_reply_clear(struct http_reply *reply)
{
        buf_clear(&reply->body);
        buf_clear(&reply->headers);
        *reply = (struct http_reply){ .status = 200, .type = "application/json" };
}

/* IMF-fixdate (RFC 9110 5.6.7), in no locale's words. The same for a second. */
static const char *date(void)
{
        static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
        static _Thread_local time_t when = -1;
        static _Thread_local char text[DATE_SIZE];
        time_t now = time(NULL);
        struct tm t;

        if (now != when && gmtime_r(&now, &t) != NULL) {
                snprintf(text, sizeof(text), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * t.tm_wday, t.tm_mday, months + 3 * t.tm_mon,
                         (t.tm_year + 1900) % 10000, t.tm_hour, t.tm_min, t.tm_sec);
                when = now;
        }
        return text;
}

/* If-None-Match is a list of quoted tags, weak ones among them, or "*" (RFC 9110 13.1.2). */
static bool client_has(const struct http_head *head, const char *etag)
{
        const char *list = head != NULL ? http_head_get(head, "If-None-Match") : NULL;
        size_t len = strlen(etag);

        if (list == NULL || *etag == '\0')
                return false;
        if (strcmp(list, "*") == 0)
                return true;
        while ((list = strchr(list, '"')) != NULL) {
                size_t n = strcspn(++list, "\"");

                if (n == len && memcmp(list, etag, n) == 0)
                        return true;
                list += n + (list[n] == '"');
        }
        return false;
}

static int caching(const struct http_reply *reply, struct buf *out)
{
        int r;

        if (reply->max_age > 0)
                r = buf_printf(out, "Cache-Control: public, max-age=%u\r\n", reply->max_age);
        else
                r = buf_append_str(out, "Cache-Control: no-store\r\n");
        if (r == 0 && reply->etag[0] != '\0')
                r = buf_printf(out, "ETag: \"%s\"\r\n", reply->etag);
        return r;
}

int http_reply_format(struct http_reply *reply, const struct http_head *head, bool keep, struct buf *ret, size_t *ret_body)
{
        bool head_only = head != NULL && strcmp(head->method, "HEAD") == 0, get = head != NULL && (head_only || strcmp(head->method, "GET") == 0);
        CLEANUP(buf_clear) struct buf out = { 0 };
        bool bare;
        int r;

        if (reply->status < 200 || reply->status > 599)
                return err(ERR_INVAL, "a handler answered with the status %d", reply->status);
        if (get && reply->status == 200 && client_has(head, reply->etag))
                reply->status = 304;
        bare = reply->status == 304 || reply->status == 204;
        r = buf_reserve(&out, 512 + reply->headers.len + (bare || head_only ? 0 : reply->body.len));
        if (r == 0)
                r = buf_printf(&out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", reply->status, reason(reply->status), date());
        if (r == 0 && !bare)
                r = buf_printf(&out, "Content-Type: %s\r\nContent-Length: %zu\r\n", reply->type, reply->body.len);
        if (r == 0)
                r = caching(reply, &out);
        if (r == 0 && reply->retry_after > 0)
                r = buf_printf(&out, "Retry-After: %u\r\n", reply->retry_after);
        if (r == 0 && (!keep || (head != NULL && head->old)))
                r = buf_append_str(&out, keep ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
        if (r == 0)
                r = buf_append(&out, reply->headers.ptr, reply->headers.len);
        if (r == 0)
                r = buf_append_str(&out, "\r\n");
        if (r == 0 && !bare && !head_only)
                r = buf_append(&out, reply->body.ptr, reply->body.len);
        if (r != 0)
                return r;
        *ret_body = bare || head_only ? 0 : reply->body.len;
        buf_take(&out, ret);
        return 0;
}

int http_reply_refuse(struct http_reply *reply, int status, const char *detail)
{
        const char *word = status == 503 ? "busy" : status >= 500 && status != 501 && status != 505 ? "internal" : "shape";

        http_reply_clear(reply);
        reply->status = status;
        reply->type = "application/problem+json";
        reply->route = "refused";
        return buf_printf(&reply->body, "{\"type\":\"urn:holdfast:problem:%s\",\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}\n", word, reason(status), status,
                          detail);
}

void http_access_write(void *ctx, const struct http_access *a)
{
        char stamp[32], path[LINE_PATH_MAX + 1];
        struct tm t;
        size_t n = 0;

        if (gmtime_r(&a->when.tv_sec, &t) == NULL || strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &t) == 0)
                return;
        for (const char *p = a->path; *p != '\0' && n < LINE_PATH_MAX; p++)
                path[n++] = *p > ' ' && *p < 0x7f ? *p : '?';
        path[n] = '\0';
        fprintf(ctx, "%s.%03ldZ %s %s %s %d %llu %lluus %s\n", stamp, a->when.tv_nsec / 1000000, a->peer->address, a->method, path, a->status,
                (unsigned long long)a->octets, (unsigned long long)a->micros, a->peer->tls[0] != '\0' ? a->peer->tls : "-");
}
