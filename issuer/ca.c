/* SPDX-License-Identifier: BSD-2-Clause */
/* Where is the key that the issuer signs with, and how does it sign? */
#include "issuer/ca.h"
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/filepath.h"
#include "lib/jose.h"
#include "lib/ssh.h"

#define FILE_MAX_OCTETS 65536
#define RSA_BITS_MIN 2048
#define SIGNATURE_MAX 512

#define DER(...) { (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) }

/* AlgorithmIdentifiers: RFC 5758 3.2, RFC 4055 5. */
static const struct ca_alg algs[] = {
        { "P-256", "SHA256", 32, DER(0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02), "ES256", "ecdsa-sha2-nistp256" },
        { "P-384", "SHA384", 48, DER(0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03), "ES384", "ecdsa-sha2-nistp384" },
        { "RSA", "SHA256", 0, DER(0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00), "RS256", "rsa-sha2-256" },
        { "Ed25519", NULL, 0, { NULL, 0 }, NULL, "ssh-ed25519" },
};

struct ca_key {
        OSSL_LIB_CTX *lib;
        OSSL_PROVIDER *ours, *theirs;   /* of a key that is behind a URI */
        EVP_PKEY *pkey;
        EVP_MD_CTX *ready;              /* to sign with: a copy costs less than to look all of it up anew. NULL: none */
        const struct ca_alg *alg;
        struct pubkey pub;              /* nothing in it for Ed25519 */
        struct buf spki, ssh, id;
};

const struct ca_alg *ca_key_alg(const struct ca_key *k)
{
        return k->alg;
}

const struct pubkey *ca_key_public(const struct ca_key *k)
{
        return k->pub.n.len + k->pub.x.len > 0 ? &k->pub : NULL;
}

struct bytes ca_key_spki(const struct ca_key *k)
{
        return BYTES_OF(&k->spki);
}

struct bytes ca_key_ssh(const struct ca_key *k)
{
        return BYTES_OF(&k->ssh);
}

const char *ca_key_id(const struct ca_key *k)
{
        return k->id.len > 0 ? (const char *)k->id.ptr : "";
}

EVP_PKEY *ca_key_pkey(const struct ca_key *k)
{
        return k->pkey;
}

OSSL_LIB_CTX *ca_key_libctx(const struct ca_key *k)
{
        return k->lib;
}

void ca_key_free(struct ca_key *k)
{
        if (k == NULL)
                return;
        EVP_MD_CTX_free(k->ready);
        EVP_PKEY_free(k->pkey);
        OSSL_PROVIDER_unload(k->ours);
        OSSL_PROVIDER_unload(k->theirs);
        OSSL_LIB_CTX_free(k->lib);
        pubkey_clear(&k->pub);
        buf_clear(&k->spki);
        buf_clear(&k->ssh);
        buf_clear(&k->id);
        free(k);
}

void ca_key_freep(struct ca_key **k)
{
        ca_key_free(*k);
}

/* --- What kind of key it is --- */

static const struct ca_alg *alg_of(const struct pubkey *p)
{
        for (size_t i = 0; i < ARRAY_LEN(algs); i++)
                if (strcmp(algs[i].kind, p->curve != NULL ? p->curve->name : "RSA") == 0)
                        return &algs[i];
        return NULL;
}

static int learn_ed25519(struct ca_key *k)
{
        uint8_t raw[32];
        size_t len = sizeof(raw);
        int r;

        if (EVP_PKEY_get_raw_public_key(k->pkey, raw, &len) != 1 || len != sizeof(raw))
                return err(ERR_FORMAT, "an Ed25519 key that OpenSSL does not tell");
        k->alg = &algs[ARRAY_LEN(algs) - 1];
        r = ssh_put_string(&k->ssh, BYTES_STR(k->alg->ssh));
        return r == 0 ? ssh_put_string(&k->ssh, BYTES(raw, len)) : r;
}

static int learn(struct ca_key *k)
{
        uint8_t *der = NULL;
        int n = i2d_PUBKEY(k->pkey, &der), r;

        if (n <= 0)
                return err(ERR_FORMAT, "a key without a public half");
        r = buf_set(&k->spki, BYTES(der, (size_t)n));
        OPENSSL_free(der);
        if (r == 0 && EVP_PKEY_is_a(k->pkey, "ED25519"))
                return learn_ed25519(k);
        if (r == 0)
                r = pubkey_from_spki(BYTES_OF(&k->spki), &k->pub);
        if (r != 0)
                return r;
        k->alg = alg_of(&k->pub);
        if (k->alg == NULL || (k->pub.ckk == CKK_RSA && pk_bits(BYTES_OF(&k->pub.n)) < RSA_BITS_MIN))
                return err(ERR_NOTSUP, "an issuer signs with P-256, P-384, Ed25519, or RSA of %d bits or more", RSA_BITS_MIN);
        r = ssh_put_key(&k->ssh, &k->pub);
        if (r == 0)
                r = jwk_thumbprint(&k->pub, &k->id);
        return r == 0 && buf_str(&k->id) == NULL ? err(ERR_NOMEM, "out of memory") : r;
}

