/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs in files: what is loaded computes what was saved, to the bit on the same backend, at any batch size and on
 * any other backend. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "program_file.h"

/* ---- backends */

enum { MOST_BACKENDS = 4 };

static int list_backends(const char **names)
{
    int n, count = 0;
    const tn_backend_status *all = tn_backends(&n);
    for (int i = 0; i < n && count < MOST_BACKENDS; i++)
        if (!all[i].refused && all[i].n_devices) names[count++] = all[i].name;
    return count;
}

/* ---- round trips */

enum { BATCH = 8, CLASSES = 10 };
static const int64_t batches[] = {BATCH, 1, 3, 33};
enum { BATCHES = sizeof batches / sizeof *batches, MOST_LOGITS = 33 * CLASSES };

/* What the model gives for each batch size. */
static void run_model(tn_context *tn, tn_module *model, float logits[BATCHES][MOST_LOGITS])
{
    bool was = tn_set_grad_enabled(tn, false);
    for (int b = 0; b < BATCHES; b++) read_all(tn_nn_forward(model, images(tn, batches[b])), logits[b], MOST_LOGITS);
    tn_set_grad_enabled(tn, was);
    assert_good(tn);
}

/* Each batch twice: recorded, and replayed. */
static void run_file(tn_context *tn, float logits[BATCHES][MOST_LOGITS])
{
    tn_program *program = tn_program_load(tn, path);
    assert_good(tn);
    bool was = tn_set_grad_enabled(tn, false);
    for (int b = 0; b < BATCHES; b++)
        for (int turn = 0; turn < 2; turn++) {
            tn_tensor *out;
            tn_program_run(program, (tn_tensor *[]){images(tn, batches[b])}, &out);
            assert_good(tn);
            assert_int_equal(tn_dim(out, 0), batches[b]);
            read_all(out, logits[b], MOST_LOGITS);
        }
    assert_int_equal(tn_program_look(program).recordings, BATCHES);
    tn_set_grad_enabled(tn, was);
}

static int best(const float *row)
{
    int found = 0;
    for (int i = 1; i < CLASSES; i++)
        if (row[i] > row[found]) found = i;
    return found;
}

static void compare(const char *what, float a[BATCHES][MOST_LOGITS], float b[BATCHES][MOST_LOGITS], float tolerance)
{
    for (int k = 0; k < BATCHES; k++)
        for (int i = 0; i < batches[k]; i++) {
            const float *x = a[k] + i * CLASSES, *y = b[k] + i * CLASSES;
            for (int c = 0; c < CLASSES; c++)
                if (!(fabsf(x[c] - y[c]) <= tolerance))
                    fail_msg("%s, batch of %d, image %d, class %d: %.9g and %.9g", what, (int)batches[k], i, c,
                             (double)x[c], (double)y[c]);
            assert_int_equal(best(x), best(y));
        }
}

/* Saved on one backend, run on each. */
static void save_and_run(int which, const char *from, const char *const *backends, int n)
{
    static float wanted[BATCHES][MOST_LOGITS], got[BATCHES][MOST_LOGITS];
    tn_context *tn = tn_open(from);
    tn_module *model = evaluated(tn, which);
    tn_program *program = recorded_model(tn, which, model, BATCH);
    assert_int_equal(tn_program_save(program, path, model), TN_OK);
    tn_program_set_passes(program, "none");
    run_model(tn, model, wanted);
    assert_int_equal(tn_close(tn), 0);
    for (int i = 0; i < n; i++) {
        bool same = strcmp(backends[i], from) == 0;
        char what[100];
        for (int passes = 0; passes < 2; passes++) {
            setenv("TENON_PASSES", passes ? "all" : "none", 1);
            snprintf(what, sizeof what, "%s from %s on %s with passes %s", models[which].name, from, backends[i],
                     getenv("TENON_PASSES"));
            tn = tn_open(backends[i]);
            run_file(tn, got);
            assert_int_equal(tn_close(tn), 0);
            compare(what, wanted, got, same && !passes ? 0 : 1e-5f);
        }
        unsetenv("TENON_PASSES");
    }
}

