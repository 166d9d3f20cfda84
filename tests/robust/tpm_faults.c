/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of "first load of a key, five signatures" when the TPM stumbles once, anywhere and in any way?
 *
 * Each command of the scenario in turn, each kind of fault: no crash, no wrong signature, no wait beyond the
 * deadline, at most the one operation lost, none at all for what passes by itself, nothing left in the TPM, no
 * try counted against its lockout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_tpm2_types.h>
#include "lib/err.h"
#include "tests/tpmfix.h"
#include "tpm/clock.h"

#define SIGNATURES 5
#define DEADLINE_MS 300
#define SLACK_MS 400            /* of a busy machine, on top of the deadline */

static const struct row {
        const char *name;
        enum fault fault;
        uint32_t arg;
        unsigned may_lose;      /* operations */
} faults[] = {
        { "RETRY", FAULT_CODE, TPM2_RC_RETRY, 0 },
        { "YIELDED", FAULT_CODE, TPM2_RC_YIELDED, 0 },
        { "TESTING", FAULT_CODE, TPM2_RC_TESTING, 0 },
        { "CANCELED", FAULT_CODE, TPM2_RC_CANCELED, 0 },
        { "NV_RATE", FAULT_CODE, TPM2_RC_NV_RATE, 0 },
        { "NV_UNAVAILABLE", FAULT_CODE, TPM2_RC_NV_UNAVAILABLE, 0 },
        { "LOCKOUT", FAULT_CODE, TPM2_RC_LOCKOUT, 0 },
        { "OBJECT_MEMORY", FAULT_CODE, TPM2_RC_OBJECT_MEMORY, 0 },
        { "OBJECT_HANDLES", FAULT_CODE, TPM2_RC_OBJECT_HANDLES, 0 },
        { "SESSION_MEMORY", FAULT_CODE, TPM2_RC_SESSION_MEMORY, 0 },
        { "SESSION_HANDLES", FAULT_CODE, TPM2_RC_SESSION_HANDLES, 0 },
        { "MEMORY", FAULT_CODE, TPM2_RC_MEMORY, 0 },
        { "CONTEXT_GAP", FAULT_CODE, TPM2_RC_CONTEXT_GAP, 0 },
        { "REFERENCE_H0", FAULT_CODE, TPM2_RC_REFERENCE_H0, 0 },
        { "REFERENCE_H3", FAULT_CODE, TPM2_RC_REFERENCE_H3, 0 },
        { "REFERENCE_S0", FAULT_CODE, TPM2_RC_REFERENCE_S0, 0 },
        { "HANDLE of handle 1", FAULT_CODE, TPM2_RC_HANDLE + TPM2_RC_1, 0 },
        { "VALUE of handle 1", FAULT_CODE, TPM2_RC_VALUE + TPM2_RC_1, 0 },
        { "VALUE of session 1", FAULT_CODE, TPM2_RC_VALUE + TPM2_RC_S + TPM2_RC_1, 0 },
        { "AUTH_FAIL", FAULT_CODE, TPM2_RC_AUTH_FAIL + TPM2_RC_S + TPM2_RC_1, 0 },
        { "BAD_AUTH", FAULT_CODE, TPM2_RC_BAD_AUTH + TPM2_RC_S + TPM2_RC_1, 0 },
        { "NONCE", FAULT_CODE, TPM2_RC_NONCE + TPM2_RC_S + TPM2_RC_1, 0 },
        { "INITIALIZE", FAULT_CODE, TPM2_RC_INITIALIZE, 0 },
        { "a resource manager's RETRY", FAULT_CODE, 0xb0000 + TPM2_RC_RETRY, 0 },
        { "FAILURE", FAULT_CODE, TPM2_RC_FAILURE, 1 },
        { "INTEGRITY", FAULT_CODE, TPM2_RC_INTEGRITY + TPM2_RC_P + TPM2_RC_1, 1 },
        { "an unknown code", FAULT_CODE, 0x17e, 1 },
        { "done but RETRY", FAULT_LOST, TPM2_RC_RETRY, 0 },
        { "done but NV_RATE", FAULT_LOST, TPM2_RC_NV_RATE, 0 },
        { "done but OBJECT_MEMORY", FAULT_LOST, TPM2_RC_OBJECT_MEMORY, 0 },
        { "no octet", FAULT_TRUNCATED, 0, 1 },
        { "6 octets", FAULT_TRUNCATED, 6, 1 },
        { "10 octets", FAULT_TRUNCATED, 10, 1 },
        { "1 octet short", FAULT_SHORT, 1, 1 },
        { "8 octets short", FAULT_SHORT, 8, 1 },
        { "32 more octets", FAULT_EXTRA, 32, 1 },
        { "32 octets behind it", FAULT_TRAILING, 32, 1 },
        { "4097 octets", FAULT_LONG, 0, 1 },
        { "tag 8001", FAULT_TAG, 0x8001, 1 },
        { "tag 0000", FAULT_TAG, 0x0000, 1 },
        { "size 0", FAULT_SIZE, 0, 1 },
        { "size ffffffff", FAULT_SIZE, 0xffffffff, 1 },
        { "parameterSize ffff", FAULT_PARAMETER_SIZE, 0xffff, 1 },
        { "parameterSize ffffffff", FAULT_PARAMETER_SIZE, 0xffffffff, 1 },
        { "bit 0 flipped", FAULT_FLIP, 0, 1 },
        { "bit 130 flipped", FAULT_FLIP, 130, 1 },
        { "bit 264 flipped", FAULT_FLIP, 264, 1 },
        { "bit 290 flipped", FAULT_FLIP, 290, 1 },
        { "bit 555 flipped", FAULT_FLIP, 555, 1 },
        { "bit 700 flipped", FAULT_FLIP, 700, 1 },
        { "bit 901 flipped", FAULT_FLIP, 901, 1 },
        { "bit 1015 flipped", FAULT_FLIP, 1015, 1 },
        { "power lost before it", FAULT_RESET, 0, 0 },
        { "connection closed", FAULT_CLOSE, 0, 1 },
        { "late", FAULT_LATE, DEADLINE_MS + 100, 1 },
        { "a little late", FAULT_LATE, 50, 0 },
        { "never", FAULT_NEVER, 0, 1 },
};

