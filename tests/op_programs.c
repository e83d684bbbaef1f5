/* SPDX-License-Identifier: Apache-2.0
 *
 * Every operator in a program: what is recorded with some values and replayed with others comes to what the operator
 * itself makes of these, its gradient included. */
#include "op_run.h"

#include <string.h>

enum { SEED = 5, OTHER_SEED = 6, MOST_RESULTS = TN_MAX_OUT + TN_SAMPLE_INPUTS };

/* The function: the sample's operator, and the gradient of the sum of the squares of its first result. */
typedef struct function {
    const op_subject *subject;
    const tn_sample *s;
    tn_dtype dtype;
    int n_in, input[TN_SAMPLE_INPUTS]; /* the inputs that are present */
    int n_out;                         /* known once it has run */
} function;

static bool is_variable(const function *f, int i)
{
    return f->s->in[i].present && tn__sample_is_real(f->s, i, f->dtype) && !f->s->in[i].arg->in_place;
}

/* Unused results are a scalar, so that their number does not depend on the operator. */
static void run_function(void *arg, tn_tensor *const *given, tn_tensor **out)
{
    function *f = arg;
    tn_tensor *in[TN_SAMPLE_INPUTS] = {0}, *xs[TN_SAMPLE_INPUTS], *made[TN_MAX_OUT] = {0};
    int n = 0;
    for (int k = 0; k < f->n_in; k++) {
        int i = f->input[k];
        in[i] = given[k];
        if (is_variable(f, i)) xs[n++] = in[i] = tn_requires_grad(tn_detach(given[k]), true);
    }
    tn_context *tn = f->subject->reference;
    for (int k = 0; k < f->n_in; k++) tn = tn_context_of(given[k]);
    bool ok = f->subject->apply(tn, f->s->op, tn__sample_attrs_of(f->s), f->s->n_in, in, made);
    f->n_out = 0;
    for (int i = 0; ok && i < f->s->schema->n_out; i++) out[f->n_out++] = made[i];
    if (ok && n && made[0] && tn_has_requires_grad(made[0]) &&
        tn_grad_for(tn_sum(tn_square(made[0]), TN_ALL, false), NULL, n, xs, out + f->n_out, false, false) == TN_OK)
        f->n_out += n;
    for (int i = f->n_out; i < MOST_RESULTS; i++) out[i] = tn_zeros(tn, TN_F32, TN_SCALAR);
}

static op_outcome outcome_of(const function *f, tn_context *tn, tn_tensor *const *given, tn_tensor *const *out)
{
    op_outcome outcome = {.status = tn_check(tn), .scale = 1};
    for (int i = 0; outcome.status == TN_OK && i < f->n_out; i++)
        op_outcome_add(&outcome, i < f->s->schema->n_out ? f->s->schema->out[i].name : "a gradient", tn_detach(out[i]));
    for (int k = 0; outcome.status == TN_OK && k < f->n_in; k++)
        if (f->s->in[f->input[k]].arg->in_place)
            op_outcome_add(&outcome, f->s->in[f->input[k]].arg->name, tn_detach(given[k]));
    snprintf(outcome.message, sizeof outcome.message, "%s", tn_message(tn));
    tn_clear(tn);
    return outcome;
}

/* Inputs in a layout, those that are present. */
static void lay_out(const function *f, tn_context *tn, uint64_t seed, tn_op_layout layout, tn_tensor **given)
{
    tn_tensor *in[TN_SAMPLE_INPUTS];
    op_values values = op_values_draw(f->s, f->dtype, seed);
    op_inputs(tn, f->s, f->dtype, &values, layout, in);
    op_values_free(&values);
    for (int k = 0; k < f->n_in; k++) given[k] = in[f->input[k]];
}

