/* SPDX-License-Identifier: Apache-2.0
 *
 * From a sample to tensors: values drawn as a call's options ask, laid out in memory in one of several ways. */
#include "ops/elementwise.h"
#include "ops/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1024 };

const char *tn_op_layout_name(tn_op_layout layout)
{
    static const char *const names[TN_OP_LAYOUTS] = {
        "preferred order",     "row-major",     "shifted by one element", "transposed with gaps",
        "every other element", "channels-last", "first dim expanded"};
    return layout >= 0 && layout < TN_OP_LAYOUTS ? names[layout] : "unknown layout";
}

/* ---- values */

static bool may_repeat(const tn_sample_input *in)
{
    return !in->arg->in_place && in->rank > 0 && in->dims[0] > 0;
}

/* How many elements of the input differ. */
static int64_t period(const tn_sample_input *in, const tn_op_call_options *how)
{
    bool repeated = how->repeated || how->layout == TN_OP_LAYOUT_EXPANDED;
    return tn__sample_numel(in) / (repeated && may_repeat(in) ? in->dims[0] : 1);
}

static bool has_padding(const tn_sample *s)
{
    if (s->op->flags & TN_OP_PADS) return true;
    for (int i = 0; i < s->schema->n_attrs; i++)
        for (int k = 0; strcmp(s->schema->attrs[i].name, "padding") == 0 && k < s->schema->attrs[i].count; k++) {
            int64_t value;
            memcpy(&value, s->attrs + s->schema->attrs[i].offset + 8 * k, sizeof value);
            if (value) return true;
        }
    return false;
}

/* Whether a zero of the padding, or of a sparse tensor, meets an infinity of another input and makes a NaN, is up to
 * the implementation. */
static bool may_be_infinite(const tn_sample *s, int i, tn_dtype chosen)
{
    int n_real = 0;
    for (int k = 0; k < s->n_in; k++) n_real += tn__sample_is_real(s, k, chosen);
    if (n_real > 1 && has_padding(s)) return false;
    return tn__sample_is_real(s, i, chosen) && !(i > 0 && s->op->flags & TN_OP_SPARSE);
}

static void sprinkle(int i, int64_t first, int64_t n, double *values)
{
    static const double odd[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0};
    for (int64_t k = 0; k < n; k++) {
        double draw = tn__sample_random(977 + (uint64_t)i, (uint64_t)(first + k));
        if (draw < 0.15) values[k] = odd[(int)(draw / 0.03)];
    }
}

void tn__sample_draw(const tn_sample *s, int i, const tn_op_call_options *how, int64_t first, int64_t n, double *values)
{
    int64_t cycle = period(&s->in[i], how);
    bool odd = how->not_finite && may_be_infinite(s, i, how->dtype);
    for (int64_t k = 0, length; k < n; k += length) {
        int64_t at = (first + k) % cycle;
        length = n - k < cycle - at ? n - k : cycle - at;
        tn__sample_values(s, i, how->dtype, how->seed, at, length, values + k);
        if (odd) sprinkle(i, at, length, values + k);
    }
}

/* ---- layouts */

/* Where the elements of an input lie among `room` cells. */
typedef struct plot {
    tn_tensor_desc desc;
    int64_t first, room;
} plot;

static void channels_last(plot *p)
{
    if (p->desc.rank == 4) tn__channels_last(&p->desc);
}

static void transposed_with_gaps(plot *p)
{
    int64_t stride = 1;
    for (uint32_t d = 0; d < p->desc.rank; stride *= p->desc.dims[d++] + 1) p->desc.strides[d] = stride;
    p->first = 1;
    p->room = stride + 1;
}

static void sliced(plot *p)
{
    for (uint32_t d = 0; d < p->desc.rank; d++) p->desc.strides[d] *= 2;
    p->first = 3;
    p->room = 2 * p->room + 3;
}

static void expanded(plot *p)
{
    p->desc.strides[0] = 0;
    p->room /= p->desc.dims[0];
}

static void swap_last_dims(plot *p)
{
    p->desc.strides[p->desc.rank - 2] = 1;
    p->desc.strides[p->desc.rank - 1] = p->desc.dims[p->desc.rank - 2];
}

/* p comes row-major. */
static void arrange(plot *p, tn_context *tn, const tn_sample_input *in, tn_op_layout layout)
{
    bool nhwc = tn->default_dev->info.image_layout == TN_LAYOUT_NHWC;
    switch (layout) {
    case TN_OP_LAYOUT_TRANSPOSED: transposed_with_gaps(p); return;
    case TN_OP_LAYOUT_SLICED: sliced(p); return;
    case TN_OP_LAYOUT_CHANNELS_LAST: channels_last(p); return;
    case TN_OP_LAYOUT_EXPANDED:
        if (may_repeat(in)) expanded(p);
        return;
    case TN_OP_LAYOUT_SHIFTED: p->room += p->first = 1; break;
    default: break;
    }
    if (in->transposed)
        swap_last_dims(p);
    else if (layout == TN_OP_LAYOUT_PREFERRED && nhwc && tn__sample_is_image(in))
        channels_last(p);
}

/* ---- tensors */

/* Index of the cell of element k, counted row-major. */
static int64_t cell(const plot *p, int64_t k)
{
    int64_t at = p->first;
    for (uint32_t d = p->desc.rank; d-- > 0; k /= p->desc.dims[d]) at += k % p->desc.dims[d] * p->desc.strides[d];
    return at;
}

static void store_piece(const plot *p, char *cells, int64_t first, int64_t n, const double *values)
{
    int64_t size = (int64_t)tn_dtype_size(p->desc.dtype);
    bool plain = tn_desc_contiguous(&p->desc);
    for (int64_t k = 0; k < n; k++)
        tn__store(p->desc.dtype, values[k], cells + size * (plain ? p->first + first + k : cell(p, first + k)));
}

static void fill_gaps(const plot *p, char *cells)
{
    bool real = p->desc.dtype == TN_F32 || p->desc.dtype == TN_F64;
    int64_t size = (int64_t)tn_dtype_size(p->desc.dtype);
    if (p->room <= tn_desc_numel(&p->desc)) return;
    for (int64_t k = 0; k < p->room; k++) tn__store(p->desc.dtype, real ? (double)NAN : 1, cells + k * size);
}

tn_tensor *tn__sample_tensor(tn_context *tn, const tn_sample *s, int i, const tn_op_call_options *how,
                             const double *values)
{
    const tn_sample_input *in = &s->in[i];
    plot p = {.first = 0};
    if (!tn__desc(tn, &p.desc, tn__sample_dtype(s, i, how->dtype), in->rank, in->dims)) return tn__nil(tn);
    int64_t n = p.room = tn_desc_numel(&p.desc), size = (int64_t)tn_dtype_size(p.desc.dtype);
    if (n > 0) arrange(&p, tn, in, how->layout);
    char *cells = malloc((size_t)(p.room * size) + 1);
    if (!cells) return tn_raise(tn, TN_OUT_OF_MEMORY, "%s: no host memory to draw its inputs", s->op->name);
    fill_gaps(&p, cells);
    for (int64_t k = 0; k < n; k += PIECE) {
        double drawn[PIECE];
        int64_t length = n - k < PIECE ? n - k : PIECE;
        if (!values) tn__sample_draw(s, i, how, k, length, drawn);
        store_piece(&p, cells, k, length, values ? values + k : drawn);
    }
    tn_tensor *base = tn_from(tn, cells, p.desc.dtype, 1, &p.room);
    free(cells);
    return tn_is_nil(base) ? base : tn__view(base, &p.desc, (uint64_t)(p.first * size));
}
