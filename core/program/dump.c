/* SPDX-License-Identifier: Apache-2.0
 *
 * A recording in print. Memory has names: in0 inputs, p0 parameters (leaves whose gradient is set) and g0 their
 * gradients, c0 constants, k0 other memory that stays, out0 results, rng the generator's state, %0 temporaries. One line
 * for each operator, its result's type and place at the right. */
#include "program/build.h"

#include "ops/schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 16, RIGHT = 64, WIDTH = 130 };

typedef struct page {
    FILE *out;
    const tn_built *built;
    const tn_trace *trace;
    bool before;
    char (*names)[NAME]; /* of values */
    int *own;            /* the tensor that tells a value's type: the first one in it; -1: none */
} page;

/* ---- names */

static void name(page *p, int value, const char *prefix, int number)
{
    if (value >= 0 && !p->names[value][0]) snprintf(p->names[value], NAME, "%s%d", prefix, number);
}

static int value_of(const page *p, const tn_tensor *x)
{
    for (int i = 0; x && i < p->trace->n_values; i++)
        if (p->trace->values[i].storage == x->storage) return i;
    return -1;
}

static void name_outside(page *p)
{
    const tn_recorded *recorded = &p->built->recorded;
    for (int i = 0; i < recorded->n_in; i++) name(p, p->trace->tensors[recorded->in[i]].value, "in", i);
    for (int i = 0; i < recorded->n_grads; i++) {
        name(p, value_of(p, recorded->grads[i].x), "p", i);
        name(p, value_of(p, recorded->grads[i].grad), "g", i);
    }
    int rng = value_of(p, recorded->rng);
    if (rng >= 0) snprintf(p->names[rng], NAME, "rng");
    for (int i = 0; i < recorded->n_out; i++) name(p, p->trace->tensors[recorded->out_traced[i]].value, "out", i);
}

static void name_kept(page *p)
{
    int constants = 0, kept = 0;
    for (int i = 0; i < p->trace->n_values; i++) {
        const tn_value *value = &p->trace->values[i];
        if (value->kind != TN_VALUE_KEPT || p->names[i][0]) continue;
        if (value->constant)
            name(p, i, "c", constants++);
        else
            name(p, i, "k", kept++);
    }
}

/* Temporaries are counted in the order in which they are first touched. */
static void name_temporaries(page *p)
{
    int n = 0;
    for (int s = 0; s < p->trace->n_steps; s++) {
        const tn_trace_step *step = &p->trace->steps[s];
        for (int i = 0; i < step->n_in + step->n_out; i++) {
            int x = i < step->n_in ? step->in[i] : step->out[i - step->n_in];
            int value = x < 0 ? -1 : p->trace->tensors[x].value;
            if (value >= 0 && !p->names[value][0]) name(p, value, "%", n++);
        }
    }
}

/* ---- types and places */

static void print_list(FILE *out, const int64_t *numbers, int n)
{
    for (int i = 0; i < n; i++) fprintf(out, "%s%" PRId64, i ? "," : "", numbers[i]);
}

/* Nothing for row-major order, which is the usual one. */
static void print_order(FILE *out, const tn_tensor_desc *desc)
{
    tn_tensor_desc nhwc = *desc;
    if (desc->rank == 4) tn__channels_last(&nhwc);
    if (desc->rank == 4 && memcmp(nhwc.strides, desc->strides, sizeof nhwc.strides) == 0 && !tn_desc_contiguous(desc)) {
        fputs(" nhwc", out);
    } else if (!tn_desc_contiguous(desc)) {
        fputs(" strides ", out);
        print_list(out, desc->strides, (int)desc->rank);
    }
}

static void print_shape(FILE *out, const tn_tensor_desc *desc)
{
    fputc('[', out);
    print_list(out, desc->dims, (int)desc->rank);
    fputc(']', out);
    print_order(out, desc);
}

static void print_type(FILE *out, const tn_tensor_desc *desc)
{
    fputs(tn_dtype_name(desc->dtype), out);
    print_shape(out, desc);
}

static bool same_look(const tn_traced *x, const tn_traced *y)
{
    return x->desc.rank == y->desc.rank && memcmp(x->desc.dims, y->desc.dims, sizeof x->desc.dims) == 0 &&
           memcmp(x->desc.strides, y->desc.strides, sizeof x->desc.strides) == 0;
}

static void print_operand(const page *p, FILE *out, int tensor)
{
    if (tensor < 0) {
        fputs("-", out);
        return;
    }
    const tn_traced *x = &p->trace->tensors[tensor], *own = &p->trace->tensors[p->own[x->value]];
    fputs(p->names[x->value], out);
    if (!same_look(x, own)) {
        fputs(" as ", out);
        print_shape(out, &x->desc);
    }
    if (x->offset != own->offset) fprintf(out, " from byte %" PRIu64, x->offset);
}

