/* SPDX-License-Identifier: Apache-2.0
 *
 * uniform, normal and dropout from Philox 4x32-10, as tenon_ops.h defines them: the same bits as every other backend.
 * Numbers belong to row-major indices, so memory is walked in that order, a block of numbers at a time. */
#include "map.h"

#include <string.h>

enum {
    BLOCK = 256,
    LANES = 16,
    WORDS = 4
}; /* numbers at a time; counters that a loop handles at once; words of each */

typedef struct stream {
    uint64_t seed, offset;
} stream;

static stream stream_of(const dn_loop *loop, const tn_bindings *at, int64_t call)
{
    const int64_t *rng = at->in[1];
    return (stream){(uint64_t)rng[0], (uint64_t)rng[loop->desc.in[1]->strides[0]] + (uint64_t)call};
}

/* The words of the LANES counters from `first` on. */
DN_MULTIVERSION static void philox(stream from, uint64_t first, uint32_t *words)
{
    uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES];
    uint32_t key0 = (uint32_t)from.seed, key1 = (uint32_t)(from.seed >> 32);
    for (int k = 0; k < LANES; k++) {
        c0[k] = (uint32_t)(first + (uint64_t)k);
        c1[k] = (uint32_t)((first + (uint64_t)k) >> 32);
        c2[k] = (uint32_t)from.offset;
        c3[k] = (uint32_t)(from.offset >> 32);
    }
    for (int round = 0; round < 10; round++) {
        for (int k = 0; k < LANES; k++) {
            const uint64_t a = UINT64_C(0xD2511F53) * c0[k], b = UINT64_C(0xCD9E8D57) * c2[k];
            c0[k] = (uint32_t)(b >> 32) ^ c1[k] ^ key0;
            c2[k] = (uint32_t)(a >> 32) ^ c3[k] ^ key1;
            c1[k] = (uint32_t)b;
            c3[k] = (uint32_t)a;
        }
        key0 += UINT32_C(0x9E3779B9);
        key1 += UINT32_C(0xBB67AE85);
    }
    for (int k = 0; k < LANES; k++) {
        words[WORDS * k] = c0[k];
        words[WORDS * k + 1] = c1[k];
        words[WORDS * k + 2] = c2[k];
        words[WORDS * k + 3] = c3[k];
    }
}

/* Room for the words of BLOCK indices and of whole batches of counters around them. */
typedef uint32_t word_buffer[BLOCK + 2 * WORDS * LANES];

/* The words of indices [first, first + n), n <= BLOCK, and of the index before an odd first. Returns that of first. */
static const uint32_t *words_of(stream from, int64_t first, int64_t n, word_buffer words)
{
    const int64_t batch = WORDS * LANES, start = first / batch * batch;
    for (int64_t i = start; i < first + n; i += batch) philox(from, (uint64_t)(i / WORDS), words + (i - start));
    return words + (first - start);
}

/* ---- fills */

typedef struct fill_extra {
    dn_nest nest; /* of y, in row-major order */
    dn_row_fn store;
    void (*numbers)(const tn_random_attrs *attrs, int64_t first, int64_t n, const uint32_t *words, double *values);
} fill_extra;

static void uniforms(const tn_random_attrs *attrs, int64_t first TN_UNUSED, int64_t n, const uint32_t *words,
                     double *values)
{
    for (int64_t i = 0; i < n; i++) values[i] = attrs->a + (attrs->b - attrs->a) * ((words[i] >> 8) * 0x1p-24);
}

/* Box and Muller: the words of an even and of the next odd index give two independent numbers. */
static void normals(const tn_random_attrs *attrs, int64_t first, int64_t n, const uint32_t *words, double *values)
{
    for (int64_t i = 0; i < n; i++) {
        const int64_t odd = (first + i) & 1;
        const double radius = sqrt(-2 * log((words[i - odd] + 1.0) * 0x1p-32));
        const double angle = 2 * M_PI * (words[i - odd + 1] * 0x1p-32);
        values[i] = attrs->a + attrs->b * (radius * (odd ? sin(angle) : cos(angle)));
    }
}

typedef struct fill_job {
    const fill_extra *fill;
    const tn_random_attrs *attrs;
    stream stream;
    char *y;
} fill_job;

typedef struct values {
    dn_row_fn store;
    const double *next;
} values;

/* Stores the next n values. */
static void store_row(int64_t n, char *const *at, const int64_t *step, const void *arg)
{
    values *from = (values *)(uintptr_t)arg;
    const int64_t steps[DN_OPERANDS] = {step[0], sizeof(double)};
    from->store(n, (char *const[]){at[0], (char *)(uintptr_t)from->next}, steps, NULL);
    from->next += n;
}

