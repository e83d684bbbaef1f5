/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators by name on drawn inputs: every shape runs on every backend, models use no operator without shapes, and what
 * does not fit is refused. */
#include <math.h>
#include <stdlib.h>

#include "check.h"

enum { BATCH = 3 };

/* ---- every shape, on every backend */

/* Twice: the second run finds a plan. */
static void run_shape(tn_context *tn, const tn_op_status *op, const char *shape, tn_dtype dtype)
{
    tn_op_call *call = tn_op_call_open(tn, op->name, shape, &(tn_op_call_options){.batch = BATCH, .dtype = dtype});
    tn_op_call_run(call);
    tn_op_call_run(call);
    if (tn_check(tn) != TN_OK) fail_msg("%s on %s, \"%s\": %s", op->name, tn_default_device(tn), shape, tn_message(tn));
}

static void run_operator(const char *backend, const tn_op_status *op)
{
    for (const char *const *shape = op->shapes; *shape; shape++)
        for (tn_dtype dtype = TN_F32; dtype <= TN_F64; dtype++) {
            tn_context *tn = tn_open(backend); /* inputs go when it is closed */
            run_shape(tn, op, *shape, dtype);
            assert_int_equal(tn_close(tn), 0);
        }
}

static void every_shape_runs_on_every_backend(void **state)
{
    int n_backends, n_ops;
    const tn_backend_status *backends = tn_backends(&n_backends);
    const tn_op_status *ops = tn_ops(&n_ops);
    (void)state;
    setenv("TENON_FALLBACK", "allow", 1); /* f64 on a backend of f32 */
    for (int b = 0; b < n_backends; b++)
        for (int i = 0; i < n_ops && !backends[b].refused; i++) run_operator(backends[b].name, &ops[i]);
    unsetenv("TENON_FALLBACK");
}

static void every_sample_runs(void **state)
{
    tn_context *tn = *state;
    int n_ops;
    const tn_op_status *ops = tn_ops(&n_ops);
    for (int i = 0; i < n_ops; i++)
        for (const char *const *sample = ops[i].samples; *sample; sample++) run_shape(tn, &ops[i], *sample, TN_F32);
}

/* ---- shapes are those of the models */

static void train_once(tn_context *tn, const char *name)
{
    tn_module *model = tn_nn_model(tn, name);
    tn_dataset *data =
        tn_dataset_from(tn, tn_ones(tn, TN_U8, TN_SHAPE(8, 1, 28, 28)), tn_zeros(tn, TN_I64, TN_SHAPE(8)));
    tn_loader *loader = tn_loader_open(data, &(tn_loader_options){.batch_size = BATCH});
    tn_optimizer *optimizers[] = {tn_optim_adam(model, NULL), tn_optim_sgd(model, &(tn_sgd_options){.lr = 0.1})};
    tn_batch batch;
    tn_loader_next(loader, &batch); /* brings the dataset to the device */
    tn_reset_placements(tn);
    assert_true(tn_loader_next(loader, &batch));
    tn_tensor *logits = tn_nn_forward(model, batch.x);
    tn_argmax(logits, 1, false);
    tn_backward(tn_cross_entropy(logits, batch.y));
    for (int i = 0; i < 2; i++) tn_optim_step(optimizers[i]);
    assert_good(tn);
}

static void assert_has_shapes(const char *name)
{
    int n;
    const tn_op_status *ops = tn_ops(&n);
    for (int i = 0; i < n; i++)
        if (strcmp(ops[i].name, name) == 0 && !ops[i].shapes[0])
            fail_msg("the models use %s, which has no shapes", name);
}

static void what_models_use_has_shapes(void **state)
{
    static const char *const models[] = {"simplenet", "convnet"};
    int n_backends, n;
    const tn_backend_status *backends = tn_backends(&n_backends);
    (void)state;
    for (int i = 0; i < 2 * n_backends; i++) {
        if (backends[i / 2].refused) continue;
        tn_context *tn = tn_open(backends[i / 2].name);
        train_once(tn, models[i % 2]);
        const tn_placement *rows = tn_placements(tn, &n);
        assert_true(n > 5);
        for (int k = 0; k < n; k++) assert_has_shapes(rows[k].op);
        assert_int_equal(tn_close(tn), 0);
    }
}

/* ---- what a call does */

