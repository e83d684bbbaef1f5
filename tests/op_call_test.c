/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators by name on drawn inputs: every shape runs on every backend, models use no operator without shapes, and what
 * does not fit is refused. */
#include <stdlib.h>

#include "check.h"

enum { BATCH = 3 };

/* ---- every shape, on every backend */

/* Twice: the second run finds a plan. */
static void run_shape(tn_context *tn, const tn_op_status *op, const char *shape, tn_dtype dtype)
{
    tn_op_call *call = tn_op_call_open(tn, op->name, shape, BATCH, dtype);
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
    tn_op_call *call = tn_op_call_open(tn, "linear", "x[N,4] w[5,4] b[5]", BATCH, TN_F32);
    assert_int_equal(tn_op_call_run(call), TN_OK);
    uint64_t live = tn_memory_stats(tn, "reference").live;
    tn_reset_placements(tn);
    for (int i = 0; i < 10; i++) assert_int_equal(tn_op_call_run(call), TN_OK);
    assert_int_equal(calls_of(tn, "linear"), 10);
    assert_int_equal(tn_memory_stats(tn, "reference").live, live);
}

/* ---- what is refused */

static void assert_not_opened(tn_context *tn, tn_status status, const char *op, const char *sample, const char *phrase)
{
    uint64_t live = tn_memory_stats(tn, "reference").live;
    assert_null(tn_op_call_open(tn, op, sample, BATCH, TN_F32));
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
    assert_null(tn_op_call_open(tn, "exp", "x[N]", 0, TN_F32));
    assert_refused(tn, TN_INVALID, "exp: a batch of 0");
    assert_null(tn_op_call_open(tn, "exp", "x[N]", 1, TN_I64));
    assert_refused(tn, TN_INVALID, "not in i64");
    assert_int_equal(tn_op_call_run(NULL), TN_INVALID);
    assert_good(tn);
}

static void a_pending_error_stays(void **state)
{
    tn_context *tn = *state;
    tn_op_call *call = tn_op_call_open(tn, "exp", "x[N]", 1, TN_F32);
    tn_raise(tn, TN_IO, "first");
    assert_int_equal(tn_op_call_run(call), TN_IO);
    assert_null(tn_op_call_open(tn, "exp", "x[N]", 1, TN_F32));
    assert_refused(tn, TN_IO, "first");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_runs_on_every_backend),
        TEST(every_sample_runs),
        cmocka_unit_test(what_models_use_has_shapes),
        TEST(a_run_is_one_call_and_leaves_nothing),
        TEST(what_does_not_fit_is_refused),
        TEST(a_pending_error_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
