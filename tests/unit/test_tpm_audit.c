/* SPDX-License-Identifier: BSD-2-Clause */
/* What the observer hears is what the TPM says of itself, bit for bit, and nothing that anybody else does escapes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <tss2/tss2_tpm2_types.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tests/tpmdev.h"
#include "tests/tpmfix.h"
#include "tpm/audit.h"
#include "tpm/wire.h"

#define AK_AT 0x81010b01u

/* The TPM's books, kept a second time from what the observer hears. */
struct books {
        uint8_t digest[TPM_AUDIT_HASH];
        unsigned n, cleared, resets, lost, unsure;
        uint32_t last;
};

struct audit {
        struct tpmfix f;
        struct tpm_ak ak;
        struct pubkey ak_key;
        struct books b;
        uint32_t list[TPM_AUDIT_LIST_MAX];
        size_t n_list;
};

struct says {
        struct buf attest, signature;
        struct bytes extra, digest, list;
        uint64_t counter;
        bool exclusive;
        uint32_t resets;
};

static void says_clear(struct says *s)
{
        buf_clear(&s->attest);
        buf_clear(&s->signature);
}

static void keep_books(void *ctx, const struct tpm_audited *a)
{
        struct books *b = ctx;
        const struct bytes parts[] = { BYTES(b->digest, sizeof(b->digest)), BYTES(a->cp_hash, sizeof(a->cp_hash)),
                                       BYTES(a->rp_hash, sizeof(a->rp_hash)) };

        switch (a->event) {
        case TPM_AUDIT_EXTENDED:
                if (b->n == 0)
                        memset(b->digest, 0, sizeof(b->digest));
                assert_int_equal(crypto_hash(hash_by_name("SHA256"), parts, ARRAY_LEN(parts), b->digest), 0);
                b->n++;
                b->last = a->cc;
                return;
        case TPM_AUDIT_CLEARED:
                b->cleared++;
                break;
        case TPM_AUDIT_RESET:
                b->resets++;
                break;
        case TPM_AUDIT_LOST:
                b->lost++;
                break;
        case TPM_AUDIT_UNSURE:
                b->unsure++;
                return;
        }
        b->n = 0;
}

static struct audit *begin(void **state, bool command_audit)
{
        struct audit *a = calloc(1, sizeof(*a));
        TPM2B_PUBLIC pub;
        enum tpm_audit_kind kind;

        *state = a;
        tpmfix_start(&a->f);
        a->f.proxy.no_command_audit = !command_audit;
        assert_int_equal(tpm_ak_make(a->f.t, AK_AT, BYTES(NULL, 0), BYTES_STR("the AK's"), &a->ak), 0);
        assert_int_equal(tpmt_public_decode(BYTES_OF(&a->ak.pub), &pub), 0);
        assert_int_equal(tpmt_pubkey(&pub, &a->ak_key), 0);
        assert_int_equal(tpm_audit_commands(a->f.t, &kind, a->list, &a->n_list), 0);
        assert_int_equal(kind, command_audit ? TPM_AUDIT_COMMAND : TPM_AUDIT_SESSION);
        assert_int_equal(tpm_observe(a->f.t, keep_books, &a->b), 0);
        return a;
}

static int start(void **state)
{
        struct audit *a = begin(state, true);
        bool changed;

        assert_int_equal(tpm_audit_list_set(a->f.t, BYTES(NULL, 0), a->list, a->n_list, &changed), 0);
        assert_true(changed);
        return 0;
}

static int start_session(void **state)
{
        struct audit *a = begin(state, false);

        assert_int_equal(tpm_audit_session_set(a->f.t, a->list, a->n_list), 0);
        return 0;
}

static int stop(void **state)
{
        struct audit *a = *state;

        tpm_ak_clear(&a->ak);
        pubkey_clear(&a->ak_key);
        tpmfix_stop(&a->f);
        free(a);
        return 0;
}

static int no_text(void *ctx, uint8_t ret_extra[TPM_AUDIT_HASH])
{
        (void)ctx;
        memset(ret_extra, 7, TPM_AUDIT_HASH);
        return 0;
}

