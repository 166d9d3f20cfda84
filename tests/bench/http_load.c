/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients for tests/bench/http_server.
 *
 *   http_load PORT post CLIENTS SECONDS      small POSTs over TLS, each client on a connection that it keeps
 *   http_load PORT open CLIENTS SECONDS      a connection for each request, its session resumed
 *   http_load PORT full CLIENTS SECONDS      the same, never resumed
 *   http_load PORT idle CONNECTIONS          so many TLS connections, until standard input ends
 *   http_load PORT stall CONNECTIONS         the same of TCP, with half a ClientHello */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static const char request[] = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 43\r\n\r\n"
                              "{\"purpose\":\"credential\",\"host\":\"example-1\"}";
static unsigned port;
static double seconds;
static bool each, resume;

struct job {
        pthread_t thread;
        SSL_CTX *ctx;
        SSL_SESSION *session;
        unsigned long requests;
        double worst;
};

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
        perror(what);
        exit(1);
}

static int dial(void)
{
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
        int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
                fail("connect");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        return fd;
}

static SSL *greet(SSL_CTX *ctx, SSL_SESSION *session)
{
        SSL *ssl = SSL_new(ctx);

        SSL_set_fd(ssl, dial());
        if (session != NULL)
                SSL_set_session(ssl, session);
        if (SSL_connect(ssl) != 1)
                fail("handshake");
        return ssl;
}

static void leave(SSL *ssl)
{
        int fd = SSL_get_fd(ssl);

        SSL_shutdown(ssl);
        SSL_free(ssl);
        close(fd);
}

static void ask(SSL *ssl)
{
        char answer[2048];
        size_t n = 0, got;

        if (SSL_write(ssl, request, sizeof(request) - 1) <= 0)
                fail("write");
        do {
                if (SSL_read_ex(ssl, answer + n, sizeof(answer) - 1 - n, &got) != 1)
                        fail("read");
                n += got;
                answer[n] = '\0';
        } while (strstr(answer, "\r\n\r\n") == NULL || answer[n - 1] != '}');
        if (strncmp(answer, "HTTP/1.1 200", 12) != 0)
                fail(answer);
}

static void *run(void *arg)
{
        struct job *j = arg;
        double end = now() + seconds, before = now(), after;
        SSL *ssl = each ? NULL : greet(j->ctx, NULL);

        while (before < end) {
                if (each)
                        ssl = greet(j->ctx, resume ? j->session : NULL);
                ask(ssl);
                if (each && resume) {
                        SSL_SESSION_free(j->session);
                        j->session = SSL_get1_session(ssl);
                }
                if (each)
                        leave(ssl);
                after = now();
                if (after - before > j->worst)
                        j->worst = after - before;
                before = after;
                j->requests++;
        }
        if (!each)
                leave(ssl);
        SSL_SESSION_free(j->session);
        return NULL;
}

static void load(SSL_CTX *ctx, size_t clients)
{
        struct job *jobs = calloc(clients, sizeof(*jobs));
        unsigned long requests = 0;
        double begun = now(), worst = 0;

        for (size_t i = 0; i < clients; i++) {
                jobs[i].ctx = ctx;
                pthread_create(&jobs[i].thread, NULL, run, &jobs[i]);
        }
        for (size_t i = 0; i < clients; i++) {
                pthread_join(jobs[i].thread, NULL);
                requests += jobs[i].requests;
                worst = jobs[i].worst > worst ? jobs[i].worst : worst;
        }
        printf("requests %lu per_second %.0f worst_ms %.1f\n", requests, (double)requests / (now() - begun), worst * 1000);
        free(jobs);
}

static void hold(SSL_CTX *ctx, size_t n)
{
        static const unsigned char half[] = { 22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3 };

        for (size_t i = 0; i < n; i++) {
                if (ctx != NULL)
                        ask(greet(ctx, NULL));
                else if (write(dial(), half, sizeof(half)) != sizeof(half))
                        fail("write");
        }
        puts("open");
        fflush(stdout);
        while (getchar() != EOF)
                ;
}

int main(int argc, char **argv)
{
        struct rlimit files;
        SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
        size_t n;

        if (argc < 4)
                return 2;
        signal(SIGPIPE, SIG_IGN);
        getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
        port = (unsigned)strtoul(argv[1], NULL, 10);
        n = strtoul(argv[3], NULL, 10);
        seconds = argc > 4 ? strtod(argv[4], NULL) : 0;
        each = strcmp(argv[2], "post") != 0;
        resume = strcmp(argv[2], "open") == 0;
        if (strcmp(argv[2], "idle") == 0 || strcmp(argv[2], "stall") == 0)
                hold(argv[2][0] == 'i' ? ctx : NULL, n);
        else
                load(ctx, n);
        SSL_CTX_free(ctx);
        return 0;
}
