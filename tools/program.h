/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs that `holdfast config` knows how to set up, and what it would write for each. */
#ifndef HOLDFAST_TOOLS_PROGRAM_H
#define HOLDFAST_TOOLS_PROGRAM_H

#include <stdbool.h>
#include "lib/buf.h"
#include "tools/opensslconf.h"

#define PLAN_FILES 4            /* at most, for one program */

/* A file that is ours alone: its first line says so, and without that line it is not touched. */
struct plan_file {
        struct buf path;          /* absolute */
        struct buf content;
        bool make_dir;            /* its directory may be made; else the program is not there */
};

/* Everything that one program needs. Zero-initialise; plan_clear(). */
struct plan {
        struct plan_file files[PLAN_FILES];
        size_t n;
        struct buf hook_path;     /* the user's own file that gets hook_line as its first line; empty: none */
        struct buf hook_line;
        struct buf include;       /* git only: the file that git's global configuration includes */
        struct buf next;          /* what the user does then */
};
void plan_clear(struct plan *p);

/* What the snippets are made of. Borrowed. */
struct plan_facts {
        const char *module;       /* path of the PKCS#11 module */
        const char *home;         /* the user's home directory */
        const char *config_home;  /* $XDG_CONFIG_HOME or ~/.config */
        const char *provider;     /* path of the OpenSSL provider */
        const char *openssl_cnf;  /* the system's configuration of OpenSSL */
        const struct opensslconf *openssl; /* what it says */
        const char *key_ref;      /* a reference file's text, where a key is given */
        const char *cert;         /* its certificate's; NULL: it has none */
        const char *ssh_key;      /* "ecdsa-sha2-nistp256 AAAA...", where one is given */
};

struct program {
        const char *name;         /* "ssh" */
        bool needs_key;           /* AGENT[/LABEL] must be given */
        int (*plan)(const struct plan_facts *f, struct plan *ret);
};
/* NULL behind the last. */
const struct program *program_at(size_t i);
const struct program *program_by_name(const char *name);

/* True if a file with this content is one of ours. */
bool plan_mark_is(struct bytes content);
/* Idempotent. ERR_EXIST if one of the files is there and not ours. */
int plan_install(struct plan *p);
/* Takes away exactly that; 0 also if it is not there. */
int plan_remove(struct plan *p);

#endif
