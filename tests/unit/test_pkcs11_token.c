/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots and tokens: one per agent and no empty one unless asked for; honest, blank-padded descriptions and a serial number
 * that differs; agents that come and go while we run; C_InitToken, C_InitPIN and C_SetPIN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "holdfast/pkcs11.h"
#include "keys/keyring.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "tests/token.h"

static struct token token;
static CK_FUNCTION_LIST_3_0 *f;

/* What another process would do to the store. */
static struct keyring *other;

static int start_as(const char *conf)
{
        struct conf c = { 0 };
        int r;

        if (token_start(&token, conf, 0) != 0 || conf_load(&c) != 0)
                return -1;
        f = token.f;
        r = keyring_open(&c, &other);
        conf_clear(&c);
        return r;
}

static int start(void **state)
{
        (void)state;
        return start_as(NULL);
}

static int start_with_free_slot(void **state)
{
        (void)state;
        return start_as("[pkcs11]\nshow-free-slot = yes\n");
}

static int stop(void **state)
{
        (void)state;
        keyring_close(other);
        return token_stop(&token);
}

static CK_ULONG slots(CK_SLOT_ID *list)
{
        CK_ULONG n = 0;

        assert_int_equal(f->C_GetSlotList(CK_TRUE, NULL, &n), CKR_OK);
        assert_true(n <= 16);
        assert_int_equal(f->C_GetSlotList(CK_TRUE, list, &n), CKR_OK);
        return n;
}

static void padded(const CK_UTF8CHAR *field, size_t len, const char *text)
{
        assert_memory_equal(field, text, strlen(text));
        for (size_t i = strlen(text); i < len; i++)
                assert_int_equal(field[i], ' ');
}

static CK_TOKEN_INFO info_of(CK_SLOT_ID id)
{
        CK_TOKEN_INFO info;

        assert_int_equal(f->C_GetTokenInfo(id, &info), CKR_OK);
        return info;
}

static void label_of(const char *name, CK_UTF8CHAR label[32])
{
        memset(label, ' ', 32);
        memcpy(label, name, strlen(name));
}

static void what_a_token_says_of_itself(void **state)
{
        CK_TOKEN_INFO info = info_of(token.slot);
        CK_SLOT_INFO slot;

        (void)state;
        padded(info.label, sizeof(info.label), TOKEN_LABEL);
        padded(info.manufacturerID, sizeof(info.manufacturerID), "Holdfast");
        assert_int_not_equal(info.model[0], ' ');
        assert_null(memchr(info.model, '\0', sizeof(info.model)));
        assert_null(memchr(info.serialNumber, ' ', sizeof(info.serialNumber)));
        assert_int_equal(strspn((char *)info.serialNumber, "0123456789abcdef") >= sizeof(info.serialNumber), 1);
        assert_int_equal(info.flags, CKF_RNG | CKF_TOKEN_INITIALIZED);
        assert_int_equal(info.ulMaxPinLen, 255);
        assert_int_equal(info.ulMinPinLen, 4);
        assert_int_equal(info.hardwareVersion.major, 1);
        padded(info.utcTime, sizeof(info.utcTime), "");

        assert_int_equal(f->C_GetSlotInfo(token.slot, &slot), CKR_OK);
        assert_int_equal(slot.flags, CKF_TOKEN_PRESENT | CKF_HW_SLOT);
        padded(slot.slotDescription, sizeof(slot.slotDescription), "Holdfast agent " TOKEN_LABEL);
        padded(slot.manufacturerID, sizeof(slot.manufacturerID), "Holdfast");
}

