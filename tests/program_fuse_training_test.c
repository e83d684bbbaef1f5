/* SPDX-License-Identifier: Apache-2.0
 *
 * The same promises (trial.h) of the passes that join what surrounds a model in training: losses, batches, optimizer steps.
 * And that passes can be chosen. */
#include <stdlib.h>

#include "trial.h"

/* ---- fuse_cross_entropy */

static tn_tensor *targets(tn_context *tn)
{
    return tn_from(tn, (int64_t[]){3, 0, 4, 4, 1}, TN_I64, TN_SHAPE(5));
}

FUNCTION(likelihood)
{
    LAYER;
    out[0] = tn_nll_loss(tn_log_softmax(in[0], 1), l->b);
}

FUNCTION(likelihood_trained)
{
    LAYER;
    tn_set_grad(l->w, NULL);
    out[0] = tn_nll_loss(tn_log_softmax(tn_mul(in[0], l->w), 1), l->b);
    tn_backward(out[0]);
    out[1] = tn_grad_of(l->w);
}

/* Half the loss, so that what comes back is not 1. */
FUNCTION(half_likelihood_trained)
{
    LAYER;
    tn_set_grad(l->w, NULL);
    out[0] = tn_mul_scalar(tn_nll_loss(tn_log_softmax(tn_mul(in[0], l->w), 1), l->b), 0.5);
    tn_backward(out[0]);
    out[1] = tn_grad_of(l->w);
}

FUNCTION(likelihood_with_more)
{
    LAYER;
    out[1] = tn_log_softmax(in[0], 1);
    out[0] = tn_nll_loss(out[1], l->b);
}

FUNCTION(likelihood_along_rows)
{
    LAYER;
    out[0] = tn_nll_loss(tn_log_softmax(in[0], 0), l->b);
}

FUNCTION(other_use_of_logarithms)
{
    LAYER;
    tn_tensor *p = tn_log_softmax(in[0], 1);
    out[0] = tn_nll_loss(p, l->b);
    out[1] = tn_sum(tn_mul(tn_exp(p), p), TN_ALL, false);
}

/* What backward records, written by hand, with one thing or another changed in between. */
static void by_hand(const layer *l, tn_tensor *x, tn_tensor **out, double factor, bool other_dy, bool other_target)
{
    tn_context *tn = tn_context_of(x);
    bool was = tn_set_grad_enabled(tn, false);
    tn_tensor *dy = tn_full(tn, TN_F32, 2, TN_SCALAR), *target = tn_clone(l->b), *p = tn_log_softmax(x, 1);
    out[0] = tn_nll_loss(p, target);
    tn_tensor *hit = tn_cast(tn_one_hot(target, 5), TN_F32);
    tn_tensor *dl = tn_mul(hit, tn_mul_scalar(dy, factor));
    if (other_dy) tn_fill_(dy, 7);
    if (other_target) tn_fill_(target, 2);
    tn_tensor *e = tn_exp(p);
    out[1] = tn_sub(dl, tn_mul(e, tn_sum(dl, TN_OVER(1), true)));
    out[2] = tn_add(tn_cast(target, TN_F32), dy);
    tn_set_grad_enabled(tn, was);
}

FUNCTION(gradient_by_hand)
{
    by_hand(arg, in[0], out, -1 / 5.0, false, false);
}

FUNCTION(another_factor)
{
    by_hand(arg, in[0], out, -1 / 4.0, false, false);
}

FUNCTION(another_dy)
{
    by_hand(arg, in[0], out, -1 / 5.0, true, false);
}

FUNCTION(another_target)
{
    by_hand(arg, in[0], out, -1 / 5.0, false, true);
}

FUNCTION(logits_overwritten)
{
    LAYER;
    tn_tensor *x = tn_exp(in[0]), *p = tn_log_softmax(x, 1);
    tn_fill_(x, 0);
    out[0] = tn_nll_loss(p, l->b);
    out[1] = tn_neg(x);
}