static void saved_programs_compute_the_same_everywhere(void **state)
{
    const char *backends[MOST_BACKENDS];
    int n = list_backends(backends);
    (void)state;
    for (int which = 0; which < MODELS; which++)
        for (int i = 0; i < n; i++) save_and_run(which, backends[i], backends, n);
}

/* ---- functions of other kinds */

/* Results, weights and constants of all dtypes, memory that is filled, and an input that is returned. */
static void medley(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    tn_tensor *x = in[0], *index = in[1], *table = arg;
    tn_context *tn = tn_context_of(x);
    tn_tensor *zeros = tn_zeros(tn, TN_F32, TN_SHAPE(2, 3, 2));
    tn_fill_(tn_narrow(zeros, 1, 1, 1), 4);
    tn_copy_(tn_select(zeros, 0, 1), tn_transpose(x, 0, 1));
    tn_copy_(tn_narrow(zeros, 1, 0, 1), tn_narrow(zeros, 1, 2, 1));
    tn_tensor *bytes = tn_from(tn, (const uint8_t[]){1, 0, 1, 1, 0, 1}, TN_BOOL, TN_SHAPE(2, 3));
    tn_tensor *chosen = tn_where(bytes, x, tn_neg(x));
    tn_tensor *rows = tn_gather_scale(table, index, 1.0 / 3, -0.5);
    tn_tensor *bounded = tn_clamp(tn_index_select(x, tn_argmax(rows, 1, false)), -INFINITY, 0.7);
    out[0] = zeros;
    out[1] = tn_clone(x);
    out[2] = tn_add(tn_mean(chosen, TN_OVER(0), true), bounded);
    out[3] = tn_reshape(tn_cast(tn_max(rows, TN_OVER(1), false), TN_I64), TN_SHAPE(1, -1));
}

static const int sizes[] = {12, 6, 9, 3};

static void run_medley(tn_context *tn, tn_program *program, double *values)
{
    tn_tensor *x = tn_from(tn, (const float[]){1, -2, 0.5f, 7, 1e-3f, -0.25f}, TN_F32, TN_SHAPE(2, 3)), *out[4];
    tn_tensor *index = tn_from(tn, (const int64_t[]){3, 0, 2}, TN_I64, TN_SHAPE(3));
    tn_program_run(program, (tn_tensor *[]){x, index}, out);
    assert_good(tn);
    tn_fill_(x, 99); /* results are no views of it */
    for (int i = 0; i < 4; i++) {
        assert_int_equal(tn_numel(out[i]), sizes[i]);
        assert_int_equal(tn_read(tn_cast(out[i], TN_F64), values, (size_t)sizes[i] * sizeof *values), TN_OK);
        values += sizes[i];
    }
    assert_int_equal(tn_dtype_of(out[3]), TN_I64);
}

static void keep_medley(tn_context *tn)
{
    double before[30], after[30], again[30];
    tn_tensor *table = tn_from(tn, (const uint8_t[]){9, 1, 2, 3, 7, 5, 1, 200, 0, 0, 0, 1}, TN_U8, TN_SHAPE(4, 3));
    tn_program *program = tn_program_open(tn, "medley", medley, tn_slice(table, 1, 0, 2, 1), 2, 4);
    run_medley(tn, program, before);
    assert_int_equal(tn_program_save(program, path, NULL), TN_OK);
    program = tn_program_load(tn, path);
    assert_good(tn);
    run_medley(tn, program, after);
    run_medley(tn, program, again);
    assert_memory_equal(before, after, sizeof before);
    assert_memory_equal(before, again, sizeof before);
    assert_int_equal(tn_program_look(program).recordings, 1);
    assert_int_equal(tn_program_look(program).inputs, 2);
    assert_int_equal(tn_program_look(program).results, 4);
}

