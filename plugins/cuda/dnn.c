/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d, conv2d_relu and the gradients of conv2d by cuDNN. */
#include "dnn_plan.h"

static int is_used(tn_device *device)
{
    return cu_dnn_of(device) != NULL;
}

static tn_status make(tn_device *device, gpu_dnn_kind kind, const gpu_dnn_conv *conv, int tf32, int *position,
                      tn_plan **plan, tn_error *error)
{
    return dnn_plan_create(device, cu_dnn_of(device), kind, conv, tf32, position, plan, error);
}

static const gpu_dnn_library library = {.name = "cuDNN",
                                        .fuses = 1,
                                        .apart = "cuDNN is asked for the convolution alone",
                                        .is_used = is_used,
                                        .wants_tuning = cu_wants_tuning,
                                        .plan = make};

tn_status cu_convolution_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                              tn_error *error)
{
    return gpu_dnn_plan(&library, self, device, desc, plan, error);
}
