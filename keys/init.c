/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes a store for a TPM, and takes over the TPM's owner authorisation where asked to.
 * Every step may be the last before a crash: running it again goes on from there. */
#include <string.h>
#include "keys/admin.h"
#include "keys/backend_tpm.h"
#include "keys/owner.h"
#include "keys/parent.h"
#include "lib/err.h"

/* What a new store says about its TPM. */
static int ask_tpm(struct tpm *t, const struct conf *c, struct bytes owner_auth, struct attrs *info)
{
        CLEANUP(tpm_parent_clear) struct tpm_parent parent = { 0 };
        CLEANUP(buf_clear) struct buf ek = { 0 };
        struct tpm_caps caps;
        int r;

        r = tpm_caps_read(t, &caps);
        if (r == 0)
                r = tpm_parent_make(t, c->parent_handle, owner_auth, &parent);
        if (r != 0)
                return r;
        /* Behind an endorsement authorisation that somebody set there is no EK to be had: serial numbers are random then. */
        r = tpm_ek_name(t, &ek);
        if (r == 0)
                r = attrs_set_hex(info, "ek-name", BYTES_OF(&ek));
        else if (r == ERR_AUTH || r == ERR_NOTSUP)
                r = 0;
        if (r == 0)
                r = parent_to_attrs(&parent, info);
        return r != 0 ? r : tpm_caps_to_attrs(&caps, info);
}

static int make_store(const struct conf *c, struct bytes owner_auth)
{
        /* There is no directory yet that a lock could be in. */
        struct tpm_options o = { .tcti = c->tcti, .trace = c->trace, .deadline_ms = c->deadline_ms, .state_dirfd = -1 };
        CLEANUP(attrs_clear) struct attrs info = { 0 };
        struct tpm *t;
        int r;

        r = tpm_open(&o, &t);
        if (r != 0)
                return r;
        r = ask_tpm(t, c, owner_auth, &info);
        tpm_close(t);
        return r != 0 ? r : store_create(c->store, &info);
}

static bool same_parent(const struct tpm_parent *a, const struct tpm_parent *b)
{
        return a->handle == b->handle && bytes_equal(BYTES_OF(&a->name), BYTES_OF(&b->name));
}

/* The parent is not where it was. In the TPM that the store was made for it can be made again, out of the same seed. */
static int remake_parent(struct keyring *k, const struct tpm_parent *pinned, struct bytes owner_auth)
{
        struct tpm *t = backend_tpm_device(keyring_backend(k));
        CLEANUP(tpm_parent_clear) struct tpm_parent made = { 0 };
        CLEANUP(buf_clear) struct buf here = { 0 };
        CLEANUP(buf_clear) struct buf then = { 0 };
        int r;

        r = attrs_hex(store_info(keyring_store(k)), "ek-name", &then);
        if (r == 0)
                r = tpm_ek_name(t, &here);
        if (r == 0 && !bytes_equal(BYTES_OF(&here), BYTES_OF(&then)))
                r = ERR_FOREIGN;
        if (r == ERR_NOENT || r == ERR_FOREIGN)
                return err(ERR_FOREIGN, "the store %s was made for another TPM", store_path(keyring_store(k)));
        if (r == 0)
                r = tpm_parent_make(t, pinned->handle, owner_auth, &made);
        if (r != 0)
                return r;
        if (!bytes_equal(BYTES_OF(&made.name), BYTES_OF(&pinned->name)))
                return err(ERR_FOREIGN, "the TPM was cleared after the store %s was made: its keys are gone", store_path(keyring_store(k)));
        if (!same_parent(&made, pinned))
                return err(ERR_FOREIGN, "handle 0x%08x, where the parent key was, is taken by another object", pinned->handle);
        return 0;
}

/* ERR_EXIST if it was done before. */
static int take_owner(struct keyring *k, struct bytes old_auth)
{
        struct tpm *t = backend_tpm_device(keyring_backend(k));
        CLEANUP(buf_clear) struct buf value = { 0 };
        int r;

        r = owner_unseal(k, &value);
        if (r == ERR_NOENT) {
                r = owner_seal(k, &value);
        } else if (r == 0) {
                r = tpm_owner_auth_set(t, BYTES_OF(&value), BYTES_OF(&value));
                if (r == 0)
                        return err(ERR_EXIST, "the TPM's owner authorisation is sealed in the store already");
                if (r == ERR_AUTH)
                        r = 0;
        }
        return r != 0 ? r : tpm_owner_auth_set(t, old_auth, BYTES_OF(&value));
}

static int check_parent(struct keyring *k, struct bytes owner_auth, bool *ret_changed)
{
        CLEANUP(tpm_parent_clear) struct tpm_parent pinned = { 0 };
        int r;

        r = parent_from_attrs(store_info(keyring_store(k)), &pinned);
        if (r == 0)
                r = tpm_parent_check(backend_tpm_device(keyring_backend(k)), &pinned);
        if (r != ERR_FOREIGN && r != ERR_NOENT)
                return r;
        r = remake_parent(k, &pinned, owner_auth);
        if (r == 0)
                *ret_changed = true;
        return r;
}

int admin_init(const struct conf *c, const struct admin_init *how)
{
        bool changed = false;
        struct keyring *k;
        int r;

        r = keyring_open(c, &k);
        if (r == ERR_NOTINIT) {
                changed = true;
                r = make_store(c, how->owner_auth);
                if (r == 0)
                        r = keyring_open(c, &k);
        }
        if (r != 0)
                return r;

        if (!changed)
                r = check_parent(k, how->owner_auth, &changed);
        if (r == 0 && how->seal_owner)
                r = take_owner(k, how->owner_auth);
        else if (r == 0 && !changed)
                r = err(ERR_EXIST, "there is a store at %s already, and its parent key is in the TPM", c->store);
        keyring_close(k);
        return r == ERR_EXIST && changed ? 0 : r;
}
