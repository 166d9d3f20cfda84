/* SPDX-License-Identifier: BSD-2-Clause */
/* What is configured, and where does it say so? */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/buf.h"
#include "lib/conf.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/ini.h"
#include "lib/utf8.h"

#define SYSTEM_FILE "/etc/holdfast/holdfast.conf"
#define SYSTEM_STORE "/var/lib/holdfast"
#define FILE_MAX (64 * 1024)
#define SOCKET_NONE "none"
#define KEYS_MAX 32

static const struct conf_key keys[] = {
        { "tpm", "tcti", "HOLDFAST_TCTI", CONF_STR, offsetof(struct conf, tcti), 0, 0,
          "how the TPM is reached: device:PATH, swtpm:path=SOCKET or another TCTI of tpm2-tss" },
        { "tpm", "trace", "HOLDFAST_TPM_TRACE", CONF_STR, offsetof(struct conf, trace), 0, 0,
          "file that gets a line for every TPM command" },
        { "tpm", "deadline-ms", "HOLDFAST_DEADLINE_MS", CONF_UINT, offsetof(struct conf, deadline_ms), 100, 600000,
          "milliseconds that a TPM command may take" },
        { "tpm", "parent-handle", "HOLDFAST_PARENT_HANDLE", CONF_UINT, offsetof(struct conf, parent_handle), 0x81000000, 0x817fffff,
          "persistent handle for the parent key that init makes" },
        { "store", "path", "HOLDFAST_STORE", CONF_STR, offsetof(struct conf, store), 0, 0,
          "directory of the store, an absolute path" },
        { "pkcs11", "rsa-pkcs1-decrypt", "HOLDFAST_RSA_PKCS1_DECRYPT", CONF_BOOL, offsetof(struct conf, rsa_pkcs1_decrypt), 0, 0,
          "offer decryption with PKCS #1 v1.5 padding, which is easily misused as an oracle" },
        { "pkcs11", "show-free-slot", "HOLDFAST_SHOW_FREE_SLOT", CONF_BOOL, offsetof(struct conf, show_free_slot), 0, 0,
          "show a slot without a token, for C_InitToken" },
        { "pkcs11", "pin-tries", "HOLDFAST_PIN_TRIES", CONF_UINT, offsetof(struct conf, pin_tries), 1, 100,
          "wrong PINs in a row before a token locks" },
        { "daemon", "socket", "HOLDFAST_SOCKET", CONF_STR, offsetof(struct conf, socket), 0, 0,
          "socket that holdfastd serves PKCS#11 on, an absolute path; none: no daemon is asked" },
        { "daemon", "operator-socket", "HOLDFAST_OPERATOR_SOCKET", CONF_STR, offsetof(struct conf, operator_socket), 0, 0,
          "socket for operators' commands, an absolute path" },
        { "daemon", "operator-group", "HOLDFAST_OPERATOR_GROUP", CONF_STR, offsetof(struct conf, operator_group), 0, 0,
          "group whose members may use the operators' socket" },
        { "daemon", "default-rule", "HOLDFAST_DEFAULT_RULE", CONF_STR, offsetof(struct conf, default_rule), 0, 0,
          "rule that a new agent gets unless its maker gives another" },
        { "daemon", "max-connections", "HOLDFAST_MAX_CONNECTIONS", CONF_UINT, offsetof(struct conf, max_connections), 16, 65536,
          "connections that holdfastd has at once" },
        { "daemon", "max-per-user", "HOLDFAST_MAX_PER_USER", CONF_UINT, offsetof(struct conf, max_per_user), 1, 65536,
          "connections that one user has at once" },
        { "audit", "directory", "HOLDFAST_AUDIT", CONF_STR, offsetof(struct conf, audit_dir), 0, 0,
          "directory of the log, an absolute path" },
        { "audit", "direct", "HOLDFAST_AUDIT_DIRECT", CONF_BOOL, offsetof(struct conf, audit_direct), 0, 0,
          "the module writes the log itself where there is no daemon" },
        { "audit", "witness-key", "HOLDFAST_AUDIT_WITNESS_KEY", CONF_STR, offsetof(struct conf, witness_key), 0, 0,
          "file of the Ed25519 key that signs checkpoints for witnesses, an absolute path" },
        { "audit", "rotate-mib", "HOLDFAST_AUDIT_ROTATE_MIB", CONF_UINT, offsetof(struct conf, rotate_mib), 1, 65536,
          "mebibytes of records after which the next log starts" },
        { "audit", "checkpoint-records", "HOLDFAST_CHECKPOINT_RECORDS", CONF_UINT, offsetof(struct conf, checkpoint_records), 1, 1000000,
          "records after which the TPM signs a checkpoint" },
        { "audit", "checkpoint-seconds", "HOLDFAST_CHECKPOINT_SECONDS", CONF_UINT, offsetof(struct conf, checkpoint_seconds), 1, 86400,
          "seconds after which it signs one, if there are new records" },
        { "issuer", "url", "HOLDFAST_ISSUER", CONF_STR, offsetof(struct conf, issuer_url), 0, 0,
          "issuer that this host joins, an https URL" },
        { "issuer", "ca", "HOLDFAST_ISSUER_CA", CONF_STR, offsetof(struct conf, issuer_ca), 0, 0,
          "file of the certificates that the issuer's TLS is trusted by, an absolute path" },
        { "issuer", "host", "HOLDFAST_ISSUER_HOST", CONF_STR, offsetof(struct conf, issuer_host), 0, 0,
          "this host's name at the issuer" },
        { "issuer", "ak-handle", "HOLDFAST_ISSUER_AK_HANDLE", CONF_UINT, offsetof(struct conf, issuer_ak_handle), 0x81000000, 0x81ffffff,
          "persistent handle of the platform's attestation key, to speak in place of holdfastd's" },
        { "issuer", "token-file", "HOLDFAST_ISSUER_TOKEN_FILE", CONF_STR, offsetof(struct conf, issuer_token_file), 0, 0,
          "file of the join token, an absolute path" },
        { "issuer", "token-socket", "HOLDFAST_TOKEN_SOCKET", CONF_STR, offsetof(struct conf, token_socket), 0, 0,
          "socket that holdfastd gives tokens on, an absolute path" },
        { "issuer", "credentials", "HOLDFAST_CREDENTIALS", CONF_STR, offsetof(struct conf, credentials), 0, 0,
          "directory of agents' certificates, an absolute path" },
        { "issuer", "http-socket", "HOLDFAST_HTTP_SOCKET", CONF_STR, offsetof(struct conf, http_socket), 0, 0,
          "socket of holdfast-http, an absolute path; none: holdfastd starts it" },
};

