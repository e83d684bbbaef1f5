/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks inputs against the schema and infers outputs from it: dtypes by letter, sizes by name, shapes by ellipsis.
 * What a schema cannot say is left to the operator's own infer. */
#include "ops/schema.h"

#include <string.h>

enum { MAX_NAMES = 24 };

/* What the names of a schema stand for in this call. */
typedef struct binding {
    tn_infer *infer;
    const tn_schema *schema;
    tn_dtype letters[26];
    const char *letter_by[26]; /* input that fixed it */
    struct {
        const char *name, *by;
        int64_t size;
    } sizes[MAX_NAMES];
    int n_sizes;
    const tn_tensor *ellipsis[27]; /* by prefix letter; [26] for the bare one: the tensor, and where in it */
    const char *ellipsis_by[27];
    int ellipsis_start[27], ellipsis_rank[27];
} binding;

/* "x", or "x[2]" in a list. */
static const char *input_name(const tn_infer *infer, int i, char *text, size_t size)
{
    const tn_schema *schema = tn__op_schema(infer->op);
    const tn_schema_arg *arg = &schema->in[tn__schema_arg_index(schema, infer->n_in, i)];
    int position = i;
    while (position > 0 && &schema->in[tn__schema_arg_index(schema, infer->n_in, i - position)] != arg) position--;
    if (arg->list)
        snprintf(text, size, "%s[%d]", arg->name, position);
    else
        snprintf(text, size, "%s", arg->name);
    return text;
}

bool tn__refuse(tn_infer *infer, const char *format, ...)
{
    char text[512], shapes[400] = "", name[TN_SCHEMA_NAME + 16];
    size_t used = 0;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (int i = 0; i < infer->n_in && used < sizeof shapes; i++)
        if (infer->in[i])
            used += (size_t)snprintf(shapes + used, sizeof shapes - used, "%s%s: %s", used ? ", " : "",
                                     input_name(infer, i, name, sizeof name), TN_SHAPE_OF(infer->in[i]));
    tn_raise(infer->ctx, TN_INVALID, "%s: %s (%s)", infer->op->name, text, shapes);
    return false;
}

static bool check_dtype(binding *b, const tn_schema_arg *arg, const tn_tensor *x)
{
    tn_dtype dtype = x->desc.dtype;
    if (!arg->letter) {
        if (dtype == arg->dtype) return true;
        return tn__refuse(b->infer, "%s must be %s, but is %s; tn_cast converts", arg->name, tn_dtype_name(arg->dtype),
                          tn_dtype_name(dtype));
    }
    int letter = arg->letter - 'A';
    if (!tn__letter_allows(arg->letter, dtype))
        return tn__refuse(b->infer, "%s cannot be %s", arg->name, tn_dtype_name(dtype));
    if (b->letters[letter] && b->letters[letter] != dtype)
        return tn__refuse(b->infer, "%s is %s, but %s is %s; tn_cast converts", b->letter_by[letter],
                          tn_dtype_name(b->letters[letter]), arg->name, tn_dtype_name(dtype));
    b->letters[letter] = dtype;
    b->letter_by[letter] = arg->name;
    return true;
}

static bool check_size(binding *b, const tn_schema_arg *arg, const tn_schema_dim *dim, int at, int64_t size)
{
    if (!dim->name[0])
        return size == dim->size || tn__refuse(b->infer, "dim %d of %s must be %lld, but is %lld", at, arg->name,
                                               (long long)dim->size, (long long)size);
    for (int i = 0; i < b->n_sizes; i++)
        if (strcmp(b->sizes[i].name, dim->name) == 0)
            return b->sizes[i].size == size ||
                   tn__refuse(b->infer, "%s expects %lld for %s (dim %d), as %s has it, but is given %lld", arg->name,
                              (long long)b->sizes[i].size, dim->name, at, b->sizes[i].by, (long long)size);
    if (b->n_sizes < MAX_NAMES) {
        b->sizes[b->n_sizes].name = dim->name;
        b->sizes[b->n_sizes].by = arg->name;
        b->sizes[b->n_sizes++].size = size;
    }
    return true;
}

static int ellipsis_index(const tn_schema_arg *arg)
{
    return arg->prefix ? arg->prefix - 'a' : 26;
}

static bool check_ellipsis(binding *b, const tn_schema_arg *arg, const tn_tensor *x, int start, int rank)
{
    int e = ellipsis_index(arg);
    if (!b->ellipsis[e]) {
        b->ellipsis[e] = x;
        b->ellipsis_by[e] = arg->name;
        b->ellipsis_start[e] = start;
        b->ellipsis_rank[e] = rank;
        return true;
    }
    const int64_t *first = b->ellipsis[e]->desc.dims + b->ellipsis_start[e], *second = x->desc.dims + start;
    if (rank == b->ellipsis_rank[e] && memcmp(first, second, (size_t)rank * sizeof *first) == 0) return true;
    return tn__refuse(b->infer, "%s and %s must have the same shape%s", b->ellipsis_by[e], arg->name,
                      arg->n_dims ? " but for the last dims" : "");
}