static uint64_t calls_of(tn_context *tn, const char *op)
{
    int n;
    uint64_t calls = 0;
    const tn_placement *rows = tn_placements(tn, &n);
    for (int i = 0; i < n; i++) calls += strcmp(rows[i].op, op) == 0 ? rows[i].calls : 0;
    return calls;
}

static void a_run_is_one_call_and_leaves_nothing(void **state)
{
    tn_context *tn = *state;
    tn_op_call *call = tn_op_call_open(tn, "linear", "x[3,4] w[5,4] b[5]", NULL);
    assert_int_equal(tn_op_call_run(call), TN_OK);
    uint64_t live = tn_memory_stats(tn, "reference").live;
    tn_reset_placements(tn);
    for (int i = 0; i < 10; i++) assert_int_equal(tn_op_call_run(call), TN_OK);
    assert_int_equal(calls_of(tn, "linear"), 10);
    assert_int_equal(tn_memory_stats(tn, "reference").live, live);
}

/* ---- inputs as they are asked for */

static tn_tensor *input(tn_context *tn, const char *sample, const tn_op_call_options *how)
{
    int n;
    tn_op_call *call = tn_op_call_open(tn, "copy", sample, how);
    assert_good(tn);
    return tn_op_call_inputs(call, &n)[0].tensor;
}

static void layouts_are_what_they_are_called(void **state)
{
    static const int64_t strides[TN_OP_LAYOUTS][4] = {
        [TN_OP_LAYOUT_PREFERRED] = {60, 20, 5, 1}, [TN_OP_LAYOUT_ROW_MAJOR] = {60, 20, 5, 1},
        [TN_OP_LAYOUT_SHIFTED] = {60, 20, 5, 1},   [TN_OP_LAYOUT_TRANSPOSED] = {1, 3, 12, 60},
        [TN_OP_LAYOUT_SLICED] = {120, 40, 10, 2},  [TN_OP_LAYOUT_CHANNELS_LAST] = {60, 1, 15, 3},
        [TN_OP_LAYOUT_EXPANDED] = {0, 20, 5, 1}};
    for (int layout = 0; layout < TN_OP_LAYOUTS; layout++) {
        tn_tensor *x = input(*state, "x[2,3,4,5]", &(tn_op_call_options){.layout = (tn_op_layout)layout});
        for (int d = 0; d < 4; d++)
            if (tn_strides(x)[d] != strides[layout][d]) fail_msg("%s", tn_op_layout_name((tn_op_layout)layout));
    }
    assert_string_equal(tn_op_layout_name(TN_OP_LAYOUTS), "unknown layout");
}

/* What no element lies in would be sent to the device as it is found. */
static void an_expanded_input_has_memory_for_what_differs_alone(void **state)
{
    tn_context *tn = *state;
    uint64_t live = tn_memory_stats(tn, "reference").live;
    input(tn, "x[1000,100]", &(tn_op_call_options){.layout = TN_OP_LAYOUT_EXPANDED});
    assert_in_range(tn_memory_stats(tn, "reference").live - live, 100 * sizeof(float), 4096);
}

/* The elements are the same in all layouts and in f32 and f64; repeated ones in all but the first row. */
static void values_depend_on_the_seed_alone(void **state)
{
    enum { N = 24 };
    double plain[N], found[N];
    assert_int_equal(tn_read_f64(input(*state, "x[2,3,4]", NULL), plain, N), TN_OK);
    for (int layout = 0; layout < TN_OP_LAYOUTS; layout++)
        for (tn_dtype dtype = TN_F32; dtype <= TN_F64; dtype++) {
            int same = layout == TN_OP_LAYOUT_EXPANDED ? N / 2 : N;
            tn_op_call_options how = {.dtype = dtype, .layout = (tn_op_layout)layout};
            tn_read_f64(input(*state, "x[2,3,4]", &how), found, N);
            for (int k = 0; k < N; k++) assert_true(found[k] == plain[k % same]);
        }
    tn_read_f64(input(*state, "x[2,3,4]", &(tn_op_call_options){.repeated = true}), found, N);
    for (int k = 0; k < N; k++) assert_true(found[k] == plain[k % (N / 2)]);
    tn_read_f64(input(*state, "x[2,3,4]", &(tn_op_call_options){.seed = 2}), found, N);
    for (int k = 0; k < N; k++) assert_true(found[k] != plain[k]);
}

