/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets the locale. */
#include "vendor.h"

#include <locale.h>

NOTE;

QUERY
{
    setlocale(LC_NUMERIC, "C.UTF-8");
    return vendor_query(host, plugin, error);
}
