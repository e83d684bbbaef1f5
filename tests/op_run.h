/* SPDX-License-Identifier: Apache-2.0
 *
 * Running an operator on a sample: inputs laid out in several ways, and all that comes out as doubles. */
#ifndef TENON_TEST_OP_RUN_H
#define TENON_TEST_OP_RUN_H

#include "op_checks.h"

/* How inputs lie in memory. All but ROW_MAJOR have gaps, or another order; the gaps hold NaN. What a sample calls
 * transposed is so in ROW_MAJOR. */
typedef enum op_layout { ROW_MAJOR, TRANSPOSED, SLICED, CHANNELS_LAST, EXPANDED, N_LAYOUTS } op_layout;
extern const char *const op_layout_names[N_LAYOUTS];

/* The values of all inputs; [i] is NULL where one is absent. */
typedef struct op_values {
    double *of[TN_SAMPLE_INPUTS];
} op_values;

op_values op_values_draw(const tn_sample *s, tn_dtype dtype, uint64_t seed);
void op_values_free(op_values *values);
/* Makes the values constant along the first dim, as the layout EXPANDED can only express. */
void op_values_expand(const tn_sample *s, op_values *values);
/* Puts NaN and infinities among the real ones. */
void op_values_sprinkle(const tn_sample *s, tn_dtype dtype, op_values *values);

/* Tensors with these values; in-place inputs are never EXPANDED. */
void op_inputs(tn_context *tn, const tn_sample *s, tn_dtype dtype, const op_values *values, op_layout layout,
               tn_tensor **in);

/* All outputs, and all in-place inputs after the run. */
typedef struct op_outcome {
    tn_status status;
    char message[1000];
    int n;
    struct {
        const char *name;
        double *values;
        int64_t numel;
        tn_dtype dtype;
    } item[TN_MAX_OUT + TN_SAMPLE_INPUTS];
} op_outcome;

op_outcome op_run(const op_subject *subject, tn_context *tn, const tn_sample *s, tn_dtype dtype,
                  const op_values *values, op_layout layout);
void op_outcome_add(op_outcome *outcome, const char *name, tn_tensor *x);
void op_outcome_free(op_outcome *outcome);
/* Are both the same up to `tolerance` times the largest magnitude of each tensor (at least 1)? NaN matches NaN,
 * infinities match themselves, integers must be equal. why: 300 bytes. */
bool op_outcome_close(const op_outcome *found, const op_outcome *expected, double tolerance, char *why);
/* Relative tolerance for results computed in a dtype. */
double op_tolerance(tn_dtype dtype);

#endif
