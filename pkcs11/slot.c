/* SPDX-License-Identifier: BSD-2-Clause */
/* Which slots are there, and what is in them? From the store's directory of agents; the TPM is
 * not asked. */
#include "pkcs11/slot.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "keys/backend_tpm.h"
#include "lib/err.h"
#include "pkcs11/call.h"
#include "pkcs11/functions.h"
#include "pkcs11/mech.h"
#include "pkcs11/rv.h"
#include "pkcs11/thing.h"

/* A name that a slot has or had: sessions and callers may still hold the old one. */
struct slot_name {
        struct slot_name *next;
        char text[];
};

void slot_free(struct slot *s)
{
        struct slot_name *n;

        while ((n = s->names) != NULL) {
                s->names = n->next;
                free(n);
        }
        login_unref(s->login);
        item_list_unref(s->items);
        table_clear(&s->by_uid);
        pthread_mutex_destroy(&s->admin);
        free(s);
}

struct login *login_ref(struct login *l)
{
        if (l != NULL)
                l->refs++;
        return l;
}

void login_unref(struct login *l)
{
        if (l == NULL || --l->refs > 0)
                return;
        buf_clear(&l->secret);
        free(l);
}

void slot_set_login(struct slot *s, struct login *l)
{
        pthread_mutex_lock(&s->app->lock);
        login_unref(s->login);
        s->login = l;
        pthread_mutex_unlock(&s->app->lock);
        session_sync_all(s);
}

static CK_RV set_name(struct slot *s, const char *name)
{
        size_t len = strlen(name);
        struct slot_name *n = malloc(sizeof(*n) + len + 1);

        if (n == NULL)
                return CKR_HOST_MEMORY;
        memcpy(n->text, name, len + 1);
        n->next = s->names;
        s->names = n;
        s->agent = n->text;
        return CKR_OK;
}

CK_RV slot_seen(const struct slot *s)
{
        const char *name = s->agent;

        return name == NULL || caller_sees(app_caller(s->app), name) ? CKR_OK : CKR_DEVICE_REMOVED;
}

CK_RV slot_set_agent(struct slot *s, const char *name)
{
        CK_RV rv;

        pthread_mutex_lock(&s->app->lock);
        rv = set_name(s, name);
        pthread_mutex_unlock(&s->app->lock);
        return rv;
}

/* Counted up in a program. In a daemon made from the agent's name (FNV-1a), so that it means the same token in the next connection; what
 * a program gets there fits into an int. */
static CK_SLOT_ID id_for(const struct app *a, const char *name)
{
        uint32_t h = 2166136261;

        if (a->host == NULL || name == NULL)
                return a->n_slots;
        for (; *name != '\0'; name++)
                h = (h ^ (unsigned char)*name) * 16777619;
        for (h &= INT32_MAX; table_get(&a->by_id, h) != NULL; h = (h + 1) & INT32_MAX)
                ;
        return h;
}

/* Under app->lock. name NULL: a free slot. */
static CK_RV slot_new(struct app *a, const char *name)
{
        struct slot **more = realloc(a->slots, (a->n_slots + 1) * sizeof(struct slot *));
        struct slot *s;

        if (more == NULL)
                return CKR_HOST_MEMORY;
        a->slots = more;
        s = calloc(1, sizeof(*s));
        if (s == NULL)
                return CKR_HOST_MEMORY;
        pthread_mutex_init(&s->admin, NULL);
        s->id = id_for(a, name);
        s->app = a;
        s->seen = s->present = name != NULL;
        s->event = a->listed;
        if ((name != NULL && set_name(s, name) != CKR_OK) || table_put(&a->by_id, s->id, s) != 0) {
                slot_free(s);
                return CKR_HOST_MEMORY;
        }
        a->slots[a->n_slots++] = s;
        return CKR_OK;
}

