/* SPDX-License-Identifier: Apache-2.0
 *
 * rocBLAS as plugins/gpu/libraries opens it. */
#include "rocblas.h"

#define NAME(name) #name,
static const char *const blas_functions[] = {ROCM_BLAS_CALLS(NAME) NULL};
#undef NAME
_Static_assert(sizeof(rocm_blas_calls) <= GPU_MOST_CALLS * sizeof(void *), "GPU_MOST_CALLS is too small");

static rocm_blas_calls blas_calls;
static rocm_blas blas_views[GPU_MOST_DEVICES];

tn_status rocm_blas_status(const rocm_blas_calls *call, rocblas_status result, const char *doing, tn_error *error)
{
    if (result == rocblas_status_success) return TN_OK;
    const int declined = result == rocblas_status_not_implemented || result == rocblas_status_invalid_size;
    return tn_fail(error, declined ? TN_UNSUPPORTED : TN_INTERNAL, (int64_t)result, "%s: %s (%d)", doing,
                   call->rocblas_status_to_string(result), (int)result);
}

static void tell_blas(char *text, size_t size)
{
    (void)blas_calls.rocblas_get_version_string(text, size);
}

static tn_status set_up(const rocm_blas *it, tn_error *error)
{
    const rocm_blas_calls *call = it->call;
    /* The same bits every time; no memory of its own, which products on several streams would share. */
    GPU_TRY(rocm_blas_status(call, call->rocblas_set_atomics_mode(it->handle, rocblas_atomics_not_allowed),
                             "keeping rocBLAS from atomic sums", error));
    return rocm_blas_status(call, call->rocblas_set_workspace(it->handle, NULL, 0), "taking rocBLAS its memory", error);
}

static tn_status open_blas(void *view, tn_error *error)
{
    rocm_blas *it = view;
    it->call = &blas_calls;
    GPU_TRY(rocm_blas_status(it->call, it->call->rocblas_create_handle(&it->handle), "opening rocBLAS", error));
    tn_status status = set_up(it, error);
    if (status != TN_OK) (void)it->call->rocblas_destroy_handle(it->handle);
    return status;
}

static void close_blas(void *view)
{
    const rocm_blas *it = view;
    (void)it->call->rocblas_destroy_handle(it->handle);
}

const gpu_library rocm_blas_row = {.name = "rocBLAS",
                                   .setting = "rocblas",
                                   .file = TENON_ROCBLAS_FILE,
                                   .work = "products",
                                   .functions = blas_functions,
                                   .calls = &blas_calls,
                                   .tell_version = tell_blas,
                                   .open = open_blas,
                                   .close = close_blas,
                                   .views = blas_views,
                                   .view_bytes = sizeof *blas_views};

const rocm_blas *rocm_blas_of(tn_device *device)
{
    return gpu_library_of(GPU_BLAS, device);
}
