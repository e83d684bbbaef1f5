/* SPDX-License-Identifier: Apache-2.0
 *
 * Random small graphs: expressions over a handful of tensors, built alike on both sides. Every node keeps magnitudes below
 * 2, so that one bound fits all. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "level3.h"

enum { GRAPHS = 150, LEAVES = 4, NODES = 14, POOL = LEAVES + NODES, BOUND = 256 };

typedef struct graph {
    tn_context *tn;
    tn_dtype dtype;
    uint64_t seed, drawn;
    tn_tensor *pool[POOL];
    int n;
    char text[TRIAL_TEXT]; /* what it computes, for messages */
    size_t used;
} graph;

static uint64_t draw(graph *g, uint64_t below)
{
    return shapes_random(g->seed, g->drawn++) % below;
}

/* ---- leaves */

static tn_tensor *leaf(graph *g, int rank, const int64_t *dims)
{
    double values[256];
    float singles[256];
    int64_t n = 1;
    for (int d = 0; d < rank; d++) n *= dims[d];
    for (int64_t i = 0; i < n; i++) {
        singles[i] = (float)((double)(draw(g, 1 << 24)) / (1 << 22) - 2);
        values[i] = (double)singles[i];
    }
    const void *data = g->dtype == TN_F32 ? (const void *)singles : (const void *)values;
    return tn_requires_grad(tn_from(g->tn, data, g->dtype, rank, dims), true);
}

/* a[m,k] b[k,n] c[n] d[m,1] */
static void make_leaves(graph *g)
{
    const int64_t m = 1 + (int64_t)draw(g, 9), k = 1 + (int64_t)draw(g, 9), n = 1 + (int64_t)draw(g, 9);
    g->pool[g->n++] = leaf(g, 2, (int64_t[]){m, k});
    g->pool[g->n++] = leaf(g, 2, (int64_t[]){k, n});
    g->pool[g->n++] = leaf(g, 1, (int64_t[]){n});
    g->pool[g->n++] = leaf(g, 2, (int64_t[]){m, 1});
}

/* ---- nodes: NULL where the operands do not go together */

typedef tn_tensor *(*node_fn)(graph *g, tn_tensor *x, tn_tensor *y);

static bool broadcasts(tn_tensor *x, tn_tensor *y)
{
    int rank = tn_rank(x) < tn_rank(y) ? tn_rank(x) : tn_rank(y);
    for (int d = 1; d <= rank; d++)
        if (tn_dim(x, -d) != tn_dim(y, -d) && tn_dim(x, -d) != 1 && tn_dim(y, -d) != 1) return false;
    return true;
}

static tn_tensor *node_add(graph *g TN_UNUSED, tn_tensor *x, tn_tensor *y)
{
    return broadcasts(x, y) ? tn_mul_scalar(tn_add(x, y), 0.5) : NULL;
}

static tn_tensor *node_sub(graph *g TN_UNUSED, tn_tensor *x, tn_tensor *y)
{
    return broadcasts(x, y) ? tn_mul_scalar(tn_sub(x, y), 0.5) : NULL;
}

static tn_tensor *node_mul(graph *g TN_UNUSED, tn_tensor *x, tn_tensor *y)
{
    return broadcasts(x, y) ? tn_mul_scalar(tn_mul(x, y), 0.5) : NULL;
}

static tn_tensor *node_matmul(graph *g TN_UNUSED, tn_tensor *x, tn_tensor *y)
{
    if (tn_rank(x) != 2 || tn_rank(y) != 2) return NULL;
    if (tn_dim(x, 1) != tn_dim(y, 0)) y = tn_transpose(y, 0, 1);
    if (tn_dim(x, 1) != tn_dim(y, 0)) return NULL;
    return tn_mul_scalar(tn_matmul(x, y), 0.5 / (double)tn_dim(x, 1));
}

static tn_tensor *node_relu(graph *g TN_UNUSED, tn_tensor *x, tn_tensor *y TN_UNUSED)
{
    return tn_relu(x);
}

static tn_tensor *node_tanh(graph *g TN_UNUSED, tn_tensor *x, tn_tensor *y TN_UNUSED)
{
    return tn_tanh(x);
}

static tn_tensor *node_exp(graph *g TN_UNUSED, tn_tensor *x, tn_tensor *y TN_UNUSED)
{
    return tn_mul_scalar(tn_exp(x), 0.25);
}

static tn_tensor *node_square(graph *g TN_UNUSED, tn_tensor *x, tn_tensor *y TN_UNUSED)
{
    return tn_mul_scalar(tn_square(x), 0.5);
}

static tn_tensor *node_mean(graph *g, tn_tensor *x, tn_tensor *y TN_UNUSED)
{
    return tn_rank(x) ? tn_mean(x, TN_OVER((int)draw(g, (uint64_t)tn_rank(x))), draw(g, 2)) : NULL;
}

static tn_tensor *node_sum(graph *g, tn_tensor *x, tn_tensor *y TN_UNUSED)
{
    if (tn_rank(x) == 0) return NULL;
    const int dim = (int)draw(g, (uint64_t)tn_rank(x));
    return tn_mul_scalar(tn_sum(x, TN_OVER(dim), draw(g, 2)), 1 / (double)tn_dim(x, dim));
}

static tn_tensor *node_softmax(graph *g, tn_tensor *x, tn_tensor *y TN_UNUSED)
{
    return tn_rank(x) ? tn_softmax(x, (int)draw(g, (uint64_t)tn_rank(x))) : NULL;
}

static tn_tensor *node_transpose(graph *g TN_UNUSED, tn_tensor *x, tn_tensor *y TN_UNUSED)
{
    return tn_rank(x) > 1 ? tn_transpose(x, 0, 1) : NULL;
}

