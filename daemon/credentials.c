/* SPDX-License-Identifier: BSD-2-Clause */
/* How do credentials become files, and come back after a start? */
#include "daemon/credentials.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "daemon/publish.h"
#include "enroll/check.h"
#include "keys/find.h"
#include "keys/item_name.h"
#include "keys/manage.h"
#include "keys/store_dir.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/utf8.h"

#define KEPT "credentials"              /* in the store */
#define KEPT_MAX (128u << 10)
#define KEPT_MODE 0600

struct credentials {
        struct keyring *keyring;
        int kept, public;               /* directories */
};

/* The texts of an answer: where they are kept, and which files they are. */
static const struct {
        const char *line, *file;
        size_t place;                   /* in struct answer_credential */
} texts[] = {
        { "bundle", "bundle.pem", offsetof(struct answer_credential, bundle) },
        { "x509", "cert.pem", offsetof(struct answer_credential, x509) },
        { "ssh-user", "id-cert.pub", offsetof(struct answer_credential, ssh_user) },
        { "ssh-host", "host-cert.pub", offsetof(struct answer_credential, ssh_host) },
        { "known-hosts", "known_hosts", offsetof(struct answer_credential, known_hosts) },
};

void enrolment_clear(struct enrolment *e)
{
        buf_clear(&e->label);
        buf_clear(&e->profile);
        buf_clear(&e->spiffe_id);
        *e = (struct enrolment){ 0 };
}

static int copy_text(struct bytes from, struct buf *to)
{
        int r = buf_set(to, from);

        return r == 0 && buf_str(to) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

int enrolment_copy(const struct enrolment *from, struct enrolment *ret)
{
        struct enrolment e = *from;
        int r;

        e.label = e.profile = e.spiffe_id = (struct buf){ 0 };
        r = copy_text(BYTES_OF(&from->label), &e.label);
        if (r == 0)
                r = copy_text(BYTES_OF(&from->profile), &e.profile);
        if (r == 0)
                r = copy_text(BYTES_OF(&from->spiffe_id), &e.spiffe_id);
        if (r == 0)
                *ret = e;
        else
                enrolment_clear(&e);
        return r;
}

int credentials_open(struct keyring *k, const char *directory, struct credentials **ret)
{
        struct credentials *c = calloc(1, sizeof(*c));
        struct store *s = keyring_store(k);
        int r;

        if (c == NULL)
                return err(ERR_NOMEM, "out of memory");
        *c = (struct credentials){ .keyring = k, .kept = -1, .public = -1 };
        r = publish_open(directory, &c->public);
        if (r == 0 && mkdirat(store_dirfd(s), KEPT, 0700) != 0 && errno != EEXIST)
                r = err_errno("cannot make the directory " KEPT " in the store");
        if (r == 0)
                r = dir_open(store_dirfd(s), KEPT, &c->kept);
        if (r == 0)
                r = dir_sync(store_dirfd(s), KEPT);
        if (r == 0) {
                file_sweep(c->kept);
                *ret = c;
        } else {
                credentials_close(c);
        }
        return r;
}

void credentials_close(struct credentials *c)
{
        if (c == NULL)
                return;
        close_fd(&c->kept);
        close_fd(&c->public);
        free(c);
}

/* AGENT.LABEL, escaped: neither has a dot then. */
static int kept_name(const char *agent, struct bytes label, struct buf *ret)
{
        int r = item_name_label(BYTES_STR(agent), ret);

        if (r == 0)
                r = buf_append_u8(ret, '.');
        if (r == 0)
                r = item_name_label(label, ret);
        return r == 0 && buf_str(ret) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

static int spki_of(struct item *key, struct buf *ret)
{
        const struct item_body *b;
        int r = item_load(key, &b);

        return r == 0 ? pubkey_to_spki(&b->pub, ret) : r;
}

static int set_time(struct attrs *a, const char *line, uint64_t t)
{
        char text[24];

        snprintf(text, sizeof(text), "%" PRIu64, t);
        return attrs_set_str(a, line, text);
}

static int keep(struct credentials *c, const struct enrolment *e, struct bytes spki, const struct answer_credential *a)
{
        CLEANUP(attrs_clear) struct attrs lines = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 }, text = { 0 };
        int r;

        r = attrs_set_str(&lines, "agent", e->agent);
        if (r == 0)
                r = attrs_set(&lines, "label", BYTES_OF(&e->label));
        if (r == 0 && e->profile.len > 0)
                r = attrs_set(&lines, "profile", BYTES_OF(&e->profile));
        if (r == 0)
                r = attrs_set_hex(&lines, "public", spki);
        if (r == 0)
                r = attrs_set(&lines, "spiffe-id", BYTES_OF(&e->spiffe_id));
        if (r == 0)
                r = set_time(&lines, "not-before", e->not_before);
        if (r == 0)
                r = set_time(&lines, "not-after", e->not_after);
        if (r == 0)
                r = set_time(&lines, "renew-after", e->renew_after);
        if (r == 0 && e->carried)
                r = attrs_set_str(&lines, "carried", "yes");
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(texts); i++) {
                const char *s = *(char *const *)((const char *)a + texts[i].place);

                if (s != NULL)
                        r = attrs_set_str(&lines, texts[i].line, s);
        }
        if (r == 0)
                r = attrs_format(&lines, &text);
        if (r == 0)
                r = kept_name(e->agent, BYTES_OF(&e->label), &name);
        return r == 0 ? file_write(c->kept, buf_str(&name), BYTES_OF(&text), KEPT_MODE, true) : r;
}