static uint64_t u64(struct reader *r)
{
        uint64_t high = read_u32(r);

        return high << 32 | read_u32(r);
}

/* TPMT_SIGNATURE with ECDSA. */
static void require_signed(const struct audit *a, const struct says *s)
{
        const struct pk_params p = { .scheme = SCHEME_ECDSA, .hash = hash_by_name("SHA256") };
        uint8_t rs[64] = { 0 }, digest[32];
        struct reader r = READER(BYTES_OF(&s->signature));

        assert_int_equal(read_u16(&r), TPM2_ALG_ECDSA);
        assert_int_equal(read_u16(&r), TPM2_ALG_SHA256);
        for (int i = 0; i < 2; i++) {
                struct bytes n = read_2b(&r);

                assert_in_range(n.len, 1, 32);
                memcpy(rs + 32 * i + 32 - n.len, n.ptr, n.len);
        }
        assert_true(read_done(&r));
        assert_int_equal(crypto_hash(p.hash, &BYTES_OF(&s->attest), 1, digest), 0);
        assert_int_equal(pk_verify(&a->ak_key, &p, BYTES(digest, 32), BYTES(rs, 64)), 0);
}

static void attest(struct audit *a, enum tpm_attest what, struct says *ret)
{
        static const uint16_t types[] = {
                [TPM_ATTEST_COMMAND_AUDIT] = TPM2_ST_ATTEST_COMMAND_AUDIT,
                [TPM_ATTEST_SESSION_AUDIT] = TPM2_ST_ATTEST_SESSION_AUDIT,
                [TPM_ATTEST_QUOTE] = TPM2_ST_ATTEST_QUOTE,
        };
        struct reader r;

        assert_int_equal(tpm_attest(a->f.t, what, &a->ak, BYTES_STR("the AK's"), no_text, NULL, &ret->attest, &ret->signature), 0);
        require_signed(a, ret);
        r = READER(BYTES_OF(&ret->attest));
        assert_int_equal(read_u32(&r), 0xff544347);
        assert_int_equal(read_u16(&r), types[what]);
        read_2b(&r);
        ret->extra = read_2b(&r);
        u64(&r);
        ret->resets = read_u32(&r);
        read_bytes(&r, 4 + 1 + 8);
        if (what == TPM_ATTEST_QUOTE)
                return;
        if (what == TPM_ATTEST_SESSION_AUDIT) {
                ret->exclusive = read_u8(&r) != 0;
                ret->digest = read_2b(&r);
                assert_true(read_done(&r));
                return;
        }
        ret->counter = u64(&r);
        assert_int_equal(read_u16(&r), TPM2_ALG_SHA256);
        ret->digest = read_2b(&r);
        ret->list = read_2b(&r);
        assert_true(read_done(&r));
}

/* The digest of the batch that this attestation closed is that of what was heard before. */
static uint64_t require_same(struct audit *a, unsigned n)
{
        CLEANUP(says_clear) struct says s = { 0 };
        const struct books before = a->b;

        attest(a, TPM_ATTEST_COMMAND_AUDIT, &s);
        assert_int_equal(before.n, n);
        assert_int_equal(a->b.cleared, before.cleared + 1);
        assert_int_equal(s.digest.len, n > 0 ? 32 : 0);
        if (n > 0)
                assert_memory_equal(s.digest.ptr, before.digest, 32);
        return s.counter;
}

static void the_list_says_itself(void **state)
{
        struct audit *a = *state;
        CLEANUP(says_clear) struct says s = { 0 };
        uint8_t want[TPM_AUDIT_HASH];
        bool changed;

        /* Setting it was audited. */
        assert_int_equal(a->b.n, 1);
        assert_int_equal(a->b.last, TPM2_CC_SetCommandCodeAuditStatus);
        attest(a, TPM_ATTEST_COMMAND_AUDIT, &s);
        assert_int_equal(tpm_audit_list_digest(a->list, a->n_list, want), 0);
        assert_true(bytes_equal(s.list, BYTES(want, sizeof(want))));
        for (size_t i = 0; i < sizeof(want); i++)
                assert_int_equal(s.extra.ptr[i], 7);

        assert_int_equal(tpm_audit_list_set(a->f.t, BYTES(NULL, 0), a->list, a->n_list, &changed), 0);
        assert_false(changed);
        assert_int_equal(a->b.n, 0);
}