static int count_not_finite(tn_context *tn, const char *op, const char *sample, int i)
{
    int n, count = 0;
    double values[256];
    tn_op_call *call = tn_op_call_open(tn, op, sample, &(tn_op_call_options){.not_finite = true});
    assert_good(tn);
    tn_tensor *x = tn_op_call_inputs(call, &n)[i].tensor;
    assert_true(i < n && tn_numel(x) <= 256);
    assert_int_equal(tn_read_f64(x, values, tn_numel(x)), TN_OK);
    for (int k = 0; k < tn_numel(x); k++) count += !isfinite(values[k]);
    return count;
}

static void infinities_are_where_their_meaning_is_known(void **state)
{
    assert_true(count_not_finite(*state, "exp", "x[200]", 0) > 10);
    assert_true(count_not_finite(*state, "matmul", "x[10,10] y[10,10]", 1) > 5);
    assert_true(count_not_finite(*state, "conv2d", "x[1,2,8,8] w[2,2,3,3]", 0) > 5);
    assert_int_equal(count_not_finite(*state, "conv2d", "x[1,2,8,8] w[2,2,3,3]; padding=1,1", 0), 0);
    assert_true(count_not_finite(*state, "max_pool2d", "x[1,2,8,8]; kernel=3,3 padding=1,1", 0) > 5);
    static const char sparse[] = "dy[1,6,3,3] index:u8[1,6,3,3]{0,4} w[6,3,3,3]; size=8,8 pool_kernel=2,2 "
                                 "pool_stride=2,2";
    assert_true(count_not_finite(*state, "conv2d_max_pool2d_grad_input", sparse, 0) > 2);
    assert_int_equal(count_not_finite(*state, "conv2d_max_pool2d_grad_input", sparse, 2), 0);
}

/* ---- results */

static void results_are_outputs_and_what_was_updated(void **state)
{
    tn_context *tn = *state;
    int n;
    double before[3], after[3];
    tn_op_call *call = tn_op_call_open(
        tn, "batch_norm2d", "x[4,3,5,5] running_mean[3] running_var[3]{1,2}; training=1 momentum=0.1 eps=1e-5", NULL);
    const tn_op_operand *in = tn_op_call_inputs(call, &n);
    assert_int_equal(n, 5);
    assert_string_equal(in[3].name, "running_mean");
    assert_null(in[1].tensor);
    assert_true(((const tn_batch_norm2d_attrs *)tn_op_call_attrs(call))->momentum == 0.1);
    tn_read_f64(in[3].tensor, before, 3);
    const tn_op_operand *out = tn_op_call_results(call, &n);
    static const char *const names[] = {"y", "mean", "rstd", "running_mean", "running_var"};
    assert_int_equal(n, 5);
    for (int i = 0; i < n; i++) assert_string_equal(out[i].name, names[i]);
    assert_ptr_equal(out[3].tensor, in[3].tensor);
    tn_read_f64(out[3].tensor, after, 3);
    for (int i = 0; i < 3; i++) assert_true(before[i] != after[i]);
    tn_raise(tn, TN_IO, "first");
    assert_null(tn_op_call_results(call, &n));
    assert_int_equal(n, 0);
    tn_clear(tn);
}

static void a_closed_call_is_gone(void **state)
{
    tn_context *tn = *state;
    uint64_t live = tn_memory_stats(tn, "reference").live;
    tn_op_call *first = tn_op_call_open(tn, "exp", "x[1000]", NULL), *second = tn_op_call_open(tn, "exp", "x[9]", NULL);
    tn_op_call_close(first);
    assert_int_equal(tn_op_call_run(second), TN_OK);
    tn_op_call_close(second);
    tn_op_call_close(NULL);
    assert_int_equal(tn_memory_stats(tn, "reference").live, live);
}

static void elements_are_read_as_doubles(void **state)
{
    tn_context *tn = *state;
    double values[3];
    for (tn_dtype dtype = TN_F32; dtype <= TN_U8; dtype++) {
        assert_int_equal(tn_read_f64(tn_arange(tn, dtype, 3, 6, 1), values, 3), TN_OK);
        for (int k = 0; k < 3; k++) assert_true(values[k] == 3 + k);
    }
    tn_read_f64(tn_zeros(tn, TN_F32, TN_SHAPE(2, 2)), values, 3);
    assert_refused(tn, TN_INVALID, "shape [2, 2], but there is room for 3 elements");
}

