/* SPDX-License-Identifier: Apache-2.0
 *
 * A libcublasLt that multiplies on the CPU, for the plugin tests/gpu_host with libraries. It is strict: what the real one
 * need not forgive is an error here. TENON_FAKE_CUBLASLT=none: it has no algorithm; unfused: none that
 * sums up a factor; failing: asking for one fails. */
#include "../gpu_host/fake.h"

#include <cublasLt.h>

typedef struct product {
    cublasComputeType_t computes;
    cudaDataType_t type;
    cublasOperation_t transpose_a, transpose_b;
    cublasLtEpilogue_t epilogue;
    void *bias;
} product;

typedef struct layout {
    cudaDataType_t type;
    uint64_t rows, columns;
    int64_t leading, batch_stride;
    int32_t batch;
} layout;

typedef struct preference {
    uint64_t workspace;
    uint32_t reduction, alignment[4];
} preference;

/* The heuristic proposes one that cannot be used first. */
enum { WORKSPACE = 512, MAGIC = 0x7e4e, ALGORITHMS = 2, PROPOSED = ALGORITHMS + 1 };

/* What the heuristic has promised: which alignments it was told. */
typedef struct algorithm {
    uint32_t magic, alignment[4], bias_alignment;
    int number;
} algorithm;

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
    *handle = malloc(1);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle)
{
    free(handle);
    return CUBLAS_STATUS_SUCCESS;
}

size_t cublasLtGetVersion(void)
{
    return CUBLAS_VERSION;
}

