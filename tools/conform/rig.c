/* SPDX-License-Identifier: Apache-2.0
 *
 * A device at work by hand. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

bool rig_open(conform_run *run, rig *r, bool watched)
{
    *r = (rig){.run = run};
    return conform_device_open_on(run, &r->d, watched ? shim_table(run) : conform_load(run));
}

void rig_close(rig *r)
{
    tn_error why = {.struct_size = sizeof why};
    if (!r->d.handle) return;
    rig_ok(r, r->d.plugin->stream_sync(r->d.handle, r->d.stream, &why), &why, "stream_sync");
    while (r->n_blocks--)
        r->d.plugin->memory_free(r->d.handle, r->blocks[r->n_blocks].kind, r->blocks[r->n_blocks].memory);
    conform_device_close(&r->d);
}

bool rig_ok(rig *r, tn_status status, const tn_error *why, const char *what)
{
    if (status == TN_OK) return true;
    conform_described(status, why, what);
    return conform_fail(r->run, "%s failed: %s", what, why->message);
}

/* ---- memory */

void *rig_alloc(rig *r, uint32_t kind, uint64_t bytes)
{
    tn_error why = {.struct_size = sizeof why};
    void *memory = NULL;
    if (r->n_blocks == RIG_BLOCKS) {
        conform_fail(r->run, "this check wants too many blocks of memory");
        return NULL;
    }
    if (!rig_ok(r, r->d.plugin->memory_alloc(r->d.handle, kind, bytes, &memory, &why), &why, "memory_alloc"))
        return NULL;
    if (!memory) {
        conform_fail(r->run, "memory_alloc of %llu bytes succeeded, but gave NULL", (unsigned long long)bytes);
        return NULL;
    }
    if ((uintptr_t)memory % r->d.info.alignment)
        conform_fail(r->run,
                     "memory_alloc of %llu bytes gave the address %p, but the device promises an alignment of %llu",
                     (unsigned long long)bytes, memory, (unsigned long long)r->d.info.alignment);
    r->blocks[r->n_blocks].memory = memory;
    r->blocks[r->n_blocks++].kind = kind;
    return memory;
}

bool rig_copy(rig *r, tn_stream *stream, void *to, const void *from, uint64_t bytes, uint32_t direction)
{
    tn_error why = {.struct_size = sizeof why};
    return rig_ok(r, r->d.plugin->memory_copy(r->d.handle, stream, to, from, bytes, direction, &why), &why,
                  "memory_copy");
}

bool rig_fill(rig *r, tn_stream *stream, void *to, uint32_t byte, uint64_t bytes)
{
    tn_error why = {.struct_size = sizeof why};
    return rig_ok(r, r->d.plugin->memory_fill(r->d.handle, stream, to, byte, bytes, &why), &why, "memory_fill");
}

bool rig_sync(rig *r, tn_stream *stream)
{
    tn_error why = {.struct_size = sizeof why};
    return rig_ok(r, r->d.plugin->stream_sync(r->d.handle, stream, &why), &why, "stream_sync");
}

bool rig_put(rig *r, void *to, const void *from, uint64_t bytes)
{
    return rig_copy(r, r->d.stream, to, from, bytes, TN_COPY_TO_DEVICE) && rig_sync(r, r->d.stream);
}

bool rig_get(rig *r, void *to, const void *from, uint64_t bytes)
{
    return rig_copy(r, r->d.stream, to, from, bytes, TN_COPY_TO_HOST) && rig_sync(r, r->d.stream);
}

bool rig_all(rig *r, const void *from, uint32_t byte, uint64_t bytes, const char *what)
{
    unsigned char *found = malloc(bytes + 1);
    bool ok = found && rig_get(r, found, from, bytes);
    for (uint64_t i = 0; ok && i < bytes; i++)
        if (found[i] != byte)
            ok = conform_fail(r->run, "%s: byte %llu of %llu is %u where %u was expected", what, (unsigned long long)i,
                              (unsigned long long)bytes, found[i], byte);
    free(found);
    return ok;
}

