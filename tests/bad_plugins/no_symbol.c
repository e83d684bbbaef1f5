/* SPDX-License-Identifier: Apache-2.0
 *
 * A shared object, but no plugin. */
int tenon_test_something_else(void);

__attribute__((visibility("default"))) int tenon_test_something_else(void)
{
    return 1;
}