/* Under app->lock. Agents and slots come in the same order mostly, so the search begins where the last one ended. */
static struct slot *slot_of(struct app *a, const char *name, size_t *hint)
{
        for (size_t tried = 0; tried < a->n_slots; tried++) {
                size_t i = (*hint + tried) % a->n_slots;
                struct slot *s = a->slots[i];

                if (s->agent != NULL && strcmp(s->agent, name) == 0) {
                        *hint = i + 1;
                        return s;
                }
        }
        return NULL;
}

static CK_RV add_missing(struct app *a, const struct agent_names *names)
{
        bool want_free = a->conf.show_free_slot;
        size_t hint = 0;
        CK_RV rv = CKR_OK;

        for (size_t i = 0; i < a->n_slots; i++) {
                a->slots[i]->seen = false;
                want_free = want_free && a->slots[i]->agent != NULL;
        }
        for (size_t i = 0; rv == CKR_OK && i < names->n; i++) {
                struct slot *s = slot_of(a, names->list[i], &hint);

                if (s != NULL)
                        s->seen = true;
                else
                        rv = slot_new(a, names->list[i]);
        }
        for (size_t i = 0; i < a->n_slots; i++) {
                struct slot *s = a->slots[i];

                s->event = s->event || s->present != s->seen;
                s->present = s->seen;
        }
        if (rv == CKR_OK && want_free)
                rv = slot_new(a, NULL);
        return rv;
}

/* Leaves those that the caller may see. */
static void drop_unseen(struct app *a, struct agent_names *names)
{
        size_t n = 0;

        for (size_t i = 0; i < names->n; i++) {
                if (caller_sees(app_caller(a), names->list[i]))
                        names->list[n++] = names->list[i];
                else
                        free(names->list[i]);
        }
        names->n = n;
}

/* Looks for agents that came or went. No store is no error: there may be one later. */
static CK_RV refresh(struct app *a)
{
        struct agent_names names = { 0 };
        struct keyring *k;
        CK_RV rv;
        int r;

        rv = app_look(a);
        k = app_keyring(a);
        if (rv != CKR_OK || k == NULL)
                return rv;
        r = store_agents(keyring_store(k), &names);
        if (r != 0)
                return r == ERR_NOMEM ? CKR_HOST_MEMORY : CKR_OK;
        drop_unseen(a, &names);
        pthread_mutex_lock(&a->lock);
        rv = add_missing(a, &names);
        a->listed = true;
        pthread_mutex_unlock(&a->lock);
        agent_names_clear(&names);
        return rv;
}

static bool listed(struct app *a)
{
        bool yes;

        pthread_mutex_lock(&a->lock);
        yes = a->listed;
        pthread_mutex_unlock(&a->lock);
        return yes;
}

CK_RV slot_by_id(struct app *a, CK_SLOT_ID id, struct slot **ret)
{
        struct slot *s;

        if (!listed(a) && refresh(a) != CKR_OK)
                return CKR_HOST_MEMORY;

        pthread_mutex_lock(&a->lock);
        s = table_get(&a->by_id, id);
        pthread_mutex_unlock(&a->lock);
        if (s == NULL)
                return CKR_SLOT_ID_INVALID;
        *ret = s;
        return CKR_OK;
}

/* The name under app->lock: C_InitToken may change it. */
static const char *agent_of(struct slot *s)
{
        const char *name;

        pthread_mutex_lock(&s->app->lock);
        name = s->agent;
        pthread_mutex_unlock(&s->app->lock);
        return name;
}

/* Takes what was read; true if somebody else's token is in the slot now. */
static bool update(struct slot *s, bool present, bool pins, const char *serial)
{
        bool other;

        pthread_mutex_lock(&s->app->lock);
        other = s->serial[0] != '\0' && strncmp(s->serial, serial, sizeof(s->serial) - 1) != 0;
        s->event = s->event || s->present != present;
        s->present = present;
        s->pins = pins;
        if (present)
                snprintf(s->serial, sizeof(s->serial), "%s", serial);
        pthread_mutex_unlock(&s->app->lock);
        return other;
}