const char *cublasLtGetStatusName(cublasStatus_t status)
{
    switch (status) {
    case CUBLAS_STATUS_INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_INTERNAL_ERROR: return "CUBLAS_STATUS_INTERNAL_ERROR";
    case CUBLAS_STATUS_NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
    default: return "CUBLAS_STATUS_...";
    }
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *desc, cublasComputeType_t computes, cudaDataType_t type)
{
    product *p = calloc(1, sizeof *p);
    *p = (product){.computes = computes, .type = type, .epilogue = CUBLASLT_EPILOGUE_DEFAULT};
    *desc = (cublasLtMatmulDesc_t)p;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc)
{
    free(desc);
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t keep(void *field, size_t wanted, const void *value, size_t bytes)
{
    if (bytes != wanted) return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(field, value, bytes);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t name,
                                              const void *value, size_t bytes)
{
    product *p = (product *)desc;
    switch (name) {
    case CUBLASLT_MATMUL_DESC_TRANSA: return keep(&p->transpose_a, 4, value, bytes);
    case CUBLASLT_MATMUL_DESC_TRANSB: return keep(&p->transpose_b, 4, value, bytes);
    case CUBLASLT_MATMUL_DESC_EPILOGUE: return keep(&p->epilogue, 4, value, bytes);
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER: return keep(&p->bias, 8, value, bytes);
    default: return CUBLAS_STATUS_INVALID_VALUE;
    }
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *made, cudaDataType_t type, uint64_t rows,
                                          uint64_t columns, int64_t leading)
{
    layout *l = calloc(1, sizeof *l);
    *l = (layout){type, rows, columns, leading, 0, 1};
    *made = (cublasLtMatrixLayout_t)l;
    return rows && columns && leading >= (int64_t)rows ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t made)
{
    free(made);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t made, cublasLtMatrixLayoutAttribute_t name,
                                                const void *value, size_t bytes)
{
    layout *l = (layout *)made;
    switch (name) {
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT: return keep(&l->batch, 4, value, bytes);
    case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET: return keep(&l->batch_stride, 8, value, bytes);
    default: return CUBLAS_STATUS_INVALID_VALUE;
    }
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *made)
{
    *made = calloc(1, sizeof(preference));
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t made)
{
    free(made);
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t made,
                                                    cublasLtMatmulPreferenceAttributes_t name, const void *value,
                                                    size_t bytes)
{
    preference *p = (preference *)made;
    switch (name) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES: return keep(&p->workspace, 8, value, bytes);
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK: return keep(&p->reduction, 4, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES: return keep(&p->alignment[0], 4, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES: return keep(&p->alignment[1], 4, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES: return keep(&p->alignment[2], 4, value, bytes);
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES: return keep(&p->alignment[3], 4, value, bytes);
    default: return CUBLAS_STATUS_INVALID_VALUE;
    }
}

/* Do the operands fit each other? */
static int fits(const product *p, const layout *a, const layout *b, const layout *c, const layout *d)
{
    uint64_t m = p->transpose_a ? a->columns : a->rows, k = p->transpose_a ? a->rows : a->columns,
             inner = p->transpose_b ? b->columns : b->rows, n = p->transpose_b ? b->rows : b->columns;
    return d->rows == m && d->columns == n && inner == k && c->rows == m && c->columns == n && a->type == p->type &&
           b->type == p->type && d->type == p->type && a->batch == d->batch && b->batch == d->batch &&
           (d->batch == 1 || d->batch_stride != 0);
}

static int sums_a_factor(const product *p)
{
    return p->epilogue == CUBLASLT_EPILOGUE_BGRADA || p->epilogue == CUBLASLT_EPILOGUE_BGRADB;
}

static int has_vector(const product *p)
{
    return p->epilogue == CUBLASLT_EPILOGUE_BIAS || p->epilogue == CUBLASLT_EPILOGUE_RELU_BIAS || sums_a_factor(p);
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t prefer, int wanted,
                                              cublasLtMatmulHeuristicResult_t *results, int *n)
{
    const product *p = (const product *)desc;
    const preference *prefers = (const preference *)prefer;
    const int single = p->type == CUDA_R_32F;
    algorithm algo = {.magic = MAGIC, .bias_alignment = (uint32_t)(uintptr_t)p->bias};
    *n = 0;
    if (fake_is("TENON_FAKE_CUBLASLT", "failing")) return CUBLAS_STATUS_INTERNAL_ERROR;
    if (fake_is("TENON_FAKE_CUBLASLT", "none")) return CUBLAS_STATUS_SUCCESS;
    if (fake_is("TENON_FAKE_CUBLASLT", "unfused") && sums_a_factor(p)) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (!handle || wanted < PROPOSED || prefers->reduction != CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE)
        return CUBLAS_STATUS_INVALID_VALUE;
    if (!fits(p, (layout *)a, (layout *)b, (layout *)c, (layout *)d)) return CUBLAS_STATUS_INVALID_VALUE;
    if (p->computes != (single ? CUBLAS_COMPUTE_32F : CUBLAS_COMPUTE_64F) &&
        !(single && p->computes == CUBLAS_COMPUTE_32F_FAST_TF32))
        return CUBLAS_STATUS_INVALID_VALUE;
    if (has_vector(p) && !p->bias) return CUBLAS_STATUS_INVALID_VALUE;
    if (sums_a_factor(p) && ((layout *)d)->batch != 1) return CUBLAS_STATUS_INVALID_VALUE;
    memcpy(algo.alignment, prefers->alignment, sizeof algo.alignment);
    memset(results, 0, PROPOSED * sizeof *results);
    results[0].state = CUBLAS_STATUS_NOT_SUPPORTED;
    for (algo.number = 0; algo.number < ALGORITHMS; algo.number++) {
        cublasLtMatmulHeuristicResult_t *it = &results[1 + algo.number];
        it->state = CUBLAS_STATUS_SUCCESS;
        it->workspaceSize = WORKSPACE;
        memcpy(&it->algo, &algo, sizeof algo);
    }
    *n = PROPOSED;
    return CUBLAS_STATUS_SUCCESS;
}

static double at(const void *memory, cudaDataType_t type, int64_t i)
{
    return type == CUDA_R_32F ? (double)((const float *)memory)[i] : ((const double *)memory)[i];
}

/* As a factor of a product. */
static double factor(const product *p, const void *memory, int64_t i)
{
    return p->computes == CUBLAS_COMPUTE_32F_FAST_TF32 ? fake_tf32(((const float *)memory)[i]) : at(memory, p->type, i);
}

static void put(void *memory, cudaDataType_t type, int64_t i, double value)
{
    if (type == CUDA_R_32F)
        ((float *)memory)[i] = (float)value;
    else
        ((double *)memory)[i] = value;
}

/* With TENON_FAKE_RELU=zero, NaN becomes 0. */
static double epilogue(const product *p, double sum, int64_t row)
{
    if (p->epilogue & CUBLASLT_EPILOGUE_BIAS) sum += at(p->bias, p->type, row);
    if (!(p->epilogue & CUBLASLT_EPILOGUE_RELU)) return sum;
    if (fake_is("TENON_FAKE_RELU", "zero")) return sum > 0 ? sum : 0;
    return sum <= 0 ? 0 : sum;
}

/* Elements of the factors as the product takes them. */
static double a_at(const product *p, const void *a, const layout *l, int64_t image, int64_t row, int64_t k)
{
    return factor(p, a, image * l->batch_stride + (p->transpose_a ? k + row * l->leading : row + k * l->leading));
}

static double b_at(const product *p, const void *b, const layout *l, int64_t image, int64_t k, int64_t column)
{
    return factor(p, b, image * l->batch_stride + (p->transpose_b ? column + k * l->leading : k + column * l->leading));
}

/* The gradient of a bias: sums of a or b over k. */
static void sum_factor(const product *p, const void *a, const layout *la, const void *b, const layout *lb,
                       int64_t inner, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t k = 0; k < inner; k++)
            sum += p->epilogue == CUBLASLT_EPILOGUE_BGRADA ? a_at(p, a, la, 0, i, k) : b_at(p, b, lb, 0, k, i);
        put(p->bias, p->type, i, sum);
    }
}

static int is_aligned(const void *address, uint32_t alignment)
{
    return (uintptr_t)address % alignment == 0;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha, const void *a,
                              cublasLtMatrixLayout_t a_layout, const void *b, cublasLtMatrixLayout_t b_layout,
                              const void *beta, const void *c, cublasLtMatrixLayout_t c_layout, void *d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t *algo, void *workspace,
                              size_t workspace_bytes, cudaStream_t stream)
{
    const product *p = (const product *)desc;
    const layout *la = (layout *)a_layout, *lb = (layout *)b_layout, *ld = (layout *)d_layout;
    algorithm chosen;
    (void)c_layout;
    memcpy(&chosen, algo, sizeof chosen);
    if (!handle || chosen.magic != MAGIC || workspace_bytes < WORKSPACE || c != d) return CUBLAS_STATUS_INVALID_VALUE;
    if (at(alpha, p->type, 0) != 1 || at(beta, p->type, 0) != 0) return CUBLAS_STATUS_INVALID_VALUE;
    if (!is_aligned(a, chosen.alignment[0]) || !is_aligned(b, chosen.alignment[1]) ||
        !is_aligned(d, chosen.alignment[3]))
        return CUBLAS_STATUS_INVALID_VALUE;
    if (has_vector(p) && !is_aligned(p->bias, chosen.bias_alignment)) return CUBLAS_STATUS_INVALID_VALUE;
    memset(workspace, 0xa5, WORKSPACE);
    fake_trace("product", (int)p->epilogue);
    fake_take_time(stream, "algorithm", chosen.number);
    const int64_t inner = (int64_t)(p->transpose_a ? la->rows : la->columns);
    for (int64_t image = 0; image < ld->batch; image++)
        for (int64_t column = 0; column < (int64_t)ld->columns; column++)
            for (int64_t row = 0; row < (int64_t)ld->rows; row++) {
                double sum = 0;
                for (int64_t k = 0; k < inner; k++)
                    sum += a_at(p, a, la, image, row, k) * b_at(p, b, lb, image, k, column);
                put(d, p->type, image * ld->batch_stride + row + column * ld->leading, epilogue(p, sum, row));
            }
    if (sums_a_factor(p))
        sum_factor(p, a, la, b, lb, inner, (int64_t)(p->epilogue == CUBLASLT_EPILOGUE_BGRADA ? ld->rows : ld->columns));
    return CUBLAS_STATUS_SUCCESS;
}
