/* SPDX-License-Identifier: Apache-2.0
 *
 * Dot products of the rows of a (m k) and the rows of b (n k): what a linear layer is. A tile of dot products is kept
 * in registers, a vector each; at the end the lanes are added, four dot products at a time. */
#include "simd.h"

#include "gemm.h"

enum { ROWS = 3, COLUMNS = DN_REGISTERS == 32 ? 8 : 4, FOUR = 4 };

typedef float four __attribute__((vector_size(4 * FOUR)));
typedef float loose_four __attribute__((vector_size(4 * FOUR), aligned(4), may_alias));
typedef int32_t four_mask __attribute__((vector_size(4 * FOUR)));

/* Shuffles of two vectors, within each four lanes of them. */
#if defined(__AVX512F__)
#define SHUFFLE(a, b, i, j, k, l)                                                                                     \
    __builtin_shufflevector(a, b, i, j, k, l, i + 4, j + 4, k + 4, l + 4, i + 8, j + 8, k + 8, l + 8, i + 12, j + 12, \
                            k + 12, l + 12)
#define FOLD(v)                                                                              \
    (__builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7) + \
     (__builtin_shufflevector(v, v, 8, 9, 10, 11) + __builtin_shufflevector(v, v, 12, 13, 14, 15)))
#elif defined(__AVX2__) && defined(__FMA__)
#define SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l, i + 4, j + 4, k + 4, l + 4)
#define FOLD(v) (__builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7))
#else
#define SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#define FOLD(v) (v)
#endif
#define B DN_LANES /* the first lane of b */

/* The sum of the lanes of each of a, b, c, d. */
DN_INLINE four sums(dn_vec a, dn_vec b, dn_vec c, dn_vec d)
{
    const dn_vec ab = SHUFFLE(a, b, 0, B, 1, B + 1) + SHUFFLE(a, b, 2, B + 2, 3, B + 3);
    const dn_vec cd = SHUFFLE(c, d, 0, B, 1, B + 1) + SHUFFLE(c, d, 2, B + 2, 3, B + 3);
    const dn_vec abcd = SHUFFLE(ab, cd, 0, 1, B, B + 1) + SHUFFLE(ab, cd, 2, 3, B + 2, B + 3);
    return FOLD(abcd);
}

/* A strip of c: some columns, for as many rows as there are in its piece, and a part of k. */
typedef struct strip {
    const dn_gemm_job *job;
    int64_t i, i_end, j, columns; /* columns: those that exist */
    int64_t k, k_end;
} strip;

/* Four results of a row: what earlier parts of k gave is added, then, after the last one, bias and relu. */
DN_INLINE void put(const strip *s, float *c, four sum, four bias, int64_t columns)
{
    const size_t bytes = (size_t)(columns < FOUR ? columns : FOUR) * sizeof *c;
    if (s->k > 0) {
        four old = {0};
        memcpy(&old, c, bytes);
        sum += old;
    }
    if (s->k_end == s->job->k) {
        sum += bias;
        if (s->job->relu) sum = (four)((four_mask)sum & ~(sum < 0));
    }
    if (columns >= FOUR)
        *(loose_four *)c = sum;
    else
        memcpy(c, &sum, bytes);
}

DN_INLINE void multiply(dn_vec sum[ROWS][COLUMNS], const dn_vec *x, dn_vec w, int rows, int column)
{
    DN_KEEP(w);
    DN_UNROLL for (int r = 0; r < rows; r++) sum[r][column] += x[r] * w;
}

