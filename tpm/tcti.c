/* SPDX-License-Identifier: BSD-2-Clause */
/* How does the TSS reach the TPM without ever seeing a response that is not one?
 *
 * Its Transmit already brings the response; its Receive only hands it over. */
#include "tpm/tcti.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "lib/err.h"
#include "lib/file.h"
#include "tpm/clock.h"
#include "tpm/wire.h"

#define MAGIC 0x686f6c6466617374u       /* "holdfast" */

/* One line, one write: lines of several processes do not mix. What cannot be written is lost, the operation is not. */
static void trace(const struct tcti *t, size_t sent, uint64_t us)
{
        char line[128], rc[32];
        int n;

        if (t->error != 0)
                snprintf(rc, sizeof(rc), "%s", err_name(t->error));
        else
                snprintf(rc, sizeof(rc), "0x%" PRIx32, t->response.rc);
        n = snprintf(line, sizeof(line), "%s %s %zu %zu %" PRIu64 "\n", t->command->name, rc, sent, t->len, us);
        if (n > 0 && write(t->trace_fd, line, (size_t)n) < 0)
                return;
}

static TSS2_RC transmit(TSS2_TCTI_CONTEXT *context, size_t size, const uint8_t *cmd)
{
        struct tcti *t = (struct tcti *)context;
        struct reader r = READER(BYTES(cmd, size));
        bool with_session = read_u16(&r) == TPM2_ST_SESSIONS;
        uint64_t start = 0;

        read_u32(&r);
        t->command = command_by_cc(read_u32(&r));
        t->len = 0;
        t->response = (struct response){ 0 };
        if (t->command == NULL) {
                t->error = err(ERR_NOTSUP, "we send no such command");
                return TSS2_TCTI_RC_BAD_VALUE;
        }

        if (t->trace_fd >= 0)
                start = clock_us();
        t->error = t->link->ops->exchange(t->link, BYTES(cmd, size), t->packet, sizeof(t->packet), &t->len, t->deadline_us);
        /* A TPM that could not be reached was sent nothing. */
        if (t->error != ERR_NODEV && t->error != ERR_PERM)
                atomic_fetch_add_explicit(&t->commands, 1, memory_order_relaxed);
        if (t->error == 0)
                t->error = response_check(t->command, with_session, BYTES(t->packet, t->len), &t->response);
        if (t->trace_fd >= 0)
                trace(t, size, clock_us() - start);
        return t->error == 0 ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_IO_ERROR;
}

static TSS2_RC receive(TSS2_TCTI_CONTEXT *context, size_t *size, uint8_t *response, int32_t timeout)
{
        const struct tcti *t = (const struct tcti *)context;

        (void)timeout;
        if (t->error != 0 || t->len == 0)
                return TSS2_TCTI_RC_BAD_SEQUENCE;
        if (response != NULL) {
                if (*size < t->len)
                        return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
                memcpy(response, t->packet, t->len);
        }
        *size = t->len;
        return TSS2_RC_SUCCESS;
}

static void finalize(TSS2_TCTI_CONTEXT *context)
{
        (void)context;
}

static TSS2_RC cancel(TSS2_TCTI_CONTEXT *context)
{
        (void)context;
        return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

static TSS2_RC set_locality(TSS2_TCTI_CONTEXT *context, uint8_t locality)
{
        (void)context;
        (void)locality;
        return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

int tcti_open(struct link *l, const char *trace_file, struct tcti *ret)
{
        memset(ret, 0, sizeof(*ret));
        ret->trace_fd = -1;
        if (trace_file != NULL) {
                ret->trace_fd = open(trace_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
                if (ret->trace_fd < 0)
                        return err_errno("the TPM trace %s", trace_file);
        }
        ret->common.v1.magic = MAGIC;
        ret->common.v1.version = 2;
        ret->common.v1.transmit = transmit;
        ret->common.v1.receive = receive;
        ret->common.v1.finalize = finalize;
        ret->common.v1.cancel = cancel;
        ret->common.v1.setLocality = set_locality;
        ret->link = l;
        return 0;
}

TSS2_TCTI_CONTEXT *tcti_context(struct tcti *t)
{
        return (TSS2_TCTI_CONTEXT *)&t->common;
}

void tcti_close(struct tcti *t)
{
        link_free(t->link);
        close_fd(&t->trace_fd);
        wipe(t->packet, sizeof(t->packet));
}

void tcti_abandon(struct tcti *t)
{
        link_abandon(t->link);
        close_fd(&t->trace_fd);
        wipe(t->packet, sizeof(t->packet));
}
