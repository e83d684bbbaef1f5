/* SPDX-License-Identifier: Apache-2.0
 *
 * Scripts as JSON:
 *     {"name": "convnet", "inputs": [{"dtype": "f32", "dims": [64, 1, 28, 28]}], "weights": ["conv1.weight", ...],
 *      "steps": [{"op": "relu/1(x:T[...]) -> y:T[...]", "attrs": {}, "in": [3], "out": [4]},
 *                {"op": "reshape", "dims": [null, 1600], "in": [4], "out": [5]}, ...], "outputs": [5]}
 * Tensors are numbered: inputs, weights, results of steps. null is an absent input, and a dim that stays. */
#include "program/script.h"

#include "ops/schema.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

/* jansson's functions pass NULL on and report it: one look at what was appended is enough. */
typedef struct writer {
    bool ok;
} writer;

static void append(writer *w, json_t *list, json_t *value)
{
    w->ok &= json_array_append_new(list, value) == 0;
}

static void put(writer *w, json_t *object, const char *key, json_t *value)
{
    w->ok &= json_object_set_new(object, key, value) == 0;
}

/* ---- numbers */

static json_t *whole_list(writer *w, const int64_t *numbers, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++) append(w, list, json_integer(numbers[i]));
    return list;
}

static json_t *tensor_list(writer *w, const int *numbers, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++) append(w, list, numbers[i] < 0 ? json_null() : json_integer(numbers[i]));
    return list;
}

static json_t *dim_list(writer *w, const tn_line *line)
{
    json_t *list = json_array();
    for (int i = 0; i < line->rank; i++)
        append(w, list, i == 0 && line->dims[0] == TN_SAME_DIM ? json_null() : json_integer(line->dims[i]));
    return list;
}

/* JSON has no word for these. */
static json_t *real(double value)
{
    if (isnan(value)) return json_string("nan");
    if (isinf(value)) return json_string(value > 0 ? "inf" : "-inf");
    return json_real(value);
}

static json_t *element(const tn_schema_attr *attr, const char *at)
{
    int64_t whole;
    double number;
    memcpy(&whole, at, sizeof whole);
    memcpy(&number, at, sizeof number);
    return attr->is_float ? real(number) : json_integer(whole);
}

static json_t *attr_value(writer *w, const tn_schema_attr *attr, const char *at)
{
    if (!attr->is_array) return element(attr, at);
    json_t *list = json_array();
    for (int i = 0; i < attr->count; i++) append(w, list, element(attr, at + 8 * i));
    return list;
}

/* ---- lines */

static void put_op(writer *w, json_t *step, const tn_line *line)
{
    const tn_schema *schema = tn__op_schema(line->op);
    json_t *attrs = json_object();
    for (int i = 0; i < schema->n_attrs; i++)
        put(w, attrs, schema->attrs[i].name,
            attr_value(w, &schema->attrs[i], (const char *)line->attrs + schema->attrs[i].offset));
    put(w, step, "attrs", attrs);
}

static void put_slice(writer *w, json_t *step, const tn_slice_attrs *slice)
{
    put(w, step, "dim", json_integer(slice->dim));
    put(w, step, "start", json_integer(slice->start));
    put(w, step, "length", json_integer(slice->length));
    put(w, step, "step", json_integer(slice->step));
}

static json_t *step_of(writer *w, const tn_line *line)
{
    json_t *step = json_object(), *out = json_array();
    put(w, step, "op", json_string(line->op ? tn__op_schema(line->op)->text : tn__line_names[line->kind]));
    switch (line->kind) {
    case TN_LINE_OP: put_op(w, step, line); break;
    case TN_LINE_EMPTY: put(w, step, "dtype", json_string(tn_dtype_name(line->dtype))); /* fallthrough */
    case TN_LINE_RESHAPE:
    case TN_LINE_EXPAND: put(w, step, "dims", dim_list(w, line)); break;
    case TN_LINE_PERMUTE: put(w, step, "order", whole_list(w, line->dims, line->rank)); break;
    case TN_LINE_SLICE: put_slice(w, step, &line->slice); break;
    default: break;
    }
    put(w, step, "in", tensor_list(w, line->in, line->n_in));
    for (int i = 0; i < line->n_out; i++) append(w, out, json_integer(line->first_out + i));
    put(w, step, "out", out);
    return step;
}

/* ---- the whole */

static json_t *input_of(writer *w, const tn_tensor_desc *desc)
{
    json_t *input = json_object();
    put(w, input, "dtype", json_string(tn_dtype_name(desc->dtype)));
    put(w, input, "dims", whole_list(w, desc->dims, (int)desc->rank));
    return input;
}

char *tn__script_write(const tn_script *script)
{
    writer w = {true};
    json_t *root = json_object(), *inputs = json_array(), *weights = json_array(), *steps = json_array();
    for (int i = 0; i < script->n_in; i++) append(&w, inputs, input_of(&w, &script->in[i]));
    for (int i = 0; i < script->n_weights; i++) append(&w, weights, json_string(script->weights[i].name));
    for (int i = 0; i < script->n_lines; i++) append(&w, steps, step_of(&w, &script->lines[i]));
    put(&w, root, "name", json_string(script->name));
    put(&w, root, "inputs", inputs);
    put(&w, root, "weights", weights);
    put(&w, root, "steps", steps);
    put(&w, root, "outputs", tensor_list(&w, script->out, script->n_out));
    char *text = w.ok ? json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(root);
    return text;
}
