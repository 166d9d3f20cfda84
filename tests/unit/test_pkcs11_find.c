/* SPDX-License-Identifier: BSD-2-Clause */
/* Searching: by any attribute, quickly by label and ID among a thousand keys, with what other processes make and remove,
 * past files that are damaged; and the rules of C_FindObjects*. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "keys/keyring.h"
#include "lib/alg.h"
#include "lib/file.h"
#include "tests/token.h"

#define KEYS 1000

static struct token token;
static CK_FUNCTION_LIST_3_0 *f;
static struct keyring *other;       /* another process's view of the store */
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY, public_key = CKO_PUBLIC_KEY, data = CKO_DATA;

#define BOOL(type, value) { (type), (value), sizeof(CK_BBOOL) }
#define ULONG(type, value) { (type), (value), sizeof(CK_ULONG) }
#define TEXT(type, value) { (type), (void *)(uintptr_t)(value), sizeof(value) - 1 }

static int start(void **state)
{
        struct conf c = { 0 };
        int r;

        *state = &token;
        if (token_start(&token, NULL, 0) != 0 || conf_load(&c) != 0)
                return -1;
        f = token.f;
        r = keyring_open(&c, &other);
        conf_clear(&c);
        return r;
}

static int stop(void **state)
{
        (void)state;
        keyring_close(other);
        return token_stop(&token);
}

static CK_ULONG find(CK_ATTRIBUTE *t, CK_ULONG n_t, CK_OBJECT_HANDLE *first)
{
        static CK_OBJECT_HANDLE h[4 * KEYS];
        CK_ULONG n;

        assert_int_equal(f->C_FindObjectsInit(token.s, t, n_t), CKR_OK);
        assert_int_equal(f->C_FindObjects(token.s, h, 4 * KEYS, &n), CKR_OK);
        assert_int_equal(f->C_FindObjectsFinal(token.s), CKR_OK);
        if (n > 0 && first != NULL)
                *first = h[0];
        return n;
}

