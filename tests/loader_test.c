/* SPDX-License-Identifier: Apache-2.0
 *
 * Datasets and the loader: every example once an epoch, the same batches whichever way they are made. The data are
 * R examples of 2x3 bytes; example i is filled from i, and its label is i. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/prefetch.h"
#include "data/shuffle.h"
#include "tenon.h"

enum { HEIGHT = 2, WIDTH = 3, EXAMPLE = HEIGHT * WIDTH };

static int make_example(void *arg, int64_t i, uint8_t *image, int64_t *label)
{
    (void)arg;
    for (int k = 0; k < EXAMPLE; k++) image[k] = (uint8_t)(i * 7 + k * 31);
    *label = i;
    return 0;
}

static tn_dataset *tensor_data(tn_context *tn, int64_t count)
{
    uint8_t *images = malloc((size_t)(count * EXAMPLE + 1));
    int64_t *labels = calloc((size_t)count + 1, sizeof *labels);
    assert_non_null(images);
    assert_non_null(labels);
    for (int64_t i = 0; i < count; i++) make_example(NULL, i, images + i * EXAMPLE, labels + i);
    tn_mark mark = tn_begin(tn);
    tn_tensor *x = tn_from(tn, images, TN_U8, TN_SHAPE(count, 1, HEIGHT, WIDTH));
    tn_dataset *data = tn_dataset_from(tn, x, tn_from(tn, labels, TN_I64, TN_SHAPE(count)));
    tn_end(tn, mark, NULL);
    free(images);
    free(labels);
    return data;
}

static tn_dataset *custom_data(tn_context *tn, int64_t count)
{
    const int64_t dims[] = {1, HEIGHT, WIDTH};
    return tn_dataset_custom(tn, count, 3, dims, make_example, NULL);
}

/* One epoch's batches in arrays. */
typedef struct epoch {
    float x[1000 * EXAMPLE];
    int64_t y[1000], n, batches, sizes[1000];
} epoch;

static void read_batch(epoch *e, const tn_batch *batch)
{
    assert_int_equal(batch->index, e->batches);
    assert_int_equal(tn_dtype_of(batch->x), TN_F32);
    assert_int_equal(tn_dtype_of(batch->y), TN_I64);
    assert_int_equal(tn_rank(batch->x), 4);
    assert_int_equal(tn_dim(batch->x, 0), batch->n);
    assert_int_equal(tn_dim(batch->y, 0), batch->n);
    assert_int_equal(tn_read(batch->x, e->x + e->n * EXAMPLE, (size_t)batch->n * EXAMPLE * sizeof(float)), TN_OK);
    assert_int_equal(tn_read(batch->y, e->y + e->n, (size_t)batch->n * sizeof(int64_t)), TN_OK);
    e->n += batch->n;
    e->sizes[e->batches++] = batch->n;
}

static epoch *read_epoch(tn_context *tn, tn_loader *loader)
{
    epoch *e = calloc(1, sizeof *e);
    assert_non_null(e);
    e->batches = tn_loader_position(loader);
    for (;;) {
        tn_batch batch;
        tn_mark mark = tn_begin(tn);
        bool more = tn_loader_next(loader, &batch);
        if (more) read_batch(e, &batch);
        tn_end(tn, mark, NULL);
        if (!more) return e;
    }
}

static void expect_equal(epoch *a, epoch *b)
{
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->y, b->y, (size_t)a->n * sizeof *a->y);
    assert_memory_equal(a->x, b->x, (size_t)a->n * EXAMPLE * sizeof *a->x);
    free(a);
    free(b);
}

static void expect_permutation(const int64_t *order, int64_t count)
{
    bool *seen = calloc((size_t)count + 1, sizeof *seen);
    assert_non_null(seen);
    for (int64_t i = 0; i < count; i++) {
        assert_in_range(order[i], 0, count - 1);
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
    }
    free(seen);
}

static int open_reference(void **state)
{
    *state = tn_open("reference");
    return tn_check(*state) == TN_OK ? 0 : -1;
}

/* No test may leave an error, and what it made must go without leaks. */
static int close_reference(void **state)
{
    return tn_close(*state);
}

/* ---- order */

