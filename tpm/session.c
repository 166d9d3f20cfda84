/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a salted HMAC session add to a command, and how does it show that a response is genuine? */
#include "tpm/session.h"

#include <string.h>
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/pk.h"
#include "lib/tpmt.h"

#define AES_KEY_SIZE 16
#define AES_BLOCK_SIZE 16

static const struct hash *sha256(void)
{
        return hash_by_tpm(TPM2_ALG_SHA256);
}

static void put16(uint8_t *p, size_t v)
{
        p[0] = (uint8_t)(v >> 8);
        p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
        put16(p, v >> 16);
        put16(p + 2, v & 0xffff);
}

int session_salt(const TPM2B_PUBLIC *key, TPM2B_ENCRYPTED_SECRET *ret_travel, struct buf *ret_salt)
{
        const TPM2B_ECC_PARAMETER *key_x = &key->publicArea.unique.ecc.x;
        const struct hash *h = hash_by_tpm(key->publicArea.nameAlg);
        CLEANUP(pubkey_clear) struct pubkey peer = { 0 };
        CLEANUP(buf_clear) struct buf x = { 0 };
        CLEANUP(buf_clear) struct buf y = { 0 };
        CLEANUP(buf_clear) struct buf z = { 0 };
        CLEANUP(buf_clear) struct buf salt = { 0 };
        uint8_t *p = ret_travel->secret;
        int r;

        r = tpmt_pubkey(key, &peer);
        if (r == 0 && (peer.curve == NULL || h == NULL))
                r = err(ERR_NOTSUP, "a session can only be salted to an elliptic-curve key");
        if (r == 0)
                r = pk_ecdh_ephemeral(&peer, &x, &y, &z);
        if (r == 0)
                r = buf_reserve(&salt, h->size);
        if (r != 0)
                return r;
        salt.len = h->size;
        /* The key's x goes in as the TPM gave it: some leave leading zeros away. */
        r = crypto_kdfe(h, BYTES_OF(&z), "SECRET", BYTES_OF(&x), BYTES(key_x->buffer, key_x->size), salt.ptr, salt.len);
        if (r != 0)
                return r;

        /* TPMS_ECC_POINT */
        put16(p, x.len);
        memcpy(p + 2, x.ptr, x.len);
        put16(p + 2 + x.len, y.len);
        memcpy(p + 4 + x.len, y.ptr, y.len);
        ret_travel->size = (uint16_t)(4 + x.len + y.len);
        buf_take(&salt, ret_salt);
        return 0;
}

int session_nonce(struct session *s)
{
        return crypto_random(s->nonce_caller, sizeof(s->nonce_caller));
}

static int take_nonce(struct session *s, struct bytes nonce)
{
        if (nonce.len < AES_BLOCK_SIZE || nonce.len > sizeof(s->nonce_tpm.buffer))
                return err(ERR_IO, "the TPM's nonce has an impossible length");
        memcpy(s->nonce_tpm.buffer, nonce.ptr, nonce.len);
        s->nonce_tpm.size = (uint16_t)nonce.len;
        return 0;
}

static struct bytes nonce_tpm(const struct session *s)
{
        return BYTES(s->nonce_tpm.buffer, s->nonce_tpm.size);
}

static struct bytes nonce_caller(const struct session *s)
{
        return BYTES(s->nonce_caller, sizeof(s->nonce_caller));
}

/* Part 1, 19.6.8: not bound, so the salt alone is the secret. */
int session_start(struct session *s, uint32_t handle, struct bytes salt, struct bytes nonce)
{
        int r = take_nonce(s, nonce);

        if (r == 0)
                r = crypto_kdfa(sha256(), salt, "ATH", nonce_tpm(s), nonce_caller(s), s->key, sizeof(s->key));
        if (r == 0)
                s->handle = handle;
        return r;
}

/* sessionKey || authValue; the TPM drops an authValue's trailing zeros (Part 1, 17.6.4.3). */
static size_t secret_of(const struct session *s, struct bytes auth, uint8_t out[SESSION_HASH_SIZE + sizeof(TPMU_HA)])
{
        memcpy(out, s->key, sizeof(s->key));
        while (auth.len > 0 && auth.ptr[auth.len - 1] == 0)
                auth.len--;
        if (auth.len > sizeof(TPMU_HA))
                auth.len = sizeof(TPMU_HA);
        if (auth.len > 0)
                memcpy(out + sizeof(s->key), auth.ptr, auth.len);
        return sizeof(s->key) + auth.len;
}

