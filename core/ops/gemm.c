/* SPDX-License-Identifier: Apache-2.0
 *
 * C += A B. Both operands are packed once, so that the micro-kernel reads memory in order; then blocks of C are
 * computed on several threads. */
#include "ops/gemm.h"

#include <string.h>

/* ---- micro-kernels: one for each instruction set and dtype */

typedef void tile_fn(int64_t k, const void *a, const void *b, void *c, int64_t c_row);

#define REAL float
#define TILE portable_f32
#define TARGET
#define ROWS 4
#define VECTOR 16
#include "ops/gemm_tile.h"

#define REAL double
#define TILE portable_f64
#define TARGET
#define ROWS 4
#define VECTOR 16
#include "ops/gemm_tile.h"

#ifdef __x86_64__
#define REAL float
#define TILE avx2_f32
#define TARGET __attribute__((target("avx2,fma")))
#define ROWS 6
#define VECTOR 32
#include "ops/gemm_tile.h"

#define REAL double
#define TILE avx2_f64
#define TARGET __attribute__((target("avx2,fma")))
#define ROWS 6
#define VECTOR 32
#include "ops/gemm_tile.h"

#define REAL float
#define TILE avx512_f32
#define TARGET __attribute__((target("avx512f")))
#define ROWS 8
#define VECTOR 64
#include "ops/gemm_tile.h"

#define REAL double
#define TILE avx512_f64
#define TARGET __attribute__((target("avx512f")))
#define ROWS 8
#define VECTOR 64
#include "ops/gemm_tile.h"
#endif

enum { MAX_TILE_BYTES = 8 * 2 * 64 };

typedef struct isa {
    int64_t rows, row_bytes; /* of its tile */
    tile_fn *f32, *f64;
} isa;

/* The best that this CPU can run. */
static const isa *best_isa(void)
{
    static const isa portable = {4, 2 * 16, portable_f32, portable_f64};
#ifdef __x86_64__
    static const isa avx2 = {6, 2 * 32, avx2_f32, avx2_f64}, avx512 = {8, 2 * 64, avx512_f32, avx512_f64};
    if (__builtin_cpu_supports("avx512f")) return &avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &avx2;
#endif
    return &portable;
}

tn_tile tn__gemm_tile(tn_dtype dtype)
{
    const isa *cpu = best_isa();
    return (tn_tile){cpu->rows, cpu->row_bytes / (int64_t)tn_dtype_size(dtype)};
}

/* ---- packing */

#define TEMPLATE "ops/gemm_pack.h"
#include "ops/for_each_real.h"

