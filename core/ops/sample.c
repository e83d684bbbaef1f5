/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads sample strings: "x[N,3,8,8] w:f64[6,3,3,3]{0,1}; stride=2,2 groups=3". */
#include "ops/sample.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading */

static bool complain(char *why, const char *what, const char *where)
{
    snprintf(why, TN_SAMPLE_WHY, "%s at \"%s\"", what, where);
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

/* "12", or N for the batch size */
static bool read_whole(const char **s, int64_t batch, int64_t *value, char *why)
{
    const char *start = *s;
    char *end;
    if (**s == 'N') {
        if (batch < 1) return complain(why, "there is no batch size for the N", start);
        *value = batch;
        ++*s;
        return true;
    }
    *value = strtoll(start, &end, 10);
    if (end == start) return complain(why, "expected a whole number or N", start);
    *s = end;
    return true;
}

/* "[N,3]", and a ' if the last two dims are swapped in memory */
static bool read_dims(const char **s, int64_t batch, tn_sample_input *in, char *why)
{
    const char *start = *s;
    if (**s != '[') return complain(why, "expected [", start);
    for (++*s; **s != ']'; *s += **s == ',') {
        if (in->rank == TN_MAX_RANK) return complain(why, "too many dims", start);
        in->batched |= in->rank == 0 && **s == 'N';
        if (!read_whole(s, batch, &in->dims[in->rank++], why)) return false;
    }
    in->transposed = *++*s == '\'';
    *s += in->transposed;
    return !in->transposed || in->rank >= 2 || complain(why, "nothing to transpose", start);
}

/* "{0.1,4}" */
static bool read_range(const char **s, tn_sample_input *in, char *why)
{
    int used = 0;
    if (sscanf(*s, "{%lf,%lf}%n", &in->low, &in->high, &used) != 2 || !used) return complain(why, "expected {a,b}", *s);
    *s += used;
    return true;
}

/* One token; *arg is its index in the schema. */
static bool read_input(const char **s, const tn_schema *schema, int64_t batch, int *arg, tn_sample_input *in, char *why)
{
    const char *start = *s;
    size_t n = name_length(start);
    *in = (tn_sample_input){.present = true, .low = NAN};
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
    return read_dims(s, batch, in, why) && (**s != '{' || read_range(s, in, why));
}

/* The dtype that one input of a letter fixes holds for all of that letter. */
static void share_dtypes(tn_sample *s)
{
    for (int i = 0; i < s->n_in; i++)
        for (int k = 0; s->in[i].dtype && s->in[i].arg->letter && k < s->n_in; k++)
            if (s->in[k].arg->letter == s->in[i].arg->letter) s->in[k].dtype = s->in[i].dtype;
}

/* Puts tokens in the schema's order, with holes where optional inputs are absent. */
static bool arrange(tn_sample *s, const tn_sample_input *tokens, const int *args, int n, char *why)
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
            if (found++ == wanted || s->n_in == TN_SAMPLE_INPUTS) return complain(why, "given too often", a->name);
            s->in[s->n_in++] = tokens[i];
        }
        if (found == wanted) continue;
        if (found || !a->optional) return complain(why, "missing", a->name);
        for (; found < wanted; found++) {
            if (s->n_in == TN_SAMPLE_INPUTS) return complain(why, "too many inputs", s->text);
            s->in[s->n_in++] = (tn_sample_input){.arg = a};
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
    memset(attrs, 0, TN_SAMPLE_ATTRS);
    memcpy(attrs, &size, sizeof size);
    for (int i = 0; i < schema->n_attrs; i++)
        for (size_t k = 0; k < sizeof ones / sizeof *ones; k++)
            for (int j = 0; strcmp(schema->attrs[i].name, ones[k]) == 0 && j < schema->attrs[i].count; j++)
                memcpy(attrs + schema->attrs[i].offset + sizeof one * (size_t)j, &one, sizeof one);
}

static bool read_real(const char **s, double *value, char *why)
{
    char *end;
    *value = strtod(*s, &end);
    if (end == *s) return complain(why, "expected a number", *s);
    *s = end;
    return true;
}

static bool read_attr(const char **s, const tn_schema_attr *attr, int64_t batch, unsigned char *attrs, char *why)
{
    for (int i = 0; i < attr->count; i++) {
        double real = 0;
        int64_t whole = 0;
        if (!(attr->is_float ? read_real(s, &real, why) : read_whole(s, batch, &whole, why))) return false;
        memcpy(attrs + attr->offset + 8 * (size_t)i, attr->is_float ? (const void *)&real : (const void *)&whole, 8);
        *s += i + 1 < attr->count && **s == ',';
    }
    return true;
}

