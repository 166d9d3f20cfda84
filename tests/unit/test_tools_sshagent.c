/* SPDX-License-Identifier: BSD-2-Clause */
/* The ssh-agent's answers octet by octet, and who is served how: pieces, garbage, too much, clients that come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/ssh.h"
#include "tests/sshagentfix.h"
#include "tests/tempdir.h"

#define CLIENTS 40              /* more than are served at a time */
#define FAILURE "0000000105"

static struct sshagentfix x;

static int make(void **state)
{
        (void)state;
        return sshagentfix_make(&x);
}

static int clear(void **state)
{
        (void)state;
        sshagentfix_clear(&x);
        return 0;
}

/* The answer, whose length must be right, behind its length. */
static struct bytes ask(struct bytes message, struct buf *out)
{
        buf_reset(out);
        assert_int_equal(sshagent_answer(&x.source, message, out), 0);
        assert_true(out->len >= 5);
        assert_int_equal((size_t)out->ptr[2] << 8 | out->ptr[3], out->len - 4);
        return BYTES(out->ptr + 4, out->len - 4);
}

static void refuses(struct bytes message)
{
        CLEANUP(buf_clear) struct buf out = { 0 }, hex = { 0 };

        ask(message, &out);
        assert_int_equal(hex_encode(BYTES_OF(&out), &hex), 0);
        assert_string_equal(buf_str(&hex), FAILURE);
}

static void sign_request(struct bytes key, const char *data, uint32_t flags, struct buf *ret)
{
        buf_reset(ret);
        assert_int_equal(buf_append_u8(ret, 13), 0);
        assert_int_equal(ssh_put_string(ret, key), 0);
        assert_int_equal(ssh_put_string(ret, BYTES_STR(data)), 0);
        assert_int_equal(buf_append_u32(ret, flags), 0);
}

static void lists_certificate_and_keys(void **state)
{
        CLEANUP(buf_clear) struct buf out = { 0 }, want = { 0 }, key = { 0 };
        struct bytes answer = ask(BYTES("\x0b", 1), &out);

        (void)state;
        buf_append_u8(&want, 12);
        buf_append_u32(&want, 3);
        ssh_put_string(&want, BYTES_OF(&x.certificate));
        ssh_put_string(&want, BYTES_STR("certified"));
        ssh_put_key(&key, &x.ec);
        ssh_put_string(&want, BYTES_OF(&key));
        ssh_put_string(&want, BYTES_STR("ec"));
        buf_reset(&key);
        ssh_put_key(&key, &x.rsa);
        ssh_put_string(&want, BYTES_OF(&key));
        ssh_put_string(&want, BYTES_STR("rsa"));
        assert_true(bytes_equal(answer, BYTES_OF(&want)));
        refuses(BYTES("\x0b\0", 2));
}

/* What the answer to a request with that key and those flags is, with a signature made of the hash of "data". */
static void signs_as(struct bytes blob, uint32_t flags, const char *type, const char *hash, bool rsa)
{
        CLEANUP(buf_clear) struct buf request = { 0 }, out = { 0 }, want = { 0 }, sig = { 0 }, numbers = { 0 }, all = { 0 };
        struct bytes answer;

        sign_request(blob, "data", flags, &request);
        answer = ask(BYTES_OF(&request), &out);
        assert_int_equal(x.source.sign(&x, rsa, hash_by_name(hash), BYTES_STR("data"), &sig), 0);
        ssh_put_string(&all, BYTES_STR(type));
        if (rsa) {
                ssh_put_string(&all, BYTES_OF(&sig));
        } else {
                ssh_put_mpint(&numbers, BYTES(sig.ptr, 32));
                ssh_put_mpint(&numbers, BYTES(sig.ptr + 32, 32));
                ssh_put_string(&all, BYTES_OF(&numbers));
        }
        buf_append_u8(&want, 14);
        ssh_put_string(&want, BYTES_OF(&all));
        assert_true(bytes_equal(answer, BYTES_OF(&want)));
}

