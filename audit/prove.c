/* SPDX-License-Identifier: BSD-2-Clause */
/* How does one carry away one record with the proof that it is in the log? C2SP tlog-proof. */
#include <inttypes.h>
#include <string.h>
#include "audit/checking.h"
#include "audit/note.h"
#include "lib/err.h"

#define FIRST_LINE "c2sp.org/tlog-proof@v1"
/* The record, its hashes, and a checkpoint with the signatures of many. */
#define PROOF_MAX 131072

static int append_base64(struct buf *b, const char *before, struct bytes v)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r = base64_encode(v, &text);

        if (r == 0)
                r = buf_append_str(b, before);
        if (r == 0)
                r = buf_append(b, text.ptr, text.len);
        return r != 0 ? r : buf_append_str(b, "\n");
}

static int format(struct bytes record, uint64_t seq, const struct tree_proof *p, struct bytes note, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        int r;

        r = buf_append_str(&b, FIRST_LINE "\n");
        if (r == 0)
                r = append_base64(&b, "extra ", record);
        if (r == 0)
                r = buf_printf(&b, "index %" PRIu64 "\n", seq);
        for (size_t i = 0; r == 0 && i < p->n; i++)
                r = append_base64(&b, "", BYTES(p->hash[i], TREE_HASH));
        if (r == 0)
                r = buf_append_str(&b, "\n");
        if (r == 0)
                r = buf_append(&b, note.ptr, note.len);
        if (r == 0)
                buf_take(&b, ret);
        return r;
}

static int prove(struct audit_reader *rd, uint64_t log, uint64_t seq, struct buf *ret_text)
{
        CLEANUP(checkpoint_clear) struct checkpoint c = { 0 };
        CLEANUP(buf_clear) struct buf note = { 0 };
        struct tree_proof p;
        struct bytes record;
        int r;

        r = audit_reader_newest(rd, &note);
        if (r == 0)
                r = checkpoint_parse(BYTES_OF(&note), &c);
        if (r != 0)
                return r;
        if (seq >= c.head.size)
                return err(ERR_NOENT, "the newest checkpoint of log %" PRIu64 " covers %" PRIu64 " records, not yet record %" PRIu64, log, c.head.size, seq);
        r = tree_prove_inclusion(audit_reader_hash, rd, seq, c.head.size, &p);
        if (r == 0)
                r = audit_reader_seek(rd, seq);
        if (r == 0)
                r = audit_reader_next(rd, &record);
        return r != 0 ? r : format(record, seq, &p, BYTES_OF(&note), ret_text);
}

int audit_prove(const char *dir, uint64_t log, uint64_t seq, struct buf *ret_text)
{
        struct audit_reader *rd;
        int r;

        r = audit_reader_open(dir, log, &rd);
        if (r != 0)
                return r;
        r = prove(rd, log, seq, ret_text);
        audit_reader_close(rd);
        return r;
}

static int malformed(void)
{
        return err(ERR_FORMAT, "this is no proof of a record");
}

/* Up to the checkpoint. */
static int parse(struct bytes *text, struct buf *ret_record, uint64_t *ret_seq, struct tree_proof *ret_proof)
{
        struct bytes line;

        if (!note_line(text, &line) || !bytes_equal(line, BYTES_STR(FIRST_LINE)))
                return malformed();
        if (!note_line(text, &line) || !note_skip(&line, "extra ") || !note_base64(line, ret_record))
                return malformed();
        if (!note_line(text, &line) || !note_skip(&line, "index ") || !note_number(line, ret_seq))
                return malformed();
        ret_proof->n = 0;
        for (;;) {
                if (!note_line(text, &line))
                        return malformed();
                if (line.len == 0)
                        return 0;
                if (ret_proof->n == TREE_PROOF_MAX || !note_hash(line, ret_proof->hash[ret_proof->n++]))
                        return malformed();
        }
}

/* The log's number is behind the origin's last slash. */
static int number_of(const struct checkpoint *c, uint64_t *ret)
{
        const uint8_t *slash = memrchr(c->origin.ptr, '/', c->origin.len);

        if (slash == NULL || !note_number(BYTES(slash + 1, (size_t)(c->origin.ptr + c->origin.len - slash - 1)), ret))
                return err(ERR_FORMAT, "the proof's checkpoint does not name its log");
        return 0;
}

int audit_check_proof(struct bytes text, const struct pubkey *ak, const struct audit_signer *signer, struct buf *ret_decoded, struct audit_record *ret_record,
                      uint64_t *ret_log)
{
        CLEANUP(checkpoint_clear) struct checkpoint c = { 0 };
        CLEANUP(buf_clear) struct buf record = { 0 };
        struct checkpoint_proof said;
        struct tree_proof proof;
        struct audit_record rec;
        uint8_t leaf[TREE_HASH];
        uint64_t seq, log;
        int r;

        if (text.len > PROOF_MAX)
                return malformed();
        r = parse(&text, &record, &seq, &proof);
        if (r == 0)
                r = checkpoint_parse(text, &c);
        if (r == 0)
                r = number_of(&c, &log);
        if (r == 0)
                r = check_signed(&c, ak, signer, &said);
        if (r != 0)
                return r;
        tree_leaf(BYTES_OF(&record), leaf);
        r = tree_check_inclusion(leaf, seq, c.head.size, &proof, c.head.root);
        if (r == 0)
                r = audit_record_decode(BYTES_OF(&record), &rec);
        if (r == 0 && rec.seq != seq)
                r = err(ERR_FORMAT, "the proof is of record %" PRIu64 ", the record says that it is %" PRIu64, seq, rec.seq);
        if (r != 0)
                return r;
        buf_take(&record, ret_decoded);
        *ret_record = rec;
        *ret_log = log;
        return 0;
}
