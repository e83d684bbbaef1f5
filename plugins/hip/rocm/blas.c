/* SPDX-License-Identifier: Apache-2.0
 *
 * matmul, linear, linear_relu and linear_grad_weight by rocBLAS: the product is its, and what goes with it the shared
 * kernels'. What it does not take, the shared kernels do. */
#include "rocblas.h"

#include "libraries/chain.h"
#include "libraries/choice.h"

#include <string.h>

typedef struct job {
    tn_device *device;
    const rocm_blas *blas;
    gpu_blas_product product;
    const tn_op_desc *desc;
    gpu_blas_bias bias;
    int relu;
} job;

static const gpu_ref in_0 = {GPU_IN, 0, 0}, in_1 = {GPU_IN, 1, 0}, in_2 = {GPU_IN, 2, 0}, out_0 = {GPU_OUT, 0, 0},
                     out_1 = {GPU_OUT, 1, 0};

static void add_rest(gpu_chain *chain, const job *j)
{
    const tn_op_desc *desc = j->desc;
    const tn_tensor_desc *const with_bias[] = {desc->out[0], desc->in[2]};
    const gpu_ref at[] = {out_0, in_2};
    const tn_reduce_attrs rows = {.struct_size = sizeof rows, .dims = 1 << 0};
    if (j->bias == GPU_BLAS_ADDED) gpu_chain_shared(chain, "add", NULL, 2, with_bias, at, desc->out[0], out_0);
    if (j->bias == GPU_BLAS_SUMMED) gpu_chain_shared(chain, "sum", &rows, 1, &desc->in[0], &in_0, desc->out[1], out_1);
    if (j->relu) gpu_chain_shared(chain, "relu", NULL, 1, desc->out, &out_0, desc->out[0], out_0);
}

static tn_status make_chain(const job *j, tn_plan *product, tn_plan **plan, tn_error *error)
{
    const gpu_ref in[] = {in_0, in_1};
    char name[64];
    snprintf(name, sizeof name, "%s, %s apart", product->implementation,
             j->bias == GPU_BLAS_SUMMED  ? "sums"
             : j->bias == GPU_BLAS_ADDED ? "bias"
                                         : "relu");
    gpu_chain *chain = gpu_chain_new(j->device, j->desc, product->flops, error);
    if (!chain) {
        product->destroy(product);
        return TN_OUT_OF_MEMORY;
    }
    gpu_chain_add(chain, product, 2, in, out_0);
    add_rest(chain, j);
    return gpu_chain_finish(chain, name, plan, error);
}

static tn_status make(const void *of, gpu_choice *choice, tn_plan **plan, tn_error *error)
{
    const job *j = of;
    tn_plan *product = NULL;
    (void)choice; /* rocBLAS proposes but one */
    GPU_TRY(rocm_blas_plan(j->device, j->blas, &j->product, j->desc, &product, error));
    if (j->bias || j->relu) return make_chain(j, product, plan, error);
    *plan = product;
    return TN_OK;
}

static int fits(const gpu_blas_matrix *m)
{
    return m->rows <= INT32_MAX && m->columns <= INT32_MAX && m->leading <= INT32_MAX;
}

/* Can it be said in BLAS' words at all? */
static int suits(job *j)
{
    const gpu_blas_product *p = &j->product;
    return gpu_blas_product_of(j->desc, &j->product) && fits(&p->a) && fits(&p->b) && fits(&p->d) &&
           p->inner <= INT32_MAX && p->batch <= INT32_MAX;
}

tn_status rocm_product_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                            tn_error *error)
{
    job j = {
        .device = device, .desc = desc, .bias = gpu_blas_bias_of(desc), .relu = strcmp(desc->name, "linear_relu") == 0};
    if (!suits(&j)) return gpu_shared_plan(self->data, device, desc, NULL, plan, error);
    j.blas = rocm_blas_of(device);
    if (!j.blas) return gpu_shared_plan(self->data, device, desc, "rocBLAS", plan, error);
    const gpu_question question = {
        .device = device, .desc = desc, .shared = self->data, .library = "rocBLAS", .job = &j, .make = make};
    return gpu_choose(&question, plan, error);
}
