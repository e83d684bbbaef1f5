/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of b (k n) times elements of a, added up in a tile of c that is kept in registers: the gradients of a linear
 * layer. a may be a transposed view. */
#include "simd.h"

#include "gemm.h"

enum { ROWS = DN_REGISTERS == 32 ? 8 : 4, VECTORS = DN_LANES == 4 ? 2 : 3 };
/* So many products are added up in a register before the sum is added to c: long sums would gather rounding errors,
 * the more so where each product is rounded, too. */
enum { PART = 192 };

/* Some columns of c, at most VECTORS vectors, for some of its rows, and a part of k. */
typedef struct strip {
    const dn_gemm_job *job;
    int64_t i, i_end, j, j_end;
    int64_t k, k_end;
} strip;

/* Where vector v of a strip lies in a row of b and of c: the last one of a row is moved back to end with it. */
DN_INLINE int64_t column_of(const strip *s, int v)
{
    const int64_t at = s->j + v * DN_LANES, last = s->job->n - DN_LANES;
    return at < last ? at : last;
}

/* A tile of rows from s->i on: sets `to`, or adds to it. a_row, a_k: of the job, one of them known to be 1. */
DN_INLINE void tile(const strip *s, int rows, int vectors, int64_t a_row, int64_t a_k, float *to, int64_t to_row,
                    int add)
{
    const dn_gemm_job *job = s->job;
    const float *a = job->a + s->i * a_row + s->k * a_k, *b[VECTORS];
    dn_vec sum[ROWS][VECTORS], y[VECTORS];
    DN_UNROLL for (int r = 0; r < rows; r++) DN_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = dn_all(0);
    DN_UNROLL for (int v = 0; v < vectors; v++) b[v] = job->b + s->k * job->b_row + column_of(s, v);
    for (int64_t k = s->k; k < s->k_end; k++, a += a_k) {
        DN_UNROLL for (int v = 0; v < vectors; v++)
        {
            y[v] = dn_load(b[v]);
            b[v] += job->b_row;
        }
        DN_UNROLL for (int r = 0; r < rows; r++)
        {
            const dn_vec x = dn_all(a[r * a_row]);
            DN_UNROLL for (int v = 0; v < vectors; v++) sum[r][v] += x * y[v];
        }
    }
    DN_UNROLL for (int r = 0; r < rows; r++) DN_UNROLL for (int v = 0; v < vectors; v++)
    {
        float *at = to + r * to_row + v * DN_LANES;
        dn_store(at, add ? dn_load(at) + sum[r][v] : sum[r][v]);
    }
}

/* From a tile beside c into c, as many columns as there are. */
static void put(const strip *s, int rows, int vectors, const float *from)
{
    for (int r = 0; r < rows; r++) {
        float *c = s->job->c + (s->i + r) * s->job->c_row;
        for (int v = 0; v < vectors; v++, from += DN_LANES) {
            const int64_t at = column_of(s, v);
            for (int64_t lane = s->j + v * DN_LANES - at; lane < DN_LANES; lane++)
                c[at + lane] = s->k > 0 ? c[at + lane] + from[lane] : from[lane];
        }
    }
}

/* Tiles one below the other, as long as whole ones fit. */
DN_INLINE void tiles(strip *s, int rows, int vectors, int64_t a_row, int64_t a_k)
{
    const dn_gemm_job *job = s->job;
    const int64_t wide = vectors * DN_LANES;
    const int whole = s->j + wide <= job->n;
    float beside[ROWS * VECTORS * DN_LANES];
    for (; s->i + rows <= s->i_end; s->i += rows) {
        tile(s, rows, vectors, a_row, a_k, whole ? job->c + s->i * job->c_row + s->j : beside,
             whole ? job->c_row : wide, whole && s->k > 0);
        if (!whole) put(s, rows, vectors, beside);
    }
}

/* Functions of their own, since a compiler that sees all tiles at once keeps sums in memory: for a that is dense along
 * its columns, and along its rows. */
#define TILES(rows, vectors)                                                 \
    static __attribute__((noinline)) void down_##rows##_##vectors(strip *s)  \
    {                                                                        \
        tiles(s, rows, vectors, 1, s->job->a_k);                             \
    }                                                                        \
    static __attribute__((noinline)) void along_##rows##_##vectors(strip *s) \
    {                                                                        \
        tiles(s, rows, vectors, s->job->a_row, 1);                           \
    }
#define WIDTHS(rows) TILES(rows, 1) TILES(rows, 2) TILES(rows, VECTORS)
WIDTHS(1)
WIDTHS(2)
WIDTHS(4)
WIDTHS(ROWS)

typedef void (*tiles_fn)(strip *s);

/* The rows of a strip, by the largest tiles that fit. */
static void all_rows(strip s)
{
#define OF(way, vectors)                                                              \
    {                                                                                 \
        way##_ROWS_##vectors, way##_4_##vectors, way##_2_##vectors, way##_1_##vectors \
    }
    static const tiles_fn by_size[2][3][4] = {{OF(along, 1), OF(along, 2), OF(along, VECTORS)},
                                              {OF(down, 1), OF(down, 2), OF(down, VECTORS)}};
#undef OF
    const int64_t vectors = (s.j_end - s.j + DN_LANES - 1) / DN_LANES;
    for (int i = 0; i < 4; i++) by_size[s.job->a_row == 1][vectors - 1][i](&s);
}

/* Where strip `column` of c begins: strips are of equal width, but for a group. */
static int64_t begin_of(const dn_gemm_job *job, int64_t column)
{
    const int64_t groups = (job->n + DN_OUTER_GROUP - 1) / DN_OUTER_GROUP;
    const int64_t j = groups * column / job->columns * DN_OUTER_GROUP;
    return j < job->n ? j : job->n;
}

static void piece(const dn_gemm_job *job, int64_t row, int64_t column, int64_t k, int64_t k_end)
{
    const int64_t i = row * DN_OUTER_ROWS, i_end = i + DN_OUTER_ROWS < job->m ? i + DN_OUTER_ROWS : job->m;
    const int64_t j = begin_of(job, column), j_end = begin_of(job, column + 1);
    for (int64_t at = j; at < j_end; at += VECTORS * DN_LANES)
        all_rows(
            (strip){job, i, i_end, at, at + VECTORS * DN_LANES < j_end ? at + VECTORS * DN_LANES : j_end, k, k_end});
}

/* A strip of b stays in the L1 cache for all rows of c. */
void DN_SIMD(dn_gemm_outer)(void *arg, int64_t begin, int64_t end)
{
    const dn_gemm_job *job = arg;
    const int64_t parts = (job->k + PART - 1) / PART;
    for (int64_t column = 0; column < job->columns; column++)
        for (int64_t part = 0; part < parts; part++)
            for (int64_t row = 0; row < job->rows; row++) {
                const int64_t number = row * job->row_step + column * job->column_step;
                if (begin <= number && number < end)
                    piece(job, row, column, job->k * part / parts, job->k * (part + 1) / parts);
            }
}
