/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration: defaults, /etc/holdfast/holdfast.conf, the user's
 * $XDG_CONFIG_HOME/holdfast/holdfast.conf (or the file that HOLDFAST_CONF names), then the
 * environment, later over earlier. */
#ifndef HOLDFAST_LIB_CONF_H
#define HOLDFAST_LIB_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/buf.h"

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
        char *socket;               /* of the daemon, for PKCS#11: an absolute path, "none", or NULL: conf_socket_*() */
        char *operator_socket;      /* of the daemon, for operators: an absolute path, or NULL: beside the other */
        char *operator_group;       /* who may use that; NULL: root and the daemon's user */
        char *default_rule;         /* that a new agent gets unless its maker says another; NULL: none */
        unsigned max_connections, max_per_user;
        char *audit_dir;            /* absolute path of the log's directory, or NULL: "audit" in the store */
        bool audit_direct;          /* the module writes the log where no daemon does */
        char *witness_key;          /* absolute path of the Ed25519 key that signs checkpoints, too; NULL: none */
        unsigned rotate_mib, checkpoint_records, checkpoint_seconds;
        char *issuer_url;           /* "https://issuer.example:8443", or NULL: none */
        char *issuer_ca;            /* absolute path of the certificates that its TLS is trusted by, or NULL: the system's */
        char *issuer_host;          /* this host's name there, or NULL: the system's */
        unsigned issuer_ak_handle;  /* of an attestation key that the platform has made; 0: holdfastd's own speaks */
        char *issuer_token_file;    /* absolute path of the join token, or NULL */
        char *token_socket;         /* where JWTs are asked for: an absolute path, or NULL: conf_beside() */
        char *credentials;          /* absolute path of the directory of public credential files, or NULL: conf_beside() */
        char *http_socket;          /* of holdfast-http, an absolute path; "none": it is started; NULL: conf_beside(), if it is there */
        bool store_chosen;          /* somebody configured the store's path: it is not the default */
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
int conf_copy(const struct conf *from, struct conf *ret);
void conf_clear(struct conf *c);

/* Where the daemon listens for PKCS#11. For the daemon: as configured, else by whose store it is. ERR_INVAL: "none". */
int conf_socket_daemon(const struct conf *c, struct buf *ret);
/* For a client: as configured; else, unless a store was chosen, the first that is there of the user's and the system's. ERR_NOENT: none. */
int conf_socket_client(const struct conf *c, struct buf *ret);
/* The operators' socket beside that one, unless configured. */
int conf_operator_socket(const struct conf *c, const char *socket, struct buf *ret);
/* What is as configured, or has that name beside the daemon's socket: of token_socket, credentials, http_socket. */
#define CONF_TOKEN_SOCKET "token.sock"
#define CONF_CREDENTIALS "credentials"
#define CONF_HTTP_SOCKET "http.sock"
int conf_beside(const char *configured, const char *socket, const char *name, struct buf *ret);
/* The log's directory. */
int conf_audit_dir(const struct conf *c, struct buf *ret);

#endif
