/* SPDX-License-Identifier: BSD-2-Clause */
/* Is this packet an answer to that command? */
#include "tpm/response.h"

#include <tss2/tss2_tpm2_types.h>
#include "lib/err.h"
#include "tpm/wire.h"

#define HEADER 10               /* tag, size, response code */
#define TIME_INFO (8 + 8 + 4 + 4 + 1) /* Part 2, 10.11.6 */
#define CONTEXT_HEAD (8 + 4 + 4) /* Part 2, 14.5 */
#define RSP_TAG_TPM12 0x00c4    /* TPM_TAG_RSP_COMMAND: the answer to a tag that is not TPM 2.0 (Part 1, 37) */

/* Parameters, one letter each:
 *   b  a TPM2B
 *   1  an octet
 *   s  a TPMT_SIGNATURE of an algorithm we use
 *   t  a ticket: tag, hierarchy, TPM2B
 *   c  a TPMS_CAPABILITY_DATA of a kind we ask for
 *   k  a TPMS_TIME_INFO
 *   x  a TPMS_CONTEXT
 *   p  the update counter, selection and values of PCRs
 * and in front of them 2 where there is a second authorisation and the first is a password's, + where either may be either's. */
static const struct command commands[] = {
        { TPM2_CC_Startup, "Startup", MAKES_NOTHING, "" },
        { TPM2_CC_GetCapability, "GetCapability", MAKES_NOTHING, "1c" },
        { TPM2_CC_TestParms, "TestParms", MAKES_NOTHING, "" },
        { TPM2_CC_GetRandom, "GetRandom", MAKES_NOTHING, "b" },
        { TPM2_CC_StartAuthSession, "StartAuthSession", MAKES_SESSION, "b" },
        { TPM2_CC_ContextSave, "ContextSave", MAKES_NOTHING, "x" },
        { TPM2_CC_ContextLoad, "ContextLoad", MAKES_OBJECT, "" },
        { TPM2_CC_FlushContext, "FlushContext", MAKES_NOTHING, "" },
        { TPM2_CC_ReadPublic, "ReadPublic", MAKES_NOTHING, "bbb" },
        { TPM2_CC_CreatePrimary, "CreatePrimary", MAKES_OBJECT, "bbbtb" },
        { TPM2_CC_EvictControl, "EvictControl", MAKES_NOTHING, "" },
        { TPM2_CC_HierarchyChangeAuth, "HierarchyChangeAuth", MAKES_NOTHING, "" },
        { TPM2_CC_Create, "Create", MAKES_NOTHING, "bbbbt" },
        { TPM2_CC_Load, "Load", MAKES_OBJECT, "b" },
        { TPM2_CC_Unseal, "Unseal", MAKES_NOTHING, "b" },
        { TPM2_CC_Sign, "Sign", MAKES_NOTHING, "s" },
        { TPM2_CC_RSA_Decrypt, "RSA_Decrypt", MAKES_NOTHING, "b" },
        { TPM2_CC_ECDH_ZGen, "ECDH_ZGen", MAKES_NOTHING, "b" },
        { TPM2_CC_HMAC, "HMAC", MAKES_NOTHING, "b" },
        { TPM2_CC_HMAC_Start, "HMAC_Start", MAKES_OBJECT, "" },
        { TPM2_CC_SequenceUpdate, "SequenceUpdate", MAKES_NOTHING, "" },
        { TPM2_CC_SequenceComplete, "SequenceComplete", MAKES_NOTHING, "bt" },
        { TPM2_CC_NV_ReadPublic, "NV_ReadPublic", MAKES_NOTHING, "bb" },
        { TPM2_CC_NV_Read, "NV_Read", MAKES_NOTHING, "b" },
        { TPM2_CC_NV_DefineSpace, "NV_DefineSpace", MAKES_NOTHING, "" },
        { TPM2_CC_NV_UndefineSpace, "NV_UndefineSpace", MAKES_NOTHING, "" },
        { TPM2_CC_NV_Write, "NV_Write", MAKES_NOTHING, "" },
        { TPM2_CC_NV_Increment, "NV_Increment", MAKES_NOTHING, "" },
        { TPM2_CC_ReadClock, "ReadClock", MAKES_NOTHING, "k" },
        { TPM2_CC_PCR_Read, "PCR_Read", MAKES_NOTHING, "p" },
        { TPM2_CC_Quote, "Quote", MAKES_NOTHING, "bs" },
        { TPM2_CC_Certify, "Certify", MAKES_NOTHING, "+bs" },
        { TPM2_CC_ActivateCredential, "ActivateCredential", MAKES_NOTHING, "+b" },
        { TPM2_CC_PolicySecret, "PolicySecret", MAKES_NOTHING, "bt" },
        { TPM2_CC_PolicyOR, "PolicyOR", MAKES_NOTHING, "" },
        { TPM2_CC_SetCommandCodeAuditStatus, "SetCommandCodeAuditStatus", MAKES_NOTHING, "" },
        { TPM2_CC_GetCommandAuditDigest, "GetCommandAuditDigest", MAKES_NOTHING, "2bs" },
        { TPM2_CC_GetSessionAuditDigest, "GetSessionAuditDigest", MAKES_NOTHING, "2bs" },
};

const struct command *command_by_cc(uint32_t cc)
{
        for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
                if (commands[i].cc == cc)
                        return &commands[i];
        }
        return NULL;
}

