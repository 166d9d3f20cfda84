/* SPDX-License-Identifier: BSD-2-Clause */
/* Is a directory of logs whole? One walk over all records, in order; what the parts say of it is kept in the report. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audit/checking.h"
#include "audit/note.h"
#include "audit/state.h"
#include "lib/err.h"
#include "lib/file.h"

#define PROGRESS_EVERY 65536
/* Threads take the time before they take their turn. */
#define CLOCK_SLACK_MS 10000

typedef unsigned long long ull;

static struct place here(const struct check *k)
{
        return (struct place){ k->number, k->size };
}

/* What can use an agent's key or speak for the AK, on every chip. */
static void check_list_record(struct check *k, const struct audit_record *r)
{
        static const struct {
                uint32_t cc;
                const char *name;
        } must[] = {
                { TPM2_CC_Sign, "TPM2_Sign" }, { TPM2_CC_RSA_Decrypt, "TPM2_RSA_Decrypt" }, { TPM2_CC_ECDH_ZGen, "TPM2_ECDH_ZGen" },
                { TPM2_CC_Certify, "TPM2_Certify" }, { TPM2_CC_Quote, "TPM2_Quote" },
        };
        uint8_t digest[AUDIT_HASH_SIZE];

        if (audit_list_digest(r->detail, digest) == ERR_FORMAT) {
                check_found(k, FAULT_LIST, false, here(k), "%s", err_text());
                return;
        }
        for (size_t i = 0; i < ARRAY_LEN(must); i++)
                if (!audit_list_has(r->detail, must[i].cc)) {
                        check_found(k, FAULT_LIST, false, here(k), "%s is not on the audit list", must[i].name);
                        return;
                }
}

/* Who stops writes it down. A record of commands without records says itself that something went wrong. */
static int check_event(struct check *k, const struct audit_record *r)
{
        if (r->event == AUDIT_START && k->started && !k->stopped) {
                check_found(k, FAULT_UNCLEAN, true, here(k),
                            "whoever wrote the log before was killed: commands may have been done and their results not released");
                k->unclean = true;
        }
        if (r->event == AUDIT_GAP) {
                check_found(k, FAULT_UNCLEAN, true, here(k), "the TPM did commands that have no record of their own");
                k->unclean = k->unclean || !r->tpm.present;
        }
        /* A direct writer has nothing to stop. */
        if (r->event == AUDIT_STOP || r->direct)
                k->stopped = true;
        else if (r->event != AUDIT_CHECKPOINT && r->event != AUDIT_ROTATE)
                k->stopped = false;
        k->started = true;
        if (r->event != AUDIT_LIST)
                return 0;
        check_list_record(k, r);
        return buf_set(&k->list, r->detail);
}

static void check_clocks(struct check *k, const struct audit_record *r)
{
        bool same_reset = r->tpm_resets == k->resets;
        bool same = same_reset && r->tpm_restarts == k->restarts;

        if (r->time_ms + CLOCK_SLACK_MS < k->time_ms)
                check_found(k, FAULT_CLOCK, true, here(k), "the wall clock went back by %llu s", (ull)(k->time_ms - r->time_ms) / 1000);
        k->time_ms = r->time_ms;
        if (k->rep->records == 0)
                k->rep->first_ms = r->time_ms;
        k->rep->last_ms = r->time_ms;
        if (!r->has_clock)
                return;
        if (r->tpm_resets < k->resets || (same_reset && r->tpm_restarts < k->restarts) ||
            (same && r->tpm_clock_ms + CLOCK_SLACK_MS < k->clock_ms))
                check_found(k, FAULT_CLOCK, false, here(k), "the TPM's clock, resets or restarts went back");
        k->resets = r->tpm_resets;
        k->restarts = r->tpm_restarts;
        k->clock_ms = r->tpm_clock_ms;
}

/* detail and digest are the number and the root of the log before. */
static void check_first(struct check *k, const struct audit_record *r)
{
        uint64_t number;

        if (k->before == 0)
                return;
        if (r->event != AUDIT_ROTATE)
                check_found(k, FAULT_ROTATION, false, here(k), "log %llu does not begin with the one before it", (ull)k->number);
        else if (!note_number(r->detail, &number) || number != k->number - 1 || r->digest.len != TREE_HASH)
                check_found(k, FAULT_ROTATION, false, here(k), "log %llu continues another than log %llu", (ull)k->number, (ull)k->number - 1);
        else if (k->before == k->number - 1 && !k->before_bad && memcmp(r->digest.ptr, k->before_root, TREE_HASH) != 0)
                check_found(k, FAULT_ROTATION, false, here(k), "log %llu continues a log %llu with other records than there are", (ull)k->number,
                            (ull)k->before);
}

static void broken(struct check *k, enum audit_fault f, struct place at, const char *why)
{
        check_found(k, f, false, at, "%s", why);
        k->broken = true;
}

