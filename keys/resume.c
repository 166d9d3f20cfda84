/* SPDX-License-Identifier: BSD-2-Clause */
/* Where did whoever wrote this log before stop counting? */
#include "keys/resume.h"
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"

#define COMMANDS_MAX (1u << 22) /* in one batch; of more the count is known and the digest is not */

/* The commands of the highest batch, in whatever order their records stand. */
struct tail {
        struct resume *r;
        struct command_told *list;
        size_t n, cap;
        bool all;
};

void resume_clear(struct resume *r)
{
        checkpoint_clear(&r->newest);
}

static void tail_clear(struct tail *t)
{
        free(t->list);
}

static int keep(struct tail *t, const struct audit_tpm *tpm)
{
        struct tally_batch *open = &t->r->open;
        struct command_told *more;

        if (tpm->batch < open->batch)
                return 0;
        if (tpm->batch > open->batch) {
                *open = (struct tally_batch){ .batch = tpm->batch };
                t->n = 0;
                t->all = true;
        }
        if (tpm->index > open->count)
                open->count = tpm->index;
        if (t->n == COMMANDS_MAX || tpm->cp_hash.len != AUDIT_HASH_SIZE || tpm->rp_hash.len != AUDIT_HASH_SIZE) {
                t->all = false;
                return 0;
        }
        if (t->n == t->cap) {
                more = reallocarray(t->list, t->cap + 256, sizeof(*more));
                if (more == NULL)
                        return err(ERR_NOMEM, "out of memory");
                t->list = more;
                t->cap += 256;
        }
        t->list[t->n].index = tpm->index;
        memcpy(t->list[t->n].cp_hash, tpm->cp_hash.ptr, AUDIT_HASH_SIZE);
        memcpy(t->list[t->n].rp_hash, tpm->rp_hash.ptr, AUDIT_HASH_SIZE);
        t->n++;
        return 0;
}

static int read_tail(struct audit_reader *rd, struct tail *t)
{
        struct audit_record rec;
        struct bytes raw;
        int r;

        for (;;) {
                r = audit_reader_next(rd, &raw);
                if (r == ERR_NOENT)
                        return 0;
                if (r == 0)
                        r = audit_record_decode(raw, &rec);
                if (r == 0 && rec.tpm.present) {
                        t->r->counted = true;
                        r = keep(t, &rec.tpm);
                }
                if (r != 0)
                        return r;
                if (rec.has_clock) {
                        t->r->has_clock = true;
                        t->r->resets = rec.tpm_resets;
                }
        }
}

static int by_index(const void *a, const void *b)
{
        const struct command_told *x = a, *y = b;

        return x->index < y->index ? -1 : x->index > y->index;
}

/* The digest that the TPM has now, if it was not reset and nobody else did anything. */
static void digest_of(struct tail *t)
{
        struct tally_batch *open = &t->r->open;

        if (t->n > 0)
                qsort(t->list, t->n, sizeof(*t->list), by_index);
        open->sure = t->all && t->n == open->count;
        for (size_t i = 0; open->sure && i < t->n; i++) {
                open->sure = t->list[i].index == i + 1;
                audit_digest_extend(open->digest, BYTES(t->list[i].cp_hash, AUDIT_HASH_SIZE), BYTES(t->list[i].rp_hash, AUDIT_HASH_SIZE));
        }
}

static int take_checkpoint(struct bytes note, const struct pubkey *ak, struct resume *ret)
{
        struct checkpoint_proof p;
        int r;

        r = checkpoint_parse(note, &ret->newest);
        if (r == 0)
                r = checkpoint_verify(&ret->newest, ak, &p);
        if (r == ERR_AUTH)
                return err(ERR_FOREIGN, "the log's newest checkpoint was not signed by this TPM's attestation key: it is another TPM's log, or a changed one");
        if (r != 0)
                return r;
        ret->has_checkpoint = ret->has_clock = true;
        ret->counted = ret->newest.mode == AUDIT_MODE_COMMAND;
        ret->resets = p.resets;
        return 0;
}

/* The log that has the newest checkpoint, or the newest one. */
static int find_checkpoint(const char *dir, const uint64_t *logs, size_t n, const struct pubkey *ak, struct resume *ret, size_t *ret_first)
{
        for (size_t i = n; i > 0; i--) {
                CLEANUP(buf_clear) struct buf note = { 0 };
                struct audit_reader *rd;
                int r = audit_reader_open(dir, logs[i - 1], &rd);

                if (r != 0)
                        return r;
                r = audit_reader_newest(rd, &note);
                audit_reader_close(rd);
                if (r == ERR_NOENT)
                        continue;
                *ret_first = i - 1;
                return r != 0 ? r : take_checkpoint(BYTES_OF(&note), ak, ret);
        }
        *ret_first = n - 1;
        return 0;
}

int resume_read(const char *dir, const struct pubkey *ak, struct resume *ret)
{
        CLEANUP(tail_clear) struct tail t = { .r = ret, .all = true };
        CLEANUP(free_ptr) uint64_t *logs = NULL;
        size_t n, first = 0;
        int r;

        r = audit_logs(dir, &logs, &n);
        if (r == 0 && n > 0)
                r = find_checkpoint(dir, logs, n, ak, ret, &first);
        ret->open.batch = ret->has_checkpoint ? ret->newest.batch + 1 : 1;
        for (size_t i = first; r == 0 && i < n; i++) {
                struct audit_reader *rd;

                r = audit_reader_open(dir, logs[i], &rd);
                if (r != 0)
                        break;
                if (i == first && ret->has_checkpoint)
                        r = audit_reader_seek(rd, ret->newest.head.size);
                if (r == 0)
                        r = read_tail(rd, &t);
                audit_reader_close(rd);
        }
        if (r == 0)
                digest_of(&t);
        return r;
}
