/* SPDX-License-Identifier: Apache-2.0
 *
 * The CPU as a device: its name, its memory, and streams and events that have nothing to wait for, since work is done
 * when its call returns. */
#include "device.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct tn_event {
    uint64_t nanoseconds; /* of the monotonic clock, when it was recorded */
};

/* ---- what it is */

static char processor[128] = "CPU";

/* The first "model name" that Linux tells. */
void dn_device_init(void)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", strlen("model name")) != 0 || !colon) continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(processor, sizeof processor, "%s", colon + 1 + strspn(colon + 1, " "));
        break;
    }
    if (file) fclose(file);
}

static uint64_t physical_bytes(int what)
{
    const long pages = sysconf(what), bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && bytes > 0 ? (uint64_t)pages * (uint64_t)bytes : 0;
}

/* oneDNN's name of the instruction set that it generates code for: "cpu_isa_avx512_core" without its prefix. */
static const char *architecture(void)
{
    static const char prefix[] = "cpu_isa_";
    const char *name = dnnl_cpu_isa2str(dnnl_get_effective_cpu_isa());
    return strncmp(name, prefix, sizeof prefix - 1) == 0 ? name + sizeof prefix - 1 : name;
}

tn_status dn_device_count(uint32_t *count, tn_error *reason)
{
    *count = (uint32_t)dnnl_engine_get_count(dnnl_cpu);
    if (*count > 1) *count = 1;
    if (*count == 0) tn_fail(reason, TN_OK, 0, "this oneDNN was built without its CPU engine");
    return TN_OK;
}

static tn_status check_index(uint32_t index, tn_error *error)
{
    if (index == 0) return TN_OK;
    return tn_fail(error, TN_NOT_FOUND, 0, "onednn has one device, 0, and no device %u", index);
}

tn_status dn_device_info(uint32_t index, tn_device_info *info, tn_error *error)
{
    DN_TRY(check_index(index, error));
    const tn_device_info all = {
        .struct_size = info->struct_size,
        .name = processor,
        .architecture = architecture(),
        .location = "",
        .kind = TN_DEVICE_CPU,
        .image_layout = TN_LAYOUT_NHWC,
        .flags = TN_DEVICE_SYNCHRONOUS | TN_DEVICE_HOST_MEMORY,
        .memory_bytes = physical_bytes(_SC_PHYS_PAGES),
        .alignment = DN_ALIGNMENT,
    };
    memcpy(info, &all, info->struct_size < sizeof all ? info->struct_size : sizeof all);
    return TN_OK;
}

tn_status dn_device_open(uint32_t index, tn_device **device, tn_error *error)
{
    DN_TRY(check_index(index, error));
    tn_device *opened = dn_host->alloc(sizeof *opened, DN_ALIGNMENT);
    if (!opened) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory to open a device");
    const tn_status status =
        dn_status(dnnl_engine_create(&opened->engine, dnnl_cpu, 0), "device", "dnnl_engine_create", error);
    if (status) {
        dn_host->free(opened);
        return status;
    }
    *device = opened;
    return TN_OK;
}

void dn_device_close(tn_device *device)
{
    if (!device) return;
    dnnl_engine_destroy(device->engine);
    dn_host->free(device);
}

/* ---- memory: all kinds are the host's */

/* The system may promise memory that it does not have; what the machine cannot hold at all is refused at once. */
tn_status dn_memory_alloc(tn_device *device TN_UNUSED, uint32_t kind TN_UNUSED, uint64_t bytes, void **memory,
                          tn_error *error)
{
    const uint64_t total = physical_bytes(_SC_PHYS_PAGES);
    const int possible = bytes <= (total ? total : SIZE_MAX - DN_ALIGNMENT);
    *memory = possible ? aligned_alloc(DN_ALIGNMENT, dn_round_up(bytes, DN_ALIGNMENT)) : NULL;
    if (*memory) return TN_OK;
    return tn_fail(error, TN_OUT_OF_MEMORY, 0, "the system has no %llu bytes of memory left",
                   (unsigned long long)bytes);
}

void dn_memory_free(tn_device *device TN_UNUSED, uint32_t kind TN_UNUSED, void *memory)
{
    free(memory);
}

tn_status dn_memory_copy(tn_device *device TN_UNUSED, tn_stream *stream TN_UNUSED, void *to, const void *from,
                         uint64_t bytes, uint32_t direction TN_UNUSED, tn_error *error TN_UNUSED)
{
    if (bytes) memmove(to, from, bytes);
    return TN_OK;
}

tn_status dn_memory_fill(tn_device *device TN_UNUSED, tn_stream *stream TN_UNUSED, void *memory, uint32_t byte,
                         uint64_t bytes, tn_error *error TN_UNUSED)
{
    if (bytes) memset(memory, (int)byte, bytes);
    return TN_OK;
}

tn_status dn_memory_info(tn_device *device TN_UNUSED, uint64_t *free_bytes, uint64_t *total_bytes,
                         tn_error *error TN_UNUSED)
{
    *free_bytes = physical_bytes(_SC_AVPHYS_PAGES);
    *total_bytes = physical_bytes(_SC_PHYS_PAGES);
    return TN_OK;
}

/* ---- streams */

tn_status dn_stream_create(tn_device *device, tn_stream **stream, tn_error *error)
{
    tn_stream *made = dn_host->alloc(sizeof *made, DN_ALIGNMENT);
    if (!made) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for a stream");
    const tn_status status = dn_status(dnnl_stream_create(&made->stream, device->engine, dnnl_stream_in_order),
                                       "stream", "dnnl_stream_create", error);
    if (status) {
        dn_host->free(made);
        return status;
    }
    *stream = made;
    return TN_OK;
}

void dn_stream_destroy(tn_device *device TN_UNUSED, tn_stream *stream)
{
    if (!stream) return;
    dnnl_stream_destroy(stream->stream);
    dn_host->free(stream);
}

tn_status dn_stream_sync(tn_device *device TN_UNUSED, tn_stream *stream, tn_error *error)
{
    return dn_status(dnnl_stream_wait(stream->stream), "stream", "dnnl_stream_wait", error);
}

/* ---- events */

tn_status dn_event_create(tn_device *device TN_UNUSED, tn_event **event, tn_error *error)
{
    *event = dn_host->alloc(sizeof **event, DN_ALIGNMENT);
    if (!*event) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no memory for an event");
    (*event)->nanoseconds = 0;
    return TN_OK;
}

void dn_event_destroy(tn_device *device TN_UNUSED, tn_event *event)
{
    dn_host->free(event);
}

tn_status dn_event_record(tn_device *device TN_UNUSED, tn_event *event, tn_stream *stream TN_UNUSED,
                          tn_error *error TN_UNUSED)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    event->nanoseconds = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    return TN_OK;
}

tn_status dn_event_wait(tn_device *device TN_UNUSED, tn_event *event TN_UNUSED, tn_stream *stream TN_UNUSED,
                        tn_error *error TN_UNUSED)
{
    return TN_OK;
}

tn_status dn_event_query(tn_device *device TN_UNUSED, tn_event *event TN_UNUSED, uint32_t *done,
                         tn_error *error TN_UNUSED)
{
    *done = 1;
    return TN_OK;
}

tn_status dn_event_elapsed(tn_device *device TN_UNUSED, tn_event *start, tn_event *end, uint64_t *nanoseconds,
                           tn_error *error)
{
    if (!start->nanoseconds || !end->nanoseconds)
        return tn_fail(error, TN_INVALID, 0, "the time between two events needs both to be recorded first");
    *nanoseconds = end->nanoseconds - start->nanoseconds;
    return TN_OK;
}
