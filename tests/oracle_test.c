/* SPDX-License-Identifier: Apache-2.0
 *
 * Training follows PyTorch, step by step: from its initial weights, on its batches, with its losses. In f64 on the
 * reference backend each run is followed to 1e-7; in f32 on every backend to 1e-4, eagerly and as a program. Runs that no f32 program can follow
 * to the end (oracles/make_oracles.py tells why) are begun anew from the f64 run's state every LEG steps. */
#include "check.h"
#include "sample.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { STEPS = 100, BATCH = 64, LEG = 10, N_LEGS = STEPS / LEG, MOST_BACKENDS = 4 };
#ifdef TN_NO_MULTIVERSION
enum { SHORTENED = 12 }; /* under sanitizers ConvNet is slow: the first steps alone */
#else
enum { SHORTENED = STEPS };
#endif

/* ---- runs: as in make_oracles.py */

static tn_optimizer *sgd(tn_module *net)
{
    return tn_optim_sgd(net, &(tn_sgd_options){.lr = 0.01});
}

static tn_optimizer *momentum(tn_module *net)
{
    return tn_optim_sgd(net, &(tn_sgd_options){.lr = 0.01, .momentum = 0.9, .weight_decay = 5e-4});
}

static tn_optimizer *nesterov(tn_module *net)
{
    return tn_optim_sgd(net, &(tn_sgd_options){.lr = 0.01, .momentum = 0.9, .nesterov = true});
}

static tn_optimizer *adam(tn_module *net)
{
    return tn_optim_adam(net, &(tn_adam_options){.lr = 0.001});
}

static tn_optimizer *adamw(tn_module *net)
{
    return tn_optim_adamw(net, &(tn_adam_options){.lr = 0.001});
}

static tn_optimizer *fast_adam(tn_module *net)
{
    return tn_optim_adam(net, &(tn_adam_options){.lr = 0.01});
}

typedef struct run {
    const char *name, *model;
    tn_optimizer *(*optimizer)(tn_module *net);
    bool schedule; /* StepLR(30, 0.1), advanced after each step */
    bool legs;     /* in f32 */
} run;

/* clang-format off */
static const run runs[] = {
    {"simplenet.sgd",      "simplenet", sgd,       false, false},
    {"simplenet.momentum", "simplenet", momentum,  false, false},
    {"simplenet.nesterov", "simplenet", nesterov,  false, false},
    {"simplenet.adam",     "simplenet", adam,      false, false},
    {"simplenet.adamw",    "simplenet", adamw,     false, false},
    {"simplenet.steplr",   "simplenet", fast_adam, true,  false},
    {"convnet.sgd",        "convnet",   sgd,       false, false},
    {"convnet.momentum",   "convnet",   momentum,  false, true},
    {"convnet.adam",       "convnet",   adam,      false, true},
    {"convnet.adamw",      "convnet",   adamw,     false, true},
    {"convnet.steplr",     "convnet",   fast_adam, true,  true},
};
/* clang-format on */
enum { N_RUNS = sizeof runs / sizeof *runs };

/* ---- both models in f64: the same layers under the same names */

static tn_tensor *parameter(tn_module *net, const char *layer, const char *name)
{
    return tn_nn_get(tn_nn_child(net, layer), name);
}

static tn_tensor *linear(tn_module *net, const char *layer, tn_tensor *x)
{
    return tn_linear(x, parameter(net, layer, "weight"), parameter(net, layer, "bias"));
}

static tn_tensor *conv_and_pool(tn_module *net, const char *layer, tn_tensor *x)
{
    x = tn_conv2d(x, parameter(net, layer, "weight"), parameter(net, layer, "bias"), NULL);
    return tn_max_pool2d(tn_relu(x), TN_MAX_POOL2D(.kernel = {2, 2}));
}

static tn_tensor *forward(tn_module *net, tn_tensor *x)
{
    if (tn_nn_child(net, "conv1")) x = conv_and_pool(net, "conv2", conv_and_pool(net, "conv1", x));
    return linear(net, "fc2", tn_relu(linear(net, "fc1", tn_flatten(x, 1, -1))));
}

static tn_module *model_in_f64(tn_context *tn, tn_safetensors *weights)
{
    static const char *const layers[] = {"conv1", "conv2", "fc1", "fc2"}, *const names[] = {"weight", "bias"};
    tn_module *net = tn_nn_module(tn, "InF64", forward, NULL);
    for (int i = 0; i < 4; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s.weight", layers[i]);
        if (!tn_safetensors_has(weights, name)) continue;
        tn_module *layer = tn_nn_add(net, layers[i], tn_nn_module(tn, "Layer", forward, NULL));
        for (int k = 0; k < 2; k++) {
            snprintf(name, sizeof name, "%s.%s", layers[i], names[k]);
            tn_nn_add_parameter(layer, names[k], tn_cast(tn_safetensors_get(weights, name), TN_F64));
        }
    }
    return net;
}

