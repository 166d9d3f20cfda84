/* SPDX-License-Identifier: BSD-2-Clause */
/* What a stranger shows when he joins, or in others' formats: public areas, certificates, attestation objects. What can be read can be written, and
 * nothing is accepted from nobody. */
#include <stdlib.h>
#include <string.h>
#include "attest/ek.h"
#include "attest/makecred.h"
#include "attest/parsec.h"
#include "attest/trust.h"
#include "attest/webauthn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void webauthn(struct bytes in)
{
        CLEANUP(buf_clear) struct buf once = { 0 };
        CLEANUP(buf_clear) struct buf twice = { 0 };
        CLEANUP(buf_clear) struct buf spki = { 0 };
        const struct webauthn_policy policy = { .time = 1795600000, .any_key = true };
        struct webauthn_statement s;
        struct bytes auth_data;
        struct ek_facts facts;

        if (webauthn_decode(in, &s, &auth_data) != 0)
                return;
        if (webauthn_verify(&s, &policy, &spki, &facts) == 0)
                abort();
        /* Members may stand in another order, and nothing else may differ. */
        if (webauthn_encode(&s, auth_data, &once) != 0 || once.len != in.len || webauthn_decode(BYTES_OF(&once), &s, &auth_data) != 0 ||
            webauthn_encode(&s, auth_data, &twice) != 0 || !bytes_equal(BYTES_OF(&once), BYTES_OF(&twice)))
                abort();
}

static void parsec(struct bytes in)
{
        CLEANUP(parsec_result_clear) struct parsec_result result = { 0 };
        struct parsec_evidence e;

        if (parsec_decode(in, &e) == 0 && parsec_verify(&e, BYTES("", 0), BYTES("", 0), true, &result) == 0)
                abort();
}

/* What is an endorsement key, can be given a secret for. */
static void endorsement_key(struct bytes in)
{
        static const uint8_t name[34] = { [1] = 0x0b };
        CLEANUP(buf_clear) struct buf ek_name = { 0 };
        CLEANUP(buf_clear) struct buf spki = { 0 };
        CLEANUP(buf_clear) struct buf object = { 0 };
        CLEANUP(buf_clear) struct buf secret = { 0 };

        if (ek_check(in, &ek_name, &spki) == 0 && makecred(in, BYTES(name, sizeof(name)), BYTES("secret", 6), &object, &secret) != 0)
                abort();
}

static void certificate(struct bytes in)
{
        const struct trust t = { .time = 1795600000 };
        struct ek_facts facts;
        size_t root;

        if (ek_facts(in, &facts) == 0 && (!memchr(facts.model, 0, sizeof(facts.model)) || !memchr(facts.version, 0, sizeof(facts.version))))
                abort();
        if (trust_check(&t, &in, 1, BYTES("", 0), &root) == 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const struct bytes in = BYTES(data, size);

        webauthn(in);
        parsec(in);
        endorsement_key(in);
        certificate(in);
        return 0;
}
