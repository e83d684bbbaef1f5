/* SPDX-License-Identifier: Apache-2.0
 *
 * One source for oneDNN 2.6 and 3.x. Version 3 made memory descriptors opaque and merged the two steps of making a
 * primitive descriptor into one; here both look alike, and no other file asks for the version. */
#ifndef DN_DNNL_COMPAT_H
#define DN_DNNL_COMPAT_H

#include <dnnl.h>
#include <dnnl_debug.h>
#include <dnnl_version.h>
#include <stddef.h>

#define DN_UNUSED __attribute__((unused))

#if DNNL_VERSION_MAJOR < 2 || (DNNL_VERSION_MAJOR == 2 && DNNL_VERSION_MINOR < 6)
#error "oneDNN 2.6 or newer is needed"
#elif DNNL_VERSION_MAJOR == 2

typedef const dnnl_memory_desc_t *dn_md; /* a descriptor to look at */
typedef dnnl_memory_desc_t dn_own_md;    /* one to release with dn_md_release */

DN_UNUSED static inline dn_md dn_md_of(const dn_own_md *own)
{
    return own;
}
DN_UNUSED static inline void dn_md_release(dn_own_md *own)
{
    (void)own;
}
DN_UNUSED static inline dnnl_status_t dn_md_copy(dn_own_md *to, dn_md from)
{
    *to = *from;
    return dnnl_success;
}
#define dn_md_strided dnnl_memory_desc_init_by_strides
#define dn_md_tagged dnnl_memory_desc_init_by_tag

DN_UNUSED static inline dnnl_status_t dn_matmul_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dn_md x, dn_md w,
                                                   dn_md b, dn_md y, dnnl_primitive_attr_t attr)
{
    dnnl_matmul_desc_t op;
    dnnl_status_t status = dnnl_matmul_desc_init(&op, x, w, b, y);
    return status ? status : dnnl_primitive_desc_create(pd, &op, attr, engine, NULL);
}

DN_UNUSED static inline dnnl_status_t dn_conv_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_alg_kind_t how,
                                                 dn_md x, dn_md w, dn_md b, dn_md y, const dnnl_dim_t *stride,
                                                 const dnnl_dim_t *dilates, const dnnl_dim_t *before,
                                                 const dnnl_dim_t *after, dnnl_primitive_attr_t attr)
{
    dnnl_convolution_desc_t op;
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(&op, dnnl_forward_training, how, x, w, b, y,
                                                                      stride, dilates, before, after);
    return status ? status : dnnl_primitive_desc_create(pd, &op, attr, engine, NULL);
}

DN_UNUSED static inline dnnl_status_t dn_conv_grad_input_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                                            dnnl_alg_kind_t how, dn_md dx, dn_md w, dn_md dy,
                                                            const dnnl_dim_t *stride, const dnnl_dim_t *dilates,
                                                            const dnnl_dim_t *before, const dnnl_dim_t *after,
                                                            const_dnnl_primitive_desc_t forward,
                                                            dnnl_primitive_attr_t attr)
{
    dnnl_convolution_desc_t op;
    dnnl_status_t status =
        dnnl_dilated_convolution_backward_data_desc_init(&op, how, dx, w, dy, stride, dilates, before, after);
    return status ? status : dnnl_primitive_desc_create(pd, &op, attr, engine, forward);
}

DN_UNUSED static inline dnnl_status_t dn_conv_grad_weight_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine,
                                                             dnnl_alg_kind_t how, dn_md x, dn_md dw, dn_md db, dn_md dy,
                                                             const dnnl_dim_t *stride, const dnnl_dim_t *dilates,
                                                             const dnnl_dim_t *before, const dnnl_dim_t *after,
                                                             const_dnnl_primitive_desc_t forward,
                                                             dnnl_primitive_attr_t attr)
{
    dnnl_convolution_desc_t op;
    dnnl_status_t status =
        dnnl_dilated_convolution_backward_weights_desc_init(&op, how, x, dw, db, dy, stride, dilates, before, after);
    return status ? status : dnnl_primitive_desc_create(pd, &op, attr, engine, forward);
}

#else

typedef const_dnnl_memory_desc_t dn_md;
typedef dnnl_memory_desc_t dn_own_md;

DN_UNUSED static inline dn_md dn_md_of(const dn_own_md *own)
{
    return *own;
}
DN_UNUSED static inline void dn_md_release(dn_own_md *own)
{
    if (*own) dnnl_memory_desc_destroy(*own);
    *own = NULL;
}
#define dn_md_copy dnnl_memory_desc_clone
#define dn_md_strided dnnl_memory_desc_create_with_strides
#define dn_md_tagged dnnl_memory_desc_create_with_tag

#define dn_matmul_pd dnnl_matmul_primitive_desc_create
#define dn_conv_pd(pd, engine, ...) \
    dnnl_convolution_forward_primitive_desc_create(pd, engine, dnnl_forward_training, __VA_ARGS__)
#define dn_conv_grad_input_pd dnnl_convolution_backward_data_primitive_desc_create
#define dn_conv_grad_weight_pd dnnl_convolution_backward_weights_primitive_desc_create

#endif

/* Attributes of every primitive: scratch memory comes from us, f32 stays f32, results repeat. */
DN_UNUSED static inline dnnl_status_t dn_attr_create(dnnl_primitive_attr_t *attr)
{
    dnnl_status_t status = dnnl_primitive_attr_create(attr);
    if (status) return status;
    status = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
    if (!status) status = dnnl_primitive_attr_set_fpmath_mode(*attr, dnnl_fpmath_mode_strict);
#if DNNL_VERSION_MAJOR > 3 || (DNNL_VERSION_MAJOR == 3 && DNNL_VERSION_MINOR >= 5)
    if (!status) status = dnnl_primitive_attr_set_deterministic(*attr, 1);
#endif
    if (status) dnnl_primitive_attr_destroy(*attr);
    return status;
}

#endif