/* A record that was changed is known by the tile and the record behind it, which both have its old hash. */
static void check_chain(struct check *k, const struct audit_record *r)
{
        bool follows = bytes_equal(r->prev, BYTES(k->leaf, TREE_HASH));

        if (!follows && r->seq == k->size && check_tile_says(k, r->prev))
                broken(k, FAULT_CHAIN, (struct place){ k->number, k->size - 1 }, "the record was changed: the one behind it and its tile have another hash");
        else if (!follows && r->seq == k->next_seq)
                broken(k, FAULT_CHAIN, here(k), "the record does not follow the one before: one of the two was changed or put there");
        else if (r->seq != k->next_seq)
                broken(k, FAULT_CHAIN, here(k), r->seq > k->next_seq ? "records were removed before this one" : "the record stands where another should");
        k->next_seq = r->seq + 1;
}

static int check_record(struct check *k, const struct audit_record *r)
{
        int e;

        check_chain(k, r);
        check_clocks(k, r);
        if (k->size == 0)
                check_first(k, r);
        k->rep->uses += r->event == AUDIT_USE;
        e = check_event(k, r);
        if (e == 0)
                e = check_batch_record(k, r);
        return e != 0 ? e : check_signature(k, r);
}

static int step(struct check *k, struct bytes raw)
{
        struct audit_record r;
        int e;

        e = check_tiles_full(k);
        if (e != 0)
                return e;
        e = audit_record_decode(raw, &r);
        if (e == 0) {
                e = check_record(k, &r);
        } else if (e == ERR_FORMAT) {
                broken(k, FAULT_RECORD, here(k), err_text());
                k->next_seq++;
                e = 0;
        }
        if (e != 0)
                return e;
        tree_leaf(raw, k->leaf);
        memcpy(k->tiles->hash[0][k->tiles->n[0]++], k->leaf, TREE_HASH);
        k->size++;
        k->rep->records++;
        if (k->o->progress != NULL && k->rep->records % PROGRESS_EVERY == 0)
                k->o->progress(k->o->ctx, k->rep->records, k->all > k->rep->records ? k->all : k->rep->records);
        return check_notes(k);
}

/* Is what stands in the journal here a whole record, only not the one that belongs here? */
static bool stands_elsewhere(struct check *k)
{
        CLEANUP(buf_clear) struct buf journal = { 0 };
        CLEANUP(close_fd) int fd = -1;
        uint8_t leaf[TREE_HASH];
        size_t at = 0;

        if (journal_open(k->dir, false, &fd) != 0 || journal_read(fd, 0, &journal) != 0)
                return false;
        for (uint64_t i = 0; journal.len - at > 4 + JOURNAL_CHECK; i++) {
                const uint8_t *p = journal.ptr + at;
                size_t len = ((size_t)(p[0] & 0x7f) << 24) + ((size_t)p[1] << 16) + ((size_t)p[2] << 8) + p[3];

                if (len > journal.len - at - 4 - JOURNAL_CHECK)
                        return false;
                tree_leaf(BYTES(p + 4, len), leaf);
                if (i == k->size % TILE_WIDTH)
                        return memcmp(leaf, p + 4 + len, JOURNAL_CHECK) == 0;
                at += 4 + len + JOURNAL_CHECK;
        }
        return false;
}

/* As far as the log goes, or to where it cannot be read any more. */
static int read_records(struct check *k)
{
        struct bytes raw;
        int r;

        r = check_notes(k);
        while (r == 0) {
                r = audit_reader_next(k->rd, &raw);
                if (r == 0)
                        r = step(k, raw);
                else if (r == ERR_NOENT)
                        return 0;
                else if (r == ERR_FORMAT) {
                        CLEANUP(free_ptr) char *why = strdup(err_text()); /* looking elsewhere may say another thing */

                        k->cut = true;
                        if (stands_elsewhere(k))
                                broken(k, FAULT_CHAIN, here(k), "records before this one were removed, doubled or put elsewhere");
                        else
                                broken(k, FAULT_RECORD, here(k), why != NULL ? why : "out of memory");
                        return 0;
                }
        }
        return r;
}

static void begin_log(struct check *k, uint64_t number)
{
        k->number = number;
        k->size = k->next_seq = 0;
        memset(k->leaf, 0, sizeof(k->leaf));
        memset(k->tiles, 0, sizeof(*k->tiles));
        k->broken = k->tile_bad = k->root_bad = k->root_told = k->has_head = k->waits = k->cut = k->no_more = false;
        k->next_note = 0;
        buf_reset(&k->note);
        buf_reset(&k->note_before);
        buf_reset(&k->newest);
}

