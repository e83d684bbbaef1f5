/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors print as PyTorch prints them: the texts are PyTorch's own (with our names of dtypes). */
#include "check.h"
#include "sample.h"

#include <math.h>
#include <stdlib.h>

#define V(...) ((const double[]){__VA_ARGS__})

/* values NULL: 0, 1, 2, ... */
static const struct {
    tn_dtype dtype;
    int rank;
    int64_t dims[TN_MAX_RANK];
    const double *values;
    const char *text;
} rows[] = {
    /* clang-format off */
    {TN_I64, 2, {2, 3}, V(1, 2, 3, 4, 5, 6),
     "tensor([[1, 2, 3],\n"
     "        [4, 5, 6]])"},
    {TN_F32, 2, {2, 2}, V(1, 2.5, -3.25, 4),
     "tensor([[ 1.0000,  2.5000],\n"
     "        [-3.2500,  4.0000]])"},
    {TN_F32, 1, {3}, V(1, 2, 3),
     "tensor([1., 2., 3.])"},
    {TN_F32, 0, {0}, V(3.5),
     "tensor(3.5000)"},
    {TN_I64, 0, {0}, V(7),
     "tensor(7)"},
    {TN_F32, 0, {0}, V(2),
     "tensor(2.)"},
    {TN_BOOL, 1, {2}, V(1, 0),
     "tensor([ True, False])"},
    {TN_F32, 1, {0}, NULL,
     "tensor([])"},
    {TN_F32, 2, {2, 0}, NULL,
     "tensor([], size=(2, 0))"},
    {TN_I64, 2, {0, 3}, NULL,
     "tensor([], size=(0, 3), dtype=i64)"},
    {TN_F32, 1, {4}, V(1, NAN, INFINITY, -INFINITY),
     "tensor([1., nan, inf, -inf])"},
    {TN_F32, 1, {3}, V(1.5, NAN, INFINITY),
     "tensor([1.5000,    nan,    inf])"},
    {TN_F32, 1, {2}, V(NAN, NAN),
     "tensor([nan, nan])"},
    {TN_F32, 1, {2}, V(10000000000, 1),
     "tensor([1.0000e+10, 1.0000e+00])"},
    {TN_F32, 1, {3}, V(1000.5, 0.25, 9.999999747378752e-05),
     "tensor([1.0005e+03, 2.5000e-01, 1.0000e-04])"},
    {TN_F32, 1, {2}, V(123456792, 1),
     "tensor([1.2346e+08, 1.0000e+00])"},
    {TN_F32, 1, {2}, V(-1.5, 10.25),
     "tensor([-1.5000, 10.2500])"},
    {TN_F64, 1, {2}, V(1.5, 2),
     "tensor([1.5000, 2.0000], dtype=f64)"},
    {TN_I32, 1, {2}, V(1, -20),
     "tensor([  1, -20], dtype=i32)"},
    {TN_U8, 1, {2}, V(1, 200),
     "tensor([  1, 200], dtype=u8)"},
    {TN_I64, 3, {2, 3, 4}, NULL,
     "tensor([[[ 0,  1,  2,  3],\n"
     "         [ 4,  5,  6,  7],\n"
     "         [ 8,  9, 10, 11]],\n"
     "\n"
     "        [[12, 13, 14, 15],\n"
     "         [16, 17, 18, 19],\n"
     "         [20, 21, 22, 23]]])"},
    {TN_I64, 4, {2, 1, 3, 4}, NULL,
     "tensor([[[[ 0,  1,  2,  3],\n"
     "          [ 4,  5,  6,  7],\n"
     "          [ 8,  9, 10, 11]]],\n"
     "\n"
     "\n"
     "        [[[12, 13, 14, 15],\n"
     "          [16, 17, 18, 19],\n"
     "          [20, 21, 22, 23]]]])"},
    {TN_I64, 1, {40}, NULL,
     "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
     "        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,\n"
     "        36, 37, 38, 39])"},
    {TN_I64, 1, {1001}, NULL,
     "tensor([   0,    1,    2,  ...,  998,  999, 1000])"},
    {TN_F32, 2, {100, 100}, NULL,
     "tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 9.7000e+01, 9.8000e+01,\n"
     "         9.9000e+01],\n"
     "        [1.0000e+02, 1.0100e+02, 1.0200e+02,  ..., 1.9700e+02, 1.9800e+02,\n"
     "         1.9900e+02],\n"
     "        [2.0000e+02, 2.0100e+02, 2.0200e+02,  ..., 2.9700e+02, 2.9800e+02,\n"
     "         2.9900e+02],\n"
     "        ...,\n"
     "        [9.7000e+03, 9.7010e+03, 9.7020e+03,  ..., 9.7970e+03, 9.7980e+03,\n"
     "         9.7990e+03],\n"
     "        [9.8000e+03, 9.8010e+03, 9.8020e+03,  ..., 9.8970e+03, 9.8980e+03,\n"
     "         9.8990e+03],\n"
     "        [9.9000e+03, 9.9010e+03, 9.9020e+03,  ..., 9.9970e+03, 9.9980e+03,\n"
     "         9.9990e+03]])"},
    {TN_I64, 3, {30, 30, 2}, NULL,
     "tensor([[[   0,    1],\n"
     "         [   2,    3],\n"
     "         [   4,    5],\n"
     "         ...,\n"
     "         [  54,   55],\n"
     "         [  56,   57],\n"
     "         [  58,   59]],\n"
     "\n"
     "        [[  60,   61],\n"
     "         [  62,   63],\n"
     "         [  64,   65],\n"
     "         ...,\n"
     "         [ 114,  115],\n"
     "         [ 116,  117],\n"
     "         [ 118,  119]],\n"
     "\n"
     "        [[ 120,  121],\n"
     "         [ 122,  123],\n"
     "         [ 124,  125],\n"
     "         ...,\n"
     "         [ 174,  175],\n"
     "         [ 176,  177],\n"
     "         [ 178,  179]],\n"
     "\n"
     "        ...,\n"
     "\n"
     "        [[1620, 1621],\n"
     "         [1622, 1623],\n"
     "         [1624, 1625],\n"
     "         ...,\n"
     "         [1674, 1675],\n"
     "         [1676, 1677],\n"
     "         [1678, 1679]],\n"
     "\n"
     "        [[1680, 1681],\n"
     "         [1682, 1683],\n"
     "         [1684, 1685],\n"
     "         ...,\n"
     "         [1734, 1735],\n"
     "         [1736, 1737],\n"
     "         [1738, 1739]],\n"
     "\n"
     "        [[1740, 1741],\n"
     "         [1742, 1743],\n"
     "         [1744, 1745],\n"
     "         ...,\n"
     "         [1794, 1795],\n"
     "         [1796, 1797],\n"
     "         [1798, 1799]]])"},
    /* clang-format on */
};

