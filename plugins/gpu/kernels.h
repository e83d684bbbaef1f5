/* SPDX-License-Identifier: Apache-2.0
 *
 * All kernels: GPU_KERNEL(name, type of its arguments). To walk the list, define GPU_KERNEL and include this file; the
 * argument types are in args.h, the kernels in kernels/. */

/* ---- elementwise, copies, fills, random numbers */
GPU_KERNEL(fill, gpu_fill_args)

/* ---- reductions, classification, rows, optimizer steps */

/* ---- products, convolution, pooling, normalisation */
