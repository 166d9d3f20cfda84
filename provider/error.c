/* SPDX-License-Identifier: BSD-2-Clause */
/* How a failure reaches the program: one OpenSSL error with our sentence and what to do. The only place that
 * turns CK_RV into words. */
#include <openssl/core.h>
#include <stdarg.h>
#include "provider/provider.h"

/* OpenSSL writes the names into the table: not const. */
static OSSL_ITEM reasons[] = {
        { REASON_MODULE, (char *)"PKCS#11 module does not work" },
        { REASON_URI, (char *)"invalid PKCS#11 URI" },
        { REASON_NO_TOKEN, (char *)"no such token" },
        { REASON_NO_OBJECT, (char *)"no such object" },
        { REASON_PIN, (char *)"PIN needed or wrong" },
        { REASON_KEY_GONE, (char *)"key is gone" },
        { REASON_TPM, (char *)"token failed" },
        { REASON_UNSUPPORTED, (char *)"not supported" },
        { REASON_FORMAT, (char *)"invalid format" },
        { REASON_NOT_EXPORTABLE, (char *)"private key does not leave its token" },
        { REASON_LENGTH, (char *)"invalid length" },
        { REASON_MEMORY, (char *)"out of memory" },
        { REASON_FOREIGN, (char *)"key of another token" },
        { 0, NULL },
};

