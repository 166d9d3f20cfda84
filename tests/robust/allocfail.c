/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes the nth allocation of a program fail, once or from then on. For LD_PRELOAD; the program finds allocfail_arm()
 * and allocfail_disarm() by dlsym(). Allocations outside of that window succeed and are not counted. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

/* What glibc's own functions are called where they are not interposed. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

void allocfail_arm(long at, bool goes_on);
long allocfail_disarm(bool *ret_struck);
void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t n);
void *memalign(size_t align, size_t n);
void *aligned_alloc(size_t align, size_t n);
int posix_memalign(void **ret, size_t align, size_t n);

static long count, at;
static bool armed, goes_on, struck;

EXPORT void allocfail_arm(long n, bool on)
{
        count = 0;
        at = n;
        goes_on = on;
        struck = false;
        __atomic_store_n(&armed, true, __ATOMIC_SEQ_CST);
}

EXPORT long allocfail_disarm(bool *ret_struck)
{
        __atomic_store_n(&armed, false, __ATOMIC_SEQ_CST);
        *ret_struck = struck;
        return count;
}

/* Where a debugger finds who asked for the memory. */
static __attribute__((noinline)) void strike(void)
{
        struck = true;
        errno = ENOMEM;
}

static bool strikes(void)
{
        long n;

        if (!__atomic_load_n(&armed, __ATOMIC_SEQ_CST))
                return false;
        n = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
        if (at == 0 || (goes_on ? n < at : n != at))
                return false;
        strike();
        return true;
}

EXPORT void *malloc(size_t n)
{
        return strikes() ? NULL : __libc_malloc(n);
}

EXPORT void *calloc(size_t n, size_t size)
{
        return strikes() ? NULL : __libc_calloc(n, size);
}

EXPORT void *realloc(void *p, size_t n)
{
        return strikes() ? NULL : __libc_realloc(p, n);
}

EXPORT void *memalign(size_t align, size_t n)
{
        return strikes() ? NULL : __libc_memalign(align, n);
}

EXPORT void *aligned_alloc(size_t align, size_t n)
{
        return memalign(align, n);
}

EXPORT int posix_memalign(void **ret, size_t align, size_t n)
{
        void *p = memalign(align, n);

        if (!p)
                return ENOMEM;
        *ret = p;
        return 0;
}
