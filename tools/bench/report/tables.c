/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tables of rows say. */
#include <math.h>
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
FILL(dtype)
{
    bench_put_text(cell, row->dtype);
}
FILL(batch)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)row->batch_size);
    bench_put(cell, (double)row->batch_size, text);
}

/* ---- speed */

FILL(rate)
{
    bench_put(cell, row->rate.value, BENCH_RATE(row->rate.value));
}
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
FILL(p50)
{
    bench_put(cell, row->step.p50, BENCH_SECONDS(row->step.p50));
}
FILL(mad)
{
    bench_put(cell, row->step.mad, BENCH_SECONDS(row->step.mad));
}
FILL(p95)
{
    bench_put(cell, row->step.p95, BENCH_SECONDS(row->step.p95));
}
FILL(p99)
{
    bench_put(cell, row->step.p99, BENCH_SECONDS(row->step.p99));
}
FILL(roofline)
{
    bench_put(cell, row->roofline, BENCH_PERCENT(row->roofline));
}
FILL(flops)
{
    bench_put(cell, row->attained, BENCH_SI(row->attained, "FLOP/s"));
}
FILL(bandwidth)
{
    double rate = row->bytes / row->step.p50;
    bench_put(cell, rate, BENCH_SI(rate, "B/s"));
}
FILL(implementation)
{
    bool one = row->profile.n_operators == 1;
    bench_put_text(cell, one ? row->profile.operators[0].implementation : row->has_profile ? "several" : "");
}

/* ---- set-up and memory */

FILL(start_up)
{
    bench_put(cell, row->start_up, BENCH_SECONDS(row->start_up));
}
FILL(plugin_load)
{
    bench_put(cell, row->plugin_load, BENCH_SECONDS(row->plugin_load));
}
FILL(first_step)
{
    bench_put(cell, row->first_step, BENCH_SECONDS(row->first_step));
}
FILL(plans)
{
    char text[32] = "";
    if (!isnan(row->plans)) snprintf(text, sizeof text, "%.0f", row->plans);
    bench_put(cell, row->plans, text);
}
FILL(plan_creation)
{
    bench_put(cell, row->plan_creation, BENCH_SECONDS(row->plan_creation));
}
FILL(warm_up)
{
    bench_put(cell, row->warm_up, BENCH_SECONDS(row->warm_up));
}
FILL(host_peak)
{
    bench_put(cell, row->host_peak, BENCH_BYTES(row->host_peak));
}
FILL(device_peak)
{
    bench_put(cell, row->device_peak, BENCH_BYTES(row->device_peak));
}

/* ---- learning */

FILL(epochs)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", row->n_epochs);
    bench_put(cell, (double)row->n_epochs, text);
}
FILL(epoch)
{
    bench_put(cell, row->epoch_seconds, BENCH_SECONDS(row->epoch_seconds));
}
FILL(loss)
{
    char text[32] = "";
    if (!isnan(row->loss)) snprintf(text, sizeof text, "%#.4g", row->loss);
    bench_put(cell, row->loss, text);
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
            !strcmp(other->model, row->model) && !strcmp(other->dtype, row->dtype) && !strcmp(other->label, row->label))
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

/* ---- where the time of a step goes */

FILL(step)
{
    bench_put(cell, row->profile.step, BENCH_SECONDS(row->profile.step));
}
FILL(data)
{
    bench_put(cell, row->profile.data, BENCH_SECONDS(row->profile.data));
}
FILL(forward)
{
    bench_put(cell, row->profile.forward, BENCH_SECONDS(row->profile.forward));
}
FILL(backward)
{
    bench_put(cell, row->profile.backward, BENCH_SECONDS(row->profile.backward));
}
FILL(optimizer)
{
    bench_put(cell, row->profile.optimizer, BENCH_SECONDS(row->profile.optimizer));
}
FILL(other)
{
    bench_put(cell, row->profile.other, BENCH_SECONDS(row->profile.other));
}
FILL(idle)
{
    bench_put(cell, row->profile.idle, BENCH_SECONDS(row->profile.idle));
}
#undef FILL

/* ---- the tables */

/* clang-format off */
#define WHICH                                                               \
    {{"machine", false, 0},     fill_machine, bench_has_several_machines},  \
    {{"backend", false, 0},     fill_label,   NULL},                        \
    {{"dtype",   false, 0},     fill_dtype,   bench_has_several_dtypes},    \
    {{"batch",   BENCH_KEY, 0}, fill_batch, NULL}
#define SPEED                                                               \
    {{"± 95 %",  true,  0},     fill_width,   NULL},                        \
    {{"vs base", true,  0},     fill_speedup, NULL},                        \
    {{"p50",     true,  -1},    fill_p50,     NULL},                        \
    {{"MAD",     true,  0},     fill_mad,     NULL},                        \
    {{"p95",     true,  -1},    fill_p95,     NULL},                        \
    {{"p99",     true,  -1},    fill_p99,     NULL},                        \
    {{"roofline", true, 0},     fill_roofline, NULL}

