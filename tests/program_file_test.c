/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs in files: what is loaded computes what was saved, to the bit on the same backend, at any batch size and on
 * any other backend; what cannot be saved is refused with the culprit's name, and a damaged file with what is wrong. */
#include "check.h"

#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static char directory[] = "/tmp/tenon-program-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory)) return -1;
    snprintf(path, sizeof path, "%s/file.tnp", directory);
    return 0;
}

/* Removing fails, and with it the test, if a temporary file was left behind. */
static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

/* ---- functions to save */

typedef tn_module *(*make_model)(tn_context *tn);

static tn_module *simplenet(tn_context *tn)
{
    return tn_nn_model(tn, "simplenet");
}

static tn_module *convnet(tn_context *tn)
{
    return tn_nn_model(tn, "convnet");
}

/* Views in front and behind: a picture in quarters, a frame around it, a bias stretched to all pixels. */
static tn_tensor *rearrange(tn_module *self, tn_tensor *x)
{
    tn_context *tn = tn_nn_context(self);
    tn_tensor *flipped = tn_permute(x, 4, (const int64_t[]){0, 1, 3, 2});
    tn_tensor *quarter = tn_slice(tn_slice(x, 2, 0, 28, 2), 3, 1, 28, 2), *rest = tn_narrow(flipped, 3, 14, 14);
    tn_tensor *joined = tn_cat(2, (tn_tensor *[]){quarter, tn_narrow(rest, 2, 3, 14)}, 1);
    tn_tensor *ramp = tn_mul_scalar(tn_arange(tn, TN_F32, 0, 14, 1), 0.1);
    tn_tensor *stretched = tn_expand(tn_reshape(ramp, TN_SHAPE(1, 1, 1, 14)), TN_SHAPE(1, 2, 14, 14));
    return tn_add(joined, stretched);
}

static tn_tensor *probabilities(tn_module *self, tn_tensor *x)
{
    (void)self;
    return tn_softmax(x, -1);
}

static tn_module *mixture(tn_context *tn)
{
    tn_module *model = tn_nn_sequential(
        tn, tn_nn_module(tn, "Rearrange", rearrange, NULL), tn_nn_conv2d(tn, 2, 6, 3, true, NULL),
        tn_nn_batch_norm2d(tn, 6), tn_nn_relu(tn), tn_nn_dropout(tn, 0.25), tn_nn_avg_pool2d(tn, 2), tn_nn_flatten(tn),
        tn_nn_linear(tn, 216, 10, true), tn_nn_module(tn, "Softmax", probabilities, NULL), NULL);
    /* Statistics as after some training. */
    bool was = tn_set_grad_enabled(tn, false);
    tn_uniform_(tn_nn_get(model, "2.running_mean"), -0.5, 0.5);
    tn_uniform_(tn_nn_get(model, "2.running_var"), 0.5, 2);
    tn_set_grad_enabled(tn, was);
    return model;
}

static const struct {
    const char *name;
    make_model make;
} models[] = {{"simplenet", simplenet}, {"convnet", convnet}, {"mixture", mixture}};
enum { MODELS = sizeof models / sizeof *models };

static void forward(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    out[0] = tn_nn_forward(arg, in[0]);
}

static tn_tensor *images(tn_context *tn, int64_t n)
{
    tn_manual_seed(tn, 3);
    return tn_uniform(tn, TN_F32, 0, 1, TN_SHAPE(n, 1, 28, 28));
}

static tn_module *evaluated(tn_context *tn, int which)
{
    tn_manual_seed(tn, 1);
    tn_module *model = models[which].make(tn);
    tn_nn_train(model, false);
    assert_good(tn);
    return model;
}

/* Runs fn once, so that it is recorded. */
static tn_program *recorded(tn_context *tn, const char *name, tn_program_fn fn, void *arg, int n, tn_tensor *const *in)
{
    tn_tensor *out[4];
    tn_program *program = tn_program_open(tn, name, fn, arg, n, 1);
    bool was = tn_set_grad_enabled(tn, false);
    tn_program_run(program, in, out);
    tn_set_grad_enabled(tn, was);
    return program;
}

