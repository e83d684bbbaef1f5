/* SPDX-License-Identifier: Apache-2.0
 *
 * Every operator of the catalogue keeps every promise, on its own samples and on every backend that is here. One test
 * for each operator and promise, so that a failure names both; then tests of the checks themselves. */
#include "op_run.h"

#include "engine/autograd.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *name;
    op_check_fn check;
    bool on_backends; /* runs once for each backend beside the reference */
} promises[] = {
    {"has samples", check_samples, false},
    {"f32 like f64", check_precision, false},
    {"integers", check_integers, false},
    {"strides", check_strides, false},
    {"NaN and infinities", check_not_finite, false},
    {"gradient", check_gradient, false},
    {"second derivative", check_second_derivative, false},
    {"decomposition", check_decomposition, false},
    {"in a program", check_program, false},
    {"as the reference does", check_backend, true},
    {"in a program", check_program, true},
    {"NaN and infinities", check_not_finite, true},
};
enum { N_PROMISES = sizeof promises / sizeof *promises, MOST_BACKENDS = 4, MOST_TESTS = 4000 };

static tn_context *reference, *others[MOST_BACKENDS];
static const char *other_names[MOST_BACKENDS];
static int n_others;

typedef struct job {
    op_subject subject;
    op_check_fn check;
    const char *backend;
    char name[120];
} job;

static job *jobs;
static struct CMUnitTest *tests;
static size_t n_tests;

static void run_job(void **state)
{
    const job *j = *state;
    op_report report = {.why = ""};
    bool ok = j->check(&j->subject, &report);
    if (!ok) fail_msg("%s", report.why);
    if (j->backend && report.refused)
        printf("             %s refused %d of %d runs\n", j->backend, report.refused, report.ran + report.refused);
}

static void add_job(const tn_op *op, int promise, int other)
{
    job *j = &jobs[n_tests];
    *j = (job){.check = promises[promise].check,
               .subject = {op, tn__apply_all, reference, other < 0 ? NULL : others[other]},
               .backend = other < 0 ? NULL : other_names[other]};
    snprintf(j->name, sizeof j->name, "%s: %s%s%s", op->name, other < 0 ? "" : other_names[other],
             other < 0 ? "" : ": ", promises[promise].name);
    tests[n_tests++] = (struct CMUnitTest){j->name, run_job, NULL, NULL, j};
}

static void add_jobs(const tn_op *op)
{
    for (int promise = 0; promise < N_PROMISES; promise++) {
        if (!promises[promise].on_backends) add_job(op, promise, -1);
        for (int other = 0; promises[promise].on_backends && other < n_others; other++) add_job(op, promise, other);
    }
}

/* ---- do the checks notice anything? Each breaks one operator in one way. */

static bool wrong_value_in_f32(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in,
                               tn_tensor **out)
{
    bool ok = tn__apply_all(tn, op, attrs, n_in, in, out);
    if (ok && tn_dtype_of(out[0]) == TN_F32) out[0] = tn_mul_scalar(out[0], 1.001);
    return ok;
}

static bool wrong_integers(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in,
                           tn_tensor **out)
{
    bool ok = tn__apply_all(tn, op, attrs, n_in, in, out);
    if (ok && tn_dtype_of(out[0]) == TN_I64) out[0] = tn_add_scalar(out[0], 1);
    return ok;
}

static bool wrong_on_views(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in,
                           tn_tensor **out)
{
    bool ok = tn__apply_all(tn, op, attrs, n_in, in, out);
    if (ok && !tn_is_contiguous(in[0])) out[0] = tn_neg(out[0]);
    return ok;
}

/* x * x with one x held constant: the value is right, the gradient half. */
static bool wrong_gradient(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in,
                           tn_tensor **out)
{
    (void)op, (void)attrs, (void)n_in;
    out[0] = tn_mul(in[0], tn_detach(in[0]));
    return tn_check(tn) == TN_OK;
}

/* sin(x) whose second derivative is lost: its gradient is right, but dy * cos(x) with x detached. */
static void constant_slope(tn_grad *g)
{
    tn_send_grad(g, 0, tn_mul(g->dy, tn_detach(tn_cos(g->in[0]))));
}

static bool wrong_second_derivative(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in,
                                    tn_tensor **out)
{
    static const tn_op flat = {.name = "sin", .grad = constant_slope};
    bool recording = tn_set_grad_enabled(tn, false);
    bool ok = tn__apply_all(tn, op, attrs, n_in, in, out);
    tn_set_grad_enabled(tn, recording);
    return ok && tn__record(tn, &flat, NULL, 0, n_in, in, 1, out);
}

