/* SPDX-License-Identifier: Apache-2.0
 *
 * Level 2: operators, each against the reference backend. */
#include "level2.h"

#include <string.h>

enum { BATCH = 3, VARIATIONS = 40, TRIES = 1200 };

static const tn_dtype dtypes[] = {TN_F32, TN_F64, TN_I64, TN_I32, TN_U8, TN_BOOL};
enum { N_REAL = 2, N_DTYPES = sizeof dtypes / sizeof *dtypes };

/* ---- samples */

/* In the layouts from first to last, with what is expected computed already. */
static bool compare_layouts(trial *t, const char *sample, tn_op_call_options how, int first, int last)
{
    for (int layout = first; layout <= last; layout++) {
        how.layout = (tn_op_layout)layout;
        if (!trial_compare(t, sample, &how)) return false;
    }
    return true;
}

/* f32 and f64 have the same values, so what is expected is computed once for both. */
static bool compare_reals(trial *t, const char *sample, tn_op_call_options how)
{
    const int expanded = TN_OP_LAYOUT_EXPANDED;
    how.dtype = TN_F64;
    if (!trial_expect(t, sample, &how)) return true;
    for (int i = 0; i < N_REAL; i++) {
        how.dtype = dtypes[i];
        if (!compare_layouts(t, sample, how, 0, expanded - 1)) return false;
    }
    how.layout = TN_OP_LAYOUT_EXPANDED;
    trial_expect(t, sample, &how);
    for (int i = 0; i < N_REAL; i++) {
        how.dtype = dtypes[i];
        if (!compare_layouts(t, sample, how, expanded, expanded)) return false;
    }
    return true;
}

static bool compare_integers(trial *t, const char *sample, tn_op_call_options how)
{
    for (int i = N_REAL; i < N_DTYPES; i++) {
        how.dtype = dtypes[i];
        how.layout = TN_OP_LAYOUT_ROW_MAJOR;
        if (!trial_expect(t, sample, &how)) continue;
        if (!compare_layouts(t, sample, how, 0, TN_OP_LAYOUT_EXPANDED - 1)) return false;
        how.layout = TN_OP_LAYOUT_EXPANDED;
        if (trial_expect(t, sample, &how) && !trial_compare(t, sample, &how)) return false;
    }
    return true;
}

/* Large: in one layout, and f32 alone. */
static bool compare_shapes(trial *t)
{
    const tn_op_call_options how = {.batch = BATCH, .dtype = TN_F32, .seed = t->run->options->seed};
    for (const char *const *shape = t->op->shapes; *shape; shape++)
        if (trial_expect(t, *shape, &how) && !trial_compare(t, *shape, &how)) return false;
    return true;
}

/* Does the schema leave a dtype open? */
static bool has_letter(const tn_op_status *op)
{
    return strstr(op->schema, ":A[") || strstr(op->schema, ":T[");
}

static void samples(conform_run *run)
{
    trial t;
    char text[TRIAL_TEXT];
    const tn_op_call_options how = {.batch = 1, .seed = run->options->seed};
    bool ok = trial_open(&t, run);
    for (int i = 0; ok && t.op->samples[i]; i++) {
        const char *sample = trial_free_dtype(t.op->samples[i], text);
        ok = compare_reals(&t, sample, how) && (!has_letter(t.op) || compare_integers(&t, sample, how));
    }
    if (ok && compare_shapes(&t) && run->compared == 0)
        conform_fail(run, "it offers %s but takes none of its samples: %s", run->op, t.refusal);
    trial_close(&t);
}

/* ---- not finite */

static void not_finite(conform_run *run)
{
    trial t;
    char text[TRIAL_TEXT];
    const tn_op_call_options how = {.batch = 1, .seed = run->options->seed, .not_finite = true};
    bool ok = trial_open(&t, run);
    for (int i = 0; ok && t.op->samples[i]; i++) ok = compare_reals(&t, trial_free_dtype(t.op->samples[i], text), how);
    if (ok && run->compared == 0) conform_skip(run, "it takes none of the samples: %s", t.refusal);
    trial_close(&t);
}

/* ---- random shapes */

/* Variation number k: another sample, dtype and layout each time. */
static bool compare_variation(trial *t, int n_samples, uint64_t k, int *valid)
{
    char free_text[TRIAL_TEXT], text[TRIAL_TEXT];
    const uint64_t seed = shapes_random(t->run->options->seed, k);
    const char *sample = trial_free_dtype(t->op->samples[seed % (uint64_t)n_samples], free_text);
    const tn_op_call_options how = {
        .batch = 1,
        .seed = 1 + seed % 1000000,
        .dtype = seed >> 20 & 3 ? TN_F32 : dtypes[(seed >> 22) % N_DTYPES],
        .layout = seed >> 26 & 1 ? TN_OP_LAYOUT_PREFERRED : (tn_op_layout)((seed >> 27) % TN_OP_LAYOUTS),
    };
    if (!shapes_vary(t->op, sample, seed, text) || !trial_expect(t, text, &how)) return true;
    ++*valid;
    return trial_compare(t, text, &how);
}

static void random_shapes(conform_run *run)
{
    trial t;
    int n_samples = 0, valid = 0;
    bool ok = trial_open(&t, run);
    while (ok && t.op->samples[n_samples]) n_samples++;
    for (uint64_t k = 0; ok && valid < VARIATIONS && k < TRIES; k++) ok = compare_variation(&t, n_samples, k, &valid);
    if (ok && run->compared == 0) conform_skip(run, "it takes none of %d random uses: %s", valid, t.refusal);
    trial_close(&t);
}

/* clang-format off */
const conform_check conform_level2[] = {
    {"op.samples", "results are within the operator's bound for each sample, dtype and layout that it takes", samples, true},
    {"op.not_finite", "NaN and infinities come out where they should", not_finite, true},
    {"op.random", "results are within the bound for random shapes, odd and empty ones among them", random_shapes, true},
    {"op.plans", "check and plan_create agree, a refusal has a reason, and a plan tells what it is", level2_plans, true},
    {"op.repeats", "a plan that claims, or is asked, to be deterministic gives the same bits again", level2_repeats, true},
    {"op.alias", "a plan that claims it gives the same bits where an output has the address of an input", level2_alias, true},
    {0},
};
/* clang-format on */
