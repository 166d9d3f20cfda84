/* SPDX-License-Identifier: BSD-2-Clause */
/* Does the Ed25519 key that witnesses know sign the checkpoints, too? */
#include <string.h>
#include "audit/checking.h"
#include "lib/err.h"

typedef unsigned long long ull;

/* HOST of holdfast/HOST/NUMBER, with what is before it. */
static struct bytes of_host(struct bytes origin)
{
        const uint8_t *slash = origin.len > 0 ? memrchr(origin.ptr, '/', origin.len) : NULL;

        return slash != NULL ? BYTES(origin.ptr, (size_t)(slash - origin.ptr)) : origin;
}

static int verify(const struct audit_witness *w, const struct checkpoint *c)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        struct bytes name = BYTES_OF(&c->origin), signature;
        int r;

        if (w->name.len > 0 && !bytes_equal(of_host(w->name), of_host(name)))
                return err(ERR_AUTH, "the witness key is one of %.*s", (int)w->name.len, (const char *)w->name.ptr);
        r = vkey_line_signature(BYTES_OF(&c->ed25519), name, w->key, &signature);
        if (r == 0)
                r = checkpoint_text(c, &text);
        return r == 0 ? w->verify(w->key, BYTES_OF(&text), signature) : r;
}

/* One without that line may be from before there was the key; the newest may not. */
int check_witness(struct check *k, const struct checkpoint *c, struct place here)
{
        int r;

        if (k->o->witness == NULL)
                return 0;
        k->witnessed = c->ed25519.len > 0;
        k->witness_at = here;
        if (!k->witnessed) {
                if (!k->unwitnessed_told)
                        check_found(k, FAULT_CHECKPOINT, true, here, "the checkpoint over %llu records has no line by the witness key", (ull)c->head.size);
                k->unwitnessed_told = true;
                return 0;
        }
        r = verify(k->o->witness, c);
        if (r == 0)
                k->rep->witnessed++;
        else if (r != ERR_AUTH)
                return r;
        else
                check_found(k, FAULT_CHECKPOINT, false, here, "checkpoint over %llu records, line by the witness key: %s", (ull)c->head.size, err_text());
        return 0;
}

void check_witness_end(struct check *k)
{
        if (k->o->witness != NULL && k->rep->checkpoints > 0 && !k->witnessed)
                check_found(k, FAULT_CHECKPOINT, false, k->witness_at, "the newest checkpoint has no line by the witness key");
}
