/* SPDX-License-Identifier: BSD-2-Clause */
/* What PCRs does this event log lead to, and what does it say of secure boot? */
#include <string.h>
#include "attest/eventlog.h"
#include "lib/crypto.h"
#include "lib/err.h"
#include "lib/tpms.h"

#define EV_NO_ACTION 3u
#define SPEC_ID "Spec ID Event03"
#define LOCALITY "StartupLocality"
#define SHA1_SIZE 20
#define ALGS_MAX 8
#define PCR_SECURE_BOOT 7
#define PCR_DYNAMIC_FIRST 17    /* they start with ones (PC Client Platform TPM Profile, 4.6) */
#define PCR_DYNAMIC_LAST 22

struct bank {
        uint16_t alg;
        size_t size;
};

struct replay {
        const struct hash *h;
        struct bank banks[ALGS_MAX];    /* as the header has them: each event has a digest for each */
        size_t n_banks;
        bool extended[EVENTLOG_PCRS];
        bool separated;                 /* PCR 7 */
        struct eventlog out;
};

static int bad(const char *what)
{
        return err(ERR_FORMAT, "event log: %s", what);
}

/* TCG_EfiSpecIdEvent: which digests an event has, and how long they are. */
static int read_spec(struct bytes data, struct replay *p)
{
        struct tpms r = TPMS(data);
        struct bytes signature = tpms_bytes(&r, sizeof(SPEC_ID));
        bool wanted = false;

        tpms_bytes(&r, 4 + 4);   /* platform class, versions, size of UINTN */
        p->n_banks = (uint32_t)tpms_little(&r, 4);
        if (r.bad || memcmp(signature.ptr, SPEC_ID, sizeof(SPEC_ID)) != 0)
                return bad("its header is of another kind");
        if (p->n_banks == 0 || p->n_banks > ALGS_MAX)
                return bad("it has too many or no kinds of digests");
        for (size_t i = 0; i < p->n_banks; i++) {
                struct bank *b = &p->banks[i];
                const struct hash *h;

                b->alg = (uint16_t)(uint32_t)tpms_little(&r, 2);
                b->size = (uint32_t)tpms_little(&r, 2);
                h = hash_by_tpm(b->alg);
                if (b->size == 0 || b->size > HASH_MAX || (h && h->size != b->size))
                        return bad("a digest has the wrong size");
                for (size_t k = 0; k < i; k++)
                        if (p->banks[k].alg == b->alg)
                                return bad("it has a kind of digest twice");
                wanted = wanted || b->alg == p->h->tpm;
        }
        tpms_bytes(&r, (uint32_t)tpms_little(&r, 1));       /* of the maker */
        if (r.bad || r.left.len > 0)
                return bad("its header is damaged");
        return wanted ? 0 : bad("it has no digests of the bank that was quoted");
}

/* The first event, in the form of TPM 1.2, is the header. */
static int read_header(struct tpms *r, struct replay *p)
{
        uint32_t pcr = (uint32_t)tpms_little(r, 4), type = (uint32_t)tpms_little(r, 4);
        struct bytes data;

        tpms_bytes(r, SHA1_SIZE);
        data = tpms_bytes(r, (uint32_t)tpms_little(r, 4));
        if (r->bad || pcr != 0 || type != EV_NO_ACTION)
                return bad("it does not begin with a header");
        return read_spec(data, p);
}

struct event {
        uint32_t pcr, type;
        struct bytes digest;    /* of the bank that is replayed */
        struct bytes data;
};

static int read_event(struct tpms *r, const struct replay *p, struct event *ret)
{
        bool seen[ALGS_MAX] = { false };
        size_t n;

        *ret = (struct event){ .pcr = (uint32_t)tpms_little(r, 4) };
        ret->type = (uint32_t)tpms_little(r, 4);
        n = (uint32_t)tpms_little(r, 4);
        if (n != p->n_banks)
                return bad("an event lacks a digest, or has one too many");
        for (size_t i = 0; i < n; i++) {
                uint16_t alg = (uint16_t)(uint32_t)tpms_little(r, 2);
                struct bytes digest;
                size_t k = 0;

                while (k < p->n_banks && p->banks[k].alg != alg)
                        k++;
                if (k == p->n_banks || seen[k])
                        return bad("an event has a digest that the header does not tell of, or has it twice");
                seen[k] = true;
                digest = tpms_bytes(r, p->banks[k].size);
                if (alg == p->h->tpm)
                        ret->digest = digest;
        }
        ret->data = tpms_bytes(r, (uint32_t)tpms_little(r, 4));
        if (r->bad)
                return bad("it ends in the middle of an event");
        return ret->pcr < EVENTLOG_PCRS ? 0 : bad("an event of a PCR that there is not");
}

