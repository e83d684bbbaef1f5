/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows by index: index_select, its gradient index_add, and gather_scale (bytes to scaled floats). A row is all that
 * follows dim 0: a nest of its own, walked for each index. */
#include "copy.h"
#include "index.h"
#include "map.h"

#include <string.h>

enum { LINE = 64 }; /* bytes of a cache line */

typedef struct rows_extra {
    dn_nest row;            /* one row; operands: y, x */
    int64_t y_step, x_step; /* between rows, in bytes */
    int64_t fetch, ahead;   /* bytes of a row of x to ask for before they are needed, and how many rows before */
    dn_row_fn run;
    double arg[2];
} rows_extra;

typedef struct job {
    const rows_extra *rows;
    char *x, *y;
    const int64_t *index;
    int64_t index_stride;
} job;

static int64_t bytes_of(const tn_tensor_desc *x, uint32_t dim)
{
    return x->strides[dim] * (int64_t)tn_dtype_size(x->dtype);
}

/* Rows by index lie anywhere in a large table, which no hardware foresees; so many cache lines can be on their way at
 * once: a batch of 64 images comes in 4.4 us instead of 10. A long row is left to the hardware. */
static void plan_ahead(rows_extra *rows, int64_t size)
{
    enum { LINES = 96, LONGEST = 4096 };
    const int64_t bytes = rows->row.numel * size, lines = (bytes + LINE - 1) / LINE;
    const int dense = rows->row.rank == 1 && rows->row.steps[0][1] == size;
    if ((!dense && rows->row.numel > 1) || bytes == 0 || bytes > LONGEST) return;
    rows->fetch = bytes;
    rows->ahead = dn_max(1, LINES / lines);
}

/* y: rows to write, x: rows to read; they may be of different dtypes and counts. */
static void init(rows_extra *rows, const tn_tensor_desc *y, const tn_tensor_desc *x, dn_row_fn run)
{
    dn_nest_begin(&rows->row, 2);
    for (uint32_t i = 1; i < y->rank; i++)
        dn_nest_dim(&rows->row, y->dims[i], (const int64_t[]){bytes_of(y, i), bytes_of(x, i)});
    dn_nest_end(&rows->row);
    rows->y_step = bytes_of(y, 0);
    rows->x_step = bytes_of(x, 0);
    rows->run = run;
    plan_ahead(rows, (int64_t)tn_dtype_size(x->dtype));
}

static int64_t row_grain(const rows_extra *rows)
{
    return dn_max(1, DN_GRAIN_CHEAP / dn_max(1, rows->row.numel));
}

/* ---- index_select, gather_scale: y[n] = f(x[index[n]]) */

static void fetch(const job *j, int64_t i)
{
    const char *x = j->x + j->index[i * j->index_stride] * j->rows->x_step;
    for (int64_t at = 0; at < j->rows->fetch; at += LINE) __builtin_prefetch(x + at);
}

static void select_rows(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    const rows_extra *rows = j->rows;
    for (int64_t i = begin; i < dn_min(begin + rows->ahead, end); i++) fetch(j, i);
    for (int64_t i = begin; i < end; i++) {
        char *const at[] = {j->y + i * rows->y_step, j->x + j->index[i * j->index_stride] * rows->x_step};
        if (i + rows->ahead < end) fetch(j, i + rows->ahead);
        if (rows->row.rank == 1)
            rows->run(rows->row.numel, at, rows->row.steps[0], rows->arg);
        else
            dn_nest_range(&rows->row, 0, rows->row.numel, at, rows->run, rows->arg);
    }
}

static tn_status run_select(const dn_loop *loop, const tn_bindings *at, tn_error *error)
{
    const rows_extra *rows = loop->extra;
    const tn_tensor_desc *index = loop->desc.in[1];
    const int64_t n = index->dims[0];
    job j = {rows, at->in[0], at->out[0], at->in[1], index->strides[0]};
    DN_TRY(dn_check_index("index", j.index, n, j.index_stride, loop->desc.in[0]->dims[0], "rows", error));
    if (rows->row.numel) dn_host->parallel_for(n, row_grain(rows), select_rows, &j);
    return TN_OK;
}

/* Bytes of the rows that are read, not of the whole table. */
static uint64_t select_bytes(const tn_op_desc *desc)
{
    const tn_tensor_desc *x = desc->in[0], *y = desc->out[0], *index = desc->in[1];
    return (uint64_t)tn_desc_numel(y) * (tn_dtype_size(x->dtype) + tn_dtype_size(y->dtype)) +
           (uint64_t)tn_desc_numel(index) * tn_dtype_size(index->dtype);
}

