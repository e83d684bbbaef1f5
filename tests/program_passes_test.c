/* SPDX-License-Identifier: Apache-2.0
 *
 * What each pass promises: that it finds its pattern, that results stay what they were, and that it leaves alone what
 * only looks like it. */
#include <math.h>
#include <stdlib.h>

#include "check.h"

/* ---- trials: a function is recorded with one set of inputs, replayed with another, and compared with itself run
 * eagerly */

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
static tn_context *open_with(const char *op)
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

static void read_f64(tn_tensor *x, double *values)
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

static void assert_same(tn_tensor *x, const double *expected, double tolerance, int which)
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
static uint64_t account(tn_context *tn, const char *op, bool bytes)
{
    int n;
    uint64_t sum = 0;
    const tn_placement *rows = tn_placements(tn, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(rows[i].op, op) == 0) sum += bytes ? rows[i].bytes : rows[i].calls;
    return sum;
}

static uint64_t calls(tn_context *tn, const char *op)
{
    return account(tn, op, false);
}

/* Afterwards the account holds one replay. */
static tn_program_stats try(const trial *t, const char *passes)
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
static void assert_fires(const trial *t, const char *pass, int gone)
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

static void assert_rests(const trial *t, const char *pass)
{
    assert_fires(t, pass, 0);
}

static trial trial_of(tn_context *tn, tn_program_fn fn, void *arg, int n_out, tn_tensor *first, tn_tensor *in)
{
    return (trial){tn, fn, arg, 1, n_out, {first}, {in}, 0};
}

static tn_tensor *draw(tn_context *tn, int rank, const int64_t *dims)
{
    return tn_uniform(tn, TN_F32, -1, 1, rank, dims);
}

static tn_tensor *leaf(tn_context *tn, int rank, const int64_t *dims)
{
    return tn_requires_grad(draw(tn, rank, dims), true);
}

/* Parameters of the functions below. */
typedef struct layer {
    tn_tensor *w, *b;
} layer;

static layer linear_layer(tn_context *tn)
{
    return (layer){leaf(tn, TN_SHAPE(6, 5)), leaf(tn, TN_SHAPE(6))};
}

static layer conv_layer(tn_context *tn)
{
    return (layer){leaf(tn, TN_SHAPE(4, 3, 3, 3)), leaf(tn, TN_SHAPE(4))};
}

/* Results 1 and 2: the layer's gradients. */
static void give_gradients(const layer *l, tn_tensor *y, tn_tensor **out)
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

/* ---- dead */

FUNCTION(uses_half)
{
    tn_tensor *y = tn_exp(in[0]);
    tn_relu(tn_neg(y));
    out[0] = tn_square(y);
}

FUNCTION(counts)
{
    LAYER;
    tn_fill_(tn_detach(l->w), 3);
    tn_sum(in[0], TN_ALL, false);
    out[0] = tn_exp(in[0]);
}

static void what_nobody_reads_does_not_run(void **state)
{
    tn_context *tn = *state;
    trial t = trial_of(tn, uses_half, NULL, 1, draw(tn, TN_SHAPE(3, 4)), draw(tn, TN_SHAPE(3, 4)));
    assert_fires(&t, "dead", 2);
}

static void what_changes_memory_that_stays_runs(void **state)
{
    tn_context *tn = *state;
    layer l = {.w = draw(tn, TN_SHAPE(2, 2))};
    trial t = trial_of(tn, counts, &l, 1, draw(tn, TN_SHAPE(3)), draw(tn, TN_SHAPE(3)));
    assert_fires(&t, "dead", 1);
    assert_true(tn_item(tn_mean(l.w, TN_ALL, false)) == 3);
}

/* ---- fuse_relu */

FUNCTION(linear_and_relu)
{
    LAYER;
    out[0] = tn_relu(tn_linear(in[0], l->w, l->b));
}

FUNCTION(linear_and_relu_trained)
{
    LAYER;
    give_gradients(l, tn_relu(tn_linear(in[0], l->w, l->b)), out);
}

FUNCTION(linear_that_stays)
{
    LAYER;
    out[1] = tn_linear(in[0], l->w, l->b);
    out[0] = tn_relu(out[1]);
}

FUNCTION(linear_read_twice)
{
    LAYER;
    tn_tensor *z = tn_linear(in[0], l->w, l->b);
    out[0] = tn_sub(tn_relu(z), z);
}

