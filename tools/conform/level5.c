/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 5. */
#include "conform.h"

const conform_check conform_level5[] = {{0}};
