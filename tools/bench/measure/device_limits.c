/* SPDX-License-Identifier: Apache-2.0
 *
 * The limits of a device, by the operators that its backend has. */
#include "bench/measure/limits.h"

#include <string.h>

#include "tool.h"

enum { SIDE = 4096, REPEATS = 10 };
static const int64_t copied_floats = 64 << 20;

/* Seconds of a product of two square matrices; 0 after an error. */
static double time_product(tn_context *tn, tn_dtype dtype, int64_t side)
{
    tn_mark mark = tn_begin(tn);
    tn_tensor *x = tn_ones(tn, dtype, TN_SHAPE(side, side));
    double start = 0;
    for (int i = -1; i < REPEATS; i++) {
        tn_mark one = tn_begin(tn);
        tn_matmul(x, x);
        tn_end(tn, one, NULL);
        if (i >= 0) continue;
        tn_synchronize(tn); /* the first one made the plan */
        start = tool_now();
    }
    tn_synchronize(tn);
    double seconds = (tool_now() - start) / REPEATS;
    tn_end(tn, mark, NULL);
    return tn_check(tn) ? 0 : seconds;
}

static double time_copy(tn_context *tn, int64_t floats)
{
    tn_mark mark = tn_begin(tn);
    tn_tensor *x = tn_zeros(tn, TN_F32, TN_SHAPE(floats)), *y = tn_zeros(tn, TN_F32, TN_SHAPE(floats));
    double start = 0;
    for (int i = -1; i < REPEATS; i++) {
        tn_copy_(y, x);
        if (i >= 0) continue;
        tn_synchronize(tn);
        start = tool_now();
    }
    tn_synchronize(tn);
    double seconds = (tool_now() - start) / REPEATS;
    tn_end(tn, mark, NULL);
    return tn_check(tn) ? 0 : seconds;
}

/* What the device lacks is left out, and is no error of the worker's. */
static json_t *sample(tn_context *tn, double work, double seconds)
{
    tn_clear(tn);
    return seconds > 0 ? json_pack("[f]", work / seconds) : json_array();
}

json_t *bench_limits_of_device(tn_context *tn, const char *math)
{
    bool was = tn_set_grad_enabled(tn, false);
    double product = 2.0 * SIDE * SIDE * SIDE, bytes = 2.0 * (double)copied_floats * sizeof(float);
    json_t *single = sample(tn, product, time_product(tn, TN_F32, SIDE));
    json_t *f64 = sample(tn, product, time_product(tn, TN_F64, SIDE));
    json_t *copy = sample(tn, bytes, time_copy(tn, copied_floats));
    tn_set_grad_enabled(tn, was);
    bool rounds = !strcmp(math, "tf32");
    return json_pack("{s:s, s:{s:s, s:o, s:o, s:o}, s:{s:s, s:[{s:f, s:o}]}}", "name", tn_default_device(tn), "flops",
                     "unit", "FLOP/s", rounds ? "tf32" : "f32", single, rounds ? "f32" : "tf32", json_array(), "f64",
                     f64, "bandwidth", "unit", "B/s", "sets", "bytes", bytes, "samples", copy);
}
