/* SPDX-License-Identifier: Apache-2.0
 *
 * Throws as soon as it is loaded. */
#include "tenon_abi.h"

#include <stdexcept>

struct thrower {
    thrower()
    {
        throw std::runtime_error("nobody can catch this");
    }
};
static thrower at_once;

extern "C" TN_EXPORT tn_status tn_plugin_query_v1(const tn_host_api *, const tn_plugin **, tn_error *)
{
    return TN_OK;
}
