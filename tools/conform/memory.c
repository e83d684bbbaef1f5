/* SPDX-License-Identifier: Apache-2.0
 *
 * Device memory between canaries: the core gets the middle of a larger block, whose ends are looked at later. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

enum { BACK = 64, MOST_FRONT = 4096, PATTERN = 0xa7 };

typedef struct block {
    char *base, *start; /* as the plugin gave it; as the core has it */
    uint64_t bytes;     /* that the core has */
    uint32_t kind;
    shim_device *device;
    struct block *next;
} block;

static block *blocks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the list */

/* ---- looking */

static bool direct(const shim_device *device, uint32_t kind)
{
    return kind != TN_MEMORY_DEVICE || device->info.flags & TN_DEVICE_HOST_MEMORY;
}

static bool convey(shim_device *device, void *to, const void *from, uint64_t bytes, uint32_t direction)
{
    tn_error why = {.struct_size = sizeof why};
    pthread_mutex_lock(&device->lock);
    bool ok = device->plugin->memory_copy(device->handle, device->looking, to, from, bytes, direction, &why) == TN_OK &&
              device->plugin->stream_sync(device->handle, device->looking, &why) == TN_OK;
    pthread_mutex_unlock(&device->lock);
    if (ok) return true;
    return conform_fail(conform_current, "a copy of %llu bytes %s the device failed: %s", (unsigned long long)bytes,
                        direction == TN_COPY_TO_HOST ? "from" : "to", why.message);
}

static bool read_block(shim_device *device, uint32_t kind, void *to, const void *from, uint64_t bytes)
{
    if (!direct(device, kind)) return convey(device, to, from, bytes, TN_COPY_TO_HOST);
    memcpy(to, from, bytes);
    return true;
}

static bool write_block(shim_device *device, uint32_t kind, void *to, const void *from, uint64_t bytes)
{
    if (!direct(device, kind)) return convey(device, to, from, bytes, TN_COPY_TO_DEVICE);
    memcpy(to, from, bytes);
    return true;
}

bool shim_read(shim_device *device, void *to, const void *from, uint64_t bytes)
{
    return read_block(device, TN_MEMORY_DEVICE, to, from, bytes);
}

bool shim_write(shim_device *device, void *to, const void *from, uint64_t bytes)
{
    return write_block(device, TN_MEMORY_DEVICE, to, from, bytes);
}

/* ---- canaries */

static bool set_canaries(const block *b)
{
    unsigned char pattern[MOST_FRONT];
    memset(pattern, PATTERN, sizeof pattern);
    return write_block(b->device, b->kind, b->base, pattern, (uint64_t)(b->start - b->base)) &&
           write_block(b->device, b->kind, b->start + b->bytes, pattern, BACK);
}

static bool whole(const block *b, const char *at, uint64_t bytes, const char *where)
{
    unsigned char found[MOST_FRONT];
    if (!read_block(b->device, b->kind, found, at, bytes)) return false;
    for (uint64_t i = 0; i < bytes; i++)
        if (found[i] != PATTERN)
            return conform_fail(conform_current, "the plugin wrote outside of a block of %llu bytes of memory, %s it",
                                (unsigned long long)b->bytes, where);
    return true;
}

static bool intact(const block *b)
{
    return whole(b, b->base, (uint64_t)(b->start - b->base), "in front of") &&
           whole(b, b->start + b->bytes, BACK, "behind");
}

bool shim_memory_intact(void)
{
    bool ok = true;
    pthread_mutex_lock(&lock);
    for (const block *b = blocks; b && ok; b = b->next) ok = intact(b);
    pthread_mutex_unlock(&lock);
    return ok;
}

bool shim_memory_find(const void *address, char **start, uint64_t *bytes)
{
    bool found = false;
    pthread_mutex_lock(&lock);
    for (const block *b = blocks; b && !found; b = b->next)
        if (b->kind == TN_MEMORY_DEVICE && (const char *)address >= b->start &&
            (const char *)address <= b->start + b->bytes) {
            *start = b->start;
            *bytes = b->bytes;
            found = true;
        }
    pthread_mutex_unlock(&lock);
    return found;
}

/* ---- the table's functions */

static uint64_t front_of(const shim_device *device)
{
    const uint64_t alignment = device->info.alignment;
    return alignment < BACK ? BACK : alignment > MOST_FRONT ? MOST_FRONT : alignment;
}

static int64_t fail_after = -1;

void shim_memory_fail_after(int64_t calls)
{
    __atomic_store_n(&fail_after, calls, __ATOMIC_RELAXED);
}

static bool must_fail(void)
{
    return __atomic_load_n(&fail_after, __ATOMIC_RELAXED) >= 0 &&
           __atomic_fetch_sub(&fail_after, 1, __ATOMIC_RELAXED) == 0;
}

/* Fills *b. */
static tn_status fetch(block *b, tn_error *error)
{
    const uint64_t front = front_of(b->device);
    void *base = NULL;
    if (must_fail() || b->bytes > INT64_MAX / 2)
        return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no device has that much memory");
    tn_status status =
        b->device->plugin->memory_alloc(b->device->handle, b->kind, front + b->bytes + BACK, &base, error);
    conform_described(status, error, "memory_alloc");
    if (status != TN_OK) return status;
    b->base = base;
    b->start = b->base + front;
    if (!base)
        conform_fail(conform_current, "memory_alloc succeeded, but gave NULL");
    else if ((uintptr_t)base % b->device->info.alignment)
        conform_fail(conform_current, "memory_alloc gave the address %p, but the device promises an alignment of %llu",
                     base, (unsigned long long)b->device->info.alignment);
    else
        return set_canaries(b) ? TN_OK : tn_fail(error, TN_INTERNAL, 0, "the memory cannot be written");
    return tn_fail(error, TN_INTERNAL, 0, "memory_alloc broke its promise");
}

tn_status shim_memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error)
{
    block *b = malloc(sizeof *b);
    if (!b) return tn_fail(error, TN_OUT_OF_MEMORY, 0, "no host memory to watch a block");
    *b = (block){.bytes = bytes, .kind = kind, .device = (shim_device *)device};
    const tn_status status = fetch(b, error);
    if (status != TN_OK) {
        free(b);
        return status;
    }
    pthread_mutex_lock(&lock);
    b->next = blocks;
    blocks = b;
    pthread_mutex_unlock(&lock);
    __atomic_fetch_add(&shim_live.memory, 1, __ATOMIC_RELAXED);
    *memory = b->start;
    return TN_OK;
}

void shim_memory_free(tn_device *device, uint32_t kind, void *memory)
{
    block *found = NULL;
    pthread_mutex_lock(&lock);
    for (block **at = &blocks; *at && !found; at = found ? at : &(*at)->next)
        if ((*at)->start == memory) {
            found = *at;
            *at = found->next;
        }
    pthread_mutex_unlock(&lock);
    if (!found) return;
    intact(found);
    found->device->plugin->memory_free(((shim_device *)device)->handle, kind, found->base);
    __atomic_fetch_sub(&shim_live.memory, 1, __ATOMIC_RELAXED);
    free(found);
}