static bool begin_signing(const struct ca_key *k, EVP_MD_CTX *ctx)
{
        return EVP_DigestSignInit_ex(ctx, NULL, k->alg->digest, k->lib, NULL, k->pkey, NULL) == 1;
}

/* Of a key whose private half is here. Whoever signs has a copy of his own, which needs no further one to be finished. */
static int get_ready(struct ca_key *k)
{
        if (k->ours != NULL || k->alg->coordinate == 0)
                return 0;
        k->ready = EVP_MD_CTX_new();
        if (k->ready == NULL || !begin_signing(k, k->ready)) {
                ERR_clear_error();
                return err(ERR_IO, "the issuer's key does not sign");
        }
        EVP_MD_CTX_set_flags(k->ready, EVP_MD_CTX_FLAG_FINALISE);
        return 0;
}

/* Takes the key, whatever comes of it. */
static int finish(struct ca_key *k, EVP_PKEY *pkey, struct ca_key **ret)
{
        int r;

        k->pkey = pkey;
        r = learn(k);
        if (r == 0)
                r = get_ready(k);
        if (r == 0)
                *ret = k;
        else
                ca_key_free(k);
        return r;
}

static int start(struct ca_key **ret)
{
        struct ca_key *k = calloc(1, sizeof(*k));

        if (k == NULL)
                return err(ERR_NOMEM, "out of memory");
        k->lib = OSSL_LIB_CTX_new();
        if (k->lib != NULL)
                k->theirs = OSSL_PROVIDER_load(k->lib, "default");
        if (k->theirs == NULL) {
                ca_key_free(k);
                return err(ERR_NOMEM, "OpenSSL's default provider does not load");
        }
        *ret = k;
        return 0;
}

/* --- Where it comes from --- */

static int no_passphrase(char *buf, int size, int rwflag, void *user)
{
        (void)buf;
        (void)size;
        (void)rwflag;
        (void)user;
        return -1;
}

static EVP_PKEY *load_uri(OSSL_LIB_CTX *lib, const char *uri)
{
        OSSL_STORE_CTX *s = OSSL_STORE_open_ex(uri, lib, NULL, NULL, NULL, NULL, NULL, NULL);
        EVP_PKEY *pkey = NULL;

        if (s != NULL)
                OSSL_STORE_expect(s, OSSL_STORE_INFO_PKEY);
        while (s != NULL && pkey == NULL && !OSSL_STORE_eof(s)) {
                OSSL_STORE_INFO *i = OSSL_STORE_load(s);

                if (i == NULL)
                        break;
                if (OSSL_STORE_INFO_get_type(i) == OSSL_STORE_INFO_PKEY)
                        pkey = OSSL_STORE_INFO_get1_PKEY(i);
                OSSL_STORE_INFO_free(i);
        }
        OSSL_STORE_close(s);
        return pkey;
}

static int load_ours(struct ca_key *k)
{
        k->ours = OSSL_PROVIDER_load(k->lib, "holdfast");
        return k->ours != NULL ? 0 : err(ERR_NOENT, "OpenSSL's provider holdfast is not where OpenSSL looks for it");
}

static int open_uri(struct ca_key *k, const char *uri, EVP_PKEY **ret)
{
        int r = load_ours(k);

        if (r != 0)
                return r;
        *ret = load_uri(k->lib, uri);
        return *ret != NULL ? 0 : err(ERR_NOENT, "the pkcs11: URI of the key leads to no private key");
}

/* The private half is in a TPM or HSM, and the file says where. */
static bool is_elsewhere(const struct buf *text)
{
        static const char *const labels[] = { "-----BEGIN TSS2 PRIVATE KEY-----", "-----BEGIN PKCS#11 PROVIDER URI-----" };

        for (size_t i = 0; i < ARRAY_LEN(labels); i++)
                if (memmem(text->ptr, text->len, labels[i], strlen(labels[i])) != NULL)
                        return true;
        return false;
}

static int open_file(struct ca_key *k, const char *name, EVP_PKEY **ret)
{
        CLEANUP(buf_clear) struct buf text = { 0 };
        CLEANUP(close_fd) int fd = -1;
        struct stat st;
        BIO *bio;
        int r;

        r = file_open(AT_FDCWD, name, &fd);
        if (r != 0)
                return r;
        if (fstat(fd, &st) != 0)
                return err_errno("%s", name);
        if ((st.st_mode & 077) != 0 || (st.st_uid != 0 && st.st_uid != geteuid()))
                return err(ERR_PERM, "%s: a key that others own or may open is no secret", name);
        r = file_read_fd(fd, name, FILE_MAX_OCTETS, &text);
        if (r == 0 && is_elsewhere(&text))
                r = load_ours(k);
        if (r != 0)
                return r;
        bio = BIO_new_mem_buf(text.ptr, (int)text.len);
        *ret = bio != NULL ? PEM_read_bio_PrivateKey_ex(bio, NULL, no_passphrase, NULL, k->lib, NULL) : NULL;
        BIO_free(bio);
        return *ret != NULL ? 0 : err(ERR_FORMAT, "%s: no PEM private key without a passphrase", name);
}

