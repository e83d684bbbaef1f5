/* SPDX-License-Identifier: Apache-2.0
 *
 * The strided walk of the elementwise reference kernels. The range of all elements is cut among threads; each finds
 * its place in it once and goes on run by run, like the wheels of an odometer. */
#include "ops/elementwise.h"

#include <string.h>

/* Strides of `desc` in bytes, seen with the rank and dims of `shape`: aligned at the right, 0 where it broadcasts. */
static int64_t step_of(const tn_tensor_desc *desc, const tn_tensor_desc *shape, uint32_t dim)
{
    const uint32_t missing = shape->rank - desc->rank;
    if (dim < missing || desc->dims[dim - missing] == 1) return 0;
    return desc->strides[dim - missing] * (int64_t)tn_dtype_size(desc->dtype);
}

void tn__walk_init(tn_walk *walk, int n, const tn_operand *operands)
{
    const tn_tensor_desc *shape = operands[0].desc;
    walk->n = n;
    walk->rank = (int)shape->rank;
    for (int k = 0; k < n; k++) walk->base[k] = operands[k].data;
    for (uint32_t d = 0; d < shape->rank; d++) {
        walk->dims[d] = shape->dims[d];
        for (int k = 0; k < n; k++) walk->steps[d][k] = step_of(operands[k].desc, shape, d);
    }
}

static void move_dim(tn_walk *walk, int to, int from)
{
    walk->dims[to] = walk->dims[from];
    memcpy(walk->steps[to], walk->steps[from], sizeof walk->steps[to]);
}

static void swap_dims(tn_walk *walk, int a, int b)
{
    const tn_walk before = *walk;
    move_dim(walk, a, b);
    walk->dims[b] = before.dims[a];
    memcpy(walk->steps[b], before.steps[a], sizeof walk->steps[b]);
}

void tn__walk_sort(tn_walk *walk)
{
    for (int i = 1; i < walk->rank; i++)
        for (int j = i; j > 0 && walk->steps[j - 1][0] < walk->steps[j][0]; j--) swap_dims(walk, j - 1, j);
}

/* Is going once round dim `inner` the same as one step of dim `outer`, for every operand? */
static bool mergeable(const tn_walk *walk, int outer, int inner)
{
    for (int k = 0; k < walk->n; k++)
        if (walk->steps[outer][k] != walk->steps[inner][k] * walk->dims[inner]) return false;
    return true;
}

void tn__walk_merge(tn_walk *walk)
{
    int rank = 0;
    for (int d = 0; d < walk->rank; d++) {
        if (walk->dims[d] == 1) continue;
        if (rank > 0 && mergeable(walk, rank - 1, d)) {
            const int64_t outer = walk->dims[rank - 1];
            move_dim(walk, rank - 1, d);
            walk->dims[rank - 1] *= outer;
        } else {
            move_dim(walk, rank++, d);
        }
    }
    if (rank == 0) {
        walk->dims[0] = 1;
        memset(walk->steps[0], 0, sizeof walk->steps[0]);
        rank = 1;
    }
    walk->rank = rank;
}

typedef struct walk_job {
    const tn_walk *walk;
    tn_loop loop;
    const void *arg;
} walk_job;

/* Sets the odometer and the addresses to element number span->first. */
static void seek(const tn_walk *walk, int64_t index[], tn_span *span)
{
    int64_t rest = span->first;
    for (int k = 0; k < walk->n; k++) span->at[k] = walk->base[k];
    for (int d = walk->rank - 1; d >= 0; d--) {
        index[d] = rest % walk->dims[d];
        rest /= walk->dims[d];
        for (int k = 0; k < walk->n; k++) span->at[k] += index[d] * walk->steps[d][k];
    }
}

/* Moves on by span->n elements, which do not reach beyond the end of the innermost dim. */
static void advance(const tn_walk *walk, int64_t index[], tn_span *span)
{
    int64_t by = span->n;
    for (int d = walk->rank - 1; d >= 0; d--, by = 1) {
        index[d] += by;
        for (int k = 0; k < walk->n; k++) span->at[k] += by * walk->steps[d][k];
        if (index[d] < walk->dims[d]) return;
        index[d] = 0;
        for (int k = 0; k < walk->n; k++) span->at[k] -= walk->dims[d] * walk->steps[d][k];
    }
}

static void run_range(void *arg, int64_t begin, int64_t end)
{
    const walk_job *job = arg;
    const tn_walk *walk = job->walk;
    const int last = walk->rank - 1;
    int64_t index[TN_MAX_RANK];
    tn_span span = {.first = begin, .arg = job->arg};
    memcpy(span.step, walk->steps[last], sizeof span.step);
    seek(walk, index, &span);
    while (span.first < end) {
        const int64_t run = walk->dims[last] - index[last], left = end - span.first;
        span.n = run < left ? run : left;
        job->loop(&span);
        advance(walk, index, &span);
        span.first += span.n;
    }
}

void tn__walk_run(const tn_walk *walk, int64_t grain, tn_loop loop, const void *arg)
{
    int64_t n = 1;
    for (int d = 0; d < walk->rank; d++) n *= walk->dims[d];
    if (n > 0) tn__parallel_for(n, grain, run_range, &(walk_job){walk, loop, arg});
}

void tn__elementwise(int n, const tn_operand *operands, int64_t grain, tn_loop loop, const void *arg)
{
    tn_walk walk;
    tn__walk_init(&walk, n, operands);
    tn__walk_sort(&walk);
    tn__walk_merge(&walk);
    tn__walk_run(&walk, grain, loop, arg);
}

void tn__elementwise_indexed(int n, const tn_operand *operands, int64_t grain, tn_loop loop, const void *arg)
{
    tn_walk walk;
    tn__walk_init(&walk, n, operands);
    tn__walk_merge(&walk);
    tn__walk_run(&walk, grain, loop, arg);
}

/* Appends the names of the dtypes that have a loop: "f32, f64". */
static void list_dtypes(const tn_loops *loops, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (tn_dtype t = TN_F32; t <= TN_BOOL; t++)
        if (loops->of[t] && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", tn_dtype_name(t));
}

bool tn__elementwise_infer(tn_infer *infer)
{
    const tn_loops *loops = infer->op->data;
    const tn_dtype dtype = tn_dtype_of(infer->in[infer->n_in - 1]);
    if (dtype > TN_BOOL || !loops->of[dtype]) {
        char takes[64];
        list_dtypes(loops, takes, sizeof takes);
        tn_raise(infer->ctx, TN_INVALID, "%s takes %s, not %s (tn_cast converts)", infer->op->name, takes,
                 tn_dtype_name(dtype));
        return false;
    }
    return tn__broadcast(infer, 0, infer->n_in, &infer->out[0]);
}

tn_status tn__elementwise_run(const tn_run *run, const tn_loops *loops)
{
    tn_operand operands[TN_MAX_OPERANDS] = {{run->out_desc[0], run->out[0]}};
    for (int i = 0; i < run->n_in; i++) operands[1 + i] = (tn_operand){run->in_desc[i], run->in[i]};
    const tn_dtype dtype = run->in_desc[run->n_in - 1]->dtype;
    tn__elementwise(1 + run->n_in, operands, loops->grain, loops->of[dtype], NULL);
    return TN_OK;
}
