/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs an operator on the candidate and on the reference backend, and compares. */
#include "trial.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers */

double trial_largest(double least, const double *values, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        if (isfinite(values[k]) && fabs(values[k]) > least) least = fabs(values[k]);
    return least;
}

bool trial_same(double found, double expected, double most)
{
    if (isnan(expected) || isnan(found)) return isnan(expected) && isnan(found);
    if (isinf(expected) || isinf(found)) return expected == found;
    return fabs(found - expected) <= most;
}

static bool is_real(tn_dtype dtype)
{
    return dtype == TN_F32 || dtype == TN_F64;
}

static double *read_values(tn_tensor *x)
{
    double *values = malloc(((size_t)tn_numel(x) + 1) * sizeof *values);
    if (!values) error(TOOL_FAILED, errno, "no memory for an operator's results");
    tn_read_f64(x, values, tn_numel(x));
    return values;
}

/* ---- outcomes */

static void outcome_release(trial_outcome *outcome)
{
    for (int i = 0; i < outcome->n; i++) free(outcome->item[i].values);
    outcome->n = 0;
}

static double scale_of(const tn_op_call *call)
{
    int n;
    double scale = 1;
    const tn_op_operand *in = tn_op_call_inputs(call, &n);
    for (int i = 0; i < n; i++) {
        if (!in[i].tensor || !is_real(tn_dtype_of(in[i].tensor))) continue;
        double *values = read_values(in[i].tensor);
        scale = trial_largest(scale, values, tn_numel(in[i].tensor));
        free(values);
    }
    return scale;
}

/* Results as numbers; the tensors are freed. */
static void outcome_read(tn_op_call *call, tn_context *tn, trial_outcome *outcome)
{
    tn_mark mark = tn_begin(tn);
    const tn_op_operand *results = tn_op_call_results(call, &outcome->n);
    if (outcome->n > TRIAL_RESULTS) outcome->n = TRIAL_RESULTS;
    for (int i = 0; i < outcome->n; i++) {
        tn_tensor *x = results[i].tensor;
        outcome->item[i].name = results[i].name;
        outcome->item[i].dtype = tn_dtype_of(x);
        outcome->item[i].rank = tn_rank(x);
        memcpy(outcome->item[i].dims, tn_dims(x), (size_t)tn_rank(x) * sizeof(int64_t));
        outcome->item[i].numel = tn_numel(x);
        outcome->item[i].values = read_values(x);
    }
    tn_end(tn, mark, NULL);
}

/* ---- comparing */

static bool same_shape(const trial_outcome *found, const trial_outcome *expected, int i)
{
    return found->item[i].rank == expected->item[i].rank &&
           memcmp(found->item[i].dims, expected->item[i].dims, (size_t)found->item[i].rank * sizeof(int64_t)) == 0;
}

static double unit(tn_dtype dtype)
{
    return dtype == TN_F32 ? FLT_EPSILON : dtype == TN_F64 ? DBL_EPSILON : 0;
}

static const char *describe(const trial *t, const char *sample, const tn_op_call_options *how, char text[TRIAL_TEXT])
{
    snprintf(text, TRIAL_TEXT, "%s on \"%s\" (N = %lld), %s, %s%s%s, seed %llu", t->op->name, sample,
             (long long)how->batch, tn_dtype_name(how->dtype), tn_op_layout_name(how->layout),
             how->repeated ? ", rows repeated" : "", how->not_finite ? ", NaN and infinities among the values" : "",
             (unsigned long long)how->seed);
    return text;
}

/* An index of the largest of computed numbers may name another that is as large. Drawn numbers are hardly ever so near to
 * each other: once in a thousand is more than rounding explains, and a small result has none. */
static int64_t allowed_ties(const trial *t, const trial_outcome *found, int i)
{
    bool computed = t->op->fused && t->op->bound > 0 && !is_real(found->item[i].dtype);
    return computed ? found->item[i].numel / 1000 : 0;
}

