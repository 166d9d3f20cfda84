/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast-issuer challenge and issue: credentials for a host that cannot reach the issuer. What goes between them is carried by hand. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "holdfast/evidence.h"
#include "issuer/cmd.h"
#include "issuer/listing.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/filepath.h"

#define CHALLENGE_SCHEMA "holdfast.challenge/1"
#define JOIN_SCHEMA "holdfast.join-request/1"
#define CREDENTIALS_SCHEMA "holdfast.credentials/1"
#define CREDENTIALS_FILE "credentials.json"
#define DOCUMENT_MAX (256u << 10)
#define PUBLIC 0644

/* A file of ours: an object that says what it is. */
static int read_document(const char *path, const char *schema, json_t **ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        const char *is;
        json_t *doc;
        int r = file_read(AT_FDCWD, path, DOCUMENT_MAX, &text);

        if (r != 0)
                return r;
        doc = json_loadb(text.len > 0 ? (const char *)text.ptr : "", text.len, JSON_REJECT_DUPLICATES, NULL);
        is = json_string_value(json_object_get(doc, "schema"));
        if (is != NULL && strcmp(is, schema) == 0) {
                *ret = doc;
                return 0;
        }
        json_decref(doc);
        return err(ERR_FORMAT, "%s is no file of the kind %s", path, schema);
}

/* --- What is carried to the host --- */

/* What the profile wants of the evidence goes along, so that nobody over there has to know. */
static json_t *challenge_file(const char *host, const char *agent, const json_t *answer)
{
        static const char *const wanted[] = { "pcr_hash", "pcrs", "event_log", "ima", "log", "process" };
        const json_t *policy = json_object_get(answer, "policy");
        json_t *doc = json_pack("{s:s, s:O, s:s, s:s, s:O, s:O*}", "schema", CHALLENGE_SCHEMA, "challenge", json_object_get(answer, "challenge"), "host", host,
                                "agent", agent, "until", json_object_get(answer, "until"), "join", json_object_get(answer, "join"));

        for (size_t i = 0; doc != NULL && i < ARRAY_LEN(wanted); i++) {
                json_t *value = json_object_get(policy, wanted[i]);

                if (value != NULL)
                        json_object_set(doc, wanted[i], value);
        }
        return doc;
}

/* What a host shows that is to join. */
static int read_join(const struct args *a, json_t **ret)
{
        const char *file = args_value(a, "join");
        int r;

        if (file == NULL)
                return 0;
        r = read_document(file, JOIN_SCHEMA, ret);
        if (r == 0)
                json_object_del(*ret, "schema");
        return r;
}

int cmd_challenge(struct args *a)
{
        const char *host = args_value(a, "host"), *life = args_value(a, "life");
        json_t *join = NULL, *answer = NULL, *doc = NULL;
        unsigned long seconds = 24 * 60 * 60;
        int r = life != NULL ? args_seconds(life, &seconds) : 0;

        if (r == 0)
                r = read_join(a, &join);
        if (host == NULL)
                host = json_string_value(json_object_get(join, "host"));
        if (r == 0 && host == NULL)
                r = err(ERR_INVAL, "which host's agent: --host, or --join");
        if (r == 0)
                r = cmd_ask(a, "/v1/admin/challenge", json_pack("{s:s, s:s, s:I, s:s*, s:O*}", "host", host, "agent", a->arg[0], "life", (json_int_t)seconds,
                                                                "profile", args_value(a, "profile"), "join", join), &answer);
        if (r == 0) {
                doc = challenge_file(host, a->arg[0], answer);
                r = doc != NULL ? listing_json(doc) : err(ERR_FORMAT, "the issuer's answer has no challenge");
        }
        json_decref(doc);
        json_decref(answer);
        json_decref(join);
        return r;
}

/* --- What comes back --- */

static json_t *request(const struct args *a, const json_t *challenge, const struct buf *evidence)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        if (base64_encode(BYTES_OF(evidence), &text) != 0 || buf_str(&text) == NULL)
                return NULL;
        return json_pack("{s:O, s:O, s:O, s:s, s:s*, s:s*}", "host", json_object_get(challenge, "host"), "agent", json_object_get(challenge, "agent"),
                         "challenge", json_object_get(challenge, "challenge"), "evidence", buf_str(&text),
                         "audience", args_value(a, "audience"), "profile", args_value(a, "profile"));
}

