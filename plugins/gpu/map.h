/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of map_rows.h, for the table of operators. */
#ifndef GPU_MAP_H
#define GPU_MAP_H

#include <stdint.h>

typedef struct gpu_map_row {
    int32_t op;      /* GPU_DO_NEG ... of args.h */
    uint32_t of;     /* which operands, which numbers: map.c */
    uint32_t dtypes; /* bit d: takes dtype d */
} gpu_map_row;

enum {
#define GPU_MAP(name, computes, of, dtypes) GPU_MAP_##name,
#include "map_rows.h"
#undef GPU_MAP
    GPU_MAPS
};

extern const gpu_map_row gpu_map_rows[GPU_MAPS];

#endif
