/* SPDX-License-Identifier: Apache-2.0
 *
 * The products: for each way of reading sides, tiles of a few sizes (product.c chooses). */

#define GPU_TILES(name, type, tile, depth, each, stages, a, b)                     \
    GPU_DEFINE(name, gpu_product_args, GPU_THREADS)                                \
    {                                                                              \
        gpu_product_block<gpu_shape<type, tile, depth, each, stages>, a, b>(args); \
    }

/* clang-format off */
GPU_TILES(matmul16_f32,      float,  16,  256, 4, 1, GPU_FLAT, GPU_FLAT)
GPU_TILES(matmul32_f32,      float,  32,  32,  4, 2, GPU_FLAT, GPU_FLAT)
GPU_TILES(matmul64_f32,      float,  64,  32,  8, 2, GPU_FLAT, GPU_FLAT)
GPU_TILES(matmul128_f32,     float,  128, 8,   8, 2, GPU_FLAT, GPU_FLAT)
GPU_TILES(matmul16_f64,      double, 16,  128, 4, 1, GPU_FLAT, GPU_FLAT)
GPU_TILES(matmul32_f64,      double, 32,  32,  4, 2, GPU_FLAT, GPU_FLAT)
GPU_TILES(matmul64_f64,      double, 64,  16,  4, 2, GPU_FLAT, GPU_FLAT)
/* the same with a column of ones, which gives the sums of the other side */
GPU_TILES(matmul_sums16_f32, float,  16,  256, 4, 1, GPU_FLAT, GPU_FLAT_ONES)
GPU_TILES(matmul_sums32_f32, float,  32,  32,  4, 2, GPU_FLAT, GPU_FLAT_ONES)
GPU_TILES(matmul_sums64_f32, float,  64,  32,  8, 2, GPU_FLAT, GPU_FLAT_ONES)
GPU_TILES(matmul_sums32_f64, double, 32,  32,  4, 2, GPU_FLAT, GPU_FLAT_ONES)
/* x y = convolution; dx likewise where the stride is 1 */
GPU_TILES(conv32_f32,        float,  32,  32,  4, 2, GPU_IMAGE, GPU_SPREAD)
GPU_TILES(conv64_f32,        float,  64,  16,  8, 2, GPU_IMAGE, GPU_SPREAD)
GPU_TILES(conv32_f64,        double, 32,  32,  4, 2, GPU_IMAGE, GPU_SPREAD)
GPU_TILES(conv64_f64,        double, 64,  16,  4, 2, GPU_IMAGE, GPU_SPREAD)
/* dx, of a stride or of pooling */
GPU_TILES(conv_back32_f32,   float,  32,  32,  4, 2, GPU_DIVIDED, GPU_SPREAD)
GPU_TILES(conv_back64_f32,   float,  64,  16,  8, 2, GPU_DIVIDED, GPU_SPREAD)
GPU_TILES(conv_back32_f64,   double, 32,  32,  4, 2, GPU_DIVIDED, GPU_SPREAD)
/* dw and db */
GPU_TILES(conv_weight32_f32, float,  32,  32,  4, 2, GPU_CELLS, GPU_IMAGE)
GPU_TILES(conv_weight64_f32, float,  64,  16,  8, 2, GPU_CELLS, GPU_IMAGE)
GPU_TILES(conv_weight32_f64, double, 32,  32,  4, 2, GPU_CELLS, GPU_IMAGE)
/* clang-format on */

#undef GPU_TILES

GPU_DEFINE(join_f32, gpu_join_args, GPU_THREADS)
{
    gpu_join_parts<float>(args);
}

GPU_DEFINE(join_f64, gpu_join_args, GPU_THREADS)
{
    gpu_join_parts<double>(args);
}
