/* SPDX-License-Identifier: BSD-2-Clause */
/* What is configured for this issuer, and is it all that it should be? */
#include "issuer/conf.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "issuer/dnsname.h"
#include "issuer/profile.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/ini.h"

#define CONF_FILE_MAX (1u << 20)
#define PROFILES_MAX 4096
#define KEYS_MAX 64
#define PROFILE_HEAD "profile "
#define DAY (24 * 60 * 60)

#define AT(field) offsetof(struct issuer_conf, field)

static const struct issuer_key keys[] = {
        { "issuer", "trust-domain", ISSUER_TEXT, AT(trust_domain), 0, 0, NULL, "the SPIFFE trust domain that this issuer issues for" },
        { "issuer", "directory", ISSUER_PATH, AT(directory), 0, 0, NULL, "directory of keys, log and database" },
        { "issuer", "url", ISSUER_URL, AT(url), 0, 0, NULL, "what the issuer is reached by: an https URL" },
        { "issuer", "listen", ISSUER_WORDS, AT(listen), 0, 0, NULL, "addresses and ports" },
        { "issuer", "admin-socket", ISSUER_PATH, AT(admin_socket), 0, 0, NULL, "Unix socket for operators" },
        { "issuer", "admin-group", ISSUER_TEXT, AT(admin_group), 0, 0, NULL, "group whose members may use the operators' socket" },
        { "issuer", "db", ISSUER_TEXT, AT(db), 0, 0, NULL, "database: a file, or postgresql://..." },
        { "issuer", "tls-key", ISSUER_TEXT, AT(tls_key), 0, 0, NULL, "key of the TLS certificate: a file or a pkcs11: URI" },
        { "issuer", "tls-certificate", ISSUER_PATH, AT(tls_certificate), 0, 0, NULL, "the TLS certificate and those that it hangs on" },
        { "issuer", "domains", ISSUER_WORDS, AT(domains), 0, 0, NULL, "DNS names in and below these may be certified" },
        { "issuer", "any-uri", ISSUER_BOOL, AT(any_uri), 0, 0, NULL, "a CA certificate without constraints of URIs, for verifiers that refuse them" },
        { "issuer", "ak-life", ISSUER_SECONDS, AT(ak_life), 60 * 60, 7 * DAY, NULL, "life of attestation keys' certificates" },
        { "issuer", "crl-life", ISSUER_SECONDS, AT(crl_life), 60, DAY, NULL, "for how long a revocation list is good" },
        { "issuer", "workers", ISSUER_NUMBER, AT(workers), 1, 1024, NULL, "threads that answer requests" },
        { "issuer", "max-connections", ISSUER_NUMBER, AT(max_connections), 16, 1000000, NULL, "connections at once" },
        { "issuer", "max-per-address", ISSUER_NUMBER, AT(max_per_address), 1, 1000000, NULL, "connections at once of one address" },
        { "issuer", "timeout", ISSUER_SECONDS, AT(timeout), 1, 600, NULL, "time for a request to arrive" },
        { "issuer", "rotate-mib", ISSUER_NUMBER, AT(rotate_mib), 1, 65536, NULL, "mebibytes of records after which the next log starts" },
        { "issuer", "checkpoint-records", ISSUER_NUMBER, AT(checkpoint_records), 1, 1000000, NULL, "records after which the log gets a checkpoint" },
        { "issuer", "checkpoint-seconds", ISSUER_SECONDS, AT(checkpoint_seconds), 1, DAY, NULL, "time after which it gets one" },

        { "trust", "ek-roots", ISSUER_PATH, AT(ek_roots), 0, 0, NULL, "directory of the certificates of TPM makers" },
        { "trust", "simulator-roots", ISSUER_PATH, AT(simulator_roots), 0, 0, NULL, "directory of the certificates of software TPMs' makers" },
        { "trust", "ak-roots", ISSUER_PATH, AT(ak_roots), 0, 0, NULL, "directory of the certificates of who certifies platforms' attestation keys" },
        { "trust", "ek-pins", ISSUER_PATH, AT(ek_pins), 0, 0, NULL, "file of endorsement keys that are known" },
        { "trust", "platform-aks", ISSUER_PATH, AT(platform_aks), 0, 0, NULL, "file of attestation keys that are known" },
        { "trust", "firmware-denied", ISSUER_PATH, AT(firmware_denied), 0, 0, NULL, "file of TPM firmware that is refused" },
        { "trust", "first-use", ISSUER_CHOICE, AT(first_use), 0, 0, "no approve yes", "new hosts without a token that nobody has vouched for" },
};
_Static_assert(ARRAY_LEN(keys) <= KEYS_MAX, "struct reading has no room for all keys");

