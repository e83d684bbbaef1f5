/* SPDX-License-Identifier: Apache-2.0
 *
 * What the subcommands of `tenon bench` share. Each returns an exit code. */
#ifndef TENON_BENCH_H
#define TENON_BENCH_H

#include "bench/plan.h"
#include "bench/report/table.h"

int bench_merge(int argc, char **argv);
int bench_compare(int argc, char **argv);

/* output.c: writes every report that is wanted. A file is written beside itself and renamed, so that an older one stays
 * whatever happens. False after a message. */
bool bench_output(const bench_results *results, const bench_outputs *outputs);

#endif
