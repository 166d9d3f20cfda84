/* SPDX-License-Identifier: BSD-2-Clause */
/* Did the AK say this, of this key and these PCRs, for this challenge? The attestation that would be accepted is written and compared
 * (TPM 2.0 Part 2, 10.12). */
#include <string.h>
#include "attest/checking.h"
#include "lib/crypto.h"
#include "lib/err.h"

#define SELECT_SIZE 3           /* octets of a selection: 24 PCRs */

/* One of the two statements, and what is said of it. */
struct statement {
        const struct evidence_statement *octets;
        uint16_t type;
        const char *command;
        enum hf_check signature, statement;
        struct tpms_attest said, want;
        struct tpms attested;           /* what is said after the beginning */
        struct buf want_attested;
        struct buf signer;
};

static void statement_clear(struct statement *s)
{
        buf_clear(&s->want_attested);
        buf_clear(&s->signer);
}

/* Where an AK's statements can be read in the clear: below the endorsement hierarchy (Part 1, 36.7). */
static int want_signer(struct checking *c, struct statement *s)
{
        CLEANUP(buf_clear) struct buf ek = { 0 };
        CLEANUP(buf_clear) struct buf child = { 0 };
        const struct bytes name = BYTES_OF(&c->ak->name);
        int r;

        r = qualified_primary(TPM2_RH_ENDORSEMENT, name, &s->signer);
        if (r != 0 || bytes_equal(BYTES_OF(&s->signer), s->said.signer))
                return r;
        if (c->policy->ek_name.len > 0) {
                r = qualified_primary(TPM2_RH_ENDORSEMENT, FROM_HF(c->policy->ek_name), &ek);
                if (r == 0)
                        r = qualified_name(BYTES_OF(&ek), name, &child);
                if (r != 0)
                        return r;
                if (bytes_equal(BYTES_OF(&child), s->said.signer))
                        buf_take(&child, &s->signer);
        }
        if ((c->policy->flags & HF_ALLOW_ANY_HIERARCHY) && is_name(s->said.signer) && s->said.signer.len == name.len && memcmp(s->said.signer.ptr, name.ptr, 2) == 0)
                return buf_set(&s->signer, s->said.signer);
        return 0;
}

/* Which part is not as wanted. */
static int differs(struct checking *c, const struct statement *s)
{
        const struct tpms_attest *said = &s->said, *want = &s->want;

        if (said->magic != want->magic)
                return failed(c, s->statement, "no TPM made what the attestation key signed: it begins with 0x%08x", said->magic);
        if (said->type != want->type)
                return failed(c, s->statement, "the attestation key signed a statement of type 0x%04x where %s makes 0x%04x", said->type, s->command, want->type);
        if (!bytes_equal(said->signer, want->signer))
                return failed(c, s->statement, "the attestation key is not known to be in the endorsement hierarchy");
        if (!bytes_equal(said->extra, want->extra))
                return failed(c, s->statement, "%s was made for another challenge, or for evidence that said something else", s->command);
        return failed(c, s->statement, s->type == TPM2_ST_ATTEST_CERTIFY ? "another key was certified, or it has another parent" : "the PCRs are not those that were quoted, or have other values");
}

static int check_statement(struct checking *c, struct statement *s)
{
        CLEANUP(buf_clear) struct buf want = { 0 };
        int r;

        r = want_signer(c, s);
        if (r != 0)
                return r;
        s->want = s->said;
        s->want.magic = TPM2_GENERATED_VALUE;
        s->want.type = s->type;
        s->want.signer = BYTES_OF(&s->signer);
        s->want.extra = BYTES(c->binding, sizeof(c->binding));
        r = tpms_put_attest(&want, &s->want);
        if (r == 0)
                r = buf_append(&want, s->want_attested.ptr, s->want_attested.len);
        if (r != 0)
                return r;
        if (s->attested.bad || !bytes_equal(BYTES_OF(&want), s->octets->attest))
                return differs(c, s);
        return 0;
}

static int check_signed(struct checking *c, struct statement *s)
{
        int r;

        s->attested = TPMS(s->octets->attest);
        tpms_get_attest(&s->attested, &s->said);
        r = tpms_verify(s->octets->signature, &c->ak->key, c->ak->scheme, c->ak->hash, s->octets->attest);
        if (r == ERR_AUTH)
                return failed(c, s->signature, "what %s made is not signed by the attestation key", s->command);
        return r != 0 ? r : passed(c, s->signature, "%s is signed by the attestation key", s->command);
}

