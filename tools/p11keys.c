/* SPDX-License-Identifier: BSD-2-Clause */
/* How does this command use an agent's keys as the agent would? */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include "lib/crypto.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "tools/module.h"
#include "tools/p11keys.h"

#define LABEL_SIZE 32           /* of a token, padded with blanks */
#define SLOTS_MAX 4096
#define ATTRIBUTE_MAX 4096
#define SIGNATURE_MAX 1024

struct p11agent {
        void *library;
        CK_FUNCTION_LIST *f;
        bool initialised, session_open;
        CK_SESSION_HANDLE session;
};

void p11keys_clear(struct p11keys *k)
{
        for (size_t i = 0; i < k->n; ++i) {
                buf_clear(&k->list[i].label);
                buf_clear(&k->list[i].id);
                pubkey_clear(&k->list[i].pub);
        }
        k->n = 0;
}

int p11keys_choose(const struct p11keys *k, struct bytes label, const struct p11key **ret)
{
        const struct bytes wanted = label.len > 0 ? label : BYTES_STR("default");

        for (size_t i = 0; i < k->n; ++i) {
                if ((label.len == 0 && k->n == 1) || bytes_equal(BYTES_OF(&k->list[i].label), wanted)) {
                        *ret = &k->list[i];
                        return 0;
                }
        }
        if (k->n == 0)
                return err(ERR_NOENT, "the agent has no key that can sign, or this user may not see it");
        if (label.len == 0)
                return err(ERR_NOENT, "the agent has several keys and none of them is labelled default: name one as AGENT/LABEL");
        return err(ERR_NOENT, "the agent has no key with the label %.*s", (int)label.len, (const char *)label.ptr);
}

/* What the module says, as far as it makes a difference to a person; its own words are in the log of whoever refused. */
static int failed(const char *what, CK_RV rv)
{
        static const struct {
                CK_RV rv;
                int err;
                const char *text;
        } rows[] = {
                { CKR_ACTION_PROHIBITED, ERR_DENIED, "a rule refuses it, or a lock" },
                { CKR_USER_NOT_LOGGED_IN, ERR_AUTH, "the agent has a PIN" },
                { CKR_KEY_FUNCTION_NOT_PERMITTED, ERR_DENIED, "the key is not for that" },
                { CKR_HOST_MEMORY, ERR_NOMEM, "out of memory" },
                { CKR_DEVICE_ERROR, ERR_NODEV, "the TPM or the daemon failed" },
                { CKR_DEVICE_REMOVED, ERR_NODEV, "the TPM or the daemon is not there" },
                { CKR_TOKEN_NOT_PRESENT, ERR_NODEV, "the token is not there" },
        };

        for (size_t i = 0; i < ARRAY_LEN(rows); ++i) {
                if (rows[i].rv == rv)
                        return err(rows[i].err, "%s: %s", what, rows[i].text);
        }
        return err(ERR_IO, "%s: the PKCS#11 module says 0x%lx", what, rv);
}

static int load(struct p11agent *a)
{
        CLEANUP(buf_clear) struct buf path = { 0 };
        CK_RV (*get_list)(CK_FUNCTION_LIST **list);
        CK_RV rv;
        int r;

        r = module_path(&path);
        if (r != 0 || buf_str(&path) == NULL)
                return r != 0 ? r : err(ERR_NOMEM, "out of memory");
        a->library = dlopen(buf_str(&path), RTLD_NOW | RTLD_LOCAL);
        if (a->library == NULL)
                return err(ERR_NOENT, "cannot load the PKCS#11 module: %s", dlerror());
        /* POSIX lets an object's pointer be a function's: dlsym(3). */
        *(void **)&get_list = dlsym(a->library, "C_GetFunctionList");
        if (get_list == NULL || get_list(&a->f) != CKR_OK)
                return err(ERR_FORMAT, "%s is no PKCS#11 module", buf_str(&path));
        rv = a->f->C_Initialize(&(CK_C_INITIALIZE_ARGS){ .flags = CKF_OS_LOCKING_OK });
        if (rv != CKR_OK)
                return failed("the PKCS#11 module does not start", rv);
        a->initialised = true;
        return 0;
}

static bool label_is(const CK_TOKEN_INFO *info, const char *agent)
{
        uint8_t padded[LABEL_SIZE];

        memset(padded, ' ', sizeof padded);
        memcpy(padded, agent, strlen(agent));
        return memcmp(padded, info->label, sizeof padded) == 0;
}

static int find_slot(struct p11agent *a, const char *agent, CK_SLOT_ID *ret)
{
        CLEANUP(free_ptr) CK_SLOT_ID *slots = calloc(SLOTS_MAX, sizeof *slots);
        CK_ULONG n = SLOTS_MAX;
        CK_TOKEN_INFO info;
        CK_RV rv;

        if (slots == NULL)
                return err(ERR_NOMEM, "out of memory");
        rv = a->f->C_GetSlotList(CK_TRUE, slots, &n);
        if (rv != CKR_OK)
                return failed("cannot list agents", rv);
        for (CK_ULONG i = 0; i < n; ++i) {
                if (a->f->C_GetTokenInfo(slots[i], &info) != CKR_OK || !label_is(&info, agent))
                        continue;
                if ((info.flags & CKF_LOGIN_REQUIRED) != 0)
                        return err(ERR_NOTSUP, "the agent %s has a PIN, which this command does not ask for", agent);
                *ret = slots[i];
                return 0;
        }
        return err(ERR_NOENT, "there is no agent %s whose keys this user may use", agent);
}

