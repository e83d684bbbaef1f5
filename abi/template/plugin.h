/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this plugin share. All of it is hidden from other libraries: only the entry symbol is visible. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include "tenon_abi.h"
#include "tenon_ops.h"

enum { ALIGNMENT = 64 }; /* of all memory that the plugin gives, in bytes */

extern const tn_host_api *host; /* what the core offers: log, memory, parallel loops */

/* ---- device.c: what each has to do is said at tn_plugin in tenon_abi.h */

tn_status device_count(uint32_t *count, tn_error *reason);
tn_status device_info(uint32_t index, tn_device_info *info, tn_error *error);
tn_status device_open(uint32_t index, tn_device **device, tn_error *error);
void device_close(tn_device *device);
tn_status memory_alloc(tn_device *device, uint32_t kind, uint64_t bytes, void **memory, tn_error *error);
void memory_free(tn_device *device, uint32_t kind, void *memory);
tn_status memory_copy(tn_device *device, tn_stream *stream, void *to, const void *from, uint64_t bytes,
                      uint32_t direction, tn_error *error);
tn_status memory_fill(tn_device *device, tn_stream *stream, void *memory, uint32_t byte, uint64_t bytes,
                      tn_error *error);
tn_status memory_info(tn_device *device, uint64_t *free_bytes, uint64_t *total_bytes, tn_error *error);
tn_status stream_create(tn_device *device, tn_stream **stream, tn_error *error);
void stream_destroy(tn_device *device, tn_stream *stream);
tn_status stream_sync(tn_device *device, tn_stream *stream, tn_error *error);
tn_status event_create(tn_device *device, tn_event **event, tn_error *error);
void event_destroy(tn_device *device, tn_event *event);
tn_status event_record(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error);
tn_status event_wait(tn_device *device, tn_event *event, tn_stream *stream, tn_error *error);
tn_status event_query(tn_device *device, tn_event *event, uint32_t *done, tn_error *error);
tn_status event_elapsed(tn_device *device, tn_event *start, tn_event *end, uint64_t *nanoseconds, tn_error *error);

/* ---- operators: a check and a plan each, rows of the table in plugin.c */

tn_status relu_check(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_error *error);
tn_status relu_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan, tn_error *error);

#endif