static void fill_piece(void *arg, int64_t begin, int64_t end)
{
    const fill_job *j = arg;
    double block[BLOCK];
    word_buffer words;
    for (int64_t first = begin; first < end; first += BLOCK) {
        const int64_t n = dn_min(BLOCK, end - first);
        values from = {j->fill->store, block};
        j->fill->numbers(j->attrs, first, n, words_of(j->stream, first, n, words), block);
        dn_nest_range(&j->fill->nest, first, first + n, (char *const[]){j->y}, store_row, &from);
    }
}

static tn_status run_fill(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const fill_extra *fill = loop->extra;
    const tn_random_attrs *attrs = loop->desc.attrs;
    fill_job j = {fill, attrs, stream_of(loop, at, attrs->call), at->in[0]};
    if (fill->nest.numel) dn_host->parallel_for(fill->nest.numel, DN_GRAIN_COSTLY, fill_piece, &j);
    return TN_OK;
}

tn_status dn_random_check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                          tn_error *error)
{
    return dn_dtype_in(desc, desc->in[0]->dtype, DN_FLOATS, error);
}

/* self->data: not NULL for normal */
tn_status dn_random_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                         tn_error *error)
{
    dn_loop *loop;
    DN_TRY(dn_random_check(self, device, desc, error));
    DN_TRY(dn_loop_create(desc, run_fill, sizeof(fill_extra), &loop, error));
    fill_extra *fill = loop->extra;
    dn_nest_in_order(&fill->nest, 1, desc->in);
    fill->store = dn_cast_row(TN_F64, desc->in[0]->dtype);
    fill->numbers = self->data ? normals : uniforms;
    *plan = &loop->plan;
    return TN_OK;
}

/* ---- dropout */

typedef struct lottery {
    uint32_t least; /* u >= p as integers: word >> 8 against p 2^24 rounded up, which is exact */
    float share;
    const uint32_t *next;
} lottery;

/* Operands: y, mask, x. */
DN_MULTIVERSION static void drop_row(int64_t n, char *const *at, const int64_t *step, const void *arg)
{
    lottery *from = (lottery *)(uintptr_t)arg;
    const uint32_t *word = from->next;
    const uint32_t least = from->least;
    const float share = from->share;
    if (step[0] == sizeof(float) && step[1] == 1 && step[2] == sizeof(float)) {
        float *y = (float *)at[0];
        uint8_t *mask = (uint8_t *)at[1];
        const float *x = (const float *)at[2];
        DN_INDEPENDENT for (int64_t i = 0; i < n; i++)
        {
            const int keep = word[i] >> 8 >= least;
            y[i] = keep ? x[i] / share : 0;
            mask[i] = (uint8_t)keep;
        }
    } else {
        for (int64_t i = 0; i < n; i++) {
            const int keep = word[i] >> 8 >= least;
            DN_AT(float, 0, i) = keep ? DN_AT(const float, 2, i) / share : 0;
            DN_AT(uint8_t, 1, i) = (uint8_t)keep;
        }
    }
    from->next += n;
}

typedef struct drop_job {
    const dn_nest *nest;
    stream stream;
    double p;
    char *at[3];
} drop_job;

static void drop_piece(void *arg, int64_t begin, int64_t end)
{
    const drop_job *j = arg;
    word_buffer words;
    lottery from = {.least = (uint32_t)ceil(j->p * 0x1p24), .share = (float)(1 - j->p)};
    for (int64_t first = begin; first < end; first += BLOCK) {
        const int64_t n = dn_min(BLOCK, end - first);
        from.next = words_of(j->stream, first, n, words);
        dn_nest_range(j->nest, first, first + n, j->at, drop_row, &from);
    }
}

static tn_status run_dropout(const dn_loop *loop, const tn_bindings *at, tn_error *error TN_UNUSED)
{
    const tn_dropout_attrs *attrs = loop->desc.attrs;
    const dn_nest *nest = loop->extra;
    drop_job j = {nest, stream_of(loop, at, attrs->call), attrs->p, {at->out[0], at->out[1], at->in[0]}};
    if (nest->numel) dn_host->parallel_for(nest->numel, DN_GRAIN_COSTLY, drop_piece, &j);
    return TN_OK;
}

tn_status dn_dropout_check(const tn_kernel *self TN_UNUSED, tn_device *device TN_UNUSED, const tn_op_desc *desc,
                           tn_error *error)
{
    return dn_dtype_in(desc, desc->in[0]->dtype, DN_BIT(TN_F32), error);
}

tn_status dn_dropout_plan(const tn_kernel *self, tn_device *device, const tn_op_desc *desc, tn_plan **plan,
                          tn_error *error)
{
    dn_loop *loop;
    DN_TRY(dn_dropout_check(self, device, desc, error));
    DN_TRY(dn_loop_create(desc, run_dropout, sizeof(dn_nest), &loop, error));
    dn_nest_in_order(loop->extra, 3, (const tn_tensor_desc *const[]){desc->out[0], desc->out[1], desc->in[0]});
    *plan = &loop->plan;
    return TN_OK;
}
