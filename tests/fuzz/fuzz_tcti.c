/* SPDX-License-Identifier: BSD-2-Clause */
/* What a TPM answers: whatever the bytes, the check either refuses them or accounts for every one.
 *
 * Input: command code (4 octets), 0 or 1 for a session, the packet. The corpus is swtpm's answers to one run
 * of each operation of ours, and some of them with a length or count changed by hand. */
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"
#include "tpm/rc.h"
#include "tpm/response.h"
#include "tpm/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
        if (!ok)
                abort();
}

static bool inside(struct bytes part, struct bytes whole)
{
        return part.len == 0 || (part.ptr >= whole.ptr && part.len <= whole.len && part.ptr - whole.ptr <= (ptrdiff_t)(whole.len - part.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct reader r = READER(BYTES(data, size));
        const struct command *c = command_by_cc(read_u32(&r));
        bool session = read_u8(&r) == 1;
        struct response rsp = { 0 };
        size_t accounted;
        int e;

        if (r.bad || c == NULL)
                return 0;
        e = response_check(c, session, r.left, &rsp);
        if (e != 0) {
                require(e == ERR_FORMAT);
                return 0;
        }
        require(r.left.len <= TPM_PACKET_MAX);
        require(inside(rsp.params, r.left) && inside(rsp.auth.nonce, r.left) && inside(rsp.auth.hmac, r.left));
        if (rsp.rc != 0) {
                require(r.left.len == 10 && rsp.params.len == 0 && rc_meaning(rsp.rc).name != NULL);
                return 0;
        }
        accounted = 10 + rsp.params.len + (c->makes != MAKES_NOTHING ? 4 : 0);
        if (session)
                accounted += 4 + 2 + rsp.auth.nonce.len + 1 + 2 + rsp.auth.hmac.len;
        if (session && (c->layout[0] == '2' || c->layout[0] == '+'))
                accounted += 5 + rsp.first.nonce.len + rsp.first.hmac.len;
        require(accounted == r.left.len);
        return 0;
}
