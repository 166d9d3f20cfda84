/* SPDX-License-Identifier: BSD-2-Clause */
/* May one more from there come in? */
#include "issuer/http_census.h"
#include <netinet/in.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "lib/err.h"

#define BUCKETS 1024
#define PREFIX 8        /* octets of an IPv6 address that one household has */

struct census_home {
        struct census_home *next;
        unsigned bucket, connections;
        uint8_t address[16];
};

struct census {
        pthread_mutex_t lock;
        unsigned connections, max, max_per_address;
        uint64_t seed;          /* nobody is to choose who shares his bucket */
        struct census_home *buckets[BUCKETS];
};

int census_new(unsigned max, unsigned max_per_address, struct census **ret)
{
        struct census *c = calloc(1, sizeof(*c));

        if (c == NULL)
                return err(ERR_NOMEM, "out of memory");
        if (RAND_bytes((uint8_t *)&c->seed, sizeof(c->seed)) != 1) {
                free(c);
                return err(ERR_IO, "no random numbers");
        }
        pthread_mutex_init(&c->lock, NULL);
        c->max = max;
        c->max_per_address = max_per_address;
        *ret = c;
        return 0;
}

void census_free(struct census *c)
{
        if (c == NULL)
                return;
        for (size_t i = 0; i < BUCKETS; i++)
                while (c->buckets[i] != NULL) {
                        struct census_home *h = c->buckets[i];

                        c->buckets[i] = h->next;
                        free(h);
                }
        pthread_mutex_destroy(&c->lock);
        free(c);
}

/* False: not to be counted by its address. */
static bool household(const struct sockaddr *from, uint8_t ret[16])
{
        static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
        const uint8_t *six;

        memset(ret, 0, 16);
        if (from->sa_family == AF_INET) {
                memcpy(ret, mapped, sizeof(mapped));
                memcpy(ret + 12, &((const struct sockaddr_in *)from)->sin_addr, 4);
                return true;
        }
        if (from->sa_family != AF_INET6)
                return false;
        six = ((const struct sockaddr_in6 *)from)->sin6_addr.s6_addr;
        memcpy(ret, six, memcmp(six, mapped, sizeof(mapped)) == 0 ? 16 : PREFIX);
        return true;
}

static struct census_home *find(struct census *c, const uint8_t address[16])
{
        uint64_t halves[2], mixed;
        struct census_home *h;
        unsigned bucket;

        memcpy(halves, address, sizeof(halves));
        mixed = (halves[0] ^ c->seed) * 0x9e3779b97f4a7c15u;
        mixed = (mixed ^ (mixed >> 29) ^ halves[1]) * 0xbf58476d1ce4e5b9u;
        bucket = (unsigned)(mixed >> 48) % BUCKETS;
        for (h = c->buckets[bucket]; h != NULL; h = h->next)
                if (memcmp(h->address, address, 16) == 0)
                        return h;
        h = calloc(1, sizeof(*h));
        if (h == NULL)
                return NULL;
        memcpy(h->address, address, 16);
        h->bucket = bucket;
        h->next = c->buckets[bucket];
        c->buckets[bucket] = h;
        return h;
}

static void leave_home(struct census *c, struct census_home *h)
{
        struct census_home **at = &c->buckets[h->bucket];

        if (--h->connections > 0)
                return;
        while (*at != h)
                at = &(*at)->next;
        *at = h->next;
        free(h);
}

enum census_answer census_enter(struct census *c, const struct sockaddr *from, struct census_home **ret)
{
        enum census_answer answer = CENSUS_WELCOME;
        struct census_home *h = NULL;
        uint8_t address[16];

        pthread_mutex_lock(&c->lock);
        if (c->connections >= c->max) {
                answer = CENSUS_FULL;
        } else if (household(from, address)) {
                h = find(c, address);
                if (h == NULL || h->connections >= c->max_per_address)
                        answer = CENSUS_ADDRESS_FULL;
                else
                        h->connections++;
        }
        if (answer == CENSUS_WELCOME)
                c->connections++;
        pthread_mutex_unlock(&c->lock);
        if (answer == CENSUS_WELCOME)
                *ret = h;
        return answer;
}

void census_leave(struct census *c, struct census_home *h)
{
        pthread_mutex_lock(&c->lock);
        c->connections--;
        if (h != NULL)
                leave_home(c, h);
        pthread_mutex_unlock(&c->lock);
}
