/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions drawn at random, run eagerly and as programs with all passes: results, parameters and inputs must be the
 * same. TENON_TEST_SEED picks the first function, TENON_TEST_COUNT how many there are. */
#include <math.h>
#include <stdlib.h>

#include "check.h"

/* ---- drawing */

static uint64_t dice;

static int roll(int n)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (int)((dice >> 33) % (uint64_t)n);
}

static int from_environment(const char *name, int otherwise)
{
    const char *text = getenv(name);
    return text ? atoi(text) : otherwise;
}

static void on_each_backend(void (*test)(tn_context *tn, int seed), int count)
{
    int n, first = from_environment("TENON_TEST_SEED", 1);
    const tn_backend_status *all = tn_backends(&n);
    count = from_environment("TENON_TEST_COUNT", count);
    for (int i = 0; i < n; i++) {
        if (all[i].refused || all[i].n_devices == 0) continue;
        for (int seed = first; seed < first + count; seed++) {
            tn_context *tn = tn_open(all[i].name);
            dice = (uint64_t)seed;
            test(tn, seed);
            if (tn_check(tn) != TN_OK) fail_msg("%s, seed %d: %s", all[i].name, seed, tn_message(tn));
            assert_int_equal(tn_close(tn), 0);
        }
    }
}

static void assert_same(tn_tensor *x, tn_tensor *y, double tolerance, const char *what, int seed)
{
    enum { MOST = 60000 };
    static double a[MOST], b[MOST];
    tn_context *tn = tn_context_of(x);
    size_t n = (size_t)tn_numel(x), bytes = n * sizeof(double);
    double largest = 1;
    assert_true(n <= MOST);
    bool was = tn_set_grad_enabled(tn, false);
    tn_read(tn_cast(x, TN_F64), a, bytes);
    tn_read(tn_cast(y, TN_F64), b, bytes);
    tn_set_grad_enabled(tn, was);
    if (tn_check(tn) != TN_OK) fail_msg("seed %d: %s", seed, tn_message(tn));
    for (size_t i = 0; i < n; i++)
        if (isfinite(a[i])) largest = fmax(largest, fabs(a[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs(a[i] - b[i]) <= tolerance * largest) && (isfinite(a[i]) || isfinite(b[i])))
            fail_msg("%s, seed %d, %s: element %zu is %.9g eagerly and %.9g as a program", tn_device_of(x), seed, what,
                     i, a[i], b[i]);
}

/* With TENON_TEST_DUMP set, for whoever looks into a failure. */
static void show(const tn_program *program, int turn)
{
    if (turn > 0 || !getenv("TENON_TEST_DUMP")) return;
    tn_program_dump(program, stderr, true);
    tn_program_dump(program, stderr, false);
}

/* ---- straight lines: operators, views and writes over matrices of one size */

enum { LINES = 24, KEPT = 2, INPUTS = 2, RESULTS = 3, SIDE = 4 };

typedef struct line {
    int what, a, b;
} line;

typedef struct straight {
    line lines[LINES];
    int results[RESULTS];
    tn_tensor *kept[KEPT];
    tn_tensor *lr;
} straight;

static void draw(straight *s)
{
    for (int i = 0; i < LINES; i++) s->lines[i] = (line){roll(20), roll(KEPT + INPUTS + i), roll(KEPT + INPUTS + i)};
    for (int i = 0; i < RESULTS; i++) s->results[i] = roll(2) ? LINES + KEPT + INPUTS - 1 - roll(8) : roll(LINES);
}

/* What a line makes; one that only writes makes a itself. */
static tn_tensor *make(const straight *s, int i, tn_tensor *const *made)
{
    static const tn_sgd_step_attrs plain = {sizeof plain, 0, 0.5, 0}; /* decay, so that nothing grows */
    tn_tensor *a = made[s->lines[i].a], *b = made[s->lines[i].b], *kept = s->kept[s->lines[i].b % KEPT];
    switch (s->lines[i].what) {
    case 0: return tn_relu(a);
    case 1: return tn_tanh(a);
    case 2: return tn_add(a, b);
    case 3: return tn_mul(a, b);
    case 4: return tn_mul_scalar(tn_matmul(a, b), 0.25);
    case 5: return tn_contiguous(tn_transpose(a, 0, 1));
    case 6: return tn_clone(a);
    case 7: return tn_transpose(a, 0, 1);
    case 8: return tn_reshape(tn_reshape(a, TN_SHAPE(2, 8)), TN_SHAPE(SIDE, SIDE));
    case 9: return tn_linear(a, b, NULL);
    case 10: return tn_relu(tn_linear(a, b, tn_select(a, 0, 1)));
    case 11: tn_copy_(kept, tn_tanh(a)); return a;
    case 12: tn_fill_(tn_narrow(a, s->lines[i].b % 2, 1, 2), 0.5); return a;
    case 13: tn_sgd_step_(1, &kept, &a, NULL, s->lr, &plain); return a;
    case 14: return tn_add_scalar(tn_mul_scalar(a, -0.5), 0.25);
    case 15: return tn_detach(a);
    case 16: tn_copy_(kept, tn_add(kept, tn_mul_scalar(a, 0.1))); return a;
    case 17: tn_copy_(a, tn_relu(b)); return a;
    case 18: return tn_clone(tn_contiguous(tn_transpose(a, 0, 1)));
    default: return tn_cat(2, (tn_tensor *[]){tn_narrow(a, 0, 0, 2), tn_narrow(b, 0, 1, 2)}, 0);
    }
}

static void run_straight(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    const straight *s = arg;
    tn_tensor *made[KEPT + INPUTS + LINES];
    for (int i = 0; i < KEPT; i++) made[i] = s->kept[i];
    for (int i = 0; i < INPUTS; i++) made[KEPT + i] = in[i];
    for (int i = 0; i < LINES; i++) made[KEPT + INPUTS + i] = make(s, i, made);
    for (int i = 0; i < RESULTS; i++) out[i] = made[s->results[i]];
}

static tn_tensor *matrix(tn_context *tn)
{
    return tn_uniform(tn, TN_F32, -1, 1, TN_SHAPE(SIDE, SIDE));
}

static void compare_straight(tn_context *tn, int seed)
{
    straight s = {.lr = tn_scalar(tn, TN_F64, 0.1)}, eager;
    draw(&s);
    eager = s;
    for (int i = 0; i < KEPT; i++) {
        s.kept[i] = matrix(tn);
        eager.kept[i] = tn_clone(s.kept[i]);
    }
    tn_program *program = tn_program_open(tn, "random", run_straight, &s, INPUTS, RESULTS);
    for (int turn = 0; turn < 3; turn++) {
        tn_tensor *in[INPUTS], *same[INPUTS], *out[RESULTS], *expected[RESULTS];
        for (int i = 0; i < INPUTS; i++) same[i] = tn_clone(in[i] = matrix(tn));
        run_straight(&eager, same, expected);
        tn_program_run(program, in, out);
        show(program, turn);
        for (int i = 0; i < RESULTS; i++) assert_same(expected[i], out[i], 1e-6, "a result", seed);
        for (int i = 0; i < KEPT; i++) assert_same(eager.kept[i], s.kept[i], 1e-6, "what is kept", seed);
        for (int i = 0; i < INPUTS; i++) assert_same(same[i], in[i], 1e-6, "an input", seed);
    }
    assert_int_equal(tn_program_look(program).recordings, 1);
}

static void straight_functions_are_the_same(void **state TN_UNUSED)
{
    on_each_backend(compare_straight, 300);
}

/* ---- networks in training: whatever layers come in whatever order */

enum { LAYERS = 6, CLASSES = 5 };

typedef struct network {
    tn_context *tn;
    tn_dtype dtype;
    int layers[LAYERS], loss; /* loss 3: none, the network is only run */
    tn_tensor *w[LAYERS + 1], *b[LAYERS + 1];
    int64_t channels, size;
    tn_tensor *lr;
} network;

static void add_leaves(network *n, int i, int rank, const int64_t *dims)
{
    n->w[i] = tn_requires_grad(tn_uniform(n->tn, n->dtype, -0.4, 0.4, rank, dims), true);
    n->b[i] = tn_requires_grad(tn_uniform(n->tn, n->dtype, -0.4, 0.4, TN_SHAPE(dims[0])), true);
}

static bool convolves(int layer)
{
    return layer < 5;
}

static tn_tensor *forward(const network *n, tn_tensor *x)
{
    for (int i = 0; i < LAYERS; i++) {
        bool fits = tn_dim(x, 2) >= 4;
        switch (n->layers[i]) {
        case 0: x = fits ? tn_conv2d(x, n->w[i], n->b[i], NULL) : x; break;
        case 1: x = tn_conv2d(x, n->w[i], n->b[i], TN_CONV2D(.padding = {1, 1})); break;
        case 2: x = fits ? tn_conv2d_relu(x, n->w[i], n->b[i], NULL) : x; break;
        case 3:
            x = fits ? tn_max_pool2d(tn_relu(tn_conv2d(x, n->w[i], n->b[i], NULL)), TN_MAX_POOL2D(.kernel = {2, 2}))
                     : x;
            break;
        case 4:
            x = fits ? tn_relu(tn_max_pool2d(tn_conv2d(x, n->w[i], n->b[i], NULL), TN_MAX_POOL2D(.kernel = {2, 2})))
                     : x;
            break;
        case 5:
        case 6: x = tn_relu(x); break;
        case 7: x = fits ? tn_max_pool2d(x, TN_MAX_POOL2D(.kernel = {2, 2})) : x; break;
        case 8:
            x = fits ? tn_max_pool2d(x, TN_MAX_POOL2D(.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1})) : x;
            break;
        case 9: x = tn_batch_norm2d(x, NULL, NULL, NULL, NULL, true, 0.1, 1e-5); break;
        case 10: x = fits ? tn_avg_pool2d(x, TN_AVG_POOL2D(.kernel = {2, 2})) : x; break;
        case 11: x = tn_dropout(x, 0.25, true); break;
        default: x = tn_add(x, tn_relu(x)); break;
        }
    }
    return x;
}

