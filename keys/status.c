/* SPDX-License-Identifier: BSD-2-Clause */
/* What there is: the TPM's capabilities as the store has them, how many agents and keys, whether the TPM answers. */
#include <stdlib.h>
#include <string.h>
#include "keys/admin.h"
#include "keys/backend_tpm.h"
#include "keys/parent.h"
#include "lib/err.h"

static int hex_text(struct bytes in, char **ret)
{
        CLEANUP(buf_clear) struct buf hex = { 0 };
        int r;

        r = hex_encode(in, &hex);
        if (r != 0)
                return r;
        *ret = strndup((const char *)hex.ptr, hex.len);
        return *ret ? 0 : err(ERR_NOMEM, "out of memory");
}

/* Remembers why the TPM did not answer, or not as it should; that is a status and no error. */
static int answered(int r, struct admin_status *s)
{
        s->tpm_reachable = r == 0 || (r != ERR_NODEV && r != ERR_TIMEOUT && r != ERR_PERM);
        s->tpm_foreign = r == ERR_FOREIGN || r == ERR_NOENT;
        if (r == 0)
                return 0;
        s->tpm_error = strdup(err_text());
        return s->tpm_error ? 0 : err(ERR_NOMEM, "out of memory");
}

static int ask_without_store(const struct conf *c, struct admin_status *s)
{
        struct tpm_options o = { .tcti = c->tcti, .trace = c->trace, .deadline_ms = c->deadline_ms, .state_dirfd = -1 };
        struct tpm *t;
        uint8_t byte;
        int r;

        r = tpm_open(&o, &t);
        if (r != 0)
                return answered(r, s);
        r = tpm_random(t, &byte, 1);
        tpm_close(t);
        return answered(r, s);
}

static int count_items(struct keyring *k, const char *agent, struct admin_status *s)
{
        struct item_list *l;
        int r;

        r = store_items(keyring_store(k), agent, &l);
        if (r == ERR_NOENT)
                return 0;       /* deleted since the directory was read */
        if (r != 0)
                return r;
        s->agents++;
        for (size_t i = 0; i < l->n; i++)
                s->keys += l->list[i]->type == ITEM_KEY;
        item_list_unref(l);
        return 0;
}

static int count(struct keyring *k, struct admin_status *s)
{
        CLEANUP(agent_names_clear) struct agent_names names = { 0 };
        int r;

        r = store_agents(keyring_store(k), &names);
        for (size_t i = 0; r == 0 && i < names.n; i++)
                r = count_items(k, names.list[i], s);
        return r;
}

static int fill(struct keyring *k, bool ask, struct admin_status *s)
{
        const struct attrs *info = store_info(keyring_store(k));
        CLEANUP(tpm_parent_clear) struct tpm_parent parent = { 0 };
        CLEANUP(buf_clear) struct buf ek = { 0 };
        int r;

        s->initialised = true;
        s->caps = *backend_tpm_caps(keyring_backend(k));
        r = parent_from_attrs(info, &parent);
        if (r == 0)
                r = hex_text(BYTES_OF(&parent.name), &s->parent_name);
        if (r == 0 && attrs_hex(info, "ek-name", &ek) == 0)
                r = hex_text(BYTES_OF(&ek), &s->ek_name);
        if (r == 0)
                r = count(k, s);
        if (r != 0)
                return r;
        s->parent_handle = parent.handle;
        if (!ask)
                return answered(0, s);
        return answered(tpm_parent_check(backend_tpm_device(keyring_backend(k)), &parent), s);
}

int admin_status(const struct conf *c, bool ask, struct admin_status *ret)
{
        CLEANUP(admin_status_clear) struct admin_status s = { 0 };
        struct keyring *k;
        int r;

        r = keyring_open(c, &k);
        if (r == ERR_NOTINIT && ask) {
                r = ask_without_store(c, &s);
        } else if (r == 0) {
                r = fill(k, ask, &s);
                keyring_close(k);
        }
        if (r != 0)
                return r;

        *ret = s;
        s = (struct admin_status){ 0 };
        return 0;
}

void admin_status_clear(struct admin_status *s)
{
        free(s->parent_name);
        free(s->ek_name);
        free(s->tpm_error);
        *s = (struct admin_status){ 0 };
}
