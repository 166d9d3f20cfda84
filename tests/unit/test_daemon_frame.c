/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client may send and what becomes of it: whole requests are answered however they come, what is too long, stops or takes no answer is
 * cut off; and what a peer sees of a store with many agents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "daemon/frame.h"
#include "daemon/serve.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "tests/fuzz/store.h"
#include "tests/served.h"
#include "tpm/clock.h"

#define STALL_MS 200
#define SOON_MS 10000           /* what a busy machine may need */
#define MANY 300

static struct conf conf;
static struct keyring *keyring;
static struct policy *policy;
static struct server *server;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static int listener = -1;

static int record(void *log, struct audit_record *rec)
{
        (void)log;
        (void)rec;
        return 0;
}

static unsigned allow(const char *agent)
{
        unsigned number;
        char rule[80];

        snprintf(rule, sizeof(rule), "allow user=%u human=yes", getuid());
        assert_int_equal(policy_allow(keyring_store(keyring), agent, BYTES_STR(rule), &number), 0);
        return number;
}

static int start(void **state)
{
        struct serve_options o = { .record = record, .max_per_uid = 1000, .max = 1000, .stall_ms = STALL_MS };

        (void)state;
        fuzz_store();
        assert_int_equal(conf_load(&conf), 0);
        assert_int_equal(keyring_open(&conf, &keyring), 0);
        assert_int_equal(policy_new(keyring_store(keyring), &policy), 0);
        allow("fuzz");
        snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/frame", conf.store);
        listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(listener, 100), 0);
        o.listen_fd = listener;
        o.keyring = keyring;
        o.policy = policy;
        return serve_start(&o, &server);
}

static int stop(void **state)
{
        (void)state;
        serve_stop(server, 1000);
        close(listener);
        policy_free(policy);
        keyring_close(keyring);
        conf_clear(&conf);
        return 0;
}

/* A connection with the version octets exchanged. */
static int greeted(void)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        uint8_t version = 9;

        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(write(fd, "", 1), 1);
        assert_int_equal(read(fd, &version, 1), 1);
        assert_int_equal(version, FRAME_VERSION);
        return fd;
}

/* C_GetInfo: a code, no options, a body of the call's number and an empty signature. */
#define REQUEST_LEN 20
static void request(uint8_t code, uint8_t ret[REQUEST_LEN])
{
        memset(ret, 0, REQUEST_LEN);
        ret[3] = code;
        ret[11] = 8;
        ret[15] = 3;
}

/* That code, and the one error of somebody who has not initialised: CKR_CRYPTOKI_NOT_INITIALIZED as eight octets behind its signature "u". */
static void answered(int fd, uint8_t code)
{
        static const uint8_t body[] = { 0, 0, 0, 0, 0, 0, 0, 1, 'u', 0, 0, 0, 0, 0, 0, 0x01, 0x90 };
        uint8_t answer[FRAME_HEADER + sizeof(body)];
        struct pollfd p = { .fd = fd, .events = POLLIN };

        assert_int_equal(poll(&p, 1, SOON_MS), 1);
        assert_int_equal(recv(fd, answer, sizeof(answer), MSG_WAITALL), sizeof(answer));
        assert_int_equal(answer[3], code);
        assert_int_equal(answer[11], sizeof(body));
        assert_memory_equal(answer + FRAME_HEADER, body, sizeof(body));
}

/* The other end hangs up, and nothing comes before. */
static void cut_off(int fd)
{
        struct pollfd p = { .fd = fd, .events = POLLIN };
        uint8_t byte;

        assert_int_equal(poll(&p, 1, SOON_MS), 1);
        assert_true(recv(fd, &byte, 1, 0) <= 0);
        close(fd);
}

static void whole_requests_are_answered(void **state)
{
        uint8_t two[2 * REQUEST_LEN];
        int fd = greeted();

        (void)state;
        request(7, two);
        request(8, two + REQUEST_LEN);
        assert_int_equal(write(fd, two, sizeof(two)), sizeof(two));
        answered(fd, 7);
        answered(fd, 8);
        for (size_t i = 0; i < REQUEST_LEN; i++)
                assert_int_equal(write(fd, two + i, 1), 1);
        answered(fd, 7);
        close(fd);
}