static tn_tensor *classify(const network *n, tn_tensor *x)
{
    x = tn_mean(forward(n, x), TN_OVER(2, 3), false);
    return tn_linear(x, n->w[LAYERS], n->b[LAYERS]);
}

static tn_tensor *loss_of(const network *n, tn_tensor *x, tn_tensor *target)
{
    switch (n->loss) {
    case 0: return tn_cross_entropy(x, target);
    case 1: return tn_nll_loss(tn_log_softmax(x, 1), target);
    default: return tn_mean(tn_square(tn_relu(x)), TN_ALL, false);
    }
}

static void train(void *arg, tn_tensor *const *in, tn_tensor **out)
{
    static const tn_sgd_step_attrs plain = {sizeof plain, 0, 0, 0};
    const network *n = arg;
    if (n->loss == 3) {
        bool was_enabled = tn_set_grad_enabled(n->tn, false);
        out[0] = classify(n, in[0]);
        tn_set_grad_enabled(n->tn, was_enabled);
        return;
    }
    for (int i = 0; i <= LAYERS; i++) {
        if (!n->w[i]) continue;
        tn_set_grad(n->w[i], NULL);
        tn_set_grad(n->b[i], NULL);
    }
    out[0] = loss_of(n, classify(n, in[0]), in[1]);
    tn_backward(out[0]);
    bool was = tn_set_grad_enabled(n->tn, false);
    for (int i = 0; i <= LAYERS; i++)
        for (int k = 0; n->w[i] && k < 2; k++) {
            tn_tensor *p = k ? n->b[i] : n->w[i], *g = tn_grad_of(p);
            if (tn_has_grad(p)) tn_sgd_step_(1, &p, &g, NULL, n->lr, &plain);
        }
    tn_set_grad_enabled(n->tn, was);
}

