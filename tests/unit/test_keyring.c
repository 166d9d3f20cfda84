/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys and agents of a keyring: IDs, owners, serial numbers, authorisation values. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/crypto.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "tests/fixture.h"

static struct fixture f;
static const struct bytes none;

static int start(void **state)
{
        (void)state;
        fixture_start(&f);
        return 0;
}

static int stop(void **state)
{
        (void)state;
        fixture_stop(&f);
        return 0;
}

static void wants_a_store(void **state)
{
        struct conf c = f.conf;
        char path[160];
        struct keyring *k;

        (void)state;
        snprintf(path, sizeof(path), "%s/nowhere", f.swtpm.dir);
        c.store = path;
        assert_int_equal(keyring_open(&c, &k), ERR_NOTINIT);
}

static void id_is_the_digest_of_the_public_key(void **state)
{
        CLEANUP(buf_clear) struct buf spki = { 0 };
        uint8_t digest[HASH_MAX];
        struct bytes id;
        struct item *i;

        (void)state;
        i = fixture_key(&f, "P-256", ALG_SIGN, "id");
        assert_int_equal(pubkey_to_spki(&fixture_body(i)->pub, &spki), 0);
        assert_int_equal(crypto_hash(hash_by_name("SHA256"), &BYTES_OF(&spki), 1, digest), 0);
        assert_int_equal(item_id(i, &id), 0);
        assert_true(bytes_equal(id, BYTES(digest, 20)));
        item_unref(i);

        i = fixture_key(&f, "HMAC-SHA256", ALG_SIGN, "mac");
        assert_int_equal(item_id(i, &id), 0);
        assert_int_equal(id.len, 20);
        item_unref(i);
}

static void id_may_be_given(void **state)
{
        struct item *i;
        struct bytes id;

        (void)state;
        assert_int_equal(keyring_generate(f.keyring, "a", none, key_kind_by_name("P-256"), ALG_SIGN, BYTES_STR("x"), BYTES("\x01", 1), NULL, &i), 0);
        assert_int_equal(item_id(i, &id), 0);
        assert_true(bytes_equal(id, BYTES("\x01", 1)));
        item_unref(i);
}

/* The file of an agent without PINs has no authorisation value, so that any tool can load it. */
static void without_pins_a_key_is_open_to_other_tools(void **state)
{
        struct item *i = fixture_key(&f, "P-256", ALG_SIGN | ALG_DERIVE, "open");
        const struct item_body *b = fixture_body(i);

        (void)state;
        assert_true(b->key.empty_auth);
        assert_null(attrs_get(&b->attrs, "auth-salt"));
        assert_string_equal(attrs_str(&b->attrs, "usage", ""), "sign,derive");
        assert_int_equal(b->key.parent, 0x81010a01);
        assert_int_equal(keyring_generate(f.keyring, "a", BYTES_STR("secret"), key_kind_by_name("P-256"), ALG_SIGN, BYTES_STR("x"), none, NULL, &i), ERR_INVAL);
        item_unref(i);
}

static void with_pins_a_key_wants_the_secret(void **state)
{
        struct pk_params p = { .scheme = SCHEME_ECDSA };
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(buf_clear) struct buf secret = { 0 };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[32] = { 1 };
        struct key_use use;
        struct item *i;

        (void)state;
        assert_int_equal(pin_create(f.keyring, BYTES_STR("12345678"), false, &a, &secret), 0);
        assert_int_equal(keyring_agent_create(f.keyring, "pins", "dana@example.com", &a), 0);
        assert_int_equal(keyring_generate(f.keyring, "pins", none, key_kind_by_name("P-256"), ALG_SIGN, BYTES_STR("k"), none, NULL, &i), ERR_AUTH);
        assert_int_equal(keyring_generate(f.keyring, "pins", BYTES_OF(&secret), key_kind_by_name("P-256"), ALG_SIGN, BYTES_STR("k"), none, NULL, &i), 0);
        assert_false(fixture_body(i)->key.empty_auth);

        use = (struct key_use){ .item = i, .secret = BYTES_OF(&secret) };
        assert_int_equal(signer_sign(f.keyring, &use, &p, BYTES(digest, 32), &sig), 0);
        assert_true(fixture_ecdsa_good(&fixture_body(i)->pub, BYTES(digest, 32), BYTES_OF(&sig)));
        use.secret = none;
        assert_int_equal(signer_sign(f.keyring, &use, &p, BYTES(digest, 32), &sig), ERR_AUTH);
        use.secret = BYTES_STR("another secret");
        assert_int_equal(signer_sign(f.keyring, &use, &p, BYTES(digest, 32), &sig), ERR_AUTH);
        item_unref(i);
}

