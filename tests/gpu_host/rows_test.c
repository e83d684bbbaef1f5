/* SPDX-License-Identifier: Apache-2.0
 *
 * Reductions, rows and optimizer steps on the GPU where their ways part, against the reference backend: results in
 * pieces, lists longer than a launch has room for, rows wider than a block, addresses off the grid that packs need. */
#include "alike.h"

static tn_tensor *waves(tn_context *tn, tn_dtype dtype, int rank, const int64_t *dims)
{
    return spread(tn, dtype, 8, 60, rank, dims);
}

static tn_tensor *indices(tn_context *tn, int64_t n, int64_t below)
{
    int64_t *values = malloc(sizeof *values * (size_t)n);
    assert_non_null(values);
    for (int64_t i = 0; i < n; i++) values[i] = (i * 7919 + 5) % below;
    tn_tensor *index = tn_from(tn, values, TN_I64, 1, &n);
    free(values);
    return index;
}

/* ---- reductions in pieces */

static tn_tensor *sum_of_all(tn_context *tn)
{
    return tn_sum(waves(tn, TN_F32, TN_SHAPE(40, 1000)), TN_ALL, false);
}

static tn_tensor *sum_of_integers(tn_context *tn)
{
    return tn_sum(waves(tn, TN_I32, TN_SHAPE(40, 1000)), TN_ALL, false);
}

static tn_tensor *mean_of_channels(tn_context *tn)
{
    tn_tensor *x = tn_permute(waves(tn, TN_F32, TN_SHAPE(6, 9, 7, 40)), 4, (const int64_t[]){0, 3, 1, 2});
    return tn_mean(x, TN_OVER(0, 2, 3), true);
}

static tn_tensor *mean_of_planes(tn_context *tn)
{
    return tn_mean(waves(tn, TN_F64, TN_SHAPE(6, 5, 33, 41)), TN_OVER(0, 2, 3), false);
}

static tn_tensor *least_of_columns(tn_context *tn)
{
    return tn_min(waves(tn, TN_I64, TN_SHAPE(700, 65)), TN_OVER(0), false);
}

static tn_tensor *largest_of_bytes(tn_context *tn)
{
    return tn_max(waves(tn, TN_U8, TN_SHAPE(20000)), TN_ALL, false);
}

static tn_tensor *sum_of_transposed(tn_context *tn)
{
    return tn_sum(tn_transpose(waves(tn, TN_F32, TN_SHAPE(50, 3000)), 0, 1), TN_OVER(0), false);
}

static tn_tensor *place_of_largest(tn_context *tn)
{
    return tn_argmax(waves(tn, TN_F32, TN_SHAPE(2, 20000)), 1, false);
}

static tn_tensor *place_of_nan(tn_context *tn)
{
    tn_tensor *x = waves(tn, TN_F32, TN_SHAPE(20000));
    tn_fill_(tn_narrow(x, 0, 13000, 1), NAN);
    tn_fill_(tn_narrow(x, 0, 17000, 1), NAN);
    tn_fill_(tn_narrow(x, 0, 12000, 1), INFINITY);
    return tn_argmax(x, 0, true);
}

static tn_tensor *place_in_columns(tn_context *tn)
{
    return tn_argmax(waves(tn, TN_I32, TN_SHAPE(1000, 33)), 0, false);
}

static tn_tensor *sums_beside_a_gradient(tn_context *tn)
{
    return results_of(tn, "relu_grad_sum", "dy[3000,33] y[3000,33]", TN_F32);
}

static tn_tensor *sums_of_transposed_rows(tn_context *tn)
{
    return results_of(tn, "relu_grad_sum", "dy[2800,9]' y[2800,9]", TN_F64);
}