static network copy_of(const network *n)
{
    network copy = *n;
    for (int i = 0; i <= LAYERS; i++) {
        if (!n->w[i]) continue;
        copy.w[i] = tn_requires_grad(tn_clone(tn_detach(n->w[i])), true);
        copy.b[i] = tn_requires_grad(tn_clone(tn_detach(n->b[i])), true);
    }
    return copy;
}

static void compare_training(tn_context *tn, int seed)
{
    network n = {.tn = tn,
                 .dtype = roll(4) ? TN_F32 : TN_F64,
                 .loss = roll(4),
                 .channels = 3,
                 .size = 8 + roll(17),
                 .lr = tn_scalar(tn, TN_F64, 0.1)};
    for (int i = 0; i < LAYERS; i++) {
        n.layers[i] = roll(13);
        if (convolves(n.layers[i])) add_leaves(&n, i, TN_SHAPE(n.channels, n.channels, 3, 3));
    }
    add_leaves(&n, LAYERS, TN_SHAPE(CLASSES, n.channels));
    network eager = copy_of(&n);
    tn_tensor *y = tn_from(tn, (int64_t[]){0, 3, 4, 2}, TN_I64, TN_SHAPE(4));
    tn_program *program = tn_program_open(tn, "network", train, &n, 2, 1);
    /* In f32 other kernels may run, which round otherwise. In one of some ten thousand networks that decides which of two
     * equal numbers is the largest in a window, and the gradient goes another way: not among those that are tried here. */
    const double tolerance = n.dtype == TN_F64 ? 1e-12 : 1e-5;
    for (int turn = 0; turn < 3; turn++) {
        tn_tensor *x = tn_uniform(tn, n.dtype, -1, 1, TN_SHAPE(4, 3, n.size, n.size + 1)), *loss, *expected;
        tn_tensor *in[] = {x, y};
        uint64_t seeds[2];
        tn_get_rng_state(tn, &seeds[0], &seeds[1]);
        train(&eager, in, &expected);
        tn_set_rng_state(tn, seeds[0], seeds[1]);
        tn_program_run(program, in, &loss);
        show(program, turn);
        assert_same(expected, loss, tolerance, "the loss", seed);
        for (int i = 0; i <= LAYERS; i++) {
            if (!n.w[i]) continue;
            assert_same(eager.w[i], n.w[i], tolerance, "a weight", seed);
            assert_same(eager.b[i], n.b[i], tolerance, "a bias", seed);
        }
    }
}

static void networks_train_the_same(void **state TN_UNUSED)
{
    on_each_backend(compare_training, 150);
}

int main(void)
{
    setenv("TENON_FALLBACK", "allow", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(straight_functions_are_the_same),
        cmocka_unit_test(networks_train_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