static trial likelihood_trial(tn_context *tn, tn_program_fn fn, layer *l, int n_out)
{
    *l = (layer){leaf(tn, TN_SHAPE(5, 5)), targets(tn)};
    trial t = trial_of(tn, fn, l, n_out, draw(tn, TN_SHAPE(5, 5)), draw(tn, TN_SHAPE(5, 5)));
    t.tolerance = 1e-6;
    return t;
}

static void likelihoods_become_cross_entropies(void **state)
{
    layer l;
    trial t = likelihood_trial(*state, likelihood, &l, 1);
    assert_fires(&t, "fuse_cross_entropy", 1);
    t = likelihood_trial(*state, likelihood_trained, &l, 2);
    assert_fires(&t, "fuse_cross_entropy", 8);
    assert_int_equal(calls(*state, "softmax_cross_entropy_grad"), 1);
    t = likelihood_trial(*state, half_likelihood_trained, &l, 2);
    assert_fires(&t, "fuse_cross_entropy", 8);
    t = likelihood_trial(*state, gradient_by_hand, &l, 3);
    assert_fires(&t, "fuse_cross_entropy", 8);
}

static void likelihoods_stay_where_they_must(void **state)
{
    layer l;
    trial t = likelihood_trial(*state, likelihood_with_more, &l, 2);
    assert_rests(&t, "fuse_cross_entropy");
    t = likelihood_trial(*state, likelihood_along_rows, &l, 1);
    assert_rests(&t, "fuse_cross_entropy");
    t = likelihood_trial(*state, other_use_of_logarithms, &l, 2);
    assert_rests(&t, "fuse_cross_entropy");
    t = likelihood_trial(*state, logits_overwritten, &l, 2);
    assert_rests(&t, "fuse_cross_entropy");
    t = likelihood_trial(*state, another_factor, &l, 3);
    assert_rests(&t, "fuse_cross_entropy");
    t = likelihood_trial(*state, another_dy, &l, 3);
    assert_rests(&t, "fuse_cross_entropy");
    t = likelihood_trial(*state, another_target, &l, 3);
    assert_rests(&t, "fuse_cross_entropy");
}

/* ---- fuse_gather */

FUNCTION(batch_of_bytes)
{
    LAYER;
    out[0] = tn_mul_scalar(tn_cast(tn_index_select(l->w, in[0]), TN_F32), 1 / 255.0);
}

FUNCTION(normalized_batch)
{
    LAYER;
    out[0] = tn_add_scalar(tn_mul_scalar(tn_cast(tn_index_select(l->w, in[0]), TN_F32), 1 / 255.0 / 0.3081), -0.4242);
}

FUNCTION(batch_in_f64)
{
    LAYER;
    out[0] = tn_mul_scalar(tn_cast(tn_index_select(l->w, in[0]), TN_F64), 1 / 255.0);
}

FUNCTION(bytes_that_stay)
{
    LAYER;
    out[1] = tn_index_select(l->w, in[0]);
    out[0] = tn_mul_scalar(tn_cast(out[1], TN_F32), 1 / 255.0);
}

FUNCTION(bytes_overwritten)
{
    LAYER;
    tn_tensor *rows = tn_index_select(l->w, in[0]);
    tn_fill_(l->w, 7);
    out[0] = tn_mul_scalar(tn_cast(rows, TN_F32), 1 / 255.0);
    tn_copy_(l->w, l->b);
}

static tn_tensor *indices(tn_context *tn, int64_t first)
{
    return tn_from(tn, (int64_t[]){first, 3, first, 0, 8}, TN_I64, TN_SHAPE(5));
}

static trial gather_trial(tn_context *tn, tn_program_fn fn, layer *l, int n_out)
{
    uint8_t bytes[9 * 28];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 37);
    *l = (layer){.w = tn_from(tn, bytes, TN_U8, TN_SHAPE(9, 4, 7))};
    l->b = tn_clone(l->w);
    return trial_of(tn, fn, l, n_out, indices(tn, 1), indices(tn, 5));
}

