/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files behind bench_tables_of share. */
#ifndef TENON_BENCH_TABLES_H
#define TENON_BENCH_TABLES_H

#include "bench/report/columns.h"
#include "tool.h"

/* profiles.c: the operators of each row of a task, longest first; small ones and idle time are summed. */
bench_table bench_table_of_profiles(const bench_context *c, bench_task task, const char *title);

#endif
