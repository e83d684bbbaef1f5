/* SPDX-License-Identifier: Apache-2.0
 *
 * The real MNIST, and what is said of folders that do not hold it. Without the data this test fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tenon.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE };

static char root[] = "/tmp/tenon-mnist-XXXXXX";

static int fetch_mnist(void **state)
{
    tn_error error = {.struct_size = sizeof error};
    char folder[64];
    (void)state;
    if (tn_data_fetch("mnist", NULL, NULL, NULL, &error) != TN_OK) {
        fprintf(stderr, "%s\n", error.message);
        return -1;
    }
    if (!mkdtemp(root)) return -1;
    snprintf(folder, sizeof folder, "%s/mnist", root);
    return mkdir(folder, 0700);
}

/* ---- the real files */

/* Sums of pixels and counts of labels over one pass. */
typedef struct statistics {
    double sum, squares;
    int64_t labels[10], examples;
} statistics;

static statistics measure(tn_context *tn, tn_dataset *data)
{
    static float x[1000 * PIXELS];
    static int64_t y[1000];
    statistics s = {0};
    tn_loader *loader = tn_loader_open(data, &(tn_loader_options){.batch_size = 1000});
    for (;;) {
        tn_batch batch;
        tn_mark mark = tn_begin(tn);
        bool more = tn_loader_next(loader, &batch);
        if (more) {
            assert_int_equal(tn_read(batch.x, x, sizeof x), TN_OK);
            assert_int_equal(tn_read(batch.y, y, sizeof y), TN_OK);
            for (int i = 0; i < 1000 * PIXELS; i++) s.sum += x[i], s.squares += (double)x[i] * x[i];
            for (int i = 0; i < 1000; i++) s.labels[y[i]]++;
            s.examples += batch.n;
        }
        tn_end(tn, mark, NULL);
        if (!more) return s;
    }
}

static void the_training_set_is_the_known_one(void **state)
{
    static const int64_t labels[] = {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949};
    tn_context *tn = tn_open("reference");
    tn_dataset *data = tn_mnist(tn, NULL, true);
    (void)state;
    assert_int_equal(tn_dataset_count(data), 60000);
    statistics s = measure(tn, data);
    double n = 60000.0 * PIXELS, mean = s.sum / n;
    assert_float_equal(mean, 0.1307, 5e-5);
    assert_float_equal(sqrt(s.squares / n - mean * mean), 0.3081, 5e-5);
    assert_memory_equal(s.labels, labels, sizeof labels);
    assert_int_equal(tn_close(tn), 0);
}

static void the_test_set_starts_with_its_seven(void **state)
{
    static const int64_t first[] = {7, 2, 1, 0, 4};
    int64_t y[5];
    float x[5 * PIXELS];
    tn_batch batch;
    tn_context *tn = tn_open("reference");
    tn_dataset *data = tn_mnist(tn, NULL, false);
    (void)state;
    assert_int_equal(tn_dataset_count(data), 10000);
    tn_loader *loader = tn_loader_open(data, &(tn_loader_options){.batch_size = 5});
    assert_true(tn_loader_next(loader, &batch));
    assert_int_equal(tn_rank(batch.x), 4);
    assert_int_equal(tn_dim(batch.x, 1), 1);
    assert_int_equal(tn_dim(batch.x, 3), SIDE);
    assert_int_equal(tn_read(batch.y, y, sizeof y), TN_OK);
    assert_memory_equal(y, first, sizeof y);
    assert_int_equal(tn_read(batch.x, x, sizeof x), TN_OK);
    assert_float_equal(x[7 * SIDE + 6], 84 / 255.0, 1e-6); /* where the bar of the seven begins */
    assert_float_equal(x[7 * SIDE + 5], 0, 0);
    assert_int_equal(tn_close(tn), 0);
}

/* ---- wrong folders */

static void write_file(const char *name, const void *bytes, size_t n)
{
    char path[200];
    snprintf(path, sizeof path, "%s/mnist/%s", root, name);
    unlink(path);
    if (!bytes) return;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* Two images and labels of the test set, `label` among them; side and labels may be wrong. */
static void write_pair(uint8_t side, uint8_t labels, uint8_t label)
{
    uint8_t images[16 + 2 * PIXELS] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, side, 0, 0, 0, SIDE};
    uint8_t classes[16] = {0, 0, 8, 1, 0, 0, 0, labels, label, label};
    write_file("t10k-images-idx3-ubyte", images, (size_t)(16 + 2 * side * SIDE));
    write_file("t10k-labels-idx1-ubyte", classes, 8u + labels);
}

static void expect_refusal(tn_status status, const char *phrase)
{
    tn_context *tn = tn_open("reference");
    assert_null(tn_mnist(tn, root, false));
    assert_int_equal(tn_check(tn), status);
    if (!strstr(tn_message(tn), phrase)) fail_msg("\"%s\" does not have \"%s\"", tn_message(tn), phrase);
    tn_clear(tn);
    assert_int_equal(tn_close(tn), 0);
}

static void wrong_folders_are_told(void **state)
{
    (void)state;
    expect_refusal(TN_NOT_FOUND,
                   "mnist: neither t10k-images-idx3-ubyte nor t10k-images-idx3-ubyte.gz is in /tmp/tenon-mnist-");
    expect_refusal(TN_NOT_FOUND, "run `tenon data fetch mnist --dir /tmp/tenon-mnist-");
    write_pair(SIDE, 2, 9);
    tn_context *tn = tn_open("reference");
    assert_int_equal(tn_dataset_count(tn_mnist(tn, root, false)), 2);
    assert_int_equal(tn_close(tn), 0);
    write_pair(SIDE, 2, 10);
    expect_refusal(TN_CORRUPT, "label 0 is 10; it must be below 10");
    write_pair(SIDE, 1, 9);
    expect_refusal(TN_CORRUPT, "2 images, but 1 labels");
    write_pair(14, 2, 9);
    expect_refusal(TN_CORRUPT, "they must be [n, 28, 28]");
    write_file("t10k-labels-idx1-ubyte", NULL, 0);
    write_pair(SIDE, 2, 9);
    write_file("t10k-labels-idx1-ubyte", "\0\0\010\001\0\0\0\002\001", 9);
    expect_refusal(TN_CORRUPT, "truncated: its header says [2] and needs 10 bytes, it has 9");
    write_file("t10k-labels-idx1-ubyte", NULL, 0);
    expect_refusal(TN_NOT_FOUND, "neither t10k-labels-idx1-ubyte nor t10k-labels-idx1-ubyte.gz");
    write_file("t10k-images-idx3-ubyte", NULL, 0);
}

static int remove_root(void **state)
{
    char folder[64];
    (void)state;
    snprintf(folder, sizeof folder, "%s/mnist", root);
    return rmdir(folder) || rmdir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_training_set_is_the_known_one),
        cmocka_unit_test(the_test_set_starts_with_its_seven),
        cmocka_unit_test(wrong_folders_are_told),
    };
    return cmocka_run_group_tests(tests, fetch_mnist, remove_root);
}
