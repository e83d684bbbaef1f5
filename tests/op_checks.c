/* SPDX-License-Identifier: Apache-2.0
 *
 * The promises that every operator keeps, as checks over its samples. */
#include "op_checks.h"

#include "op_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SEED = 5, LARGE = 1 << 22 };

static bool fail(op_report *report, const tn_sample *s, tn_dtype dtype, const char *what, const char *why)
{
    snprintf(report->why, sizeof report->why, "%s, sample \"%s\", %s: %s: %s", s->op->name, s->text,
             dtype ? tn_dtype_name(dtype) : "fixed dtypes", what, why);
    return false;
}

/* The dtypes that a sample is worth running with: one if it fixes them itself. */
static int dtypes_of(const tn_sample *s, const tn_dtype *all, int n, const tn_dtype **list)
{
    static const tn_dtype fixed[] = {0};
    *list = tn__sample_has_free_dtype(s) ? all : fixed;
    return tn__sample_has_free_dtype(s) ? n : 1;
}

/* Calls one(s, dtype) for each sample in the list and each of n dtypes. */
typedef bool (*one_fn)(const op_subject *subject, const tn_sample *s, tn_dtype dtype, op_report *report);

static bool for_list(const op_subject *subject, const char *const *list_of, const tn_dtype *all, int n, one_fn one,
                     op_report *report)
{
    for (const char *const *text = list_of; text && *text; text++) {
        tn_sample s;
        char why[TN_SAMPLE_WHY];
        if (!tn__sample_parse(subject->op, *text, OP_BATCH, &s, why)) return fail(report, &s, 0, "cannot be read", why);
        const tn_dtype *list;
        int count = dtypes_of(&s, all, n, &list);
        for (int i = 0; i < count; i++)
            if (!one(subject, &s, list[i], report)) return false;
    }
    return true;
}

static bool for_each(const op_subject *subject, const tn_dtype *all, int n, one_fn one, op_report *report)
{
    return for_list(subject, subject->op->samples, all, n, one, report);
}

/* The same for the operator's shapes, which are of real numbers. */
static bool for_shapes(const op_subject *subject, one_fn one, op_report *report)
{
    static const tn_dtype reals[] = {TN_F32, TN_F64};
    return for_list(subject, subject->op->shapes, reals, 2, one, report);
}

/* Did the operator itself say that it does not take this dtype? */
static bool refuses(const op_outcome *outcome)
{
    return outcome->status == TN_UNSUPPORTED || outcome->status == TN_INVALID;
}

/* ---- samples */

static bool runs(const op_subject *subject, const tn_sample *s, tn_dtype dtype, op_report *report)
{
    op_values values = op_values_draw(s, dtype, SEED);
    op_outcome outcome = op_run(subject, subject->reference, s, dtype, &values, TN_OP_LAYOUT_ROW_MAJOR);
    report->ran += outcome.status == TN_OK;
    report->refused += tn__sample_is_empty(s); /* here: samples with an empty tensor */
    bool ok =
        outcome.status == TN_OK || fail(report, s, dtype, "does not run on the reference backend", outcome.message);
    op_outcome_free(&outcome);
    op_values_free(&values);
    return ok;
}

bool check_samples(const op_subject *subject, op_report *report)
{
    static const tn_dtype reals[] = {TN_F32, TN_F64};
    if (!for_each(subject, reals, 2, runs, report) || !for_shapes(subject, runs, report)) return false;
    const char *missing = report->ran == 0       ? "no sample runs"
                          : report->refused == 0 ? "no sample has an empty tensor"
                                                 : NULL;
    if (missing) snprintf(report->why, sizeof report->why, "%s: %s", subject->op->name, missing);
    return !missing;
}

/* ---- one dtype against another */

