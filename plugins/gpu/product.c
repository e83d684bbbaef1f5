/* SPDX-License-Identifier: Apache-2.0
 *
 * Tiles for a product: an estimate of clock cycles for each size of tile and each number of parts of the sum, and the
 * least is taken. */
#include "product.h"

gpu_product_plan gpu_product_of(gpu_family family, const tn_tensor_desc *a, const tn_tensor_desc *b,
                                const tn_tensor_desc *y)
{
    return (gpu_product_plan){.family = family,
                              .dtype = y->dtype,
                              .a_alignment = a->alignment,
                              .b_alignment = b->alignment,
                              .y_alignment = y->alignment,
                              .args = {.a.ones = UINT32_MAX, .b.ones = UINT32_MAX, .out.cells = 1}};
}

/* ---- axes */

void gpu_axis_add(gpu_axis *axis, int64_t size, int64_t stride, int64_t rows, int64_t cols)
{
    int last = axis->rank - 1;
    if (size == 1 && axis->rank > 0) return;
    if (last >= 0 && (axis->size[last].by == 1 || (axis->strides[last] == stride * size &&
                                                   axis->rows[last] == rows * size && axis->cols[last] == cols * size)))
        size *= axis->size[last].by;
    else
        last = axis->rank++;
    axis->size[last] = gpu_divisor_of(size < 1 ? 1 : (uint32_t)size);
    axis->strides[last] = stride;
    axis->rows[last] = (int32_t)rows;
    axis->cols[last] = (int32_t)cols;
}

int gpu_fits_index(int64_t n)
{
    return n <= GPU_MOST_INDICES;
}

/* ---- directions */

static int in_fours(const gpu_axis *axis, int last)
{
    for (int d = 0; d < axis->rank - last; d++)
        if (axis->strides[d] % 4) return 0;
    return 1;
}

static int walk_in_fours(const gpu_nest *walk, int operand)
{
    for (int d = 0; d < walk->rank; d++)
        if (walk->strides[operand][d] % 4) return 0;
    return 1;
}

static int steps_by_one(const gpu_axis *axis)
{
    return axis->strides[axis->rank - 1] == 1;
}

static void direct(gpu_side *side, const gpu_nest *walk, int operand, uint64_t alignment, uint64_t index_alignment)
{
    side->inward = !steps_by_one(&side->major) && steps_by_one(&side->inner);
    const gpu_axis *along = side->inward ? &side->inner : &side->major,
                   *other = side->inward ? &side->major : &side->inner;
    int last = along->rank - 1;
    side->vector = steps_by_one(along) && along->size[last].by % 4 == 0 && along->rows[last] == 0 &&
                   along->cols[last] == 0 && in_fours(along, 1) && in_fours(other, 0) && side->first % 4 == 0 &&
                   side->row_stride % 4 == 0 && side->col_stride % 4 == 0 && walk_in_fours(walk, operand) &&
                   alignment >= 16 && index_alignment >= 4;
}

/* The column of sums, if there is one, lies elsewhere. */
static int vector_result(const gpu_result *out, uint64_t alignment, int sums)
{
    return out->col.rank == 1 && steps_by_one(&out->col) && (out->n - (uint32_t)sums) % 4 == 0 &&
           in_fours(&out->row, 0) && walk_in_fours(&out->walk, 2) && alignment >= 16 && out->cells == 1;
}

/* ---- tiles */

typedef struct shape {
    gpu_kernel kernel;
    uint32_t tile, depth, stages;
    uint32_t resident; /* blocks that a multiprocessor holds at once */
    double rate;       /* multiply-adds in a clock cycle of a multiprocessor */
} shape;

enum { SHAPES = 4, F32 = 0, F64 = 1 };

