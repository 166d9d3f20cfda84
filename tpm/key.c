/* SPDX-License-Identifier: BSD-2-Clause */
/* How are keys made and loaded? */
#include "lib/err.h"
#include "lib/tpmt.h"
#include "tpm/ctx.h"
#include "tpm/wire.h"

#define SEAL_MAX 128            /* MAX_SYM_DATA, Part 2, 11.1.14 */

/* TPMA_OBJECT stands behind size, type and nameAlg. */
bool key_locks_out(const struct tpm_key *k)
{
        struct reader r = READER(k->pub);

        read_bytes(&r, 6);
        return (read_u32(&r) & TPMA_OBJECT_NODA) == 0;
}

/* The key that it hangs from: ours, another persistent one, or a primary key made for the occasion, as the
 * TSS2 PRIVATE KEY format wants it where the parent is a hierarchy. */
static int parent_of(struct tpm *t, const struct tpm_key *k, uint32_t *ret_handle, struct buf *ret_name)
{
        CLEANUP(buf_clear) struct buf pub = { 0 };
        TPM2B_PUBLIC template;
        const struct primary primary = { .hierarchy = k->parent, .template = &template };

        if (k->parent == 0 || k->parent == t->parent.handle) {
                *ret_handle = t->parent.handle;
                return buf_set(ret_name, BYTES_OF(&t->parent.name));
        }
        if (HANDLE_TYPE(k->parent) == TPM2_HT_PERSISTENT) {
                *ret_handle = k->parent;
                return public_read(t, k->parent, &pub, ret_name);
        }
        if (HANDLE_TYPE(k->parent) != TPM2_HT_PERMANENT)
                return err(ERR_INVAL, "a key's parent cannot be 0x%08x", k->parent);
        tpmt_template_srk(&template);
        return primary_make(t, &primary, ret_handle, &pub, ret_name);
}

/* TPM2_Load */

struct load {
        TPM2B_PRIVATE priv;
        TPM2B_PUBLIC pub;
};

static TSS2_RC prepare_load(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct load *l = c->in;

        return Tss2_Sys_Load_Prepare(sys, c->object[0].handle, &l->priv, &l->pub);
}

/* What the caller of a load wants to hear. */
static int explain_load(struct tpm *t, const struct tpm_key *k, int r)
{
        const struct rc_meaning why = t->why;
        struct tpm_parent p = t->parent;

        if (r == ERR_FOREIGN)
                return err(r, "this key was made by another TPM, or under another parent key than the one in this TPM");
        /* A parent that is not the one we know makes the session's salt, and so every HMAC, a wrong one. */
        if ((r == ERR_AUTH && t->auth_doubted) || (r == ERR_NOENT && HANDLE_TYPE(t->blame) == TPM2_HT_PERSISTENT)) {
                if (k != NULL && k->parent != 0 && k->parent != p.handle)
                        return err(ERR_FOREIGN, "this key's parent is not at 0x%08x in this TPM, or needs an authorisation", k->parent);
                r = parent_verify(t, &p) == ERR_FOREIGN ? ERR_FOREIGN : r;
                t->why = why;
        }
        return r;
}

static int load(struct tpm *t, const struct tpm_key *k, uint32_t *ret_handle)
{
        CLEANUP(buf_clear) struct buf parent_name = { 0 };
        struct load in;
        struct call c = { .cc = TPM2_CC_Load, .prepare = prepare_load, .in = &in, .n_objects = 1 };
        struct answer a;
        struct reader r;
        int e;

        e = tpmt_public_decode(k->pub, &in.pub);
        if (e == 0)
                e = tpmt_private_decode(k->priv, &in.priv);
        if (e == 0)
                e = parent_of(t, k, &c.object[0].handle, &parent_name);
        if (e != 0)
                return explain_load(t, k, e);
        c.object[0].name = BYTES_OF(&parent_name);
        /* What the key itself will need. */
        c.auth = k->auth.len > 0 || session_wanted(t, &c) ? AUTH_SESSION : AUTH_PASSWORD;
        e = tpm_call(t, &c, &a);
        if (e != 0)
                return explain_load(t, k, e);

        /* One whose wrong tries count is never used by a handle that might have become another object's. */
        if (key_locks_out(k))
                temp_add(t, a.handle);
        else
                cache_add(&t->cache, a.handle, k->name, t->id, t->pid);
        r = READER(a.params);
        if (!bytes_equal(read_2b(&r), k->name))
                return err(ERR_FORMAT, "the TPM gives the key another name than its public area has");
        *ret_handle = a.handle;
        if (!key_locks_out(k))
                context_loaded(t, k->name, a.handle);
        return 0;
}

