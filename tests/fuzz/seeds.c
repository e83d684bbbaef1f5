/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes what the fuzzers start from: seeds FOLDER makes FOLDER/idx and FOLDER/safetensors. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#define BYTES(...) (const char[]){__VA_ARGS__}, sizeof((const char[]){__VA_ARGS__})

/* clang-format off */
static const struct { const char *name; const char *bytes; size_t size; } idx_seeds[] = {
    {"labels", BYTES(0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1)},
    {"images", BYTES(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4)},
    {"empty",  BYTES(0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 28)},
    {"floats", BYTES(0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0)},
};
static const struct { const char *name, *header; int data_bytes; } safetensors_seeds[] = {
    {"none",     "{}", 0},
    {"one",      "{\"w\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}}", 8},
    {"scalar",   "{\"step\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]}}  ", 8},
    {"two",      "{\"__metadata__\":{\"format\":\"pt\"},"
                 "\"a\":{\"dtype\":\"BOOL\",\"shape\":[1],\"data_offsets\":[0,1]},"
                 "\"b\":{\"dtype\":\"U8\",\"shape\":[0,3],\"data_offsets\":[1,1]}}", 1},
    {"overlap",  "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                 "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}", 3},
};
/* clang-format on */

static FILE *create(const char *folder, const char *kind, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, kind);
    if (mkdir(path, 0777) != 0 && errno != EEXIST) perror(path);
    snprintf(path, sizeof path, "%s/%s/%s", folder, kind, name);
    FILE *file = fopen(path, "wb");
    if (file) return file;
    perror(path);
    exit(1);
}

static void write_idx(const char *folder)
{
    for (size_t i = 0; i < sizeof idx_seeds / sizeof *idx_seeds; i++) {
        FILE *file = create(folder, "idx", idx_seeds[i].name);
        fwrite(idx_seeds[i].bytes, 1, idx_seeds[i].size, file);
        fclose(file);
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/idx/gzipped", folder);
    gzFile packed = gzopen(path, "wb");
    if (!packed || gzwrite(packed, idx_seeds[1].bytes, (unsigned)idx_seeds[1].size) <= 0) exit(1);
    gzclose(packed);
}

static void write_safetensors(const char *folder)
{
    for (size_t i = 0; i < sizeof safetensors_seeds / sizeof *safetensors_seeds; i++) {
        const char *header = safetensors_seeds[i].header;
        FILE *file = create(folder, "safetensors", safetensors_seeds[i].name);
        for (int shift = 0; shift < 64; shift += 8) fputc((int)((uint64_t)strlen(header) >> shift & 255), file);
        fputs(header, file);
        for (int k = 0; k < safetensors_seeds[i].data_bytes; k++) fputc(k & 1, file);
        fclose(file);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2 || (mkdir(argv[1], 0777) != 0 && errno != EEXIST)) return 2;
    write_idx(argv[1]);
    write_safetensors(argv[1]);
    return 0;
}