/* Doubles w and halves it again: before relu and after it. */
FUNCTION(weight_changed_in_between)
{
    LAYER;
    bool was = tn_set_grad_enabled(tn_context_of(in[0]), false);
    tn_tensor *z = tn_linear(in[0], l->w, l->b);
    tn_copy_(l->w, tn_mul_scalar(l->w, 2));
    out[0] = tn_relu(z);
    tn_copy_(l->w, tn_mul_scalar(l->w, 0.5));
    tn_set_grad_enabled(tn_context_of(in[0]), was);
}

FUNCTION(conv_and_relu)
{
    LAYER;
    out[0] = tn_relu(tn_conv2d(in[0], l->w, l->b, TN_CONV2D(.padding = {1, 1})));
}

FUNCTION(conv_and_relu_trained)
{
    LAYER;
    give_gradients(l, tn_relu(tn_conv2d(in[0], l->w, l->b, NULL)), out);
}

static void relu_joins_what_is_before(void **state TN_UNUSED)
{
    tn_context *tn = open_with("linear_relu");
    if (!tn) skip();
    layer l = linear_layer(tn), c = conv_layer(tn);
    tn_tensor *x = draw(tn, TN_SHAPE(7, 5)), *x2 = draw(tn, TN_SHAPE(7, 5));
    tn_tensor *image = draw(tn, TN_SHAPE(2, 3, 8, 8)), *image2 = draw(tn, TN_SHAPE(2, 3, 8, 8));
    trial t = trial_of(tn, linear_and_relu, &l, 1, x, x2);
    t.tolerance = 1e-6;
    assert_fires(&t, "fuse_relu", 1);
    assert_int_equal(calls(tn, "linear_relu"), 1);
    t.fn = linear_and_relu_trained;
    t.n_out = 3;
    assert_fires(&t, "fuse_relu", 1);
    t = trial_of(tn, conv_and_relu, &c, 1, image, image2);
    t.tolerance = 1e-6;
    assert_fires(&t, "fuse_relu", 1);
    t.fn = conv_and_relu_trained;
    t.n_out = 3;
    assert_fires(&t, "fuse_relu", 1);
    assert_int_equal(tn_close(tn), 0);
}

static void relu_stays_apart_where_it_must(void **state TN_UNUSED)
{
    tn_context *tn = open_with("linear_relu");
    if (!tn) skip();
    layer l = linear_layer(tn);
    tn_tensor *x = draw(tn, TN_SHAPE(7, 5)), *x2 = draw(tn, TN_SHAPE(7, 5));
    trial t = trial_of(tn, linear_that_stays, &l, 2, x, x2);
    assert_rests(&t, "fuse_relu");
    t = trial_of(tn, linear_read_twice, &l, 1, x, x2);
    assert_rests(&t, "fuse_relu");
    t = trial_of(tn, weight_changed_in_between, &l, 1, x, x2);
    assert_rests(&t, "fuse_relu");
    assert_int_equal(tn_close(tn), 0);
}

static void relu_stays_apart_where_the_device_has_no_joint_operator(void **state)
{
    tn_context *tn = *state;
    layer l = linear_layer(tn);
    trial t = trial_of(tn, linear_and_relu_trained, &l, 3, draw(tn, TN_SHAPE(7, 5)), draw(tn, TN_SHAPE(7, 5)));
    assert_rests(&t, "fuse_relu");
}

/* ---- sink_relu */

static const tn_max_pool2d_attrs two_by_two = {.struct_size = sizeof two_by_two, .kernel = {2, 2}};

FUNCTION(conv_relu_pool)
{
    LAYER;
    out[0] = tn_max_pool2d(tn_relu(tn_conv2d(in[0], l->w, l->b, NULL)), &two_by_two);
}

FUNCTION(conv_relu_pool_trained)
{
    LAYER;
    give_gradients(l, tn_max_pool2d(tn_relu(tn_conv2d(in[0], l->w, l->b, NULL)), &two_by_two), out);
}

FUNCTION(joint_conv_pool_trained)
{
    LAYER;
    give_gradients(l, tn_max_pool2d(tn_conv2d_relu(in[0], l->w, l->b, NULL), &two_by_two), out);
}

/* Windows that overlap. */
FUNCTION(overlapping_pool_trained)
{
    LAYER;
    tn_tensor *y = tn_relu(tn_conv2d(in[0], l->w, l->b, NULL));
    give_gradients(l, tn_max_pool2d(y, TN_MAX_POOL2D(.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1})), out);
}

