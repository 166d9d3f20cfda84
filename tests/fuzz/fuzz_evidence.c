/* SPDX-License-Identifier: BSD-2-Clause */
/* Evidence: what can be read is written again as it was; the verifier, to which its own attestation key is known, comes to an end with it and says why. */
#include <stdlib.h>
#include <string.h>
#include "attest/evidence.h"
#include "attest/public.h"
#include "holdfast/evidence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* SHA-256("a challenge of the tests"), as in tests/vectors/evidence. */
static const char challenge_hex[] = "5b9e1a6d9617bfd142059e8eba1951b5e42a4e13de9bcbf500209f8231aad9e4";

static void verify(struct bytes in, const struct evidence *e)
{
        static struct hf_evidence_result result;
        CLEANUP(public_clear) struct public ak = { 0 };
        CLEANUP(buf_clear) struct buf challenge = { 0 };
        struct hf_known_key known = { .assurance = HF_ASSURANCE_SIMULATOR };
        struct hf_evidence_policy policy = {
                .flags = HF_ALLOW_ANY_HIERARCHY | HF_ALLOW_CLOCK_UNSAFE,
                .assurances = 1u << HF_ASSURANCE_SIMULATOR,
                .known_keys = &known,
                .n_known_keys = 1,
        };

        if (hex_decode(challenge_hex, strlen(challenge_hex), &challenge) != 0)
                abort();
        policy.challenge = (struct hf_bytes){ challenge.ptr, challenge.len };
        if (public_decode(e->ak_public, &ak) == 0)
                known.name = (struct hf_bytes){ ak.name.ptr, ak.name.len };
        policy.flags |= e->key.present ? HF_WANT_KEY : HF_WANT_HOST;
        if (e->host.present) {
                policy.flags |= HF_WANT_HOST;
                policy.pcr_hash = (uint16_t)e->host.pcr_hash;
                policy.pcrs = (uint32_t)e->host.pcrs;
                policy.replayed = policy.pcrs & 0xff;
        }
        if ((hf_evidence_verify((struct hf_bytes){ in.ptr, in.len }, &policy, &result) == 0) != result.accepted || result.accepted != (result.reason[0] == 0))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buf_clear) struct buf again = { 0 };
        struct evidence e;

        if (evidence_decode(BYTES(data, size), &e) != 0)
                return 0;
        if (evidence_encode(&e, &again) != 0 || !bytes_equal(BYTES_OF(&again), BYTES(data, size)))
                abort();
        verify(BYTES(data, size), &e);
        return 0;
}
