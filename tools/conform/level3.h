/* SPDX-License-Identifier: Apache-2.0
 *
 * The checks of level 3. Operators that the plugin lacks fall back, so that what it has is seen at work with the rest. */
#ifndef TENON_CONFORM_LEVEL3_H
#define TENON_CONFORM_LEVEL3_H

#include "trial.h"

void level3_graphs(conform_run *run);        /* level3_graphs.c */
void level3_simplenet_sgd(conform_run *run); /* level3_curves.c */
void level3_simplenet_adam(conform_run *run);
void level3_convnet_sgd(conform_run *run);
void level3_convnet_adam(conform_run *run);

/* Does the plugin itself run any operator of what was run since the context's last reset? Else the run is skipped. */
bool level3_takes_part(conform_run *run, tn_context *candidate);

#endif
