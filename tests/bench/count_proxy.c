/* SPDX-License-Identifier: BSD-2-Clause */
/* Stands between programs and a TPM on Unix sockets, and writes a line per command to a log:
 *
 *   NAME[:VARIANT] RC OBJECTS SESSIONS OBJECTS SESSIONS BYTES
 *
 * with the loaded objects and sessions before and after it, by which model.awk knows what the
 * command would cost on a chip and behind the kernel's resource manager. The line stands in the
 * log before the program has its answer. Runs until it is killed.
 *
 * With MICROSECONDS each command takes that much longer, as on a chip: the time is the TPM's alone and costs no processor.
 *
 * usage: count_proxy LISTEN UPSTREAM LOG [MICROSECONDS] */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <tss2/tss2_tpm2_types.h>
#include <unistd.h>

#define PACKET_MAX 4096
#define HEADER 10

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int upstream;
static FILE *out;
static unsigned objects, sessions;
static useconds_t slower;

static const struct {
        uint32_t cc;
        const char *name;
} names[] = {
        { TPM2_CC_Create, "Create" },
        { TPM2_CC_CreateLoaded, "CreateLoaded" },
        { TPM2_CC_CreatePrimary, "CreatePrimary" },
        { TPM2_CC_ContextLoad, "ContextLoad" },
        { TPM2_CC_ContextSave, "ContextSave" },
        { TPM2_CC_ECDH_ZGen, "ECDH_ZGen" },
        { TPM2_CC_EvictControl, "EvictControl" },
        { TPM2_CC_FlushContext, "FlushContext" },
        { TPM2_CC_GetCapability, "GetCapability" },
        { TPM2_CC_GetRandom, "GetRandom" },
        { TPM2_CC_HMAC, "HMAC" },
        { TPM2_CC_Load, "Load" },
        { TPM2_CC_LoadExternal, "LoadExternal" },
        { TPM2_CC_ReadPublic, "ReadPublic" },
        { TPM2_CC_RSA_Decrypt, "RSA_Decrypt" },
        { TPM2_CC_Sign, "Sign" },
        { TPM2_CC_StartAuthSession, "StartAuthSession" },
        { TPM2_CC_TestParms, "TestParms" },
        { TPM2_CC_Unseal, "Unseal" },
};

