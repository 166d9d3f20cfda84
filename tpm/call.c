/* SPDX-License-Identifier: BSD-2-Clause */
/* How does one command get to the TPM and its answer back, authorised, encrypted and verified? */
#include <stdio.h>
#include <string.h>
#include "lib/err.h"
#include "tpm/clock.h"
#include "tpm/ctx.h"
#include "tpm/wire.h"

#define NAP_FIRST_US 1000u
#define NAP_MAX_US 100000u
#define LOCKOUT_TRIES 2         /* it may be a passing fault, but no reason to use up the whole deadline */

int set_2b(uint16_t *size, uint8_t *to, size_t room, struct bytes from)
{
        if (from.len > room)
                return err(ERR_RANGE, "%zu octets are more than the TPM takes here", from.len);
        if (from.len > 0)
                memcpy(to, from.ptr, from.len);
        *size = (uint16_t)from.len;
        return 0;
}

static uint8_t attributes(const struct tpm *t, const struct call *c)
{
        return (uint8_t)(TPMA_SESSION_CONTINUESESSION | (c->secret_in ? TPMA_SESSION_DECRYPT : 0) | (c->secret_out ? TPMA_SESSION_ENCRYPT : 0) |
                         observe_attributes(t, c));
}

static int marshalled(const struct call *c, TSS2_RC rc)
{
        if (rc == TSS2_RC_SUCCESS)
                return 0;
        return err(ERR_INVAL, "cannot put together TPM2_%s: the TSS says 0x%x", command_by_cc(c->cc)->name, rc);
}

/* The first parameter's data, in place in the TSS's own buffer. */
static int encrypt_parameter(struct tpm *t, const struct call *c)
{
        uint8_t data[TPM_PACKET_MAX];
        const uint8_t *plain;
        size_t len;
        int r;

        r = marshalled(c, Tss2_Sys_GetDecryptParam(t->sys, &len, &plain));
        if (r != 0)
                return r;
        if (len > sizeof(data))
                return err(ERR_RANGE, "a parameter is too long");
        memcpy(data, plain, len);
        r = session_encrypt(&t->session, c->value, data, len);
        if (r == 0)
                r = marshalled(c, Tss2_Sys_SetDecryptParam(t->sys, len, data));
        wipe(data, len);
        return r;
}

static int authorise(struct tpm *t, const struct call *c, struct session_command *cmd)
{
        TSS2L_SYS_AUTH_COMMAND auths;
        const uint8_t *params;
        size_t len, own;
        int r;

        auths.count = c->second || c->partner != NULL ? 2 : 1;
        own = c->partner != NULL && c->partner->follows ? 0 : auths.count - 1;
        for (unsigned i = 0; i < auths.count; i++)
                auths.auths[i] = (TPMS_AUTH_COMMAND){ .sessionHandle = TPM2_RS_PW };
        if (c->auth == AUTH_PASSWORD)
                return marshalled(c, Tss2_Sys_SetCmdAuths(t->sys, &auths));

        r = session_nonce(&t->session);
        if (r == 0 && c->secret_in)
                r = encrypt_parameter(t, c);
        if (r == 0)
                r = marshalled(c, Tss2_Sys_GetCpBuffer(t->sys, &len, &params));
        if (r != 0)
                return r;
        *cmd = (struct session_command){ .cc = c->cc, .params = BYTES(params, len), .auth = c->value, .attributes = attributes(t, c) };
        for (; cmd->n_names < c->n_objects; cmd->n_names++)
                cmd->names[cmd->n_names] = c->object[cmd->n_names].name;
        r = session_authorise(&t->session, cmd, &auths.auths[own]);
        if (r == 0 && c->partner != NULL)
                r = c->partner->authorise(t, c->partner, cmd, &auths.auths[1 - own]);
        return r != 0 ? r : marshalled(c, Tss2_Sys_SetCmdAuths(t->sys, &auths));
}

/* The bytes are in our own packet, so they may be decrypted where they are. The audit digest is over what travelled. */
static int verify(struct tpm *t, const struct call *c, const struct session_command *cmd, const struct response *rsp)
{
        const struct response_auth *own = c->partner != NULL && c->partner->follows ? &rsp->first : &rsp->auth;
        struct session_command after = *cmd;
        struct reader r = READER(rsp->params);
        struct bytes first;
        int e;

        after.auth = c->value_after != NULL ? *c->value_after : c->value;
        e = session_check(&t->session, &after, rsp->params, own->nonce, own->attributes, own->hmac);
        if (e == 0 && c->partner != NULL)
                e = c->partner->check(t, c->partner, &after, rsp);
        if (e != 0) {
                observe_lost(t, c);
                return e;
        }
        session_settle(t, c);
        observe_answer(t, c);
        if (!c->secret_out)
                return 0;
        t->secret_seen = true;
        first = read_2b(&r);
        return session_decrypt(&t->session, c->value, t->tcti.packet + (first.ptr - t->tcti.packet), first.len);
}