static void signs_with_key_or_certificate(void **state)
{
        CLEANUP(buf_clear) struct buf ec = { 0 }, rsa = { 0 };

        (void)state;
        ssh_put_key(&ec, &x.ec);
        ssh_put_key(&rsa, &x.rsa);
        signs_as(BYTES_OF(&ec), 0, "ecdsa-sha2-nistp256", "SHA256", false);
        signs_as(BYTES_OF(&x.certificate), 0, "ecdsa-sha2-nistp256", "SHA256", false);
        signs_as(BYTES_OF(&rsa), 2, "rsa-sha2-256", "SHA256", true);
        signs_as(BYTES_OF(&rsa), 4, "rsa-sha2-512", "SHA512", true);
}

static void refuses_what_it_does_not_do(void **state)
{
        CLEANUP(buf_clear) struct buf key = { 0 }, request = { 0 };
        unsigned before = x.signatures;

        (void)state;
        refuses(BYTES(NULL, 0));
        for (unsigned type = 0; type < 256; ++type) {
                uint8_t octet = (uint8_t)type;

                if (type != 11)
                        refuses(BYTES(&octet, 1));
        }
        /* SHA-1, and flags that nobody knows. */
        ssh_put_key(&key, &x.rsa);
        sign_request(BYTES_OF(&key), "data", 0, &request);
        refuses(BYTES_OF(&request));
        sign_request(BYTES_OF(&key), "data", 6, &request);
        refuses(BYTES_OF(&request));
        buf_reset(&key);
        ssh_put_key(&key, &x.ec);
        sign_request(BYTES_OF(&key), "data", 8, &request);
        refuses(BYTES_OF(&request));
        /* A key that is not here; a message that is cut, or goes on. */
        key.ptr[key.len - 1] ^= 1;
        sign_request(BYTES_OF(&key), "data", 0, &request);
        refuses(BYTES_OF(&request));
        key.ptr[key.len - 1] ^= 1;
        sign_request(BYTES_OF(&key), "data", 0, &request);
        for (size_t len = 1; len < request.len; ++len)
                refuses(BYTES(request.ptr, len));
        buf_append_u8(&request, 0);
        refuses(BYTES_OF(&request));
        assert_int_equal(x.signatures, before);
}

static void takes_only_certificates_for_the_key(void **state)
{
        CLEANUP(sshagent_list_clear) struct sshagent_list l = { 0 };
        size_t before;

        (void)state;
        assert_int_equal(sshagent_list_add(&l, &x.rsa, BYTES_OF(&x.certificate), BYTES_STR(""), 0), ERR_FORMAT);
        for (size_t i = 0; i < x.certificate.len - strlen("and what the CA says"); ++i) {
                /* The nonce is the CA's. */
                if (i >= 48 && i < 53)
                        continue;
                x.certificate.ptr[i] ^= 1;
                assert_int_equal(sshagent_list_add(&l, &x.ec, BYTES_OF(&x.certificate), BYTES_STR(""), 0), ERR_FORMAT);
                x.certificate.ptr[i] ^= 1;
        }
        assert_int_equal(l.n, 0);
        for (before = 0; before < SSHAGENT_IDENTITIES_MAX; ++before)
                assert_int_equal(sshagent_list_add(&l, &x.ec, BYTES_OF(&x.certificate), BYTES_STR(""), 0), 0);
        assert_int_equal(sshagent_list_add(&l, &x.ec, BYTES(NULL, 0), BYTES_STR(""), 0), ERR_RANGE);
}

/* A server in a thread of its own. */
struct served {
        void *dir;              /* struct tempdir */
        struct sockaddr_un address;
        int listener, until[2];
        pthread_t thread;
        int result;
};

static void *serve(void *ctx)
{
        struct served *s = ctx;

        s->result = sshagent_serve(&x.source, s->listener, s->until[0]);
        return NULL;
}

