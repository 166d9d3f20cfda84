/* SPDX-License-Identifier: BSD-2-Clause */
/* What does an ssh-agent answer that has one agent's keys, and nothing that could be changed? */
#include <string.h>
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "lib/ssh.h"
#include "tools/sshagent.h"

#define CERT_SUFFIX "-cert-v01@openssh.com"

/* draft-ietf-sshm-ssh-agent 6.1, 6.3 */
enum {
        AGENT_FAILURE = 5,
        REQUEST_IDENTITIES = 11,
        IDENTITIES_ANSWER = 12,
        SIGN_REQUEST = 13,
        SIGN_RESPONSE = 14,
        FLAG_RSA_SHA2_256 = 2,
        FLAG_RSA_SHA2_512 = 4,
};

void sshagent_list_clear(struct sshagent_list *l)
{
        for (size_t i = 0; i < l->n; ++i) {
                buf_clear(&l->list[i].blob);
                buf_clear(&l->list[i].comment);
                pubkey_clear(&l->list[i].pub);
        }
        l->n = 0;
}

/* Takes a number of four octets off the front. */
static bool get_u32(struct bytes *in, uint32_t *ret)
{
        if (in->len < 4)
                return false;
        *ret = (uint32_t)in->ptr[0] << 24 | (uint32_t)in->ptr[1] << 16 | (uint32_t)in->ptr[2] << 8 | in->ptr[3];
        *in = BYTES(in->ptr + 4, in->len - 4);
        return true;
}

/* RFC 4251 5: a string. */
static bool get_string(struct bytes *in, struct bytes *ret)
{
        uint32_t len;

        if (!get_u32(in, &len) || len > in->len)
                return false;
        *ret = BYTES(in->ptr, len);
        *in = BYTES(in->ptr + len, in->len - len);
        return true;
}

/* Type and nonce stand in front of the key in it. */
static int check_certificate(const struct pubkey *k, struct bytes certificate)
{
        CLEANUP(buf_clear) struct buf type = { 0 }, members = { 0 };
        struct bytes name, nonce, rest = certificate;
        int r;

        r = ssh_key_type(k, &type);
        if (r == 0)
                r = buf_append_str(&type, CERT_SUFFIX);
        if (r == 0)
                r = ssh_put_key_members(&members, k);
        if (r != 0)
                return r;
        if (!get_string(&rest, &name) || !get_string(&rest, &nonce) || !bytes_equal(name, BYTES_OF(&type)) || rest.len < members.len ||
            !bytes_equal(BYTES(rest.ptr, members.len), BYTES_OF(&members)))
                return err(ERR_FORMAT, "the SSH certificate is not for this key");
        return 0;
}

/* Into an entry that is there, so that whatever fails leaves nothing behind. */
static int fill(struct sshagent_identity *i, const struct pubkey *k, struct bytes certificate, struct bytes comment)
{
        CLEANUP(buf_clear) struct buf spki = { 0 };
        int r;

        r = certificate.len > 0 ? check_certificate(k, certificate) : ssh_put_key(&i->blob, k);
        if (r == 0 && certificate.len > 0)
                r = buf_set(&i->blob, certificate);
        if (r == 0)
                r = buf_set(&i->comment, comment);
        if (r == 0)
                r = pubkey_to_spki(k, &spki);
        return r == 0 ? pubkey_from_spki(BYTES_OF(&spki), &i->pub) : r;
}

int sshagent_list_add(struct sshagent_list *l, const struct pubkey *k, struct bytes certificate, struct bytes comment, size_t key)
{
        struct sshagent_list more = { .n = 1 };
        int r;

        if (l->n == SSHAGENT_IDENTITIES_MAX)
                return err(ERR_RANGE, "more than %d identities", SSHAGENT_IDENTITIES_MAX);
        more.list[0].key = key;
        r = fill(&more.list[0], k, certificate, comment);
        if (r != 0) {
                sshagent_list_clear(&more);
                return r;
        }
        l->list[l->n++] = more.list[0];
        return 0;
}

static int put_list(const struct sshagent_list *l, struct buf *out)
{
        int r;

        r = buf_append_u8(out, IDENTITIES_ANSWER);
        if (r == 0)
                r = buf_append_u32(out, (uint32_t)l->n);
        for (size_t i = 0; r == 0 && i < l->n; ++i) {
                r = ssh_put_string(out, BYTES_OF(&l->list[i].blob));
                if (r == 0)
                        r = ssh_put_string(out, BYTES_OF(&l->list[i].comment));
        }
        return r;
}