static int write_one(const char *dir, const char *name, const char *text, size_t len, mode_t mode)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        int r = buf_printf(&path, "%s/%s", dir, name);

        if (r == 0)
                r = filepath_write(buf_str(&path), BYTES(text, len), mode, true);
        if (r == 0)
                printf("%s\n", buf_str(&path));
        return r;
}

static int write_document(const char *dir, const json_t *doc)
{
        char *text = json_dumps(doc, JSON_INDENT(2));
        int r = text != NULL ? write_one(dir, CREDENTIALS_FILE, text, strlen(text), PUBLIC) : err(ERR_NOMEM, "out of memory");

        free(text);
        return r;
}

/* For programs as they are, and for `holdfast enroll --from` all in one, but for the token: whoever has that has it. */
static int write_files(const char *dir, json_t *doc)
{
        static const struct {
                const char *member, *name;
                mode_t mode;
        } files[] = {
                { "x509", "cert.pem", PUBLIC }, { "bundle", "bundle.pem", PUBLIC }, { "jwt", "token.jwt", 0600 }, { "ssh_user", "id-cert.pub", PUBLIC },
                { "ssh_host", "host-cert.pub", PUBLIC }, { "known_hosts", "known_hosts", PUBLIC },
        };
        json_t *credential = json_object_get(doc, "credential");
        int r = dir_make(dir, 0755);

        for (size_t i = 0; r == 0 && i < ARRAY_LEN(files); i++) {
                const json_t *value = json_object_get(credential, files[i].member);

                if (json_string_length(value) > 0)
                        r = write_one(dir, files[i].name, json_string_value(value), json_string_length(value), files[i].mode);
        }
        json_object_del(credential, "jwt");
        return r == 0 ? write_document(dir, doc) : r;
}

/* The nonce is for this connection. */
static json_t *credentials_file(const char *url, const json_t *challenge, json_t *answer)
{
        json_t *joined = json_incref(json_object_get(answer, "joined"));
        json_t *doc;

        json_object_del(answer, "nonce");
        json_object_del(answer, "joined");
        doc = json_pack("{s:s, s:s, s:O, s:O, s:O, s:O*}", "schema", CREDENTIALS_SCHEMA, "issuer", url, "host", json_object_get(challenge, "host"),
                        "agent", json_object_get(challenge, "agent"), "credential", answer, "joined", joined);
        json_decref(joined);
        return doc;
}

static int put(const struct args *a, const json_t *challenge, json_t *answer)
{
        CLEANUP(issuer_conf_clear) struct issuer_conf conf = { 0 };
        const char *out = args_value(a, "out");
        json_t *doc = NULL;
        int r = issuer_conf_load(args_conf(a), &conf);

        if (r == 0 && (doc = credentials_file(conf.url, challenge, answer)) == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = out != NULL ? write_files(out, doc) : listing_json(doc);
        json_decref(doc);
        return r;
}

int cmd_issue(struct args *a)
{
        json_t *challenge = NULL, *body = NULL, *answer = NULL;
        CLEANUP(buf_clear) struct buf evidence = { 0 };
        int r;

        if (args_value(a, "challenge") == NULL)
                return err(ERR_INVAL, "for which challenge: --challenge FILE");
        r = read_document(args_value(a, "challenge"), CHALLENGE_SCHEMA, &challenge);
        if (r == 0)
                r = file_read(AT_FDCWD, a->arg[0], HF_EVIDENCE_MAX, &evidence);
        if (r == 0 && (body = request(a, challenge, &evidence)) == NULL)
                r = err(ERR_FORMAT, "%s is no challenge file of an issuer's", args_value(a, "challenge"));
        if (r == 0)
                r = cmd_ask(a, "/v1/credential", body, &answer);
        if (r == 0)
                r = put(a, challenge, answer);
        json_decref(answer);
        json_decref(challenge);
        return r;
}
