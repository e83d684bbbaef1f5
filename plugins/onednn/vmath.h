/* SPDX-License-Identifier: Apache-2.0
 *
 * Arithmetic that compilers vectorise: an exp without branch, call or table (within 2 ulp of the true value; inf, 0 and
 * NaN where expf gives them, subnormal results included), and a sum. */
#ifndef DN_VMATH_H
#define DN_VMATH_H

#include "common.h"

#include <math.h>
#include <string.h>

/* 2^n for -126 <= n <= 127, by writing the exponent. */
DN_INLINE float dn_power_of_two(int32_t n)
{
    const uint32_t bits = (uint32_t)(n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* e^x = 2^n e^r with n the integer nearest to x / ln 2 and r the rest, |r| <= ln 2 / 2: e^r by its Taylor series. */
DN_INLINE float dn_exp_f32(float x)
{
    const float round = 12582912.f; /* 1.5 * 2^23: adding it drops the fraction */
    const float in_range = x < -104.f ? -104.f : x > 89.f ? 89.f : x == x ? x : 0.f;
    const float n = in_range * 1.44269504f + round - round;
    const float r =
        in_range - n * 0.693145752f - n * 1.42860677e-6f; /* ln 2 in two parts: the first product is exact */
    float p = 1.f / 5040;
    p = p * r + 1.f / 720;
    p = p * r + 1.f / 120;
    p = p * r + 1.f / 24;
    p = p * r + 1.f / 6;
    p = p * r + 0.5f;
    p = p * r * r + r + 1.f;
    const int32_t whole = (int32_t)n, half = whole / 2; /* two factors: 2^n alone may not be a normal number */
    const float y = p * dn_power_of_two(half) * dn_power_of_two(whole - half);
    return x == x ? y : x;
}

/* Sum of n dense numbers in f64, in an order that depends on n alone. */
DN_INLINE double dn_sum_f32(int64_t n, const float *x)
{
    enum { LANES = 16 };
    double lane[LANES] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) lane[k] += (double)x[i + k];
    for (; i < n; i++) sum += (double)x[i];
    for (int k = 0; k < LANES; k++) sum += lane[k];
    return sum;
}

#endif
