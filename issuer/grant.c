/* SPDX-License-Identifier: BSD-2-Clause */
/* Does a grant hold: are its names, its key, its times and its options such that they may stand in a credential? */
#include "issuer/grant.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include "issuer/dnsname.h"
#include "lib/crypto.h"
#include "lib/cryptoki.h"
#include "lib/err.h"
#include "lib/utf8.h"

#define TIME_MAX 253402300800   /* the year 10000, which X.509 cannot write */
#define RSA_BITS_MIN 2048
#define AGENT_MAX 64
#define OWNER_MAX 256
#define LOGIN_MAX 64
#define ADDRESSES_MAX 1024

int grant_serial(uint8_t ret[GRANT_SERIAL_SIZE])
{
        int r = crypto_random(ret, GRANT_SERIAL_SIZE);

        ret[0] = (ret[0] & 0x7f) | 0x40;
        return r;
}

uint64_t grant_ssh_serial(const uint8_t serial[GRANT_SERIAL_SIZE])
{
        uint64_t v = 0;

        for (size_t i = 0; i < sizeof(v); i++)
                v = v << 8 | serial[i];
        return v;
}

int grant_key_id(struct bytes agent, uint64_t record, struct buf *ret)
{
        return buf_printf(ret, "%.*s/%llu", (int)agent.len, (const char *)agent.ptr, (unsigned long long)record);
}

static int who_check(const struct grant *g, struct bytes trust_domain, struct granted *ret)
{
        int r;

        r = spiffe_parse(g->spiffe_id, &ret->id);
        if (r != 0)
                return r;
        if (!bytes_equal(ret->id.trust_domain, trust_domain))
                return err(ERR_DENIED, "a SPIFFE ID of another trust domain");
        if (ret->id.path.len == 0)
                return err(ERR_FORMAT, "a SPIFFE ID without a path is the trust domain's own");
        if (g->agent.len == 0 || g->agent.len > AGENT_MAX || !utf8_printable(g->agent) || memchr(g->agent.ptr, '/', g->agent.len) != NULL)
                return err(ERR_FORMAT, "a grant for no agent, or one with a name that cannot be");
        if (g->owner.len == 0 || g->owner.len > OWNER_MAX || !utf8_printable(g->owner))
                return err(ERR_FORMAT, "a grant for an agent without an owner, or one with a name that cannot be");
        return 0;
}

static int key_check(const struct grant *g, struct pubkey *ret)
{
        int r = pubkey_from_spki(g->spki, ret);

        if (r != 0)
                return r;
        if (ret->ckk == CKK_RSA && pk_bits(BYTES_OF(&ret->n)) < RSA_BITS_MIN)
                return err(ERR_FORMAT, "an RSA key of %zu bits is too short for a credential", pk_bits(BYTES_OF(&ret->n)));
        if (ret->ckk == CKK_RSA && pk_bits(BYTES_OF(&ret->e)) < 17)
                return err(ERR_FORMAT, "an RSA key with a small exponent gets no credential");
        return 0;
}

static int times_check(const struct grant *g)
{
        if (g->issued >= TIME_MAX - GRANT_LIFE_MAX || g->issued < GRANT_SKEW_MAX)
                return err(ERR_RANGE, "no credential is issued in such a year");
        if (g->not_before > g->issued || g->issued - g->not_before > GRANT_SKEW_MAX)
                return err(ERR_RANGE, "a credential that begins later than it is issued, or more than %d s before", GRANT_SKEW_MAX);
        if (g->not_after <= g->issued)
                return err(ERR_RANGE, "a credential that has ended when it is issued");
        if (g->not_after - g->issued > GRANT_LIFE_MAX)
                return err(ERR_RANGE, "a credential for more than %d s", GRANT_LIFE_MAX);
        return 0;
}

static int count_check(const struct names *l)
{
        return l->n <= GRANT_NAMES_MAX ? 0 : err(ERR_RANGE, "more than %d names of a kind in a grant", GRANT_NAMES_MAX);
}

static bool has_name(const struct names *l, struct bytes name)
{
        for (size_t i = 0; i < l->n; i++)
                if (bytes_equal(l->v[i], name))
                        return true;
        return false;
}

static int hosts_check(const struct names *l, bool wildcard)
{
        int r = count_check(l);

        for (size_t i = 0; r == 0 && i < l->n; i++) {
                r = dnsname_check(l->v[i], wildcard);
                if (r == 0 && has_name(&(struct names){ l->v, i }, l->v[i]))
                        r = err(ERR_FORMAT, "a host name twice");
        }
        return r;
}

/* What looks like a host name is read as one by old programs, so it must be one that was granted. */
static int common_name_check(const struct grant *g)
{
        const struct bytes cn = g->common_name;

        if (cn.len == 0 || (cn.len <= GRANT_COMMON_NAME_MAX && has_name(&g->dns, cn)))
                return 0;
        if (cn.len > GRANT_COMMON_NAME_MAX)
                return err(ERR_FORMAT, "a common name of more than %d characters", GRANT_COMMON_NAME_MAX);
        if (bytes_equal(cn, g->spiffe_id))
                return 0;
        if (bytes_equal(cn, g->agent) && memchr(cn.ptr, '.', cn.len) == NULL && memchr(cn.ptr, '*', cn.len) == NULL)
                return 0;
        return err(ERR_FORMAT, "a common name that is neither the SPIFFE ID nor a granted DNS name, nor the agent's");
}

