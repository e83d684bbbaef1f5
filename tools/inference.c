/* SPDX-License-Identifier: Apache-2.0
 *
 * A model's forward as a program. */
#include "image.h"
#include "tool.h"

static void forward(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    out[0] = tn_nn_forward(arg, in[0]);
}

tn_program *tool_record(tn_module *model, const tool_setup *setup, int64_t batch, const char *passes)
{
    if (!model) return NULL;
    tn_context *tn = tn_nn_context(model);
    bool was = tn_set_grad_enabled(tn, false);
    tn_mark mark = tn_begin(tn);
    tn_nn_train(model, false);
    tn_program *program = tn_program_open(tn, setup->model, forward, model, 1, 1);
    if (passes) tn_program_set_passes(program, passes);
    tn_tensor *out, *x = tn_zeros(tn, TN_F32, TN_SHAPE(batch, 1, IMAGE_SIDE, IMAGE_SIDE));
    tn_program_run(program, &x, &out);
    tn_end(tn, mark, NULL);
    tn_set_grad_enabled(tn, was);
    return tn_check(tn) == TN_OK ? program : NULL;
}
