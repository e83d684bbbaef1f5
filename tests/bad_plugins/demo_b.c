/* SPDX-License-Identifier: Apache-2.0 */
#define DEMO "demo_b"
#include "demo.h"