static tn_program *recorded_model(tn_context *tn, int which, tn_module *model, int64_t batch)
{
    return recorded(tn, models[which].name, forward, model, 1, (tn_tensor *[]){images(tn, batch)});
}

static void read_all(tn_tensor *x, float *values, size_t room)
{
    assert_int_equal(tn_dtype_of(x), TN_F32);
    assert_true((size_t)tn_numel(x) <= room);
    assert_int_equal(tn_read(x, values, (size_t)tn_numel(x) * sizeof *values), TN_OK);
}

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

static char *read_text(size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = malloc(1 << 24);
    assert_non_null(text);
    *size = fread(text, 1, 1 << 24, file);
    fclose(file);
    return text;
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

/* ---- what cannot be saved */

typedef struct trainer {
    tn_module *model;
    tn_optimizer *opt;
} trainer;

static void train_step(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    trainer *t = arg;
    tn_optim_zero_grad(t->opt);
    out[0] = tn_cross_entropy(tn_nn_forward(t->model, in[0]), in[1]);
    tn_backward(out[0]);
    tn_optim_step(t->opt);
}

static void backward_alone(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    trainer *t = arg;
    tn_optim_zero_grad(t->opt);
    out[0] = tn_cross_entropy(tn_nn_forward(t->model, in[0]), in[1]);
    tn_backward(out[0]);
}

static void change_input(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    (void)arg;
    tn_fill_(in[0], 1);
    out[0] = tn_neg(in[0]);
}

static void training_programs_are_refused(void **state)
{
    tn_context *tn = *state;
    tn_tensor *out, *x = images(tn, 4), *y = tn_from(tn, (int64_t[]){1, 2, 3, 4}, TN_I64, TN_SHAPE(4));
    trainer t = {.model = simplenet(tn)};
    t.opt = tn_optim_adam(t.model, NULL);
    tn_program *program = tn_program_open(tn, "step", train_step, &t, 2, 1);
    tn_program_run(program, (tn_tensor *[]){x, y}, &out);
    assert_good(tn);
    tn_program_save(program, path, t.model);
    assert_refused(tn, TN_UNSUPPORTED,
                   "program step: adam_step changes fc1.weight; only programs that change nothing but their results");
    program = tn_program_open(tn, "back", backward_alone, &t, 2, 1);
    tn_program_run(program, (tn_tensor *[]){x, y}, &out);
    tn_program_save(program, path, t.model);
    assert_refused(tn, TN_UNSUPPORTED, "program back: it sets gradients");
    program = recorded(tn, "input", change_input, NULL, 1, &x);
    tn_program_save(program, path, NULL);
    assert_refused(tn, TN_UNSUPPORTED, "program input: fill changes input 0");
}

static void models_in_training_mode_are_refused(void **state)
{
    tn_context *tn = *state;
    tn_module *dropout = tn_nn_dropout(tn, 0.5), *norm = tn_nn_batch_norm2d(tn, 1);
    tn_program_save(recorded(tn, "net", forward, dropout, 1, (tn_tensor *[]){images(tn, 4)}), path, dropout);
    assert_refused(tn, TN_UNSUPPORTED, "program net: dropout draws random numbers");
    tn_program_save(recorded(tn, "net", forward, norm, 1, (tn_tensor *[]){images(tn, 4)}), path, norm);
    assert_refused(tn, TN_UNSUPPORTED, "program net: batch_norm2d changes running_mean");
    assert_int_equal(access(path, F_OK), -1);
    tn_nn_train(norm, false);
    assert_int_equal(tn_program_save(recorded(tn, "net", forward, norm, 1, (tn_tensor *[]){images(tn, 4)}), path, norm),
                     TN_OK);
}

static void what_has_never_run_is_refused(void **state)
{
    tn_context *tn = *state;
    tn_program_save(tn_program_open(tn, "net", forward, NULL, 1, 1), path, NULL);
    assert_refused(tn, TN_INVALID, "program net: it has never run, so nothing is recorded");
    assert_int_equal(tn_program_save(NULL, path, NULL), TN_INVALID);
}

static void a_full_disk_leaves_the_old_program(void **state)
{
    tn_context *tn = *state;
    struct rlimit before;
    size_t old_size, new_size;
    tn_module *model = evaluated(tn, 0);
    tn_program *program = recorded_model(tn, 0, model, 2);
    assert_int_equal(tn_program_save(program, path, model), TN_OK);
    char *old = read_text(&old_size);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4096, before.rlim_max}), 0);
    tn_program_save(program, path, model);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    assert_refused(tn, TN_IO, "File too large");
    char *new = read_text(&new_size);
    assert_int_equal(old_size, new_size);
    assert_memory_equal(old, new, old_size);
    free(old);
    free(new);
}

