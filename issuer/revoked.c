/* SPDX-License-Identifier: BSD-2-Clause */
/* Which credentials are taken back and have not ended? */
#include <stdlib.h>
#include <string.h>
#include "issuer/db.h"
#include "issuer/publish.h"
#include "lib/err.h"

void revoked_clear(struct revoked *r)
{
        free(r->x509);
        free(r->ssh);
        *r = (struct revoked){ 0 };
}

/* Room for one more. */
static void *room(void *list, size_t n, size_t *cap, size_t size)
{
        size_t more = *cap > 0 ? *cap * 2 : 64;
        void *bigger;

        if (n < *cap)
                return list;
        bigger = reallocarray(list, more, size);
        if (bigger != NULL)
                *cap = more;
        return bigger;
}

static int take(const struct db_credential *c, void *ctx)
{
        struct revoked *r = ctx;
        void *list;

        if ((c->what & DB_X509) != 0) {
                list = room(r->x509, r->n_x509, &r->cap_x509, sizeof(*r->x509));
                if (list == NULL)
                        return err(ERR_NOMEM, "out of memory");
                r->x509 = list;
                r->x509[r->n_x509] = (struct crl_entry){ .when = c->revoked, .reason = c->reason };
                memcpy(r->x509[r->n_x509++].serial, c->serial, GRANT_SERIAL_SIZE);
        }
        if ((c->what & (DB_SSH_USER | DB_SSH_HOST)) != 0) {
                list = room(r->ssh, r->n_ssh, &r->cap_ssh, sizeof(*r->ssh));
                if (list == NULL)
                        return err(ERR_NOMEM, "out of memory");
                r->ssh = list;
                r->ssh[r->n_ssh++] = grant_ssh_serial(c->serial);
        }
        return 0;
}

int revoked_read(struct db *db, uint64_t ends_after, struct revoked *ret)
{
        CLEANUP(revoked_clear) struct revoked r = { 0 };
        int e = db != NULL ? db_revoked_each(db, ends_after, take, &r) : 0;

        if (e != 0)
                return e;
        revoked_clear(ret);
        *ret = r;
        r = (struct revoked){ 0 };
        return 0;
}