/* A file being read. */
struct source {
        struct conf *conf;
        bool seen[KEYS_MAX];
};

_Static_assert(ARRAY_LEN(keys) <= KEYS_MAX, "struct source has no room for all keys");

const struct conf_key *conf_key_at(size_t i)
{
        return i < ARRAY_LEN(keys) ? &keys[i] : NULL;
}

void conf_clear(struct conf *c)
{
        free(c->tcti);
        free(c->store);
        free(c->trace);
        free(c->socket);
        free(c->operator_socket);
        free(c->operator_group);
        free(c->default_rule);
        free(c->audit_dir);
        free(c->witness_key);
        free(c->issuer_url);
        free(c->issuer_ca);
        free(c->issuer_host);
        free(c->issuer_token_file);
        free(c->token_socket);
        free(c->credentials);
        free(c->http_socket);
        *c = (struct conf){ 0 };
}

static int copy_str(char **place)
{
        if (*place == NULL)
                return 0;
        *place = strdup(*place);
        return *place != NULL ? 0 : err(ERR_NOMEM, "out of memory");
}

int conf_copy(const struct conf *from, struct conf *ret)
{
        struct conf c = *from;
        char **strings[] = { &c.tcti, &c.store, &c.trace, &c.socket, &c.operator_socket, &c.operator_group, &c.default_rule, &c.audit_dir,
                             &c.witness_key, &c.issuer_url, &c.issuer_ca, &c.issuer_host, &c.issuer_token_file, &c.token_socket,
                             &c.credentials, &c.http_socket };
        int r = 0;

        for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
                if (r != 0)
                        *strings[i] = NULL;
                else
                        r = copy_str(strings[i]);
        }
        if (r != 0)
                conf_clear(&c);
        else
                *ret = c;
        return r;
}

