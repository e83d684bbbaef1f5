/* SPDX-License-Identifier: Apache-2.0
 *
 * AMD's GPUs as the kernel lists them. HIP's runtime ends the process by its first call where it finds a GPU that a
 * loaded file has no code for (ROCm/legacy-rocm-build#1623), so that must be known before it is asked anything. */
#ifndef TENON_HIP_TOPOLOGY_H
#define TENON_HIP_TOPOLOGY_H

#include <stddef.h>

/* A GPU listed in a folder like /sys/class/kfd/kfd/topology/nodes whose architecture is not among `architectures`
 * ("gfx90a,gfx1030"): 1, and its name is in text. 0: there is none, or the kernel does not tell. */
int hip_uncovered(const char *nodes, const char *architectures, char *text, size_t size);

#endif
