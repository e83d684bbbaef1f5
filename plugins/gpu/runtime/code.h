/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernels' code and names, in the order of gpu_kernel. */
#ifndef GPU_CODE_H
#define GPU_CODE_H

#ifdef __cplusplus
extern "C" {
#endif

extern const void *const gpu_code[];
extern const char *const gpu_names[];

#ifdef __cplusplus
}
#endif
#endif
