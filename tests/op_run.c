/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs operators on samples for the checks. */
#include "op_run.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- values */

op_values op_values_draw_as(const tn_sample *s, const tn_op_call_options *how)
{
    op_values values = {{0}};
    for (int i = 0; i < s->n_in; i++) {
        if (!s->in[i].present) continue;
        int64_t n = tn__sample_numel(&s->in[i]);
        values.of[i] = malloc(((size_t)n + 1) * sizeof(double));
        if (!values.of[i]) abort();
        tn__sample_draw(s, i, how, 0, n, values.of[i]);
    }
    return values;
}

op_values op_values_draw(const tn_sample *s, tn_dtype dtype, uint64_t seed)
{
    return op_values_draw_as(s, &(tn_op_call_options){.dtype = dtype, .seed = seed});
}

void op_values_free(op_values *values)
{
    for (int i = 0; i < TN_SAMPLE_INPUTS; i++) free(values->of[i]);
    *values = (op_values){{0}};
}

void op_inputs(tn_context *tn, const tn_sample *s, tn_dtype dtype, const op_values *values, tn_op_layout layout,
               tn_tensor **in)
{
    const tn_op_call_options how = {.dtype = dtype, .layout = layout};
    for (int i = 0; i < s->n_in; i++)
        in[i] = s->in[i].present ? tn__sample_tensor(tn, s, i, &how, values->of[i]) : NULL;
}

/* ---- outcomes */

void op_outcome_add(op_outcome *outcome, const char *name, tn_tensor *x)
{
    int i = outcome->n++;
    outcome->item[i].name = name;
    outcome->item[i].numel = tn_numel(x);
    outcome->item[i].dtype = tn_dtype_of(x);
    outcome->item[i].values = sample_read(x);
    if (!outcome->item[i].values) outcome->item[i].numel = -1;
}

static double largest(double least, const double *values, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        if (isfinite(values[k]) && fabs(values[k]) > least) least = fabs(values[k]);
    return least;
}

op_outcome op_run(const op_subject *subject, tn_context *tn, const tn_sample *s, tn_dtype dtype,
                  const op_values *values, tn_op_layout layout)
{
    tn_tensor *in[TN_SAMPLE_INPUTS], *out[TN_MAX_OUT] = {0};
    op_outcome outcome = {.status = TN_OK, .scale = 1};
    for (int i = 0; i < s->n_in; i++)
        if (tn__sample_is_real(s, i, dtype))
            outcome.scale = largest(outcome.scale, values->of[i], tn__sample_numel(&s->in[i]));
    tn_mark mark = tn_begin(tn);
    op_inputs(tn, s, dtype, values, layout, in);
    bool ok = subject->apply(tn, s->op, tn__sample_attrs_of(s), s->n_in, in, out);
    for (int i = 0; ok && i < s->schema->n_out; i++) op_outcome_add(&outcome, s->schema->out[i].name, out[i]);
    for (int i = 0; ok && i < s->n_in; i++)
        if (in[i] && s->in[i].arg->in_place) op_outcome_add(&outcome, s->in[i].arg->name, in[i]);
    outcome.status = tn_check(tn);
    snprintf(outcome.message, sizeof outcome.message, "%s", tn_message(tn));
    tn_clear(tn);
    tn_end(tn, mark, NULL);
    return outcome;
}

void op_outcome_free(op_outcome *outcome)
{
    for (int i = 0; i < outcome->n; i++) free(outcome->item[i].values);
    outcome->n = 0;
}

static bool same(double found, double expected, double bound)
{
    if (isnan(expected) || isnan(found)) return isnan(expected) && isnan(found);
    if (isinf(expected) || isinf(found)) return expected == found;
    return fabs(found - expected) <= bound;
}

static double unit(tn_dtype dtype)
{
    return dtype == TN_F32 ? FLT_EPSILON : dtype == TN_F64 ? DBL_EPSILON : 0;
}

bool op_outcome_within(const op_outcome *found, const op_outcome *expected, double bound, char *why)
{
    if (found->n != expected->n) {
        snprintf(why, 300, "%d results instead of %d", found->n, expected->n);
        return false;
    }
    for (int i = 0; i < expected->n; i++) {
        int64_t n = expected->item[i].numel;
        if (found->item[i].numel != n || n < 0) {
            snprintf(why, 300, "%s has %lld elements, not %lld", expected->item[i].name,
                     (long long)found->item[i].numel, (long long)n);
            return false;
        }
        double most = bound * unit(found->item[i].dtype) * largest(expected->scale, expected->item[i].values, n);
        for (int64_t k = 0; k < n; k++) {
            double a = found->item[i].values[k], b = expected->item[i].values[k];
            if (same(a, b, most)) continue;
            snprintf(why, 300, "%s[%lld] is %.9g, expected %.9g, give or take %.1e", expected->item[i].name,
                     (long long)k, a, b, most);
            return false;
        }
    }
    return true;
}

double op_bound(const tn_op *op)
{
    int n;
    return tn_ops(&n)[tn__op_index(op->name)].bound;
}

tn_sample op_sample_in_f64(const tn_sample *s)
{
    tn_sample copy = *s;
    for (int i = 0; i < copy.n_in; i++)
        if (copy.in[i].present && copy.in[i].arg->letter && copy.in[i].dtype == TN_F32) copy.in[i].dtype = TN_F64;
    return copy;
}
