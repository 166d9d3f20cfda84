/* SPDX-License-Identifier: BSD-2-Clause */
/* SSH certificates field by field, as PROTOCOL.certkeys has them. (tests/integration has OpenSSH read and believe them.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "issuer/cred_ssh.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "tests/grantfix.h"

static struct bytes get(struct bytes *in, size_t n)
{
        struct bytes v = { in->ptr, n };

        assert_true(in->len >= n);
        *in = BYTES(in->ptr + n, in->len - n);
        return v;
}

static uint64_t number(struct bytes *in, size_t n)
{
        struct bytes v = get(in, n);
        uint64_t r = 0;

        for (size_t i = 0; i < n; i++)
                r = r << 8 | v.ptr[i];
        return r;
}

static struct bytes string(struct bytes *in)
{
        return get(in, number(in, 4));
}

static void is(struct bytes got, const char *want)
{
        if (!bytes_equal(got, BYTES_STR(want)))
                fail_msg("%.*s", (int)got.len, (const char *)got.ptr);
}

/* What is behind the key's own members. */
struct cert {
        struct buf blob;
        struct bytes type, nonce, body, ca, sig, signed_part;
};

static void cert_clear(struct cert *c)
{
        buf_clear(&c->blob);
}

static int sign(const struct grantfix *f, const struct ca_key *ca, enum ssh_cert_type type, struct buf *ret)
{
        CLEANUP(granted_clear) struct granted ok = { 0 };

        assert_int_equal(grantfix_check(f, &ok), 0);
        return cred_ssh(ca, &ok, type, ret);
}

static void make(const struct grantfix *f, const struct ca_key *ca, enum ssh_cert_type type, struct cert *ret)
{
        CLEANUP(buf_clear) struct buf line = { 0 };
        const char *text, *one, *two;
        struct bytes in;

        assert_int_equal(sign(f, ca, type, &line), 0);
        text = buf_str(&line);
        one = strchr(text, ' ');
        two = strchr(one + 1, ' ');
        is(BYTES_STR(two), " build-42\n");
        assert_int_equal(base64_decode(one + 1, (size_t)(two - one - 1), &ret->blob), 0);
        in = BYTES_OF(&ret->blob);
        ret->type = string(&in);
        assert_true(bytes_equal(ret->type, BYTES(text, (size_t)(one - text))));
        ret->nonce = string(&in);
        ret->body = in;
}

/* Behind the key: everything to the end, and the signature. */
static void finish(struct cert *c, struct bytes in)
{
        c->ca = string(&in);
        c->signed_part = BYTES(c->blob.ptr, (size_t)(in.ptr - c->blob.ptr));
        c->sig = string(&in);
        assert_int_equal(in.len, 0);
}

static void a_user_certificate(void **state)
{
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *ca = grantfix_ca_key(f, "P-256");
        CLEANUP(cert_clear) struct cert c = { 0 };
        struct bytes in, list, value;

        f->g.allows = GRANT_VERIFY_REQUIRED;
        make(f, ca, SSH_CERT_USER, &c);
        in = c.body;
        is(c.type, "ecdsa-sha2-nistp256-cert-v01@openssh.com");
        assert_int_equal(c.nonce.len, 32);
        is(string(&in), "nistp256");
        assert_int_equal(string(&in).len, 65);
        assert_true(number(&in, 8) == grant_ssh_serial(f->g.serial));
        assert_int_equal(number(&in, 4), 1);
        is(string(&in), "build-42/1234");
        list = string(&in);
        is(string(&list), "deploy");
        is(string(&list), "build");
        assert_int_equal(list.len, 0);
        assert_true(number(&in, 8) == NOW - 60);
        assert_true(number(&in, 8) == NOW + HOUR);
        list = string(&in);
        is(string(&list), "force-command");
        value = string(&list);
        is(string(&value), "/usr/bin/deploy --from \"42\"");
        assert_int_equal(value.len, 0);
        is(string(&list), "source-address");
        value = string(&list);
        is(string(&value), "192.0.2.0/24,2001:db8::/32");
        is(string(&list), "verify-required");
        is(string(&list), "");
        assert_int_equal(list.len, 0);
        list = string(&in);
        is(string(&list), "permit-agent-forwarding");   /* sorted */
        is(string(&list), "");
        is(string(&list), "permit-pty");
        is(string(&list), "");
        assert_int_equal(list.len, 0);
        is(string(&in), "");
        finish(&c, in);
        assert_true(bytes_equal(c.ca, ca_key_ssh(ca)));
}

