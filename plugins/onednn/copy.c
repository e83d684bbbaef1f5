/* SPDX-License-Identifier: Apache-2.0
 *
 * Moving elements between memory orders (copy), and filling tensors (fill, arange). */
#include "copy.h"
#include "map.h"

enum { TILE = 16 }; /* elements: a square of them stays in the first-level cache */

/* clang-format off */
DN_ROW1(same_8, uint64_t, uint64_t, x)
DN_ROW1(same_4, uint32_t, uint32_t, x)
DN_ROW1(same_1, uint8_t,  uint8_t,  x)
/* clang-format on */

dn_row_fn dn_same_row(tn_dtype dtype)
{
    const uint64_t size = tn_dtype_size(dtype);
    return size == 8 ? same_8 : size == 4 ? same_4 : same_1;
}

/* Where the output's innermost dim is not the input's: the dim that is, else -1. */
static int innermost_of_input(const dn_nest *nest, int64_t size)
{
    if (nest->rank < 2 || nest->steps[nest->rank - 1][1] == size) return -1;
    for (int d = 0; d < nest->rank - 1; d++)
        if (nest->steps[d][1] == size) return d;
    return -1;
}

void dn_copy_init(dn_copy *copy, const tn_tensor_desc *to, const tn_tensor_desc *from)
{
    const int64_t size = (int64_t)tn_dtype_size(to->dtype);
    *copy = (dn_copy){.row = dn_same_row(to->dtype)};
    dn_nest_over(&copy->nest, 2, (const tn_tensor_desc *const[]){to, from});
    const int d = innermost_of_input(&copy->nest, size), last = copy->nest.rank - 1;
    if (d < 0 || copy->nest.dims[d] < TILE || copy->nest.dims[last] < TILE) return;
    /* Two nests: over the corners of tiles here, each tile cut to size there. */
    copy->tiled = 1;
    copy->across = copy->nest.dims[d];
    copy->along = copy->nest.dims[last];
    for (int k = 0; k < 2; k++) {
        copy->across_step[k] = copy->nest.steps[d][k];
        copy->along_step[k] = copy->nest.steps[last][k];
    }
    dn_nest_begin(&copy->outer, 2);
    for (int i = 0; i < last; i++)
        if (i != d) dn_nest_dim(&copy->outer, copy->nest.dims[i], copy->nest.steps[i]);
    dn_nest_end(&copy->outer);
}

typedef struct job {
    const dn_copy *copy;
    char *base[2];
} job;

/* Piece i is a strip of TILE rows of one matrix: all its tiles. */
static void strips(void *arg, int64_t begin, int64_t end)
{
    const job *all = arg;
    const dn_copy *copy = all->copy;
    const int64_t strips_each = (copy->across + TILE - 1) / TILE;
    for (int64_t i = begin; i < end; i++) {
        const int64_t row = i % strips_each * TILE, rows = dn_min(TILE, copy->across - row);
        char *corner[2];
        for (int k = 0; k < 2; k++)
            corner[k] = all->base[k] + dn_nest_offset(&copy->outer, k, i / strips_each) + row * copy->across_step[k];
        for (int64_t column = 0; column < copy->along; column += TILE) {
            const int64_t columns = dn_min(TILE, copy->along - column);
            for (int64_t r = 0; r < rows; r++) {
                char *const at[] = {corner[0] + r * copy->across_step[0] + column * copy->along_step[0],
                                    corner[1] + r * copy->across_step[1] + column * copy->along_step[1]};
                copy->row(columns, at, copy->along_step, NULL);
            }
        }
    }
}

void dn_copy_run(const dn_copy *copy, void *to, const void *from)
{
    if (!copy->nest.numel) return;
    if (!copy->tiled) {
        dn_nest_run(&copy->nest, DN_GRAIN_CHEAP, (void *const[]){to, (void *)(uintptr_t)from}, copy->row, NULL);
        return;
    }
    job all = {.copy = copy, .base = {to, (char *)(uintptr_t)from}};
    const int64_t strips_each = (copy->across + TILE - 1) / TILE;
    dn_host->parallel_for(copy->outer.numel * strips_each, dn_max(1, DN_GRAIN_CHEAP / (TILE * copy->along)), strips,
                          &all);
}

