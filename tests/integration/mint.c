/* SPDX-License-Identifier: BSD-2-Clause */
/* mint WORD=VALUE...: writes what an issuer would into the working directory, for other programs to judge.
 *
 * ca=WHERE or make=KIND (a new key ca.key): the CA's key. key=FILE: the agent's public key in PEM. revoke=SERIAL in hex, revoke-id=AGENT with record=N: on the lists.
 * id=, agent=, dns=A,B, cn=, aud=, users=A,B, hosts=A,B, command=, source=, extensions=A,B, allows=NUMBER, life=SECONDS, domains=A,B.
 * Out: ca.pem (made once), leaf.pem, token.jwt, user-cert.pub, host-cert.pub, serial, ca.crl, ca.krl, jwks.json, bundle.json, ca.pub, known_hosts. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "issuer/bundle.h"
#include "issuer/cred_jwt.h"
#include "issuer/cred_ssh.h"
#include "issuer/crl.h"
#include "issuer/krl.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/pem.h"

#define TRUST_DOMAIN "example.org"
#define FILE_MAX_OCTETS 65536
#define LIST_MAX 8
#define DAY (24 * 60 * 60)

static char **words;

static void must(int r)
{
        if (r == 0)
                return;
        fprintf(stderr, "mint: %s: %s\n", err_name(r), err_text());
        exit(1);
}

static const char *word(const char *name)
{
        for (char **w = words; *w != NULL; w++)
                if (strncmp(*w, name, strlen(name)) == 0 && (*w)[strlen(name)] == '=')
                        return *w + strlen(name) + 1;
        return NULL;
}

static struct bytes bytes_of(const char *name)
{
        const char *v = word(name);

        return v != NULL ? BYTES_STR(v) : BYTES(NULL, 0);
}

static uint64_t number(const char *name, uint64_t otherwise)
{
        const char *v = word(name);

        return v != NULL ? strtoull(v, NULL, 0) : otherwise;
}

static struct names list(const char *name, struct bytes room[LIST_MAX])
{
        const char *v = word(name);
        size_t n = 0;

        while (v != NULL && *v != '\0' && n < LIST_MAX) {
                size_t len = strcspn(v, ",");

                room[n++] = BYTES(v, len);
                v += len + (v[len] == ',');
        }
        return (struct names){ room, n };
}

static void put(const char *name, struct bytes content)
{
        must(file_write(AT_FDCWD, name, content, 0644, true));
}

static void put_pem(const char *name, const char *label, struct bytes der)
{
        CLEANUP(buf_clear) struct buf text = { 0 };

        must(pem_encode(label, BYTES(NULL, 0), der, &text));
        put(name, BYTES_OF(&text));
}

static void get_pem(const char *name, const char *label, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 }, head = { 0 };

        must(file_read(AT_FDCWD, name, FILE_MAX_OCTETS, &text));
        must(pem_decode(label, BYTES_OF(&text), &head, ret));
}

static struct x509_ca *x509_ca(const struct ca_key *k, uint64_t now)
{
        struct bytes room[LIST_MAX];
        const struct x509_ca_wish wish = {
                .common_name = BYTES_STR("Holdfast test CA"), .trust_domain = BYTES_STR(TRUST_DOMAIN), .domains = list("domains", room),
                .not_before = now - DAY, .not_after = now + 30 * DAY,
        };
        CLEANUP(buf_clear) struct buf cert = { 0 };
        struct x509_ca *ca = NULL;

        if (access("ca.pem", F_OK) == 0) {
                get_pem("ca.pem", "CERTIFICATE", &cert);
        } else {
                must(x509_ca_certificate(k, &wish, &cert));
                put_pem("ca.pem", "CERTIFICATE", BYTES_OF(&cert));
        }
        must(x509_ca_open(k, BYTES_OF(&cert), wish.trust_domain, "http://crl.example.org/ca.crl", &ca));
        return ca;
}

static void public_files(const struct ca_key *k, struct x509_ca *ca)
{
        const struct x509_ca *x509[] = { ca };
        const struct ca_key *jwt[] = { k };
        const struct bundle b = { .x509 = x509, .n_x509 = 1, .jwt = jwt, .n_jwt = 1, .sequence = 1, .refresh_hint = 300 };
        CLEANUP(buf_clear) struct buf out = { 0 };

        must(ca_key_ssh_line(k, "holdfast", &out));
        put("ca.pub", BYTES_OF(&out));
        must(ca_key_known_hosts(k, "*.example.org", "holdfast", &out));
        put("ca.known_hosts", BYTES_OF(&out));
        if (ca == NULL)
                return;
        must(jwks_write(&b, &out));
        put("jwks.json", BYTES_OF(&out));
        must(spiffe_bundle_write(&b, &out));
        put("bundle.json", BYTES_OF(&out));
}

static void lists(const struct ca_key *k, const struct x509_ca *ca, uint64_t now)
{
        CLEANUP(buf_clear) struct buf serial = { 0 }, id = { 0 }, out = { 0 };
        struct crl_entry entry = { .when = now, .reason = CRL_PRIVILEGE_WITHDRAWN };
        const char *revoked = word("revoke");
        uint64_t number_of = 0;
        struct bytes name;

        if (revoked != NULL) {
                must(hex_decode(revoked, strlen(revoked), &serial));
                must(serial.len == sizeof(entry.serial) ? 0 : ERR_FORMAT);
                memcpy(entry.serial, serial.ptr, serial.len);
                number_of = grant_ssh_serial(entry.serial);
        }
        if (word("revoke-id") != NULL)
                must(grant_key_id(bytes_of("revoke-id"), number("record", 1), &id));
        name = BYTES_OF(&id);
        must(krl_write(&(const struct ca_key *){ k }, 1, &(struct krl){ .serials = &number_of, .n_serials = revoked != NULL, .key_ids = { &name, id.len > 0 }, .version = 1, .now = now }, &out));
        put("ca.krl", BYTES_OF(&out));
        if (ca == NULL)
                return;
        must(crl_write(ca, &(struct crl){ .entries = &entry, .n = revoked != NULL, .number = 7, .this_update = now, .next_update = now + 3600 }, &out));
        put_pem("ca.crl", "X509 CRL", BYTES_OF(&out));
}

static void credentials(const struct ca_key *k, const struct x509_ca *ca, const struct granted *g)
{
        CLEANUP(jwt_issuer_freep) struct jwt_issuer *jwt = NULL;
        CLEANUP(buf_clear) struct buf out = { 0 };

        if (ca != NULL) {
                must(cred_x509(ca, g, &out));
                put_pem("leaf.pem", "CERTIFICATE", BYTES_OF(&out));
        }
        if (g->g->audience.len > 0) {
                must(jwt_issuer_open(k, "https://issuer.example.org", &jwt));
                must(cred_jwt(jwt, g, &out));
                put("token.jwt", BYTES_OF(&out));
        }
        if (g->g->users.n > 0) {
                must(cred_ssh(k, g, SSH_CERT_USER, &out));
                put("user-cert.pub", BYTES_OF(&out));
        }
        if (g->g->hosts.n > 0) {
                must(cred_ssh(k, g, SSH_CERT_HOST, &out));
                put("host-cert.pub", BYTES_OF(&out));
        }
        must(hex_encode(BYTES(g->g->serial, GRANT_SERIAL_SIZE), &out));
        put("serial", BYTES_OF(&out));
}

static void grant(const struct ca_key *k, const struct x509_ca *ca, uint64_t now)
{
        struct bytes dns[LIST_MAX], users[LIST_MAX], hosts[LIST_MAX], extensions[LIST_MAX];
        CLEANUP(granted_clear) struct granted ok = { 0 };
        CLEANUP(buf_clear) struct buf spki = { 0 };
        struct grant g = {
                .spiffe_id = word("id") != NULL ? bytes_of("id") : BYTES_STR("spiffe://" TRUST_DOMAIN "/agent/build-42"),
                .agent = word("agent") != NULL ? bytes_of("agent") : BYTES_STR("build-42"),
                .owner = BYTES_STR("tests@example.org"), .record = number("record", 1), .allows = (unsigned)number("allows", 0),
                .issued = now, .not_before = now, .not_after = now + number("life", 3600),
                .dns = list("dns", dns), .common_name = bytes_of("cn"), .audience = bytes_of("aud"), .users = list("users", users), .hosts = list("hosts", hosts),
                .force_command = bytes_of("command"), .source_address = bytes_of("source"), .extensions = list("extensions", extensions),
        };

        get_pem(word("key"), "PUBLIC KEY", &spki);
        g.spki = BYTES_OF(&spki);
        must(grant_serial(g.serial));
        must(grant_check(&g, BYTES_STR(TRUST_DOMAIN), &ok));
        credentials(k, ca, &ok);
}

int main(int argc, char **argv)
{
        const uint64_t now = (uint64_t)time(NULL);
        struct x509_ca *ca = NULL;
        struct ca_key *k = NULL;

        if (argc < 2)
                return 2;
        words = argv + 1;
        if (word("make") != NULL)
                must(ca_key_make(word("make"), "ca.key", &k));
        else
                must(ca_key_open(word("ca"), &k));
        if (ca_key_alg(k)->x509.len > 0)
                ca = x509_ca(k, now);
        public_files(k, ca);
        lists(k, ca, now);
        if (word("key") != NULL)
                grant(k, ca, now);
        x509_ca_free(ca);
        ca_key_free(k);
        return 0;
}
