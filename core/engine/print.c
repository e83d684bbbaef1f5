/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors as text, in PyTorch's layout: four digits, columns aligned, 80 columns wide, three items at each end of a
 * dim once there are more than 1000 elements. */
#include "engine/autograd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EDGE = 3, THRESHOLD = 1000, WIDTH = 80, PREFIX = 7 /* "tensor(" */ };

typedef struct printer {
    FILE *out;
    const tn_tensor *x;
    const unsigned char *data; /* row-major */
    bool summarised;
    bool real, scientific, whole; /* f32 or f64; %.4e; no fraction anywhere */
    int width;
} printer;

static double real_at(const printer *p, int64_t i)
{
    if (p->x->desc.dtype == TN_F64) return ((const double *)(const void *)p->data)[i];
    return (double)((const float *)(const void *)p->data)[i];
}

static int64_t whole_at(const printer *p, int64_t i)
{
    switch (p->x->desc.dtype) {
    case TN_I64: return ((const int64_t *)(const void *)p->data)[i];
    case TN_I32: return ((const int32_t *)(const void *)p->data)[i];
    default: return p->data[i];
    }
}

static int format_item(const printer *p, int64_t i, char *text, size_t size)
{
    if (!p->real && p->x->desc.dtype == TN_BOOL) return snprintf(text, size, "%s", p->data[i] ? "True" : "False");
    if (!p->real) return snprintf(text, size, "%lld", (long long)whole_at(p, i));
    double value = real_at(p, i);
    if (isnan(value)) return snprintf(text, size, "nan");
    if (isinf(value)) return snprintf(text, size, value < 0 ? "-inf" : "inf");
    if (p->scientific) return snprintf(text, size, "%.4e", value);
    return p->whole ? snprintf(text, size, "%.0f.", value) : snprintf(text, size, "%.4f", value);
}

/* ---- walking over what is shown */

static int64_t items_below(const printer *p, int dim)
{
    int64_t n = 1;
    for (int i = dim; i < tn_rank(p->x); i++) n *= p->x->desc.dims[i];
    return n;
}

static bool cuts(const printer *p, int dim)
{
    return p->summarised && p->x->desc.dims[dim] > 2 * EDGE;
}

/* Calls see for each element shown, from element `at` on. */
static void each_shown(printer *p, int dim, int64_t at, void (*see)(printer *p, int64_t i, void *arg), void *arg)
{
    if (dim == tn_rank(p->x)) {
        see(p, at, arg);
        return;
    }
    int64_t below = items_below(p, dim + 1), size = p->x->desc.dims[dim];
    for (int64_t i = 0; i < size; i++) {
        if (cuts(p, dim) && i == EDGE) i = size - EDGE;
        each_shown(p, dim + 1, at + i * below, see, arg);
    }
}

/* ---- one format for all numbers shown */

typedef struct range {
    double least, most; /* of the absolute values of finite numbers other than 0 */
    bool whole;
} range;

static void see_range(printer *p, int64_t i, void *arg)
{
    range *r = arg;
    double value = fabs(real_at(p, i));
    if (!isfinite(value) || value == 0) return;
    if (value < r->least) r->least = value;
    if (value > r->most) r->most = value;
    if (value != ceil(value)) r->whole = false;
}

static void see_width(printer *p, int64_t i, void *arg)
{
    char text[400];
    (void)arg;
    if (p->real && (!isfinite(real_at(p, i)) || real_at(p, i) == 0)) return; /* PyTorch does not look at these */
    int n = format_item(p, i, text, sizeof text);
    if (n > p->width) p->width = n;
}

static void choose_format(printer *p)
{
    range r = {INFINITY, 0, true};
    if (p->real) {
        each_shown(p, 0, 0, see_range, &r);
        p->whole = r.whole;
        p->scientific = r.most > 0 && (r.most / r.least > 1000 || r.most > 1e8 || (!r.whole && r.least < 1e-4));
    }
    p->width = 1;
    each_shown(p, 0, 0, see_width, NULL);
}

/* ---- brackets and lines */

static void put_item(const printer *p, int64_t i)
{
    char text[400];
    format_item(p, i, text, sizeof text);
    fprintf(p->out, "%*s", p->width, text);
}