static int set_str(const char *value, char **place)
{
        char *copy;

        if (value[0] == '\0' || !utf8_printable(BYTES_STR(value)))
                return err(ERR_FORMAT, "an empty value or one with control characters");
        copy = strdup(value);
        if (!copy)
                return err(ERR_NOMEM, "out of memory");
        free(*place);
        *place = copy;
        return 0;
}

static int set_uint(const struct conf_key *k, const char *value, unsigned *place)
{
        unsigned long v;
        char *end;

        errno = 0;
        v = strtoul(value, &end, strncmp(value, "0x", 2) == 0 ? 16 : 10);
        if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || v < k->min || v > k->max)
                return err(ERR_FORMAT, k->min > 0xffff ? "\"%s\" is no number from 0x%lx to 0x%lx" : "\"%s\" is no number from %lu to %lu",
                           value, k->min, k->max);
        *place = (unsigned)v;
        return 0;
}

static int set_bool(const char *value, bool *place)
{
        static const struct {
                const char *word;
                bool value;
        } words[] = {
                { "yes", true }, { "no", false }, { "true", true }, { "false", false },
                { "on", true }, { "off", false }, { "1", true }, { "0", false },
        };

        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                if (strcmp(words[i].word, value) == 0) {
                        *place = words[i].value;
                        return 0;
                }
        }
        return err(ERR_FORMAT, "\"%s\" is neither yes nor no", value);
}

static bool must_be_path(const struct conf_key *k, const char *value)
{
        static const size_t paths[] = {
                offsetof(struct conf, store), offsetof(struct conf, operator_socket), offsetof(struct conf, audit_dir), offsetof(struct conf, witness_key),
                offsetof(struct conf, issuer_ca), offsetof(struct conf, issuer_token_file), offsetof(struct conf, token_socket),
                offsetof(struct conf, credentials),
        };

        if (k->offset == offsetof(struct conf, socket) || k->offset == offsetof(struct conf, http_socket))
                return strcmp(value, SOCKET_NONE) != 0;
        for (size_t i = 0; i < ARRAY_LEN(paths); i++)
                if (paths[i] == k->offset)
                        return true;
        return false;
}

static int set(const struct conf_key *k, const char *value, struct conf *c)
{
        void *place = (char *)c + k->offset;

        switch (k->type) {
        case CONF_STR:
                if (value[0] != '/' && must_be_path(k, value))
                        return err(ERR_FORMAT, "\"%s\" is no absolute path", value);
                c->store_chosen |= k->offset == offsetof(struct conf, store);
                return set_str(value, place);
        case CONF_UINT:
                return set_uint(k, value, place);
        default:
                return set_bool(value, place);
        }
}

static size_t find(const char *section, const char *name)
{
        size_t i = 0;

        while (i < ARRAY_LEN(keys) && (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, name) != 0))
                i++;
        return i;
}

static int take_line(void *user, const char *section, const char *name, const char *value)
{
        struct source *s = user;
        size_t i = find(section, name);

        if (i == ARRAY_LEN(keys))
                return err(ERR_FORMAT, "there is no key %s in [%s]", name, section);
        if (s->seen[i])
                return err(ERR_FORMAT, "%s is there twice, or goes on in another line", name);
        s->seen[i] = true;
        return set(&keys[i], value, s->conf);
}

static int check_section(void *user, struct bytes name)
{
        (void)user;
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                if (bytes_equal(name, BYTES_STR(keys[i].section)))
                        return 0;
        return err(ERR_FORMAT, "an unknown section");
}

static int read_open_file(int fd, const char *path, struct conf *c)
{
        struct source s = { .conf = c };

        return ini_fd(fd, path, FILE_MAX, &(struct ini_taker){ check_section, take_line, &s });
}

/* Is it a file that must be there, that may be missing, or that we also need not be let to see? */
enum need { MUST, MAY, MAY_HIDDEN };