static void sign_with_all(struct audit *a, unsigned ops, const char *kind)
{
        struct tpmkey k;

        tpmkey_make(a->f.t, kind, ops, "key's", false, &k);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        tpmkey_clear(&k);
}

static void agree(struct audit *a)
{
        CLEANUP(buf_clear) struct buf x = { 0 };
        CLEANUP(buf_clear) struct buf y = { 0 };
        CLEANUP(buf_clear) struct buf z = { 0 };
        CLEANUP(buf_clear) struct buf z2 = { 0 };
        struct tpmkey k;

        tpmkey_make(a->f.t, "P-256", ALG_DERIVE, "", false, &k);
        assert_int_equal(pk_ecdh_ephemeral(&k.pk, &x, &y, &z), 0);
        assert_int_equal(tpm_ecdh(a->f.t, &k.key, BYTES_OF(&x), BYTES_OF(&y), &z2), 0);
        assert_true(bytes_equal(BYTES_OF(&z), BYTES_OF(&z2)));
        tpmkey_clear(&k);
}

static void mac(struct audit *a, size_t len)
{
        CLEANUP(buf_clear) struct buf out = { 0 };
        uint8_t data[3000] = { 0 };
        struct tpmkey k;

        tpmkey_make(a->f.t, "HMAC-SHA256", ALG_SIGN, "k", false, &k);
        assert_int_equal(tpm_hmac(a->f.t, &k.key, hash_by_name("SHA256"), BYTES(data, len), &out), 0);
        assert_int_equal(out.len, 32);
        tpmkey_clear(&k);
}

static void decrypt(struct audit *a)
{
        const struct pk_params p = { .scheme = SCHEME_RSA_OAEP, .hash = hash_by_name("SHA256"), .mgf_hash = hash_by_name("SHA256") };
        CLEANUP(buf_clear) struct buf cipher = { 0 };
        CLEANUP(buf_clear) struct buf plain = { 0 };
        struct tpmkey k;

        tpmkey_make(a->f.t, "RSA-2048", ALG_DECRYPT, "k", false, &k);
        assert_int_equal(pk_encrypt(&k.pk, &p, BYTES_STR("secret"), &cipher), 0);
        assert_int_equal(tpm_rsa_decrypt(a->f.t, &k.key, SCHEME_RSA_OAEP, p.hash, BYTES(NULL, 0), BYTES_OF(&cipher), &plain), 0);
        assert_true(bytes_equal(BYTES_OF(&plain), BYTES_STR("secret")));
        tpmkey_clear(&k);
}

/* Where parameters travel encrypted, the digest is over what travelled: this fails if it is not. */
static void every_use_is_heard_as_the_tpm_counts_it(void **state)
{
        struct audit *a = *state;

        require_same(a, 0);
        sign_with_all(a, ALG_SIGN, "P-256");
        require_same(a, 1);
        decrypt(a);
        require_same(a, 1);
        agree(a);
        require_same(a, 1);
        mac(a, 100);
        require_same(a, 1);
        mac(a, 3000);
        assert_int_equal(a->b.last, TPM2_CC_HMAC_Start);
        require_same(a, 1);
        sign_with_all(a, ALG_SIGN, "P-384");
        sign_with_all(a, ALG_SIGN, "RSA-2048");
        agree(a);
        mac(a, 10);
        require_same(a, 4);
        assert_int_equal(a->b.n, 0);
}

