/* SPDX-License-Identifier: Apache-2.0
 *
 * Scripts from JSON (script_write.c shows it). Whatever the text claims is checked before it is used: counts, numbers of
 * tensors, which must be there already, dtypes, ranks, sizes, attributes, which must be those of this core's schema. What
 * depends on the shapes of inputs is left to the operators. */
#include "program/script.h"

#include "ops/schema.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NAME = 200, MOST_PORTS = 1024, SHOWN = 120 };

typedef struct reading {
    tn_script *script;
    tn_error *error;
    int step;          /* that is being read; -1: none */
    const char *title; /* of that step: its op, fit for a message */
} reading;

/* ---- messages */

/* Text from a file, fit for a message: not too long, no control characters. */
#define SHOW(text) show((text), (char[SHOWN + 4]){0})
static const char *show(const char *text, char *buffer)
{
    size_t length = strlen(text), n = length < SHOWN ? length : SHOWN;
    for (size_t i = 0; i < n; i++) buffer[i] = (unsigned char)text[i] < ' ' || text[i] == 127 ? '?' : text[i];
    strcpy(buffer + n, length > SHOWN ? "..." : "");
    return buffer;
}

static bool refuse_as(reading *r, tn_status status, const char *format, ...) TN_PRINTF(3, 4);
static bool refuse_as(reading *r, tn_status status, const char *format, ...)
{
    char text[800];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (r->step < 0)
        tn_fail(r->error, status, 0, "its program is damaged: %s", text);
    else
        tn_fail(r->error, status, 0, "step %d (%s): %s", r->step, r->title, text);
    return false;
}
#define REFUSE(r, ...) refuse_as((r), TN_CORRUPT, __VA_ARGS__)

static bool no_memory(reading *r)
{
    tn_fail(r->error, TN_OUT_OF_MEMORY, 0, "no host memory for its program");
    return false;
}

/* ---- parts of all kinds */

static bool read_list(reading *r, const json_t *object, const char *key, const json_t **list)
{
    *list = json_object_get(object, key);
    return json_is_array(*list) || REFUSE(r, "there is no list \"%s\"", key);
}

static bool read_text(reading *r, const json_t *object, const char *key, const char **text)
{
    *text = json_string_value(json_object_get(object, key));
    return *text || REFUSE(r, "there is no text \"%s\"", key);
}

static bool read_whole(reading *r, const json_t *value, const char *what, int64_t least, int64_t *number)
{
    *number = json_integer_value(value);
    if (!json_is_integer(value)) return REFUSE(r, "%s is no whole number", what);
    return *number >= least || REFUSE(r, "%s is %" PRId64 ", it must be at least %" PRId64, what, *number, least);
}

static bool read_dtype(reading *r, const json_t *object, tn_dtype *dtype)
{
    const char *name;
    if (!read_text(r, object, "dtype", &name)) return false;
    for (*dtype = TN_F32; *dtype <= TN_BOOL; ++*dtype)
        if (strcmp(tn_dtype_name(*dtype), name) == 0) return true;
    return REFUSE(r, "\"%s\" is no dtype", SHOW(name));
}

/* may_stay: null is allowed in front, for a dim that stays. */
static bool read_dims(reading *r, const json_t *object, const char *key, bool may_stay, int *rank, int64_t *dims)
{
    const json_t *list;
    int64_t elements = 8; /* bytes of the largest */
    if (!read_list(r, object, key, &list)) return false;
    size_t n = json_array_size(list);
    if (n > TN_MAX_RANK) return REFUSE(r, "\"%s\" has %zu dims, at most %d are possible", key, n, TN_MAX_RANK);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, i);
        char what[40];
        snprintf(what, sizeof what, "dim %zu of \"%s\"", i, key);
        if (i == 0 && may_stay && json_is_null(item)) {
            dims[0] = TN_SAME_DIM;
            continue;
        }
        if (!read_whole(r, item, what, 0, &dims[i])) return false;
        if (__builtin_mul_overflow(elements, dims[i] ? dims[i] : 1, &elements))
            return REFUSE(r, "\"%s\" is a shape of more elements than any memory can hold", key);
    }
    *rank = (int)n;
    return true;
}