static int no_answer(struct tpm *t, const struct call *c)
{
        bool unsent = t->tcti.error == ERR_NODEV || t->tcti.error == ERR_PERM || t->tcti.error == ERR_NOTSUP;

        /* A late answer must not be taken for the answer to the next command. */
        hang_up(t);
        if (!unsent)
                observe_lost(t, c);
        t->why = (struct rc_meaning){ .remedy = unsent ? REMEDY_ABSENT : REMEDY_RECONNECT, .err = t->tcti.error, .name = "no answer" };
        return t->tcti.error;
}

static int refused(struct tpm *t, const struct call *c, uint32_t rc)
{
        static const char *const subjects[] = { "", " (parameter %u)", " (handle %u)", " (session %u)" };
        char where[32];

        t->why = rc_meaning(rc);
        t->blame = 0;
        t->refused = c->clears_audit ? 0 : c->cc;
        if (t->why.remedy == REMEDY_AUTH && c->lockout)
                t->why.remedy = REMEDY_NONE;
        if (t->why.subject == RC_HANDLE && t->why.index >= 1 && t->why.index <= c->n_objects)
                t->blame = c->object[t->why.index - 1].handle;
        else if (t->why.remedy == REMEDY_AUTH && c->n_objects > 0)
                t->blame = c->object[0].handle;
        snprintf(where, sizeof(where), subjects[t->why.subject], t->why.index);
        return err(t->why.err, "TPM2_%s failed with 0x%x, %s%s", command_by_cc(c->cc)->name, rc, t->why.name, where);
}

static int once(struct tpm *t, const struct call *c, struct answer *ret)
{
        struct session_command cmd = { 0 };
        const struct response *rsp = &t->tcti.response;
        TSS2_RC rc;
        int r;

        t->why = (struct rc_meaning){ .remedy = REMEDY_NONE };
        if (c->auth == AUTH_SESSION && t->session.handle == 0) {
                r = session_open(t, t->parent.handle, &t->parent_public, &t->session);
                if (r == 0)
                        r = observe_session(t);
                if (r != 0)
                        return r;
        }
        r = marshalled(c, c->prepare(t->sys, c));
        if (r == 0 && c->auth != AUTH_NONE)
                r = authorise(t, c, &cmd);
        if (r != 0)
                return r;

        t->tcti.deadline_us = t->deadline_us;
        rc = Tss2_Sys_ExecuteAsync(t->sys);
        if (rc != TSS2_RC_SUCCESS)
                return t->tcti.error != 0 ? no_answer(t, c) : marshalled(c, rc);
        Tss2_Sys_ExecuteFinish(t->sys, TSS2_TCTI_TIMEOUT_BLOCK);
        if (rsp->rc != TPM2_RC_SUCCESS)
                return refused(t, c, rsp->rc);
        if (c->auth == AUTH_SESSION) {
                r = verify(t, c, &cmd, rsp);
                if (r != 0) {
                        t->why = (struct rc_meaning){ .remedy = REMEDY_RECONNECT, .err = r, .name = "no genuine answer" };
                        return r;
                }
        }
        if (c->auth == AUTH_SESSION) {
                t->maybe_done = false;
                t->session_needed = t->session_needed || holds_secret(c);
                cache_touch(&t->cache, t->session.handle, t->id, t->pid);
        }
        *ret = (struct answer){ rsp->handle, rsp->params };
        return 0;
}

/* Before a handle comes into being the table is marked in the file, should we not live to list it. Whether
 * a handle was made and lost: a session shows by its nonce that a command was done; without one nothing does. */
static int once_marked(struct tpm *t, const struct call *c, struct answer *ret)
{
        int r;

        if (command_by_cc(c->cc)->makes == MAKES_NOTHING)
                return once(t, c, ret);
        cache_set_unsure(&t->cache, true);
        if (!t->keep_nothing && share_write(&t->share, &t->cache) != 0)
                t->keep_nothing = true;
        r = once(t, c, ret);
        if (r == 0)
                return 0;
        if (t->why.remedy == REMEDY_RECONNECT || (t->why.remedy == REMEDY_WAIT && c->auth != AUTH_SESSION))
                t->lost = true;
        else if (t->why.remedy == REMEDY_WAIT)
                t->maybe_done = true;
        return r;
}

int tpm_call(struct tpm *t, const struct call *c, struct answer *ret)
{
        uint64_t nap = NAP_FIRST_US;
        int r;

        for (unsigned tries = 1;; tries++) {
                r = once_marked(t, c, ret);
                if (r == 0 || t->why.remedy != REMEDY_WAIT || clock_left_ms(t->deadline_us) == 0)
                        return r;
                if (r == ERR_LOCKED && tries > LOCKOUT_TRIES)
                        return r;
                /* Had the command been done, the session would be out of step, and that would count as a wrong try. */
                if (c->lockout)
                        session_doubt(t, 0);
                r = c->lockout && c->partner != NULL ? c->partner->doubt(t) : 0;
                if (r != 0)
                        return r;
                clock_nap(nap, t->deadline_us);
                nap = nap * 2 > NAP_MAX_US ? NAP_MAX_US : nap * 2;
        }
}
