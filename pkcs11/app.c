/* SPDX-License-Identifier: BSD-2-Clause */
/* What belongs to one application, from C_Initialize to C_Finalize. */
#include "pkcs11/app.h"
#include <stdlib.h>
#include "lib/err.h"
#include "pkcs11/session.h"
#include "pkcs11/slot.h"
#include "pkcs11/thing.h"

CK_RV app_new(const struct host *h, struct app **ret)
{
        struct app *a = calloc(1, sizeof(*a));

        if (a == NULL)
                return CKR_HOST_MEMORY;
        pthread_mutex_init(&a->lock, NULL);
        states_init(&a->states);
        a->host = h;
        if (h != NULL)
                a->keyring = h->keyring;
        *ret = a;
        return CKR_OK;
}

void app_free(struct app *a)
{
        if (a == NULL)
                return;
        session_close_all(a, NULL);
        things_free(a);
        for (size_t i = 0; i < a->n_slots; i++)
                slot_free(a->slots[i]);
        free(a->slots);
        table_clear(&a->sessions);
        states_clear(&a->states);
        if (a->host == NULL)
                keyring_close(a->keyring);
        conf_clear(&a->conf);
        pthread_mutex_destroy(&a->lock);
        free(a);
}

/* Another thread of the parent may have been anywhere in here when it forked, so nothing of ours
 * is freed or even looked at, but the one pointer that leads to open descriptors. */
void app_abandon(struct app *a)
{
        if (a->keyring != NULL)
                keyring_abandon(a->keyring);
}

/* Under a->lock. */
static int open_keyring(struct app *a)
{
        int r = 0;

        if (!a->conf_loaded)
                r = conf_load(&a->conf);
        if (r != 0)
                return r;
        a->conf_loaded = true;
        return a->keyring == NULL ? keyring_open(&a->conf, &a->keyring) : 0;
}

CK_RV app_look(struct app *a)
{
        int r;

        if (a->host != NULL)
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
        return a->host != NULL ? &a->host->caller : NULL;
}
