/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 1: memory and streams. */
#include "parts.h"

/* Every operator that the plugin takes runs on all its samples under the eyes of the shim. */
static void executes(conform_run *run)
{
    int n;
    const tn_op_status *ops = tn_ops(&n);
    tn_context *tn = conform_open(run, false);
    for (int i = 0; tn && i < n; i++)
        for (const char *const *sample = ops[i].samples; *sample; sample++) {
            if (!tn_backend_has_op("candidate", ops[i].name)) continue;
            for (int k = 0; k < 2; k++) {
                const tn_op_call_options options = {.batch = 3, .dtype = k ? TN_F64 : TN_F32};
                tn_op_call *call = tn_op_call_open(tn, ops[i].name, *sample, &options);
                if (call && tn_op_call_run(call) == TN_OK) run->compared++;
                if (tn_check(tn) == TN_UNSUPPORTED) tn_clear(tn);
                tn_op_call_close(call);
                if (!conform_check_context(run, tn, ops[i].name)) break;
            }
        }
    conform_close(run, tn);
}

const conform_check conform_level1[] = {
    {"execute.keeps_to_its_own",
     "execute writes to its outputs and to the workspace that its plan asked for, and nowhere else; "
     "it allocates nothing, and leaves the process as it is",
     executes, false},
    {0},
};
