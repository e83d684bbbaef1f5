/* SPDX-License-Identifier: Apache-2.0
 *
 * matmul, linear, linear_relu and linear_grad_weight by cuBLASLt. What it does not take, the shared kernels do. */
#include "blas_plan.h"
#include "chain.h"
#include "choice.h"

#include <string.h>

typedef struct job {
    tn_device *device;
    const cu_blas *blas;
    cu_product product;
    const tn_op_desc *desc;
    blas_bias bias;
} job;

static blas_bias bias_of(const tn_op_desc *desc)
{
    if (desc->n_out > 1) return BLAS_SUMMED;
    return desc->n_in > 2 && desc->in[2] ? BLAS_ADDED : BLAS_NO_BIAS;
}

uint64_t blas_operations(const cu_product *product, const tn_op_desc *desc)
{
    const tn_tensor_desc *z = desc->out[0], *biased = bias_of(desc) == BLAS_SUMMED ? desc->in[0] : z;
    return 2 * (uint64_t)product->inner * (uint64_t)tn_desc_numel(z) +
           (bias_of(desc) ? (uint64_t)tn_desc_numel(biased) : 0);
}

/* The product, and then the sums by the shared kernels. */
static tn_status make_apart(const job *j, int position, tn_plan **out, tn_error *error)
{
    const tn_reduce_attrs rows = {.struct_size = sizeof rows, .dims = 1 << 0};
    const cu_ref in[] = {{GPU_IN, 0, 0}, {GPU_IN, 1, 0}}, dw = {GPU_OUT, 0, 0}, db = {GPU_OUT, 1, 0};
    char name[64] = "cublasLt";
    tn_plan *product = NULL;
    cu_chain *chain = cu_chain_new(j->device, j->desc, blas_operations(&j->product, j->desc), error);
    if (!chain) return TN_OUT_OF_MEMORY;
    tn_error why = {.struct_size = sizeof why};
    tn_status status =
        blas_plan_create(j->device, j->blas, &j->product, j->desc, BLAS_NO_BIAS, position, &product, &why);
    cu_chain_fail(chain, status, &why);
    if (status == TN_OK) {
        snprintf(name, sizeof name, "%s, sums apart", product->implementation);
        cu_chain_add(chain, product, 2, in, dw);
    }
    cu_chain_shared(chain, "sum", &rows, 1, &j->desc->in[0], in, j->desc->out[1], db);
    return cu_chain_finish(chain, name, out, error);
}

static tn_status make(const void *of, cu_choice *choice, tn_plan **plan, tn_error *error)
{
    const job *j = of;
    if (choice->way == 1) return make_apart(j, choice->position, plan, error);
    return blas_plan_create(j->device, j->blas, &j->product, j->desc, j->bias, choice->position, plan, error);
}

/* Can it be said in BLAS' words at all? */
static int suits(job *j)
{
    const tn_op_desc *desc = j->desc;
    const tn_tensor_desc *bias = j->bias == BLAS_SUMMED ? desc->out[1] : j->bias == BLAS_ADDED ? desc->in[2] : NULL;
    if (bias && bias->dims[0] > 1 && bias->strides[0] != 1) return 0;
    return cu_product_of(desc, &j->product) && j->product.batch <= INT32_MAX;
}

tn_status cu_product_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                          tn_error *error)
{
    job j = {.device = device, .desc = desc, .bias = bias_of(desc)};
    if (!suits(&j)) return cu_shared_plan(self->data, device, desc, NULL, plan, error);
    j.blas = cu_blas_of(device);
    if (!j.blas) return cu_shared_plan(self->data, device, desc, "cuBLASLt", plan, error);
    const cu_question question = {.device = device,
                                  .desc = desc,
                                  .shared = self->data,
                                  .library = "cuBLASLt",
                                  .keeps_nan = strcmp(desc->name, "linear_relu") == 0,
                                  .second_way =
                                      j.bias == BLAS_SUMMED ? "cuBLASLt is asked for the product alone" : NULL,
                                  .job = &j,
                                  .make = make};
    return cu_choose(&question, plan, error);
}
