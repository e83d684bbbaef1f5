/* SPDX-License-Identifier: Apache-2.0
 *
 * nn: names and order of state, initialisation, forwards, printing, and what is refused. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static void assert_close(tn_tensor *x, tn_tensor *y, double tolerance)
{
    tn_context *tn = tn_context_of(x);
    double difference = tn_item(tn_max(tn_abs(tn_sub(x, y)), TN_ALL, false));
    assert_good(tn);
    assert_true(difference <= tolerance);
}

/* ---- state */

typedef struct expected {
    const char *name;
    const char *shape;
    bool is_parameter;
} expected;

static void assert_state(tn_module *module, const expected *wanted, int n)
{
    assert_non_null(module);
    assert_int_equal(tn_nn_state_count(module), n);
    for (int i = 0; i < n; i++) {
        const char *name;
        char shape[192];
        bool is_parameter;
        tn_tensor *tensor = tn_nn_state(module, i, &name, &is_parameter);
        assert_string_equal(name, wanted[i].name);
        assert_string_equal(tn_format_shape(tensor, shape), wanted[i].shape);
        assert_int_equal(is_parameter, wanted[i].is_parameter);
        assert_int_equal(tn_has_requires_grad(tensor), is_parameter);
        assert_ptr_equal(tn_nn_get(module, name), tensor);
    }
}
#define ASSERT_STATE(module, ...) \
    assert_state((module), (const expected[]){__VA_ARGS__}, (int)(sizeof((expected[]){__VA_ARGS__}) / sizeof(expected)))

static void simplenet_has_pytorchs_names(void **state)
{
    ASSERT_STATE(tn_nn_model(*state, "simplenet"), {"fc1.weight", "[128, 784]", true}, {"fc1.bias", "[128]", true},
                 {"fc2.weight", "[10, 128]", true}, {"fc2.bias", "[10]", true});
}

static void convnet_has_pytorchs_names(void **state)
{
    ASSERT_STATE(tn_nn_model(*state, "convnet"), {"conv1.weight", "[32, 1, 3, 3]", true}, {"conv1.bias", "[32]", true},
                 {"conv2.weight", "[64, 32, 3, 3]", true}, {"conv2.bias", "[64]", true},
                 {"fc1.weight", "[128, 1600]", true}, {"fc1.bias", "[128]", true}, {"fc2.weight", "[10, 128]", true},
                 {"fc2.bias", "[10]", true});
}

static void sequential_numbers_its_children(void **state)
{
    tn_context *tn = *state;
    tn_module *model = tn_nn_sequential(tn, tn_nn_conv2d(tn, 4, 6, 3, false, TN_CONV2D(.groups = 2)),
                                        tn_nn_batch_norm2d(tn, 6), tn_nn_relu(tn), NULL);
    ASSERT_STATE(model, {"0.weight", "[6, 2, 3, 3]", true}, {"1.weight", "[6]", true}, {"1.bias", "[6]", true},
                 {"1.running_mean", "[6]", false}, {"1.running_var", "[6]", false},
                 {"1.num_batches_tracked", "[]", false});
    assert_int_equal(tn_dtype_of(tn_nn_get(model, "1.num_batches_tracked")), TN_I64);
}

static tn_tensor *scale(tn_module *self, tn_tensor *x)
{
    const double *factor = tn_nn_data(self);
    return tn_nn_forward(tn_nn_child(self, "layer"), tn_mul_scalar(x, *factor));
}

