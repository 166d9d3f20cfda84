/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of a grant: whatever is let into a credential, other readers find there exactly as it was granted. */
#include <jansson.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "issuer/cred_jwt.h"
#include "issuer/cred_ssh.h"
#include "issuer/cred_x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW 1795600000ULL
#define DOMAIN "example.org"
enum { ID, AGENT, OWNER, COMMON_NAME, AUDIENCE, DNS, DNS_2, USER, USER_2, HOST, COMMAND, SOURCE, EXTENSION, N_FIELDS };

static struct ca_key *key;
static struct x509_ca *ca;
static struct jwt_issuer *jwt;

static void must(bool ok)
{
        if (!ok)
                abort();
}

static void start(void)
{
        const struct x509_ca_wish wish = {
                .common_name = BYTES_STR("CA"), .trust_domain = BYTES_STR(DOMAIN), .not_before = NOW - 1, .not_after = NOW + GRANT_LIFE_MAX,
        };
        CLEANUP(buf_clear) struct buf cert = { 0 };
        char dir[] = "/tmp/fuzz-grant-XXXXXX", file[64];

        if (key != NULL)
                return;
        must(mkdtemp(dir) != NULL);
        snprintf(file, sizeof(file), "%s/key", dir);
        must(ca_key_make("P-256", file, &key) == 0);
        unlink(file);
        rmdir(dir);
        must(x509_ca_certificate(key, &wish, &cert) == 0);
        must(x509_ca_open(key, BYTES_OF(&cert), wish.trust_domain, NULL, &ca) == 0);
        must(jwt_issuer_open(key, "https://issuer.example.org", &jwt) == 0);
}

static void is(const GENERAL_NAMES *names, int i, int type, struct bytes want)
{
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

        must(n->type == type);
        must(bytes_equal(BYTES(ASN1_STRING_get0_data(n->d.ia5), (size_t)ASN1_STRING_length(n->d.ia5)), want));
        must(memchr(want.ptr, 0, want.len) == NULL);
}

static void judge_x509(const struct granted *ok)
{
        CLEANUP(buf_clear) struct buf der = { 0 };
        const struct grant *g = ok->g;
        GENERAL_NAMES *names;
        const uint8_t *p;
        X509 *x;

        must(cred_x509(ca, ok, &der) == 0);
        p = der.ptr;
        x = d2i_X509(NULL, &p, (long)der.len);
        must(x != NULL && p == der.ptr + der.len);
        names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
        must(names != NULL && (size_t)sk_GENERAL_NAME_num(names) == 1 + g->dns.n);
        is(names, 0, GEN_URI, g->spiffe_id);
        for (size_t i = 0; i < g->dns.n; i++)
                is(names, 1 + (int)i, GEN_DNS, g->dns.v[i]);
        must(X509_NAME_entry_count(X509_get_subject_name(x)) == (g->common_name.len > 0));
        must(X509_check_ca(x) == 0);
        GENERAL_NAMES_free(names);
        X509_free(x);
}

static bool says(json_t *claims, const char *name, struct bytes want)
{
        json_t *v = json_object_get(claims, name);

        return json_is_string(v) && bytes_equal(BYTES(json_string_value(v), json_string_length(v)), want);
}

static void judge_jwt(const struct granted *ok)
{
        CLEANUP(buf_clear) struct buf token = { 0 }, json = { 0 };
        const char *text, *one, *two;
        json_t *claims;
        size_t n;

        must(cred_jwt(jwt, ok, &token) == 0);
        text = buf_str(&token);
        one = strchr(text, '.');
        two = strrchr(text, '.');
        must(one != NULL && one != two);
        n = (size_t)(two - one - 1);
        for (uint8_t *c = token.ptr; *c != '\0'; c++)
                *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
        /* base64_decode() wants the padding, and there is room for it where the signature stands. */
        for (size_t i = n; i % 4 != 0; i++)
                token.ptr[one + 1 - text + (ptrdiff_t)i] = '=';
        must(base64_decode(one + 1, (n + 3) / 4 * 4, &json) == 0);
        claims = json_loadb((const char *)json.ptr, json.len, JSON_REJECT_DUPLICATES, NULL);
        must(claims != NULL && json_object_size(claims) == (ok->g->allows & GRANT_CONFIRMATION ? 7 : 6));
        must(says(claims, "sub", ok->g->spiffe_id) && says(claims, "aud", ok->g->audience));
        json_decref(claims);
}

static void judge_ssh(const struct granted *ok, enum ssh_cert_type type)
{
        CLEANUP(buf_clear) struct buf line = { 0 };

        must(cred_ssh(key, ok, type, &line) == 0);
        must(memchr(line.ptr, '\n', line.len) == line.ptr + line.len - 1);
}

static struct names names_at(const struct bytes *fields, size_t n)
{
        while (n > 0 && fields[n - 1].len == 0)
                n--;
        return (struct names){ fields, n };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(granted_clear) struct granted ok = { 0 };
        struct bytes f[N_FIELDS] = { 0 };
        struct grant g;

        start();
        if (size == 0)
                return 0;
        for (size_t n = 0, at = 1; n < N_FIELDS && at <= size; n++) {
                const uint8_t *end = memchr(data + at, 0xff, size - at);

                f[n] = BYTES(data + at, end != NULL ? (size_t)(end - data) - at : size - at);
                at += f[n].len + 1;
        }
        g = (struct grant){
                .spiffe_id = f[ID], .agent = f[AGENT], .owner = f[OWNER], .spki = ca_key_spki(key), .serial = { 0x40 }, .record = size, .allows = data[0],
                .issued = NOW, .not_before = NOW, .not_after = NOW + 3600,
                .dns = names_at(f + DNS, 2), .common_name = f[COMMON_NAME], .audience = f[AUDIENCE], .users = names_at(f + USER, 2), .hosts = names_at(f + HOST, 1),
                .force_command = f[COMMAND], .source_address = f[SOURCE], .extensions = names_at(f + EXTENSION, 1),
        };
        if (grant_check(&g, BYTES_STR(DOMAIN), &ok) != 0)
                return 0;
        judge_x509(&ok);
        if (g.audience.len > 0)
                judge_jwt(&ok);
        if (g.users.n > 0)
                judge_ssh(&ok, SSH_CERT_USER);
        if (g.hosts.n > 0)
                judge_ssh(&ok, SSH_CERT_HOST);
        return 0;
}
