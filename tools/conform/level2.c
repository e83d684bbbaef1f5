/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 2. */
#include "conform.h"

const conform_check conform_level2[] = {{0}};
