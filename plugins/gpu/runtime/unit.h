/* SPDX-License-Identifier: Apache-2.0
 *
 * All kernels: the whole of the translation unit that a vendor's compiler is given. */
#include "device.h"

#include "args.h"

#include "kernels/all.h"

#include "runtime/code.h"

const void *const gpu_code[] = {
#define GPU_KERNEL(name, args) (const void *)gpu_##name,
#include "kernels.h"
#undef GPU_KERNEL
};

const char *const gpu_names[] = {
#define GPU_KERNEL(name, args) #name,
#include "kernels.h"
#undef GPU_KERNEL
};
