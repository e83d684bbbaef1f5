/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 3. */
#include "conform.h"

const conform_check conform_level3[] = {{0}};
