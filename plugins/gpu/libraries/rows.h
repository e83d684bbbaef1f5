/* SPDX-License-Identifier: Apache-2.0
 *
 * Operators that a plugin asks a vendor's library for before the shared kernels. without/rows.c stands in for a plugin that
 * is built without any library. */
#ifndef GPU_ROWS_H
#define GPU_ROWS_H

#include "gpu.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `data` of the kernel that is handed to plan_create is the shared kernels' row. */
typedef struct gpu_library_row {
    const char *schema;
    tn_status (*plan_create)(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                             tn_error *error);
} gpu_library_row;
extern const gpu_library_row gpu_library_rows[]; /* the plugin's; ends by one without a schema */

/* ---- rows.c */

/* The shared kernels' row, or one that asks a library and comes back to it for what that does not take. */
tn_kernel gpu_library_row_of(const tn_kernel *shared);

/* ---- library.c */

/* Refuses settings that there are not. */
tn_status gpu_libraries_check(tn_error *error);
/* Closes what the device has opened. */
void gpu_libraries_close(tn_device *device);

#ifdef __cplusplus
}
#endif
#endif
