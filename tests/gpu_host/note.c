/* SPDX-License-Identifier: Apache-2.0
 *
 * The plugin's note. */
#include "tenon_abi.h"

TN_PLUGIN_NOTE(TN_PLUGIN_NAME, TN_PLUGIN_VERSION, TN_PLUGIN_VENDOR, "", "");
