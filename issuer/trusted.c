/* SPDX-License-Identifier: BSD-2-Clause */
/* Where do a host's keys come from, as far as this issuer can know? */
#include "issuer/trusted.h"
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include "attest/public.h"
#include "lib/err.h"
#include "lib/file.h"

#define ROOT_FILE_MAX (4u << 20)

/* --- Reading --- */

static void roots_clear(struct trusted_roots *r)
{
        for (size_t i = 0; i < r->n; i++)
                buf_clear(&r->der[i]);
        free(r->der);
        free(r->list);
        *r = (struct trusted_roots){ 0 };
}

static int add_root(struct trusted_roots *r, struct bytes der)
{
        struct buf *grown;

        if (r->n == TRUSTED_ROOTS_MAX)
                return err(ERR_FORMAT, "more than %d certificates", TRUSTED_ROOTS_MAX);
        grown = reallocarray(r->der, r->n + 1, sizeof(*grown));
        if (grown == NULL)
                return err(ERR_NOMEM, "out of memory");
        r->der = grown;
        r->der[r->n] = (struct buf){ 0 };
        return buf_set(&r->der[r->n++], der);
}

/* DER, or any number of PEM blocks with text between them. */
static int add_certificate(struct trusted_roots *r, X509 *x)
{
        unsigned char *der = NULL;
        int len = i2d_X509(x, &der), rr;

        rr = len > 0 ? add_root(r, BYTES(der, (size_t)len)) : err(ERR_NOMEM, "out of memory");
        OPENSSL_free(der);
        return rr;
}