static void new_line(const printer *p, int indent)
{
    fprintf(p->out, "\n%*s", indent, "");
}

/* The last dim: as many items in a line as fit. */
static void put_row(const printer *p, int64_t at, int indent)
{
    int64_t size = p->x->desc.dims[tn_rank(p->x) - 1];
    int per_line = (WIDTH - indent) / (p->width + 2), in_line = 0;
    if (per_line < 1) per_line = 1;
    fputc('[', p->out);
    for (int64_t i = 0; i < size; i++) {
        if (in_line == per_line) {
            new_line(p, indent + 1);
            in_line = 0;
        }
        if (cuts(p, tn_rank(p->x) - 1) && i == EDGE) {
            fputs(" ..., ", p->out);
            i = size - EDGE;
            if (++in_line == per_line) {
                new_line(p, indent + 1);
                in_line = 0;
            }
        }
        put_item(p, at + i);
        in_line++;
        if (i + 1 < size) fputs(in_line == per_line ? "," : ", ", p->out);
    }
    fputc(']', p->out);
}

static void put_dim(const printer *p, int dim, int64_t at, int indent)
{
    int rank = tn_rank(p->x);
    if (dim == rank) {
        put_item(p, at);
        return;
    }
    if (dim == rank - 1) {
        put_row(p, at, indent);
        return;
    }
    int64_t size = p->x->desc.dims[dim], below = items_below(p, dim + 1);
    fputc('[', p->out);
    for (int64_t i = 0; i < size; i++) {
        if (i) {
            fputc(',', p->out);
            for (int k = dim + 2; k < rank; k++) fputc('\n', p->out);
            new_line(p, indent + 1);
        }
        if (cuts(p, dim) && i == EDGE) {
            fputs("...,", p->out);
            for (int k = dim + 2; k < rank; k++) fputc('\n', p->out);
            new_line(p, indent + 1);
            i = size - EDGE;
        }
        put_dim(p, dim + 1, at + i * below, indent + 1);
    }
    fputc(']', p->out);
}

/* What cannot be seen from the numbers: the rest of PyTorch's line. */
static void put_suffix(const printer *p)
{
    const tn_tensor *x = p->x;
    const char *shape = TN_SHAPE_OF(x);
    bool empty = tn_numel(x) == 0;
    if (empty && tn_rank(x) != 1) fprintf(p->out, ", size=(%.*s)", (int)strlen(shape) - 2, shape + 1);
    if (x->desc.dtype != TN_F32 && (empty || (x->desc.dtype != TN_I64 && x->desc.dtype != TN_BOOL)))
        fprintf(p->out, ", dtype=%s", tn_dtype_name(x->desc.dtype));
    if (!(tn__dev_of(x)->info.flags & TN_DEVICE_HOST_MEMORY)) fprintf(p->out, ", device='%s'", tn_device_of(x));
    if (x->node && x->node->op)
        fprintf(p->out, ", grad_fn=<%s>", x->node->op->name);
    else if (x->requires_grad)
        fputs(", requires_grad=True", p->out);
}

char *tn_format(tn_tensor *x)
{
    char *text = NULL;
    size_t size, bytes = (size_t)tn_numel(x) * tn_dtype_size(x->desc.dtype);
    if (tn_is_nil(x)) return strdup("nil");
    unsigned char *data = malloc(bytes + 1);
    printer p = {.out = open_memstream(&text, &size), .x = x, .data = data};
    if (!data || !p.out || tn_read(x, data, bytes) != TN_OK) {
        if (p.out) fclose(p.out);
        free(text);
        free(data);
        return strdup("nil");
    }
    p.real = x->desc.dtype == TN_F32 || x->desc.dtype == TN_F64;
    p.summarised = tn_numel(x) > THRESHOLD;
    fputs("tensor(", p.out);
    if (tn_numel(x) == 0)
        fputs("[]", p.out);
    else {
        choose_format(&p);
        put_dim(&p, 0, 0, PREFIX);
    }
    put_suffix(&p);
    fputc(')', p.out);
    fclose(p.out);
    free(data);
    return text;
}

void tn_print(tn_tensor *x)
{
    char *text = tn_format(x);
    puts(text ? text : "nil");
    free(text);
}