/* Name and qualified Name. Which parent it has is said by the latter alone. */
static int want_certified(struct checking *c, struct statement *s)
{
        CLEANUP(buf_clear) struct buf srk = { 0 };
        CLEANUP(buf_clear) struct buf qualified = { 0 };
        const struct bytes name = BYTES_OF(&c->key.name);
        struct tpms said = s->attested;
        struct bytes said_qualified;
        int r = 0;

        tpms_2b(&said);
        said_qualified = tpms_2b(&said);
        if (c->policy->srk_name.len > 0) {
                r = qualified_primary(TPM2_RH_OWNER, FROM_HF(c->policy->srk_name), &srk);
                if (r == 0)
                        r = qualified_name(BYTES_OF(&srk), name, &qualified);
        } else if (is_name(said_qualified) && said_qualified.len == name.len && memcmp(said_qualified.ptr, name.ptr, 2) == 0) {
                r = buf_set(&qualified, said_qualified);
        }
        if (r == 0)
                r = tpms_put_2b(&s->want_attested, name);
        return r != 0 ? r : tpms_put_2b(&s->want_attested, BYTES_OF(&qualified));
}

int check_certify(struct checking *c)
{
        CLEANUP(statement_clear) struct statement s = {
                .octets = &c->e.key.certify,
                .type = TPM2_ST_ATTEST_CERTIFY,
                .command = "TPM2_Certify",
                .signature = HF_CHECK_KEY_SIGNATURE,
                .statement = HF_CHECK_KEY_STATEMENT,
        };
        int r;

        r = check_signed(c, &s);
        if (r == 0)
                r = want_certified(c, &s);
        if (r == 0)
                r = check_statement(c, &s);
        if (r != 0)
                return r;
        c->certify = s.said;
        return passed(c, HF_CHECK_KEY_STATEMENT, "the key is in the attestation key's TPM");
}

/* Exactly the PCRs of the policy, in one bank, and the digest of their values. */
static int want_quoted(struct checking *c, struct statement *s)
{
        const uint8_t select[SELECT_SIZE] = { (uint8_t)c->e.host.pcrs, (uint8_t)(c->e.host.pcrs >> 8), (uint8_t)(c->e.host.pcrs >> 16) };
        uint8_t digest[HASH_MAX];
        int r;

        r = crypto_hash(c->ak->hash, &c->e.host.values, 1, digest);
        if (r == 0)
                r = tpms_put_number(&s->want_attested, 1, 4);
        if (r == 0)
                r = tpms_put_number(&s->want_attested, c->e.host.pcr_hash, 2);
        if (r == 0)
                r = tpms_put_number(&s->want_attested, sizeof(select), 1);
        if (r == 0)
                r = buf_append(&s->want_attested, select, sizeof(select));
        return r != 0 ? r : tpms_put_2b(&s->want_attested, BYTES(digest, c->ak->hash->size));
}

int check_quote(struct checking *c)
{
        CLEANUP(statement_clear) struct statement s = {
                .octets = &c->e.host.quote,
                .type = TPM2_ST_ATTEST_QUOTE,
                .command = "TPM2_Quote",
                .signature = HF_CHECK_HOST_SIGNATURE,
                .statement = HF_CHECK_HOST_STATEMENT,
        };
        int r;

        r = check_signed(c, &s);
        if (r == 0)
                r = want_quoted(c, &s);
        if (r == 0)
                r = check_statement(c, &s);
        if (r != 0)
                return r;
        if ((c->policy->flags & HF_WANT_HOST) && (c->e.host.pcr_hash != c->policy->pcr_hash || c->e.host.pcrs != c->policy->pcrs))
                return failed(c, HF_CHECK_HOST_STATEMENT, "the PCRs 0x%06x of hash 0x%04x are quoted, and 0x%06x of 0x%04x are demanded",
                              (unsigned)c->e.host.pcrs, (unsigned)c->e.host.pcr_hash, c->policy->pcrs, c->policy->pcr_hash);
        c->quote = s.said;
        return passed(c, HF_CHECK_HOST_STATEMENT, "the TPM has quoted these PCRs");
}