/* Part 2, 11.3.4 */
static void read_signature(struct reader *r)
{
        switch (read_u16(r)) {
        case TPM2_ALG_NULL:             /* not asked for */
                return;
        case TPM2_ALG_RSASSA:
        case TPM2_ALG_RSAPSS:
                read_u16(r);
                read_2b(r);
                return;
        case TPM2_ALG_ECDSA:
                read_u16(r);
                read_2b(r);
                read_2b(r);
                return;
        default:
                r->bad = true;
        }
}

/* Octets of one element of the lists we ask for, Part 2, 10.9. */
static size_t element_size(uint32_t capability)
{
        switch (capability) {
        case TPM2_CAP_ALGS:
                return 6;
        case TPM2_CAP_HANDLES:
        case TPM2_CAP_COMMANDS:
        case TPM2_CAP_AUDIT_COMMANDS:
                return 4;
        case TPM2_CAP_TPM_PROPERTIES:
                return 8;
        case TPM2_CAP_ECC_CURVES:
                return 2;
        default:
                return 0;
        }
}

static void read_capability(struct reader *r)
{
        size_t size = element_size(read_u32(r));
        uint32_t count = read_u32(r);

        if (size == 0 || count > TPM_PACKET_MAX)
                r->bad = true;
        else
                read_bytes(r, count * size);
}

/* TPML_PCR_SELECTION, TPML_DIGEST: Part 2, 10.9.7 and 10.9.6 */
static void read_pcrs(struct reader *r)
{
        read_u32(r);
        for (uint32_t n = read_u32(r); n > 0 && !r->bad; n--) {
                read_u16(r);
                read_bytes(r, read_u8(r));
        }
        for (uint32_t n = read_u32(r); n > 0 && !r->bad; n--)
                read_2b(r);
}

static bool fits(const char *layout, struct bytes params)
{
        struct reader r = READER(params);

        for (const char *p = layout; *p != '\0'; p++) {
                switch (*p) {
                case '2':
                case '+':
                        break;
                case 'p':
                        read_pcrs(&r);
                        break;
                case '1':
                        read_u8(&r);
                        break;
                case 't':
                        read_u16(&r);
                        read_u32(&r);
                        read_2b(&r);
                        break;
                case 's':
                        read_signature(&r);
                        break;
                case 'c':
                        read_capability(&r);
                        break;
                case 'k':
                        read_bytes(&r, TIME_INFO);
                        break;
                case 'x':
                        read_bytes(&r, CONTEXT_HEAD);
                        read_2b(&r);
                        break;
                default:
                        read_2b(&r);
                }
        }
        return read_done(&r);
}

static int refuse(const struct command *c, const char *why)
{
        return err(ERR_FORMAT, "the TPM's answer to %s is malformed: %s", c->name, why);
}

static void read_auth(struct reader *r, struct response_auth *ret)
{
        ret->nonce = read_2b(r);
        ret->attributes = read_u8(r);
        ret->hmac = read_2b(r);
}

static bool auth_too_long(const struct response_auth *a)
{
        return a->nonce.len > sizeof(TPMU_HA) || a->hmac.len > sizeof(TPMU_HA);
}

/* Part 1, 18.10: parameterSize, parameters, authorisations. */
static int check_with_session(const struct command *c, struct reader *r, struct response *ret)
{
        ret->params = read_bytes(r, read_u32(r));
        if (c->layout[0] == '2' || c->layout[0] == '+')
                read_auth(r, &ret->first);
        if (c->layout[0] == '2' && ret->first.nonce.len + ret->first.hmac.len != 0)
                return refuse(c, "a password has no nonce and no HMAC");
        read_auth(r, &ret->auth);
        if (!read_done(r))
                return refuse(c, "its session area does not fit");
        if (auth_too_long(&ret->first) || auth_too_long(&ret->auth))
                return refuse(c, "a nonce or HMAC is too long");
        return 0;
}

int response_check(const struct command *c, bool with_session, struct bytes packet, struct response *ret)
{
        struct reader r = READER(packet);
        struct response rsp = { 0 };
        uint16_t tag, want = with_session ? TPM2_ST_SESSIONS : TPM2_ST_NO_SESSIONS;
        uint32_t size;
        int e;

        tag = read_u16(&r);
        size = read_u32(&r);
        rsp.rc = read_u32(&r);
        if (r.bad || packet.len > TPM_PACKET_MAX)
                return refuse(c, "its length is impossible");
        if (size != packet.len)
                return refuse(c, "its size field is not its length");

        if (rsp.rc != TPM2_RC_SUCCESS) {
                if (packet.len != HEADER || (tag != TPM2_ST_NO_SESSIONS && tag != RSP_TAG_TPM12))
                        return refuse(c, "an error carries more than its code");
                *ret = rsp;
                return 0;
        }

        if (tag != want)
                return refuse(c, "its tag is wrong");
        if (c->makes != MAKES_NOTHING) {
                rsp.handle = read_u32(&r);
                if (c->makes == MAKES_OBJECT ? rsp.handle >> 24 != TPM2_HT_TRANSIENT
                                             : rsp.handle >> 24 != TPM2_HT_HMAC_SESSION && rsp.handle >> 24 != TPM2_HT_POLICY_SESSION)
                        return refuse(c, "its handle is of another kind");
        }
        if (with_session) {
                e = check_with_session(c, &r, &rsp);
                if (e != 0)
                        return e;
        } else {
                rsp.params = r.left;
        }
        if (r.bad || !fits(c->layout, rsp.params))
                return refuse(c, "its parameters do not fit");
        *ret = rsp;
        return 0;
}
