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
GPU_KERNEL(reduce, gpu_reduce_args)
GPU_KERNEL(argmax, gpu_argmax_args)
GPU_KERNEL(softmax, gpu_softmax_args)
GPU_KERNEL(cross_entropy, gpu_cross_entropy_args)
GPU_KERNEL(cross_entropy_grad, gpu_cross_entropy_grad_args)
GPU_KERNEL(nll, gpu_nll_args)
GPU_KERNEL(one_hot, gpu_one_hot_args)
GPU_KERNEL(index_select, gpu_index_select_args)
GPU_KERNEL(gather_scale, gpu_gather_scale_args)
GPU_KERNEL(index_add, gpu_index_add_args)
GPU_KERNEL(cat, gpu_cat_args)
GPU_KERNEL(step, gpu_step_args)
GPU_KERNEL(step_any, gpu_step_any_args)

/* ---- products, convolution, pooling, normalisation */