static int is_digest_of(const struct replay *p, const struct event *e, struct bytes data, bool *ret)
{
        uint8_t digest[HASH_MAX];
        int r = crypto_hash(p->h, &data, 1, digest);

        *ret = r == 0 && bytes_equal(e->digest, BYTES(digest, p->h->size));
        return r;
}

/* UEFI_VARIABLE_DATA of the variable SecureBoot: its value, or -1 if it is something else. */
static int secure_boot_value(struct bytes data)
{
        static const uint8_t global_variable[] = {
                0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c,
        };
        static const char name[] = "S\0e\0c\0u\0r\0e\0B\0o\0o\0t"; /* the literal's own NUL ends the last character */
        struct tpms r = TPMS(data);
        struct bytes guid = tpms_bytes(&r, sizeof(global_variable)), name_len = tpms_bytes(&r, 8), value_len = tpms_bytes(&r, 8), said, value;
        const uint8_t ten[8] = { 10 }, one[8] = { 1 };

        said = tpms_bytes(&r, sizeof(name));
        if (r.bad || memcmp(guid.ptr, global_variable, sizeof(global_variable)) != 0 || memcmp(name_len.ptr, ten, sizeof(ten)) != 0 ||
            memcmp(said.ptr, name, sizeof(name)) != 0)
                return -1;
        value = tpms_bytes(&r, 1);
        /* Present and without a value: it is off. */
        if (r.bad || r.left.len > 0 || memcmp(value_len.ptr, one, sizeof(one)) != 0)
                return 0;
        return value.ptr[0] == 1;
}

/* In PCR 7, before the separator, only the firmware extends. An event's type is nobody's word: what it is, its digest says. */
static int look_at_secure_boot(struct replay *p, const struct event *e)
{
        static const uint8_t separator[4], error[4] = { 1 };
        bool ends = false, says = false;
        int value, r;

        if (e->pcr != PCR_SECURE_BOOT || p->separated)
                return 0;
        r = is_digest_of(p, e, BYTES(separator, sizeof(separator)), &ends);
        if (r == 0 && !ends)
                r = is_digest_of(p, e, BYTES(error, sizeof(error)), &ends);
        if (r != 0)
                return r;
        if (ends) {
                p->separated = true;
                return 0;
        }
        value = secure_boot_value(e->data);
        if (value >= 0)
                r = is_digest_of(p, e, e->data, &says);
        if (r != 0 || !says)
                return r;
        if (p->out.has_secure_boot)
                return bad("it says twice whether secure boot is on");
        p->out.has_secure_boot = true;
        p->out.secure_boot = value == 1;
        return 0;
}

/* Where TPM2_Startup came from, PCR 0 starts with the locality (PC Client Platform Firmware Profile, 10.4.5.3). */
static int look_at_no_action(struct replay *p, const struct event *e)
{
        if (e->pcr != 0 || e->data.len < sizeof(LOCALITY) || memcmp(e->data.ptr, LOCALITY, sizeof(LOCALITY)) != 0)
                return 0;
        if (e->data.len != sizeof(LOCALITY) + 1 || p->extended[0] || p->out.pcr[0][p->h->size - 1] != 0)
                return bad("it says of the startup's locality too late, or twice");
        p->out.pcr[0][p->h->size - 1] = e->data.ptr[sizeof(LOCALITY)];
        return 0;
}

static int extend(struct replay *p, const struct event *e)
{
        uint8_t *pcr = p->out.pcr[e->pcr];

        p->extended[e->pcr] = true;
        return crypto_hash(p->h, (const struct bytes[]){ BYTES(pcr, p->h->size), e->digest }, 2, pcr);
}

int eventlog_replay(struct bytes log, const struct hash *h, struct eventlog *ret)
{
        struct tpms r = TPMS(log);
        struct replay p = { .h = h };
        int e;

        for (unsigned i = PCR_DYNAMIC_FIRST; i <= PCR_DYNAMIC_LAST; i++)
                memset(p.out.pcr[i], 0xff, h->size);
        e = read_header(&r, &p);
        while (e == 0 && r.left.len > 0) {
                struct event event;

                if (++p.out.events > EVENTLOG_EVENTS_MAX)
                        return bad("it has too many events");
                e = read_event(&r, &p, &event);
                if (e == 0 && event.type == EV_NO_ACTION) {
                        e = look_at_no_action(&p, &event);
                        continue;
                }
                if (e == 0)
                        e = look_at_secure_boot(&p, &event);
                if (e == 0)
                        e = extend(&p, &event);
        }
        if (e == 0 && !p.separated)
                p.out.has_secure_boot = p.out.secure_boot = false;
        if (e == 0)
                *ret = p.out;
        return e;
}