struct result {
        unsigned runs, lost, too_many_lost, slow, left_over, tries, not_met;
};

static bool failed, full;

/* A process's life: opened, five signatures, closed. Whether each ended in time. */
static unsigned scenario(const struct tpmfix *f, const struct tpmkey *k, bool *ret_slow)
{
        struct tpm *t = tpmfix_open(f);
        unsigned lost = 0;

        for (int i = 0; i < SIGNATURES; i++) {
                uint64_t start = clock_us();

                lost += tpmkey_sign(t, k) != 0;
                if (clock_us() - start > (DEADLINE_MS + SLACK_MS) * 1000)
                        *ret_slow = true;
        }
        tpm_close(t);
        return lost;
}

/* After a loss of power at the very end nobody has started the TPM up, and it would not tell us what is left in it. */
static void start_up(const struct tpmfix *f)
{
        static const uint8_t startup[] = { 0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x44, 0, 0 };
        uint8_t rsp[64];
        size_t len = sizeof(rsp);

        if (swtpm_command(&f->sw, startup, sizeof(startup), rsp, &len) != 0)
                abort();
}

static void one(struct tpmfix *f, const struct tpmkey *k, const struct row *row, unsigned place, struct result *res)
{
        unsigned lost, left, tries = tpmfix_wrong_tries(f);
        bool slow = false;

        proxy_arm(&f->proxy, place, row->fault, row->arg);
        lost = scenario(f, k, &slow);
        start_up(f);
        left = tpmfix_objects(f) + tpmfix_sessions(f);
        res->runs++;
        res->lost += lost;
        res->slow += slow;
        res->left_over += left > 0;
        res->tries += tpmfix_wrong_tries(f) - tries;
        res->not_met += f->proxy.commands < place;
        if (lost > row->may_lose) {
                res->too_many_lost++;
                fprintf(stderr, "%s at command %u: %u lost: %s\n", row->name, place, lost, err_text());
        }
        if (left > 0 || slow)
                fprintf(stderr, "%s at command %u: %u left over%s\n", row->name, place, left, slow ? ", slow" : "");
        if (left > 0) {
                swtpm_reset(&f->sw);
                tpm_close(tpmfix_open(f));
        }
}

