/* SPDX-License-Identifier: BSD-2-Clause */
/* How does evidence come about, and who hears of it? */
#include <stdlib.h>
#include <string.h>
#include "keys/attesting.h"
#include "keys/backend_tpm.h"
#include "keys/keyauth.h"
#include "lib/err.h"
#include "lib/tpmt.h"
#include "lib/utf8.h"

#define EVENT_LOG "/sys/kernel/security/tpm0/binary_bios_measurements"
#define IMA_LIST "/sys/kernel/security/ima/binary_runtime_measurements"
#define TRIES 8                 /* of a host whose PCRs change under our hands */

void attester_free(struct attester *a)
{
        if (a == NULL)
                return;
        tpm_ak_clear(&a->ak);
        buf_clear(&a->ak_auth);
        free(a->event_log);
        free(a->ima);
        pthread_mutex_destroy(&a->lock);
        free(a);
}

/* A key that is for attesting has a scheme of its own. */
static int hash_of(struct bytes pub, const struct hash **ret)
{
        TPM2B_PUBLIC p;
        const TPMU_PUBLIC_PARMS *parms = &p.publicArea.parameters;
        int r = tpmt_public_decode(pub, &p);
        bool rsa;

        if (r != 0)
                return r;
        rsa = p.publicArea.type == TPM2_ALG_RSA;
        if ((p.publicArea.objectAttributes & TPMA_OBJECT_RESTRICTED) == 0 || (p.publicArea.objectAttributes & TPMA_OBJECT_SIGN_ENCRYPT) == 0)
                return err(ERR_NOTSUP, "the TPM's key at that handle is no attestation key");
        *ret = hash_by_tpm(rsa ? parms->rsaDetail.scheme.details.anySig.hashAlg : parms->eccDetail.scheme.details.anySig.hashAlg);
        return *ret != NULL ? 0 : err(ERR_NOTSUP, "the attestation key signs with a hash that we do not know");
}

int attester_new(const struct attester_options *o, struct attester **ret)
{
        struct attester *a = calloc(1, sizeof(*a));
        int r;

        if (a == NULL)
                return err(ERR_NOMEM, "out of memory");
        pthread_mutex_init(&a->lock, NULL);
        a->keyring = o->keyring;
        a->tpm = backend_tpm_device(keyring_backend(o->keyring));
        a->ak.handle = o->ak.handle;
        a->event_log = strdup(o->event_log != NULL ? o->event_log : EVENT_LOG);
        a->ima = strdup(o->ima != NULL ? o->ima : IMA_LIST);
        r = a->event_log != NULL && a->ima != NULL ? 0 : err(ERR_NOMEM, "out of memory");
        if (r == 0)
                r = hash_of(BYTES_OF(&o->ak.pub), &a->ak_hash);
        if (r == 0)
                r = buf_set(&a->ak.pub, BYTES_OF(&o->ak.pub));
        if (r == 0)
                r = buf_set(&a->ak.name, BYTES_OF(&o->ak.name));
        if (r == 0)
                r = buf_set(&a->ak_auth, o->ak_auth);
        if (r == 0)
                *ret = a;
        else
                attester_free(a);
        return r;
}

struct bytes attesting_area(const struct buf *pub)
{
        return pub->len > 2 ? BYTES(pub->ptr + 2, pub->len - 2) : BYTES(NULL, 0);
}

struct deed attesting_deed(const char *operation, struct bytes digest, const char *to)
{
        return (struct deed){
                .event = AUDIT_ATTEST, .request = { .operation = operation }, .digest = digest, .detail = to != NULL ? BYTES_STR(to) : BYTES(NULL, 0),
        };
}

/* The key that it is of, and what the TPM needs to speak of it. */
struct subject {
        const struct item_body *body;
        struct bytes label, id;
        struct buf owner;
        struct keyauth auth;
        struct buf attest, signature;
};

static void subject_clear(struct subject *s)
{
        buf_clear(&s->owner);
        keyauth_clear(&s->auth);
        buf_clear(&s->attest);
        buf_clear(&s->signature);
}

static int owner_of(struct attester *a, const char *agent, struct buf *ret)
{
        CLEANUP(attrs_clear) struct attrs lines = { 0 };
        int r = store_agent_read(keyring_store(a->keyring), agent, &lines);

        return r != 0 ? r : buf_set(ret, BYTES_STR(attrs_str(&lines, "owner", "")));
}

static int take_key(struct attester *a, const struct evidence_wish *w, struct subject *s, struct evidence *e)
{
        int r;

        if (w->key->type != ITEM_KEY)
                return err(ERR_INVAL, "the object has no private half");
        r = item_load(w->key, &s->body);
        if (r == 0 && (s->body->kind == NULL || s->body->kind->hash != NULL))
                r = err(ERR_NOTSUP, "nothing can be said to others of a key without a public half");
        if (r == 0)
                r = item_label(w->key, &s->label);
        if (r == 0)
                r = item_id(w->key, &s->id);
        if (r == 0)
                r = owner_of(a, w->agent, &s->owner);
        if (r == 0)
                r = keyring_key_auth(a->keyring, w->secret, &s->body->attrs, &s->auth);
        if (r != 0)
                return r;
        e->key.present = true;
        e->key.public = attesting_area(&s->body->key.pub);
        e->key.agent = BYTES_STR(w->agent);
        e->key.owner = BYTES_OF(&s->owner);
        return 0;
}

