/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin's devices, memory, streams and graphs, for the runtimes of both vendors: they differ in the prefix of their
 * names, which the plugin's vendor.h says (GPU(Malloc) is cudaMalloc or hipMalloc), and in what gpu_vendor holds.
 * Everything is queued on streams; nothing waits but stream_sync and copies from and to host memory that is not
 * pinned. */
#ifndef GPU_RUNTIME_H
#define GPU_RUNTIME_H

#include "gpu.h"

#include "vendor.h"

#include <stdatomic.h>

/* The names of what was queued last; of plans, which need not live as long. */
enum { GPU_NAMES = 4, GPU_NAME_BYTES = 96 };
typedef struct gpu_recent {
    char names[GPU_NAMES][GPU_NAME_BYTES];
    uint32_t n; /* that were queued in all; the last one is names[(n - 1) % GPU_NAMES] */
} gpu_recent;

struct tn_device {
    int index;
    gpu_limits limits;
    char name[128], architecture[32], location[32];
    uint64_t memory_bytes;
    uint32_t kind;               /* TN_DEVICE_* */
    GPU(MemPool_t) pool;         /* of device memory; NULL where the GPU has none, or nobody has the device open */
    GPU(Stream_t) memory_stream; /* on which the pool is asked, so that only that waits */
    atomic_int lost;             /* the error that nothing on the device outlives; success: none yet */
    int opened;                  /* how often */
};

struct tn_stream {
    tn_device *device;
    GPU(Stream_t) stream;
    int captures;                /* 1: what is queued is recorded */
    gpu_recent queued, recorded; /* since the stream was made; since the capture began */
};

struct tn_event {
    GPU(Event_t) event;
};

/* ---- the plugin's vendor.c */

typedef enum gpu_trouble {
    GPU_FAILED,  /* any other error: the call did not do it */
    GPU_LOST,    /* the context is gone, and every later call says the same */
    GPU_BUSY,    /* the GPU is there, but not for this process at present */
    GPU_NO_CODE, /* the plugin has no code for this GPU */
} gpu_trouble;

typedef struct gpu_error_row {
    GPU(Error_t) error;
    gpu_trouble trouble;
} gpu_error_row;

typedef struct gpu_vendor {
    const gpu_error_row *errors;     /* those with a meaning of their own; ends by success */
    const char *architectures;       /* the build's option: "-DCMAKE_CUDA_ARCHITECTURES=" */
    const char *architecture_prefix; /* what it leaves out of an architecture's name, before the rest; or "" */
    const char *busy;                /* what to do about GPU_BUSY; NULL if no error says so */
    /* 0, and why: the runtime must not be called at all. NULL: it may. */
    int (*usable)(tn_error *reason);
    /* Why there is no device, in one sentence, where counting them gave `result`. */
    void (*say_none)(GPU(Error_t) result, tn_error *reason);
    void (*name_architecture)(const gpu_properties *gpu, char *text, size_t size);
    /* "CUDA 13.0, driver for 13.0": what was found at run time. */
    const char *(*library)(void);
    /* The rest may be NULL. The shared kernels' row, or one that stands in for it. */
    tn_kernel (*row_of)(const tn_kernel *shared);
    /* Refuses settings that there are not, when a device is opened. */
    tn_status (*check)(tn_error *error);
    /* Closes what belongs to the vendor, when nobody has the device open any more. */
    void (*close)(tn_device *device);
} gpu_vendor;
extern const gpu_vendor gpu_this_vendor;

/* ---- device.c */

tn_status gpu_device_count(uint32_t *count, tn_error *reason);
tn_status gpu_device_info(uint32_t index, tn_device_info *info, tn_error *error);
tn_status gpu_device_open(uint32_t index, tn_device **device, tn_error *error);
void gpu_device_close(tn_device *device);
/* Makes the device current to the calling thread. */
tn_status gpu_use(tn_device *device, tn_error *error);
/* TN_OK, or what a failed call says: `doing` in a few words, the name and the text of the error. */
tn_status gpu_status(tn_device *device, GPU(Error_t) result, const char *doing, tn_error *error);
#define GPU_CALL(device, call, doing) GPU_TRY(gpu_status((device), (call), (doing), error))

/* ---- memory.c */

/* What the device's memory is allocated from, while anybody has it open. The device is in use by the calling thread. */
tn_status gpu_memory_open(tn_device *device, tn_error *error);
void gpu_memory_close(tn_device *device);
tn_status gpu_memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error);
void gpu_memory_free(tn_device *device, uint32_t kind, void *memory);
tn_status gpu_memory_copy(tn_device *device, tn_stream *stream, void *to, const void *from, uint64_t bytes,
                          uint32_t direction, tn_error *error);
tn_status gpu_memory_fill(tn_device *device, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes,
                          tn_error *error);
tn_status gpu_memory_info(tn_device *device, uint64_t *free_bytes, uint64_t *total_bytes, tn_error *error);

/* ---- stream.c */

tn_status gpu_stream_create(tn_device *device, tn_stream **stream, tn_error *error);
void gpu_stream_destroy(tn_device *device, tn_stream *stream);
tn_status gpu_stream_sync(tn_device *device, tn_stream *stream, tn_error *error);
tn_status gpu_event_create(tn_device *device, tn_event **event, tn_error *error);
void gpu_event_destroy(tn_device *device, tn_event *event);
tn_status gpu_event_record(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error);
tn_status gpu_event_wait(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error);
tn_status gpu_event_query(tn_device *device, tn_event *event, uint32_t *done, tn_error *error);
tn_status gpu_event_elapsed(tn_device *device, tn_event *start, tn_event *end, uint64_t *nanoseconds, tn_error *error);
/* The stream itself, for a library's work, of which messages speak by a name, which is copied. */
GPU(Stream_t) gpu_stream_for(tn_stream *stream, const char *name);

/* ---- graph.c */

extern const tn_graph_api gpu_graph;

#endif