static const struct {
        CK_RV rv;
        enum reason reason;
        const char *name, *hint;
} rvs[] = {
        { CKR_HOST_MEMORY, REASON_MEMORY, "CKR_HOST_MEMORY", "Free memory on this machine or raise the limit of this process" },
        { CKR_SLOT_ID_INVALID, REASON_NO_TOKEN, "CKR_SLOT_ID_INVALID", "The token was removed: look at its list" },
        { CKR_TOKEN_NOT_PRESENT, REASON_NO_TOKEN, "CKR_TOKEN_NOT_PRESENT", "The token was removed: look at its list" },
        { CKR_TOKEN_NOT_RECOGNIZED, REASON_NO_TOKEN, "CKR_TOKEN_NOT_RECOGNIZED", "The token has to be initialised first" },
        { CKR_DEVICE_REMOVED, REASON_TPM, "CKR_DEVICE_REMOVED", "The device cannot be reached: run `holdfast doctor`" },
        { CKR_DEVICE_ERROR, REASON_TPM, "CKR_DEVICE_ERROR", "Run `holdfast doctor`" },
        { CKR_DEVICE_MEMORY, REASON_TPM, "CKR_DEVICE_MEMORY", "Try again; if it stays like this, run `holdfast doctor`" },
        { CKR_GENERAL_ERROR, REASON_MODULE, "CKR_GENERAL_ERROR", "Run `holdfast doctor`" },
        { CKR_FUNCTION_FAILED, REASON_TPM, "CKR_FUNCTION_FAILED", "Run `holdfast doctor`" },
        { CKR_FUNCTION_NOT_SUPPORTED, REASON_UNSUPPORTED, "CKR_FUNCTION_NOT_SUPPORTED", "The token cannot do this" },
        { CKR_CRYPTOKI_NOT_INITIALIZED, REASON_MODULE, "CKR_CRYPTOKI_NOT_INITIALIZED",
          "Somebody else in this process keeps calling C_Finalize" },
        { CKR_MECHANISM_INVALID, REASON_UNSUPPORTED, "CKR_MECHANISM_INVALID", "The token cannot do this with that key: choose another padding or digest" },
        { CKR_MECHANISM_PARAM_INVALID, REASON_UNSUPPORTED, "CKR_MECHANISM_PARAM_INVALID",
          "The token cannot do this with that key: choose another padding, digest or salt length" },
        { CKR_KEY_FUNCTION_NOT_PERMITTED, REASON_UNSUPPORTED, "CKR_KEY_FUNCTION_NOT_PERMITTED", "The key was made for another purpose" },
        { CKR_KEY_TYPE_INCONSISTENT, REASON_UNSUPPORTED, "CKR_KEY_TYPE_INCONSISTENT", "The key is of another type" },
        { CKR_KEY_SIZE_RANGE, REASON_UNSUPPORTED, "CKR_KEY_SIZE_RANGE", "The token has no keys of this size" },
        { CKR_CURVE_NOT_SUPPORTED, REASON_UNSUPPORTED, "CKR_CURVE_NOT_SUPPORTED", "The token does not know this curve" },
        { CKR_KEY_HANDLE_INVALID, REASON_KEY_GONE, "CKR_KEY_HANDLE_INVALID", "The key was deleted: make a new one" },
        { CKR_OBJECT_HANDLE_INVALID, REASON_KEY_GONE, "CKR_OBJECT_HANDLE_INVALID", "The key was deleted: make a new one" },
        { CKR_DATA_LEN_RANGE, REASON_LENGTH, "CKR_DATA_LEN_RANGE", "The data do not fit the key and padding" },
        { CKR_DATA_INVALID, REASON_LENGTH, "CKR_DATA_INVALID", "The data do not fit the key and padding" },
        { CKR_ENCRYPTED_DATA_INVALID, REASON_FORMAT, "CKR_ENCRYPTED_DATA_INVALID", "This was not encrypted for this key with this padding" },
        { CKR_ENCRYPTED_DATA_LEN_RANGE, REASON_LENGTH, "CKR_ENCRYPTED_DATA_LEN_RANGE", "This was not encrypted for this key" },
        { CKR_PIN_INCORRECT, REASON_PIN, "CKR_PIN_INCORRECT", "Check the PIN; wrong tries are counted" },
        { CKR_PIN_LEN_RANGE, REASON_PIN, "CKR_PIN_LEN_RANGE", "Check the PIN; wrong tries are counted" },
        { CKR_PIN_INVALID, REASON_PIN, "CKR_PIN_INVALID", "Check the PIN; wrong tries are counted" },
        { CKR_PIN_LOCKED, REASON_PIN, "CKR_PIN_LOCKED", "Let the security officer set a new PIN" },
        { CKR_USER_PIN_NOT_INITIALIZED, REASON_PIN, "CKR_USER_PIN_NOT_INITIALIZED", "Give the token a PIN first" },
        { CKR_USER_NOT_LOGGED_IN, REASON_PIN, "CKR_USER_NOT_LOGGED_IN", "Put pin-source=FILE into the URI or into the provider's section of openssl.cnf" },
        { CKR_SESSION_COUNT, REASON_TPM, "CKR_SESSION_COUNT", "The token has no free session: end other programs that use it" },
        { CKR_SESSION_READ_ONLY, REASON_TPM, "CKR_SESSION_READ_ONLY", "The token may not be written" },
        { CKR_TOKEN_WRITE_PROTECTED, REASON_TPM, "CKR_TOKEN_WRITE_PROTECTED", "The token may not be written" },
        { CKR_TEMPLATE_INCONSISTENT, REASON_UNSUPPORTED, "CKR_TEMPLATE_INCONSISTENT", "The token does not make or take such keys" },
        { CKR_ATTRIBUTE_TYPE_INVALID, REASON_UNSUPPORTED, "CKR_ATTRIBUTE_TYPE_INVALID", "This PKCS#11 module does not make or take such keys" },
        { CKR_ATTRIBUTE_VALUE_INVALID, REASON_UNSUPPORTED, "CKR_ATTRIBUTE_VALUE_INVALID", "The token does not make or take such keys" },
        { CKR_BUFFER_TOO_SMALL, REASON_MODULE, "CKR_BUFFER_TOO_SMALL", "The PKCS#11 module answers with more than the key's size" },
};

const OSSL_ITEM *error_reasons(void)
{
        return reasons;
}

static void vraise(const struct provider *p, enum reason r, const char *fmt, va_list ap)
{
        if (!p->new_error || !p->vset_error)
                return;
        p->new_error(p->core);
        if (p->set_error_debug)
                p->set_error_debug(p->core, "holdfast", 0, "");
        p->vset_error(p->core, r, fmt, ap);
}

int raise_reason(const struct provider *p, enum reason r, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vraise(p, r, fmt, ap);
        va_end(ap);
        return 0;
}

int raise_rv(const struct provider *p, CK_RV rv, const char *what)
{
        for (size_t i = 0; i < ARRAY_LEN(rvs); i++)
                if (rvs[i].rv == rv)
                        return raise_reason(p, rvs[i].reason, "%s failed: %s. %s", what, rvs[i].name, rvs[i].hint);
        return raise_reason(p, REASON_TPM, "%s failed: PKCS#11 error 0x%lx. Run `holdfast doctor`", what, rv);
}