static int get_time(const struct attrs *a, const char *line, uint64_t *ret)
{
        unsigned long v;
        int r = attrs_uint(a, line, &v);

        if (r == 0)
                *ret = v;
        return r;
}

static int get_label(const struct attrs *a, const char *line, struct buf *ret)
{
        const struct buf *v = attrs_get(a, line);

        return v != NULL ? copy_text(BYTES_OF(v), ret) : ERR_FORMAT;
}

static int from_lines(const struct attrs *lines, struct enrolment *e)
{
        const char *agent = attrs_str(lines, "agent", "");
        int r = agent_name_valid(agent) ? 0 : ERR_FORMAT;

        if (r == 0)
                memcpy(e->agent, agent, strlen(agent) + 1);
        if (r == 0)
                r = get_label(lines, "label", &e->label);
        if (r == 0 && attrs_get(lines, "profile") != NULL)
                r = get_label(lines, "profile", &e->profile);
        if (r == 0)
                r = get_label(lines, "spiffe-id", &e->spiffe_id);
        e->carried = attrs_get(lines, "carried") != NULL;
        if (r == 0)
                r = get_time(lines, "not-before", &e->not_before);
        if (r == 0)
                r = get_time(lines, "not-after", &e->not_after);
        return r == 0 ? get_time(lines, "renew-after", &e->renew_after) : r;
}

static int append(const char *text, size_t len, void *buf)
{
        return buf_append(buf, text, len) == 0 ? 0 : -1;
}

/* Where it was cut for want of room, that may be within a character. */
static json_t *error_json(const char *text)
{
        size_t n = strlen(text);

        while (n > 0 && !utf8_valid(BYTES(text, n)))
                n--;
        return n > 0 ? json_stringn(text, n) : json_null();
}

static int status_text(const struct enrolment *e, struct buf *ret)
{
        json_t *o = json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:b, s:o}", "agent", e->agent,
                              "key", json_stringn_nocheck(e->label.len > 0 ? (const char *)e->label.ptr : "", e->label.len),
                              "spiffe_id", json_stringn_nocheck(e->spiffe_id.len > 0 ? (const char *)e->spiffe_id.ptr : "", e->spiffe_id.len),
                              "not_before", (json_int_t)e->not_before, "not_after", (json_int_t)e->not_after,
                              "renew_after", (json_int_t)e->renew_after, "carried", e->carried,
                              "last_error", error_json(e->last_error));
        int r = o != NULL && json_dump_callback(o, append, ret, JSON_INDENT(2)) == 0 ? 0 : err(ERR_NOMEM, "cannot write status.json");

        json_decref(o);
        return r == 0 ? buf_append_u8(ret, '\n') : r;
}

static int tell(int dir, const struct enrolment *e)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r = status_text(e, &text);

        return r == 0 ? publish_file(dir, "status.json", BYTES_OF(&text)) : r;
}

/* What it hangs on comes before it. */
static int show(struct credentials *c, const struct enrolment *e, struct item *key, const char *const values[ARRAY_LEN(texts)])
{
        CLEANUP(close_fd) int dir = -1;
        int r;

        r = publish_directory(c->public, e->agent, BYTES_OF(&e->label), &dir);
        if (r == 0)
                r = publish_key(dir, e->agent, key);
        for (size_t i = 0; r == 0 && i < ARRAY_LEN(texts); i++) {
                if (values[i] != NULL)
                        r = publish_file(dir, texts[i].file, BYTES_STR(values[i]));
                else if (unlinkat(dir, texts[i].file, 0) != 0 && errno != ENOENT)
                        r = err_errno("cannot remove %s", texts[i].file);
        }
        return r == 0 ? tell(dir, e) : r;
}

