/* SPDX-License-Identifier: Apache-2.0
 *
 * The results in one look: for each machine and model, who trains fastest, and who answers first on a single image. */
#include <math.h>
#include <string.h>

#include "bench/report/chart.h"
#include "bench/report/format.h"
#include "bench/report/html.h"

/* ---- the best row of a kind of work */

static bool competes(const bench_row *row, const bench_row *like, bench_task task)
{
    return row->task == task && bench_row_counts(row) && !strcmp(row->model, like->model) &&
           !strcmp(row->math, like->math) && (task == BENCH_TRAIN || row->batch_size == 1);
}

static bool is_better(const bench_row *row, const bench_row *best)
{
    if (!best) return true;
    return row->task == BENCH_TRAIN ? row->rate.value > best->rate.value : row->step.p50 < best->step.p50;
}

static const bench_row *best_of(const bench_row *like, bench_task task)
{
    const bench_row *best = NULL;
    for (int i = 0; i < like->run->n_rows; i++) {
        const bench_row *row = &like->run->rows[i];
        if (competes(row, like, task) && is_better(row, best)) best = row;
    }
    return best;
}

static const bench_row *second_of(const bench_row *best)
{
    const bench_row *second = NULL;
    for (int i = 0; i < best->run->n_rows; i++) {
        const bench_row *row = &best->run->rows[i];
        bool same = row != best && bench_row_counts(row) && !strcmp(row->work, best->work);
        if (same && is_better(row, second)) second = row;
    }
    return second;
}

/* ---- cards */

/* Against the baseline; the baseline itself against the next best. */
static void write_ratio(FILE *to, const bench_row *best)
{
    const bench_row *other = bench_baseline_of(best);
    if (!other || other == best) other = second_of(best);
    if (!other) return;
    bench_interval speedup = bench_speedup(best, other);
    if (!isfinite(speedup.value)) return;
    fprintf(to, "<span class=\"ratio\">%s ", BENCH_RATIO(speedup.value));
    html_text(to, other->label);
    if (speedup.high > speedup.low)
        fprintf(to, " <span class=\"soft\">95&nbsp;%%: %.3g to %.3g</span>", speedup.low, speedup.high);
    fputs("</span>", to);
}

static void write_card(FILE *to, const bench_row *best)
{
    if (!best) return;
    bool training = best->task == BENCH_TRAIN;
    fputs("<li><span class=\"what\">", to);
    html_text(to, best->model);
    if (training)
        fprintf(to, ", training at batch size %lld", (long long)best->batch_size);
    else
        fputs(", one image", to);
    fprintf(to, ", %s</span><span class=\"who\">", best->math);
    html_text(to, best->label);
    if (training)
        fprintf(to, "</span><span class=\"figure\">%s <small>images/s</small></span>", BENCH_RATE(best->rate.value));
    else
        fprintf(to, "</span><span class=\"figure\">%s</span>", BENCH_SECONDS(best->step.p50));
    write_ratio(to, best);
    fputs("</li>\n", to);
}

static bool is_first(const bench_run *run, int i)
{
    const bench_row *row = &run->rows[i];
    for (int k = 0; k < i; k++)
        if (run->rows[k].model && !strcmp(run->rows[k].model, row->model) && !strcmp(run->rows[k].math, row->math))
            return false;
    return true;
}

static bool has_cards(const bench_run *run)
{
    for (int i = 0; i < run->n_rows; i++)
        if (run->rows[i].model && (best_of(&run->rows[i], BENCH_TRAIN) || best_of(&run->rows[i], BENCH_INFER)))
            return true;
    return false;
}

static void write_run(FILE *to, const bench_results *results, const bench_run *run)
{
    if (!has_cards(run)) return;
    char machine[CHART_LABEL];
    if (results->n_runs > 1) html_element(to, "h3", "h3", chart_machine(results, run, machine));
    fputs("<ul class=\"cards\">\n", to);
    for (int i = 0; i < run->n_rows; i++) {
        const bench_row *row = &run->rows[i];
        if (!row->model || !is_first(run, i)) continue;
        write_card(to, best_of(row, BENCH_TRAIN));
        write_card(to, best_of(row, BENCH_INFER));
    }
    fputs("</ul>\n", to);
}

static void write_missing(FILE *to, const bench_results *results)
{
    int errors = 0, fallbacks = 0, noisy = 0;
    for (int i = 0; i < results->n_rows; i++) {
        const bench_row *row = results->rows[i];
        errors += row->error != NULL;
        fallbacks += !row->error && row->fell_back;
        noisy += bench_row_counts(row) && row->noisy;
    }
    if (errors + fallbacks + noisy == 0) return;
    fprintf(to, "<p class=\"soft\">Of %d measurements", results->n_rows);
    if (errors) fprintf(to, ", %d failed", errors);
    if (fallbacks)
        fprintf(to, ", %d did not run wholly on the backend and count%s for nothing", fallbacks,
                fallbacks == 1 ? "s" : "");
    if (noisy) fprintf(to, ", %d %s noisy: not known to 5&nbsp;%%", noisy, noisy == 1 ? "is" : "are");
    fputs(". The tables say which.</p>\n", to);
}

void html_summary(FILE *to, const bench_results *results)
{
    bool any = false;
    for (int i = 0; i < results->n_runs; i++) any |= has_cards(&results->runs[i]);
    if (!any) return;
    fputs("<section aria-labelledby=\"look\">\n<h2 id=\"look\">In one look</h2>\n", to);
    for (int i = 0; i < results->n_runs; i++) write_run(to, results, &results->runs[i]);
    write_missing(to, results);
    fputs("</section>\n", to);
}
