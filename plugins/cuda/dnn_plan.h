/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans of cuDNN: a convolution's graph, and the engine that runs it. */
#ifndef TENON_CUDA_DNN_PLAN_H
#define TENON_CUDA_DNN_PLAN_H

#include "dnn_graph.h"

/* As gpu_dnn_library's plan, with inputs and output as dnn_conv_operations says. */
tn_status dnn_plan_create(tn_device *device, const cu_dnn *dnn, gpu_dnn_kind kind, const gpu_dnn_conv *conv, int tf32,
                          int *position, tn_plan **plan, tn_error *error);

#endif
