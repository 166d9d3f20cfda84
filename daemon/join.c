/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a host get to be known to its issuer? */
#include "daemon/join.h"
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "attest/joinproof.h"
#include "enroll/check.h"
#include "enroll/follow.h"
#include "keys/evidence.h"
#include "keys/store_dir.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/file.h"

#define CA_MAX ATTRS_VALUE_MAX
#define TOKEN_MAX 256
#define SOCKET_NONE "none"

void joined_clear(struct joined *j)
{
        buf_clear(&j->url);
        buf_clear(&j->ca);
        buf_clear(&j->host);
        buf_clear(&j->state);
        buf_clear(&j->assurance);
        buf_clear(&j->ak_certificate);
        *j = (struct joined){ 0 };
}

static int set(struct buf *to, struct bytes from)
{
        int r = buf_set(to, from);

        return r == 0 && buf_str(to) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

int joined_copy(const struct joined *from, struct joined *ret)
{
        struct joined j = { .ak_not_after = from->ak_not_after, .ak_renew_after = from->ak_renew_after, .carried = from->carried };
        const struct {
                const struct buf *from;
                struct buf *to;
        } parts[] = {
                { &from->url, &j.url }, { &from->ca, &j.ca }, { &from->host, &j.host }, { &from->state, &j.state }, { &from->assurance, &j.assurance },
                { &from->ak_certificate, &j.ak_certificate },
        };
        int r = 0;

        memcpy(j.given, from->given, sizeof(j.given));
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++)
                r = set(parts[i].to, BYTES_OF(parts[i].from));
        if (r == 0)
                *ret = j;
        else
                joined_clear(&j);
        return r;
}

/* What a host calls itself, as DNS writes it. */
static int host_name(const struct conf *c, const char *given, struct buf *ret)
{
        char name[256] = "";

        if (given == NULL)
                given = c->issuer_host;
        if (given != NULL)
                return set(ret, BYTES_STR(given));
        if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
                return err(ERR_INVAL, "this host has no name: set [issuer] host");
        for (char *p = name; *p != '\0'; p++)
                *p = (char)tolower((unsigned char)*p);
        return set(ret, BYTES_STR(name));
}

/* What the configuration names may be a link. */
static int read_named(const char *path, size_t max, struct buf *ret)
{
        CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

        return fd >= 0 ? file_read_fd(fd, path, max, ret) : err_errno("%s", path);
}

static int ca_text(const struct conf *c, struct buf *ret)
{
        return c->issuer_ca != NULL ? read_named(c->issuer_ca, CA_MAX, ret) : 0;
}

/* As an operator says, by the configuration or an order. */
static int give_ca(struct joined *j, struct bytes ca)
{
        int r = set(&j->ca, ca);

        return r == 0 ? crypto_hash(hash_by_name("SHA256"), &ca, 1, j->given) : r;
}

static int give_configured_ca(const struct conf *c, struct joined *j)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r = ca_text(c, &text);

        return r == 0 ? give_ca(j, BYTES_OF(&text)) : r;
}

static int get(const struct attrs *a, const char *line, struct buf *ret)
{
        const struct buf *v = attrs_get(a, line);

        return v != NULL ? set(ret, BYTES_OF(v)) : 0;
}

static int get_time(const struct attrs *a, const char *line, uint64_t *ret)
{
        unsigned long v = 0;
        int r = attrs_uint(a, line, &v);

        *ret = v;
        return r == ERR_NOENT ? 0 : r;
}

static int remembered(const struct core *core, struct joined *j)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        const struct buf *given;
        int r;

        r = file_read(store_dirfd(keyring_store(core->keyring)), JOIN_FILE, STORE_TEXT_MAX, &text);
        if (r == 0)
                r = attrs_parse(BYTES_OF(&text), &a);
        if (r == 0)
                r = get(&a, "url", &j->url);
        if (r == 0)
                r = get(&a, "ca", &j->ca);
        if (r == 0)
                r = get(&a, "host", &j->host);
        if (r == 0)
                r = get(&a, "state", &j->state);
        if (r == 0)
                r = get(&a, "assurance", &j->assurance);
        if (r == 0)
                r = get(&a, "ak-certificate", &j->ak_certificate);
        if (r == 0)
                r = get_time(&a, "ak-not-after", &j->ak_not_after);
        if (r == 0)
                r = get_time(&a, "ak-renew-after", &j->ak_renew_after);
        j->carried = r == 0 && attrs_get(&a, "carried") != NULL;
        given = attrs_get(&a, "ca-given");
        if (r == 0 && given != NULL && given->len == sizeof(j->given))
                memcpy(j->given, given->ptr, sizeof(j->given));
        if (r == 0 && (j->url.len == 0 || j->host.len == 0))
                r = err(ERR_FORMAT, "the store's file \"" JOIN_FILE "\" names no issuer");
        return r;
}

