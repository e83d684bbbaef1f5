/* SPDX-License-Identifier: Apache-2.0
 *
 * Code that is chosen by dtype, or by how many bytes an element has. */
#ifndef GPU_KERNELS_DTYPE_H
#define GPU_KERNELS_DTYPE_H

#include "tenon_abi.h"

template <typename T> constexpr bool gpu_is_real = (T)0.5 != (T)0;

/* The number whose bits these are. */
template <typename T> GPU_DEVICE T gpu_of_bits(uint64_t bits)
{
    T value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Calls one<unsigned type of that many bytes>(...). */
#define GPU_BY_BYTES(bytes, one, ...)          \
    switch (bytes) {                           \
    case 8: one<uint64_t>(__VA_ARGS__); break; \
    case 4: one<uint32_t>(__VA_ARGS__); break; \
    default: one<uint8_t>(__VA_ARGS__);        \
    }

#endif
