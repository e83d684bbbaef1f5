/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators by name, on inputs drawn for a sample. */
#include "engine/backend.h"
#include "ops/elementwise.h"
#include "ops/sample.h"

#include <stdlib.h>

enum { SEED = 1, PIECE = 1024 };

struct tn_op_call {
    tn_context *tn;
    const tn_op *op;
    tn_sample sample;
    tn_tensor *in[TN_SAMPLE_INPUTS]; /* retained; NULL where absent */
};

static void release(void *object)
{
    tn_op_call *call = object;
    for (int i = 0; i < call->sample.n_in; i++) tn_release(call->in[i]);
    free(call);
}

/* ---- inputs */

static void swap(int64_t *a, int64_t *b)
{
    int64_t was = *a;
    *a = *b;
    *b = was;
}

/* Writes the dims from slowest to fastest in memory: an order for tn_permute. */
static void memory_order(const tn_dev *dev, const tn_sample_input *in, int64_t order[TN_MAX_RANK])
{
    for (int d = 0; d < in->rank; d++) order[d] = d;
    if (in->transposed)
        swap(&order[in->rank - 1], &order[in->rank - 2]);
    else if (tn__sample_is_image(in) && dev->info.image_layout == TN_LAYOUT_NHWC) {
        swap(&order[1], &order[2]);
        swap(&order[2], &order[3]);
    }
}

/* A row-major tensor of drawn values. */
static tn_tensor *draw(tn_op_call *call, int i, tn_dtype dtype, const int64_t *dims)
{
    tn_context *tn = call->tn;
    tn_tensor_desc desc;
    if (!tn__desc(tn, &desc, dtype, call->sample.in[i].rank, dims)) return tn__nil(tn);
    int64_t n = tn_desc_numel(&desc), size = (int64_t)tn_dtype_size(dtype);
    char *bytes = malloc((size_t)(n * size) + 1);
    if (!bytes) return tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no host memory to draw its inputs", call->op->name);
    for (int64_t first = 0; first < n; first += PIECE) {
        double values[PIECE];
        int64_t length = n - first < PIECE ? n - first : PIECE;
        tn__sample_values(&call->sample, i, dtype, SEED, first, length, values);
        for (int64_t k = 0; k < length; k++) tn__store(dtype, values[k], bytes + (first + k) * size);
    }
    tn_tensor *x = tn_from(tn, bytes, dtype, (int)desc.rank, dims);
    free(bytes);
    return x;
}

/* Input i: drawn in its memory order, then seen in that of its dims. */
static tn_tensor *make_input(tn_op_call *call, int i, tn_dtype chosen)
{
    const tn_sample_input *in = &call->sample.in[i];
    int64_t order[TN_MAX_RANK], back[TN_MAX_RANK], dims[TN_MAX_RANK];
    memory_order(call->tn->default_dev, in, order);
    for (int d = 0; d < in->rank; d++) {
        dims[d] = in->dims[order[d]];
        back[order[d]] = d;
    }
    return tn_permute(draw(call, i, tn__sample_dtype(&call->sample, i, chosen), dims), in->rank, back);
}

static bool make_inputs(tn_op_call *call, tn_dtype chosen)
{
    for (int i = 0; i < call->sample.n_in; i++)
        if (call->sample.in[i].present) call->in[i] = tn_retain(make_input(call, i, chosen));
    return tn_check(call->tn) == TN_OK;
}

/* ---- opening */

static const tn_op *find(tn_context *tn, const char *name)
{
    int index = name ? tn__op_index(name) : -1;
    if (index >= 0) return tn__catalogue[index];
    tn_raise(tn, TN_NOT_FOUND, "there is no operator \"%s\"; tn_ops lists them", name ? name : "");
    return NULL;
}

static bool good_choices(tn_context *tn, const tn_op *op, const char *sample, int64_t batch, tn_dtype dtype)
{
    if (!sample)
        tn_raise(tn, TN_INVALID, "%s: the sample is NULL", op->name);
    else if (batch < 1)
        tn_raise(tn, TN_INVALID, "%s: a batch of %lld; it must be at least 1", op->name, (long long)batch);
    else if (dtype != TN_F32 && dtype != TN_F64)
        tn_raise(tn, TN_INVALID, "%s: samples can be drawn in f32 and f64, not in %s", op->name, tn_dtype_name(dtype));
    else
        return true;
    return false;
}

static bool read_sample(tn_op_call *call, const char *text, int64_t batch)
{
    char why[TN_SAMPLE_WHY];
    if (tn__sample_parse(call->op, text, batch, &call->sample, why)) return true;
    tn_raise(call->tn, TN_INVALID, "%s: the sample does not fit: %s", call->op->name, why);
    return false;
}

/* Do the inputs go together? */
static bool fits(tn_op_call *call)
{
    return tn__infer(&(tn_infer){.ctx = call->tn,
                                 .op = call->op,
                                 .attrs = tn__sample_attrs_of(&call->sample),
                                 .in = call->in,
                                 .n_in = call->sample.n_in});
}

static bool fill(tn_op_call *call, const char *sample, int64_t batch, tn_dtype dtype)
{
    tn_mark mark = tn_begin(call->tn);
    bool ok = read_sample(call, sample, batch) && make_inputs(call, dtype) && fits(call);
    tn_end(call->tn, mark, NULL);
    return ok;
}

tn_op_call *tn_op_call_open(tn_context *tn, const char *name, const char *sample, int64_t batch, tn_dtype dtype)
{
    const tn_op *op = tn_check(tn) == TN_OK ? find(tn, name) : NULL;
    if (!op || !good_choices(tn, op, sample, batch, dtype)) return NULL;
    tn_op_call *call = calloc(1, sizeof *call);
    if (!call) {
        tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no host memory for a call", op->name);
        return NULL;
    }
    call->tn = tn;
    call->op = op;
    if (!fill(call, sample, batch, dtype)) {
        release(call);
        return NULL;
    }
    call->sample.text = NULL; /* the caller's */
    tn_on_close(tn, release, call);
    return tn_check(tn) == TN_OK ? call : NULL;
}

/* ---- running */

/* copy is there to change the memory order: to row-major, where any other operator may choose. */
static void copy(tn_op_call *call)
{
    tn_tensor_desc desc = call->in[0]->desc;
    tn__row_major(&desc);
    tn__apply_into(call->tn, call->op, NULL, 1, call->in, tn__new(tn__dev_of(call->in[0]), &desc));
}

tn_status tn_op_call_run(tn_op_call *call)
{
    if (!call) return TN_INVALID;
    tn_context *tn = call->tn;
    if (tn_check(tn) != TN_OK) return tn_check(tn);
    tn_tensor *out[TN_MAX_OUT];
    tn_mark mark = tn_begin(tn);
    bool was = tn_set_grad_enabled(tn, false);
    if (call->op == &tn__op_copy)
        copy(call);
    else
        tn__apply_all(tn, call->op, tn__sample_attrs_of(&call->sample), call->sample.n_in, call->in, out);
    tn_set_grad_enabled(tn, was);
    tn_end(tn, mark, NULL);
    return tn_check(tn);
}
