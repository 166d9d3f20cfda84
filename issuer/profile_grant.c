/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a profile give to whom? Names are the profile's; of what a host says of itself nothing goes in that could be more than a part of a name. */
#include <string.h>
#include "issuer/profile.h"
#include "lib/err.h"

#define SKEW 60                 /* seconds that a credential begins before it is issued, for clocks that are behind */

/* Where a template is for: what may be put into it. */
enum place {
        PLACE_PATH,             /* letters, digits, ".", "-", "_": what neither ends a segment of a path nor means anything to a shell */
        PLACE_COMMAND,          /* the same, and no option */
        PLACE_DNS,              /* of an agent's name one label; a host's name is checked already */
};

static bool consists_of(const char *value, const char *allowed)
{
        return value[0] != '\0' && strspn(value, allowed) == strlen(value);
}

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789-"
#define SEGMENT LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ._"

static bool may_stand(enum place place, const char *value, bool is_host)
{
        if (place == PLACE_DNS)
                return consists_of(value, is_host ? LOWER "." : LOWER);
        return consists_of(value, SEGMENT) && strcmp(value, ".") != 0 && strcmp(value, "..") != 0 && !(place == PLACE_COMMAND && value[0] == '-');
}

static int put(enum place place, const char *what, const char *value, bool is_host, struct buf *ret)
{
        if (!may_stand(place, value, is_host))
                return err(ERR_DENIED, "the name of this %s cannot stand where the profile has it", what);
        return buf_append_str(ret, value);
}

static int expand(const char *template, enum place place, const struct profile_who *who, const char *trust_domain, struct buf *ret)
{
        static const char host[] = "{host}", agent[] = "{agent}", domain[] = "{trust-domain}";
        int r = 0;

        while (r == 0 && *template != '\0') {
                size_t n = strcspn(template, "{}");

                r = buf_append(ret, template, n);
                template += n;
                if (r != 0 || *template == '\0')
                        break;
                if (strncmp(template, host, strlen(host)) == 0) {
                        r = put(place, "host", who->host, true, ret);
                        template += strlen(host);
                } else if (strncmp(template, agent, strlen(agent)) == 0) {
                        r = put(place, "agent", who->agent, false, ret);
                        template += strlen(agent);
                } else if (strncmp(template, domain, strlen(domain)) == 0) {
                        r = buf_append_str(ret, trust_domain);
                        template += strlen(domain);
                } else {
                        r = err(ERR_FORMAT, "a brace that belongs to none of %s, %s and %s", host, agent, domain);
                }
        }
        return r;
}

/* "{host}-{agent}" of the host "a" with an agent "b-c" is that of "a-b" with an agent "c", too: between two names there must be what one of them cannot
 * have in it, a dot in DNS names, and elsewhere something that no host's name has. */
static bool keeps_apart(const char *template, enum place place)
{
        const char *const same = place == PLACE_DNS ? LOWER : LOWER ".";
        bool host, agent, was_host = false, was_agent = false, apart = true;

        while (*template != '\0') {
                size_t n = strcspn(template, "{");

                apart = apart || strspn(template, same) < n;
                template += n;
                host = strncmp(template, "{host}", 6) == 0;
                agent = strncmp(template, "{agent}", 7) == 0;
                if ((host && was_agent && !apart) || (agent && was_host && !apart))
                        return false;
                if (host || agent) {
                        was_host = host;
                        was_agent = agent;
                        apart = false;
                }
                /* What is in other braces is the same for all. */
                template += strcspn(template, "}");
                template += *template != '\0';
        }
        return true;
}

/* One expanded text that the grant may point to as long as ret is there. */
static int add_text(const char *template, enum place place, const struct profile_who *who, const char *trust_domain, struct profile_grant *ret,
                    struct bytes *ret_text)
{
        struct buf *b = &ret->texts[ret->n_texts];
        int r;

