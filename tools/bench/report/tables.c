/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tables of rows say. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "bench/report/format.h"
#include "bench/report/tables.h"

#define FILL(name) static void fill_##name(const bench_context *c TN_UNUSED, const bench_row *row, bench_cell *cell)

/* ---- which row */

FILL(model)
{
    bench_put_text(cell, row->model);
}
FILL(op)
{
    bench_put_text(cell, row->op);
}
/* Optimizer steps name dozens of tensors; the JSON has them all. */
FILL(sample)
{
    enum { SHOWN = 48 };
    const char *text = row->sample ? row->sample : "";
    char shown[BENCH_CELL];
    snprintf(shown, sizeof shown, "%.*s%s", SHOWN, text, strlen(text) > SHOWN ? "..." : "");
    bench_put_text(cell, shown);
}
FILL(work)
{
    char text[BENCH_CELL];
    snprintf(text, sizeof text, "%s %s", row->model ? row->model : row->op,
             row->task == BENCH_TRAIN   ? "training"
             : row->task == BENCH_INFER ? "inference"
                                        : "");
    bench_put_text(cell, text);
}
FILL(machine)
{
    bench_put_text(cell, row->run->label);
}
FILL(label)
{
    bench_put_text(cell, row->label);
}
FILL(math)
{
    bench_put_text(cell, row->math);
}
FILL(batch)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)row->batch_size);
    bench_put(cell, (double)row->batch_size, text);
}

/* ---- speed */

FILL(width)
{
    double width = bench_half_width(row->rate);
    char text[64];
    snprintf(text, sizeof text, "%s%s%s", BENCH_PERCENT(width), row->noisy ? " noisy" : "", row->warm ? "" : " cold");
    bench_put(cell, width, text);
}
FILL(speedup)
{
    const bench_row *baseline = bench_baseline_of(row);
    if (!baseline) return;
    double speedup = bench_speedup(row, baseline).value;
    bench_put(cell, speedup, BENCH_RATIO(speedup));
}
FILL(bandwidth)
{
    double rate = row->bytes / row->step.p50;
    bench_put(cell, rate, BENCH_SI(rate, ""));
}
FILL(implementation)
{
    bool one = row->profile.n_operators == 1;
    bench_put_text(cell, one ? row->profile.operators[0].implementation : row->has_profile ? "several" : "");
}

/* ---- learning */

FILL(epochs)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", row->n_epochs);
    bench_put(cell, (double)row->n_epochs, text);
}
FILL(accuracy)
{
    char text[32] = "";
    if (!isnan(row->accuracy)) snprintf(text, sizeof text, "%.2f %%", 100 * row->accuracy);
    bench_put(cell, row->accuracy, text);
}
FILL(target)
{
    bool asked = !isnan(row->run->target), missed = isnan(row->time_to_target);
    bench_put(cell, row->time_to_target, asked && missed ? "not reached" : BENCH_SECONDS(row->time_to_target));
}

/* ---- ratios to the baseline: above 1 is better */

static const bench_row *same_but(const bench_row *row, bench_task task, int64_t batch_size)
{
    for (int i = 0; i < row->run->n_rows; i++) {
        const bench_row *other = &row->run->rows[i];
        if (other->task == task && other->batch_size == batch_size && other->model && bench_row_counts(other) &&
            !strcmp(other->model, row->model) && !strcmp(other->math, row->math) && !strcmp(other->label, row->label))
            return other;
    }
    return NULL;
}

static void put_ratio(bench_cell *cell, double better, double worse)
{
    bench_put(cell, better / worse, BENCH_RATIO(better / worse));
}
FILL(epoch_ratio)
{
    const bench_row *baseline = bench_baseline_of(row);
    if (baseline) put_ratio(cell, baseline->epoch_seconds, row->epoch_seconds);
}
FILL(latency_ratio)
{
    const bench_row *one = same_but(row, BENCH_INFER, 1), *baseline = one ? bench_baseline_of(one) : NULL;
    if (baseline) put_ratio(cell, baseline->step.p50, one->step.p50);
}
FILL(start_up_ratio)
{
    const bench_row *baseline = bench_baseline_of(row);
    if (baseline) put_ratio(cell, baseline->start_up, row->start_up);
}
FILL(memory_ratio)
{
    const bench_row *baseline = bench_baseline_of(row);
    if (baseline) put_ratio(cell, baseline->host_peak, row->host_peak);
}

#undef FILL

/* ---- the tables */

/* clang-format off */
/* A column that a function fills, and one of a figure of the row. */
#define TEXT(title, name)                   {.head = {title, false, 0}, .fill = fill_##name}
#define MADE(title, better, name)           {.head = {title, true, better}, .fill = fill_##name}
#define FIGURE(title, better, field, how)   {.head = {title, true, better}, .figure = offsetof(bench_row, field), .format = bench_format_##how}
#define WHICH                                                                                           \
    {.head = {"machine", false, 0},     .fill = fill_machine, .shown = bench_has_several_machines},     \
    {.head = {"backend", false, 0},     .fill = fill_label},                                            \
    {.head = {"math",    false, 0},     .fill = fill_math},                                             \
    {.head = {"batch",   BENCH_KEY, 0}, .fill = fill_batch}
#define END {.head = {0}}

static const bench_row_column model_columns[] = {
    TEXT("model", model), WHICH,
    FIGURE("images/s",   1, rate.value,        rate),
    MADE("± 95 %",       0, width),
    MADE("vs base",      0, speedup),
    FIGURE("p50",       -1, step.p50,          seconds),
    FIGURE("MAD",        0, step.mad,          seconds),
    FIGURE("p95",       -1, step.p95,          seconds),
    FIGURE("p99",       -1, step.p99,          seconds),
    FIGURE("roofline",   0, roofline,          percent),
    END,
};