static void batches_are_gathered_at_once(void **state)
{
    layer l;
    trial t = gather_trial(*state, batch_of_bytes, &l, 1);
    assert_fires(&t, "fuse_gather", 2);
    t = gather_trial(*state, normalized_batch, &l, 1);
    assert_fires(&t, "fuse_gather", 3);
    tn_context *tn = open_with("linear_relu"); /* another backend, if there is one */
    if (!tn) return;
    t = gather_trial(tn, normalized_batch, &l, 1);
    t.tolerance = 1e-7;
    assert_fires(&t, "fuse_gather", 3);
    assert_int_equal(tn_close(tn), 0);
}

static void batches_are_gathered_as_written_where_they_must(void **state)
{
    layer l;
    trial t = gather_trial(*state, batch_in_f64, &l, 1);
    assert_rests(&t, "fuse_gather");
    t = gather_trial(*state, bytes_that_stay, &l, 2);
    assert_rests(&t, "fuse_gather");
    t = gather_trial(*state, bytes_overwritten, &l, 1);
    assert_rests(&t, "fuse_gather");
}

/* ---- fuse_optimizer: parameters are set anew in each run, so that runs can be compared */

typedef struct parameters {
    tn_tensor *p[3], *m[3], *v[3], *lr, *other_lr, *count;
} parameters;

static parameters parameters_of(tn_context *tn)
{
    parameters all = {.lr = tn_scalar(tn, TN_F64, 0.1),
                      .other_lr = tn_scalar(tn, TN_F64, 0.2),
                      .count = tn_from(tn, (int64_t[]){2}, TN_I64, TN_SCALAR)};
    for (int i = 0; i < 3; i++) {
        all.p[i] = tn_zeros(tn, TN_F32, TN_SHAPE(4, 1 + i));
        all.m[i] = tn_zeros_like(all.p[i]);
        all.v[i] = tn_zeros_like(all.p[i]);
    }
    return all;
}

static const tn_sgd_step_attrs momentum = {sizeof momentum, 0.9, 0.01, 0}, no_momentum = {sizeof no_momentum, 0, 0, 0};

static tn_tensor *part(tn_tensor *x, int i)
{
    return tn_contiguous(tn_narrow(x, 1, 0, 1 + i));
}

/* Sets everything to numbers made of x. */
static void start(const parameters *all, tn_tensor *x)
{
    for (int i = 0; i < 3; i++) {
        tn_copy_(all->p[i], part(x, i));
        tn_copy_(all->m[i], tn_mul_scalar(part(x, i), 0.5));
        tn_copy_(all->v[i], tn_square(part(x, i)));
    }
}

static void end(const parameters *all, tn_tensor **out)
{
    for (int i = 0; i < 3; i++) out[i] = tn_clone(all->p[i]);
}

static void sgd(const parameters *all, int i, tn_tensor *g, tn_tensor *lr, bool with_momentum)
{
    tn_sgd_step_(1, &all->p[i], &g, with_momentum ? &all->m[i] : NULL, lr, with_momentum ? &momentum : &no_momentum);
}

FUNCTION(sgd_one_by_one)
{
    const parameters *all = arg;
    start(all, in[0]);
    for (int i = 0; i < 3; i++) sgd(all, i, tn_mul_scalar(part(in[0], i), 2), all->lr, true);
    end(all, out);
}

FUNCTION(adam_one_by_one)
{
    const parameters *all = arg;
    start(all, in[0]);
    const tn_adam_step_attrs attrs = {sizeof attrs, 0.9, 0.999, 1e-8, 0, 0};
    for (int i = 0; i < 3; i++) {
        tn_tensor *g = tn_mul_scalar(part(in[0], i), 2);
        tn_adam_step_(1, &all->p[i], &g, &all->m[i], &all->v[i], all->lr, all->count, &attrs);
    }
    end(all, out);
}

FUNCTION(rates_of_their_own)
{
    const parameters *all = arg;
    start(all, in[0]);
    for (int i = 0; i < 2; i++) sgd(all, i, part(in[0], i), i ? all->lr : all->other_lr, true);
    end(all, out);
}