static CK_OBJECT_HANDLE make_data(const char *label, CK_BBOOL *on_token)
{
        CK_ATTRIBUTE t[] = { ULONG(CKA_CLASS, &data), BOOL(CKA_TOKEN, on_token), { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
        CK_OBJECT_HANDLE h;

        assert_int_equal(f->C_CreateObject(token.s, t, 3, &h), CKR_OK);
        return h;
}

static void by_many_attributes(void **state)
{
        CK_OBJECT_HANDLE pub, priv, h;
        CK_BYTE point[80], id[64];
        CK_KEY_TYPE ec = CKK_EC, rsa = CKK_RSA;
        CK_ATTRIBUTE by_point = { CKA_EC_POINT, point, sizeof(point) }, by_id = { CKA_ID, id, sizeof(id) };

        (void)state;
        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(f->C_GetAttributeValue(token.s, pub, &by_point, 1), CKR_OK);
        assert_int_equal(f->C_GetAttributeValue(token.s, pub, &by_id, 1), CKR_OK);
        assert_int_equal(find(&by_id, 1, NULL), 2);
        assert_int_equal(find((CK_ATTRIBUTE[]){ by_id, ULONG(CKA_CLASS, &private_key) }, 2, &h), 1);
        assert_int_equal(h, priv);
        assert_int_equal(find((CK_ATTRIBUTE[]){ by_point, ULONG(CKA_CLASS, &public_key) }, 2, &h), 1);
        assert_int_equal(h, pub);
        assert_int_equal(find((CK_ATTRIBUTE[]){ ULONG(CKA_KEY_TYPE, &ec), BOOL(CKA_SIGN, &yes), BOOL(CKA_TOKEN, &yes) }, 3, &h), 1);
        assert_int_equal(h, priv);
        assert_int_equal(find((CK_ATTRIBUTE[]){ ULONG(CKA_KEY_TYPE, &rsa) }, 1, NULL), 0);
        assert_int_equal(find((CK_ATTRIBUTE[]){ ULONG(CKA_CLASS, &private_key), BOOL(CKA_EXTRACTABLE, &yes) }, 2, NULL), 0);
        /* Pair and four profiles. */
        assert_int_equal(find(NULL, 0, NULL), 2 + 4);
        /* An attribute that nothing has, one that nobody may compare, and odd lengths: found nowhere, no error. */
        assert_int_equal(find(&(CK_ATTRIBUTE)TEXT(0xdeadbeef, "x"), 1, NULL), 0);
        assert_int_equal(find(&(CK_ATTRIBUTE)TEXT(CKA_VALUE, "x"), 1, NULL), 0);
        assert_int_equal(find(&(CK_ATTRIBUTE){ CKA_CLASS, &private_key, 4 }, 1, NULL), 0);
        by_id.ulValueLen--;
        assert_int_equal(find(&by_id, 1, NULL), 0);
        assert_int_equal(f->C_DestroyObject(token.s, priv), CKR_OK);
}

static void sessions_and_tokens(void **state)
{
        CK_OBJECT_HANDLE on_token = make_data("d", &yes), in_session = make_data("d", &no), h;
        CK_SESSION_HANDLE mine = token.s;

        (void)state;
        assert_int_equal(find(&(CK_ATTRIBUTE)TEXT(CKA_LABEL, "d"), 1, NULL), 2);
        assert_int_equal(find((CK_ATTRIBUTE[]){ TEXT(CKA_LABEL, "d"), BOOL(CKA_TOKEN, &yes) }, 2, &h), 1);
        assert_int_equal(h, on_token);
        assert_int_equal(find((CK_ATTRIBUTE[]){ TEXT(CKA_LABEL, "d"), BOOL(CKA_TOKEN, &no) }, 2, &h), 1);
        assert_int_equal(h, in_session);
        /* Session objects are the application's: its other sessions with this token see them. */
        assert_int_equal(token_session(&(void *){ &token }), 0);
        assert_int_equal(find(&(CK_ATTRIBUTE)TEXT(CKA_LABEL, "d"), 1, NULL), 2);
        assert_int_equal(f->C_CloseSession(mine), CKR_OK);
        assert_int_equal(find(&(CK_ATTRIBUTE)TEXT(CKA_LABEL, "d"), 1, NULL), 1);
        assert_int_equal(f->C_DestroyObject(token.s, on_token), CKR_OK);
}

static void rules(void **state)
{
        CK_OBJECT_HANDLE h[2];
        CK_ATTRIBUTE twice[] = { TEXT(CKA_LABEL, "a"), TEXT(CKA_LABEL, "b") };
        CK_ULONG n = 7, seen = 0;

        (void)state;
        for (int i = 0; i < 5; i++)
                make_data("piecewise", &no);
        assert_int_equal(f->C_FindObjects(token.s, h, 2, &n), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(f->C_FindObjectsFinal(token.s), CKR_OPERATION_NOT_INITIALIZED);
        assert_int_equal(f->C_FindObjectsInit(token.s, NULL, 1), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_FindObjectsInit(token.s, twice, (CK_ULONG)-1), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_FindObjectsInit(token.s, twice, 2), CKR_TEMPLATE_INCONSISTENT);
        assert_int_equal(f->C_FindObjectsInit(token.s, &(CK_ATTRIBUTE)TEXT(CKA_LABEL, "piecewise"), 1), CKR_OK);
        assert_int_equal(f->C_FindObjectsInit(token.s, NULL, 0), CKR_OPERATION_ACTIVE);
        assert_int_equal(f->C_FindObjects(token.s, h, 2, NULL), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_FindObjects(token.s, NULL, 2, &n), CKR_ARGUMENTS_BAD);
        do {
                assert_int_equal(f->C_FindObjects(token.s, h, 2, &n), CKR_OK);
                seen += n;
        } while (n > 0);
        assert_int_equal(seen, 5);
        assert_int_equal(f->C_FindObjectsFinal(token.s), CKR_OK);
}

static void what_other_processes_do_shows_at_the_next_search(void **state)
{
        CK_ATTRIBUTE by_label = TEXT(CKA_LABEL, "theirs");
        struct item_list *l;
        struct item *i;
        CK_OBJECT_HANDLE h, again;
        CK_ULONG n;

        (void)state;
        assert_int_equal(find(&by_label, 1, NULL), 0);
        assert_int_equal(keyring_generate(other, TOKEN_LABEL, (struct bytes){ 0 }, key_kind_by_name("P-256"), ALG_SIGN, BYTES_STR("theirs"),
                                          (struct bytes){ 0 }, NULL, &i), 0);
        item_unref(i);
        assert_int_equal(find(&by_label, 1, &h), 2);
        make_data("something else changes", &yes);
        assert_int_equal(find(&by_label, 1, &again), 2);
        assert_int_equal(h, again);

        assert_int_equal(store_items(keyring_store(other), TOKEN_LABEL, &l), 0);
        for (size_t k = 0; k < l->n; k++)
                assert_int_equal(store_item_remove(keyring_store(other), TOKEN_LABEL, l->list[k]), 0);
        item_list_unref(l);
        /* The handle is void at once, not only at the next search. */
        assert_int_equal(f->C_GetObjectSize(token.s, h, &n), CKR_OBJECT_HANDLE_INVALID);
        assert_int_equal(find(&by_label, 1, NULL), 0);
}

static void damaged_files_hide_only_themselves(void **state)
{
        CK_OBJECT_HANDLE h;
        CLEANUP(buf_clear) struct buf path = { 0 };
        struct item_list *l;
        int fd;

        (void)state;
        make_data("good", &yes);
        make_data("bad", &yes);
        assert_int_equal(store_items(keyring_store(other), TOKEN_LABEL, &l), 0);
        for (size_t k = 0; k < l->n; k++)
                if (item_label_is(l->list[k], BYTES_STR("bad")))
                        assert_int_equal(store_item_path(keyring_store(other), TOKEN_LABEL, l->list[k], &path), 0);
        item_list_unref(l);
        fd = open(buf_str(&path), O_WRONLY | O_TRUNC);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "rubbish", 7), 7);
        close(fd);
        /* As a new process, which has not read it before. */
        assert_int_equal(f->C_Finalize(NULL), CKR_OK);
        assert_int_equal(f->C_Initialize(NULL), CKR_OK);
        assert_int_equal(token_session(&(void *){ &token }), 0);
        assert_int_equal(find(&(CK_ATTRIBUTE)ULONG(CKA_CLASS, &data), 1, &h), 1);
        assert_int_equal(find(&(CK_ATTRIBUTE)TEXT(CKA_LABEL, "bad"), 1, NULL), 0);
        assert_int_equal(unlink(buf_str(&path)), 0);
        assert_int_equal(f->C_DestroyObject(token.s, h), CKR_OK);
}

static double ms_since(const struct timespec *from)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)(now.tv_sec - from->tv_sec) * 1e3 + (double)(now.tv_nsec - from->tv_nsec) / 1e6;
}

