/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the files of the CUDA plugin. Its runtime is plugins/gpu/runtime, its kernels are those of plugins/gpu;
 * products and convolutions are cuBLASLt's and cuDNN's where these libraries are there and take them (libraries.h). */
#ifndef TENON_CUDA_H
#define TENON_CUDA_H

#include "runtime/runtime.h"

/* ---- libraries.c; without/libraries.c where their headers are not there when the plugin is built */

/* Refuses values of TENON_CUDA_LIBS (off, cublas, cudnn, on) and TENON_CUDA_TUNE (off, on) that there are not. */
tn_status cu_libraries_check(tn_error *error);
/* Closes what the device has opened. */
void cu_libraries_close(tn_device *device);
/* Operators that a library is asked for first. `data` of their kernels is the shared kernels' row. */
typedef struct cu_library_row {
    const char *schema;
    tn_status (*plan_create)(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error);
} cu_library_row;
extern const cu_library_row cu_library_rows[]; /* ends by one without a schema */

#endif
