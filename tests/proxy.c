/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a test make a TPM stumble at a place of its choice? */
#include "tests/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <tss2/tss2_tpm2_types.h>
#include <unistd.h>

#define PACKET 8192

static void put16(uint8_t *p, uint32_t v)
{
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
        put16(p, v >> 16);
        put16(p + 2, v);
}

static uint32_t get32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void remember(struct proxy *p, const uint8_t *what, size_t len)
{
        if (p->wire_len + len > p->wire_cap) {
                p->wire_cap = (p->wire_len + len) * 2;
                p->wire = realloc(p->wire, p->wire_cap);
                if (p->wire == NULL)
                        abort();
        }
        memcpy(p->wire + p->wire_len, what, len);
        p->wire_len += len;
}

static int dial(const char *path)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
        if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0) {
                close(fd);
                fd = -1;
        }
        return fd;
}

/* Whether there is something to read before we are told to stop. */
static bool wait_readable(const struct proxy *p, int fd)
{
        struct pollfd pfd[] = { { .fd = fd, .events = POLLIN }, { .fd = p->stop[0], .events = POLLIN } };

        while (poll(pfd, 2, -1) < 0 && errno == EINTR)
                ;
        return pfd[1].revents == 0;
}

/* A whole command or response. */
static size_t read_packet(const struct proxy *p, int fd, uint8_t *packet)
{
        size_t have = 0;

        while (have < 10 || have < get32(packet + 2)) {
                ssize_t n;

                if (have == PACKET || !wait_readable(p, fd))
                        return 0;
                n = read(fd, packet + have, PACKET - have);
                if (n <= 0)
                        return 0;
                have += (size_t)n;
        }
        return have;
}

static void set_size(uint8_t *rsp, size_t len)
{
        put32(rsp + 2, (uint32_t)len);
}

static size_t answer_code(uint8_t *rsp, uint32_t code)
{
        put16(rsp, 0x8001);
        set_size(rsp, 10);
        put32(rsp + 6, code);
        return 10;
}

static size_t longer(uint8_t *rsp, size_t len, size_t by)
{
        memset(rsp + len, 0xa5, by);
        return len + by;
}

/* What comes of the answer. */
static size_t spoil(enum fault fault, uint32_t arg, bool makes_handle, uint8_t *rsp, size_t len)
{
        switch (fault) {
        case FAULT_LOST:
                return answer_code(rsp, arg);
        case FAULT_TRUNCATED:
                return arg < len ? arg : len - 1;
        case FAULT_SHORT:
                len = arg < len ? len - arg : 0;
                set_size(rsp, len);
                return len;
        case FAULT_EXTRA:
                len = longer(rsp, len, arg);
                set_size(rsp, len);
                return len;
        case FAULT_TRAILING:
                return longer(rsp, len, arg);
        case FAULT_LONG:
                len = longer(rsp, len, 4097 - len);
                set_size(rsp, len);
                return len;
        case FAULT_TAG:
                put16(rsp, arg);
                return len;
        case FAULT_SIZE:
                set_size(rsp, arg);
                return len;
        case FAULT_FLIP:
                arg %= (uint32_t)len * 8;
                rsp[len - 1 - arg / 8] ^= (uint8_t)(1 << arg % 8);
                return len;
        case FAULT_PARAMETER_SIZE:
                if (len >= 18)
                        put32(rsp + (makes_handle ? 14 : 10), arg);
                return len;
        default:
                return len;
        }
}

static bool is_command_audit(uint32_t cc)
{
        return cc == TPM2_CC_SetCommandCodeAuditStatus || cc == TPM2_CC_GetCommandAuditDigest;
}

/* Out of the answer to TPM2_GetCapability(TPM_CAP_COMMANDS): Part 2, 10.10.1. */
static size_t hide_command_audit(uint8_t *rsp, size_t len)
{
        uint8_t *const count = rsp + 15, *const list = rsp + 19;
        uint32_t n = 0;

        if (len < 19 || get32(rsp + 6) != 0 || get32(rsp + 11) != TPM2_CAP_COMMANDS)
                return len;
        for (uint32_t i = 0; i < get32(count); i++) {
                uint32_t attributes = get32(list + 4 * i);

                if (!is_command_audit(attributes & 0xffff))
                        put32(list + 4 * n++, attributes);
        }
        put32(count, n);
        set_size(rsp, 19 + 4 * n);
        return 19 + 4 * n;
}