/* Who knows it by PKCS#11 finds the new one at the same URI. A key whose certificate is this one already stays as it is. */
static int put_beside(struct credentials *c, const struct caller *who, const char *agent, struct item *key, const char *pem)
{
        CLEANUP(buf_clear) struct buf der = { 0 }, old = { 0 };
        bool replaced;
        int r = check_certificate(pem, &der);

        if (r == 0)
                r = find_cert(keyring_store(c->keyring), agent, key, &old);
        if (r != 0 || bytes_equal(BYTES_OF(&der), BYTES_OF(&old)))
                return r;
        return manage_cert_import(c->keyring, who, agent, key, BYTES_OF(&der), false, &replaced);
}

int credentials_put(struct credentials *c, const struct caller *who, struct enrolment *e, struct item *key, const struct answer_credential *a)
{
        CLEANUP(buf_clear) struct buf spki = { 0 };
        const char *values[ARRAY_LEN(texts)];
        int r;

        r = copy_text(BYTES_STR(a->spiffe_id), &e->spiffe_id);
        e->not_before = a->not_before;
        e->not_after = a->not_after;
        e->renew_after = a->renew_after;
        e->last_error[0] = '\0';
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                values[i] = *(char *const *)((const char *)a + texts[i].place);
        if (r == 0)
                r = spki_of(key, &spki);
        if (r == 0)
                r = keep(c, e, BYTES_OF(&spki), a);
        if (r == 0)
                r = show(c, e, key, values);
        return r == 0 && a->x509 != NULL ? put_beside(c, who, e->agent, key, a->x509) : r;
}

int credentials_tell(struct credentials *c, const struct enrolment *e)
{
        CLEANUP(close_fd) int dir = -1;
        int r = publish_directory(c->public, e->agent, BYTES_OF(&e->label), &dir);

        return r == 0 ? tell(dir, e) : r;
}

int credentials_remove(struct credentials *c, const char *agent, struct bytes label)
{
        CLEANUP(buf_clear) struct buf name = { 0 };
        int r = kept_name(agent, label, &name);

        if (r == 0)
                r = file_remove(c->kept, buf_str(&name));
        if (r == 0 || r == ERR_NOENT)
                r = publish_remove(c->public, agent, label);
        return r;
}

struct restoring {
        struct credentials *c;
        int (*fn)(void *ctx, const struct enrolment *e);
        void *ctx;
};

/* The key that it was for, or ERR_NOENT. */
static int same_key(struct credentials *c, const struct enrolment *e, const struct attrs *lines, struct item **ret)
{
        CLEANUP(buf_clear) struct buf was = { 0 }, is = { 0 };
        struct item *key = NULL;
        int r = find_key(keyring_store(c->keyring), e->agent, BYTES_OF(&e->label), BYTES(NULL, 0), &key);

        if (r == 0)
                r = attrs_hex(lines, "public", &was);
        if (r == 0)
                r = spki_of(key, &is);
        if (r == 0 && !bytes_equal(BYTES_OF(&was), BYTES_OF(&is)))
                r = ERR_NOENT;
        if (r == 0)
                *ret = key;
        else
                item_unref(key);
        return r;
}

static int restore_one(struct restoring *x, const struct attrs *lines, struct enrolment *e)
{
        const char *values[ARRAY_LEN(texts)];
        struct item *key = NULL;
        int r;

        r = from_lines(lines, e);
        if (r == 0)
                r = same_key(x->c, e, lines, &key);
        if (r != 0)
                return r;
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                values[i] = attrs_str(lines, texts[i].line, NULL);
        r = show(x->c, e, key, values);
        item_unref(key);
        return r == 0 ? x->fn(x->ctx, e) : r;
}

/* What is not as we write it is nobody's; it goes, as what is left of a key does. */
static int restore_entry(const struct dirent *d, void *ctx)
{
        CLEANUP(attrs_clear) struct attrs lines = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(enrolment_clear) struct enrolment e = { 0 };
        struct restoring *x = ctx;
        int r = file_read(x->c->kept, d->d_name, KEPT_MAX, &text);

        if (r == 0)
                r = attrs_parse(BYTES_OF(&text), &lines);
        if (r == 0)
                r = restore_one(x, &lines, &e);
        if (r == ERR_NOENT || r == ERR_FORMAT)
                r = file_remove(x->c->kept, d->d_name);
        return r == ERR_NOENT ? 0 : r;
}

int credentials_restore(struct credentials *c, int (*fn)(void *ctx, const struct enrolment *e), void *ctx)
{
        return dir_list(c->kept, restore_entry, &(struct restoring){ .c = c, .fn = fn, .ctx = ctx });
}
