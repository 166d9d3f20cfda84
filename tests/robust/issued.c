/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a test get an issuer that it may kill, and how does it find out what is left? */
#include "tests/robust/issued.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/file.h"
#include "tests/robust/robust.h"

#define PATIENCE_MS 60000
#define START_MS 60000
#define ANSWER_MAX (16u << 20)

extern char **environ;

static int64_t now_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- The program --- */

static const char *program_path(void)
{
        const char *path = getenv("HOLDFAST_ISSUER_PROGRAM");

        return path != NULL ? path : robust_path("../../issuer/holdfast-issuer");
}

bool program_there(void)
{
        return access(program_path(), X_OK) == 0 && robust_has_holdfast();
}

/* It ends with us. */
static pid_t run(const struct program *p, const char *const words[])
{
        const char *argv[24] = { "setpriv", "--pdeathsig", "KILL", "--", program_path() };
        posix_spawn_file_actions_t files;
        pid_t pid;

        for (size_t i = 0, n = 5; words[i] != NULL; i++, n++)
                argv[n] = words[i];
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_addopen(&files, 1, p->words, O_WRONLY | O_CREAT | O_APPEND, 0600);
        posix_spawn_file_actions_adddup2(&files, 1, 2);
        if (posix_spawnp(&pid, argv[0], &files, NULL, (char *const *)argv, environ) != 0)
                fail_msg("cannot run %s: %m", argv[4]);
        posix_spawn_file_actions_destroy(&files);
        return pid;
}

static void add_settings(const struct program *p)
{
        FILE *f = fopen(p->conf, "a");

        assert_non_null(f);
        fprintf(f, "\n[profile test]\nhost = *\nagent = *\nspiffe-id = spiffe://{trust-domain}/{agent}\nassurance = unattested simulator\n"
                   "credentials = x509 ssh-user\nssh-users = deploy\nlife = 1h\n");
        assert_int_equal(fclose(f), 0);
}

void program_make(struct program *p, const char *below, const char *name, const struct program *like, const char *db)
{
        const char *words[] = { "init", "--trust-domain", "example.org", "--url", "https://localhost", "--domain", "example.org", "--listen", "127.0.0.1:0",
                                "--directory", p->dir, "--conf", p->conf, db != NULL ? "--db" : NULL, db, NULL };
        char command[512];
        int status;

        *p = (struct program){ 0 };
        snprintf(p->dir, sizeof(p->dir), "%s/%s", below, name);
        snprintf(p->conf, sizeof(p->conf), "%s.conf", p->dir);
        snprintf(p->socket, sizeof(p->socket), "%s/admin.sock", p->dir);
        snprintf(p->words, sizeof(p->words), "%s.words", p->dir);
        if (like != NULL) {
                snprintf(command, sizeof(command), "mkdir -m 700 '%s' && cp -a '%s/keys' '%s'", p->dir, like->dir, p->dir);
                assert_int_equal(system(command), 0);
        }
        if (waitpid(run(p, words), &status, 0) <= 0 || status != 0)
                fail_msg("holdfast-issuer init fails: see %s", p->words);
        add_settings(p);
}

static void forget_words(const struct program *p)
{
        assert_int_equal(unlink(p->words) == 0 || errno == ENOENT, true);
}

bool program_start(struct program *p)
{
        const char *words[] = { "serve", "--conf", p->conf, NULL };
        int64_t end = now_ms() + START_MS;
        struct line l;

        forget_words(p);
        p->pid = run(p, words);
        while (!line_open(&l, p)) {
                if (waitpid(p->pid, NULL, WNOHANG) != 0 || now_ms() > end) {
                        program_end(p, SIGKILL);
                        return false;
                }
                poll(NULL, 0, 5);
        }
        line_close(&l);
        return true;
}

/* Whose threads go on only when we let them. */
static struct tracer *traced;

bool program_start_traced(struct program *p, struct tracer *t, bool armed, unsigned long at)
{
        const char *argv[] = { program_path(), "serve", "--conf", p->conf, NULL };
        int64_t end = now_ms() + START_MS;
        struct line l;

        forget_words(p);
        tracer_start(t, argv, p->words);
        if (armed)
                tracer_arm(t, at);
        while (!line_open(&l, p)) {
                if (t->pid == 0)
                        return false;
                assert_true(now_ms() < end);
                tracer_run(t, 1);
        }
        line_close(&l);
        traced = t;
        return true;
}

void program_end_traced(struct tracer *t)
{
        tracer_end(t, SIGKILL);
        traced = NULL;
}

void program_end(struct program *p, int sig)
{
        if (p->pid == 0)
                return;
        kill(p->pid, sig);
        waitpid(p->pid, NULL, 0);
        p->pid = 0;
}

void program_said(const struct program *p, char ret[200])
{
        char text[200] = "";
        FILE *f = fopen(p->words, "r");

        while (f != NULL && fgets(text, sizeof(text), f) != NULL) {
                text[strcspn(text, "\n|")] = '\0';
                snprintf(ret, 200, "%s", text);
        }
        if (f != NULL)
                fclose(f);
}

