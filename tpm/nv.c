/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands in the TPM's own memory? */
#include "lib/err.h"
#include "tpm/ctx.h"
#include "tpm/ek.h"
#include "tpm/wire.h"

#define CHUNK 512               /* no TPM's NV buffer is smaller */
#define NV_MAX 65535

struct nv {
        uint32_t index;
        uint32_t attributes;
        uint16_t size, offset;
        struct bytes content;   /* to write */
        struct buf *ret;        /* to read */
};

static TSS2_RC prepare_nv_public(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        return Tss2_Sys_NV_ReadPublic_Prepare(sys, c->object[0].handle);
}

/* TPMS_NV_PUBLIC, Part 2, 13.5 */
static int read_nv_public(struct tpm *t, struct nv *nv)
{
        const struct call c = { .cc = TPM2_CC_NV_ReadPublic, .prepare = prepare_nv_public, .object[0] = { .handle = nv->index }, .n_objects = 1 };
        struct answer a;
        struct reader r, public;
        uint32_t index;
        int e;

        e = tpm_call(t, &c, &a);
        if (e == ERR_NOENT || (e == ERR_INVAL && t->why.subject == RC_HANDLE))
                return err(ERR_NOENT, "the TPM has nothing at NV index 0x%08x", nv->index);
        if (e != 0)
                return e;
        r = READER(a.params);
        public = READER(read_2b(&r));
        index = read_u32(&public);
        read_u16(&public);
        nv->attributes = read_u32(&public);
        read_2b(&public);
        nv->size = read_u16(&public);
        if (!read_done(&public) || index != nv->index)
                return err(ERR_FORMAT, "the TPM describes another NV index than 0x%08x", nv->index);
        return 0;
}

static TSS2_RC prepare_nv_read(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct nv *nv = c->in;
        uint16_t left = (uint16_t)(nv->size - nv->offset);

        return Tss2_Sys_NV_Read_Prepare(sys, c->object[0].handle, nv->index, left < CHUNK ? left : CHUNK, nv->offset);
}

static int nv_read(struct tpm *t, void *arg)
{
        struct nv *nv = arg;
        CLEANUP(buf_clear) struct buf content = { 0 };
        struct call c = { .cc = TPM2_CC_NV_Read, .prepare = prepare_nv_read, .in = nv, .n_objects = 2, .auth = AUTH_PASSWORD };
        int e = read_nv_public(t, nv);

        if (e != 0)
                return e;
        /* Certificates may be read with the index's own, empty authorisation; older ones by the owner. */
        c.object[0].handle = (nv->attributes & TPMA_NV_AUTHREAD) != 0 ? nv->index : TPM2_RH_OWNER;
        c.object[1].handle = nv->index;
        for (nv->offset = 0; nv->offset < nv->size;) {
                struct answer a;
                struct reader r;
                struct bytes got;

                e = tpm_call(t, &c, &a);
                if (e != 0)
                        return e;
                r = READER(a.params);
                got = read_2b(&r);
                if (got.len == 0 || got.len > (size_t)(nv->size - nv->offset))
                        return err(ERR_FORMAT, "the TPM gave %zu octets of NV index 0x%08x, which has not so many", got.len, nv->index);
                e = buf_append(&content, got.ptr, got.len);
                if (e != 0)
                        return e;
                nv->offset = (uint16_t)(nv->offset + got.len);
        }
        buf_take(&content, nv->ret);
        return 0;
}

int tpm_nv_read(struct tpm *t, uint32_t index, struct buf *ret)
{
        struct nv nv = { .index = index, .ret = ret };

        return tpm_operate(t, PATIENCE, nv_read, &nv);
}

/* What manufacturers give an EK certificate, and the platform may take away again. */
#define MANUFACTURED (TPMA_NV_PPWRITE | TPMA_NV_PPREAD | TPMA_NV_OWNERREAD | TPMA_NV_AUTHREAD | TPMA_NV_NO_DA | TPMA_NV_PLATFORMCREATE)

static TSS2_RC prepare_define(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct nv *nv = c->in;
        const TPM2B_AUTH no_auth = { 0 };
        TPM2B_NV_PUBLIC public = { 0 };

        public.nvPublic.nvIndex = nv->index;
        public.nvPublic.nameAlg = TPM2_ALG_SHA256;
        public.nvPublic.attributes = MANUFACTURED;
        public.nvPublic.dataSize = nv->size;
        return Tss2_Sys_NV_DefineSpace_Prepare(sys, TPM2_RH_PLATFORM, &no_auth, &public);
}

static TSS2_RC prepare_nv_write(TSS2_SYS_CONTEXT *sys, const struct call *c)
{
        const struct nv *nv = c->in;
        TPM2B_MAX_NV_BUFFER data;
        size_t left = nv->content.len - nv->offset;

        if (SET_2B(&data, BYTES(nv->content.ptr + nv->offset, left < CHUNK ? left : CHUNK)) != 0)
                return TSS2_SYS_RC_BAD_VALUE;
        return Tss2_Sys_NV_Write_Prepare(sys, TPM2_RH_PLATFORM, nv->index, &data, nv->offset);
}

static int nv_manufacture(struct tpm *t, void *arg)
{
        struct nv *nv = arg;
        const struct call define = { .cc = TPM2_CC_NV_DefineSpace, .prepare = prepare_define, .in = nv,
                                     .object[0] = { .handle = TPM2_RH_PLATFORM }, .n_objects = 1, .auth = AUTH_PASSWORD };
        const struct call write = { .cc = TPM2_CC_NV_Write, .prepare = prepare_nv_write, .in = nv,
                                    .object = { { .handle = TPM2_RH_PLATFORM }, { .handle = nv->index } }, .n_objects = 2, .auth = AUTH_PASSWORD };
        struct answer a;
        int r;

        r = tpm_call(t, &define, &a);
        if (r != 0)
                return r;
        for (nv->offset = 0; nv->offset < nv->size; nv->offset = (uint16_t)(nv->offset + CHUNK)) {
                r = tpm_call(t, &write, &a);
                if (r != 0 || nv->size - nv->offset <= CHUNK)
                        return r;
        }
        return 0;
}

int tpm_nv_manufacture(struct tpm *t, uint32_t index, struct bytes content)
{
        struct nv nv = { .index = index, .size = (uint16_t)content.len, .content = content };

        if (content.len == 0 || content.len > NV_MAX)
                return err(ERR_RANGE, "an NV index holds 1 to %d octets", NV_MAX);
        return tpm_operate(t, PATIENCE, nv_manufacture, &nv);
}