static void the_order_is_a_permutation_given_by_seed_and_epoch(void **state)
{
    enum { COUNT = 1000 };
    tn_dataset *data = tensor_data(*state, COUNT);
    tn_loader *a = tn_loader_open(data, &(tn_loader_options){.shuffle = true, .seed = 1, .batch_size = 64});
    tn_loader *b = tn_loader_open(data, &(tn_loader_options){.shuffle = true, .seed = 1, .batch_size = 10});
    tn_loader *c = tn_loader_open(data, &(tn_loader_options){.shuffle = true, .seed = 2, .batch_size = 64});
    int64_t first[COUNT], n;
    memcpy(first, tn_loader_order(a, &n), sizeof first);
    assert_int_equal(n, COUNT);
    expect_permutation(first, COUNT);
    assert_memory_equal(first, tn_loader_order(b, NULL), sizeof first);
    assert_memory_not_equal(first, tn_loader_order(c, NULL), sizeof first);
    tn_loader_seek(a, 1, 0);
    expect_permutation(tn_loader_order(a, NULL), COUNT);
    assert_memory_not_equal(first, tn_loader_order(a, NULL), sizeof first);
    tn_loader_seek(a, 0, 0);
    assert_memory_equal(first, tn_loader_order(a, NULL), sizeof first);
}

/* The order belongs to the format of a run: resuming needs the same one from every version and on every machine. */
static void the_order_never_changes(void **state)
{
    static const int64_t expected[] = {8, 0, 9, 7, 2, 6, 1, 5, 3, 4};
    int64_t order[10];
    (void)state;
    tn__shuffle(order, 10, 42, 3);
    assert_memory_equal(order, expected, sizeof order);
}

/* Each of the 24 orders of 4 should come 1000 times in 24000: chi-square of 23 degrees, 99.9 % below 49.7. */
static void every_order_is_as_likely(void **state)
{
    int counts[256] = {0};
    double chi = 0;
    (void)state;
    for (uint64_t e = 0; e < 24000; e++) {
        int64_t order[4];
        tn__shuffle(order, 4, 7, e);
        counts[order[0] * 64 + order[1] * 16 + order[2] * 4 + order[3]]++;
    }
    for (int i = 0; i < 256; i++)
        if (counts[i]) chi += (counts[i] - 1000.0) * (counts[i] - 1000.0) / 1000;
    assert_true(chi < 49.7);
}

/* ---- batches */

static void batches_hold_each_example_with_its_label(void **state)
{
    tn_dataset *data = tensor_data(*state, 103);
    tn_loader *loader = tn_loader_open(data, &(tn_loader_options){.shuffle = true, .seed = 5, .batch_size = 10});
    assert_int_equal(tn_loader_batches(loader), 11);
    int64_t order[103];
    memcpy(order, tn_loader_order(loader, NULL), sizeof order);
    epoch *e = read_epoch(*state, loader);
    assert_int_equal(e->n, 103);
    assert_int_equal(e->batches, 11);
    assert_int_equal(e->sizes[9], 10);
    assert_int_equal(e->sizes[10], 3);
    assert_memory_equal(e->y, order, sizeof order);
    for (int64_t i = 0; i < e->n; i++) {
        uint8_t image[EXAMPLE];
        int64_t label;
        make_example(NULL, e->y[i], image, &label);
        for (int k = 0; k < EXAMPLE; k++) assert_float_equal(e->x[i * EXAMPLE + k], image[k] / 255.0f, 1e-7);
    }
    free(e);
    assert_int_equal(tn_loader_epoch(loader), 1);
    assert_int_equal(tn_loader_position(loader), 0);
}

static void without_shuffle_examples_come_in_order(void **state)
{
    tn_loader *loader = tn_loader_open(tensor_data(*state, 7), NULL);
    assert_int_equal(tn_loader_batches(loader), 7);
    for (int round = 0; round < 2; round++) {
        epoch *e = read_epoch(*state, loader);
        for (int64_t i = 0; i < 7; i++) assert_int_equal(e->y[i], i);
        assert_int_equal(e->n, 7);
        free(e);
    }
}

static void drop_last_drops_the_short_batch(void **state)
{
    for (int keep = 0; keep < 2; keep++) {
        const tn_loader_options options = {.batch_size = 10, .drop_last = true, .keep_on_host = keep};
        tn_loader *loader = tn_loader_open(tensor_data(*state, 29), &options);
        assert_int_equal(tn_loader_batches(loader), 2);
        epoch *e = read_epoch(*state, loader);
        assert_int_equal(e->n, 20);
        free(e);
        loader = tn_loader_open(tensor_data(*state, 9), &options);
        assert_int_equal(tn_loader_batches(loader), 0);
        e = read_epoch(*state, loader);
        assert_int_equal(e->n, 0);
        free(e);
    }
}

