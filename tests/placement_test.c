/* SPDX-License-Identifier: Apache-2.0
 *
 * The account of what ran where. */
#include "check.h"

static uint64_t calls(tn_context *tn, const char *op, const char *implementation)
{
    int n;
    uint64_t sum = 0;
    const tn_placement *rows = tn_placements(tn, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(rows[i].op, op) == 0 && (!implementation || strcmp(rows[i].implementation, implementation) == 0))
            sum += rows[i].calls;
    return sum;
}

static void calls_and_work_are_counted(void **state)
{
    tn_context *tn = *state;
    int n;
    tn_tensor *x = tn_ones(tn, TN_F32, TN_SHAPE(4, 8));
    tn_reset_placements(tn);
    for (int i = 0; i < 3; i++) tn_matmul(x, tn_transpose(x, 0, 1));
    const tn_placement *rows = tn_placements(tn, &n);
    assert_int_equal(n, 1);
    assert_string_equal(rows[0].op, "matmul");
    assert_string_equal(rows[0].device, "reference:0");
    assert_int_equal(rows[0].calls, 3);
    assert_int_equal(rows[0].plans, 1);
    assert_int_equal(rows[0].flops, 3 * 2 * 4 * 8 * 4);
    assert_int_equal(rows[0].bytes, 3 * 4 * (4 * 8 + 8 * 4 + 4 * 4));
    assert_false(tn_fell_back(tn));
}

/* A plan remembers its row, but rows come in another order after a reset. */
static void a_reset_mixes_no_rows(void **state)
{
    tn_context *tn = *state;
    tn_tensor *plain = tn_ones(tn, TN_F32, TN_SHAPE(3, 5)), *packed = tn_transpose(plain, 0, 1);
    tn_reset_placements(tn); /* making them took a row */
    tn_softmax(packed, 1);
    tn_softmax(plain, 1);
    tn_reset_placements(tn);
    tn_softmax(plain, 1);
    tn_softmax(packed, 1);
    tn_softmax(packed, 1);
    assert_int_equal(calls(tn, "softmax", NULL), 3);
    assert_int_equal(calls(tn, "softmax", "reference"), 1);
    assert_int_equal(calls(tn, "softmax", "reference (packed)"), 2);
}

/* Of a large table only the rows that are gathered count. */
static void a_gather_moves_what_it_gathers(void **state)
{
    tn_context *tn = *state;
    int n;
    tn_tensor *table = tn_zeros(tn, TN_U8, TN_SHAPE(1000, 10)), *index = tn_zeros(tn, TN_I64, TN_SHAPE(3));
    tn_reset_placements(tn);
    tn_gather_scale(table, index, 1, 0);
    tn_index_select(table, index);
    const tn_placement *rows = tn_placements(tn, &n);
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].bytes, 3 * (8 + 10 * (1 + 4)));
    assert_int_equal(rows[1].bytes, 3 * (8 + 10 * (1 + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(calls_and_work_are_counted),
        TEST(a_reset_mixes_no_rows),
        TEST(a_gather_moves_what_it_gathers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