/* As in PyTorch, parameters come before buffers and these before children, whatever was added first. */
static void own_modules_order_their_state(void **state)
{
    tn_context *tn = *state;
    double factor = 2;
    tn_module *own = tn_nn_module(tn, "Own", scale, &factor);
    tn_nn_add(own, "layer", tn_nn_linear(tn, 3, 1, false));
    tn_nn_add_buffer(own, "seen", tn_zeros(tn, TN_I64, TN_SCALAR));
    ASSERT_STATE(own, {"seen", "[]", false}, {"layer.weight", "[1, 3]", true});
    tn_nn_add_parameter(own, "gain", tn_ones(tn, TN_F32, TN_SHAPE(2)));
    tn_nn_add(tn_nn_child(own, "layer"), "inner", tn_nn_linear(tn, 1, 1, false)); /* deep below a flattened state */
    ASSERT_STATE(own, {"gain", "[2]", true}, {"seen", "[]", false}, {"layer.weight", "[1, 3]", true},
                 {"layer.inner.weight", "[1, 1]", true});
    assert_null(tn_nn_get(own, "layer"));
    assert_null(tn_nn_child(own, "gain"));
}

static void parameters_outlive_the_scope_they_were_made_in(void **state)
{
    tn_context *tn = *state;
    tn_mark mark = tn_begin(tn);
    tn_module *layer = tn_nn_linear(tn, 2, 3, true);
    tn_end(tn, mark, NULL);
    assert_int_equal(tn_numel(tn_nn_get(layer, "weight")), 6);
    assert_int_equal(tn_dim(tn_nn_forward(layer, tn_ones(tn, TN_F32, TN_SHAPE(4, 2))), 1), 3);
    assert_good(tn);
}

/* ---- initialisation */

/* Uniform in [-bound, bound]: inside, filling it, and with the right variance. */
static void assert_uniform(tn_module *module, const char *name, double bound)
{
    tn_tensor *x = tn_nn_get(module, name);
    double most = tn_item(tn_max(tn_abs(x), TN_ALL, false));
    double variance = tn_item(tn_mean(tn_square(x), TN_ALL, false)), n = (double)tn_numel(x);
    assert_good(tn_nn_context(module));
    assert_true(most <= bound * (1 + 1e-6));
    assert_true(most >= bound * (1 - 10 / n));
    assert_true(fabs(variance / (bound * bound / 3) - 1) < 6 / sqrt(n));
}

static void layers_start_within_pytorchs_bounds(void **state)
{
    tn_context *tn = *state;
    tn_module *linear = tn_nn_linear(tn, 784, 128, true);
    assert_uniform(linear, "weight", 1 / sqrt(784));
    assert_uniform(linear, "bias", 1 / sqrt(784));
    tn_module *conv = tn_nn_conv2d(tn, 32, 64, 3, true, NULL);
    assert_uniform(conv, "weight", 1 / sqrt(32 * 9));
    assert_uniform(conv, "bias", 1 / sqrt(32 * 9));
    tn_module *grouped = tn_nn_conv2d(tn, 32, 64, 3, true, TN_CONV2D(.groups = 4));
    assert_uniform(grouped, "weight", 1 / sqrt(8 * 9));
}

static void the_seed_decides_the_weights(void **state)
{
    tn_context *tn = *state;
    tn_manual_seed(tn, 7);
    tn_module *first = tn_nn_linear(tn, 5, 4, true), *other = tn_nn_linear(tn, 5, 4, true);
    tn_manual_seed(tn, 7);
    tn_module *again = tn_nn_linear(tn, 5, 4, true);
    assert_close(tn_nn_get(first, "weight"), tn_nn_get(again, "weight"), 0);
    assert_close(tn_nn_get(first, "bias"), tn_nn_get(again, "bias"), 0);
    double difference =
        tn_item(tn_sum(tn_abs(tn_sub(tn_nn_get(first, "weight"), tn_nn_get(other, "weight"))), TN_ALL, false));
    assert_true(difference > 0);
}

/* ---- forwards */

static tn_tensor *linear_by_hand(tn_module *model, const char *layer, tn_tensor *x)
{
    tn_module *child = tn_nn_child(model, layer);
    return tn_add(tn_matmul(x, tn_transpose(tn_nn_get(child, "weight"), 0, 1)), tn_nn_get(child, "bias"));
}