static bool compare_reals(const op_subject *subject, const tn_sample *s, bool odd, op_report *report)
{
    char why[300];
    tn_sample precise = op_sample_in_f64(s);
    op_values values = op_values_draw_as(s, &(tn_op_call_options){.dtype = TN_F64, .seed = SEED, .not_finite = odd});
    op_outcome exact = op_run(subject, subject->reference, &precise, TN_F64, &values, TN_OP_LAYOUT_ROW_MAJOR);
    op_outcome single = op_run(subject, subject->reference, s, TN_F32, &values, TN_OP_LAYOUT_ROW_MAJOR);
    bool ok = single.status == TN_OK && exact.status == TN_OK;
    if (!ok) snprintf(why, sizeof why, "%.140s%.140s", single.message, exact.message);
    ok = ok && op_outcome_within(&single, &exact, op_bound(s->op), why);
    report->ran++;
    op_outcome_free(&exact);
    op_outcome_free(&single);
    op_values_free(&values);
    return ok ||
           fail(report, s, TN_F32, odd ? "with NaN and infinities, f32 is unlike f64" : "f32 is far from f64", why);
}

static bool f32_like_f64(const op_subject *subject, const tn_sample *s, tn_dtype dtype, op_report *report)
{
    return dtype != TN_F64 || compare_reals(subject, s, false, report);
}

bool check_precision(const op_subject *subject, op_report *report)
{
    static const tn_dtype real[] = {TN_F64};
    return for_each(subject, real, 1, f32_like_f64, report) && for_shapes(subject, f32_like_f64, report);
}

/* What an integer or bool result must be, given the f64 result. */
static double wrapped(double exact, tn_dtype dtype)
{
    int64_t whole = (int64_t)exact;
    switch (dtype) {
    case TN_I32: return (int32_t)(uint32_t)(uint64_t)whole;
    case TN_U8: return (uint8_t)(uint64_t)whole;
    case TN_BOOL: return whole != 0;
    default: return (double)whole;
    }
}

static bool attrs_are_whole(const tn_sample *s)
{
    for (int i = 0; i < s->schema->n_attrs; i++)
        for (int k = 0; s->schema->attrs[i].is_float && k < s->schema->attrs[i].count; k++) {
            double value;
            memcpy(&value, s->attrs + s->schema->attrs[i].offset + 8 * k, sizeof value);
            if (value != floor(value)) return false;
        }
    return true;
}

/* The same whole numbers, once as `dtype` and once as f64. */
static bool integers_like_f64(const op_subject *subject, const tn_sample *s, tn_dtype dtype, op_report *report)
{
    char why[300];
    if (!dtype || !attrs_are_whole(s)) return true;
    op_values values = op_values_draw(s, dtype, SEED);
    op_outcome found = op_run(subject, subject->reference, s, dtype, &values, TN_OP_LAYOUT_ROW_MAJOR);
    op_outcome exact = op_run(subject, subject->reference, s, TN_F64, &values, TN_OP_LAYOUT_ROW_MAJOR);
    bool ok = found.status == TN_OK;
    report->ran += ok;
    report->refused += !ok;
    for (int i = 0; ok && i < exact.n; i++) {
        if (i >= found.n || found.item[i].dtype == exact.item[i].dtype) continue;
        for (int64_t k = 0; k < exact.item[i].numel; k++)
            exact.item[i].values[k] = wrapped(exact.item[i].values[k], dtype);
        exact.item[i].dtype = dtype;
    }
    ok = ok ? op_outcome_within(&found, &exact, 0, why) : refuses(&found);
    if (!refuses(&found) && found.status != TN_OK) snprintf(why, sizeof why, "%.250s", found.message);
    op_outcome_free(&found);
    op_outcome_free(&exact);
    op_values_free(&values);
    return ok || fail(report, s, dtype, "integers differ from f64", why);
}

bool check_integers(const op_subject *subject, op_report *report)
{
    static const tn_dtype integers[] = {TN_I64, TN_I32, TN_U8, TN_BOOL};
    return for_each(subject, integers, 4, integers_like_f64, report);
}

/* ---- strides, other backends */

static const tn_dtype every[] = {TN_F32, TN_F64, TN_I64, TN_I32, TN_U8, TN_BOOL};
enum { N_EVERY = sizeof every / sizeof *every };

