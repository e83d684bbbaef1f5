/* SPDX-License-Identifier: Apache-2.0
 *
 * The sound vendor as it will be: compiled with the headers of a made-up 1.1 (abi.sh), whose structs are larger. It also
 * offers a new version of a known operator, an operator and an extension that no core knows yet, and it relies on the
 * rule that whoever knows less leaves alone what it does not know. */
#include "vendor.h"

TN_STATIC_ASSERT(TN_ABI_MINOR == 1, "future.c wants the headers of 1.1");
NOTE;

enum { KNOWN = sizeof vendor_kernels / sizeof *vendor_kernels };

static tn_kernel kernels[KNOWN + 2];

static void extra(void)
{
    abort(); /* no core of today can call it */
}

static const void *get_extension(const char *name, uint32_t version)
{
    static const uint64_t struct_size = sizeof struct_size;
    if (strcmp(name, "tenon.future") == 0) return &struct_size;
    return vendor_get_extension(name, version);
}

QUERY
{
    kernels[0] = vendor_kernels[VENDOR_RELU]; /* first the new, then the old */
    kernels[0].schema = "relu/2(x:T[...]; slope:f64) -> y:T[...]";
    kernels[1] = vendor_kernels[VENDOR_RELU];
    kernels[1].schema = TN_SCHEMA(erfc);
    memcpy(kernels + 2, vendor_kernels, sizeof vendor_kernels);
    vendor.kernels = kernels;
    vendor.n_kernels = KNOWN + 2;
    vendor.get_extension = get_extension;
    vendor.extra = extra;
    return vendor_query(host, plugin, error);
}
