/* SPDX-License-Identifier: BSD-2-Clause */
/* Did the TPM do what the records tell, and is that all? For each batch its audit digest must follow from them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "audit/checking.h"
#include "lib/err.h"

/* More threads than that never race for the log. */
#define LATE_MAX 4096

typedef unsigned long long ull;

static struct batch *find(struct check *k, uint64_t number)
{
        for (size_t i = 0; i < k->n_batches; i++)
                if (k->batch[i].number == number)
                        return &k->batch[i];
        return NULL;
}

static void lost(struct check *k, const struct batch *b)
{
        check_found(k, FAULT_LOST_BATCH, false, b->first, "no checkpoint closes batch %llu: the TPM does not vouch for its commands, and others may be missing",
                    (ull)b->number);
}

/* The TPM did something else than the records say. After the writer was killed that may be a command whose record it could not write. */
static void differs(struct check *k, const struct batch *b, const char *how)
{
        if (b->unclean)
                check_found(k, FAULT_UNCLEAN, false, b->checkpoint,
                            "batch %llu: %s; the writer was killed before it: this may be what it could not write, or something done behind its back",
                            (ull)b->number, how);
        else
                check_found(k, FAULT_OFF_LOG, false, b->checkpoint, "batch %llu: %s", (ull)b->number, how);
}

static void drop_late(struct batch *b)
{
        free(b->late);
        b->late = NULL;
        b->n_late = b->cap_late = 0;
}

/* Sorted out when all of it must be there. */
static void judge(struct check *k, struct batch *b)
{
        char how[128];

        if (b->done)
                return;
        b->done = true;
        if (!b->closed) {
                lost(k, b);
        } else if (b->next <= b->count) {
                snprintf(how, sizeof(how), "its command %llu of %llu has no record", (ull)b->next, (ull)b->count);
                differs(k, b, how);
        } else if (!b->has_digest && b->count > 0 && b->unclean) {
                differs(k, b, "the TPM does not tell of its commands");
        } else if (!b->has_digest && b->count > 0) {
                check_found(k, FAULT_UNDONE, false, b->checkpoint, "batch %llu: the log tells of %llu commands, the TPM of none", (ull)b->number,
                            (ull)b->count);
        } else if (b->session && b->has_digest && !b->unclean && memcmp(b->digest, b->want, AUDIT_HASH_SIZE) != 0) {
                check_found(k, FAULT_UNDONE, false, b->checkpoint, "batch %llu: the TPM's session did other commands than the log tells of",
                            (ull)b->number);
        } else if (b->has_digest && (b->count == 0 || memcmp(b->digest, b->want, AUDIT_HASH_SIZE) != 0)) {
                differs(k, b, "the TPM did commands that are not in the log, or others than it tells");
        }
        drop_late(b);
}

/* The oldest one makes room: what is so far behind does not come any more. */
static struct batch *find_or_make(struct check *k, uint64_t number, struct place first)
{
        struct batch *b = find(k, number);

        if (b != NULL)
                return b;
        if (k->n_batches == BATCHES_MAX) {
                judge(k, &k->batch[0]);
                memmove(k->batch, k->batch + 1, sizeof(k->batch[0]) * (BATCHES_MAX - 1));
                k->n_batches--;
        }
        b = &k->batch[k->n_batches++];
        *b = (struct batch){ .number = number, .first = first, .next = 1 };
        return b;
}

static void too_much(struct check *k, const struct audit_record *r, const char *why)
{
        check_found(k, FAULT_UNDONE, false, (struct place){ k->number, k->size }, "command %llu of batch %llu %s", (ull)r->tpm.index,
                    (ull)r->tpm.batch, why);
}

static int keep_late(struct check *k, struct batch *b, const struct audit_record *r)
{
        struct late *more;

        for (size_t i = 0; i < b->n_late; i++)
                if (b->late[i].index == r->tpm.index) {
                        too_much(k, r, "is told twice");
                        return 0;
                }
        if (b->n_late == LATE_MAX) {
                too_much(k, r, "stands too far from those before it");
                return 0;
        }
        if (b->n_late == b->cap_late) {
                more = reallocarray(b->late, b->cap_late + 64, sizeof(*more));
                if (more == NULL)
                        return err(ERR_NOMEM, "out of memory");
                b->late = more;
                b->cap_late += 64;
        }
        b->late[b->n_late].index = r->tpm.index;
        memcpy(b->late[b->n_late].cp_hash, r->tpm.cp_hash.ptr, AUDIT_HASH_SIZE);
        memcpy(b->late[b->n_late].rp_hash, r->tpm.rp_hash.ptr, AUDIT_HASH_SIZE);
        b->n_late++;
        return 0;
}

static bool take_late(struct batch *b)
{
        for (size_t i = 0; i < b->n_late; i++)
                if (b->late[i].index == b->next) {
                        audit_digest_extend(b->digest, BYTES(b->late[i].cp_hash, AUDIT_HASH_SIZE), BYTES(b->late[i].rp_hash, AUDIT_HASH_SIZE));
                        b->next++;
                        b->late[i] = b->late[--b->n_late];
                        return true;
                }
        return false;
}

static void extend(struct batch *b, const struct audit_tpm *t)
{
        audit_digest_extend(b->digest, t->cp_hash, t->rp_hash);
        b->next++;
        while (take_late(b))
                ;
}