/* The signature's name and its hash. NULL: none that we make, as with SHA-1. */
static const struct hash *hash_for(const struct pubkey *k, uint32_t flags, const char **ret_name)
{
        if (k->ckk == CKK_EC) {
                *ret_name = NULL;
                return (flags & ~(uint32_t)(FLAG_RSA_SHA2_256 | FLAG_RSA_SHA2_512)) == 0 ? k->curve->hash : NULL;
        }
        /* RFC 8332 3 */
        *ret_name = flags == FLAG_RSA_SHA2_512 ? "rsa-sha2-512" : "rsa-sha2-256";
        if (flags == FLAG_RSA_SHA2_512)
                return hash_by_name("SHA512");
        return flags == FLAG_RSA_SHA2_256 ? hash_by_name("SHA256") : NULL;
}

/* RFC 5656 3.1.2, RFC 8332 3 */
static int put_signature(const struct pubkey *k, const char *name, struct bytes sig, struct buf *out)
{
        CLEANUP(buf_clear) struct buf type = { 0 }, numbers = { 0 };
        int r;

        r = name != NULL ? buf_append_str(&type, name) : ssh_key_type(k, &type);
        if (r == 0)
                r = ssh_put_string(out, BYTES_OF(&type));
        if (r == 0 && k->ckk != CKK_EC)
                return ssh_put_string(out, sig);
        if (r == 0)
                r = ssh_put_mpint(&numbers, BYTES(sig.ptr, sig.len / 2));
        if (r == 0)
                r = ssh_put_mpint(&numbers, BYTES(sig.ptr + sig.len / 2, sig.len / 2));
        return r == 0 ? ssh_put_string(out, BYTES_OF(&numbers)) : r;
}

static int identities(const struct sshagent_source *s, struct bytes rest, struct buf *out)
{
        CLEANUP(sshagent_list_clear) struct sshagent_list l = { 0 };
        int r;

        if (rest.len > 0)
                return err(ERR_FORMAT, "octets behind a request for identities");
        r = s->list(s->ctx, &l);
        return r == 0 ? put_list(&l, out) : r;
}

static int sign(const struct sshagent_source *s, struct bytes rest, struct buf *out)
{
        CLEANUP(sshagent_list_clear) struct sshagent_list l = { 0 };
        CLEANUP(buf_clear) struct buf sig = { 0 }, all = { 0 };
        const struct sshagent_identity *with = NULL;
        const struct hash *h;
        const char *name;
        struct bytes blob, data;
        uint32_t flags;
        int r;

        if (!get_string(&rest, &blob) || !get_string(&rest, &data) || !get_u32(&rest, &flags) || rest.len > 0)
                return err(ERR_FORMAT, "a request for a signature that is none");
        r = s->list(s->ctx, &l);
        for (size_t i = 0; r == 0 && i < l.n && with == NULL; ++i)
                with = bytes_equal(BYTES_OF(&l.list[i].blob), blob) ? &l.list[i] : NULL;
        if (r == 0 && with == NULL)
                r = err(ERR_NOENT, "a signature by a key that is not here");
        if (r != 0)
                return r;
        h = hash_for(&with->pub, flags, &name);
        if (h == NULL)
                return err(ERR_NOTSUP, "a signature with flags %u, for which there is no hash", (unsigned)flags);
        r = s->sign(s->ctx, with->key, h, data, &sig);
        if (r == 0)
                r = put_signature(&with->pub, name, BYTES_OF(&sig), &all);
        if (r == 0)
                r = buf_append_u8(out, SIGN_RESPONSE);
        return r == 0 ? ssh_put_string(out, BYTES_OF(&all)) : r;
}

int sshagent_answer(const struct sshagent_source *s, struct bytes message, struct buf *out)
{
        CLEANUP(buf_clear) struct buf answer = { 0 };
        const uint8_t type = message.len > 0 ? message.ptr[0] : 0;
        struct bytes rest = message.len > 0 ? BYTES(message.ptr + 1, message.len - 1) : message;
        int r;

        /* The session that a client says this is for limits nothing here, so session-bind@openssh.com is refused like any other extension: 4.7. */
        switch (type) {
        case REQUEST_IDENTITIES:
                r = identities(s, rest, &answer);
                break;
        case SIGN_REQUEST:
                r = sign(s, rest, &answer);
                break;
        default:
                r = err(ERR_NOTSUP, "a request of type %u", type);
                break;
        }
        if (r == ERR_NOMEM)
                return r;
        if (r != 0) {
                buf_reset(&answer);
                r = buf_append_u8(&answer, AGENT_FAILURE);
        }
        return r == 0 ? ssh_put_string(out, BYTES_OF(&answer)) : r;
}