static int set_time(struct attrs *a, const char *line, uint64_t t)
{
        char text[24];

        snprintf(text, sizeof(text), "%" PRIu64, t);
        return attrs_set_str(a, line, text);
}

static int remember(const struct core *core, const struct joined *j)
{
        const struct {
                const char *line;
                const struct buf *value;
        } lines[] = {
                { "url", &j->url }, { "ca", &j->ca }, { "host", &j->host }, { "state", &j->state }, { "assurance", &j->assurance },
                { "ak-certificate", &j->ak_certificate },
        };
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_LEN(lines); i++)
                if (lines[i].value->len > 0)
                        r = attrs_set(&a, lines[i].line, BYTES_OF(lines[i].value));
        if (r == 0)
                r = set_time(&a, "ak-not-after", j->ak_not_after);
        if (r == 0)
                r = set_time(&a, "ak-renew-after", j->ak_renew_after);
        if (r == 0)
                r = attrs_set(&a, "ca-given", BYTES(j->given, sizeof(j->given)));
        if (r == 0 && j->carried)
                r = attrs_set_str(&a, "carried", "yes");
        if (r == 0)
                r = attrs_format(&a, &text);
        return r == 0 ? store_file_write(keyring_store(core->keyring), JOIN_FILE, BYTES_OF(&text)) : r;
}

static bool same(const struct buf *a, const struct buf *b)
{
        return bytes_equal(BYTES_OF(a), BYTES_OF(b));
}

static int keep_ca(const struct joined *was, struct joined *j)
{
        memcpy(j->given, was->given, sizeof(j->given));
        return set(&j->ca, BYTES_OF(&was->ca));
}

int join_same_ca(const struct joined *was, struct joined *j)
{
        return same(&j->url, &was->url) && memcmp(j->given, was->given, sizeof(j->given)) == 0 ? keep_ca(was, j) : 0;
}

static int configured(const struct core *core, const struct joined *was, struct joined *j)
{
        bool joined = bytes_equal(BYTES_OF(&was->url), BYTES_STR(core->conf.issuer_url));
        int r;

        r = set(&j->url, BYTES_STR(core->conf.issuer_url));
        /* What of this issuer is not configured is as an operator said: a start does not trust more than he did. */
        if (r == 0)
                r = joined && core->conf.issuer_ca == NULL ? keep_ca(was, j) : give_configured_ca(&core->conf, j);
        if (r == 0)
                r = join_same_ca(was, j);
        if (r == 0)
                r = joined && core->conf.issuer_host == NULL ? set(&j->host, BYTES_OF(&was->host)) : host_name(&core->conf, NULL, &j->host);
        if (r != 0 || !same(&j->url, &was->url) || !same(&j->host, &was->host))
                return r;
        r = set(&j->state, BYTES_OF(&was->state));
        if (r == 0)
                r = set(&j->assurance, BYTES_OF(&was->assurance));
        if (r == 0)
                r = set(&j->ak_certificate, BYTES_OF(&was->ak_certificate));
        j->ak_not_after = was->ak_not_after;
        j->ak_renew_after = was->ak_renew_after;
        j->carried = was->carried;
        return r;
}

int join_read(const struct core *core, struct joined *ret)
{
        CLEANUP(joined_clear) struct joined was = { 0 };
        struct joined j = { 0 };
        int r;

        r = remembered(core, &was);
        if (core->conf.issuer_url == NULL) {
                if (r == 0) {
                        *ret = was;
                        was = (struct joined){ 0 };
                }
                return r == ERR_NOENT ? err(r, "no issuer is configured, and none was joined: holdfast join") : r;
        }
        if (r == 0 || r == ERR_NOENT)
                r = configured(core, &was, &j);
        if (r == 0)
                *ret = j;
        else
                joined_clear(&j);
        return r;
}