int check_batch_record(struct check *k, const struct audit_record *r)
{
        struct place here = { k->number, k->size };
        const struct audit_tpm *t = &r->tpm;
        struct batch *b;
        int e = 0;

        if (!t->present)
                return 0;
        if (t->cp_hash.len != AUDIT_HASH_SIZE || t->rp_hash.len != AUDIT_HASH_SIZE || t->index == 0) {
                check_found(k, FAULT_RECORD, false, here, "the record tells of a command of the TPM and not which");
                return 0;
        }
        b = find(k, t->batch);
        if (b == NULL && k->vouched.batches && t->batch <= k->vouched.batch) {
                too_much(k, r, "comes long after its checkpoint");
                return 0;
        }
        if (b == NULL)
                b = find_or_make(k, t->batch, here);
        if (b->closed && t->index > b->count)
                too_much(k, r, "is more than its checkpoint counts");
        else if (t->index < b->next)
                too_much(k, r, "is told twice");
        else if (t->index > b->next)
                e = keep_late(k, b, r);
        else
                extend(b, t);
        if (b->closed && b->next > b->count)
                judge(k, b);
        return e;
}

/* TPM 2.0 Part 1, 31: the counter rises when the first command of a batch comes, and never else. Whether there was one the TPM says itself: that
 * the log says the same is judged with the batch. */
static void check_counter(struct check *k, const struct checkpoint *c, const struct checkpoint_proof *p)
{
        struct place here = { k->number, c->head.size > 0 ? c->head.size - 1 : 0 };
        uint64_t rises = p->digest.len > 0 ? 1 : 0, before = k->vouched.audit_counter;

        if (!k->vouched.has_counter || p->audit_counter == before + rises)
                return;
        if (p->audit_counter < before + rises)
                check_found(k, FAULT_UNDONE, false, here, "batch %llu: the TPM's auditCounter is %llu, after %llu it should have risen to %llu",
                            (ull)c->batch, (ull)p->audit_counter, (ull)before, (ull)(before + rises));
        else if (p->resets != k->vouched.resets)
                check_found(k, FAULT_LOST_BATCH, false, here,
                            "before batch %llu the TPM lost %llu batches of commands to a reset (its auditCounter jumped from %llu to %llu)", (ull)c->batch,
                            (ull)(p->audit_counter - before - rises), (ull)before, (ull)p->audit_counter);
        else if (k->unclean && p->audit_counter == before + rises + 1)
                check_found(k, FAULT_UNCLEAN, false, here,
                            "before batch %llu the TPM closed one that is not in the log; the writer was killed before it: this may be a checkpoint "
                            "that it could not store, or something done behind its back", (ull)c->batch);
        else
                check_found(k, FAULT_OFF_LOG, false, here,
                            "before batch %llu the TPM closed %llu batches that are not in the log (its auditCounter jumped from %llu to %llu)",
                            (ull)c->batch, (ull)(p->audit_counter - before - rises), (ull)before, (ull)p->audit_counter);
}

static int check_list(struct check *k, const struct checkpoint *c, const struct checkpoint_proof *p)
{
        struct place here = { k->number, c->head.size > 0 ? c->head.size - 1 : 0 };
        uint8_t digest[AUDIT_HASH_SIZE];
        int r;

        if (k->list.len == 0) {
                check_found(k, FAULT_LIST, false, here, "the log does not tell which commands the TPM audits");
                return 0;
        }
        r = audit_list_digest(BYTES_OF(&k->list), digest);
        if (r == ERR_FORMAT)
                return 0;       /* told where it stands */
        if (r == 0 && !bytes_equal(p->list_digest, BYTES(digest, sizeof(digest))))
                check_found(k, FAULT_LIST, false, here, "batch %llu: the TPM's audit list is not the one that the log tells", (ull)c->batch);
        return r;
}

int check_batch_close(struct check *k, const struct checkpoint *c, const struct checkpoint_proof *p)
{
        struct place here = { k->number, c->head.size > 0 ? c->head.size - 1 : 0 };
        struct batch *b;
        bool session = c->mode == AUDIT_MODE_SESSION;
        uint64_t told;
        int r = 0;

        if (!session) {
                check_counter(k, c, p);
                r = check_list(k, c, p);
        }
        if (r != 0)
                return r;
        b = find(k, c->batch);
        if (b != NULL && b->closed) {
                check_found(k, FAULT_SPLIT, false, here, "two checkpoints close batch %llu", (ull)c->batch);
                return 0;
        }
        if (b == NULL)
                b = find_or_make(k, c->batch, here);
        b->closed = true;
        b->checkpoint = here;
        b->count = c->count;
        b->session = session;
        /* The digest of a session stays as it is until the first command of the next batch. */
        b->has_digest = p->digest.len > 0 && !(session && c->count == 0);
        if (b->has_digest)
                memcpy(b->want, p->digest.ptr, AUDIT_HASH_SIZE);
        b->unclean = k->unclean;
        k->unclean = false;
        told = b->next - 1 + b->n_late;
        if (told > b->count)
                check_found(k, FAULT_UNDONE, false, here, "batch %llu: the log tells of %llu commands, its checkpoint of %llu", (ull)b->number, (ull)told,
                            (ull)b->count);
        if (b->next > b->count)
                judge(k, b);
        for (size_t i = 0; i < k->n_batches; i++)
                if (!k->batch[i].closed && k->batch[i].number < c->batch)
                        judge(k, &k->batch[i]);
        return 0;
}

void check_batch_forget(struct check *k)
{
        for (size_t i = 0; i < k->n_batches; i++) {
                k->batch[i].done = true;
                drop_late(&k->batch[i]);
        }
}

/* What no checkpoint has closed yet is not covered, and no fault. */
void check_batch_end(struct check *k)
{
        for (size_t i = 0; i < k->n_batches; i++) {
                struct batch *b = &k->batch[i];

                if (b->closed || (k->vouched.batches && b->number <= k->vouched.batch))
                        judge(k, b);
                drop_late(b);
        }
        k->n_batches = 0;
}
