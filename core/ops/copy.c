/* SPDX-License-Identifier: Apache-2.0
 *
 * copy: from any strides to any strides. Equal orders are one memcpy; where the innermost dim of the one is another
 * dim of the other, square tiles go through a buffer, so that every cache line is read and written once. */
#include "ops/copy.h"

#include "ops/elementwise.h"

#include <string.h>

enum { TILE = 32 };

/* Bodies for any element size, made into functions of a constant size below. */
#define INLINED static inline __attribute__((always_inline))

/* ---- along the innermost dim */

INLINED void copy_span(const tn_span *span, const int64_t size)
{
    char *to = span->at[0];
    const char *from = span->at[1];
    const int64_t n = span->n, to_step = span->step[0], from_step = span->step[1];
    if (to_step == size && from_step == size) {
        memcpy(to, from, (size_t)(n * size));
    } else if (to_step == size && from_step == 0) {
        char value[8];
        memcpy(value, from, (size_t)size);
        for (int64_t i = 0; i < n; i++) memcpy(to + i * size, value, (size_t)size);
    } else {
        for (int64_t i = 0; i < n; i++) memcpy(to + i * to_step, from + i * from_step, (size_t)size);
    }
}

/* ---- transposes: rows lie dense in `from`, columns lie dense in `to` */

typedef struct matrix {
    int64_t rows, columns, row_step, column_step; /* row_step in `to`, column_step in `from` */
} matrix;

INLINED void copy_tile(char *to, const char *from, int64_t rows, int64_t columns, const matrix *plane,
                       const int64_t size)
{
    char tile[TILE * TILE * 8];
    for (int64_t c = 0; c < columns; c++)
        memcpy(tile + c * TILE * size, from + c * plane->column_step, (size_t)(rows * size));
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            memcpy(to + r * plane->row_step + c * size, tile + (c * TILE + r) * size, (size_t)size);
}

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* An element of this span is a band of TILE rows. */
INLINED void copy_bands(const tn_span *span, const int64_t size)
{
    const matrix *plane = span->arg;
    const int64_t bands = (plane->rows + TILE - 1) / TILE;
    for (int64_t i = 0; i < span->n; i++) {
        const int64_t rows = smaller(TILE, plane->rows - (span->first + i) % bands * TILE);
        char *to = span->at[0] + i * span->step[0];
        const char *from = span->at[1] + i * span->step[1];
        for (int64_t c = 0; c < plane->columns; c += TILE)
            copy_tile(to + c * size, from + c * plane->column_step, rows, smaller(TILE, plane->columns - c), plane,
                      size);
    }
}

/* ---- by element size */

#define LOOPS(size)                                    \
    static void copy_span_##size(const tn_span *span)  \
    {                                                  \
        copy_span(span, size);                         \
    }                                                  \
    static void copy_bands_##size(const tn_span *span) \
    {                                                  \
        copy_bands(span, size);                        \
    }
LOOPS(1)
LOOPS(4)
LOOPS(8)

static const struct {
    tn_loop span, bands;
} loops[9] = {[1] = {copy_span_1, copy_bands_1}, [4] = {copy_span_4, copy_bands_4}, [8] = {copy_span_8, copy_bands_8}};

/* The dim along which `from` is dense, if `to` is dense along the last and `from` is not; else -1. */
static int transposed_dim(const tn_walk *walk, int64_t size)
{
    const int last = walk->rank - 1;
    if (walk->steps[last][0] != size || walk->steps[last][1] <= size) return -1;
    for (int d = 0; d < last; d++)
        if (walk->steps[d][1] == size) return d;
    return -1;
}

/* Takes dims `rows` and the last out of the walk and walks over bands of rows instead. */
static void copy_transposed(tn_walk *walk, int rows, int64_t size)
{
    const int last = walk->rank - 1;
    const matrix plane = {walk->dims[rows], walk->dims[last], walk->steps[rows][0], walk->steps[last][1]};
    const int64_t band[2] = {TILE * walk->steps[rows][0], TILE * walk->steps[rows][1]};
    for (int d = rows; d < last; d++) {
        walk->dims[d] = walk->dims[d + 1];
        memcpy(walk->steps[d], walk->steps[d + 1], sizeof walk->steps[d]);
    }
    walk->rank = last;
    walk->dims[last - 1] = (plane.rows + TILE - 1) / TILE;
    memcpy(walk->steps[last - 1], band, sizeof band);
    const int64_t work = TILE * plane.columns;
    tn__walk_run(walk, TN_GRAIN_CHEAP / work + 1, loops[size].bands, &plane);
}

void tn__copy(const tn_tensor_desc *to_desc, void *to, const tn_tensor_desc *from_desc, const void *from)
{
    const tn_operand operands[] = {{to_desc, to}, {from_desc, (void *)from}};
    const int64_t size = (int64_t)tn_dtype_size(to_desc->dtype);
    tn_walk walk;
    if (tn_desc_numel(to_desc) == 0) return;
    tn__walk_init(&walk, 2, operands);
    tn__walk_sort(&walk);
    tn__walk_merge(&walk);
    const int rows = transposed_dim(&walk, size);
    if (rows >= 0)
        copy_transposed(&walk, rows, size);
    else
        tn__walk_run(&walk, TN_GRAIN_CHEAP, loops[size].span, NULL);
}

/* ---- the operator */

static tn_status run(const tn_run *run, tn_error *error TN_UNUSED)
{
    tn__copy(run->out_desc[0], run->out[0], run->in_desc[0], run->in[0]);
    return TN_OK;
}

/* Whatever made x is fast with its order; the gradient comes in the order of the copy. */
static void grad(tn_grad *g)
{
    tn_send_grad(g, 0, tn__ordered_like(g->dy, g->in[0]));
}

const tn_op tn__op_copy = {
    .name = "copy",
    .flags = TN_OP_ELEMENTWISE | TN_OP_STRIDED,
    .run = run,
    .grad = grad,
    .samples = TN_SAMPLES("x[2,3]", "x[]", "x[0,3]", "x[7,1,13]", "x[33,35]", "x[2,5,3,4]", "x:i64[5]", "x:i32[7]",
                          "x:u8[3,5]", "x:bool[9]"),
    .shapes = TN_SAMPLES("x[N,64,5,5]"),
};
