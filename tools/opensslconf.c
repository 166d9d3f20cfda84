/* SPDX-License-Identifier: BSD-2-Clause */
/* What the system's configuration of OpenSSL says about providers already. */
#include <openssl/conf.h>
#include <openssl/err.h>
#include "lib/err.h"
#include "tools/opensslconf.h"

void opensslconf_clear(struct opensslconf *c)
{
        buf_clear(&c->init);
        buf_clear(&c->providers);
        c->activates = false;
}

static bool activates(const CONF *conf, const char *section)
{
        const STACK_OF(CONF_VALUE) *list = NCONF_get_section(conf, section);

        for (int i = 0; i < sk_CONF_VALUE_num(list); i++) {
                if (NCONF_get_string(conf, sk_CONF_VALUE_value(list, i)->value, "activate") != NULL)
                        return true;
        }
        return false;
}

static int read_names(const CONF *conf, struct opensslconf *ret)
{
        const char *init = NCONF_get_string(conf, NULL, "openssl_conf");
        const char *providers = NCONF_get_string(conf, init != NULL ? init : "openssl_init", "providers");
        int r;

        r = buf_append_str(&ret->init, init != NULL ? init : "openssl_init");
        if (r == 0)
                r = buf_append_str(&ret->providers, providers != NULL ? providers : "holdfast_providers");
        ret->activates = providers != NULL && activates(conf, providers);
        return r;
}

int opensslconf_read(const char *path, struct opensslconf *ret)
{
        CONF *conf = NCONF_new(NULL);
        long line = 0;
        int r;

        if (conf == NULL)
                return err(ERR_NOMEM, "out of memory");
        ERR_set_mark();
        if (NCONF_load(conf, path, &line) <= 0) {
                NCONF_free(conf);
                conf = NCONF_new(NULL);
        }
        r = conf != NULL ? read_names(conf, ret) : err(ERR_NOMEM, "out of memory");
        NCONF_free(conf);
        ERR_pop_to_mark();
        return r;
}
