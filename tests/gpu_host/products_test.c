/* SPDX-License-Identifier: Apache-2.0
 *
 * Products on the GPU where their ways part, against the reference backend: each size of tile, split sums, sides read
 * along and across, tiles that hang over the edge. */
#include "alike.h"

#include <stdio.h>

/* Which product, and the implementation that is expected of it. */
typedef struct product {
    const char *op, *implementation;
    tn_dtype dtype;
    int64_t m, n, k;       /* matmul, linear_grad_weight */
    int64_t in, size, out; /* convolutions of m images: channels, height and width, channels */
    int64_t stride;
    bool channels_last, transposed;
} product;

/* clang-format off */
static const product products[] = {
    {"matmul", "gpu:matmul:tile16",       TN_F32, .m = 40,  .n = 30,  .k = 900},
    {"matmul", "gpu:matmul:tile16:split", TN_F32, .m = 16,  .n = 16,  .k = 2000},
    {"matmul", "gpu:matmul:tile32",       TN_F32, .m = 130, .n = 140, .k = 70},
    {"matmul", "gpu:matmul:tile64",       TN_F32, .m = 300, .n = 290, .k = 40},
    {"matmul", "gpu:matmul:tile64",       TN_F32, .m = 300, .n = 290, .k = 40,  .transposed = true},
    {"matmul", "gpu:matmul:tile128",      TN_F32, .m = 200, .n = 200, .k = 20},
    {"matmul", "gpu:matmul:tile128",      TN_F32, .m = 251, .n = 510, .k = 17,  .transposed = true},
    {"matmul", "gpu:matmul:tile32:split", TN_F64, .m = 40,  .n = 30,  .k = 900},
    {"matmul", "gpu:matmul:tile64",       TN_F64, .m = 300, .n = 290, .k = 40},
    {"linear_grad_weight", "gpu:matmul_sums:tile16",       TN_F32, .m = 10,  .n = 128, .k = 64},
    {"linear_grad_weight", "gpu:matmul_sums:tile16:split", TN_F32, .m = 10,  .n = 16,  .k = 3000},
    {"linear_grad_weight", "gpu:matmul_sums:tile32",       TN_F32, .m = 130, .n = 139, .k = 70},
    {"linear_grad_weight", "gpu:matmul_sums:tile64",       TN_F32, .m = 128, .n = 784, .k = 64},
    {"linear_grad_weight", "gpu:matmul_sums:tile64",       TN_F32, .m = 131, .n = 389, .k = 50, .transposed = true},
    {"linear_grad_weight", "gpu:matmul_sums:tile32:split", TN_F64, .m = 40,  .n = 30,  .k = 900},
    {"conv2d", "gpu:implicit_gemm:tile32", TN_F32, .m = 4, .in = 4,  .size = 14, .out = 70, .stride = 1},
    {"conv2d", "gpu:implicit_gemm:tile64", TN_F32, .m = 2, .in = 8,  .size = 20, .out = 64, .stride = 1, .channels_last = true},
    {"conv2d", "gpu:implicit_gemm:tile64", TN_F32, .m = 2, .in = 8,  .size = 20, .out = 64, .stride = 1},
    {"conv2d_grad_weight", "gpu:implicit_gemm_weight:tile64", TN_F32, .m = 2, .in = 16, .size = 14, .out = 64, .stride = 1, .channels_last = true},
    {"conv2d_grad_weight", "gpu:implicit_gemm_weight:tile64:split", TN_F32, .m = 4, .in = 32, .size = 16, .out = 64, .stride = 1},
    {"conv2d_grad_weight", "gpu:implicit_gemm_weight:tile32:split", TN_F32, .m = 8, .in = 4, .size = 20, .out = 8, .stride = 1},
    {"conv2d_grad_input", "gpu:implicit_gemm:tile64", TN_F32, .m = 2, .in = 64, .size = 18, .out = 16, .stride = 1, .channels_last = true},
    {"conv2d_grad_input", "gpu:implicit_gemm_divided:tile32", TN_F32, .m = 2, .in = 64, .size = 17, .out = 8, .stride = 2},
    {"conv2d_grad_input", "gpu:implicit_gemm_divided:tile64", TN_F32, .m = 3, .in = 64, .size = 13, .out = 16, .stride = 2, .channels_last = true},
};
/* clang-format on */

static tn_tensor *waves(tn_context *tn, tn_dtype dtype, int rank, const int64_t *dims)
{
    return spread(tn, dtype, 504, 1, rank, dims);
}