/* ---- a training run under way */

typedef struct trainer {
    tn_context *tn;
    tn_dtype dtype;
    tn_module *net;
    tn_optimizer *optimizer;
    tn_scheduler *schedule;
    tn_tensor *images, *labels, *order, *losses;
    tn_program *program; /* NULL: eager */
} trainer;

static char *oracle_path(const char *name, char *buffer)
{
    snprintf(buffer, 1000, "%s/oracles/%s.safetensors", getenv("TENON_TEST_DIR"), name);
    return buffer;
}

static tn_tensor *read_idx(tn_context *tn, const char *name)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/mnist/%s", tn_data_dir(), name);
    return tn_idx_read(tn, path);
}

static void load_model(trainer *t, const char *model)
{
    char path[1000];
    oracle_path(model, path);
    if (t->dtype == TN_F32) {
        t->net = tn_nn_model(t->tn, model);
        tn_load(t->tn, path, &(tn_checkpoint){.model = t->net});
        return;
    }
    tn_safetensors *weights = tn_safetensors_open(t->tn, path);
    t->net = model_in_f64(t->tn, weights);
    tn_safetensors_close(weights);
}

static trainer trainer_open(const char *backend, const run *r, tn_dtype dtype)
{
    char path[1000], name[80];
    trainer t = {.tn = tn_open(backend), .dtype = dtype};
    load_model(&t, r->model);
    t.optimizer = r->optimizer(t.net);
    t.schedule = r->schedule ? tn_lr_step(t.optimizer, 30, 0.1) : NULL;
    t.images = tn_reshape(read_idx(t.tn, "train-images-idx3-ubyte"), 4, (const int64_t[]){-1, 1, 28, 28});
    t.labels = read_idx(t.tn, "train-labels-idx1-ubyte");
    tn_safetensors *training = tn_safetensors_open(t.tn, oracle_path("training", path));
    snprintf(name, sizeof name, "%s/loss", r->name);
    t.order = tn_cast(tn_safetensors_get(training, "order"), TN_I64);
    t.losses = tn_safetensors_get(training, name);
    tn_safetensors_close(training);
    assert_good(t.tn);
    return t;
}

/* in: which images; out: their loss. */
static void learn(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    trainer *t = arg;
    tn_tensor *index = in[0];
    tn_tensor *x = t->dtype == TN_F32 ? tn_gather_scale(t->images, index, 1 / 255.0, 0)
                                      : tn_mul_scalar(tn_cast(tn_index_select(t->images, index), t->dtype), 1 / 255.0);
    tn_tensor *y = tn_cast(tn_index_select(t->labels, index), TN_I64);
    tn_optim_zero_grad(t->optimizer);
    out[0] = tn_cross_entropy(tn_nn_forward(t->net, x), y);
    tn_backward(out[0]);
    tn_optim_step(t->optimizer);
}

static double step(trainer *t, int k)
{
    tn_mark mark = tn_begin(t->tn);
    tn_tensor *index = tn_select(t->order, 0, k), *loss = NULL;
    if (t->program)
        tn_program_run(t->program, &index, &loss);
    else
        learn(t, &index, &loss);
    if (t->schedule) tn_lr_advance(t->schedule);
    double value = tn_item(loss);
    tn_end(t->tn, mark, NULL);
    return value;
}

static void follow(trainer *t, int k, double tolerance)
{
    double loss = step(t, k), expected = tn_item(tn_select(t->losses, 0, k));
    assert_good(t->tn);
    if (!(fabs(loss - expected) <= tolerance * expected))
        fail_msg("step %d: the loss is %.9g, PyTorch's is %.9g, a relative difference of %.1e", k, loss, expected,
                 fabs(loss - expected) / expected);
}

/* ---- states of the f64 run, for the f32 runs to begin from */

typedef struct snapshot {
    int n;
    double **values; /* of the model's tensors, then of the optimizer's */
} snapshot;

static snapshot snapshots[N_RUNS][N_LEGS];

static int count_tensors(const trainer *t)
{
    return tn_nn_state_count(t->net) + tn_optim_state_count(t->optimizer);
}

