/* SPDX-License-Identifier: Apache-2.0
 *
 * The operators in the order of tenon_ops.h, and their schemas, read once. */
#include "ops/schema.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

const tn_op *const tn__catalogue[] = {
#define TN_OP(name, schema, bound, meaning) &tn__op_##name,
#include "tenon_ops.h"
#undef TN_OP
    NULL};

static const struct {
    const char *name, *schema;
    double bound;
    const char *meaning;
} rows[] = {
#define TN_OP(name, schema, bound, meaning) {#name, schema, bound, meaning},
#include "tenon_ops.h"
#undef TN_OP
};
enum { N_OPS = sizeof rows / sizeof *rows };

static tn_schema schemas[N_OPS];
static tn_op_status statuses[N_OPS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void read_catalogue(void)
{
    static const char *const none[] = {NULL};
    for (int i = 0; i < N_OPS; i++) {
        bool ok = tn__schema_parse(rows[i].schema, &schemas[i], NULL);
        assert(ok && strcmp(rows[i].name, tn__catalogue[i]->name) == 0);
        (void)ok;
        const tn_op *op = tn__catalogue[i];
        statuses[i] = (tn_op_status){.name = rows[i].name,
                                     .schema = rows[i].schema,
                                     .meaning = rows[i].meaning,
                                     .bound = rows[i].bound,
                                     .fused = op->decompose,
                                     .samples = op->samples ? op->samples : none,
                                     .shapes = op->shapes ? op->shapes : none};
    }
}

int tn__op_index(const char *name)
{
    for (int i = 0; i < N_OPS; i++)
        if (strcmp(rows[i].name, name) == 0) return i;
    return -1;
}

int tn__op_index_of(const tn_op *op)
{
    for (int i = 0; i < N_OPS; i++)
        if (tn__catalogue[i] == op) return i;
    return -1;
}

const tn_schema *tn__op_schema(const tn_op *op)
{
    pthread_once(&once, read_catalogue);
    int i = tn__op_index_of(op);
    return i < 0 ? NULL : &schemas[i];
}

const tn_op_status *tn_ops(int *n)
{
    pthread_once(&once, read_catalogue);
    *n = N_OPS;
    return statuses;
}
