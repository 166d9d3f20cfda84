/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes and reads what the store file says about the parent key. */
#include "keys/parent.h"
#include "lib/err.h"
#include "lib/tpmt.h"

int tpm_name_of(struct bytes pub, struct buf *ret)
{
        TPM2B_PUBLIC p;
        int r;

        r = tpmt_public_decode(pub, &p);
        return r != 0 ? r : tpmt_name(&p, ret);
}

int parent_to_attrs(const struct tpm_parent *p, struct attrs *a)
{
        CLEANUP(buf_clear) struct buf handle = { 0 };
        int r;

        r = buf_append_u32(&handle, p->handle);
        if (r == 0)
                r = attrs_set_hex(a, "parent-handle", BYTES_OF(&handle));
        if (r == 0)
                r = attrs_set_hex(a, "parent-public", BYTES_OF(&p->pub));
        if (r == 0)
                r = attrs_set_hex(a, "parent-name", BYTES_OF(&p->name));
        return r;
}

/* len 0: any length. */
static int get_hex(const struct attrs *a, const char *line, size_t len, struct buf *ret)
{
        int r;

        r = attrs_hex(a, line, ret);
        if (r == ERR_NOENT || r == ERR_FORMAT || (r == 0 && len != 0 && ret->len != len))
                return err(ERR_FORMAT, "the store file has no good %s line", line);
        return r;
}

int parent_from_attrs(const struct attrs *a, struct tpm_parent *ret)
{
        CLEANUP(tpm_parent_clear) struct tpm_parent p = { 0 };
        CLEANUP(buf_clear) struct buf handle = { 0 };
        CLEANUP(buf_clear) struct buf name = { 0 };
        int r;

        r = get_hex(a, "parent-handle", 4, &handle);
        if (r == 0)
                r = get_hex(a, "parent-public", 0, &p.pub);
        if (r == 0)
                r = get_hex(a, "parent-name", 0, &p.name);
        if (r == 0)
                r = tpm_name_of(BYTES_OF(&p.pub), &name);
        if (r != 0)
                return r;
        if (!bytes_equal(BYTES_OF(&name), BYTES_OF(&p.name)))
                return err(ERR_FORMAT, "the parent key in the store file and its Name do not belong together");
        p.handle = (uint32_t)handle.ptr[0] << 24 | (uint32_t)handle.ptr[1] << 16 | (uint32_t)handle.ptr[2] << 8 | handle.ptr[3];

        *ret = p;
        p = (struct tpm_parent){ 0 };
        return 0;
}