FUNCTION(rules_of_their_own)
{
    const parameters *all = arg;
    start(all, in[0]);
    for (int i = 0; i < 2; i++) sgd(all, i, part(in[0], i), all->lr, i == 0);
    end(all, out);
}

FUNCTION(momenta_of_their_own)
{
    const parameters *all = arg;
    start(all, in[0]);
    for (int i = 0; i < 2; i++) {
        tn_tensor *g = part(in[0], i);
        const tn_sgd_step_attrs attrs = {sizeof attrs, i ? 0.5 : 0.9, 0, 0};
        tn_sgd_step_(1, &all->p[i], &g, &all->m[i], all->lr, &attrs);
    }
    end(all, out);
}

FUNCTION(the_same_parameter_twice)
{
    const parameters *all = arg;
    start(all, in[0]);
    for (int i = 0; i < 2; i++) sgd(all, 1, part(in[0], 1), all->lr, true);
    end(all, out);
}

FUNCTION(a_gradient_of_what_was_stepped)
{
    const parameters *all = arg;
    start(all, in[0]);
    sgd(all, 0, part(in[0], 0), all->lr, true);
    sgd(all, 1, tn_mul(part(in[0], 1), tn_exp(all->p[0])), all->lr, true);
    end(all, out);
}

FUNCTION(a_rate_that_changes)
{
    const parameters *all = arg;
    start(all, in[0]);
    sgd(all, 0, part(in[0], 0), all->lr, true);
    tn_fill_(all->lr, 0.3);
    sgd(all, 1, part(in[0], 1), all->lr, true);
    tn_fill_(all->lr, 0.1);
    end(all, out);
}

static void optimizer_steps_become_one(void **state)
{
    tn_context *tn = *state;
    parameters all = parameters_of(tn);
    trial t = trial_of(tn, sgd_one_by_one, &all, 3, draw(tn, TN_SHAPE(4, 3)), draw(tn, TN_SHAPE(4, 3)));
    assert_fires(&t, "fuse_optimizer", 2);
    t.fn = adam_one_by_one;
    assert_fires(&t, "fuse_optimizer", 2);
}

static void optimizer_steps_stay_apart_where_they_must(void **state)
{
    static const tn_program_fn functions[] = {rates_of_their_own,
                                              rules_of_their_own,
                                              momenta_of_their_own,
                                              the_same_parameter_twice,
                                              a_gradient_of_what_was_stepped,
                                              a_rate_that_changes};
    tn_context *tn = *state;
    parameters all = parameters_of(tn);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        trial t = trial_of(tn, functions[i], &all, 3, draw(tn, TN_SHAPE(4, 3)), draw(tn, TN_SHAPE(4, 3)));
        assert_rests(&t, "fuse_optimizer");
    }
}

/* ---- choosing */

static void passes_are_named_and_can_be_left_out(void **state)
{
    layer l;
    trial t = likelihood_trial(*state, likelihood, &l, 1);
    for (int i = 0; i < 2; i++) {
        const char *what = NULL;
        assert_non_null(tn_program_pass(i, &what));
        assert_true(what && strlen(what) > 10 && strlen(what) < 100);
    }
    assert_int_equal(try(&t, "all").ops, 1);
    assert_int_equal(try(&t, "all,-fuse_cross_entropy").ops, 2);
    assert_int_equal(try(&t, "-fuse_cross_entropy").ops, 2);
    assert_int_equal(try(&t, "none").ops, 2);
    tn_program *program = tn_program_open(*state, "strange", likelihood, &l, 1, 1);
    tn_program_set_passes(program, "dead,fuse_all");
    assert_refused(*state, TN_INVALID, "fuse_all");
}

int main(void)
{
    setenv("TENON_FALLBACK", "allow", 1);
    const struct CMUnitTest tests[] = {
        TEST(likelihoods_become_cross_entropies),   TEST(likelihoods_stay_where_they_must),
        TEST(batches_are_gathered_at_once),         TEST(batches_are_gathered_as_written_where_they_must),
        TEST(optimizer_steps_become_one),           TEST(optimizer_steps_stay_apart_where_they_must),
        TEST(passes_are_named_and_can_be_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
