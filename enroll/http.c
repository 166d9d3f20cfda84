/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast-http: asks one issuer over HTTPS what its standard input says, by enroll/wire.h. It has the network, and no TPM, no store and no key. */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include "config.h"
#include "enroll/wire.h"
#include "lib/err.h"

#define CONNECT_MS 10000L
#define ANSWER_MS 30000L
#define WRITE_MS 10000          /* for an answer to be taken */
#define FILES 64
#define MEMORY (512ul << 20)

struct session {
        CURL *curl;
        struct curl_slist *headers;
        struct buf base, ca;
        struct buf body;        /* of an answer */
        bool too_long;
        char why[CURL_ERROR_SIZE];
};

static void session_clear(struct session *s)
{
        curl_easy_cleanup(s->curl);
        curl_slist_free_all(s->headers);
        buf_clear(&s->base);
        buf_clear(&s->ca);
        buf_clear(&s->body);
}

/* "https://" HOST [":" PORT] [PATH], with nothing in it that leads elsewhere. */
static int check_url(struct bytes url)
{
        static const char scheme[] = "https://";
        size_t n = sizeof(scheme) - 1;

        if (url.len <= n || memcmp(url.ptr, scheme, n) != 0)
                return err(ERR_INVAL, "an issuer's URL begins with https://");
        for (size_t i = n; i < url.len; i++)
                if (url.ptr[i] <= ' ' || url.ptr[i] >= 0x7f || strchr("@?#\\\"<>", url.ptr[i]) != NULL)
                        return err(ERR_INVAL, "an issuer's URL has neither user, query nor fragment, and no blanks");
        return 0;
}

static size_t take(char *data, size_t size, size_t n, void *ctx)
{
        struct session *s = ctx;

        if (s->body.len + size * n > WIRE_REPLY_MAX) {
                s->too_long = true;
                return 0;
        }
        return buf_append(&s->body, data, size * n) == 0 ? size * n : 0;
}

/* What holds for all requests. */
static int set_up(struct session *s)
{
        struct curl_blob ca = { .data = s->ca.ptr, .len = s->ca.len, .flags = CURL_BLOB_NOCOPY };
        CURL *c = s->curl;
        bool good;

        s->headers = curl_slist_append(NULL, "Content-Type: application/json");
        /* A large body is sent at once: nobody waits for "100 Continue". */
        if (s->headers != NULL)
                good = curl_slist_append(s->headers, "Expect:") != NULL;
        else
                good = false;
        good = good && curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK && curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK && curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK && curl_easy_setopt(c, CURLOPT_MAXCONNECTS, 1L) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) == CURLE_OK && curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, ANSWER_MS) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_USERAGENT, "holdfast/" PACKAGE_VERSION) == CURLE_OK && curl_easy_setopt(c, CURLOPT_HTTPHEADER, s->headers) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_ERRORBUFFER, s->why) == CURLE_OK && curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
               curl_easy_setopt(c, CURLOPT_WRITEDATA, s) == CURLE_OK;
        if (good && s->ca.len > 0)
                good = curl_easy_setopt(c, CURLOPT_CAINFO, NULL) == CURLE_OK && curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK &&
                       curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &ca) == CURLE_OK;
        return good ? 0 : err(ERR_NOTSUP, "this libcurl cannot do what is needed");
}

static int aim(struct session *s, const struct wire_frame *target)
{
        int r = check_url(target->url);

        if (r == 0 && target->ca.len > 0 && memmem(target->ca.ptr, target->ca.len, "-----BEGIN CERTIFICATE-----", 27) == NULL)
                r = err(ERR_INVAL, "there is no certificate in what the issuer is to be trusted by");
        if (r == 0)
                r = buf_set(&s->base, target->url);
        while (r == 0 && s->base.ptr[s->base.len - 1] == '/')
                s->base.len--;
        if (r == 0)
                r = buf_set(&s->ca, target->ca);
        if (r != 0)
                return r;
        s->curl = curl_easy_init();
        return s->curl != NULL ? set_up(s) : err(ERR_NOMEM, "out of memory");
}

