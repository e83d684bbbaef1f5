/* SPDX-License-Identifier: Apache-2.0
 *
 * An operator's sample strings (core/ops/op.h) made into inputs and attributes. */
#ifndef TENON_TEST_SAMPLE_H
#define TENON_TEST_SAMPLE_H

#include "ops/schema.h"

enum { SAMPLE_INPUTS = 24, SAMPLE_ATTRS = 160 };

/* One input, as the sample describes it. */
typedef struct sample_input {
    const tn_schema_arg *arg;
    bool present;
    tn_dtype dtype; /* fixed by the schema or the sample; 0: whatever the letter stands for */
    int rank;
    int64_t dims[TN_MAX_RANK];
    double low, high; /* of uniformly drawn values */
} sample_input;

typedef struct sample {
    const tn_op *op;
    const tn_schema *schema;
    const char *text;
    int n_in;
    sample_input in[SAMPLE_INPUTS]; /* flattened as the operator wants them */
    _Alignas(8) unsigned char attrs[SAMPLE_ATTRS];
} sample;

/* Reads text; false, and the reason in why (200 bytes), if it does not fit the schema. */
bool sample_parse(const tn_op *op, const char *text, sample *s, char *why);
/* Attributes alone: "stride=2,2 groups=4"; those left out are 0, or 1 for stride, dilation and groups. */
bool sample_attrs(const tn_schema *schema, const char *text, unsigned char *attrs, char *why);

const void *sample_attrs_of(const sample *s); /* NULL if the operator has none */
/* Does an input's dtype depend on the one that a test chooses? */
bool sample_has_free_dtype(const sample *s);
bool sample_is_empty(const sample *s); /* is an input without elements? */
tn_dtype sample_dtype(const sample *s, int i, tn_dtype chosen);
int64_t sample_numel(const sample_input *in);
/* An input that takes part in differentiation when the test's dtype is a float. */
bool sample_is_real(const sample *s, int i, tn_dtype chosen);

/* numel values for input i, the same for the same seed; exact in f32 and, for the integer dtypes, whole. */
void sample_values(const sample *s, int i, tn_dtype chosen, uint64_t seed, double *values);
/* A row-major tensor of these values. */
tn_tensor *sample_tensor(tn_context *tn, tn_dtype dtype, int rank, const int64_t *dims, const double *values);
/* All elements of x as doubles, row-major; the caller frees. NULL if x cannot be read. */
double *sample_read(tn_tensor *x);

/* A number in [0, 1), the same for the same seed and index. */
double sample_random(uint64_t seed, uint64_t index);

#endif
