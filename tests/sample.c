/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads sample strings: "x[2,3,8,8] w:f64[6,3,3,3]{0,1}; stride=2,2 groups=3". */
#include "sample.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading */

static bool complain(char *why, const char *what, const char *where)
{
    snprintf(why, 200, "%s at \"%s\"", what, where);
    return false;
}

static const char *skip_space(const char *s)
{
    while (isspace((unsigned char)*s)) s++;
    return s;
}

static size_t name_length(const char *s)
{
    size_t n = 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '_') n++;
    return n;
}

static bool is_named(const char *s, size_t n, const char *name)
{
    return strlen(name) == n && strncmp(s, name, n) == 0;
}

static tn_dtype dtype_named(const char *s, size_t n)
{
    for (tn_dtype dtype = TN_F32; dtype <= TN_BOOL; dtype++)
        if (is_named(s, n, tn_dtype_name(dtype))) return dtype;
    return 0;
}

/* "[2,3]" */
static bool read_dims(const char **s, sample_input *in, char *why)
{
    const char *start = *s;
    if (*(*s)++ != '[') return complain(why, "expected [", start);
    while (**s != ']') {
        char *end;
        if (in->rank == TN_MAX_RANK) return complain(why, "too many dims", start);
        in->dims[in->rank++] = strtoll(*s, &end, 10);
        if (end == *s) return complain(why, "expected a size", *s);
        *s = end + (*end == ',');
    }
    ++*s;
    return true;
}

/* "{0.1,4}" */
static bool read_range(const char **s, sample_input *in, char *why)
{
    int used = 0;
    if (sscanf(*s, "{%lf,%lf}%n", &in->low, &in->high, &used) != 2 || !used) return complain(why, "expected {a,b}", *s);
    *s += used;
    return true;
}

/* One token; *arg is its index in the schema. */
static bool read_input(const char **s, const tn_schema *schema, int *arg, sample_input *in, char *why)
{
    const char *start = *s;
    size_t n = name_length(start);
    *in = (sample_input){.present = true, .low = NAN};
    for (*arg = 0; *arg < schema->n_in && !is_named(start, n, schema->in[*arg].name);) ++*arg;
    if (*arg == schema->n_in) return complain(why, "no such input", start);
    in->arg = &schema->in[*arg];
    in->dtype = in->arg->dtype;
    *s += n;
    if (**s == ':') {
        n = name_length(++*s);
        if (!(in->dtype = dtype_named(*s, n))) return complain(why, "no such dtype", *s);
        *s += n;
    }
    return read_dims(s, in, why) && (**s != '{' || read_range(s, in, why));
}

/* The dtype that one input of a letter fixes holds for all of that letter. */
static void share_dtypes(sample *s)
{
    for (int i = 0; i < s->n_in; i++)
        for (int k = 0; s->in[i].dtype && s->in[i].arg->letter && k < s->n_in; k++)
            if (s->in[k].arg->letter == s->in[i].arg->letter) s->in[k].dtype = s->in[i].dtype;
}

/* Puts tokens in the schema's order, with holes where optional inputs are absent. */
static bool arrange(sample *s, const sample_input *tokens, const int *args, int n, char *why)
{
    int length = 1;
    for (int arg = 0; arg < s->schema->n_in; arg++) {
        int count = 0;
        for (int i = 0; i < n; i++) count += args[i] == arg;
        if (s->schema->in[arg].list && count > length) length = count;
    }
    for (int arg = 0; arg < s->schema->n_in; arg++) {
        const tn_schema_arg *a = &s->schema->in[arg];
        int wanted = a->list ? length : 1, found = 0;
        for (int i = 0; i < n; i++) {
            if (args[i] != arg) continue;
            if (found++ == wanted || s->n_in == SAMPLE_INPUTS) return complain(why, "given too often", a->name);
            s->in[s->n_in++] = tokens[i];
        }
        if (found == wanted) continue;
        if (found || !a->optional) return complain(why, "missing", a->name);
        for (; found < wanted; found++) {
            if (s->n_in == SAMPLE_INPUTS) return complain(why, "too many inputs", s->text);
            s->in[s->n_in++] = (sample_input){.arg = a};
        }
    }
    share_dtypes(s);
    return true;
}

static void default_attrs(const tn_schema *schema, unsigned char *attrs)
{
    static const char *const ones[] = {"stride", "dilation", "groups"};
    const uint64_t size = schema->attrs_size;
    const int64_t one = 1;
    memset(attrs, 0, SAMPLE_ATTRS);
    memcpy(attrs, &size, sizeof size);
    for (int i = 0; i < schema->n_attrs; i++)
        for (size_t k = 0; k < sizeof ones / sizeof *ones; k++)
            for (int j = 0; strcmp(schema->attrs[i].name, ones[k]) == 0 && j < schema->attrs[i].count; j++)
                memcpy(attrs + schema->attrs[i].offset + sizeof one * (size_t)j, &one, sizeof one);
}

static const char *read_attr(const tn_schema_attr *attr, const char *s, unsigned char *attrs)
{
    for (int i = 0; i < attr->count; i++) {
        char *end;
        unsigned char *to = attrs + attr->offset + 8 * (size_t)i;
        double real = strtod(s, &end);
        int64_t whole = (int64_t)real;
        memcpy(to, attr->is_float ? (const void *)&real : (const void *)&whole, 8);
        if (end == s) return NULL;
        s = end + (i + 1 < attr->count && *end == ',');
    }
    return s;
}