int key_load(struct tpm *t, const struct tpm_key *k, uint32_t *ret_handle)
{
        const struct loaded *l;
        int r;

        t->why = (struct rc_meaning){ .remedy = REMEDY_NONE };
        if (!t->have_parent)
                return err(ERR_NOTINIT, "no parent key has been set for this TPM");
        l = key_locks_out(k) ? NULL : cache_find(&t->cache, k->name);
        if (l == NULL) {
                make_room(t, k->name);
                r = key_locks_out(k) ? ERR_NOENT : context_load(t, k->name, ret_handle);
                return r == ERR_NOENT ? load(t, k, ret_handle) : r;
        }
        *ret_handle = l->handle;
        cache_touch(&t->cache, l->handle, t->id, t->pid);
        return 0;
}

static int check_key(struct tpm *t, void *arg)
{
        uint32_t handle;

        return key_load(t, arg, &handle);
}

int tpm_key_check(struct tpm *t, const struct tpm_key *k)
{
        struct tpm_key copy = *k;

        return tpm_operate(t, PATIENCE, check_key, &copy);
}

static int forget_key(struct tpm *t, void *arg)
{
        const struct bytes *name = arg;
        const struct loaded *l = cache_find(&t->cache, *name);

        if (l != NULL)
                flush(t, l->handle);
        context_forget(t, *name);
        return 0;
}

void tpm_key_forget(struct tpm *t, struct bytes name)
{
        tpm_operate(t, PATIENCE, forget_key, &name);
}

/* TPM2_Create */

struct create {
        TPM2B_PUBLIC template;
        TPM2B_SENSITIVE_CREATE sensitive;
        struct buf *ret_pub, *ret_priv;
};

static TSS2_RC prepare_create(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct create *in = c->in;
        const TPM2B_DATA no_data = { 0 };
        const TPML_PCR_SELECTION no_pcrs = { 0 };

        return Tss2_Sys_Create_Prepare(sys, c->object[0].handle, &in->sensitive, &in->template, &no_data, &no_pcrs);
}

/* With its size in front, as files have it. */
static int take_sized(struct reader *r, struct buf *ret)
{
        struct bytes all = r->left, b = read_2b(r);

        return buf_set(ret, BYTES(all.ptr, b.len + 2));
}

static int create(struct tpm *t, void *arg)
{
        struct create *in = arg;
        const TPMS_SENSITIVE_CREATE *s = &in->sensitive.sensitive;
        const struct call c = {
                .cc = TPM2_CC_Create, .prepare = prepare_create, .in = in,
                .object[0] = { t->parent.handle, BYTES_OF(&t->parent.name) }, .n_objects = 1,
                .auth = AUTH_SESSION, .secret_in = s->userAuth.size > 0 || s->data.size > 0,
        };
        CLEANUP(buf_clear) struct buf pub = { 0 };
        CLEANUP(buf_clear) struct buf priv = { 0 };
        struct answer a;
        struct reader r;
        int e;

        if (!t->have_parent)
                return err(ERR_NOTINIT, "no parent key has been set for this TPM");
        /* The parent and the new key take a slot each. */
        while (cache_count(&t->cache, LOADED_OBJECT) >= t->keys_max)
                evict(t, LOADED_OBJECT);
        e = tpm_call(t, &c, &a);
        if (e != 0)
                return explain_load(t, NULL, e);
        r = READER(a.params);
        e = take_sized(&r, &priv);
        if (e == 0)
                e = take_sized(&r, &pub);
        if (e != 0)
                return e;
        buf_take(&priv, in->ret_priv);
        buf_take(&pub, in->ret_pub);
        return 0;
}

static int create_with(struct tpm *t, unsigned patience, struct create *in, struct bytes auth, struct bytes data)
{
        int r = SET_2B(&in->sensitive.sensitive.userAuth, auth);

        if (r == 0)
                r = SET_2B(&in->sensitive.sensitive.data, data);
        if (r == 0)
                r = tpm_operate(t, patience, create, in);
        wipe(&in->sensitive, sizeof(in->sensitive));
        return r;
}

int tpm_key_create(struct tpm *t, const struct key_kind *kind, unsigned ops, struct bytes auth, bool da, struct buf *ret_pub, struct buf *ret_priv)
{
        struct create in = { .ret_pub = ret_pub, .ret_priv = ret_priv };
        int r = tpmt_template_key(kind, ops, da, &in.template);

        if (r != 0)
                return r;
        return create_with(t, kind->bits > 0 ? PATIENCE_RSA : PATIENCE, &in, auth, BYTES(NULL, 0));
}

int tpm_seal(struct tpm *t, struct bytes secret, struct bytes auth, bool da, struct buf *ret_pub, struct buf *ret_priv)
{
        struct create in = { .ret_pub = ret_pub, .ret_priv = ret_priv };

        if (secret.len == 0 || secret.len > SEAL_MAX)
                return err(ERR_RANGE, "a TPM seals 1 to %d octets", SEAL_MAX);
        tpmt_template_sealed(da, &in.template);
        return create_with(t, PATIENCE, &in, auth, secret);
}
