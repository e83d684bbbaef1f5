/* SPDX-License-Identifier: Apache-2.0
 *
 * A vendor whose runtime is a fake: its memory is the host's, its work is not done, and calls fail when they are told
 * to. */
#ifndef GPU_VENDOR_H
#define GPU_VENDOR_H

#include <stddef.h>

#define GPU(name) fake##name
#define GPU_MALLOC_PINNED(memory, bytes) fakeMalloc((memory), (bytes))
#define GPU_FREE_PINNED(memory) fakeFree(memory)
#define GPU_HAS_POOLS 1
#define GPU_GRAPH_UPDATE(exec, graph) fakeGraphExecUpdate((exec), (graph))

typedef enum fakeError_t {
    fakeSuccess = 0,
    fakeErrorMemoryAllocation = 2,
    fakeErrorNoCode = 4,
    fakeErrorBusy = 46,
    fakeErrorInvalidResourceHandle = 400,
    fakeErrorNotReady = 600,
    fakeErrorIllegalAddress = 700,
    fakeErrorOther = 999
} fakeError_t;

typedef struct fakeProperties {
    char name[256];
    size_t totalGlobalMem, sharedMemPerBlock;
    int integrated, warpSize, multiProcessorCount, pciDomainID, pciBusID, pciDeviceID;
} gpu_properties;

typedef struct dim3 {
    unsigned x, y, z;
} dim3;

typedef struct fakeThing *fakeStream_t, *fakeEvent_t, *fakeGraph_t, *fakeGraphExec_t, *fakeMemPool_t;
struct fakeMemPoolProps {
    int allocType;
    struct {
        int type, id;
    } location;
};
struct fakeFuncAttributes {
    int unused;
};
enum fakeMemcpyKind { fakeMemcpyHostToDevice, fakeMemcpyDeviceToHost, fakeMemcpyDeviceToDevice };
enum { fakeStreamNonBlocking = 1, fakeStreamCaptureModeRelaxed = 2 };
enum { fakeMemAllocationTypePinned = 1, fakeMemLocationTypeDevice = 1, fakeMemPoolAttrReleaseThreshold = 4 };

/* The runtime's functions: those that only say how they went, and those that give something. */
#define FAKE_CALLS(CALL)                                                                                \
    CALL(SetDevice, (int device))                                                                       \
    CALL(FuncGetAttributes, (struct fakeFuncAttributes * attributes, const void *function))             \
    CALL(MemcpyAsync, (void *to, const void *from, size_t n, enum fakeMemcpyKind kind, fakeStream_t s)) \
    CALL(MemsetAsync, (void *memory, int byte, size_t n, fakeStream_t stream))                          \
    CALL(MemPoolSetAttribute, (fakeMemPool_t pool, int attribute, void *value))                         \
    CALL(MemPoolDestroy, (fakeMemPool_t pool))                                                          \
    CALL(StreamDestroy, (fakeStream_t stream))                                                          \
    CALL(StreamSynchronize, (fakeStream_t stream))                                                      \
    CALL(StreamWaitEvent, (fakeStream_t stream, fakeEvent_t event, unsigned flags))                     \
    CALL(StreamBeginCapture, (fakeStream_t stream, int mode))                                           \
    CALL(EventDestroy, (fakeEvent_t event))                                                             \
    CALL(EventRecord, (fakeEvent_t event, fakeStream_t stream))                                         \
    CALL(EventQuery, (fakeEvent_t event))                                                               \
    CALL(EventElapsedTime, (float *milliseconds, fakeEvent_t start, fakeEvent_t end))                   \
    CALL(GraphDestroy, (fakeGraph_t graph))                                                             \
    CALL(GraphLaunch, (fakeGraphExec_t graph, fakeStream_t stream))                                     \
    CALL(GraphExecDestroy, (fakeGraphExec_t graph))                                                     \
    CALL(GraphExecUpdate, (fakeGraphExec_t exec, fakeGraph_t graph))                                    \
    CALL(LaunchKernel, (const void *f, dim3 grid, dim3 block, void **args, size_t n, fakeStream_t s))

#define FAKE_GIVES(CALL)                                                                              \
    CALL(GetDeviceCount, (int *count))                                                                \
    CALL(GetDeviceProperties, (gpu_properties * all, int device))                                     \
    CALL(DeviceGetAttribute, (int *value, int attribute, int device))                                 \
    CALL(MemPoolCreate, (fakeMemPool_t * pool, const struct fakeMemPoolProps *wanted))                \
    CALL(MallocFromPoolAsync, (void **memory, size_t bytes, fakeMemPool_t pool, fakeStream_t stream)) \
    CALL(FreeAsync, (void *memory, fakeStream_t stream))                                              \
    CALL(Malloc, (void **memory, size_t bytes))                                                       \
    CALL(Free, (void *memory))                                                                        \
    CALL(MemGetInfo, (size_t * unused, size_t * total))                                               \
    CALL(StreamCreateWithFlags, (fakeStream_t * stream, unsigned flags))                              \
    CALL(StreamEndCapture, (fakeStream_t stream, fakeGraph_t * graph))                                \
    CALL(EventCreate, (fakeEvent_t * event))                                                          \
    CALL(GraphInstantiateWithFlags, (fakeGraphExec_t * exec, fakeGraph_t graph, unsigned long long flags))

#define FAKE_DECLARE(name, parameters) fakeError_t fake##name parameters;
FAKE_CALLS(FAKE_DECLARE)
FAKE_GIVES(FAKE_DECLARE)
#undef FAKE_DECLARE
fakeError_t fakeGetLastError(void);
const char *fakeGetErrorString(fakeError_t error);
const char *fakeGetErrorName(fakeError_t error);

/* ---- for tests */

/* The next calls of one function give `error`; "" and fakeSuccess: none does. */
void fake_fail(const char *function, fakeError_t error);
/* The names of the functions that were called since the last time that this was asked, each before a space. */
const char *fake_calls(void);
/* What was logged last. */
const char *fake_logged(void);

#endif
