/* SPDX-License-Identifier: BSD-2-Clause */
/* Starts a software TPM and makes a store for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/x509.h>
#include "keys/admin.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "tests/fixture.h"

void fixture_blank(struct fixture *f)
{
        char store[128];

        *f = (struct fixture){ 0 };
        assert_int_equal(swtpm_start(&f->swtpm), 0);
        snprintf(store, sizeof(store), "%s/store", f->swtpm.dir);
        f->conf = (struct conf){
                .tcti = strdup(f->swtpm.tcti),
                .store = strdup(store),
                .deadline_ms = 10000,
                .parent_handle = 0x81010a01,
                .pin_tries = 3,
        };
}

void fixture_start(struct fixture *f)
{
        fixture_blank(f);
        if (admin_init(&f->conf, &(struct admin_init){ 0 }) != 0)
                fail_msg("init: %s", err_text());
        assert_int_equal(keyring_open(&f->conf, &f->keyring), 0);
        assert_int_equal(keyring_agent_create(f->keyring, "a", "dana@example.com", NULL), 0);
}

void fixture_stop(struct fixture *f)
{
        keyring_close(f->keyring);
        conf_clear(&f->conf);
        swtpm_stop(&f->swtpm);
}

void fixture_reopen(struct fixture *f)
{
        keyring_close(f->keyring);
        f->keyring = NULL;
        assert_int_equal(keyring_open(&f->conf, &f->keyring), 0);
}

struct item *fixture_key(struct fixture *f, const char *kind, unsigned usage, const char *label)
{
        struct item *i = NULL;

        if (keyring_generate(f->keyring, "a", (struct bytes){ 0 }, key_kind_by_name(kind), usage, BYTES_STR(label), (struct bytes){ 0 }, NULL, &i) != 0)
                fail_msg("%s: %s", kind, err_text());
        return i;
}

const struct item_body *fixture_body(struct item *i)
{
        const struct item_body *b = NULL;

        assert_int_equal(item_load(i, &b), 0);
        return b;
}

EVP_PKEY *fixture_evp(const struct pubkey *p)
{
        CLEANUP(buf_clear) struct buf spki = { 0 };
        const unsigned char *at;
        EVP_PKEY *k;

        assert_int_equal(pubkey_to_spki(p, &spki), 0);
        at = spki.ptr;
        k = d2i_PUBKEY(NULL, &at, (long)spki.len);
        assert_non_null(k);
        return k;
}

bool fixture_ecdsa_good(const struct pubkey *p, struct bytes digest, struct bytes rs)
{
        CLEANUP(buf_clear) struct buf der = { 0 };
        EVP_PKEY *k = fixture_evp(p);
        EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(k, NULL);
        int ok;

        assert_int_equal(rs.len, 2 * p->curve->size);
        assert_int_equal(ecdsa_sig_to_der(rs, &der), 0);
        assert_int_equal(EVP_PKEY_verify_init(c), 1);
        ok = EVP_PKEY_verify(c, der.ptr, der.len, digest.ptr, digest.len);
        EVP_PKEY_CTX_free(c);
        EVP_PKEY_free(k);
        return ok == 1;
}
