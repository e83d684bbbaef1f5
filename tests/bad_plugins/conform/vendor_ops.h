/* SPDX-License-Identifier: Apache-2.0
 *
 * The vendor's operators: any strides, f32 and f64 (matmul: f32 alone; copy: any dtype), sums in double. Part of
 * vendor.h. */

/* ---- elements */

static double vendor_get(tn_dtype dtype, const void *data, int64_t i)
{
    return dtype == TN_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
}

static void vendor_set(tn_dtype dtype, void *data, int64_t i, double value)
{
    if (dtype == TN_F32)
        ((float *)data)[i] = (float)value;
    else
        ((double *)data)[i] = value;
}

/* Steps to the next index in row-major order; 0 after the last. */
static int vendor_next(const tn_tensor_desc *over, int64_t index[TN_MAX_RANK])
{
    for (uint32_t d = over->rank; d-- > 0; index[d] = 0)
        if (++index[d] < over->dims[d]) return 1;
    return 0;
}

/* Where an index lies in a tensor that may have fewer dims, and sizes of 1 that are stretched. rank: of the index. */
static int64_t vendor_at(const tn_tensor_desc *desc, uint32_t rank, const int64_t index[TN_MAX_RANK])
{
    int64_t at = 0;
    for (uint32_t d = 0; d < desc->rank; d++)
        if (desc->dims[d] != 1) at += index[rank - desc->rank + d] * desc->strides[d];
    return at;
}

/* ---- numbers */

typedef double (*vendor_function)(double x, double y);

static double vendor_relu(double x, double y TN_UNUSED)
{
    return x < 0 ? 0 : x;
}

static double vendor_relu_grad(double dy, double y)
{
    return y > 0 ? dy : 0;
}

static double vendor_add(double x, double y)
{
    return x + y;
}

static double vendor_mul(double x, double y)
{
    return x * y;
}

static void vendor_map(const vendor_plan *plan, void *const *data, vendor_function f)
{
    const tn_tensor_desc *x = &plan->desc[0], *y = &plan->desc[plan->n_in - 1], *z = &plan->desc[plan->n_in];
    int64_t index[TN_MAX_RANK] = {0};
    if (tn_desc_numel(z) == 0) return;
    do
        vendor_set(z->dtype, data[plan->n_in], vendor_at(z, z->rank, index),
                   f(vendor_get(x->dtype, data[0], vendor_at(x, z->rank, index)),
                     vendor_get(y->dtype, data[plan->n_in - 1], vendor_at(y, z->rank, index))));
    while (vendor_next(z, index));
}

static void vendor_compute_relu(const vendor_plan *plan, void *const *data, void *workspace TN_UNUSED)
{
    vendor_map(plan, data, vendor_relu);
}

static void vendor_compute_relu_grad(const vendor_plan *plan, void *const *data, void *workspace TN_UNUSED)
{
    vendor_map(plan, data, vendor_relu_grad);
}

static void vendor_compute_add(const vendor_plan *plan, void *const *data, void *workspace TN_UNUSED)
{
    vendor_map(plan, data, vendor_add);
}

static void vendor_compute_mul(const vendor_plan *plan, void *const *data, void *workspace TN_UNUSED)
{
    vendor_map(plan, data, vendor_mul);
}

static void vendor_compute_copy(const vendor_plan *plan, void *const *data, void *workspace TN_UNUSED)
{
    const tn_tensor_desc *x = &plan->desc[0], *y = &plan->desc[1];
    const uint64_t size = tn_dtype_size(x->dtype);
    int64_t index[TN_MAX_RANK] = {0};
    if (tn_desc_numel(y) == 0) return;
    do
        memcpy((char *)data[1] + (uint64_t)vendor_at(y, y->rank, index) * size,
               (const char *)data[0] + (uint64_t)vendor_at(x, y->rank, index) * size, size);
    while (vendor_next(y, index));
}

static void vendor_compute_fill(const vendor_plan *plan, void *const *data, void *workspace TN_UNUSED)
{
    const tn_tensor_desc *y = &plan->desc[0];
    int64_t index[TN_MAX_RANK] = {0};
    if (tn_desc_numel(y) == 0) return;
    do vendor_set(y->dtype, data[0], vendor_at(y, y->rank, index), plan->attrs.scalar.value);
    while (vendor_next(y, index));
}