static bool check_arg(binding *b, const tn_schema_arg *arg, const tn_tensor *x)
{
    int rank = tn_rank(x), rest = rank - arg->n_dims;
    if (!check_dtype(b, arg, x)) return false;
    if (rest < 0 || (rest > 0 && !arg->ellipsis))
        return tn__refuse(b->infer, "%s must have %s%d dim%s, but has %d", arg->name, arg->ellipsis ? "at least " : "",
                          arg->n_dims, arg->n_dims == 1 ? "" : "s", rank);
    int first = arg->any_after ? 0 : rest;
    for (int i = 0; i < arg->n_dims; i++)
        if (!check_size(b, arg, &arg->dims[i], first + i, x->desc.dims[first + i])) return false;
    return !arg->ellipsis || check_ellipsis(b, arg, x, arg->any_after ? arg->n_dims : 0, rest);
}

/* What the ellipsis of a list's k-th element must match: bare, the k-th element of the first list; named, nothing. */
static void bind_list_element(binding *b, const tn_schema_arg *arg, int first_list, int k)
{
    int e = ellipsis_index(arg);
    const tn_tensor *first = first_list < 0 || arg->prefix ? NULL : b->infer->in[first_list + k];
    b->ellipsis[e] = first;
    b->ellipsis_start[e] = 0;
    b->ellipsis_rank[e] = first ? tn_rank(first) : 0;
    b->ellipsis_by[e] = first ? b->schema->in[tn__schema_arg_index(b->schema, b->infer->n_in, first_list)].name : "";
}

static bool check_inputs(binding *b, int length)
{
    tn_infer *infer = b->infer;
    for (int arg = 0, i = 0, first_list = -1; arg < b->schema->n_in; arg++) {
        const tn_schema_arg *a = &b->schema->in[arg];
        int start = i;
        for (int k = 0; k < (a->list ? length : 1); k++, i++) {
            const tn_tensor *x = infer->in[i];
            if (!x && !a->optional) return tn__refuse(b->infer, "%s is missing", a->name);
            if (!x) continue;
            if (a->list) bind_list_element(b, a, first_list, k);
            if (!check_arg(b, a, x)) return false;
        }
        if (a->list && first_list < 0) first_list = start;
    }
    return true;
}

static int64_t size_of(const binding *b, const tn_schema_dim *dim)
{
    if (!dim->name[0]) return dim->size;
    for (int i = 0; i < b->n_sizes; i++)
        if (strcmp(b->sizes[i].name, dim->name) == 0) return b->sizes[i].size;
    return -1;
}

/* What the schema tells of an output; the rest is left open. */
static void infer_output(const binding *b, const tn_schema_arg *arg, tn_tensor_desc *out)
{
    *out = (tn_tensor_desc){.struct_size = sizeof *out};
    out->dtype = arg->letter ? b->letters[arg->letter - 'A'] : arg->dtype;
    int e = ellipsis_index(arg), rank = 0;
    if (arg->ellipsis && !b->ellipsis[e]) {
        out->rank = UINT32_MAX;
        return;
    }
    int free_rank = arg->ellipsis ? b->ellipsis_rank[e] : 0;
    if (arg->n_dims + free_rank > TN_MAX_RANK) {
        out->rank = UINT32_MAX;
        return;
    }
    if (arg->any_after)
        for (int i = 0; i < arg->n_dims; i++) out->dims[rank++] = size_of(b, &arg->dims[i]);
    for (int i = 0; i < free_rank; i++) out->dims[rank++] = b->ellipsis[e]->desc.dims[b->ellipsis_start[e] + i];
    if (!arg->any_after)
        for (int i = 0; i < arg->n_dims; i++) out->dims[rank++] = size_of(b, &arg->dims[i]);
    out->rank = (uint32_t)rank;
}

static bool complete(binding *b, const tn_schema_arg *arg, tn_tensor_desc *out)
{
    tn_context *tn = b->infer->ctx;
    if (out->rank > TN_MAX_RANK) return tn__refuse(b->infer, "%s would have more than %d dims", arg->name, TN_MAX_RANK);
    int64_t dims[TN_MAX_RANK];
    memcpy(dims, out->dims, sizeof dims);
    for (uint32_t i = 0; i < out->rank; i++)
        if (dims[i] < 0)
            return tn__refuse(b->infer, "%s would have shape %s", arg->name, TN_DIMS_OF((int)out->rank, dims));
    return tn__desc(tn, out, out->dtype, (int)out->rank, dims);
}

bool tn__infer(tn_infer *infer)
{
    const tn_schema *schema = tn__op_schema(infer->op);
    binding b = {.infer = infer, .schema = schema};
    int length = tn__schema_list_length(schema, infer->n_in);
    if (length < 0) {
        tn_raise(infer->ctx, TN_INVALID, "%s: %d inputs do not fit %s", infer->op->name, infer->n_in, schema->text);
        return false;
    }
    infer->n_out = schema->n_out;
    if (!check_inputs(&b, length)) return false;
    for (int i = 0; i < schema->n_out; i++) infer_output(&b, &schema->out[i], &infer->out[i]);
    if (infer->op->infer && !infer->op->infer(infer)) return false;
    for (int i = 0; i < schema->n_out; i++)
        if (!complete(&b, &schema->out[i], &infer->out[i])) return false;
    return true;
}
