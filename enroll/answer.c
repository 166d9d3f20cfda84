/* SPDX-License-Identifier: BSD-2-Clause */
/* Is that an answer of an issuer, and what does it say? */
#include "enroll/answer.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"
#include "lib/utf8.h"

#define BINARY_MAX 2048                 /* octets of TPM structures */
#define PROBLEM "urn:holdfast:problem:"
#define TIME_MAX 253402300799           /* the last second of the year 9999 */
#define PCRS 24

static const struct {
        const char *name;
        unsigned bit;
} credentials[] = {
        { "x509", CREDENTIAL_X509 }, { "jwt", CREDENTIAL_JWT }, { "ssh-user", CREDENTIAL_SSH_USER }, { "ssh-host", CREDENTIAL_SSH_HOST },
};

/* TPM 2.0 Part 2, table 9. */
static const struct {
        const char *name;
        uint16_t alg;
} hashes[] = {
        { "sha256", 0x000b }, { "sha384", 0x000c }, { "sha512", 0x000d },
};

const char *credential_name(unsigned i, unsigned *ret_bit)
{
        if (i >= ARRAY_LEN(credentials))
                return NULL;
        *ret_bit = credentials[i].bit;
        return credentials[i].name;
}

static int wrong(const char *member)
{
        return err(ERR_FORMAT, "the issuer's answer has no good \"%s\"", member);
}

/* Before the parser, which recurses. */
static bool deep(struct bytes text)
{
        bool in_string = false;
        unsigned depth = 0;

        for (size_t i = 0; i < text.len; i++) {
                uint8_t c = text.ptr[i];

                if (in_string && c == '\\')
                        i++;
                else if (c == '"')
                        in_string = !in_string;
                else if (!in_string && (c == '[' || c == '{') && ++depth > ANSWER_DEPTH)
                        return true;
                else if (!in_string && (c == ']' || c == '}') && depth > 0)
                        depth--;
        }
        return false;
}

static int read_object(struct bytes text, json_t **ret)
{
        json_error_t e;
        json_t *o = NULL;

        /* What it says is not for a sentence: it may hold a token. */
        if (text.len > 0 && text.len <= ANSWER_MAX && !deep(text))
                o = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &e);
        if (!json_is_object(o)) {
                json_decref(o);
                return err(ERR_FORMAT, "the issuer's answer is not one JSON object");
        }
        *ret = o;
        return 0;
}

static void decref(json_t **o)
{
        json_decref(*o);
}

/* A text of one line, or with lines of several. A missing one is NULL, if it may be missing. */
static int get_text(const json_t *o, const char *member, size_t max, bool lines, bool needed, char **ret)
{
        const json_t *v = json_object_get(o, member);
        const char *s = json_string_value(v);
        size_t len = json_string_length(v);

        if (v == NULL && !needed)
                return 0;
        if (s == NULL || len == 0 || len > max || strlen(s) != len)
                return wrong(member);
        for (size_t i = 0; i < len; i++)
                if (((uint8_t)s[i] < 0x20 && !(lines && (s[i] == '\n' || s[i] == '\r'))) || s[i] == 0x7f)
                        return wrong(member);
        if (!lines && !utf8_printable(BYTES(s, len)))
                return wrong(member);
        *ret = strdup(s);
        return *ret != NULL ? 0 : err(ERR_NOMEM, "out of memory");
}

static int get_word(const json_t *o, const char *member, char **ret)
{
        return get_text(o, member, ANSWER_WORD_MAX, false, true, ret);
}

static int get_number(const json_t *o, const char *member, uint64_t max, bool needed, uint64_t *ret)
{
        const json_t *v = json_object_get(o, member);

        if (v == NULL && !needed)
                return 0;
        if (!json_is_integer(v) || json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > max)
                return wrong(member);
        *ret = (uint64_t)json_integer_value(v);
        return 0;
}

static int get_flag(const json_t *o, const char *member, bool *ret)
{
        const json_t *v = json_object_get(o, member);

        if (v != NULL && !json_is_boolean(v))
                return wrong(member);
        *ret = json_is_true(v);
        return 0;
}