static void expect_sign(struct item *i, struct bytes secret, int expected)
{
        struct key_use use = { .item = i, .secret = secret };
        struct pk_params p = { .scheme = SCHEME_ECDSA };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint8_t digest[32] = { 1 };

        assert_int_equal(signer_sign(f.keyring, &use, &p, BYTES(digest, 32), &sig), expected);
        if (expected == 0)
                assert_true(fixture_ecdsa_good(&fixture_body(i)->pub, BYTES(digest, 32), BYTES_OF(&sig)));
}

static void rewrite(struct item *i, void (*edit)(struct attrs *a), struct item **ret)
{
        CLEANUP(attrs_clear) struct attrs lines = { 0 };
        const struct item_body *b = fixture_body(i);
        struct item_spec spec = { .type = ITEM_KEY, .label = BYTES_STR("k"), .id = BYTES_OF(&b->id), .attrs = &lines, .key = &b->key };

        assert_int_equal(attrs_copy(&b->attrs, &lines), 0);
        edit(&lines);
        assert_int_equal(store_item_add(keyring_store(f.keyring), "a", &spec, ret), 0);
}

static void as_if_of_a_pin(struct attrs *a)
{
        attrs_remove(a, "auth-by");
}

static void as_if_open(struct attrs *a)
{
        attrs_remove(a, "auth-by");
        attrs_remove(a, "auth-salt");
}

static void a_daemons_key_is_nobody_elses(void **state)
{
        struct item *before = fixture_key(&f, "P-256", ALG_SIGN, "before"), *file, *memory, *pins, *open;
        const struct bytes daemon = BYTES_STR("the daemon's secret");

        (void)state;
        assert_int_equal(keyring_set_secret(f.keyring, daemon), 0);
        file = fixture_key(&f, "P-256", ALG_SIGN, "k");
        assert_false(fixture_body(file)->key.empty_auth);
        assert_int_equal(keyring_generate_in_memory(f.keyring, "a", none, key_kind_by_name("P-256"), ALG_SIGN, BYTES_STR("m"), none, NULL, &memory), 0);
        expect_sign(before, none, 0);
        expect_sign(file, none, 0);
        expect_sign(memory, none, 0);
        /* Who edits the file gets nothing that the TPM takes, not even with the secret. */
        rewrite(file, as_if_of_a_pin, &pins);
        expect_sign(pins, none, ERR_AUTH);
        expect_sign(pins, daemon, ERR_AUTH);
        rewrite(file, as_if_open, &open);
        expect_sign(open, none, ERR_AUTH);

        item_unref(file);
        item_unref(memory);
        fixture_reopen(&f);
        assert_int_equal(store_item_remove(keyring_store(f.keyring), "a", pins), 0);
        assert_int_equal(store_item_remove(keyring_store(f.keyring), "a", open), 0);
        item_unref(pins);
        item_unref(open);
        expect_sign(before, none, 0);
        item_unref(before);
}

