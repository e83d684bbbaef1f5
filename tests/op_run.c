/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs operators on samples for the checks. */
#include "op_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const op_layout_names[N_LAYOUTS] = {"row-major", "transposed with gaps", "every other element",
                                                "channels-last", "expanded"};

/* ---- values */

op_values op_values_draw(const tn_sample *s, tn_dtype dtype, uint64_t seed)
{
    op_values values = {{0}};
    for (int i = 0; i < s->n_in; i++) {
        if (!s->in[i].present) continue;
        int64_t n = tn__sample_numel(&s->in[i]);
        values.of[i] = malloc(((size_t)n + 1) * sizeof(double));
        if (!values.of[i]) abort();
        tn__sample_values(s, i, dtype, seed, 0, n, values.of[i]);
    }
    return values;
}

void op_values_free(op_values *values)
{
    for (int i = 0; i < TN_SAMPLE_INPUTS; i++) free(values->of[i]);
    *values = (op_values){{0}};
}

void op_values_expand(const tn_sample *s, op_values *values)
{
    for (int i = 0; i < s->n_in; i++) {
        const tn_sample_input *in = &s->in[i];
        if (!in->present || in->arg->in_place || in->rank == 0 || in->dims[0] == 0) continue;
        int64_t n = tn__sample_numel(in), row = n / in->dims[0];
        for (int64_t k = row; k < n; k++) values->of[i][k] = values->of[i][k - row];
    }
}

void op_values_sprinkle(const tn_sample *s, tn_dtype dtype, op_values *values)
{
    static const double odd[] = {NAN, INFINITY, -INFINITY, 0.0, -0.0};
    for (int i = 0; i < s->n_in; i++) {
        if (!s->in[i].present || !tn__sample_is_real(s, i, dtype)) continue;
        if (i > 0 && s->op->flags & TN_OP_SPARSE) break;
        int64_t n = tn__sample_numel(&s->in[i]);
        for (int64_t k = 0; k < n; k++) {
            double draw = tn__sample_random(977 + (uint64_t)i, (uint64_t)k);
            if (draw < 0.15) values->of[i][k] = odd[(int)(draw / 0.03)];
        }
    }
}

/* ---- layouts */

/* Strides and room for dims in a layout; returns the index of the first element. transposed: ROW_MAJOR, but for the
 * last two dims, which are swapped. */
static int64_t arrange(op_layout layout, bool transposed, tn_tensor_desc *desc, int64_t *room)
{
    int rank = (int)desc->rank;
    int64_t stride = 1, first = 0;
    switch (layout) {
    case TRANSPOSED: /* first dim fastest, each followed by a gap */
        for (int i = 0; i < rank; i++) {
            desc->strides[i] = stride;
            stride *= desc->dims[i] + 1;
        }
        first = 1;
        *room = stride + 1;
        return first;
    case SLICED:
        for (int i = rank; i-- > 0;) {
            desc->strides[i] = stride * (i == rank - 1 ? 2 : 1);
            stride *= desc->dims[i] * (i == rank - 1 ? 2 : 1);
        }
        *room = stride + 3;
        return 3;
    case CHANNELS_LAST:
        if (rank == 4) tn__channels_last(desc);
        break;
    case EXPANDED:
        if (rank > 0) desc->strides[0] = 0;
        break;
    default:
        if (!transposed) break;
        desc->strides[rank - 2] = 1;
        desc->strides[rank - 1] = desc->dims[rank - 2];
    }
    *room = tn_desc_numel(desc);
    return first;
}

static tn_tensor *lay_out(tn_context *tn, const tn_sample *s, int i, tn_dtype dtype, const double *values,
                          op_layout layout)
{
    const tn_sample_input *in = &s->in[i];
    tn_tensor_desc desc;
    int64_t room = 0, numel = tn__sample_numel(in);
    if (layout == EXPANDED && in->arg->in_place) layout = ROW_MAJOR;
    if ((layout == ROW_MAJOR && !in->transposed) || numel == 0)
        return sample_tensor(tn, dtype, in->rank, in->dims, values);
    if (!tn__desc(tn, &desc, dtype, in->rank, in->dims)) return tn__nil(tn);
    int64_t first = arrange(layout, in->transposed, &desc, &room);
    double *cells = malloc((size_t)room * sizeof *cells);
    if (!cells) abort();
    for (int64_t k = 0; k < room; k++) cells[k] = dtype == TN_F32 || dtype == TN_F64 ? NAN : 1;
    for (int64_t k = 0; k < numel; k++) {
        int64_t at = first, rest = k;
        for (int d = in->rank; d-- > 0; rest /= in->dims[d]) at += rest % in->dims[d] * desc.strides[d];
        cells[at] = values[k];
    }
    tn_tensor *base = sample_tensor(tn, dtype, 1, &room, cells);
    free(cells);
    return tn__view(base, &desc, (uint64_t)first * tn_dtype_size(dtype));
}