FUNCTION(activation_that_stays)
{
    LAYER;
    out[3] = tn_relu(tn_conv2d(in[0], l->w, l->b, NULL));
    give_gradients(l, tn_max_pool2d(out[3], &two_by_two), out);
}

FUNCTION(activation_read_twice)
{
    LAYER;
    tn_tensor *t = tn_relu(tn_conv2d(in[0], l->w, l->b, NULL));
    give_gradients(l, tn_add(tn_max_pool2d(t, &two_by_two), tn_avg_pool2d(t, TN_AVG_POOL2D(.kernel = {2, 2}))), out);
}

FUNCTION(dilated_pool_trained)
{
    LAYER;
    tn_tensor *y = tn_relu(tn_conv2d(in[0], l->w, l->b, NULL));
    give_gradients(l, tn_max_pool2d(y, TN_MAX_POOL2D(.kernel = {2, 2}, .dilation = {2, 2}, .padding = {1, 1})), out);
}

/* Both ways back would have to change. */
FUNCTION(two_ways_back)
{
    LAYER;
    tn_tensor *y = tn_max_pool2d(tn_relu(tn_conv2d(in[0], l->w, l->b, NULL)), &two_by_two);
    for (int i = 0; i < 2; i++)
        tn_grad_for(y, i ? tn_square(tn_detach(y)) : tn_ones_like(y), 1, (tn_tensor *const[]){l->w}, &out[i], i == 0,
                    false);
}

/* relu has a quarter of the work, or all of it. */
static void assert_sinks(const trial *t, bool sinks)
{
    static const char *const ops[] = {"relu", "relu_grad"};
    for (int i = 0; i < 2; i++) {
        try(t, "none");
        uint64_t before = account(t->tn, ops[i], true);
        try(t, "dead,sink_relu");
        uint64_t after = account(t->tn, ops[i], true);
        if (sinks ? 2 * after > before : after != before)
            fail_msg("%s moved %llu bytes, now it moves %llu", ops[i], (unsigned long long)before,
                     (unsigned long long)after);
    }
    try(t, "all");
}

static trial image_trial(tn_context *tn, tn_program_fn fn, layer *l, int n_out)
{
    *l = conv_layer(tn);
    return trial_of(tn, fn, l, n_out, draw(tn, TN_SHAPE(2, 3, 10, 11)), draw(tn, TN_SHAPE(2, 3, 10, 11)));
}

static void relu_sinks_behind_pooling(void **state)
{
    static const tn_program_fn functions[] = {conv_relu_pool_trained, overlapping_pool_trained};
    layer l;
    for (int i = 0; i < 2; i++) {
        trial t = image_trial(*state, functions[i], &l, 3);
        assert_sinks(&t, true);
    }
    trial t = image_trial(*state, conv_relu_pool, &l, 1);
    assert_sinks(&t, true);
}

static void relu_stays_before_pooling_where_it_must(void **state)
{
    layer l;
    trial t = image_trial(*state, activation_that_stays, &l, 4);
    assert_sinks(&t, false);
    t = image_trial(*state, activation_read_twice, &l, 3);
    assert_sinks(&t, false);
    t = image_trial(*state, dilated_pool_trained, &l, 3);
    assert_sinks(&t, false);
    t = image_trial(*state, two_ways_back, &l, 2);
    assert_sinks(&t, false);
}

static void a_joint_convolution_lets_its_relu_sink(void **state TN_UNUSED)
{
    tn_context *tn = open_with("conv2d_relu");
    if (!tn) skip();
    layer l;
    trial t = image_trial(tn, joint_conv_pool_trained, &l, 3);
    t.tolerance = 1e-6;
    try(&t, "sink_relu");
    assert_int_equal(calls(tn, "conv2d"), 1);
    assert_int_equal(calls(tn, "conv2d_relu"), 0);
    t = image_trial(tn, conv_relu_pool, &l, 1); /* without a gradient it is free in the convolution */
    t.tolerance = 1e-6;
    try(&t, "sink_relu,fuse_relu");
    assert_int_equal(calls(tn, "conv2d_relu"), 1);
    assert_int_equal(calls(tn, "relu"), 0);
    assert_int_equal(tn_close(tn), 0);
}

/* ---- fuse_pool */

FUNCTION(conv_pool_relu)
{
    LAYER;
    out[0] = tn_relu(tn_max_pool2d(tn_conv2d(in[0], l->w, l->b, NULL), &two_by_two));
}

FUNCTION(conv_pool_relu_trained)
{
    LAYER;
    give_gradients(l, tn_relu(tn_max_pool2d(tn_conv2d(in[0], l->w, l->b, NULL), &two_by_two)), out);
}

