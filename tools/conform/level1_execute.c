/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 1: executions, under the eyes of the shim. What they compute is level 2's affair. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

static bool run_sample(conform_run *run, tn_context *tn, const char *op, const char *sample,
                       const tn_op_call_options *options)
{
    tn_op_call *call = tn_op_call_open(tn, op, sample, options);
    for (int i = 0; call && i < 2; i++) /* the plan a second time, too */
        if (tn_op_call_run(call) == TN_OK) run->compared++;
    if (tn_check(tn) == TN_UNSUPPORTED) tn_clear(tn); /* as check may say */
    tn_op_call_close(call);
    return conform_check_context(run, tn, op);
}

void conform_execute_samples(conform_run *run)
{
    static const tn_dtype dtypes[] = {TN_F32, TN_F64};
    static const tn_op_layout layouts[] = {TN_OP_LAYOUT_PREFERRED, TN_OP_LAYOUT_SLICED};
    int n;
    const tn_op_status *ops = tn_ops(&n);
    tn_context *tn = conform_open(run, false);
    for (int i = 0; tn && i < n; i++)
        for (const char *const *sample = ops[i].samples; *sample && tn_backend_has_op("candidate", ops[i].name);
             sample++)
            for (int k = 0; k < 4 && run->outcome == CONFORM_PASS; k++)
                run_sample(run, tn, ops[i].name, *sample,
                           &(tn_op_call_options){.batch = 3, .dtype = dtypes[k / 2], .layout = layouts[k % 2]});
    conform_close(run, tn);
    if (!run->compared) conform_skip(run, "it has no operators");
}

/* ---- by hand */

static bool bind(rig *r, rig_use *use)
{
    if (!rig_bind(r, use)) return false;
    for (int i = 0; i < use->n_in + use->n_out; i++)
        if (!rig_fill(r, r->d.stream, use->data[i], 0, rig_bytes(&use->desc[i]))) return false;
    return true;
}

/* The core rarely asks for outputs with gaps, but it may. */
void conform_execute_gaps(conform_run *run)
{
    rig r;
    if (!rig_open(run, &r, true)) return;
    for (int i = 0; i < RIG_OPS; i++)
        for (int64_t stretch = 1; stretch <= 3 && run->outcome == CONFORM_PASS; stretch++) {
            rig_use use;
            if (rig_plan(&r, &use, i, 3, 5, stretch) && bind(&r, &use) && rig_execute(&r, &use, r.d.stream))
                run->compared++;
            rig_sync(&r, r.d.stream);
            rig_plan_close(&use);
        }
    shim_memory_intact();
    rig_close(&r);
    if (!run->compared) conform_skip(run, "it takes none of the simple operators that this check knows");
}

/* Which numbers it writes is level 2's affair; that it writes is seen by the last one. */
static bool writes(rig *r, const rig_use *use)
{
    const uint64_t bytes = rig_bytes(&use->desc[use->n_in]);
    unsigned char last[sizeof(float)] = {0}, *at = use->data[use->n_in];
    if (!rig_fill(r, r->d.stream, at, 0xff, bytes) || !rig_execute(r, use, r->d.stream) ||
        !rig_get(r, last, at + bytes - sizeof last, sizeof last))
        return false;
    r->run->compared++;
    return memcmp(last, "\xff\xff\xff\xff", sizeof last) != 0 ||
           conform_fail(r->run, "%s was executed, but nothing written, where tn_bindings has %d fields more", use->op,
                        PARTS_LATER);
}

void conform_execute_newer(conform_run *run)
{
    rig r;
    if (!rig_open(run, &r, false)) return;
    r.newer = true;
    for (int i = 0; i < RIG_OPS && run->outcome == CONFORM_PASS; i++) {
        rig_use use;
        if (rig_plan(&r, &use, i, 3, 5, 1) && use.n_out && rig_bind(&r, &use) && rig_draw(&r, &use, 1))
            writes(&r, &use);
        rig_plan_close(&use);
    }
    rig_close(&r);
    if (!run->compared) conform_skip(run, "it takes none of the simple operators that this check knows");
}

/* Numbers that are exact in f32, in a chain without a wait: a sum that grows by one each time. */
void conform_execute_order(conform_run *run)
{
    enum { STEPS = 300, N = 1000 };
    float *values = malloc(N * sizeof *values);
    tn_context *tn = values ? conform_open(run, false) : NULL;
    if (tn && tn_backend_has_op("candidate", "add")) {
        for (int i = 0; i < N; i++) values[i] = 1;
        tn_tensor *one = tn_from(tn, values, TN_F32, 1, (int64_t[]){N}), *x = one;
        for (int i = 1; i < STEPS; i++) x = tn_add(x, one);
        if (tn_read(x, values, N * sizeof *values) == TN_OK) run->compared++;
        for (int i = 0; i < N && tn_check(tn) == TN_OK; i++)
            if (values[i] != STEPS) {
                conform_fail(run, "%d additions of 1, queued one after the other, make %g at element %d", STEPS,
                             (double)values[i], i);
                break;
            }
    } else if (tn) {
        conform_skip(run, "it has no add");
    }
    conform_close(run, tn);
    free(values);
}