static int read_file(const char *path, enum need need, struct conf *c)
{
        CLEANUP(close_fd) int fd = -1;
        int r;

        r = file_open(AT_FDCWD, path, &fd);
        if ((r == ERR_NOENT && need != MUST) || (r == ERR_PERM && need == MAY_HIDDEN))
                return 0;
        return r != 0 ? r : read_open_file(fd, path, c);
}

static bool is_privileged(void)
{
        return getauxval(AT_SECURE) != 0;
}

/* An XDG directory: from the environment if it is absolute there, else below the home directory. ERR_NOENT without one. */
static int xdg_path(const char *env, const char *below_home, const char *rest, struct buf *ret)
{
        const char *dir = secure_getenv(env);
        const char *home = secure_getenv("HOME");
        char room[4096];
        struct passwd pw, *found = NULL;

        if (dir && dir[0] == '/')
                return buf_printf(ret, "%s/%s", dir, rest);
        if (!home || home[0] != '/') {
                if (getpwuid_r(geteuid(), &pw, room, sizeof(room), &found) != 0 || !found || found->pw_dir[0] != '/')
                        return err(ERR_NOENT, "this user has no home directory");
                home = found->pw_dir;
        }
        return buf_printf(ret, "%s/%s/%s", home, below_home, rest);
}

static int default_store(struct buf *ret)
{
        struct stat st;
        bool ours = geteuid() == 0 || (stat(SYSTEM_STORE, &st) == 0 && st.st_uid == geteuid());

        if (ours)
                return buf_append_str(ret, SYSTEM_STORE);
        return xdg_path("XDG_STATE_HOME", ".local/state", "holdfast", ret);
}

static int set_defaults(struct conf *c)
{
        CLEANUP(buf_clear) struct buf store = { 0 };
        int r;

        c->deadline_ms = 10000;
        c->parent_handle = 0x81010a01;
        c->pin_tries = 10;
        c->max_connections = 8192;
        c->max_per_user = 1024;
        c->rotate_mib = 256;
        c->checkpoint_records = 1000;
        c->checkpoint_seconds = 60;
        r = set_str("device:/dev/tpmrm0", &c->tcti);
        if (r == 0)
                r = default_store(&store);
        /* Without a home the store must be configured, or is found missing. */
        if (r == ERR_NOENT)
                r = buf_append_str(&store, SYSTEM_STORE);
        if (r == 0 && !buf_str(&store))
                r = err(ERR_NOMEM, "out of memory");
        return r != 0 ? r : set_str(buf_str(&store), &c->store);
}

static int read_user_file(struct conf *c)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        const char *named = secure_getenv("HOLDFAST_CONF");
        int r;

        if (is_privileged())
                return 0;
        if (named && named[0] != '\0')
                return read_file(named, MUST, c);
        r = xdg_path("XDG_CONFIG_HOME", ".config", "holdfast/holdfast.conf", &path);
        if (r != 0)
                return r == ERR_NOENT ? 0 : r;
        if (!buf_str(&path))
                return err(ERR_NOMEM, "out of memory");
        return read_file(buf_str(&path), MAY_HIDDEN, c);
}

static int read_environment(struct conf *c)
{
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                const char *value = secure_getenv(keys[i].env);
                int r;

                if (!value || value[0] == '\0')
                        continue;
                r = set(&keys[i], value, c);
                if (r != 0)
                        return r == ERR_FORMAT ? err(r, "%s: %s", keys[i].env, err_text()) : r;
        }
        return 0;
}

static int finish(int r, struct conf *c, struct conf *ret)
{
        if (r != 0) {
                conf_clear(c);
                return r;
        }
        *ret = *c;
        return 0;
}

int conf_load(struct conf *ret)
{
        struct conf c = { 0 };
        int r;

        r = set_defaults(&c);
        if (r == 0)
                r = read_file(SYSTEM_FILE, MAY, &c);
        if (r == 0)
                r = read_user_file(&c);
        if (r == 0)
                r = read_environment(&c);
        return finish(r, &c, ret);
}

int conf_load_file(const char *path, struct conf *ret)
{
        struct conf c = { 0 };
        int r;

        r = set_defaults(&c);
        if (r == 0)
                r = read_file(path, MUST, &c);
        return finish(r, &c, ret);
}
