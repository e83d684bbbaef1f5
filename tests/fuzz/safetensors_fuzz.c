/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer on the safetensors parser: whatever it accepts must lie within the file. */
#include <stdlib.h>

#include "data/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void touch(const uint8_t *bytes, size_t size, const tn_safetensors_entry *entry)
{
    volatile uint8_t sum = 0;
    if (!entry->name || !tn__safetensors_dtype_name(entry->dtype) || entry->rank < 0 || entry->rank > TN_MAX_RANK ||
        entry->begin > entry->end || entry->end > size)
        abort();
    uint64_t elements = 1;
    for (int i = 0; i < entry->rank; i++) elements *= (uint64_t)entry->dims[i];
    if (elements * tn_dtype_size(entry->dtype) != entry->end - entry->begin) abort();
    for (uint64_t i = entry->begin; i < entry->end; i++) sum = (uint8_t)(sum + bytes[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    tn_error error = {.struct_size = sizeof error};
    tn_safetensors_index index;
    if (tn__safetensors_parse(bytes, size, &index, &error) == TN_OK)
        for (int i = 0; i < index.n_entries; i++) touch(bytes, size, &index.entries[i]);
    else if (index.n_entries != 0 || error.message[0] == '\0')
        abort();
    tn__safetensors_release(&index);
    return 0;
}