static int64_t pieces(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

uint64_t tn__panel_bytes(tn_dtype dtype, int64_t width, int64_t lines, int64_t depth)
{
    uint64_t bytes = (uint64_t)(pieces(lines, width) * width) * (uint64_t)depth * tn_dtype_size(dtype);
    return (bytes + 63) / 64 * 64;
}

void tn__pack(tn_dtype dtype, int64_t width, int64_t lines, int64_t depth, const void *from, int64_t line_stride,
              int64_t depth_stride, void *panels)
{
    (dtype == TN_F32 ? pack_f32 : pack_f64)(width, lines, depth, from, line_stride, depth_stride, panels);
}

/* ---- multiplying what is packed */

/* A tile that reaches over the edge of C, or whose rows are not contiguous: computed aside, then added. */
static void edge_tile(const isa *cpu, tn_dtype dtype, int64_t k, const void *a, const void *b, void *c, int64_t c_row,
                      int64_t c_col, int64_t rows, int64_t cols)
{
    _Alignas(64) char tile[MAX_TILE_BYTES];
    int64_t width = cpu->row_bytes / (int64_t)tn_dtype_size(dtype);
    memset(tile, 0, (size_t)(cpu->rows * cpu->row_bytes));
    (dtype == TN_F32 ? cpu->f32 : cpu->f64)(k, a, b, tile, width);
    (dtype == TN_F32 ? add_block_f32 : add_block_f64)(rows, cols, tile, width, c, c_row, c_col);
}

/* In steps of DEPTH: a panel of B that deep stays in the first-level cache while all panels of A go by. */
void tn__multiply_packed(tn_dtype dtype, int64_t m, int64_t n, int64_t k, const void *a, const void *b, void *c,
                         int64_t c_row, int64_t c_col)
{
    enum { DEPTH = 256 };
    const isa *cpu = best_isa();
    tile_fn *tile = dtype == TN_F32 ? cpu->f32 : cpu->f64;
    int64_t size = (int64_t)tn_dtype_size(dtype), rows = cpu->rows, cols = cpu->row_bytes / size;
    for (int64_t d = 0; d < k; d += DEPTH) {
        int64_t steps = smaller(k - d, DEPTH);
        for (int64_t j = 0; j < n; j += cols)
            for (int64_t i = 0; i < m; i += rows) {
                const char *a_panel = (const char *)a + (i * k + d * rows) * size;
                const char *b_panel = (const char *)b + (j * k + d * cols) * size;
                char *corner = (char *)c + (i * c_row + j * c_col) * size;
                if (c_col == 1 && i + rows <= m && j + cols <= n)
                    tile(steps, a_panel, b_panel, corner, c_row);
                else
                    edge_tile(cpu, dtype, steps, a_panel, b_panel, corner, c_row, c_col, smaller(m - i, rows),
                              smaller(n - j, cols));
            }
    }
}

/* ---- the whole product */

/* Units of work: a panel to pack; a block of C, one tile wide and BLOCK tiles high, to compute. */
enum { BLOCK = 16, ELEMENTS_PER_THREAD = 1 << 15 };

typedef struct product {
    const tn_gemm *g;
    tn_tile tile;
    int64_t size, a_panels, b_panels;
    char *a, *b; /* packed */
} product;

static void pack_panels(void *arg, int64_t begin, int64_t end)
{
    const product *p = arg;
    const tn_gemm *g = p->g;
    for (int64_t unit = begin; unit < end; unit++)
        if (unit < p->a_panels) {
            int64_t i = unit * p->tile.rows;
            tn__pack(g->dtype, p->tile.rows, smaller(g->m - i, p->tile.rows), g->k,
                     (const char *)g->a.data + i * g->a.row * p->size, g->a.row, g->a.col, p->a + i * g->k * p->size);
        } else {
            int64_t j = (unit - p->a_panels) * p->tile.cols;
            tn__pack(g->dtype, p->tile.cols, smaller(g->n - j, p->tile.cols), g->k,
                     (const char *)g->b.data + j * g->b.col * p->size, g->b.col, g->b.row, p->b + j * g->k * p->size);
        }
}

static void multiply_blocks(void *arg, int64_t begin, int64_t end)
{
    const product *p = arg;
    const tn_gemm *g = p->g;
    int64_t rows = BLOCK * p->tile.rows, cols = p->tile.cols;
    for (int64_t unit = begin; unit < end; unit++) { /* neighbours share their rows of A */
        int64_t i = unit / p->b_panels * rows, j = unit % p->b_panels * cols;
        tn__multiply_packed(g->dtype, smaller(g->m - i, rows), smaller(g->n - j, cols), g->k, p->a + i * g->k * p->size,
                            p->b + j * g->k * p->size, (char *)g->c + (i * g->c_row + j * g->c_col) * p->size, g->c_row,
                            g->c_col);
    }
}

uint64_t tn__gemm_scratch(tn_dtype dtype, int64_t m, int64_t n, int64_t k)
{
    tn_tile tile = tn__gemm_tile(dtype);
    return tn__panel_bytes(dtype, tile.rows, m, k) + tn__panel_bytes(dtype, tile.cols, n, k);
}

void tn__gemm(const tn_gemm *g, void *scratch)
{
    if (g->m == 0 || g->n == 0 || g->k == 0) return;
    product p = {.g = g, .tile = tn__gemm_tile(g->dtype), .size = (int64_t)tn_dtype_size(g->dtype), .a = scratch};
    p.b = p.a + tn__panel_bytes(g->dtype, p.tile.rows, g->m, g->k);
    p.a_panels = pieces(g->m, p.tile.rows);
    p.b_panels = pieces(g->n, p.tile.cols);
    int64_t block_flops = 2 * BLOCK * p.tile.rows * p.tile.cols * g->k;
    tn__parallel_for(p.a_panels + p.b_panels, pieces(ELEMENTS_PER_THREAD, p.tile.cols * g->k), pack_panels, &p);
    tn__parallel_for(pieces(p.a_panels, BLOCK) * p.b_panels, pieces(TN_GEMM_GRAIN, block_flops), multiply_blocks, &p);
}

void tn__gemm_serial(const tn_gemm *g, void *scratch)
{
    if (g->m == 0 || g->n == 0 || g->k == 0) return;
    tn_tile tile = tn__gemm_tile(g->dtype);
    char *b = (char *)scratch + tn__panel_bytes(g->dtype, tile.rows, g->m, g->k);
    tn__pack(g->dtype, tile.rows, g->m, g->k, g->a.data, g->a.row, g->a.col, scratch);
    tn__pack(g->dtype, tile.cols, g->n, g->k, g->b.data, g->b.col, g->b.row, b);
    tn__multiply_packed(g->dtype, g->m, g->n, g->k, scratch, b, g->c, g->c_row, g->c_col);
}
