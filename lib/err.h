/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors are values: a function returns 0 or one of these. What happened, with
 * the values that matter, is kept as one sentence per thread by the place that
 * saw it first; the border that shows it to a person asks err_text(). */
#ifndef HOLDFAST_LIB_ERR_H
#define HOLDFAST_LIB_ERR_H

enum {
        ERR_NOMEM = -1,        /* out of memory */
        ERR_INVAL = -2,        /* an argument or a configuration value is wrong */
        ERR_FORMAT = -3,       /* bytes from outside are not what they should be */
        ERR_NOENT = -4,        /* there is no such thing */
        ERR_EXIST = -5,        /* there is one already */
        ERR_PERM = -6,         /* the operating system refused */
        ERR_DENIED = -7,       /* a rule of ours refused */
        ERR_AUTH = -8,         /* wrong PIN or authorisation value */
        ERR_LOCKED = -9,       /* too many wrong PINs, or the TPM's lockout */
        ERR_TIMEOUT = -10,     /* no answer within the deadline */
        ERR_IO = -11,          /* reading or writing failed */
        ERR_NOSPC = -12,       /* disk or quota full */
        ERR_READONLY = -13,    /* the file system or store may not be written */
        ERR_TPM = -14,         /* the TPM answered with an error that has no row of its own */
        ERR_NODEV = -15,       /* the TPM cannot be reached */
        ERR_FOREIGN = -16,     /* made by another TPM, or the parent key was replaced */
        ERR_NOTSUP = -17,      /* this TPM or build cannot do that */
        ERR_RANGE = -18,       /* too long, too short, too many */
        ERR_FULL = -19,        /* no free slot or session in the TPM */
        ERR_NOTINIT = -20,     /* the store has no TPM yet: run holdfast init */
        ERR_STALE = -21,       /* changed or removed by someone else meanwhile */
};

/* Keeps the sentence (replacing the thread's last one) and returns code. Never
 * pass a secret. Ends without a full stop or newline. */
int err(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, and ": " with the text of errno behind it; the code is chosen from errno. */
int err_errno(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The thread's last sentence, "" if none. */
const char *err_text(void);
/* What to do about it, one sentence, or NULL: by code. */
const char *err_hint(int code);
/* "ERR_NOENT", for traces and tests. */
const char *err_name(int code);
void err_reset(void);

/* What our programs exit with. */
enum {
        EXIT_USAGE = 2,        /* the command is written wrongly */
        EXIT_NOT_FOUND = 3,    /* there is no such agent, key, file or store */
        EXIT_DENIED = 4,       /* by the system's rights, a rule, a wrong PIN or authorisation */
        EXIT_HARDWARE = 7,     /* the TPM is absent, does not answer, is locked or full */
        EXIT_VERIFY = 8,       /* verification failed */
};
int err_exit_status(int code);

#endif
