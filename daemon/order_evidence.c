/* SPDX-License-Identifier: BSD-2-Clause */
/* The order for evidence: of a key, of the host, or of both, for a challenge that somebody else chose. */
#include <ctype.h>
#include <string.h>
#include "attest/pcrs.h"
#include "daemon/order.h"
#include "daemon/renew.h"
#include "keys/evidence.h"
#include "keys/find.h"
#include "lib/err.h"

#define HASH_NAME_MAX 8

/* "sha256", which it is where nothing is said. */
static int read_hash(const char *text, const struct hash **ret)
{
        char name[HASH_NAME_MAX] = "SHA256";
        size_t n = text != NULL ? strlen(text) : 0;

        if (n >= sizeof(name))
                return err(ERR_INVAL, "there is no bank of that hash");
        for (size_t i = 0; i < n; i++)
                name[i] = (char)toupper((unsigned char)text[i]);
        if (n > 0)
                name[n] = '\0';
        *ret = hash_by_name(name);
        return *ret != NULL ? 0 : err(ERR_INVAL, "there is no bank of that hash");
}

static int make(struct order_call *c, struct evidence_wish *w)
{
        CLEANUP(buf_clear) struct buf challenge = { 0 };
        CLEANUP(buf_clear) struct buf note = { 0 };
        CLEANUP(buf_clear) struct buf evidence = { 0 };
        const char *pcrs = order_text(c, "pcrs");
        int r;

        r = order_bytes(c, "challenge", &challenge);
        if (r == 0 && order_text(c, "join") != NULL)
                r = join_proof(c->core, c->caller, order_text_bytes(c, "join"), BYTES_OF(&challenge), w->to, &challenge);
        if (r == 0)
                r = pcrs != NULL ? pcrs_parse(pcrs, &w->pcrs) : 0;
        if (r == 0)
                r = read_hash(order_text(c, "pcr-hash"), &w->pcr_hash);
        if (r == 0 && order_flag(c, "log"))
                r = core_newest_note(c->core, &note);
        if (r != 0)
                return r;
        w->challenge = BYTES_OF(&challenge);
        w->checkpoint = BYTES_OF(&note);
        r = evidence_make(c->core->attester, c->caller, w, &evidence);
        return r != 0 ? r : order_add(c, "evidence", order_base64(BYTES_OF(&evidence)));
}

/* With what the issuer says of the attestation key, for verifiers that know the issuer. */
static int make_certified(struct order_call *c, struct evidence_wish *w)
{
        struct buf room[JOIN_CERTIFICATES] = { 0 };
        struct bytes certificates[JOIN_CERTIFICATES];
        int r = 0;

        if (c->core->renewer != NULL)
                r = renewer_certificates(c->core->renewer, room, certificates, &w->n_certificates);
        w->certificates = certificates;
        if (r == 0)
                r = make(c, w);
        for (size_t i = 0; i < JOIN_CERTIFICATES; i++)
                buf_clear(&room[i]);
        return r;
}

int order_evidence(struct order_call *c)
{
        CLEANUP(buf_clear) struct buf id = { 0 };
        struct evidence_wish w = {
                .agent = order_text(c, "agent"), .to = order_text(c, "to"), .event_log = order_flag(c, "event-log"), .ima = order_flag(c, "ima"),
        };
        int r = order_bytes(c, "id", &id);

        if (r == 0 && w.agent == NULL && (id.len > 0 || order_text(c, "label") != NULL))
                r = err(ERR_INVAL, "a key is an agent's: say which agent");
        if (r == 0 && w.agent != NULL)
                r = find_key(keyring_store(c->core->keyring), w.agent, order_text_bytes(c, "label"), BYTES_OF(&id), &w.key);
        if (r == 0)
                r = make_certified(c, &w);
        item_unref(w.key);
        return r;
}
