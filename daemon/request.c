/* SPDX-License-Identifier: BSD-2-Clause */
/* What does a request ask for?
 *
 * A body is the number of a call, the letters that say what follows, and that:
 *      u       a number of eight octets                        y       an octet
 *      ay      1 and octets, or 0 for none                     z       octets
 *      aA      attributes                                      fA      attributes that an answer has room for
 *      fy, fu  how many octets or numbers an answer has room for
 *      M       a mechanism
 * Octets come behind their number, of four octets; 0xffffffff stands for NULL. */
#include "daemon/request.h"
#include <string.h>

#define NO_OCTETS 0xffffffffu

struct request {
        struct bytes in;                /* what is left */
        uint64_t room;                  /* asked for so far */
        bool absent;                    /* octets were not there. A client says behind the 0 how many there would be, but the server does not
                                         * read it: whatever follows has to be understood as the server does, and too much may be left */
        bool bad;                       /* it is no request */
};

static const uint8_t *take(struct request *r, size_t n)
{
        const uint8_t *p = r->in.ptr;

        if (r->bad || n > r->in.len) {
                r->bad = true;
                return NULL;
        }
        r->in.ptr += n;
        r->in.len -= n;
        return p;
}

/* 0 where there is none. */
static uint32_t take_u32(struct request *r)
{
        const uint8_t *p = take(r, 4);

        return p != NULL ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static uint8_t take_u8(struct request *r)
{
        const uint8_t *p = take(r, 1);

        return p != NULL ? *p : 0;
}

static void ask(struct request *r, uint64_t n, size_t each)
{
        r->room += n * each;
}

/* So much cannot come, whatever else does. */
static bool too_much(const struct request *r)
{
        return r->bad || r->room > REQUEST_ROOM_MAX;
}

static void octets(struct request *r)
{
        uint32_t n = take_u32(r);

        if (n != NO_OCTETS) {
                ask(r, n, 1);
                take(r, n);
        }
}

static void number(struct request *r)
{
        take(r, 8);
}

static void octet(struct request *r)
{
        take(r, 1);
}

static void octets_or_none(struct request *r)
{
        if (take_u8(r) != 0)
                octets(r);
        else
                r->absent = true;
}

static void room_for_octets(struct request *r)
{
        ask(r, take_u32(r), 1);
}

static void room_for_numbers(struct request *r)
{
        ask(r, take_u32(r), sizeof(CK_ULONG));
}

static void room_for_attributes(struct request *r)
{
        uint32_t n = take_u32(r);

        ask(r, n, sizeof(CK_ATTRIBUTE));
        for (uint32_t i = 0; i < n && !too_much(r); i++) {
                take_u32(r);
                ask(r, take_u32(r), 1);
        }
}

/* A value is an octet, a number or octets, by its attribute's type. */
static bool is_octet(uint32_t type)
{
        static const uint16_t types[] = {
                CKA_TOKEN, CKA_PRIVATE, CKA_TRUSTED, CKA_SENSITIVE, CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_SIGN, CKA_SIGN_RECOVER,
                CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_DERIVE, CKA_EXTRACTABLE, CKA_LOCAL, CKA_NEVER_EXTRACTABLE, CKA_ALWAYS_SENSITIVE,
                CKA_MODIFIABLE, CKA_COPYABLE, CKA_SECONDARY_AUTH, CKA_ALWAYS_AUTHENTICATE, CKA_WRAP_WITH_TRUSTED, CKA_RESET_ON_INIT,
                CKA_HAS_RESET, CKA_COLOR,
        };

        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                if (types[i] == type)
                        return true;
        return false;
}

static bool is_number(uint32_t type)
{
        static const uint16_t types[] = {
                CKA_CLASS, CKA_CERTIFICATE_TYPE, CKA_CERTIFICATE_CATEGORY, CKA_JAVA_MIDP_SECURITY_DOMAIN, CKA_KEY_TYPE, CKA_MODULUS_BITS,
                CKA_PRIME_BITS, CKA_SUB_PRIME_BITS, CKA_VALUE_BITS, CKA_VALUE_LEN, CKA_KEY_GEN_MECHANISM, CKA_AUTH_PIN_FLAGS,
                CKA_HW_FEATURE_TYPE, CKA_PIXEL_X, CKA_PIXEL_Y, CKA_RESOLUTION, CKA_CHAR_ROWS, CKA_CHAR_COLUMNS, CKA_BITS_PER_PIXEL,
                CKA_MECHANISM_TYPE,
        };

        for (size_t i = 0; i < ARRAY_LEN(types); i++)
                if (types[i] == type)
                        return true;
        return false;
}

static void attribute(struct request *r)
{
        uint32_t type = take_u32(r), n;

        if (take_u8(r) == 0)
                return;
        ask(r, take_u32(r), 1);
        switch (type) {
        case CKA_WRAP_TEMPLATE:
        case CKA_UNWRAP_TEMPLATE:
        case CKA_DERIVE_TEMPLATE:
                /* The server does not read attributes in attributes right, and no key of ours has any. */
                r->bad = true;
                break;
        case CKA_ALLOWED_MECHANISMS:
                n = take_u32(r);
                ask(r, n, sizeof(CK_ULONG));
                take(r, too_much(r) ? 0 : (size_t)n * 8);
                break;
        default:
                if (is_octet(type))
                        octet(r);
                else if (is_number(type))
                        number(r);
                else
                        octets(r);
        }
}

static void attributes(struct request *r)
{
        uint32_t n = take_u32(r);

        ask(r, n, sizeof(CK_ATTRIBUTE));
        for (uint32_t i = 0; i < n && !too_much(r); i++)
                attribute(r);
}

static void mechanism(struct request *r)
{
        switch (take_u32(r)) {
        case CKM_RSA_PKCS_PSS:
                take(r, 24);
                break;
        case CKM_RSA_PKCS_OAEP:
                take(r, 24);
                octets(r);
                break;
        default:
                octets(r);
        }
}

static const struct {
        const char *letters;
        void (*pass)(struct request *r);
} parts[] = {
        { "u", number }, { "y", octet }, { "ay", octets_or_none }, { "z", octets }, { "aA", attributes }, { "fA", room_for_attributes },
        { "fy", room_for_octets }, { "fu", room_for_numbers }, { "M", mechanism },
};

/* Passes one part; how many letters it has, 0 if we know none like it. */
static size_t pass(struct request *r, struct bytes letters)
{
        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
                size_t n = strlen(parts[i].letters);

                if (letters.len >= n && memcmp(letters.ptr, parts[i].letters, n) == 0) {
                        parts[i].pass(r);
                        return n;
                }
        }
        return 0;
}

CK_RV request_check(struct bytes body)
{
        struct request r = { .in = body };
        struct bytes letters;
        size_t n;

        take_u32(&r);
        letters.len = take_u32(&r);
        letters.ptr = take(&r, letters.len);
        while (!too_much(&r) && letters.len > 0) {
                n = pass(&r, letters);
                if (n == 0)
                        r.bad = true;
                letters.ptr += n;
                letters.len -= n;
        }
        if (r.bad || (r.in.len > 0 && !r.absent && !too_much(&r)))
                return CKR_DEVICE_ERROR;
        return too_much(&r) ? CKR_DEVICE_MEMORY : CKR_OK;
}
