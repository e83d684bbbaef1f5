/* SPDX-License-Identifier: Apache-2.0
 *
 * What the elementwise reference kernels share: a walk over strided operands that hands runs of elements to a loop,
 * the macros that define such loops, and shape inference by table. */
#ifndef TENON_ELEMENTWISE_H
#define TENON_ELEMENTWISE_H

#include "ops/op.h"

enum { TN_MAX_OPERANDS = 4 };

/* How many elements a thread takes at least: loops that wait for memory, and loops that call the C library. */
enum { TN_GRAIN_CHEAP = 32768, TN_GRAIN_COSTLY = 4096 };

/* A run of n elements. Operand k's lie step[k] bytes apart from at[k] on. Operand 0 is what the loop writes. */
typedef struct tn_span {
    int64_t n;
    int64_t first; /* row-major index of the first element; undefined after tn__walk_sort */
    char *at[TN_MAX_OPERANDS];
    int64_t step[TN_MAX_OPERANDS];
    const void *arg;
} tn_span;

typedef void (*tn_loop)(const tn_span *span);

typedef struct tn_operand {
    const tn_tensor_desc *desc;
    void *data;
} tn_operand;

/* The elements of operand 0, with the others broadcast to its shape; dims outermost first. */
typedef struct tn_walk {
    int n, rank;
    int64_t dims[TN_MAX_RANK];
    int64_t steps[TN_MAX_RANK][TN_MAX_OPERANDS]; /* in bytes; 0 where broadcast */
    char *base[TN_MAX_OPERANDS];
} tn_walk;

/* In row-major order. */
void tn__walk_init(tn_walk *walk, int n, const tn_operand *operands);
/* Dims in operand 0's memory order instead. */
void tn__walk_sort(tn_walk *walk);
/* Fewer, longer dims in the same order of elements; afterwards rank >= 1. */
void tn__walk_merge(tn_walk *walk);
/* Calls loop on all elements, on several threads if there are more than grain. */
void tn__walk_run(const tn_walk *walk, int64_t grain, tn_loop loop, const void *arg);

/* init, sort, merge, run: order does not matter. */
void tn__elementwise(int n, const tn_operand *operands, int64_t grain, tn_loop loop, const void *arg);
/* init, merge, run: each span knows its first index. */
void tn__elementwise_indexed(int n, const tn_operand *operands, int64_t grain, tn_loop loop, const void *arg);

/* ---- operators by table: tn_op.data points to the loops */

typedef struct tn_loops {
    tn_loop of[TN_BOOL + 1]; /* by dtype of the last input; NULL: the operator does not take it */
    int64_t grain;
} tn_loops;

/* Refuses dtypes without a loop, and broadcasts all inputs. */
bool tn__elementwise_infer(tn_infer *infer);
/* Runs the loop with operands out[0], in[0], in[1], ... */
tn_status tn__elementwise_run(const tn_run *run, const tn_loops *loops);

/* ---- cast.c: numbers and dtypes */

/* Converts operand 1 to operand 0. */
tn_loop tn__cast_loop(tn_dtype from, tn_dtype to);
/* Writes value as one element of dtype: out of range saturates, NaN gives 0, fractions are cut off. */
void tn__store(tn_dtype dtype, double value, void *to);
/* Can dtype hold value (f32 after rounding)? Else raises and returns false. */
bool tn__check_value(tn_infer *infer, tn_dtype dtype, double value);

/* ---- loops. Each macro defines a function that computes operand 0, of type Z, from operand 1, x, and perhaps operand
 * 2, y, both of type X; `value` is an expression of them, in which T is X too. `version` is TN_MULTIVERSION or nothing.
 * The output either is an input or does not overlap it, so elements are independent. */

#if defined(__GNUC__) && !defined(__clang__)
#define TN_INDEPENDENT _Pragma("GCC ivdep")
#else
#define TN_INDEPENDENT
#endif

#define TN_AT(k, type, step) (*(type *)(at##k + i * (int64_t)(step)))
#define TN_DENSE(k, type) (span->step[k] == (int64_t)sizeof(type))

#define TN_EACH_1(Z, zstep, X, x_is, value) \
    TN_INDEPENDENT                          \
    for (int64_t i = 0; i < n; i++) {       \
        const X x = x_is;                   \
        TN_AT(0, Z, zstep) = (Z)(value);    \
    }

#define TN_LOOP_1(version, function, X, Z, value)                           \
    version static void function(const tn_span *span)                       \
    {                                                                       \
        typedef X T TN_UNUSED;                                              \
        const int64_t n = span->n;                                          \
        char *at0 = span->at[0];                                            \
        const char *at1 = span->at[1];                                      \
        if (TN_DENSE(0, Z) && TN_DENSE(1, X)) {                             \
            TN_EACH_1(Z, sizeof(Z), X, TN_AT(1, const X, sizeof(X)), value) \
        } else {                                                            \
            const int64_t step0 = span->step[0], step1 = span->step[1];     \
            TN_EACH_1(Z, step0, X, TN_AT(1, const X, step1), value)         \
        }                                                                   \
    }

#define TN_EACH_2(Z, zstep, X, x_is, y_is, value) \
    TN_INDEPENDENT                                \
    for (int64_t i = 0; i < n; i++) {             \
        const X x = x_is, y = y_is;               \
        TN_AT(0, Z, zstep) = (Z)(value);          \
    }

/* Dense operands and single numbers vectorise. */
#define TN_LOOP_2(version, function, X, Z, value)                                                         \
    version static void function(const tn_span *span)                                                     \
    {                                                                                                     \
        typedef X T TN_UNUSED;                                                                            \
        const int64_t n = span->n, step0 = span->step[0], step1 = span->step[1], step2 = span->step[2];   \
        char *at0 = span->at[0];                                                                          \
        const char *at1 = span->at[1], *at2 = span->at[2];                                                \
        const X x0 = *(const X *)at1, y0 = *(const X *)at2;                                               \
        if (TN_DENSE(0, Z) && TN_DENSE(1, X) && TN_DENSE(2, X)) {                                         \
            TN_EACH_2(Z, sizeof(Z), X, TN_AT(1, const X, sizeof(X)), TN_AT(2, const X, sizeof(X)), value) \
        } else if (TN_DENSE(0, Z) && TN_DENSE(1, X) && step2 == 0) {                                      \
            TN_EACH_2(Z, sizeof(Z), X, TN_AT(1, const X, sizeof(X)), y0, value)                           \
        } else if (TN_DENSE(0, Z) && step1 == 0 && TN_DENSE(2, X)) {                                      \
            TN_EACH_2(Z, sizeof(Z), X, x0, TN_AT(2, const X, sizeof(X)), value)                           \
        } else {                                                                                          \
            TN_EACH_2(Z, step0, X, TN_AT(1, const X, step1), TN_AT(2, const X, step2), value)             \
        }                                                                                                 \
    }

#endif