static bool compare_item(trial *t, const trial_outcome *found, int i, const char *doing)
{
    const trial_outcome *expected = &t->expected;
    const tn_dtype dtype = found->item[i].dtype;
    if (!same_shape(found, expected, i))
        return conform_fail(t->run, "%s: %s has another shape than on the reference backend", doing,
                            found->item[i].name);
    double e = unit(dtype), scale = trial_largest(expected->scale, expected->item[i].values, expected->item[i].numel);
    double most = t->op->bound * e * scale;
    int64_t ties = allowed_ties(t, found, i);
    for (int64_t k = 0; k < found->item[i].numel; k++) {
        double a = found->item[i].values[k], b = expected->item[i].values[k];
        if (trial_same(a, b, most) || ties-- > 0) continue;
        return conform_fail(t->run,
                            "%s: element %lld of %s is %.9g, and %.9g on the reference backend; the bound is %g * %.3g "
                            "* %.3g = %.3g",
                            doing, (long long)k, found->item[i].name, a, b, t->op->bound, e, scale, most);
    }
    return true;
}

static bool compare(trial *t, const trial_outcome *found, const char *doing)
{
    if (found->n != t->expected.n)
        return conform_fail(t->run, "%s: %d results instead of %d", doing, found->n, t->expected.n);
    for (int i = 0; i < found->n; i++)
        if (!compare_item(t, found, i, doing)) return false;
    t->run->compared++;
    return true;
}

/* ---- running */

/* Did the candidate do it itself? What it lacks may have run as simpler operators. */
static bool ran_itself(const trial *t)
{
    int n;
    const tn_placement *rows = tn_placements(t->candidate, &n);
    for (int i = 0; i < n; i++)
        if (strcmp(rows[i].op, t->op->name) == 0 && !rows[i].fell_back) return true;
    return false;
}

static bool refused(trial *t, const char *why)
{
    t->refused++;
    snprintf(t->refusal, sizeof t->refusal, "%s", why);
    tn_clear(t->candidate);
    return true;
}

bool trial_expect(trial *t, const char *sample, const tn_op_call_options *how)
{
    tn_op_call_options exact = *how;
    exact.layout = TN_OP_LAYOUT_ROW_MAJOR;
    exact.repeated |= how->layout == TN_OP_LAYOUT_EXPANDED;
    if (is_real(how->dtype)) exact.dtype = TN_F64;
    outcome_release(&t->expected);
    tn_op_call *call = tn_op_call_open(t->reference, t->op->name, sample, &exact);
    if (call) {
        t->expected.scale = scale_of(call);
        outcome_read(call, t->reference, &t->expected);
        tn_op_call_close(call);
    }
    const tn_status status = tn_check(t->reference);
    if (status == TN_INVALID || status == TN_UNSUPPORTED || status == TN_OUT_OF_MEMORY)
        tn_clear(t->reference);
    else
        conform_check_context(t->run, t->reference, "the reference backend");
    return status == TN_OK;
}

bool trial_compare(trial *t, const char *sample, const tn_op_call_options *how)
{
    char doing[TRIAL_TEXT];
    describe(t, sample, how, doing);
    tn_op_call *call = tn_op_call_open(t->candidate, t->op->name, sample, how);
    if (!call) return conform_check_context(t->run, t->candidate, doing);
    trial_outcome found = {.n = 0};
    tn_reset_placements(t->candidate);
    outcome_read(call, t->candidate, &found);
    bool ok;
    if (tn_check(t->candidate) == TN_UNSUPPORTED)
        ok = refused(t, tn_message(t->candidate));
    else if (!conform_check_context(t->run, t->candidate, doing))
        ok = false;
    else
        ok = ran_itself(t) ? compare(t, &found, doing) : refused(t, "it runs as simpler operators");
    tn_op_call_close(call);
    outcome_release(&found);
    return ok && t->run->outcome != CONFORM_FAIL;
}

/* ---- opening */

const char *trial_free_dtype(const char *sample, char text[TRIAL_TEXT])
{
    size_t n = 0;
    for (const char *s = sample; *s && n + 1 < TRIAL_TEXT; text[n++] = *s++)
        if (strncmp(s, ":f32[", 5) == 0) s += 4;
    text[n] = '\0';
    return text;
}

bool trial_open(trial *t, conform_run *run)
{
    *t = (trial){.run = run, .op = conform_find_op(run->op)};
    return (t->candidate = conform_open(run, false)) && (t->reference = conform_open_reference(run));
}

void trial_close(trial *t)
{
    outcome_release(&t->expected);
    conform_close(t->run, t->candidate);
    conform_close(t->run, t->reference);
}
