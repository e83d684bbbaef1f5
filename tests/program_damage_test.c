/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs that cannot be saved are refused with the culprit's name, and damaged files with what is wrong. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "program_file.h"

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
        TEST(models_in_training_mode_are_refused),     TEST(training_programs_are_refused),
        TEST(what_has_never_run_is_refused),           TEST(a_full_disk_leaves_the_old_program),
        TEST(damaged_programs_are_told_what_is_wrong), TEST(other_files_are_told_from_programs),
        TEST(weights_of_a_program_are_a_checkpoint),   TEST(truncated_programs_are_refused),
        TEST(lines_that_do_not_fit_are_told_when_run),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