static const bench_row_column model_columns[] = {
    {{"model",    false, 0}, fill_model, NULL}, WHICH,
    {{"images/s", true,  1}, fill_rate,  NULL}, SPEED, {{0}, NULL, NULL}};

static const bench_row_column op_columns[] = {
    {{"operator", false, 0},  fill_op,      NULL}, {{"shapes", false, 0}, fill_sample,    NULL}, WHICH,
    {{"time",     true, -1},  fill_p50,     NULL}, {{"± 95 %", true,  0}, fill_width,     NULL},
    {{"vs base",  true,  0},  fill_speedup, NULL}, {{"FLOP/s", true,  0}, fill_flops,     NULL},
    {{"B/s",      true,  0},  fill_bandwidth, NULL}, {{"roofline", true, 0}, fill_roofline, NULL},
    {{"implementation", false, 0}, fill_implementation, NULL}, {{0}, NULL, NULL}};

static const bench_row_column setup_columns[] = {
    {{"work",       false, 0}, fill_work,       NULL}, WHICH,
    {{"start-up",   true, -1}, fill_start_up,   NULL}, {{"plugin load", true, -1}, fill_plugin_load,   NULL},
    {{"first step", true, -1}, fill_first_step, NULL}, {{"plans",       true,  0}, fill_plans,         NULL},
    {{"planning",   true, -1}, fill_plan_creation, NULL}, {{"warm-up",  true,  0}, fill_warm_up,       NULL},
    {{"host peak",  true, -1}, fill_host_peak,  NULL}, {{"device peak", true, -1}, fill_device_peak,   NULL},
    {{0}, NULL, NULL}};

static const bench_row_column learn_columns[] = {
    {{"model",    false, 0}, fill_model,  NULL}, WHICH,
    {{"epochs",   true,  0}, fill_epochs, NULL}, {{"an epoch", true, -1}, fill_epoch,    NULL},
    {{"test loss", true, 0}, fill_loss,   NULL}, {{"accuracy", true,  0}, fill_accuracy, NULL},
    {{"to target", true, -1}, fill_target, NULL}, {{0}, NULL, NULL}};

static const bench_row_column ratio_columns[] = {
    {{"model",    false, 0}, fill_model, NULL}, WHICH,
    {{"training", true,  0}, fill_speedup, NULL},        {{"an epoch", true, 0}, fill_epoch_ratio,    NULL},
    {{"latency",  true,  0}, fill_latency_ratio, NULL},  {{"start-up", true, 0}, fill_start_up_ratio, NULL},
    {{"memory",   true,  0}, fill_memory_ratio, NULL},   {{0}, NULL, NULL}};

static const bench_row_column phase_columns[] = {
    {{"work",    false, 0}, fill_work,    NULL}, WHICH,
    {{"step",    true,  0}, fill_step,    NULL}, {{"data",      true, 0}, fill_data,      NULL},
    {{"forward", true,  0}, fill_forward, NULL}, {{"backward",  true, 0}, fill_backward,  NULL},
    {{"optimizer", true, 0}, fill_optimizer, NULL}, {{"other",  true, 0}, fill_other,     NULL},
    {{"idle",    true,  0}, fill_idle,    NULL}, {{0}, NULL, NULL}};
#undef WHICH
#undef SPEED
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
    for (int i = 1; i < results->n_rows; i++) {
        c.several_machines |= results->rows[i]->run != results->rows[0]->run;
        c.several_dtypes |= strcmp(results->rows[i]->dtype, results->rows[0]->dtype) != 0;
    }
    return (bench_tables){
        .train = bench_table_of_rows(&c, "Training", model_columns, trains, bench_note),
        .infer = bench_table_of_rows(&c, "Inference, from and to host memory", model_columns, infers, bench_note),
        .ops = bench_table_of_rows(&c, "Operators", op_columns, is_op, bench_note),
        .setup = bench_table_of_rows(&c, "Set-up and memory", setup_columns, was_set_up, no_note),
        .learn = bench_table_of_rows(&c, "Learning, data path included", learn_columns, learned, note_skipped),
        .profile = bench_table_of_profiles(&c, BENCH_TRAIN, "Operators in a training step"),
        .infer_profile = bench_table_of_profiles(&c, BENCH_INFER, "Operators in inference"),
        .phases = bench_table_of_rows(&c, "Where a step's time goes", phase_columns, has_phases, no_note),
        .ratios = ratios(&c),
    };
}

void bench_tables_release(bench_tables *tables)
{
    bench_table_release(&tables->train);
    bench_table_release(&tables->infer);
    bench_table_release(&tables->ops);
    bench_table_release(&tables->setup);
    bench_table_release(&tables->learn);
    bench_table_release(&tables->profile);
    bench_table_release(&tables->infer_profile);
    bench_table_release(&tables->phases);
    bench_table_release(&tables->ratios);
}
