/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer on the IDX parser, and on its way through a file, where gzip comes in. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Touches all of the data, so that a range beyond the input is noticed. */
static void touch(const tn__idx *idx)
{
    volatile uint8_t sum = 0;
    for (uint64_t i = 0; i < idx->data_bytes; i++) sum = (uint8_t)(sum + idx->data[i]);
}

static void load(const uint8_t *bytes, size_t size)
{
    char path[32];
    tn__idx idx;
    uint8_t *content;
    int fd = memfd_create("idx", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (tn__idx_load(path, &idx, &content, NULL) == TN_OK) {
        touch(&idx);
        free(content);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    tn_error error = {.struct_size = sizeof error};
    tn__idx idx;
    if (tn__idx_parse(bytes, size, "input", &idx, &error) == TN_OK) touch(&idx);
    load(bytes, size);
    return 0;
}