static void an_empty_dataset_has_empty_epochs(void **state)
{
    tn_dataset *sets[] = {tensor_data(*state, 0), custom_data(*state, 0)};
    for (int i = 0; i < 2; i++)
        for (int keep = 0; keep < 2; keep++) {
            tn_batch batch;
            tn_loader *loader =
                tn_loader_open(sets[i], &(tn_loader_options){.batch_size = 4, .shuffle = true, .keep_on_host = keep});
            assert_int_equal(tn_loader_batches(loader), 0);
            assert_false(tn_loader_next(loader, &batch));
            assert_false(tn_loader_next(loader, &batch));
            assert_int_equal(tn_loader_epoch(loader), 2);
        }
}

static void resident_prefetched_and_custom_batches_are_identical(void **state)
{
    static const int ahead[] = {0, 1, 5, 100, -1};
    tn_dataset *resident = tensor_data(*state, 103);
    tn_dataset *others[] = {tensor_data(*state, 103), custom_data(*state, 103)};
    tn_loader_options options = {.batch_size = 10, .shuffle = true, .seed = 3};
    tn_dataset_normalize(resident, 0.1307, 0.3081);
    tn_loader *expected = tn_loader_open(resident, &options);
    options.keep_on_host = true;
    for (int i = 0; i < 2; i++)
        for (size_t a = 0; a < sizeof ahead / sizeof *ahead; a++) {
            options.prefetch = ahead[a];
            tn_dataset_normalize(others[i], 0.1307, 0.3081);
            tn_loader *loader = tn_loader_open(others[i], &options);
            tn_loader_seek(expected, 0, 0);
            for (int round = 0; round < 3; round++)
                expect_equal(read_epoch(*state, expected), read_epoch(*state, loader));
        }
}

static void one_dataset_serves_several_loaders_at_once(void **state)
{
    tn_dataset *data = tensor_data(*state, 50);
    tn_loader_options options = {.batch_size = 8, .shuffle = true, .seed = 3};
    tn_loader *a = tn_loader_open(data, &options);
    options.keep_on_host = true;
    tn_loader *b = tn_loader_open(data, &options);
    options.keep_on_host = false;
    tn_loader *c = tn_loader_open(data, &options);
    expect_equal(read_epoch(*state, a), read_epoch(*state, b));
    expect_equal(read_epoch(*state, a), read_epoch(*state, b));
    tn_loader_seek(a, 0, 0);
    expect_equal(read_epoch(*state, a), read_epoch(*state, c));
}

static void normalize_is_what_torchvision_does(void **state)
{
    tn_dataset *data = tensor_data(*state, 20);
    tn_dataset_normalize(data, 0.1307, 0.3081);
    tn_loader *loader = tn_loader_open(data, &(tn_loader_options){.batch_size = 20});
    epoch *e = read_epoch(*state, loader);
    for (int64_t i = 0; i < 20; i++) {
        uint8_t image[EXAMPLE];
        int64_t label;
        make_example(NULL, i, image, &label);
        for (int k = 0; k < EXAMPLE; k++)
            assert_float_equal(e->x[i * EXAMPLE + k], (image[k] / 255.0 - 0.1307) / 0.3081, 1e-6);
    }
    free(e);
}

/* ---- seeking */

static void seek_goes_on_as_if_never_left(void **state)
{
    for (int keep = 0; keep < 2; keep++) {
        const tn_loader_options options = {.batch_size = 10, .shuffle = true, .seed = 9, .keep_on_host = keep};
        tn_dataset *data = tensor_data(*state, 95);
        tn_loader *straight = tn_loader_open(data, &options), *resumed = tn_loader_open(data, &options);
        for (int i = 0; i < 2; i++) free(read_epoch(*state, straight));
        tn_batch batch;
        for (int i = 0; i < 4; i++) assert_true(tn_loader_next(straight, &batch));
        assert_int_equal(tn_loader_position(straight), 4);
        assert_true(tn_loader_next(resumed, &batch)); /* a thread is at work */
        tn_loader_seek(resumed, tn_loader_epoch(straight), tn_loader_position(straight));
        expect_equal(read_epoch(*state, straight), read_epoch(*state, resumed));
        expect_equal(read_epoch(*state, straight), read_epoch(*state, resumed));
        tn_loader_seek(resumed, 2, tn_loader_batches(resumed)); /* after its last batch: the epoch is about to end */
        assert_false(tn_loader_next(resumed, &batch));
        assert_int_equal(tn_loader_epoch(resumed), 3);
    }
}

