/* SPDX-License-Identifier: Apache-2.0
 *
 * Where temporaries lie in the arena: the largest first, each at the lowest offset where no other that lives at the
 * same time lies (Pisarchyk and Lee, Efficient Memory Management for Deep Neural Net Inference, 2020, section 4.2:
 * greedy by size). */
#include "program/program.h"

#include <stdlib.h>

typedef struct block {
    uint64_t bytes, offset;
    int first, last; /* steps */
    int number;      /* so that equal blocks have an order */
    uint64_t *result;
} block;

static void extend(block *blocks, const tn_trace *trace, int tensor, int step)
{
    if (tensor < 0) return;
    block *b = &blocks[tn__value_root(trace, trace->tensors[tensor].value)];
    if (b->first < 0) b->first = step;
    b->last = step;
}

static int larger_first(const void *a, const void *b)
{
    const block *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : (x->number < y->number ? -1 : 1);
}

static int by_offset(const void *a, const void *b)
{
    const block *x = *(block *const *)a, *y = *(block *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The lowest gap between those of the placed blocks that live when b does. */
static uint64_t find_gap(const block *b, block *const *placed, int n)
{
    uint64_t at = 0;
    for (int i = 0; i < n; i++) {
        const block *other = placed[i];
        if (other->last < b->first || other->first > b->last) continue;
        if (at + b->bytes <= other->offset) break;
        if (other->offset + other->bytes > at) at = other->offset + other->bytes;
    }
    return at;
}

static uint64_t place(block *blocks, int n, block **placed)
{
    uint64_t size = 0;
    qsort(blocks, (size_t)n, sizeof *blocks, larger_first);
    for (int i = 0; i < n; i++) {
        block *b = &blocks[i];
        b->offset = find_gap(b, placed, i);
        if (b->offset + b->bytes > size) size = b->offset + b->bytes;
        placed[i] = b;
        qsort(placed, (size_t)i + 1, sizeof *placed, by_offset);
        *b->result = b->offset;
    }
    return size;
}

uint64_t tn__place(tn_trace *trace, const uint64_t *bytes, uint64_t *workspace)
{
    int n = trace->n_values, used = 0;
    block *blocks = calloc((size_t)(n + trace->n_steps) + 1, sizeof *blocks);
    block **placed = calloc((size_t)(n + trace->n_steps) + 1, sizeof *placed);
    uint64_t size = UINT64_MAX;
    if (blocks && placed) {
        for (int i = 0; i < n; i++)
            blocks[i] = (block){.bytes = trace->values[i].bytes, .first = -1, .result = &trace->values[i].offset};
        for (int s = 0; s < trace->n_steps; s++) {
            const tn_trace_step *step = &trace->steps[s];
            if (step->view) continue;
            for (int i = 0; i < step->n_in; i++) extend(blocks, trace, step->in[i], s);
            for (int i = 0; i < step->n_out; i++) extend(blocks, trace, step->out[i], s);
        }
        for (int i = 0; i < n; i++)
            if (trace->values[i].kind == TN_VALUE_TEMPORARY && blocks[i].first >= 0) blocks[used++] = blocks[i];
        for (int s = 0; s < trace->n_steps; s++)
            if (bytes[s]) blocks[used++] = (block){.bytes = bytes[s], .first = s, .last = s, .result = &workspace[s]};
        for (int i = 0; i < used; i++) {
            blocks[i].bytes = (blocks[i].bytes + 63) / 64 * 64;
            blocks[i].number = i;
        }
        size = place(blocks, used, placed);
    }
    free(blocks);
    free(placed);
    return size;
}