int join_ordered(const struct core *core, const char *url, struct bytes ca, const char *host, struct joined *ret)
{
        struct joined j = { 0 };
        int r;

        r = set(&j.url, BYTES_STR(url));
        if (r == 0 && ca.len > CA_MAX)
                r = err(ERR_RANGE, "the issuer's CA certificates have %zu octets, at most %d: name only those that it is trusted by", ca.len, CA_MAX);
        if (r == 0)
                r = ca.len > 0 ? give_ca(&j, ca) : give_configured_ca(&core->conf, &j);
        if (r == 0)
                r = host_name(&core->conf, host, &j.host);
        if (r == 0)
                *ret = j;
        else
                joined_clear(&j);
        return r;
}

int join_client(const struct core *core, const struct joined *j, struct client **ret)
{
        CLEANUP(buf_clear) struct buf url = { 0 }, host = { 0 }, socket = { 0 }, beside = { 0 };
        const struct conf *c = &core->conf;
        bool started = c->http_socket != NULL && strcmp(c->http_socket, SOCKET_NONE) == 0;
        int r = 0;

        if (!started)
                r = conf_socket_daemon(c, &socket);
        if (r == 0 && !started)
                r = conf_beside(c->http_socket, buf_str(&socket), CONF_HTTP_SOCKET, &beside);
        /* Where the service manager has none, we start the program. */
        if (r == 0 && c->http_socket == NULL && access(buf_str(&beside), F_OK) != 0)
                started = true;
        if (r == 0)
                r = set(&url, BYTES_OF(&j->url));
        if (r == 0)
                r = set(&host, BYTES_OF(&j->host));
        return r != 0 ? r : client_new(&(struct link_target){ .socket = started ? NULL : buf_str(&beside), .url = buf_str(&url), .ca = BYTES_OF(&j->ca) },
                                       buf_str(&host), ret);
}

