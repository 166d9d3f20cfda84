/* SPDX-License-Identifier: BSD-2-Clause */
/* How is the parent of all keys made, and how do we know later that it is still the same? */
#include <string.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tpm/ctx.h"
#include "tpm/wire.h"

/* Persistent handles that the owner may use, Part 2, 7.5 */
#define OWNER_PERSISTENT_LAST 0x817fffffu
#define PERSISTENT_MAX 128

void tpm_parent_clear(struct tpm_parent *p)
{
        buf_clear(&p->pub);
        buf_clear(&p->name);
        p->handle = 0;
}

struct bytes handle_name(uint32_t handle, uint8_t out[HANDLE_NAME_LEN])
{
        for (int i = 0; i < HANDLE_NAME_LEN; i++)
                out[i] = (uint8_t)(handle >> (24 - 8 * i));
        return BYTES(out, HANDLE_NAME_LEN);
}

/* Of the public area as it came: nothing is encoded again. */
static int name_of(struct bytes area, struct buf *ret)
{
        struct reader r = READER(area);
        const struct hash *h;
        uint8_t digest[HASH_MAX];
        CLEANUP(buf_clear) struct buf name = { 0 };
        int e;

        read_u16(&r);
        h = hash_by_tpm(read_u16(&r));
        if (r.bad || h == NULL)
                return err(ERR_FORMAT, "a public area has no name algorithm that we know");
        e = crypto_hash(h, &area, 1, digest);
        if (e == 0)
                e = buf_append_u16(&name, h->tpm);
        if (e == 0)
                e = buf_append(&name, digest, h->size);
        if (e == 0)
                buf_take(&name, ret);
        return e;
}

/* A TPM2B_PUBLIC with its size, and its Name. */
static int take_public(struct bytes area, struct buf *ret_pub, struct buf *ret_name)
{
        CLEANUP(buf_clear) struct buf pub = { 0 };
        int r;

        r = buf_append_u16(&pub, (uint16_t)area.len);
        if (r == 0)
                r = buf_append(&pub, area.ptr, area.len);
        if (r == 0)
                r = name_of(area, ret_name);
        if (r == 0)
                buf_take(&pub, ret_pub);
        return r;
}

static TSS2_RC prepare_read_public(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_ReadPublic_Prepare(sys, c->object[0].handle);
}

int public_read(struct tpm *t, uint32_t handle, struct buf *ret_pub, struct buf *ret_name)
{
        const struct call c = { .cc = TPM2_CC_ReadPublic, .prepare = prepare_read_public, .object[0] = { .handle = handle }, .n_objects = 1 };
        struct answer a;
        struct reader r;
        int e;

        e = tpm_call(t, &c, &a);
        if (e != 0)
                return e;
        r = READER(a.params);
        return take_public(read_2b(&r), ret_pub, ret_name);
}

int parent_verify(struct tpm *t, const struct tpm_parent *p)
{
        CLEANUP(buf_clear) struct buf pub = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        int r;

        r = public_read(t, p->handle, &pub, &name);
        if (r == ERR_NOENT || r == ERR_INVAL)
                return err(ERR_FOREIGN, "this TPM has no key at 0x%08x, where the keys' parent was: it was cleared, or it is another TPM", p->handle);
        if (r != 0)
                return r;
        if (!bytes_equal(BYTES_OF(&name), BYTES_OF(&p->name)))
                return err(ERR_FOREIGN, "the TPM's key at 0x%08x is not the one that our keys were made under: it was cleared, or it is another TPM", p->handle);
        return 0;
}

static TSS2_RC prepare_primary(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct primary *p = c->in;
        const TPM2B_DATA no_data = { 0 };
        const TPML_PCR_SELECTION no_pcrs = { 0 };
        TPM2B_SENSITIVE_CREATE sensitive = { 0 };
        TSS2_RC rc = TSS2_SYS_RC_BAD_VALUE;

        if (SET_2B(&sensitive.sensitive.userAuth, p->key_auth) == 0)
                rc = Tss2_Sys_CreatePrimary_Prepare(sys, p->hierarchy, &sensitive, p->template, &no_data, &no_pcrs);
        wipe(&sensitive, sizeof(sensitive));
        return rc;
}

