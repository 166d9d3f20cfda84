/* SPDX-License-Identifier: BSD-2-Clause */
/* Is this a SPIFFE ID, and of which trust domain? */
#include "issuer/spiffe.h"
#include <string.h>
#include "lib/err.h"

#define SCHEME "spiffe://"

static bool digit_or_lower(uint8_t c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

static bool mark(uint8_t c)
{
        return c == '.' || c == '-' || c == '_';
}

int spiffe_trust_domain_check(struct bytes name)
{
        if (name.len == 0)
                return err(ERR_FORMAT, "a SPIFFE ID without a trust domain");
        if (name.len > SPIFFE_TRUST_DOMAIN_MAX)
                return err(ERR_FORMAT, "a trust domain of more than %d octets", SPIFFE_TRUST_DOMAIN_MAX);
        for (size_t i = 0; i < name.len; i++)
                if (!digit_or_lower(name.ptr[i]) && !mark(name.ptr[i]))
                        return err(ERR_FORMAT, "a trust domain with other characters than a-z, 0-9, \".\", \"-\" and \"_\"");
        return 0;
}

static int segment_check(struct bytes s)
{
        if (s.len == 0)
                return err(ERR_FORMAT, "a SPIFFE ID with an empty part of its path");
        if (bytes_equal(s, BYTES_STR(".")) || bytes_equal(s, BYTES_STR("..")))
                return err(ERR_FORMAT, "a SPIFFE ID with a part of its path that is \".\" or \"..\"");
        for (size_t i = 0; i < s.len; i++)
                if (!digit_or_lower(s.ptr[i]) && !(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z') && !mark(s.ptr[i]))
                        return err(ERR_FORMAT, "a SPIFFE ID with other characters in its path than A-Z, a-z, 0-9, \".\", \"-\" and \"_\"");
        return 0;
}

static int path_check(struct bytes path)
{
        while (path.len > 0) {
                struct bytes s = { path.ptr + 1, path.len - 1 };
                const uint8_t *end = memchr(s.ptr, '/', s.len);
                int r;

                if (end != NULL)
                        s.len = (size_t)(end - s.ptr);
                r = segment_check(s);
                if (r != 0)
                        return r;
                path = BYTES(s.ptr + s.len, path.len - 1 - s.len);
        }
        return 0;
}

int spiffe_parse(struct bytes text, struct spiffe_id *ret)
{
        const size_t scheme = strlen(SCHEME);
        struct spiffe_id id = { 0 };
        const uint8_t *slash;
        int r;

        if (text.len > SPIFFE_ID_MAX)
                return err(ERR_FORMAT, "a SPIFFE ID of more than %d octets", SPIFFE_ID_MAX);
        if (text.len < scheme || memcmp(text.ptr, SCHEME, scheme) != 0)
                return err(ERR_FORMAT, "a SPIFFE ID that does not begin with \"" SCHEME "\"");
        id.trust_domain = BYTES(text.ptr + scheme, text.len - scheme);
        slash = memchr(id.trust_domain.ptr, '/', id.trust_domain.len);
        if (slash != NULL) {
                id.trust_domain.len = (size_t)(slash - id.trust_domain.ptr);
                id.path = BYTES(slash, text.len - scheme - id.trust_domain.len);
        }
        r = spiffe_trust_domain_check(id.trust_domain);
        if (r == 0)
                r = path_check(id.path);
        if (r == 0)
                *ret = id;
        return r;
}