static void lines_of_all_kinds_are_kept(void **state)
{
    const char *backends[MOST_BACKENDS];
    int n = list_backends(backends);
    (void)state;
    setenv("TENON_FALLBACK", "allow", 1);
    for (int i = 0; i < n; i++) {
        tn_context *tn = tn_open(backends[i]);
        keep_medley(tn);
        assert_int_equal(tn_close(tn), 0);
    }
    unsetenv("TENON_FALLBACK");
}

/* A loaded program as a part of another one, which is saved in turn. */
static void twice(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    tn_tensor *first, *second, *flipped = tn_permute(in[0], 4, (const int64_t[]){0, 1, 3, 2});
    tn_program_run(arg, in, &first);
    tn_program_run(arg, &flipped, &second);
    out[0] = tn_sub(first, second);
}

static void programs_run_in_programs(void **state)
{
    tn_context *tn = *state;
    float wanted[4 * CLASSES], got[4 * CLASSES];
    tn_tensor *x = images(tn, 4), *out, *in;
    tn_module *model = evaluated(tn, 2);
    bool was = tn_set_grad_enabled(tn, false);
    assert_int_equal(tn_program_save(recorded_model(tn, 2, model, 2), path, model), TN_OK);
    in = tn_permute(x, 4, (const int64_t[]){0, 1, 3, 2});
    read_all(tn_sub(tn_nn_forward(model, x), tn_nn_forward(model, in)), wanted, 4 * CLASSES);
    tn_program *program = recorded(tn, "twice", twice, tn_program_load(tn, path), 1, (tn_tensor *[]){images(tn, 3)});
    assert_int_equal(tn_program_save(program, path, NULL), TN_OK);
    tn_program_run(tn_program_load(tn, path), &x, &out);
    assert_good(tn);
    read_all(out, got, 4 * CLASSES);
    for (int i = 0; i < 4 * CLASSES; i++) assert_true(fabsf(wanted[i] - got[i]) <= 1e-6f);
    tn_set_grad_enabled(tn, was);
}

/* More than are recorded. */
static void many_kinds_of_inputs_are_no_trouble(void **state)
{
    tn_context *tn = *state;
    static float wanted[40 * CLASSES], got[40 * CLASSES];
    tn_module *model = evaluated(tn, 2);
    bool was = tn_set_grad_enabled(tn, false);
    assert_int_equal(tn_program_save(recorded_model(tn, 2, model, 2), path, model), TN_OK);
    tn_program *program = tn_program_load(tn, path);
    for (int n = 1; n <= 40; n++) {
        tn_mark mark = tn_begin(tn);
        tn_tensor *x = images(tn, n), *out;
        read_all(tn_nn_forward(model, x), wanted, 40 * CLASSES);
        tn_program_run(program, &x, &out);
        read_all(out, got, 40 * CLASSES);
        for (int i = 0; i < n * CLASSES; i++) assert_true(fabsf(wanted[i] - got[i]) <= 1e-6f);
        tn_end(tn, mark, NULL);
    }
    assert_true(tn_program_look(program).recordings < 40);
    tn_set_grad_enabled(tn, was);
}

/* Names included: they are those of the module, and what was loaded remembers them. */
static void what_was_loaded_can_be_saved_again(void **state)
{
    tn_context *tn = *state;
    size_t first_size, second_size;
    tn_module *model = evaluated(tn, 2);
    assert_int_equal(tn_program_save(recorded_model(tn, 2, model, BATCH), path, model), TN_OK);
    char *first = read_text(&first_size);
    tn_safetensors *file = tn_safetensors_open(tn, path);
    assert_true(tn_safetensors_has(file, "1.weight") && tn_safetensors_has(file, "2.running_var"));
    assert_false(tn_safetensors_has(file, "2.num_batches_tracked"));
    tn_safetensors_close(file);

    tn_tensor *out;
    tn_program *program = tn_program_load(tn, path);
    assert_int_equal(tn_program_save(program, path, NULL), TN_INVALID); /* it has not run yet */
    assert_refused(tn, TN_INVALID, "program mixture: it has never run");
    bool was = tn_set_grad_enabled(tn, false);
    tn_program_run(program, (tn_tensor *[]){images(tn, BATCH)}, &out);
    tn_set_grad_enabled(tn, was);
    assert_int_equal(tn_program_save(program, path, NULL), TN_OK);
    char *second = read_text(&second_size);
    assert_int_equal(first_size, second_size);
    assert_memory_equal(first, second, first_size);
    free(first);
    free(second);
}

