/* SPDX-License-Identifier: BSD-2-Clause */
/* C_GetOperationState and C_SetOperationState: of digests alone. */
#include <stdlib.h>
#include <string.h>
#include "pkcs11/call.h"
#include "pkcs11/op.h"
#include "pkcs11/rv.h"
#include "pkcs11/state.h"

void states_init(struct states *s)
{
        memset(s, 0, sizeof(*s));
        pthread_mutex_init(&s->lock, NULL);
}

void states_clear(struct states *s)
{
        size_t i;

        for (i = 0; i < STATES_MAX; i++)
                digest_free(s->list[i].digest);
        pthread_mutex_destroy(&s->lock);
}

static int copy(const struct digest *from, struct digest **ret)
{
        *ret = NULL;
        return from != NULL ? digest_copy(from, ret) : 0;
}

static CK_RV save(struct states *all, const struct op *o, uint8_t ticket[STATE_TICKET])
{
        struct state st = { .hash = o->hash, .parts = o->parts };
        int r;

        r = crypto_random(st.ticket, sizeof(st.ticket));
        if (r == 0)
                r = copy(o->digest, &st.digest);
        if (r != 0)
                return rv_from_err(r);

        memcpy(ticket, st.ticket, sizeof(st.ticket));
        pthread_mutex_lock(&all->lock);
        digest_free(all->list[all->next].digest);
        all->list[all->next] = st;
        all->next = (all->next + 1) % STATES_MAX;
        pthread_mutex_unlock(&all->lock);
        return CKR_OK;
}

static const struct state *find(const struct states *all, struct bytes ticket)
{
        size_t i;

        for (i = 0; i < STATES_MAX; i++)
                if (all->list[i].hash != NULL && bytes_equal(ticket, BYTES(all->list[i].ticket, STATE_TICKET)))
                        return &all->list[i];
        return NULL;
}

static CK_RV restore(struct states *all, struct bytes ticket, struct op **ret)
{
        const struct state *st;
        struct op *o;
        int r = 0;

        o = calloc(1, sizeof(*o));
        if (o == NULL)
                return CKR_HOST_MEMORY;
        pthread_mutex_lock(&all->lock);
        st = find(all, ticket);
        if (st != NULL) {
                o->hash = st->hash;
                o->parts = st->parts;
                r = copy(st->digest, &o->digest);
        }
        pthread_mutex_unlock(&all->lock);
        if (st == NULL || r != 0) {
                op_free(o);
                return st == NULL ? CKR_SAVED_STATE_INVALID : rv_from_err(r);
        }
        *ret = o;
        return CKR_OK;
}

static CK_RV get(struct session *s, CK_BYTE *out, CK_ULONG *out_len)
{
        uint8_t ticket[STATE_TICKET];
        bool other = false;
        CK_RV rv;
        size_t i;

        if (out_len == NULL)
                return CKR_ARGUMENTS_BAD;
        for (i = 0; i < OP_SLOTS; i++)
                other = other || (i != OP_DIGEST && s->op[i] != NULL);
        if (other || s->find != NULL)
                return CKR_STATE_UNSAVEABLE;
        if (s->op[OP_DIGEST] == NULL)
                return CKR_OPERATION_NOT_INITIALIZED;
        rv = op_room(out, out_len, sizeof(ticket));
        if (rv != CKR_OK || out == NULL)
                return rv;
        rv = save(&s->app->states, s->op[OP_DIGEST], ticket);
        return rv == CKR_OK ? op_output(BYTES(ticket, sizeof(ticket)), out, out_len) : rv;
}

static CK_RV set(struct session *s, struct bytes ticket, bool keys)
{
        struct op *o = NULL;
        CK_RV rv;
        size_t i;

        if (op_missing(ticket) || ticket.len == 0)
                return CKR_ARGUMENTS_BAD;
        rv = restore(&s->app->states, ticket, &o);
        if (rv != CKR_OK)
                return rv;
        if (keys) {
                op_free(o);
                return CKR_KEY_NOT_NEEDED;
        }
        /* A digest was all that was active where the state was saved, so it is all that is active now. */
        for (i = 0; i < OP_SLOTS; i++)
                op_end(s, (enum op_slot)i, CKR_OK, false);
        s->op[OP_DIGEST] = o;
        return CKR_OK;
}

CK_RV C_GetOperationState(CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *out_len)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, get(c.session, out, out_len));
}

CK_RV C_SetOperationState(CK_SESSION_HANDLE h, CK_BYTE *state, CK_ULONG len, CK_OBJECT_HANDLE enc_key, CK_OBJECT_HANDLE auth_key)
{
        struct call c;
        CK_RV rv;

        rv = call_begin_session(&c, h);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, set(c.session, BYTES(state, len), enc_key != 0 || auth_key != 0));
}