/* clang-format off */
static const shape shapes[][2][SHAPES] = {
    [GPU_MATMUL][F32] = {{GPU_matmul16_f32, 16, 256, 1, 5, 40}, {GPU_matmul32_f32, 32, 32, 2, 6, 60},
                         {GPU_matmul64_f32, 64, 32, 2, 2, 95}, {GPU_matmul128_f32, 128, 8, 2, 2, 100}},
    [GPU_MATMUL][F64] = {{GPU_matmul16_f64, 16, 128, 1, 5, 20}, {GPU_matmul32_f64, 32, 32, 2, 4, 30},
                         {GPU_matmul64_f64, 64, 16, 2, 3, 40}},
    [GPU_MATMUL_SUMS][F32] = {{GPU_matmul_sums16_f32, 16, 256, 1, 5, 40}, {GPU_matmul_sums32_f32, 32, 32, 2, 6, 60},
                              {GPU_matmul_sums64_f32, 64, 32, 2, 2, 95}},
    [GPU_MATMUL_SUMS][F64] = {{GPU_matmul_sums32_f64, 32, 32, 2, 4, 30}},
    [GPU_CONV][F32] = {{GPU_conv32_f32, 32, 32, 2, 6, 50}, {GPU_conv64_f32, 64, 16, 2, 1, 85}},
    [GPU_CONV][F64] = {{GPU_conv32_f64, 32, 32, 2, 4, 30}, {GPU_conv64_f64, 64, 16, 2, 3, 40}},
    [GPU_CONV_BACK][F32] = {{GPU_conv_back32_f32, 32, 32, 2, 6, 50}, {GPU_conv_back64_f32, 64, 16, 2, 1, 80}},
    [GPU_CONV_BACK][F64] = {{GPU_conv_back32_f64, 32, 32, 2, 4, 30}},
    [GPU_CONV_WEIGHT][F32] = {{GPU_conv_weight32_f32, 32, 32, 2, 6, 50}, {GPU_conv_weight64_f32, 64, 16, 2, 1, 85}},
    [GPU_CONV_WEIGHT][F64] = {{GPU_conv_weight32_f64, 32, 32, 2, 4, 30}},
};
/* clang-format on */

static const char *const kinds[] = {
    [GPU_MATMUL] = "matmul",
    [GPU_MATMUL_SUMS] = "matmul_sums",
    [GPU_CONV] = "implicit_gemm",
    [GPU_CONV_BACK] = "implicit_gemm_divided",
    [GPU_CONV_WEIGHT] = "implicit_gemm_weight",
};

static uint64_t parts_of(uint64_t n, uint64_t size)
{
    return (n + size - 1) / size;
}

enum {
    STEP_CYCLES = 700,    /* until memory answers */
    BLOCK_CYCLES = 1500,  /* to begin and end a block */
    LAUNCH_CYCLES = 3500, /* that a second kernel costs */
    PART_CYCLES = 20,     /* until a part is added to others */
    PART_BYTES = 16       /* of parts of sums that a multiprocessor writes and reads in a cycle */
};

/* Rough number of clock cycles. */
static double cycles(const shape *s, const gpu_result *out, uint32_t k_each, uint32_t splits, uint32_t processors)
{
    uint64_t blocks = parts_of(out->m, s->tile) * parts_of(out->n, s->tile) * out->batch * splits;
    uint64_t busy = parts_of(blocks, processors);
    double work = (double)busy * s->tile * s->tile * k_each / s->rate;
    double waiting =
        (double)parts_of(busy, s->resident) * (double)(parts_of(k_each, s->depth) * STEP_CYCLES + BLOCK_CYCLES);
    double total = work > waiting ? work + waiting / 4 : waiting + work / 4;
    if (splits == 1) return total;
    return total + LAUNCH_CYCLES + splits * PART_CYCLES +
           8.0 * splits * out->m * out->n * out->batch / (PART_BYTES * (double)processors);
}

/* Elements of a part of a sum cut into `splits`: whole steps. */
static uint32_t part_length(const shape *s, uint32_t k, uint32_t splits)
{
    uint32_t steps = (uint32_t)parts_of(parts_of(k, s->depth), splits);
    return (steps < 1 ? 1 : steps) * s->depth;
}