static void leaving_an_epoch_early_is_fine(void **state)
{
    for (int i = 0; i < 50; i++) {
        tn_batch batch;
        tn_loader *loader = tn_loader_open(custom_data(*state, 1000), &(tn_loader_options){.batch_size = 1 + i % 3});
        for (int taken = 0; taken < i % 5; taken++) assert_true(tn_loader_next(loader, &batch));
        if (i % 2) tn_loader_seek(loader, 0, 100);
        if (i % 4 == 3) assert_true(tn_loader_next(loader, &batch));
    }
}

/* ---- what is wrong */

static void expect_error(tn_context *tn, tn_status status, const char *phrase)
{
    assert_int_equal(tn_check(tn), status);
    if (!strstr(tn_message(tn), phrase)) fail_msg("\"%s\" does not have \"%s\"", tn_message(tn), phrase);
    tn_clear(tn);
}

static int fails_at(void *arg, int64_t i, uint8_t *image, int64_t *label)
{
    const int64_t *bad = arg;
    return i == *bad ? 77 : make_example(NULL, i, image, label);
}

static void a_failing_callback_is_told_with_its_example(void **state)
{
    const int64_t dims[] = {1, HEIGHT, WIDTH};
    int64_t bad = 25;
    tn_dataset *data = tn_dataset_custom(*state, 40, 3, dims, fails_at, &bad);
    for (int ahead = -1; ahead < 4; ahead++) {
        tn_batch batch;
        tn_loader *loader = tn_loader_open(data, &(tn_loader_options){.batch_size = 10, .prefetch = ahead});
        bad = 25;
        assert_true(tn_loader_next(loader, &batch));
        assert_true(tn_loader_next(loader, &batch));
        assert_false(tn_loader_next(loader, &batch));
        assert_int_equal(batch.n, 0);
        assert_false(tn_loader_next(loader, &batch)); /* until the error is cleared */
        expect_error(*state, TN_IO, "the dataset's callback failed on example 25: it returned 77");
        bad = -1; /* mended: the same batch comes again */
        assert_true(tn_loader_next(loader, &batch));
        assert_int_equal(batch.index, 2);
        tn_loader_seek(loader, 0, 0);
    }
}

static void bad_datasets_are_told(void **state)
{
    const int64_t dims[] = {1, -2, WIDTH}, huge[] = {INT64_MAX, 2};
    tn_context *tn = *state;
    tn_tensor *bytes = tn_zeros(tn, TN_U8, TN_SHAPE(5, 1, 2, 2)), *floats = tn_zeros(tn, TN_F32, TN_SHAPE(5, 1, 2, 2));
    assert_null(tn_dataset_from(tn, floats, tn_zeros(tn, TN_I64, TN_SHAPE(5))));
    expect_error(tn, TN_INVALID, "images must be u8[R,C,H,W], they are f32[5, 1, 2, 2]");
    assert_null(tn_dataset_from(tn, bytes, tn_zeros(tn, TN_I64, TN_SHAPE(4))));
    expect_error(tn, TN_INVALID, "labels must be i64[5], one for each image; they are i64[4]");
    assert_null(tn_dataset_from(tn, bytes, tn_zeros(tn, TN_U8, TN_SHAPE(5))));
    expect_error(tn, TN_INVALID, "they are u8[5]");
    assert_null(tn_dataset_custom(tn, -1, 3, dims, make_example, NULL));
    expect_error(tn, TN_INVALID, "a count of 0 or more (it is -1)");
    assert_null(tn_dataset_custom(tn, 1, 3, dims, NULL, NULL));
    expect_error(tn, TN_INVALID, "needs a callback");
    assert_null(tn_dataset_custom(tn, 1, 8, dims, make_example, NULL));
    expect_error(tn, TN_INVALID, "rank 0 to 7 (it is 8)");
    assert_null(tn_dataset_custom(tn, 1, 3, dims, make_example, NULL));
    expect_error(tn, TN_INVALID, "dim 1 of an example is -2");
    assert_null(tn_dataset_custom(tn, 1, 2, huge, make_example, NULL));
    expect_error(tn, TN_INVALID, "too large with the others");
    tn_dataset_normalize(tensor_data(tn, 1), 0.1, 0);
    expect_error(tn, TN_INVALID, "normalize: mean is 0.1 and std 0;");
}