/* Another program, or this one before it has its secret. */
static void without_the_secret_it_says_who_has_it(void **state)
{
        struct item *i;

        (void)state;
        assert_int_equal(keyring_set_secret(f.keyring, BYTES_STR("the daemon's secret")), 0);
        i = fixture_key(&f, "P-256", ALG_SIGN, "k2");
        assert_int_equal(keyring_set_secret(f.keyring, none), 0);
        expect_sign(i, none, ERR_AUTH);
        assert_non_null(strstr(err_text(), "only holdfastd can use this key"));
        assert_int_equal(keyring_set_secret(f.keyring, BYTES_STR("another secret")), 0);
        expect_sign(i, none, ERR_AUTH);
        assert_int_equal(keyring_set_secret(f.keyring, none), 0);
        item_unref(i);
}

static void with_pins_the_daemons_secret_is_not_asked(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(buf_clear) struct buf secret = { 0 };
        struct item *i;

        (void)state;
        assert_int_equal(keyring_set_secret(f.keyring, BYTES_STR("the daemon's secret")), 0);
        assert_int_equal(pin_create(f.keyring, BYTES_STR("12345678"), false, &a, &secret), 0);
        assert_int_equal(keyring_agent_create(f.keyring, "pins2", "dana@example.com", &a), 0);
        assert_int_equal(keyring_generate(f.keyring, "pins2", none, key_kind_by_name("P-256"), ALG_SIGN, BYTES_STR("k"), none, NULL, &i), ERR_AUTH);
        assert_int_equal(keyring_generate(f.keyring, "pins2", BYTES_OF(&secret), key_kind_by_name("P-256"), ALG_SIGN, BYTES_STR("k"), none, NULL, &i), 0);
        assert_null(attrs_get(&fixture_body(i)->attrs, "auth-by"));
        expect_sign(i, BYTES_OF(&secret), 0);
        expect_sign(i, none, ERR_AUTH);
        assert_non_null(strstr(err_text(), "PIN"));
        assert_int_equal(keyring_set_secret(f.keyring, none), 0);
        item_unref(i);
}

static void further_lines_stand_in_the_file(void **state)
{
        CLEANUP(attrs_clear) struct attrs more = { 0 };
        struct item *i;

        (void)state;
        assert_int_equal(attrs_set_str(&more, "note", "line\nand more"), 0);
        assert_int_equal(keyring_generate(f.keyring, "a", none, key_kind_by_name("P-256"), ALG_SIGN, BYTES_STR("x"), none, &more, &i), 0);
        assert_string_equal(attrs_str(&fixture_body(i)->attrs, "note", ""), "line\nand more");
        item_unref(i);
        assert_int_equal(keyring_generate(f.keyring, "nobody", none, key_kind_by_name("P-256"), ALG_SIGN, BYTES_STR("x"), none, NULL, &i), ERR_NOENT);
}

