/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration: defaults, /etc/holdfast/holdfast.conf, the user's
 * $XDG_CONFIG_HOME/holdfast/holdfast.conf (or the file that HOLDFAST_CONF names), then the
 * environment, later over earlier. */
#ifndef HOLDFAST_LIB_CONF_H
#define HOLDFAST_LIB_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Everything is owned by the structure. */
struct conf {
        char *tcti;                 /* "device:/dev/tpmrm0", "swtpm:path=/run/x/sock" */
        char *store;                /* absolute path of the store's directory */
        char *trace;                /* file that gets a line per TPM command, or NULL */
        unsigned deadline_ms;       /* per TPM command */
        uint32_t parent_handle;     /* persistent handle that `init` asks for */
        bool rsa_pkcs1_decrypt;     /* offer CKM_RSA_PKCS decryption */
        bool show_free_slot;        /* show a slot without a token, for C_InitToken */
        unsigned pin_tries;         /* wrong PINs before a token locks */
};

enum conf_type { CONF_STR, CONF_UINT, CONF_BOOL };

/* One key of the file: the table that the parser, the man page check and `doctor` read. */
struct conf_key {
        const char *section, *name; /* "tpm", "tcti" */
        const char *env;            /* "HOLDFAST_TCTI", or NULL */
        enum conf_type type;
        size_t offset;              /* in struct conf */
        unsigned long min, max;     /* CONF_UINT */
        const char *help;
};
const struct conf_key *conf_key_at(size_t i); /* NULL behind the last */

/* An unknown section, key or value is ERR_FORMAT naming file and line. A file that others may
 * write is refused (ERR_PERM). In a set-user-id program environment and user's file are ignored. */
int conf_load(struct conf *ret);
/* The same for one named file, over defaults. For tests and fuzzing. */
int conf_load_file(const char *path, struct conf *ret);
void conf_clear(struct conf *c);

#endif