static tn_status run_copy(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    dn_copy_run(loop->extra, at->out[0], at->in[0]);
    return TN_OK;
}

tn_status dn_copy_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    (void)self, (void)device;
    return dn_dtype_in(desc, desc->in[0]->dtype, DN_ANY, error);
}

tn_status dn_copy_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                       tn_error *error)
{
    dn_loop *loop;
    DN_TRY(dn_copy_check(self, device, desc, error));
    DN_TRY(dn_loop_create(desc, run_copy, sizeof(dn_copy), &loop, error));
    dn_copy_init(loop->extra, desc->out[0], desc->in[0]);
    loop->plan.flops = 0;
    *plan = &loop->plan;
    return TN_OK;
}

/* ---- fill, zeros, arange */

static const tn_tensor_desc number = {.struct_size = sizeof number, .dtype = TN_F64};

typedef struct fill_extra {
    dn_nest nest;
    double value;
} fill_extra;

static tn_status run_fill(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const fill_extra *fill = loop->extra;
    double value = fill->value;
    dn_nest_run(&fill->nest, DN_GRAIN_CHEAP, (void *const[]){at->in[0], &value}, dn_same_row(loop->desc.in[0]->dtype),
                NULL);
    return TN_OK;
}

tn_status dn_fill_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    return dn_copy_check(self, device, desc, error);
}

tn_status dn_fill_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                       tn_error *error)
{
    dn_loop *loop;
    DN_TRY(dn_fill_check(self, device, desc, error));
    DN_TRY(dn_loop_create(desc, run_fill, sizeof(fill_extra), &loop, error));
    fill_extra *fill = loop->extra;
    dn_nest_over(&fill->nest, 2, (const tn_tensor_desc *const[]){desc->in[0], &number});
    dn_store(desc->in[0]->dtype, ((const tn_scalar_attrs *)desc->attrs)->value, &fill->value);
    loop->plan.flops = 0;
    *plan = &loop->plan;
    return TN_OK;
}

static tn_status run_zero(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    double zero = 0; /* of all dtypes */
    for (uint64_t i = 0; i < loop->desc.n_out; i++)
        dn_nest_run((const dn_nest *)loop->extra + i, DN_GRAIN_CHEAP, (void *const[]){at->out[i], &zero},
                    dn_same_row(loop->desc.out[i]->dtype), NULL);
    return TN_OK;
}

tn_status dn_zero_plan(const tn_op_desc *desc, tn_plan **plan, tn_error *error)
{
    dn_loop *loop;
    DN_TRY(dn_loop_create(desc, run_zero, desc->n_out * sizeof(dn_nest), &loop, error));
    for (uint64_t i = 0; i < desc->n_out; i++)
        dn_nest_over((dn_nest *)loop->extra + i, 2, (const tn_tensor_desc *const[]){desc->out[i], &number});
    loop->plan.flops = 0;
    *plan = &loop->plan;
    return TN_OK;
}

static tn_status run_arange(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    enum { BLOCK = 512 };
    const tn_arange_attrs *attrs = loop->desc.attrs;
    const tn_tensor_desc *y = loop->desc.in[0];
    const int64_t steps[DN_OPERANDS] = {y->strides[0] * (int64_t)tn_dtype_size(y->dtype), sizeof(double)};
    const dn_row_fn row = dn_cast_row(TN_F64, y->dtype);
    double block[BLOCK];
    for (int64_t first = 0; first < y->dims[0]; first += BLOCK) {
        const int64_t n = dn_min(BLOCK, y->dims[0] - first);
        for (int64_t i = 0; i < n; i++) block[i] = attrs->start + (double)(first + i) * attrs->step;
        row(n, (char *const[]){(char *)at->in[0] + first * steps[0], (char *)block}, steps, NULL);
    }
    return TN_OK;
}

tn_status dn_arange_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    return dn_copy_check(self, device, desc, error);
}

tn_status dn_arange_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                         tn_error *error)
{
    dn_loop *loop;
    DN_TRY(dn_arange_check(self, device, desc, error));
    DN_TRY(dn_loop_create(desc, run_arange, 0, &loop, error));
    *plan = &loop->plan;
    return TN_OK;
}