static void the_counter_rises_by_one_per_batch(void **state)
{
        struct audit *a = *state;
        uint64_t first;

        sign_with_all(a, ALG_SIGN, "P-256");
        first = require_same(a, 1);
        sign_with_all(a, ALG_SIGN, "P-256");
        sign_with_all(a, ALG_SIGN, "P-256");
        assert_int_equal(require_same(a, 2), first + 1);
        /* An empty one is none. */
        assert_int_equal(require_same(a, 0), first + 1);
        sign_with_all(a, ALG_SIGN, "P-256");
        assert_int_equal(require_same(a, 1), first + 2);
}

static void what_another_program_signs_shows(void **state)
{
        struct audit *a = *state;
        CLEANUP(says_clear) struct says s = { 0 };
        struct tpm *other = tpmfix_open(&a->f);
        struct tpmkey k;

        tpmkey_make(a->f.t, "P-256", ALG_SIGN, "", false, &k);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        assert_int_equal(tpmkey_sign(other, &k), 0);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        assert_int_equal(a->b.n, 2);
        attest(a, TPM_ATTEST_COMMAND_AUDIT, &s);
        assert_int_equal(s.digest.len, 32);
        assert_memory_not_equal(s.digest.ptr, a->b.digest, 32);
        tpm_close(other);
        tpmkey_clear(&k);
        require_same(a, 0);
}

static void a_command_taken_off_the_list_shows(void **state)
{
        struct audit *a = *state;
        CLEANUP(says_clear) struct says s = { 0 };
        struct tpm *other = tpmfix_open(&a->f);
        uint8_t want[TPM_AUDIT_HASH];
        bool changed;

        assert_int_equal(tpm_audit_list_digest(a->list, a->n_list, want), 0);
        assert_int_equal(tpm_audit_list_set(other, BYTES(NULL, 0), a->list, a->n_list - 3, &changed), 0);
        assert_true(changed);
        tpm_close(other);
        attest(a, TPM_ATTEST_COMMAND_AUDIT, &s);
        assert_false(bytes_equal(s.list, BYTES(want, sizeof(want))));
        assert_int_equal(s.digest.len, 32);

        assert_int_equal(tpm_audit_list_set(a->f.t, BYTES(NULL, 0), a->list, a->n_list, &changed), 0);
        assert_true(changed);
        require_same(a, 1);
}

/* As an installation of something else may have left it. */
static void another_hash_is_put_right(void **state)
{
        static const uint8_t sha384[] = { 0x80, 0x02, 0, 0, 0, 0x25, 0, 0, 1, 0x40, 0x40, 0, 0, 1, 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0,
                                          0, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0 };
        struct audit *a = *state;
        uint8_t rsp[256];
        size_t len = sizeof(rsp);
        bool changed;

        sign_with_all(a, ALG_SIGN, "P-256");
        assert_int_equal(swtpm_command(&a->f.sw, sha384, sizeof(sha384), rsp, &len), 0);
        assert_memory_equal(rsp + 6, "\0\0\0\0", 4);
        assert_int_equal(tpm_audit_list_set(a->f.t, BYTES(NULL, 0), a->list, a->n_list, &changed), 0);
        assert_true(changed);
        require_same(a, 0);
        sign_with_all(a, ALG_SIGN, "P-256");
        require_same(a, 1);
}

static void a_reset_loses_the_batch_and_is_heard(void **state)
{
        struct audit *a = *state;
        CLEANUP(says_clear) struct says s = { 0 };
        unsigned resets = a->b.resets;
        struct tpmkey k;
        uint64_t before;

        tpmkey_make(a->f.t, "P-256", ALG_SIGN, "", false, &k);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        before = require_same(a, 1);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        assert_int_equal(swtpm_reset(&a->f.sw), 0);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        assert_int_equal(a->b.resets, resets + 1);
        assert_int_equal(a->b.n, 1);
        assert_int_equal(require_same(a, 1), before + 2);

        /* Also when the next to come is the attestation. */
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        assert_int_equal(swtpm_reset(&a->f.sw), 0);
        attest(a, TPM_ATTEST_COMMAND_AUDIT, &s);
        assert_int_equal(a->b.resets, resets + 2);
        assert_int_equal(s.digest.len, 0);
        tpmkey_clear(&k);
}