/* The first octets decide alone: the rest is not waited for. */
static void too_long_is_refused(void **state)
{
        static const uint8_t lengths[][8] = {
                { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff }, { 0, 0, 0, 1, 0, 0x10, 0, 0 },
                { 0x80, 0, 0, 0, 0x80, 0, 0, 0 },
        };
        uint8_t header[FRAME_HEADER] = { 0, 0, 0, 1 }, first[REQUEST_LEN];
        size_t len;

        (void)state;
        request(1, first);
        for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
                int fd = greeted();

                memcpy(header + 4, lengths[i], 8);
                assert_int_equal(frame_length(header, &len), ERR_RANGE);
                assert_int_equal(write(fd, header, sizeof(header)), sizeof(header));
                cut_off(fd);
                fd = greeted();
                assert_int_equal(write(fd, first, sizeof(first)), sizeof(first));
                answered(fd, 1);
                assert_int_equal(write(fd, header, sizeof(header)), sizeof(header));
                cut_off(fd);
        }
        memcpy(header + 4, (uint8_t[]){ 0, 0, 0, 0, 0, 0x10, 0, 0 }, 8);
        assert_int_equal(frame_length(header, &len), 0);
        assert_int_equal(len, FRAME_MAX);
}

static void another_version_is_none(void **state)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)state;
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(write(fd, "\1", 1), 1);
        cut_off(fd);
}

/* In the first header, which has no thread yet; in the first body; in a later header. Who says nothing is none of them. */
static void who_stops_is_cut_off(void **state)
{
        uint8_t r[REQUEST_LEN];
        int silent = greeted(), idle = greeted(), stopped[3];
        uint64_t since = clock_us();

        (void)state;
        request(5, r);
        assert_int_equal(write(idle, r, sizeof(r)), sizeof(r));
        answered(idle, 5);
        for (size_t i = 0; i < 3; i++)
                stopped[i] = greeted();
        assert_int_equal(write(stopped[0], r, 2), 2);
        assert_int_equal(write(stopped[1], r, 15), 15);
        assert_int_equal(write(stopped[2], r, sizeof(r)), sizeof(r));
        answered(stopped[2], 5);
        assert_int_equal(write(stopped[2], r, 11), 11);
        for (size_t i = 0; i < 3; i++)
                cut_off(stopped[i]);
        assert_true(clock_us() - since >= STALL_MS * 1000 / 2);
        assert_int_equal(write(idle, r, sizeof(r)), sizeof(r));
        answered(idle, 5);
        assert_int_equal(write(silent, r, sizeof(r)), sizeof(r));
        answered(silent, 5);
        close(idle);
        close(silent);
}

static void who_takes_no_answer_is_cut_off(void **state)
{
        uint64_t until = clock_us() + SOON_MS * 1000;
        uint8_t r[REQUEST_LEN];
        int fd = greeted();
        ssize_t n = 0;

        (void)state;
        request(1, r);
        while ((n == sizeof(r) || (n < 0 && errno == EAGAIN) || n == 0) && clock_us() < until) {
                n = send(fd, r, sizeof(r), MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n > 0 && n < (ssize_t)sizeof(r))
                        n = send(fd, r + n, sizeof(r) - (size_t)n, MSG_NOSIGNAL) > 0 ? (ssize_t)sizeof(r) : -1;
                if (n < 0 && errno == EAGAIN)
                        usleep(5000);
        }
        assert_true(n < 0 && errno != EAGAIN);
        close(fd);
}

static CK_FUNCTION_LIST *client(void)
{
        CK_FUNCTION_LIST *list = served_client(address.sun_path);

        assert_int_equal(list->C_Initialize(NULL), CKR_OK);
        return list;
}

static CK_ULONG sees(CK_FUNCTION_LIST *c, CK_SLOT_ID *ret_first)
{
        CK_SLOT_ID list[16];
        CK_ULONG n = 0;

        assert_int_equal(c->C_GetSlotList(CK_TRUE, NULL, &n), CKR_OK);
        assert_in_range(n, 1, 16);
        assert_int_equal(c->C_GetSlotList(CK_TRUE, list, &n), CKR_OK);
        *ret_first = list[0];
        return n;
}

static CK_SESSION_HANDLE session(CK_FUNCTION_LIST *c)
{
        CK_SESSION_HANDLE s;
        CK_SLOT_ID slot;

        sees(c, &slot);
        assert_int_equal(c->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_OK);
        return s;
}