/* The file being read. */
struct reading {
        struct issuer_conf *conf;
        struct profile *last;           /* of whose section the newest line was */
        bool seen[KEYS_MAX];            /* keys of this file's sections, but for profiles */
        bool seen_in_profile[KEYS_MAX]; /* of last */
};

const struct issuer_key *issuer_key_at(size_t i)
{
        return i < ARRAY_LEN(keys) ? &keys[i] : NULL;
}

/* "profile NAME": whose name may be part of a line of the log, and of a URL. */
static bool is_profile_name(struct bytes name)
{
        if (name.len == 0 || name.len > PROFILE_NAME_MAX)
                return false;
        for (size_t i = 0; i < name.len; i++)
                if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", name.ptr[i]) == NULL || name.ptr[i] == '\0')
                        return false;
        return true;
}

static struct profile *find_profile(const struct issuer_conf *c, struct bytes name)
{
        for (size_t i = 0; i < c->n_profiles; i++)
                if (bytes_equal(name, BYTES_STR(c->profiles[i].name)))
                        return &c->profiles[i];
        return NULL;
}

static int add_profile(struct issuer_conf *c, struct bytes name)
{
        struct profile *grown;
        char *copy;

        if (!is_profile_name(name))
                return err(ERR_FORMAT, "a profile's name is 1 to %d of a-z, 0-9, - and _", PROFILE_NAME_MAX);
        if (find_profile(c, name) != NULL)
                return err(ERR_FORMAT, "the profile %.*s is there twice", (int)name.len, (const char *)name.ptr);
        if (c->n_profiles == PROFILES_MAX)
                return err(ERR_FORMAT, "more than %d profiles", PROFILES_MAX);
        grown = reallocarray(c->profiles, c->n_profiles + 1, sizeof(*grown));
        if (grown == NULL)
                return err(ERR_NOMEM, "out of memory");
        c->profiles = grown;
        copy = strndup((const char *)name.ptr, name.len);
        if (copy == NULL)
                return err(ERR_NOMEM, "out of memory");
        profile_init(&c->profiles[c->n_profiles++], copy);
        return 0;
}

/* "issuer", "trust", "profile NAME"; ret_name: the name. */
static bool is_profile(struct bytes section, struct bytes *ret_name)
{
        const size_t n = strlen(PROFILE_HEAD);

        if (section.len < n || memcmp(section.ptr, PROFILE_HEAD, n) != 0)
                return false;
        *ret_name = BYTES(section.ptr + n, section.len - n);
        return true;
}

static int take_section(void *ctx, struct bytes section)
{
        struct reading *r = ctx;
        struct bytes name;

        if (is_profile(section, &name))
                return add_profile(r->conf, name);
        if (bytes_equal(section, BYTES_STR("issuer")) || bytes_equal(section, BYTES_STR("trust")))
                return 0;
        return err(ERR_FORMAT, "an unknown section");
}

static int set(const struct issuer_key *k, const char *value, bool *seen, void *structure)
{
        if (*seen && k->type != ISSUER_WORDS)
                return err(ERR_FORMAT, "%s is there twice, or goes on in another line", k->name);
        *seen = true;
        return issuer_key_set(k, value, structure);
}