static int add_pem(struct trusted_roots *r, struct bytes text)
{
        BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
        X509 *x;
        int rr = bio != NULL ? 0 : err(ERR_NOMEM, "out of memory");

        while (rr == 0 && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
                rr = add_certificate(r, x);
                X509_free(x);
        }
        if (rr == 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
                rr = err(ERR_FORMAT, "a certificate that cannot be read");
        BIO_free(bio);
        ERR_clear_error();
        return rr;
}

static int add_der(struct trusted_roots *r, struct bytes der)
{
        const unsigned char *p = der.ptr;
        X509 *x = d2i_X509(NULL, &p, (long)der.len);
        int rr;

        rr = x != NULL && p == der.ptr + der.len ? add_root(r, der) : err(ERR_FORMAT, "neither a certificate in DER nor such in PEM");
        X509_free(x);
        ERR_clear_error();
        return rr;
}

struct directory {
        int fd;
        const char *path;
        struct trusted_roots *roots;
};

static int add_file(const struct dirent *e, void *ctx)
{
        const struct directory *d = ctx;
        CLEANUP(buf_clear) struct buf content = { 0 };
        size_t before = d->roots->n;
        int r;

        if (e->d_name[0] == '.')
                return 0;
        r = file_read(d->fd, e->d_name, ROOT_FILE_MAX, &content);
        if (r == 0)
                r = content.len > 0 && content.ptr[0] == 0x30 ? add_der(d->roots, BYTES_OF(&content)) : add_pem(d->roots, BYTES_OF(&content));
        if (r == 0 && d->roots->n == before)
                r = err(ERR_FORMAT, "there is no certificate in it");
        return r == 0 ? 0 : err(r, "%s/%s: %s", d->path, e->d_name, err_text());
}

static int load_roots(const char *path, struct trusted_roots *ret)
{
        CLEANUP(close_fd) int fd = -1;
        struct directory d = { .path = path, .roots = ret };
        int r;

        if (path == NULL)
                return 0;
        r = dir_open(AT_FDCWD, path, &fd);
        d.fd = fd;
        if (r == 0)
                r = dir_list(fd, add_file, &d);
        if (r != 0)
                return r;
        ret->list = calloc(ret->n + 1, sizeof(*ret->list));
        if (ret->list == NULL)
                return err(ERR_NOMEM, "out of memory");
        for (size_t i = 0; i < ret->n; i++)
                ret->list[i] = BYTES_OF(&ret->der[i]);
        return 0;
}

/* A list that nobody configured is empty. */
static int read_list(const char *path, size_t max, struct buf *ret)
{
        return path != NULL ? file_read(AT_FDCWD, path, max, ret) : 0;
}

static int load_pins(const char *path, struct pins *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r = read_list(path, PINS_FILE_MAX, &text);

        if (r == 0)
                r = pins_parse(BYTES_OF(&text), ret);
        return r == 0 ? 0 : err(r, "%s: %s", path != NULL ? path : "pins", err_text());
}

static int load_firmware(const char *path, struct firmware_list *ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        int r = read_list(path, FIRMWARE_LIST_MAX, &text);

        if (r == 0)
                r = firmware_list_parse(BYTES_OF(&text), ret);
        return r == 0 ? 0 : err(r, "%s: %s", path != NULL ? path : "firmware", err_text());
}

int trusted_load(const struct issuer_conf *c, struct trusted *ret)
{
        struct trusted t = { 0 };
        int r;

        r = load_roots(c->ek_roots, &t.hardware);
        if (r == 0)
                r = load_roots(c->simulator_roots, &t.simulator);
        if (r == 0)
                r = load_roots(c->ak_roots, &t.ak);
        if (r == 0)
                r = load_pins(c->ek_pins, &t.ek_pins);
        if (r == 0)
                r = load_pins(c->platform_aks, &t.platform_aks);
        if (r == 0)
                r = load_firmware(c->firmware_denied, &t.denied);
        if (r != 0)
                trusted_clear(&t);
        else
                *ret = t;
        return r;
}

void trusted_clear(struct trusted *t)
{
        roots_clear(&t->hardware);
        roots_clear(&t->simulator);
        roots_clear(&t->ak);
        pins_clear(&t->ek_pins);
        pins_clear(&t->platform_aks);
        firmware_list_clear(&t->denied);
}

/* --- Judging --- */

void trusted_verdict_clear(struct trusted_verdict *v)
{
        buf_clear(&v->ek_name);
        buf_clear(&v->ek_spki);
        buf_clear(&v->ak_name);
        buf_clear(&v->ak_spki);
        buf_clear(&v->srk_name);
        *v = (struct trusted_verdict){ 0 };
}

/* TPM2_ActivateCredential asks for the authorisation of the object that the credential is for. Of a public area that was loaded without its private half
 * there is no authorisation value, so it fails; but a policy might do in its place, and a stranger's public area may have any. With a policy the answer
 * of the right TPM says nothing about the key. */
static bool proves_itself(const TPMT_PUBLIC *p)
{
        return p->authPolicy.size == 0 && (p->objectAttributes & TPMA_OBJECT_USERWITHAUTH) != 0 && (p->objectAttributes & TPMA_OBJECT_ADMINWITHPOLICY) == 0;
}

static int look_at_ak(struct bytes tpmt, bool *ret_proves, struct trusted_verdict *v)
{
        struct public ak = { 0 };
        int r;

        r = public_decode(tpmt, &ak);
        if (r == 0)
                r = public_check_ak(&ak);
        if (r == 0)
                r = pubkey_to_spki(&ak.key, &v->ak_spki);
        if (r == 0)
                r = buf_set(&v->ak_name, BYTES_OF(&ak.name));
        *ret_proves = proves_itself(&ak.area.publicArea);
        public_clear(&ak);
        return r;
}

/* The parent of a host's keys is what `holdfast init` makes: TCG's storage root key on P-256, and nothing else. */
static int look_at_srk(struct bytes tpmt, struct trusted_verdict *v)
{
        CLEANUP(buf_clear) struct buf want = { 0 }, have = { 0 };
        TPM2B_PUBLIC template;
        struct public srk = { 0 };
        int r;

        r = public_decode(tpmt, &srk);
        if (r == 0) {
                tpmt_template_srk(&template);
                template.publicArea.unique = srk.area.publicArea.unique;
                r = tpmt_public_encode(&template, &want);
        }
        if (r == 0)
                r = tpmt_public_encode(&srk.area, &have);
        if (r == 0 && !bytes_equal(BYTES_OF(&want), BYTES_OF(&have)))
                r = err(ERR_DENIED, "the parent of the host's keys is no storage root key on P-256");
        if (r == 0)
                r = buf_set(&v->srk_name, BYTES_OF(&srk.name));
        public_clear(&srk);
        return r;
}

static int look_at_keys(const struct trusted_host *h, const char **ret_word, bool *ret_proves, struct trusted_verdict *v)
{
        int r;

        *ret_word = "ek";
        r = ek_check(h->ek, &v->ek_name, &v->ek_spki);
        if (r != 0)
                return r;
        *ret_word = "ak";
        r = look_at_ak(h->ak, ret_proves, v);
        if (r != 0)
                return r;
        *ret_word = "srk";
        return look_at_srk(h->srk, v);
}

/* 0 if the chain hangs on one of the roots; else why not is noted, unless there is no more than another list to try. */
static int certified(const struct trusted_roots *roots, const char *purpose, const struct bytes *chain, size_t n, struct bytes spki, int64_t now,
                     struct trusted_verdict *v)
{
        const struct trust t = { .roots = roots->list, .n_roots = roots->n, .time = now, .purpose = purpose };
        size_t root;
        int r;

        if (n == 0 || roots->n == 0)
                return ERR_NOENT;
        r = trust_check(&t, chain, n, spki, &root);
        if (r != 0 && r != ERR_NOMEM)
                snprintf(v->why, sizeof(v->why), "%.*s", (int)sizeof(v->why) - 1, err_text());
        return r;
}

/* What its maker's certificate makes of the EK. */
static int by_ek_certificate(const struct trusted *t, const struct trusted_host *h, struct trusted_verdict *v)
{
        const struct {
                const struct trusted_roots *roots;
                enum hf_assurance assurance;
        } lists[] = { { &t->hardware, HF_ASSURANCE_HARDWARE }, { &t->simulator, HF_ASSURANCE_SIMULATOR } };

        for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
                int r = certified(lists[i].roots, TRUST_EK, h->ek_chain, h->n_ek_chain, BYTES_OF(&v->ek_spki), h->now, v);

                if (r == ERR_NOMEM)
                        return r;
                if (r != 0)
                        continue;
                v->assurance = lists[i].assurance;
                v->why[0] = '\0';
                return ek_facts(h->ek_chain[0], &v->facts);
        }
        return 0;
}