void op_inputs(tn_context *tn, const tn_sample *s, tn_dtype dtype, const op_values *values, op_layout layout,
               tn_tensor **in)
{
    for (int i = 0; i < s->n_in; i++)
        in[i] = s->in[i].present ? lay_out(tn, s, i, tn__sample_dtype(s, i, dtype), values->of[i], layout) : NULL;
}

/* ---- outcomes */

void op_outcome_add(op_outcome *outcome, const char *name, tn_tensor *x)
{
    int i = outcome->n++;
    outcome->item[i].name = name;
    outcome->item[i].numel = tn_numel(x);
    outcome->item[i].dtype = tn_dtype_of(x);
    outcome->item[i].values = sample_read(x);
    if (!outcome->item[i].values) outcome->item[i].numel = -1;
}

op_outcome op_run(const op_subject *subject, tn_context *tn, const tn_sample *s, tn_dtype dtype,
                  const op_values *values, op_layout layout)
{
    tn_tensor *in[TN_SAMPLE_INPUTS], *out[TN_MAX_OUT] = {0};
    op_outcome outcome = {.status = TN_OK};
    tn_mark mark = tn_begin(tn);
    op_inputs(tn, s, dtype, values, layout, in);
    bool ok = subject->apply(tn, s->op, tn__sample_attrs_of(s), s->n_in, in, out);
    for (int i = 0; ok && i < s->schema->n_out; i++) op_outcome_add(&outcome, s->schema->out[i].name, out[i]);
    for (int i = 0; ok && i < s->n_in; i++)
        if (in[i] && s->in[i].arg->in_place) op_outcome_add(&outcome, s->in[i].arg->name, in[i]);
    outcome.status = tn_check(tn);
    snprintf(outcome.message, sizeof outcome.message, "%s", tn_message(tn));
    tn_clear(tn);
    tn_end(tn, mark, NULL);
    return outcome;
}

void op_outcome_free(op_outcome *outcome)
{
    for (int i = 0; i < outcome->n; i++) free(outcome->item[i].values);
    outcome->n = 0;
}

static double largest(const double *values, int64_t n)
{
    double most = 1;
    for (int64_t k = 0; k < n; k++)
        if (isfinite(values[k]) && fabs(values[k]) > most) most = fabs(values[k]);
    return most;
}

static bool same(double found, double expected, double bound)
{
    if (isnan(expected) || isnan(found)) return isnan(expected) && isnan(found);
    if (isinf(expected) || isinf(found)) return expected == found;
    return fabs(found - expected) <= bound;
}

bool op_outcome_close(const op_outcome *found, const op_outcome *expected, double tolerance, char *why)
{
    if (found->n != expected->n) {
        snprintf(why, 300, "%d results instead of %d", found->n, expected->n);
        return false;
    }
    for (int i = 0; i < expected->n; i++) {
        int64_t n = expected->item[i].numel;
        if (found->item[i].numel != n || n < 0) {
            snprintf(why, 300, "%s has %lld elements, not %lld", expected->item[i].name,
                     (long long)found->item[i].numel, (long long)n);
            return false;
        }
        bool real = expected->item[i].dtype == TN_F32 || expected->item[i].dtype == TN_F64;
        double bound = real ? tolerance * largest(expected->item[i].values, n) : 0;
        for (int64_t k = 0; k < n; k++) {
            double a = found->item[i].values[k], b = expected->item[i].values[k];
            if (same(a, b, bound)) continue;
            snprintf(why, 300, "%s[%lld] is %.9g, expected %.9g (bound %.1e)", expected->item[i].name, (long long)k, a,
                     b, bound);
            return false;
        }
    }
    return true;
}

double op_tolerance(tn_dtype dtype)
{
    return dtype == TN_F64 ? 1e-12 : 1e-5;
}