/* Between min and max octets; nothing if it may be missing. */
static int get_binary(const json_t *o, const char *member, size_t min, size_t max, bool needed, struct buf *ret)
{
        const json_t *v = json_object_get(o, member);
        int r;

        if (v == NULL && !needed)
                return 0;
        if (!json_is_string(v) || json_string_length(v) > max * 2)
                return wrong(member);
        r = base64_decode(json_string_value(v), json_string_length(v), ret);
        if (r == ERR_NOMEM)
                return r;
        return r == 0 && ret->len >= min && ret->len <= max ? 0 : wrong(member);
}

int answer_nonce(struct bytes text, struct buf *ret_issuer, struct buf *ret)
{
        CLEANUP(decref) json_t *o = NULL;
        CLEANUP(buf_clear) struct buf nonce = { 0 };
        char *issuer = NULL;
        int r = read_object(text, &o);

        if (r == 0)
                r = get_binary(o, "nonce", ANSWER_NONCE, ANSWER_NONCE, true, &nonce);
        if (r == 0)
                r = get_text(o, "issuer", ANSWER_URL_MAX, false, false, &issuer);
        if (r == 0)
                r = buf_set(ret_issuer, issuer != NULL ? BYTES_STR(issuer) : BYTES(NULL, 0));
        if (r == 0)
                buf_take(&nonce, ret);
        free(issuer);
        return r;
}

void answer_join_clear(struct answer_join *a)
{
        buf_clear(&a->ak.id_object);
        buf_clear(&a->ak.secret);
        buf_clear(&a->srk.id_object);
        buf_clear(&a->srk.secret);
}

static int get_challenge(const json_t *o, const char *member, struct answer_challenge *ret)
{
        const json_t *v = json_object_get(o, member);
        int r = json_is_object(v) ? 0 : wrong(member);

        if (r == 0)
                r = get_binary(v, "id_object", 1, BINARY_MAX, true, &ret->id_object);
        return r == 0 ? get_binary(v, "secret", 1, BINARY_MAX, true, &ret->secret) : r;
}

int answer_join(struct bytes text, struct answer_join *ret)
{
        CLEANUP(decref) json_t *o = NULL;
        struct answer_join a = { 0 };
        int r = read_object(text, &o);

        if (r == 0)
                r = get_challenge(o, "ak", &a.ak);
        if (r == 0)
                r = get_challenge(o, "srk", &a.srk);
        if (r == 0)
                *ret = a;
        else
                answer_join_clear(&a);
        return r;
}

void answer_joined_clear(struct answer_joined *a)
{
        free(a->host);
        free(a->state);
        free(a->assurance);
        free(a->ak_certificate);
        *a = (struct answer_joined){ 0 };
}

int answer_joined(struct bytes text, struct answer_joined *ret)
{
        CLEANUP(decref) json_t *o = NULL;
        struct answer_joined a = { 0 };
        bool active;
        int r = read_object(text, &o);

        if (r == 0)
                r = get_word(o, "host", &a.host);
        if (r == 0)
                r = get_word(o, "state", &a.state);
        if (r == 0)
                r = get_word(o, "assurance", &a.assurance);
        active = r == 0 && strcmp(a.state, "active") == 0;
        if (r == 0)
                r = get_text(o, "ak_certificate", ANSWER_PEM_MAX, true, active, &a.ak_certificate);
        if (r == 0)
                r = get_number(o, "not_after", TIME_MAX, active, &a.not_after);
        if (r == 0)
                r = get_number(o, "renew_after", TIME_MAX, active, &a.renew_after);
        if (r == 0)
                *ret = a;
        else
                answer_joined_clear(&a);
        return r;
}

void answer_policy_clear(struct answer_policy *a)
{
        free(a->profile);
        for (unsigned i = 0; i < a->n_audiences; i++)
                free(a->audiences[i]);
        *a = (struct answer_policy){ 0 };
}

static int get_pcrs(const json_t *o, struct answer_policy *ret)
{
        const json_t *list = json_object_get(o, "pcrs"), *v;
        char *hash = NULL;
        size_t i;
        int r;

        r = get_text(o, "pcr_hash", ANSWER_WORD_MAX, false, json_array_size(list) > 0, &hash);
        for (i = 0; r == 0 && hash != NULL && i < ARRAY_LEN(hashes); i++)
                if (strcmp(hashes[i].name, hash) == 0)
                        ret->pcr_hash = hashes[i].alg;
        free(hash);
        if (r == 0 && json_array_size(list) > 0 && ret->pcr_hash == 0)
                return wrong("pcr_hash");
        if (r != 0 || list == NULL)
                return r;
        if (!json_is_array(list))
                return wrong("pcrs");
        json_array_foreach(list, i, v) {
                if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) >= PCRS)
                        return wrong("pcrs");
                ret->pcrs |= 1u << json_integer_value(v);
        }
        return 0;
}

