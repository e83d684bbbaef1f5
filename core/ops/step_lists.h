/* SPDX-License-Identifier: Apache-2.0
 *
 * What optimizer steps share: a walk over their lists, which hands the arithmetic plain arrays. */
#ifndef TENON_STEP_LISTS_H
#define TENON_STEP_LISTS_H

#include <float.h>
#include <math.h>

#include "ops/op.h"

enum { TN_STEP_PARAM = 0, TN_STEP_GRAD = 1, TN_STEP_LISTS = 4 };

/* Updates n elements of one parameter: at[k] belongs to list k, NULL where it is absent. All but the gradient may be
 * written to. */
typedef void (*tn_step_fn)(void *const at[TN_STEP_LISTS], int64_t n, const void *how);

/* Runs the update on every element of every parameter, on several threads. The inputs begin with n_lists lists of n
 * tensors. The tensors of one parameter may have any strides; they are updated where they are if they agree. */
void tn__step_each(const tn_run *run, int n_lists, int n, tn_step_fn f32, tn_step_fn f64, const void *how);

/* What fades away (state where a gradient stays 0, as at pixels that are always black) becomes 0, not a subnormal number:
 * arithmetic with these is several times slower. */
static inline float tn__faded_f32(float x)
{
    return fabsf(x) < FLT_MIN ? 0 : x;
}
static inline double tn__faded_f64(double x)
{
    return fabs(x) < DBL_MIN ? 0 : x;
}

/* `per_element` operations for each element of the first n inputs. */
uint64_t tn__step_flops(const tn_run *run, int n, uint64_t per_element);

/* For shapes: a list of one kind over all parameters of a model (nn/models.c). */
#define TN_SIMPLENET_LIST(x, range) \
    x "[128,784]" range " " x "[128]" range " " x "[10,128]" range " " x "[10]" range " "
#define TN_CONVNET_LIST(x, range)                                                                                 \
    x "[32,1,3,3]" range " " x "[32]" range " " x "[64,32,3,3]" range " " x "[64]" range " " x "[128,1600]" range \
      " " x "[128]" range " " x "[10,128]" range " " x "[10]" range " "

#endif