/* What gaps and orders do shows in small tensors. */
static int n_layouts(const tn_sample *s)
{
    int64_t numel = 0;
    for (int i = 0; i < s->n_in; i++) numel += s->in[i].present ? tn__sample_numel(&s->in[i]) : 0;
    return numel > LARGE ? 1 : TN_OP_LAYOUTS;
}

/* What the reference backend makes of the same values, row-major and, where they are real, in f64. */
static op_outcome reference_outcome(const op_subject *subject, const tn_sample *s, tn_dtype dtype,
                                    const op_values *values)
{
    bool real = !dtype || dtype == TN_F32;
    tn_sample precise = real ? op_sample_in_f64(s) : *s;
    return op_run(subject, subject->reference, &precise, real ? TN_F64 : dtype, values, TN_OP_LAYOUT_ROW_MAJOR);
}

static bool one_layout(const op_subject *subject, tn_context *tn, const tn_sample *s, const tn_op_call_options *how,
                       op_report *report, char *why)
{
    op_values values = op_values_draw_as(s, how);
    op_outcome expected = reference_outcome(subject, s, how->dtype, &values);
    op_outcome found = op_run(subject, tn, s, how->dtype, &values, how->layout);
    bool ok = found.status == TN_OK;
    if (expected.status != TN_OK || found.status == TN_UNSUPPORTED) {
        report->refused++;
        ok = expected.status != TN_OK ? refuses(&expected) : tn != subject->reference;
        snprintf(why, 300, "%.250s", expected.status != TN_OK ? expected.message : found.message);
    } else {
        report->ran++;
        if (!ok) snprintf(why, 300, "%.250s", found.message);
        ok = ok && op_outcome_within(&found, &expected, op_bound(s->op), why);
    }
    op_outcome_free(&expected);
    op_outcome_free(&found);
    op_values_free(&values);
    return ok;
}

/* Runs the sample on tn in each layout and compares with the reference backend. */
static bool like_reference(const op_subject *subject, tn_context *tn, const tn_sample *s, tn_dtype dtype, bool odd,
                           op_report *report)
{
    for (int layout = 0; layout < n_layouts(s); layout++) {
        char why[300], what[100];
        tn_op_call_options how = {.dtype = dtype, .seed = SEED, .layout = (tn_op_layout)layout, .not_finite = odd};
        if (one_layout(subject, tn, s, &how, report, why)) continue;
        snprintf(what, sizeof what, "%s%s, %s", tn_default_device(tn), odd ? " with NaN and infinities" : "",
                 tn_op_layout_name(how.layout));
        return fail(report, s, dtype, what, why);
    }
    return true;
}

static bool strides_do_not_matter(const op_subject *subject, const tn_sample *s, tn_dtype dtype, op_report *report)
{
    return n_layouts(s) == 1 || like_reference(subject, subject->reference, s, dtype, false, report);
}

bool check_strides(const op_subject *subject, op_report *report)
{
    return for_each(subject, every, N_EVERY, strides_do_not_matter, report) &&
           for_shapes(subject, strides_do_not_matter, report);
}

static bool backends_agree(const op_subject *subject, const tn_sample *s, tn_dtype dtype, op_report *report)
{
    return like_reference(subject, subject->other, s, dtype, false, report);
}

bool check_backend(const op_subject *subject, op_report *report)
{
    return for_each(subject, every, N_EVERY, backends_agree, report) && for_shapes(subject, backends_agree, report);
}

static bool oddities_agree(const op_subject *subject, const tn_sample *s, tn_dtype dtype, op_report *report)
{
    if (!subject->other) return compare_reals(subject, s, true, report);
    return like_reference(subject, subject->other, s, dtype, true, report);
}

bool check_not_finite(const op_subject *subject, op_report *report)
{
    static const tn_dtype reals[] = {TN_F32, TN_F64};
    return for_each(subject, reals, 2, oddities_agree, report);
}