bool sample_attrs(const tn_schema *schema, const char *text, unsigned char *attrs, char *why)
{
    default_attrs(schema, attrs);
    for (const char *s = skip_space(text); *s; s = skip_space(s)) {
        const char *start = s;
        size_t n = name_length(s);
        int i = 0;
        while (i < schema->n_attrs && !is_named(s, n, schema->attrs[i].name)) i++;
        if (i == schema->n_attrs || s[n] != '=') return complain(why, "no such attribute", start);
        if (!(s = read_attr(&schema->attrs[i], s + n + 1, attrs))) return complain(why, "expected a number", start);
    }
    return true;
}

bool sample_parse(const tn_op *op, const char *text, sample *s, char *why)
{
    sample_input tokens[SAMPLE_INPUTS];
    int args[SAMPLE_INPUTS], n = 0;
    *s = (sample){.op = op, .schema = tn__op_schema(tn__catalogue[tn__op_index(op->name)]), .text = text};
    const char *at = skip_space(text);
    for (; *at && *at != ';'; at = skip_space(at)) {
        if (n == SAMPLE_INPUTS) return complain(why, "too many inputs", at);
        if (!read_input(&at, s->schema, &args[n], &tokens[n], why)) return false;
        n++;
    }
    if (s->schema->attrs_size > SAMPLE_ATTRS) return complain(why, "attributes too large", op->name);
    return arrange(s, tokens, args, n, why) && sample_attrs(s->schema, *at ? at + 1 : at, s->attrs, why);
}

/* ---- asking */

const void *sample_attrs_of(const sample *s)
{
    return s->schema->attrs_size ? s->attrs : NULL;
}

bool sample_has_free_dtype(const sample *s)
{
    for (int i = 0; i < s->n_in; i++)
        if (s->in[i].present && !s->in[i].dtype && s->in[i].arg->letter != 'I') return true;
    return false;
}

bool sample_is_empty(const sample *s)
{
    for (int i = 0; i < s->n_in; i++)
        if (s->in[i].present && sample_numel(&s->in[i]) == 0) return true;
    return false;
}

/* A free I is the index of a small window. */
tn_dtype sample_dtype(const sample *s, int i, tn_dtype chosen)
{
    if (s->in[i].dtype) return s->in[i].dtype;
    return s->in[i].arg->letter == 'I' ? TN_U8 : chosen;
}

int64_t sample_numel(const sample_input *in)
{
    int64_t n = 1;
    for (int i = 0; i < in->rank; i++) n *= in->dims[i];
    return n;
}

bool sample_is_real(const sample *s, int i, tn_dtype chosen)
{
    tn_dtype dtype = sample_dtype(s, i, chosen);
    return s->in[i].present && s->in[i].arg->letter && (dtype == TN_F32 || dtype == TN_F64);
}

/* ---- values */

double sample_random(uint64_t seed, uint64_t index)
{
    uint32_t word[4];
    tn__philox(seed, 0, index, word);
    return word[0] / 4294967296.0;
}

void sample_values(const sample *s, int i, tn_dtype chosen, uint64_t seed, double *values)
{
    const sample_input *in = &s->in[i];
    tn_dtype dtype = sample_dtype(s, i, chosen);
    bool real = dtype == TN_F32 || dtype == TN_F64;
    double low = isnan(in->low) ? (real ? -2 : 0) : in->low;
    double high = isnan(in->low) ? (real ? 2 : 5) : in->high;
    int64_t n = sample_numel(in);
    for (int64_t k = 0; k < n; k++) {
        double v = low + (high - low) * sample_random(seed * 64 + (uint64_t)i, (uint64_t)k);
        values[k] = real ? (float)v : dtype == TN_BOOL ? (double)((int64_t)floor(v) & 1) : floor(v);
    }
}

tn_tensor *sample_tensor(tn_context *tn, tn_dtype dtype, int rank, const int64_t *dims, const double *values)
{
    int64_t n = 1;
    for (int i = 0; i < rank; i++) n *= dims[i];
    unsigned char *bytes = calloc((size_t)n + 1, 8);
    for (int64_t k = 0; bytes && k < n; k++) switch (dtype) {
        case TN_F32: ((float *)bytes)[k] = (float)values[k]; break;
        case TN_F64: ((double *)bytes)[k] = values[k]; break;
        case TN_I64: ((int64_t *)bytes)[k] = (int64_t)values[k]; break;
        case TN_I32: ((int32_t *)bytes)[k] = (int32_t)values[k]; break;
        default: bytes[k] = (uint8_t)(int64_t)values[k];
        }
    tn_tensor *x = tn_from(tn, bytes, dtype, rank, dims);
    free(bytes);
    return x;
}

double *sample_read(tn_tensor *x)
{
    int64_t n = tn_numel(x);
    tn_dtype dtype = tn_dtype_of(x);
    double *values = malloc(((size_t)n + 1) * sizeof *values);
    void *bytes = malloc(((size_t)n + 1) * 8);
    bool ok = values && bytes && tn_read(x, bytes, (size_t)n * tn_dtype_size(dtype)) == TN_OK;
    for (int64_t k = 0; ok && k < n; k++) switch (dtype) {
        case TN_F32: values[k] = (double)((float *)bytes)[k]; break;
        case TN_F64: values[k] = ((double *)bytes)[k]; break;
        case TN_I64: values[k] = (double)((int64_t *)bytes)[k]; break;
        case TN_I32: values[k] = ((int32_t *)bytes)[k]; break;
        default: values[k] = ((uint8_t *)bytes)[k];
        }
    free(bytes);
    if (ok) return values;
    free(values);
    return NULL;
}