        if (ret->n_texts == PROFILE_TEXTS_MAX)
                return err(ERR_RANGE, "more than %d names in a grant", PROFILE_TEXTS_MAX);
        ret->n_texts++;
        if (!keeps_apart(template, place))
                return err(ERR_FORMAT, "in %s names of hosts and agents run into each other: others would give the same", template);
        r = expand(template, place, who, trust_domain, b);
        *ret_text = BYTES_OF(b);
        return r;
}

static int add_names(const struct words *templates, enum place place, const struct profile_who *who, const char *trust_domain,
                     struct profile_grant *ret, struct bytes *room, struct names *ret_names)
{
        int r = 0;

        if (templates->n > GRANT_NAMES_MAX)
                return err(ERR_FORMAT, "more than %d names of a kind", GRANT_NAMES_MAX);
        for (size_t i = 0; r == 0 && i < templates->n; i++)
                r = add_text(templates->v[i], place, who, trust_domain, ret, &room[i]);
        *ret_names = (struct names){ room, templates->n };
        return r;
}

/* A name that the CA's own certificate rules out would be worth nothing. */
static int check_domains(const struct words *domains, const struct names *dns)
{
        for (size_t i = 0; i < dns->n; i++) {
                const struct bytes name = dns->v[i];
                bool ok = false;

                for (size_t k = 0; !ok && k < domains->n; k++) {
                        const struct bytes d = word_at(domains, k);

                        ok = name.len >= d.len && bytes_equal(BYTES(name.ptr + name.len - d.len, d.len), d) &&
                             (name.len == d.len || name.ptr[name.len - d.len - 1] == '.');
                }
                if (!ok)
                        return err(ERR_DENIED, "%.*s is not in a domain that this issuer certifies names of", (int)name.len, (const char *)name.ptr);
        }
        return 0;
}

/* How an agent is called is its host's to say. What is not for whoever takes the name is given only where the profile itself names it. */
static int check_taken(const struct words *templates, const struct names *names, struct bytes reserved)
{
        for (size_t i = 0; i < names->n; i++)
                if (bytes_equal(names->v[i], reserved) && strstr(templates->v[i], "{agent}") != NULL)
                        return err(ERR_DENIED, "no agent is called such that its name is %.*s", (int)reserved.len, (const char *)reserved.ptr);
        return 0;
}

/* By this name hosts know the issuer: the same CA certifies it. */
static struct bytes own_name(const struct issuer_conf *c)
{
        const char *host = c->url + strlen("https://");

        return BYTES(host, strcspn(host, ":/"));
}

static int choose_audience(const struct profile *p, const char *wanted, struct bytes *ret)
{
        if (wanted == NULL && p->audiences.n == 1) {
                *ret = word_at(&p->audiences, 0);
                return 0;
        }
        if (wanted == NULL)
                return err(ERR_DENIED, "a JWT is for one audience, and none was named");
        for (size_t i = 0; i < p->audiences.n; i++) {
                if (strcmp(p->audiences.v[i], wanted) == 0) {
                        *ret = word_at(&p->audiences, i);
                        return 0;
                }
        }
        return err(ERR_DENIED, "the profile %s gives no JWT for the audience %s", p->name, wanted);
}

static int give_x509(const struct profile *p, const struct profile_who *who, const struct issuer_conf *c, struct profile_grant *ret)
{
        int r;

        r = add_names(&p->dns, PLACE_DNS, who, c->trust_domain, ret, ret->dns, &ret->g.dns);
        if (r == 0)
                r = check_domains(&c->domains, &ret->g.dns);
        if (r == 0)
                r = check_taken(&p->dns, &ret->g.dns, own_name(c));
        if (r != 0 || p->common_name == NULL)
                return r;
        if (strcmp(p->common_name, "{spiffe-id}") == 0) {
                ret->g.common_name = ret->g.spiffe_id;
                return 0;
        }
        return add_text(p->common_name, PLACE_PATH, who, c->trust_domain, ret, &ret->g.common_name);
}

