/* SPDX-License-Identifier: Apache-2.0
 *
 * All kernels: GPU_KERNEL(name, type of its arguments). To walk the list, define GPU_KERNEL and include this file; the
 * argument types are in args.h, the kernels in kernels/. */

/* ---- elementwise, copies, fills, random numbers */
GPU_KERNEL(map_f32, gpu_map_args)
GPU_KERNEL(map_f64, gpu_map_args)
GPU_KERNEL(map_i64, gpu_map_args)
GPU_KERNEL(map_i32, gpu_map_args)
GPU_KERNEL(map_u8, gpu_map_args)
GPU_KERNEL(math_f32, gpu_map_args)
GPU_KERNEL(math_f64, gpu_map_args)
GPU_KERNEL(where, gpu_where_args)
GPU_KERNEL(cast, gpu_cast_args)
GPU_KERNEL(copy, gpu_copy_args)
GPU_KERNEL(transpose, gpu_transpose_args)
GPU_KERNEL(fill, gpu_fill_args)
GPU_KERNEL(arange, gpu_arange_args)
GPU_KERNEL(random, gpu_random_args)
GPU_KERNEL(dropout, gpu_dropout_args)

/* ---- reductions, classification, rows, optimizer steps */

/* ---- products, convolution, pooling, normalisation */