/* ---- what is refused */

static void assert_not_opened(tn_context *tn, tn_status status, const char *op, const char *sample, const char *phrase)
{
    uint64_t live = tn_memory_stats(tn, "reference").live;
    assert_null(tn_op_call_open(tn, op, sample, NULL));
    assert_refused(tn, status, phrase);
    assert_int_equal(tn_memory_stats(tn, "reference").live, live);
}

static void what_does_not_fit_is_refused(void **state)
{
    tn_context *tn = *state;
    assert_not_opened(tn, TN_NOT_FOUND, "matmull", "x[2,3] y[3,4]", "there is no operator \"matmull\"");
    assert_not_opened(tn, TN_NOT_FOUND, NULL, "x[2,3] y[3,4]", "there is no operator");
    assert_not_opened(tn, TN_INVALID, "matmul", NULL, "matmul: the sample is NULL");
    assert_not_opened(tn, TN_INVALID, "matmul", "", "missing at \"x\"");
    assert_not_opened(tn, TN_INVALID, "matmul", "x[2,3] y[3,4", "expected a whole number or N at \"\"");
    assert_not_opened(tn, TN_INVALID, "matmul", "x[2,3] y[3,K]", "at \"K]\"");
    assert_not_opened(tn, TN_INVALID, "matmul", "x[2,3] z[3,4]", "no such input at \"z[3,4]\"");
    assert_not_opened(tn, TN_INVALID, "matmul", "x[2,3] y:f16[3,4]", "no such dtype at \"f16[3,4]\"");
    assert_not_opened(tn, TN_INVALID, "matmul", "x[2,3] y[3,4]{1}", "expected {a,b} at \"{1}\"");
    assert_not_opened(tn, TN_INVALID, "matmul", "x[2,3] y[4,5]", "matmul: ");
    assert_not_opened(tn, TN_INVALID, "matmul", "x[2,-3] y[-3,5]", "negative");
    assert_not_opened(tn, TN_OUT_OF_MEMORY, "matmul", "x[9000000000,9000000000] y[3,5]", "too many elements");
    assert_not_opened(tn, TN_INVALID, "softmax", "x[2,3]; dims=1", "no such attribute at \"dims=1\"");
    assert_not_opened(tn, TN_INVALID, "softmax", "x[2,3]; dim=one", "expected a whole number or N at \"one\"");
    assert_null(tn_op_call_open(tn, "exp", "x[N]", &(tn_op_call_options){.batch = -1}));
    assert_refused(tn, TN_INVALID, "exp: a batch of -1");
    assert_null(tn_op_call_open(tn, "exp", "x[N]", &(tn_op_call_options){.dtype = TN_F16}));
    assert_refused(tn, TN_INVALID, "cannot be drawn in f16");
    assert_null(tn_op_call_open(tn, "exp", "x[N]", &(tn_op_call_options){.dtype = TN_I64}));
    assert_refused(tn, TN_INVALID, "i64");
    assert_null(tn_op_call_open(tn, "exp", "x[N]", &(tn_op_call_options){.layout = TN_OP_LAYOUTS}));
    assert_refused(tn, TN_INVALID, "there is no layout");
    assert_int_equal(tn_op_call_run(NULL), TN_INVALID);
    assert_good(tn);
}

static void a_pending_error_stays(void **state)
{
    tn_context *tn = *state;
    tn_op_call *call = tn_op_call_open(tn, "exp", "x[N]", NULL);
    tn_raise(tn, TN_IO, "first");
    assert_int_equal(tn_op_call_run(call), TN_IO);
    assert_null(tn_op_call_open(tn, "exp", "x[N]", NULL));
    assert_refused(tn, TN_IO, "first");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_runs_on_every_backend),
        TEST(every_sample_runs),
        cmocka_unit_test(what_models_use_has_shapes),
        TEST(a_run_is_one_call_and_leaves_nothing),
        TEST(layouts_are_what_they_are_called),
        TEST(an_expanded_input_has_memory_for_what_differs_alone),
        TEST(values_depend_on_the_seed_alone),
        TEST(infinities_are_where_their_meaning_is_known),
        TEST(results_are_outputs_and_what_was_updated),
        TEST(a_closed_call_is_gone),
        TEST(elements_are_read_as_doubles),
        TEST(what_does_not_fit_is_refused),
        TEST(a_pending_error_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
