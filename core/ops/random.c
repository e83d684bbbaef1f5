/* SPDX-License-Identifier: Apache-2.0
 *
 * Counter-based random numbers: Philox 4x32-10 (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011)
 * and the fills made of it. The same seed gives the same numbers on every backend; tenon_ops.h has the definition. */
#include "ops/random.h"

#include "ops/generate.h"

#include <math.h>

static inline void philox(tn_rng rng, uint64_t block, uint32_t out[4])
{
    uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32);
    uint32_t c2 = (uint32_t)rng.offset, c3 = (uint32_t)(rng.offset >> 32);
    uint32_t key0 = (uint32_t)rng.seed, key1 = (uint32_t)(rng.seed >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t a = UINT64_C(0xD2511F53) * c0, b = UINT64_C(0xCD9E8D57) * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ key0;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ key1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        key0 += UINT32_C(0x9E3779B9);
        key1 += UINT32_C(0xBB67AE85);
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

void tn__philox(uint64_t seed, uint64_t offset, uint64_t block, uint32_t out[4])
{
    philox((tn_rng){seed, offset}, block, out);
}

tn_rng tn__rng_of(const tn_run *run, int64_t call)
{
    const int64_t *rng = run->in[1];
    return (tn_rng){(uint64_t)rng[0], (uint64_t)rng[run->in_desc[1]->strides[0]] + (uint64_t)call};
}

TN_MULTIVERSION static void fill_blocks(tn_rng rng, uint64_t first, int64_t n, uint32_t *words)
{
    for (int64_t i = 0; i < n; i++) philox(rng, first + (uint64_t)i, words + 4 * i);
}

const uint32_t *tn__rng_words(tn_rng rng, int64_t first, int64_t n, uint32_t buffer[TN_RNG_BUFFER])
{
    const int64_t skipped = first % 4;
    fill_blocks(rng, (uint64_t)first / 4, (skipped + n + 3) / 4, buffer);
    return buffer + skipped;
}

typedef struct distribution {
    tn_rng rng;
    double a, b;
} distribution;

static tn_status generate(const tn_run *run, tn_formula formula)
{
    const tn_random_attrs *attrs = run->attrs;
    const distribution of = {tn__rng_of(run, attrs->call), attrs->a, attrs->b};
    tn__generate(run->in_desc[0], run->in[0], formula, &of);
    return TN_OK;
}

_Static_assert((int)TN_GENERATE_AT_ONCE <= (int)TN_RNG_AT_ONCE, "a formula's words come in one piece");

/* ---- uniform */

static void uniform_formula(const void *arg, int64_t first, int64_t n, double *values)
{
    const distribution *of = arg;
    uint32_t buffer[TN_RNG_BUFFER];
    const uint32_t *words = tn__rng_words(of->rng, first, n, buffer);
    for (int64_t i = 0; i < n; i++) values[i] = tn__scaled(of->a, of->b - of->a, (words[i] >> 8) * 0x1p-24);
}

static bool uniform_infer(tn_infer *infer)
{
    const tn_random_attrs *attrs = infer->attrs;
    if (attrs->a <= attrs->b && isfinite(attrs->b - attrs->a)) return true;
    tn_raise(infer->ctx, TN_INVALID, "uniform: low must not be above high, and both finite, but they are %g and %g",
             attrs->a, attrs->b);
    return false;
}

static tn_status uniform_run(const tn_run *run, tn_error *error TN_UNUSED)
{
    return generate(run, uniform_formula);
}

const tn_op tn__op_uniform = {
    .name = "uniform",
    .flags = TN_OP_ELEMENTWISE | TN_OP_STRIDED,
    .infer = uniform_infer,
    .run = uniform_run,
    .samples = TN_SAMPLES("y[5,7] rng[2]; a=-1 b=2", "y[] rng[2]; b=1", "y[0,3] rng[2]; b=1",
                          "y[2,3,1,5] rng[2]; a=0.1 b=0.3 call=7"),
};

/* ---- normal */

/* Box and Muller: two words give two independent numbers. */
static void normal_formula(const void *arg, int64_t first, int64_t n, double *values)
{
    const distribution *of = arg;
    uint32_t buffer[TN_RNG_BUFFER];
    double z[TN_RNG_BUFFER];
    const int64_t skipped = tn__rng_words(of->rng, first, n, buffer) - buffer;
    for (int64_t k = 0; k < skipped + n; k += 2) {
        const double radius = sqrt(-2 * log((buffer[k] + 1.0) * 0x1p-32));
        const double angle = 2 * M_PI * (buffer[k + 1] * 0x1p-32);
        z[k] = radius * cos(angle);
        z[k + 1] = radius * sin(angle);
    }
    for (int64_t i = 0; i < n; i++) values[i] = tn__scaled(of->a, of->b, z[skipped + i]);
}

static bool normal_infer(tn_infer *infer)
{
    const tn_random_attrs *attrs = infer->attrs;
    if (isfinite(attrs->a) && isfinite(attrs->b) && attrs->b >= 0) return true;
    tn_raise(infer->ctx, TN_INVALID,
             "normal: mean and standard deviation must be finite, and the latter not negative, but they are %g and %g",
             attrs->a, attrs->b);
    return false;
}

static tn_status normal_run(const tn_run *run, tn_error *error TN_UNUSED)
{
    return generate(run, normal_formula);
}

const tn_op tn__op_normal = {
    .name = "normal",
    .flags = TN_OP_ELEMENTWISE | TN_OP_STRIDED,
    .infer = normal_infer,
    .run = normal_run,
    .samples = TN_SAMPLES("y[5,7] rng[2]; a=-1 b=2", "y[] rng[2]; b=1", "y[0,3] rng[2]; b=1",
                          "y[2,3,1,5] rng[2]; a=0.1 b=0.3 call=7"),
};