static int failed(const struct session *s, CURLcode code)
{
        const char *why = s->why[0] != '\0' ? s->why : curl_easy_strerror(code);

        if (s->too_long)
                return err(ERR_FORMAT, "the issuer's answer is longer than %u octets", WIRE_REPLY_MAX);
        if (code == CURLE_OUT_OF_MEMORY)
                return err(ERR_NOMEM, "out of memory");
        return err(code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_IO, "the issuer cannot be asked: %s", why);
}

static bool path_good(struct bytes path)
{
        for (size_t i = 0; i < path.len; i++)
                if (path.ptr[i] <= ' ' || path.ptr[i] >= 0x7f || path.ptr[i] == '#')
                        return false;
        return path.len > 0 && path.ptr[0] == '/';
}

static int ask(struct session *s, const struct wire_frame *request, struct wire_frame *ret)
{
        CLEANUP(buf_clear) struct buf url = { 0 };
        long status = 0;
        CURLcode code;
        int r;

        if (!path_good(request->path))
                return err(ERR_INVAL, "this is no path");
        r = buf_printf(&url, "%.*s%.*s", (int)s->base.len, (const char *)s->base.ptr, (int)request->path.len, (const char *)request->path.ptr);
        if (r == 0 && buf_str(&url) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r != 0)
                return r;
        buf_reset(&s->body);
        s->too_long = false;
        s->why[0] = '\0';
        curl_easy_setopt(s->curl, CURLOPT_HTTPGET, 1L);
        if (request->post) {
                curl_easy_setopt(s->curl, CURLOPT_POST, 1L);
                curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
                curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, request->body.len > 0 ? (const char *)request->body.ptr : "");
        }
        curl_easy_setopt(s->curl, CURLOPT_URL, buf_str(&url));
        code = curl_easy_perform(s->curl);
        if (code != CURLE_OK)
                return failed(s, code);
        curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
        *ret = (struct wire_frame){ .type = WIRE_REPLY, .status = (unsigned)status, .body = BYTES_OF(&s->body) };
        return 0;
}

static int answer(int r, struct wire_frame *reply)
{
        if (r != 0)
                *reply = (struct wire_frame){ .type = WIRE_FAILED, .error = r, .text = BYTES_STR(err_text()) };
        return wire_send(STDOUT_FILENO, reply, wire_now_ms() + WRITE_MS);
}

/* Until the other end has had enough. Whoever sends what is no frame gets no answer. */
static int serve(struct session *s)
{
        CLEANUP(buf_clear) struct buf room = { 0 };
        struct wire_frame in, out = { .type = WIRE_READY };
        int r;

        r = wire_receive(STDIN_FILENO, UINT64_MAX, &room, &in);
        if (r == 0 && in.type != WIRE_TARGET)
                r = err(ERR_FORMAT, "the first frame says who is to be asked");
        if (r == 0)
                r = answer(aim(s, &in), &out);
        if (r == 0 && out.type == WIRE_FAILED)
                return 0;
        while (r == 0) {
                r = wire_receive(STDIN_FILENO, UINT64_MAX, &room, &in);
                if (r == 0 && in.type != WIRE_REQUEST)
                        r = err(ERR_FORMAT, "this is no request");
                if (r == 0)
                        r = answer(ask(s, &in, &out), &out);
        }
        return r == ERR_NOENT ? 0 : r;
}

/* It speaks to strangers: it writes no file, starts nothing with more rights, and nobody of this user looks into it. */
static void give_up_rights(void)
{
        const struct rlimit none = { 0, 0 }, files = { FILES, FILES };

        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        setrlimit(RLIMIT_CORE, &none);
        /* Where standard error is a file, what it says last is lost, and how it ends is not. */
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &none);
        setrlimit(RLIMIT_NOFILE, &files);
#ifndef HF_SANITIZED
        setrlimit(RLIMIT_AS, &(struct rlimit){ MEMORY, MEMORY });
#endif
}

int main(int argc, char **argv)
{
        CLEANUP(session_clear) struct session s = { 0 };
        int r;

        if (argc != 1) {
                fprintf(stderr, "%s: this program is started by holdfastd and holdfast: holdfastd(8)\n", argv[0]);
                return EXIT_USAGE;
        }
        give_up_rights();
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return EXIT_FAILURE;
        r = serve(&s);
        if (r != 0)
                fprintf(stderr, "holdfast-http: %s\n", err_text());
        return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
