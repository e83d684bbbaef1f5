/* SPDX-License-Identifier: Apache-2.0
 *
 * sgd_step, adam_step: the parameters whose tensors agree in a dense order share launches, GPU_MOST_STEP of them each;
 * those that do not, others. */
#include "plugin.h"
#include "teams.h"

enum { PACK = 4, BLOCKS_EACH = 16, LISTS = 4 };

/* Inputs: `lists` lists of parameters and companions, then the learning rate, then for adam the step. */
struct gpu_step_lists {
    const char *implementation;
    uint64_t lists, scalars;
    uint64_t flops_each; /* of an element */
    int adam;
};
const gpu_step_lists gpu_step_sgd = {"gpu:sgd_step", 3, 1, 6, 0}, gpu_step_adam = {"gpu:adam_step", 4, 2, 15, 1};

typedef struct making {
    const gpu_step_lists *how;
    const tn_op_desc *desc;
    const tn_device *device;
    gpu_plan *plan;
    uint64_t n;                    /* parameters */
    uint64_t which[GPU_MOST_STEP]; /* of the launch in the making */
    gpu_step_args dense;
    gpu_step_any_args any;
    int64_t most; /* elements of the largest of `any` */
    uint64_t n_any, which_any[GPU_MOST_STEP_ANY];
    uint32_t blocks;
} making;

static gpu_step_rule rule_of(const making *m)
{
    const tn_sgd_step_attrs *sgd = m->desc->attrs;
    const tn_adam_step_attrs *adam = m->desc->attrs;
    gpu_step_rule rule = {.adam = m->how->adam, .dtype = m->desc->in[0]->dtype};
    if (m->how->adam) {
        rule.beta1 = adam->beta1;
        rule.beta2 = adam->beta2;
        rule.eps = adam->eps;
        rule.weight_decay = adam->weight_decay;
        rule.decoupled = adam->decoupled != 0;
    } else {
        rule.beta1 = sgd->momentum;
        rule.weight_decay = sgd->weight_decay;
        rule.decoupled = sgd->nesterov != 0;
    }
    return rule;
}

/* The rule's scalars are the last inputs. */
static void bind_rule(const making *m, uint64_t at)
{
    const uint64_t first = m->how->lists * m->n;
    gpu_plan_bind(m->plan, at + offsetof(gpu_step_rule, lr), GPU_IN, first, 0);
    if (m->how->adam) gpu_plan_bind(m->plan, at + offsetof(gpu_step_rule, step), GPU_IN, first + 1, 0);
}

static void bind_item(const making *m, uint64_t at, uint64_t parameter)
{
    for (uint64_t k = 0; k < m->how->lists; k++)
        gpu_plan_bind(m->plan, at + k * sizeof(void *), GPU_IN, k * m->n + parameter, 0);
}

static void flush_dense(making *m)
{
    if (m->dense.n_items == 0) return;
    gpu_grid grid = {.x = m->blocks, .y = 1, .z = 1, .threads = GPU_THREADS};
    gpu_plan_launch(m->plan, GPU_step, grid, &m->dense, sizeof m->dense);
    bind_rule(m, offsetof(gpu_step_args, rule));
    for (uint64_t i = 0; i < (uint64_t)m->dense.n_items; i++)
        bind_item(m, offsetof(gpu_step_args, items) + i * sizeof(gpu_step_item), m->which[i]);
    m->dense.n_items = m->blocks = 0;
}

static void flush_any(making *m)
{
    if (m->n_any == 0) return;
    gpu_grid grid = gpu_grid_for(m->device, m->most, GPU_THREADS, 1);
    grid.y = (uint32_t)m->n_any;
    gpu_plan_launch(m->plan, GPU_step_any, grid, &m->any, sizeof m->any);
    bind_rule(m, offsetof(gpu_step_any_args, rule));
    for (uint64_t i = 0; i < m->n_any; i++)
        bind_item(m, offsetof(gpu_step_any_args, items) + i * sizeof(gpu_step_any_item), m->which_any[i]);
    m->n_any = 0;
    m->most = 0;
}

static void add(making *m, uint64_t parameter)
{
    const tn_tensor_desc *tensors[LISTS];
    int n = 0;
    for (uint64_t k = 0; k < m->how->lists; k++)
        if (m->desc->in[k * m->n + parameter]) tensors[n++] = m->desc->in[k * m->n + parameter];
    const gpu_nest nest = gpu_nest_sorted(n, tensors);
    if (nest.n == 0) return;
    if (gpu_nest_dense(&nest)) {
        gpu_step_item *item = &m->dense.items[m->dense.n_items];
        item->n = nest.n;
        item->first_block = m->blocks;
        m->which[m->dense.n_items++] = parameter;
        m->blocks += (uint32_t)((nest.n + m->dense.chunk - 1) / m->dense.chunk);
        if (m->dense.n_items == GPU_MOST_STEP) flush_dense(m);
    } else {
        m->any.items[m->n_any].nest = nest;
        m->which_any[m->n_any++] = parameter;
        if (nest.n > m->most) m->most = nest.n;
        if (m->n_any == GPU_MOST_STEP_ANY) flush_any(m);
    }
}

/* Elements for a block: one pack for each thread, more where blocks would be too many. */
static int64_t chunk_for(const tn_device *device, int64_t elements)
{
    const int64_t least = GPU_THREADS * PACK, most = BLOCKS_EACH * (int64_t)gpu_limits_of(device)->multiprocessors;
    const int64_t packs = (elements + least * most - 1) / (least * most);
    return least * (packs < 1 ? 1 : packs);
}

tn_status gpu_step_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                        tn_error *error)
{
    const gpu_step_lists *how = self->data;
    int64_t elements = 0;
    making m = {.how = how, .desc = desc, .device = device, .n = (desc->n_in - how->scalars) / how->lists};
    m.plan = gpu_plan_new(desc, how->implementation, error);
    if (!m.plan) return TN_OUT_OF_MEMORY;
    for (uint64_t i = 0; i < m.n; i++) elements += tn_desc_numel(desc->in[i]);
    gpu_plan_head(m.plan)->flops = how->flops_each * (uint64_t)elements;
    m.dense.rule = m.any.rule = rule_of(&m);
    m.dense.chunk = chunk_for(device, elements);
    for (uint64_t i = 0; i < m.n; i++) add(&m, i);
    flush_dense(&m);
    flush_any(&m);
    return gpu_plan_finish(m.plan, out, error);
}
