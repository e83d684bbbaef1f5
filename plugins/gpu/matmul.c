/* SPDX-License-Identifier: Apache-2.0
 *
 * matmul, linear and linear_relu. x: ... M K, y: ... K N, z: ... M N; linear: y is w^T, w: N K. */
#include "plugin.h"
#include "product.h"

#include <string.h>

/* Leading dims that only a has, or that go on in a and z as rows do, become rows, as many as can be counted: one product
 * instead of many. */
static void rows_from_walk(gpu_product_plan *p, int64_t *m, int64_t a_stride, int64_t z_stride)
{
    gpu_nest *walk = &p->args.out.walk;
    while (walk->n > 0 && walk->rank > 0) {
        int last = walk->rank - 1;
        if (walk->strides[1][last] != 0 || walk->strides[3][last] != 0) return;
        if (*m != 1 && (walk->strides[0][last] != *m * a_stride || walk->strides[2][last] != *m * z_stride)) return;
        if (!gpu_fits_index(*m * walk->dims[last])) return;
        if (*m == 1) {
            a_stride = walk->strides[0][last];
            z_stride = walk->strides[2][last];
        }
        *m *= walk->dims[last];
        walk->n /= walk->dims[last];
        walk->rank--;
    }
}

typedef struct sizes {
    int64_t m, n, k;
} sizes;

static sizes sizes_of(const tn_op_desc *desc)
{
    const tn_tensor_desc *x = desc->in[0], *z = desc->out[0];
    return (sizes){.m = z->rank > 1 ? z->dims[z->rank - 2] : 1, .n = z->dims[z->rank - 1], .k = x->dims[x->rank - 1]};
}

static int64_t stride_of(const tn_tensor_desc *x, uint32_t from_last)
{
    return from_last <= x->rank ? x->strides[x->rank - from_last] : 0;
}

/* transposed: y is w, N K. */
static void describe(gpu_product_plan *p, const tn_op_desc *desc, int transposed)
{
    const tn_tensor_desc *x = desc->in[0], *y = desc->in[1], *z = desc->out[0];
    int64_t strides[4][TN_MAX_RANK] = {{0}};
    const int64_t *rows[] = {strides[0], strides[1], strides[2], strides[3]};
    uint32_t lead = z->rank > 2 ? z->rank - 2 : 0;
    sizes s = sizes_of(desc);
    for (uint32_t d = 0; d < lead; d++) {
        strides[0][d] = gpu_stride_of(x, z->rank, d);
        strides[1][d] = gpu_stride_of(y, z->rank, d);
        strides[2][d] = gpu_stride_of(z, z->rank, d);
    }
    p->args.out.walk = gpu_nest_of(lead, z->dims, 4, rows);
    int64_t a_row = stride_of(x, 2), z_row = stride_of(z, 2);
    if (s.m == 1 && p->args.out.walk.rank > 0) { /* the walk's last dim is about to become the rows */
        const gpu_nest *walk = &p->args.out.walk;
        if (walk->strides[1][walk->rank - 1] == 0) {
            a_row = walk->strides[0][walk->rank - 1];
            z_row = walk->strides[2][walk->rank - 1];
        }
    }
    rows_from_walk(p, &s.m, a_row, z_row);
    gpu_axis_add(&p->args.a.major, s.m, a_row, 0, 0);
    gpu_axis_add(&p->args.a.inner, s.k, stride_of(x, 1), 0, 0);
    gpu_axis_add(&p->args.b.major, s.n, stride_of(y, transposed ? 2 : 1), 0, 0);
    gpu_axis_add(&p->args.b.inner, s.k, stride_of(y, transposed ? 1 : 2), 0, 0);
    gpu_axis_add(&p->args.out.row, s.m, z_row, 0, 0);
    gpu_axis_add(&p->args.out.col, s.n, stride_of(z, 1), 0, 0);
    p->args.out.m = (uint32_t)s.m;
    p->args.out.n = (uint32_t)s.n;
    p->args.k = (uint32_t)s.k;
}

tn_status gpu_matmul_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error)
{
    const sizes s = sizes_of(desc);
    gpu_product_plan p = gpu_product_of(GPU_MATMUL, desc->in[0], desc->in[1], desc->out[0]);
    (void)device;
    if (!gpu_fits_index(s.m) || !gpu_fits_index(s.n) || !gpu_fits_index(s.k))
        return tn_fail(error, TN_UNSUPPORTED, 0, "%s: a dim of the product is larger than %d: %lld x %lld x %lld",
                       desc->name, GPU_MOST_INDICES, (long long)s.m, (long long)s.k, (long long)s.n);
    describe(&p, desc, self->data != NULL);
    if (gpu_fits_index(p.args.out.walk.n)) return TN_OK;
    return tn_fail(error, TN_UNSUPPORTED, 0, "%s: %lld products are more than %d", desc->name,
                   (long long)p.args.out.walk.n, GPU_MOST_INDICES);
}

tn_status gpu_matmul_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **out,
                          tn_error *error)
{
    const char *kind = self->data; /* NULL: matmul */
    const tn_tensor_desc *bias = kind ? desc->in[2] : NULL;
    gpu_product_plan p = gpu_product_of(GPU_MATMUL, desc->in[0], desc->in[1], desc->out[0]);
    gpu_plan *plan = gpu_plan_new(desc, "gpu:tiles", error);
    if (!plan) return TN_OUT_OF_MEMORY;
    p.a = gpu_slot_in(0);
    p.b = gpu_slot_in(1);
    p.y = gpu_slot_out(0);
    describe(&p, desc, kind != NULL);
    if (bias) p.bias = gpu_slot_in(2);
    p.args.out.bias_stride = bias ? bias->strides[0] : 0;
    p.args.out.relu = kind && strcmp(kind, "relu") == 0;
    p.args.out.batch = (uint32_t)p.args.out.walk.n;
    gpu_plan_head(plan)->flops = (2 * (uint64_t)p.args.k + (bias != NULL)) * (uint64_t)tn_desc_numel(desc->out[0]);
    gpu_plan_product(plan, device, &p);
    return gpu_plan_finish(plan, out, error);
}
