/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "attest/trust.h"
#include "lib/err.h"
#include "tests/evidencefix.h"

#define CHAIN_MAX 8
#define NOW 1795600000          /* November 2026 */

struct chain {
        struct buf der[CHAIN_MAX];
        struct bytes bytes[CHAIN_MAX];
        size_t n;
};

static void chain_clear(struct chain *c)
{
        for (size_t i = 0; i < c->n; i++)
                buf_clear(&c->der[i]);
}

static void read_chain(const char *file, struct chain *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        char *line, *rest;

        evidencefix_text(file, &text);
        assert_non_null(buf_str(&text));
        rest = (char *)text.ptr;
        while ((line = strsep(&rest, "\n")) && *line) {
                assert_true(ret->n < CHAIN_MAX);
                assert_int_equal(hex_decode(line, strlen(line), &ret->der[ret->n]), 0);
                ret->bytes[ret->n] = BYTES_OF(&ret->der[ret->n]);
                ret->n++;
        }
}

struct fixture {
        struct chain roots, key, rsa_keys;
        struct trust trust;
};

static int setup(void **state)
{
        static struct fixture f;

        f = (struct fixture){ 0 };
        read_chain("root", &f.roots);
        read_chain("leaf-key", &f.key);
        read_chain("rsa-keys", &f.rsa_keys);
        f.trust = (struct trust){ .roots = f.roots.bytes, .n_roots = 1, .time = NOW, .purpose = TRUST_AK };
        *state = &f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;

        chain_clear(&f->roots);
        chain_clear(&f->key);
        chain_clear(&f->rsa_keys);
        return 0;
}

/* Whose certificate it should be. */
static struct bytes key_of(const struct fixture *f, const char *name)
{
        if (strncmp(name, "oaep-", 5) != 0 && strncmp(name, "rsa-", 4) != 0)
                return f->key.bytes[0];
        return strcmp(name, "rsa-authority") == 0 ? f->key.bytes[0] : f->rsa_keys.bytes[strstr(name, "weak") ? 1 : 0];
}

static int check_file(const struct fixture *f, const char *name, size_t *ret_root)
{
        CLEANUP(chain_clear) struct chain c = { 0 };
        char file[64];

        snprintf(file, sizeof(file), "%s.chain", name);
        read_chain(file, &c);
        return trust_check(&f->trust, c.bytes, c.n, key_of(f, name), ret_root);
}

static void judges_each_chain(void **state)
{
        const struct fixture *f = *state;
        CLEANUP(buf_clear) struct buf text = { 0 };
        char *line, *rest;
        unsigned n = 0;

        evidencefix_text("certificates", &text);
        assert_non_null(buf_str(&text));
        rest = (char *)text.ptr;
        while ((line = strsep(&rest, "\n")) && *line) {
                char name[64], outcome[16];
                size_t root = 99;
                int r;

                assert_int_equal(sscanf(line, "%63s %15s", name, outcome), 2);
                err_reset();
                r = check_file(f, name, &root);
                if ((r == 0) != (strcmp(outcome, "accepted") == 0))
                        fail_msg("%s: %s", name, r == 0 ? "accepted" : err_text());
                assert_int_equal(root, r == 0 ? 0 : 99);
                assert_true(r == 0 || r == ERR_DENIED || r == ERR_FORMAT);
                n++;
        }
        assert_true(n > 35);
}

static void says_which_root_it_was(void **state)
{
        struct fixture *f = *state;
        size_t root = 99;

        f->trust.n_roots = 2;
        assert_int_equal(check_file(f, "plain", &root), 0);
        assert_int_equal(root, 0);
        assert_int_equal(check_file(f, "other-root", &root), 0);
        assert_int_equal(root, 1);
        f->trust.n_roots = 0;
        assert_int_equal(check_file(f, "plain", &root), ERR_DENIED);
}

/* The time is the caller's, not the machine's. */
static void judges_at_the_time_it_is_given(void **state)
{
        struct fixture *f = *state;
        size_t root;

        f->trust.time = 1769000000;     /* January 2026 */
        assert_int_equal(check_file(f, "expired", &root), 0);
        assert_int_equal(check_file(f, "not-yet", &root), ERR_DENIED);
        f->trust.time = 1830000000;     /* December 2027 */
        assert_int_equal(check_file(f, "not-yet", &root), 0);
        f->trust.time = 4102444800;     /* 2100 */
        assert_int_equal(check_file(f, "plain", &root), ERR_DENIED);
}

