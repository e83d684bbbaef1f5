/* SPDX-License-Identifier: Apache-2.0
 *
 * First and second derivatives against central differences, in f64 on the reference backend. The weights dy of the
 * outputs make a scalar of them: L = sum(dy * y). Means over nothing are NaN, so empty samples are only run. */
#include "op_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 11, MOST = 200, FEW = 60 }; /* all elements are probed up to MOST, FEW of them beyond */
static const double STEP = 1e-5, TOLERANCE = 1e-6;

/* One sample with what is to be differentiated: the real inputs, and dy as the last variable. */
typedef struct probe {
    const op_subject *subject;
    const tn_sample *s;
    op_values values;
    double *dy;
    int64_t dy_numel;
    int64_t dy_dims[TN_MAX_RANK];
    int dy_rank;
    int n, input[TN_SAMPLE_INPUTS]; /* the inputs that are variables */
    char why[600];
} probe;

/* Gradients by variable; n + 1 of them where dy is one. */
typedef struct gradients {
    double *of[TN_SAMPLE_INPUTS + 1];
} gradients;

static void gradients_free(gradients *g)
{
    for (int v = 0; v <= TN_SAMPLE_INPUTS; v++) free(g->of[v]);
    *g = (gradients){{0}};
}

static int64_t numel(const probe *p, int v)
{
    return v == p->n ? p->dy_numel : tn__sample_numel(&p->s->in[p->input[v]]);
}

static double *variable(probe *p, int v)
{
    return v == p->n ? p->dy : p->values.of[p->input[v]];
}

/* False if there is nothing to differentiate: no real input, or a result that is not f64. */
static bool probe_init(probe *p, const op_subject *subject, const tn_sample *s)
{
    *p = (probe){.subject = subject, .s = s, .values = op_values_draw(s, TN_F64, SEED)};
    for (int i = 0; i < s->n_in; i++)
        if (tn__sample_is_real(s, i, TN_F64) && !s->in[i].arg->in_place) p->input[p->n++] = i;

    tn_context *tn = subject->reference;
    tn_mark mark = tn_begin(tn);
    tn_tensor *in[TN_SAMPLE_INPUTS], *out[TN_MAX_OUT] = {0};
    op_inputs(tn, s, TN_F64, &p->values, TN_OP_LAYOUT_ROW_MAJOR, in);
    bool ok = p->n > 0 && s->schema->n_out > 0 && subject->apply(tn, s->op, tn__sample_attrs_of(s), s->n_in, in, out) &&
              tn_dtype_of(out[0]) == TN_F64;
    if (ok) {
        p->dy_rank = tn_rank(out[0]);
        memcpy(p->dy_dims, tn_dims(out[0]), sizeof p->dy_dims);
        p->dy_numel = tn_numel(out[0]);
        p->dy = calloc((size_t)p->dy_numel + 1, sizeof *p->dy);
        if (!p->dy) abort();
        for (int64_t k = 0; k < p->dy_numel; k++) p->dy[k] = 2 * tn__sample_random(SEED, (uint64_t)k) - 1;
    }
    tn_clear(tn);
    tn_end(tn, mark, NULL);
    return ok;
}

static void probe_release(probe *p)
{
    op_values_free(&p->values);
    free(p->dy);
}

/* ---- the scalars that are differentiated */

static double loss(probe *p)
{
    double sum = 0;
    op_outcome y = op_run(p->subject, p->subject->reference, p->s, TN_F64, &p->values, TN_OP_LAYOUT_ROW_MAJOR);
    for (int64_t k = 0; y.status == TN_OK && k < p->dy_numel; k++) sum += y.item[0].values[k] * p->dy[k];
    if (y.status != TN_OK) sum = NAN;
    op_outcome_free(&y);
    return sum;
}

/* Makes inputs and outputs with a graph; xs are the n + 1 variables. */
static tn_tensor *record(probe *p, tn_tensor **xs)
{
    tn_context *tn = p->subject->reference;
    tn_tensor *in[TN_SAMPLE_INPUTS], *out[TN_MAX_OUT] = {0};
    op_inputs(tn, p->s, TN_F64, &p->values, TN_OP_LAYOUT_ROW_MAJOR, in);
    for (int v = 0; v < p->n; v++) xs[v] = tn_requires_grad(in[p->input[v]], true);
    xs[p->n] = tn_requires_grad(sample_tensor(tn, TN_F64, p->dy_rank, p->dy_dims, p->dy), true);
    p->subject->apply(tn, p->s->op, tn__sample_attrs_of(p->s), p->s->n_in, in, out);
    return out[0];
}