static int token_text(const struct conf *c, const char *given, struct buf *ret)
{
        int r;

        if (given != NULL)
                return set(ret, BYTES_STR(given));
        if (c->issuer_token_file == NULL)
                return 0;
        r = read_named(c->issuer_token_file, TOKEN_MAX, ret);
        while (r == 0 && ret->len > 0 && strchr(" \t\r\n", ret->ptr[ret->len - 1]) != NULL)
                ret->len--;
        if (r == 0 && buf_str(ret) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        /* Who has joined may remove it: it was for once. */
        return r == ERR_NOENT ? 0 : r;
}

struct joining {
        const struct core *core;
        const struct caller *who;
        const struct evidence_identity *identity;
        const char *url;
};

static int activate(void *ctx, bool srk, struct bytes id_object, struct bytes secret, struct buf *ret)
{
        const struct joining *j = ctx;

        return evidence_activate(j->core->attester, j->who, j->identity, srk ? EVIDENCE_SRK : EVIDENCE_AK, id_object, secret, j->url, ret);
}

static int prove(void *ctx, struct bytes challenge, struct buf *ret)
{
        const struct joining *j = ctx;
        const struct evidence_wish w = { .challenge = challenge, .pcrs = 1, .pcr_hash = hash_by_name("SHA256"), .to = j->url };

        return evidence_make(j->core->attester, j->who, &w, ret);
}

int join_taken(const struct core *core, const struct answer_joined *a, struct joined *j)
{
        int r;

        r = set(&j->state, BYTES_STR(a->state));
        if (r == 0)
                r = set(&j->assurance, BYTES_STR(a->assurance));
        buf_clear(&j->ak_certificate);
        if (r == 0 && a->ak_certificate != NULL)
                r = set(&j->ak_certificate, BYTES_STR(a->ak_certificate));
        j->ak_not_after = a->not_after;
        j->ak_renew_after = a->renew_after;
        return r == 0 ? remember(core, j) : r;
}

static void describe(const struct core *core, const struct evidence_identity *id, struct client_host *ret)
{
        const struct attrs *info = store_info(keyring_store(core->keyring));

        *ret = (struct client_host){
                .ek_public = id->ek_public, .ak_public = id->ak_public, .srk_public = id->srk_public, .n_certificates = id->n_certificates,
                .manufacturer = attrs_str(info, "tpm-manufacturer", ""), .vendor = attrs_str(info, "tpm-vendor", ""), .revision = attrs_str(info, "tpm-revision", ""),
                .audit = audit_mode_name(recorder_mode(core->recorder)),
        };
        for (size_t i = 0; i < id->n_certificates && i < CLIENT_CERTIFICATES; i++)
                ret->certificates[i] = id->certificates[i];
}

int join_do(const struct core *core, struct client *c, const struct caller *who, const char *token, struct joined *j)
{
        CLEANUP(evidence_identity_clear) struct evidence_identity id = { 0 };
        CLEANUP(answer_joined_clear) struct answer_joined a = { 0 };
        CLEANUP(buf_clear) struct buf once = { 0 };
        struct joining ctx = { .core = core, .who = who, .identity = &id };
        struct client_host h = { 0 };
        int r;

        r = token_text(&core->conf, token, &once);
        if (r == 0)
                r = evidence_identity(core->attester, &id);
        if (r != 0)
                return r;
        ctx.url = buf_str(&j->url);
        describe(core, &id, &h);
        h.token = once.len > 0 ? buf_str(&once) : NULL;
        h.prove = core->conf.issuer_ak_handle != 0 ? prove : NULL;
        r = client_join(c, &h, activate, &ctx, &a);
        if (r != 0)
                return r;
        j->carried = false;
        return join_taken(core, &a, j);
}

int join_follow(const struct core *core, const char *bundle, struct joined *j, bool *ret_other)
{
        CLEANUP(buf_clear) struct buf ca = { 0 };
        int r = follow_ca(BYTES_OF(&j->ca), bundle, &ca);

        *ret_other = false;
        if (r != 0 || ca.len == 0)
                return r;
        r = set(&j->ca, BYTES_OF(&ca));
        if (r == 0)
                r = remember(core, j);
        *ret_other = r == 0;
        return r;
}

/* --- Carried --- */

int join_shows(const struct core *core, const struct caller *who, const char *host, struct buf *ret)
{
        CLEANUP(evidence_identity_clear) struct evidence_identity id = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        struct deed d = { .event = AUDIT_JOIN, .request = { .operation = "join" }, .detail = BYTES_STR("to be carried") };
        struct client_host h;
        int r;

        r = host_name(&core->conf, host, &name);
        if (r == 0)
                r = caller_may(who, &d);
        if (r == 0)
                r = caller_did(who, &d, evidence_identity(core->attester, &id), BYTES(NULL, 0));
        if (r != 0)
                return r;
        describe(core, &id, &h);
        return client_shows(buf_str(&name), &h, ret);
}

int join_proof(const struct core *core, const struct caller *who, struct bytes credentials, struct bytes challenge, const char *to, struct buf *ret)
{
        CLEANUP(evidence_identity_clear) struct evidence_identity id = { 0 };
        CLEANUP(answer_join_clear) struct answer_join a = { 0 };
        CLEANUP(buf_clear) struct buf ak = { 0 }, srk = { 0 };
        struct joining ctx = { .core = core, .who = who, .identity = &id, .url = to };
        uint8_t proof[JOINPROOF_SIZE];
        int r;

        r = answer_join(credentials, &a);
        if (r == 0)
                r = evidence_identity(core->attester, &id);
        if (r == 0)
                r = activate(&ctx, false, BYTES_OF(&a.ak.id_object), BYTES_OF(&a.ak.secret), &ak);
        if (r == 0)
                r = activate(&ctx, true, BYTES_OF(&a.srk.id_object), BYTES_OF(&a.srk.secret), &srk);
        if (r == 0)
                r = joinproof(challenge, BYTES_OF(&ak), BYTES_OF(&srk), proof);
        return r == 0 ? buf_set(ret, BYTES(proof, sizeof(proof))) : r;
}

int join_carried(const struct core *core, struct bytes joined, struct joined *j)
{
        CLEANUP(evidence_identity_clear) struct evidence_identity id = { 0 };
        CLEANUP(answer_joined_clear) struct answer_joined a = { 0 };
        int r;

        r = answer_joined(joined, &a);
        if (r == 0)
                r = evidence_identity(core->attester, &id);
        if (r == 0)
                r = check_joined(&a, buf_str(&j->host), id.ak_public, (uint64_t)time(NULL));
        if (r != 0)
                return r;
        j->carried = true;
        return join_taken(core, &a, j);
}

int join_certificates(const struct joined *j, struct buf ret_room[JOIN_CERTIFICATES], struct bytes ret[JOIN_CERTIFICATES], size_t *ret_n)
{
        CLEANUP(buf_clear) struct buf pem = { 0 };
        int r;

        *ret_n = 0;
        if (j->ak_certificate.len == 0)
                return 0;
        r = set(&pem, BYTES_OF(&j->ak_certificate));
        if (r == 0)
                r = check_certificates(buf_str(&pem), ret_room, JOIN_CERTIFICATES, ret_n);
        for (size_t i = 0; r == 0 && i < *ret_n; i++)
                ret[i] = BYTES_OF(&ret_room[i]);
        return r;
}
