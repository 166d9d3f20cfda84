/* SPDX-License-Identifier: BSD-2-Clause */
/* The parent is made once, found again, and the owner's authorisation guards it without ever showing itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tests/tpmfix.h"

#define OWNER "what only the owner knows"
#define NEW_OWNER "what the next owner knows"

static int start(void **state)
{
        *state = malloc(sizeof(struct tpmfix));
        tpmfix_start(*state);
        return 0;
}

static int stop(void **state)
{
        struct tpmfix *f = *state;

        assert_false(proxy_saw(&f->proxy, OWNER, strlen(OWNER)));
        assert_false(proxy_saw(&f->proxy, NEW_OWNER, strlen(NEW_OWNER)));
        tpmfix_reopen(f);
        assert_int_equal(tpmfix_objects(f), 0);
        assert_int_equal(tpmfix_sessions(f), 0);
        tpmfix_stop(f);
        free(f);
        return 0;
}

static void made_once_it_is_taken_as_it_is(void **state)
{
        struct tpmfix *f = *state;
        struct tpm_parent again = { 0 };
        TPM2B_PUBLIC pub, want;
        unsigned n;

        assert_int_equal(tpm_parent_make(f->t, f->parent.handle, BYTES(NULL, 0), &again), 0);
        assert_int_equal(again.handle, f->parent.handle);
        assert_true(bytes_equal(BYTES_OF(&again.pub), BYTES_OF(&f->parent.pub)));
        assert_true(bytes_equal(BYTES_OF(&again.name), BYTES_OF(&f->parent.name)));
        assert_int_equal(swtpm_handles(&f->sw, 0x81000000, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(tpm_parent_check(f->t, &again), 0);

        /* It is the template, with a point filled in. */
        assert_int_equal(tpmt_public_decode(BYTES_OF(&again.pub), &pub), 0);
        tpmt_template_srk(&want);
        assert_int_equal(pub.publicArea.objectAttributes, want.publicArea.objectAttributes);
        assert_int_equal(pub.publicArea.unique.ecc.x.size, 32);
        tpm_parent_clear(&again);
}

static void only_the_owners_handles_will_do(void **state)
{
        struct tpmfix *f = *state;
        struct tpm_parent p = { 0 };

        assert_int_equal(tpm_parent_make(f->t, 0x80000000, BYTES(NULL, 0), &p), ERR_INVAL);
        assert_int_equal(tpm_parent_make(f->t, 0x81800000, BYTES(NULL, 0), &p), ERR_INVAL);
}

static void a_changed_name_is_foreign(void **state)
{
        struct tpmfix *f = *state;

        f->parent.name.ptr[5] ^= 1;
        assert_int_equal(tpm_parent_check(f->t, &f->parent), ERR_FOREIGN);
        f->parent.name.ptr[5] ^= 1;
        f->parent.handle++;
        assert_int_equal(tpm_parent_check(f->t, &f->parent), ERR_FOREIGN);
        f->parent.handle--;
        assert_int_equal(tpm_parent_check(f->t, &f->parent), 0);
}

static void the_owners_authorisation(void **state)
{
        struct tpmfix *f = *state;
        struct tpm_parent p = { 0 };
        struct tpm *blank;

        assert_int_equal(tpm_owner_auth_set(f->t, BYTES_STR("wrong"), BYTES_STR(OWNER)), ERR_AUTH);
        assert_int_equal(tpm_owner_auth_set(f->t, BYTES(NULL, 0), BYTES_STR(OWNER)), 0);
        assert_int_equal(tpm_parent_make(f->t, f->parent.handle, BYTES(NULL, 0), &p), ERR_AUTH);
        assert_int_equal(tpm_parent_make(f->t, f->parent.handle, BYTES_STR(OWNER), &p), 0);
        assert_int_equal(p.handle, f->parent.handle);
        /* Keys need no owner. */
        assert_int_equal(tpm_parent_check(f->t, &p), 0);

        /* Before there is a parent to salt a session to, too. */
        assert_int_equal(tpm_open(&f->options, &blank), 0);
        assert_int_equal(tpm_owner_auth_set(blank, BYTES_STR(OWNER), BYTES_STR(NEW_OWNER)), 0);
        assert_int_equal(tpm_owner_auth_set(blank, BYTES_STR(NEW_OWNER), BYTES(NULL, 0)), 0);
        tpm_close(blank);
        assert_int_equal(tpm_parent_make(f->t, f->parent.handle, BYTES(NULL, 0), &p), 0);
        tpm_parent_clear(&p);
}

static void what_is_too_long_is_refused(void **state)
{
        static const uint8_t octets[33];
        struct tpmfix *f = *state;

        assert_int_equal(tpm_owner_auth_set(f->t, BYTES(NULL, 0), BYTES(octets, 33)), ERR_RANGE);
}

