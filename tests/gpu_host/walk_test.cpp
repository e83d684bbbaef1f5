/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks over tensors too large for 32 bits, of which no test could have the memory: the launches that plans are made of
 * are caught here, and their offsets compared with those of 64-bit arithmetic. */
#include "language.h"

extern "C" {
#include "walk.h"
}

#include "device.h"

#include "kernels/walk.h"

#include <set>
#include <utility>
#include <vector>

extern "C" {
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
}

/* ---- in place of the plan and the device */

position here;

struct caught {
    gpu_walk walk;
    uint64_t bytes[4]; /* added to the address of each operand */
};
static std::vector<caught> launches;

const gpu_limits *gpu_limits_of(const tn_device *)
{
    static const gpu_limits limits = {32, 4, 48 << 10};
    return &limits;
}

void gpu_plan_launch(gpu_plan *, gpu_kernel, gpu_grid grid, const void *args, uint64_t args_bytes)
{
    caught one = {};
    assert_true(args_bytes >= sizeof one.walk && grid.x > 0);
    memcpy(&one.walk, args, sizeof one.walk);
    launches.push_back(one);
}

void gpu_plan_bind(gpu_plan *, uint64_t offset, gpu_operand, uint64_t, uint64_t bytes)
{
    assert_true(offset % sizeof(void *) == 0 && offset < sizeof launches.back().walk.base);
    launches.back().bytes[offset / sizeof(void *)] = bytes;
}

/* ---- helpers */

static tn_tensor_desc tensor(uint32_t rank, const int64_t *dims, const int64_t *strides)
{
    tn_tensor_desc desc = {};
    desc.struct_size = sizeof desc;
    desc.dtype = TN_F32;
    desc.rank = rank;
    desc.alignment = 256;
    for (uint32_t d = 0; d < rank; d++) desc.dims[d] = dims[d], desc.strides[d] = strides[d];
    return desc;
}

static uint64_t state;

static int64_t draw(int64_t n)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((state >> 33) % (uint64_t)n);
}

/* How far element i of the nest lies in operand k, in elements. */
static int64_t offset_of(const gpu_nest *nest, int k, int64_t i)
{
    int64_t at = 0;
    for (int d = nest->rank - 1; d >= 0; i /= nest->dims[d], d--) at += i % nest->dims[d] * nest->strides[k][d];
    return at;
}

/* ---- parts of small nests: every element once, whatever the limit */

typedef std::multiset<std::pair<int64_t, int64_t>> places;

static void collect(void *arg, const gpu_nest *part, const int64_t start[4])
{
    int64_t n = 1;
    for (int d = 0; d < part->rank; d++) n *= part->dims[d];
    assert_int_equal(part->n, n);
    for (int64_t i = 0; i < n; i++)
        ((places *)arg)->insert({start[0] + offset_of(part, 0, i), start[1] + offset_of(part, 1, i)});
}

static void a_cut_nest_has_each_element_once(void **)
{
    const int64_t origin[4] = {};
    for (int trial = 0; trial < 300; trial++) {
        gpu_nest nest = {};
        places whole, parts;
        nest.n = 1, nest.operands = 2, nest.rank = (int32_t)draw(5);
        for (int d = nest.rank - 1; d >= 0; d--) {
            nest.dims[d] = 1 + draw(9);
            nest.strides[0][d] = nest.n;
            nest.strides[1][d] = draw(50);
            nest.n *= nest.dims[d];
        }
        collect(&whole, &nest, origin);
        gpu_nest_cut(&nest, origin, 1 + draw(100), collect, &parts);
        assert_true(whole == parts);
    }
}

/* ---- launches over large ones */

/* The launches cover n elements, and each finds its elements where 64-bit arithmetic finds them. */
static void check_launches(const gpu_route *route, size_t at_least)
{
    int64_t n = 0;
    gpu_walk args = {};
    const gpu_walk_kernel how = {};
    launches.clear();
    gpu_route_launch(NULL, NULL, route, &how, &args, sizeof args);
    assert_true(launches.size() >= at_least && launches.size() <= 16 * at_least);
    for (const caught &one : launches) {
        const gpu_walk &walk = one.walk;
        n += walk.n;
        for (int trial = 0; trial < 2000; trial++) {
            const uint32_t size = walk.rank ? walk.dims[walk.rank - 1].by : 1, last = walk.n - 1;
            const uint32_t near[] = {0, last, size % walk.n, (size - 1) % walk.n, last / size * size};
            uint32_t i = trial < 5 ? near[trial] : (uint32_t)draw(walk.n), at[2], rest = i;
            uint64_t expected[2] = {};
            for (int d = walk.rank - 1; d >= 0; rest /= walk.dims[d].by, d--)
                for (int k = 0; k < 2; k++) expected[k] += (uint64_t)(rest % walk.dims[d].by) * walk.strides[k][d];
            gpu_walk_at<2>(walk, i, at);
            assert_true(at[0] == expected[0] && at[1] == expected[1]);
        }
    }
    assert_int_equal(n, route->nest.n);
}

