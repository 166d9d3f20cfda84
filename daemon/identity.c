/* SPDX-License-Identifier: BSD-2-Clause */
/* By which key and which counters in the TPM is this host's daemon known? */
#include "daemon/identity.h"
#include <string.h>
#include "keys/backend_tpm.h"
#include "keys/parent.h"
#include "keys/store_dir.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "lib/tpmt.h"

/* Where they are wanted; what lives there already stays. */
#define AK_HANDLE 0x81010b01u
#define COUNTER_INDEX 0x01800b00u
#define STORE_COUNTER_INDEX 0x01800b01u

void identity_clear(struct identity *i)
{
        tpm_ak_clear(&i->ak);
        *i = (struct identity){ 0 };
}

static int put_handle(struct attrs *a, const char *line, uint32_t handle)
{
        CLEANUP(buf_clear) struct buf octets = { 0 };
        int r = buf_append_u32(&octets, handle);

        return r != 0 ? r : attrs_set_hex(a, line, BYTES_OF(&octets));
}

static int get_handle(const struct attrs *a, const char *line, uint32_t *ret)
{
        CLEANUP(buf_clear) struct buf octets = { 0 };
        int r = attrs_hex(a, line, &octets);

        if (r == ERR_NOENT || r == ERR_FORMAT || (r == 0 && octets.len != 4))
                return err(ERR_FORMAT, "the store's file \"" IDENTITY_FILE "\" has no good %s line", line);
        if (r == 0)
                *ret = (uint32_t)octets.ptr[0] << 24 | (uint32_t)octets.ptr[1] << 16 | (uint32_t)octets.ptr[2] << 8 | octets.ptr[3];
        return r;
}

static int from_file(struct keyring *k, struct identity *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        int r;

        r = file_read(store_dirfd(keyring_store(k)), IDENTITY_FILE, STORE_TEXT_MAX, &text);
        if (r == 0)
                r = attrs_parse(BYTES_OF(&text), &a);
        if (r == 0)
                r = get_handle(&a, "ak-handle", &ret->ak.handle);
        if (r == 0)
                r = get_handle(&a, "counter", &ret->counter);
        if (r == 0)
                r = get_handle(&a, "store-counter", &ret->store_counter);
        if (r != 0)
                return r;
        r = attrs_hex(&a, "ak-public", &ret->ak.pub);
        if (r == 0)
                r = tpm_name_of(BYTES_OF(&ret->ak.pub), &ret->ak.name);
        return r == 0 || r == ERR_NOMEM ? r : err(ERR_FORMAT, "the store's file \"" IDENTITY_FILE "\" has no good ak-public line");
}

static int to_file(struct keyring *k, const struct identity *i)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(attrs_clear) struct attrs a = { 0 };
        int r;

        r = put_handle(&a, "ak-handle", i->ak.handle);
        if (r == 0)
                r = attrs_set_hex(&a, "ak-public", BYTES_OF(&i->ak.pub));
        if (r == 0)
                r = put_handle(&a, "counter", i->counter);
        if (r == 0)
                r = put_handle(&a, "store-counter", i->store_counter);
        if (r == 0)
                r = attrs_format(&a, &text);
        return r != 0 ? r : file_write(store_dirfd(keyring_store(k)), IDENTITY_FILE, BYTES_OF(&text), STORE_FILE_MODE, false);
}

static int write_ak(struct keyring *k, const struct tpm_ak *ak)
{
        static const char head[] = "The attestation key that signs this host's log; `holdfast audit verify --ak` takes this file.\n";
        CLEANUP(buf_clear) struct buf spki = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        r = tpmt_spki(BYTES_OF(&ak->pub), &spki);
        if (r == 0)
                r = pem_encode("PUBLIC KEY", BYTES_STR(head), BYTES_OF(&spki), &text);
        return r != 0 ? r : file_write(store_dirfd(keyring_store(k)), IDENTITY_AK_FILE, BYTES_OF(&text), STORE_FILE_MODE, true);
}

/* Whoever knows its authorisation value made it: we, in a start that did not get to the file. What the TPM does not say is not taken for
 * "there is none". */
static int counter(struct tpm *t, uint32_t from, uint32_t other, const struct identity_auth *auth, uint32_t *ret, bool *ret_made, unsigned *ret_strangers)
{
        int r = tpm_counter_find(t, from, other, auth->counter, ret, ret_strangers);

        *ret_made = r == ERR_NOENT;
        return r == ERR_NOENT ? tpm_counter_make(t, from, auth->owner, auth->counter, ret) : r;
}

int identity_take_back(struct keyring *k, const struct identity_auth *auth, const struct identity *i, int r)
{
        CLEANUP(buf_clear) struct buf why = { 0 };

        if (!i->begun || buf_append_str(&why, err_text()) != 0)
                return r;
        /* The counter last: while it is there without its file, the store is one that somebody took the file from. */
        file_remove(store_dirfd(keyring_store(k)), IDENTITY_FILE);
        tpm_counter_remove(backend_tpm_device(keyring_backend(k)), i->store_counter, auth->owner);
        return err(r, "%s", buf_str(&why));
}

static int make(struct keyring *k, const struct identity_auth *auth, struct identity *i)
{
        struct tpm *t = backend_tpm_device(keyring_backend(k));
        unsigned more;
        bool made;
        int r;

        r = tpm_ak_make(t, AK_HANDLE, auth->owner, auth->ak, &i->ak);
        if (r == 0)
                r = write_ak(k, &i->ak);
        if (r == 0)
                r = counter(t, COUNTER_INDEX, 0, auth, &i->counter, &made, &i->strangers);
        if (r == 0)
                r = counter(t, STORE_COUNTER_INDEX, i->counter, auth, &i->store_counter, &made, &more);
        if (r != 0)
                return r;
        i->begun = made;
        r = to_file(k, i);
        return r == 0 ? 0 : identity_take_back(k, auth, i, r);
}

int identity_open(struct keyring *k, const struct identity_auth *auth, struct identity *ret)
{
        struct identity i = { 0 };
        int r;

        r = from_file(k, &i);
        if (r == 0)
                r = tpm_ak_check(backend_tpm_device(keyring_backend(k)), &i.ak);
        else if (r == ERR_NOENT)
                r = make(k, auth, &i);
        if (r == 0)
                *ret = i;
        else
                identity_clear(&i);
        return r;
}