/* Sets the plan's tiles and splits; returns the shape. */
static const shape *choose(const gpu_product_plan *p, uint32_t processors, gpu_product_args *args)
{
    enum { MOST_SPLITS = 256 };
    const shape *row = shapes[p->family][p->dtype == TN_F64], *best = row;
    double least = 0;
    for (const shape *s = row; s < row + SHAPES && s->tile; s++)
        for (uint32_t splits = 1; splits <= MOST_SPLITS; splits += splits < 16 ? 1 : splits / 4) {
            uint32_t each = part_length(s, args->k, splits), parts = (uint32_t)parts_of(args->k, each);
            if (parts < 1) parts = 1;
            double estimate = cycles(s, &args->out, each < args->k ? each : args->k, parts, processors);
            if (least > 0 && estimate >= least) continue;
            least = estimate;
            best = s;
            args->k_each = each;
            args->out.splits = parts;
        }
    return best;
}

/* ---- launches */

static void bind(gpu_plan *plan, uint64_t offset, const gpu_slot *slot)
{
    if (slot->used) gpu_plan_bind(plan, offset, slot->kind, slot->index, slot->bytes);
}

static void bind_result(gpu_plan *plan, uint64_t offset, const gpu_product_plan *p)
{
    bind(plan, offset + offsetof(gpu_result, y), &p->y);
    bind(plan, offset + offsetof(gpu_result, index), &p->y_index);
    bind(plan, offset + offsetof(gpu_result, sums), &p->sums);
    bind(plan, offset + offsetof(gpu_result, bias), &p->bias);
}

enum { JOIN_COLS = 32 }; /* elements of a block of gpu_join */

static void join(gpu_plan *plan, const gpu_product_plan *p, uint64_t parts)
{
    const gpu_result *out = &p->args.out;
    gpu_join_args args = {.out = *out};
    int64_t n = (int64_t)out->m * out->n * out->batch / out->cells;
    gpu_grid grid = {(uint32_t)parts_of((uint64_t)n, JOIN_COLS), 1, 1, GPU_THREADS, 0};
    gpu_plan_launch(plan, p->dtype == TN_F64 ? GPU_join_f64 : GPU_join_f32, grid, &args, sizeof args);
    gpu_plan_bind(plan, offsetof(gpu_join_args, parts), GPU_WORKSPACE, 0, parts);
    bind_result(plan, offsetof(gpu_join_args, out), p);
}

void gpu_plan_product(gpu_plan *plan, const tn_device *device, gpu_product_plan *p)
{
    gpu_product_args *args = &p->args;
    gpu_result *out = &args->out;
    const uint64_t size = tn_dtype_size(p->dtype);
    uint64_t parts = 0;
    if (out->m == 0 || out->n == 0 || out->batch == 0) return;
    direct(&args->a, &out->walk, 0, p->a_alignment, p->a_index.used ? p->a_index_alignment : 4);
    direct(&args->b, &out->walk, 1, p->b_alignment, 4);
    out->vector = vector_result(out, p->y_alignment, p->sums.used);
    const shape *s = choose(p, gpu_limits_of(device)->multiprocessors, args);
    args->tiles_m = (uint32_t)parts_of(out->m, s->tile);
    args->tiles_n = (uint32_t)parts_of(out->n, s->tile);
    gpu_plan_name(plan, "gpu:%s:tile%u%s", kinds[p->family], s->tile, out->splits > 1 ? ":split" : "");
    if (out->splits > 1) parts = gpu_plan_workspace(plan, (uint64_t)out->splits * out->batch * out->m * out->n * size);
    gpu_grid grid = {args->tiles_m * args->tiles_n * out->splits * out->batch, 1, 1, GPU_THREADS,
                     (uint32_t)(s->stages * 2 * s->depth * (s->tile + 4) * size)};
    gpu_plan_launch(plan, s->kernel, grid, args, sizeof *args);
    bind(plan, offsetof(gpu_product_args, a.data), &p->a);
    bind(plan, offsetof(gpu_product_args, a.index), &p->a_index);
    bind(plan, offsetof(gpu_product_args, b.data), &p->b);
    bind_result(plan, offsetof(gpu_product_args, out), p);
    if (out->splits == 1) return;
    gpu_plan_bind(plan, offsetof(gpu_product_args, parts), GPU_WORKSPACE, 0, parts);
    join(plan, p, parts);
}