/* ---- damaged files */

#define RELU "{\"op\":\"relu/1(x:T[...]) -> y:T[...]\",\"attrs\":{},\"in\":[0],\"out\":[3]}"
#define PROGRAM(steps, outputs)                                                                                   \
    "{\"name\":\"p\",\"inputs\":[{\"dtype\":\"f32\",\"dims\":[2,3]}],\"weights\":[\"w\",\"b\"],\"steps\":[" steps \
    "],\"outputs\":" outputs "}"
#define STEP(op, rest, in, out) "{\"op\":\"" op "\"," rest "\"in\":" in ",\"out\":" out "}"
#define SOFTMAX "softmax/1(x:T[...]; dim:i64) -> y:T[...]"
#define FILL "fill/1(y!:A[...]; value:f64) -> ()"
#define POOL                                                                                                         \
    "avg_pool2d/1(x:T[N,C,H,W]; kernel:i64[2], stride:i64[2], padding:i64[2], ceil_mode:i64, count_include_pad:i64)" \
    " -> y:T[N,C,P,Q]"
#define LINEAR "linear/1(x:T[...,I], w:T[O,I], b?:T[O]) -> y:T[...,O]"

/* clang-format off */
static const struct {
    const char *script;
    tn_status status;
    const char *phrase;
} damaged[] = {
    {PROGRAM(RELU, "[3]"),                                                       TN_OK, ""},
    {"",                                                                         TN_CORRUPT, "its program is damaged: it is no JSON"},
    {"[1]",                                                                      TN_CORRUPT, "it is no JSON object"},
    {"{}",                                                                       TN_CORRUPT, "there is no text \"name\""},
    {"{\"name\":\"a\\u001bb\"}",                                                 TN_CORRUPT, "its name has control characters"},
    {"{\"name\":\"p\"}",                                                         TN_CORRUPT, "there is no list \"inputs\""},
    {"{\"name\":\"p\",\"inputs\":[3]}",                                          TN_CORRUPT, "there is no text \"dtype\""},
    {"{\"name\":\"p\",\"inputs\":[{\"dtype\":\"f31\",\"dims\":[]}]}",            TN_CORRUPT, "\"f31\" is no dtype"},
    {"{\"name\":\"p\",\"inputs\":[{\"dtype\":\"f32\",\"dims\":[1,-1]}]}",        TN_CORRUPT, "dim 1 of \"dims\" is -1, it must be at least 0"},
    {"{\"name\":\"p\",\"inputs\":[{\"dtype\":\"f32\",\"dims\":[null]}]}",        TN_CORRUPT, "dim 0 of \"dims\" is no whole number"},
    {"{\"name\":\"p\",\"inputs\":[{\"dtype\":\"f32\",\"dims\":[1,1,1,1,1,1,1,1,1]}]}", TN_CORRUPT, "has 9 dims, at most 8"},
    {"{\"name\":\"p\",\"inputs\":[],\"weights\":[1]}",                           TN_CORRUPT, "weight 0 has no name"},
    {"{\"name\":\"p\",\"inputs\":[],\"weights\":[\"w\",\"b\",\"w\"]}",          TN_CORRUPT, "weight \"w\" is there twice"},
    {"{\"name\":\"p\",\"inputs\":[],\"weights\":[\"v\"],\"steps\":[],\"outputs\":[]}", TN_CORRUPT, "needs the weight \"v\", which is missing"},
    {PROGRAM("3", "[0]"),                                                        TN_CORRUPT, "step 0 (?): there is no text \"op\""},
    {PROGRAM(RELU ",{}", "[0]"),                                                 TN_CORRUPT, "step 1 (?): there is no text \"op\""},
    {PROGRAM(STEP("dance", "", "[0]", "[3]"), "[3]"),                            TN_UNSUPPORTED, "step 0 (dance): this Tenon has no operator \"dance\""},
    {PROGRAM(STEP("relu/2(x:T[...]) -> y:T[...]", "", "[0]", "[3]"), "[3]"),     TN_UNSUPPORTED, "step 0 (relu): the file was saved for relu/2(x:T[...]) -> y:T[...], but this Tenon has relu/1(x:T[...]) -> y:T[...]"},
    {PROGRAM(STEP("relu/1(x:A[...]) -> y:T[...]", "", "[0]", "[3]"), "[3]"),     TN_UNSUPPORTED, "was saved for relu/1(x:A"},
    {PROGRAM(STEP("relu", "", "[0]", "[3]"), "[3]"),                             TN_UNSUPPORTED, "was saved for relu, but"},
    {PROGRAM(STEP("relu/1(x:T[...]) -> y:T[...]", "", "[0]", "[3]"), "[3]"),     TN_CORRUPT, "there is no object \"attrs\""},
    {PROGRAM(STEP("relu/1(x:T[...]) -> y:T[...]", "\"attrs\":{\"p\":1},", "[0]", "[3]"), "[3]"), TN_CORRUPT, "it has 1 attributes, not 0"},
    /* numbers of tensors: missing, beyond all, forward, its own */
    {PROGRAM(STEP("reshape", "\"dims\":[6],", "[3]", "[3]"), "[3]"),             TN_CORRUPT, "step 0 (reshape): its input 0 is tensor 3, but only 0 to 2 are there by then"},
    {PROGRAM(STEP("reshape", "\"dims\":[6],", "[4]", "[3]") "," STEP("reshape", "\"dims\":[6],", "[3]", "[4]"), "[4]"), TN_CORRUPT, "input 0 is tensor 4"},
    {PROGRAM(STEP("reshape", "\"dims\":[6],", "[-1]", "[3]"), "[3]"),            TN_CORRUPT, "its input 0 is -1, it must be at least 0"},
    {PROGRAM(STEP("reshape", "\"dims\":[6],", "[9223372036854775807]", "[3]"), "[3]"), TN_CORRUPT, "only 0 to 2 are there"},
    {PROGRAM(STEP("reshape", "\"dims\":[6],", "[4294967296]", "[3]"), "[3]"),    TN_CORRUPT, "only 0 to 2 are there"},
    {PROGRAM(STEP("reshape", "\"dims\":[6],", "[0.0]", "[3]"), "[3]"),           TN_CORRUPT, "its input 0 is no whole number"},
    {PROGRAM(STEP("reshape", "\"dims\":[6],", "[null]", "[3]"), "[3]"),          TN_CORRUPT, "its input 0 is missing"},
    {PROGRAM(STEP("reshape", "\"dims\":[6],", "[]", "[3]"), "[3]"),              TN_CORRUPT, "it has 0 inputs, not 1"},
    {PROGRAM(STEP("reshape", "\"dims\":[6],", "0", "[3]"), "[3]"),               TN_CORRUPT, "there is no list \"in\""},
    {PROGRAM(STEP("reshape", "\"dims\":[6],", "[0]", "[4]"), "[3]"),             TN_CORRUPT, "its result 0 must be tensor 3"},
    {PROGRAM(STEP("reshape", "\"dims\":[6],", "[0]", "[2]"), "[3]"),             TN_CORRUPT, "its result 0 must be tensor 3"},
    {PROGRAM(STEP("reshape", "\"dims\":[6],", "[0]", "[]"), "[3]"),              TN_CORRUPT, "it has 0 results, not 1"},
    {PROGRAM(RELU, "[4]"),                                                       TN_CORRUPT, "its program is damaged: output 0 is tensor 4, but only 0 to 3"},
    {PROGRAM(RELU, "[\"3\"]"),                                                   TN_CORRUPT, "output 0 is no whole number"},
    {PROGRAM(RELU, "3"),                                                         TN_CORRUPT, "there is no list \"outputs\""},
    /* sizes and attributes */
    {PROGRAM(STEP("reshape", "\"dims\":[6,null],", "[0]", "[3]"), "[3]"),        TN_CORRUPT, "dim 1 of \"dims\" is no whole number"},
    {PROGRAM(STEP("expand", "\"dims\":[4294967296,4294967296],", "[0]", "[3]"), "[3]"), TN_CORRUPT, "more elements than any memory"},
    {PROGRAM(STEP("empty", "\"dtype\":\"f32\",\"dims\":[4294967296,0,4294967296],", "[]", "[3]"), "[3]"), TN_CORRUPT, "more elements than any memory"},
    {PROGRAM(STEP("empty", "\"dtype\":\"bf16\",\"dims\":[1],", "[]", "[3]"), "[3]"), TN_CORRUPT, "\"bf16\" is no dtype"},
    {PROGRAM(STEP("permute", "\"order\":[1,1],", "[0]", "[3]"), "[3]"),          TN_CORRUPT, "\"order\" is no order of 2 dims"},
    {PROGRAM(STEP("permute", "\"order\":[2,0],", "[0]", "[3]"), "[3]"),          TN_CORRUPT, "\"order\" is no order of 2 dims"},
    {PROGRAM(STEP("slice", "\"dim\":8,\"start\":0,\"length\":1,\"step\":1,", "[0]", "[3]"), "[3]"), TN_CORRUPT, "\"dim\" is 8, at most 7"},
    {PROGRAM(STEP("slice", "\"dim\":0,\"start\":0,\"length\":1,\"step\":0,", "[0]", "[3]"), "[3]"), TN_CORRUPT, "\"step\" is 0, it must be at least 1"},
    {PROGRAM(STEP("slice", "\"dim\":0,\"start\":0,\"length\":1,", "[0]", "[3]"), "[3]"), TN_CORRUPT, "\"step\" is no whole number"},
    {PROGRAM(STEP(SOFTMAX, "\"attrs\":{},", "[0]", "[3]"), "[3]"),               TN_CORRUPT, "it has 0 attributes, not 1"},
    {PROGRAM(STEP(SOFTMAX, "\"attrs\":{\"axis\":1},", "[0]", "[3]"), "[3]"),     TN_CORRUPT, "its attribute \"dim\" is missing"},
    {PROGRAM(STEP(SOFTMAX, "\"attrs\":{\"dim\":\"1\"},", "[0]", "[3]"), "[3]"),  TN_CORRUPT, "its attribute \"dim\" has no whole number"},
    {PROGRAM(STEP(SOFTMAX, "\"attrs\":{\"dim\":1.0},", "[0]", "[3]"), "[3]"),    TN_CORRUPT, "its attribute \"dim\" has no whole number"},
    {PROGRAM(STEP(POOL, "\"attrs\":{\"kernel\":2,\"stride\":[2,2],\"padding\":[0,0],\"ceil_mode\":0,\"count_include_pad\":1},", "[0]", "[3]"), "[3]"), TN_CORRUPT, "its attribute \"kernel\" is no list of 2 numbers"},
    {PROGRAM(STEP(POOL, "\"attrs\":{\"kernel\":[2],\"stride\":[2,2],\"padding\":[0,0],\"ceil_mode\":0,\"count_include_pad\":1},", "[0]", "[3]"), "[3]"), TN_CORRUPT, "its attribute \"kernel\" is no list of 2 numbers"},
    {PROGRAM(STEP("empty", "\"dtype\":\"f32\",\"dims\":[1],", "[]", "[3]") "," STEP(FILL, "\"attrs\":{\"value\":\"big\"},", "[3]", "[]"), "[3]"), TN_CORRUPT, "step 1 (fill): its attribute \"value\" has no number"},
    {PROGRAM(STEP(LINEAR, "\"attrs\":{},", "[0,null,2]", "[3]"), "[3]"),         TN_CORRUPT, "step 0 (linear): its input w is missing"},
    {PROGRAM(STEP(LINEAR, "\"attrs\":{},", "[0,1]", "[3]"), "[3]"),              TN_CORRUPT, "2 inputs do not fit its schema"},
    /* writing where the file must not */
    {PROGRAM(STEP(FILL, "\"attrs\":{\"value\":1},", "[0]", "[]"), "[0]"),        TN_CORRUPT, "step 0 writes to memory that no step has made"},
    {PROGRAM(STEP("reshape", "\"dims\":[2],", "[2]", "[3]") "," STEP("copy", "", "[0,3]", "[]"), "[3]"), TN_CORRUPT, "step 1 writes to memory that no step has made"},
};
/* clang-format on */

