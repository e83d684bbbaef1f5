/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes a kernel once for f32 and f64. A file says
 *     #define TEMPLATE "softmax_template.h"
 *     #include "for_each_real.h"
 * and its template, included twice, finds
 *     REAL        float, then double
 *     FN(name)    name_f32, then name_f64: for every function that the template defines
 *     MATH(name)  expf, then exp: the C library's function for REAL
 * May be included several times; all of these names, TEMPLATE among them, are gone afterwards. */

#define REAL float
#define FN(name) name##_f32
#define MATH(name) name##f
#include TEMPLATE
#undef REAL
#undef FN
#undef MATH

#define REAL double
#define FN(name) name##_f64
#define MATH(name) name
#include TEMPLATE
#undef REAL
#undef FN
#undef MATH

#undef TEMPLATE
