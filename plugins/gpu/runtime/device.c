/* SPDX-License-Identifier: Apache-2.0
 *
 * The vendor's GPUs as devices, and what is said when a call fails. */
#include "runtime.h"

#include "code.h"

#include <pthread.h>
#include <string.h>

static tn_device devices[GPU_MOST_DEVICES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of devices[].opened and of the descriptions */

/* ---- errors */

static gpu_trouble trouble_of(GPU(Error_t) result)
{
    const gpu_error_row *row = gpu_this_vendor.errors;
    while (row->error != GPU(Success) && row->error != result) row++;
    return row->trouble;
}

static tn_status fail_build(const tn_device *device, GPU(Error_t) result, tn_error *error)
{
    const char *prefix = gpu_this_vendor.architecture_prefix, *name = device->architecture;
    const size_t left_out = strncmp(name, prefix, strlen(prefix)) == 0 ? strlen(prefix) : 0;
    return tn_fail(error, TN_UNSUPPORTED, (int64_t)result,
                   "this plugin was built without code for %s (%s); build it with its architecture: %s%s", device->name,
                   name, gpu_this_vendor.architectures, name + left_out);
}

static tn_status fail_busy(const tn_device *device, GPU(Error_t) result, const char *doing, tn_error *error)
{
    return tn_fail(error, TN_NOT_FOUND, (int64_t)result,
                   "%s: %s is busy, or another process has it for itself alone (%s, %d); %s", doing, device->name,
                   GPU(GetErrorName)(result), (int)result, gpu_this_vendor.busy);
}

tn_status gpu_status(tn_device *device, GPU(Error_t) result, const char *doing, tn_error *error)
{
    if (result == GPU(Success)) return TN_OK;
    (void)GPU(GetLastError)(); /* what is told here need not be found again by the next call */
    if (result == GPU(ErrorMemoryAllocation))
        return tn_fail(error, TN_OUT_OF_MEMORY, (int64_t)result, "%s: the GPU has no memory left for it", doing);
    const gpu_trouble trouble = trouble_of(result);
    if (device && trouble == GPU_NO_CODE) return fail_build(device, result, error);
    if (device && trouble == GPU_BUSY) return fail_busy(device, result, doing, error);
    if (device && trouble == GPU_LOST) device->lost = result;
    const int lost = device && device->lost;
    return tn_fail(error, lost ? TN_DEVICE_LOST : TN_INTERNAL, (int64_t)result, "%s: %s (%s, %d)%s", doing,
                   GPU(GetErrorString)(result), GPU(GetErrorName)(result), (int)result,
                   lost ? "; the process cannot use this GPU any more" : "");
}

tn_status gpu_use(tn_device *device, tn_error *error)
{
    const GPU(Error_t) lost = (GPU(Error_t))device->lost;
    if (lost)
        return tn_fail(error, TN_DEVICE_LOST, (int64_t)lost,
                       "%s was lost earlier: %s (%s, %d); the process cannot use it any more", device->name,
                       GPU(GetErrorString)(lost), GPU(GetErrorName)(lost), (int)lost);
    GPU_CALL(device, GPU(SetDevice)(device->index), "choosing the device");
    return TN_OK;
}

/* ---- what there is */

tn_status gpu_device_count(uint32_t *count, tn_error *reason)
{
    int found = 0; /* which a failing call leaves as it is */
    *count = 0;
    if (gpu_this_vendor.usable && !gpu_this_vendor.usable(reason)) return TN_OK;
    GPU(Error_t) result = GPU(GetDeviceCount)(&found);
    if (result == GPU(Success)) *count = (uint32_t)(found < GPU_MOST_DEVICES ? found : GPU_MOST_DEVICES);
    if (*count) return TN_OK;
    gpu_this_vendor.say_none(result, reason);
    (void)GPU(GetLastError)();
    return TN_OK;
}

static tn_status describe(tn_device *device, int index, tn_error *error)
{
    gpu_properties all;
    if (device->name[0]) return TN_OK;
    GPU_CALL(NULL, GPU(GetDeviceProperties)(&all, index), "reading a device's properties");
    device->index = index;
    device->memory_bytes = all.totalGlobalMem;
    device->kind = all.integrated ? TN_DEVICE_INTEGRATED_GPU : TN_DEVICE_GPU;
    device->limits = (gpu_limits){.warp = (uint32_t)all.warpSize,
                                  .multiprocessors = (uint32_t)all.multiProcessorCount,
                                  .shared_bytes = (uint32_t)all.sharedMemPerBlock};
    gpu_this_vendor.name_architecture(&all, device->architecture, sizeof device->architecture);
    snprintf(device->location, sizeof device->location, "%04x:%02x:%02x.0", (unsigned)all.pciDomainID,
             (unsigned)all.pciBusID, (unsigned)all.pciDeviceID);
    snprintf(device->name, sizeof device->name, "%.120s", all.name);
    return TN_OK;
}

static tn_status find(uint32_t index, tn_device **device, tn_error *error)
{
    uint32_t count;
    tn_error reason = {.struct_size = sizeof reason};
    gpu_device_count(&count, &reason);
    if (index >= count)
        return tn_fail(error, TN_NOT_FOUND, 0,
                       TN_PLUGIN_NAME " has %u device%s, numbered from 0, and no device %u%s%.300s", count,
                       count == 1 ? "" : "s", index, count ? "" : ": ", count ? "" : reason.message);
    pthread_mutex_lock(&lock);
    tn_status status = describe(&devices[index], (int)index, error);
    pthread_mutex_unlock(&lock);
    *device = &devices[index];
    return status;
}

tn_status gpu_device_info(uint32_t index, tn_device_info *info, tn_error *error)
{
    tn_device *device;
    GPU_TRY(find(index, &device, error));
    const tn_device_info all = {
        .struct_size = info->struct_size,
        .name = device->name,
        .architecture = device->architecture,
        .location = device->location,
        .kind = device->kind,
        .image_layout = TN_LAYOUT_NHWC,
        .memory_bytes = device->memory_bytes,
        .alignment = 256,
    };
    memcpy(info, &all, info->struct_size < sizeof all ? info->struct_size : sizeof all);
    return TN_OK;
}

static void tell(const tn_device *device)
{
    char text[400];
    const gpu_limits *limits = &device->limits;
    snprintf(text, sizeof text,
             TN_PLUGIN_NAME
             ": %s, %s: %u multiprocessors, warps of %u threads, %u bytes of shared memory for a block%s",
             device->name, device->architecture, limits->multiprocessors, limits->warp, limits->shared_bytes,
             device->pool ? "" : "; no pools of memory");
    gpu_host->log(TN_LOG_INFO, text);
}

tn_status gpu_device_open(uint32_t index, tn_device **result, tn_error *error)
{
    tn_device *device;
    struct GPU(FuncAttributes) attributes;
    GPU_TRY(find(index, &device, error));
    if (gpu_this_vendor.check) GPU_TRY(gpu_this_vendor.check(error));
    GPU_TRY(gpu_use(device, error));
    GPU_CALL(device, GPU(Free)(NULL), "opening the device"); /* makes its context */
    GPU_CALL(device, GPU(FuncGetAttributes)(&attributes, gpu_code[0]), "finding code for the device");
    pthread_mutex_lock(&lock);
    tn_status status = device->opened ? TN_OK : gpu_memory_open(device, error);
    if (status == TN_OK && !device->opened++) tell(device);
    pthread_mutex_unlock(&lock);
    *result = device;
    return status;
}

void gpu_device_close(tn_device *device)
{
    if (!device) return;
    pthread_mutex_lock(&lock);
    if (--device->opened == 0) { /* who opens it anew waits */
        if (gpu_this_vendor.close) gpu_this_vendor.close(device);
        gpu_memory_close(device);
    }
    pthread_mutex_unlock(&lock);
}

const gpu_limits *gpu_limits_of(const tn_device *device)
{
    return &device->limits;
}
