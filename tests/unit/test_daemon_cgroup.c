/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon/cgroup.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "daemon/cgroup.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static void says(const char *path, const char *unit, const char *container)
{
        CLEANUP(buf_clear) struct buf u = { 0 };
        CLEANUP(buf_clear) struct buf c = { 0 };

        /* Of its exact length, so that the sanitizers see a step too far. */
        char *exact = malloc(strlen(path) + 1);

        assert_non_null(exact);
        memcpy(exact, path, strlen(path));
        assert_int_equal(cgroup_names(BYTES(exact, strlen(path)), &u, &c), 0);
        free(exact);
        assert_string_equal(buf_str(&u), unit);
        assert_string_equal(buf_str(&c), container);
}

static void units_of_the_system(void **state)
{
        (void)state;
        says("/system.slice/nginx.service", "nginx.service", "");
        says("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", "");
        says("/user.slice/user-1000.slice/session-3.scope", "session-3.scope", "");
        says("/system.slice", "", "");
        says("/", "", "");
        says("", "", "");
        says("/.service/x", "", "");
}

/* A user's service manager may start a unit of any name. */
static void what_a_user_names_is_not_the_systems(void **state)
{
        (void)state;
        says("/user.slice/user-1000.slice/user@1000.service/app.slice/nginx.service", "user@1000.service", "");
        says("/user.slice/user-1000.slice/user@1000.service/docker-" ID ".scope", "user@1000.service", "");
        says("/machine.slice/guest.scope/system.slice/nginx.service", "guest.scope", "");
}

static void containers(void **state)
{
        (void)state;
        says("/system.slice/docker-" ID ".scope", "docker-" ID ".scope", ID);
        says("/docker/" ID, "", ID);
        says("/docker/" ID "/system.slice/nginx.service", "", ID);
        says("/docker/" ID "/" OTHER, "", ID);
        says("/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope", "cri-containerd-" ID ".scope", ID);
        says("/docker/" ID "0", "", "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(units_of_the_system),
                cmocka_unit_test(what_a_user_names_is_not_the_systems),
                cmocka_unit_test(containers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
