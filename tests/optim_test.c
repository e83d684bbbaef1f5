/* SPDX-License-Identifier: Apache-2.0
 *
 * optim: steps and schedules against numbers from PyTorch 1.13 (f64), clipping, and what is refused. */
#include <math.h>

#include "check.h"

static void assert_near(double got, double wanted, double tolerance)
{
    if (!(fabs(got - wanted) <= tolerance * fabs(wanted))) fail_msg("%.17g is not %.17g", got, wanted);
}

static void read_f64(tn_tensor *x, double *values)
{
    tn_context *tn = tn_context_of(x);
    size_t bytes = (size_t)tn_numel(x) * sizeof *values;
    assert_int_equal(tn_read(tn_cast(tn_detach(x), TN_F64), values, bytes), TN_OK);
    assert_good(tn);
}

static void assert_values(tn_tensor *x, int n, const double *wanted, double tolerance)
{
    double got[8];
    assert_int_equal(tn_numel(x), n);
    read_f64(x, got);
    for (int i = 0; i < n; i++) assert_near(got[i], wanted[i], tolerance);
}
#define ASSERT_VALUES(x, tolerance, ...)                                                                       \
    assert_values((x), (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (const double[]){__VA_ARGS__}, \
                  (tolerance))

static tn_tensor *tensor(tn_context *tn, tn_dtype dtype, int64_t n, const double *values)
{
    return tn_cast(tn_from(tn, values, TN_F64, 1, &n), dtype);
}

static tn_tensor *identity(tn_module *self, tn_tensor *x)
{
    (void)self;
    return x;
}

/* A module with one parameter "w" of three values. */
static tn_module *three(tn_context *tn, tn_dtype dtype)
{
    tn_module *module = tn_nn_module(tn, "Three", identity, NULL);
    tn_nn_add_parameter(module, "w", tensor(tn, dtype, 3, (double[]){1, -2, 0.5}));
    return module;
}

static const double gradients[4][3] = {{0.5, -1, 2}, {0.25, 0.125, -3}, {-0.75, 1, 0}, {1.5, -0.5, 0.25}};

static void four_steps(tn_module *module, tn_optimizer *opt)
{
    tn_context *tn = tn_nn_context(module);
    tn_tensor *w = tn_nn_get(module, "w");
    for (int i = 0; i < 4; i++) {
        tn_set_grad(w, tensor(tn, tn_dtype_of(w), 3, gradients[i]));
        assert_int_equal(tn_optim_step(opt), TN_OK);
    }
}

/* ---- steps */

typedef struct sgd_row {
    tn_sgd_options options;
    double wanted[3]; /* torch.optim.SGD after the four gradients */
} sgd_row;

static const sgd_row sgd_rows[] = {
    {{.lr = 0.1}, {0.84999999999999987, -1.9624999999999997, 0.57499999999999996}},
    {{.lr = 0.1, .weight_decay = 0.01}, {0.84613082105100001, -1.954686704602, 0.57300269820050009}},
    {{.lr = 0.1, .momentum = 0.9}, {0.75280000000000002, -1.8299750000000001, 0.60020000000000007}},
    {{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true},
     {0.61641586081633715, -1.7868065253201741, 0.6601143424987862}},
};

static void sgd_steps_as_pytorch(void **state)
{
    for (size_t i = 0; i < sizeof sgd_rows / sizeof *sgd_rows; i++)
        for (tn_dtype dtype = TN_F32; dtype <= TN_F64; dtype++) {
            tn_module *module = three(*state, dtype);
            four_steps(module, tn_optim_sgd(module, &sgd_rows[i].options));
            assert_values(tn_nn_get(module, "w"), 3, sgd_rows[i].wanted, dtype == TN_F64 ? 1e-14 : 1e-6);
        }
}

typedef struct adam_row {
    bool decoupled;
    tn_adam_options options;
    double wanted[3];
} adam_row;

static const adam_row adam_rows[] = {
    {false, {0}, {0.99769209168583461, -1.9984756368202012, 0.49955539983556357}},
    {false, {.lr = 0.01, .weight_decay = 0.1}, {0.97406161510103972, -1.9785027129020256, 0.49486485063820318}},
    {false,
     {.lr = 0.1, .beta1 = 0.5, .beta2 = 0.75, .eps = 1e-3},
     {0.796652978163645, -1.9116616793668371, 0.48834079200946034}},
    {true, {.lr = 0.1}, {0.76569300970391674, -1.8399762058269846, 0.45377401864041766}},
    {true, {.lr = 0.1, .weight_decay = -1}, {0.76920916858346056, -1.8475636820201373, 0.45553998355635406}},
    {true, {.lr = 0.1, .weight_decay = 0.5}, {0.60665678556499214, -1.4957399963006413, 0.37368314468286107}},
};

static void adam_steps_as_pytorch(void **state)
{
    for (size_t i = 0; i < sizeof adam_rows / sizeof *adam_rows; i++)
        for (tn_dtype dtype = TN_F32; dtype <= TN_F64; dtype++) {
            const adam_row *row = &adam_rows[i];
            tn_module *module = three(*state, dtype);
            tn_optimizer *opt = (row->decoupled ? tn_optim_adamw : tn_optim_adam)(module, &row->options);
            assert_string_equal(tn_optim_type(opt), row->decoupled ? "AdamW" : "Adam");
            four_steps(module, opt);
            assert_values(tn_nn_get(module, "w"), 3, row->wanted, dtype == TN_F64 ? 1e-13 : 1e-6);
        }
}

static void null_options_are_the_defaults(void **state)
{
    tn_module *module = three(*state, TN_F64);
    tn_optimizer *opt = tn_optim_adam(module, NULL);
    assert_true(tn_optim_get_lr(opt) == 0.001);
    four_steps(module, opt);
    assert_values(tn_nn_get(module, "w"), 3, adam_rows[0].wanted, 1e-13);
}

static void parameters_without_gradient_are_left_alone(void **state)
{
    tn_context *tn = *state;
    tn_module *model = tn_nn_sequential(tn, three(tn, TN_F64), three(tn, TN_F32), three(tn, TN_F64), NULL);
    tn_optimizer *opt = tn_optim_sgd(model, &(tn_sgd_options){.lr = 0.1, .momentum = 0.9, .weight_decay = 0.5});
    tn_set_grad(tn_nn_get(model, "1.w"), tn_ones(tn, TN_F32, TN_SHAPE(3)));
    tn_set_grad(tn_nn_get(model, "2.w"), tn_ones(tn, TN_F64, TN_SHAPE(3)));
    assert_int_equal(tn_optim_step(opt), TN_OK);
    ASSERT_VALUES(tn_nn_get(model, "0.w"), 0, 1, -2, 0.5);
    ASSERT_VALUES(tn_nn_get(model, "1.w"), 1e-6, 0.85, -2.0, 0.375); /* of another dtype than its neighbours */
    ASSERT_VALUES(tn_nn_get(model, "2.w"), 1e-14, 0.85, -2.0, 0.375);
    tn_optim_zero_grad(opt);
    assert_false(tn_has_grad(tn_nn_get(model, "1.w")));
    assert_int_equal(tn_optim_step(opt), TN_OK); /* nothing to do */
    ASSERT_VALUES(tn_nn_get(model, "2.w"), 1e-14, 0.85, -2.0, 0.375);
}

static void a_shared_parameter_is_stepped_once(void **state)
{
    tn_context *tn = *state;
    tn_module *shared = three(tn, TN_F64), *model = tn_nn_sequential(tn, shared, shared, NULL);
    tn_optimizer *opt = tn_optim_sgd(model, &(tn_sgd_options){.lr = 1});
    assert_int_equal(tn_nn_state_count(model), 2);
    tn_set_grad(tn_nn_get(shared, "w"), tn_ones(tn, TN_F64, TN_SHAPE(3)));
    assert_int_equal(tn_optim_step(opt), TN_OK);
    ASSERT_VALUES(tn_nn_get(shared, "w"), 1e-14, 0, -3, -0.5);
}

static void the_rate_can_change_between_steps(void **state)
{
    tn_context *tn = *state;
    tn_module *module = three(tn, TN_F64);
    tn_optimizer *opt = tn_optim_sgd(module, &(tn_sgd_options){.lr = 1});
    tn_set_grad(tn_nn_get(module, "w"), tn_ones(tn, TN_F64, TN_SHAPE(3)));
    tn_optim_step(opt);
    tn_optim_set_lr(opt, 0.25);
    tn_optim_step(opt);
    assert_true(tn_optim_get_lr(opt) == 0.25);
    ASSERT_VALUES(tn_nn_get(module, "w"), 1e-14, -0.25, -3.25, -0.75);
}

static void state_has_names(void **state)
{
    static const char *const wanted[] = {"step", "exp_avg.0.w", "exp_avg.1.w", "exp_avg_sq.0.w", "exp_avg_sq.1.w"};
    tn_context *tn = *state;
    tn_module *model = tn_nn_sequential(tn, three(tn, TN_F64), three(tn, TN_F64), NULL);
    tn_optimizer *adam = tn_optim_adam(model, NULL);
    const char *name;
    assert_int_equal(tn_optim_state_count(adam), 5);
    for (int i = 0; i < 5; i++) {
        tn_optim_state(adam, i, &name);
        assert_string_equal(name, wanted[i]);
    }
    tn_optimizer *sgd = tn_optim_sgd(model, &(tn_sgd_options){.lr = 1, .momentum = 0.5});
    assert_int_equal(tn_optim_state_count(sgd), 2);
    tn_optim_state(sgd, 1, &name);
    assert_string_equal(name, "momentum_buffer.1.w");
    assert_int_equal(tn_optim_state_count(tn_optim_sgd(model, &(tn_sgd_options){.lr = 1})), 0);
}

/* Whoever is given the count of steps may set it: the next step goes on from there. */
static void the_count_of_steps_can_be_restored(void **state)
{
    tn_context *tn = *state;
    tn_module *module = three(tn, TN_F64);
    tn_optimizer *opt = tn_optim_adam(module, NULL);
    four_steps(module, opt);
    tn_tensor *count = tn_optim_state(opt, 0, NULL);
    assert_int_equal(tn_item_i64(count), 4);
    tn_write(count, &(int64_t){41}, sizeof(int64_t));
    tn_optim_step(opt);
    assert_int_equal(tn_item_i64(count), 42);
}

static void steps_leak_nothing(void **state)
{
    tn_context *tn = *state;
    tn_module *module = three(tn, TN_F32);
    tn_optimizer *opt = tn_optim_adam(module, NULL);
    tn_set_grad(tn_nn_get(module, "w"), tn_ones(tn, TN_F32, TN_SHAPE(3)));
    tn_optim_step(opt);
    uint64_t live = tn_memory_stats(tn, tn_default_device(tn)).live;
    for (int i = 0; i < 1000; i++) tn_optim_step(opt);
    assert_good(tn);
    assert_int_equal(tn_memory_stats(tn, tn_default_device(tn)).live, live);
}

/* ---- schedules */

static tn_optimizer *optimizer(tn_context *tn, double lr)
{
    return tn_optim_sgd(three(tn, TN_F64), &(tn_sgd_options){.lr = lr});
}

static void step_lr_has_pytorchs_digits(void **state)
{
    tn_optimizer *opt = optimizer(*state, 0.01);
    tn_scheduler *schedule = tn_lr_step(opt, 30, 0.1);
    for (int64_t epoch = 0; epoch < 150; epoch++) {
        static const double wanted[] = {0.01, 0.001, 0.0001, 1e-05, 1.0000000000000002e-06};
        assert_int_equal(tn_lr_epoch(schedule), epoch);
        assert_true(tn_optim_get_lr(opt) == wanted[epoch / 30]);
        tn_lr_advance(schedule);
    }
}

static void assert_schedule(tn_optimizer *opt, tn_scheduler *schedule, int n, const double *wanted)
{
    assert_non_null(schedule);
    for (int i = 0; i < n; i++) {
        assert_near(tn_optim_get_lr(opt), wanted[i], 1e-14);
        tn_lr_advance(schedule);
    }
    for (int i = n; i-- > 0;) { /* and to any epoch at once */
        tn_lr_set_epoch(schedule, i);
        assert_near(tn_optim_get_lr(opt), wanted[i], 1e-14);
    }
}
#define ASSERT_SCHEDULE(opt, schedule, ...)                                                     \
    assert_schedule((opt), (schedule), (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), \
                    (const double[]){__VA_ARGS__})

static void multi_step_lr(void **state)
{
    tn_optimizer *opt = optimizer(*state, 0.3);
    int64_t milestones[] = {3, 2, 6};
    ASSERT_SCHEDULE(opt, tn_lr_multi_step(opt, 3, milestones, 0.3), 0.3, 0.3, 0.09, 0.027, 0.027, 0.027, 0.0081);
}

static void cosine_annealing_lr(void **state)
{
    tn_optimizer *opt = optimizer(*state, 0.1);
    ASSERT_SCHEDULE(opt, tn_lr_cosine(opt, 5, 0.001), 0.10000000000000001, 0.090546341221559898, 0.06579634122155989,
                    0.035203658778440096, 0.010453658778440105, 0.001, 0.010453658778440102, 0.035203658778440117,
                    0.065796341221559931, 0.090546341221559953, 0.1, 0.090546341221559981);
}

static void linear_warmup_lr(void **state)
{
    tn_optimizer *opt = optimizer(*state, 0.1);
    ASSERT_SCHEDULE(opt, tn_lr_linear_warmup(opt, 0.25, 4), 0.025, 0.04375, 0.0625, 0.08125, 0.1, 0.1, 0.1);
}

/* As PyTorch's initial_lr: a second schedule does not start from what the first one has set. */
static void schedules_start_from_the_first_rate(void **state)
{
    tn_optimizer *opt = optimizer(*state, 0.1);
    tn_lr_linear_warmup(opt, 0.25, 4);
    tn_lr_cosine(opt, 5, 0);
    assert_near(tn_optim_get_lr(opt), 0.1, 1e-14);
}

/* ---- clipping */

static tn_module *two_gradients(tn_context *tn)
{
    tn_module *module = tn_nn_module(tn, "Two", identity, NULL);
    tn_tensor *a = tn_nn_add_parameter(module, "a", tn_zeros(tn, TN_F64, TN_SHAPE(2)));
    tn_tensor *b = tn_nn_add_parameter(module, "b", tn_zeros(tn, TN_F64, TN_SHAPE(1)));
    tn_nn_add_parameter(module, "c", tn_zeros(tn, TN_F64, TN_SHAPE(1))); /* without gradient */
    tn_set_grad(a, tensor(tn, TN_F64, 2, (double[]){3, -4}));
    tn_set_grad(b, tensor(tn, TN_F64, 1, (double[]){12}));
    return module;
}

static void the_norm_is_clipped(void **state)
{
    tn_module *module = two_gradients(*state);
    tn_tensor *a = tn_nn_get(module, "a"), *b = tn_nn_get(module, "b");
    assert_near(tn_clip_grad_norm(module, 6.5), 13, 1e-15);
    ASSERT_VALUES(tn_grad_of(a), 1e-15, 1.4999998846153937, -1.9999998461538582);
    ASSERT_VALUES(tn_grad_of(b), 1e-15, 5.9999995384615747);
    assert_near(tn_clip_grad_norm(module, 100), 6.4999995, 1e-14); /* small enough: stays */
    ASSERT_VALUES(tn_grad_of(b), 1e-15, 5.9999995384615747);
    assert_false(tn_has_grad(tn_nn_get(module, "c")));
    assert_true(tn_clip_grad_norm(three(*state, TN_F32), 1) == 0);
}

static void values_are_clipped(void **state)
{
    tn_module *module = two_gradients(*state);
    tn_clip_grad_value(module, 3.5);
    ASSERT_VALUES(tn_grad_of(tn_nn_get(module, "a")), 0, 3, -3.5);
    ASSERT_VALUES(tn_grad_of(tn_nn_get(module, "b")), 0, 3.5);
}

/* ---- what is refused */

static void options_must_make_sense(void **state)
{
    tn_context *tn = *state;
    tn_module *module = three(tn, TN_F32);
    assert_null(tn_optim_sgd(module, NULL));
    assert_refused(tn, TN_INVALID, "lr is not given");
    assert_null(tn_optim_sgd(module, &(tn_sgd_options){.lr = -1}));
    assert_refused(tn, TN_INVALID, "lr is -1");
    assert_null(tn_optim_sgd(module, &(tn_sgd_options){.lr = NAN}));
    assert_refused(tn, TN_INVALID, "lr is nan");
    assert_null(tn_optim_sgd(module, &(tn_sgd_options){.lr = 1, .momentum = -0.5}));
    assert_refused(tn, TN_INVALID, "momentum is -0.5");
    assert_null(tn_optim_sgd(module, &(tn_sgd_options){.lr = 1, .nesterov = true}));
    assert_refused(tn, TN_INVALID, "nesterov needs a momentum");
    assert_null(tn_optim_adam(module, &(tn_adam_options){.beta1 = 1}));
    assert_refused(tn, TN_INVALID, "beta1 is 1");
    assert_null(tn_optim_adam(module, &(tn_adam_options){.weight_decay = -0.1}));
    assert_refused(tn, TN_INVALID, "weight_decay is -0.1");
    assert_null(tn_optim_adam(tn_nn_relu(tn), NULL));
    assert_refused(tn, TN_INVALID, "the ReLU has no parameters");
    assert_null(tn_optim_adam(NULL, NULL));
    assert_good(tn); /* whoever returned NULL has raised */
}

static void schedules_must_make_sense(void **state)
{
    tn_context *tn = *state;
    tn_optimizer *opt = optimizer(tn, 0.1);
    assert_null(tn_lr_step(opt, 0, 0.1));
    assert_refused(tn, TN_INVALID, "the length is 0");
    assert_null(tn_lr_cosine(opt, 5, -1));
    assert_refused(tn, TN_INVALID, "eta_min is -1");
    assert_null(tn_lr_linear_warmup(opt, 1.5, 5));
    assert_refused(tn, TN_INVALID, "start_factor is 1.5");
    assert_null(tn_lr_multi_step(opt, 2, NULL, 0.1));
    assert_refused(tn, TN_INVALID, "their list is NULL");
    tn_lr_set_epoch(tn_lr_step(opt, 1, 0.1), -1);
    assert_refused(tn, TN_INVALID, "the epoch is -1");
    tn_optim_set_lr(opt, INFINITY);
    assert_refused(tn, TN_INVALID, "lr is inf");
    assert_near(tn_optim_get_lr(opt), 0.1, 0);
}

static void a_pending_error_stops_the_step(void **state)
{
    tn_context *tn = *state;
    tn_module *module = three(tn, TN_F64);
    tn_optimizer *opt = tn_optim_sgd(module, &(tn_sgd_options){.lr = 1});
    tn_set_grad(tn_nn_get(module, "w"), tn_ones(tn, TN_F64, TN_SHAPE(3)));
    tn_raise(tn, TN_INVALID, "the forward failed");
    assert_int_equal(tn_optim_step(opt), TN_INVALID);
    tn_clear(tn);
    ASSERT_VALUES(tn_nn_get(module, "w"), 0, 1, -2, 0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sgd_steps_as_pytorch),
        TEST(adam_steps_as_pytorch),
        TEST(null_options_are_the_defaults),
        TEST(parameters_without_gradient_are_left_alone),
        TEST(a_shared_parameter_is_stepped_once),
        TEST(the_rate_can_change_between_steps),
        TEST(state_has_names),
        TEST(the_count_of_steps_can_be_restored),
        TEST(steps_leak_nothing),
        TEST(step_lr_has_pytorchs_digits),
        TEST(multi_step_lr),
        TEST(cosine_annealing_lr),
        TEST(linear_warmup_lr),
        TEST(schedules_start_from_the_first_rate),
        TEST(the_norm_is_clipped),
        TEST(values_are_clipped),
        TEST(options_must_make_sense),
        TEST(schedules_must_make_sense),
        TEST(a_pending_error_stops_the_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
