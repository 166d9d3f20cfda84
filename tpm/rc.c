/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a response code mean, and what mends it? */
#include "tpm/rc.h"

#include <stdbool.h>
#include <tss2/tss2_tpm2_types.h>
#include "lib/buf.h"
#include "lib/err.h"

/* Where the number of a parameter, handle or session stands, Part 2, 6.6.2 */
#define FORMAT_ONE 0x080u
#define PARAMETER 0x040u
#define NUMBER(rc) (((rc) >> 8) & 0xfu)

struct row {
        uint16_t code;
        enum remedy remedy;
        int err;
        const char *name;
};

/* Format zero: errors (0x1xx) and warnings (0x9xx). */
static const struct row plain[] = {
        { TPM2_RC_INITIALIZE, REMEDY_STARTUP, ERR_TPM, "TPM_RC_INITIALIZE" },
        { TPM2_RC_FAILURE, REMEDY_NONE, ERR_TPM, "TPM_RC_FAILURE (the TPM is in failure mode)" },
        { TPM2_RC_SEQUENCE, REMEDY_NONE, ERR_TPM, "TPM_RC_SEQUENCE" },
        { TPM2_RC_DISABLED, REMEDY_NONE, ERR_NOTSUP, "TPM_RC_DISABLED" },
        { TPM2_RC_EXCLUSIVE, REMEDY_SESSION, ERR_TPM, "TPM_RC_EXCLUSIVE" },
        { TPM2_RC_AUTH_TYPE, REMEDY_NONE, ERR_AUTH, "TPM_RC_AUTH_TYPE" },
        { TPM2_RC_AUTH_MISSING, REMEDY_NONE, ERR_AUTH, "TPM_RC_AUTH_MISSING" },
        { TPM2_RC_POLICY, REMEDY_NONE, ERR_AUTH, "TPM_RC_POLICY" },
        { TPM2_RC_UPGRADE, REMEDY_NONE, ERR_TPM, "TPM_RC_UPGRADE (a firmware upgrade is under way)" },
        { TPM2_RC_TOO_MANY_CONTEXTS, REMEDY_EVICT_SESSION, ERR_FULL, "TPM_RC_TOO_MANY_CONTEXTS" },
        { TPM2_RC_AUTH_UNAVAILABLE, REMEDY_NONE, ERR_AUTH, "TPM_RC_AUTH_UNAVAILABLE" },
        { TPM2_RC_REBOOT, REMEDY_NONE, ERR_TPM, "TPM_RC_REBOOT (the TPM wants the machine rebooted)" },
        { TPM2_RC_COMMAND_CODE, REMEDY_NONE, ERR_NOTSUP, "TPM_RC_COMMAND_CODE" },
        { TPM2_RC_NV_RANGE, REMEDY_NONE, ERR_RANGE, "TPM_RC_NV_RANGE" },
        { TPM2_RC_NV_LOCKED, REMEDY_NONE, ERR_DENIED, "TPM_RC_NV_LOCKED" },
        { TPM2_RC_NV_AUTHORIZATION, REMEDY_NONE, ERR_AUTH, "TPM_RC_NV_AUTHORIZATION" },
        { TPM2_RC_NV_UNINITIALIZED, REMEDY_NONE, ERR_NOENT, "TPM_RC_NV_UNINITIALIZED" },
        { TPM2_RC_NV_SPACE, REMEDY_NONE, ERR_FULL, "TPM_RC_NV_SPACE" },
        { TPM2_RC_NV_DEFINED, REMEDY_NONE, ERR_EXIST, "TPM_RC_NV_DEFINED" },
        { TPM2_RC_BAD_CONTEXT, REMEDY_RELOAD, ERR_TPM, "TPM_RC_BAD_CONTEXT" },
        { TPM2_RC_NEEDS_TEST, REMEDY_WAIT, ERR_TPM, "TPM_RC_NEEDS_TEST" },
        { TPM2_RC_CONTEXT_GAP, REMEDY_SESSION, ERR_FULL, "TPM_RC_CONTEXT_GAP" },
        { TPM2_RC_OBJECT_MEMORY, REMEDY_EVICT_OBJECT, ERR_FULL, "TPM_RC_OBJECT_MEMORY" },
        { TPM2_RC_SESSION_MEMORY, REMEDY_EVICT_SESSION, ERR_FULL, "TPM_RC_SESSION_MEMORY" },
        { TPM2_RC_MEMORY, REMEDY_EVICT_OBJECT, ERR_FULL, "TPM_RC_MEMORY" },
        { TPM2_RC_SESSION_HANDLES, REMEDY_EVICT_SESSION, ERR_FULL, "TPM_RC_SESSION_HANDLES" },
        { TPM2_RC_OBJECT_HANDLES, REMEDY_EVICT_OBJECT, ERR_FULL, "TPM_RC_OBJECT_HANDLES" },
        { TPM2_RC_LOCALITY, REMEDY_NONE, ERR_DENIED, "TPM_RC_LOCALITY" },
        { TPM2_RC_YIELDED, REMEDY_WAIT, ERR_TPM, "TPM_RC_YIELDED" },
        { TPM2_RC_CANCELED, REMEDY_WAIT, ERR_TPM, "TPM_RC_CANCELED" },
        { TPM2_RC_TESTING, REMEDY_WAIT, ERR_TPM, "TPM_RC_TESTING" },
        { TPM2_RC_NV_RATE, REMEDY_WAIT, ERR_TPM, "TPM_RC_NV_RATE" },
        /* Nothing of ours but a PIN made with --pin-lockout tpm falls under it, so it may be a passing fault. */
        { TPM2_RC_LOCKOUT, REMEDY_WAIT, ERR_LOCKED, "TPM_RC_LOCKOUT (too many wrong authorisations)" },
        { TPM2_RC_RETRY, REMEDY_WAIT, ERR_TPM, "TPM_RC_RETRY" },
        { TPM2_RC_NV_UNAVAILABLE, REMEDY_WAIT, ERR_TPM, "TPM_RC_NV_UNAVAILABLE" },
};