tn_stream *rig_stream(rig *r)
{
    tn_error why = {.struct_size = sizeof why};
    tn_stream *stream = NULL;
    if (!rig_ok(r, r->d.plugin->stream_create(r->d.handle, &stream, &why), &why, "stream_create")) return NULL;
    if (!stream) conform_fail(r->run, "stream_create succeeded, but gave NULL");
    return stream;
}

/* ---- operators */

static const tn_scalar_attrs scalar = {sizeof scalar, 2};
static const tn_reduce_attrs columns_of = {sizeof columns_of, 2, 1};

/* clang-format off */
static const struct {
    const char *name;
    int n_in, n_out;
    const void *attrs;
    char shape; /* e: all are alike; m: a square matrix times another; r: rows are summed up */
} simple[RIG_OPS] = {
    {"relu", 1, 1, NULL, 'e'}, {"add", 2, 1, NULL, 'e'}, {"mul", 2, 1, NULL, 'e'}, {"mul_scalar", 1, 1, &scalar, 'e'},
    {"fill", 1, 0, &scalar, 'e'}, {"matmul", 2, 1, NULL, 'm'}, {"sum", 1, 1, &columns_of, 'r'}, {"copy", 1, 1, NULL, 'e'},
};
/* clang-format on */

static tn_tensor_desc matrix(int64_t rows, int64_t columns, int64_t stretch, uint64_t alignment)
{
    return (tn_tensor_desc){.struct_size = sizeof(tn_tensor_desc),
                            .dtype = TN_F32,
                            .rank = 2,
                            .dims = {rows, columns},
                            .strides = {columns * stretch * stretch, stretch},
                            .alignment = alignment < 64 ? alignment : 64};
}

uint64_t rig_bytes(const tn_tensor_desc *desc)
{
    int64_t last = 0;
    for (uint32_t d = 0; d < desc->rank; d++) last += (desc->dims[d] - 1) * desc->strides[d];
    return (uint64_t)(last + 1) * tn_dtype_size(desc->dtype);
}

/* What is given to the plugin: a struct of this header, and behind it fields of a newer one, which hold no address. */
#define NEWER(type)                      \
    struct {                             \
        type known;                      \
        unsigned char later[LATER_SIZE]; \
    }
enum { LATER_SIZE = PARTS_LATER * sizeof(uint64_t), LATER_BYTE = 0xa7 };

static uint64_t later(const rig *r)
{
    return r->newer ? LATER_SIZE : 0;
}

static bool make(rig *r, rig_use *use, const tn_kernel *kernel)
{
    NEWER(tn_tensor_desc) tensors[RIG_TENSORS];
    NEWER(tn_op_desc) desc;
    const tn_tensor_desc *list[RIG_TENSORS];
    tn_error why = {.struct_size = sizeof why};
    memset(tensors, LATER_BYTE, sizeof tensors);
    memset(&desc, LATER_BYTE, sizeof desc);
    for (int i = 0; i < use->n_in + use->n_out; i++) {
        tensors[i].known = use->desc[i];
        tensors[i].known.struct_size += later(r);
        list[i] = &tensors[i].known;
    }
    desc.known = (tn_op_desc){.struct_size = sizeof desc.known + later(r),
                              .name = use->op,
                              .attrs = use->attrs,
                              .in = list,
                              .out = list + use->n_in,
                              .n_in = (uint64_t)use->n_in,
                              .n_out = (uint64_t)use->n_out};
    tn_status status = kernel->check(kernel, r->d.handle, &desc.known, &why);
    if (status == TN_OK) status = kernel->plan_create(kernel, r->d.handle, &desc.known, &use->plan, &why);
    if (status == TN_UNSUPPORTED) return false;
    if (!rig_ok(r, status, &why, "plan_create")) return false;
    if (conform_plan_usable(r->run, use->plan, use->op)) return true;
    use->plan = NULL; /* it cannot be destroyed */
    return false;
}