static bool printable_but(struct bytes v, const char *without)
{
        for (size_t i = 0; i < v.len; i++)
                if (v.ptr[i] < '!' || v.ptr[i] > '~' || strchr(without, v.ptr[i]) != NULL)
                        return false;
        return true;
}

static int audience_check(struct bytes v)
{
        if (v.len > GRANT_AUDIENCE_MAX || !printable_but(v, "\"\\"))
                return err(ERR_FORMAT, "an audience that is too long, or has characters that no URI has");
        return 0;
}

static int users_check(const struct names *l)
{
        int r = count_check(l);

        for (size_t i = 0; r == 0 && i < l->n; i++)
                if (l->v[i].len == 0 || l->v[i].len > LOGIN_MAX || !printable_but(l->v[i], "*?!,\"'\\#") || l->v[i].ptr[0] == '-' ||
                    has_name(&(struct names){ l->v, i }, l->v[i]))
                        r = err(ERR_FORMAT, "a login name that is empty, too long, there already, or a pattern");
        return r;
}

/* "192.0.2.0/24": an address, and as many bits as it may have. */
static bool is_block(char *text)
{
        char *slash = strchr(text, '/'), *end;
        uint8_t address[16];
        long bits, most = strchr(text, ':') != NULL ? 128 : 32;

        if (slash != NULL) {
                *slash++ = '\0';
                if (*slash < '0' || *slash > '9' || (slash[0] == '0' && slash[1] != '\0'))
                        return false;
                bits = strtol(slash, &end, 10);
                if (*end != '\0' || bits > most)
                        return false;
        }
        return inet_pton(most == 32 ? AF_INET : AF_INET6, text, address) == 1;
}

static int addresses_check(struct bytes v)
{
        char text[ADDRESSES_MAX + 1], *block, *rest = text;

        if (v.len == 0)
                return 0;
        if (v.len > ADDRESSES_MAX || memchr(v.ptr, 0, v.len) != NULL)
                return err(ERR_FORMAT, "source addresses of more than %d characters", ADDRESSES_MAX);
        memcpy(text, v.ptr, v.len);
        text[v.len] = '\0';
        while ((block = strsep(&rest, ",")) != NULL)
                if (!is_block(block))
                        return err(ERR_FORMAT, "source addresses that are no list of address blocks");
        return 0;
}

/* PROTOCOL.certkeys, "Extensions". What is not known here is not signed. */
static int extensions_check(const struct names *l)
{
        static const char *const known[] = {
                "no-touch-required", "permit-X11-forwarding", "permit-agent-forwarding", "permit-port-forwarding", "permit-pty", "permit-user-rc",
        };
        int r = count_check(l);

        for (size_t i = 0; r == 0 && i < l->n; i++) {
                size_t k = 0;

                while (k < ARRAY_LEN(known) && !bytes_equal(l->v[i], BYTES_STR(known[k])))
                        k++;
                if (k == ARRAY_LEN(known) || has_name(&(struct names){ l->v, i }, l->v[i]))
                        r = err(ERR_FORMAT, "an SSH extension that nobody knows, or one twice");
        }
        return r;
}

static int ssh_check(const struct grant *g)
{
        int r;

        r = users_check(&g->users);
        if (r == 0)
                r = hosts_check(&g->hosts, g->allows & GRANT_HOST_WILDCARD);
        if (r == 0 && (g->force_command.len > GRANT_COMMAND_MAX || !utf8_printable(g->force_command)))
                r = err(ERR_FORMAT, "a forced command that is too long, or not to be printed");
        if (r == 0)
                r = addresses_check(g->source_address);
        return r == 0 ? extensions_check(&g->extensions) : r;
}

int grant_check(const struct grant *g, struct bytes trust_domain, struct granted *ret)
{
        CLEANUP(granted_clear) struct granted ok = { .g = g };
        int r;

        r = who_check(g, trust_domain, &ok);
        if (r == 0 && (g->serial[0] < 0x40 || g->serial[0] > 0x7f))
                r = err(ERR_FORMAT, "a serial number that grant_serial() did not make");
        if (r == 0)
                r = times_check(g);
        if (r == 0)
                r = hosts_check(&g->dns, g->allows & GRANT_DNS_WILDCARD);
        if (r == 0)
                r = common_name_check(g);
        if (r == 0)
                r = audience_check(g->audience);
        if (r == 0)
                r = ssh_check(g);
        if (r == 0)
                r = key_check(g, &ok.key);
        if (r != 0)
                return r;
        granted_clear(ret);
        *ret = ok;
        ok = (struct granted){ 0 };
        return 0;
}

void granted_clear(struct granted *g)
{
        pubkey_clear(&g->key);
        *g = (struct granted){ 0 };
}