/* The workspace holds the sums, row-major. */
static void vendor_compute_sum(const vendor_plan *plan, void *const *data, void *workspace)
{
    const tn_tensor_desc *x = &plan->desc[0], *y = &plan->desc[1];
    const int64_t n = tn_desc_numel(y);
    double *sums = workspace;
    int64_t index[TN_MAX_RANK] = {0}, k = 0;
    for (int64_t i = 0; i < n; i++) sums[i] = 0;
    if (tn_desc_numel(x) > 0) do {
            int64_t at = 0;
            for (uint32_t d = 0; d < x->rank; d++)
                if (!(plan->attrs.reduce.dims >> d & 1)) at = at * x->dims[d] + index[d];
            sums[at] += vendor_get(x->dtype, data[0], vendor_at(x, x->rank, index));
        } while (vendor_next(x, index));
    memset(index, 0, sizeof index);
    if (n > 0) do
            vendor_set(y->dtype, data[1], vendor_at(y, y->rank, index), sums[k++]);
        while (vendor_next(y, index));
}

/* The workspace holds a row of sums. */
static void vendor_matmul_row(const vendor_plan *plan, void *const *data, double *sums, int64_t index[TN_MAX_RANK])
{
    const tn_tensor_desc *x = &plan->desc[0], *y = &plan->desc[1], *z = &plan->desc[2];
    const uint32_t r = z->rank;
    const int64_t depth = x->dims[x->rank - 1], width = z->dims[r - 1];
    int64_t at[TN_MAX_RANK];
    memcpy(at, index, sizeof at);
    at[r - 1] = 0;
    const int64_t x_row = vendor_at(x, r, at), z_row = vendor_at(z, r, at);
    at[r - 2] = 0;
    const int64_t y_first = vendor_at(y, r, at);
    for (int64_t j = 0; j < width; j++) sums[j] = 0;
    for (int64_t k = 0; k < depth; k++)
        for (int64_t j = 0; j < width; j++)
            sums[j] += vendor_get(TN_F32, data[0], x_row + k * x->strides[x->rank - 1]) *
                       vendor_get(TN_F32, data[1], y_first + k * y->strides[y->rank - 2] + j * y->strides[y->rank - 1]);
    for (int64_t j = 0; j < width; j++) vendor_set(TN_F32, data[2], z_row + j * z->strides[r - 1], sums[j]);
}

static void vendor_compute_matmul(const vendor_plan *plan, void *const *data, void *workspace)
{
    tn_tensor_desc rows = plan->desc[2];
    int64_t index[TN_MAX_RANK] = {0};
    if (tn_desc_numel(&rows) == 0) return;
    rows.dims[rows.rank - 1] = 1;
    do vendor_matmul_row(plan, data, workspace, index);
    while (vendor_next(&rows, index));
}

/* ---- plans */

typedef struct vendor_op {
    vendor_compute compute;
    int dtypes;      /* bit TN_F32 ...: those that it takes */
    int in_place;    /* of its one input */
    uint64_t flags;  /* of its plans */
    char attributes; /* s: a scalar, r: a reduction; 0: none */
    char workspace;  /* w: a double for each column of the output, a: for each element of it */
} vendor_op;

enum {
    VENDOR_REAL = 1 << TN_F32 | 1 << TN_F64,
    VENDOR_ANY = VENDOR_REAL | 1 << TN_I64 | 1 << TN_I32 | 1 << TN_U8 | 1 << TN_BOOL
};
enum { VENDOR_USUAL = TN_PLAN_DETERMINISTIC | TN_PLAN_CAPTURE_SAFE, VENDOR_MAP = VENDOR_USUAL | TN_PLAN_ALIAS };

static tn_status vendor_check(const tn_kernel *self, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                              tn_error *error)
{
    const vendor_op *op = self->data;
    const tn_dtype dtype = desc->in[0]->dtype;
    if (op->dtypes >> dtype & 1) return TN_OK;
    return tn_fail(error, TN_UNSUPPORTED, 0, "%s does not take dtype %u", desc->name, dtype);
}

static void vendor_run_plan(const vendor_job *job)
{
    job->plan->compute(job->plan, job->data, job->data[VENDOR_TENSORS]);
}

static tn_status vendor_execute(const tn_plan *head, tn_stream *stream, const tn_bindings *bindings, tn_error *error)
{
    const vendor_plan *plan = (const vendor_plan *)head;
    vendor_job job = {.run = vendor_run_plan, .plan = plan};
    for (int i = 0; i < plan->n; i++)
        job.data[i] = vendor_real(i < plan->n_in ? bindings->in[i] : bindings->out[i - plan->n_in]);
    job.data[VENDOR_TENSORS] = vendor_real(bindings->workspace);
    return vendor_queue(stream, &job, (head->flags & TN_PLAN_CAPTURE_SAFE) != 0, error);
}

static void vendor_destroy(tn_plan *plan)
{
    vendor_host->free(plan);
}