static tn_tensor *conv_by_hand(tn_module *model, const char *layer, tn_tensor *x)
{
    tn_module *child = tn_nn_child(model, layer);
    tn_tensor *y = tn_conv2d(x, tn_nn_get(child, "weight"), tn_nn_get(child, "bias"), NULL);
    return tn_max_pool2d(tn_relu(y), TN_MAX_POOL2D(.kernel = {2, 2}));
}

static tn_tensor *two_layers_by_hand(tn_module *model, tn_tensor *x)
{
    return linear_by_hand(model, "fc2", tn_relu(linear_by_hand(model, "fc1", tn_flatten(x, 1, 3))));
}

static void assert_all_learn(tn_module *model, tn_tensor *y)
{
    tn_tensor *target = tn_from(tn_nn_context(model), (int64_t[]){3, 9}, TN_I64, TN_SHAPE(2));
    assert_int_equal(tn_backward(tn_cross_entropy(y, target)), TN_OK);
    for (int i = 0; i < tn_nn_state_count(model); i++) {
        tn_tensor *param = tn_nn_state(model, i, NULL, NULL);
        assert_true(tn_has_grad(param));
        assert_true(tn_item(tn_max(tn_abs(tn_grad_of(param)), TN_ALL, false)) > 0);
    }
}

static void simplenet_computes_two_layers(void **state)
{
    tn_context *tn = *state;
    tn_module *model = tn_nn_model(tn, "simplenet");
    tn_tensor *x = tn_uniform(tn, TN_F32, 0, 1, TN_SHAPE(2, 1, 28, 28));
    tn_tensor *y = tn_nn_forward(model, x);
    assert_close(y, two_layers_by_hand(model, x), 1e-5);
    assert_all_learn(model, y);
}

static void convnet_computes_its_layers(void **state)
{
    tn_context *tn = *state;
    tn_module *model = tn_nn_model(tn, "convnet");
    tn_tensor *x = tn_uniform(tn, TN_F32, 0, 1, TN_SHAPE(2, 1, 28, 28));
    tn_tensor *y = tn_nn_forward(model, x);
    assert_close(y, two_layers_by_hand(model, conv_by_hand(model, "conv2", conv_by_hand(model, "conv1", x))), 1e-5);
    assert_all_learn(model, y);
}

static void layers_run_in_sequence(void **state)
{
    tn_context *tn = *state;
    tn_module *conv = tn_nn_conv2d(tn, 1, 2, 3, true, TN_CONV2D(.padding = {1, 1}));
    tn_module *model = tn_nn_sequential(tn, conv, tn_nn_relu(tn), tn_nn_avg_pool2d(tn, 2), tn_nn_max_pool2d(tn, 2),
                                        tn_nn_flatten(tn), NULL);
    tn_tensor *x = tn_normal(tn, TN_F32, 0, 1, TN_SHAPE(3, 1, 8, 8));
    tn_tensor *y = tn_conv2d(x, tn_nn_get(conv, "weight"), tn_nn_get(conv, "bias"), TN_CONV2D(.padding = {1, 1}));
    y = tn_avg_pool2d(tn_relu(y), TN_AVG_POOL2D(.kernel = {2, 2}));
    y = tn_flatten(tn_max_pool2d(y, TN_MAX_POOL2D(.kernel = {2, 2})), 1, 3);
    assert_close(tn_nn_forward(model, x), y, 1e-6);
    assert_int_equal(tn_dim(y, 1), 2 * 2 * 2);
}

static void own_modules_get_their_data(void **state)
{
    tn_context *tn = *state;
    double factor = 3;
    tn_module *own = tn_nn_module(tn, "Own", scale, &factor);
    tn_module *layer = tn_nn_add(own, "layer", tn_nn_linear(tn, 2, 2, false));
    tn_tensor *x = tn_ones(tn, TN_F32, TN_SHAPE(1, 2));
    assert_close(tn_nn_forward(own, x), tn_mul_scalar(tn_nn_forward(layer, x), 3), 1e-6);
    assert_string_equal(tn_nn_type(own), "Own");
}

