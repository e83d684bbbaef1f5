/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon run: a saved program on the test images, or on images of one's own. */
#include <math.h>
#include <stdlib.h>

#include "image.h"
#include "tool.h"

typedef struct run_options {
    tool_setup setup;
    const char *file, *predictions;
    char **images; /* n of them; NULL: the test images */
    int n;
    int64_t batch_size;
    bool invert, json;
} run_options;

enum { PREDICTIONS = 256, INVERT, JSON };

/* clang-format off */
static const struct argp_option options[] = {
    {"batch-size",  'B',         "N",    0, "images in a batch (default: 1000)", 1},
    {"predictions", PREDICTIONS, "FILE", 0, "write the class of each test image, one on a line", 1},
    {"json",        JSON,        NULL,   0, "print an object of JSON", 1},
    {"invert",      INVERT,      NULL,   0, "for images of dark digits on a light ground; the models know light on dark", 1},
    {0},
};
/* clang-format on */

static error_t parse(int key, char *text, struct argp_state *state)
{
    run_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->setup; return 0;
    case 'B': o->batch_size = tool_integer(state, "--batch-size", text, 1, 1000000); return 0;
    case PREDICTIONS: o->predictions = text; return 0;
    case JSON: o->json = true; return 0;
    case INVERT: o->invert = true; return 0;
    case ARGP_KEY_ARGS:
        o->file = state->argv[state->next];
        o->images = state->argv + state->next + 1;
        o->n = state->argc - state->next - 1;
        return 0;
    case ARGP_KEY_END:
        if (!o->file) argp_error(state, "name the program: FILE.tnp, as `tenon export` writes it");
        if (o->n && o->predictions) argp_error(state, "--predictions is for the test images, not for images by name");
        if (o->n && o->json) argp_error(state, "--json is for the test images, not for images by name");
        if (!o->n && o->invert) argp_error(state, "--invert is for images by name");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&tool_place_argp, 0, NULL, 0}, {0}};
static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "FILE.tnp [IMAGE...]",
    .doc =
        "Runs a saved program on the 10,000 test images, or tells what is in each image: a PNG of 28 x 28 pixels, or "
        "a file of 784 bytes, one for each pixel.",
    .children = children,
};

/* ---- the program: f32[N,1,28,28] -> [N,classes]. What does not fit is an error of the context. */

static bool takes_images(const run_options *o, tn_context *tn, const tn_program *program)
{
    tn_dtype dtype;
    int rank;
    int64_t dims[TN_MAX_RANK];
    tn_program_stats stats = tn_program_look(program);
    char shape[160] = "";
    if (stats.inputs != 1 || stats.results != 1) {
        tn_raise(tn, TN_INVALID, "%s has %d inputs and %d results; a program that classifies images has one of each",
                 o->file, stats.inputs, stats.results);
        return false;
    }
    if (!tn_program_input(program, 0, &dtype, &rank, dims)) return false;
    if (dtype == TN_F32 && rank == 4 && dims[1] == 1 && dims[2] == IMAGE_SIDE && dims[3] == IMAGE_SIDE) return true;
    for (int i = 0, used = 0; i < rank; i++)
        used += snprintf(shape + used, sizeof shape - (size_t)used, "%s%lld", i ? "," : "", (long long)dims[i]);
    tn_raise(tn, TN_INVALID, "%s takes %s[%s]; the images are f32[N,1,%d,%d]", o->file, tn_dtype_name(dtype), shape,
             IMAGE_SIDE, IMAGE_SIDE);
    return false;
}

static tn_program *load(const run_options *o, tn_context *tn)
{
    tn_program *program = tn_check(tn) ? NULL : tn_program_load(tn, o->file);
    return program && takes_images(o, tn, program) ? program : NULL;
}

/* The scores of n images, [n,classes]; nil on error. */
static tn_tensor *scores_of(const run_options *o, tn_program *program, tn_tensor *x, int64_t n)
{
    tn_tensor *y;
    char shape[192];
    if (tn_program_run(program, &x, &y) != TN_OK) return y;
    bool real = tn_dtype_of(y) == TN_F32 || tn_dtype_of(y) == TN_F64;
    if (real && tn_rank(y) == 2 && tn_dim(y, 0) == n && tn_dim(y, 1) > 0) return y;
    return tn_raise(tn_context_of(x), TN_INVALID,
                    "%s makes %s%s of %lld images; a program that classifies makes [N, classes] of N, in f32 or f64",
                    o->file, tn_dtype_name(tn_dtype_of(y)), tn_format_shape(y, shape), (long long)n);
}

/* ---- the test images */

typedef struct answers {
    int64_t *classes;
    int64_t n, right;
    double seconds;
} answers;

static void judge(answers *a, const run_options *o, tn_program *program, const tn_batch *batch)
{
    tn_tensor *found = tn_argmax(scores_of(o, program, batch->x, batch->n), 1, false);
    tn_tensor *hits = tn_sum(tn_eq(found, batch->y), TN_ALL, false);
    tn_read(found, a->classes + a->n, (size_t)batch->n * sizeof *a->classes);
    a->right += tn_item_i64(hits);
    a->n += batch->n;
}