/* Is the key on the list, and for this host? */
static int pinned(const struct pins *pins, struct bytes name, struct bytes spki, const char *host, bool *ret)
{
        int r = pins_check(pins, name, spki, host);

        *ret = r == 0;
        return r == ERR_NOENT ? 0 : r;
}

static int by_ek_pins(const struct trusted *t, const struct trusted_host *h, struct trusted_verdict *v)
{
        bool found;
        int r = pinned(&t->ek_pins, BYTES_OF(&v->ek_name), BYTES_OF(&v->ek_spki), h->name, &found);

        if (r != 0 || !found)
                return r;
        v->vouched = true;
        if (v->assurance == HF_ASSURANCE_UNATTESTED)
                v->assurance = HF_ASSURANCE_PINNED;
        return 0;
}

/* A platform's attestation key that is known by itself. Unless it is bound to an EK that is known, anybody could show its public half: then it must sign. */
static int by_ak(const struct trusted *t, const struct trusted_host *h, bool proves, struct trusted_verdict *v)
{
        bool listed, certain;
        int r;

        r = certified(&t->ak, TRUST_AK, h->ak_chain, h->n_ak_chain, BYTES_OF(&v->ak_spki), h->now, v);
        if (r == ERR_NOMEM)
                return r;
        certain = r == 0;
        r = pinned(&t->platform_aks, BYTES_OF(&v->ak_name), BYTES_OF(&v->ak_spki), h->name, &listed);
        if (r != 0)
                return r;
        v->vouched |= listed;
        if (certain || listed) {
                v->must_sign = !proves || v->assurance == HF_ASSURANCE_UNATTESTED;
                v->assurance = v->must_sign ? HF_ASSURANCE_PINNED : v->assurance;
                return 0;
        }
        return proves ? 0 : err(ERR_DENIED, "an attestation key with a policy can join only if it is known by itself");
}

int trusted_judge(const struct trusted *t, const struct trusted_host *h, const char **ret_word, struct trusted_verdict *ret)
{
        CLEANUP(trusted_verdict_clear) struct trusted_verdict v = { .assurance = HF_ASSURANCE_UNATTESTED };
        bool proves = false;
        int r;

        r = look_at_keys(h, ret_word, &proves, &v);
        if (r != 0)
                return r;
        *ret_word = "ek";
        r = by_ek_certificate(t, h, &v);
        if (r == 0)
                r = by_ek_pins(t, h, &v);
        if (r != 0)
                return r;
        *ret_word = "ak";
        r = by_ak(t, h, proves, &v);
        if (r != 0)
                return r;
        trusted_verdict_clear(ret);
        *ret = v;
        v = (struct trusted_verdict){ 0 };
        return 0;
}
