/* SPDX-License-Identifier: Apache-2.0
 *
 * No library: the shared kernels do everything. */
#include "libraries/rows.h"

tn_status gpu_libraries_check(tn_error *error)
{
    (void)error;
    return TN_OK;
}

void gpu_libraries_close(tn_device *device)
{
    (void)device;
}

const gpu_library_row gpu_library_rows[] = {{NULL, NULL}};
