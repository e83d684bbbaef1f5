/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences: what a oneDNN status means, which dtypes an operator takes, which index is out of range. */
#include "index.h"

#include <string.h>

tn_status dn_status(dnnl_status_t status, const char *op, const char *call, tn_error *error)
{
    if (status == dnnl_success) return TN_OK;
    tn_status kind = status == dnnl_out_of_memory   ? TN_OUT_OF_MEMORY
                     : status == dnnl_unimplemented ? TN_UNSUPPORTED
                                                    : TN_INTERNAL;
    return tn_fail(error, kind, (int64_t)status, "%s: oneDNN's %s returned \"%s\" (%d)", op, call,
                   dnnl_status2str(status), (int)status);
}

const char *dn_dtype_name(tn_dtype dtype)
{
    static const char *const names[] = {"?", "f32", "f64", "i64", "i32", "u8", "bool", "bf16", "f16"};
    return names[dtype < sizeof names / sizeof *names ? dtype : 0];
}

/* "f32, f64 or i64" */
static void list_dtypes(uint32_t set, char *to, size_t size)
{
    size_t used = 0;
    to[0] = '\0';
    for (tn_dtype dtype = TN_F32; dtype <= TN_F16; dtype++) {
        if (!(set & DN_BIT(dtype))) continue;
        uint32_t after = set >> dtype >> 1;
        const char *comma = !used ? "" : after ? ", " : " or ";
        used += (size_t)snprintf(to + used, size - used, "%s%s", comma, dn_dtype_name(dtype));
    }
}

tn_status dn_dtype_in(const tn_op_desc *desc, tn_dtype dtype, uint32_t allowed, tn_error *error)
{
    if (dtype < 32 && (allowed & DN_BIT(dtype))) return TN_OK;
    char list[80];
    list_dtypes(allowed, list, sizeof list);
    return tn_fail(error, TN_UNSUPPORTED, 0, "%s: this plugin takes %s, not %s", desc->name, list,
                   dn_dtype_name(dtype));
}

tn_status dn_check_index(const char *input, const int64_t *index, int64_t n, int64_t stride, int64_t limit,
                         const char *things, tn_error *error)
{
    for (int64_t i = 0; i < n; i++)
        if (index[i * stride] < 0 || index[i * stride] >= limit)
            return tn_fail(error, TN_INVALID, 0, "%s[%lld] is %lld, but there are %lld %s, counted from 0", input,
                           (long long)i, (long long)index[i * stride], (long long)limit, things);
    return TN_OK;
}