/* What autograd says dL/dx is; false after filling in why. */
static bool first_gradients(probe *p, gradients *g)
{
    tn_context *tn = p->subject->reference;
    tn_tensor *xs[TN_SAMPLE_INPUTS + 1], *dxs[TN_SAMPLE_INPUTS + 1];
    tn_mark mark = tn_begin(tn);
    tn_tensor *y = record(p, xs);
    tn_grad_for(y, tn_detach(xs[p->n]), p->n, xs, dxs, false, false);
    for (int v = 0; v < p->n; v++) {
        bool fits = tn_check(tn) == TN_OK && tn_numel(dxs[v]) == numel(p, v) && tn_rank(dxs[v]) == tn_rank(xs[v]);
        if (!fits && tn_check(tn) == TN_OK) tn_raise(tn, TN_INTERNAL, "the gradient's shape is not the input's");
        g->of[v] = fits ? sample_read(dxs[v]) : NULL;
    }
    bool ok = tn_check(tn) == TN_OK;
    snprintf(p->why, sizeof p->why, "%.500s", tn_message(tn));
    tn_clear(tn);
    tn_end(tn, mark, NULL);
    return ok;
}

/* The weights of first gradients, when these are made a scalar. */
static double weight(int v, int64_t k)
{
    return 2 * tn__sample_random(SEED + 1 + (uint64_t)v, (uint64_t)k) - 1;
}

/* G = sum(u * dL/dx), with the first gradients from autograd. */
static double weighted_gradients(probe *p)
{
    gradients g = {{0}};
    double sum = first_gradients(p, &g) ? 0 : NAN;
    for (int v = 0; v < p->n && !isnan(sum); v++)
        for (int64_t k = 0; k < numel(p, v); k++) sum += weight(v, k) * g.of[v][k];
    gradients_free(&g);
    return sum;
}

/* What autograd says the gradient of G is, by all variables. */
static bool second_gradients(probe *p, gradients *g)
{
    tn_context *tn = p->subject->reference;
    tn_tensor *xs[TN_SAMPLE_INPUTS + 1], *dxs[TN_SAMPLE_INPUTS + 1], *ddxs[TN_SAMPLE_INPUTS + 1];
    tn_mark mark = tn_begin(tn);
    tn_tensor *y = record(p, xs);
    tn_grad_for(y, xs[p->n], p->n, xs, dxs, true, true);
    tn_tensor *total = tn_scalar(tn, TN_F64, 0);
    for (int v = 0; v < p->n; v++) {
        double *u = malloc(((size_t)numel(p, v) + 1) * sizeof *u);
        if (!u) abort();
        for (int64_t k = 0; k < numel(p, v); k++) u[k] = weight(v, k);
        tn_tensor *weights = sample_tensor(tn, TN_F64, tn_rank(xs[v]), tn_dims(xs[v]), u);
        total = tn_add(total, tn_sum(tn_mul(weights, dxs[v]), TN_ALL, false));
        free(u);
    }
    /* a gradient may be constant; this makes total depend on every variable all the same */
    for (int v = 0; v <= p->n; v++) total = tn_add(total, tn_sum(tn_mul_scalar(xs[v], 0), TN_ALL, false));
    tn_grad_for(total, NULL, p->n + 1, xs, ddxs, false, false);
    for (int v = 0; v <= p->n; v++) g->of[v] = tn_check(tn) == TN_OK ? sample_read(ddxs[v]) : NULL;
    bool ok = tn_check(tn) == TN_OK;
    snprintf(p->why, sizeof p->why, "%.500s", tn_message(tn));
    tn_clear(tn);
    tn_end(tn, mark, NULL);
    return ok;
}

/* ---- comparison */

static double slope(probe *p, double (*f)(probe *p), double *at)
{
    double x = *at, above, below;
    *at = x + STEP;
    above = f(p);
    *at = x - STEP;
    below = f(p);
    *at = x;
    return (above - below) / (2 * STEP);
}