/* --- What is said --- */

bool line_open(struct line *l, const struct program *p)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };

        snprintf(a.sun_path, sizeof(a.sun_path), "%s", p->socket);
        *l = (struct line){ .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) };
        assert_true(l->fd >= 0);
        if (connect(l->fd, (struct sockaddr *)&a, sizeof(a)) == 0)
                return true;
        close_fd(&l->fd);
        return false;
}

void line_close(struct line *l)
{
        if (l->fd >= 0)
                close_fd(&l->fd);
        buf_clear(&l->in);
}

bool line_say(struct line *l, const char *path, json_t *body)
{
        char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
        CLEANUP(buf_clear) struct buf b = { 0 };
        ssize_t n = 1;

        json_decref(body);
        if (text != NULL)
                assert_int_equal(buf_printf(&b, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", path, strlen(text),
                                            text), 0);
        else
                assert_int_equal(buf_printf(&b, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path), 0);
        free(text);
        for (size_t sent = 0; n > 0 && sent < b.len; sent += n > 0 ? (size_t)n : 0)
                n = send(l->fd, b.ptr + sent, b.len - sent, MSG_NOSIGNAL);
        return n > 0;
}

/* True if all of it is there. */
static bool complete(const struct buf *in, int *ret_status, struct buf *ret_body)
{
        const char *end = in->len > 0 ? memmem(in->ptr, in->len, "\r\n\r\n", 4) : NULL, *length;
        size_t head, body;

        if (end == NULL)
                return false;
        head = (size_t)(end - (const char *)in->ptr) + 4;
        length = strcasestr((const char *)in->ptr, "\r\nContent-Length: ");
        assert_true(length != NULL && length < end);
        body = strtoul(length + 18, NULL, 10);
        if (in->len < head + body)
                return false;
        *ret_status = (int)strtol((const char *)in->ptr + strlen("HTTP/1.1 "), NULL, 10);
        if (ret_body != NULL)
                assert_int_equal(buf_set(ret_body, BYTES(in->ptr + head, body)), 0);
        return true;
}

/* Is there something to be read in time? */
static bool readable(const struct line *l, int64_t end)
{
        struct pollfd p = { .fd = l->fd, .events = POLLIN };
        int64_t left;

        for (;;) {
                left = end - now_ms();
                if (poll(&p, 1, traced != NULL || left < 0 ? 0 : (int)left) > 0)
                        return true;
                if (left <= 0)
                        return false;
                if (traced != NULL)
                        tracer_run(traced, 1);
        }
}

int line_hear(struct line *l, int ms, struct buf *ret_body)
{
        int64_t end = now_ms() + ms;
        char piece[65536];
        int status = 0;
        ssize_t n;

        while (buf_str(&l->in) == NULL || !complete(&l->in, &status, ret_body)) {
                if (!readable(l, end))
                        return 0;
                n = recv(l->fd, piece, sizeof(piece), 0);
                if (n <= 0)
                        return -1;
                assert_int_equal(buf_append(&l->in, piece, (size_t)n), 0);
                assert_true(l->in.len < ANSWER_MAX);
        }
        buf_reset(&l->in);
        return status;
}

int line_ask(struct line *l, const char *path, json_t *body, json_t **ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int status = line_say(l, path, body) ? line_hear(l, PATIENCE_MS, &text) : -1;

        if (ret != NULL) {
                json_decref(*ret);
                *ret = status > 0 ? json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
        }
        return status;
}

int program_ask(const struct program *p, const char *path, json_t *body, json_t **ret)
{
        struct line l;
        int status;

        if (!line_open(&l, p)) {
                json_decref(body);
                return -1;
        }
        status = line_ask(&l, path, body, ret);
        line_close(&l);
        return status;
}

/* --- The host --- */

int host_join(struct line *l, const struct hostfix *h)
{
        json_t *body = hostfix_join_body(h, ISSUERFIX_HOST), *asked = NULL;
        int status = line_ask(l, "/v1/admin/token", json_pack("{s:s s:i}", "host", ISSUERFIX_HOST, "life", 600), &asked);

        if (status == 200)
                json_object_set(body, "token", json_object_get(asked, "token"));
        status = line_ask(l, "/v1/join", body, &asked);
        if (status == 200)
                status = line_ask(l, "/v1/join/answer", hostfix_answer(h, asked), NULL);
        json_decref(asked);
        return status;
}

json_t *host_wish(struct line *l, const struct hostfix *h, int *ret_status)
{
        static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
        CLEANUP(buf_clear) struct buf nonce = { 0 }, evidence = { 0 };
        const struct hostfix_wish w = { 0 };
        json_t *answer = NULL;

        *ret_status = line_ask(l, "/v1/nonce", json_pack("{s:s s:s}", "purpose", "credential", "host", ISSUERFIX_HOST), &answer);
        if (*ret_status == 200)
                wire_challenge(answer, "https://localhost", &nonce);
        json_decref(answer);
        if (*ret_status != 200)
                return NULL;
        pthread_mutex_lock(&one);
        hostfix_evidence(h, BYTES_OF(&nonce), &w, &evidence);
        pthread_mutex_unlock(&one);
        return wire_credential_body("a", &evidence, "x509");
}

