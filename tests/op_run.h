/* SPDX-License-Identifier: Apache-2.0
 *
 * Running an operator on a sample: inputs of given values, and all that comes out as doubles. */
#ifndef TENON_TEST_OP_RUN_H
#define TENON_TEST_OP_RUN_H

#include "op_checks.h"

/* The values of all inputs; [i] is NULL where one is absent. */
typedef struct op_values {
    double *of[TN_SAMPLE_INPUTS];
} op_values;

op_values op_values_draw(const tn_sample *s, tn_dtype dtype, uint64_t seed);
/* The same, repeated or with infinities. */
op_values op_values_draw_as(const tn_sample *s, const tn_op_call_options *how);
void op_values_free(op_values *values);

/* Tensors with these values. */
void op_inputs(tn_context *tn, const tn_sample *s, tn_dtype dtype, const op_values *values, tn_op_layout layout,
               tn_tensor **in);

/* All outputs, and all in-place inputs after the run. */
typedef struct op_outcome {
    tn_status status;
    char message[1000];
    double scale; /* largest finite magnitude among the real inputs, at least 1 */
    int n;
    struct {
        const char *name;
        double *values;
        int64_t numel;
        tn_dtype dtype;
    } item[TN_MAX_OUT + TN_SAMPLE_INPUTS];
} op_outcome;

op_outcome op_run(const op_subject *subject, tn_context *tn, const tn_sample *s, tn_dtype dtype,
                  const op_values *values, tn_op_layout layout);
void op_outcome_add(op_outcome *outcome, const char *name, tn_tensor *x);
void op_outcome_free(op_outcome *outcome);
/* Does each result keep a bound, as abi/tenon_ops.h defines it, for the dtype that it was found in? NaN matches NaN,
 * infinities match themselves, integers must be equal. why: 300 bytes. */
bool op_outcome_within(const op_outcome *found, const op_outcome *expected, double bound, char *why);

/* The published bound of an operator; and one for several operators in a row. */
double op_bound(const tn_op *op);
enum { OP_SOME_ROUNDINGS = 128 };

/* The sample with all that it fixes as f32 taken as f64. */
tn_sample op_sample_in_f64(const tn_sample *s);

#endif