static void end_log(struct check *k)
{
        struct tree t;

        audit_reader_close(k->rd);
        k->rd = NULL;
        close_fd(&k->dir);
        checkpoint_clear(&k->checkpoint);
        tiles_tree(k->tiles, &t);
        tree_root(&t, k->before_root);
        k->before = k->number;
        k->before_bad = k->broken;
        k->rep->logs++;
}

static int open_log(struct check *k, const char *dir, uint64_t number)
{
        CLEANUP(close_fd) int fd = -1;
        char name[LOG_NAME_SIZE];
        int r;

        log_name(number, name);
        r = dir_open(AT_FDCWD, dir, &fd);
        if (r == 0)
                r = dir_open(fd, name, &k->dir);
        return r != 0 ? r : audit_reader_open(dir, number, &k->rd);
}

static int check_log(struct check *k, const char *dir, uint64_t number)
{
        uint64_t earlier = k->rep->records;
        int r;

        begin_log(k, number);
        if (k->before == 0 && number != 1)
                check_found(k, FAULT_ROTATION, true, here(k), "logs before %llu are not there", (ull)number);
        else if (k->before != number - 1)
                check_found(k, FAULT_ROTATION, false, here(k), "logs between %llu and %llu are missing", (ull)k->before, (ull)number);
        r = open_log(k, dir, number);
        if (r == 0)
                r = check_notes_begin(k);
        if (r == 0)
                r = read_records(k);
        if (r == 0)
                r = check_notes_end(k);
        if (r == 0 && k->has_head)
                k->rep->covered = earlier + k->head.size;
        end_log(k);
        return r;
}

/* Raised when the checkpoint is durable: one behind is a crash between the two, or a look at the wrong moment. */
static void check_nv(struct check *k)
{
        struct place all = { k->number, UINT64_MAX };
        uint64_t told = k->vouched.nv_value, is = k->o->nv_value;

        if (!k->o->has_nv)
                return;
        if (!k->vouched.has_nv)
                check_found(k, FAULT_NV, false, all, "no checkpoint tells of an NV counter, the TPM has one");
        else if (is > told)
                check_found(k, FAULT_NV, false, all, "the NV counter is %llu, the newest checkpoint raised it to %llu: the log is an old copy", (ull)is,
                            (ull)told);
        else if (is + 1 < told)
                check_found(k, FAULT_NV, false, all, "the NV counter is %llu, the newest checkpoint raised it to %llu: it is another TPM's", (ull)is,
                            (ull)told);
        else if (is < told)
                check_found(k, FAULT_NV, true, all, "the NV counter was not raised for the newest checkpoint yet");
}

/* How many records there may be, for those who wait. */
static int count_records(const char *dir, const uint64_t *logs, size_t n, uint64_t *ret)
{
        int r = 0;

        *ret = 0;
        for (size_t i = 0; r == 0 && i < n; i++) {
                CLEANUP(checkpoint_clear) struct checkpoint c = { 0 };
                CLEANUP(buf_clear) struct buf note = { 0 };
                struct audit_reader *rd;

                r = audit_reader_open(dir, logs[i], &rd);
                if (r != 0)
                        return r;
                if (audit_reader_newest(rd, &note) == 0 && checkpoint_parse(BYTES_OF(&note), &c) == 0)
                        *ret += c.head.size;
                audit_reader_close(rd);
        }
        return r;
}

static int check_logs(struct check *k, const char *dir)
{
        CLEANUP(free_ptr) uint64_t *logs = NULL;
        size_t n = 0;
        int r;

        r = audit_logs(dir, &logs, &n);
        if (r == 0 && k->o->progress != NULL)
                r = count_records(dir, logs, n, &k->all);
        if (r == 0 && n == 0)
                check_found(k, FAULT_CHECKPOINT, false, (struct place){ 0, UINT64_MAX }, "there is no log");
        for (size_t i = 0; r == 0 && i < n; i++)
                r = check_log(k, dir, logs[i]);
        check_batch_end(k);
        check_witness_end(k);
        if (r == 0 && n > 0)
                check_nv(k);
        return r;
}

int audit_check(const char *dir, const struct audit_check_options *o, struct audit_report *ret)
{
        struct audit_report rep = { .ok = true };
        struct check k = { .o = o, .rep = &rep, .dir = -1 };
        int r = 0;

        rep.list = calloc(AUDIT_FINDINGS_MAX + 1, sizeof(*rep.list));
        k.tiles = malloc(sizeof(*k.tiles));
        if (rep.list == NULL || k.tiles == NULL)
                r = err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = check_logs(&k, dir);
        free(k.tiles);
        buf_clear(&k.note);
        buf_clear(&k.note_before);
        buf_clear(&k.newest);
        buf_clear(&k.list);
        buf_clear(&k.key_public);
        pubkey_clear(&k.key);
        if (r != 0) {
                audit_report_clear(&rep);
                return r;
        }
        check_sort(&rep);
        *ret = rep;
        return 0;
}
