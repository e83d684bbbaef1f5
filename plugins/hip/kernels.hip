/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernels of plugins/gpu, compiled for AMD's GPUs. */
#include "runtime/unit.h"
