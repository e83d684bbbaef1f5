/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernels of plugins/gpu, compiled for NVIDIA's GPUs. */
#include "device.h"

#include "args.h"

#include "kernels/all.h"

#include "cuda.h"

const void *const cu_kernels[] = {
#define GPU_KERNEL(name, args) (const void *)gpu_##name,
#include "kernels.h"
#undef GPU_KERNEL
};

const char *const cu_kernel_names[] = {
#define GPU_KERNEL(name, args) #name,
#include "kernels.h"
#undef GPU_KERNEL
};
