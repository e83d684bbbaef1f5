/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of AMD's libraries the plugin was built with, and which operators they are asked for. */
#include "libraries/library.h"

#ifdef TENON_ROCBLAS_FILE
#include "rocblas.h"
#endif
#ifdef TENON_MIOPEN_FILE
#include "miopen.h"
#endif

static const gpu_setting settings[] = {
    {"TENON_HIP_LIBS", "on", {"off", "rocblas", "miopen", "on"}, "none of off, rocblas, miopen and on"},
    {NULL, NULL, {NULL}, NULL},
};

const gpu_library_set gpu_libraries = {.plugin = "hip",
                                       .settings = settings,
                                       .libraries = {
#ifdef TENON_ROCBLAS_FILE
                                           [GPU_BLAS] = &rocm_blas_row,
#endif
#ifdef TENON_MIOPEN_FILE
                                           [GPU_DNN] = &rocm_dnn_row,
#endif
                                       }};

const gpu_library_row gpu_library_rows[] = {
#ifdef TENON_ROCBLAS_FILE
    {TN_SCHEMA(matmul), rocm_product_plan},
    {TN_SCHEMA(linear), rocm_product_plan},
    {TN_SCHEMA(linear_relu), rocm_product_plan},
    {TN_SCHEMA(linear_grad_weight), rocm_product_plan},
#endif
#ifdef TENON_MIOPEN_FILE
    {TN_SCHEMA(conv2d), rocm_convolution_plan},
    {TN_SCHEMA(conv2d_relu), rocm_convolution_plan},
    {TN_SCHEMA(conv2d_grad_input), rocm_convolution_plan},
    {TN_SCHEMA(conv2d_grad_weight), rocm_convolution_plan},
#endif
    {NULL, NULL},
};
