/* SPDX-License-Identifier: BSD-2-Clause */
/* The log as a directory: appended to durably, never rewritten, read by anybody while it grows.
 *
 *   AUDIT/lock               its writer's
 *   AUDIT/000001/            one log (a tree of its own); a full one is followed by 000002, whose first record names it
 *     journal                records since the last full bundle: u32 length, record, first 8 octets of its leaf hash
 *     tile/entries/...       full bundles of 256 records, C2SP tlog-tiles: u16 length, record
 *     tile/0/... tile/1/...  hashes
 *     checkpoint             the newest checkpoint
 *     checkpoints/SIZE.N     every checkpoint: 20 digits of the tree's size, 10 of its batch
 *
 * A record is in the journal and synced before audit_append() returns. When the journal is full, the next record has its bundle and
 * its tiles written and synced, and then a new journal takes the old one's place. Partial tiles are written with each checkpoint. */
#ifndef HOLDFAST_AUDIT_LOG_H
#define HOLDFAST_AUDIT_LOG_H

#include "audit/record.h"
#include "audit/tree.h"

struct audit_log;

struct audit_log_options {
        uint64_t rotate_size;   /* octets of records after which the next log starts; 0: never */
        bool direct;            /* other processes append too: a lock is taken and the tail read for each */
};

struct audit_recovery {
        bool created;           /* there was no log */
        bool unclean;           /* its last record is no stop, no rotation and no direct one: whoever wrote it did not end well */
        uint64_t torn;          /* octets of an unfinished record that were cut off: nobody has seen its result */
};
/* Makes the directory if need be, mends what a crash left, and is then its only writer (unless direct): ERR_TIMEOUT if
 * somebody else is. ERR_FORMAT if the log is damaged in a way that no crash leaves: it is not written to. */
int audit_log_open(const char *dir, const struct audit_log_options *o, struct audit_recovery *ret_how, struct audit_log **ret);
void audit_log_close(struct audit_log *l);
/* In a forked child: closes the descriptors and frees nothing, for another thread of the parent may have been anywhere in here. */
void audit_log_abandon(struct audit_log *l);

/* Gives r its seq (prev is the log's own business), and returns when it is durable. Concurrent callers share one fdatasync. ERR_NOSPC, ERR_IO: it is
 * not in the log, and neither is anything that was appended after it at the same time. After an error of fdatasync the journal is
 * written anew before anything else goes in: what the kernel says then is not to be trusted (fsyncgate). */
int audit_append(struct audit_log *l, struct audit_record *r);

/* The durable tree: as many records as every returned audit_append() and maybe a few more. */
struct audit_head {
        uint64_t size;
        uint8_t root[AUDIT_HASH_SIZE];
};
void audit_log_head(struct audit_log *l, struct audit_head *ret);
/* The log's number, for the checkpoint's origin line; 1 for the first. */
uint64_t audit_log_number(const struct audit_log *l);
/* Stores a checkpoint over a head that audit_log_head() gave: partial tiles first, then checkpoints/..., then checkpoint. Durable. What failed may
 * be tried again; ERR_EXIST: there is another one of this size and batch. */
int audit_log_put_checkpoint(struct audit_log *l, const struct audit_head *h, uint64_t batch, struct bytes note);
/* True when rotate_size is reached: the owner makes a last checkpoint, then calls audit_log_rotate(), which appends r
 * (an AUDIT_ROTATE; detail and digest become the old log's number and root) as the first record of the next log. */
bool audit_log_full(const struct audit_log *l);
int audit_log_rotate(struct audit_log *l, struct audit_record *r);

/* Reading, from a copy or while it grows; opens its own files, needs no lock. */
struct audit_reader;
int audit_reader_open(const char *dir, uint64_t number, struct audit_reader **ret);
void audit_reader_close(struct audit_reader *rd);
/* From which record on; the next one; ERR_NOENT behind the last. A torn tail is behind the last. Borrowed until the next call. */
int audit_reader_seek(struct audit_reader *rd, uint64_t seq);
int audit_reader_next(struct audit_reader *rd, struct bytes *ret_record);
/* Hash tiles, for proofs: a tree_fetch. ctx is the reader. */
int audit_reader_hash(void *ctx, unsigned level, uint64_t index, uint8_t ret[TREE_HASH]);
/* Checkpoints by size and batch, in rising order; ERR_NOENT behind the last. */
int audit_reader_checkpoint(struct audit_reader *rd, size_t i, struct buf *ret_note);
/* The file "checkpoint". */
int audit_reader_newest(struct audit_reader *rd, struct buf *ret_note);
/* The numbers of the logs in dir, rising. ret is malloc'ed. */
int audit_logs(const char *dir, uint64_t **ret, size_t *ret_n);

#endif
