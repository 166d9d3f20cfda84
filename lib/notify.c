/* SPDX-License-Identifier: BSD-2-Clause */
/* How does a service manager talk to us? Three environment variables and a datagram socket: no library for that. */
#include "lib/notify.h"
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "lib/file.h"

#define FIRST_FD 3
#define FDS_MAX 16

/* The variable's number, if the one that says whose it is names us. */
static uint64_t number_for_us(const char *variable, const char *whose)
{
        const char *text = getenv(variable), *pid = getenv(whose);
        char *end;
        uint64_t n;

        if (text == NULL || (pid != NULL && strtoull(pid, NULL, 10) != (uint64_t)getpid()))
                return 0;
        n = strtoull(text, &end, 10);
        return *end == '\0' ? n : 0;
}

/* Anything else would never tell of a connection, or all the time. */
static bool listens(int fd)
{
        int domain, type, listening;
        socklen_t len = sizeof(int);

        return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX &&
               getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM &&
               getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening != 0;
}

int notify_socket(const char *name)
{
        const char *names = getenv("LISTEN_FDNAMES");
        uint64_t n = getenv("LISTEN_PID") != NULL ? number_for_us("LISTEN_FDS", "LISTEN_PID") : 0;

        for (int i = 0; names != NULL && i < (int)n && i < FDS_MAX; i++) {
                size_t len = strcspn(names, ":");

                if (len == strlen(name) && memcmp(names, name, len) == 0 && listens(FIRST_FD + i)) {
                        fcntl(FIRST_FD + i, F_SETFD, FD_CLOEXEC);
                        return FIRST_FD + i;
                }
                names += len + (names[len] == ':');
        }
        return -1;
}

void notify(const char *state)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        const char *path = getenv("NOTIFY_SOCKET");
        CLEANUP(close_fd) int fd = -1;
        size_t len = path != NULL ? strlen(path) : 0;

        if (len < 2 || len >= sizeof(a.sun_path) || (path[0] != '/' && path[0] != '@'))
                return;
        memcpy(a.sun_path, path, len);
        /* An abstract name begins with a NUL. */
        if (path[0] == '@')
                a.sun_path[0] = '\0';
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0)
                (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&a,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

uint64_t notify_watchdog_ms(void)
{
        return number_for_us("WATCHDOG_USEC", "WATCHDOG_PID") / 1000;
}

void notify_forget(void)
{
        unsetenv("LISTEN_FDS");
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDNAMES");
}
