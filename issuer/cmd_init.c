/* SPDX-License-Identifier: BSD-2-Clause */
/* holdfast-issuer init: what does a new issuer need, and what is its operator to do next? Safe to run again: what is there stays. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "issuer/cmd.h"
#include "issuer/dnsname.h"
#include "issuer/spiffe.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/filepath.h"

#define DIRECTORY "/var/lib/holdfast-issuer"
#define HTTPS_PORT "443"
#define INI_VALUE_MAX 150               /* a line of the configuration has room for so much */

/* --- The configuration --- */

static int check_value(const char *what, const char *value)
{
        for (const char *c = value; *c != '\0'; c++)
                if (*c <= ' ' || *c > '~')
                        return err(ERR_INVAL, "%s: no blanks, and nothing that cannot be printed", what);
        return strlen(value) <= INI_VALUE_MAX && value[0] != '\0' ? 0 : err(ERR_INVAL, "%s: 1 to %d characters", what, INI_VALUE_MAX);
}

static int check_url(const char *url)
{
        size_t n = strlen(url);

        if (strncmp(url, "https://", 8) != 0 || n < 9 || url[n - 1] == '/' || strpbrk(url, "?#@\"\\") != NULL)
                return err(ERR_INVAL, "%s: the URL is https://NAME[:PORT], without a \"/\" at its end", url);
        return check_value("url", url);
}

/* Every address, on the URL's port. */
static int put_listen(const struct args *a, struct buf *b)
{
        const char *url = args_value(a, "url"), *colon = strrchr(url + strlen("https://"), ':'), *listen;
        bool port = colon != NULL && strspn(colon + 1, "0123456789") == strlen(colon + 1);
        int r = 0;

        if (args_value(a, "listen") == NULL)
                return buf_printf(b, "listen = [::]:%s\n", port ? colon + 1 : HTTPS_PORT);
        for (size_t i = 0; r == 0 && (listen = args_nth(a, "listen", i)) != NULL; i++) {
                r = check_value("listen", listen);
                if (r == 0)
                        r = buf_printf(b, "listen = %s\n", listen);
        }
        return r;
}

static int put_option(const struct args *a, const char *name, const char *otherwise, struct buf *b)
{
        const char *value = args_value(a, name);
        int r;

        if (value == NULL)
                return buf_append_str(b, otherwise);
        r = check_value(name, value);
        return r == 0 ? buf_printf(b, "%s = %s\n", name, value) : r;
}

/* All may read the configuration. A URL has a password before the host, or as a parameter. */
static int check_db(const char *url)
{
        const char *user = url != NULL ? strstr(url, "://") : NULL;
        size_t n = user != NULL ? strcspn(user + 3, "/") : 0;

        if (user != NULL && ((memchr(user + 3, '@', n) != NULL && memchr(user + 3, ':', strcspn(user + 3, "@")) != NULL) || strstr(user, "password=") != NULL))
                return err(ERR_INVAL, "db: a password is not for a file that all may read: put it into one that passfile= names in the URL");
        return 0;
}

static int put_issuer(const struct args *a, const char *dir, struct buf *b)
{
        const char *domain;
        int r = check_db(args_value(a, "db"));

        if (r != 0)
                return r;
        r = buf_printf(b, "# What this issuer is, whom it trusts, and what it gives: holdfast-issuer.conf(5). After a change: systemctl reload holdfast-issuer\n"
                          "[issuer]\ntrust-domain = %s\nurl = %s\ndirectory = %s\n", args_value(a, "trust-domain"), args_value(a, "url"), dir);
        if (r == 0)
                r = put_listen(a, b);
        for (size_t i = 0; r == 0 && (domain = args_nth(a, "domain", i)) != NULL; i++) {
                r = dnsname_check(BYTES_STR(domain), false);
                if (r == 0)
                        r = buf_printf(b, "domains = %s\n", domain);
        }
        if (r == 0 && args_value(a, "domain") == NULL)
                r = buf_append_str(b, "# DNS names in and below these may be certified, and SSH clients believe hosts in them. The CA's certificate names them for good.\n"
                                      "#domains = example.org\n");
        if (r == 0)
                r = put_option(a, "admin-socket", "#admin-socket = /run/holdfast-issuer/admin.sock\n", b);
        if (r == 0)
                r = put_option(a, "db", "# Several issuers may share one database. No password here: the URL can name a passfile.\n#db = postgresql:///holdfast\n", b);
        if (r == 0)
                r = put_option(a, "tls-key", "", b);
        return r == 0 ? put_option(a, "tls-certificate", "", b) : r;
}