static tn_status make_select(const tn_op_desc *desc, dn_row_fn run, double a, double b, tn_plan **plan, tn_error *error)
{
    dn_loop *loop;
    DN_TRY(dn_loop_create(desc, run_select, sizeof(rows_extra), &loop, error));
    rows_extra *rows = loop->extra;
    init(rows, desc->out[0], desc->in[0], run);
    rows->arg[0] = a;
    rows->arg[1] = b;
    loop->plan.bytes_moved = select_bytes(desc);
    *plan = &loop->plan;
    return TN_OK;
}

tn_status dn_index_select_check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                                tn_error *error)
{
    return dn_dtype_in(desc, desc->in[0]->dtype, DN_ANY, error);
}

tn_status dn_index_select_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                               tn_error *error)
{
    DN_TRY(dn_index_select_check(self, device, desc, error));
    DN_TRY(make_select(desc, dn_same_row(desc->in[0]->dtype), 0, 0, plan, error));
    (*plan)->flops = 0;
    return TN_OK;
}

/* arg: scale, shift */
DN_INLINE float scaled(uint8_t x, const void *arg)
{
    const double *by = arg;
    return (float)x * (float)by[0] + (float)by[1];
}
DN_ROW1(scale_row, uint8_t, float, scaled(x, arg))

tn_status dn_gather_scale_check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED,
                                const tn_op_desc *desc TN_UNUSED, tn_error *error TN_UNUSED)
{
    return TN_OK; /* the schema has fixed the dtypes */
}

tn_status dn_gather_scale_plan(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                               tn_plan **plan, tn_error *error)
{
    const tn_gather_scale_attrs *attrs = desc->attrs;
    DN_TRY(make_select(desc, scale_row, attrs->scale, attrs->shift, plan, error));
    (*plan)->flops *= 2;
    return TN_OK;
}

/* ---- index_add: dx = 0, then dx[index[n]] += dy[n] in order of n */

typedef struct add_extra {
    rows_extra rows;
    dn_nest all; /* dx, and a zero */
} add_extra;

DN_ROW2(add_row, float, float, x + y)

static tn_status run_add(const dn_loop *loop, const tn_bindings *at, tn_error *error)
{
    const add_extra *extra = loop->extra;
    const tn_tensor_desc *index = loop->desc.in[1];
    const int64_t *to = at->in[1], stride = index->strides[0], n = index->dims[0];
    float zero = 0;
    DN_TRY(dn_check_index("index", to, n, stride, loop->desc.out[0]->dims[0], "rows", error));
    dn_nest_run(&extra->all, DN_GRAIN_CHEAP, (void *const[]){at->out[0], &zero}, dn_same_row(TN_F32), NULL);
    if (!extra->rows.row.numel) return TN_OK;
    for (int64_t i = 0; i < n; i++) {
        char *dx = (char *)at->out[0] + to[i * stride] * extra->rows.y_step;
        char *const places[] = {dx, dx, (char *)at->in[0] + i * extra->rows.x_step};
        dn_nest_range(&extra->rows.row, 0, extra->rows.row.numel, places, add_row, NULL);
    }
    return TN_OK;
}

tn_status dn_index_add_check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                             tn_error *error)
{
    return dn_dtype_in(desc, desc->in[0]->dtype, DN_BIT(TN_F32), error);
}

tn_status dn_index_add_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                            tn_error *error)
{
    static const tn_tensor_desc number = {.struct_size = sizeof number, .dtype = TN_F32};
    const tn_tensor_desc *dx = desc->out[0], *dy = desc->in[0];
    dn_loop *loop;
    DN_TRY(dn_index_add_check(self, device, desc, error));
    DN_TRY(dn_loop_create(desc, run_add, sizeof(add_extra), &loop, error));
    add_extra *extra = loop->extra;
    init(&extra->rows, dx, dy, add_row);
    dn_nest_begin(&extra->rows.row, 3); /* dx, dx again as what is added to, dy */
    for (uint32_t i = 1; i < dx->rank; i++)
        dn_nest_dim(&extra->rows.row, dx->dims[i],
                    (const int64_t[]){bytes_of(dx, i), bytes_of(dx, i), bytes_of(dy, i)});
    dn_nest_end(&extra->rows.row);
    dn_nest_over(&extra->all, 2, (const tn_tensor_desc *const[]){dx, &number});
    loop->plan.flops = (uint64_t)tn_desc_numel(dy);
    *plan = &loop->plan;
    return TN_OK;
}
