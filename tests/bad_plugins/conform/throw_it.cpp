/* SPDX-License-Identifier: Apache-2.0
 *
 * Part of throws.c. */
#include <new>

extern "C" void throw_it(void);

void throw_it(void)
{
    throw std::bad_alloc();
}
