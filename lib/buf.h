/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes: borrowed (struct bytes) and owned (struct buf). Owned bytes are wiped
 * when they are freed, so that a secret needs no care of its own. */
#ifndef HOLDFAST_LIB_BUF_H
#define HOLDFAST_LIB_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Runs fn(&variable) when the variable goes out of scope. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Bytes someone else owns. */
struct bytes {
        const uint8_t *ptr;
        size_t len;
};

/* Bytes we own: zero-initialise, pass anywhere, buf_clear() wipes and frees. */
struct buf {
        uint8_t *ptr;
        size_t len;
        size_t cap;
};

#define BYTES(p, n) ((struct bytes){ (const uint8_t *)(p), (n) })
#define BYTES_OF(b) ((struct bytes){ (b)->ptr, (b)->len })
#define BYTES_STR(s) ((struct bytes){ (const uint8_t *)(s), strlen(s) })

bool bytes_equal(struct bytes a, struct bytes b);
/* The same in a time that depends on the lengths alone: for secrets. */
bool bytes_equal_secret(struct bytes a, struct bytes b);

void buf_clear(struct buf *b);
/* Empties b and keeps its memory. */
void buf_reset(struct buf *b);
/* Makes room for cap bytes in all. ERR_NOMEM, and b is as it was. */
int buf_reserve(struct buf *b, size_t cap);
int buf_append(struct buf *b, const void *p, size_t len);
int buf_append_str(struct buf *b, const char *s);
int buf_append_u8(struct buf *b, uint8_t v);
int buf_append_u16(struct buf *b, uint16_t v); /* big-endian */
int buf_append_u32(struct buf *b, uint32_t v); /* big-endian */
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* b becomes a copy of these bytes. */
int buf_set(struct buf *b, struct bytes from);
/* Moves the bytes; what `to` held is cleared, `from` is empty afterwards. */
void buf_take(struct buf *from, struct buf *to);
/* The bytes as a C string: a NUL is kept behind the last byte, not counted. NULL if memory ran out. */
const char *buf_str(struct buf *b);

/* Lower-case hex. */
int hex_encode(struct bytes in, struct buf *ret);
/* ERR_FORMAT on an odd length or a character that is not hex. */
int hex_decode(const char *hex, size_t len, struct buf *ret);
/* Standard base64 with padding and no line breaks. */
int base64_encode(struct bytes in, struct buf *ret);
/* White space is skipped, anything else that is not base64 is ERR_FORMAT. */
int base64_decode(const char *text, size_t len, struct buf *ret);

/* Overwrites memory in a way the compiler must keep. */
void wipe(void *p, size_t len);

/* An allocator for libraries that take one: what they free is wiped. */
void *wiping_alloc(size_t n);
void wiping_free(void *p);

/* For CLEANUP(): free(*p). */
void free_ptr(void *p);

#endif
