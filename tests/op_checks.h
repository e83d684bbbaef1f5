/* SPDX-License-Identifier: Apache-2.0
 *
 * What must hold for every operator, checked on its samples, and on its shapes where size may matter. No check knows
 * any operator by name. */
#ifndef TENON_TEST_OP_CHECKS_H
#define TENON_TEST_OP_CHECKS_H

#include "sample.h"

typedef bool (*op_apply_fn)(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in,
                            tn_tensor **out);

enum { OP_BATCH = 2 }; /* the N of shapes */

/* An operator under test. apply is tn__apply_all, but for the tests of the checks themselves, which break it. */
typedef struct op_subject {
    const tn_op *op;
    op_apply_fn apply;
    tn_context *reference;
    tn_context *other; /* another backend, for checks that compare */
} op_subject;

typedef struct op_report {
    int ran, refused; /* samples that were compared, and that a backend or the operator did not take */
    char why[1500];   /* the first failure */
} op_report;

/* Each returns false, and fills in why, if the operator breaks the promise. */
typedef bool (*op_check_fn)(const op_subject *subject, op_report *report);

bool check_samples(const op_subject *subject, op_report *report);   /* there are enough, and all run; shapes, too */
bool check_precision(const op_subject *subject, op_report *report); /* f32 is close to f64 */
bool check_integers(const op_subject *subject, op_report *report);  /* integers agree with f64, wrapped */
bool check_strides(const op_subject *subject, op_report *report);   /* views give what copies give */
bool check_gradient(const op_subject *subject, op_report *report);  /* f64, against central differences */
bool check_second_derivative(const op_subject *subject, op_report *report); /* the same of the gradient */
bool check_decomposition(const op_subject *subject, op_report *report);     /* a fused operator equals its parts */
bool check_backend(const op_subject *subject, op_report *report); /* other agrees with reference, any strides */
bool check_program(const op_subject *subject, op_report *report); /* replayed in a program it does what it does */
/* NaN and infinities come out where they should: in f32 as in f64, on the other backend as on the reference. */
bool check_not_finite(const op_subject *subject, op_report *report);

#endif
