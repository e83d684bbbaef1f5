/* SPDX-License-Identifier: Apache-2.0
 *
 * How blocks are cut into teams. Loads of neighbouring threads should lie side by side in memory, each thread should
 * have a few loads on their way at once and then be done, and no multiprocessor should be idle. */
#include "teams.h"

enum {
    THREADS = 256, /* of a block, where the work does not ask for more */
    FEWEST = 64,   /* a warp on every GPU */
    WIDTH = 32,    /* columns side by side: 128 bytes of f32 */
    SHORT = 16,    /* elements that a thread folds in no time */
    MOST_PIECES = 512,
};

/* ---- nests */

/* Appends the dims of x that are (or are not) in mask, in x's order. Returns how many. */
static uint32_t pick(const tn_tensor_desc *x, int64_t mask, int gone, uint32_t which[])
{
    uint32_t n = 0;
    for (uint32_t d = 0; d < x->rank; d++)
        if ((mask >> d & 1) == gone) which[n++] = d;
    return n;
}

static int slower(const tn_tensor_desc *x, uint32_t a, uint32_t b)
{
    if (x->strides[a] == x->strides[b]) return a < b;
    return x->strides[b] != 0 && (x->strides[a] == 0 || x->strides[a] > x->strides[b]);
}

/* Slowest first; dims that are stepped through without moving before all others. */
static void sort(const tn_tensor_desc *x, uint32_t n, uint32_t which[])
{
    for (uint32_t i = 1; i < n; i++)
        for (uint32_t k = i; k > 0 && slower(x, which[k], which[k - 1]); k--) {
            uint32_t swap = which[k];
            which[k] = which[k - 1];
            which[k - 1] = swap;
        }
}

gpu_nest gpu_nest_kept(const tn_tensor_desc *y, const tn_tensor_desc *x, int64_t mask, int keepdim)
{
    uint32_t which[TN_MAX_RANK], n = pick(x, mask, 0, which);
    int64_t dims[TN_MAX_RANK], to[TN_MAX_RANK], from[TN_MAX_RANK];
    sort(x, n, which);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t d = which[i], place = d;
        for (uint32_t k = 0; !keepdim && k < d; k++) place -= mask >> k & 1;
        dims[i] = x->dims[d];
        from[i] = x->strides[d];
        to[i] = y->strides[place];
    }
    return gpu_nest_of(n, dims, 2, (const int64_t *const[]){to, from});
}

gpu_nest gpu_nest_gone(const tn_tensor_desc *x, int64_t mask)
{
    uint32_t which[TN_MAX_RANK], n = pick(x, mask, 1, which);
    int64_t dims[TN_MAX_RANK], from[TN_MAX_RANK];
    sort(x, n, which);
    for (uint32_t i = 0; i < n; i++) {
        dims[i] = x->dims[which[i]];
        from[i] = x->strides[which[i]];
    }
    return gpu_nest_of(n, dims, 1, (const int64_t *const[]){from});
}

gpu_nest gpu_nest_sorted(int n, const tn_tensor_desc *const *tensors)
{
    uint32_t which[TN_MAX_RANK], rank = pick(tensors[0], 0, 0, which);
    int64_t dims[TN_MAX_RANK], strides[4][TN_MAX_RANK];
    sort(tensors[0], rank, which);
    for (uint32_t i = 0; i < rank; i++) {
        dims[i] = tensors[0]->dims[which[i]];
        for (int k = 0; k < n; k++) strides[k][i] = tensors[k]->strides[which[i]];
    }
    return gpu_nest_of(rank, dims, n, (const int64_t *const[]){strides[0], strides[1], strides[2], strides[3]});
}

int64_t gpu_nest_step(const gpu_nest *nest, int operand)
{
    return nest->rank ? nest->strides[operand][nest->rank - 1] : 0;
}

gpu_nest gpu_nest_with_dense(gpu_nest kept, int k)
{
    int64_t stride = 1;
    for (int d = kept.rank - 1; d >= 0; d--) {
        kept.strides[k][d] = stride;
        stride *= kept.dims[d];
    }
    return kept;
}

/* ---- teams */

int gpu_teams_in_columns(int64_t kept, int64_t kept_step, int64_t gone, int64_t gone_step)
{
    return kept > 1 && (gone <= 1 || kept_step < gone_step);
}

static int32_t power_of_two(int64_t n, int32_t most)
{
    int32_t power = 1;
    while (power < n && power < most) power *= 2;
    return power;
}

gpu_teams gpu_teams_for(int64_t kept, int64_t gone, int64_t each, int columns, uint32_t most)
{
    const int32_t wanted = power_of_two((gone + each - 1) / each, (int32_t)most), threads = THREADS;
    int32_t width = columns ? power_of_two(kept, WIDTH) : 1, size = wanted;
    while (size > 1 && size * width > (int32_t)most) size /= 2;
    while (width * size < threads && width < kept) width *= 2;
    while (width * size < FEWEST) width *= 2;
    return (gpu_teams){.teams = width, .size = size, .columns = columns};
}

gpu_grid gpu_teams_grid(const tn_device *device, gpu_teams teams, int64_t kept)
{
    gpu_grid grid = gpu_grid_for(device, kept, (uint32_t)teams.teams, 1);
    grid.threads = (uint32_t)(teams.teams * teams.size);
    return grid;
}

int64_t gpu_teams_pieces(const tn_device *device, gpu_teams teams, int64_t kept, int64_t gone)
{
    const int64_t processors = gpu_limits_of(device)->multiprocessors, blocks = (kept + teams.teams - 1) / teams.teams;
    int64_t pieces = gone / ((int64_t)teams.size * 4), wanted = 2 * processors / (blocks ? blocks : 1);
    if (gone <= (int64_t)teams.size * SHORT) return 1;
    if (pieces > wanted) pieces = wanted;
    if (pieces > MOST_PIECES) pieces = MOST_PIECES;
    return pieces < 1 ? 1 : pieces;
}
