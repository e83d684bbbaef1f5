/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk over the lists of an optimizer step. Where the tensors of one parameter have the same dense strides, the
 * update works on their memory as it is; elsewhere small pieces are packed, updated and put back. */
#include "ops/step_lists.h"

#include <string.h>

enum { GRAIN = 1 << 14, PIECE = 256 };

/* One parameter. */
typedef struct job {
    int n_lists;
    const tn_tensor_desc *desc[TN_STEP_LISTS];
    char *at[TN_STEP_LISTS];
    size_t element; /* bytes */
    tn_step_fn update;
    const void *how;
} job;

static bool same_order(const tn_tensor_desc *x, const tn_tensor_desc *y)
{
    for (uint32_t d = 0; d < x->rank; d++)
        if (x->dims[d] > 1 && x->strides[d] != y->strides[d]) return false;
    return true;
}

static bool agree(const job *j)
{
    const tn_tensor_desc *p = j->desc[TN_STEP_PARAM];
    for (int k = 1; k < j->n_lists; k++)
        if (j->desc[k] && !same_order(p, j->desc[k])) return false;
    return tn__is_dense(p);
}

static void update_in_place(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    void *at[TN_STEP_LISTS] = {0};
    for (int k = 0; k < j->n_lists; k++)
        if (j->at[k]) at[k] = j->at[k] + (size_t)begin * j->element;
    j->update(at, end - begin, j->how);
}

/* Copies the elements with row-major indices first, ..., first + n - 1 to a plain array, or back. */
static void move(const tn_tensor_desc *desc, char *strided, int64_t first, int64_t n, char *plain, size_t element,
                 bool back)
{
    int64_t index[TN_MAX_RANK], offset = 0;
    for (int d = (int)desc->rank - 1; d >= 0; first /= desc->dims[d--]) {
        index[d] = first % desc->dims[d];
        offset += index[d] * desc->strides[d];
    }
    for (; n > 0; n--, plain += element) {
        char *x = strided + offset * (int64_t)element;
        memcpy(back ? x : plain, back ? plain : x, element);
        for (int d = (int)desc->rank - 1; d >= 0; d--) {
            offset += desc->strides[d];
            if (++index[d] < desc->dims[d]) break;
            offset -= index[d] * desc->strides[d];
            index[d] = 0;
        }
    }
}

static void update_packed(void *arg, int64_t begin, int64_t end)
{
    const job *j = arg;
    double packed[TN_STEP_LISTS][PIECE];
    for (int64_t n; begin < end; begin += n) {
        void *at[TN_STEP_LISTS] = {0};
        n = end - begin < PIECE ? end - begin : PIECE;
        for (int k = 0; k < j->n_lists; k++)
            if (j->at[k]) move(j->desc[k], j->at[k], begin, n, at[k] = packed[k], j->element, false);
        j->update(at, n, j->how);
        for (int k = 0; k < j->n_lists; k++)
            if (j->at[k] && k != TN_STEP_GRAD) move(j->desc[k], j->at[k], begin, n, at[k], j->element, true);
    }
}

void tn__step_each(const tn_run *run, int n_lists, int n, tn_step_fn f32, tn_step_fn f64, const void *how)
{
    for (int i = 0; i < n; i++) {
        const tn_tensor_desc *p = run->in_desc[i];
        job j = {.n_lists = n_lists, .element = tn_dtype_size(p->dtype), .how = how};
        j.update = p->dtype == TN_F32 ? f32 : f64;
        for (int k = 0; k < n_lists; k++) {
            j.desc[k] = run->in_desc[k * n + i];
            j.at[k] = j.desc[k] ? run->in[k * n + i] : NULL;
        }
        tn__parallel_for(tn_desc_numel(p), GRAIN, agree(&j) ? update_in_place : update_packed, &j);
    }
}

uint64_t tn__step_flops(const tn_run *run, int n, uint64_t per_element)
{
    uint64_t elements = 0;
    for (int i = 0; i < n; i++) elements += (uint64_t)tn_desc_numel(run->in_desc[i]);
    return elements * per_element;
}
