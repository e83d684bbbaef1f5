/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators give what PyTorch gives at awkward shapes: strides, padding, dilation, groups, rounded-up pooling, single
 * pixels; values and gradients, on every backend. The file names operators, attributes and tensors as the schemas do. */
#include "check.h"
#include "sample.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_CASES = 100, MOST_BACKENDS = 4, MOST_INPUTS = 8 };

static const char *wanted_backend; /* of the tests that run now */
static int n_refused;

/* A case on one backend in one dtype. */
typedef struct trial {
    tn_context *tn;
    tn_safetensors *file;
    const char *name;
    tn_dtype dtype;
    double tolerance;
} trial;

/* Tensor `prefix` + `key` of the case, reals in the trial's dtype; NULL if the file has none. */
static tn_tensor *get(const trial *t, const char *prefix, const char *key)
{
    char name[120];
    snprintf(name, sizeof name, "%s/%s%s", t->name, prefix, key);
    if (!tn_safetensors_has(t->file, name)) return NULL;
    tn_tensor *x = tn_safetensors_get(t->file, name);
    return tn_dtype_of(x) == TN_F32 ? tn_cast(x, t->dtype) : x;
}

static void compare(const trial *t, const char *prefix, const char *key, tn_tensor *found)
{
    tn_tensor *expected = get(t, prefix, key);
    if (!expected) return;
    assert_good(t->tn);
    double *a = sample_read(found), *b = sample_read(expected), scale = 1;
    int64_t n = tn_numel(expected);
    assert_int_equal(tn_numel(found), n);
    for (int64_t k = 0; k < n; k++) scale = fmax(scale, fabs(b[k]));
    for (int64_t k = 0; k < n; k++)
        if (!(fabs(a[k] - b[k]) <= t->tolerance * scale))
            fail_msg("%s: %s%s[%lld] is %.9g, PyTorch's is %.9g", t->name, prefix, key, (long long)k, a[k], b[k]);
    free(a);
    free(b);
}

/* Inputs by the schema's names; those that have a gradient in the file are leaves. */
static int make_inputs(const trial *t, const tn_schema *schema, tn_tensor **in)
{
    int n_leaves = 0;
    for (int i = 0; i < schema->n_in; i++) {
        in[i] = get(t, "", schema->in[i].name);
        bool leaf = in[i] && get(t, "d.", schema->in[i].name);
        if (leaf) tn_requires_grad(in[i], true);
        n_leaves += leaf;
    }
    return n_leaves;
}

static void compare_gradients(const trial *t, const tn_schema *schema, tn_tensor **in, tn_tensor *y)
{
    tn_tensor *xs[MOST_INPUTS], *dxs[MOST_INPUTS];
    const char *names[MOST_INPUTS];
    int n = 0;
    for (int i = 0; i < schema->n_in; i++)
        if (in[i] && tn_has_requires_grad(in[i])) {
            xs[n] = in[i];
            names[n++] = schema->in[i].name;
        }
    tn_grad_for(y, get(t, "d.", schema->out[0].name), n, xs, dxs, false, false);
    assert_good(t->tn);
    for (int i = 0; i < n; i++) compare(t, "d.", names[i], dxs[i]);
}

static void try_case(const trial *t)
{
    char op[40], why[200];
    _Alignas(8) unsigned char attrs[TN_SAMPLE_ATTRS];
    const char *how = tn_safetensors_metadata(t->file, t->name);
    size_t length = strcspn(how, " ");
    snprintf(op, sizeof op, "%.*s", (int)length, how);
    assert_true(tn__op_index(op) >= 0);
    const tn_op *o = tn__catalogue[tn__op_index(op)];
    const tn_schema *schema = tn__op_schema(o);
    if (!tn__sample_attrs(schema, how + length, 0, attrs, why)) fail_msg("%s: %s", t->name, why);

    tn_tensor *in[MOST_INPUTS], *out[TN_MAX_OUT];
    int n_leaves = make_inputs(t, schema, in);
    tn__apply_all(t->tn, o, schema->attrs_size ? attrs : NULL, schema->n_in, in, out);
    if (tn_check(t->tn) == TN_UNSUPPORTED) {
        tn_clear(t->tn);
        n_refused++;
        return;
    }
    assert_good(t->tn);
    for (int i = 0; i < schema->n_out; i++) compare(t, "", schema->out[i].name, out[i]);
    for (int i = 0; i < schema->n_in; i++)
        if (in[i]) compare(t, "after.", schema->in[i].name, in[i]);
    if (n_leaves) compare_gradients(t, schema, in, out[0]);
}

static void run_case(void **state)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/oracles/operators.safetensors", getenv("TENON_TEST_DIR"));
    bool reference = strcmp(wanted_backend, "reference") == 0;
    for (tn_dtype dtype = TN_F32; dtype <= (reference ? TN_F64 : TN_F32); dtype++) {
        tn_context *tn = tn_open(wanted_backend);
        tn_safetensors *file = tn_safetensors_open(tn, path);
        assert_good(tn);
        try_case(&(trial){tn, file, *state, dtype, dtype == TN_F64 ? 2e-7 : 1e-5});
        tn_safetensors_close(file);
        tn_close(tn);
    }
}

/* Splits the file's list of cases into tests. */
static size_t list_cases(char *names, struct CMUnitTest *tests)
{
    size_t n = 0;
    for (char *name = strtok(names, " "); name && n < MOST_CASES; name = strtok(NULL, " "))
        tests[n++] = (struct CMUnitTest){name, run_case, NULL, NULL, name};
    return n;
}

static char *read_names(void)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/oracles/operators.safetensors", getenv("TENON_TEST_DIR"));
    tn_context *tn = tn_open("reference");
    tn_safetensors *file = tn_safetensors_open(tn, path);
    const char *names = file ? tn_safetensors_metadata(file, "cases") : NULL;
    char *copy = names ? strdup(names) : NULL;
    tn_safetensors_close(file);
    tn_close(tn);
    return copy;
}

int main(void)
{
    struct CMUnitTest tests[MOST_CASES];
    int n_backends, failed = 0;
    setenv("TENON_FALLBACK", "error", 1);
    char *names = getenv("TENON_TEST_DIR") ? read_names() : NULL;
    if (!names) {
        printf("TENON_TEST_DIR must be the folder of the tests\n");
        return 1;
    }
    size_t n = list_cases(names, tests);
    const tn_backend_status *backends = tn_backends(&n_backends);
    for (int i = 0; i < n_backends; i++) {
        if (backends[i].refused) continue;
        wanted_backend = backends[i].name;
        n_refused = 0;
        failed += _cmocka_run_group_tests(wanted_backend, tests, n, NULL, NULL);
        if (n_refused) printf("%s refused %d of %zu cases\n", wanted_backend, n_refused, n);
    }
    free(names);
    return failed;
}