/* Names of credentials that we do not know are none for us. */
static int get_credentials(const json_t *o, unsigned *ret)
{
        const json_t *list = json_object_get(o, "credentials"), *v;
        size_t i;

        if (!json_is_array(list))
                return wrong("credentials");
        json_array_foreach(list, i, v) {
                if (!json_is_string(v))
                        return wrong("credentials");
                for (size_t k = 0; k < ARRAY_LEN(credentials); k++)
                        if (strcmp(credentials[k].name, json_string_value(v)) == 0)
                                *ret |= credentials[k].bit;
        }
        return 0;
}

static int get_audiences(const json_t *o, struct answer_policy *ret)
{
        const json_t *list = json_object_get(o, "audiences"), *v;
        size_t i;

        if (list == NULL)
                return 0;
        if (!json_is_array(list))
                return wrong("audiences");
        json_array_foreach(list, i, v) {
                if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v) || !utf8_printable(BYTES_STR(json_string_value(v))))
                        return wrong("audiences");
                if (ret->n_audiences == ANSWER_AUDIENCES_MAX)
                        continue;
                ret->audiences[ret->n_audiences] = strdup(json_string_value(v));
                if (ret->audiences[ret->n_audiences++] == NULL)
                        return err(ERR_NOMEM, "out of memory");
        }
        return 0;
}

int answer_policy(struct bytes text, struct answer_policy *ret)
{
        CLEANUP(decref) json_t *o = NULL;
        struct answer_policy a = { 0 };
        int r = read_object(text, &o);

        if (r == 0)
                r = get_word(o, "profile", &a.profile);
        if (r == 0)
                r = get_pcrs(o, &a);
        if (r == 0)
                r = get_flag(o, "event_log", &a.event_log);
        if (r == 0)
                r = get_flag(o, "ima", &a.ima);
        if (r == 0)
                r = get_flag(o, "process", &a.process);
        if (r == 0)
                r = get_flag(o, "log", &a.log);
        if (r == 0)
                r = get_credentials(o, &a.credentials);
        if (r == 0)
                r = get_audiences(o, &a);
        if (r == 0)
                r = get_number(o, "life", TIME_MAX, true, &a.life);
        if (r == 0)
                *ret = a;
        else
                answer_policy_clear(&a);
        return r;
}

static void checks_clear(struct answer_check *list, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                free(list[i].check);
                free(list[i].outcome);
                free(list[i].text);
        }
}

/* For people; more than there is room for are left out. */
static int get_checks(const json_t *o, struct answer_check list[ANSWER_CHECKS_MAX], unsigned *n)
{
        const json_t *checks = json_object_get(o, "checks"), *v;
        size_t i;
        int r = 0;

        if (checks != NULL && !json_is_array(checks))
                return wrong("checks");
        json_array_foreach(checks, i, v) {
                struct answer_check *c = &list[*n];
                const json_t *said = json_object_get(v, "text");

                if (*n == ANSWER_CHECKS_MAX)
                        break;
                (*n)++;
                r = json_is_object(v) ? get_word(v, "check", &c->check) : wrong("checks");
                if (r == 0)
                        r = get_word(v, "outcome", &c->outcome);
                if (r == 0 && json_string_length(said) > 0)
                        r = get_text(v, "text", ANSWER_WORD_MAX * 2, false, false, &c->text);
                if (r != 0)
                        return r;
        }
        return 0;
}

void answer_credential_clear(struct answer_credential *a)
{
        char *texts[] = { a->profile, a->spiffe_id, a->serial, a->assurance, a->x509, a->jwt, a->ssh_user, a->ssh_host, a->bundle, a->known_hosts };

        if (a->jwt != NULL)
                wipe(a->jwt, strlen(a->jwt));
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                free(texts[i]);
        checks_clear(a->checks, a->n_checks);
        buf_clear(&a->nonce);
        *a = (struct answer_credential){ 0 };
}