static void inputs_are_told(void **state)
{
    tn_context *tn = *state;
    tn_dtype dtype;
    int rank;
    int64_t dims[TN_MAX_RANK];
    tn_module *model = evaluated(tn, 0);
    tn_program *program = tn_program_open(tn, "p", forward, model, 1, 1);
    assert_false(tn_program_input(program, 0, &dtype, &rank, dims));
    assert_int_equal(tn_program_save(recorded_model(tn, 0, model, 5), path, model), TN_OK);
    program = tn_program_load(tn, path);
    assert_true(tn_program_input(program, 0, &dtype, &rank, dims));
    assert_int_equal(dtype, TN_F32);
    assert_int_equal(rank, 4);
    assert_int_equal(dims[0], 5);
    assert_false(tn_program_input(program, 1, &dtype, &rank, dims));

    tn_tensor *out;
    tn_program_run(program, (tn_tensor *[]){tn_zeros(tn, TN_F64, TN_SHAPE(5, 1, 28, 28))}, &out);
    assert_true(tn_is_nil(out));
    assert_refused(tn, TN_INVALID,
                   "program simplenet: input 0 is f64[5, 1, 28, 28], but it was recorded with f32[5, 1, 28, 28]");
    tn_program_run(program, (tn_tensor *[]){tn_zeros(tn, TN_F32, TN_SHAPE(5, 1, 28, 27))}, &out);
    assert_refused(tn, TN_INVALID, "program simplenet, step 0: reshape: ");
    tn_program_run(program, (tn_tensor *[]){images(tn, 2)}, &out);
    assert_good(tn);
    assert_true(tn_program_input(program, 0, &dtype, &rank, dims));
    assert_int_equal(dims[0], 2);
}

static void of_half_the_batch(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    (void)arg;
    out[0] = tn_sum(tn_slice(in[0], 0, 1, 4, 2), TN_OVER(1), false);
}

static void what_depends_on_the_batch_stays_as_recorded(void **state)
{
    tn_context *tn = *state;
    tn_tensor *x = tn_ones(tn, TN_F32, TN_SHAPE(4, 3)), *out;
    tn_program *program = recorded(tn, "half", of_half_the_batch, NULL, 1, &x);
    assert_int_equal(tn_program_save(program, path, NULL), TN_OK);
    program = tn_program_load(tn, path);
    tn_program_run(program, (tn_tensor *[]){tn_ones(tn, TN_F32, TN_SHAPE(9, 3))}, &out);
    assert_good(tn);
    assert_int_equal(tn_numel(out), 2);
    tn_program_run(program, (tn_tensor *[]){tn_ones(tn, TN_F32, TN_SHAPE(3, 3))}, &out);
    assert_refused(tn, TN_INVALID,
                   "program half, step 0: slice: 2 elements from 1 in steps of 2 do not lie within dim 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saved_programs_compute_the_same_everywhere),
        cmocka_unit_test(lines_of_all_kinds_are_kept),
        TEST(programs_run_in_programs),
        TEST(many_kinds_of_inputs_are_no_trouble),
        TEST(what_was_loaded_can_be_saved_again),
        TEST(inputs_are_told),
        TEST(what_depends_on_the_batch_stays_as_recorded),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
