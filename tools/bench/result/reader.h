/* SPDX-License-Identifier: Apache-2.0
 *
 * Typed access to a document that others wrote. What is absent or null has a value of its own; what is there must have
 * the right type, else the first such place is told with its path, and reading goes on harmlessly. */
#ifndef TENON_BENCH_READER_H
#define TENON_BENCH_READER_H

#include "bench/result/result.h"

typedef struct bench_reader {
    const char *source; /* of the document, for messages */
    char path[256];     /* "runs[0].rows[3].step_times" */
    bool failed;
    struct bench_chunk **memory;
} bench_reader;

/* Zeroed memory that lives as long as the results. */
void *bench_reader_alloc(bench_reader *r, size_t n, size_t size);
void bench_memory_release(struct bench_chunk *memory);

void bench_reader_fail(bench_reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Values of an object, which may be NULL; absent: NULL, NaN, `absent`, false. */
const char *bench_read_text(bench_reader *r, const json_t *object, const char *key);
double bench_read_number(bench_reader *r, const json_t *object, const char *key);
int64_t bench_read_integer(bench_reader *r, const json_t *object, const char *key, int64_t absent);
bool bench_read_flag(bench_reader *r, const json_t *object, const char *key);
/* NULL if absent. The path goes into it: leave it with bench_reader_leave. */
const json_t *bench_read_object(bench_reader *r, const json_t *object, const char *key);
const json_t *bench_read_array(bench_reader *r, const json_t *object, const char *key);
/* Element i of an array, which must be an object. */
const json_t *bench_read_element(bench_reader *r, const json_t *array, size_t i);
void bench_reader_leave(bench_reader *r);
/* All numbers of an array (NaN for null); *n is how many. */
double *bench_read_numbers(bench_reader *r, const json_t *object, const char *key, size_t *n);
/* Fails unless object (if there is one) says that it is in this unit. */
void bench_read_unit(bench_reader *r, const json_t *object, const char *unit);

#endif