static tn_tensor *make(tn_context *tn, size_t i)
{
    int64_t n = 1;
    for (int k = 0; k < rows[i].rank; k++) n *= rows[i].dims[k];
    if (rows[i].values || n == 0) return sample_tensor(tn, rows[i].dtype, rows[i].rank, rows[i].dims, rows[i].values);
    tn_tensor *x = tn_arange(tn, rows[i].dtype, 0, (double)n, 1);
    return tn_reshape(x, rows[i].rank, rows[i].dims);
}

static void tensors_print_as_in_pytorch(void **state)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = tn_format(make(*state, i));
        size_t end = strlen(text);
        if (end && text[end - 1] == '\n') text[end - 1] = 0;
        assert_string_equal(text, rows[i].text);
        free(text);
    }
}

static void a_view_prints_its_own_elements(void **state)
{
    char *text = tn_format(tn_transpose(tn_reshape(tn_arange(*state, TN_I64, 0, 6, 1), TN_SHAPE(2, 3)), 0, 1));
    assert_non_null(strstr(text, "tensor([[0, 3],\n        [1, 4],\n        [2, 5]])"));
    free(text);
}

static void a_leaf_says_that_it_wants_a_gradient(void **state)
{
    tn_context *tn = *state;
    char *text = tn_format(tn_requires_grad(tn_ones(tn, TN_F32, TN_SHAPE(2)), true));
    assert_non_null(strstr(text, "tensor([1., 1.], requires_grad=True)"));
    free(text);
}

static void nil_prints_without_a_crash(void **state)
{
    tn_context *tn = *state;
    tn_tensor *nil = tn_raise(tn, TN_INVALID, "for this test");
    free(tn_format(nil));
    tn_clear(tn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tensors_print_as_in_pytorch),
        TEST(a_view_prints_its_own_elements),
        TEST(a_leaf_says_that_it_wants_a_gradient),
        TEST(nil_prints_without_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