static void a_lost_answer_is_told(void **state)
{
        struct audit *a = *state;
        struct tpmkey k;

        tpmkey_make(a->f.t, "P-256", ALG_SIGN, "", false, &k);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        require_same(a, 1);
        proxy_arm(&a->f.proxy, 1, FAULT_CLOSE, 0);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        assert_int_equal(a->b.unsure, 1);
        assert_int_equal(a->b.n, 1);
        {
                CLEANUP(says_clear) struct says s = { 0 };

                attest(a, TPM_ATTEST_COMMAND_AUDIT, &s);
                assert_memory_not_equal(s.digest.ptr, a->b.digest, 32);
        }
        /* The first try's answer, which had the digest, is gone. */
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        proxy_arm(&a->f.proxy, 1, FAULT_CLOSE, 0);
        {
                CLEANUP(says_clear) struct says s = { 0 };

                attest(a, TPM_ATTEST_COMMAND_AUDIT, &s);
                assert_int_equal(a->b.unsure, 2);
                assert_int_equal(s.digest.len, 0);
        }
        tpmkey_clear(&k);
}

static int count_heard(void *ctx, uint8_t ret_extra[TPM_AUDIT_HASH])
{
        const struct audit *a = ctx;

        memset(ret_extra, 0, TPM_AUDIT_HASH);
        ret_extra[0] = (uint8_t)a->b.n;
        return 0;
}

static void *sign_many(void *arg)
{
        struct audit *a = arg;
        struct tpmkey k;

        tpmkey_make(a->f.t, "P-256", ALG_SIGN, "", false, &k);
        for (int i = 0; i < 12; i++)
                assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        tpmkey_clear(&k);
        return NULL;
}

/* Whatever else goes on: what was heard when the text was asked for is what the digest is of. */
static void nothing_comes_between_text_and_attestation(void **state)
{
        struct audit *a = *state;
        pthread_t threads[4];
        unsigned all = 0;

        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, sign_many, a), 0);
        while (all < 12 * ARRAY_LEN(threads)) {
                CLEANUP(buf_clear) struct buf said = { 0 };
                CLEANUP(buf_clear) struct buf sig = { 0 };
                struct reader r;

                assert_int_equal(tpm_attest(a->f.t, TPM_ATTEST_COMMAND_AUDIT, &a->ak, BYTES_STR("the AK's"), count_heard, a, &said, &sig), 0);
                r = READER(BYTES_OF(&said));
                read_bytes(&r, 6);
                read_2b(&r);
                all += read_2b(&r).ptr[0];
        }
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
                pthread_join(threads[i], NULL);
        assert_int_equal(all, 12 * ARRAY_LEN(threads));
        require_same(a, 0);
}

static void a_quote_signs_without_clearing(void **state)
{
        struct audit *a = *state;
        CLEANUP(says_clear) struct says s = { 0 };

        sign_with_all(a, ALG_SIGN, "P-256");
        attest(a, TPM_ATTEST_QUOTE, &s);
        assert_int_equal(s.extra.len, TPM_AUDIT_HASH);
        assert_int_equal(a->b.last, TPM2_CC_Quote);
        require_same(a, 2);
}

static int no_answer_yet(void *ctx, uint8_t ret_extra[TPM_AUDIT_HASH])
{
        (void)ctx;
        (void)ret_extra;
        return err(ERR_NOSPC, "no room");
}

static void it_costs_one_command_and_leaves_nothing(void **state)
{
        struct audit *a = *state;
        CLEANUP(buf_clear) struct buf said = { 0 };
        CLEANUP(buf_clear) struct buf sig = { 0 };
        uint64_t commands;

        require_same(a, 0);
        commands = tpm_commands(a->f.t);
        require_same(a, 0);
        assert_int_equal(tpm_commands(a->f.t) - commands, 1);
        /* Not even when the text fails. */
        assert_int_equal(tpm_attest(a->f.t, TPM_ATTEST_COMMAND_AUDIT, &a->ak, BYTES_STR("the AK's"), no_answer_yet, NULL, &said, &sig), ERR_NOSPC);
        assert_int_equal(tpm_attest(a->f.t, TPM_ATTEST_COMMAND_AUDIT, &a->ak, BYTES_STR("wrong"), no_text, NULL, &said, &sig), ERR_AUTH);
        assert_int_equal(tpmfix_wrong_tries(&a->f), 0);
        assert_int_equal(tpm_observe(a->f.t, NULL, NULL), 0);
        tpmfix_reopen(&a->f);
        assert_int_equal(tpmfix_objects(&a->f), 0);
        assert_int_equal(tpmfix_sessions(&a->f), 0);
}