CK_RV slot_look(struct slot *s, struct attrs *ret_agent)
{
        CLEANUP(attrs_clear) struct attrs lines = { 0 };
        struct keyring *k = app_keyring(s->app);
        struct pin_state pins = { 0 };
        const char *name = agent_of(s);
        int r;

        if (name == NULL)
                return CKR_TOKEN_NOT_RECOGNIZED;
        r = caller_sees(app_caller(s->app), name) ? store_agent_read(keyring_store(k), name, &lines) : ERR_NOENT;
        if (r == 0)
                r = pin_state(k, name, &pins);
        if (r == ERR_NOENT) {
                update(s, false, false, "");
                slot_set_login(s, NULL);
                return CKR_TOKEN_NOT_PRESENT;
        }
        if (r != 0)
                return rv_from_err(r);
        if (update(s, true, pins.used, attrs_str(&lines, "serial", "")))
                slot_set_login(s, NULL);
        if (ret_agent != NULL) {
                *ret_agent = lines;
                lines = (struct attrs){ 0 };
        }
        return CKR_OK;
}

void slot_pad(CK_UTF8CHAR *out, size_t len, const char *text)
{
        size_t n = strlen(text);

        if (n > len)
                for (n = len; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
                        ;
        memset(out, ' ', len);
        memcpy(out, text, n);
}

CK_RV C_GetSlotList(CK_BBOOL token_present, CK_SLOT_ID *list, CK_ULONG *count)
{
        struct call c;
        CK_ULONG n = 0;
        CK_RV rv;

        (void)token_present;      /* there is no slot without a token */
        rv = call_begin(&c);
        if (rv != CKR_OK)
                return rv;
        if (count == NULL)
                return call_end(&c, CKR_ARGUMENTS_BAD);
        /* PKCS#11 v3.0, 5.5.1: the list changes at a call that asks for its length, so that the one
         * behind it, with room for so many, is not surprised. */
        if (list == NULL || !listed(c.app))
                rv = refresh(c.app);
        if (rv != CKR_OK)
                return call_end(&c, rv);

        pthread_mutex_lock(&c.app->lock);
        for (size_t i = 0; i < c.app->n_slots; i++) {
                const struct slot *s = c.app->slots[i];

                /* The free slot has a token too, one that is not initialised. */
                if (!s->present && s->agent != NULL)
                        continue;
                if (list != NULL && n < *count)
                        list[n] = s->id;
                n++;
        }
        pthread_mutex_unlock(&c.app->lock);
        rv = list != NULL && *count < n ? CKR_BUFFER_TOO_SMALL : CKR_OK;
        *count = n;
        return call_end(&c, rv);
}

/* The chip, as the store remembers it; all zero if it says nothing good. */
static void chip(struct app *a, struct tpm_caps *ret)
{
        struct keyring *k = app_keyring(a);

        memset(ret, 0, sizeof(*ret));
        if (k != NULL && tpm_caps_from_attrs(store_info(keyring_store(k)), ret) != 0)
                memset(ret, 0, sizeof(*ret));
}

static CK_VERSION hardware_version(const struct tpm_caps *c)
{
        unsigned major = 0, minor = 0;

        if (sscanf(c->revision, "%3u.%3u", &major, &minor) != 2)
                return (CK_VERSION){ 0 };
        return (CK_VERSION){ (unsigned char)major, (unsigned char)minor };
}

static CK_VERSION firmware_version(const struct tpm_caps *c)
{
        return (CK_VERSION){ (unsigned char)(c->firmware[0] >> 16), (unsigned char)c->firmware[0] };
}

static CK_RV slot_info(struct app *a, CK_SLOT_ID id, CK_SLOT_INFO *ret)
{
        CK_SLOT_INFO info = { .flags = CKF_HW_SLOT };
        struct tpm_caps caps;
        const char *name;
        struct slot *s;
        char text[65];
        CK_RV rv;

        rv = slot_by_id(a, id, &s);
        if (rv != CKR_OK)
                return rv;
        if (ret == NULL)
                return CKR_ARGUMENTS_BAD;
        rv = slot_look(s, NULL);
        if (rv == CKR_OK || rv == CKR_TOKEN_NOT_RECOGNIZED)
                info.flags |= CKF_TOKEN_PRESENT;
        name = agent_of(s);
        snprintf(text, sizeof(text), "Holdfast %s%.32s", name != NULL ? "agent " : "free slot", name != NULL ? name : "");
        chip(a, &caps);
        slot_pad(info.slotDescription, sizeof(info.slotDescription), text);
        slot_pad(info.manufacturerID, sizeof(info.manufacturerID), "Holdfast");
        info.hardwareVersion = hardware_version(&caps);
        info.firmwareVersion = firmware_version(&caps);
        *ret = info;
        return CKR_OK;
}

/* By enum pin_who: what CK_TOKEN_INFO says when tries run out. */
static const struct {
        CK_FLAGS low, last, locked;
} pin_flags[] = {
        [PIN_SO] = { CKF_SO_PIN_COUNT_LOW, CKF_SO_PIN_FINAL_TRY, CKF_SO_PIN_LOCKED },
        [PIN_USER] = { CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED },
};

static CK_FLAGS flags_of_pins(const struct pin_state *p)
{
        CK_FLAGS f = 0;

        if (!p->used)
                return 0;
        f |= CKF_LOGIN_REQUIRED;
        if (p->user_set)
                f |= CKF_USER_PIN_INITIALIZED;
        for (enum pin_who w = PIN_SO; w <= PIN_USER; w++) {
                if (w == PIN_USER && !p->user_set)
                        continue;
                if (p->tries_left[w] < p->tries_max)
                        f |= pin_flags[w].low;
                if (p->tries_left[w] == 1)
                        f |= pin_flags[w].last;
                if (p->tries_left[w] == 0)
                        f |= pin_flags[w].locked;
        }
        return f;
}

/* A full disk is no property of the token; a store that this process may not write is. */
static bool write_protected(struct keyring *k)
{
        int r = store_writable(keyring_store(k));

        return r == ERR_READONLY || r == ERR_PERM;
}

static void token_of_agent(struct slot *s, const struct attrs *lines, CK_TOKEN_INFO *info)
{
        struct keyring *k = app_keyring(s->app);
        const char *name = agent_of(s);
        struct pin_state pins = { 0 };

        slot_pad(info->label, sizeof(info->label), name);
        slot_pad(info->serialNumber, sizeof(info->serialNumber), attrs_str(lines, "serial", ""));
        info->flags = CKF_RNG | CKF_TOKEN_INITIALIZED;
        if (pin_state(k, name, &pins) == 0)
                info->flags |= flags_of_pins(&pins);
        if (write_protected(k))
                info->flags |= CKF_WRITE_PROTECTED;
        pthread_mutex_lock(&s->app->lock);
        info->ulSessionCount = s->sessions;
        info->ulRwSessionCount = s->rw_sessions;
        pthread_mutex_unlock(&s->app->lock);
}

static CK_RV token_info(struct app *a, CK_SLOT_ID id, CK_TOKEN_INFO *ret)
{
        CLEANUP(attrs_clear) struct attrs lines = { 0 };
        CK_TOKEN_INFO info = {
                .ulMaxSessionCount = CK_EFFECTIVELY_INFINITE, .ulMaxRwSessionCount = CK_EFFECTIVELY_INFINITE,
                .ulMaxPinLen = PIN_LEN_MAX, .ulMinPinLen = PIN_LEN_MIN,
                .ulTotalPublicMemory = CK_UNAVAILABLE_INFORMATION, .ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION,
                .ulTotalPrivateMemory = CK_UNAVAILABLE_INFORMATION, .ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION,
        };
        struct tpm_caps caps;
        struct slot *s;
        CK_RV rv;

        rv = slot_by_id(a, id, &s);
        if (rv != CKR_OK)
                return rv;
        if (ret == NULL)
                return CKR_ARGUMENTS_BAD;
        slot_pad(info.label, sizeof(info.label), "");
        slot_pad(info.serialNumber, sizeof(info.serialNumber), "");
        rv = slot_look(s, &lines);
        if (rv == CKR_OK)
                token_of_agent(s, &lines, &info);
        else if (rv != CKR_TOKEN_NOT_RECOGNIZED)
                return rv;
        chip(a, &caps);
        slot_pad(info.manufacturerID, sizeof(info.manufacturerID), "Holdfast");
        slot_pad(info.model, sizeof(info.model), caps.vendor[0] != '\0' ? caps.vendor : caps.manufacturer);
        slot_pad(info.utcTime, sizeof(info.utcTime), "");
        info.hardwareVersion = hardware_version(&caps);
        info.firmwareVersion = firmware_version(&caps);
        *ret = info;
        return CKR_OK;
}

CK_RV C_GetSlotInfo(CK_SLOT_ID id, CK_SLOT_INFO *info)
{
        struct call c;
        CK_RV rv;

        rv = call_begin(&c);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, slot_info(c.app, id, info));
}