static void wants_the_purpose_that_is_asked(void **state)
{
        struct fixture *f = *state;
        size_t root;

        f->trust.purpose = TRUST_EK;
        assert_int_equal(check_file(f, "other-purpose", &root), 0);
        assert_int_equal(check_file(f, "plain", &root), ERR_DENIED);
        f->trust.purpose = NULL;
        assert_int_equal(check_file(f, "no-purpose", &root), 0);
}

/* A root that is given is one, whoever signed it. */
static void ends_at_any_certificate_that_is_given(void **state)
{
        struct fixture *f = *state;
        CLEANUP(chain_clear) struct chain c = { 0 };
        size_t root = 99;

        read_chain("tower-of-four.chain", &c);
        f->trust.roots = &c.bytes[2];
        assert_int_equal(trust_check(&f->trust, c.bytes, 2, f->key.bytes[0], &root), 0);
        assert_int_equal(root, 0);
        assert_int_equal(trust_check(&f->trust, c.bytes, 1, f->key.bytes[0], &root), ERR_DENIED);
        assert_int_equal(trust_check(&f->trust, c.bytes, 0, f->key.bytes[0], &root), ERR_FORMAT);
}

static int from_nv(const char *in_front, size_t len_in_front, struct bytes der, uint8_t fill, size_t behind, struct bytes *ret)
{
        static uint8_t nv[4096];
        const size_t len = len_in_front + der.len + behind;

        assert_true(len <= sizeof(nv));
        memset(nv, fill, sizeof(nv));
        if (len_in_front > 0)
                memcpy(nv, in_front, len_in_front);
        if (der.len > 0)
                memcpy(nv + len_in_front, der.ptr, der.len);
        return trust_from_nv(BYTES(nv, len), ret);
}

static void finds_the_certificate_in_nv_memory(void **state)
{
        CLEANUP(chain_clear) struct chain c = { 0 };
        struct bytes der, found;
        char header[5] = { 0x10, 0x01, 0x00 };

        (void)state;
        read_chain("plain.chain", &c);
        der = c.bytes[0];
        header[3] = (char)(der.len >> 8);
        header[4] = (char)der.len;
        assert_int_equal(from_nv(NULL, 0, der, 0, 0, &found), 0);
        assert_true(bytes_equal(found, der));
        assert_int_equal(from_nv(NULL, 0, der, 0xff, 700, &found), 0);
        assert_true(bytes_equal(found, der));
        assert_int_equal(from_nv(header, sizeof(header), der, 0x00, 700, &found), 0);
        assert_true(bytes_equal(found, der));

        assert_int_equal(from_nv(NULL, 0, der, 0x01, 1, &found), ERR_FORMAT);
        assert_int_equal(from_nv(NULL, 0, BYTES(der.ptr, der.len - 1), 0, 0, &found), ERR_FORMAT);
        assert_int_equal(from_nv(NULL, 0, BYTES(NULL, 0), 0xff, 700, &found), ERR_FORMAT);
        header[4]++;            /* past the end */
        assert_int_equal(from_nv(header, sizeof(header), der, 0, 0, &found), ERR_FORMAT);
        header[4] = (char)(der.len - 1);
        assert_int_equal(from_nv(header, sizeof(header), der, 0, 0, &found), ERR_FORMAT);
        header[4] = (char)der.len;
        header[2] = 1;          /* a digest */
        assert_int_equal(from_nv(header, sizeof(header), der, 0, 0, &found), ERR_FORMAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(judges_each_chain, setup, teardown),
                cmocka_unit_test_setup_teardown(says_which_root_it_was, setup, teardown),
                cmocka_unit_test_setup_teardown(judges_at_the_time_it_is_given, setup, teardown),
                cmocka_unit_test_setup_teardown(wants_the_purpose_that_is_asked, setup, teardown),
                cmocka_unit_test_setup_teardown(ends_at_any_certificate_that_is_given, setup, teardown),
                cmocka_unit_test(finds_the_certificate_in_nv_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
