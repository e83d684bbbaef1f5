/* SPDX-License-Identifier: Apache-2.0 */
#define VARIANT "x86-64-v4"
#include "variant.h"
