/* SPDX-License-Identifier: BSD-2-Clause */
/* How do requests and answers travel between a program and its holdfast-http? */
#include "enroll/wire.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include "lib/err.h"

#define HEAD 4
#define TEXT_MAX 1024

static int put_part(struct buf *b, struct bytes part)
{
        int r = buf_append_u32(b, (uint32_t)part.len);

        return r == 0 ? buf_append(b, part.ptr, part.len) : r;
}

static int put_members(struct buf *b, const struct wire_frame *f)
{
        int r = 0;

        switch (f->type) {
        case WIRE_TARGET:
                r = put_part(b, f->url);
                return r == 0 ? put_part(b, f->ca) : r;
        case WIRE_REQUEST:
                r = buf_append_u8(b, f->post);
                if (r == 0)
                        r = put_part(b, f->path);
                return r == 0 ? put_part(b, f->body) : r;
        case WIRE_REPLY:
                r = buf_append_u16(b, (uint16_t)f->status);
                return r == 0 ? put_part(b, f->body) : r;
        case WIRE_FAILED:
                r = buf_append_u8(b, (uint8_t)-f->error);
                return r == 0 ? put_part(b, f->text) : r;
        case WIRE_READY:
                break;
        }
        return r;
}

/* Each part by itself, so that their sum does not overflow. */
static bool fits(const struct wire_frame *f)
{
        return f->url.len <= WIRE_URL_MAX && f->ca.len <= WIRE_CA_MAX && f->path.len <= WIRE_PATH_MAX && f->text.len <= TEXT_MAX &&
               f->body.len <= (f->type == WIRE_REPLY ? WIRE_REPLY_MAX : WIRE_MAX - WIRE_PATH_MAX - 16);
}

int wire_encode(const struct wire_frame *f, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        uint32_t len;
        int r;

        if (!fits(f))
                return err(ERR_RANGE, "a request or an answer is too long");
        r = buf_append_u32(&b, 0);
        if (r == 0)
                r = buf_append_u8(&b, (uint8_t)f->type);
        if (r == 0)
                r = put_members(&b, f);
        if (r != 0)
                return r;
        len = (uint32_t)(b.len - HEAD);
        for (unsigned i = 0; i < HEAD; i++)
                b.ptr[i] = (uint8_t)(len >> (8 * (HEAD - 1 - i)));
        buf_take(&b, ret);
        return 0;
}

static bool get_number(struct bytes *in, size_t octets, uint32_t *ret)
{
        uint32_t v = 0;

        if (in->len < octets)
                return false;
        for (size_t i = 0; i < octets; i++)
                v = v << 8 | in->ptr[i];
        *in = BYTES(in->ptr + octets, in->len - octets);
        *ret = v;
        return true;
}

static bool get_part(struct bytes *in, struct bytes *ret)
{
        uint32_t len;

        if (!get_number(in, 4, &len) || len > in->len)
                return false;
        *ret = BYTES(in->ptr, len);
        *in = BYTES(in->ptr + len, in->len - len);
        return true;
}

static bool get_members(struct bytes *in, struct wire_frame *f)
{
        uint32_t v = 0;
        bool good;

        switch (f->type) {
        case WIRE_TARGET:
                return get_part(in, &f->url) && get_part(in, &f->ca);
        case WIRE_REQUEST:
                good = get_number(in, 1, &v) && v <= 1 && get_part(in, &f->path) && get_part(in, &f->body);
                f->post = v == 1;
                return good;
        case WIRE_REPLY:
                good = get_number(in, 2, &v) && get_part(in, &f->body);
                f->status = v;
                return good;
        case WIRE_FAILED:
                good = get_number(in, 1, &v) && v >= 1 && v <= -ERR_STALE && get_part(in, &f->text);
                f->error = -(int)v;
                return good;
        case WIRE_READY:
                return true;
        }
        return false;
}

int wire_decode(struct bytes in, struct wire_frame *ret)
{
        struct wire_frame f = { 0 };
        uint32_t type;

        if (!get_number(&in, 1, &type) || type < WIRE_TARGET || type > WIRE_FAILED)
                return err(ERR_FORMAT, "a frame of no known type");
        f.type = (enum wire_type)type;
        if (!get_members(&in, &f) || in.len > 0 || !fits(&f))
                return err(ERR_FORMAT, "a frame that is not what its type says");
        *ret = f;
        return 0;
}

uint64_t wire_now_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int wait_for(int fd, short events, uint64_t until_ms)
{
        struct pollfd p = { .fd = fd, .events = events };
        uint64_t now;
        int n;

        do {
                now = wire_now_ms();
                if (now >= until_ms)
                        return err(ERR_TIMEOUT, "no answer in time");
                n = poll(&p, 1, until_ms - now < INT_MAX ? (int)(until_ms - now) : INT_MAX);
        } while (n == 0 || (n < 0 && errno == EINTR));
        return n > 0 ? 0 : err_errno("cannot wait for the other end");
}

int wire_send(int fd, const struct wire_frame *f, uint64_t until_ms)
{
        CLEANUP(buf_clear) struct buf b = { 0 };
        size_t done = 0;
        int r = wire_encode(f, &b);

        while (r == 0 && done < b.len) {
                ssize_t n = send(fd, b.ptr + done, b.len - done, MSG_NOSIGNAL | MSG_DONTWAIT);

                if (n > 0)
                        done += (size_t)n;
                else if (errno == EAGAIN || errno == EINTR)
                        r = wait_for(fd, POLLOUT, until_ms);
                else
                        r = err_errno("cannot write a request or its answer");
        }
        return r;
}

/* ERR_NOENT: it has hung up. */
static int read_all(int fd, uint8_t *to, size_t len, uint64_t until_ms)
{
        while (len > 0) {
                int r = wait_for(fd, POLLIN, until_ms);
                ssize_t n;

                if (r != 0)
                        return r;
                n = recv(fd, to, len, MSG_DONTWAIT);
                if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        continue;
                if (n <= 0)
                        return n == 0 || errno == ECONNRESET ? err(ERR_NOENT, "the other end has hung up") : err_errno("cannot read a request or its answer");
                to += n;
                len -= (size_t)n;
        }
        return 0;
}

int wire_receive(int fd, uint64_t until_ms, struct buf *room, struct wire_frame *ret)
{
        uint8_t head[HEAD];
        size_t len;
        int r;

        r = read_all(fd, head, 1, until_ms);
        if (r != 0)
                return r;
        r = read_all(fd, head + 1, HEAD - 1, until_ms);
        len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
        if (r == 0 && (len == 0 || len > WIRE_MAX))
                r = err(ERR_FORMAT, "a frame of %zu octets", len);
        buf_reset(room);
        if (r == 0)
                r = buf_reserve(room, len);
        if (r == 0)
                r = read_all(fd, room->ptr, len, until_ms);
        if (r == ERR_NOENT)
                return err(ERR_IO, "the other end has hung up in the middle of a frame");
        if (r != 0)
                return r;
        room->len = len;
        return wire_decode(BYTES_OF(room), ret);
}