static uint16_t u16(const uint8_t *p)
{
        return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t u32(const uint8_t *p)
{
        return (uint32_t)u16(p) << 16 | u16(p + 2);
}

static const char *name_of(uint32_t cc)
{
        size_t i;

        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (names[i].cc == cc)
                        return names[i].name;
        return "other";
}

/* The type in a public area behind one handle, an authorisation area and a TPM2B_SENSITIVE_CREATE. */
static const char *created(const uint8_t *cmd, size_t len)
{
        size_t at = HEADER + 4;

        if (at + 4 > len)
                return "";
        at += 4 + u32(cmd + at);
        if (at + 2 > len)
                return "";
        at += 2u + u16(cmd + at);
        if (at + 4 > len)
                return "";
        return u16(cmd + at + 2) == TPM2_ALG_RSA ? ":rsa" : u16(cmd + at + 2) == TPM2_ALG_ECC ? ":ecc" : "";
}

/* A nonce, then the salt: none, an ECC point, or an RSA block. */
static const char *salted(const uint8_t *cmd, size_t len)
{
        size_t at = HEADER + 8;
        uint16_t salt;

        if (at + 2 > len)
                return "";
        at += 2u + u16(cmd + at);
        if (at + 2 > len)
                return "";
        salt = u16(cmd + at);
        return salt == 0 ? "" : salt >= 256 ? ":saltrsa" : ":saltecc";
}

static const char *signed_by(const uint8_t *rsp, size_t len)
{
        size_t at = HEADER + 4;

        return len < at + 2 ? "" : u16(rsp + at) == TPM2_ALG_ECDSA ? ":ecc" : ":rsa";
}

static void log_command(const uint8_t *cmd, size_t len, const uint8_t *rsp, size_t rsp_len)
{
        uint32_t cc = u32(cmd + 6), rc = u32(rsp + 6), h;
        unsigned o = objects, s = sessions;
        const char *variant = "";

        if (cc == TPM2_CC_Create || cc == TPM2_CC_CreatePrimary || cc == TPM2_CC_CreateLoaded)
                variant = created(cmd, len);
        if (cc == TPM2_CC_StartAuthSession)
                variant = salted(cmd, len);
        if (cc == TPM2_CC_Sign && rc == 0)
                variant = signed_by(rsp, rsp_len);

        /* A handle in the answer has come; one that was flushed, or a session that was saved, has gone. */
        if (rc == 0 && (cc == TPM2_CC_Load || cc == TPM2_CC_LoadExternal || cc == TPM2_CC_CreatePrimary || cc == TPM2_CC_CreateLoaded ||
                        cc == TPM2_CC_ContextLoad || cc == TPM2_CC_StartAuthSession) && rsp_len >= HEADER + 4) {
                h = u32(rsp + HEADER);
                objects += h >> 24 == TPM2_HT_TRANSIENT;
                sessions += h >> 24 == TPM2_HT_HMAC_SESSION || h >> 24 == TPM2_HT_POLICY_SESSION;
        }
        if (rc == 0 && (cc == TPM2_CC_FlushContext || cc == TPM2_CC_ContextSave) && len >= HEADER + 4) {
                h = u32(cmd + HEADER);
                if (h >> 24 == TPM2_HT_TRANSIENT && cc == TPM2_CC_FlushContext)
                        objects -= objects > 0;
                if (h >> 24 == TPM2_HT_HMAC_SESSION || h >> 24 == TPM2_HT_POLICY_SESSION)
                        sessions -= sessions > 0;
        }
        fprintf(out, "%s%s 0x%x %u %u %u %u %zu\n", name_of(cc), variant, rc, o, s, objects, sessions, len + rsp_len);
        fflush(out);
}

static int read_all(int fd, uint8_t *p, size_t n)
{
        ssize_t got;

        for (; n > 0; p += got, n -= (size_t)got) {
                got = read(fd, p, n);
                if (got < 0 && errno == EINTR)
                        got = 0;
                else if (got <= 0)
                        return -1;
        }
        return 0;
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
        ssize_t put;

        for (; n > 0; p += put, n -= (size_t)put) {
                put = write(fd, p, n);
                if (put < 0 && errno == EINTR)
                        put = 0;
                else if (put <= 0)
                        return -1;
        }
        return 0;
}

static int read_packet(int fd, uint8_t *p, size_t *ret)
{
        uint32_t len;

        if (read_all(fd, p, HEADER) != 0)
                return -1;
        len = u32(p + 2);
        if (len < HEADER || len > PACKET_MAX || read_all(fd, p + HEADER, len - HEADER) != 0)
                return -1;
        *ret = len;
        return 0;
}

static void *serve(void *arg)
{
        uint8_t cmd[PACKET_MAX], rsp[PACKET_MAX];
        int fd = (int)(intptr_t)arg, bad;
        size_t len, rsp_len = 0;

        while (read_packet(fd, cmd, &len) == 0) {
                pthread_mutex_lock(&lock);
                usleep(slower);
                bad = write_all(upstream, cmd, len) != 0 || read_packet(upstream, rsp, &rsp_len) != 0;
                if (!bad)
                        log_command(cmd, len, rsp, rsp_len);
                pthread_mutex_unlock(&lock);
                if (bad || write_all(fd, rsp, rsp_len) != 0)
                        break;
        }
        close(fd);
        return NULL;
}

static int unix_socket(const char *path, struct sockaddr_un *a)
{
        memset(a, 0, sizeof(*a));
        a->sun_family = AF_UNIX;
        snprintf(a->sun_path, sizeof(a->sun_path), "%s", path);
        return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* swtpm's control channel, which carries no TPM command, stays a straight one. */
static int control(const char *listen_path, const char *upstream_path)
{
        char from[128], to[128];

        snprintf(from, sizeof(from), "%s.ctrl", upstream_path);
        snprintf(to, sizeof(to), "%s.ctrl", listen_path);
        unlink(to);
        return symlink(from, to);
}

/* The name appears when somebody listens there. */
static int listen_at(const char *path)
{
        struct sockaddr_un a;
        char early[128];
        int l;

        snprintf(early, sizeof(early), "%s.new", path);
        unlink(early);
        l = unix_socket(early, &a);
        if (bind(l, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(l, 64) != 0 || rename(early, path) != 0)
                return -1;
        return l;
}

int main(int argc, char **argv)
{
        struct sockaddr_un a;
        pthread_t t;
        int l, fd;

        if (argc != 4 && argc != 5) {
                fprintf(stderr, "usage: count_proxy LISTEN UPSTREAM LOG [MICROSECONDS]\n");
                return 2;
        }
        slower = argc == 5 ? (useconds_t)atoi(argv[4]) : 0;
        signal(SIGPIPE, SIG_IGN);
        out = fopen(argv[3], "w");
        upstream = unix_socket(argv[2], &a);
        if (out == NULL || connect(upstream, (struct sockaddr *)&a, sizeof(a)) != 0 || control(argv[1], argv[2]) != 0) {
                perror(argv[2]);
                return 1;
        }
        l = listen_at(argv[1]);
        if (l < 0) {
                perror(argv[1]);
                return 1;
        }
        for (;;) {
                fd = accept4(l, NULL, NULL, SOCK_CLOEXEC);
                if (fd >= 0 && pthread_create(&t, NULL, serve, (void *)(intptr_t)fd) == 0)
                        pthread_detach(t);
                else if (fd >= 0)
                        close(fd);
        }
}