CK_RV C_GetTokenInfo(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
        struct call c;
        CK_RV rv;

        rv = call_begin(&c);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, token_info(c.app, id, info));
}

static CK_RV mechanism_list(struct app *a, CK_SLOT_ID id, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
        struct keyring *k;
        struct slot *s;
        CK_ULONG room;
        CK_RV rv;

        rv = slot_by_id(a, id, &s);
        if (rv == CKR_OK && count == NULL)
                rv = CKR_ARGUMENTS_BAD;
        if (rv == CKR_OK)
                rv = slot_look(s, NULL);
        if (rv != CKR_OK)
                return rv;
        k = app_keyring(a);
        room = *count;
        *count = mech_count(k);
        if (list == NULL)
                return CKR_OK;
        if (room < *count)
                return CKR_BUFFER_TOO_SMALL;
        for (size_t i = 0; i < *count; i++)
                list[i] = mech_at(k, i);
        return CKR_OK;
}

CK_RV C_GetMechanismList(CK_SLOT_ID id, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
        struct call c;
        CK_RV rv;

        rv = call_begin(&c);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, mechanism_list(c.app, id, list, count));
}

static CK_RV mechanism_info(struct app *a, CK_SLOT_ID id, CK_MECHANISM_TYPE m, CK_MECHANISM_INFO *info)
{
        struct slot *s;
        CK_RV rv;

        rv = slot_by_id(a, id, &s);
        if (rv == CKR_OK && info == NULL)
                rv = CKR_ARGUMENTS_BAD;
        if (rv == CKR_OK)
                rv = slot_look(s, NULL);
        return rv == CKR_OK ? mech_info(app_keyring(a), m, info) : rv;
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID id, CK_MECHANISM_TYPE m, CK_MECHANISM_INFO *info)
{
        struct call c;
        CK_RV rv;

        rv = call_begin(&c);
        if (rv != CKR_OK)
                return rv;
        return call_end(&c, mechanism_info(c.app, id, m, info));
}

/* Waiting would need a thread or a watch of the directory: a caller asks now and then instead. p11-kit does not relay even that. */
CK_RV C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
        struct slot *found = NULL;
        struct call c;
        CK_RV rv;

        rv = call_begin(&c);
        if (rv != CKR_OK)
                return rv;
        if (slot == NULL || reserved != NULL)
                return call_end(&c, CKR_ARGUMENTS_BAD);
        if ((flags & CKF_DONT_BLOCK) == 0 || c.app->relay != NULL)
                return call_end(&c, CKR_FUNCTION_NOT_SUPPORTED);
        rv = refresh(c.app);
        if (rv != CKR_OK)
                return call_end(&c, rv);
        pthread_mutex_lock(&c.app->lock);
        for (size_t i = 0; found == NULL && i < c.app->n_slots; i++)
                if (c.app->slots[i]->event)
                        found = c.app->slots[i];
        if (found != NULL) {
                found->event = false;
                *slot = found->id;
        }
        pthread_mutex_unlock(&c.app->lock);
        return call_end(&c, found != NULL ? CKR_OK : CKR_NO_EVENT);
}
