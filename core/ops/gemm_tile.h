/* SPDX-License-Identifier: Apache-2.0
 *
 * Template of a micro-kernel: C[ROWS, 2 vectors] += A B, A and B being one panel each, k steps deep. The accumulators
 * fill the vector registers, and are explicit vectors because compilers leave large arrays in memory.
 *     TILE     name of the function           VECTOR   bytes of a vector
 *     TARGET   attribute of its instructions  ROWS     rows of the tile
 *     REAL     element */

TARGET static void TILE(int64_t k, const void *a_panel, const void *b_panel, void *c_tile, int64_t c_row)
{
    typedef REAL vector __attribute__((vector_size(VECTOR), aligned(sizeof(REAL)), may_alias));
    enum { LANES = VECTOR / sizeof(REAL) };
    const REAL *a = a_panel, *b = b_panel;
    REAL *c = c_tile;
    vector sum[ROWS][2] = {{{0}}};
    for (int64_t p = 0; p < k; p++, a += ROWS, b += 2 * LANES)
        for (int i = 0; i < ROWS; i++) {
            sum[i][0] += a[i] * *(const vector *)b;
            sum[i][1] += a[i] * *(const vector *)(b + LANES);
        }
    for (int i = 0; i < ROWS; i++, c += c_row) {
        *(vector *)c += sum[i][0];
        *(vector *)(c + LANES) += sum[i][1];
    }
}

#undef TILE
#undef VECTOR
#undef TARGET
#undef ROWS
#undef REAL