/* The same of the session's digest; an empty batch leaves that as it was. */
static bool require_same_session(struct audit *a, unsigned n)
{
        CLEANUP(says_clear) struct says s = { 0 };
        const struct books before = a->b;

        attest(a, TPM_ATTEST_SESSION_AUDIT, &s);
        assert_int_equal(before.n, n);
        assert_int_equal(a->b.cleared, before.cleared + 1);
        assert_int_equal(a->b.n, 0);
        assert_int_equal(s.digest.len, 32);
        if (n > 0)
                assert_memory_equal(s.digest.ptr, before.digest, 32);
        return s.exclusive;
}

static void attest_only(struct audit *a)
{
        CLEANUP(says_clear) struct says s = { 0 };

        attest(a, TPM_ATTEST_SESSION_AUDIT, &s);
}

static void a_chip_without_command_audit_says_so(void **state)
{
        struct audit *a = *state;
        bool changed;

        assert_int_equal(tpm_audit_list_set(a->f.t, BYTES(NULL, 0), a->list, a->n_list, &changed), ERR_NOTSUP);
}

static void every_use_is_heard_as_the_session_counts_it(void **state)
{
        struct audit *a = *state;

        require_same_session(a, 0);
        sign_with_all(a, ALG_SIGN, "P-256");
        require_same_session(a, 1);
        decrypt(a);
        require_same_session(a, 1);
        agree(a);
        mac(a, 100);
        require_same_session(a, 2);
        require_same_session(a, 0);
        mac(a, 3000);
        assert_int_equal(a->b.last, TPM2_CC_HMAC_Start);
        sign_with_all(a, ALG_SIGN, "P-384");
        sign_with_all(a, ALG_SIGN, "RSA-2048");
        require_same_session(a, 3);
        assert_int_equal(a->b.unsure, 0);
}

static void what_another_program_signs_does_not_show_in_a_session(void **state)
{
        struct audit *a = *state;
        struct tpm *other = tpmfix_open(&a->f);
        struct tpmkey k;

        tpmkey_make(a->f.t, "P-256", ALG_SIGN, "", false, &k);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        assert_true(require_same_session(a, 2));
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        assert_int_equal(tpmkey_sign(other, &k), 0);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        assert_false(require_same_session(a, 2));
        tpm_close(other);
        tpmkey_clear(&k);
}

static void a_session_that_is_gone_loses_the_batch_and_is_heard(void **state)
{
        struct audit *a = *state;
        unsigned lost;

        require_same_session(a, 0);
        lost = a->b.lost;
        sign_with_all(a, ALG_SIGN, "P-256");
        assert_int_equal(swtpm_flush(&a->f.sw, TPM2_LOADED_SESSION_FIRST), 0);
        sign_with_all(a, ALG_SIGN, "P-256");
        assert_int_equal(a->b.lost, lost + 1);
        assert_int_equal(swtpm_flush(&a->f.sw, TPM2_LOADED_SESSION_FIRST), 0);
        attest_only(a);
        assert_int_equal(a->b.lost, lost + 2);
        sign_with_all(a, ALG_SIGN, "P-256");
        assert_int_equal(swtpm_reset(&a->f.sw), 0);
        sign_with_all(a, ALG_SIGN, "P-256");
        assert_int_equal(a->b.lost, lost + 2);
        assert_int_equal(a->b.resets, 1);
        require_same_session(a, 1);
}