static void eval_mode_reaches_all_descendants(void **state)
{
    tn_context *tn = *state;
    tn_module *dropout = tn_nn_dropout(tn, 0.5);
    tn_module *model = tn_nn_sequential(tn, tn_nn_sequential(tn, dropout, NULL), NULL);
    tn_tensor *x = tn_ones(tn, TN_F32, TN_SHAPE(1000));
    assert_true(tn_nn_is_training(model) && tn_nn_is_training(dropout));
    double zeros = 1000 - tn_item(tn_sum(tn_cast(tn_gt_scalar(tn_nn_forward(model, x), 0), TN_F32), TN_ALL, false));
    assert_true(zeros > 400 && zeros < 600);
    tn_nn_train(model, false);
    assert_false(tn_nn_is_training(dropout));
    assert_close(tn_nn_forward(model, x), x, 0);
    tn_nn_train(model, true);
    assert_true(tn_nn_is_training(dropout));
}

static void batch_norm_tracks_batches(void **state)
{
    tn_context *tn = *state;
    tn_module *norm = tn_nn_batch_norm2d(tn, 2);
    tn_tensor *x = tn_from(tn, (float[]){1, 3, 10, 30}, TN_F32, TN_SHAPE(1, 2, 1, 2));
    tn_tensor *y = tn_nn_forward(norm, x);
    assert_close(y, tn_from(tn, (float[]){-1, 1, -1, 1}, TN_F32, TN_SHAPE(1, 2, 1, 2)), 1e-4);
    tn_nn_forward(norm, x);
    /* mean 2, 20; unbiased variance 2, 200; momentum 0.1, twice */
    assert_close(tn_nn_get(norm, "running_mean"), tn_from(tn, (float[]){0.38f, 3.8f}, TN_F32, TN_SHAPE(2)), 1e-5);
    assert_close(tn_nn_get(norm, "running_var"), tn_from(tn, (float[]){1.19f, 38.81f}, TN_F32, TN_SHAPE(2)), 1e-4);
    tn_nn_train(norm, false);
    tn_nn_forward(norm, x);
    assert_int_equal(tn_item_i64(tn_nn_get(norm, "num_batches_tracked")), 2);
    assert_good(tn);
}

/* ---- dtypes */

/* One step of Adam; returns the loss before it. */
static double train_once(tn_module *model, tn_dtype dtype)
{
    tn_context *tn = tn_nn_context(model);
    tn_manual_seed(tn, 5);
    tn_tensor *x = tn_cast(tn_uniform(tn, TN_F32, 0, 1, TN_SHAPE(4, 1, 28, 28)), dtype);
    tn_tensor *y = tn_from(tn, (int64_t[]){3, 9, 0, 7}, TN_I64, TN_SHAPE(4));
    tn_optimizer *adam = tn_optim_adam(model, NULL);
    tn_tensor *loss = tn_cross_entropy(tn_nn_forward(model, x), y);
    assert_int_equal(tn_backward(loss), TN_OK);
    for (int i = 0; i < tn_nn_state_count(model); i++) {
        assert_int_equal(tn_dtype_of(tn_nn_state(model, i, NULL, NULL)), dtype);
        assert_int_equal(tn_dtype_of(tn_grad_of(tn_nn_state(model, i, NULL, NULL))), dtype);
    }
    assert_int_equal(tn_optim_step(adam), TN_OK);
    return tn_item(loss);
}