static void arguments(void **state)
{
        CK_SLOT_ID list[1];
        CK_ULONG n = 0;

        (void)state;
        assert_int_equal(f->C_GetSlotList(CK_TRUE, NULL, NULL), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_GetSlotList(CK_TRUE, list, &n), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(n, 1);
        assert_int_equal(f->C_GetSlotInfo(token.slot, NULL), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_GetTokenInfo(token.slot, NULL), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_GetTokenInfo(1000, &(CK_TOKEN_INFO){ 0 }), CKR_SLOT_ID_INVALID);
        assert_int_equal(f->C_GetMechanismList(token.slot, NULL, NULL), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_GetMechanismInfo(token.slot, CKM_ECDSA, NULL), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_GetMechanismInfo((CK_SLOT_ID)-1, CKM_ECDSA, &(CK_MECHANISM_INFO){ 0 }), CKR_SLOT_ID_INVALID);
}

static void mechanism_list_in_two_calls(void **state)
{
        CK_MECHANISM_TYPE list[64];
        CK_MECHANISM_INFO info;
        CK_ULONG n = 0, short_by_one;

        (void)state;
        assert_int_equal(f->C_GetMechanismList(token.slot, NULL, &n), CKR_OK);
        assert_true(n > 10 && n < 64);
        short_by_one = n - 1;
        assert_int_equal(f->C_GetMechanismList(token.slot, list, &short_by_one), CKR_BUFFER_TOO_SMALL);
        assert_int_equal(short_by_one, n);
        assert_int_equal(f->C_GetMechanismList(token.slot, list, &n), CKR_OK);
        for (CK_ULONG i = 0; i < n; i++)
                assert_int_equal(f->C_GetMechanismInfo(token.slot, list[i], &info), CKR_OK);
        assert_int_equal(f->C_GetMechanismInfo(token.slot, CKM_DES3_CBC, &info), CKR_MECHANISM_INVALID);
}

static void agents_come_and_go(void **state)
{
        CK_SLOT_ID list[16], event;
        CK_TOKEN_INFO a, b;
        CK_SESSION_HANDLE s;

        (void)state;
        assert_int_equal(slots(list), 1);
        assert_int_equal(f->C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL), CKR_NO_EVENT);
        assert_int_equal(keyring_agent_create(other, "another", "dana@example.com", NULL), 0);
        assert_int_equal(f->C_WaitForSlotEvent(CKF_DONT_BLOCK, &event, NULL), CKR_OK);
        assert_int_equal(f->C_WaitForSlotEvent(CKF_DONT_BLOCK, &s, NULL), CKR_NO_EVENT);
        assert_int_equal(f->C_WaitForSlotEvent(0, &s, NULL), CKR_FUNCTION_NOT_SUPPORTED);
        assert_int_equal(slots(list), 2);
        /* The old one keeps its ID. */
        assert_int_equal(list[0], token.slot);
        assert_int_equal(list[1], event);
        a = info_of(list[0]);
        b = info_of(list[1]);
        padded(b.label, sizeof(b.label), "another");
        assert_memory_not_equal(a.serialNumber, b.serialNumber, 16);

        assert_int_equal(f->C_OpenSession(list[1], CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_OK);
        assert_int_equal(keyring_agent_delete(other, "another"), 0);
        assert_int_equal(f->C_FindObjectsInit(s, NULL, 0), CKR_TOKEN_NOT_PRESENT);
        assert_int_equal(f->C_GetTokenInfo(list[1], &b), CKR_TOKEN_NOT_PRESENT);
        assert_int_equal(slots(list), 1);
        assert_int_equal(f->C_CloseSession(s), CKR_OK);
}

/* The question needs the token's file, which may tell that all sessions are to be logged out: the asking one too. */
static void the_owner_of_an_agent_made_anew(void **state)
{
        CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
        CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
        CK_BYTE value[] = "a secret", room[32];
        CK_ATTRIBUTE t[] = {
                { CKA_CLASS, &secret, sizeof(secret) }, { CKA_KEY_TYPE, &generic, sizeof(generic) }, { CKA_VALUE, value, 8 },
        };
        CK_ATTRIBUTE owner = { CKA_HF_OWNER, room, sizeof(room) };
        CK_UTF8CHAR pin[] = "any PIN";
        CK_SLOT_ID list[16];
        CK_SESSION_HANDLE s;
        CK_OBJECT_HANDLE h;
        CK_ULONG n;

        (void)state;
        assert_int_equal(keyring_agent_create(other, "anew", "dana@example.com", NULL), 0);
        n = slots(list);
        assert_int_equal(f->C_OpenSession(list[n - 1], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s), CKR_OK);
        assert_int_equal(f->C_Login(s, CKU_USER, pin, 7), CKR_OK);
        assert_int_equal(f->C_CreateObject(s, t, ARRAY_LEN(t), &h), CKR_OK);
        assert_int_equal(keyring_agent_delete(other, "anew"), 0);
        assert_int_equal(keyring_agent_create(other, "anew", "eve@example.com", NULL), 0);

        alarm(10);
        assert_int_equal(f->C_GetAttributeValue(s, h, &owner, 1), CKR_OK);
        alarm(0);
        assert_int_equal(owner.ulValueLen, strlen("eve@example.com"));
        assert_memory_equal(room, "eve@example.com", owner.ulValueLen);
        assert_int_equal(f->C_CloseSession(s), CKR_OK);
        assert_int_equal(keyring_agent_delete(other, "anew"), 0);
        assert_int_equal(slots(list), n - 1);
}

static void a_token_without_pins_is_not_wiped(void **state)
{
        CK_UTF8CHAR label[32], pin[] = "00000000";

        (void)state;
        label_of("new", label);
        assert_int_equal(f->C_InitToken(token.slot, pin, 8, label), CKR_TOKEN_WRITE_PROTECTED);
        padded(info_of(token.slot).label, 32, TOKEN_LABEL);
}

static void look_at_a_store_of_somebody_elses(void)
{
        char command[160];

        if (f->C_Finalize(NULL) != CKR_CRYPTOKI_NOT_INITIALIZED)
                _exit(1);
        snprintf(command, sizeof(command), "chmod -R a+rX,a-w %s", token.tpm.dir);
        if (system(command) != 0 || (geteuid() == 0 && setuid(65534) != 0))
                _exit(2);
        if (f->C_Initialize(NULL) != CKR_OK)
                _exit(3);
        _exit((info_of(token.slot).flags & CKF_WRITE_PROTECTED) != 0 ? 0 : 4);
}

static void a_store_that_may_not_be_written_says_so(void **state)
{
        char command[160];
        int status;
        pid_t pid;

        (void)state;
        assert_int_equal(info_of(token.slot).flags & CKF_WRITE_PROTECTED, 0);
        pid = fork();
        if (pid == 0)
                look_at_a_store_of_somebody_elses();
        assert_int_equal(waitpid(pid, &status, 0), pid);
        snprintf(command, sizeof(command), "chmod -R u+w,go-rwx %s", token.tpm.dir);
        assert_int_equal(system(command), 0);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

/* With the free slot from here on. */

static CK_SLOT_ID free_slot(void)
{
        CK_SLOT_ID list[16];
        CK_ULONG n = slots(list);

        assert_int_equal(info_of(list[n - 1]).flags & CKF_TOKEN_INITIALIZED, 0);
        return list[n - 1];
}

static void a_free_slot_is_shown_where_asked_for(void **state)
{
        CK_SESSION_HANDLE s;
        CK_SLOT_INFO info;
        CK_SLOT_ID id = free_slot();

        (void)state;
        assert_int_not_equal(id, token.slot);
        assert_int_equal(f->C_GetSlotInfo(id, &info), CKR_OK);
        assert_int_equal(info.flags & CKF_TOKEN_PRESENT, CKF_TOKEN_PRESENT);
        assert_int_equal(f->C_OpenSession(id, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_TOKEN_NOT_RECOGNIZED);
        assert_int_equal(free_slot(), id);
}

static void owner_of(const char *agent, const char *owner)
{
        CLEANUP(attrs_clear) struct attrs a = { 0 };

        assert_int_equal(store_agent_read(keyring_store(other), agent, &a), 0);
        assert_string_equal(attrs_str(&a, "owner", ""), owner);
}

static void init_token_makes_an_agent(void **state)
{
        CK_UTF8CHAR label[32], so[] = "12345678", user[] = "4321", third[] = "1111";
        CK_SLOT_ID id = free_slot();
        CK_SESSION_HANDLE s;

        (void)state;
        label_of("made by token", label);
        assert_int_equal(f->C_InitToken(id, so, 3, label), CKR_PIN_LEN_RANGE);
        assert_int_equal(f->C_InitToken(id, so, 256, label), CKR_PIN_LEN_RANGE);
        assert_int_equal(f->C_InitToken(id, NULL, 8, label), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_InitToken(id, so, 8, NULL), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_InitToken(id, so, 8, label), CKR_OK);
        padded(info_of(id).label, 32, "made by token");
        assert_int_equal(info_of(id).flags & (CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED),
                         CKF_TOKEN_INITIALIZED | CKF_LOGIN_REQUIRED);
        owner_of("made by token", getpwuid(getuid())->pw_name);
        assert_int_not_equal(free_slot(), id);

        assert_int_equal(f->C_OpenSession(id, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s), CKR_OK);
        assert_int_equal(f->C_Login(s, CKU_USER, user, 4), CKR_USER_PIN_NOT_INITIALIZED);
        assert_int_equal(f->C_InitPIN(s, user, 4), CKR_USER_NOT_LOGGED_IN);
        assert_int_equal(f->C_Login(s, CKU_SO, so, 8), CKR_OK);
        assert_int_equal(f->C_InitPIN(s, user, 3), CKR_PIN_LEN_RANGE);
        assert_int_equal(f->C_InitPIN(s, NULL, 4), CKR_ARGUMENTS_BAD);
        assert_int_equal(f->C_InitPIN(s, user, 4), CKR_OK);
        assert_int_equal(info_of(id).flags & CKF_USER_PIN_INITIALIZED, CKF_USER_PIN_INITIALIZED);

        /* The security officer's own, then the user's. */
        assert_int_equal(f->C_SetPIN(s, user, 4, so, 8), CKR_PIN_INCORRECT);
        assert_int_equal(f->C_SetPIN(s, so, 8, third, 4), CKR_OK);
        assert_int_equal(f->C_Logout(s), CKR_OK);
        assert_int_equal(f->C_Login(s, CKU_SO, third, 4), CKR_OK);
        assert_int_equal(f->C_Logout(s), CKR_OK);
        assert_int_equal(f->C_SetPIN(s, user, 4, third, 3), CKR_PIN_LEN_RANGE);
        assert_int_equal(f->C_SetPIN(s, user, 4, so, 8), CKR_OK);
        assert_int_equal(f->C_Login(s, CKU_USER, so, 8), CKR_OK);
        assert_int_equal(f->C_CloseSession(s), CKR_OK);

        assert_int_equal(f->C_OpenSession(id, CKF_SERIAL_SESSION, NULL, NULL, &s), CKR_OK);
        assert_int_equal(f->C_SetPIN(s, so, 8, user, 4), CKR_SESSION_READ_ONLY);
        assert_int_equal(f->C_CloseSession(s), CKR_OK);
}

static void init_token_again_wipes(void **state)
{
        CK_UTF8CHAR label[32], so[] = "12345678", wrong[] = "87654321";
        CK_SLOT_ID id = free_slot();
        struct item_list *items;
        CK_SESSION_HANDLE s;
        struct token t = token;
        CK_OBJECT_HANDLE pub, priv;
        CK_TOKEN_INFO before;

        (void)state;
        label_of("wiped", label);
        assert_int_equal(f->C_InitToken(id, so, 8, label), CKR_OK);
        assert_int_equal(f->C_OpenSession(id, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &s), CKR_OK);
        assert_int_equal(f->C_Login(s, CKU_SO, so, 8), CKR_OK);
        assert_int_equal(f->C_InitPIN(s, so, 8), CKR_OK);
        assert_int_equal(f->C_Logout(s), CKR_OK);
        assert_int_equal(f->C_Login(s, CKU_USER, so, 8), CKR_OK);
        t.s = s;
        token_ec_pair(&t, "P-256", &pub, &priv);
        assert_int_equal(f->C_InitToken(id, so, 8, label), CKR_SESSION_EXISTS);
        assert_int_equal(f->C_CloseSession(s), CKR_OK);

        assert_int_equal(f->C_InitToken(id, wrong, 8, label), CKR_PIN_INCORRECT);
        before = info_of(id);
        assert_int_equal(before.flags & CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_COUNT_LOW);
        assert_int_equal(f->C_InitToken(id, so, 8, label), CKR_OK);
        assert_int_equal(info_of(id).flags & (CKF_SO_PIN_COUNT_LOW | CKF_USER_PIN_INITIALIZED), 0);
        assert_memory_not_equal(info_of(id).serialNumber, before.serialNumber, 16);
        assert_int_equal(store_items(keyring_store(other), "wiped", &items), 0);
        assert_int_equal(items->n, 0);
        item_list_unref(items);

        /* Under another name. */
        label_of("renamed", label);
        assert_int_equal(f->C_InitToken(id, so, 8, label), CKR_OK);
        padded(info_of(id).label, 32, "renamed");
        assert_int_equal(store_items(keyring_store(other), "wiped", &items), ERR_NOENT);
        owner_of("renamed", getpwuid(getuid())->pw_name);
}

static int drop_owner(struct attrs *a, void *ctx)
{
        (void)ctx;
        attrs_remove(a, "owner");
        return 0;
}

/* As somebody's editor may leave its file. */
static void an_agent_without_an_owner_is_made_anew(void **state)
{
        CK_UTF8CHAR label[32], so[] = "12345678";
        CK_SLOT_ID id = free_slot();

        (void)state;
        label_of("nobody's", label);
        assert_int_equal(f->C_InitToken(id, so, 8, label), CKR_OK);
        assert_int_equal(store_agent_update(keyring_store(other), "nobody's", drop_owner, NULL), 0);
        assert_int_equal(f->C_InitToken(id, so, 8, label), CKR_OK);
        padded(info_of(id).label, 32, "nobody's");
        owner_of("nobody's", getpwuid(getuid())->pw_name);

        /* Under a name that is taken it stays as it is. */
        label_of(TOKEN_LABEL, label);
        assert_int_equal(f->C_InitToken(id, so, 8, label), CKR_ARGUMENTS_BAD);
        padded(info_of(id).label, 32, "nobody's");
}

static void bad_labels_are_refused(void **state)
{
        static const char *const bad[] = { "", "a/b", ".hidden", "tab\there", TOKEN_LABEL };
        CK_UTF8CHAR label[32], so[] = "12345678";
        CK_SLOT_ID id = free_slot(), list[16];
        CK_ULONG n = slots(list);

        (void)state;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                label_of(bad[i], label);
                assert_int_equal(f->C_InitToken(id, so, 8, label), CKR_ARGUMENTS_BAD);
        }
        memset(label, 0, sizeof(label));
        assert_int_equal(f->C_InitToken(id, so, 8, label), CKR_ARGUMENTS_BAD);
        assert_int_equal(slots(list), n);
}

int main(void)
{
        const struct CMUnitTest plain[] = {
                cmocka_unit_test(what_a_token_says_of_itself),
                cmocka_unit_test(arguments),
                cmocka_unit_test(mechanism_list_in_two_calls),
                cmocka_unit_test(agents_come_and_go),
                cmocka_unit_test(the_owner_of_an_agent_made_anew),
                cmocka_unit_test(a_token_without_pins_is_not_wiped),
                cmocka_unit_test(a_store_that_may_not_be_written_says_so),
        };
        const struct CMUnitTest with_free_slot[] = {
                cmocka_unit_test(a_free_slot_is_shown_where_asked_for),
                cmocka_unit_test(init_token_makes_an_agent),
                cmocka_unit_test(init_token_again_wipes),
                cmocka_unit_test(an_agent_without_an_owner_is_made_anew),
                cmocka_unit_test(bad_labels_are_refused),
        };
        int r;

        r = cmocka_run_group_tests(plain, start, stop);
        return cmocka_run_group_tests(with_free_slot, start_with_free_slot, stop) + r;
}