static tn_tensor *image(tn_context *tn, const product *p, int64_t channels, int64_t size)
{
    if (!p->channels_last) return waves(tn, p->dtype, TN_SHAPE(p->m, channels, size, size));
    return tn_permute(waves(tn, p->dtype, TN_SHAPE(p->m, size, size, channels)), 4, (const int64_t[]){0, 3, 1, 2});
}

static tn_tensor *make_matmul(tn_context *tn, const product *p)
{
    if (!p->transposed)
        return tn_matmul(waves(tn, p->dtype, TN_SHAPE(p->m, p->k)), waves(tn, p->dtype, TN_SHAPE(p->k, p->n)));
    return tn_matmul(tn_transpose(waves(tn, p->dtype, TN_SHAPE(p->k, p->m)), 0, 1),
                     tn_transpose(waves(tn, p->dtype, TN_SHAPE(p->n, p->k)), 0, 1));
}

static tn_tensor *make_linear_grad(tn_context *tn, const product *p)
{
    char sample[100];
    const char *turned = p->transposed ? "'" : "";
    snprintf(sample, sizeof sample, "dy[%lld,%lld]%s x[%lld,%lld]%s", (long long)p->k, (long long)p->m, turned,
             (long long)p->k, (long long)p->n, turned);
    return results_of(tn, p->op, sample, p->dtype);
}

/* The result of the forward operator, or a gradient of its sum of squares. */
static tn_tensor *make(tn_context *tn, const product *p)
{
    if (strcmp(p->op, "linear_grad_weight") == 0) return make_linear_grad(tn, p);
    if (strcmp(p->op, "matmul") == 0) return make_matmul(tn, p);
    const tn_conv2d_attrs how = {
        .struct_size = sizeof how, .stride = {p->stride, p->stride}, .dilation = {1, 1}, .groups = 1};
    const bool of_input = strcmp(p->op, "conv2d_grad_input") == 0, of_weight = strcmp(p->op, "conv2d_grad_weight") == 0;
    tn_tensor *x = image(tn, p, p->in, p->size), *w = waves(tn, p->dtype, TN_SHAPE(p->out, p->in, 3, 3));
    if (of_input) tn_requires_grad(x, true);
    if (of_weight) tn_requires_grad(w, true);
    tn_tensor *y = tn_conv2d(x, w, NULL, &how);
    if (!of_input && !of_weight) return y;
    tn_backward(tn_sum(tn_square(y), TN_ALL, false));
    return tn_grad_of(of_input ? x : w);
}

static void assert_ran(tn_context *tn, const product *p)
{
    char seen[400] = "";
    int n;
    const tn_placement *all = tn_placements(tn, &n);
    for (int i = 0; i < n; i++) {
        if (strcmp(all[i].op, p->op) != 0) continue;
        if (strcmp(all[i].implementation, p->implementation) == 0) return;
        snprintf(seen, sizeof seen, "%s", all[i].implementation);
    }
    fail_msg("%s of %lld ran as \"%s\", not as %s", p->op, (long long)p->m, seen, p->implementation);
}

static double *product_on(const char *where, const product *p, int64_t *n)
{
    tn_context *tn = tn_open(where);
    tn_tensor *y = make(tn, p);
    assert_good(tn);
    *n = tn_numel(y);
    double *values = malloc(sizeof *values * (size_t)(*n + 1));
    assert_non_null(values);
    tn_read_f64(y, values, *n);
    assert_good(tn);
    if (where == backend) assert_ran(tn, p);
    tn_close(tn);
    return values;
}

static void every_tile_gives_what_the_reference_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        const product *p = &products[i];
        int64_t n, m;
        double *expected = product_on("reference", p, &n), *found = product_on(backend, p, &m), largest = 1;
        assert_int_equal(n, m);
        for (int64_t k = 0; k < n; k++) largest = fmax(largest, fabs(expected[k]));
        const double allowed = (p->dtype == TN_F64 ? 1e-13 : 2e-5) * largest;
        for (int64_t k = 0; k < n; k++)
            if (!(fabs(expected[k] - found[k]) <= allowed))
                fail_msg("%s, %s: element %lld is %.17g instead of %.17g", p->op, p->implementation, (long long)k,
                         found[k], expected[k]);
        free(expected);
        free(found);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tile_gives_what_the_reference_does),
    };
    backend = argc > 1 ? argv[1] : "gpu_host32";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
