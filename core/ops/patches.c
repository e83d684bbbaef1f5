/* SPDX-License-Identifier: Apache-2.0
 *
 * Gathers and scatters by strips of neighbouring windows: what depends on the kernel's column alone is worked out once
 * for all channels and kernel rows. */
#include "ops/patches.h"

#include <assert.h>
#include <string.h>

enum { STRIP = 64 }; /* windows at a time; at least a panel's width */

/* Windows of a strip that lie in one row of the output. */
typedef struct run {
    int64_t row, first, n; /* output row, first output column, how many */
    int64_t lane;          /* of the first one in the strip */
    int64_t col;           /* for one kernel column: where the first one lies in the image ... */
    int64_t begin, end;    /* ... and which of them lie inside it */
} run;

typedef struct strip {
    int n;
    run runs[STRIP];
} strip;

/* Where the matrix lies in memory, in elements: cells are cut into panels of `panel` lines. */
typedef struct layout {
    int64_t panel, panel_step, window_step;
} layout;

static inline int64_t cell_offset(layout at, int64_t cell)
{
    return at.panel == 1 ? cell * at.panel_step : cell / at.panel * at.panel_step + cell % at.panel;
}

static inline int64_t image_row(const tn_patches *shape, const run *r, int64_t kernel_row)
{
    return r->row * shape->stride[0] - shape->padding[0] + kernel_row * shape->dilation[0];
}

static void cut(strip *s, const tn_patches *shape, int64_t first, int64_t count)
{
    int64_t row = first / shape->windows[1], col = first % shape->windows[1];
    s->n = 0;
    for (int64_t lane = 0; lane < count; row++, col = 0) {
        int64_t rest = shape->windows[1] - col, n = count - lane < rest ? count - lane : rest;
        s->runs[s->n++] = (run){.row = row, .first = col, .n = n, .lane = lane};
        lane += n;
    }
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Windows [inside, outside) of a row have this kernel column inside the image. */
static void clip(strip *s, const tn_patches *shape, int64_t kernel_col)
{
    int64_t stride = shape->stride[1], start = kernel_col * shape->dilation[1] - shape->padding[1];
    int64_t left = start < 0 ? (-start + stride - 1) / stride : 0, room = shape->image[1] - start;
    int64_t right = room > 0 ? (room - 1) / stride + 1 : 0;
    for (int k = 0; k < s->n; k++) {
        run *r = &s->runs[k];
        r->col = r->first * stride + start;
        r->begin = clamp(left - r->first, 0, r->n);
        r->end = clamp(right - r->first, r->begin, r->n);
    }
}

#define TEMPLATE "ops/patches_template.h"
#include "ops/for_each_real.h"

typedef void move_fn(const tn_patches *shape, const strip *s, int64_t kernel_col, layout at, const void *from,
                     void *to);

static void move_strip(const tn_patches *shape, int64_t first, int64_t count, layout at, const void *from, void *to,
                       move_fn *move)
{
    strip s;
    cut(&s, shape, first, count);
    for (int64_t kernel_col = 0; kernel_col < shape->kernel[1]; kernel_col++) {
        clip(&s, shape, kernel_col);
        move(shape, &s, kernel_col, at, from, to);
    }
}

static int64_t cells_of(const tn_patches *shape)
{
    return shape->channels * shape->kernel[0] * shape->kernel[1];
}

void tn__pack_windows(tn_dtype dtype, const tn_patches *shape, const void *image, int64_t first, int64_t count,
                      int64_t width, void *panels)
{
    int64_t size = (int64_t)tn_dtype_size(dtype), panel_bytes = width * cells_of(shape) * size;
    assert(width <= STRIP);
    for (int64_t done = 0; done < count; done += width) {
        char *panel = (char *)panels + done / width * panel_bytes;
        int64_t here = count - done < width ? count - done : width;
        if (here < width) memset(panel, 0, (size_t)panel_bytes);
        move_strip(shape, first + done, here, (layout){1, width, 1}, image, panel,
                   dtype == TN_F32 ? gather_f32 : gather_f64);
    }
}

void tn__pack_cells(tn_dtype dtype, const tn_patches *shape, const void *image, int64_t first, int64_t count,
                    int64_t width, void *panels)
{
    int64_t size = (int64_t)tn_dtype_size(dtype), cells = cells_of(shape), panel_bytes = width * count * size;
    if (cells % width) memset((char *)panels + cells / width * panel_bytes, 0, (size_t)panel_bytes);
    for (int64_t done = 0; done < count; done += STRIP)
        move_strip(shape, first + done, count - done < STRIP ? count - done : STRIP,
                   (layout){width, width * count, width}, image, (char *)panels + done * width * size,
                   dtype == TN_F32 ? gather_f32 : gather_f64);
}

void tn__add_windows(tn_dtype dtype, const tn_patches *shape, const void *matrix, int64_t first, int64_t count,
                     void *image)
{
    int64_t size = (int64_t)tn_dtype_size(dtype);
    for (int64_t done = 0; done < count; done += STRIP)
        move_strip(shape, first + done, count - done < STRIP ? count - done : STRIP, (layout){1, count, 1},
                   (const char *)matrix + done * size, image, dtype == TN_F32 ? scatter_f32 : scatter_f64);
}