static void an_agent_has_an_owner(void **state)
{
        char longest[300];

        (void)state;
        memset(longest, 'x', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        assert_int_equal(keyring_agent_create(f.keyring, "b", "", NULL), ERR_INVAL);
        assert_int_equal(keyring_agent_create(f.keyring, "b", NULL, NULL), ERR_INVAL);
        assert_int_equal(keyring_agent_create(f.keyring, "b", "a\nb", NULL), ERR_INVAL);
        assert_int_equal(keyring_agent_create(f.keyring, "b", longest, NULL), ERR_RANGE);
        assert_int_equal(keyring_agent_create(f.keyring, "", "dana", NULL), ERR_INVAL);
        assert_int_equal(keyring_agent_create(f.keyring, "../b", "dana", NULL), ERR_INVAL);
        assert_int_equal(keyring_agent_create(f.keyring, "b", "dana", NULL), 0);
        assert_int_equal(keyring_agent_create(f.keyring, "b", "dana", NULL), ERR_EXIST);
        assert_int_equal(keyring_agent_delete(f.keyring, "b"), 0);
        assert_int_equal(keyring_agent_delete(f.keyring, "b"), ERR_NOENT);
}

static void an_agent_made_anew_has_nothing_of_the_old(void **state)
{
        CLEANUP(attrs_clear) struct attrs before = { 0 };
        CLEANUP(attrs_clear) struct attrs after = { 0 };
        struct item_list *l;
        struct item *i;

        (void)state;
        assert_int_equal(keyring_agent_create(f.keyring, "c", "dana", NULL), 0);
        assert_int_equal(keyring_generate(f.keyring, "c", none, key_kind_by_name("P-256"), ALG_SIGN, BYTES_STR("k"), none, NULL, &i), 0);
        item_unref(i);
        assert_int_equal(store_agent_read(keyring_store(f.keyring), "c", &before), 0);
        assert_int_equal(keyring_agent_replace(f.keyring, "c", "c", "", NULL), ERR_INVAL);
        assert_int_equal(store_items(keyring_store(f.keyring), "c", &l), 0);
        assert_int_equal(l->n, 1);
        item_list_unref(l);
        assert_int_equal(keyring_agent_replace(f.keyring, "c", "c", "eve", NULL), 0);
        assert_int_equal(store_items(keyring_store(f.keyring), "c", &l), 0);
        assert_int_equal(l->n, 0);
        item_list_unref(l);
        assert_int_equal(store_agent_read(keyring_store(f.keyring), "c", &after), 0);
        assert_string_equal(attrs_str(&after, "owner", ""), "eve");
        assert_string_not_equal(attrs_str(&after, "serial", ""), attrs_str(&before, "serial", ""));
        assert_int_equal(keyring_agent_delete(f.keyring, "c"), 0);
}

static void serial_numbers_differ(void **state)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        CLEANUP(attrs_clear) struct attrs b = { 0 };
        CLEANUP(buf_clear) struct buf serial = { 0 };

        (void)state;
        assert_int_equal(keyring_agent_create(f.keyring, "s1", "dana", NULL), 0);
        assert_int_equal(keyring_agent_create(f.keyring, "s2", "dana", NULL), 0);
        assert_int_equal(store_agent_read(keyring_store(f.keyring), "s1", &a), 0);
        assert_int_equal(store_agent_read(keyring_store(f.keyring), "s2", &b), 0);
        assert_int_equal(attrs_hex(&a, "serial", &serial), 0);
        assert_int_equal(serial.len, 8);
        assert_string_not_equal(attrs_str(&a, "serial", ""), attrs_str(&b, "serial", ""));
        assert_int_equal(strlen(attrs_str(&a, "created", "")), strlen("2026-01-01T00:00:00Z"));
        assert_string_equal(attrs_str(&a, "owner", ""), "dana");
}

static void random_is_not_the_same_twice(void **state)
{
        uint8_t a[100] = { 0 }, b[100] = { 0 };

        (void)state;
        assert_int_equal(keyring_random(f.keyring, a, sizeof(a)), 0);
        assert_int_equal(keyring_random(f.keyring, b, sizeof(b)), 0);
        assert_memory_not_equal(a, b, sizeof(a));
        assert_memory_not_equal(a + 50, a, 50);
        assert_int_equal(keyring_random(f.keyring, a, 0), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(wants_a_store),
                cmocka_unit_test(id_is_the_digest_of_the_public_key),
                cmocka_unit_test(id_may_be_given),
                cmocka_unit_test(without_pins_a_key_is_open_to_other_tools),
                cmocka_unit_test(with_pins_a_key_wants_the_secret),
                cmocka_unit_test(a_daemons_key_is_nobody_elses),
                cmocka_unit_test(without_the_secret_it_says_who_has_it),
                cmocka_unit_test(with_pins_the_daemons_secret_is_not_asked),
                cmocka_unit_test(further_lines_stand_in_the_file),
                cmocka_unit_test(an_agent_has_an_owner),
                cmocka_unit_test(an_agent_made_anew_has_nothing_of_the_old),
                cmocka_unit_test(serial_numbers_differ),
                cmocka_unit_test(random_is_not_the_same_twice),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
