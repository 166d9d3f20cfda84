/* SPDX-License-Identifier: BSD-2-Clause */
/* ERR_* as CK_RV. */
#include "pkcs11/rv.h"
#include "lib/buf.h"
#include "lib/err.h"

static const struct {
        int err;
        CK_RV rv;
} table[] = {
        { 0, CKR_OK },
        { ERR_NOMEM, CKR_HOST_MEMORY },
        { ERR_INVAL, CKR_ARGUMENTS_BAD },
        { ERR_FORMAT, CKR_FUNCTION_FAILED },
        { ERR_NOENT, CKR_OBJECT_HANDLE_INVALID },
        { ERR_EXIST, CKR_FUNCTION_FAILED },
        { ERR_PERM, CKR_DEVICE_ERROR },
        { ERR_DENIED, CKR_ACTION_PROHIBITED },
        { ERR_AUTH, CKR_PIN_INCORRECT },
        { ERR_LOCKED, CKR_PIN_LOCKED },
        { ERR_TIMEOUT, CKR_DEVICE_ERROR },
        { ERR_IO, CKR_DEVICE_ERROR },
        { ERR_NOSPC, CKR_DEVICE_MEMORY },
        { ERR_READONLY, CKR_TOKEN_WRITE_PROTECTED },
        { ERR_TPM, CKR_DEVICE_ERROR },
        /* Not CKR_DEVICE_REMOVED: programs close their sessions on that, and the TPM may be back at the next call. */
        { ERR_NODEV, CKR_DEVICE_ERROR },
        { ERR_FOREIGN, CKR_TOKEN_NOT_RECOGNIZED },
        { ERR_NOTSUP, CKR_FUNCTION_NOT_SUPPORTED },
        { ERR_RANGE, CKR_ARGUMENTS_BAD },
        { ERR_FULL, CKR_DEVICE_MEMORY },
        { ERR_NOTINIT, CKR_TOKEN_NOT_PRESENT },
        { ERR_STALE, CKR_OBJECT_HANDLE_INVALID },
};

CK_RV rv_from_err(int err)
{
        size_t i;

        for (i = 0; i < ARRAY_LEN(table); i++)
                if (table[i].err == err)
                        return table[i].rv;
        return CKR_GENERAL_ERROR;
}

CK_RV rv_from_err_range(int err, CK_RV range)
{
        return err == ERR_RANGE ? range : rv_from_err(err);
}