/* A path that is cut would be another, and what cannot be shown is refused: then it is not said. */
static struct bytes path_of(const struct buf *b)
{
        return b->len <= EVIDENCE_PATH_MAX ? BYTES_OF(b) : BYTES(NULL, 0);
}

static struct bytes word_of(const struct buf *b)
{
        return b->len <= EVIDENCE_WORD_MAX && utf8_printable(BYTES_OF(b)) ? BYTES_OF(b) : BYTES(NULL, 0);
}

static void put_process(const struct peer *p, struct evidence *e)
{
        e->process.present = true;
        e->process.pid = (uint64_t)p->pid;
        e->process.start_time = p->start_time;
        e->process.uid = p->uid;
        e->process.gid = p->gid;
        e->process.exe = path_of(&p->exe);
        e->process.exe_sha256 = BYTES_OF(&p->exe_sha256);
        e->process.cgroup = path_of(&p->cgroup);
        e->process.unit = word_of(&p->unit);
        e->process.container = word_of(&p->container);
}

static int begin(struct attester *a, const struct evidence_wish *w, struct evidence *e)
{
        if (w->n_certificates > EVIDENCE_CERTIFICATES)
                return err(ERR_RANGE, "%zu certificates are more than evidence has room for", w->n_certificates);
        e->ak_public = attesting_area(&a->ak.pub);
        for (size_t i = 0; i < w->n_certificates; i++)
                e->certificates[e->n_certificates++] = w->certificates[i];
        e->checkpoint = w->checkpoint;
        if (w->process != NULL)
                put_process(w->process, e);
        return 0;
}

static int certify(struct attester *a, const struct caller *c, const struct evidence_wish *w, struct subject *s, struct bytes binding, struct evidence *e)
{
        struct deed d = attesting_deed("certify", binding, w->to);
        const struct tpm_key key = {
                .name = BYTES_OF(&s->body->name), .pub = BYTES_OF(&s->body->key.pub), .priv = BYTES_OF(&s->body->key.priv),
                .auth = BYTES(s->auth.value, s->auth.len), .parent = s->body->key.parent,
        };
        int r;

        d.agent = w->agent;
        d.request.key_label = s->label;
        d.request.key_id = s->id;
        d.key_public = BYTES_OF(&s->body->key.pub);
        r = caller_may(c, &d);
        if (r != 0)
                return r;
        r = tpm_certify(a->tpm, &key, &a->ak, BYTES_OF(&a->ak_auth), binding, &s->attest, &s->signature);
        r = caller_did(c, &d, r, BYTES(NULL, 0));
        if (r == 0)
                e->key.certify = (struct evidence_statement){ BYTES_OF(&s->attest), BYTES_OF(&s->signature) };
        return r;
}

static int quote(struct attester *a, const struct caller *c, const struct evidence_wish *w, struct host_said *h, struct bytes binding, struct evidence *e)
{
        struct deed d = attesting_deed("quote", binding, w->to);
        int r;

        d.agent = w->key != NULL ? w->agent : NULL;
        r = caller_may(c, &d);
        if (r != 0)
                return r;
        r = tpm_quote(a->tpm, &a->ak, BYTES_OF(&a->ak_auth), binding, w->pcr_hash, w->pcrs, &h->attest, &h->signature);
        e->host.quote = (struct evidence_statement){ BYTES_OF(&h->attest), BYTES_OF(&h->signature) };
        if (r == 0)
                r = host_confirmed(a, w, e);
        return caller_did(c, &d, r, BYTES(NULL, 0));
}

/* The quote first: if PCRs have changed, all that follows would be in vain. */
static int state(struct attester *a, const struct caller *c, const struct evidence_wish *w, struct subject *s, struct host_said *h, struct evidence *e)
{
        uint8_t binding[EVIDENCE_BINDING];
        int r = w->pcrs != 0 ? host_read(a, w, h, e) : 0;

        if (r == 0 && w->pcrs != 0)
                r = host_settled(a, w, e);
        if (r == 0)
                r = evidence_binding(e, w->challenge, binding);
        if (r == 0 && w->pcrs != 0)
                r = quote(a, c, w, h, BYTES(binding, sizeof(binding)), e);
        if (r == 0 && w->key != NULL)
                r = certify(a, c, w, s, BYTES(binding, sizeof(binding)), e);
        return r;
}

int evidence_make(struct attester *a, const struct caller *c, const struct evidence_wish *w, struct buf *ret)
{
        CLEANUP(subject_clear) struct subject s = { 0 };
        CLEANUP(host_said_clear) struct host_said h = { 0 };
        struct evidence e = { 0 };
        int r = begin(a, w, &e);

        if (r == 0 && w->key != NULL)
                r = take_key(a, w, &s, &e);
        for (unsigned i = 0; r == 0 && i < TRIES; i++) {
                r = state(a, c, w, &s, &h, &e);
                if (r != ERR_STALE)
                        break;
                r = i < TRIES - 1 ? 0 : err(ERR_STALE, "the host's PCRs change all the time");
        }
        return r != 0 ? r : evidence_encode(&e, ret);
}
