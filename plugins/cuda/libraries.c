/* SPDX-License-Identifier: Apache-2.0
 *
 * cuBLASLt and cuDNN as plugins/gpu/libraries opens them, and which operators they are asked for. */
#include "libraries.h"

#include "libraries/library.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define BLAS_FILE "libcublasLt.so." TEXT(CUBLAS_VER_MAJOR)
#define DNN_FILE "libcudnn.so." TEXT(CUDNN_MAJOR)

#define NAME(name) #name,
static const char *const blas_functions[] = {CU_BLAS_CALLS(NAME) NULL};
static const char *const dnn_functions[] = {CU_DNN_CALLS(NAME) NULL};
#undef NAME
_Static_assert(sizeof(cu_blas_calls) <= GPU_MOST_CALLS * sizeof(void *), "GPU_MOST_CALLS is too small");
_Static_assert(sizeof(cu_dnn_calls) <= GPU_MOST_CALLS * sizeof(void *), "GPU_MOST_CALLS is too small");

static cu_blas_calls blas_calls;
static cu_dnn_calls dnn_calls;
static cu_blas blas_views[GPU_MOST_DEVICES];
static cu_dnn dnn_views[GPU_MOST_DEVICES];

/* ---- cuBLASLt */

static void tell_blas(char *text, size_t size)
{
    snprintf(text, size, "%zu", blas_calls.cublasLtGetVersion());
}

static tn_status open_blas(void *view, tn_error *error)
{
    cu_blas *it = view;
    it->call = &blas_calls;
    return cu_blas_status(it->call, it->call->cublasLtCreate(&it->handle), "opening cuBLASLt", error);
}

static void close_blas(void *view)
{
    const cu_blas *it = view;
    (void)it->call->cublasLtDestroy(it->handle);
}

/* ---- cuDNN */

static int dnn_suits(char *why, size_t size)
{
    size_t version = dnn_calls.cudnnGetVersion();
    const size_t unit = version < 10000 ? 1000 : 10000; /* of the major number: 8905 is 8.9.5, 91900 is 9.19.0 */
    if (version / unit == CUDNN_MAJOR) return 1;
    snprintf(why, size, DNN_FILE " says that it is version %zu.%zu, but " TEXT(CUDNN_MAJOR) ".x is needed",
             version / unit, version % unit / 100);
    return 0;
}

static void tell_dnn(char *text, size_t size)
{
    snprintf(text, size, "%zu", dnn_calls.cudnnGetVersion());
}

static tn_status open_dnn(void *view, tn_error *error)
{
    cu_dnn *it = view;
    it->call = &dnn_calls;
    return cu_dnn_status(it->call, it->call->cudnnCreate(&it->handle), "opening cuDNN", error);
}

static void close_dnn(void *view)
{
    const cu_dnn *it = view;
    (void)it->call->cudnnDestroy(it->handle);
}

/* ---- what there is */

enum { LIBS, TUNE };
static const gpu_setting settings[] = {
    [LIBS] = {"TENON_CUDA_LIBS", "on", {"off", "cublas", "cudnn", "on"}, "none of off, cublas, cudnn and on"},
    [TUNE] = {"TENON_CUDA_TUNE", "off", {"off", "on"}, "neither off nor on"},
    {NULL, NULL, {NULL}, NULL},
};

int cu_wants_tuning(const tn_op_desc *desc)
{
    return !(desc->flags & TN_OP_DETERMINISTIC) && gpu_setting_is(&settings[TUNE], "on");
}

static const gpu_library blas = {.name = "cuBLASLt",
                                 .setting = "cublas",
                                 .file = BLAS_FILE,
                                 .work = "products",
                                 .functions = blas_functions,
                                 .calls = &blas_calls,
                                 .tell_version = tell_blas,
                                 .open = open_blas,
                                 .close = close_blas,
                                 .views = blas_views,
                                 .view_bytes = sizeof *blas_views};
static const gpu_library dnn = {.name = "cuDNN",
                                .setting = "cudnn",
                                .file = DNN_FILE,
                                .work = "convolutions",
                                .functions = dnn_functions,
                                .calls = &dnn_calls,
                                .suits = dnn_suits,
                                .tell_version = tell_dnn,
                                .open = open_dnn,
                                .close = close_dnn,
                                .views = dnn_views,
                                .view_bytes = sizeof *dnn_views};

const gpu_library_set gpu_libraries = {
    .plugin = "cuda", .settings = settings, .libraries = {[GPU_BLAS] = &blas, [GPU_DNN] = &dnn}};

const cu_blas *cu_blas_of(tn_device *device)
{
    return gpu_library_of(GPU_BLAS, device);
}

const cu_dnn *cu_dnn_of(tn_device *device)
{
    return gpu_library_of(GPU_DNN, device);
}

const gpu_library_row gpu_library_rows[] = {
    {TN_SCHEMA(matmul), cu_product_plan},
    {TN_SCHEMA(linear), cu_product_plan},
    {TN_SCHEMA(linear_relu), cu_product_plan},
    {TN_SCHEMA(linear_grad_weight), cu_product_plan},
    {TN_SCHEMA(conv2d), cu_convolution_plan},
    {TN_SCHEMA(conv2d_relu), cu_convolution_plan},
    {TN_SCHEMA(conv2d_grad_input), cu_convolution_plan},
    {TN_SCHEMA(conv2d_grad_weight), cu_convolution_plan},
    {NULL, NULL},
};
