/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a test get a TPM that nobody else has? */
#include "tests/swtpm.h"

#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS 20000

static int complain(const char *what)
{
        fprintf(stderr, "swtpm: %s: %s\n", what, strerror(errno));
        return -1;
}

static int dial(const struct swtpm *s)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd;

        snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->sock);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -1;
        if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) != 0) {
                int e = errno;

                close(fd);
                errno = e;
                return -1;
        }
        return fd;
}

/* In the child. It goes with the thread that started it, also when that is killed. */
static void exec_swtpm(const struct swtpm *s, pid_t parent, const char *flags)
{
        char state[96], server[112], ctrl[112], log[112];

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(127);
        snprintf(state, sizeof(state), "dir=%s/state", s->dir);
        snprintf(server, sizeof(server), "type=unixio,path=%s", s->sock);
        snprintf(ctrl, sizeof(ctrl), "type=unixio,path=%s.ctrl", s->sock);
        snprintf(log, sizeof(log), "file=%s/swtpm.log,level=1", s->dir);
        execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server, "--ctrl", ctrl,
               "--flags", flags, "--log", log, (char *)NULL);
        complain("exec");
        _exit(127);
}

/* It listens before it is ready. Whatever it answers, it is then. */
static int answers(const struct swtpm *s)
{
        const uint8_t cmd[22] = { 0x80, 0x01, 0, 0, 0, 22, 0, 0, 0x01, 0x7a, 0, 0, 0, 6, 0, 0, 1, 0, 0, 0, 0, 1 };
        uint8_t rsp[4096];
        size_t len = sizeof(rsp);

        return swtpm_command(s, cmd, sizeof(cmd), rsp, &len);
}

static int power_on(struct swtpm *s, const char *flags)
{
        const struct timespec nap = { .tv_nsec = 3000000 };
        pid_t parent = getpid();

        unlink(s->sock);
        s->pid = fork();
        if (s->pid < 0)
                return complain("fork");
        if (s->pid == 0)
                exec_swtpm(s, parent, flags);

        for (int ms = 0; ms < START_MS; ms += 3) {
                int fd = dial(s);

                if (fd >= 0) {
                        close(fd);
                        return answers(s);
                }
                if (waitpid(s->pid, NULL, WNOHANG) == s->pid) {
                        s->pid = -1;
                        fprintf(stderr, "swtpm: ended at once, see %s/swtpm.log\n", s->dir);
                        return -1;
                }
                nanosleep(&nap, NULL);
        }
        errno = ETIMEDOUT;
        return complain("start");
}

int swtpm_on(struct swtpm *s)
{
        return power_on(s, "not-need-init,startup-clear");
}

int swtpm_on_unstarted(struct swtpm *s)
{
        return power_on(s, "not-need-init");
}

int swtpm_off(struct swtpm *s)
{
        if (s->pid <= 0)
                return 0;
        kill(s->pid, SIGKILL);
        while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        s->pid = -1;
        unlink(s->sock);
        return 0;
}

int swtpm_reset(struct swtpm *s)
{
        swtpm_off(s);
        return swtpm_on(s);
}

int swtpm_start(struct swtpm *s)
{
        char state[80];

        memset(s, 0, sizeof(*s));
        s->pid = -1;
        snprintf(s->dir, sizeof(s->dir), "/tmp/hf-XXXXXX");
        if (mkdtemp(s->dir) == NULL) {
                s->dir[0] = '\0';
                return complain("mkdtemp");
        }
        snprintf(state, sizeof(state), "%s/state", s->dir);
        if (mkdir(state, 0700) != 0)
                return complain("mkdir");
        snprintf(s->sock, sizeof(s->sock), "%s/sock", s->dir);
        snprintf(s->tcti, sizeof(s->tcti), "swtpm:path=%s", s->sock);
        return swtpm_on(s);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

void swtpm_stop(struct swtpm *s)
{
        swtpm_off(s);
        if (s->dir[0] != '\0')
                nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        s->dir[0] = '\0';
}

static int read_some(int fd, uint8_t *p, size_t room, size_t *have)
{
        struct pollfd pfd = { .fd = fd, .events = POLLIN };
        ssize_t n;

        if (poll(&pfd, 1, START_MS) != 1) {
                errno = ETIMEDOUT;
                return -1;
        }
        n = read(fd, p + *have, room - *have);
        if (n <= 0) {
                if (n == 0)
                        errno = EPIPE;
                return -1;
        }
        *have += (size_t)n;
        return 0;
}

static uint32_t get32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
        for (int i = 0; i < 4; i++)
                p[i] = (uint8_t)(v >> (24 - 8 * i));
}

int swtpm_command(const struct swtpm *s, const uint8_t *cmd, size_t cmd_len, uint8_t *rsp, size_t *len)
{
        size_t room = *len, have = 0;
        int fd = dial(s), r = 0;

        if (fd < 0)
                return complain("connect");
        if (send(fd, cmd, cmd_len, MSG_NOSIGNAL) != (ssize_t)cmd_len)
                r = complain("send");
        while (r == 0 && (have < 10 || have < get32(rsp + 2))) {
                if (have == room || read_some(fd, rsp, room, &have) != 0)
                        r = complain("response");
        }
        close(fd);
        *len = have;
        return r;
}

/* TPM2_GetCapability; counts stand at rsp + 15, the list behind. */
static int capability(const struct swtpm *s, uint32_t cap, uint32_t property, uint32_t count, uint8_t rsp[4096])
{
        uint8_t cmd[22] = { 0x80, 0x01, 0, 0, 0, 22, 0, 0, 0x01, 0x7a };
        size_t len = 4096;

        put32(cmd + 10, cap);
        put32(cmd + 14, property);
        put32(cmd + 18, count);
        if (swtpm_command(s, cmd, sizeof(cmd), rsp, &len) != 0)
                return -1;
        if (len < 19 || get32(rsp + 6) != 0) {
                fprintf(stderr, "swtpm: GetCapability answered 0x%x\n", get32(rsp + 6));
                return -1;
        }
        return 0;
}

int swtpm_handles(const struct swtpm *s, uint32_t first, unsigned *ret)
{
        uint8_t rsp[4096];

        if (capability(s, 1, first, 254, rsp) != 0)
                return -1;
        *ret = get32(rsp + 15);
        return 0;
}

int swtpm_property(const struct swtpm *s, uint32_t property, uint32_t *ret)
{
        uint8_t rsp[4096];

        if (capability(s, 6, property, 1, rsp) != 0)
                return -1;
        if (get32(rsp + 15) != 1 || get32(rsp + 19) != property) {
                fprintf(stderr, "swtpm: no property 0x%x\n", property);
                return -1;
        }
        *ret = get32(rsp + 23);
        return 0;
}

int swtpm_flush(const struct swtpm *s, uint32_t first)
{
        uint8_t cmd[14] = { 0x80, 0x01, 0, 0, 0, 14, 0, 0, 0x01, 0x65 }, list[4096], rsp[4096];

        if (capability(s, 1, first, 64, list) != 0)
                return -1;
        for (uint32_t i = 0; i < get32(list + 15); i++) {
                size_t len = sizeof(rsp);

                memcpy(cmd + 10, list + 19 + 4 * i, 4);
                if (swtpm_command(s, cmd, sizeof(cmd), rsp, &len) != 0 || len < 10 || get32(rsp + 6) != 0)
                        return -1;
        }
        return 0;
}