FUNCTION(two_convs_trained)
{
    LAYER;
    tn_tensor *y = tn_max_pool2d(tn_relu(tn_conv2d(in[0], l->w, l->b, NULL)), &two_by_two);
    y = tn_conv2d(y, tn_contiguous(tn_permute(tn_detach(l->w), 4, (int64_t[]){1, 0, 2, 3})), NULL, NULL);
    give_gradients(l, tn_max_pool2d(tn_relu(y), &two_by_two), out);
}

FUNCTION(padded_pool)
{
    LAYER;
    tn_tensor *y = tn_relu(tn_conv2d(in[0], l->w, l->b, NULL));
    out[0] = tn_max_pool2d(y, TN_MAX_POOL2D(.kernel = {2, 2}, .padding = {1, 1}));
}

FUNCTION(rounded_up_pool_trained)
{
    LAYER;
    tn_tensor *y = tn_relu(tn_conv2d(in[0], l->w, l->b, NULL));
    give_gradients(l, tn_max_pool2d(y, TN_MAX_POOL2D(.kernel = {2, 2}, .ceil_mode = 1)), out);
}

FUNCTION(conv_pool_without_relu)
{
    LAYER;
    out[0] = tn_max_pool2d(tn_conv2d(in[0], l->w, l->b, NULL), &two_by_two);
}

/* Doubles w and halves it again, before relu and after it. */
FUNCTION(weight_changed_before_relu)
{
    LAYER;
    bool was = tn_set_grad_enabled(tn_context_of(in[0]), false);
    tn_tensor *z = tn_max_pool2d(tn_conv2d(in[0], l->w, l->b, NULL), &two_by_two);
    tn_copy_(l->w, tn_mul_scalar(l->w, 2));
    out[0] = tn_relu(z);
    tn_copy_(l->w, tn_mul_scalar(l->w, 0.5));
    tn_set_grad_enabled(tn_context_of(in[0]), was);
}

static bool fuses_pool(tn_context *tn)
{
    return calls(tn, "conv2d_max_pool2d_relu") > 0;
}

static void pooling_joins_the_convolution(void **state TN_UNUSED)
{
    static const struct {
        tn_program_fn fn;
        int n_out, backward; /* operators that know of pooling */
    } rows[] = {{conv_relu_pool, 1, 0},         {conv_pool_relu, 1, 0},          {conv_relu_pool_trained, 3, 1},
                {conv_pool_relu_trained, 3, 1}, {joint_conv_pool_trained, 3, 1}, {two_convs_trained, 3, 2}};
    tn_context *tn = open_with("conv2d_max_pool2d_grad_input"); /* then it has the other two, too */
    if (!tn) skip();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        layer l;
        trial t = image_trial(tn, rows[i].fn, &l, rows[i].n_out);
        t.tolerance = 1e-6;
        try(&t, "all");
        if (!fuses_pool(tn)) fail_msg("case %zu: pooling stays apart", i);
        assert_int_equal(calls(tn, "max_pool2d"), 0);
        assert_int_equal(calls(tn, "max_pool2d_grad"), 0);
        assert_int_equal(calls(tn, "conv2d_max_pool2d_grad_weight") + calls(tn, "conv2d_max_pool2d_grad_input"),
                         rows[i].backward);
    }
    assert_int_equal(tn_close(tn), 0);
}

static void pooling_stays_apart_where_it_must(void **state TN_UNUSED)
{
    static const struct {
        tn_program_fn fn;
        int n_out;
    } rows[] = {{activation_that_stays, 4}, {activation_read_twice, 3},     {dilated_pool_trained, 3},
                {padded_pool, 1},           {rounded_up_pool_trained, 3},   {conv_pool_without_relu, 1},
                {two_ways_back, 2},         {weight_changed_before_relu, 1}};
    tn_context *tn = open_with("conv2d_max_pool2d_relu");
    if (!tn) skip();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        layer l;
        trial t = image_trial(tn, rows[i].fn, &l, rows[i].n_out);
        t.tolerance = 1e-6;
        try(&t, "all");
        if (fuses_pool(tn)) fail_msg("case %zu: pooling has joined the convolution", i);
    }
    assert_int_equal(tn_close(tn), 0);
}

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

/* ---- copies */

