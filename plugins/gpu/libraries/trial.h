/* SPDX-License-Identifier: Apache-2.0
 *
 * A library's plan is tried once before it is used: what a heuristic promises may still fail when it is run, and a relu
 * may turn NaN into 0, which the catalogue does not allow. The trial also loads the kernels, so that the plan can be
 * captured afterwards. */
#ifndef GPU_TRIAL_H
#define GPU_TRIAL_H

#include "runtime/runtime.h"

#define GPU_UNTIMED UINT64_MAX

/* Runs the plan of desc on scratch memory that is full of NaN; TN_OK if that ran. keeps_nan: and if the first element of
 * output 0 is NaN. nanoseconds: what it takes from then on, the median of several; left as it is if there is no memory for
 * the trial; NULL: it is not timed. Queueing counts where it takes longer than the work. */
tn_status gpu_trial(tn_device *device, const tn_op_desc *desc, const tn_plan *plan, int keeps_nan,
                    uint64_t *nanoseconds, tn_error *error);

#endif
