/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon ops: the operator catalogue, and which backend has what. */
#include <string.h>

#include "tool.h"

typedef struct ops_options {
    char **names; /* NULL: all */
    bool json;
} ops_options;

enum { JSON = 256 };
static const struct argp_option options[] = {{"json", JSON, NULL, 0, "print an object of JSON for each", 0}, {0}};

static error_t parse(int key, char *text, struct argp_state *state)
{
    (void)text;
    ops_options *o = state->input;
    switch (key) {
    case JSON: o->json = true; return 0;
    case ARGP_KEY_ARGS: o->names = state->argv + state->next; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = options,
    .parser = parse,
    .args_doc = "[OPERATOR...]",
    .doc = "Lists the operators and the backends that have them; those named are described in full.\vA fused operator "
           "runs as a sequence of simpler ones where a backend lacks it.",
};

/* ---- backends that can be used: the columns of the table ---------------------------------------------------- */

enum { MAX_COLUMNS = 8 };

typedef struct columns {
    const char *names[MAX_COLUMNS];
    int n;
} columns;

static columns usable_backends(void)
{
    columns found = {.n = 0};
    int n;
    const tn_backend_status *backends = tn_backends(&n);
    for (int i = 0; i < n && found.n < MAX_COLUMNS; i++)
        if (!backends[i].refused) found.names[found.n++] = backends[i].name;
    return found;
}

/* ---- output ------------------------------------------------------------------------------------------------- */

static void print_row(const tn_op_status *op, const columns *backends)
{
    printf("%-28s", op->name);
    for (int i = 0; i < backends->n; i++) {
        const char *answer = tn_backend_has_op(backends->names[i], op->name) ? "yes" : op->fused ? "in parts" : "-";
        printf("%-*s", (int)strlen(backends->names[i]) + 3, answer);
    }
    printf("%s\n", op->meaning);
}

static void print_table(const tn_op_status *ops, int n, const columns *backends)
{
    printf("%-28s", "operator");
    for (int i = 0; i < backends->n; i++) printf("%s   ", backends->names[i]);
    puts("meaning");
    for (int i = 0; i < n; i++) print_row(&ops[i], backends);
}

static void print_in_full(const tn_op_status *op, const columns *backends)
{
    bool any = false;
    printf("%s\n  %s\n  bound: ", op->schema, op->meaning);
    printf(op->bound ? "%g units in the last place of the largest number\n" : "exact\n", op->bound);
    printf("  backends:");
    for (int i = 0; i < backends->n; i++) {
        if (!tn_backend_has_op(backends->names[i], op->name)) continue;
        printf(" %s", backends->names[i]);
        any = true;
    }
    printf("%s%s\n", any ? "" : " none", op->fused ? "; elsewhere it runs as simpler operators" : "");
}

static bool print_json(const tn_op_status *op, const columns *backends)
{
    json_t *having = json_array();
    for (int i = 0; i < backends->n; i++)
        if (tn_backend_has_op(backends->names[i], op->name))
            json_array_append_new(having, tool_json_text(backends->names[i]));
    return tool_json_line(stdout,
                          json_pack("{s:s, s:s, s:s, s:f, s:b, s:o}", "name", op->name, "schema", op->schema, "meaning",
                                    op->meaning, "bound", op->bound, "fused", op->fused, "backends", having));
}

static const tn_op_status *find(const tn_op_status *ops, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(ops[i].name, name)) return &ops[i];
    error(0, 0, "there is no operator \"%s\"; `tenon ops` lists them", name);
    return NULL;
}

static int print_named(const ops_options *o, const tn_op_status *ops, int n, const columns *backends)
{
    for (char **name = o->names; *name; name++) {
        const tn_op_status *op = find(ops, n, *name);
        if (!op) return TOOL_FAILED;
        if (!o->json)
            print_in_full(op, backends);
        else if (!print_json(op, backends))
            return TOOL_FAILED;
    }
    return TOOL_OK;
}

static int run(int argc, char **argv)
{
    ops_options o = {0};
    if (argp_parse(&parser, argc, argv, 0, NULL, &o)) return TOOL_FAILED;
    int n;
    const tn_op_status *ops = tn_ops(&n);
    columns backends = usable_backends();
    if (o.names) return print_named(&o, ops, n, &backends);
    if (!o.json) print_table(ops, n, &backends);
    for (int i = 0; o.json && i < n; i++)
        if (!print_json(&ops[i], &backends)) return TOOL_FAILED;
    return TOOL_OK;
}

const tool_command tool_ops = {"ops", "lists the operators and which backend has them", run};