/* CMD_INIT on swtpm's control socket: the TPM's power goes off and on. */
static void reset(const struct proxy *p)
{
        static const uint8_t init[8] = { 0, 0, 0, 2, 0, 0, 0, 0 };
        uint8_t result[4] = { 0xff };
        char path[120];
        int fd;

        snprintf(path, sizeof(path), "%s.ctrl", p->sw->sock);
        fd = dial(path);
        if (fd < 0 || send(fd, init, sizeof(init), MSG_NOSIGNAL) != sizeof(init) || recv(fd, result, sizeof(result), MSG_WAITALL) != sizeof(result) ||
            get32(result) != 0)
                abort();
        close(fd);
}

/* One command and its answer; false if the connection is to end. */
static bool relay(struct proxy *p, int client, int tpm)
{
        uint8_t packet[PACKET], sent[PACKET];
        size_t len = read_packet(p, client, packet), sent_len;
        enum fault fault = FAULT_NONE;
        bool makes_handle;
        uint32_t cc;

        if (len == 0)
                return false;
        cc = get32(packet + 6);
        makes_handle = cc == TPM2_CC_Load || cc == TPM2_CC_StartAuthSession;
        memcpy(sent, packet, len);
        sent_len = len;
        remember(p, packet, len);
        if (atomic_fetch_add(&p->commands, 1) + 1 == atomic_load(&p->at))
                fault = p->fault;

        if (fault == FAULT_NEVER) {
                while (read_packet(p, client, packet) != 0)
                        ;
                return false;
        }
        if (fault == FAULT_RESET)
                reset(p);
        if (fault == FAULT_CODE) {
                len = answer_code(packet, p->arg);
        } else if (p->no_command_audit && is_command_audit(cc)) {
                len = answer_code(packet, TPM2_RC_COMMAND_CODE);
        } else {
                if (send(tpm, packet, len, MSG_NOSIGNAL) != (ssize_t)len)
                        return false;
                len = read_packet(p, tpm, packet);
                if (len == 0 || fault == FAULT_CLOSE)
                        return false;
                if (p->no_command_audit && cc == TPM2_CC_GetCapability)
                        len = hide_command_audit(packet, len);
                if (fault == FAULT_LATE) {
                        struct pollfd stop = { .fd = p->stop[0], .events = POLLIN };

                        poll(&stop, 1, (int)p->arg);
                }
                len = spoil(fault, p->arg, makes_handle, packet, len);
        }
        remember(p, packet, len);
        if (p->seen != NULL)
                p->seen(p->seen_ctx, sent, sent_len, packet, len);
        if (send(client, packet, len, MSG_NOSIGNAL) != (ssize_t)len)
                return false;
        return fault != FAULT_TRUNCATED && fault != FAULT_SIZE;
}

static void *serve(void *arg)
{
        struct proxy *p = arg;

        while (wait_readable(p, p->listener)) {
                int client = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC), tpm;

                if (client < 0)
                        continue;
                tpm = dial(p->sw->sock);
                while (tpm >= 0 && relay(p, client, tpm))
                        ;
                if (tpm >= 0)
                        close(tpm);
                close(client);
        }
        return NULL;
}

int proxy_start(struct proxy *p, const struct swtpm *sw)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };

        memset(p, 0, sizeof(*p));
        p->sw = sw;
        snprintf(p->sock, sizeof(p->sock), "%s/proxy", sw->dir);
        snprintf(p->tcti, sizeof(p->tcti), "swtpm:path=%s", p->sock);
        snprintf(a.sun_path, sizeof(a.sun_path), "%s", p->sock);
        p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (p->listener < 0 || bind(p->listener, (const struct sockaddr *)&a, sizeof(a)) != 0 || listen(p->listener, 1) != 0 ||
            pipe2(p->stop, O_CLOEXEC) != 0 || pthread_create(&p->thread, NULL, serve, p) != 0) {
                perror("proxy");
                return -1;
        }
        return 0;
}

void proxy_stop(struct proxy *p)
{
        if (write(p->stop[1], "", 1) != 1)
                abort();
        pthread_join(p->thread, NULL);
        close(p->listener);
        close(p->stop[0]);
        close(p->stop[1]);
        unlink(p->sock);
        free(p->wire);
}

void proxy_arm(struct proxy *p, unsigned n, enum fault fault, uint32_t arg)
{
        atomic_store(&p->at, 0);
        atomic_store(&p->commands, 0);
        p->fault = fault;
        p->arg = arg;
        atomic_store(&p->at, n);
}

bool proxy_saw(const struct proxy *p, const void *what, size_t len)
{
        return memmem(p->wire, p->wire_len, what, len) != NULL;
}