static void begin(struct served *s)
{
        assert_int_equal(tempdir_setup(&s->dir), 0);
        s->address.sun_family = AF_UNIX;
        snprintf(s->address.sun_path, sizeof(s->address.sun_path), "%s/ssh", ((struct tempdir *)s->dir)->path);
        s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(s->listener, (struct sockaddr *)&s->address, sizeof(s->address)), 0);
        assert_int_equal(listen(s->listener, 100), 0);
        assert_int_equal(pipe(s->until), 0);
        assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void end(struct served *s)
{
        close(s->until[1]);
        pthread_join(s->thread, NULL);
        assert_int_equal(s->result, 0);
        close(s->until[0]);
        close(s->listener);
        tempdir_teardown(&s->dir);
}

static int dial(const struct served *s)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(connect(fd, (const struct sockaddr *)&s->address, sizeof(s->address)), 0);
        return fd;
}

static void put(int fd, const void *p, size_t len)
{
        assert_int_equal(send(fd, p, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void get(int fd, struct bytes want)
{
        uint8_t got[4096];

        assert_true(want.len <= sizeof(got));
        assert_int_equal(recv(fd, got, want.len, MSG_WAITALL), (ssize_t)want.len);
        assert_memory_equal(got, want.ptr, want.len);
}

/* Whatever it was sent, it is closed. */
static void gone(int fd)
{
        uint8_t octet;
        ssize_t n = recv(fd, &octet, 1, 0);

        assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
        close(fd);
}

static void serves_in_pieces_and_in_heaps(void **state)
{
        static const uint8_t request[] = { 0, 0, 0, 1, 11 };
        CLEANUP(buf_clear) struct buf answer = { 0 }, heap = { 0 };
        struct served s;
        int fd;

        (void)state;
        ask(BYTES(request + 4, 1), &answer);
        begin(&s);
        fd = dial(&s);
        for (size_t i = 0; i < sizeof(request); ++i)
                put(fd, request + i, 1);
        get(fd, BYTES_OF(&answer));
        for (size_t i = 0; i < 100; ++i)
                buf_append(&heap, request, sizeof(request));
        put(fd, heap.ptr, heap.len);
        for (size_t i = 0; i < 100; ++i)
                get(fd, BYTES_OF(&answer));
        close(fd);
        end(&s);
}

static void drops_who_sends_too_much_and_keeps_the_others(void **state)
{
        static const uint8_t request[] = { 0, 0, 0, 1, 11 }, too_long[] = { 0, 4, 0, 1 }, empty[] = { 0, 0, 0, 0 };
        CLEANUP(buf_clear) struct buf answer = { 0 };
        int fds[CLIENTS], good, bad;
        struct served s;

        (void)state;
        ask(BYTES(request + 4, 1), &answer);
        begin(&s);
        good = dial(&s);
        bad = dial(&s);
        put(bad, too_long, sizeof(too_long));
        gone(bad);
        put(good, empty, sizeof(empty));
        get(good, BYTES("\0\0\0\1\5", 5));
        /* Those for whom there is no place wait until one is free. */
        for (size_t i = 0; i < CLIENTS; ++i) {
                fds[i] = dial(&s);
                put(fds[i], request, sizeof(request));
        }
        for (size_t i = 0; i < CLIENTS; ++i) {
                get(fds[i], BYTES_OF(&answer));
                close(fds[i]);
        }
        put(good, request, sizeof(request));
        get(good, BYTES_OF(&answer));
        end(&s);
        gone(good);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lists_certificate_and_keys),
                cmocka_unit_test(signs_with_key_or_certificate),
                cmocka_unit_test(refuses_what_it_does_not_do),
                cmocka_unit_test(takes_only_certificates_for_the_key),
                cmocka_unit_test(serves_in_pieces_and_in_heaps),
                cmocka_unit_test(drops_who_sends_too_much_and_keeps_the_others),
        };

        return cmocka_run_group_tests(tests, make, clear);
}
