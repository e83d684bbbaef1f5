/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the files of the CUDA plugin. The operators' kernels are those of plugins/gpu; products and convolutions are
 * cuBLASLt's and cuDNN's where these libraries are there and take them (libraries.h). Everything is queued on streams;
 * nothing waits but stream_sync and copies from and to host memory that is not pinned. */
#ifndef TENON_CUDA_H
#define TENON_CUDA_H

#include "gpu.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CU_NAMES = 4 };

struct tn_device {
    int index;
    gpu_limits limits;
    char name[128], architecture[16], location[32];
    uint64_t memory_bytes;
    cudaError_t lost; /* the error that nothing on the device outlives; cudaSuccess: none yet */
    int opened;       /* how often */
};

struct tn_stream {
    tn_device *device;
    cudaStream_t stream;
    const char *recent[CU_NAMES]; /* what was queued last, for messages */
    uint32_t launches;
};

struct tn_event {
    cudaEvent_t event;
};

/* TN_OK, or what a failed call says: `doing` in a few words, the name and the text of the error. */
tn_status cu_status(tn_device *device, cudaError_t result, const char *doing, tn_error *error);
#define CU_TRY(device, call, doing) GPU_TRY(cu_status((device), (call), (doing), error))

/* ---- device.c */

tn_status cu_device_count(uint32_t *count, tn_error *reason);
tn_status cu_device_info(uint32_t index, tn_device_info *info, tn_error *error);
tn_status cu_device_open(uint32_t index, tn_device **device, tn_error *error);
void cu_device_close(tn_device *device);
/* Makes the device current to the calling thread. */
tn_status cu_use(tn_device *device, tn_error *error);
/* "CUDA 13.0, driver 13.0": what was found at run time. */
const char *cu_library(void);

/* ---- memory.c */

tn_status cu_memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error);
void cu_memory_free(tn_device *device, uint32_t kind, void *memory);
tn_status cu_memory_copy(tn_device *device, tn_stream *stream, void *to, const void *from, uint64_t bytes,
                         uint32_t direction, tn_error *error);
tn_status cu_memory_fill(tn_device *device, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes,
                         tn_error *error);
tn_status cu_memory_info(tn_device *device, uint64_t *free_bytes, uint64_t *total_bytes, tn_error *error);

/* ---- stream.c */

tn_status cu_stream_create(tn_device *device, tn_stream **stream, tn_error *error);
void cu_stream_destroy(tn_device *device, tn_stream *stream);
tn_status cu_stream_sync(tn_device *device, tn_stream *stream, tn_error *error);
tn_status cu_event_create(tn_device *device, tn_event **event, tn_error *error);
void cu_event_destroy(tn_device *device, tn_event *event);
tn_status cu_event_record(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error);
tn_status cu_event_wait(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error);
tn_status cu_event_query(tn_device *device, tn_event *event, uint32_t *done, tn_error *error);
tn_status cu_event_elapsed(tn_device *device, tn_event *start, tn_event *end, uint64_t *nanoseconds, tn_error *error);
/* The stream itself, for a library's work, of which messages speak by a name that lives as long as the process. */
cudaStream_t cu_stream_for(tn_stream *stream, const char *name);
extern const tn_graph_api cu_graph; /* graph.c */

/* ---- libraries.c; without/libraries.c where their headers are not there when the plugin is built */

/* Refuses a value of TENON_CUDA_LIBS (off, cublas, cudnn, on) or TENON_MATH (f32, tf32) that there is not. */
tn_status cu_libraries_check(tn_error *error);
/* Closes what the device has opened. */
void cu_libraries_close(tn_device *device);
/* Operators that a library is asked for first. `data` of their kernels is the shared kernels' row. */
typedef struct cu_library_row {
    const char *schema;
    tn_status (*plan_create)(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error);
} cu_library_row;
extern const cu_library_row cu_library_rows[]; /* ends by one without a schema */

/* ---- kernels.cu: in the order of gpu_kernel */

extern const void *const cu_kernels[];
extern const char *const cu_kernel_names[];

#ifdef __cplusplus
}
#endif
#endif