static bool nan_becomes_zero(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in,
                             tn_tensor **out)
{
    bool ok = tn__apply_all(tn, op, attrs, n_in, in, out);
    if (ok && tn_dtype_of(out[0]) == TN_F32) out[0] = tn_where(tn_eq(out[0], out[0]), out[0], tn_zeros_like(out[0]));
    return ok;
}

/* Other constants in each call, which a replay does not know. */
static bool wrong_when_called_again(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in,
                                    tn_tensor **out)
{
    static int calls;
    bool ok = tn__apply_all(tn, op, attrs, n_in, in, out);
    if (ok) out[0] = tn_mul_scalar(out[0], 1 + calls++ % 7);
    return ok;
}

static tn_context *broken_backend;

static bool wrong_on_one_backend(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in,
                                 tn_tensor **out)
{
    bool ok = tn__apply_all(tn, op, attrs, n_in, in, out);
    if (ok && tn == broken_backend && tn_dtype_of(out[0]) == TN_F32) out[0] = tn_mul_scalar(out[0], 1.0001);
    return ok;
}

static void check_notices_a_wrong_backend(void **state)
{
    (void)state;
    broken_backend = tn_open("reference");
    op_subject broken = {&tn__op_matmul, wrong_on_one_backend, reference, broken_backend};
    op_subject sound = {&tn__op_matmul, tn__apply_all, reference, broken_backend};
    op_report report = {.why = ""};
    assert_false(check_backend(&broken, &report));
    assert_non_null(strstr(report.why, "expected"));
    assert_true(check_backend(&sound, &report));
    tn_close(broken_backend);
}

static void assert_noticed(const tn_op *op, op_apply_fn apply, op_check_fn check, const char *word)
{
    op_subject broken = {op, apply, reference, NULL}, sound = {op, tn__apply_all, reference, NULL};
    op_report report = {.why = ""};
    assert_false(check(&broken, &report));
    assert_non_null(strstr(report.why, word));
    if (!check(&sound, &report)) fail_msg("%s", report.why);
}

static void checks_notice_what_is_wrong(void **state)
{
    (void)state;
    assert_noticed(&tn__op_exp, wrong_value_in_f32, check_precision, "f32 is far from f64");
    assert_noticed(&tn__op_add, wrong_integers, check_integers, "integers differ");
    assert_noticed(&tn__op_exp, wrong_on_views, check_strides, "transposed");
    assert_noticed(&tn__op_square, wrong_gradient, check_gradient, "wrong gradient");
    assert_noticed(&tn__op_sin, wrong_second_derivative, check_second_derivative, "wrong second derivative");
    assert_noticed(&tn__op_exp, nan_becomes_zero, check_not_finite, "NaN");
    op_report report = {.why = ""};
    assert_false(check_program(&(op_subject){&tn__op_exp, wrong_when_called_again, reference, NULL}, &report));
    assert_non_null(strstr(report.why, "as a program"));
}

/* For a copy of an operator, which the catalogue does not know. */
static bool original(tn_context *tn, const tn_op *op, const void *attrs, int n_in, tn_tensor *const *in,
                     tn_tensor **out)
{
    return tn__apply_all(tn, tn__catalogue[tn__op_index(op->name)], attrs, n_in, in, out);
}

static void check_notices_missing_samples(void **state)
{
    (void)state;
    static const char *const none[] = {NULL}, *const full[] = {"x[2,3]", NULL}, *const wrong[] = {"z[2]", NULL};
    static const char *const *const lists[] = {NULL, none, full, wrong};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        tn_op op = tn__op_exp;
        op.samples = lists[i];
        op_subject subject = {&op, original, reference, NULL};
        op_report report = {.why = ""};
        assert_false(check_samples(&subject, &report));
    }
}

static void assert_shapes_refused(const tn_op *sound, const char *shape, const char *word)
{
    tn_op op = *sound;
    const char *const shapes[] = {sound->samples[0], shape, NULL};
    op.shapes = shapes;
    op_report report = {.why = ""};
    assert_false(check_samples(&(op_subject){&op, original, reference, NULL}, &report));
    if (!strstr(report.why, word)) fail_msg("\"%s\" does not say \"%s\"", report.why, word);
}

static void check_notices_broken_shapes(void **state)
{
    (void)state;
    assert_shapes_refused(&tn__op_exp, "x[N,", "expected a whole number or N");
    assert_shapes_refused(&tn__op_exp, "x[M]", "expected a whole number or N");
    assert_shapes_refused(&tn__op_exp, "x[N]'", "nothing to transpose");
    assert_shapes_refused(&tn__op_matmul, "x[N,3] y[4,N]", "does not run");
}