int primary_make(struct tpm *t, const struct primary *p, uint32_t *ret_handle, struct buf *ret_pub, struct buf *ret_name)
{
        uint8_t name[HANDLE_NAME_LEN];
        const struct call c = {
                .cc = TPM2_CC_CreatePrimary, .prepare = prepare_primary, .in = p,
                .object[0] = { p->hierarchy, handle_name(p->hierarchy, name) }, .n_objects = 1,
                .auth = p->by_session ? AUTH_SESSION : AUTH_PASSWORD, .value = p->auth, .secret_in = p->key_auth.len > 0,
        };
        struct answer a;
        struct reader r;
        int e;

        e = tpm_call(t, &c, &a);
        if (e != 0)
                return e;
        temp_add(t, a.handle);
        r = READER(a.params);
        e = take_public(read_2b(&r), ret_pub, ret_name);
        if (e == 0)
                *ret_handle = a.handle;
        return e;
}

/* Before there is a parent, a key that lives for this operation keeps the owner's authorisation off the wire. */
static int open_throwaway_session(struct tpm *t)
{
        CLEANUP(buf_clear) struct buf pub = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        TPM2B_PUBLIC template, key;
        const struct primary primary = { .hierarchy = TPM2_RH_NULL, .template = &template };
        uint32_t handle;
        int r;

        session_drop(t);
        t->throwaway = true;
        tpmt_template_srk(&template);
        r = primary_make(t, &primary, &handle, &pub, &name);
        if (r == 0)
                r = tpmt_public_decode(BYTES_OF(&pub), &key);
        if (r == 0)
                r = session_open(t, handle, &key, &t->session);
        if (r == 0)
                temps_flush(t);
        return r;
}

/* TPM2_EvictControl */

static TSS2_RC prepare_evict_control(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_EvictControl_Prepare(sys, TPM2_RH_OWNER, c->object[1].handle, *(const uint32_t *)c->in);
}

int make_persistent(struct tpm *t, uint32_t object, struct bytes object_name, uint32_t at, struct bytes owner_auth)
{
        uint8_t name[HANDLE_NAME_LEN];
        const struct call c = {
                .cc = TPM2_CC_EvictControl, .prepare = prepare_evict_control, .in = &at,
                .object = { { TPM2_RH_OWNER, handle_name(TPM2_RH_OWNER, name) }, { object, object_name } }, .n_objects = 2,
                .auth = AUTH_SESSION, .value = owner_auth,
        };
        struct answer a;

        return tpm_call(t, &c, &a);
}

int find_place(struct tpm *t, uint32_t want, struct bytes name, uint32_t *ret_handle, bool *ret_there)
{
        uint32_t taken[PERSISTENT_MAX];
        size_t n, i = 0;
        int r;

        r = list_handles(t, HANDLES_FROM(TPM2_HT_PERSISTENT), taken, ARRAY_LEN(taken), &n);
        if (r != 0)
                return r;
        while (i < n) {
                CLEANUP(buf_clear) struct buf pub = { 0 };
                CLEANUP(buf_clear) struct buf there = { 0 };

                if (taken[i++] != want)
                        continue;
                r = public_read(t, want, &pub, &there);
                if (r != 0)
                        return r;
                if (bytes_equal(BYTES_OF(&there), name)) {
                        *ret_handle = want;
                        *ret_there = true;
                        return 0;
                }
                want++;
                i = 0;
        }
        if (want > OWNER_PERSISTENT_LAST)
                return err(ERR_FULL, "no persistent handle is free in the TPM");
        *ret_handle = want;
        *ret_there = false;
        return 0;
}

struct make_parent {
        uint32_t want;
        struct bytes owner_auth;
        struct tpm_parent made;
};