static tn_tensor *node_slice(graph *g TN_UNUSED, tn_tensor *x, tn_tensor *y TN_UNUSED)
{
    return tn_rank(x) && tn_dim(x, 0) > 2 ? tn_slice(x, 0, 1, tn_dim(x, 0), 2) : NULL;
}

static tn_tensor *node_reshape(graph *g TN_UNUSED, tn_tensor *x, tn_tensor *y TN_UNUSED)
{
    return tn_rank(x) > 1 ? tn_reshape(x, TN_SHAPE(-1)) : NULL;
}

static tn_tensor *node_cat(graph *g TN_UNUSED, tn_tensor *x, tn_tensor *y)
{
    if (tn_rank(x) != 2 || tn_rank(y) != 2 || tn_dim(x, 0) != tn_dim(y, 0)) return NULL;
    return tn_cat(2, (tn_tensor *[]){x, y}, 1);
}

static const struct {
    const char *name;
    node_fn make;
} kinds[] = {{"add", node_add},
             {"sub", node_sub},
             {"mul", node_mul},
             {"matmul", node_matmul},
             {"matmul", node_matmul},
             {"relu", node_relu},
             {"tanh", node_tanh},
             {"exp", node_exp},
             {"square", node_square},
             {"mean", node_mean},
             {"sum", node_sum},
             {"softmax", node_softmax},
             {"transpose", node_transpose},
             {"slice", node_slice},
             {"reshape", node_reshape},
             {"cat", node_cat}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Shapes are the same on both sides, so the draws are. */
static void make_nodes(graph *g)
{
    for (int tries = 0; g->n < POOL && tries < 20 * NODES; tries++) {
        const int kind = (int)draw(g, KINDS), x = (int)draw(g, (uint64_t)g->n), y = (int)draw(g, (uint64_t)g->n);
        tn_tensor *made = kinds[kind].make(g, g->pool[x], g->pool[y]);
        if (!made) continue;
        if (g->used < sizeof g->text)
            g->used += (size_t)snprintf(g->text + g->used, sizeof g->text - g->used, " t%d=%s(t%d,t%d)", g->n,
                                        kinds[kind].name, x, y);
        g->pool[g->n++] = made;
    }
}

/* The mean of all nodes' means; every leaf counts. */
static tn_tensor *build(graph *g)
{
    make_leaves(g);
    make_nodes(g);
    tn_tensor *total = tn_zeros(g->tn, g->dtype, TN_SCALAR);
    for (int i = 0; i < g->n; i++) total = tn_add(total, tn_mean(g->pool[i], TN_ALL, false));
    return total;
}

/* ---- comparing */

typedef struct answer {
    double value, *gradients[LEAVES];
    int64_t numel[LEAVES];
} answer;

static void answer_release(answer *a)
{
    for (int i = 0; i < LEAVES; i++) free(a->gradients[i]);
}

static void ask(graph *g, answer *a)
{
    tn_mark mark = tn_begin(g->tn);
    tn_tensor *y = build(g);
    tn_backward(y);
    a->value = tn_item(tn_detach(y));
    for (int i = 0; i < LEAVES && tn_check(g->tn) == TN_OK; i++) {
        tn_tensor *gradient = tn_grad_of(g->pool[i]);
        a->numel[i] = tn_numel(gradient);
        a->gradients[i] = calloc((size_t)a->numel[i] + 1, sizeof(double));
        if (!a->gradients[i]) error(TOOL_FAILED, errno, "no memory for gradients");
        tn_read_f64(gradient, a->gradients[i], a->numel[i]);
    }
    tn_end(g->tn, mark, NULL);
}

static bool compare(conform_run *run, const graph *g, const answer *found, const answer *expected)
{
    double scale = 0;
    for (int i = 0; i < LEAVES; i++) scale = trial_largest(scale, expected->gradients[i], expected->numel[i]);
    const double most = BOUND * (double)FLT_EPSILON;
    if (!trial_same(found->value, expected->value, most * fmax(1, fabs(expected->value))))
        return conform_fail(run, "graph of seed %llu,%s: the value is %.9g instead of %.9g",
                            (unsigned long long)g->seed, g->text, found->value, expected->value);
    for (int i = 0; i < LEAVES; i++)
        for (int64_t k = 0; k < expected->numel[i]; k++) {
            const double a = found->gradients[i][k], b = expected->gradients[i][k];
            if (trial_same(a, b, most * scale)) continue;
            return conform_fail(run,
                                "graph of seed %llu,%s: element %lld of the gradient of t%d is %.9g instead of %.9g, "
                                "give or take %.3g",
                                (unsigned long long)g->seed, g->text, (long long)k, i, a, b, most * scale);
        }
    run->compared++;
    return true;
}

static bool compare_graph(conform_run *run, tn_context *candidate, tn_context *reference, uint64_t seed)
{
    graph single = {.tn = candidate, .dtype = TN_F32, .seed = seed},
          exact = {.tn = reference, .dtype = TN_F64, .seed = seed};
    answer found = {.value = 0}, expected = {.value = 0};
    ask(&exact, &expected);
    ask(&single, &found);
    bool ok = conform_check_context(run, reference, "a graph on the reference backend") &&
              conform_check_context(run, candidate, single.text) && compare(run, &single, &found, &expected);
    answer_release(&found);
    answer_release(&expected);
    return ok;
}

void level3_graphs(conform_run *run)
{
    tn_context *candidate = conform_open(run, true), *reference = candidate ? conform_open_reference(run) : NULL;
    for (uint64_t i = 0; reference && i < GRAPHS; i++)
        if (!compare_graph(run, candidate, reference, shapes_random(run->options->seed, i) % 1000000)) break;
    if (reference) level3_takes_part(run, candidate);
    conform_close(run, reference);
    conform_close(run, candidate);
}