/* Format one: about a parameter, handle or session. */
static const struct row numbered[] = {
        { TPM2_RC_ASYMMETRIC, REMEDY_NONE, ERR_NOTSUP, "TPM_RC_ASYMMETRIC" },
        { TPM2_RC_ATTRIBUTES, REMEDY_NONE, ERR_INVAL, "TPM_RC_ATTRIBUTES" },
        { TPM2_RC_HASH, REMEDY_NONE, ERR_NOTSUP, "TPM_RC_HASH" },
        { TPM2_RC_VALUE, REMEDY_NONE, ERR_INVAL, "TPM_RC_VALUE" },
        { TPM2_RC_HIERARCHY, REMEDY_NONE, ERR_NOTSUP, "TPM_RC_HIERARCHY (the hierarchy is disabled)" },
        { TPM2_RC_KEY_SIZE, REMEDY_NONE, ERR_NOTSUP, "TPM_RC_KEY_SIZE" },
        { TPM2_RC_MODE, REMEDY_NONE, ERR_NOTSUP, "TPM_RC_MODE" },
        { TPM2_RC_TYPE, REMEDY_NONE, ERR_NOTSUP, "TPM_RC_TYPE" },
        { TPM2_RC_HANDLE, REMEDY_NONE, ERR_NOENT, "TPM_RC_HANDLE" },
        { TPM2_RC_KDF, REMEDY_NONE, ERR_NOTSUP, "TPM_RC_KDF" },
        { TPM2_RC_RANGE, REMEDY_NONE, ERR_RANGE, "TPM_RC_RANGE" },
        { TPM2_RC_AUTH_FAIL, REMEDY_AUTH, ERR_AUTH, "TPM_RC_AUTH_FAIL" },
        { TPM2_RC_NONCE, REMEDY_SESSION, ERR_TPM, "TPM_RC_NONCE" },
        { TPM2_RC_SCHEME, REMEDY_NONE, ERR_NOTSUP, "TPM_RC_SCHEME" },
        { TPM2_RC_SIZE, REMEDY_NONE, ERR_RANGE, "TPM_RC_SIZE" },
        { TPM2_RC_SYMMETRIC, REMEDY_NONE, ERR_NOTSUP, "TPM_RC_SYMMETRIC" },
        { TPM2_RC_TAG, REMEDY_NONE, ERR_TPM, "TPM_RC_TAG" },
        { TPM2_RC_SELECTOR, REMEDY_NONE, ERR_NOTSUP, "TPM_RC_SELECTOR" },
        { TPM2_RC_INSUFFICIENT, REMEDY_NONE, ERR_TPM, "TPM_RC_INSUFFICIENT" },
        { TPM2_RC_SIGNATURE, REMEDY_NONE, ERR_TPM, "TPM_RC_SIGNATURE" },
        { TPM2_RC_KEY, REMEDY_NONE, ERR_NOTSUP, "TPM_RC_KEY" },
        { TPM2_RC_POLICY_FAIL, REMEDY_NONE, ERR_AUTH, "TPM_RC_POLICY_FAIL" },
        { TPM2_RC_INTEGRITY, REMEDY_NONE, ERR_FOREIGN, "TPM_RC_INTEGRITY" },
        { TPM2_RC_TICKET, REMEDY_NONE, ERR_TPM, "TPM_RC_TICKET" },
        { TPM2_RC_BAD_AUTH, REMEDY_AUTH, ERR_AUTH, "TPM_RC_BAD_AUTH" },
        { TPM2_RC_EXPIRED, REMEDY_NONE, ERR_AUTH, "TPM_RC_EXPIRED" },
        { TPM2_RC_POLICY_CC, REMEDY_NONE, ERR_AUTH, "TPM_RC_POLICY_CC" },
        { TPM2_RC_BINDING, REMEDY_NONE, ERR_FOREIGN, "TPM_RC_BINDING" },
        { TPM2_RC_CURVE, REMEDY_NONE, ERR_NOTSUP, "TPM_RC_CURVE" },
        { TPM2_RC_ECC_POINT, REMEDY_NONE, ERR_RANGE, "TPM_RC_ECC_POINT" },
};