int p11agent_open(const char *agent, struct p11agent **ret)
{
        struct p11agent *a;
        CK_SLOT_ID slot = 0;
        CK_RV rv;
        int r;

        if (strlen(agent) > LABEL_SIZE)
                return err(ERR_INVAL, "\"%.80s\" is no agent's name", agent);
        a = calloc(1, sizeof *a);
        if (a == NULL)
                return err(ERR_NOMEM, "out of memory");
        r = load(a);
        if (r == 0)
                r = find_slot(a, agent, &slot);
        if (r == 0) {
                rv = a->f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &a->session);
                a->session_open = rv == CKR_OK;
                r = rv == CKR_OK ? 0 : failed("cannot open a session with the agent's token", rv);
        }
        if (r != 0) {
                p11agent_close(a);
                return r;
        }
        *ret = a;
        return 0;
}

void p11agent_close(struct p11agent *a)
{
        if (a == NULL)
                return;
        if (a->session_open)
                a->f->C_CloseSession(a->session);
        if (a->initialised)
                a->f->C_Finalize(NULL);
        if (a->library != NULL)
                dlclose(a->library);
        free(a);
}

/* ERR_NOENT: the object has it not. */
static int attribute(struct p11agent *a, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, struct buf *ret)
{
        uint8_t value[ATTRIBUTE_MAX];
        CK_ATTRIBUTE at = { type, value, sizeof value };

        if (a->f->C_GetAttributeValue(a->session, object, &at, 1) != CKR_OK || at.ulValueLen > sizeof value)
                return ERR_NOENT;
        return buf_set(ret, BYTES(value, at.ulValueLen));
}

/* A key of another kind, or one that is gone by now, is passed over. */
static int add_key(struct p11agent *a, CK_OBJECT_HANDLE object, struct p11keys *all)
{
        CLEANUP(buf_clear) struct buf spki = { 0 };
        struct p11key *k = &all->list[all->n];
        int r;

        *k = (struct p11key){ .object = object };
        r = attribute(a, object, CKA_PUBLIC_KEY_INFO, &spki);
        if (r == 0 && pubkey_from_spki(BYTES_OF(&spki), &k->pub) != 0)
                r = ERR_NOENT;
        if (r == 0)
                r = attribute(a, object, CKA_LABEL, &k->label);
        if (r == 0)
                r = attribute(a, object, CKA_ID, &k->id);
        ++all->n;
        if (r == 0)
                return 0;
        buf_clear(&k->label);
        buf_clear(&k->id);
        pubkey_clear(&k->pub);
        --all->n;
        return r == ERR_NOENT ? 0 : r;
}

int p11agent_keys(struct p11agent *a, struct p11keys *ret)
{
        CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
        CK_BBOOL yes = CK_TRUE;
        CK_ATTRIBUTE wanted[] = { { CKA_CLASS, &class, sizeof class }, { CKA_SIGN, &yes, sizeof yes } };
        CK_OBJECT_HANDLE found[P11KEYS_MAX];
        CK_ULONG n = 0;
        CK_RV rv;
        int r = 0;

        p11keys_clear(ret);
        rv = a->f->C_FindObjectsInit(a->session, wanted, ARRAY_LEN(wanted));
        if (rv == CKR_OK) {
                rv = a->f->C_FindObjects(a->session, found, ARRAY_LEN(found), &n);
                a->f->C_FindObjectsFinal(a->session);
        }
        if (rv != CKR_OK)
                return failed("cannot list the agent's keys", rv);
        for (CK_ULONG i = 0; r == 0 && i < n; ++i)
                r = add_key(a, found[i], ret);
        if (r != 0)
                p11keys_clear(ret);
        return r;
}

/* Hashed here, and signed by the mechanisms that ssh and OpenSSL use: one rule lets in all three. */
int p11agent_sign(struct p11agent *a, const struct p11key *k, const struct hash *h, struct bytes data, struct buf *ret)
{
        CK_MECHANISM m = { .mechanism = k->pub.ckk == CKK_EC ? CKM_ECDSA : CKM_RSA_PKCS };
        CLEANUP(buf_clear) struct buf in = { 0 };
        uint8_t digest[HASH_MAX], sig[SIGNATURE_MAX];
        CK_ULONG len = sizeof sig;
        CK_RV rv;
        int r;

        r = crypto_hash(h, &data, 1, digest);
        if (r == 0 && k->pub.ckk == CKK_RSA)
                r = buf_append(&in, h->digest_info.ptr, h->digest_info.len);
        if (r == 0)
                r = buf_append(&in, digest, h->size);
        if (r != 0)
                return r;
        rv = a->f->C_SignInit(a->session, &m, k->object);
        if (rv == CKR_OK)
                rv = a->f->C_Sign(a->session, in.ptr, in.len, sig, &len);
        return rv == CKR_OK ? buf_set(ret, BYTES(sig, len)) : failed("the key does not sign", rv);
}