static bool matches(probe *p, double (*f)(probe *p), const gradients *g, int n_variables)
{
    int64_t total = 0;
    double scale = 1;
    for (int v = 0; v < n_variables; v++) {
        total += numel(p, v);
        for (int64_t k = 0; k < numel(p, v); k++) scale = fmax(scale, fabs(g->of[v][k]));
    }
    for (int v = 0; v < n_variables; v++)
        for (int64_t k = 0; k < numel(p, v); k++) {
            if (total > MOST && tn__sample_random(SEED + 99, (uint64_t)(v * 100000 + k)) * (double)total > FEW)
                continue;
            double expected = slope(p, f, &variable(p, v)[k]), found = g->of[v][k];
            if (fabs(found - expected) <= TOLERANCE * scale) continue;
            snprintf(p->why, sizeof p->why, "for %s[%lld] it is %.9g, by central differences %.9g",
                     v == p->n ? "dy" : p->s->in[p->input[v]].arg->name, (long long)k, found, expected);
            return false;
        }
    return true;
}

static bool gradient_matches(probe *p)
{
    gradients g = {{0}};
    bool ok = first_gradients(p, &g) && (tn__sample_is_empty(p->s) || matches(p, loss, &g, p->n));
    gradients_free(&g);
    return ok;
}

static bool second_derivative_matches(probe *p)
{
    gradients g = {{0}};
    bool ok = tn__sample_is_empty(p->s) || (second_gradients(p, &g) && matches(p, weighted_gradients, &g, p->n + 1));
    gradients_free(&g);
    return ok;
}

static bool for_each_probe(const op_subject *subject, bool (*one)(probe *p), const char *what, op_report *report)
{
    bool ok = true;
    for (const char *const *text = subject->op->samples; ok && text && *text; text++) {
        tn_sample s, taken;
        probe p;
        char why[TN_SAMPLE_WHY];
        if (!subject->op->grad) return true; /* not differentiable */
        if (!tn__sample_parse(subject->op, *text, OP_BATCH, &s, why)) return false;
        taken = op_sample_in_f64(&s); /* differentiability is the same in both */
        if (probe_init(&p, subject, &taken)) {
            report->ran++;
            ok = one(&p);
            if (!ok)
                snprintf(report->why, sizeof report->why, "%s, sample \"%s\": %s: %s", s.op->name, s.text, what, p.why);
        }
        probe_release(&p);
    }
    return ok;
}

bool check_gradient(const op_subject *subject, op_report *report)
{
    return for_each_probe(subject, gradient_matches, "wrong gradient", report);
}

bool check_second_derivative(const op_subject *subject, op_report *report)
{
    return for_each_probe(subject, second_derivative_matches, "wrong second derivative", report);
}

/* ---- fused operators */

static bool apply_parts(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in,
                        tn_tensor **out)
{
    op->decompose(tn, attrs, in, n_in, out);
    return tn_check(tn) == TN_OK;
}

/* Does the operator give what its parts give? */
static bool parts_agree(const op_subject *subject, const op_subject *parts, const tn_sample *s, tn_dtype dtype,
                        op_report *report)
{
    char why[300] = "";
    op_values values = op_values_draw(s, dtype, SEED);
    op_outcome whole = op_run(subject, subject->reference, s, dtype, &values, TN_OP_LAYOUT_ROW_MAJOR);
    op_outcome sum = op_run(parts, subject->reference, s, dtype, &values, TN_OP_LAYOUT_ROW_MAJOR);
    bool ok = whole.status == TN_OK && sum.status == TN_OK && op_outcome_within(&sum, &whole, OP_SOME_ROUNDINGS, why);
    if (!ok)
        snprintf(report->why, sizeof report->why, "%s, sample \"%s\": the parts give something else: %s%.200s",
                 s->op->name, s->text, why, sum.message);
    op_outcome_free(&whole);
    op_outcome_free(&sum);
    op_values_free(&values);
    report->ran++;
    return ok;
}

bool check_decomposition(const op_subject *subject, op_report *report)
{
    op_subject parts = {subject->op, apply_parts, subject->reference, NULL};
    if (!subject->op->decompose) return true;
    const char *const *const lists[] = {subject->op->samples, subject->op->shapes};
    for (int i = 0; i < 2; i++)
        for (const char *const *text = lists[i]; text && *text; text++)
            for (tn_dtype dtype = TN_F32; dtype <= TN_F64; dtype++) {
                tn_sample s;
                char why[TN_SAMPLE_WHY];
                if (!tn__sample_parse(subject->op, *text, OP_BATCH, &s, why)) return false;
                if (!parts_agree(subject, &parts, &s, dtype, report)) return false;
                if (!tn__sample_has_free_dtype(&s)) break;
            }
    return check_gradient(&parts, report);
}