static void print_place(const page *p, int value)
{
    const tn_value *v = &p->trace->values[value];
    if (p->before || v->kind != TN_VALUE_TEMPORARY) return;
    if (v->alias >= 0)
        fprintf(p->out, "  in place of %s", p->names[v->alias]);
    else
        fprintf(p->out, "  @%" PRIu64 "..%" PRIu64, v->offset, v->offset + v->bytes);
}

/* ---- steps */

/* Operands, by their names in the schema where there are lists; ! marks those that are updated, as there. */
static void print_operands(const page *p, FILE *out, const tn_trace_step *step)
{
    const tn_schema *schema = step->view ? NULL : tn__op_schema(step->op);
    int before = -1;
    for (int i = 0; i < step->n_in; i++) {
        int arg = schema && schema->n_lists ? tn__schema_arg_index(schema, step->n_in, i) : -1;
        if (i) fputs(arg < 0 || arg != before ? ", " : " ", out);
        if (arg >= 0 && arg != before) fprintf(out, "%s: ", schema->in[arg].name);
        print_operand(p, out, step->in[i]);
        if (step->in[i] >= 0 && tn__step_input_in_place(step, i)) fputc('!', out);
        before = arg;
    }
}

/* Attributes that are not 0; of strides, dilations and groups, those that are not 1. */
static void print_attrs(FILE *out, const tn_trace_step *step)
{
    const tn_schema *schema = step->view || !step->attrs ? NULL : tn__op_schema(step->op);
    bool any = false;
    for (int a = 0; schema && a < schema->n_attrs; a++) {
        const tn_schema_attr *attr = &schema->attrs[a];
        const char *at = (const char *)step->attrs + attr->offset;
        bool around_one =
            strstr(attr->name, "stride") || !strcmp(attr->name, "dilation") || !strcmp(attr->name, "groups");
        bool usual = true;
        for (int i = 0; i < attr->count; i++)
            usual &= attr->is_float ? ((const double *)at)[i] == 0 : ((const int64_t *)at)[i] == around_one;
        if (usual) continue;
        fprintf(out, "%s%s=", any ? " " : "  ", attr->name);
        any = true;
        if (!attr->is_float) print_list(out, (const int64_t *)at, attr->count);
        for (int i = 0; attr->is_float && i < attr->count; i++)
            fprintf(out, "%s%.9g", i ? "," : "", ((const double *)at)[i]);
    }
}

/* Breaks text at commas and blanks; how wide the last line is. */
static int print_wrapped(FILE *out, const char *text, int column, int indent)
{
    while (column + (int)strlen(text) > WIDTH) {
        int fits = WIDTH - column;
        while (fits > 0 && text[fits] != ' ') fits--;
        if (fits == 0) break;
        fprintf(out, "%.*s\n%*s", fits, text, indent, "");
        text += fits + 1;
        column = indent;
    }
    fputs(text, out);
    return column + (int)strlen(text);
}

static void print_right(const page *p, int column)
{
    if (column > RIGHT - 2) {
        fputc('\n', p->out);
        column = 0;
    }
    fprintf(p->out, "%*s", RIGHT - column, "");
}

/* How it runs: by which implementation, in which workspace, and where, if not on the tensors' own device. */
static void print_means(const page *p, const tn_trace_step *step, const tn_exec *exec)
{
    if (exec) fprintf(p->out, "  %s", exec->plan->implementation);
    if (exec && exec->bindings.workspace) {
        uint64_t at = (uint64_t)((char *)exec->bindings.workspace - (char *)tn__data(p->built->arena));
        fprintf(p->out, "  workspace @%" PRIu64 "..%" PRIu64, at, at + exec->plan->workspace_bytes);
    } else if (!exec && step->workspace_bytes)
        fprintf(p->out, "  workspace %" PRIu64, step->workspace_bytes);
    if (step->fell_back) fprintf(p->out, "  fell back to %s", step->dev->name);
}

static void print_view(const page *p, const tn_trace_step *step)
{
    const tn_traced *x = &p->trace->tensors[step->in[0]], *y = &p->trace->tensors[step->out[0]];
    if (same_look(x, y) && x->offset == y->offset) return;
    fputs("       ", p->out);
    print_operand(p, p->out, step->out[0]);
    fprintf(p->out, " = %s(", step->op->name);
    print_operand(p, p->out, step->in[0]);
    fputs(")  view\n", p->out);
}

/* At the right: what the results are, where they lie, and how they come about. */
static void print_results(const page *p, const tn_trace_step *step, const tn_exec *exec, int column)
{
    for (int i = 0; i < step->n_out; i++, column = 0) {
        const tn_traced *y = &p->trace->tensors[step->out[i]];
        if (i) fputc('\n', p->out);
        print_right(p, column);
        print_type(p->out, &y->desc);
        print_place(p, y->value);
        if (i == 0) print_means(p, step, exec);
    }
    if (step->n_out > 0) return;
    print_right(p, column);
    fputs("updates", p->out);
    for (int i = 0; i < step->n_in; i++)
        if (step->in[i] >= 0 && tn__step_input_in_place(step, i)) print_place(p, p->trace->tensors[step->in[i]].value);
    print_means(p, step, exec);
}