static int make_parent(struct tpm *t, void *arg)
{
        struct make_parent *m = arg;
        TPM2B_PUBLIC template;
        const struct primary primary = { .hierarchy = TPM2_RH_OWNER, .template = &template, .by_session = true, .auth = m->owner_auth };
        uint32_t object;
        bool there = false;
        int r;

        r = open_throwaway_session(t);
        if (r != 0)
                return r;
        tpmt_template_srk(&template);
        r = primary_make(t, &primary, &object, &m->made.pub, &m->made.name);
        if (r == 0)
                r = find_place(t, m->want, BYTES_OF(&m->made.name), &m->made.handle, &there);
        if (r == 0 && !there)
                r = make_persistent(t, object, BYTES_OF(&m->made.name), m->made.handle, m->owner_auth);
        return r == ERR_AUTH ? err(r, "the TPM does not accept this owner authorisation") : r;
}

bool is_owner_persistent(uint32_t handle)
{
        return handle >= HANDLES_FROM(TPM2_HT_PERSISTENT) && handle <= OWNER_PERSISTENT_LAST;
}

int tpm_parent_make(struct tpm *t, uint32_t want, struct bytes owner_auth, struct tpm_parent *ret)
{
        struct make_parent m = { .want = want, .owner_auth = owner_auth };
        int r;

        if (!is_owner_persistent(want))
                return err(ERR_INVAL, "0x%08x is no persistent handle of the owner's: they are 0x81000000 to 0x817fffff", want);
        r = tpm_operate(t, PATIENCE, make_parent, &m);
        if (r == 0) {
                tpm_parent_clear(ret);
                *ret = m.made;
        } else {
                tpm_parent_clear(&m.made);
        }
        return r;
}

static int check_parent(struct tpm *t, void *arg)
{
        return parent_verify(t, arg);
}

int tpm_parent_check(struct tpm *t, const struct tpm_parent *p)
{
        struct tpm_parent copy = *p;

        return tpm_operate(t, PATIENCE, check_parent, &copy);
}

/* TPM2_HierarchyChangeAuth */

struct change_auth {
        struct bytes old, new;
        unsigned runs;
};

static TSS2_RC prepare_change_auth(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct change_auth *a = c->in;
        TPM2B_AUTH auth = { .size = (uint16_t)a->new.len };
        TSS2_RC rc;

        if (a->new.len > 0)
                memcpy(auth.buffer, a->new.ptr, a->new.len);
        rc = Tss2_Sys_HierarchyChangeAuth_Prepare(sys, TPM2_RH_OWNER, &auth);
        wipe(&auth, sizeof(auth));
        return rc;
}

static int change_auth(struct tpm *t, void *arg)
{
        struct change_auth *in = arg;
        uint8_t name[HANDLE_NAME_LEN];
        struct call c = {
                .cc = TPM2_CC_HierarchyChangeAuth, .prepare = prepare_change_auth, .in = in,
                .object[0] = { TPM2_RH_OWNER, handle_name(TPM2_RH_OWNER, name) }, .n_objects = 1,
                .auth = AUTH_SESSION, .value = in->old, .value_after = &in->new, .secret_in = in->new.len > 0,
        };
        struct answer a;
        int r = 0;

        /* Refused after the answer to an earlier try was lost: then that try was done, and the new value holds. */
        if (in->runs++ > 0 && t->auth_doubted)
                c.value = in->new;
        if (!t->have_parent)
                r = open_throwaway_session(t);
        if (r == 0)
                r = tpm_call(t, &c, &a);
        return r == ERR_AUTH ? err(r, "the TPM does not accept this owner authorisation") : r;
}

int tpm_owner_auth_set(struct tpm *t, struct bytes old_auth, struct bytes new_auth)
{
        struct change_auth in = { .old = old_auth, .new = new_auth };

        /* As long as the hashes of every TPM, so that none cuts it. */
        if (new_auth.len > SESSION_HASH_SIZE)
                return err(ERR_RANGE, "an owner authorisation is at most %d octets long", SESSION_HASH_SIZE);
        return tpm_operate(t, PATIENCE, change_auth, &in);
}