/* Bytes that each execution of it needs. */
static uint64_t vendor_workspace(const vendor_op *op, const tn_op_desc *desc)
{
    if (!op->workspace) return 0;
    const tn_tensor_desc *out = desc->out[0];
    return 8 * (uint64_t)(op->workspace == 'a' ? tn_desc_numel(out) : out->dims[out->rank - 1]);
}

/* By the textbook: a product takes a multiplication and an addition for each pair, all else one for each element. */
static uint64_t vendor_flops(const vendor_plan *plan, const vendor_op *op)
{
    const tn_tensor_desc *x = &plan->desc[0], *last = &plan->desc[plan->n - 1];
    if (op->compute == vendor_compute_matmul) return 2 * (uint64_t)(tn_desc_numel(last) * x->dims[x->rank - 1]);
    return (uint64_t)tn_desc_numel(op->compute == vendor_compute_sum ? x : last);
}

static void vendor_describe(vendor_plan *plan, const vendor_op *op, const tn_op_desc *desc)
{
    plan->compute = op->compute;
    plan->n_in = (int)desc->n_in;
    plan->n = (int)(desc->n_in + desc->n_out);
    for (int i = 0; i < plan->n; i++) {
        plan->desc[i] = i < plan->n_in ? *desc->in[i] : *desc->out[i - plan->n_in];
        plan->head.bytes_moved += (uint64_t)tn_desc_numel(&plan->desc[i]) * tn_dtype_size(plan->desc[i].dtype)
                                  << (op->in_place != 0);
    }
    plan->head.flops = vendor_flops(plan, op);
    if (op->attributes == 's') memcpy(&plan->attrs.scalar, desc->attrs, sizeof plan->attrs.scalar);
    if (op->attributes == 'r') memcpy(&plan->attrs.reduce, desc->attrs, sizeof plan->attrs.reduce);
}

static tn_status vendor_plan_create(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                                    tn_error *error)
{
    const vendor_op *op = self->data;
    const tn_status status = vendor_check(self, device, desc, error);
    if (status != TN_OK) return status;
    vendor_plan *made = vendor_host->alloc(sizeof *made, 8);
    if (!made) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "%s: no memory for a plan", desc->name);
    memset(made, 0, sizeof *made);
    vendor_describe(made, op, desc);
    made->head.struct_size = sizeof made->head;
    made->head.execute = vendor_execute;
    made->head.destroy = vendor_destroy;
    made->head.implementation = "plain loops";
    made->head.workspace_bytes = vendor_workspace(op, desc);
    made->head.flags = op->flags;
    *plan = &made->head;
    return TN_OK;
}

/* ---- the rows */

enum { VENDOR_RELU, VENDOR_RELU_GRAD, VENDOR_ADD, VENDOR_MUL, VENDOR_MATMUL, VENDOR_COPY, VENDOR_FILL, VENDOR_SUM };

static vendor_op vendor_op_list[] = {
    [VENDOR_RELU] = {vendor_compute_relu, VENDOR_REAL, 0, VENDOR_MAP, 0, 0},
    [VENDOR_RELU_GRAD] = {vendor_compute_relu_grad, VENDOR_REAL, 0, VENDOR_MAP, 0, 0},
    [VENDOR_ADD] = {vendor_compute_add, VENDOR_REAL, 0, VENDOR_MAP, 0, 0},
    [VENDOR_MUL] = {vendor_compute_mul, VENDOR_REAL, 0, VENDOR_MAP, 0, 0},
    [VENDOR_MATMUL] = {vendor_compute_matmul, 1 << TN_F32, 0, VENDOR_USUAL, 0, 'w'},
    [VENDOR_COPY] = {vendor_compute_copy, VENDOR_ANY, 0, VENDOR_USUAL, 0, 0},
    [VENDOR_FILL] = {vendor_compute_fill, VENDOR_REAL, 1, VENDOR_USUAL, 's', 0},
    [VENDOR_SUM] = {vendor_compute_sum, VENDOR_REAL, 0, TN_PLAN_DETERMINISTIC, 'r', 'a'}, /* for no graph */
};

#define VENDOR_ROW(name, index) [index] = {TN_SCHEMA(name), vendor_check, vendor_plan_create, &vendor_op_list[index]}
static tn_kernel vendor_kernels[] = {
    VENDOR_ROW(relu, VENDOR_RELU),     VENDOR_ROW(relu_grad, VENDOR_RELU_GRAD),
    VENDOR_ROW(add, VENDOR_ADD),       VENDOR_ROW(mul, VENDOR_MUL),
    VENDOR_ROW(matmul, VENDOR_MATMUL), VENDOR_ROW(copy, VENDOR_COPY),
    VENDOR_ROW(fill, VENDOR_FILL),     VENDOR_ROW(sum, VENDOR_SUM),
};
