/* SPDX-License-Identifier: BSD-2-Clause */
/* Did the AK sign exactly this checkpoint, and what did the TPM say with it? TPM 2.0 Part 2, 10.12. */
#include <string.h>
#include "audit/checkpoint.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpms.h"
#include "lib/tpmt.h"

#define NAME_SIZE (2 + AUDIT_HASH_SIZE)

static const uint16_t attest_type[] = {
        [AUDIT_MODE_NONE] = TPM2_ST_ATTEST_QUOTE,
        [AUDIT_MODE_SESSION] = TPM2_ST_ATTEST_SESSION_AUDIT,
        [AUDIT_MODE_COMMAND] = TPM2_ST_ATTEST_COMMAND_AUDIT,
};

/* What may be one thing or another in an attestation that is accepted. */
struct said {
        struct tpms_attest attest;
        struct checkpoint_proof proof;
};

/* Reads it as what it should be; whether it is, is the comparison's business. */
static bool read_attest(struct bytes attest, enum audit_mode mode, struct said *ret)
{
        struct tpms r = TPMS(attest);
        struct checkpoint_proof *p = &ret->proof;

        tpms_get_attest(&r, &ret->attest);
        p->clock_ms = ret->attest.clock_ms;
        p->resets = ret->attest.resets;
        p->restarts = ret->attest.restarts;
        p->safe = ret->attest.safe;
        p->firmware = ret->attest.firmware;
        if (mode == AUDIT_MODE_COMMAND) {
                p->audit_counter = tpms_number(&r, 8);
                tpms_number(&r, 2);
                p->digest = tpms_2b(&r);
                p->list_digest = tpms_2b(&r);
                return !r.bad && (p->digest.len == 0 || p->digest.len == AUDIT_HASH_SIZE) && p->list_digest.len == AUDIT_HASH_SIZE;
        }
        if (mode == AUDIT_MODE_SESSION) {
                p->exclusive = tpms_number(&r, 1) != 0;
                p->digest = tpms_2b(&r);
                return !r.bad && p->digest.len == AUDIT_HASH_SIZE;
        }
        return !r.bad;
}

static int append_attested(const struct checkpoint_proof *p, enum audit_mode mode, struct buf *b)
{
        uint8_t nothing[AUDIT_HASH_SIZE];
        int r;

        switch (mode) {
        case AUDIT_MODE_COMMAND:
                r = tpms_put_number(b, p->audit_counter, 8);
                if (r == 0)
                        r = tpms_put_number(b, TPM2_ALG_SHA256, 2);
                if (r == 0)
                        r = tpms_put_2b(b, p->digest);
                return r != 0 ? r : tpms_put_2b(b, p->list_digest);
        case AUDIT_MODE_SESSION:
                r = tpms_put_number(b, p->exclusive, 1);
                return r != 0 ? r : tpms_put_2b(b, p->digest);
        default:
                /* No PCR, and the digest of none. */
                r = crypto_hash(hash_by_name("SHA256"), NULL, 0, nothing);
                if (r == 0)
                        r = tpms_put_number(b, 0, 4);
                return r != 0 ? r : tpms_put_2b(b, BYTES(nothing, sizeof(nothing)));
        }
}

/* The attestation that would have been accepted. */
static int write_attest(const struct checkpoint *c, const struct said *s, struct buf *b)
{
        struct tpms_attest want = s->attest;
        uint8_t extra[AUDIT_HASH_SIZE];
        int r;

        r = checkpoint_digest(c, extra);
        if (r != 0)
                return r;
        want.magic = TPM2_GENERATED_VALUE;
        want.type = attest_type[c->mode];
        want.extra = BYTES(extra, sizeof(extra));
        r = tpms_put_attest(b, &want);
        return r != 0 ? r : append_attested(&s->proof, c->mode, b);
}

static int check_signature(const struct checkpoint *c, const struct pubkey *ak)
{
        int r = tpms_verify(BYTES_OF(&c->signature), ak, SCHEME_ECDSA, hash_by_name("SHA256"), BYTES_OF(&c->attest));

        return r == ERR_AUTH ? err(ERR_AUTH, "the checkpoint's signature is not by the attestation key") : r;
}

int checkpoint_verify(const struct checkpoint *c, const struct pubkey *ak, struct checkpoint_proof *ret)
{
        CLEANUP(buf_clear) struct buf want = { 0 };
        struct said said = { 0 };
        uint8_t id[sizeof(c->key_id)];
        int r;

        if (ak->curve == NULL || ak->curve != curve_by_tpm(TPM2_ECC_NIST_P256))
                return err(ERR_INVAL, "an attestation key is one on P-256");
        if (audit_mode_name(c->mode) == NULL)
                return err(ERR_INVAL, "a checkpoint without a kind of audit");
        if (c->mode == AUDIT_MODE_SOFTWARE)
                return err(ERR_AUTH, "the checkpoint is signed by a key in software, no TPM vouches for it");
        r = checkpoint_key_id(BYTES_OF(&c->origin), ak, id);
        if (r != 0)
                return r;
        if (memcmp(id, c->key_id, sizeof(id)) != 0)
                return err(ERR_AUTH, "the checkpoint is signed by another attestation key");
        r = check_signature(c, ak);
        if (r != 0)
                return r;
        if (!read_attest(BYTES_OF(&c->attest), c->mode, &said) || said.attest.signer.len != NAME_SIZE ||
            said.attest.signer.ptr[0] != TPM2_ALG_SHA256 >> 8 || said.attest.signer.ptr[1] != (TPM2_ALG_SHA256 & 0xff))
                return err(ERR_FORMAT, "the attestation key signed something other than a checkpoint of this kind");
        r = write_attest(c, &said, &want);
        if (r != 0)
                return r;
        if (!bytes_equal(BYTES_OF(&want), BYTES_OF(&c->attest)))
                return err(ERR_FORMAT, "the attestation key signed something other than this checkpoint");
        *ret = said.proof;
        return 0;
}
