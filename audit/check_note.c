/* SPDX-License-Identifier: BSD-2-Clause */
/* Does each checkpoint hold: signed by the AK, over these records, behind the one before? */
#include <string.h>
#include "audit/checking.h"
#include "audit/note.h"
#include "lib/err.h"

typedef unsigned long long ull;

static struct place place_of(const struct check *k, const struct checkpoint *c)
{
        return (struct place){ k->number, c->head.size > 0 ? c->head.size - 1 : 0 };
}

/* ORIGIN/NUMBER */
static bool of_this_log(const struct check *k, const struct checkpoint *c)
{
        const uint8_t *slash = memrchr(c->origin.ptr, '/', c->origin.len);
        uint64_t number;

        return slash != NULL && note_number(BYTES(slash + 1, (size_t)(c->origin.ptr + c->origin.len - slash - 1)), &number) && number == k->number;
}

/* The root is not that of these records. If a later checkpoint has theirs, then the AK has signed two histories. */
static void check_root(struct check *k, const struct checkpoint *c)
{
        struct place here = place_of(k, c);
        uint8_t root[TREE_HASH];
        struct tree t;

        if (k->has_head && k->head.size == c->head.size && memcmp(k->head.root, c->head.root, TREE_HASH) != 0) {
                check_found(k, FAULT_SPLIT, false, here, "two checkpoints over %llu records have different roots", (ull)c->head.size);
                k->root_told = true;
                return;
        }
        tiles_tree(k->tiles, &t);
        tree_root(&t, root);
        if (memcmp(root, c->head.root, TREE_HASH) != 0) {
                if (!k->root_bad && !k->root_told)
                        k->root_at = here;
                k->root_bad = true;
        } else if (k->root_bad && !k->root_told) {
                check_found(k, FAULT_SPLIT, false, k->root_at, "a later checkpoint, over %llu records, does not contain that over %llu", (ull)c->head.size,
                            (ull)(k->root_at.seq + 1));
                k->root_told = true;
        }
}

/* Resets and restarts as a pair: restarts begin anew with a reset. A clock behind is right only while the TPM says that it is not safe. */
static void check_clock(struct check *k, const struct checkpoint *c, const struct checkpoint_proof *p)
{
        const struct vouched *v = &k->vouched;
        struct place here = place_of(k, c);
        bool same_reset = p->resets == v->resets;
        bool same = same_reset && p->restarts == v->restarts;

        if (!v->any)
                return;
        if (p->resets < v->resets || (same_reset && p->restarts < v->restarts))
                check_found(k, FAULT_CLOCK, false, here, "the TPM was reset %llu times and restarted %llu times, before it was %llu and %llu",
                            (ull)p->resets, (ull)p->restarts, (ull)v->resets, (ull)v->restarts);
        else if (p->clock_ms < v->clock_ms && (same || p->safe))
                check_found(k, FAULT_CLOCK, false, here, "the TPM's clock went back from %llu ms to %llu ms", (ull)v->clock_ms, (ull)p->clock_ms);
        if (c->time_ms < v->time_ms)
                check_found(k, FAULT_CLOCK, true, here, "the wall clock of a checkpoint is %llu ms behind the one before", (ull)(v->time_ms - c->time_ms));
}

static void check_order(struct check *k, const struct checkpoint *c)
{
        const struct vouched *v = &k->vouched;
        struct place here = place_of(k, c);

        if (v->any && c->batch <= v->batch)
                check_found(k, FAULT_SPLIT, false, here, "the checkpoint of batch %llu follows that of batch %llu", (ull)c->batch, (ull)v->batch);
        if (v->has_nv && c->has_nv && c->nv_value <= v->nv_value)
                check_found(k, FAULT_NV, false, here, "the checkpoint raises the NV counter to %llu, one before it to %llu", (ull)c->nv_value,
                            (ull)v->nv_value);
        if (v->any && c->mode < k->rep->mode)
                check_found(k, FAULT_LIST, true, here, "from here on the TPM does not say %s",
                            k->rep->mode == AUDIT_MODE_COMMAND ? "whether the log is complete" : "that it did what the log tells");
}