static void large_tensors_become_launches_of_32_bits(void **)
{
    static const struct {
        uint32_t rank;
        int64_t dims[3], y[3], x[3];
        size_t launches;
    } rows[] = {
        {1, {INT64_C(5) << 30}, {1}, {1}, 5},
        {1, {(INT64_C(1) << 30) + 1}, {1}, {0}, 2},
        {2, {3, 357913941}, {357913941, 1}, {0, 1}, 1},
        {2, {65537, 65535}, {65535, 1}, {1, 65537}, 4},
        {2, {1000, 2}, {2, 1}, {1, INT64_C(1) << 31}, 2},
        {3, {7, 1021, 99991}, {102090811, 99991, 1}, {1021, 1, 7147}, 1},
    };
    for (const auto &row : rows) {
        tn_tensor_desc y = tensor(row.rank, row.dims, row.y), x = tensor(row.rank, row.dims, row.x);
        const gpu_walked of[2] = {{&y, GPU_OUT, 0, 0}, {&x, GPU_IN, 0, 0}};
        gpu_route route = gpu_route_of(2, of);
        check_launches(&route, row.launches);
    }
}

/* Each launch begins where the last one ended, in bytes, and counts on. */
static void launches_go_on_where_others_end(void **)
{
    const int64_t dims[] = {INT64_C(5) << 30}, strides[] = {1};
    tn_tensor_desc y = tensor(1, dims, strides), counter = gpu_counter(&y);
    const gpu_walked of[2] = {{&y, GPU_OUT, 0, 0}, {&counter, GPU_IN, 0, 1}};
    gpu_route route = gpu_route_of(2, of);
    int64_t n = 0;
    check_launches(&route, 5);
    for (const caught &one : launches) {
        assert_int_equal(one.bytes[0], 4 * n);
        assert_int_equal(one.walk.first, n);
        assert_true(one.walk.packed);
        n += one.walk.n;
    }
}

/* ---- which walks move several elements as one */

static void only_aligned_rows_are_packed(void **)
{
    static const struct {
        int64_t dims[2], y[2], x[2];
        uint64_t alignment;
        uint32_t packed, flat;
    } rows[] = {
        {{8, 12}, {12, 1}, {0, 1}, 16, 1, 0},  /* a row for all */
        {{8, 12}, {12, 1}, {1, 0}, 4, 1, 2},   /* a number for each row, which is loaded alone */
        {{8, 12}, {12, 1}, {0, 1}, 8, 0, 0},   /* x may begin between two packs */
        {{8, 10}, {10, 1}, {0, 1}, 16, 0, 0},  /* y's rows do */
        {{8, 12}, {12, 1}, {13, 1}, 16, 0, 0}, /* x's rows do */
        {{8, 12}, {12, 1}, {1, 8}, 16, 0, 0},  /* x lies the other way */
        {{7, 3}, {3, 1}, {3, 1}, 16, 1, 0},    /* one row of 21 */
        {{8, 12}, {1, 8}, {1, 8}, 16, 1, 0},   /* dense, and the memory's order is what counts */
    };
    for (const auto &row : rows) {
        tn_tensor_desc y = tensor(2, row.dims, row.y), x = tensor(2, row.dims, row.x);
        x.alignment = row.alignment;
        const gpu_walked of[2] = {{&y, GPU_OUT, 0, 0}, {&x, GPU_IN, 0, 0}};
        gpu_route route = gpu_route_of(2, of);
        check_launches(&route, 1);
        assert_int_equal(launches[0].walk.packed, row.packed);
        if (row.packed) assert_int_equal(launches[0].walk.flat, row.flat);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_nest_has_each_element_once),
        cmocka_unit_test(large_tensors_become_launches_of_32_bits),
        cmocka_unit_test(launches_go_on_where_others_end),
        cmocka_unit_test(only_aligned_rows_are_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