static void a_lost_answer_ends_the_session(void **state)
{
        struct audit *a = *state;
        struct tpmkey k;
        unsigned lost;

        tpmkey_make(a->f.t, "P-256", ALG_SIGN, "", false, &k);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        lost = a->b.lost;
        proxy_arm(&a->f.proxy, 1, FAULT_CLOSE, 0);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        assert_int_equal(a->b.unsure, 1);
        assert_int_equal(a->b.lost, lost + 1);
        require_same_session(a, 1);
        /* Of the attestation: the batch is lost, nothing is unsure. */
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        proxy_arm(&a->f.proxy, 1, FAULT_CLOSE, 0);
        attest_only(a);
        assert_int_equal(a->b.unsure, 1);
        assert_int_equal(a->b.lost, lost + 2);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        require_same_session(a, 1);
        tpmkey_clear(&k);
}

/* A mistyped PIN must not cost the TPM's word for what others did. */
static void a_wrong_authorisation_does_not_end_the_session(void **state)
{
        struct audit *a = *state;
        CLEANUP(buf_clear) struct buf secret = { 0 };
        struct tpmkey k, other, sealed;
        unsigned lost, sessions;

        tpmkey_make(a->f.t, "P-256", ALG_SIGN, "", false, &k);
        tpmkey_make(a->f.t, "P-256", ALG_SIGN, "right", false, &other);
        tpmkey_seal(a->f.t, "secret", "right", false, &sealed);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        lost = a->b.lost;
        sessions = tpmfix_sessions(&a->f);
        sealed.key.auth = other.key.auth = BYTES_STR("wrong");
        assert_int_equal(tpm_unseal(a->f.t, &sealed.key, &secret), ERR_AUTH);
        assert_int_equal(tpmkey_sign(a->f.t, &other), ERR_AUTH);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        sealed.key.auth = other.key.auth = BYTES_STR("right");
        assert_int_equal(tpm_unseal(a->f.t, &sealed.key, &secret), 0);
        assert_int_equal(tpmkey_sign(a->f.t, &other), 0);
        assert_int_equal(a->b.lost, lost);
        assert_int_equal(tpmfix_sessions(&a->f), sessions);
        require_same_session(a, 3);
        tpmkey_clear(&k);
        tpmkey_clear(&other);
        tpmkey_clear(&sealed);
}

/* One that somebody else has put in the place of ours is refused in the same words. */
static void a_session_that_is_at_fault_is_given_up(void **state)
{
        static const uint32_t bad_auth = TPM2_RC_AUTH_FAIL + TPM2_RC_S + TPM2_RC_1;
        struct audit *a = *state;
        struct tpmkey k;
        unsigned lost, sessions;

        tpmkey_make(a->f.t, "P-256", ALG_SIGN, "", false, &k);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        lost = a->b.lost;
        sessions = tpmfix_sessions(&a->f);
        proxy_arm(&a->f.proxy, 1, FAULT_CODE, bad_auth);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        assert_int_equal(a->b.lost, lost + 1);
        assert_int_equal(a->b.n, 1);
        assert_int_equal(tpmfix_sessions(&a->f), sessions);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        require_same_session(a, 2);

        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        proxy_arm(&a->f.proxy, 1, FAULT_CODE, bad_auth);
        attest_only(a);
        assert_int_equal(a->b.lost, lost + 2);
        assert_int_equal(a->b.n, 0);
        assert_int_equal(tpmfix_sessions(&a->f), sessions);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        require_same_session(a, 1);
        tpmkey_clear(&k);
}

static void a_session_costs_nothing_when_it_is_there(void **state)
{
        struct audit *a = *state;
        struct tpmkey k;
        uint64_t commands;

        tpmkey_make(a->f.t, "P-256", ALG_SIGN, "", false, &k);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        commands = tpm_commands(a->f.t);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        assert_int_equal(tpm_commands(a->f.t) - commands, 1);
        require_same_session(a, 2);
        assert_int_equal(tpm_commands(a->f.t) - commands, 2);
        require_same_session(a, 0);
        assert_int_equal(tpm_commands(a->f.t) - commands, 3);
        /* Nothing is audited any more, and nobody hears of it. */
        assert_int_equal(tpm_observe(a->f.t, NULL, NULL), 0);
        assert_int_equal(tpmkey_sign(a->f.t, &k), 0);
        assert_int_equal(a->b.n, 0);
        tpmkey_clear(&k);
}