static int give_ssh_user(const struct profile *p, const struct profile_who *who, const struct issuer_conf *c, struct profile_grant *ret)
{
        int r;

        r = add_names(&p->ssh_users, PLACE_COMMAND, who, c->trust_domain, ret, ret->users, &ret->g.users);
        if (r == 0)
                r = check_taken(&p->ssh_users, &ret->g.users, BYTES_STR("root"));
        for (size_t i = 0; r == 0 && i < p->extensions.n && i < GRANT_NAMES_MAX; i++) {
                ret->extensions[i] = word_at(&p->extensions, i);
                ret->g.extensions = (struct names){ ret->extensions, i + 1 };
        }
        if (r == 0 && p->force_command != NULL)
                r = add_text(p->force_command, PLACE_COMMAND, who, c->trust_domain, ret, &ret->g.force_command);
        if (p->source_address != NULL)
                ret->g.source_address = BYTES_STR(p->source_address);
        return r;
}

static int give_ssh_host(const struct profile *p, const struct profile_who *who, const struct issuer_conf *c, struct profile_grant *ret)
{
        return add_names(&p->ssh_hosts, PLACE_DNS, who, c->trust_domain, ret, ret->hosts, &ret->g.hosts);
}

static unsigned allows(const struct profile *p)
{
        return (p->dns_wildcard ? GRANT_DNS_WILDCARD : 0u) | (p->host_wildcard ? GRANT_HOST_WILDCARD : 0u) | (p->cnf ? GRANT_CONFIRMATION : 0u) |
               (p->verify_required ? GRANT_VERIFY_REQUIRED : 0u);
}

/* A kind of credential that was not wanted leaves nothing in the grant. */
static int give(const struct profile *p, const struct profile_who *who, const struct issuer_conf *c, struct profile_grant *ret)
{
        int r;

        r = add_text(p->spiffe_id, PLACE_PATH, who, c->trust_domain, ret, &ret->g.spiffe_id);
        if (r == 0 && (ret->credentials & CREDENTIAL_X509) != 0)
                r = give_x509(p, who, c, ret);
        if (r == 0 && (ret->credentials & CREDENTIAL_JWT) != 0)
                r = choose_audience(p, who->audience, &ret->g.audience);
        if (r == 0 && (ret->credentials & CREDENTIAL_SSH_USER) != 0)
                r = give_ssh_user(p, who, c, ret);
        if (r == 0 && (ret->credentials & CREDENTIAL_SSH_HOST) != 0)
                r = give_ssh_host(p, who, c, ret);
        return r;
}

int profile_grant(const struct profile *p, const struct profile_who *who, const struct issuer_conf *c, struct profile_grant *ret)
{
        const unsigned want = who->want != 0 ? who->want : p->credentials;
        int r;

        profile_grant_clear(ret);
        for (unsigned i = 0; i < CREDENTIALS; i++)
                if ((want & ~p->credentials & 1u << i) != 0)
                        return err(ERR_DENIED, "the profile %s gives no credential of the kind %s", p->name, profile_credential_name(i));
        if (who->owner.len == 0)
                return err(ERR_DENIED, "the agent %s has no owner, and nobody without one gets a credential", who->agent);
        ret->credentials = want;
        ret->g = (struct grant){
                .agent = BYTES_STR(who->agent), .owner = who->owner, .spki = who->spki,
                .issued = who->now, .not_before = who->now - SKEW, .not_after = who->now + p->life + p->grace,
                .allows = allows(p),
        };
        r = give(p, who, c, ret);
        if (r != 0)
                profile_grant_clear(ret);
        return r;
}

void profile_grant_clear(struct profile_grant *g)
{
        for (size_t i = 0; i < g->n_texts; i++)
                buf_clear(&g->texts[i]);
        g->n_texts = 0;
        g->credentials = 0;
        g->g = (struct grant){ 0 };
}