static tn_tensor *tensor_of(const trainer *t, int i)
{
    int n = tn_nn_state_count(t->net);
    return i < n ? tn_nn_state(t->net, i, NULL, NULL) : tn_optim_state(t->optimizer, i - n, NULL);
}

static void keep(const trainer *t, snapshot *s)
{
    s->n = count_tensors(t);
    s->values = calloc((size_t)s->n, sizeof *s->values);
    for (int i = 0; i < s->n; i++) s->values[i] = sample_read(tensor_of(t, i));
}

static void become(trainer *t, const snapshot *s)
{
    assert_int_equal(s->n, count_tensors(t)); /* 0: the f64 run has failed */
    bool recording = tn_set_grad_enabled(t->tn, false);
    tn_mark mark = tn_begin(t->tn);
    for (int i = 0; i < s->n; i++) {
        tn_tensor *x = tensor_of(t, i);
        tn_copy_(x, sample_tensor(t->tn, tn_dtype_of(x), tn_rank(x), tn_dims(x), s->values[i]));
    }
    tn_end(t->tn, mark, NULL);
    tn_set_grad_enabled(t->tn, recording);
}

static int release_snapshots(void **state)
{
    (void)state;
    for (int r = 0; r < N_RUNS; r++)
        for (int leg = 0; leg < N_LEGS; leg++) {
            for (int i = 0; i < snapshots[r][leg].n; i++) free(snapshots[r][leg].values[i]);
            free(snapshots[r][leg].values);
        }
    return 0;
}

/* ---- tests */

typedef struct job {
    const run *run;
    const char *backend;
    tn_dtype dtype;
    bool as_program;
    char name[120];
} job;

static int steps_of(const run *r)
{
    return strcmp(r->model, "convnet") == 0 ? SHORTENED : STEPS;
}

static void f64_follows_pytorch(void **state)
{
    const job *j = *state;
    trainer t = trainer_open(j->backend, j->run, TN_F64);
    for (int k = 0; k < steps_of(j->run); k++) {
        if (j->run->legs && k % LEG == 0) keep(&t, &snapshots[j->run - runs][k / LEG]);
        follow(&t, k, 1e-7);
    }
    tn_close(t.tn);
}

static void f32_follows_pytorch(void **state)
{
    const job *j = *state;
    trainer t = trainer_open(j->backend, j->run, TN_F32);
    if (j->as_program) t.program = tn_program_open(t.tn, "step", learn, &t, 1, 1);
    for (int k = 0; k < steps_of(j->run); k++) {
        if (j->run->legs && k % LEG == 0) become(&t, &snapshots[j->run - runs][k / LEG]);
        follow(&t, k, 1e-4);
    }
    assert_false(tn_fell_back(t.tn));
    tn_close(t.tn);
}

static struct CMUnitTest tests[N_RUNS * (1 + 2 * MOST_BACKENDS)];
static job jobs[N_RUNS * (1 + 2 * MOST_BACKENDS)];
static size_t n_tests;

static void add(const run *r, const char *backend, tn_dtype dtype, bool as_program)
{
    job *j = &jobs[n_tests];
    *j = (job){r, backend, dtype, as_program, ""};
    snprintf(j->name, sizeof j->name, "%s follows PyTorch in %s on %s%s", r->name, tn_dtype_name(dtype), backend,
             as_program ? ", as a program" : "");
    tests[n_tests++] =
        (struct CMUnitTest){j->name, dtype == TN_F64 ? f64_follows_pytorch : f32_follows_pytorch, NULL, NULL, j};
}

int main(int argc, char **argv)
{
    char path[1000];
    int n;
    snprintf(path, sizeof path, "%s/mnist/train-images-idx3-ubyte", tn_data_dir());
    if (!getenv("TENON_TEST_DIR") || access(path, R_OK) != 0) {
        printf("needs TENON_TEST_DIR, and MNIST at %s: tenon data fetch mnist\n", path);
        return 77;
    }
    setenv("TENON_FALLBACK", "error", 1);
    const tn_backend_status *backends = tn_backends(&n);
    for (int r = 0; r < N_RUNS; r++) {
        add(&runs[r], "reference", TN_F64, false);
        for (int i = 0; i < n && i < MOST_BACKENDS; i++)
            for (int as_program = 0; as_program < 2 && !backends[i].refused; as_program++)
                add(&runs[r], backends[i].name, TN_F32, as_program);
    }
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    if (argc > 2) cmocka_set_skip_filter(argv[2]);
    return _cmocka_run_group_tests("training", tests, n_tests, NULL, release_snapshots);
}
