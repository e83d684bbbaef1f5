/* SPDX-License-Identifier: Apache-2.0
 *
 * GPUs that the plugin has no code for are found in the kernel's list before HIP's runtime sees them. */
#include "topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char nodes[] = "/tmp/tenon-topology-XXXXXX";

/* Node `number` with a file of properties; NULL: without the file. */
static void make(int number, const char *properties)
{
    char path[100];
    snprintf(path, sizeof path, "%s/%d", nodes, number);
    assert_true(mkdir(path, 0700) == 0);
    if (!properties) return;
    snprintf(path, sizeof path, "%s/%d/properties", nodes, number);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(properties, file);
    fclose(file);
}

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(nodes));
    make(0, "cpu_cores_count 16\ngfx_target_version 0\n"); /* a CPU */
    make(1, "simd_count 440\ngfx_target_version 90010\ndomain 0\n");
    make(2, "gfx_target_version 100306\n");
    make(3, "simd_count 4\n"); /* of a kernel that does not tell */
    make(4, NULL);
    return 0;
}

static int teardown(void **state)
{
    char command[100];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", nodes);
    return system(command);
}

static void assert_uncovered(const char *architectures, const char *expected)
{
    char name[32] = "none";
    assert_int_equal(hip_uncovered(nodes, architectures, name, sizeof name), 1);
    assert_string_equal(name, expected);
}

static void gpus_without_code_are_found(void **state)
{
    char name[32];
    (void)state;
    assert_uncovered("gfx90a,gfx1030", "gfx1036");
    assert_uncovered("gfx1030,gfx1036:xnack-", "gfx90a");
    assert_uncovered("gfx90,gfx1036", "gfx90a");
    assert_uncovered("gfx90ab,gfx1036", "gfx90a");
    assert_int_equal(hip_uncovered(nodes, "gfx90a,gfx1036", name, sizeof name), 0);
    assert_int_equal(hip_uncovered(nodes, "gfx1036:xnack-,gfx90a:sramecc+", name, sizeof name), 0);
}

static void no_list_is_no_trouble(void **state)
{
    char name[32];
    (void)state;
    assert_int_equal(hip_uncovered("/nowhere", "gfx90a", name, sizeof name), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpus_without_code_are_found),
        cmocka_unit_test(no_list_is_no_trouble),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