/* The application lives from the first request to the last, and large ones come through. */
static void large_requests_between_small_ones(void **state)
{
        static CK_BYTE data[FRAME_MAX - 1024];
        CK_MECHANISM m = { CKM_SHA256, NULL, 0 };
        CK_FUNCTION_LIST *c = client();
        CK_BYTE once[32], parts[32];
        CK_SESSION_HANDLE s;
        CK_ULONG len = 32;

        (void)state;
        memset(data, 0x5a, sizeof(data));
        s = session(c);
        assert_int_equal(c->C_DigestInit(s, &m), CKR_OK);
        assert_int_equal(c->C_Digest(s, data, sizeof(data), once, &len), CKR_OK);
        assert_int_equal(c->C_DigestInit(s, &m), CKR_OK);
        for (size_t at = 0, n = 1; at < sizeof(data); at += n, n = n * 3 < sizeof(data) - at ? n * 3 : sizeof(data) - at)
                assert_int_equal(c->C_DigestUpdate(s, data + at, n < sizeof(data) - at ? n : sizeof(data) - at), CKR_OK);
        assert_int_equal(c->C_DigestFinal(s, parts, &len), CKR_OK);
        assert_memory_equal(once, parts, 32);
        assert_int_equal(c->C_Finalize(NULL), CKR_OK);
}

static bool found(CK_FUNCTION_LIST *c, CK_SESSION_HANDLE s, CK_ATTRIBUTE_TYPE type, CK_ULONG len)
{
        CK_BYTE value[8] = { 1 };
        CK_ATTRIBUTE t[] = { { type, value, len }, { type != CKA_LABEL ? CKA_LABEL : CKA_ID, value, 1 } };

        return c->C_FindObjectsInit(s, t, 2) == CKR_OK && c->C_FindObjectsFinal(s) == CKR_OK;
}

/* What the library writes is what daemon/request.c takes it for. It writes no number of one octet, and no truth value of eight. */
static void every_attribute_comes_through(void **state)
{
        CK_FUNCTION_LIST *c = client();
        CK_SESSION_HANDLE s;

        (void)state;
        s = session(c);
        for (CK_ATTRIBUTE_TYPE type = 0; type < 0x700; type++)
                assert_true(found(c, s, type, 1) || found(c, s, type, 8));
        assert_int_equal(c->C_Finalize(NULL), CKR_OK);
}

/* It is told so, and goes on. */
static void who_wants_too_much_room_gets_none(void **state)
{
        CK_FUNCTION_LIST *c = client();
        CK_SESSION_HANDLE s;
        CK_SESSION_INFO info;
        CK_BYTE byte;

        (void)state;
        s = session(c);
        assert_int_equal(c->C_GenerateRandom(s, &byte, 0x70000000), CKR_DEVICE_MEMORY);
        assert_int_equal(c->C_GetSessionInfo(s, &info), CKR_OK);
        assert_int_equal(c->C_Finalize(NULL), CKR_OK);
}

/* Agents and rules that came or went show once all are read. */
static void a_peer_sees_its_few_of_many(void **state)
{
        struct store *s = keyring_store(keyring);
        struct attrs none = { 0 };
        CK_FUNCTION_LIST *c;
        CK_SLOT_ID first;
        unsigned number;
        char name[20];

        (void)state;
        assert_int_equal(attrs_set_str(&none, "owner", "dana@example.com"), 0);
        for (unsigned i = 0; i < MANY; i++) {
                snprintf(name, sizeof(name), "many-%03u", i);
                assert_int_equal(store_agent_create(s, name, &none), 0);
        }
        allow("many-000");
        allow("many-150");
        number = allow("many-299");
        assert_int_equal(policy_read_all(policy), 0);
        c = client();
        assert_int_equal(sees(c, &first), 4);

        assert_int_equal(policy_deny(s, "many-299", number), 0);
        assert_int_equal(store_agent_delete(s, "many-000"), 0);
        allow("many-001");
        assert_int_equal(store_agent_create(s, "many-new", &none), 0);
        allow("many-new");
        assert_int_equal(policy_read_all(policy), 0);
        assert_int_equal(sees(c, &first), 4);
        assert_int_equal(c->C_Finalize(NULL), CKR_OK);
        attrs_clear(&none);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(whole_requests_are_answered), cmocka_unit_test(too_long_is_refused), cmocka_unit_test(another_version_is_none),
                cmocka_unit_test(who_stops_is_cut_off), cmocka_unit_test(who_takes_no_answer_is_cut_off),
                cmocka_unit_test(large_requests_between_small_ones), cmocka_unit_test(every_attribute_comes_through),
                cmocka_unit_test(who_wants_too_much_room_gets_none), cmocka_unit_test(a_peer_sees_its_few_of_many),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
