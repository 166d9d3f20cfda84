/* SPDX-License-Identifier: BSD-2-Clause */
/* Strict lines of text: what notes and proofs are read by. Inside audit/ only. */
#ifndef HOLDFAST_AUDIT_NOTE_H
#define HOLDFAST_AUDIT_NOTE_H

#include "audit/tree.h"

/* The next line without its newline, which must be there. False at the end. */
bool note_line(struct bytes *text, struct bytes *ret);
/* What stands between its beginning and the next blank; false if there is none. */
bool note_word(struct bytes *line, struct bytes *ret);
/* Takes a beginning away, if it is there. */
bool note_skip(struct bytes *line, const char *beginning);
/* All of it is one number in decimal, without zeros in front. */
bool note_number(struct bytes line, uint64_t *ret);
/* All of it is base64 as base64_encode() writes it. */
bool note_base64(struct bytes line, struct buf *ret);
bool note_hash(struct bytes line, uint8_t ret[TREE_HASH]);

#endif