static bool classify_all(const run_options *o, tn_program *program, tn_context *tn, answers *a)
{
    tn_dataset *data = tool_dataset(tn, &o->setup, false);
    tn_loader *loader = data ? tn_loader_open(data, &(tn_loader_options){.batch_size = o->batch_size}) : NULL;
    if (!loader) return false;
    a->classes = calloc((size_t)tn_dataset_count(data) + 1, sizeof *a->classes);
    if (!a->classes) {
        tn_raise(tn, TN_OUT_OF_MEMORY, "no memory for the classes of %lld images", (long long)tn_dataset_count(data));
        return false;
    }
    double start = tool_now();
    for (bool more = true; more && tn_check(tn) == TN_OK;) {
        tn_batch batch;
        tn_mark mark = tn_begin(tn);
        more = tn_loader_next(loader, &batch);
        if (more) judge(a, o, program, &batch);
        tn_end(tn, mark, NULL);
    }
    a->seconds = tool_now() - start;
    return tn_check(tn) == TN_OK;
}

static bool write_classes(FILE *to, const void *arg)
{
    const answers *a = arg;
    for (int64_t i = 0; i < a->n; i++) fprintf(to, "%lld\n", (long long)a->classes[i]);
    return !ferror(to);
}

static bool print_result(const run_options *o, tn_context *tn, const tn_program *program, const answers *a)
{
    tn_program_stats stats = tn_program_look(program);
    double accuracy = a->n ? (double)a->right / (double)a->n : 0, rate = (double)a->n / a->seconds;
    if (o->json)
        return tool_json_line(
            stdout, json_pack("{s:s, s:o, s:o, s:o, s:i, s:i, s:i, s:s}", "program", o->file, "accuracy",
                              tool_json_number(accuracy), "seconds", tool_json_number(a->seconds), "images_per_second",
                              tool_json_number(rate), "operators", stats.ops, "recorded_operators", stats.recorded_ops,
                              "recordings", stats.recordings, "device", tn_default_device(tn)));
    printf("%s on %s: test accuracy %.2f %% of %s images, %s images/s; %d operators (%d recorded), %d recording%s\n",
           o->file, tn_default_device(tn), 100 * accuracy, TOOL_COUNT((double)a->n), TOOL_COUNT(rate), stats.ops,
           stats.recorded_ops, stats.recordings, stats.recordings == 1 ? "" : "s");
    return true;
}

static bool run_on_tests(const run_options *o, tn_context *tn)
{
    answers a = {0};
    tn_program *program = load(o, tn);
    bool ok = program && classify_all(o, program, tn, &a);
    if (ok && o->predictions) ok = tool_write_file(o->predictions, write_classes, &a);
    ok = ok && print_result(o, tn, program, &a);
    free(a.classes);
    return ok;
}

/* ---- images by name */

/* Scores become probabilities, unless the program gives these already. */
static void settle(float *row, int64_t classes)
{
    double sum = 0, most = (double)row[0];
    bool settled = true;
    for (int64_t i = 0; i < classes; i++) {
        sum += (double)row[i];
        settled &= row[i] >= 0;
        if ((double)row[i] > most) most = (double)row[i];
    }
    if (settled && fabs(sum - 1) < 1e-4) return;
    sum = 0;
    for (int64_t i = 0; i < classes; i++) sum += exp((double)row[i] - most);
    for (int64_t i = 0; i < classes; i++) row[i] = (float)(exp((double)row[i] - most) / sum);
}

static bool answer(const run_options *o, const uint8_t *pixels, tn_tensor *scores)
{
    int64_t classes = tn_dim(scores, 1);
    size_t bytes = (size_t)(o->n * classes) * sizeof(float);
    float *p = malloc(bytes);
    if (!p) error(TOOL_FAILED, errno, "cannot hold the scores of %d images", o->n);
    bool ok = tn_read(tn_cast(scores, TN_F32), p, bytes) == TN_OK;
    for (int i = 0; ok && i < o->n; i++) {
        settle(p + i * classes, classes);
        tool_image_answer(o->images[i], pixels + (size_t)i * IMAGE_BYTES, (int)classes, p + i * classes);
    }
    free(p);
    return ok;
}

static bool run_on_images(const run_options *o, tn_context *tn)
{
    size_t n = (size_t)o->n * IMAGE_BYTES;
    uint8_t *pixels = malloc(n);
    float *values = malloc(n * sizeof *values);
    if (!pixels || !values) error(TOOL_FAILED, errno, "cannot hold %d images", o->n);
    bool ok = tool_images_read(o->n, o->images, o->invert, pixels);
    for (size_t i = 0; ok && i < n; i++) values[i] = (float)pixels[i] / 255;
    tn_program *program = ok ? load(o, tn) : NULL;
    if (program) {
        tn_tensor *x = tn_from(tn, values, TN_F32, TN_SHAPE(o->n, 1, IMAGE_SIDE, IMAGE_SIDE));
        tn_tensor *scores = scores_of(o, program, x, o->n);
        ok = tn_check(tn) == TN_OK && answer(o, pixels, scores);
    }
    free(values);
    free(pixels);
    return program && ok;
}

static int run(int argc, char **argv)
{
    run_options o = {.setup = TOOL_SETUP, .batch_size = 1000};
    if (argp_parse(&parser, argc, argv, 0, NULL, &o)) return TOOL_FAILED;
    tn_context *tn = tool_open(&o.setup, o.setup.backend);
    if (tn_check(tn) == TN_OK) tn_set_grad_enabled(tn, false);
    bool ok = (o.n ? run_on_images : run_on_tests)(&o, tn);
    if (tn_check(tn) == TN_OK) tool_report_fallback(tn, stderr);
    return tool_close(tn) || !ok ? TOOL_FAILED : TOOL_OK;
}

const tool_command tool_run = {"run", "runs a saved program on the test images, or on one's own", run};
