/* SPDX-License-Identifier: Apache-2.0
 *
 * An operator on the candidate and on the reference backend, with the same values; what comes out is compared by the
 * bound that the catalogue publishes. */
#ifndef TENON_CONFORM_TRIAL_H
#define TENON_CONFORM_TRIAL_H

#include "conform.h"

enum { TRIAL_RESULTS = 48, TRIAL_TEXT = 600 };

/* Results as numbers. */
typedef struct trial_outcome {
    int n;
    double scale; /* largest finite magnitude among the real inputs, at least 1 */
    struct {
        const char *name;
        tn_dtype dtype;
        int rank;
        int64_t dims[TN_MAX_RANK], numel;
        double *values;
    } item[TRIAL_RESULTS];
} trial_outcome;

typedef struct trial {
    conform_run *run;
    const tn_op_status *op;
    tn_context *candidate, *reference;
    trial_outcome expected;
    int refused; /* uses that the candidate does not support */
    char refusal[CONFORM_WHY / 2];
} trial;

/* Opens both contexts; false after conform_fail. trial_close is needed in any case. */
bool trial_open(trial *t, conform_run *run);
void trial_close(trial *t);

/* Computes what is expected of a sample: in f64 where how->dtype is real. False if the operator itself refuses the
 * sample. */
bool trial_expect(trial *t, const char *sample, const tn_op_call_options *how);
/* Runs the candidate and compares with what is expected, which may come of another layout or real dtype. True if there
 * is no failure: what the candidate does not support is only counted. */
bool trial_compare(trial *t, const char *sample, const tn_op_call_options *how);

/* ---- for other comparisons */

/* The sample without a dtype where it says f32, so that it may be f64. */
const char *trial_free_dtype(const char *sample, char text[TRIAL_TEXT]);
/* NaN equals NaN, infinities equal themselves, all else may differ by `most`. */
bool trial_same(double found, double expected, double most);
/* Largest finite magnitude, at least `least`. */
double trial_largest(double least, const double *values, int64_t n);

/* ---- shapes.c */

/* A number drawn for `index`, the same for the same seed. */
uint64_t shapes_random(uint64_t seed, uint64_t index);
/* Writes a sample like the given one, of other sizes. It may be one that does not fit. False if it is too large. */
bool shapes_vary(const tn_op_status *op, const char *sample, uint64_t seed, char text[TRIAL_TEXT]);

#endif
