/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this room share. */
#ifndef TENON_BENCH_ROW_H
#define TENON_BENCH_ROW_H

#include "bench/result/reader.h"

/* read_row.c: the run's limits have been read. */
void bench_read_row(bench_reader *r, const json_t *json, const bench_run *run, bench_row *row);
/* derive.c: what follows from what was read. */
void bench_derive(bench_reader *r, bench_row *row);

#endif