bool tn__sample_attrs(const tn_schema *schema, const char *text, int64_t batch, unsigned char *attrs, char *why)
{
    default_attrs(schema, attrs);
    for (const char *s = skip_space(text); *s; s = skip_space(s)) {
        const char *start = s;
        size_t n = name_length(s);
        int i = 0;
        while (i < schema->n_attrs && !is_named(s, n, schema->attrs[i].name)) i++;
        if (i == schema->n_attrs || s[n] != '=') return complain(why, "no such attribute", start);
        s += n + 1;
        if (!read_attr(&s, &schema->attrs[i], batch, attrs, why)) return false;
    }
    return true;
}

bool tn__sample_parse(const tn_op *op, const char *text, int64_t batch, tn_sample *s, char *why)
{
    tn_sample_input tokens[TN_SAMPLE_INPUTS];
    int args[TN_SAMPLE_INPUTS], n = 0;
    *s = (tn_sample){.op = op, .schema = tn__op_schema(tn__catalogue[tn__op_index(op->name)]), .text = text};
    const char *at = skip_space(text);
    for (; *at && *at != ';'; at = skip_space(at)) {
        if (n == TN_SAMPLE_INPUTS) return complain(why, "too many inputs", at);
        if (!read_input(&at, s->schema, batch, &args[n], &tokens[n], why)) return false;
        n++;
    }
    if (s->schema->attrs_size > TN_SAMPLE_ATTRS) return complain(why, "attributes too large", op->name);
    return arrange(s, tokens, args, n, why) && tn__sample_attrs(s->schema, *at ? at + 1 : at, batch, s->attrs, why);
}

/* ---- asking */

const void *tn__sample_attrs_of(const tn_sample *s)
{
    return s->schema->attrs_size ? s->attrs : NULL;
}

bool tn__sample_has_free_dtype(const tn_sample *s)
{
    for (int i = 0; i < s->n_in; i++)
        if (s->in[i].present && !s->in[i].dtype && s->in[i].arg->letter != 'I') return true;
    return false;
}

bool tn__sample_is_empty(const tn_sample *s)
{
    for (int i = 0; i < s->n_in; i++)
        if (s->in[i].present && tn__sample_numel(&s->in[i]) == 0) return true;
    return false;
}

/* A free I is the index of a small window. */
tn_dtype tn__sample_dtype(const tn_sample *s, int i, tn_dtype chosen)
{
    if (s->in[i].dtype) return s->in[i].dtype;
    return s->in[i].arg->letter == 'I' ? TN_U8 : chosen;
}

int64_t tn__sample_numel(const tn_sample_input *in)
{
    int64_t n = 1;
    for (int i = 0; i < in->rank; i++) n *= in->dims[i];
    return n;
}

bool tn__sample_is_real(const tn_sample *s, int i, tn_dtype chosen)
{
    tn_dtype dtype = tn__sample_dtype(s, i, chosen);
    return s->in[i].present && s->in[i].arg->letter && (dtype == TN_F32 || dtype == TN_F64);
}

bool tn__sample_is_image(const tn_sample_input *in)
{
    const tn_schema_arg *arg = in->arg;
    bool named = arg->n_dims > 0 && (!arg->ellipsis || arg->any_after) && strcmp(arg->dims[0].name, "N") == 0;
    return in->rank == 4 && (in->batched || named);
}

/* ---- values */

double tn__sample_random(uint64_t seed, uint64_t index)
{
    uint32_t word[4];
    tn__philox(seed, 0, index / 4, word);
    return word[index % 4] / 4294967296.0;
}

void tn__sample_values(const tn_sample *s, int i, tn_dtype chosen, uint64_t seed, int64_t first, int64_t n,
                       double *values)
{
    const tn_sample_input *in = &s->in[i];
    tn_dtype dtype = tn__sample_dtype(s, i, chosen);
    bool real = dtype == TN_F32 || dtype == TN_F64;
    double low = isnan(in->low) ? (real ? -2 : 0) : in->low;
    double high = isnan(in->low) ? (real ? 2 : 5) : in->high;
    uint32_t word[4];
    for (int64_t k = 0; k < n; k++) {
        uint64_t index = (uint64_t)(first + k);
        if (k == 0 || index % 4 == 0) tn__philox(seed * 64 + (uint64_t)i, 0, index / 4, word);
        double v = low + (high - low) * (word[index % 4] / 4294967296.0);
        values[k] = real ? (float)v : dtype == TN_BOOL ? fabs(fmod(floor(v), 2)) : floor(v);
    }
}
