/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the GPU kernels share: a tensor is made by one function on the reference backend and on the backend
 * under test, which the program's argument names (gpu_host32 or gpu_host64), and both must be alike. Nothing falls back:
 * that is an error where a backend is named. */
#ifndef TENON_TEST_ALIKE_H
#define TENON_TEST_ALIKE_H

#include "../check.h"

#include <math.h>
#include <stdlib.h>

static const char *backend;

typedef tn_tensor *(*make_fn)(tn_context *tn);

TN_UNUSED static double *values_on(const char *where, make_fn make, int64_t *n)
{
    tn_context *tn = tn_open(where);
    tn_manual_seed(tn, 7);
    tn_tensor *y = make(tn);
    assert_good(tn);
    *n = tn_numel(y);
    double *values = malloc(sizeof *values * (size_t)(*n + 1));
    assert_non_null(values);
    tn_read_f64(y, values, *n);
    assert_good(tn);
    tn_close(tn);
    return values;
}

/* No element differs by more than tolerance * (1 + its magnitude); 0: no bit. NaN is like NaN. */
TN_UNUSED static void assert_alike(make_fn make, double tolerance)
{
    int64_t n, m;
    double *expected = values_on("reference", make, &n), *found = values_on(backend, make, &m);
    assert_int_equal(n, m);
    assert_true(n > 0);
    for (int64_t i = 0; i < n; i++)
        if (expected[i] != found[i] && !(fabs(expected[i] - found[i]) <= tolerance * (1 + fabs(expected[i]))) &&
            !(isnan(expected[i]) && isnan(found[i])))
            fail_msg("element %lld is %.17g instead of %.17g", (long long)i, found[i], expected[i]);
    free(expected);
    free(found);
}

/* Numbers i / per - below, with i from 0 to 1008 in an order that no kernel has a period of: the same on each backend. */
TN_UNUSED static tn_tensor *spread(tn_context *tn, tn_dtype dtype, double per, double below, int rank,
                                   const int64_t *dims)
{
    int64_t n = 1;
    for (int d = 0; d < rank; d++) n *= dims[d];
    float *values = malloc(sizeof *values * (size_t)n);
    assert_non_null(values);
    for (int64_t i = 0; i < n; i++) values[i] = (float)((double)((i * 7919 + 13) % 1009) / per - below);
    tn_tensor *x = tn_reshape(tn_from(tn, values, TN_F32, 1, &n), rank, dims);
    free(values);
    return tn_cast(x, dtype);
}

/* All results of an operator for inputs that are drawn for a sample, one after the other. */
TN_UNUSED static tn_tensor *results_of(tn_context *tn, const char *op, const char *sample, tn_dtype dtype)
{
    enum { MOST = 4 };
    int n;
    tn_tensor *flat[MOST];
    tn_op_call *call = tn_op_call_open(tn, op, sample, &(tn_op_call_options){.dtype = dtype});
    assert_good(tn);
    const tn_op_operand *results = tn_op_call_results(call, &n);
    assert_good(tn);
    assert_true(n <= MOST);
    for (int i = 0; i < n; i++) {
        tn_tensor *x = results[i].tensor;
        flat[i] = tn_reshape(tn_contiguous(x), 1, (const int64_t[]){tn_numel(x)});
    }
    tn_op_call_close(call);
    return tn_cat(n, flat, 0);
}

#endif
