/* SPDX-License-Identifier: BSD-2-Clause */
/* What the TPM says of itself is read right, here held against what swtpm is known to be, and asked from the side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <tss2/tss2_tpm2_types.h>
#include "lib/err.h"
#include "tests/tpmfix.h"

static int start(void **state)
{
        *state = malloc(sizeof(struct tpmfix));
        tpmfix_start(*state);
        return 0;
}

static int stop(void **state)
{
        tpmfix_stop(*state);
        free(*state);
        return 0;
}

static bool has_kind(const struct tpm_caps *c, const char *name)
{
        for (unsigned i = 0; key_kind_at(i) != NULL; i++) {
                if (key_kind_at(i) == key_kind_by_name(name))
                        return (c->kinds & 1u << i) != 0;
        }
        return false;
}

static void capabilities(void **state)
{
        struct tpmfix *f = *state;
        struct tpm_caps c;
        uint32_t v;

        assert_int_equal(tpm_caps_read(f->t, &c), 0);
        assert_string_equal(c.manufacturer, "IBM");
        assert_string_equal(c.vendor, "SW   TPM");
        assert_int_equal(swtpm_property(&f->sw, TPM2_PT_HR_TRANSIENT_MIN, &v), 0);
        assert_int_equal(c.slots, v);
        assert_int_equal(swtpm_property(&f->sw, TPM2_PT_HR_LOADED_MIN, &v), 0);
        assert_int_equal(c.sessions, v);
        assert_int_equal(swtpm_property(&f->sw, TPM2_PT_FIRMWARE_VERSION_1, &v), 0);
        assert_int_equal(c.firmware[0], v);
        assert_int_equal(swtpm_property(&f->sw, TPM2_PT_FIRMWARE_VERSION_2, &v), 0);
        assert_int_equal(c.firmware[1], v);
        assert_int_equal(swtpm_property(&f->sw, TPM2_PT_REVISION, &v), 0);
        assert_int_equal((unsigned)(c.revision[0] - '0') * 100 + (unsigned)atoi(c.revision + 2), v);
        assert_true(c.raw_rsa);
        assert_true(c.sha1);
        assert_true(has_kind(&c, "P-256"));
        assert_true(has_kind(&c, "P-384"));
        assert_true(has_kind(&c, "RSA-2048"));
        assert_true(has_kind(&c, "HMAC-SHA256"));
        for (unsigned i = 0; hash_at(i) != NULL; i++) {
                if (hash_at(i) == hash_by_name("SHA256") || hash_at(i) == hash_by_name("SHA512"))
                        assert_true((c.hashes & 1u << i) != 0);
        }
}

/* A kind is listed if and only if the TPM makes such a key. */
static void kinds_are_what_can_be_made(void **state)
{
        struct tpmfix *f = *state;
        struct tpm_caps c;

        assert_int_equal(tpm_caps_read(f->t, &c), 0);
        for (unsigned i = 0; key_kind_at(i) != NULL; i++) {
                const struct key_kind *k = key_kind_at(i);
                CLEANUP(buf_clear) struct buf pub = { 0 };
                CLEANUP(buf_clear) struct buf priv = { 0 };
                int r;

                /* RSA 3072 takes swtpm seconds. */
                if (k->bits == 3072)
                        continue;
                r = tpm_key_create(f->t, k, ALG_SIGN, BYTES(NULL, 0), false, &pub, &priv);
                assert_int_equal(r == 0, (c.kinds & 1u << i) != 0);
        }
}

static void health(void **state)
{
        struct tpmfix *f = *state;
        CLEANUP(buf_clear) struct buf out = { 0 };
        struct tpm_health h;
        struct tpmkey k;

        assert_int_equal(tpm_health_read(f->t, &h), 0);
        assert_int_equal(h.lockout_counter, 0);
        assert_int_equal(h.lockout_max, 3);
        assert_int_equal(h.persistent, 1);
        assert_true(h.persistent_free > 0);
        assert_false(h.in_lockout | h.owner_auth_set | h.endorsement_auth_set | h.lockout_auth_set);
        assert_true(h.lockout_interval > 0);
        assert_true(h.lockout_recovery > 0);

        assert_int_equal(tpm_owner_auth_set(f->t, BYTES(NULL, 0), BYTES_STR("owner")), 0);
        tpmkey_seal(f->t, "secret", "1234", true, &k);
        k.key.auth = BYTES_STR("wrong");
        assert_int_equal(tpm_unseal(f->t, &k.key, &out), ERR_AUTH);
        assert_int_equal(tpm_health_read(f->t, &h), 0);
        assert_true(h.owner_auth_set);
        assert_int_equal(h.lockout_counter, 1);
        assert_int_equal(h.transient_loaded, tpmfix_objects(f));
        assert_int_equal(h.sessions_loaded, tpmfix_sessions(f));
        tpmkey_clear(&k);
}

static void random_octets(void **state)
{
        struct tpmfix *f = *state;
        uint8_t a[100] = { 0 }, b[100] = { 0 };

        assert_int_equal(tpm_random(f->t, a, sizeof(a)), 0);
        assert_int_equal(tpm_random(f->t, b, sizeof(b)), 0);
        assert_memory_not_equal(a, b, sizeof(a));
        assert_memory_not_equal(a + 68, b + 68, 32);
        /* They travel encrypted. */
        assert_false(proxy_saw(&f->proxy, a, 32));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(capabilities),
                cmocka_unit_test(kinds_are_what_can_be_made),
                cmocka_unit_test(health),
                cmocka_unit_test(random_octets),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