FUNCTION(the_same_copy_twice)
{
    tn_tensor *x = tn_exp(in[0]), *across = tn_transpose(x, 0, 1);
    out[0] = tn_matmul(tn_contiguous(across), x);
    out[1] = tn_exp(tn_contiguous(tn_transpose(x, 0, 1)));
}

FUNCTION(a_copy_of_a_copy)
{
    tn_tensor *x = tn_contiguous(tn_transpose(in[0], 0, 1));
    out[0] = tn_clone(x);
}

FUNCTION(a_copy_of_what_fits)
{
    out[0] = tn_matmul(tn_clone(tn_exp(in[0])), in[0]);
}

FUNCTION(a_copy_that_is_written_to)
{
    tn_tensor *x = tn_exp(in[0]), *y = tn_clone(x);
    tn_fill_(tn_narrow(y, 0, 0, 1), 0);
    out[0] = tn_sub(x, y);
}

FUNCTION(a_copy_of_what_is_written_to)
{
    tn_tensor *x = tn_exp(in[0]), *y = tn_clone(x);
    tn_fill_(tn_narrow(x, 0, 0, 1), 0);
    out[0] = tn_sub(x, y);
}

FUNCTION(copies_of_what_changes)
{
    tn_tensor *x = tn_exp(in[0]), *y = tn_contiguous(tn_transpose(x, 0, 1));
    tn_fill_(tn_narrow(x, 0, 0, 1), 0);
    out[0] = tn_sub(tn_contiguous(tn_transpose(x, 0, 1)), y);
}

FUNCTION(copies_that_stay)
{
    tn_tensor *x = tn_transpose(in[0], 0, 1);
    out[0] = tn_contiguous(x);
    out[1] = tn_contiguous(x);
    out[2] = tn_clone(in[0]);
}

/* What it would read directly is what it writes. */
FUNCTION(transposes_where_it_is)
{
    LAYER;
    tn_copy_(l->w, in[0]);
    tn_copy_(l->w, tn_contiguous(tn_transpose(l->w, 0, 1)));
    out[0] = tn_neg(l->w);
}

static trial square_trial(tn_context *tn, tn_program_fn fn, void *arg, int n_out)
{
    return trial_of(tn, fn, arg, n_out, draw(tn, TN_SHAPE(4, 4)), draw(tn, TN_SHAPE(4, 4)));
}

static void copies_that_tell_nothing_go(void **state)
{
    trial t = square_trial(*state, the_same_copy_twice, NULL, 2);
    assert_fires(&t, "copies", 1);
    t = square_trial(*state, a_copy_of_a_copy, NULL, 1);
    assert_fires(&t, "copies", 1);
    t = square_trial(*state, a_copy_of_what_fits, NULL, 1);
    assert_fires(&t, "copies", 1);
}

static void copies_stay_where_they_must(void **state)
{
    static const tn_program_fn functions[] = {a_copy_that_is_written_to, a_copy_of_what_is_written_to,
                                              copies_of_what_changes};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        trial t = square_trial(*state, functions[i], NULL, 1);
        assert_rests(&t, "copies");
    }
    trial t = square_trial(*state, copies_that_stay, NULL, 3);
    assert_rests(&t, "copies");
    layer l = {.w = draw(*state, TN_SHAPE(4, 4))};
    t = square_trial(*state, transposes_where_it_is, &l, 1);
    assert_rests(&t, "copies");
}

/* ---- in_place */

FUNCTION(chain)
{
    out[0] = tn_matmul(tn_relu(tn_neg(tn_exp(in[0]))), in[0]);
}

FUNCTION(used_again)
{
    tn_tensor *x = tn_exp(in[0]);
    tn_tensor *y = tn_neg(x);
    out[0] = tn_matmul(y, x);
}

FUNCTION(seen_in_two_ways)
{
    tn_tensor *x = tn_exp(in[0]);
    out[0] = tn_matmul(tn_add(x, tn_transpose(x, 0, 1)), in[0]);
}

FUNCTION(sum_of_runs)
{
    LAYER;
    tn_copy_(l->w, tn_add(l->w, in[0]));
    out[0] = tn_mul_scalar(l->w, 2);
}

FUNCTION(old_and_new)
{
    LAYER;
    tn_tensor *sum = tn_add(l->w, in[0]);
    out[0] = tn_mul_scalar(l->w, 2);
    tn_copy_(l->w, sum);
}

FUNCTION(new_kept_for_later)
{
    LAYER;
    tn_tensor *sum = tn_add(l->w, in[0]);
    tn_copy_(l->w, sum);
    tn_fill_(l->w, 1);
    out[0] = tn_mul_scalar(sum, 2);
}

