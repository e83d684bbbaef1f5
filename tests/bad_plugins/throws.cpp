/* SPDX-License-Identifier: Apache-2.0
 *
 * Lets an exception out of query. */
#include "tenon_abi.h"

#include <stdexcept>

extern "C" TN_EXPORT tn_status tn_plugin_query_v1(const tn_host_api *, const tn_plugin **, tn_error *)
{
    throw std::runtime_error("nobody catches this");
}
