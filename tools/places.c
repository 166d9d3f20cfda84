/* SPDX-License-Identifier: BSD-2-Clause */
/* Where are the things that other programs' configuration speaks of? */
#include <openssl/x509.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>
#include "lib/err.h"
#include "tools/module.h"
#include "tools/places.h"

void places_clear(struct places *p)
{
        buf_clear(&p->module);
        buf_clear(&p->home);
        buf_clear(&p->config_home);
        buf_clear(&p->provider);
        buf_clear(&p->openssl_cnf);
        opensslconf_clear(&p->openssl);
}

int places_find(struct places *ret)
{
        const char *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");
        const struct passwd *pw;
        int r;

        if (home == NULL || home[0] != '/') {
                pw = getpwuid(getuid());
                if (pw == NULL)
                        return err(ERR_NOENT, "this user has no home directory");
                home = pw->pw_dir;
        }
        r = module_path(&ret->module);
        if (r == 0)
                r = buf_append_str(&ret->home, home);
        if (r == 0)
                r = config != NULL && config[0] == '/' ? buf_append_str(&ret->config_home, config) : buf_printf(&ret->config_home, "%s/.config", home);
        if (r == 0)
                r = module_provider_path(&ret->provider);
        if (r == 0)
                r = buf_printf(&ret->openssl_cnf, "%s/openssl.cnf", X509_get_default_cert_area());
        if (r == 0 && (buf_str(&ret->module) == NULL || buf_str(&ret->home) == NULL || buf_str(&ret->config_home) == NULL || buf_str(&ret->provider) == NULL ||
                       buf_str(&ret->openssl_cnf) == NULL))
                r = err(ERR_NOMEM, "out of memory");
        return r == 0 ? opensslconf_read((const char *)ret->openssl_cnf.ptr, &ret->openssl) : r;
}

struct plan_facts places_facts(struct places *p)
{
        return (struct plan_facts){
                .module = buf_str(&p->module),
                .home = buf_str(&p->home),
                .config_home = buf_str(&p->config_home),
                .provider = buf_str(&p->provider),
                .openssl_cnf = buf_str(&p->openssl_cnf),
                .openssl = &p->openssl,
        };
}
