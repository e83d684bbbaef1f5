/* SPDX-License-Identifier: Apache-2.0
 *
 * The dtype of a number is chosen when the plan is made. */
#include "number.h"

#include <string.h>

uint64_t gpu_bits_of(tn_dtype dtype, double value)
{
    uint64_t bits = 0;
    int64_t whole = value >= 0x1p63 ? INT64_MAX : value < -0x1p63 ? INT64_MIN : value != value ? 0 : (int64_t)value;
    float single = (float)value;
    switch (dtype) {
    case TN_F32: memcpy(&bits, &single, sizeof single); break;
    case TN_F64: memcpy(&bits, &value, sizeof value); break;
    case TN_I64: bits = (uint64_t)whole; break;
    case TN_I32: bits = (uint32_t)(whole > INT32_MAX ? INT32_MAX : whole < INT32_MIN ? INT32_MIN : whole); break;
    case TN_U8: bits = (uint64_t)(whole > 255 ? 255 : whole < 0 ? 0 : whole); break;
    default: bits = value != 0;
    }
    return bits;
}