static const bench_row_column op_columns[] = {
    TEXT("operator", op), TEXT("shapes", sample), WHICH,
    FIGURE("time",      -1, step.p50,          seconds),
    MADE("± 95 %",       0, width),
    MADE("vs base",      0, speedup),
    FIGURE("FLOP/s",     0, attained,          prefixed),
    MADE("B/s",          0, bandwidth),
    FIGURE("roofline",   0, roofline,          percent),
    TEXT("implementation", implementation),
    END,
};

static const bench_row_column setup_columns[] = {
    TEXT("work", work), WHICH,
    FIGURE("start-up",    -1, start_up,          seconds),
    FIGURE("plugin load", -1, plugin_load,       seconds),
    FIGURE("first step",  -1, first_step,        seconds),
    FIGURE("plans",        0, plans,             rate),
    FIGURE("planning",    -1, plan_creation,     seconds),
    FIGURE("warm-up",      0, warm_up,           seconds),
    FIGURE("host peak",   -1, host_peak,         bytes),
    FIGURE("device peak", -1, device_peak,       bytes),
    END,
};

static const bench_row_column learn_columns[] = {
    TEXT("model", model), WHICH,
    MADE("epochs",       0, epochs),
    FIGURE("an epoch",  -1, epoch_seconds,     seconds),
    FIGURE("test loss",  0, loss,              loss),
    MADE("accuracy",     0, accuracy),
    MADE("to target",   -1, target),
    END,
};

static const bench_row_column ratio_columns[] = {
    TEXT("model", model), WHICH,
    MADE("training",     0, speedup),
    MADE("an epoch",     0, epoch_ratio),
    MADE("latency",      0, latency_ratio),
    MADE("start-up",     0, start_up_ratio),
    MADE("memory",       0, memory_ratio),
    END,
};

static const bench_row_column phase_columns[] = {
    TEXT("work", work), WHICH,
    FIGURE("step",       0, profile.step,      seconds),
    FIGURE("data",       0, profile.data,      seconds),
    FIGURE("forward",    0, profile.forward,   seconds),
    FIGURE("backward",   0, profile.backward,  seconds),
    FIGURE("optimizer",  0, profile.optimizer, seconds),
    FIGURE("other",      0, profile.other,     seconds),
    FIGURE("idle",       0, profile.idle,      seconds),
    END,
};
#undef TEXT
#undef MADE
#undef FIGURE
#undef WHICH
#undef END
/* clang-format on */

static bool trains(const bench_row *row)
{
    return row->task == BENCH_TRAIN;
}
static bool infers(const bench_row *row)
{
    return row->task == BENCH_INFER;
}
static bool is_op(const bench_row *row)
{
    return row->task == BENCH_OP;
}
static bool was_set_up(const bench_row *row)
{
    return !row->error && row->task != BENCH_OP;
}
static bool learned(const bench_row *row)
{
    return trains(row) && (row->n_epochs || row->n_evaluations || row->epochs_skipped);
}
static bool can_head(const bench_row *row)
{
    return trains(row) && bench_row_counts(row);
}
static bool has_phases(const bench_row *row)
{
    return trains(row) && row->has_profile;
}

static void no_note(const bench_row *row, char *text, size_t size)
{
    (void)row, (void)text, (void)size;
}
static void note_skipped(const bench_row *row, char *text, size_t size)
{
    if (row->epochs_skipped && !row->n_epochs && !row->n_evaluations) snprintf(text, size, "%s", row->epochs_skipped);
}

/* The baseline that all runs agree on, else "the baseline". */
static const char *baseline_name(const bench_context *c)
{
    const char *name = c->results->runs[0].baseline;
    for (int i = 1; name && i < c->results->n_runs; i++)
        if (!c->results->runs[i].baseline || strcmp(c->results->runs[i].baseline, name) != 0) return "the baseline";
    return name ? name : "the baseline";
}

/* With no more than the baseline itself there is nothing to say. */
static bench_table ratios(const bench_context *c)
{
    char title[160];
    snprintf(title, sizeof title, "Ratios to %s: above 1 is faster, or less memory", baseline_name(c));
    bench_table table = bench_table_of_rows(c, title, ratio_columns, can_head, no_note);
    bool any = false;
    for (int i = 0; i < c->results->n_rows; i++) {
        const bench_row *row = c->results->rows[i], *baseline = bench_baseline_of(row);
        any |= baseline && baseline != row && can_head(row);
    }
    if (!any) bench_table_release(&table);
    return table;
}

bench_tables bench_tables_of(const bench_results *results)
{
    bench_context c = {.results = results};
    for (int i = 1; i < results->n_rows; i++) c.several_machines |= results->rows[i]->run != results->rows[0]->run;
    bench_tables tables = {{
        bench_table_of_rows(&c, "Training", model_columns, trains, bench_note),
        bench_table_of_rows(&c, "Inference, from and to host memory", model_columns, infers, bench_note),
        bench_table_of_rows(&c, "Operators", op_columns, is_op, bench_note),
        bench_table_of_rows(&c, "Set-up and memory", setup_columns, was_set_up, no_note),
        bench_table_of_profiles(&c, BENCH_TRAIN, "Operators in a training step"),
        bench_table_of_profiles(&c, BENCH_INFER, "Operators in inference"),
        bench_table_of_rows(&c, "Where a step's time goes", phase_columns, has_phases, no_note),
        bench_table_of_rows(&c, "Learning, data path included", learn_columns, learned, note_skipped),
        ratios(&c),
    }};
    return tables;
}

void bench_tables_release(bench_tables *tables)
{
    for (int i = 0; i < BENCH_TABLES; i++) bench_table_release(&tables->list[i]);
}