static void reductions_in_pieces(void **state)
{
    static const make_fn cases[] = {sum_of_all,        sum_of_integers,        mean_of_channels,
                                    mean_of_planes,    least_of_columns,       largest_of_bytes,
                                    sum_of_transposed, place_of_largest,       place_of_nan,
                                    place_in_columns,  sums_beside_a_gradient, sums_of_transposed_rows};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_alike(cases[i], 1e-6);
}

/* ---- losses of many blocks */

static tn_tensor *cross_entropy(tn_context *tn)
{
    return tn_cross_entropy(waves(tn, TN_F32, TN_SHAPE(900, 10)), indices(tn, 900, 10));
}

static tn_tensor *nll(tn_context *tn)
{
    return tn_nll_loss(tn_log_softmax(waves(tn, TN_F64, TN_SHAPE(3000, 3)), 1), indices(tn, 3000, 3));
}

static tn_tensor *softmax_of_long_rows(tn_context *tn)
{
    return tn_softmax(waves(tn, TN_F32, TN_SHAPE(3, 5000)), 1);
}

static void classes_of_many_rows_and_rows_of_many_classes(void **state)
{
    static const make_fn cases[] = {cross_entropy, nll, softmax_of_long_rows};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_alike(cases[i], 1e-6);
}

/* ---- rows */

static tn_tensor *images(tn_context *tn)
{
    return tn_gather_scale(waves(tn, TN_U8, TN_SHAPE(70, 1, 28, 28)), indices(tn, 64, 70), 1 / 255., -0.5);
}

/* The table begins one byte behind what packs need. */
static tn_tensor *images_off_the_grid(tn_context *tn)
{
    tn_tensor *bytes = tn_narrow(waves(tn, TN_U8, TN_SHAPE(1 + 20 * 36)), 0, 1, 20 * 36);
    return tn_gather_scale(tn_reshape(bytes, 2, (const int64_t[]){20, 36}), indices(tn, 9, 20), 2, 0);
}

static tn_tensor *rows_off_the_grid(tn_context *tn)
{
    tn_tensor *x = tn_narrow(waves(tn, TN_F32, TN_SHAPE(1 + 20 * 12)), 0, 1, 20 * 12);
    return tn_index_select(tn_reshape(x, 2, (const int64_t[]){20, 12}), indices(tn, 50, 20));
}

static tn_tensor *rows_of_packs(tn_context *tn)
{
    return tn_index_select(waves(tn, TN_I64, TN_SHAPE(20, 12)), indices(tn, 50, 20));
}

/* The gradient of an embedding, which is index_add: of rows wider than a block, and of more rows than blocks. */
static tn_tensor *embedding_gradient(tn_context *tn, int64_t rows, int64_t width, int64_t n)
{
    tn_tensor *w = tn_requires_grad(waves(tn, TN_F32, TN_SHAPE(rows, width)), true);
    tn_backward(tn_sum(tn_square(tn_embedding(indices(tn, n, rows), w)), TN_ALL, false));
    return tn_grad_of(w);
}

static tn_tensor *wide_rows(tn_context *tn)
{
    return embedding_gradient(tn, 7, 600, 300);
}

static tn_tensor *many_rows(tn_context *tn)
{
    return embedding_gradient(tn, 1000, 3, 700);
}

static void rows_wide_many_and_off_the_grid(void **state)
{
    static const make_fn cases[] = {images,        images_off_the_grid, rows_off_the_grid,
                                    rows_of_packs, wide_rows,           many_rows};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_alike(cases[i], 1e-6);
}

/* ---- lists */

enum { MANY = 170 };

static tn_tensor *long_cat(tn_context *tn)
{
    tn_tensor *xs[MANY];
    for (int i = 0; i < MANY; i++) xs[i] = waves(tn, TN_F32, TN_SHAPE(3, i % 5));
    return tn_cat(MANY, xs, 1);
}

/* All values of a list, one after the other. */
static tn_tensor *joined(tn_tensor *const *xs)
{
    tn_tensor *flat[MANY];
    for (int i = 0; i < MANY; i++) flat[i] = tn_reshape(tn_contiguous(xs[i]), 1, (const int64_t[]){tn_numel(xs[i])});
    return tn_cat(MANY, flat, 0);
}

