/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 4. */
#include "conform.h"

const conform_check conform_level4[] = {{0}};
