/* SPDX-License-Identifier: Apache-2.0 */
#define DEMO "demo_a"
#include "demo.h"