static bool closes_batch(const struct checkpoint *c)
{
        return c->mode == AUDIT_MODE_SESSION || c->mode == AUDIT_MODE_COMMAND;
}

static void remember(struct check *k, const struct checkpoint *c, const struct checkpoint_proof *p)
{
        struct vouched *v = &k->vouched;

        v->any = true;
        v->batches = v->batches || closes_batch(c);
        v->at = place_of(k, c);
        v->batch = c->batch;
        if (c->mode == AUDIT_MODE_COMMAND) {
                v->has_counter = true;
                v->audit_counter = p->audit_counter;
        }
        v->resets = p->resets;
        v->restarts = p->restarts;
        v->clock_ms = p->clock_ms;
        if (c->has_nv) {
                v->has_nv = true;
                v->nv_value = c->nv_value;
        }
        v->time_ms = c->time_ms;
        k->rep->mode = c->mode;
}

static int verify_software(const struct audit_signer *s, const struct checkpoint *c, struct checkpoint_proof *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r;

        if (c->mode != AUDIT_MODE_SOFTWARE)
                return err(ERR_AUTH, "a TPM signed it, not the issuer");
        r = checkpoint_text(c, &text);
        if (r == 0)
                r = s->verify(s->ctx, BYTES_OF(&c->origin), BYTES_OF(&text), BYTES_OF(&c->software));
        if (r == 0)
                *ret = (struct checkpoint_proof){ 0 };
        return r;
}

int check_signed(const struct checkpoint *c, const struct pubkey *ak, const struct audit_signer *signer, struct checkpoint_proof *ret)
{
        if (signer != NULL)
                return verify_software(signer, c, ret);
        if (ak == NULL)
                return err(ERR_AUTH, "there is no attestation key to check it by");
        return checkpoint_verify(c, ak, ret);
}

static int verify(const struct check *k, const struct checkpoint *c, struct checkpoint_proof *ret)
{
        return check_signed(c, k->o->ak, k->o->signer, ret);
}

/* Over the records read so far, or, if there are too few, without them. */
static int check_checkpoint(struct check *k, const struct checkpoint *c)
{
        struct checkpoint_proof p;
        struct place here = place_of(k, c);
        int r;

        k->rep->checkpoints++;
        r = verify(k, c, &p);
        if (r == ERR_AUTH || r == ERR_FORMAT) {
                check_found(k, FAULT_CHECKPOINT, false, here, "checkpoint over %llu records: %s", (ull)c->head.size, err_text());
                return 0;
        }
        if (r != 0)
                return r;
        if (!of_this_log(k, c)) {
                check_found(k, FAULT_CHECKPOINT, false, here, "a checkpoint of %.*s stands in log %llu", (int)c->origin.len, (const char *)c->origin.ptr,
                            (ull)k->number);
                return 0;
        }
        r = check_witness(k, c, here);
        if (r != 0)
                return r;
        check_clock(k, c, &p);
        check_order(k, c);
        if (c->head.size == k->size) {
                r = check_tiles_partial(k);
                if (r != 0)
                        return r;
                check_root(k, c);
                k->head = c->head;
                k->has_head = true;
                if (closes_batch(c))
                        r = check_batch_close(k, c, &p);
        }
        remember(k, c, &p);
        return r;
}