/* A file with this program, and the weights w [2,3] and b [2]. */
static void write_program(tn_context *tn, const char *version, const char *script)
{
    tn_tensor *w = tn_ones(tn, TN_F32, TN_SHAPE(2, 3)), *b = tn_ones(tn, TN_F32, TN_SHAPE(2));
    const char *const metadata[] = {"tenon.program", version, script ? "program" : NULL, script, NULL};
    tn_safetensors_save(tn, path, 2, (const char *const[]){"w", "b"}, (tn_tensor *const[]){w, b}, metadata);
    assert_good(tn);
}

static void damaged_programs_are_told_what_is_wrong(void **state)
{
    tn_context *tn = *state;
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        write_program(tn, "1", damaged[i].script);
        tn_program *program = tn_program_load(tn, path);
        if (damaged[i].status == TN_OK) {
            assert_good(tn);
            continue;
        }
        assert_null(program);
        if (!strstr(tn_message(tn), path)) fail_msg("\"%s\" does not name the file", tn_message(tn));
        assert_refused(tn, damaged[i].status, damaged[i].phrase);
    }
}

static void other_files_are_told_from_programs(void **state)
{
    tn_context *tn = *state;
    tn_module *model = simplenet(tn);
    write_program(tn, "2", damaged[0].script);
    assert_null(tn_program_load(tn, path));
    assert_refused(tn, TN_UNSUPPORTED, "is a program of version 2; this Tenon reads version 1");
    write_program(tn, "one", damaged[0].script);
    assert_null(tn_program_load(tn, path));
    assert_refused(tn, TN_CORRUPT, "\"tenon.program\" is no version");
    write_program(tn, "1", NULL);
    assert_null(tn_program_load(tn, path));
    assert_refused(tn, TN_CORRUPT, "its metadata \"program\" is missing");
    assert_int_equal(tn_save(tn, path, &(tn_checkpoint){.model = model}), TN_OK);
    assert_null(tn_program_load(tn, path));
    assert_refused(tn, TN_INVALID, "holds no program: it has no metadata \"tenon.program\" (weights alone");
    assert_null(tn_program_load(tn, "/nowhere/x.tnp"));
    assert_refused(tn, TN_NOT_FOUND, "/nowhere/x.tnp");
}

