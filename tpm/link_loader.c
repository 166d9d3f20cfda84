/* SPDX-License-Identifier: BSD-2-Clause */
/* How is a TPM reached that only the TSS's own transports know (tabrmd, mssim, a remote one)? */
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_tctildr.h>
#include "lib/err.h"
#include "tpm/clock.h"
#include "tpm/link.h"

struct loader_link {
        struct link base;
        TSS2_TCTI_CONTEXT *tcti;
        char name[];
};

static int loader_open(struct loader_link *k)
{
        TSS2_RC rc = Tss2_TctiLdr_Initialize(k->name, &k->tcti);

        if (rc == TSS2_RC_SUCCESS)
                return 0;
        k->tcti = NULL;
        return err(ERR_NODEV, "cannot reach the TPM \"%s\": the TSS says 0x%x", k->name, rc);
}

static int loader_exchange(struct link *l, struct bytes cmd, uint8_t *rsp, size_t room, size_t *ret_len, uint64_t deadline_us)
{
        struct loader_link *k = (struct loader_link *)l;
        size_t len = room;
        TSS2_RC rc;
        int r;

        if (k->tcti == NULL) {
                r = loader_open(k);
                if (r != 0)
                        return r;
        }
        rc = Tss2_Tcti_Transmit(k->tcti, cmd.len, cmd.ptr);
        if (rc != TSS2_RC_SUCCESS)
                return err(ERR_IO, "sending a command to the TPM \"%s\": the TSS says 0x%x", k->name, rc);
        do {
                rc = Tss2_Tcti_Receive(k->tcti, &len, rsp, clock_left_ms(deadline_us));
        } while (rc == TSS2_TCTI_RC_TRY_AGAIN && clock_left_ms(deadline_us) > 0);
        if (rc == TSS2_TCTI_RC_TRY_AGAIN)
                return err(ERR_TIMEOUT, "the TPM did not answer in time");
        if (rc != TSS2_RC_SUCCESS)
                return err(ERR_IO, "reading the TPM's answer from \"%s\": the TSS says 0x%x", k->name, rc);
        *ret_len = len;
        /* Not before: of each attempt in vain the TSS writes lines to standard error. */
        k->base.restarts = true;
        return 0;
}

static void loader_hangup(struct link *l)
{
        struct loader_link *k = (struct loader_link *)l;

        if (k->tcti != NULL)
                Tss2_TctiLdr_Finalize(&k->tcti);
        k->tcti = NULL;
}

/* Its descriptors are known to nobody but itself, and closing properly could speak to the other end. */
static void loader_abandon(struct link *l)
{
        ((struct loader_link *)l)->tcti = NULL;
}

static const struct link_ops loader_ops = { loader_exchange, loader_hangup, loader_abandon };

int link_loader_new(const char *tcti, struct link **ret)
{
        size_t len = strlen(tcti);
        struct loader_link *k = calloc(1, sizeof(*k) + len + 1);

        if (k == NULL)
                return err(ERR_NOMEM, "out of memory");
        k->base.ops = &loader_ops;
        k->base.managed = strncmp(tcti, "tabrmd", 6) == 0;
        memcpy(k->name, tcti, len + 1);
        *ret = &k->base;
        return 0;
}
