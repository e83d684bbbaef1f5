/* SPDX-License-Identifier: Apache-2.0
 *
 * IDX files: what is well formed is read, raw or gzipped; whatever is wrong is told in a sentence with its values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "data/idx.h"
#include "tenon.h"

static char folder[] = "/tmp/tenon-idx-XXXXXX";
static char path[sizeof folder + 8];

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static void write_raw(const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void write_gzip(const void *bytes, size_t n)
{
    gzFile file = gzopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)n), (int)n);
    assert_int_equal(gzclose(file), Z_OK);
}

static size_t read_back(uint8_t *bytes, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(bytes, 1, capacity, file);
    fclose(file);
    return n;
}

/* ---- what is malformed */

typedef struct malformed {
    const char *what;
    const uint8_t *bytes;
    size_t size;
    tn_status status;
    const char *phrase;
} malformed;

static const uint8_t mnist_header[100] = {0, 0, 8, 3, 0, 0, 0xEA, 0x60, 0, 0, 0, 28, 0, 0, 0, 28};
static const uint8_t none[1];

/* clang-format off */
static const malformed cases[] = {
    {"empty", none, 0,
     TN_CORRUPT, "truncated: an IDX header needs 4 bytes, it has 0"},
    {"three bytes", BYTES(0, 0, 8),
     TN_CORRUPT, "truncated: an IDX header needs 4 bytes, it has 3"},
    {"half a header", BYTES(0, 0, 8, 3, 0, 0, 0, 1),
     TN_CORRUPT, "truncated: an IDX header of 3 dims needs 16 bytes, it has 8"},
    {"no data", mnist_header, sizeof mnist_header,
     TN_CORRUPT, "truncated: its header says [60000, 28, 28] and needs 47040016 bytes, it has 100"},
    {"one byte short", BYTES(0, 0, 8, 1, 0, 0, 0, 3, 1, 2),
     TN_CORRUPT, "[3] and needs 11 bytes, it has 10"},
    {"over-long", BYTES(0, 0, 8, 1, 0, 0, 0, 1, 1, 2),
     TN_CORRUPT, "over-long: bytes follow the 9 that its header [1] asks for"},
    {"a web page", BYTES('<', 'h', 't', 'm', 'l', '>'),
     TN_CORRUPT, "wrong magic: it starts with 3c 68 74 6d, an IDX file of bytes with 00 00 08"},
    {"floats", BYTES(0, 0, 0x0D, 1, 0, 0, 0, 1, 0, 0, 0, 0),
     TN_UNSUPPORTED, "type code 0x0d (f32); only 0x08 (u8) is read"},
    {"unknown type", BYTES(0, 0, 0x77, 1, 0, 0, 0, 1, 0),
     TN_UNSUPPORTED, "type code 0x77 (unknown)"},
    {"rank 0", BYTES(0, 0, 8, 0, 7),
     TN_UNSUPPORTED, "it has 0 dims; 1 to 8 are read"},
    {"rank 255", BYTES(0, 0, 8, 255, 0, 0, 0, 1, 1),
     TN_UNSUPPORTED, "it has 255 dims; 1 to 8 are read"},
    {"2^96 bytes", BYTES(0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255),
     TN_CORRUPT, "absurd dims [4294967295, 4294967295, 4294967295]"},
    {"almost 2^63 bytes", BYTES(0, 0, 8, 2, 255, 255, 255, 255, 0x7F, 255, 255, 255),
     TN_CORRUPT, "needs 9223372030412324877 bytes, it has 12"},
};
/* clang-format on */

static void check_message(const malformed *c, tn_status status, const tn_error *error)
{
    if (status != c->status || !strstr(error->message, c->phrase))
        fail_msg("%s: got \"%s\" (%d), expected \"%s\" (%d)", c->what, error->message, status, c->phrase, c->status);
    assert_int_equal(error->status, status);
}

static void malformed_bytes_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tn_error error = {.struct_size = sizeof error};
        tn__idx idx;
        check_message(&cases[i], tn__idx_parse(cases[i].bytes, cases[i].size, "x", &idx, &error), &error);
        assert_int_equal(strncmp(error.message, "x: ", 3), 0);
    }
}

static void malformed_files_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tn_error error = {.struct_size = sizeof error};
        tn__idx idx;
        uint8_t *bytes;
        write_raw(cases[i].bytes, cases[i].size);
        check_message(&cases[i], tn__idx_load(path, &idx, &bytes, &error), &error);
        assert_null(bytes);
        assert_int_equal(strncmp(error.message, path, strlen(path)), 0);
    }
}

static void gzipped_malformed_files_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tn_error error = {.struct_size = sizeof error};
        tn__idx idx;
        uint8_t *bytes;
        write_gzip(cases[i].bytes, cases[i].size);
        tn_status status = tn__idx_load(path, &idx, &bytes, &error);
        assert_int_equal(status, cases[i].status);
        assert_null(bytes);
    }
}

/* ---- gzip */

/* 3 x 100 bytes, most of them different. */
enum { SAMPLE_HEADER = 12, SAMPLE_BYTES = SAMPLE_HEADER + 300 };
static void make_sample(uint8_t bytes[SAMPLE_BYTES])
{
    memcpy(bytes, (const uint8_t[]){0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 100}, SAMPLE_HEADER);
    for (int i = 0; i < 300; i++) bytes[SAMPLE_HEADER + i] = (uint8_t)(i * i);
}