/* --- What is left --- */

void given_add(struct given_list *l, const struct program *by, const json_t *answer)
{
        const char *serial = json_string_value(json_object_get(answer, "serial"));
        struct given *more;

        assert_non_null(serial);
        pthread_mutex_lock(&l->lock);
        more = realloc(l->v, (l->n + 1) * sizeof(*more));
        assert_non_null(more);
        l->v = more;
        more[l->n] = (struct given){ .by = by, .record = (uint64_t)json_integer_value(json_object_get(answer, "record")) };
        snprintf(more[l->n++].serial, sizeof(more->serial), "%s", serial);
        pthread_mutex_unlock(&l->lock);
}

void given_clear(struct given_list *l)
{
        free(l->v);
        l->v = NULL;
        l->n = 0;
}

void program_records(const struct program *p, void (*fn)(void *ctx, uint64_t number, const struct audit_record *r), void *ctx)
{
        CLEANUP(free_ptr) uint64_t *logs = NULL;
        struct audit_reader *rd;
        struct audit_record rec;
        struct bytes raw;
        char dir[112];
        size_t n = 0;

        snprintf(dir, sizeof(dir), "%s/log", p->dir);
        assert_int_equal(audit_logs(dir, &logs, &n), 0);
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(audit_reader_open(dir, logs[i], &rd), 0);
                while (audit_reader_next(rd, &raw) == 0) {
                        assert_int_equal(audit_record_decode(raw, &rec), 0);
                        fn(ctx, (logs[i] - 1) * LEDGER_LOG + rec.seq, &rec);
                }
                audit_reader_close(rd);
        }
}

struct search {
        const struct given *g;
        bool found;
};

static void compare(void *ctx, uint64_t number, const struct audit_record *r)
{
        struct search *s = ctx;

        if (number == s->g->record && r->event == AUDIT_ISSUE && r->decision == AUDIT_ALLOWED)
                s->found = memmem(r->detail.ptr, r->detail.len, s->g->serial, strlen(s->g->serial)) != NULL;
}

static bool in_database(const json_t *list, const struct given *g)
{
        const json_t *o;
        size_t i;

        json_array_foreach(list, i, o)
                if (strcmp(json_string_value(json_object_get(o, "serial")), g->serial) == 0)
                        return (uint64_t)json_integer_value(json_object_get(o, "record")) == g->record;
        return false;
}

void given_missing(struct given_list *l, const struct program *p, unsigned *ret_log, unsigned *ret_db)
{
        json_t *list = NULL;

        *ret_log = *ret_db = 0;
        pthread_mutex_lock(&l->lock);
        if (program_ask(p, "/v1/admin/credentials", NULL, &list) != 200)
                *ret_db = (unsigned)l->n;
        for (size_t i = 0; i < l->n; i++) {
                struct search s = { .g = &l->v[i] };

                program_records(s.g->by, compare, &s);
                *ret_log += !s.found;
                *ret_db += list != NULL && !in_database(list, s.g);
        }
        pthread_mutex_unlock(&l->lock);
        json_decref(list);
}

bool program_log_good(const struct program *p)
{
        char log[112], keys[112];
        const char *argv[] = { "holdfast", "audit", "verify", log, "--issuer-key", keys, NULL };
        static struct child c;

        snprintf(log, sizeof(log), "%s/log", p->dir);
        snprintf(keys, sizeof(keys), "%s/log-keys.pem", p->dir);
        child_run(&c, argv, NULL, 60);
        if (!child_ok(&c))
                fprintf(stderr, "%s", c.text);
        return child_ok(&c);
}

bool program_revoked(const struct program *p, const char *serial)
{
        CLEANUP(buf_clear) struct buf der = { 0 };
        const unsigned char *at;
        X509_CRL *crl;
        X509_REVOKED *found = NULL;
        ASN1_INTEGER *number;
        BIGNUM *big = NULL;
        struct line l;

        assert_true(line_open(&l, p) && line_say(&l, "/ca.crl", NULL));
        assert_int_equal(line_hear(&l, PATIENCE_MS, &der), 200);
        line_close(&l);
        at = der.ptr;
        crl = d2i_X509_CRL(NULL, &at, (long)der.len);
        assert_non_null(crl);
        assert_true(BN_hex2bn(&big, serial) > 0);
        number = BN_to_ASN1_INTEGER(big, NULL);
        X509_CRL_get0_by_serial(crl, &found, number);
        ASN1_INTEGER_free(number);
        BN_free(big);
        X509_CRL_free(crl);
        return found != NULL;
}