static int take_profile_line(struct reading *r, struct bytes profile, const char *name, const char *value)
{
        struct profile *p = find_profile(r->conf, profile);
        const struct issuer_key *k;
        size_t i = 0;

        if (p == NULL)
                return err(ERR_FORMAT, "an unknown section");
        if (p != r->last)
                memset(r->seen_in_profile, 0, sizeof(r->seen_in_profile));
        r->last = p;
        while ((k = profile_key_at(i)) != NULL && strcmp(k->name, name) != 0)
                i++;
        if (k == NULL)
                return err(ERR_FORMAT, "there is no key %s in a profile", name);
        return i < KEYS_MAX ? set(k, value, &r->seen_in_profile[i], p) : err(ERR_RANGE, "too many keys");
}

static int take_line(void *ctx, const char *section, const char *name, const char *value)
{
        struct reading *r = ctx;
        struct bytes profile;
        size_t i = 0;

        if (is_profile(BYTES_STR(section), &profile))
                return take_profile_line(r, profile, name, value);
        while (i < ARRAY_LEN(keys) && (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, name) != 0))
                i++;
        if (i == ARRAY_LEN(keys))
                return err(ERR_FORMAT, "there is no key %s in [%s]", name, section);
        return set(&keys[i], value, &r->seen[i], r->conf);
}

static int needed(const char *value, const char *name)
{
        return value != NULL ? 0 : err(ERR_FORMAT, "[issuer] %s is missing", name);
}

static int check_all(struct issuer_conf *c)
{
        int r;

        r = needed(c->trust_domain, "trust-domain");
        if (r == 0)
                r = needed(c->directory, "directory");
        if (r == 0)
                r = needed(c->url, "url");
        if (r == 0)
                r = spiffe_trust_domain_check(BYTES_STR(c->trust_domain));
        for (size_t i = 0; r == 0 && i < c->domains.n; i++)
                r = dnsname_check(word_at(&c->domains, i), false);
        if (r == 0 && c->domains.n > GRANT_NAMES_MAX)
                r = err(ERR_FORMAT, "more than %d domains", GRANT_NAMES_MAX);
        for (size_t i = 0; r == 0 && i < c->n_profiles; i++) {
                r = profile_finish(&c->profiles[i], c);
                if (r != 0)
                        r = err(r, "[profile %s]: %s", c->profiles[i].name, err_text());
        }
        return r;
}

static void set_defaults(struct issuer_conf *c)
{
        c->ak_life = DAY;
        c->crl_life = 60 * 60;
        c->workers = 8;
        c->max_connections = 4096;
        c->max_per_address = 256;
        c->timeout = 30;
        c->rotate_mib = 1024;
        c->checkpoint_records = 1000;
        c->checkpoint_seconds = 60;
}

int issuer_conf_load(const char *path, struct issuer_conf *ret)
{
        struct issuer_conf c = { 0 };
        struct reading reading = { .conf = &c };
        CLEANUP(close_fd) int fd = -1;
        int r;

        set_defaults(&c);
        r = file_open(AT_FDCWD, path, &fd);
        if (r == 0)
                r = ini_fd(fd, path, CONF_FILE_MAX, &(struct ini_taker){ take_section, take_line, &reading });
        if (r == 0) {
                r = check_all(&c);
                if (r != 0)
                        r = err(r, "%s: %s", path, err_text());
        }
        if (r != 0) {
                issuer_conf_clear(&c);
                return r;
        }
        *ret = c;
        return 0;
}

void issuer_conf_clear(struct issuer_conf *c)
{
        char *texts[] = { c->trust_domain, c->directory, c->url, c->admin_socket, c->admin_group, c->db, c->tls_key, c->tls_certificate,
                          c->ek_roots, c->simulator_roots, c->ak_roots, c->ek_pins, c->platform_aks, c->firmware_denied };

        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
                free(texts[i]);
        words_clear(&c->listen);
        words_clear(&c->domains);
        for (size_t i = 0; i < c->n_profiles; i++)
                profile_clear(&c->profiles[i]);
        free(c->profiles);
        *c = (struct issuer_conf){ 0 };
}

int issuer_conf_beside(const struct issuer_conf *c, const char *configured, const char *name, struct buf *ret)
{
        buf_reset(ret);
        return configured != NULL ? buf_append_str(ret, configured) : buf_printf(ret, "%s/%s", c->directory, name);
}
