/* SPDX-License-Identifier: Apache-2.0
 *
 * The host as the plugin sees it: the core's own functions. */
#include "parts.h"

static void host_log(uint32_t level, const char *message)
{
    tn_host()->log(level, message);
}

static void *host_alloc(uint64_t bytes, uint64_t alignment)
{
    return tn_host()->alloc(bytes, alignment);
}

static void host_free(void *memory)
{
    tn_host()->free(memory);
}

static void host_parallel_for(int64_t n, int64_t grain, void (*body)(void *arg, int64_t begin, int64_t end), void *arg)
{
    tn_host()->parallel_for(n, grain, body, arg);
}

static uint64_t host_thread_count(void)
{
    return tn_host()->thread_count();
}

static const void *host_extension(const char *name, uint32_t version)
{
    return tn_host()->get_extension(name, version);
}

const tn_host_api conform_host = {
    .struct_size = sizeof conform_host,
    .abi_major = TN_ABI_MAJOR,
    .abi_minor = TN_ABI_MINOR,
    .log = host_log,
    .alloc = host_alloc,
    .free = host_free,
    .parallel_for = host_parallel_for,
    .thread_count = host_thread_count,
    .get_extension = host_extension,
};
