/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs: a replay does what the function does, to the bit where the same kernels run, on every backend; and what a
 * program cannot do is refused with the culprit's name. */
#include <math.h>
#include <stdlib.h>

#include "check.h"

/* ---- backends */

/* Runs a test on all backends that can be used here. */
static void on_each_backend(void (*test)(tn_context *tn))
{
    int n;
    const tn_backend_status *all = tn_backends(&n);
    for (int i = 0; i < n; i++) {
        if (all[i].refused || all[i].n_devices == 0) continue;
        tn_context *tn = tn_open(all[i].name);
        test(tn);
        assert_good(tn);
        assert_int_equal(tn_close(tn), 0);
    }
}

/* ---- training: twice from the same start, once eagerly and once as a program */

typedef tn_module *(*make_model)(tn_context *tn);

typedef struct trainer {
    tn_context *tn;
    tn_module *model;
    tn_optimizer *opt;
    tn_scheduler *schedule;
    tn_program *program;
} trainer;

static void step(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    trainer *t = arg;
    tn_optim_zero_grad(t->opt);
    out[0] = tn_cross_entropy(tn_nn_forward(t->model, in[0]), in[1]);
    tn_backward(out[0]);
    tn_optim_step(t->opt);
}

enum { EXAMPLES = 21, BATCH = 8, EPOCHS = 3 };

static tn_tensor *images(tn_context *tn)
{
    tn_manual_seed(tn, 3);
    return tn_uniform(tn, TN_F32, 0, 1, TN_SHAPE(EXAMPLES, 1, 28, 28));
}

static tn_tensor *labels(tn_context *tn)
{
    int64_t values[EXAMPLES];
    for (int i = 0; i < EXAMPLES; i++) values[i] = i * 7 % 10;
    return tn_from(tn, values, TN_I64, TN_SHAPE(EXAMPLES));
}

static trainer trainer_on(tn_context *tn, make_model make, bool sgd)
{
    trainer t = {.tn = tn};
    tn_manual_seed(tn, 1);
    t.model = make(tn);
    t.opt = sgd ? tn_optim_sgd(t.model, &(tn_sgd_options){.lr = 0.05, .momentum = 0.9}) : tn_optim_adam(t.model, NULL);
    t.schedule = tn_lr_step(t.opt, 1, 0.5);
    assert_good(tn);
    return t;
}

/* Some epochs with a short last batch; the losses of all steps go to losses. */
static int train(trainer *t, bool as_program, double *losses)
{
    int n = 0;
    tn_context *tn = t->tn;
    tn_mark mark = tn_begin(tn);
    tn_tensor *x = images(tn), *y = labels(tn);
    if (as_program) t->program = tn_program_open(tn, "step", step, t, 2, 1);
    for (int epoch = 0; epoch < EPOCHS; epoch++, tn_lr_advance(t->schedule))
        for (int64_t at = 0; at < EXAMPLES; at += BATCH) {
            int64_t size = EXAMPLES - at < BATCH ? EXAMPLES - at : BATCH;
            tn_mark inner = tn_begin(tn);
            tn_tensor *loss = NULL, *in[] = {tn_narrow(x, 0, at, size), tn_narrow(y, 0, at, size)};
            if (as_program)
                tn_program_run(t->program, in, &loss);
            else
                step(t, in, &loss);
            losses[n++] = tn_item(loss);
            tn_end(tn, inner, NULL);
        }
    tn_end(tn, mark, NULL);
    assert_good(tn);
    return n;
}

/* The largest difference, in units of the larger of 1 and the value. */
static double difference(tn_tensor *x, tn_tensor *y)
{
    tn_context *tn = tn_context_of(x);
    assert_int_equal(tn_numel(x), tn_numel(y));
    tn_mark mark = tn_begin(tn);
    bool was = tn_set_grad_enabled(tn, false);
    tn_tensor *a = tn_cast(x, TN_F64), *b = tn_to(tn_cast(y, TN_F64), tn_device_of(x));
    double worst = tn_item(tn_max(tn_abs(tn_sub(a, b)), TN_ALL, false));
    tn_set_grad_enabled(tn, was);
    tn_end(tn, mark, NULL);
    return worst;
}