/* Not where b begins. */
FUNCTION(lower_half)
{
    LAYER;
    tn_copy_(tn_narrow(l->b, 0, 16, 4), tn_add(tn_narrow(l->b, 0, 0, 4), in[0]));
    out[0] = tn_mul_scalar(l->b, 2);
}

/* Into two places: it can be made in one of them. */
FUNCTION(copied_twice)
{
    LAYER;
    tn_tensor *sum = tn_add(l->w, in[0]);
    tn_copy_(l->w, sum);
    out[0] = tn_clone(sum);
}

FUNCTION(mixed_by_product)
{
    LAYER;
    tn_copy_(l->w, tn_matmul(l->w, in[0]));
    out[0] = tn_mul_scalar(l->w, 2);
}

static void results_take_the_place_of_what_is_used_up(void **state)
{
    trial t = square_trial(*state, chain, NULL, 1);
    assert_int_equal(try(&t, "in_place").reused_in_place, 2);
    assert_int_equal(try(&t, "none").reused_in_place, 0);
    t = square_trial(*state, used_again, NULL, 1);
    assert_int_equal(try(&t, "in_place").reused_in_place, 0);
    t = square_trial(*state, seen_in_two_ways, NULL, 1);
    assert_int_equal(try(&t, "in_place").reused_in_place, 0);
}

/* Runs twice from 0, with 1 and 2, eagerly or as a program; the last result, and what w is then. */
static void run_twice(tn_context *tn, tn_program_fn fn, const char *passes, double *result, double *left, int *ops)
{
    layer l = {tn_ones(tn, TN_F32, TN_SHAPE(4, 4)), tn_ones(tn, TN_F32, TN_SHAPE(20, 4))};
    tn_tensor *out, *in[2] = {tn_full(tn, TN_F32, 2, TN_SHAPE(4, 4)), tn_full(tn, TN_F32, 3, TN_SHAPE(4, 4))};
    tn_program *program = tn_program_open(tn, "twice", fn, &l, 1, 1);
    if (passes) tn_program_set_passes(program, passes);
    for (int i = 0; i < 4; i++)
        if (passes)
            tn_program_run(program, &in[i % 2], &out);
        else
            fn(&l, &in[i % 2], &out);
    *result = tn_item(tn_mean(out, TN_ALL, false));
    *left = tn_item(tn_mean(l.w, TN_ALL, false));
    *ops = tn_program_look(program).ops;
    assert_good(tn);
}

static void results_are_made_where_they_would_be_copied(void **state)
{
    static const struct {
        tn_program_fn fn;
        int ops;
    } rows[] = {{sum_of_runs, 2},  {old_and_new, 3}, {new_kept_for_later, 4},
                {copied_twice, 2}, {lower_half, 3},  {mixed_by_product, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double result, left, replayed, left_then;
        int ops;
        run_twice(*state, rows[i].fn, NULL, &result, &left, &ops);
        run_twice(*state, rows[i].fn, "in_place", &replayed, &left_then, &ops);
        if (result != replayed || left != left_then || ops != rows[i].ops)
            fail_msg("case %zu: %g and %g, expected %g and %g; %d operators", i, replayed, left_then, result, left,
                     ops);
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
        TEST(what_nobody_reads_does_not_run),
        TEST(what_changes_memory_that_stays_runs),
        cmocka_unit_test(relu_joins_what_is_before),
        cmocka_unit_test(relu_stays_apart_where_it_must),
        TEST(relu_stays_apart_where_the_device_has_no_joint_operator),
        TEST(relu_sinks_behind_pooling),
        TEST(relu_stays_before_pooling_where_it_must),
        cmocka_unit_test(a_joint_convolution_lets_its_relu_sink),
        cmocka_unit_test(pooling_joins_the_convolution),
        cmocka_unit_test(pooling_stays_apart_where_it_must),
        TEST(likelihoods_become_cross_entropies),
        TEST(likelihoods_stay_where_they_must),
        TEST(batches_are_gathered_at_once),
        TEST(batches_are_gathered_as_written_where_they_must),
        TEST(optimizer_steps_become_one),
        TEST(optimizer_steps_stay_apart_where_they_must),
        TEST(copies_that_tell_nothing_go),
        TEST(copies_stay_where_they_must),
        TEST(results_take_the_place_of_what_is_used_up),
        TEST(results_are_made_where_they_would_be_copied),
        TEST(passes_are_named_and_can_be_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