/* One key's file, a thousand times under other names: written straight, for it is reading that is measured. */
static void fill_store(void)
{
        CLEANUP(close_fd) int dir = -1;
        CLEANUP(buf_clear) struct buf path = { 0 };
        CLEANUP(buf_clear) struct buf text = { 0 };
        CK_OBJECT_HANDLE pub, priv;
        struct item_list *l;
        char *slash;

        token_ec_pair(&token, "P-256", &pub, &priv);
        assert_int_equal(store_items(keyring_store(other), TOKEN_LABEL, &l), 0);
        assert_int_equal(l->n, 1);
        assert_int_equal(store_item_path(keyring_store(other), TOKEN_LABEL, l->list[0], &path), 0);
        item_list_unref(l);
        slash = strrchr(buf_str(&path), '/');
        *slash = '\0';
        assert_int_equal(dir_open(AT_FDCWD, (char *)path.ptr, &dir), 0);
        assert_int_equal(file_read(dir, slash + 1, 65536, &text), 0);
        for (int i = 0; i < KEYS; i++) {
                CLEANUP(buf_clear) struct buf copy = { 0 };
                char name[128];
                const char *pem = strstr(buf_str(&text), "-----BEGIN");
                int fd;

                snprintf(name, sizeof(name), "key-%d.%04x.%016x.1.key.pem", i, i, i + 1);
                assert_int_equal(buf_printf(&copy, "label: key-%d\nid: %04x\nuid: %016x\nusage: sign\n\n%s", i, i, i + 1, pem), 0);
                fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
                assert_true(fd >= 0);
                assert_int_equal(write(fd, copy.ptr, copy.len), (ssize_t)copy.len);
                close(fd);
        }
        assert_int_equal(f->C_DestroyObject(token.s, priv), CKR_OK);
        /* Directories that changed this moment are read again and again, for a change may hide in one tick of the clock. */
        usleep(100000);
}

