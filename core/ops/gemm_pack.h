/* SPDX-License-Identifier: Apache-2.0
 *
 * Template (for_each_real.h): moves between plain matrices and panels. */

/* `lines` lines of a panel; a constant number of them is unrolled. */
static inline void FN(pack_some)(int lines, int64_t width, int64_t depth, const REAL *restrict from,
                                 int64_t line_stride, int64_t depth_stride, REAL *restrict to)
{
    for (int64_t d = 0; d < depth; d++)
        for (int line = 0; line < lines; line++) to[d * width + line] = from[line * line_stride + d * depth_stride];
}

/* One panel of `lines` <= width lines that lie apart, their elements side by side: a transposition. */
TN_MULTIVERSION static void FN(pack_lines)(int64_t width, int64_t lines, int64_t depth, const REAL *from,
                                           int64_t line_stride, int64_t depth_stride, REAL *to)
{
    int64_t line = 0;
    for (; line + 8 <= lines; line += 8)
        FN(pack_some)(8, width, depth, from + line * line_stride, line_stride, depth_stride, to + line);
    for (; line + 2 <= lines; line += 2)
        FN(pack_some)(2, width, depth, from + line * line_stride, line_stride, depth_stride, to + line);
    for (; line < lines; line++)
        FN(pack_some)(1, width, depth, from + line * line_stride, line_stride, depth_stride, to + line);
}

/* The same of lines that lie side by side: a copy. */
static void FN(pack_steps)(int64_t width, int64_t lines, int64_t depth, const REAL *from, int64_t depth_stride,
                           REAL *to)
{
    for (int64_t d = 0; d < depth; d++)
        for (int64_t line = 0; line < lines; line++) to[d * width + line] = from[line + d * depth_stride];
}

static void FN(pack)(int64_t width, int64_t lines, int64_t depth, const void *matrix, int64_t line_stride,
                     int64_t depth_stride, void *panels)
{
    const REAL *from = matrix;
    REAL *to = panels;
    for (; lines > 0; lines -= width, from += width * line_stride, to += width * depth) {
        int64_t here = lines < width ? lines : width;
        if (line_stride == 1)
            FN(pack_steps)(width, here, depth, from, depth_stride, to);
        else
            FN(pack_lines)(width, here, depth, from, line_stride, depth_stride, to);
        for (int64_t d = 0; d < depth && here < width; d++)
            for (int64_t line = here; line < width; line++) to[d * width + line] = 0;
    }
}

/* to += from, whose rows are contiguous. */
static void FN(add_block)(int64_t rows, int64_t cols, const void *from, int64_t from_row, void *to, int64_t to_row,
                          int64_t to_col)
{
    const REAL *source = from;
    REAL *target = to;
    for (int64_t i = 0; i < rows; i++, source += from_row, target += to_row)
        for (int64_t j = 0; j < cols; j++) target[j * to_col] += source[j];
}