static void a_model_trains_in_f64_as_in_f32(void **state)
{
    tn_context *tn = *state;
    tn_manual_seed(tn, 1);
    tn_module *single = tn_nn_model(tn, "simplenet");
    tn_manual_seed(tn, 1);
    tn_module *exact = tn_nn_model(tn, "simplenet");
    assert_int_equal(tn_nn_to(exact, TN_F64), TN_OK);
    assert_true(fabs(train_once(single, TN_F32) - train_once(exact, TN_F64)) < 1e-5);
    for (int i = 0; i < tn_nn_state_count(single); i++)
        assert_close(tn_nn_state(single, i, NULL, NULL), tn_cast(tn_nn_state(exact, i, NULL, NULL), TN_F32), 1e-5);
    assert_int_equal(tn_nn_to(exact, TN_F32), TN_OK);
    assert_false(tn_has_grad(tn_nn_get(exact, "fc1.weight")));
    assert_true(tn_has_grad(tn_nn_get(single, "fc1.weight")));
    assert_int_equal(tn_nn_to(single, TN_F32), TN_OK); /* nothing to do, nothing lost */
    assert_true(tn_has_grad(tn_nn_get(single, "fc1.weight")));
}

/* Buffers go along, integers stay, and whoever has flattened the state already sees the new tensors. */
static void conversion_reaches_buffers_and_parents(void **state)
{
    tn_context *tn = *state;
    tn_module *norm = tn_nn_batch_norm2d(tn, 2), *model = tn_nn_sequential(tn, norm, NULL);
    assert_int_equal(tn_nn_state_count(model), 5);
    tn_requires_grad(tn_nn_get(norm, "bias"), false);
    assert_int_equal(tn_nn_to(norm, TN_F64), TN_OK);
    assert_int_equal(tn_dtype_of(tn_nn_get(model, "0.weight")), TN_F64);
    assert_int_equal(tn_dtype_of(tn_nn_get(model, "0.running_var")), TN_F64);
    assert_int_equal(tn_dtype_of(tn_nn_get(model, "0.num_batches_tracked")), TN_I64);
    assert_true(tn_has_requires_grad(tn_nn_get(model, "0.weight")));
    assert_false(tn_has_requires_grad(tn_nn_get(model, "0.bias")));
    assert_false(tn_has_requires_grad(tn_nn_get(model, "0.running_mean")));
    tn_nn_forward(model, tn_ones(tn, TN_F64, TN_SHAPE(3, 2, 4, 4)));
    assert_good(tn);
}

static void shared_parameters_stay_shared(void **state)
{
    tn_context *tn = *state;
    tn_module *one = tn_nn_module(tn, "One", scale, NULL), *two = tn_nn_module(tn, "Two", scale, NULL);
    tn_nn_add_parameter(two, "w", tn_nn_add_parameter(one, "w", tn_ones(tn, TN_F32, TN_SHAPE(3))));
    tn_module *both = tn_nn_sequential(tn, one, two, one, NULL);
    assert_int_equal(tn_nn_to(both, TN_F64), TN_OK);
    assert_int_equal(tn_dtype_of(tn_nn_get(one, "w")), TN_F64);
    assert_ptr_equal(tn_nn_get(one, "w"), tn_nn_get(two, "w"));
    assert_ptr_equal(tn_nn_get(one, "w"), tn_nn_get(both, "2.w"));
}

static void only_f32_and_f64_can_be_converted_to(void **state)
{
    tn_context *tn = *state;
    tn_module *model = tn_nn_model(tn, "simplenet");
    tn_tensor *before = tn_nn_get(model, "fc1.weight");
    assert_int_equal(tn_nn_to(model, TN_I32), TN_INVALID);
    assert_refused(tn, TN_INVALID, "not i32");
    tn_nn_to(model, 99);
    assert_refused(tn, TN_INVALID, "not unknown");
    tn_nn_to(model, TN_BF16);
    assert_refused(tn, TN_UNSUPPORTED, "bf16 is reserved, no operator takes it yet");
    tn_nn_to(model, TN_F16);
    assert_refused(tn, TN_UNSUPPORTED, "f16 is reserved");
    assert_ptr_equal(tn_nn_get(model, "fc1.weight"), before);
    assert_int_equal(tn_dtype_of(before), TN_F32);
    assert_int_equal(tn_nn_to(NULL, TN_F64), TN_INVALID);
}

/* ---- printing */