static void expect_refusal(tn_status expected, const char *phrase)
{
    tn_error error = {.struct_size = sizeof error};
    tn__idx idx;
    uint8_t *bytes;
    check_message(&(malformed){.what = phrase, .status = expected, .phrase = phrase},
                  tn__idx_load(path, &idx, &bytes, &error), &error);
    assert_null(bytes);
}

static void every_truncation_of_a_gzip_file_is_refused(void **state)
{
    uint8_t sample[SAMPLE_BYTES], packed[2 * SAMPLE_BYTES];
    (void)state;
    make_sample(sample);
    write_gzip(sample, sizeof sample);
    size_t n = read_back(packed, sizeof packed);
    for (size_t cut = 3; cut < n; cut++) {
        write_raw(packed, cut);
        expect_refusal(TN_CORRUPT, "");
    }
    write_raw(packed, n - 4);
    expect_refusal(TN_CORRUPT, "corrupt gzip");
}

static void a_wrong_checksum_is_refused(void **state)
{
    uint8_t sample[SAMPLE_BYTES], packed[2 * SAMPLE_BYTES];
    (void)state;
    make_sample(sample);
    write_gzip(sample, sizeof sample);
    size_t n = read_back(packed, sizeof packed);
    packed[n - 6] ^= 1; /* the CRC is in bytes n - 8 to n - 5 */
    write_raw(packed, n);
    expect_refusal(TN_CORRUPT, "corrupt gzip: incorrect data check");
}

/* 64 MB of zeros in 64 KB, behind a header that asks for 4 bytes: read up to the fifth, not to the end. */
static void a_gzip_bomb_is_refused(void **state)
{
    uint8_t *bomb = calloc(1, 64 << 20);
    (void)state;
    assert_non_null(bomb);
    memcpy(bomb, (const uint8_t[]){0, 0, 8, 1, 0, 0, 0, 4}, 8);
    write_gzip(bomb, 64 << 20);
    free(bomb);
    expect_refusal(TN_CORRUPT, "over-long: bytes follow the 12 that its header [4] asks for");
}

/* A small file cannot make us allocate what its header asks for. */
static void a_header_beyond_what_gzip_can_hold_is_refused(void **state)
{
    (void)state;
    write_gzip(mnist_header, sizeof mnist_header);
    expect_refusal(TN_CORRUPT, "needs 47040016 bytes");
}

static void raw_and_gzipped_files_read_the_same(void **state)
{
    uint8_t sample[SAMPLE_BYTES];
    (void)state;
    make_sample(sample);
    for (int gzipped = 0; gzipped < 2; gzipped++) {
        tn_error error = {.struct_size = sizeof error};
        tn__idx idx;
        uint8_t *bytes;
        if (gzipped)
            write_gzip(sample, sizeof sample);
        else
            write_raw(sample, sizeof sample);
        assert_int_equal(tn__idx_load(path, &idx, &bytes, &error), TN_OK);
        assert_int_equal(idx.rank, 2);
        assert_int_equal(idx.dims[0], 3);
        assert_int_equal(idx.dims[1], 100);
        assert_int_equal(idx.data_bytes, 300);
        assert_memory_equal(idx.data, sample + SAMPLE_HEADER, 300);
        free(bytes);
    }
}

/* ---- tensors */

static void a_file_becomes_a_tensor(void **state)
{
    uint8_t sample[SAMPLE_BYTES], values[300];
    (void)state;
    make_sample(sample);
    write_gzip(sample, sizeof sample);
    tn_context *tn = tn_open("reference");
    tn_tensor *x = tn_idx_read(tn, path);
    assert_int_equal(tn_dtype_of(x), TN_U8);
    assert_int_equal(tn_rank(x), 2);
    assert_int_equal(tn_read(x, values, sizeof values), TN_OK);
    assert_memory_equal(values, sample + SAMPLE_HEADER, sizeof values);
    assert_int_equal(tn_close(tn), 0);
}

static void empty_arrays_are_tensors_too(void **state)
{
    (void)state;
    write_raw(BYTES(0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 28));
    tn_context *tn = tn_open("reference");
    tn_tensor *x = tn_idx_read(tn, path);
    assert_int_equal(tn_rank(x), 3);
    assert_int_equal(tn_numel(x), 0);
    assert_int_equal(tn_close(tn), 0);
}

static void what_cannot_be_opened_is_named(void **state)
{
    (void)state;
    tn_context *tn = tn_open("reference");
    assert_true(tn_is_nil(tn_idx_read(tn, "/no/such/file")));
    assert_int_equal(tn_check(tn), TN_NOT_FOUND);
    assert_string_equal(tn_message(tn), "/no/such/file: cannot be opened: No such file or directory");
    tn_clear(tn);
    assert_true(tn_is_nil(tn_idx_read(tn, folder)));
    assert_int_equal(tn_check(tn), TN_IO);
    assert_non_null(strstr(tn_message(tn), "is no regular file"));
    tn_clear(tn);
    assert_int_equal(tn_close(tn), 0);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_bytes_are_refused),
        cmocka_unit_test(malformed_files_are_refused),
        cmocka_unit_test(gzipped_malformed_files_are_refused),
        cmocka_unit_test(every_truncation_of_a_gzip_file_is_refused),
        cmocka_unit_test(a_wrong_checksum_is_refused),
        cmocka_unit_test(a_gzip_bomb_is_refused),
        cmocka_unit_test(a_header_beyond_what_gzip_can_hold_is_refused),
        cmocka_unit_test(raw_and_gzipped_files_read_the_same),
        cmocka_unit_test(a_file_becomes_a_tensor),
        cmocka_unit_test(empty_arrays_are_tensors_too),
        cmocka_unit_test(what_cannot_be_opened_is_named),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