static int put_trust(const struct args *a, struct buf *b)
{
        bool simulator = args_value(a, "simulator-roots") != NULL;
        int r;

        r = buf_append_str(b, "\n[trust]\n");
        if (r == 0)
                r = put_option(a, "ek-roots", "# Certificates of the makers of your TPMs, PEM or DER, one directory.\n#ek-roots = /etc/holdfast/ek-roots\n", b);
        if (r == 0 && simulator)
                r = put_option(a, "simulator-roots", "", b);
        if (r == 0)
                r = buf_printf(b, "# A host that nobody has named before: no (it needs a token: holdfast-issuer token create), approve, yes.\nfirst-use = %s\n",
                               simulator ? "yes" : "no");
        return r;
}

/* For trying things out: all that there is, and whoever runs this may log in. */
static int put_simulator_profile(const struct args *a, struct buf *b)
{
        const char *domain = args_value(a, "domain");
        const struct passwd *me = getpwuid(geteuid());
        int r;

        r = buf_printf(b, "credentials = x509 jwt ssh-user%s\nssh-users = {agent} %s\naudiences = %s\n", domain != NULL ? " ssh-host" : "",
                       me != NULL ? me->pw_name : "", args_value(a, "url"));
        if (r == 0 && domain != NULL)
                r = buf_printf(b, "audiences = https://api.%s\ndns = {agent}.%s\nssh-hosts = {host}\n", domain, domain);
        return r;
}

/* The first profile that fits counts: this one is the last. */
static int put_profile(const struct args *a, struct buf *b)
{
        bool simulator = args_value(a, "simulator-roots") != NULL;
        int r;

        r = buf_printf(b, "\n# The first profile that fits counts: put your own before this one.\n"
                          "[profile default]\nhost = *\nagent = *\nassurance = hardware pinned%s\n"
                          "spiffe-id = spiffe://{trust-domain}/host/{host}/agent/{agent}\nlife = 1h\n", simulator ? " simulator" : "");
        if (r == 0 && simulator)
                return put_simulator_profile(a, b);
        if (r == 0)
                r = buf_printf(b, "credentials = x509 jwt\naudiences = %s\n"
                                  "# What the host must be like, and what else it may get:\n#pcrs = 0,2,4,7\n#golden = /etc/holdfast/golden\n#secure-boot = yes\n"
                                  "#unit = build.service\n#dns = {agent}.example.org\n#ssh-users = {agent}\n#log = yes\n", args_value(a, "url"));
        return r;
}

static int write_conf(const struct args *a, const char *path, const char *dir)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        CLEANUP(free_ptr) char *parent = strdup(path);
        char *slash = parent != NULL ? strrchr(parent, '/') : NULL;
        int r = 0;

        if (args_value(a, "trust-domain") == NULL || args_value(a, "url") == NULL)
                return err(ERR_INVAL, "a new issuer needs --trust-domain and --url");
        r = spiffe_trust_domain_check(BYTES_STR(args_value(a, "trust-domain")));
        if (r == 0)
                r = check_value("trust-domain", args_value(a, "trust-domain"));
        if (r == 0)
                r = check_url(args_value(a, "url"));
        if (r == 0)
                r = put_issuer(a, dir, &b);
        if (r == 0)
                r = put_trust(a, &b);
        if (r == 0)
                r = put_profile(a, &b);
        if (r == 0 && slash != NULL && slash != parent) {
                *slash = '\0';
                r = dir_make(parent, 0755);
        }
        return r == 0 ? filepath_write(path, BYTES_OF(&b), 0644, false) : r;
}

/* --- Keys --- */

int cmd_become_owner(const char *dir)
{
        struct stat st;

        if (geteuid() != 0)
                return 0;
        if (stat(dir, &st) != 0)
                return errno == ENOENT ? 0 : err_errno("%s", dir);
        if (st.st_uid == 0)
                return 0;
        if (setgroups(0, NULL) != 0 || setegid(st.st_gid) != 0 || seteuid(st.st_uid) != 0)
                return err_errno("cannot become the owner of %s", dir);
        return 0;
}

/* A file that is named from here is found from anywhere. */
static int absolute(const char *where, char **ret)
{
        *ret = strncmp(where, "pkcs11:", 7) == 0 ? strdup(where) : realpath(where, NULL);
        return *ret != NULL ? 0 : err_errno("%s", where);
}

static int make_keys(const struct args *a, const struct authority_options *o)
{
        static const enum authority_use uses[] = { AUTHORITY_X509, AUTHORITY_AK, AUTHORITY_JWT, AUTHORITY_SSH };
        const char *given = args_value(a, "ca-key"), *kind = args_value(a, "ca-kind");
        CLEANUP(free_ptr) char *where = NULL;
        int r = given != NULL ? absolute(given, &where) : 0;

        for (size_t i = 0; r == 0 && i < ARRAY_LEN(uses); i++) {
                struct authority_key_wish w = { .use = uses[i], .kind = "P-256" };

                if (authority_has(o, uses[i]))
                        continue;
                if (uses[i] == AUTHORITY_X509) {
                        w.where = where;
                        w.kind = kind != NULL ? kind : w.kind;
                }
                r = authority_add_key(o, &w, (uint64_t)time(NULL));
        }
        return r;
}

