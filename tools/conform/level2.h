/* SPDX-License-Identifier: Apache-2.0
 *
 * The checks of level 2 that work on plans, without a core around them: level2_plans.c. */
#ifndef TENON_CONFORM_LEVEL2_H
#define TENON_CONFORM_LEVEL2_H

#include "trial.h"

void level2_plans(conform_run *run);
void level2_repeats(conform_run *run);
void level2_alias(conform_run *run);

#endif
