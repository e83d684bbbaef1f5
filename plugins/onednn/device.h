/* SPDX-License-Identifier: Apache-2.0
 *
 * The one device of this plugin, the CPU: the functions that plugin.c puts into the table. */
#ifndef DN_DEVICE_H
#define DN_DEVICE_H

#include "common.h"

/* Finds out the device's name: once, before all others. */
void dn_device_init(void);

tn_status dn_device_count(uint32_t *count, tn_error *reason);
tn_status dn_device_info(uint32_t index, tn_device_info *info, tn_error *error);
tn_status dn_device_open(uint32_t index, tn_device **device, tn_error *error);
void dn_device_close(tn_device *device);

tn_status dn_memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error);
void dn_memory_free(tn_device *device, uint32_t kind, void *memory);
tn_status dn_memory_copy(tn_device *device, tn_stream *stream, void *to, const void *from, uint64_t bytes,
                         uint32_t direction, tn_error *error);
tn_status dn_memory_fill(tn_device *device, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes,
                         tn_error *error);
tn_status dn_memory_info(tn_device *device, uint64_t *free_bytes, uint64_t *total_bytes, tn_error *error);

tn_status dn_stream_create(tn_device *device, tn_stream **stream, tn_error *error);
void dn_stream_destroy(tn_device *device, tn_stream *stream);
tn_status dn_stream_sync(tn_device *device, tn_stream *stream, tn_error *error);

tn_status dn_event_create(tn_device *device, tn_event **event, tn_error *error);
void dn_event_destroy(tn_device *device, tn_event *event);
tn_status dn_event_record(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error);
tn_status dn_event_wait(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error);
tn_status dn_event_query(tn_device *device, tn_event *event, uint32_t *done, tn_error *error);
tn_status dn_event_elapsed(tn_device *device, tn_event *start, tn_event *end, uint64_t *nanoseconds, tn_error *error);

#endif
