/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans of cuDNN: a convolution's graph, and the engine that runs it. */
#ifndef TENON_CUDA_DNN_PLAN_H
#define TENON_CUDA_DNN_PLAN_H

#include "dnn_graph.h"

/* A plan with inputs and output as dnn_conv_operations says. TN_UNSUPPORTED if no engine gives f32's precision (with tf32:
 * TF32's), the same bits every time, with a scratch memory that is not too large. position: of cuDNN's proposals, best
 * first, where to begin; then where the plan was found, behind which one may begin again. */
tn_status dnn_plan_create(tn_device *device, const cu_dnn *dnn, dnn_kind kind, const dnn_conv *conv, int tf32,
                          int *position, tn_plan **plan, tn_error *error);

#endif