/* Of every three parameters, one is transposed, and so its tensors disagree; one begins off the grid of packs. */
static tn_tensor *parameter(tn_context *tn, int i, double scale)
{
    const int64_t rows = 1 + i % 7, columns = 1 + i * 5 % 11;
    if (i % 3 == 1) return tn_transpose(tn_mul_scalar(waves(tn, TN_F32, TN_SHAPE(columns, rows)), scale), 0, 1);
    tn_tensor *x = tn_mul_scalar(waves(tn, TN_F32, TN_SHAPE(rows * columns + 1)), scale);
    return tn_reshape(tn_narrow(x, 0, i % 3 / 2, rows * columns), 2, (const int64_t[]){rows, columns});
}

static tn_tensor *gradient(tn_context *tn, int i)
{
    return waves(tn, TN_F32, TN_SHAPE(1 + i % 7, 1 + i * 5 % 11));
}

static tn_tensor *adam(tn_context *tn)
{
    static const tn_adam_step_attrs how = {sizeof how, 0.9, 0.999, 1e-8, 0.01, 0};
    tn_tensor *p[MANY], *g[MANY], *m[MANY], *v[MANY];
    for (int i = 0; i < MANY; i++) {
        p[i] = parameter(tn, i, 0.1);
        g[i] = gradient(tn, i);
        m[i] = parameter(tn, i, 0.01);
        v[i] = tn_square(parameter(tn, i, 0.1));
    }
    tn_adam_step_(MANY, p, g, m, v, tn_full(tn, TN_F64, 0.01, TN_SCALAR), tn_full(tn, TN_I64, 3, TN_SCALAR), &how);
    return tn_cat(3, (tn_tensor *const[]){joined(p), joined(m), joined(v)}, 0);
}

static tn_tensor *sgd(tn_context *tn)
{
    static const tn_sgd_step_attrs how = {sizeof how, 0.9, 0.01, 1};
    tn_tensor *p[MANY], *g[MANY], *v[MANY];
    for (int i = 0; i < MANY; i++) {
        p[i] = parameter(tn, i, 0.1);
        g[i] = gradient(tn, i);
        v[i] = parameter(tn, i, 0.01);
    }
    tn_sgd_step_(MANY, p, g, v, tn_full(tn, TN_F64, 0.01, TN_SCALAR), &how);
    return tn_cat(2, (tn_tensor *const[]){joined(p), joined(v)}, 0);
}

/* A parameter that takes many blocks, each of which has several rounds of work. */
static tn_tensor *large_adam(tn_context *tn)
{
    static const tn_adam_step_attrs how = {sizeof how, 0.8, 0.99, 1e-6, 0.1, 1};
    enum { N = 200001 };
    tn_tensor *p = waves(tn, TN_F32, TN_SHAPE(N)), *m = tn_zeros(tn, TN_F32, TN_SHAPE(N));
    tn_tensor *g = waves(tn, TN_F32, TN_SHAPE(N)), *v = tn_zeros(tn, TN_F32, TN_SHAPE(N));
    tn_adam_step_(1, &p, &g, &m, &v, tn_full(tn, TN_F64, 0.1, TN_SCALAR), tn_full(tn, TN_I64, 1, TN_SCALAR), &how);
    return p;
}

static void lists_longer_than_a_launch_takes(void **state)
{
    static const make_fn cases[] = {long_cat, adam, sgd, large_adam};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_alike(cases[i], 1e-6);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reductions_in_pieces),
        cmocka_unit_test(classes_of_many_rows_and_rows_of_many_classes),
        cmocka_unit_test(rows_wide_many_and_off_the_grid),
        cmocka_unit_test(lists_longer_than_a_launch_takes),
    };
    backend = argc > 1 ? argv[1] : "gpu_host32";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