static void bad_loaders_are_told(void **state)
{
    const int64_t dims[] = {INT64_MAX / 4};
    tn_context *tn = *state;
    tn_dataset *data = tensor_data(tn, 10);
    tn_batch batch;
    assert_null(tn_loader_open(data, &(tn_loader_options){.batch_size = -3}));
    expect_error(tn, TN_INVALID, "batch_size is -3; it must be 1 or more");
    tn_loader *loader = tn_loader_open(data, &(tn_loader_options){.batch_size = 4});
    tn_loader_seek(loader, 0, 4);
    expect_error(tn, TN_INVALID, "cannot seek to batch 4 of epoch 0: an epoch has 3 batches");
    tn_loader_seek(loader, -1, 0);
    expect_error(tn, TN_INVALID, "of epoch -1");
    assert_int_equal(tn_loader_position(loader), 0);
    tn_loader *large = tn_loader_open(tn_dataset_custom(tn, 100, 1, dims, make_example, NULL),
                                      &(tn_loader_options){.batch_size = 100});
    assert_false(tn_loader_next(large, &batch));
    expect_error(tn, TN_OUT_OF_MEMORY, "no memory to prepare batches of 100 examples");
}

static void what_could_not_be_opened_is_empty(void **state)
{
    tn_batch batch;
    int64_t n;
    (void)state;
    assert_null(tn_loader_open(NULL, NULL));
    assert_false(tn_loader_next(NULL, &batch));
    assert_int_equal(tn_loader_batches(NULL) + tn_loader_epoch(NULL) + tn_loader_position(NULL), 0);
    assert_null(tn_loader_order(NULL, &n));
    assert_int_equal(tn_dataset_count(NULL), 0);
    tn_dataset_normalize(NULL, 0, 1);
    tn_loader_seek(NULL, 0, 0);
}

/* ---- the ring itself */

typedef struct ring {
    int64_t slots[4];
    int n;
} ring;

static void square(void *arg, int64_t job, int slot)
{
    ((ring *)arg)->slots[slot] = job * job;
}

static void the_ring_gives_each_job_once_in_order(void **state)
{
    (void)state;
    for (int slots = 1; slots <= 4; slots++)
        for (int threaded = 0; threaded < 2; threaded++) {
            ring r = {.n = slots};
            tn__prefetch *p = tn__prefetch_open(slots, threaded, 5, 500, square, &r);
            for (int64_t job = 5; job < 500; job++) assert_int_equal(r.slots[tn__prefetch_take(p)], job * job);
            tn__prefetch_close(p);
        }
}

static void resident_epochs_leave_nothing_behind(void **state)
{
    tn_context *tn = *state;
    tn_loader *loader = tn_loader_open(tensor_data(tn, 100), &(tn_loader_options){.batch_size = 7, .shuffle = true});
    free(read_epoch(tn, loader));
    uint64_t live = tn_memory_stats(tn, "reference:0").live;
    for (int i = 0; i < 20; i++) free(read_epoch(tn, loader));
    assert_true(tn_memory_stats(tn, "reference:0").live <= live + 100 * sizeof(int64_t) + 64);
}

#define LOADER_TEST(test) cmocka_unit_test_setup_teardown(test, open_reference, close_reference)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOADER_TEST(the_order_is_a_permutation_given_by_seed_and_epoch),
        cmocka_unit_test(the_order_never_changes),
        cmocka_unit_test(every_order_is_as_likely),
        LOADER_TEST(batches_hold_each_example_with_its_label),
        LOADER_TEST(without_shuffle_examples_come_in_order),
        LOADER_TEST(drop_last_drops_the_short_batch),
        LOADER_TEST(an_empty_dataset_has_empty_epochs),
        LOADER_TEST(resident_prefetched_and_custom_batches_are_identical),
        LOADER_TEST(one_dataset_serves_several_loaders_at_once),
        LOADER_TEST(normalize_is_what_torchvision_does),
        LOADER_TEST(seek_goes_on_as_if_never_left),
        LOADER_TEST(leaving_an_epoch_early_is_fine),
        LOADER_TEST(a_failing_callback_is_told_with_its_example),
        LOADER_TEST(bad_datasets_are_told),
        LOADER_TEST(bad_loaders_are_told),
        cmocka_unit_test(what_could_not_be_opened_is_empty),
        cmocka_unit_test(the_ring_gives_each_job_once_in_order),
        LOADER_TEST(resident_epochs_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