/* There the connection is changed to make room for a key, but not while it has the session. */
static void behind_a_resource_manager_it_does_not_either(void **state)
{
        struct audit *a = *state;
        struct tpm *direct = a->f.t;
        struct tpm_options through = a->f.options;
        struct tpmkey k[2];
        struct tpmdev d;
        unsigned lost, closed;

        tpm_observe(direct, NULL, NULL);
        assert_int_equal(tpmdev_start(&d, &a->f.sw, "tpmrm0"), 0);
        tpmdev_answer(&d);
        through.tcti = d.tcti;
        through.state_dirfd = -1;
        assert_int_equal(tpm_open(&through, &a->f.t), 0);
        assert_int_equal(tpm_set_parent(a->f.t, &a->f.parent), 0);
        a->b = (struct books){ 0 };
        assert_int_equal(tpm_observe(a->f.t, keep_books, &a->b), 0);
        assert_int_equal(tpm_audit_session_set(a->f.t, a->list, a->n_list), 0);
        for (size_t i = 0; i < ARRAY_LEN(k); i++)
                tpmkey_make(a->f.t, "P-256", ALG_SIGN, i > 0 ? "right" : "", false, &k[i]);
        assert_int_equal(tpmkey_sign(a->f.t, &k[0]), 0);
        lost = a->b.lost;
        closed = d.closed;
        k[1].key.auth = BYTES_STR("wrong");
        assert_int_equal(tpmkey_sign(a->f.t, &k[1]), ERR_AUTH);
        assert_int_equal(tpmkey_sign(a->f.t, &k[0]), 0);
        k[1].key.auth = BYTES_STR("right");
        assert_int_equal(tpmkey_sign(a->f.t, &k[1]), 0);
        assert_int_equal(a->b.lost, lost);
        assert_int_equal(d.closed, closed);
        require_same_session(a, 3);
        tpmkey_clear(&k[0]);
        tpmkey_clear(&k[1]);
        tpm_close(a->f.t);
        a->f.t = direct;
        while (d.closed == closed)
                usleep(1000);
        tpmdev_stop(&d);
}

int main(void)
{
        const struct CMUnitTest in_session[] = {
                cmocka_unit_test(a_chip_without_command_audit_says_so),
                cmocka_unit_test(every_use_is_heard_as_the_session_counts_it),
                cmocka_unit_test(what_another_program_signs_does_not_show_in_a_session),
                cmocka_unit_test(a_session_that_is_gone_loses_the_batch_and_is_heard),
                cmocka_unit_test(a_lost_answer_ends_the_session),
                cmocka_unit_test(a_wrong_authorisation_does_not_end_the_session),
                cmocka_unit_test(a_session_that_is_at_fault_is_given_up),
                cmocka_unit_test(a_session_costs_nothing_when_it_is_there),
                cmocka_unit_test(behind_a_resource_manager_it_does_not_either),
        };
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_list_says_itself),
                cmocka_unit_test(every_use_is_heard_as_the_tpm_counts_it),
                cmocka_unit_test(the_counter_rises_by_one_per_batch),
                cmocka_unit_test(what_another_program_signs_shows),
                cmocka_unit_test(a_command_taken_off_the_list_shows),
                cmocka_unit_test(another_hash_is_put_right),
                cmocka_unit_test(a_reset_loses_the_batch_and_is_heard),
                cmocka_unit_test(a_lost_answer_is_told),
                cmocka_unit_test(nothing_comes_between_text_and_attestation),
                cmocka_unit_test(a_quote_signs_without_clearing),
                cmocka_unit_test(it_costs_one_command_and_leaves_nothing),
        };

        return cmocka_run_group_tests(tests, start, stop) + cmocka_run_group_tests(in_session, start_session, stop);
}
