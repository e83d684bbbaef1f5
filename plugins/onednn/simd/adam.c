/* SPDX-License-Identifier: Apache-2.0
 *
 * Adam on dense rows, a vector at a time, and on rows with any steps. */
#include "simd.h"

#include "adam.h"

#include <float.h>
#include <math.h>

enum { LISTS = 4 };

typedef struct element {
    float p, m, v;
} element;

/* Where a gradient stays 0, as at pixels that are always black, m and v fade away. They must not end as subnormal
 * numbers: a step with these takes four times as long. */
DN_INLINE float faded(float x)
{
    return fabsf(x) < FLT_MIN ? 0 : x;
}

DN_INLINE element update(const dn_adam *how, float p, float g, float m, float v)
{
    const float x = p * how->keep, slope = g + how->decay * x;
    m = faded(how->beta1 * m + how->rest1 * slope);
    v = faded(how->beta2 * v + how->rest2 * slope * slope);
    return (element){x - how->rate * (m / (sqrtf(v) * how->scale + how->eps)), m, v};
}

DN_INLINE void dense(const dn_adam *how, int64_t n, float *p, const float *g, float *m, float *v)
{
    DN_INDEPENDENT for (int64_t i = 0; i < n; i++)
    {
        const element now = update(how, p[i], g[i], m[i], v[i]);
        p[i] = now.p;
        m[i] = now.m;
        v[i] = now.v;
    }
}

void DN_SIMD(dn_adam_row)(int64_t n, char *const *at, const int64_t *step, const void *arg)
{
    const dn_adam how = *(const dn_adam *)arg;
    float *to[LISTS];
    for (int k = 0; k < LISTS; k++) to[k] = (float *)at[k];
    if (step[0] == 4 && step[1] == 4 && step[2] == 4 && step[3] == 4) {
        dense(&how, n, to[0], to[1], to[2], to[3]);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        for (int k = 0; k < LISTS; k++) to[k] = (float *)(at[k] + i * step[k]);
        const element now = update(&how, *to[0], *to[1], *to[2], *to[3]);
        *to[0] = now.p;
        *to[2] = now.m;
        *to[3] = now.v;
    }
}