static void tell_next(const char *conf, const struct issuer_conf *c)
{
        printf("Issuer     %s for the trust domain %s\n"
               "Settings   %s\n"
               "Keys       %s/keys, to be kept and copied as secrets\n"
               "Auditors   %s/log-keys.pem: holdfast audit verify %s/log --issuer-key log-keys.pem\n\n"
               "What others trust, once it runs:\n"
               "  X.509    %s/ca.pem, revoked: %s/ca.crl\n"
               "  SPIFFE   %s/spiffe-bundle.json\n"
               "  JWT      %s/.well-known/openid-configuration\n"
               "  SSH      %s/ssh/user-ca.pub (TrustedUserCAKeys), %s/ssh/krl (RevokedKeys), %s/ssh/known_hosts\n\n"
               "Next:\n"
               "  holdfast-issuer serve --conf %s        or: systemctl enable --now holdfast-issuer\n"
               "  holdfast-issuer token create --host HOST --conf %s\n"
               "and on HOST, with ca.pem from here: holdfast join %s --ca ca.pem --token TOKEN\n",
               c->url, c->trust_domain, conf, c->directory, c->directory, c->directory, c->url, c->url, c->url, c->url, c->url, c->url, c->url, conf, conf,
               c->url);
}

int cmd_init(struct args *a)
{
        const char *path = args_conf(a), *dir = args_value(a, "directory") != NULL ? args_value(a, "directory") : DIRECTORY;
        CLEANUP(issuer_conf_clear) struct issuer_conf conf = { 0 };
        struct bytes domains[GRANT_NAMES_MAX];
        struct authority_options o;
        int r = 0;

        if (dir[0] != '/')
                return err(ERR_INVAL, "%s: the directory's path begins with a \"/\"", dir);
        if (access(path, F_OK) != 0)
                r = write_conf(a, path, dir);
        if (r == 0)
                r = issuer_conf_load(path, &conf);
        if (r == 0 && ((args_value(a, "trust-domain") != NULL && strcmp(args_value(a, "trust-domain"), conf.trust_domain) != 0) ||
                       (args_value(a, "directory") != NULL && strcmp(dir, conf.directory) != 0)))
                r = err(ERR_EXIST, "%s is there already, with another trust domain or directory", path);
        if (r == 0)
                r = dir_make(conf.directory, 0700);
        if (r == 0)
                r = cmd_become_owner(conf.directory);
        if (r != 0)
                return r;
        cmd_authority_options(&conf, domains, &o);
        r = make_keys(a, &o);
        if (r == 0)
                r = authority_log_keys(&o);
        if (r == 0)
                tell_next(path, &conf);
        return r;
}

int cmd_rotate(struct args *a)
{
        const char *use = args_value(a, "use"), *given = args_value(a, "key"), *kind = args_value(a, "kind"), *overlap = args_value(a, "overlap");
        CLEANUP(issuer_conf_clear) struct issuer_conf conf = { 0 };
        CLEANUP(free_ptr) char *where = NULL;
        struct bytes domains[GRANT_NAMES_MAX];
        struct authority_options o;
        unsigned long seconds = 24 * 60 * 60;
        unsigned made = 0;
        int r = overlap != NULL ? args_seconds(overlap, &seconds) : 0;

        if (r == 0 && given != NULL && use == NULL)
                r = err(ERR_INVAL, "--key is for one --use");
        if (r == 0 && given != NULL)
                r = absolute(given, &where);
        if (r == 0)
                r = issuer_conf_load(args_conf(a), &conf);
        if (r == 0)
                r = cmd_become_owner(conf.directory);
        if (r != 0)
                return r;
        cmd_authority_options(&conf, domains, &o);
        for (unsigned i = 0; r == 0 && i < AUTHORITY_USES; i++) {
                const struct authority_key_wish w = {
                        .use = (enum authority_use)i, .kind = kind != NULL ? kind : "P-256", .where = where, .overlap = seconds,
                };

                if (use != NULL && strcmp(use, authority_use_name(w.use)) != 0)
                        continue;
                r = authority_add_key(&o, &w, (uint64_t)time(NULL));
                if (r == 0)
                        printf("%-10s the next key is published now and signs in %lu s\n", authority_use_name(w.use), seconds);
                made++;
        }
        return r == 0 && made == 0 ? err(ERR_INVAL, "%s: a key is for x509, ak, jwt or ssh", use) : r;
}