static void assert_prints(tn_module *module, const char *wanted)
{
    char got[2000];
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stdout);
    int out = dup(STDOUT_FILENO);
    dup2(fileno(file), STDOUT_FILENO);
    tn_nn_print(module);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    close(out);
    rewind(file);
    got[fread(got, 1, sizeof got - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(got, wanted);
}

static void modules_print_as_in_pytorch(void **state)
{
    tn_context *tn = *state;
    assert_prints(tn_nn_model(tn, "convnet"), "ConvNet(\n"
                                              "  (conv1): Conv2d(1, 32, kernel_size=(3, 3), stride=(1, 1))\n"
                                              "  (conv2): Conv2d(32, 64, kernel_size=(3, 3), stride=(1, 1))\n"
                                              "  (fc1): Linear(in_features=1600, out_features=128, bias=True)\n"
                                              "  (fc2): Linear(in_features=128, out_features=10, bias=True)\n"
                                              ")\n");
    tn_module *conv = tn_nn_conv2d(tn, 4, 8, 3, false,
                                   TN_CONV2D(.stride = {2, 2}, .padding = {1, 0}, .dilation = {2, 2}, .groups = 2));
    tn_module *inner = tn_nn_sequential(tn, conv, tn_nn_batch_norm2d(tn, 3), tn_nn_dropout(tn, 0.25), NULL);
    assert_prints(tn_nn_sequential(tn, inner, tn_nn_max_pool2d(tn, 2), tn_nn_avg_pool2d(tn, 3), tn_nn_relu(tn),
                                   tn_nn_flatten(tn), NULL),
                  "Sequential(\n"
                  "  (0): Sequential(\n"
                  "    (0): Conv2d(4, 8, kernel_size=(3, 3), stride=(2, 2), padding=(1, 0), dilation=(2, 2), "
                  "groups=2, bias=False)\n"
                  "    (1): BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)\n"
                  "    (2): Dropout(p=0.25, inplace=False)\n"
                  "  )\n"
                  "  (1): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)\n"
                  "  (2): AvgPool2d(kernel_size=3, stride=3, padding=0)\n"
                  "  (3): ReLU()\n"
                  "  (4): Flatten(start_dim=1, end_dim=-1)\n"
                  ")\n");
    assert_prints(tn_nn_sequential(tn, NULL), "Sequential()\n");
}

/* ---- what is refused */

static void sizes_must_make_sense(void **state)
{
    tn_context *tn = *state;
    assert_null(tn_nn_linear(tn, 0, 3, true));
    assert_refused(tn, TN_INVALID, "Linear: 0 features in");
    assert_null(tn_nn_conv2d(tn, 4, 6, 3, true, TN_CONV2D(.groups = 3)));
    assert_refused(tn, TN_INVALID, "groups is 3");
    assert_null(tn_nn_conv2d(tn, 4, 6, -3, true, NULL));
    assert_refused(tn, TN_INVALID, "a kernel of -3");
    assert_null(tn_nn_max_pool2d(tn, 0));
    assert_refused(tn, TN_INVALID, "the kernel is 0");
    assert_null(tn_nn_dropout(tn, 1));
    assert_refused(tn, TN_INVALID, "p is 1");
    assert_null(tn_nn_dropout(tn, NAN));
    assert_refused(tn, TN_INVALID, "p is nan");
    assert_null(tn_nn_batch_norm2d(tn, -1));
    assert_refused(tn, TN_INVALID, "-1 channels");
    assert_null(tn_nn_model(tn, "resnet"));
    assert_refused(tn, TN_NOT_FOUND, "simplenet, convnet");
}

static void names_must_be_fresh_and_without_dots(void **state)
{
    tn_context *tn = *state;
    tn_module *own = tn_nn_module(tn, "Own", scale, NULL);
    tn_nn_add(own, "layer", tn_nn_relu(tn));
    assert_null(tn_nn_add(own, "layer", tn_nn_relu(tn)));
    assert_refused(tn, TN_INVALID, "has a \"layer\" already");
    assert_true(tn_is_nil(tn_nn_add_parameter(own, "a.b", tn_ones(tn, TN_F32, TN_SHAPE(1)))));
    assert_refused(tn, TN_INVALID, "\"a.b\" cannot be a name");
    assert_true(tn_is_nil(tn_nn_add_buffer(own, "", tn_ones(tn, TN_F32, TN_SHAPE(1)))));
    assert_refused(tn, TN_INVALID, "cannot be a name");
    assert_int_equal(tn_nn_state_count(own), 0);
}

static void trees_have_no_cycles(void **state)
{
    tn_context *tn = *state;
    tn_module *outer = tn_nn_sequential(tn, NULL), *inner = tn_nn_sequential(tn, NULL);
    tn_nn_add(outer, "inner", inner);
    assert_null(tn_nn_add(inner, "outer", outer));
    assert_refused(tn, TN_INVALID, "would contain itself");
    assert_null(tn_nn_add(outer, "none", NULL));
    assert_refused(tn, TN_INVALID, "the child \"none\" is NULL");
}

static void contexts_do_not_mix(void **state)
{
    tn_context *tn = *state, *other = tn_open("reference");
    tn_module *layer = tn_nn_linear(tn, 2, 2, true);
    assert_null(tn_nn_add(tn_nn_sequential(tn, NULL), "0", tn_nn_relu(other)));
    assert_refused(tn, TN_INVALID, "another context");
    assert_true(tn_is_nil(tn_nn_forward(layer, tn_ones(other, TN_F32, TN_SHAPE(1, 2)))));
    assert_refused(tn, TN_INVALID, "another context");
    assert_int_equal(tn_close(other), 0);
}

static void a_failed_module_is_passed_on(void **state)
{
    tn_context *tn = *state;
    tn_module *model = tn_nn_sequential(tn, tn_nn_linear(tn, -1, 2, true), NULL);
    assert_null(model);
    assert_true(tn_is_nil(tn_nn_forward(model, tn_ones(tn, TN_F32, TN_SHAPE(1)))));
    assert_int_equal(tn_nn_state_count(model), 0);
    assert_refused(tn, TN_INVALID, "-1 features in"); /* the first message stays */
}

static void wrong_inputs_name_the_layer_sizes(void **state)
{
    tn_context *tn = *state;
    tn_module *model = tn_nn_model(tn, "simplenet");
    assert_true(tn_is_nil(tn_nn_forward(model, tn_ones(tn, TN_F32, TN_SHAPE(2, 1, 27, 28)))));
    assert_refused(tn, TN_INVALID, "784");
    assert_true(tn_is_nil(tn_nn_state(model, 4, NULL, NULL)));
    assert_refused(tn, TN_INVALID, "there is no state 4, it has 4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(simplenet_has_pytorchs_names),
        TEST(convnet_has_pytorchs_names),
        TEST(sequential_numbers_its_children),
        TEST(own_modules_order_their_state),
        TEST(parameters_outlive_the_scope_they_were_made_in),
        TEST(layers_start_within_pytorchs_bounds),
        TEST(the_seed_decides_the_weights),
        TEST(simplenet_computes_two_layers),
        TEST(convnet_computes_its_layers),
        TEST(layers_run_in_sequence),
        TEST(own_modules_get_their_data),
        TEST(eval_mode_reaches_all_descendants),
        TEST(batch_norm_tracks_batches),
        TEST(a_model_trains_in_f64_as_in_f32),
        TEST(conversion_reaches_buffers_and_parents),
        TEST(shared_parameters_stay_shared),
        TEST(only_f32_and_f64_can_be_converted_to),
        TEST(modules_print_as_in_pytorch),
        TEST(sizes_must_make_sense),
        TEST(names_must_be_fresh_and_without_dots),
        TEST(trees_have_no_cycles),
        TEST(contexts_do_not_mix),
        TEST(a_failed_module_is_passed_on),
        TEST(wrong_inputs_name_the_layer_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
