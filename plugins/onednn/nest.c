/* SPDX-License-Identifier: Apache-2.0
 *
 * Loop nests over strided operands: building and walking them. */
#include "nest.h"

#include <string.h>

void dn_nest_begin(dn_nest *nest, int operands)
{
    *nest = (dn_nest){.numel = 1, .operands = operands};
}

/* Dims come sorted by descending steps of operand 0, then of operand 1. */
static int goes_before(const dn_nest *nest, const int64_t *steps, int i)
{
    for (int k = 0; k < nest->operands; k++)
        if (steps[k] != nest->steps[i][k]) return steps[k] > nest->steps[i][k];
    return 0;
}

static void insert(dn_nest *nest, int64_t size, const int64_t *steps, int sorted)
{
    nest->numel *= size;
    if (size == 1) return;
    int at = nest->rank++;
    for (; sorted && at > 0 && goes_before(nest, steps, at - 1); at--) {
        nest->dims[at] = nest->dims[at - 1];
        memcpy(nest->steps[at], nest->steps[at - 1], sizeof nest->steps[at]);
    }
    nest->dims[at] = size;
    memset(nest->steps[at], 0, sizeof nest->steps[at]);
    memcpy(nest->steps[at], steps, (size_t)nest->operands * sizeof *steps);
}

void dn_nest_dim(dn_nest *nest, int64_t size, const int64_t *steps)
{
    insert(nest, size, steps, 1);
}

static int mergeable(const dn_nest *nest, int outer, int inner)
{
    for (int k = 0; k < nest->operands; k++)
        if (nest->steps[outer][k] != nest->steps[inner][k] * nest->dims[inner]) return 0;
    return 1;
}

void dn_nest_end(dn_nest *nest)
{
    int kept = 0;
    for (int i = 1; i < nest->rank; i++) {
        if (mergeable(nest, kept, i)) {
            nest->dims[kept] *= nest->dims[i];
        } else {
            kept++;
            nest->dims[kept] = nest->dims[i];
        }
        memcpy(nest->steps[kept], nest->steps[i], sizeof nest->steps[i]);
    }
    if (!nest->rank) nest->dims[0] = 1;
    nest->rank = kept + 1;
}

static void over(dn_nest *nest, int operands, const tn_tensor_desc *const *xs, int sorted)
{
    const tn_tensor_desc *all = xs[0];
    dn_nest_begin(nest, operands);
    for (uint32_t i = 0; i < all->rank; i++) {
        int64_t steps[DN_OPERANDS] = {0};
        for (int k = 0; k < operands; k++) {
            uint32_t missing = all->rank - xs[k]->rank;
            if (i < missing || xs[k]->dims[i - missing] != all->dims[i]) continue; /* broadcast: step 0 */
            steps[k] = xs[k]->strides[i - missing] * (int64_t)tn_dtype_size(xs[k]->dtype);
        }
        insert(nest, all->dims[i], steps, sorted);
    }
    dn_nest_end(nest);
}

void dn_nest_over(dn_nest *nest, int operands, const tn_tensor_desc *const *xs)
{
    over(nest, operands, xs, 1);
}

void dn_nest_in_order(dn_nest *nest, int operands, const tn_tensor_desc *const *xs)
{
    over(nest, operands, xs, 0);
}

int64_t dn_nest_offset(const dn_nest *nest, int k, int64_t i)
{
    int64_t offset = 0;
    for (int d = nest->rank - 1; d >= 0; d--) {
        offset += i % nest->dims[d] * nest->steps[d][k];
        i /= nest->dims[d];
    }
    return offset;
}

/* Moves to the next row: carries through the dims outside the innermost. */
static void carry(const dn_nest *nest, int64_t *index, char **at)
{
    for (int d = nest->rank - 1; d > 0 && index[d] == nest->dims[d]; d--) {
        for (int k = 0; k < nest->operands; k++) at[k] += nest->steps[d - 1][k] - nest->dims[d] * nest->steps[d][k];
        index[d] = 0;
        index[d - 1]++;
    }
}

void dn_nest_range(const dn_nest *nest, int64_t begin, int64_t end, char *const *base, dn_row_fn row, const void *arg)
{
    const int inner = nest->rank - 1;
    int64_t index[TN_MAX_RANK], rest = begin;
    char *at[DN_OPERANDS];
    for (int d = inner; d >= 0; d--) {
        index[d] = rest % nest->dims[d];
        rest /= nest->dims[d];
    }
    for (int k = 0; k < nest->operands; k++) at[k] = base[k] + dn_nest_offset(nest, k, begin);
    while (begin < end) {
        int64_t n = dn_min(nest->dims[inner] - index[inner], end - begin);
        row(n, at, nest->steps[inner], arg);
        begin += n;
        index[inner] += n;
        for (int k = 0; k < nest->operands; k++) at[k] += n * nest->steps[inner][k];
        carry(nest, index, at);
    }
}

typedef struct job {
    const dn_nest *nest;
    char *base[DN_OPERANDS];
    dn_row_fn row;
    const void *arg;
} job;

static void piece(void *arg, int64_t begin, int64_t end)
{
    const job *all = arg;
    dn_nest_range(all->nest, begin, end, all->base, all->row, all->arg);
}

void dn_nest_run(const dn_nest *nest, int64_t grain, void *const *base, dn_row_fn row, const void *arg)
{
    job all = {.nest = nest, .row = row, .arg = arg};
    if (!nest->numel) return;
    for (int k = 0; k < nest->operands; k++) all.base[k] = base[k];
    dn_host->parallel_for(nest->numel, grain, piece, &all);
}