/* The weights of a program load as a checkpoint's. */
static void weights_of_a_program_are_a_checkpoint(void **state)
{
    tn_context *tn = *state;
    tn_module *model = evaluated(tn, 0), *other = simplenet(tn);
    assert_int_equal(tn_program_save(recorded_model(tn, 0, model, 2), path, model), TN_OK);
    assert_int_equal(tn_load(tn, path, &(tn_checkpoint){.model = other}), TN_OK);
    double d =
        tn_item(tn_max(tn_abs(tn_sub(tn_nn_get(model, "fc1.weight"), tn_nn_get(other, "fc1.weight"))), TN_ALL, false));
    assert_true(d == 0);
}

/* Whatever is cut off, the file is refused. */
static void truncated_programs_are_refused(void **state)
{
    tn_context *tn = *state;
    size_t size;
    write_program(tn, "1", damaged[0].script);
    char *bytes = read_text(&size);
    for (size_t n = 0; n < size; n++) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, n, file), n);
        fclose(file);
        assert_null(tn_program_load(tn, path));
        assert_refused(tn, TN_CORRUPT, path);
    }
    free(bytes);
}

/* Shapes and attributes that no operator takes are found when it runs, and the step is named. */
static void lines_that_do_not_fit_are_told_when_run(void **state)
{
    static const struct {
        const char *script, *phrase;
    } rows[] = {
        {PROGRAM(STEP(SOFTMAX, "\"attrs\":{\"dim\":2},", "[0]", "[3]"), "[3]"), "program p, step 0: softmax: "},
        {PROGRAM(STEP(SOFTMAX, "\"attrs\":{\"dim\":-9223372036854775808},", "[0]", "[3]"), "[3]"), "softmax: "},
        {PROGRAM(STEP("reshape", "\"dims\":[5],", "[0]", "[3]"), "[3]"), "step 0: reshape: "},
        {PROGRAM(STEP("slice", "\"dim\":5,\"start\":0,\"length\":0,\"step\":1,", "[0]", "[3]"), "[3]"),
         "step 0: slice: "},
        {PROGRAM(STEP("slice", "\"dim\":0,\"start\":1,\"length\":9223372036854775807,\"step\":9223372036854775807,",
                      "[0]", "[3]"),
                 "[3]"),
         "step 0: slice: "},
        {PROGRAM(STEP("empty", "\"dtype\":\"f32\",\"dims\":[1125899906842624],", "[]", "[3]"), "[3]"), "step 0: "},
        {PROGRAM(STEP(POOL,
                      "\"attrs\":{\"kernel\":[0,0],\"stride\":[0,0],\"padding\":[-1,0],\"ceil_mode\":7,"
                      "\"count_include_pad\":1},",
                      "[0]", "[3]"),
                 "[3]"),
         "step 0: avg_pool2d: "},
    };
    tn_context *tn = *state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tn_tensor *out, *x = tn_ones(tn, TN_F32, TN_SHAPE(2, 3));
        write_program(tn, "1", rows[i].script);
        tn_program *program = tn_program_load(tn, path);
        assert_good(tn);
        tn_program_run(program, &x, &out);
        assert_true(tn_is_nil(out));
        if (!strstr(tn_message(tn), rows[i].phrase)) fail_msg("\"%s\" lacks \"%s\"", tn_message(tn), rows[i].phrase);
        tn_clear(tn);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(models_in_training_mode_are_refused),
        cmocka_unit_test(saved_programs_compute_the_same_everywhere),
        cmocka_unit_test(lines_of_all_kinds_are_kept),
        TEST(programs_run_in_programs),
        TEST(many_kinds_of_inputs_are_no_trouble),
        TEST(what_was_loaded_can_be_saved_again),
        TEST(inputs_are_told),
        TEST(what_depends_on_the_batch_stays_as_recorded),
        TEST(training_programs_are_refused),
        TEST(what_has_never_run_is_refused),
        TEST(a_full_disk_leaves_the_old_program),
        TEST(damaged_programs_are_told_what_is_wrong),
        TEST(other_files_are_told_from_programs),
        TEST(weights_of_a_program_are_a_checkpoint),
        TEST(truncated_programs_are_refused),
        TEST(lines_that_do_not_fit_are_told_when_run),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