bool rig_plan(rig *r, rig_use *use, int i, int64_t rows, int64_t columns, int64_t stretch)
{
    const tn_kernel *kernel = conform_find_kernel(r->d.plugin, simple[i].name);
    if (simple[i].shape == 'm') rows = columns;
    *use = (rig_use){.op = simple[i].name, .attrs = simple[i].attrs, .n_in = simple[i].n_in, .n_out = simple[i].n_out};
    for (int k = 0; k < use->n_in + use->n_out; k++)
        use->desc[k] =
            matrix(rows, simple[i].shape == 'r' && k == use->n_in ? 1 : columns, stretch, r->d.info.alignment);
    return kernel && make(r, use, kernel);
}

void rig_plan_close(rig_use *use)
{
    if (use->plan) use->plan->destroy(use->plan);
    use->plan = NULL;
}

bool rig_execute(rig *r, const rig_use *use, tn_stream *stream)
{
    tn_error why = {.struct_size = sizeof why};
    void *const *data = use->data;
    NEWER(tn_bindings) bindings;
    memset(&bindings, LATER_BYTE, sizeof bindings);
    bindings.known = (tn_bindings){sizeof bindings.known + later(r), data, data + use->n_in, use->workspace};
    return rig_ok(r, use->plan->execute(use->plan, stream, &bindings.known, &why), &why, use->op);
}

/* ---- numbers: small whole ones, so that every result is exact */

static float drawn(int input, int64_t i, unsigned seed)
{
    return (float)((i * 7 + input * 3 + seed * 5) % 9 - 4);
}

/* What element [row, column] of the result of the i-th operator should be. */
static float expected(const rig_use *use, int64_t row, int64_t column, unsigned seed)
{
    const int64_t columns = use->desc[0].dims[1];
    const float x = drawn(0, row * columns + column, seed), y = drawn(1, row * columns + column, seed);
    float sum = 0;
    if (strcmp(use->op, "relu") == 0) return x < 0 ? 0 : x;
    if (strcmp(use->op, "add") == 0) return x + y;
    if (strcmp(use->op, "mul") == 0) return x * y;
    if (strcmp(use->op, "mul_scalar") == 0) return x * 2;
    if (strcmp(use->op, "fill") == 0) return 2;
    if (strcmp(use->op, "copy") == 0) return x;
    for (int64_t k = 0; k < columns; k++)
        sum += strcmp(use->op, "sum") == 0 ? drawn(0, row * columns + k, seed)
                                           : drawn(0, row * columns + k, seed) * drawn(1, k * columns + column, seed);
    return sum;
}

bool rig_bind(rig *r, rig_use *use)
{
    for (int i = 0; i < use->n_in + use->n_out; i++)
        if (!(use->data[i] = rig_alloc(r, TN_MEMORY_DEVICE, rig_bytes(&use->desc[i])))) return false;
    const uint64_t bytes = use->plan->workspace_bytes;
    return !bytes || (use->workspace = rig_alloc(r, TN_MEMORY_DEVICE, bytes));
}

bool rig_draw(rig *r, const rig_use *use, unsigned seed)
{
    bool ok = true;
    for (int i = 0; ok && i < use->n_in; i++) {
        const int64_t n = tn_desc_numel(&use->desc[i]);
        float *values = malloc((size_t)n * sizeof *values);
        for (int64_t k = 0; values && k < n; k++) values[k] = drawn(i, k, seed);
        ok = values && rig_put(r, use->data[i], values, (uint64_t)n * sizeof *values);
        free(values);
    }
    return ok;
}

bool rig_right(rig *r, const rig_use *use, unsigned seed)
{
    const int result = use->n_out ? use->n_in : 0;
    const tn_tensor_desc *desc = &use->desc[result];
    const int64_t n = tn_desc_numel(desc);
    float *values = malloc((size_t)n * sizeof *values);
    bool ok = values && rig_get(r, values, use->data[result], (uint64_t)n * sizeof *values);
    for (int64_t i = 0; ok && i < n; i++) {
        const float right = expected(use, i / desc->dims[1], i % desc->dims[1], seed);
        if (values[i] != right)
            ok = conform_fail(r->run, "%s of %lld x %lld gave %g at element %lld, where %g was expected", use->op,
                              (long long)desc->dims[0], (long long)desc->dims[1], (double)values[i], (long long)i,
                              (double)right);
    }
    free(values);
    return ok;
}