static void print_step(const page *p, const tn_trace_step *step, int number, const tn_exec *exec)
{
    enum { INDENT = 7 };
    char *text = NULL;
    size_t length;
    FILE *left = open_memstream(&text, &length);
    if (!left) return;
    for (int i = 0; i < step->n_out; i++) {
        if (i) fputs(", ", left);
        print_operand(p, left, step->out[i]);
    }
    fprintf(left, "%s%s(", step->n_out ? " = " : "", step->op->name);
    print_operands(p, left, step);
    fputc(')', left);
    print_attrs(left, step);
    fclose(left);
    fprintf(p->out, "%5d  ", number);
    int column = print_wrapped(p->out, text, INDENT, INDENT + 4);
    free(text);
    print_results(p, step, exec, column);
    fputc('\n', p->out);
}

static void print_steps(const page *p)
{
    for (int s = 0, n = 0; s < p->trace->n_steps; s++) {
        const tn_trace_step *step = &p->trace->steps[s];
        if (step->view)
            print_view(p, step);
        else
            print_step(p, step, ++n, p->before ? NULL : &p->built->execs[s]);
    }
}

/* ---- memory that is not a temporary */

static void print_roles(const page *p, int value)
{
    const tn_recorded *recorded = &p->built->recorded;
    for (int i = 0; i < recorded->n_grads; i++) {
        if (value_of(p, recorded->grads[i].x) == value) fputs("  parameter", p->out);
        if (value_of(p, recorded->grads[i].grad) == value)
            fprintf(p->out, "  gradient of %s", p->names[value_of(p, recorded->grads[i].x)]);
    }
    if (p->trace->values[value].constant) fputs("  constant, made of the host's data", p->out);
    if (recorded->rng && value_of(p, recorded->rng) == value) fputs("  state of the random numbers", p->out);
    if (tn__trace_writes(p->trace, value)) fputs("  written", p->out);
    for (int i = 0; i < recorded->n_out; i++)
        if (p->trace->tensors[recorded->out_traced[i]].value == value) fprintf(p->out, "  result %d", i);
}

static void print_memory(const page *p, tn_value_kind kind, const char *title)
{
    bool any = false;
    for (int i = 0; i < p->trace->n_values; i++) {
        const tn_value *value = &p->trace->values[i];
        if (value->kind != kind || p->own[i] < 0) continue;
        if (!any) fprintf(p->out, "  %s\n", title);
        any = true;
        fprintf(p->out, "       %-6s ", p->names[i]);
        print_type(p->out, &p->trace->tensors[p->own[i]].desc);
        print_roles(p, i);
        fputc('\n', p->out);
    }
}

/* ---- the whole */

static bool begin(page *p)
{
    size_t n = (size_t)p->trace->n_values + 1;
    p->names = calloc(n, sizeof *p->names);
    p->own = calloc(n, sizeof *p->own);
    if (!p->names || !p->own) return false;
    for (int i = 0; i < p->trace->n_values; i++) p->own[i] = -1;
    for (int i = p->trace->n_tensors - 1; i >= 0; i--) p->own[p->trace->tensors[i].value] = i;
    name_outside(p);
    name_kept(p);
    name_temporaries(p);
    return true;
}

static int count_ops(const tn_trace *trace)
{
    int n = 0;
    for (int i = 0; i < trace->n_steps; i++) n += !trace->steps[i].view;
    return n;
}

void tn__dump(const tn_built *built, FILE *out, bool before)
{
    page p = {.out = out, .built = built, .before = before};
    p.trace = before ? &built->recorded.trace : &built->trace;
    if (begin(&p)) {
        print_memory(&p, TN_VALUE_INPUT, "inputs");
        print_memory(&p, TN_VALUE_KEPT, "memory that stays");
        fputs("  operators\n", out);
        print_steps(&p);
        for (int i = 0; i < built->recorded.n_out; i++) {
            fprintf(out, "  result %d is ", i);
            print_operand(&p, out, built->recorded.out_traced[i]);
            fputc('\n', out);
        }
        fprintf(out,
                "  %d operators recorded, %d replayed; temporaries and workspaces: %" PRIu64
                " bytes in the arena, %" PRIu64 " eagerly; %d results in place of an input\n",
                count_ops(&built->recorded.trace), built->n_execs, built->arena_bytes, built->recorded.eager_bytes,
                built->reused);
        const char *why_not = tn__graph_why_not(built);
        fprintf(out, "  %s%s\n",
                why_not ? "operators are launched one by one: " : "all are launched at once, as a graph",
                why_not ? why_not : "");
    }
    free(p.names);
    free(p.own);
}
