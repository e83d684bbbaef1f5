/* SPDX-License-Identifier: Apache-2.0
 *
 * matmul, linear, linear_relu and linear_grad_weight by cuBLASLt. What it does not take, the shared kernels do. */
#include "blas_plan.h"

#include "libraries/chain.h"
#include "libraries/choice.h"

#include <string.h>

typedef struct job {
    tn_device *device;
    const cu_blas *blas;
    gpu_blas_product product;
    const tn_op_desc *desc;
    gpu_blas_bias bias;
} job;

/* The product, and then the sums by the shared kernels. */
static tn_status make_apart(const job *j, int position, tn_plan **out, tn_error *error)
{
    const tn_reduce_attrs rows = {.struct_size = sizeof rows, .dims = 1 << 0};
    const gpu_ref in[] = {{GPU_IN, 0, 0}, {GPU_IN, 1, 0}}, dw = {GPU_OUT, 0, 0}, db = {GPU_OUT, 1, 0};
    char name[64] = "cublasLt";
    tn_plan *product = NULL;
    gpu_chain *chain = gpu_chain_new(j->device, j->desc, gpu_blas_operations(&j->product, j->desc), error);
    if (!chain) return TN_OUT_OF_MEMORY;
    tn_error why = {.struct_size = sizeof why};
    tn_status status =
        blas_plan_create(j->device, j->blas, &j->product, j->desc, GPU_BLAS_NO_BIAS, position, &product, &why);
    gpu_chain_fail(chain, status, &why);
    if (status == TN_OK) {
        snprintf(name, sizeof name, "%s, sums apart", product->implementation);
        gpu_chain_add(chain, product, 2, in, dw);
    }
    gpu_chain_shared(chain, "sum", &rows, 1, &j->desc->in[0], in, j->desc->out[1], db);
    return gpu_chain_finish(chain, name, out, error);
}

static tn_status make(const void *of, gpu_choice *choice, tn_plan **plan, tn_error *error)
{
    const job *j = of;
    if (choice->way == 1) return make_apart(j, choice->position, plan, error);
    return blas_plan_create(j->device, j->blas, &j->product, j->desc, j->bias, choice->position, plan, error);
}

/* Can it be said in BLAS' words at all? */
static int suits(job *j)
{
    const tn_op_desc *desc = j->desc;
    const tn_tensor_desc *bias = j->bias == GPU_BLAS_SUMMED  ? desc->out[1]
                                 : j->bias == GPU_BLAS_ADDED ? desc->in[2]
                                                             : NULL;
    if (bias && bias->dims[0] > 1 && bias->strides[0] != 1) return 0;
    return gpu_blas_product_of(desc, &j->product) && j->product.batch <= INT32_MAX;
}

tn_status cu_product_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                          tn_error *error)
{
    job j = {.device = device, .desc = desc, .bias = gpu_blas_bias_of(desc)};
    if (!suits(&j)) return gpu_shared_plan(self->data, device, desc, NULL, plan, error);
    j.blas = cu_blas_of(device);
    if (!j.blas) return gpu_shared_plan(self->data, device, desc, "cuBLASLt", plan, error);
    const gpu_question question = {.device = device,
                                   .desc = desc,
                                   .shared = self->data,
                                   .library = "cuBLASLt",
                                   .tuned = cu_wants_tuning(desc),
                                   .keeps_nan = strcmp(desc->name, "linear_relu") == 0,
                                   .second_way =
                                       j.bias == GPU_BLAS_SUMMED ? "cuBLASLt is asked for the product alone" : NULL,
                                   .job = &j,
                                   .make = make};
    return gpu_choose(&question, plan, error);
}