static void row(bool ok, const char *what, const char *came)
{
        printf("ROW F9|%s|%s|%s\n", what, came, ok ? "ok" : "FAILED");
        failed = failed || !ok;
}

static void spoil_everything(struct tpmfix *f, const struct tpmkey *k, size_t step, const char *what)
{
        struct result res = { 0 };
        char text[200];
        unsigned places;
        bool slow = false;

        proxy_arm(&f->proxy, 0, FAULT_NONE, 0);
        scenario(f, k, &slow);
        places = f->proxy.commands;
        for (size_t i = 0; i < ARRAY_LEN(faults); i += step) {
                if (places > SIGNATURES + 4 && !full && faults[i].fault == FAULT_NEVER)
                        continue;
                for (unsigned place = 1; place <= places; place++)
                        one(f, k, &faults[i], place, &res);
        }
        snprintf(text, sizeof(text), "%u runs: %u of %u signatures lost, 0 wrong, %u hung, %u left something over, %u lockout tries", res.runs, res.lost,
                 res.runs * SIGNATURES, res.slow, res.left_over, res.tries);
        row(res.too_many_lost == 0 && res.slow == 0 && res.left_over == 0 && res.tries == 0 && res.not_met == 0, what, text);
}

/* A secret whose wrong tries the TPM counts: work done, answer lost, at each command. */
static void lost_answers_count_no_try(struct tpmfix *f, const struct tpmkey *secret)
{
        unsigned tries = tpmfix_wrong_tries(f), wrong = 0, runs = 0;
        char text[100];

        for (size_t i = 0; i < ARRAY_LEN(faults); i += full ? 1 : 3) {
                /* A TPM counts a loss of power with such an object in use as a try, whatever we do. */
                if (faults[i].fault == FAULT_RESET)
                        continue;
                for (unsigned place = 1; place <= 5 && (full || faults[i].fault < FAULT_LATE); place++) {
                        CLEANUP(buf_clear) struct buf out = { 0 };
                        struct tpm *t = tpmfix_open(f);

                        proxy_arm(&f->proxy, place, faults[i].fault, faults[i].arg);
                        if (tpm_unseal(t, &secret->key, &out) == 0 && !bytes_equal(BYTES_OF(&out), BYTES_STR("secret")))
                                wrong++;
                        tpm_close(t);
                        start_up(f);
                        runs++;
                }
        }
        snprintf(text, sizeof(text), "%u runs: %u lockout tries, %u wrong secrets", runs, tpmfix_wrong_tries(f) - tries, wrong);
        printf("ROW F10|an answer spoiled or lost while a secret under lockout is unsealed|%s|%s\n", text,
               tpmfix_wrong_tries(f) == tries && wrong == 0 ? "ok" : "FAILED");
        failed = failed || tpmfix_wrong_tries(f) != tries || wrong > 0;
}

int main(void)
{
        struct tpmfix f;
        struct tpmkey key, secret;

        setvbuf(stdout, NULL, _IOLBF, 0);
        full = getenv("ROBUST_FULL") != NULL;
        tpmfix_start(&f);
        f.options.deadline_ms = DEADLINE_MS;
        tpmkey_make(f.t, "P-256", ALG_SIGN, "an auth value", false, &key);
        tpmkey_seal(f.t, "secret", "1234", true, &secret);
        tpmfix_reopen(&f);

        spoil_everything(&f, &key, full ? 1 : 5, "one answer spoiled, each command x each fault, a process that signs five times");
        f.options.state_dirfd = -1;
        spoil_everything(&f, &key, full ? 1 : 11, "the same where no lock can be written and nothing may stay loaded");
        f.options.state_dirfd = f.dirfd;
        lost_answers_count_no_try(&f, &secret);

        tpmkey_clear(&key);
        tpmkey_clear(&secret);
        tpmfix_stop(&f);
        return failed ? 1 : 0;
}