/* The number of a tensor that is there. */
static bool read_tensor(reading *r, const json_t *value, const char *what, int *number)
{
    int64_t read;
    if (!read_whole(r, value, what, 0, &read)) return false;
    *number = (int)read;
    if (read < r->script->n_tensors) return true;
    return REFUSE(r, "%s is tensor %" PRId64 ", but only 0 to %d are there by then", what, read,
                  r->script->n_tensors - 1);
}

/* ---- attributes of operators */

static bool read_real(const json_t *value, double *number)
{
    const char *text = json_string_value(value);
    *number = json_number_value(value);
    if (json_is_number(value)) return true;
    if (!text) return false;
    *number = !strcmp(text, "nan") ? (double)NAN : !strcmp(text, "inf") ? (double)INFINITY : -(double)INFINITY;
    return !strcmp(text, "nan") || !strcmp(text, "inf") || !strcmp(text, "-inf");
}

static bool read_element(reading *r, const json_t *value, const tn_schema_attr *attr, int i, char *attrs)
{
    double real;
    int64_t whole = json_integer_value(value);
    bool ok = attr->is_float ? read_real(value, &real) : json_is_integer(value);
    if (!ok) return REFUSE(r, "its attribute \"%s\" has no %s", attr->name, attr->is_float ? "number" : "whole number");
    memcpy(attrs + attr->offset + 8 * (size_t)i, attr->is_float ? (const void *)&real : (const void *)&whole, 8);
    return true;
}

static bool read_attr(reading *r, const json_t *value, const tn_schema_attr *attr, char *attrs)
{
    if (!value) return REFUSE(r, "its attribute \"%s\" is missing", attr->name);
    if (!attr->is_array) return read_element(r, value, attr, 0, attrs);
    if (!json_is_array(value) || json_array_size(value) != (size_t)attr->count)
        return REFUSE(r, "its attribute \"%s\" is no list of %d numbers", attr->name, attr->count);
    for (int i = 0; i < attr->count; i++)
        if (!read_element(r, json_array_get(value, (size_t)i), attr, i, attrs)) return false;
    return true;
}

static bool read_attrs(reading *r, const json_t *step, const tn_schema *schema, tn_line *line)
{
    const json_t *object = json_object_get(step, "attrs");
    const uint64_t size = schema->attrs_size;
    if (!json_is_object(object)) return REFUSE(r, "there is no object \"attrs\"");
    if (json_object_size(object) != (size_t)schema->n_attrs)
        return REFUSE(r, "it has %zu attributes, not %d", json_object_size(object), schema->n_attrs);
    if (!size) return true;
    if (!(line->attrs = calloc(1, size))) return no_memory(r);
    memcpy(line->attrs, &size, sizeof size);
    for (int i = 0; i < schema->n_attrs; i++)
        if (!read_attr(r, json_object_get(object, schema->attrs[i].name), &schema->attrs[i], line->attrs)) return false;
    return true;
}

/* ---- one step, by its kind */

static bool count_inputs(reading *r, const tn_line *line, int n)
{
    return line->n_in == n || REFUSE(r, "it has %d inputs, not %d", line->n_in, n);
}

static bool find_op(reading *r, const char *text, tn_line *line)
{
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "/"), text);
    int index = tn__op_index(name);
    if (index < 0)
        return refuse_as(r, TN_UNSUPPORTED, "this Tenon has no operator \"%s\"; the file may be from a newer one",
                         SHOW(name));
    line->op = tn__catalogue[index];
    const char *own = tn__op_schema(line->op)->text;
    if (strcmp(own, text) == 0) return true;
    return refuse_as(r, TN_UNSUPPORTED, "the file was saved for %.300s, but this Tenon has %.300s", SHOW(text), own);
}

static bool read_op(reading *r, const json_t *step, const char *op, tn_line *line)
{
    if (!find_op(r, op, line)) return false;
    const tn_schema *schema = tn__op_schema(line->op);
    line->n_out = schema->n_out;
    if (tn__schema_list_length(schema, line->n_in) < 0) return REFUSE(r, "%d inputs do not fit its schema", line->n_in);
    for (int i = 0; i < line->n_in; i++) {
        const tn_schema_arg *arg = &schema->in[tn__schema_arg_index(schema, line->n_in, i)];
        if (line->in[i] < 0 && !arg->optional) return REFUSE(r, "its input %s is missing", arg->name);
    }
    return read_attrs(r, step, schema, line);
}

