/* SPDX-License-Identifier: Apache-2.0
 *
 * The fake runtime, and its part of a plugin. */
#include "runtime/code.h"
#include "runtime/runtime.h"

#include <stdlib.h>
#include <string.h>

static char calls[4096], told[4096];
static char failing[64];
static fakeError_t failure;

void fake_fail(const char *function, fakeError_t error)
{
    snprintf(failing, sizeof failing, "%s", function);
    failure = error;
}

const char *fake_calls(void)
{
    memcpy(told, calls, sizeof told);
    calls[0] = 0;
    return told;
}

static fakeError_t answer(const char *function)
{
    size_t used = strlen(calls);
    snprintf(calls + used, sizeof calls - used, "%s ", function);
    return strcmp(function, failing) == 0 ? failure : fakeSuccess;
}

#pragma GCC diagnostic ignored "-Wunused-parameter"
#define ANSWER(name, parameters)      \
    fakeError_t fake##name parameters \
    {                                 \
        return answer(#name);         \
    }
FAKE_CALLS(ANSWER)
#undef ANSWER

static fakeError_t give(const char *function, struct fakeThing **thing)
{
    fakeError_t result = answer(function);
    *thing = result ? NULL : (struct fakeThing *)calls;
    return result;
}

fakeError_t fakeGetDeviceCount(int *count)
{
    *count = 8; /* one for each test that loses one */
    return answer("GetDeviceCount");
}

fakeError_t fakeGetDeviceProperties(gpu_properties *all, int device)
{
    *all = (gpu_properties){.name = "Fake GPU",
                            .warpSize = 32,
                            .multiProcessorCount = 4,
                            .sharedMemPerBlock = 49152,
                            .integrated = device == 0,
                            .totalGlobalMem = 1000};
    return answer("GetDeviceProperties");
}

/* Device 0, which is integrated, has no pools. */
fakeError_t fakeDeviceGetAttribute(int *value, int attribute, int device)
{
    *value = device != 0;
    return answer("DeviceGetAttribute");
}

fakeError_t fakeMemPoolCreate(fakeMemPool_t *pool, const struct fakeMemPoolProps *wanted)
{
    return give("MemPoolCreate", pool);
}

fakeError_t fakeMallocFromPoolAsync(void **memory, size_t bytes, fakeMemPool_t pool, fakeStream_t stream)
{
    fakeError_t result = answer("MallocFromPoolAsync");
    *memory = result ? NULL : malloc(bytes);
    return result;
}

fakeError_t fakeFreeAsync(void *memory, fakeStream_t stream)
{
    free(memory);
    return answer("FreeAsync");
}

fakeError_t fakeMalloc(void **memory, size_t bytes)
{
    fakeError_t result = answer("Malloc");
    *memory = result ? NULL : malloc(bytes);
    return result;
}

fakeError_t fakeFree(void *memory)
{
    free(memory);
    return answer("Free");
}

fakeError_t fakeMemGetInfo(size_t *unused, size_t *total)
{
    *unused = 10;
    *total = 1000;
    return answer("MemGetInfo");
}

fakeError_t fakeStreamCreateWithFlags(fakeStream_t *stream, unsigned flags)
{
    return give("StreamCreateWithFlags", stream);
}

fakeError_t fakeStreamEndCapture(fakeStream_t stream, fakeGraph_t *graph)
{
    return give("StreamEndCapture", graph);
}

fakeError_t fakeEventCreate(fakeEvent_t *event)
{
    return give("EventCreate", event);
}

fakeError_t fakeGraphInstantiateWithFlags(fakeGraphExec_t *exec, fakeGraph_t graph, unsigned long long flags)
{
    return give("GraphInstantiateWithFlags", exec);
}

fakeError_t fakeGetLastError(void)
{
    return fakeSuccess;
}

const char *fakeGetErrorString(fakeError_t error)
{
    return "what it means";
}

const char *fakeGetErrorName(fakeError_t error)
{
    return "fakeErrorSomething";
}

/* ---- the plugin's part */

static const gpu_error_row errors[] = {
    {fakeErrorIllegalAddress, GPU_LOST},
    {fakeErrorBusy, GPU_BUSY},
    {fakeErrorNoCode, GPU_NO_CODE},
    {fakeSuccess, GPU_FAILED},
};

static void say_none(fakeError_t result, tn_error *reason)
{
    tn_fail(reason, TN_NOT_FOUND, (int64_t)result, "there is none");
}

static void name_architecture(const gpu_properties *gpu, char *text, size_t size)
{
    snprintf(text, size, "fk_12");
}

static void close(tn_device *device)
{
    answer("close");
}

const gpu_vendor gpu_this_vendor = {
    .errors = errors,
    .architectures = "-DARCHITECTURES=",
    .architecture_prefix = "fk_",
    .busy = "wait for it",
    .say_none = say_none,
    .name_architecture = name_architecture,
    .close = close,
};

const void *const gpu_code[GPU_KERNELS] = {calls};
const char *const gpu_names[GPU_KERNELS] = {"first_kernel"};

static void *host_alloc(uint64_t bytes, uint64_t alignment)
{
    return aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

static char logged[500];

static void host_log(uint32_t level, const char *message)
{
    snprintf(logged, sizeof logged, "%s", message);
}

const char *fake_logged(void)
{
    return logged;
}

static const tn_host_api host = {.struct_size = sizeof host, .log = host_log, .alloc = host_alloc, .free = free};
const tn_host_api *gpu_host = &host;
