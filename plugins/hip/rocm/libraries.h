/* SPDX-License-Identifier: Apache-2.0
 *
 * Places of AMD's libraries in the plugin's table. */
#ifndef TENON_ROCM_LIBRARIES_H
#define TENON_ROCM_LIBRARIES_H

enum { ROCM_BLAS, ROCM_DNN };

#endif
