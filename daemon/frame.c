/* SPDX-License-Identifier: BSD-2-Clause */
/* How does one request reach libp11-kit's server, and its answer the client? By files in memory: the server would make room for whatever a
 * header says and wait for the rest as long as it takes, so it gets to see whole frames of a fair size, and then the end of its input. */
#define P11_KIT_FUTURE_UNSTABLE_API
#include <p11-kit/remote.h>
#include "daemon/frame.h"
#include "daemon/request.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib/err.h"
#include "lib/file.h"

#define KEEP (64u * 1024u)      /* octets of memory that stay when a large frame has gone */

static uint32_t u32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int frame_length(const uint8_t header[FRAME_HEADER], size_t *ret)
{
        uint64_t length = (uint64_t)u32(header + 4) + u32(header + 8);

        if (length > FRAME_MAX)
                return err(ERR_RANGE, "a request of %llu octets, at most %u", (unsigned long long)length, FRAME_MAX);
        *ret = (size_t)length;
        return 0;
}

int frames_open(struct frames *f)
{
        *f = (struct frames){ .in = memfd_create("request", MFD_CLOEXEC), .out = memfd_create("answer", MFD_CLOEXEC) };
        if (f->in < 0 || f->out < 0) {
                int r = err_errno("cannot make a file in memory");

                frames_close(f);
                return r;
        }
        return 0;
}

void frames_close(struct frames *f)
{
        close_fd(&f->in);
        close_fd(&f->out);
        buf_clear(&f->buf);
        f->in = f->out = -1;
}

/* One time limit for all of it, however many pieces it comes in. */
static ssize_t receive_some(int fd, uint8_t *to, size_t len)
{
        ssize_t n;

        do {
                n = recv(fd, to, len, MSG_WAITALL);
        } while (n < 0 && errno == EINTR);
        return n;
}

static int receive(int fd, uint8_t *to, size_t len)
{
        if (len == 0 || receive_some(fd, to, len) == (ssize_t)len)
                return 0;
        return err(ERR_FORMAT, "a request that ends in the middle");
}

/* It may take its time before the first octet. */
static int receive_header(int fd, uint8_t header[FRAME_HEADER])
{
        ssize_t n;

        do {
                n = receive_some(fd, header, FRAME_HEADER);
        } while (n < 0 && errno == EAGAIN);
        if (n == 0)
                return ERR_NOENT;
        return n < 0 ? err_errno("receiving a request") : receive(fd, header + n, FRAME_HEADER - (size_t)n);
}

/* The version octet that begins a conversation, and a frame, whose body is ret_body. */
static int read_frame(struct frames *f, int fd, struct bytes *ret_body)
{
        size_t len, head = 1 + FRAME_HEADER;
        int r;

        r = buf_reserve(&f->buf, head);
        if (r != 0)
                return r;
        f->buf.ptr[0] = FRAME_VERSION;
        r = receive_header(fd, f->buf.ptr + 1);
        if (r == 0)
                r = frame_length(f->buf.ptr + 1, &len);
        f->buf.len = head;
        if (r == 0)
                r = buf_reserve(&f->buf, head + len);
        if (r == 0)
                r = receive(fd, f->buf.ptr + head, len);
        if (r != 0)
                return r;
        f->buf.len = head + len;
        ret_body->len = u32(f->buf.ptr + 1 + 8);
        ret_body->ptr = f->buf.ptr + f->buf.len - ret_body->len;
        return 0;
}

/* At the end of the file, so that the frame's end is the file's however long the one before was. */
static int put_frame(struct frames *f)
{
        size_t len = f->buf.len, size = f->in_size > len ? f->in_size : len;
        off_t at = (off_t)(size - len);

        if (pwrite(f->in, f->buf.ptr, len, at) != (ssize_t)len || lseek(f->in, at, SEEK_SET) != at || lseek(f->out, 0, SEEK_SET) != 0)
                return err_errno("cannot hand a request on");
        f->in_size = size;
        return 0;
}

/* The answer without its version octet. */
static int get_answer(struct frames *f)
{
        off_t end = lseek(f->out, 0, SEEK_CUR);
        size_t len;
        int r;

        if (end <= 1)
                return err(ERR_FORMAT, "a request that cannot be understood");
        len = (size_t)end - 1;
        r = buf_reserve(&f->buf, len);
        if (r != 0)
                return r;
        if (pread(f->out, f->buf.ptr, len, 1) != (ssize_t)len)
                return err_errno("cannot read an answer");
        f->buf.len = len;
        if (f->out_size < len)
                f->out_size = len;
        return 0;
}

static int send_answer(const struct frames *f, int fd)
{
        ssize_t n;

        do {
                n = send(fd, f->buf.ptr, f->buf.len, MSG_NOSIGNAL);
        } while (n < 0 && errno == EINTR);
        return n == (ssize_t)f->buf.len ? 0 : err(ERR_TIMEOUT, "the client does not take its answer");
}

/* Large frames are rare, and thousands of connections may each have had one. */
static int shrink(struct frames *f)
{
        if (f->buf.cap > KEEP)
                buf_clear(&f->buf);
        if (f->in_size <= KEEP && f->out_size <= KEEP)
                return 0;
        f->in_size = f->out_size = 0;
        return ftruncate(f->in, 0) != 0 || ftruncate(f->out, 0) != 0 ? err_errno("cannot empty a file in memory") : 0;
}

/* There may have been a PIN in it, or a plaintext. */
static void forget(struct frames *f)
{
        wipe(f->buf.ptr, f->buf.len);
        buf_reset(&f->buf);
}

/* An answer that says nothing but this: the call of number 0, whose letters are "u". */
static int refuse(struct frames *f, CK_RV rv)
{
        uint8_t answer[FRAME_HEADER + 17] = { 0 };
        uint8_t *body = answer + FRAME_HEADER;

        memcpy(answer, f->buf.ptr + 1, 4);
        answer[11] = 17;
        body[7] = 1;
        body[8] = 'u';
        for (size_t i = 0; i < 8; i++)
                body[16 - i] = (uint8_t)(rv >> 8 * i);
        forget(f);
        return buf_set(&f->buf, BYTES(answer, sizeof(answer)));
}

static int have_it_done(struct frames *f, CK_FUNCTION_LIST *functions)
{
        int r = put_frame(f);

        if (r != 0)
                return r;
        forget(f);
        if (p11_kit_remote_serve_module(functions, f->in, f->out) != 0)
                return err(ERR_FORMAT, "a request that cannot be understood");
        return get_answer(f);
}

int frames_serve(struct frames *f, int fd, CK_FUNCTION_LIST *functions)
{
        struct bytes body;
        CK_RV rv;
        int r;

        r = read_frame(f, fd, &body);
        if (r != 0)
                return r;
        rv = request_check(body);
        r = rv == CKR_OK ? have_it_done(f, functions) : refuse(f, rv);
        if (r == 0)
                r = send_answer(f, fd);
        forget(f);
        return r == 0 ? shrink(f) : r;
}
