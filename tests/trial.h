/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of passes share: a function is recorded with one set of inputs, replayed with another, and compared with
 * itself run eagerly; a pass fires, or rests. */
#ifndef TENON_TRIAL_H
#define TENON_TRIAL_H

#include <math.h>

#include "check.h"

enum { MOST = 4, ELEMENTS = 20000 };

typedef struct trial {
    tn_context *tn;
    tn_program_fn fn;
    void *arg;
    int n_in, n_out;
    tn_tensor *first[MOST], *in[MOST]; /* inputs */
    double tolerance;                  /* relative to the largest element; 0: to the bit */
} trial;

/* A context on the first backend that has the operator itself; NULL if there is none here. */
TN_UNUSED static tn_context *open_with(const char *op)
{
    int n;
    const tn_backend_status *all = tn_backends(&n);
    for (int i = 0; i < n; i++) {
        if (all[i].refused || all[i].n_devices == 0 || !tn_backend_has_op(all[i].name, op)) continue;
        tn_context *tn = tn_open(all[i].name);
        tn_manual_seed(tn, 1);
        return tn;
    }
    return NULL;
}

TN_UNUSED static void read_f64(tn_tensor *x, double *values)
{
    tn_context *tn = tn_context_of(x);
    tn_mark mark = tn_begin(tn);
    bool was = tn_set_grad_enabled(tn, false);
    assert_true(tn_numel(x) <= ELEMENTS);
    tn_read(tn_cast(x, TN_F64), values, (size_t)tn_numel(x) * sizeof *values);
    tn_set_grad_enabled(tn, was);
    tn_end(tn, mark, NULL);
    assert_good(tn);
}

TN_UNUSED static void assert_same(tn_tensor *x, const double *expected, double tolerance, int which)
{
    static double values[ELEMENTS];
    double largest = 0;
    read_f64(x, values);
    for (int64_t i = 0; i < tn_numel(x); i++) largest = fmax(largest, fabs(expected[i]));
    for (int64_t i = 0; i < tn_numel(x); i++)
        if (!(fabs(values[i] - expected[i]) <= tolerance * largest))
            fail_msg("result %d, element %lld: %.9g, expected %.9g", which, (long long)i, values[i], expected[i]);
}

/* How often an operator ran, or how many bytes it moved, since the last reset. */
TN_UNUSED static uint64_t account(tn_context *tn, const char *op, bool bytes)
{
    int n;
    uint64_t sum = 0;
    const tn_placement *rows = tn_placements(tn, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(rows[i].op, op) == 0) sum += bytes ? rows[i].bytes : rows[i].calls;
    return sum;
}

TN_UNUSED static uint64_t calls(tn_context *tn, const char *op)
{
    return account(tn, op, false);
}

/* Afterwards the account holds one replay. */
TN_UNUSED static tn_program_stats try(const trial *t, const char *passes)
{
    static double expected[MOST][ELEMENTS];
    tn_tensor *out[MOST] = {0};
    tn_mark mark = tn_begin(t->tn);
    t->fn(t->arg, t->in, out);
    for (int i = 0; i < t->n_out; i++) read_f64(out[i], expected[i]);
    tn_end(t->tn, mark, NULL);
    tn_program *program = tn_program_open(t->tn, "trial", t->fn, t->arg, t->n_in, t->n_out);
    tn_program_set_passes(program, passes);
    tn_program_run(program, t->first, out);
    tn_reset_placements(t->tn);
    tn_program_run(program, t->in, out);
    calls(t->tn, "");
    for (int i = 0; i < t->n_out; i++) assert_same(out[i], expected[i], t->tolerance, i);
    assert_good(t->tn);
    assert_int_equal(tn_program_look(program).recordings, 1);
    return tn_program_look(program);
}

/* The pass finds something, so that `gone` operators less run; all passes together do no harm. */
TN_UNUSED static void assert_fires(const trial *t, const char *pass, int gone)
{
    try(t, "all");
    tn_program_stats without = try(t, "none");
    assert_int_equal(without.ops, without.recorded_ops);
    char with_dead[100];
    snprintf(with_dead, sizeof with_dead, "dead,%s", pass);
    tn_program_stats stats = try(t, with_dead);
    if (stats.recorded_ops - stats.ops != gone)
        fail_msg("%s: %d operators become %d, not %d less", pass, stats.recorded_ops, stats.ops, gone);
}

TN_UNUSED static void assert_rests(const trial *t, const char *pass)
{
    assert_fires(t, pass, 0);
}

TN_UNUSED static trial trial_of(tn_context *tn, tn_program_fn fn, void *arg, int n_out, tn_tensor *first, tn_tensor *in)
{
    return (trial){tn, fn, arg, 1, n_out, {first}, {in}, 0};
}

TN_UNUSED static tn_tensor *draw(tn_context *tn, int rank, const int64_t *dims)
{
    return tn_uniform(tn, TN_F32, -1, 1, rank, dims);
}

TN_UNUSED static tn_tensor *leaf(tn_context *tn, int rank, const int64_t *dims)
{
    return tn_requires_grad(draw(tn, rank, dims), true);
}

/* Parameters of the functions below. */
typedef struct layer {
    tn_tensor *w, *b;
} layer;

TN_UNUSED static layer linear_layer(tn_context *tn)
{
    return (layer){leaf(tn, TN_SHAPE(6, 5)), leaf(tn, TN_SHAPE(6))};
}

TN_UNUSED static layer conv_layer(tn_context *tn)
{
    return (layer){leaf(tn, TN_SHAPE(4, 3, 3, 3)), leaf(tn, TN_SHAPE(4))};
}

/* Results 1 and 2: the layer's gradients. */
TN_UNUSED static void give_gradients(const layer *l, tn_tensor *y, tn_tensor **out)
{
    tn_set_grad(l->w, NULL);
    tn_set_grad(l->b, NULL);
    out[0] = tn_mean(tn_square(y), TN_ALL, false);
    tn_backward(out[0]);
    out[1] = tn_grad_of(l->w);
    out[2] = tn_grad_of(l->b);
}

#define FUNCTION(name) static void name(void *arg TN_UNUSED, tn_tensor *const *in TN_UNUSED, tn_tensor **out TN_UNUSED)
#define LAYER const layer *l = arg

#endif
