/* SPDX-License-Identifier: BSD-2-Clause */
/* The thread's last error as a sentence, and what each code is called and asks for. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/buf.h"
#include "lib/err.h"

#define TEXT_MAX 512

static _Thread_local char last[TEXT_MAX];

static const struct {
        const char *name;
        const char *hint;
} codes[] = {
        [-ERR_NOMEM] = { "ERR_NOMEM", "Free memory on this machine or raise the limit of this process." },
        [-ERR_INVAL] = { "ERR_INVAL", NULL },
        [-ERR_FORMAT] = { "ERR_FORMAT", "Restore what is named above from a copy, or remove it." },
        [-ERR_NOENT] = { "ERR_NOENT", "See what there is with `holdfast agent list`, `holdfast agent show --effective` or `holdfast key list`." },
        [-ERR_EXIST] = { "ERR_EXIST", "Choose another name, or delete what is there first." },
        [-ERR_PERM] = { "ERR_PERM", "Run `holdfast doctor`: it says which right is missing and how to get it." },
        [-ERR_DENIED] = { "ERR_DENIED", NULL },
        [-ERR_AUTH] = { "ERR_AUTH", "Check the PIN or authorisation value and try again; wrong tries are counted." },
        [-ERR_LOCKED] = { "ERR_LOCKED", "Let the security officer set a new PIN; if the TPM itself is locked, wait until it recovers." },
        [-ERR_TIMEOUT] = { "ERR_TIMEOUT", "Try again; if it stays like this, run `holdfast doctor`." },
        [-ERR_IO] = { "ERR_IO", "Look for messages about the disk or device in the system's log." },
        [-ERR_NOSPC] = { "ERR_NOSPC", "Free space on the file system of the store, or raise the quota." },
        [-ERR_READONLY] = { "ERR_READONLY", "Make the store writable, or name another with HOLDFAST_STORE or --store." },
        [-ERR_TPM] = { "ERR_TPM", "Run `holdfast doctor`; HOLDFAST_TPM_TRACE=FILE writes down what the TPM was asked." },
        [-ERR_NODEV] = { "ERR_NODEV", "Run `holdfast doctor`; HOLDFAST_TCTI names another TPM, `holdfast dev` starts one in software." },
        [-ERR_FOREIGN] = { "ERR_FOREIGN", "Keys work only with the TPM that made them; files that somebody changed, after `holdfast agent accept`." },
        [-ERR_NOTSUP] = { "ERR_NOTSUP", "`holdfast status` lists what this TPM can do." },
        [-ERR_RANGE] = { "ERR_RANGE", NULL },
        [-ERR_FULL] = { "ERR_FULL", "Try again; if it stays like this, another program keeps the TPM full: run `holdfast doctor`." },
        [-ERR_NOTINIT] = { "ERR_NOTINIT", "Run `holdfast init`." },
        [-ERR_STALE] = { "ERR_STALE", "Look again: somebody else changed it meanwhile." },
};

static const struct {
        int sys;
        int code;
} errnos[] = {
        { ENOMEM, ERR_NOMEM },
        { EINVAL, ERR_INVAL },
        { ENOENT, ERR_NOENT },
        { ENOTDIR, ERR_NOENT },
        { EEXIST, ERR_EXIST },
        { ENOTEMPTY, ERR_EXIST },
        { EACCES, ERR_PERM },
        { EPERM, ERR_PERM },
        { ETIMEDOUT, ERR_TIMEOUT },
        { ENOSPC, ERR_NOSPC },
        { EDQUOT, ERR_NOSPC },
        { EFBIG, ERR_NOSPC },
        { EROFS, ERR_READONLY },
        { ENODEV, ERR_NODEV },
        { ENXIO, ERR_NODEV },
        { ECONNREFUSED, ERR_NODEV },
        { ENOTSUP, ERR_NOTSUP },
        { ENOSYS, ERR_NOTSUP },
        { ENAMETOOLONG, ERR_RANGE },
        { ESTALE, ERR_STALE },
};

static int code_of_errno(int sys)
{
        for (size_t i = 0; i < ARRAY_LEN(errnos); i++)
                if (errnos[i].sys == sys)
                        return errnos[i].code;
        return ERR_IO;
}

/* A sentence may quote a stranger: what would move a terminal's cursor does not get there. */
static void keep(const char *text)
{
        size_t i;

        for (i = 0; i < sizeof(last) - 1 && text[i]; i++)
                last[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
        last[i] = 0;
}

int err(int code, const char *fmt, ...)
{
        char text[TEXT_MAX]; /* the arguments may contain err_text() */
        int saved = errno;
        va_list ap;

        va_start(ap, fmt);
        if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
                text[0] = 0;
        va_end(ap);
        keep(text);
        errno = saved;
        return code;
}

int err_errno(const char *fmt, ...)
{
        char text[TEXT_MAX];
        char reason[128];
        int saved = errno;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        if (n < 0)
                n = 0;

        /* A long beginning gives way, the reason is always there. */
        errno = saved;
        snprintf(reason, sizeof(reason), ": %m");
        if ((size_t)n > sizeof(text) - 1 - strlen(reason))
                n = (int)(sizeof(text) - 1 - strlen(reason));
        strcpy(text + n, reason);
        keep(text);
        errno = saved;
        return code_of_errno(saved);
}

const char *err_text(void)
{
        return last;
}

const char *err_hint(int code)
{
        return code < 0 && (size_t)-code < ARRAY_LEN(codes) ? codes[-code].hint : NULL;
}

const char *err_name(int code)
{
        if (code == 0)
                return "0";
        return code < 0 && (size_t)-code < ARRAY_LEN(codes) ? codes[-code].name : "ERR_?";
}

int err_exit_status(int code)
{
        switch (code) {
        case 0:
                return EXIT_SUCCESS;
        case ERR_NOENT:
        case ERR_NOTINIT:
                return EXIT_NOT_FOUND;
        case ERR_DENIED:
        case ERR_AUTH:
        case ERR_PERM:
                return EXIT_DENIED;
        case ERR_LOCKED:
        case ERR_NODEV:
        case ERR_TIMEOUT:
        case ERR_FULL:
                return EXIT_HARDWARE;
        case ERR_FOREIGN:
                return EXIT_VERIFY;
        default:
                return EXIT_FAILURE;
        }
}

void err_reset(void)
{
        last[0] = 0;
}
