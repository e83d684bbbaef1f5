/* SPDX-License-Identifier: Apache-2.0
 *
 * A reader of schema strings by recursive descent: each function takes what it expects off the front of the text, or
 * fails and leaves the text where it went wrong. */
#include "ops/schema.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool take(const char **s, const char *token)
{
    size_t n = strlen(token);
    while (**s == ' ') ++*s;
    if (strncmp(*s, token, n) != 0) return false;
    *s += n;
    return true;
}

static bool take_name(const char **s, char *name, size_t size)
{
    size_t n = 0;
    while (**s == ' ') ++*s;
    while (isalnum((unsigned char)(*s)[n]) || (*s)[n] == '_') n++;
    if (n == 0 || n >= size) return false;
    memcpy(name, *s, n);
    name[n] = 0;
    *s += n;
    return true;
}

static bool take_dtype(const char **s, tn_schema_arg *arg)
{
    static const struct {
        const char *name;
        tn_dtype dtype;
    } fixed[] = {{"f32", TN_F32}, {"f64", TN_F64}, {"i64", TN_I64}, {"i32", TN_I32}, {"u8", TN_U8}, {"bool", TN_BOOL}};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (take(s, fixed[i].name)) {
            arg->dtype = fixed[i].dtype;
            return true;
        }
    if (!**s || !strchr("TIAB", **s)) return false;
    arg->letter = *(*s)++;
    return true;
}

static bool take_ellipsis(const char **s, tn_schema_arg *arg)
{
    if (arg->ellipsis || !take(s, "...")) return false;
    arg->ellipsis = true;
    arg->any_after = arg->n_dims > 0;
    if (islower((unsigned char)**s)) arg->prefix = *(*s)++;
    return true;
}

static bool take_dim(const char **s, tn_schema_arg *arg)
{
    if (take_ellipsis(s, arg)) return true;
    if (arg->n_dims == TN_MAX_RANK) return false;
    tn_schema_dim *dim = &arg->dims[arg->n_dims++];
    if (isdigit((unsigned char)**s)) {
        char *end;
        dim->size = strtoll(*s, &end, 10);
        *s = end;
        return true;
    }
    return take_name(s, dim->name, sizeof dim->name);
}

static bool take_arg(const char **s, tn_schema_arg *arg)
{
    if (!take_name(s, arg->name, sizeof arg->name)) return false;
    for (;; ++*s)
        if (**s == '?')
            arg->optional = true;
        else if (**s == '!')
            arg->in_place = true;
        else
            break;
    if (!take(s, ":") || !take_dtype(s, arg) || !take(s, "[")) return false;
    while (!take(s, "]")) {
        if (!take_dim(s, arg)) return false;
        take(s, ",");
    }
    arg->list = take(s, "*");
    return true;
}

static bool take_attr(const char **s, tn_schema *schema)
{
    if (schema->n_attrs == TN_SCHEMA_ATTRS) return false;
    tn_schema_attr *attr = &schema->attrs[schema->n_attrs++];
    if (!take_name(s, attr->name, sizeof attr->name) || !take(s, ":")) return false;
    attr->is_float = take(s, "f64");
    if (!attr->is_float && !take(s, "i64")) return false;
    attr->count = 1;
    attr->is_array = take(s, "[");
    if (attr->is_array) {
        char *end;
        attr->count = (int)strtol(*s, &end, 10);
        *s = end;
        if (attr->count < 1 || !take(s, "]")) return false;
    }
    if (!schema->attrs_size) schema->attrs_size = sizeof(uint64_t);
    attr->offset = schema->attrs_size;
    schema->attrs_size += sizeof(uint64_t) * (size_t)attr->count;
    return true;
}

static bool take_schema(const char **s, tn_schema *schema)
{
    if (!take_name(s, schema->name, sizeof schema->name) || !take(s, "/")) return false;
    char *end;
    schema->version = (int)strtol(*s, &end, 10);
    *s = end;
    if (!take(s, "(")) return false;
    while (!take(s, ";") && !take(s, ")")) {
        if (schema->n_in == TN_SCHEMA_ARGS || !take_arg(s, &schema->in[schema->n_in])) return false;
        schema->n_lists += schema->in[schema->n_in++].list;
        take(s, ",");
    }
    while ((*s)[-1] != ')' && !take(s, ")")) {
        if (!take_attr(s, schema)) return false;
        take(s, ",");
    }
    if (!take(s, "->")) return false;
    if (take(s, "()")) return true;
    do
        if (schema->n_out == TN_MAX_OUT || !take_arg(s, &schema->out[schema->n_out++])) return false;
    while (take(s, ","));
    return true;
}

bool tn__schema_parse(const char *text, tn_schema *schema, const char **where)
{
    const char *s = text;
    *schema = (tn_schema){.text = text};
    bool ok = take_schema(&s, schema) && *s == 0;
    if (where) *where = s;
    return ok;
}

int tn__schema_list_length(const tn_schema *schema, int n_in)
{
    int rest = n_in - (schema->n_in - schema->n_lists);
    if (schema->n_lists == 0) return rest == 0 ? 1 : -1;
    return rest >= schema->n_lists && rest % schema->n_lists == 0 ? rest / schema->n_lists : -1;
}

int tn__schema_arg_index(const tn_schema *schema, int n_in, int i)
{
    int length = tn__schema_list_length(schema, n_in), arg = 0;
    for (; arg < schema->n_in - 1; arg++) {
        int n = schema->in[arg].list ? length : 1;
        if (i < n) break;
        i -= n;
    }
    return arg;
}

bool tn__letter_allows(char letter, tn_dtype dtype)
{
    switch (letter) {
    case 'T': return dtype == TN_F32 || dtype == TN_F64;
    case 'I': return dtype == TN_U8 || dtype == TN_I32 || dtype == TN_I64;
    default: return dtype >= TN_F32 && dtype <= TN_BOOL;
    }
}
