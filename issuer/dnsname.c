/* SPDX-License-Identifier: BSD-2-Clause */
/* May this host name stand in a certificate? */
#include "issuer/dnsname.h"
#include <string.h>
#include "lib/err.h"

enum {
        NAME_MAX_OCTETS = 253,
        LABEL_MAX_OCTETS = 63,          /* RFC 1035 2.3.4 */
};

static bool digit(uint8_t c)
{
        return c >= '0' && c <= '9';
}

/* RFC 5890 2.3.1: of the labels with hyphens in the third and fourth place, only A-labels are anything. */
static bool reserved(struct bytes l)
{
        return l.len >= 4 && l.ptr[2] == '-' && l.ptr[3] == '-' && memcmp(l.ptr, "xn", 2) != 0;
}

static int label_check(struct bytes l)
{
        if (l.len == 0 || l.len > LABEL_MAX_OCTETS)
                return err(ERR_FORMAT, "a host name with a label of %zu octets", l.len);
        for (size_t i = 0; i < l.len; i++)
                if (!digit(l.ptr[i]) && !(l.ptr[i] >= 'a' && l.ptr[i] <= 'z') && l.ptr[i] != '-')
                        return err(ERR_FORMAT, "a host name with other characters than a-z, 0-9 and \"-\"");
        if (l.ptr[0] == '-' || l.ptr[l.len - 1] == '-' || reserved(l))
                return err(ERR_FORMAT, "a host name with a hyphen where none may be");
        return 0;
}

int dnsname_check(struct bytes name, bool wildcard)
{
        struct bytes rest = name, l = { 0 };
        bool number = true;
        size_t labels = 0;
        int r;

        if (name.len == 0 || name.len > NAME_MAX_OCTETS)
                return err(ERR_FORMAT, "a host name of %zu octets", name.len);
        if (name.ptr[0] == '*') {
                if (!wildcard)
                        return err(ERR_FORMAT, "a host name with a wildcard");
                if (name.len < 2 || name.ptr[1] != '.')
                        return err(ERR_FORMAT, "a wildcard that is not a whole label");
                rest = BYTES(name.ptr + 2, name.len - 2);
        }
        do {
                const uint8_t *dot = memchr(rest.ptr, '.', rest.len);

                l = BYTES(rest.ptr, dot != NULL ? (size_t)(dot - rest.ptr) : rest.len);
                r = label_check(l);
                if (r != 0)
                        return r;
                labels++;
                rest = dot != NULL ? BYTES(dot + 1, rest.len - l.len - 1) : BYTES(NULL, 0);
        } while (rest.ptr != NULL);
        for (size_t i = 0; i < l.len; i++)
                number = number && digit(l.ptr[i]);
        if (number)
                return err(ERR_FORMAT, "a host name that ends in a number");
        if (name.ptr[0] == '*' && labels < 2)
                return err(ERR_FORMAT, "a wildcard for all names of a top-level domain");
        return 0;
}