/* The next one that is one, in k->checkpoint. After ERR_NOENT what comes later is not looked at: the log may grow meanwhile. */
static int next_note(struct check *k)
{
        while (!k->waits) {
                CLEANUP(buf_clear) struct buf note = { 0 };
                int r = k->no_more ? ERR_NOENT : audit_reader_checkpoint(k->rd, k->next_note, &note);

                if (r == ERR_NOENT)
                        k->no_more = true;
                if (r != 0 && r != ERR_FORMAT)
                        return r;
                k->next_note++;
                buf_take(&k->note, &k->note_before);
                buf_take(&note, &k->note);
                if (r == 0)
                        r = checkpoint_parse(BYTES_OF(&k->note), &k->checkpoint);
                if (r == 0 && k->checkpoint.head.size < k->size)
                        r = err(ERR_FORMAT, "it does not stand in its place");
                if (r == ERR_FORMAT)
                        check_found(k, FAULT_CHECKPOINT, false, (struct place){ k->number, k->size > 0 ? k->size - 1 : 0 }, "checkpoint file %zu: %s",
                                    k->next_note, err_text());
                else if (r != 0)
                        return r;
                k->waits = r == 0;
        }
        return 0;
}

int check_notes(struct check *k)
{
        int r;

        for (;;) {
                r = next_note(k);
                if (r != 0)
                        return r == ERR_NOENT ? 0 : r;
                if (k->checkpoint.head.size > k->size)
                        return 0;
                r = check_checkpoint(k, &k->checkpoint);
                checkpoint_clear(&k->checkpoint);
                k->waits = false;
                if (r != 0)
                        return r;
        }
}

int check_notes_begin(struct check *k)
{
        int r = audit_reader_newest(k->rd, &k->newest);

        return r == ERR_NOENT || r == ERR_FORMAT ? 0 : r;
}

/* One that was made while we read. */
static bool is_later(const struct check *k, struct bytes note)
{
        CLEANUP(checkpoint_clear) struct checkpoint c = { 0 };
        struct checkpoint_proof p;

        return checkpoint_parse(note, &c) == 0 && verify(k, &c, &p) == 0 && of_this_log(k, &c) && c.batch > k->vouched.batch;
}

/* The file "checkpoint" is the last of them or, after a crash between the two, the one before. */
static int check_newest(struct check *k)
{
        struct place all = { k->number, UINT64_MAX };
        CLEANUP(buf_clear) struct buf newest = { 0 };
        int r;

        r = audit_reader_newest(k->rd, &newest);
        if (r != 0 && r != ERR_NOENT && r != ERR_FORMAT)
                return r;
        if (r == ERR_NOENT && k->next_note == 0)
                check_found(k, FAULT_CHECKPOINT, k->o->ak == NULL && k->o->signer == NULL, all, "no checkpoint vouches for log %llu", (ull)k->number);
        else if (r == 0 && (bytes_equal(BYTES_OF(&newest), BYTES_OF(&k->note)) || bytes_equal(BYTES_OF(&newest), BYTES_OF(&k->note_before))))
                return 0;
        else if (r != 0 || bytes_equal(BYTES_OF(&newest), BYTES_OF(&k->newest)) || !is_later(k, BYTES_OF(&newest)))
                check_found(k, FAULT_CHECKPOINT, false, all, "the newest checkpoint of log %llu is not among its checkpoints", (ull)k->number);
        return 0;
}

int check_notes_end(struct check *k)
{
        int r;

        while ((r = next_note(k)) == 0) {
                if (!k->cut)
                        check_found(k, FAULT_TAIL, false, (struct place){ k->number, k->size }, "a checkpoint covers %llu records, there are %llu",
                                    (ull)k->checkpoint.head.size, (ull)k->size);
                k->cut = true;
                r = check_checkpoint(k, &k->checkpoint);
                checkpoint_clear(&k->checkpoint);
                k->waits = false;
                if (r != 0)
                        return r;
        }
        if (r != ERR_NOENT)
                return r;
        if (k->cut)
                check_batch_forget(k);
        if (k->root_bad && !k->root_told)
                check_found(k, FAULT_TREE, false, k->root_at, "the root in the checkpoint over %llu records is not theirs", (ull)(k->root_at.seq + 1));
        return check_newest(k);
}