static int get_times(const json_t *o, struct answer_credential *a)
{
        int r;

        r = get_number(o, "record", INT64_MAX, true, &a->record);
        if (r == 0)
                r = get_number(o, "not_before", TIME_MAX, true, &a->not_before);
        if (r == 0)
                r = get_number(o, "not_after", TIME_MAX, true, &a->not_after);
        if (r == 0)
                r = get_number(o, "renew_after", TIME_MAX, true, &a->renew_after);
        return r == 0 ? get_number(o, "grace", TIME_MAX, false, &a->grace) : r;
}

/* One line, its end at most. */
static int check_line(const char *line, const char *member)
{
        size_t len = line != NULL ? strcspn(line, "\r\n") : 0;

        return line == NULL || (len > 0 && line[len + strspn(line + len, "\r\n")] == '\0') ? 0 : wrong(member);
}

static int get_issued(const json_t *o, struct answer_credential *a)
{
        const struct {
                const char *member;
                bool lines;
                char **place;
        } texts[] = {
                { "x509", true, &a->x509 }, { "jwt", false, &a->jwt }, { "ssh_user", true, &a->ssh_user }, { "ssh_host", true, &a->ssh_host },
                { "bundle", true, &a->bundle }, { "known_hosts", true, &a->known_hosts },
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ARRAY_LEN(texts); i++)
                r = get_text(o, texts[i].member, ANSWER_PEM_MAX, texts[i].lines, false, texts[i].place);
        if (r == 0)
                r = check_line(a->ssh_user, "ssh_user");
        return r == 0 ? check_line(a->ssh_host, "ssh_host") : r;
}

int answer_credential(struct bytes text, struct answer_credential *ret)
{
        CLEANUP(decref) json_t *o = NULL;
        struct answer_credential a = { 0 };
        int r = read_object(text, &o);

        if (r == 0)
                r = get_word(o, "profile", &a.profile);
        if (r == 0)
                r = get_text(o, "spiffe_id", 2048, false, true, &a.spiffe_id);
        if (r == 0)
                r = get_word(o, "serial", &a.serial);
        if (r == 0)
                r = get_word(o, "assurance", &a.assurance);
        if (r == 0)
                r = get_times(o, &a);
        if (r == 0)
                r = get_issued(o, &a);
        if (r == 0)
                r = get_checks(o, a.checks, &a.n_checks);
        if (r == 0)
                r = get_binary(o, "nonce", ANSWER_NONCE, ANSWER_NONCE, false, &a.nonce);
        if (r == 0)
                *ret = a;
        else
                answer_credential_clear(&a);
        return r;
}

int answer_revoked(struct bytes text, uint64_t *ret_n)
{
        CLEANUP(decref) json_t *o = NULL;
        int r = read_object(text, &o);

        return r == 0 ? get_number(o, "revoked", INT64_MAX, true, ret_n) : r;
}

void answer_problem_clear(struct answer_problem *a)
{
        free(a->detail);
        checks_clear(a->checks, a->n_checks);
        *a = (struct answer_problem){ 0 };
}

int answer_problem(struct bytes text, struct answer_problem *ret)
{
        CLEANUP(decref) json_t *o = NULL;
        struct answer_problem a = { 0 };
        const char *type, *sentence;
        int r = read_object(text, &o);

        if (r != 0)
                return r;
        type = json_string_value(json_object_get(o, "type"));
        if (type != NULL && strncmp(type, PROBLEM, strlen(PROBLEM)) == 0 && strlen(type) - strlen(PROBLEM) < sizeof(a.word) &&
            utf8_printable(BYTES_STR(type)))
                memcpy(a.word, type + strlen(PROBLEM), strlen(type) - strlen(PROBLEM) + 1);
        /* What went wrong in the issuer is for its own operator: then the title has to do. */
        sentence = json_string_length(json_object_get(o, "detail")) > 0 ? "detail" : "title";
        if (json_string_length(json_object_get(o, sentence)) > 0)
                r = get_text(o, sentence, ANSWER_WORD_MAX * 4, false, false, &a.detail);
        if (r == 0)
                r = get_checks(o, a.checks, &a.n_checks);
        if (r == 0)
                *ret = a;
        else
                answer_problem_clear(&a);
        return r;
}
