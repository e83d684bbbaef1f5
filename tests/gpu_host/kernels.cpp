/* SPDX-License-Identifier: Apache-2.0
 *
 * All GPU kernels, compiled for the CPU, and the table that launches them by number. */
#include "language.h"

#include "args.h"
#include "gpu.h"

#include "kernels/all.h"

#define GPU_KERNEL(name, args)                  \
    static void run_##name(const void *pointer) \
    {                                           \
        gpu_##name(*(const args *)pointer);     \
    }
#include "kernels.h"
#undef GPU_KERNEL

extern const struct host_kernel {
    const char *name;
    void (*run)(const void *args);
} host_kernels[];

const host_kernel host_kernels[] = {
#define GPU_KERNEL(name, args) {#name, run_##name},
#include "kernels.h"
#undef GPU_KERNEL
};