/* N stands for a batch of two, and a ' for the order in memory only. */
static void shapes_are_read_as_written(void **state)
{
    (void)state;
    tn_sample s;
    char why[TN_SAMPLE_WHY];
    assert_true(tn__sample_parse(&tn__op_matmul, "x[7,N]'{0,1} y[N,3]", OP_BATCH, &s, why));
    assert_int_equal(s.in[0].dims[1], OP_BATCH);
    assert_true(s.in[0].transposed && !s.in[0].batched && s.in[1].batched && s.in[0].high == 1);
    assert_true(tn__sample_parse(&tn__op_one_hot, "index[3]; classes=N", OP_BATCH, &s, why));
    assert_int_equal(((const tn_one_hot_attrs *)tn__sample_attrs_of(&s))->classes, OP_BATCH);
    assert_false(tn__sample_parse(&tn__op_matmul, "x[7,N] y[N,3]", 0, &s, why));
    assert_non_null(strstr(why, "no batch size"));
}

/* ---- shapes are for measuring: what a step updates may neither run away nor shrink to where arithmetic is slow */

static void assert_ordinary(const tn_sample *s, int i, tn_tensor *x)
{
    double *values = sample_read(x);
    assert_non_null(values);
    for (int64_t k = 0; k < tn_numel(x); k++)
        if (!(fabs(values[k]) > 1e-9 && fabs(values[k]) < 1e9))
            fail_msg("%s, \"%s\": %s becomes %g", s->op->name, s->text, s->in[i].arg->name, values[k]);
    free(values);
}

static void repeat(const tn_op *op, const char *shape)
{
    tn_sample s;
    char why[TN_SAMPLE_WHY];
    tn_tensor *in[TN_SAMPLE_INPUTS], *out[TN_MAX_OUT];
    assert_true(tn__sample_parse(op, shape, OP_BATCH, &s, why));
    for (int i = 0; i < s.n_in; i++) /* a corner of each parameter is enough */
        for (int d = 0; d < s.in[i].rank; d++) s.in[i].dims[d] = s.in[i].dims[d] < 2 ? s.in[i].dims[d] : 2;
    op_values values = op_values_draw(&s, TN_F32, 1);
    tn_mark mark = tn_begin(reference);
    op_inputs(reference, &s, TN_F32, &values, TN_OP_LAYOUT_ROW_MAJOR, in);
    for (int k = 0; k < 20000; k++) tn__apply_all(reference, op, tn__sample_attrs_of(&s), s.n_in, in, out);
    for (int i = 0; i < s.n_in; i++)
        if (in[i] && s.in[i].arg->in_place) assert_ordinary(&s, i, in[i]);
    tn_end(reference, mark, NULL);
    op_values_free(&values);
}

static void shapes_can_be_repeated_for_ever(void **state)
{
    (void)state;
    for (int i = 0; tn__catalogue[i]; i++)
        for (const char *const *shape = tn__catalogue[i]->shapes; shape && *shape; shape++)
            if (strchr(tn__op_schema(tn__catalogue[i])->text, '!')) repeat(tn__catalogue[i], *shape);
}

/* ---- */

static void open_contexts(void)
{
    int n = 0;
    reference = tn_open("reference");
    const tn_backend_status *backends = tn_backends(&n);
    for (int i = 0; i < n && n_others < MOST_BACKENDS; i++) {
        if (backends[i].refused || backends[i].n_devices == 0 || strcmp(backends[i].name, "reference") == 0) continue;
        other_names[n_others] = backends[i].name;
        others[n_others++] = tn_open(backends[i].name);
    }
}

int main(int argc, char **argv)
{
    setenv("TENON_FALLBACK", "error", 1); /* a backend is compared only where it does the work itself */
    open_contexts();
    jobs = calloc(MOST_TESTS, sizeof *jobs);
    tests = calloc(MOST_TESTS, sizeof *tests);
    if (!jobs || !tests) return 1;
    for (int i = 0; tn__catalogue[i]; i++) add_jobs(tn__catalogue[i]);
    tests[n_tests++] = (struct CMUnitTest)cmocka_unit_test(checks_notice_what_is_wrong);
    tests[n_tests++] = (struct CMUnitTest)cmocka_unit_test(check_notices_missing_samples);
    tests[n_tests++] = (struct CMUnitTest)cmocka_unit_test(check_notices_broken_shapes);
    tests[n_tests++] = (struct CMUnitTest)cmocka_unit_test(shapes_are_read_as_written);
    tests[n_tests++] = (struct CMUnitTest)cmocka_unit_test(shapes_can_be_repeated_for_ever);
    tests[n_tests++] = (struct CMUnitTest)cmocka_unit_test(check_notices_a_wrong_backend);
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    int failed = _cmocka_run_group_tests("operators", tests, n_tests, NULL, NULL);
    for (int i = 0; i < n_others; i++) tn_close(others[i]);
    int unclean = tn_close(reference);
    free(jobs);
    free(tests);
    return failed || unclean;
}
