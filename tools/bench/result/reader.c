/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/result/reader.h"

#include <errno.h>
#include <error.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct bench_chunk {
    struct bench_chunk *next;
    _Alignas(max_align_t) char bytes[];
};

void *bench_reader_alloc(bench_reader *r, size_t n, size_t size)
{
    struct bench_chunk *chunk = calloc(1, sizeof *chunk + (n + 1) * size);
    if (!chunk) error(EXIT_FAILURE, errno, "%s: no memory", r->source);
    chunk->next = *r->memory;
    *r->memory = chunk;
    return chunk->bytes;
}

void bench_memory_release(struct bench_chunk *memory)
{
    while (memory) {
        struct bench_chunk *next = memory->next;
        free(memory);
        memory = next;
    }
}

void bench_reader_fail(bench_reader *r, const char *format, ...)
{
    if (r->failed) return;
    r->failed = true;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error(0, 0, "%s: %s%s%s", r->source, r->path, *r->path ? " " : "", text);
}

/* ---- the path */

static void enter(bench_reader *r, const char *key)
{
    size_t used = strlen(r->path);
    snprintf(r->path + used, sizeof r->path - used, "%s%s", used ? "." : "", key);
}

void bench_reader_leave(bench_reader *r)
{
    char *dot = strrchr(r->path, '.'), *bracket = strrchr(r->path, '[');
    char *end = dot > bracket ? dot : bracket;
    *(end ? end : r->path) = '\0';
}

/* ---- values */

static const char *type_name(const json_t *value)
{
    static const char *const names[] = {"an object", "an array", "a string", "a number",
                                        "a number",  "true",     "false",    "null"};
    return names[json_typeof(value)];
}

/* The value, or NULL if it is absent or null. */
static const json_t *get(const json_t *object, const char *key)
{
    const json_t *value = object ? json_object_get(object, key) : NULL;
    return json_is_null(value) ? NULL : value;
}

static void fail_type(bench_reader *r, const char *key, const json_t *value, const char *expected)
{
    enter(r, key);
    bench_reader_fail(r, "is %s; it should be %s", type_name(value), expected);
    bench_reader_leave(r);
}

const char *bench_read_text(bench_reader *r, const json_t *object, const char *key)
{
    const json_t *value = get(object, key);
    if (!value || json_is_string(value)) return value ? json_string_value(value) : NULL;
    fail_type(r, key, value, "a string");
    return NULL;
}

double bench_read_number(bench_reader *r, const json_t *object, const char *key)
{
    const json_t *value = get(object, key);
    if (!value || json_is_number(value)) return value ? json_number_value(value) : NAN;
    fail_type(r, key, value, "a number");
    return NAN;
}

int64_t bench_read_integer(bench_reader *r, const json_t *object, const char *key, int64_t absent)
{
    const json_t *value = get(object, key);
    if (!value || json_is_integer(value)) return value ? json_integer_value(value) : absent;
    fail_type(r, key, value, "a whole number");
    return absent;
}

bool bench_read_flag(bench_reader *r, const json_t *object, const char *key)
{
    const json_t *value = get(object, key);
    if (value && !json_is_boolean(value)) fail_type(r, key, value, "true or false");
    return json_is_true(value);
}

const json_t *bench_read_object(bench_reader *r, const json_t *object, const char *key)
{
    const json_t *value = get(object, key);
    if (value && !json_is_object(value)) fail_type(r, key, value, "an object");
    enter(r, key);
    return json_is_object(value) ? value : NULL;
}

const json_t *bench_read_array(bench_reader *r, const json_t *object, const char *key)
{
    const json_t *value = get(object, key);
    if (value && !json_is_array(value)) fail_type(r, key, value, "an array");
    enter(r, key);
    return json_is_array(value) ? value : NULL;
}

const json_t *bench_read_element(bench_reader *r, const json_t *array, size_t i)
{
    const json_t *value = json_array_get(array, i);
    size_t used = strlen(r->path);
    snprintf(r->path + used, sizeof r->path - used, "[%zu]", i);
    if (json_is_object(value)) return value;
    bench_reader_fail(r, "is %s; it should be an object", type_name(value));
    return NULL;
}

double *bench_read_numbers(bench_reader *r, const json_t *object, const char *key, size_t *n)
{
    const json_t *array = bench_read_array(r, object, key);
    *n = json_array_size(array);
    double *values = bench_reader_alloc(r, *n, sizeof *values);
    for (size_t i = 0; i < *n; i++) {
        const json_t *value = json_array_get(array, i);
        values[i] = json_is_number(value) ? json_number_value(value) : NAN;
        if (!json_is_number(value) && !json_is_null(value))
            bench_reader_fail(r, "has %s among its numbers", type_name(value));
    }
    bench_reader_leave(r);
    return values;
}

void bench_read_unit(bench_reader *r, const json_t *object, const char *unit)
{
    if (!object) return;
    const char *given = bench_read_text(r, object, "unit");
    if (!given)
        bench_reader_fail(r, "has no unit; it should be \"%s\"", unit);
    else if (strcmp(given, unit) != 0)
        bench_reader_fail(r, "is in \"%s\", but this version reads \"%s\": convert it, units are not mixed", given,
                          unit);
}