/* The limits are the promised ones, ten times as wide: a busy machine is no failure of ours. The figures are printed. */
static void a_thousand_keys(void **state)
{
        CK_ATTRIBUTE by_label = TEXT(CKA_LABEL, "key-777"), by_id = TEXT(CKA_ID, "\x03\x09");
        struct timespec t;
        double start_ms, cold, cold_id, warm;
        CK_OBJECT_HANDLE h;

        (void)state;
        fill_store();
        assert_int_equal(f->C_Finalize(NULL), CKR_OK);
        clock_gettime(CLOCK_MONOTONIC, &t);
        assert_int_equal(f->C_Initialize(NULL), CKR_OK);
        assert_int_equal(f->C_GetSlotList(CK_TRUE, NULL, &(CK_ULONG){ 0 }), CKR_OK);
        assert_int_equal(token_session(&(void *){ &token }), 0);
        start_ms = ms_since(&t);
        clock_gettime(CLOCK_MONOTONIC, &t);
        assert_int_equal(find(&by_label, 1, &h), 2);
        cold = ms_since(&t);
        clock_gettime(CLOCK_MONOTONIC, &t);
        assert_int_equal(find(&by_id, 1, &h), 2);
        cold_id = ms_since(&t);
        clock_gettime(CLOCK_MONOTONIC, &t);
        for (int i = 0; i < 100; i++)
                assert_int_equal(find(&by_label, 1, &h), 2);
        warm = ms_since(&t) / 100;
        print_message("1 000 keys: start %.2f ms, find by label cold %.2f ms, by ID %.2f ms, warm %.3f ms\n", start_ms, cold, cold_id, warm);
        assert_true(start_ms < 50 && cold < 50 && cold_id < 50 && warm < 0.5);
        clock_gettime(CLOCK_MONOTONIC, &t);
        assert_int_equal(find(&(CK_ATTRIBUTE)ULONG(CKA_CLASS, &private_key), 1, NULL), KEYS);
        print_message("all private keys: %.2f ms\n", ms_since(&t));
        assert_int_equal(find(NULL, 0, NULL), 2 * KEYS + 4);
}

/* A process of its own: gives the object one end date after another. */
static void change_again_and_again(CK_ATTRIBUTE *label)
{
        CK_SESSION_HANDLE s;
        CK_OBJECT_HANDLE h;
        CK_ULONG n;

        if (f->C_Initialize(NULL) != CKR_OK || f->C_OpenSession(token.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s) != CKR_OK ||
            f->C_FindObjectsInit(s, label, 1) != CKR_OK || f->C_FindObjects(s, &h, 1, &n) != CKR_OK || n != 1)
                _exit(1);
        for (int i = 0; i < 200; i++) {
                char day[16];
                CK_ATTRIBUTE end = { CKA_END_DATE, day, 8 };

                snprintf(day, sizeof(day), "2026%04d", i);
                if (f->C_SetAttributeValue(s, h, &end, 1) != CKR_OK)
                        _exit(2);
        }
        _exit(0);
}

/* Between the moment that the directory is read and the one that a file in it is, the file's name may have changed. */
static void what_is_changed_meanwhile_is_found(void **state)
{
        CK_ATTRIBUTE label = TEXT(CKA_LABEL, "key-999"), class = ULONG(CKA_CLASS, &private_key);
        unsigned looks = 0;
        int status;
        pid_t pid;

        (void)state;
        pid = fork();
        if (pid == 0)
                change_again_and_again(&label);
        for (; waitpid(pid, &status, WNOHANG) == 0; looks++) {
                /* With nothing read yet, it takes a while to get to the last file. */
                assert_int_equal(f->C_Finalize(NULL), CKR_OK);
                assert_int_equal(f->C_Initialize(NULL), CKR_OK);
                assert_int_equal(token_session(&(void *){ &token }), 0);
                assert_int_equal(find(&class, 1, NULL), KEYS);
        }
        assert_int_equal(status, 0);
        assert_true(looks > 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, token_session, token_session_end)
        const struct CMUnitTest tests[] = {
                T(by_many_attributes), T(sessions_and_tokens), T(rules), T(what_other_processes_do_shows_at_the_next_search),
                T(damaged_files_hide_only_themselves), T(a_thousand_keys),
                T(what_is_changed_meanwhile_is_found),
        };

        return cmocka_run_group_tests(tests, start, stop);
}
