/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client of the daemon sends, behind the version octets: nothing crashes it, and each answer is a frame with its request's code. Without a
 * TPM: what asks it fails, which is a path of its own. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "daemon/frame.h"
#include "lib/file.h"
#include "pkcs11/call.h"
#include "tests/fuzz/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 65536         /* what a socket takes in one piece */

static struct keyring *keyring;

static void require(bool ok)
{
        if (!ok)
                abort();
}

static void start(void)
{
        static struct conf c;           /* the keyring's for as long as we run */

        fuzz_store();
        require(conf_load(&c) == 0 && keyring_open(&c, &keyring) == 0);
}

/* What has been answered so far, read off so that there is always room. */
static void read_answer(int fd, const uint8_t code[4])
{
        static uint8_t answer[FRAME_MAX];
        uint8_t header[FRAME_HEADER];
        size_t len = 0;

        require(recv(fd, header, sizeof(header), MSG_DONTWAIT) == sizeof(header));
        require(memcmp(header, code, 4) == 0 && frame_length(header, &len) == 0);
        for (size_t at = 0; at < len;) {
                ssize_t n = recv(fd, answer + at, len - at, MSG_DONTWAIT);

                require(n > 0);
                at += (size_t)n;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        /* So long may an answer that does not fit wait. */
        const struct timeval moment = { .tv_usec = 10000 };
        struct host served = { 0 };
        CK_FUNCTION_LIST *functions;
        struct frames f;
        size_t at = 0;
        int fd[2];

        if (keyring == NULL)
                start();
        if (size > INPUT_MAX)
                return 0;
        served.keyring = keyring;
        require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0 && frames_open(&f) == 0);
        require(setsockopt(fd[1], SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof(moment)) == 0);
        require(send(fd[0], data, size, 0) == (ssize_t)size && shutdown(fd[0], SHUT_WR) == 0);
        C_GetFunctionList(&functions);
        call_serve_begin(&served);
        while (frames_serve(&f, fd[1], functions) == 0) {
                size_t len = 0;

                require(at + FRAME_HEADER <= size && frame_length(data + at, &len) == 0 && at + FRAME_HEADER + len <= size);
                read_answer(fd[0], data + at);
                at += FRAME_HEADER + len;
        }
        call_serve_end();
        frames_close(&f);
        close(fd[0]);
        close(fd[1]);
        return 0;
}
