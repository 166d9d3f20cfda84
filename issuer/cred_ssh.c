/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes a grant as an SSH certificate. */
#include "issuer/cred_ssh.h"
#include <stdlib.h>
#include <string.h>
#include "lib/crypto.h"
#include "lib/der.h"
#include "lib/err.h"
#include "lib/ssh.h"

#define NONCE_SIZE 32
#define CERT "-cert-v01@openssh.com"

static int put_text(struct buf *b, const char *text)
{
        return ssh_put_string(b, BYTES_STR(text));
}

/* The strings of `list`, one behind the other, as one string. */
static int put_list(struct buf *b, const struct names *list)
{
        CLEANUP(buf_clear) struct buf inner = { 0 };
        int r = 0;

        for (size_t i = 0; r == 0 && i < list->n; i++)
                r = ssh_put_string(&inner, list->v[i]);
        return r == 0 ? ssh_put_string(b, BYTES_OF(&inner)) : r;
}

/* An option with a value has it as a string within a string. */
static int put_option(struct buf *b, const char *name, struct bytes value)
{
        CLEANUP(buf_clear) struct buf inner = { 0 };
        int r;

        if (value.len == 0)
                return 0;
        r = put_text(b, name);
        if (r == 0)
                r = ssh_put_string(&inner, value);
        return r == 0 ? ssh_put_string(b, BYTES_OF(&inner)) : r;
}

static int put_flag(struct buf *b, struct bytes name)
{
        int r = ssh_put_string(b, name);

        return r == 0 ? ssh_put_string(b, BYTES(NULL, 0)) : r;
}

/* "Critical options": sorted by name. */
static int put_options(struct buf *b, const struct grant *g, enum ssh_cert_type type)
{
        CLEANUP(buf_clear) struct buf list = { 0 };
        int r = 0;

        if (type == SSH_CERT_USER) {
                r = put_option(&list, "force-command", g->force_command);
                if (r == 0)
                        r = put_option(&list, "source-address", g->source_address);
                if (r == 0 && (g->allows & GRANT_VERIFY_REQUIRED))
                        r = put_flag(&list, BYTES_STR("verify-required"));
        }
        return r == 0 ? ssh_put_string(b, BYTES_OF(&list)) : r;
}

static int by_name(const void *a, const void *b)
{
        const struct bytes *x = a, *y = b;
        int r = memcmp(x->ptr, y->ptr, x->len < y->len ? x->len : y->len);

        return r != 0 ? r : (x->len > y->len) - (x->len < y->len);
}

static int put_extensions(struct buf *b, const struct grant *g, enum ssh_cert_type type)
{
        CLEANUP(buf_clear) struct buf list = { 0 };
        struct bytes sorted[GRANT_NAMES_MAX];
        size_t n = type == SSH_CERT_USER ? g->extensions.n : 0;
        int r = 0;

        if (n > 0) {
                memcpy(sorted, g->extensions.v, n * sizeof(*sorted));
                qsort(sorted, n, sizeof(*sorted), by_name);
        }
        for (size_t i = 0; r == 0 && i < n; i++)
                r = put_flag(&list, sorted[i]);
        return r == 0 ? ssh_put_string(b, BYTES_OF(&list)) : r;
}

/* From the nonce to the key's members. */
static int put_key(struct buf *b, const struct granted *g)
{
        uint8_t nonce[NONCE_SIZE];
        int r = crypto_random(nonce, sizeof(nonce));

        if (r == 0)
                r = ssh_put_string(b, BYTES(nonce, sizeof(nonce)));
        return r == 0 ? ssh_put_key_members(b, &g->key) : r;
}

/* RFC 5656 3.1.2: two numbers; RFC 8332 and RFC 8709: the octets. */
static int put_signature(struct buf *b, const struct ca_key *ca)
{
        CLEANUP(buf_clear) struct buf raw = { 0 }, numbers = { 0 }, all = { 0 };
        const size_t half = ca_key_alg(ca)->coordinate;
        int r;

        r = ca_key_sign_raw(ca, BYTES_OF(b), &raw);
        if (r == 0 && half > 0) {
                r = ssh_put_mpint(&numbers, BYTES(raw.ptr, half));
                if (r == 0)
                        r = ssh_put_mpint(&numbers, BYTES(raw.ptr + half, half));
        } else {
                buf_take(&raw, &numbers);
        }
        if (r == 0)
                r = put_text(&all, ca_key_alg(ca)->ssh);
        if (r == 0)
                r = ssh_put_string(&all, BYTES_OF(&numbers));
        return r == 0 ? ssh_put_string(b, BYTES_OF(&all)) : r;
}

static int put_body(struct buf *b, const struct granted *granted, enum ssh_cert_type type, const struct names *principals)
{
        CLEANUP(buf_clear) struct buf id = { 0 };
        const struct grant *g = granted->g;
        int r;

        r = put_key(b, granted);
        if (r == 0)
                r = ssh_put_u64(b, grant_ssh_serial(g->serial));
        if (r == 0)
                r = buf_append_u32(b, type);
        if (r == 0)
                r = grant_key_id(g->agent, g->record, &id);
        if (r == 0)
                r = ssh_put_string(b, BYTES_OF(&id));
        if (r == 0)
                r = put_list(b, principals);
        if (r == 0)
                r = ssh_put_u64(b, g->not_before);
        if (r == 0)
                r = ssh_put_u64(b, g->not_after);
        if (r == 0)
                r = put_options(b, g, type);
        if (r == 0)
                r = put_extensions(b, g, type);
        return r == 0 ? ssh_put_string(b, BYTES(NULL, 0)) : r;  /* reserved */
}

static int put_line(struct buf *type, struct bytes blob, struct bytes agent)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        r = base64_encode(blob, &text);
        if (r == 0)
                r = buf_append_u8(type, ' ');
        if (r == 0)
                r = buf_append(type, text.ptr, text.len);
        if (r == 0)
                r = buf_append_u8(type, ' ');
        if (r == 0)
                r = buf_append(type, agent.ptr, agent.len);
        return r == 0 ? buf_append_u8(type, '\n') : r;
}

int cred_ssh(const struct ca_key *ca, const struct granted *g, enum ssh_cert_type type, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf name = { 0 }, blob = { 0 };
        const struct names *principals = type == SSH_CERT_USER ? &g->g->users : &g->g->hosts;
        int r;

        if (principals->n == 0)
                return err(ERR_DENIED, "an SSH certificate without principals would be good for all");
        r = ssh_key_type(&g->key, &name);
        if (r == 0)
                r = buf_append_str(&name, CERT);
        if (r == 0)
                r = ssh_put_string(&blob, BYTES_OF(&name));
        if (r == 0)
                r = put_body(&blob, g, type, principals);
        if (r == 0)
                r = ssh_put_string(&blob, ca_key_ssh(ca));
        if (r == 0)
                r = put_signature(&blob, ca);
        if (r == 0)
                r = put_line(&name, BYTES_OF(&blob), g->g->agent);
        if (r == 0)
                buf_take(&name, ret);
        return r;
}