static bool read_permute(reading *r, const json_t *step, tn_line *line)
{
    uint32_t seen = 0;
    if (!read_dims(r, step, "order", false, &line->rank, line->dims)) return false;
    for (int i = 0; i < line->rank; i++) {
        int64_t from = line->dims[i];
        if (from >= line->rank || seen >> from & 1) return REFUSE(r, "\"order\" is no order of %d dims", line->rank);
        seen |= 1u << from;
    }
    return true;
}

static bool read_slice(reading *r, const json_t *step, tn_line *line)
{
    tn_slice_attrs *how = &line->slice;
    if (!read_whole(r, json_object_get(step, "dim"), "\"dim\"", 0, &how->dim) ||
        !read_whole(r, json_object_get(step, "start"), "\"start\"", 0, &how->start) ||
        !read_whole(r, json_object_get(step, "length"), "\"length\"", 0, &how->length) ||
        !read_whole(r, json_object_get(step, "step"), "\"step\"", 1, &how->step))
        return false;
    return how->dim < TN_MAX_RANK ||
           REFUSE(r, "\"dim\" is %" PRId64 ", at most %d is possible", how->dim, TN_MAX_RANK - 1);
}

static bool read_kind(reading *r, const json_t *step, tn_line *line)
{
    line->n_out = line->kind != TN_LINE_COPY;
    if (!count_inputs(r, line, line->kind == TN_LINE_EMPTY ? 0 : line->kind == TN_LINE_COPY ? 2 : 1)) return false;
    for (int i = 0; i < line->n_in; i++)
        if (line->in[i] < 0) return REFUSE(r, "its input %d is missing", i);
    switch (line->kind) {
    case TN_LINE_RESHAPE:
    case TN_LINE_EXPAND: return read_dims(r, step, "dims", true, &line->rank, line->dims);
    case TN_LINE_PERMUTE: return read_permute(r, step, line);
    case TN_LINE_SLICE: return read_slice(r, step, line);
    case TN_LINE_EMPTY:
        return read_dtype(r, step, &line->dtype) && read_dims(r, step, "dims", false, &line->rank, line->dims);
    default: return true;
    }
}

static tn_line_kind kind_named(const char *op)
{
    for (int i = 0; i < TN_LINE_KINDS; i++)
        if (tn__line_names[i] && strcmp(tn__line_names[i], op) == 0) return (tn_line_kind)i;
    return TN_LINE_OP;
}

static bool read_inputs_of(reading *r, const json_t *step, tn_line *line)
{
    const json_t *list;
    if (!read_list(r, step, "in", &list)) return false;
    line->n_in = (int)json_array_size(list);
    if (!(line->in = calloc((size_t)line->n_in + 1, sizeof *line->in))) return no_memory(r);
    for (int i = 0; i < line->n_in; i++) {
        const json_t *item = json_array_get(list, (size_t)i);
        char what[32];
        snprintf(what, sizeof what, "its input %d", i);
        line->in[i] = -1;
        if (!json_is_null(item) && !read_tensor(r, item, what, &line->in[i])) return false;
    }
    return true;
}

/* Results get the next numbers, so what the file calls them must be just these. */
static bool check_results_of(reading *r, const json_t *step, const tn_line *line)
{
    const json_t *list;
    if (!read_list(r, step, "out", &list)) return false;
    if (json_array_size(list) != (size_t)line->n_out)
        return REFUSE(r, "it has %zu results, not %d", json_array_size(list), line->n_out);
    for (int i = 0; i < line->n_out; i++) {
        const json_t *item = json_array_get(list, (size_t)i);
        int expected = r->script->n_tensors + i;
        if (!json_is_integer(item) || json_integer_value(item) != expected)
            return REFUSE(r, "its result %d must be tensor %d, the next one", i, expected);
    }
    return true;
}

static bool read_step(reading *r, const json_t *step)
{
    char title[SHOWN + 4] = "?";
    const char *op;
    tn_line line = {0};
    r->title = title;
    if (!read_text(r, step, "op", &op)) return false;
    show(op, title);
    title[strcspn(title, "/(")] = 0;
    line.kind = kind_named(op);
    bool ok = read_inputs_of(r, step, &line) &&
              (line.kind == TN_LINE_OP ? read_op(r, step, op, &line) : read_kind(r, step, &line)) &&
              check_results_of(r, step, &line);
    if (ok) return tn__script_add_line(r->script, &line) || no_memory(r);
    free(line.attrs);
    free(line.in);
    return false;
}

