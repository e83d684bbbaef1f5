/* SPDX-License-Identifier: Apache-2.0
 *
 * A line for each row (RFC 4180): seconds, bytes, FLOP/s, images/s, shares from 0 to 1. What is not known is empty. */
#include <math.h>

#include "bench/report/table.h"

static void write_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (; text && *text; text++) {
        if (*text == '"') fputc('"', to);
        fputc(*text, to);
    }
    fputc('"', to);
}

/* What an operator was done by, longest first: "cudnn:engine 3 + copy". */
static void write_implementations(FILE *to, const bench_row *row)
{
    char text[256] = "";
    size_t used = 0;
    for (int i = 0; row->task == BENCH_OP && i < row->profile.n_operators && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? " + " : "",
                                 row->profile.operators[i].implementation);
    write_text(to, text);
}

static void write_row(FILE *to, const bench_row *row)
{
    static const char *const tasks[] = {[BENCH_TRAIN] = "train", [BENCH_INFER] = "infer", [BENCH_OP] = "op"};
    const char *const texts[] = {row->run->label, row->run->started, tasks[row->task], row->model, row->op,
                                 row->sample,     row->label,        row->device,      row->dtype, row->math};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_text(to, texts[i]);
        fputc(',', to);
    }
    fprintf(to, "%lld,%s,%s,%s,", (long long)row->batch_size, bench_row_counts(row) ? "yes" : "no",
            row->noisy ? "yes" : "no", row->run->stopped ? "yes" : "no");
    write_text(to, row->error);
    fputc(',', to);
    write_implementations(to, row);
    for (const bench_figure *figure = bench_figures; figure->name; figure++) {
        double value = bench_figure_of(row, figure);
        fputc(',', to);
        if (isfinite(value) && !row->fell_back) fprintf(to, "%.9g", value);
    }
    fputs("\r\n", to);
}

bool bench_write_csv(FILE *to, const bench_results *results)
{
    fputs(
        "machine,started,task,model,op,sample,backend,device,dtype,math,batch_size,counts,noisy,partial,error,implementation",
        to);
    for (const bench_figure *figure = bench_figures; figure->name; figure++) fprintf(to, ",%s", figure->name);
    fputs("\r\n", to);
    for (int i = 0; i < results->n_rows; i++) write_row(to, results->rows[i]);
    return fflush(to) == 0 && !ferror(to);
}