static op_outcome run_eagerly(function *f, tn_context *tn, tn_op_layout layout)
{
    tn_tensor *given[TN_SAMPLE_INPUTS], *out[MOST_RESULTS] = {0};
    tn_mark mark = tn_begin(tn);
    lay_out(f, tn, SEED, layout, given);
    run_function(f, given, out);
    op_outcome outcome = outcome_of(f, tn, given, out);
    tn_end(tn, mark, NULL);
    return outcome;
}

/* Recorded with other values, replayed with the same. */
static op_outcome run_as_program(function *f, tn_context *tn, tn_op_layout layout, const char *passes)
{
    tn_tensor *given[TN_SAMPLE_INPUTS], *out[MOST_RESULTS] = {0};
    tn_program *program = tn_program_open(tn, f->s->op->name, run_function, f, f->n_in, MOST_RESULTS);
    tn_program_set_passes(program, passes);
    tn_mark mark = tn_begin(tn);
    for (int run = 0; run < 2; run++) {
        lay_out(f, tn, run ? SEED : OTHER_SEED, layout, given);
        tn_program_run(program, given, out);
    }
    op_outcome outcome = outcome_of(f, tn, given, out);
    if (outcome.status == TN_OK && (tn_program_look(program).recordings != 1 || tn_program_look(program).runs != 2)) {
        outcome.status = TN_INTERNAL;
        snprintf(outcome.message, sizeof outcome.message, "it was not replayed");
    }
    tn_end(tn, mark, NULL);
    tn_program_reset(program);
    return outcome;
}

static bool compare(function *f, tn_context *tn, tn_op_layout layout, const char *passes, double bound,
                    op_report *report)
{
    char why[300];
    op_outcome expected = run_eagerly(f, tn, layout), found = run_as_program(f, tn, layout, passes);
    bool ok = true;
    if (expected.status != TN_OK) {
        report->refused++;
        ok = found.status == expected.status;
        snprintf(why, sizeof why, "%.100s, where it should have said: %.100s", found.message, expected.message);
    } else {
        report->ran++;
        ok = found.status == TN_OK;
        snprintf(why, sizeof why, "%.250s", found.message);
        ok = ok && op_outcome_within(&found, &expected, bound, why);
    }
    op_outcome_free(&expected);
    op_outcome_free(&found);
    if (!ok)
        snprintf(report->why, sizeof report->why, "%s, sample \"%s\", %s, %s, on %s, passes %s: as a program: %s",
                 f->s->op->name, f->s->text, f->dtype ? tn_dtype_name(f->dtype) : "fixed dtypes",
                 tn_op_layout_name(layout), tn_default_device(tn), passes, why);
    return ok;
}

static bool check_sample(const op_subject *subject, const char *text, tn_dtype dtype, op_report *report)
{
    tn_sample s;
    char why[TN_SAMPLE_WHY];
    if (!tn__sample_parse(subject->op, text, OP_BATCH, &s, why)) return false;
    if (!tn__sample_has_free_dtype(&s)) dtype = 0;
    function f = {.subject = subject, .s = &s, .dtype = dtype};
    for (int i = 0; i < s.n_in; i++)
        if (s.in[i].present) f.input[f.n_in++] = i;
    tn_context *tn = subject->other ? subject->other : subject->reference;
    static const tn_op_layout layouts[] = {TN_OP_LAYOUT_ROW_MAJOR, TN_OP_LAYOUT_SLICED, TN_OP_LAYOUT_CHANNELS_LAST};
    for (int k = 0; k < 3; k++)
        if (!compare(&f, tn, layouts[k], "none", 0, report) ||
            !compare(&f, tn, layouts[k], "all", OP_SOME_ROUNDINGS, report))
            return false;
    return true;
}

bool check_program(const op_subject *subject, op_report *report)
{
    static const tn_dtype reals[] = {TN_F32, TN_F64};
    for (const char *const *text = subject->op->samples; text && *text; text++)
        for (int i = 0; i < 2; i++)
            if (!check_sample(subject, *text, reals[i], report)) return false;
    return true;
}
