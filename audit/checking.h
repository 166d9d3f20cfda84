/* SPDX-License-Identifier: BSD-2-Clause */
/* One walk over a directory of logs, as far as its parts must know of each other. Inside audit/ only. */
#ifndef HOLDFAST_AUDIT_CHECKING_H
#define HOLDFAST_AUDIT_CHECKING_H

#include "audit/bundle.h"
#include "audit/check.h"
#include "lib/tpmt.h"

/* Where in the directory. */
struct place {
        uint64_t log, seq;
};

/* A command that came before those in front of it. */
struct late {
        uint64_t index;
        uint8_t cp_hash[AUDIT_HASH_SIZE], rp_hash[AUDIT_HASH_SIZE];
};

/* What the records tell of one batch of audited commands, and what the TPM does. */
struct batch {
        uint64_t number;
        struct place first;             /* its first record */
        uint64_t next;                  /* the index that is to follow */
        uint8_t digest[AUDIT_HASH_SIZE]; /* of those before it */
        struct late *late;
        size_t n_late, cap_late;

        bool closed;                    /* by a checkpoint: */
        bool session;                   /* with the digest of a session, in which nothing but these commands was audited */
        struct place checkpoint;
        uint64_t count;
        bool has_digest;
        uint8_t want[AUDIT_HASH_SIZE];
        bool unclean;                   /* the writer was killed while it was open */
        bool done;                      /* judged; it is kept so that what still comes is known to be too much */
};
#define BATCHES_MAX 16

/* What the newest checkpoint with a good signature said. */
struct vouched {
        bool any;
        bool batches;                   /* some checkpoint closed one */
        struct place at;
        uint64_t batch;
        uint64_t audit_counter;         /* of the newest COMMAND one */
        bool has_counter;
        uint64_t resets, restarts, clock_ms;
        bool has_nv;
        uint64_t nv_value;
        uint64_t time_ms;
};

struct check {
        const struct audit_check_options *o;
        struct audit_report *rep;
        uint64_t all;                   /* records, for progress */

        /* The log being read. */
        uint64_t number;
        int dir;
        struct audit_reader *rd;
        uint64_t size;                  /* records read */
        uint64_t next_seq;
        uint8_t leaf[TREE_HASH];        /* of the last */
        struct tiles *tiles;
        bool cut;                       /* it could not be read to its last checkpoint */
        bool broken;                    /* a record of it is bad already: its tree cannot be right */
        bool tile_bad, root_bad, root_told;
        struct place root_at;           /* the first checkpoint whose root is another */
        struct audit_head head;         /* of the last checkpoint of this log that was looked at */
        uint64_t head_batch;
        bool has_head;
        size_t next_note;
        bool no_more;                   /* the last note was seen */
        struct buf note, note_before;   /* the last two */
        struct buf newest;              /* the file "checkpoint" at the beginning */
        struct checkpoint checkpoint;   /* waits for its size to be reached */
        bool waits;

        /* The one before. */
        uint64_t before;                /* its number, 0: there is none */
        uint8_t before_root[TREE_HASH];
        bool before_bad;

        /* Across logs. */
        bool witnessed, unwitnessed_told; /* the last checkpoint has a line by the witness key; one that has none was told */
        struct place witness_at;        /* that checkpoint */
        struct batch batch[BATCHES_MAX];
        size_t n_batches;
        struct vouched vouched;
        struct buf list;                /* the newest AUDIT_LIST */
        bool stopped, started;          /* the last event was a stop; there was any */
        bool unclean;                   /* since the last checkpoint */
        uint64_t clock_ms, resets, restarts;    /* by the records */
        struct place late_clock;
        uint64_t time_ms;
        struct pubkey key;              /* of key_public, to be read once */
        struct buf key_public;
};

/* seq UINT64_MAX: the log as a whole. */
void check_found(struct check *k, enum audit_fault f, bool warning, struct place at, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void check_sort(struct audit_report *r);

/* Did who vouches for this log sign that? The AK or, if it is not NULL, the signer; what no TPM says is zero then. */
int check_signed(const struct checkpoint *c, const struct pubkey *ak, const struct audit_signer *signer, struct checkpoint_proof *ret);

/* check_note.c: all checkpoints over k->size records; and what is left when the log has ended. */
int check_notes_begin(struct check *k);
int check_notes(struct check *k);
int check_notes_end(struct check *k);

/* check_witness.c */
int check_witness(struct check *k, const struct checkpoint *c, struct place here);
void check_witness_end(struct check *k);

/* check_tile.c */
int check_tiles_full(struct check *k);
int check_tiles_partial(struct check *k);
/* Does the stored tile name the last record by another hash, this one? */
bool check_tile_says(struct check *k, struct bytes leaf);

/* check_batch.c */
int check_batch_record(struct check *k, const struct audit_record *r);
int check_batch_close(struct check *k, const struct checkpoint *c, const struct checkpoint_proof *p);
/* Records are not there: no batch of theirs can be judged. */
void check_batch_forget(struct check *k);
void check_batch_end(struct check *k);

/* check_signature.c */
int check_signature(struct check *k, const struct audit_record *r);

#endif