static void a_host_certificate_has_no_options(void **state)
{
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *ca = grantfix_ca_key(f, "Ed25519");
        CLEANUP(cert_clear) struct cert c = { 0 };
        struct bytes in, list;

        f->g.allows = GRANT_VERIFY_REQUIRED;
        grantfix_key(f, "RSA-2048");
        make(f, ca, SSH_CERT_HOST, &c);
        in = c.body;
        is(c.type, "ssh-rsa-cert-v01@openssh.com");
        assert_int_equal(string(&in).len, 3);
        assert_int_equal(string(&in).len, 257);
        number(&in, 8);
        assert_int_equal(number(&in, 4), 2);
        is(string(&in), "build-42/1234");
        list = string(&in);
        is(string(&list), "build-42.example.org");
        assert_int_equal(list.len, 0);
        number(&in, 16);
        is(string(&in), "");
        is(string(&in), "");
        is(string(&in), "");
        finish(&c, in);
        list = c.sig;
        is(string(&list), "ssh-ed25519");
        assert_int_equal(string(&list).len, 64);
}

/* r and s as r || s; numbers whose first bit is set have a zero in front. */
static void numbers_to_raw(struct bytes sig, size_t half, struct buf *ret)
{
        for (unsigned i = 0; i < 2; i++) {
                struct bytes n = string(&sig);

                assert_true(n.len > 0 && n.ptr[0] < 0x80);
                assert_true(n.len == 1 || n.ptr[0] != 0 || n.ptr[1] >= 0x80);
                if (n.ptr[0] == 0)
                        get(&n, 1);
                for (size_t zeros = n.len; zeros < half; zeros++)
                        assert_int_equal(buf_append_u8(ret, 0), 0);
                assert_int_equal(buf_append(ret, n.ptr, n.len), 0);
        }
        assert_int_equal(sig.len, 0);
}

static void signatures_verify(void **state)
{
        static const struct {
                const char *kind, *name, *hash;
                enum scheme scheme;
        } rows[] = {
                { "P-256", "ecdsa-sha2-nistp256", "SHA256", SCHEME_ECDSA }, { "P-384", "ecdsa-sha2-nistp384", "SHA384", SCHEME_ECDSA },
                { "RSA-2048", "rsa-sha2-256", "SHA256", SCHEME_RSA_PKCS1 },     /* never ssh-rsa, which is SHA-1 */
        };
        struct grantfix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
                CLEANUP(ca_key_freep) struct ca_key *ca = grantfix_ca_key(f, rows[i].kind);
                const struct pk_params p = { .scheme = rows[i].scheme, .hash = hash_by_name(rows[i].hash) };

                for (unsigned n = 0; n < (p.scheme == SCHEME_ECDSA ? 300 : 2); n++) {
                        CLEANUP(cert_clear) struct cert c = { 0 };
                        CLEANUP(buf_clear) struct buf raw = { 0 };
                        uint8_t digest[HASH_MAX];
                        struct bytes in, sig;

                        make(f, ca, SSH_CERT_USER, &c);
                        in = c.body;
                        string(&in), string(&in), get(&in, 12), string(&in), string(&in), get(&in, 16), string(&in), string(&in), string(&in);
                        finish(&c, in);
                        is(string(&c.sig), rows[i].name);
                        sig = string(&c.sig);
                        if (p.scheme == SCHEME_ECDSA)
                                numbers_to_raw(sig, pubkey_sig_size(ca_key_public(ca)) / 2, &raw);
                        else
                                assert_int_equal(buf_set(&raw, sig), 0);
                        assert_int_equal(crypto_hash(p.hash, &c.signed_part, 1, digest), 0);
                        assert_int_equal(pk_verify(ca_key_public(ca), &p, BYTES(digest, p.hash->size), BYTES_OF(&raw)), 0);
                }
        }
}

static void no_principals_no_certificate(void **state)
{
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *ca = grantfix_ca_key(f, "P-256");
        CLEANUP(buf_clear) struct buf line = { 0 };

        f->g.users.n = 0;
        assert_int_equal(sign(f, ca, SSH_CERT_USER, &line), ERR_DENIED);
        assert_int_equal(sign(f, ca, SSH_CERT_HOST, &line), 0);
        buf_clear(&line);
        f->g.hosts.n = 0;
        assert_int_equal(sign(f, ca, SSH_CERT_HOST, &line), ERR_DENIED);
        assert_int_equal(line.len, 0);
}

static void two_are_never_the_same(void **state)
{
        struct grantfix *f = *state;
        CLEANUP(ca_key_freep) struct ca_key *ca = grantfix_ca_key(f, "P-256");
        CLEANUP(cert_clear) struct cert a = { 0 }, b = { 0 };

        make(f, ca, SSH_CERT_USER, &a);
        make(f, ca, SSH_CERT_USER, &b);
        assert_memory_not_equal(a.nonce.ptr, b.nonce.ptr, 32);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, grantfix_setup, grantfix_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_user_certificate), TEST(a_host_certificate_has_no_options), TEST(signatures_verify), TEST(no_principals_no_certificate), TEST(two_are_never_the_same),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