int ca_key_open(const char *where, struct ca_key **ret)
{
        struct ca_key *k = NULL;
        EVP_PKEY *pkey = NULL;
        int r;

        r = start(&k);
        if (r != 0)
                return r;
        r = strncmp(where, "pkcs11:", 7) == 0 ? open_uri(k, where, &pkey) : open_file(k, where, &pkey);
        /* What is left on the thread's list would be taken for an error of the next TLS connection. */
        ERR_clear_error();
        if (r == 0)
                return finish(k, pkey, ret);
        ca_key_free(k);
        return r;
}

static EVP_PKEY *generate(OSSL_LIB_CTX *lib, const char *kind)
{
        static const char *const rsa[] = { "RSA-2048", "RSA-3072", "RSA-4096" };

        for (size_t i = 0; i < ARRAY_LEN(rsa); i++)
                if (strcmp(kind, rsa[i]) == 0)
                        return EVP_PKEY_Q_keygen(lib, NULL, "RSA", (size_t)2048 + 1024 * i);
        if (strcmp(kind, "Ed25519") == 0)
                return EVP_PKEY_Q_keygen(lib, NULL, "ED25519");
        if (strcmp(kind, "P-256") == 0 || strcmp(kind, "P-384") == 0)
                return EVP_PKEY_Q_keygen(lib, NULL, "EC", kind);
        return NULL;
}

static int write_key(EVP_PKEY *pkey, const char *file)
{
        BIO *bio = BIO_new(BIO_s_secmem());
        char *text = NULL;
        long n = 0;
        int r;

        if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1)
                n = BIO_get_mem_data(bio, &text);
        r = n > 0 ? filepath_write(file, BYTES(text, (size_t)n), 0600, false) : err(ERR_NOMEM, "OpenSSL does not write the new key");
        BIO_free(bio);
        return r;
}

int ca_key_make(const char *kind, const char *file, struct ca_key **ret)
{
        struct ca_key *k = NULL;
        EVP_PKEY *pkey;
        int r;

        r = start(&k);
        if (r != 0)
                return r;
        pkey = generate(k->lib, kind);
        r = pkey != NULL ? write_key(pkey, file) : err(ERR_NOTSUP, "no issuer's key is of the kind \"%s\"", kind);
        if (r == 0)
                return finish(k, pkey, ret);
        EVP_PKEY_free(pkey);
        ca_key_free(k);
        return r;
}

/* --- What it does --- */

int ca_key_sign(const struct ca_key *k, struct bytes message, struct buf *ret)
{
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        uint8_t sig[SIGNATURE_MAX];
        size_t len = sizeof(sig);
        bool ok;

        ok = ctx != NULL && (k->ready != NULL ? EVP_MD_CTX_copy_ex(ctx, k->ready) == 1 : begin_signing(k, ctx)) &&
             EVP_DigestSign(ctx, sig, &len, message.ptr, message.len) == 1;
        EVP_MD_CTX_free(ctx);
        ERR_clear_error();
        return ok ? buf_set(ret, BYTES(sig, len)) : err(ERR_IO, "the issuer's key does not sign");
}

int ca_key_sign_raw(const struct ca_key *k, struct bytes message, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf sig = { 0 };
        int r = ca_key_sign(k, message, &sig);

        if (r != 0)
                return r;
        if (k->alg->coordinate > 0)
                return ecdsa_sig_from_der(BYTES_OF(&sig), k->alg->coordinate, ret);
        buf_take(&sig, ret);
        return 0;
}

static bool is_word(const char *text)
{
        for (const char *c = text; *c != '\0'; c++)
                if (*c <= ' ' || *c > '~')
                        return false;
        return text[0] != '\0';
}

int ca_key_ssh_line(const struct ca_key *k, const char *comment, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf blob = { 0 }, line = { 0 };
        const bool rsa = k->pub.ckk == CKK_RSA && k->pub.n.len > 0;
        int r;

        if (!is_word(comment))
                return err(ERR_INVAL, "the comment of an SSH key is one word");
        r = base64_encode(BYTES_OF(&k->ssh), &blob);
        if (r == 0)
                r = buf_printf(&line, "%s ", rsa ? "ssh-rsa" : k->alg->ssh);
        if (r == 0)
                r = buf_append(&line, blob.ptr, blob.len);
        if (r == 0)
                r = buf_printf(&line, " %s\n", comment);
        if (r == 0)
                buf_take(&line, ret);
        return r;
}

int ca_key_known_hosts(const struct ca_key *k, const char *hosts, const char *comment, struct buf *ret)
{
        CLEANUP(buf_clear) struct buf key = { 0 }, line = { 0 };
        int r;

        if (!is_word(hosts) || hosts[0] == '#' || hosts[0] == '@' || hosts[0] == '|')
                return err(ERR_INVAL, "the hosts of a known_hosts line are one word of names and patterns");
        r = ca_key_ssh_line(k, comment, &key);
        if (r == 0)
                r = buf_printf(&line, "@cert-authority %s ", hosts);
        if (r == 0)
                r = buf_append(&line, key.ptr, key.len);
        if (r == 0)
                buf_take(&line, ret);
        return r;
}
