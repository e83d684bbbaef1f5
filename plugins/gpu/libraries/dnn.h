/* SPDX-License-Identifier: Apache-2.0
 *
 * Convolutions by a library: images and weights of four dims, f32, all in one order of memory. */
#ifndef GPU_DNN_H
#define GPU_DNN_H

#include "library.h"

typedef struct gpu_dnn_tensor {
    int64_t dims[4], strides[4]; /* N C H W */
    int64_t alignment;           /* of the address, in bytes */
} gpu_dnn_tensor;

typedef struct gpu_dnn_conv {
    gpu_dnn_tensor x, w, y;
    int64_t stride[2], padding[2], dilation[2];
    const gpu_dnn_tensor *bias; /* 1 C 1 1; NULL: none. Forward only, like relu */
    int relu;
} gpu_dnn_conv;

typedef enum gpu_dnn_kind { GPU_DNN_FORWARD, GPU_DNN_GRAD_INPUT, GPU_DNN_GRAD_WEIGHT } gpu_dnn_kind;

/* What makes plans of convolutions. */
typedef struct gpu_dnn_library {
    const char *name;
    int fuses;                                   /* bias and relu can go with a convolution */
    const char *apart;                           /* a sentence on their being made apart, after that failed */
    int (*is_used)(tn_device *device);           /* 0: missing, or turned off */
    int (*wants_tuning)(const tn_op_desc *desc); /* NULL: never */
    /* A plan of x w b -> y, dy w -> dx, or dy x -> dw. TN_UNSUPPORTED if nothing gives f32's precision (with tf32: TF32's),
     * the same bits every time, with a scratch memory that is not too large. position: of the library's proposals, best
     * first, where to begin; then where the plan was found, behind which one may begin again. */
    tn_status (*plan)(tn_device *device, gpu_dnn_kind kind, const gpu_dnn_conv *conv, int tf32, int *position,
                      tn_plan **plan, tn_error *error);
} gpu_dnn_library;

/* A plan of conv2d, conv2d_relu, conv2d_grad_input or conv2d_grad_weight. self->data is the shared kernels' row, which does
 * what the library does not take. */
tn_status gpu_dnn_plan(const gpu_dnn_library *library, const tn_kernel *self, tn_device *device, const tn_op_desc *desc,
                       tn_plan **plan, tn_error *error);

#endif