/* ---- the whole */

static bool read_inputs(reading *r, const json_t *root)
{
    const json_t *list;
    tn_script *script = r->script;
    if (!read_list(r, root, "inputs", &list)) return false;
    size_t n = json_array_size(list);
    if (n > MOST_PORTS) return REFUSE(r, "it has %zu inputs, at most %d are possible", n, MOST_PORTS);
    if (!(script->in = calloc(n + 1, sizeof *script->in))) return no_memory(r);
    for (size_t i = 0; i < n; i++) {
        const json_t *input = json_array_get(list, i);
        tn_tensor_desc *desc = &script->in[i];
        int rank = 0;
        if (!read_dtype(r, input, &desc->dtype) || !read_dims(r, input, "dims", false, &rank, desc->dims)) return false;
        desc->struct_size = sizeof *desc;
        desc->rank = (uint32_t)rank;
    }
    script->n_in = script->n_tensors = (int)n;
    return true;
}

/* Each once, so that a file cannot ask for more memory than it has tensors for. */
static bool add_weights(reading *r, const json_t *list, json_t *seen)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name) return REFUSE(r, "weight %zu has no name", i);
        if (json_object_get(seen, name)) return REFUSE(r, "weight \"%s\" is there twice", SHOW(name));
        if (json_object_set_new(seen, name, json_true()) != 0) return no_memory(r);
        if (!tn__script_add_weight(r->script, strdup(name), NULL)) return no_memory(r);
    }
    return true;
}

static bool read_weights(reading *r, const json_t *root)
{
    const json_t *list;
    if (!read_list(r, root, "weights", &list)) return false;
    json_t *seen = json_object();
    bool ok = add_weights(r, list, seen);
    json_decref(seen);
    return ok;
}

static bool read_steps(reading *r, const json_t *root)
{
    const json_t *list;
    if (!read_list(r, root, "steps", &list)) return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        r->step = (int)i;
        if (!read_step(r, json_array_get(list, i))) return false;
    }
    r->step = -1;
    return true;
}

static bool read_results(reading *r, const json_t *root)
{
    const json_t *list;
    tn_script *script = r->script;
    if (!read_list(r, root, "outputs", &list)) return false;
    size_t n = json_array_size(list);
    if (n > MOST_PORTS) return REFUSE(r, "it has %zu outputs, at most %d are possible", n, MOST_PORTS);
    if (!(script->out = calloc(n + 1, sizeof *script->out))) return no_memory(r);
    for (size_t i = 0; i < n; i++) {
        char what[32];
        snprintf(what, sizeof what, "output %zu", i);
        if (!read_tensor(r, json_array_get(list, i), what, &script->out[i])) return false;
    }
    script->n_out = (int)n;
    return true;
}

static bool read_name(reading *r, const json_t *root)
{
    const char *name;
    if (!read_text(r, root, "name", &name)) return false;
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127) return REFUSE(r, "its name has control characters");
    if (strlen(name) > MOST_NAME) return REFUSE(r, "its name is longer than %d bytes", MOST_NAME);
    return (r->script->name = strdup(name)) || no_memory(r);
}

static bool check_writes(reading *r)
{
    int line;
    if (tn__script_study(r->script, &line)) return true;
    if (line < 0) return no_memory(r);
    return REFUSE(r, "step %d writes to memory that no step has made", line);
}

tn_status tn__script_read(const char *text, tn_script *script, tn_error *error)
{
    json_error_t where;
    *script = (tn_script){0};
    reading r = {.script = script, .error = error, .step = -1};
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    bool ok = root ? json_is_object(root) || REFUSE(&r, "it is no JSON object")
                   : REFUSE(&r, "it is no JSON: %s (byte %d)", SHOW(where.text), where.position);
    ok = ok && read_name(&r, root) && read_inputs(&r, root) && read_weights(&r, root) && read_steps(&r, root) &&
         read_results(&r, root) && check_writes(&r);
    json_decref(root);
    if (ok) return TN_OK;
    tn__script_release(script);
    return error->status;
}