/* The change is made, its answer is lost: the second try finds the new value in place. */
static void a_lost_answer_to_the_change_loses_nothing(void **state)
{
        static const uint32_t lost[] = { 0, TPM2_RC_RETRY };
        struct tpmfix *f = *state;

        for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
                for (unsigned place = 1; place <= 3; place++) {
                        tpmfix_reopen(f);
                        proxy_arm(&f->proxy, place, lost[i] ? FAULT_LOST : FAULT_CLOSE, lost[i]);
                        assert_int_equal(tpm_owner_auth_set(f->t, BYTES(NULL, 0), BYTES_STR(OWNER)), 0);
                        assert_int_equal(tpm_owner_auth_set(f->t, BYTES_STR(OWNER), BYTES(NULL, 0)), 0);
                }
        }
}

/* Every answer of the making lost in turn: in the end there is one parent, and nothing else. */
static void a_lost_answer_to_the_making_loses_nothing(void **state)
{
        struct tpmfix *f = *state;
        struct tpm_parent p = { 0 };
        unsigned n;

        for (unsigned place = 1; place <= 9; place++) {
                proxy_arm(&f->proxy, place, FAULT_CLOSE, 0);
                assert_int_equal(tpm_parent_make(f->t, 0x81010b00 + place, BYTES(NULL, 0), &p), 0);
                assert_int_equal(p.handle, 0x81010b00 + place);
                assert_int_equal(swtpm_handles(&f->sw, 0x81000000, &n), 0);
                assert_int_equal(n, 1 + place);
                tpmfix_reopen(f);
                assert_int_equal(tpmfix_objects(f), 0);
                assert_int_equal(tpmfix_sessions(f), 0);
        }
        tpm_parent_clear(&p);
}

static void put(struct buf *b, uint32_t v, int octets)
{
        while (octets-- > 0)
                assert_int_equal(buf_append_u8(b, (uint8_t)(v >> 8 * octets)), 0);
}

/* Sends handles and parameters with the owner's empty password; the handle that comes back. */
static uint32_t by_hand(const struct swtpm *s, uint32_t cc, uint32_t object, struct bytes params)
{
        CLEANUP(buf_clear) struct buf cmd = { 0 };
        uint8_t rsp[4096];
        size_t len = sizeof(rsp), handles = object != 0 ? 8 : 4;

        put(&cmd, TPM2_ST_SESSIONS, 2);
        put(&cmd, (uint32_t)(10 + handles + 13 + params.len), 4);
        put(&cmd, cc, 4);
        put(&cmd, TPM2_RH_OWNER, 4);
        if (object != 0)
                put(&cmd, object, 4);
        put(&cmd, 9, 4);
        put(&cmd, TPM2_RS_PW, 4);
        put(&cmd, 0, 1);
        put(&cmd, 0, 4);
        assert_int_equal(buf_append(&cmd, params.ptr, params.len), 0);
        assert_int_equal(swtpm_command(s, cmd.ptr, cmd.len, rsp, &len), 0);
        assert_int_equal(rsp[6] | rsp[7] | rsp[8] | rsp[9], 0);
        return (uint32_t)rsp[10] << 24 | (uint32_t)rsp[11] << 16 | (uint32_t)rsp[12] << 8 | rsp[13];
}

static void takes_the_next_handle_where_another_key_lives(void **state)
{
        struct tpmfix *f = *state;
        CLEANUP(buf_clear) struct buf params = { 0 };
        CLEANUP(buf_clear) struct buf pub = { 0 };
        struct tpm_parent p = { 0 };
        TPM2B_PUBLIC other;
        uint32_t object;

        /* Another program's primary key, made persistent by that program: TPM2_CreatePrimary, TPM2_EvictControl. */
        tpmt_template_srk(&other);
        other.publicArea.unique.ecc.x.size = 1;
        assert_int_equal(tpmt_public_encode(&other, &pub), 0);
        put(&params, 4, 2);
        put(&params, 0, 4);
        assert_int_equal(buf_append(&params, pub.ptr, pub.len), 0);
        put(&params, 0, 2);
        put(&params, 0, 4);
        object = by_hand(&f->sw, TPM2_CC_CreatePrimary, 0, BYTES_OF(&params));
        buf_reset(&params);
        put(&params, 0x81000005, 4);
        by_hand(&f->sw, TPM2_CC_EvictControl, object, BYTES_OF(&params));
        assert_int_equal(swtpm_flush(&f->sw, 0x80000000), 0);

        assert_int_equal(tpm_parent_make(f->t, 0x81000005, BYTES(NULL, 0), &p), 0);
        assert_int_equal(p.handle, 0x81000006);
        assert_int_equal(tpm_parent_check(f->t, &p), 0);
        assert_int_equal(tpm_parent_make(f->t, 0x81000005, BYTES(NULL, 0), &p), 0);
        assert_int_equal(p.handle, 0x81000006);
        tpm_parent_clear(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(made_once_it_is_taken_as_it_is),
                cmocka_unit_test(only_the_owners_handles_will_do),
                cmocka_unit_test(a_changed_name_is_foreign),
                cmocka_unit_test(the_owners_authorisation),
                cmocka_unit_test(what_is_too_long_is_refused),
                cmocka_unit_test(a_lost_answer_to_the_change_loses_nothing),
                cmocka_unit_test(a_lost_answer_to_the_making_loses_nothing),
                cmocka_unit_test(takes_the_next_handle_where_another_key_lives),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