/* Part 1, 19.6.5: HMAC(secret, pHash || nonceNewer || nonceOlder || attributes). */
static int hmac(const struct session *s, struct bytes auth, const uint8_t *p_hash, struct bytes newer, struct bytes older, uint8_t attributes,
                uint8_t *out)
{
        uint8_t secret[SESSION_HASH_SIZE + sizeof(TPMU_HA)];
        const struct bytes parts[] = { BYTES(p_hash, SESSION_HASH_SIZE), newer, older, BYTES(&attributes, 1) };
        size_t len = secret_of(s, auth, secret);
        int r = crypto_hmac(sha256(), BYTES(secret, len), parts, ARRAY_LEN(parts), out);

        wipe(secret, sizeof(secret));
        return r;
}

/* Part 1, 21.3: AES-CFB under a key and IV that only these two nonces give. */
static int crypt(const struct session *s, bool encrypt, struct bytes auth, struct bytes newer, struct bytes older, uint8_t *data, size_t len)
{
        uint8_t secret[SESSION_HASH_SIZE + sizeof(TPMU_HA)], key[AES_KEY_SIZE + AES_BLOCK_SIZE];
        size_t secret_len = secret_of(s, auth, secret);
        int r;

        r = crypto_kdfa(sha256(), BYTES(secret, secret_len), "CFB", newer, older, key, sizeof(key));
        if (r == 0)
                r = crypto_aes_cfb(encrypt, BYTES(key, AES_KEY_SIZE), key + AES_KEY_SIZE, data, len);
        wipe(secret, sizeof(secret));
        wipe(key, sizeof(key));
        return r;
}

int session_encrypt(struct session *s, struct bytes auth, uint8_t *data, size_t len)
{
        return crypt(s, true, auth, nonce_caller(s), nonce_tpm(s), data, len);
}

int session_decrypt(struct session *s, struct bytes auth, uint8_t *data, size_t len)
{
        return crypt(s, false, auth, nonce_tpm(s), nonce_caller(s), data, len);
}

int session_authorise(struct session *s, const struct session_command *c, TPMS_AUTH_COMMAND *ret)
{
        uint8_t cc[4];
        struct bytes parts[ARRAY_LEN(c->names) + 2];
        size_t n = 0;
        int r;

        put32(cc, c->cc);
        parts[n++] = BYTES(cc, sizeof(cc));
        for (size_t i = 0; i < c->n_names; i++)
                parts[n++] = c->names[i];
        parts[n++] = c->params;
        r = crypto_hash(sha256(), parts, n, s->cp_hash);
        if (r != 0)
                return r;

        ret->sessionHandle = s->handle;
        ret->sessionAttributes = c->attributes;
        ret->nonce.size = sizeof(s->nonce_caller);
        memcpy(ret->nonce.buffer, s->nonce_caller, sizeof(s->nonce_caller));
        ret->hmac.size = SESSION_HASH_SIZE;
        return hmac(s, c->auth, s->cp_hash, nonce_caller(s), nonce_tpm(s), c->attributes, ret->hmac.buffer);
}

int session_check(struct session *s, const struct session_command *c, struct bytes params, struct bytes nonce, uint8_t attributes,
                  struct bytes mac)
{
        uint8_t rc_cc[8] = { 0 }, want[SESSION_HASH_SIZE];
        const struct bytes parts[] = { BYTES(rc_cc, sizeof(rc_cc)), params };
        int r;

        /* The response code of success, then the command's. */
        put32(rc_cc + 4, c->cc);
        r = take_nonce(s, nonce);
        if (r == 0)
                r = crypto_hash(sha256(), parts, ARRAY_LEN(parts), s->rp_hash);
        if (r == 0)
                r = hmac(s, c->auth, s->rp_hash, nonce_tpm(s), nonce_caller(s), attributes, want);
        if (r != 0)
                return r;
        if (!bytes_equal_secret(BYTES(want, sizeof(want)), mac) || (attributes & TPMA_SESSION_CONTINUESESSION) == 0)
                return err(ERR_IO, "the TPM's answer was changed on its way, or comes from another TPM");
        return 0;
}

void session_forget(struct session *s)
{
        wipe(s, sizeof(*s));
}