static struct rc_meaning from_row(const struct row *table, size_t n, uint32_t code)
{
        for (size_t i = 0; i < n; i++) {
                if (table[i].code == code)
                        return (struct rc_meaning){ table[i].remedy, table[i].err, RC_COMMAND, 0, table[i].name };
        }
        return (struct rc_meaning){ REMEDY_NONE, ERR_TPM, RC_COMMAND, 0, "an error we have no name for" };
}

/* A handle or session that is not there says so in different words: TPMs take HANDLE, VALUE or REFERENCE_xx. */
static bool stale(uint32_t base)
{
        return base == TPM2_RC_HANDLE || base == TPM2_RC_VALUE || base == TPM2_RC_TYPE;
}

static struct rc_meaning format_one(uint32_t rc)
{
        uint32_t base = rc & 0xbfu;
        struct rc_meaning m = from_row(numbered, ARRAY_LEN(numbered), base);

        if ((rc & PARAMETER) != 0) {
                m.subject = RC_PARAMETER;
                m.index = NUMBER(rc);
        } else if (NUMBER(rc) < 8) {
                m.subject = RC_HANDLE;
                m.index = NUMBER(rc);
                if (stale(base))
                        m.remedy = REMEDY_RELOAD;
        } else {
                m.subject = RC_SESSION;
                m.index = NUMBER(rc) - 8;
                if (stale(base))
                        m.remedy = REMEDY_SESSION;
        }
        return m;
}

struct rc_meaning rc_meaning(uint32_t rc)
{
        uint32_t code = rc & 0xfffu;

        if ((code & FORMAT_ONE) != 0)
                return format_one(code);
        if (code >= TPM2_RC_REFERENCE_H0 && code <= TPM2_RC_REFERENCE_H6)
                return (struct rc_meaning){ REMEDY_RELOAD, ERR_NOENT, RC_HANDLE, code - TPM2_RC_REFERENCE_H0 + 1, "TPM_RC_REFERENCE_H" };
        if (code >= TPM2_RC_REFERENCE_S0 && code <= TPM2_RC_REFERENCE_S6)
                return (struct rc_meaning){ REMEDY_SESSION, ERR_TPM, RC_SESSION, code - TPM2_RC_REFERENCE_S0 + 1, "TPM_RC_REFERENCE_S" };
        return from_row(plain, ARRAY_LEN(plain), code);
}
