/* SPDX-License-Identifier: BSD-2-Clause */
/* What belongs to one application, from C_Initialize to C_Finalize. */
#include "pkcs11/app.h"
#include <stdlib.h>
#include "lib/err.h"
#include "pkcs11/relay.h"
#include "pkcs11/session.h"
#include "pkcs11/slot.h"
#include "pkcs11/thing.h"

/* A daemon that has a socket owns the TPM, whether it runs just now or not. With a configuration that cannot be read there are no tokens. */
static CK_RV look_for_daemon(struct app *a)
{
        CLEANUP(buf_clear) struct buf socket = { 0 };
        int r;

        r = conf_load(&a->conf);
        a->conf_loaded = r == 0;
        if (r == 0)
                r = conf_socket_client(&a->conf, &socket);
        if (r == ERR_NOMEM)
                return CKR_HOST_MEMORY;
        return r == 0 ? relay_new(buf_str(&socket), &a->relay) : CKR_OK;
}

CK_RV app_new(const struct host *h, struct app **ret)
{
        struct app *a = calloc(1, sizeof(*a));
        CK_RV rv;

        if (a == NULL)
                return CKR_HOST_MEMORY;
        pthread_mutex_init(&a->lock, NULL);
        states_init(&a->states);
        a->host = h;
        if (h != NULL)
                a->keyring = h->keyring;
        rv = h == NULL ? look_for_daemon(a) : CKR_OK;
        if (rv != CKR_OK)
                app_free(a);
        else
                *ret = a;
        return rv;
}

void app_free(struct app *a)
{
        if (a == NULL)
                return;
        relay_free(a->relay);
        session_close_all(a, NULL);
        things_free(a);
        for (size_t i = 0; i < a->n_slots; i++)
                slot_free(a->slots[i]);
        free(a->slots);
        table_clear(&a->by_id);
        table_clear(&a->sessions);
        states_clear(&a->states);
        direct_free(a->direct);
        if (a->host == NULL)
                keyring_close(a->keyring);
        conf_clear(&a->conf);
        pthread_mutex_destroy(&a->lock);
        free(a);
}

/* Another thread of the parent may have been anywhere in here when it forked, so nothing of ours
 * is freed or even looked at, but the two pointers that lead to open descriptors. */
void app_abandon(struct app *a)
{
        direct_abandon(a->direct);
        if (a->relay != NULL)
                relay_abandon(a->relay);
        if (a->keyring != NULL)
                keyring_abandon(a->keyring);
}

/* Under a->lock. */
static int open_keyring(struct app *a)
{
        struct keyring *k = NULL;
        int r = 0;

        if (!a->conf_loaded)
                r = conf_load(&a->conf);
        if (r != 0)
                return r;
        a->conf_loaded = true;
        if (a->keyring != NULL)
                return 0;
        r = keyring_open(&a->conf, &k);
        if (r == 0)
                r = direct_new(k, &a->direct);
        if (r == 0)
                a->keyring = k;
        else
                keyring_close(k);
        return r;
}

CK_RV app_look(struct app *a)
{
        int r;

        if (a->host != NULL || a->relay != NULL)
                return CKR_OK;
        pthread_mutex_lock(&a->lock);
        r = open_keyring(a);
        pthread_mutex_unlock(&a->lock);
        return r == ERR_NOMEM ? CKR_HOST_MEMORY : CKR_OK;
}

struct keyring *app_keyring(struct app *a)
{
        struct keyring *k;

        pthread_mutex_lock(&a->lock);
        k = a->keyring;
        pthread_mutex_unlock(&a->lock);
        return k;
}

const struct caller *app_caller(const struct app *a)
{
        return a->host != NULL ? &a->host->caller : direct_caller(a->direct);
}
