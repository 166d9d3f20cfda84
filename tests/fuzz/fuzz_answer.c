/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers of an issuer: whatever is read is within its limits, and texts are text. */
#include <stdlib.h>
#include <string.h>
#include "enroll/answer.h"
#include "enroll/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void text(const char *s, size_t max, bool lines, bool needed)
{
        if (s == NULL && needed)
                abort();
        if (s == NULL)
                return;
        if (strlen(s) == 0 || strlen(s) > max)
                abort();
        for (; *s != '\0'; s++)
                if (((uint8_t)*s < 0x20 && !(lines && (*s == '\n' || *s == '\r'))) || *s == 0x7f)
                        abort();
}

static void checks(const struct answer_check *list, unsigned n)
{
        if (n > ANSWER_CHECKS_MAX)
                abort();
        for (unsigned i = 0; i < n; i++) {
                text(list[i].check, ANSWER_WORD_MAX, false, true);
                text(list[i].outcome, ANSWER_WORD_MAX, false, true);
                text(list[i].text, ANSWER_WORD_MAX * 2, false, false);
        }
}

static void credential(struct bytes in)
{
        /* P-256, of a point that is on the curve. */
        static const uint8_t spki[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
                0x07, 0x03, 0x42, 0x00, 0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81,
                0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c,
                0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5 };
        CLEANUP(answer_credential_clear) struct answer_credential a = { 0 };
        const struct client_wish w = { .agent = "a", .audience = "b", .spki = BYTES(spki, sizeof(spki)) };

        if (answer_credential(in, &a) != 0)
                return;
        text(a.profile, ANSWER_WORD_MAX, false, true);
        text(a.spiffe_id, 2048, false, true);
        text(a.jwt, ANSWER_PEM_MAX, false, false);
        text(a.ssh_user, ANSWER_PEM_MAX, true, false);
        if (a.ssh_user != NULL && strchr(a.ssh_user, '\n') != NULL && strspn(strchr(a.ssh_user, '\n'), "\r\n") != strlen(strchr(a.ssh_user, '\n')))
                abort();
        text(a.x509, ANSWER_PEM_MAX, true, false);
        text(a.bundle, ANSWER_PEM_MAX, true, false);
        checks(a.checks, a.n_checks);
        /* It is nothing that is for that key. */
        for (unsigned want = 1; want < 16; want++)
                if (check_credential(&a, &w, want, a.not_before) == 0 && (want & ~(unsigned)CREDENTIAL_JWT) != 0)
                        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buf_clear) struct buf nonce = { 0 }, issuer = { 0 };
        CLEANUP(answer_join_clear) struct answer_join join = { 0 };
        CLEANUP(answer_joined_clear) struct answer_joined joined = { 0 };
        CLEANUP(answer_policy_clear) struct answer_policy policy = { 0 };
        CLEANUP(answer_problem_clear) struct answer_problem problem = { 0 };
        struct bytes in = BYTES(data, size);

        if (answer_nonce(in, &issuer, &nonce) == 0 && nonce.len != ANSWER_NONCE)
                abort();
        if (answer_join(in, &join) == 0 && (join.ak.id_object.len == 0 || join.srk.secret.len == 0))
                abort();
        if (answer_joined(in, &joined) == 0) {
                text(joined.host, ANSWER_WORD_MAX, false, true);
                text(joined.ak_certificate, ANSWER_PEM_MAX, true, strcmp(joined.state, "active") == 0);
        }
        if (answer_policy(in, &policy) == 0 && (policy.pcrs >> 24 != 0 || policy.n_audiences > ANSWER_AUDIENCES_MAX || (policy.pcrs != 0 && policy.pcr_hash == 0)))
                abort();
        if (answer_problem(in, &problem) == 0) {
                text(problem.detail, ANSWER_WORD_MAX * 4, false, false);
                checks(problem.checks, problem.n_checks);
        }
        credential(in);
        return 0;
}
