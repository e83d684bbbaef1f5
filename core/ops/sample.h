/* SPDX-License-Identifier: Apache-2.0
 *
 * An operator's sample strings (ops/op.h) read into shapes and attributes, and the values that they ask for. */
#ifndef TENON_SAMPLE_H
#define TENON_SAMPLE_H

#include "ops/schema.h"

enum { TN_SAMPLE_INPUTS = 40, TN_SAMPLE_ATTRS = 160, TN_SAMPLE_WHY = 200 };

/* One input, as the sample describes it. */
typedef struct tn_sample_input {
    const tn_schema_arg *arg;
    bool present;
    bool transposed; /* in memory, the last dim but one is the fastest */
    bool batched;    /* its first size is written N */
    tn_dtype dtype;  /* fixed by the schema or the sample; 0: whatever the letter stands for */
    int rank;
    int64_t dims[TN_MAX_RANK];
    double low, high; /* of uniformly drawn values */
} tn_sample_input;

typedef struct tn_sample {
    const tn_op *op;
    const tn_schema *schema;
    const char *text;
    int n_in;
    tn_sample_input in[TN_SAMPLE_INPUTS]; /* flattened as the operator wants them */
    _Alignas(8) unsigned char attrs[TN_SAMPLE_ATTRS];
} tn_sample;

/* Reads text; false, and the reason in why (TN_SAMPLE_WHY bytes), if it does not fit the schema. batch: what N stands
 * for, 0 if it must not occur. op may be a copy of one in the catalogue. */
bool tn__sample_parse(const tn_op *op, const char *text, int64_t batch, tn_sample *s, char *why);
/* Attributes alone: "stride=2,2 groups=4"; those left out are 0, or 1 for stride, dilation and groups. */
bool tn__sample_attrs(const tn_schema *schema, const char *text, int64_t batch, unsigned char *attrs, char *why);

const void *tn__sample_attrs_of(const tn_sample *s); /* NULL if the operator has none */
/* Does an input's dtype depend on the one that is chosen? */
bool tn__sample_has_free_dtype(const tn_sample *s);
bool tn__sample_is_empty(const tn_sample *s); /* is an input without elements? */
tn_dtype tn__sample_dtype(const tn_sample *s, int i, tn_dtype chosen);
int64_t tn__sample_numel(const tn_sample_input *in); /* sizes must be known to make a tensor */
/* An input that takes part in differentiation when the chosen dtype is a float. */
bool tn__sample_is_real(const tn_sample *s, int i, tn_dtype chosen);
/* Images have rank 4 and the batch as their first dim: activations, not weights. */
bool tn__sample_is_image(const tn_sample_input *in);

/* Values first, ..., first + n - 1 of input i, the same for the same seed; exact in f32 and, for the integer dtypes,
 * whole. */
void tn__sample_values(const tn_sample *s, int i, tn_dtype chosen, uint64_t seed, int64_t first, int64_t n,
                       double *values);
/* The same as a call's options ask: repeated, and with infinities. how->batch is not looked at. */
void tn__sample_draw(const tn_sample *s, int i, const tn_op_call_options *how, int64_t first, int64_t n,
                     double *values);
/* Input i on the default device, laid out as how->layout says. values: NULL if they are to be drawn. */
tn_tensor *tn__sample_tensor(tn_context *tn, const tn_sample *s, int i, const tn_op_call_options *how,
                             const double *values);
/* A number in [0, 1), the same for the same seed and index. */
double tn__sample_random(uint64_t seed, uint64_t index);

#endif