static void assert_same_state(trainer *a, trainer *b, double tolerance)
{
    for (int i = 0; i < tn_nn_state_count(a->model); i++) {
        const char *name;
        tn_tensor *x = tn_nn_state(a->model, i, &name, NULL), *y = tn_nn_state(b->model, i, NULL, NULL);
        double d = difference(x, y), of_grads = 0;
        if (tn_has_grad(x)) of_grads = difference(tn_grad_of(x), tn_grad_of(y));
        assert_true(tn_has_grad(x) == tn_has_grad(y));
        if (!(d <= tolerance) || !(of_grads <= tolerance))
            fail_msg("%s of %s differs by %g, its gradient by %g", name, tn_nn_type(a->model), d, of_grads);
    }
    for (int i = 0; i < tn_optim_state_count(a->opt); i++) {
        const char *name;
        double d = difference(tn_optim_state(a->opt, i, &name), tn_optim_state(b->opt, i, NULL));
        if (!(d <= tolerance)) fail_msg("%s of %s differs by %g", name, tn_nn_type(a->model), d);
    }
}

static void compare_training(tn_context *tn, make_model make, bool sgd, const char *passes, double tolerance)
{
    double eager[64], replayed[64];
    uint64_t seed, eager_offset, offset;
    trainer a = trainer_on(tn, make, sgd), b = trainer_on(tn, make, sgd);
    train(&a, false, eager);
    tn_get_rng_state(tn, &seed, &eager_offset);
    setenv("TENON_PASSES", passes, 1);
    int n = train(&b, true, replayed);
    unsetenv("TENON_PASSES");
    tn_get_rng_state(tn, &seed, &offset);
    assert_int_equal(offset, eager_offset);
    for (int i = 0; i < n; i++)
        if (!(fabs(eager[i] - replayed[i]) <= tolerance * fabs(eager[i])))
            fail_msg("%s, loss of step %d: %.9g eagerly, %.9g as a program", tn_nn_type(a.model), i, eager[i],
                     replayed[i]);
    assert_same_state(&a, &b, tolerance);
    tn_program_stats stats = tn_program_look(b.program);
    assert_int_equal(stats.recordings, 2); /* the short batch has its own */
    assert_int_equal(stats.runs, n);
    assert_true(stats.arena_bytes > 0 && stats.arena_bytes <= stats.eager_bytes);
}

static tn_module *simplenet(tn_context *tn)
{
    return tn_nn_model(tn, "simplenet");
}

static tn_module *convnet(tn_context *tn)
{
    return tn_nn_model(tn, "convnet");
}

/* Random numbers, running statistics, and layers that fusion would join. */
static tn_module *mixture(tn_context *tn)
{
    return tn_nn_sequential(tn, tn_nn_conv2d(tn, 1, 4, 3, true, NULL), tn_nn_batch_norm2d(tn, 4), tn_nn_relu(tn),
                            tn_nn_max_pool2d(tn, 2), tn_nn_dropout(tn, 0.25), tn_nn_flatten(tn),
                            tn_nn_linear(tn, 676, 16, true), tn_nn_relu(tn), tn_nn_dropout(tn, 0.5),
                            tn_nn_linear(tn, 16, 10, true), NULL);
}

static tn_module *plain(tn_context *tn)
{
    return tn_nn_sequential(tn, tn_nn_conv2d(tn, 1, 6, 3, true, NULL), tn_nn_relu(tn), tn_nn_max_pool2d(tn, 2),
                            tn_nn_conv2d(tn, 6, 8, 3, true, NULL), tn_nn_relu(tn), tn_nn_avg_pool2d(tn, 2),
                            tn_nn_flatten(tn), tn_nn_linear(tn, 200, 24, true), tn_nn_relu(tn),
                            tn_nn_linear(tn, 24, 10, true), NULL);
}

static const make_model models[] = {simplenet, convnet, mixture, plain};
enum { MODELS = sizeof models / sizeof *models };

static void train_without_passes(tn_context *tn)
{
    for (int i = 0; i < MODELS; i++) compare_training(tn, models[i], i % 2, "none", 0);
}

static void replayed_training_is_eager_training_to_the_bit(void **state)
{
    (void)state;
    on_each_backend(train_without_passes);
}

static void train_with_passes(tn_context *tn)
{
    for (int i = 0; i < MODELS; i++)
        for (int sgd = 0; sgd < 2; sgd++) compare_training(tn, models[i], sgd, "all", 1e-6);
}

static void passes_change_no_result(void **state)
{
    (void)state;
    on_each_backend(train_with_passes);
}

/* ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replayed_training_is_eager_training_to_the_bit),
        cmocka_unit_test(passes_change_no_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