/* Dot products of rows of a and of b. */
DN_INLINE void dots(const strip *s, int rows, int columns, const float *const *a, const float *const *b,
                    four result[ROWS][COLUMNS / FOUR])
{
    dn_vec sum[ROWS][COLUMNS], x[ROWS];
    int64_t at = s->k;
    DN_UNROLL for (int r = 0; r < rows; r++) DN_UNROLL for (int c = 0; c < columns; c++) sum[r][c] = dn_all(0);
    for (; at + DN_LANES <= s->k_end; at += DN_LANES) {
        DN_UNROLL for (int r = 0; r < rows; r++) x[r] = dn_load(a[r] + at);
        DN_UNROLL for (int c = 0; c < columns; c++) multiply(sum, x, dn_load(b[c] + at), rows, c);
    }
    if (at < s->k_end) { /* the vector that ends with the row, less what has been counted */
        const int64_t n = s->k_end - at, last = s->k_end - DN_LANES;
        DN_UNROLL for (int r = 0; r < rows; r++) x[r] = dn_last(dn_load(a[r] + last), n);
        DN_UNROLL for (int c = 0; c < columns; c++) multiply(sum, x, dn_last(dn_load(b[c] + last), n), rows, c);
    }
    DN_UNROLL for (int r = 0; r < rows; r++) DN_UNROLL for (int c = 0; c < columns; c += FOUR) result[r][c / FOUR] =
        sums(sum[r][c], sum[r][c + 1], sum[r][c + 2], sum[r][c + 3]);
}

/* Tiles of rows x columns, one below the other, as long as whole ones fit. Columns that do not exist repeat the last
 * one and are not stored. */
DN_INLINE void tiles(strip *s, int rows, int columns)
{
    const dn_gemm_job *job = s->job;
    const float *a[ROWS], *b[COLUMNS];
    four bias[COLUMNS / FOUR] = {{0}}, result[ROWS][COLUMNS / FOUR];
    if (job->bias) memcpy(bias, job->bias + s->j, (size_t)s->columns * sizeof *job->bias);
    DN_UNROLL for (int c = 0; c < columns; c++) b[c] =
        job->b + (s->j + (c < s->columns ? c : s->columns - 1)) * job->b_row;
    for (; s->i + rows <= s->i_end; s->i += rows) {
        DN_UNROLL for (int r = 0; r < rows; r++) a[r] = job->a + (s->i + r) * job->a_row;
        dots(s, rows, columns, a, b, result);
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns && c < s->columns; c += FOUR)
                put(s, job->c + (s->i + r) * job->c_row + s->j + c, result[r][c / FOUR], bias[c / FOUR],
                    s->columns - c);
    }
}

/* Functions of their own, since a compiler that sees all tiles at once keeps sums in memory. */
#define TILES(rows, columns)                                                 \
    static __attribute__((noinline)) void tiles_##rows##_##columns(strip *s) \
    {                                                                        \
        tiles(s, rows, columns);                                             \
    }
TILES(1, FOUR)
TILES(2, FOUR)
TILES(ROWS, FOUR)
TILES(1, COLUMNS)
TILES(2, COLUMNS)
TILES(ROWS, COLUMNS)

static void all_rows(strip s)
{
    if (s.columns > FOUR) {
        tiles_ROWS_COLUMNS(&s);
        tiles_2_COLUMNS(&s);
        tiles_1_COLUMNS(&s);
    } else {
        tiles_ROWS_FOUR(&s);
        tiles_2_FOUR(&s);
        tiles_1_FOUR(&s);
    }
}

static int64_t least(int64_t x, int64_t y)
{
    return x < y ? x : y;
}

static void piece(const dn_gemm_job *job, int64_t i, int64_t j)
{
    const int64_t i_end = least(i + DN_DOT_ROWS, job->m), j_end = least(j + DN_DOT_COLUMNS, job->n);
    const int64_t parts = (job->k + DN_DOT_K - 1) / DN_DOT_K;
    const int64_t step = (job->k + parts * DN_LANES - 1) / (parts * DN_LANES) * DN_LANES;
    for (int64_t k = 0; k < job->k; k += step)
        for (int64_t at = j; at < j_end; at += COLUMNS)
            all_rows((strip){job, i, i_end, at, least(j_end - at, COLUMNS), k, least(k + step, job->k)});
}

void DN_SIMD(dn_gemm_dot)(void *arg, int64_t begin, int64_t end)
{
    const dn_gemm_job *job = arg;
    for (int64_t row = 0; row < job->rows; row++)
        for (int64_t column = 0; column < job->columns; column++) {
            const int64_t number = row * job->row_step + column * job->column_step;
            if (begin <= number && number < end) piece(job, row * DN_DOT_ROWS, column * DN_DOT_COLUMNS);
        }
}
