/* SPDX-License-Identifier: Apache-2.0
 *
 * The library that needs_library is linked to, and does not find. */
int tenon_test_gone(void);

__attribute__((visibility("default"))) int tenon_test_gone(void)
{
    return 0;
}
